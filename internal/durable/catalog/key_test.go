package catalog

import (
	"cmp"
	"slices"
	"strings"
	"testing"
)

func TestKeyOrder(t *testing.T) {
	ascending := [][]string{
		{},
		{""},
		{"", ""},
		{"", "a"},
		{"\x00"},
		{"\x00", "a"},
		{"\x00\x00"},
		{"\x00\x01"},
		{"\x01"},
		{"\x01\x00"},
		{"\x02"},
		{"a"},
		{"a", ""},
		{"a", "\x00"},
		{"a", "z"},
		{"a\x00"},
		{"a\x00", "a"},
		{"a\x01"},
		{"a "},
		{"aa"},
		{"b"},
		{"Ж"},
		{"\xff"},
	}
	for i, a := range ascending {
		if got := KeyOf(a...).Parts(); !slices.Equal(got, a) {
			t.Errorf("KeyOf(%q).Parts() = %q", a, got)
		}
		for k, b := range ascending {
			if got, want := KeyOf(a...).Compare(KeyOf(b...)), cmp.Compare(i, k); got != want {
				t.Errorf("%q compared with %q = %d, want %d", a, b, got, want)
			}
		}
	}
}

func TestKeyPrefix(t *testing.T) {
	for _, c := range []struct {
		key, prefix []string
		want        bool
	}{
		{[]string{"a", "b"}, nil, true},
		{[]string{"a", "b"}, []string{"a"}, true},
		{[]string{"a", "b"}, []string{"a", "b"}, true},
		{[]string{"a", "b"}, []string{"a", "b", "c"}, false},
		{[]string{"ab"}, []string{"a"}, false},
		{[]string{"a\x00b"}, []string{"a"}, false},
		{[]string{"", "a"}, []string{""}, true},
	} {
		if got := KeyOf(c.key...).HasPrefix(KeyOf(c.prefix...)); got != c.want {
			t.Errorf("%q has prefix %q: %v, want %v", c.key, c.prefix, got, c.want)
		}
	}
}

// FuzzKey holds the order of keys against the order of their lists of parts.
func FuzzKey(f *testing.F) {
	f.Add("a|b", "a|c")
	f.Add("a\x00|b", "a|\x00b")
	f.Add("a\x01|", "a|\x01|\xff")
	f.Fuzz(func(t *testing.T, x, y string) {
		a, b := strings.Split(x, "|"), strings.Split(y, "|")
		ka, kb := KeyOf(a...), KeyOf(b...)
		if got := ka.Parts(); !slices.Equal(got, a) {
			t.Errorf("KeyOf(%q).Parts() = %q", a, got)
		}
		if got, want := ka.Compare(kb), slices.Compare(a, b); got != want {
			t.Errorf("%q compared with %q = %d, want %d", a, b, got, want)
		}
		if got, want := (ka == kb), slices.Equal(a, b); got != want {
			t.Errorf("%q == %q: %v, want %v", a, b, got, want)
		}
	})
}
