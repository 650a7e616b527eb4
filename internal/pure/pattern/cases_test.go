package pattern

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A conformanceCase is one case of a file of filter cases: what a pattern does with an
// event, or that it is refused.
type conformanceCase struct {
	ID                   string            `json:"id"`
	Pattern              string            `json:"pattern"`
	Event                string            `json:"event"`
	Expect               string            `json:"expect"`
	ExtractedValues      map[string]string `json:"extractedValues"`
	ErrorMessageContains string            `json:"errorMessageContains"`
	Confidence           string            `json:"confidence"`
}

// TestConformanceCases runs the shared case file and those named in PATTERN_CASES.
func TestConformanceCases(t *testing.T) {
	files := filepath.SplitList(os.Getenv("PATTERN_CASES"))
	if root := moduleRoot(t); root != "" {
		files = append(files, filepath.Join(root, "..", "shared", "cases", "filter_cases.json"))
	}
	ran := false
	for _, file := range files {
		content, err := os.ReadFile(file)
		if os.IsNotExist(err) && os.Getenv("PATTERN_CASES") == "" {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		ran = true
		t.Run(filepath.Base(file), func(t *testing.T) { runCases(t, file, content) })
	}
	if !ran {
		t.Skip("no case file: neither ../shared/cases/filter_cases.json nor PATTERN_CASES")
	}
}

func runCases(t *testing.T, file string, content []byte) {
	var cases struct {
		Cases []conformanceCase `json:"cases"`
	}
	if err := json.Unmarshal(content, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases.Cases) == 0 {
		t.Fatalf("%s holds no cases", file)
	}
	failed := 0
	for _, c := range cases.Cases {
		ok := t.Run(c.ID, func(t *testing.T) { runCase(t, c) })
		if !ok {
			failed++
		}
	}
	t.Logf("%s: %d passed, %d failed", file, len(cases.Cases)-failed, failed)
}

func runCase(t *testing.T, c conformanceCase) {
	p, err := Parse(c.Pattern)
	if c.Expect == "invalid" {
		if err == nil {
			t.Fatalf("Parse(%q) = %q, want an error", c.Pattern, p)
		}
		// What TestMetricFilter answers.
		message := "Invalid metric filter pattern: " + err.(*SyntaxError).Msg
		if !strings.Contains(message, c.ErrorMessageContains) {
			t.Errorf("Parse(%q) fails with %q, want it to hold %q", c.Pattern, message, c.ErrorMessageContains)
		}
		return
	}
	if err != nil {
		t.Fatalf("Parse(%q) fails with %q, want %s", c.Pattern, err, c.Expect)
	}
	want := c.Expect == "match"
	if got := p.MatchText(c.Event); got != want {
		t.Errorf("%q.MatchText(%q) = %t, want %t", p, c.Event, got, want)
	}
	for _, literal := range literals(c.Event) {
		if got := p.Match([]byte(literal)); got != want {
			t.Errorf("%q.Match(%s) = %t, want %t", p, literal, got, want)
		}
	}
	if c.ExtractedValues == nil {
		return
	}
	fields, _ := p.ExtractText(c.Event, nil)
	got := make(map[string]string)
	for _, f := range fields {
		got["$"+f.Name] = f.Value
	}
	if len(got) != len(c.ExtractedValues) {
		t.Errorf("%q extracts %q, want %q", p, got, c.ExtractedValues)
	}
	for name, value := range c.ExtractedValues {
		if got[name] != value {
			t.Errorf("%q extracts %s = %q, want %q", p, name, got[name], value)
		}
	}
}

// moduleRoot returns the directory of go.mod, or "" if the test runs without it.
func moduleRoot(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return ""
		}
		dir = parent
	}
}
