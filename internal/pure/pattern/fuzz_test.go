package pattern

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzMatch checks that an event matches alike however it is spelled and whichever
// way it is given, and that nothing panics.
func FuzzMatch(f *testing.F) {
	f.Add(`ERROR -"a \"b\""`, "an ERROR")
	f.Add(`%^a{2,}b?[^c]$%`, "aaé")
	f.Add(`{$.a.b[*]="x*"||$.c>1.5}`, `{"a":{"b":["y","xz"]},"c":1e3,"a":null}`)
	f.Add(`[a,...,b=x||b>2,]`, `1 "2 3" [x] 4`)
	f.Fuzz(func(t *testing.T, text, event string) {
		p, err := Parse(text)
		if err != nil {
			return
		}
		event = strings.ToValidUTF8(event, "\uFFFD")
		want := p.MatchText(event)
		for _, literal := range literals(event) {
			if got := p.Match([]byte(literal)); got != want {
				t.Errorf("Match of %q with %s = %t, but MatchText = %t", text, literal, got, want)
			}
			if _, got := p.Extract([]byte(literal), nil); got != want {
				t.Errorf("Extract of %q with %s = %t, but MatchText = %t", text, literal, got, want)
			}
		}
		p.Match([]byte(`"` + event + `"`)) // a literal that may be anything
		p.Match([]byte(event))
	})
}

// FuzzJSON compares what is taken for JSON with encoding/json.
func FuzzJSON(f *testing.F) {
	f.Add(`{"a":[1,-0.5e+3,"\u00e9",true,false,null,{}]} `)
	f.Add(`[[[[`)
	f.Add(`{"a":01}`)
	patterns := []string{`{$.none NOT EXISTS}`, `{$.a.none NOT EXISTS&&$[0].none NOT EXISTS}`, `{$.*.none.x NOT EXISTS}`}
	f.Fuzz(func(t *testing.T, event string) {
		if strings.Count(event, "[")+strings.Count(event, "{") > 5000 || strings.Contains(event, "none") {
			return // encoding/json has a limit of depth; or the answer may be another
		}
		want := json.Valid([]byte(event))
		for _, text := range patterns {
			if got := mustParse(t, text).MatchText(event); got != want {
				t.Errorf("%s takes %q for JSON: %t, want %t", text, event, got, want)
			}
		}
	})
}

var countFromZero = regexp.MustCompile(`\{,(\d+)\}`)

// FuzzRegex compares the expressions that are allowed with Go's.
func FuzzRegex(f *testing.F) {
	f.Add(`^a*?b+[^c-e]{2,3}|\d\x41$`, "aabbxx9A")
	f.Add(`[]a]|[a\]-]|a{,2}$`, "]-")
	f.Fuzz(func(t *testing.T, source, text string) {
		re, err := parseRegex(source)
		if err != nil || !utf8.ValidString(text) {
			return
		}
		// Go has no {,n} and {,}, and takes them for text; which they are in a set.
		if strings.Contains(source, "{,") && strings.ContainsAny(source, `[\`) {
			return
		}
		translated := countFromZero.ReplaceAllString(strings.ReplaceAll(source, "{,}", "*"), "{0,$1}")
		theirs, goErr := regexp.Compile(translated)
		if goErr != nil {
			t.Fatalf("%q is allowed here, but %v", source, goErr)
		}
		if got, want := newMachine([]*regex{re}).matchesAny([]byte(text)), theirs.MatchString(text); got != want {
			t.Errorf("%q found in %q: %t, want %t", source, text, got, want)
		}
	})
}

// FuzzDecimal compares the order of numbers with that of fractions.
func FuzzDecimal(f *testing.F) {
	for _, s := range []string{"0", "-0.0", "1e400", "12.50", "0012.5", ".5", "5.", "+1E-3", "-9007199254740993", "1.2", "1.25"} {
		f.Add(s, "12.5")
		f.Add(s, "1.2")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		x, xOK := parseDecimal([]byte(a))
		y, yOK := parseDecimal([]byte(b))
		if xOK != numberSyntax.MatchString(a) || yOK != numberSyntax.MatchString(b) {
			t.Fatalf("taken for numbers: %q %t, %q %t", a, xOK, b, yOK)
		}
		if !xOK || !yOK || len(exponentDigits.FindString(a)) > 4 || len(exponentDigits.FindString(b)) > 4 {
			return // fractions of such exponents do not fit into memory
		}
		if got, want := x.compare(y), rat(a).Cmp(rat(b)); got != want {
			t.Errorf("%s compared with %s = %d, want %d", a, b, got, want)
		}
	})
}

var exponentDigits = regexp.MustCompile(`[eE][+-]?0*([0-9]+)$`)
