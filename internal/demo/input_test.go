package demo

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestExactlyTellsEveryDifference(t *testing.T) {
	want := []string{"a", "b", "c"}
	for _, c := range []struct {
		got []string
		err string
	}{
		{[]string{"a", "b", "c"}, ""},
		{[]string{"a", "b"}, `event 3 of 3 is missing: "c"`},
		{nil, `event 1 of 3 is missing: "a"`},
		{[]string{"a", "b", "c", "c"}, `event 4 is one too many: "c"`},
		{[]string{"a", "a", "b", "c"}, `event 2 is "a", want "b"`},
		{[]string{"b", "a", "c"}, `event 1 is "b", want "a"`},
	} {
		text := ""
		if err := exactly(c.got, want); err != nil {
			text = err.Error()
		}
		if text != c.err {
			t.Errorf("%q: got %q, want %q", c.got, text, c.err)
		}
	}
}

func TestWordIsInSomeLinesAndNotInAll(t *testing.T) {
	for _, c := range []struct {
		lines []string
		want  string
	}{
		{[]string{"kernel: error", "kernel: fine", "kernel: error", "kernel: x"}, "error"},
		{[]string{"alpha beta", "beta gamma", "delta", "delta"}, "beta"}, // of equals the first
		{[]string{"same words", "same words"}, ""},
		{[]string{"a bb ccc", "1234 5678"}, ""}, // nothing long enough
		{[]string{"größer", "kleiner sache", "x", "y"}, "kleiner"},
		{nil, ""},
	} {
		if got := wordOf(c.lines); got != c.want {
			t.Errorf("%q: got %q, want %q", c.lines, got, c.want)
		}
	}
}

func TestLinesAreReadAsTheyAreAndBounded(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	mixed := write("mixed", "one\r\n\n  \ntwo \xff\n"+strings.Repeat("ü", maxLineLength)+"\nlast without end")
	got, source, err := readLines(mixed, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"one", "two \uFFFD", strings.Repeat("ü", maxLineLength/2), "last without end"}
	if diff := cmp.Diff(want, got); diff != "" || source != mixed {
		t.Errorf("from %s (-want +got):\n%s", source, diff)
	}
	if got, source, err := readLines("-", strings.NewReader("a\nb\n")); err != nil || !slices.Equal(got, []string{"a", "b"}) || source != "standard input" {
		t.Errorf("standard input: got %q from %s, %v", got, source, err)
	}
	many := write("many", strings.Repeat("line\n", maxLines+10))
	if got, _, err := readLines(many, nil); err != nil || len(got) != maxLines {
		t.Errorf("got %d lines, %v; want %d", len(got), err, maxLines)
	}
	for name, path := range map[string]string{"absent": dir + "/none", "directory": dir, "line too long": write("long", strings.Repeat("x", 2<<20)), "empty": write("empty", "\n \n")} {
		if got, _, err := readLines(path, nil); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got %d lines, %v; want an error that names the file", name, len(got), err)
		}
	}
}

func TestMachineLogsAreTextFilesOnly(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"a.log": "a1\na2\n", "sub/b.log": strings.Repeat("b\n", maxPerFile+5), "wtmp": "x\x00y\n", "empty": ""} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	lines, source, err := machineLogs(dir)
	if err != nil || len(lines) != 2+maxPerFile || lines[0] != "a1" || source != fmt.Sprintf("2 files under %s", dir) {
		t.Errorf("got %d lines from %s, %v; want %d from 2 files", len(lines), source, err, 2+maxPerFile)
	}
	if _, _, err := machineLogs(t.TempDir()); err == nil {
		t.Error("a directory without logs: got no error")
	}
}

func TestTrailMarksEveryThirdEventAsRoots(t *testing.T) {
	events, roots := trail(7)
	if len(events) != 7 || !slices.Equal(roots, []string{events[0], events[3], events[6]}) {
		t.Errorf("got %d events and roots %q", len(events), roots)
	}
	if slices.Equal(events[:3], events[3:6]) {
		t.Error("events are the same: an event that comes twice would not be seen")
	}
}
