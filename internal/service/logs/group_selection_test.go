package logs

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

func TestGroupSelectionLeavesOutTheNamedGroups(t *testing.T) {
	for text, want := range map[string][]string{
		`LogGroupName NOT IN ["a"]`:                                         {"a"},
		" LogGroupName\tNOT\nIN[ \"/aws/x\" ,\r\"b\",\"a.B_c-#1\",\"b\" ] ": {"/aws/x", "a.B_c-#1", "b"},
	} {
		got, err := parseGroupSelection(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if names := slices.Sorted(maps.Keys(got)); !slices.Equal(names, want) {
			t.Errorf("%q: got %q, want %q", text, names, want)
		}
		for _, name := range want {
			if got.covers(name) {
				t.Errorf("%q covers %s", text, name)
			}
		}
		if !got.covers("other") {
			t.Errorf("%q does not cover other", text)
		}
	}
	if !groupSelection(nil).covers("a") {
		t.Error("no selection does not cover a")
	}
}

func TestGroupSelectionTakesNoOtherForm(t *testing.T) {
	const form = `they must have the form LogGroupName NOT IN ["name", "name"]`
	for text, want := range map[string]string{
		"":                              form,
		`["a"]`:                         form,
		`LogGroupName IN ["a"]`:         form,
		`LogGroupNameNOT IN ["a"]`:      form,
		`LogGroupName NOTIN ["a"]`:      form,
		`logGroupName not in ["a"]`:     form,
		`LogGroupName NOT IN`:           "'[' is expected after IN",
		`LogGroupName NOT IN ("a")`:     "'[' is expected after IN",
		`LogGroupName NOT INX ["a"]`:    "'[' is expected after IN",
		`LogGroupName NOT IN []`:        "a log group's name in double quotes is expected",
		`LogGroupName NOT IN [a]`:       "a log group's name in double quotes is expected",
		`LogGroupName NOT IN ['a']`:     "a log group's name in double quotes is expected",
		`LogGroupName NOT IN ["a",]`:    "a log group's name in double quotes is expected",
		`LogGroupName NOT IN ["a]`:      "a name has no closing quote",
		`LogGroupName NOT IN ["a*"]`:    `"a*" is not a log group's name`,
		`LogGroupName NOT IN [""]`:      `"" is not a log group's name`,
		`LogGroupName NOT IN ["a" "b"]`: "',' or ']' is expected after a name",
		`LogGroupName NOT IN ["a"`:      "',' or ']' is expected after a name",
		`LogGroupName NOT IN ["a"] AND`: "nothing may follow the list of names",
	} {
		if _, err := parseGroupSelection(text); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
	if _, err := parseGroupSelection(`LogGroupName NOT IN ["` + strings.Repeat("a", 513) + `"]`); err == nil {
		t.Error("a name of 513 characters is taken")
	}
}

// FuzzParseGroupSelection: whatever is taken has log group names only, and means
// the same when it is written down again.
func FuzzParseGroupSelection(f *testing.F) {
	for _, text := range []string{`LogGroupName NOT IN ["a","b"]`, `LogGroupName NOT IN[ "/a" ]`, `LogGroupName NOT IN ["a",]`, `LogGroupName`, `LogGroupName NOT IN ["a"] x`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parseGroupSelection(text)
		if err != nil {
			return
		}
		names := slices.Sorted(maps.Keys(got))
		if len(names) == 0 || slices.ContainsFunc(names, func(n string) bool { return !validGroupName(n) }) {
			t.Fatalf("%q: got %q", text, names)
		}
		again, err := parseGroupSelection(`LogGroupName NOT IN ["` + strings.Join(names, `","`) + `"]`)
		if err != nil || !maps.Equal(got, again) {
			t.Errorf("%q: got %v, written again %v, %v", text, got, again, err)
		}
	})
}
