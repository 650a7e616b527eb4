package main

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

// runProgram runs the program with an input and returns what it prints.
func runProgram(t *testing.T, input io.Reader, args ...string) (printed string, err error) {
	t.Helper()
	cmd := root()
	var out bytes.Buffer
	cmd.SetIn(input)
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SetArgs(args)
	err = cmd.ExecuteContext(t.Context())
	return out.String(), err
}

func TestPatternTestPrintsMatchesAndTheirFields(t *testing.T) {
	for _, c := range []struct {
		name, input string
		args        []string
		want        string
	}{
		{"terms", "an ERROR\nfine\r\n\nERROR again", []string{"ERROR"}, "an ERROR\nERROR again\n"},
		{"an empty line is no event", "a\n\r\n\nb\n", []string{""}, "a\nb\n"},
		{"a dash first", "DEBUG\nINFO\n", []string{"--", "-DEBUG"}, "INFO\n"},
		{"fields", "1.2.3.4 - 404\n1.2.3.4 - 200\n", []string{"[ip, ..., status=4*]", "-"}, "1.2.3.4 - 404\n    ip: 1.2.3.4\n    2: -\n    status: 404\n"},
		{"control characters", "a \x1b[31mred\u202e \xff\x9b\n", []string{"red"}, "a \\u001b[31mred\\u202e \uFFFD\n"},
		{"a broken byte is matched as it is shown", "a\xff\n", []string{"\"a\uFFFD\""}, "a\uFFFD\n"},
		{
			"JSON", "x\n{\"a\":\"<é>\"}\n",
			[]string{"--json", `{ $.a = "*" }`},
			`{"line":2,"message":"{\"a\":\"<é>\"}"}` + "\n",
		},
		{
			"JSON with fields", "1 \x1b\n",
			[]string{"--json", `[a,]`},
			`{"line":1,"message":"1 \u001b","extractedFields":{"2":"\u001b","a":"1"}}` + "\n",
		},
		{"the longest event", strings.Repeat("a", maxLine) + "\r\n", []string{"a"}, strings.Repeat("a", maxLine) + "\n"},
	} {
		got, err := runProgram(t, strings.NewReader(c.input), append([]string{"pattern", "test"}, c.args...)...)
		if err != nil || got != c.want {
			t.Errorf("%s: got %.300q %v, want %.300q", c.name, got, err, c.want)
		}
	}
}

func TestPatternTestPointsAtTheFault(t *testing.T) {
	for _, c := range []struct{ pattern, want string }{
		{"é: x", "invalid filter pattern: Invalid character(s) in term ':'\n  é: x\n   ^"},
		{"\tx:y", "invalid filter pattern: Invalid character(s) in term ':'\n  \tx:y\n  \t ^"},
		{"{ $.a = 1", "invalid filter pattern: If a filter pattern starts with '{' it must end with '}'\n  { $.a = 1\n           ^"},
		{"\"é\xff\"", "invalid filter pattern: The text is not valid UTF-8\n  \"é\uFFFD\"\n    ^"},
		{"\x1b", "invalid filter pattern: Invalid character(s) in term '\\u001b'\n  \\u001b\n  ^"},
	} {
		_, err := runProgram(t, strings.NewReader(""), "pattern", "test", c.pattern)
		if err == nil || err.Error() != c.want || exitStatus(err) != 2 {
			t.Errorf("%q: got %v\nwant %s", c.pattern, err, c.want)
		}
	}
}

// A brokenReader fails after some lines.
type brokenReader struct{ io.Reader }

var errBroken = errors.New("broken")

func (r brokenReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err != nil {
		err = errBroken
	}
	return n, err
}

func TestPatternTestTellsNoMatchFromTrouble(t *testing.T) {
	for _, c := range []struct {
		name   string
		input  io.Reader
		args   []string
		status int
		text   string
	}{
		{"nothing matches", strings.NewReader("a\n"), []string{"b"}, 1, "no line matches"},
		{"no input", strings.NewReader(""), []string{""}, 1, "no line matches"},
		{"no file", nil, []string{"a", "/no/such/file"}, 2, "no such file or directory"},
		{"a directory", nil, []string{"a", t.TempDir()}, 2, "is a directory"},
		{"no pattern", nil, nil, 2, "arg"},
		{"a dash first", nil, []string{"-DEBUG"}, 2, "goes after --"},
		{"input breaks", brokenReader{strings.NewReader("a\n")}, []string{"a"}, 2, "broken"},
		{"a line too long", strings.NewReader("a\n" + strings.Repeat("a", maxLine+3)), []string{"a"}, 2, "line 2 is longer than a log event may be, which is 1048576 bytes"},
	} {
		_, err := runProgram(t, c.input, append([]string{"pattern", "test"}, c.args...)...)
		if err == nil || exitStatus(err) != c.status || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: got status %d, %v; want %d, %s", c.name, exitStatus(err), err, c.status, c.text)
		}
	}
}
