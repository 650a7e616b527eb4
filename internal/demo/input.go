package demo

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	maxLines      = 5000 // of all input
	maxPerFile    = 500  // of one of the machine's own logs
	maxLineLength = 8 << 10
)

// readLines returns the lines of a file, of standard input for "-", or without a
// name of the machine's own logs, and says where they come from.
func readLines(name string, stdin io.Reader) (lines []string, source string, err error) {
	from := stdin
	switch name {
	case "":
		return machineLogs("/var/log")
	case "-":
		name = "standard input"
	default:
		f, err := os.Open(name)
		if err != nil {
			return nil, "", err
		}
		defer func() { _ = f.Close() }() // only read
		from = f
	}
	if lines, err = scanLines(from, maxLines); err == nil && len(lines) == 0 {
		err = errors.New("there is no line of text in it")
	}
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", name, err)
	}
	return lines, name, nil
}

// machineLogs reads the text files below dir; what may not be read or is not
// text is passed over.
func machineLogs(dir string) (lines []string, source string, err error) {
	files := 0
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || len(lines) >= maxLines {
			return nil // passed over
		}
		if more := textLines(path); len(more) > 0 {
			lines, files = append(lines, more...), files+1
		}
		return nil
	})
	if err == nil && len(lines) == 0 {
		err = errors.New("no text in the machine's logs under " + dir + "; give a file with --input")
	}
	return lines[:min(len(lines), maxLines)], fmt.Sprintf("%d files under %s", files, dir), err
}

// textLines are the first lines of a file, none if it cannot be read or is not
// text.
func textLines(path string) []string {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }() // only read
	r := bufio.NewReader(f)
	if head, _ := r.Peek(4096); bytes.IndexByte(head, 0) >= 0 { // an error is that of the end
		return nil
	}
	lines, err := scanLines(r, maxPerFile)
	if err != nil {
		return nil
	}
	return lines
}

// scanLines reads at most limit lines that have text in them.
func scanLines(r io.Reader, limit int) ([]string, error) {
	var lines []string
	s := bufio.NewScanner(r)
	s.Buffer(nil, 1<<20)
	for len(lines) < limit && s.Scan() {
		line := strings.ToValidUTF8(s.Text(), "\uFFFD")
		if len(line) > maxLineLength {
			line = strings.ToValidUTF8(line[:maxLineLength], "")
		}
		if strings.TrimSpace(line) != "" {
			lines = append(lines, line)
		}
	}
	return lines, s.Err()
}

// wordOf is a word that some of the lines hold and others do not: the commonest
// that is in at most half of them. It is "" when there is no such word, and then
// the pattern "" takes every line.
func wordOf(lines []string) string {
	count := map[string]int{}
	for _, line := range lines {
		seen := map[string]bool{}
		for _, w := range strings.FieldsFunc(line, func(r rune) bool { return r == '_' || r >= utf8.RuneSelf || !letter(r) }) {
			if len(w) >= 4 && !seen[w] {
				seen[w] = true
				count[w]++
			}
		}
	}
	word, most := "", 0
	for _, w := range slices.Sorted(maps.Keys(count)) {
		if n := count[w]; n > most && n <= len(lines)/2 {
			word, most = w, n
		}
	}
	return word
}

func letter(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }

// trail makes n events shaped like CloudTrail's; every third is by a root user.
func trail(n int) (events []string, roots []string) {
	kinds := []string{"Root", "IAMUser", "AssumedRole"}
	for i := range n {
		kind := kinds[i%len(kinds)]
		text, err := json.Marshal(map[string]any{
			"eventVersion": "1.08",
			"userIdentity": map[string]any{"type": kind, "accountId": Sender},
			"eventName":    []string{"ConsoleLogin", "CreateUser", "StopLogging"}[i/3%3],
			"eventID":      fmt.Sprintf("event-%03d", i),
		})
		if err != nil {
			panic("demo: " + err.Error()) // strings and maps always marshal
		}
		events = append(events, string(text))
		if kind == "Root" {
			roots = append(roots, string(text))
		}
	}
	return events, roots
}
