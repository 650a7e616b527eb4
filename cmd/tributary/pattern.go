package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"tributary/internal/pure/pattern"
)

func patternCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "pattern",
		Short: "Work with filter patterns",
		Args:  cobra.NoArgs,
	}
	cmd.AddCommand(patternTestCommand())
	return cmd
}

func patternTestCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "test PATTERN [FILE]",
		Short: "Print the lines that a filter pattern matches",
		Long: `Print the lines of FILE, or of the standard input, that a filter pattern matches.
Each line is one log event; empty lines are none. No server is asked: a
subscription filter with the pattern decides the same.

Below a line stand the fields that a space-delimited pattern takes out of it, under
the names that they have in a delivered record. Control characters are printed
escaped, bytes that are not UTF-8 as U+FFFD, which is also how they are matched.

A pattern that begins with a dash is written after two dashes.

The exit status is 0 when a line matched, 1 when none did, 2 when the pattern is
not one or the input cannot be read.`,
		Example: `  tributary pattern test '{ $.status >= 500 }' app.log
  tributary pattern test '[ip, user, name, time, request, status=4*, bytes]' < access.log
  tributary pattern test -- '-DEBUG -TRACE' app.log`,
		Args: troubleArgs(cobra.RangeArgs(1, 2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := pattern.Parse(args[0])
			if err != nil {
				return troubleError{pointAt(args[0], err)}
			}
			in := cmd.InOrStdin()
			if len(args) == 2 && args[1] != "-" {
				f, err := os.Open(args[1])
				if err != nil {
					return troubleError{err}
				}
				defer func() { _ = f.Close() }() // only read
				in = f
			}
			t := patternTest{pattern: p, out: bufio.NewWriter(cmd.OutOrStdout()), asJSON: asJSON}
			matched, err := t.run(in)
			if err = errors.Join(err, t.out.Flush()); err != nil {
				return troubleError{err}
			}
			if matched == 0 {
				return errors.New("no line matches")
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print each match as a JSON object: line, message, extractedFields")
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		return troubleError{fmt.Errorf("%w (a pattern that begins with a dash goes after --)", err)}
	})
	return cmd
}

// A troubleError is what went wrong in a command whose exit status 1 is an answer.
type troubleError struct{ error }

func (e troubleError) Unwrap() error { return e.error }

// exitStatus is what the program ends with after an error.
func exitStatus(err error) int {
	if errors.As(err, new(troubleError)) {
		return 2
	}
	return 1
}

func troubleArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return troubleError{err}
		}
		return nil
	}
}

// pointAt is the error of a pattern's parser with the pattern and a caret under
// the fault.
func pointAt(text string, err error) error {
	e, ok := errors.AsType[*pattern.SyntaxError](err)
	if !ok {
		return err
	}
	shown := func(s string) string { return visible(strings.ToValidUTF8(s, "\uFFFD")) }
	indent := strings.Map(func(r rune) rune {
		if r == '\t' {
			return r // as wide as the one above
		}
		return ' '
	}, shown(text[:min(e.Pos, len(text))]))
	return fmt.Errorf("invalid filter pattern: %s\n  %s\n  %s^", shown(e.Msg), shown(text), indent)
}

// maxLine is how long a log event may be.
const maxLine = 1 << 20

// A patternTest applies a pattern to lines.
type patternTest struct {
	pattern *pattern.Pattern
	out     *bufio.Writer
	asJSON  bool
}

// run prints the matching lines of in and returns how many there were.
func (t *patternTest) run(in io.Reader) (matched int, err error) {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxLine+len("\r\n"))
	var fields []pattern.Field
	number := 0
	for lines.Scan() {
		number++
		line := strings.ToValidUTF8(lines.Text(), "\uFFFD")
		if line == "" {
			continue
		}
		var ok bool
		if fields, ok = t.pattern.ExtractText(line, fields[:0]); !ok {
			continue
		}
		matched++
		if err := t.print(number, line, fields); err != nil {
			return matched, err
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return matched, fmt.Errorf("line %d is longer than a log event may be, which is %d bytes", number+1, maxLine)
	}
	return matched, lines.Err()
}

// A patternMatch is a matching line as --json prints it.
type patternMatch struct {
	Line    int               `json:"line"`
	Message string            `json:"message"`
	Fields  map[string]string `json:"extractedFields,omitempty"`
}

func (t *patternTest) print(number int, line string, fields []pattern.Field) error {
	if t.asJSON {
		m := patternMatch{Line: number, Message: line, Fields: map[string]string{}}
		for _, f := range fields {
			m.Fields[f.Name] = f.Value
		}
		e := json.NewEncoder(t.out)
		e.SetEscapeHTML(false)
		return e.Encode(m)
	}
	if _, err := fmt.Fprintln(t.out, visible(line)); err != nil {
		return err
	}
	for _, f := range fields {
		if _, err := fmt.Fprintf(t.out, "    %s: %s\n", visible(f.Name), visible(f.Value)); err != nil {
			return err
		}
	}
	return nil
}
