package pattern

import (
	"encoding/json"
	"math/rand/v2"
	"regexp"
	"slices"
	"sync"
	"testing"
)

func TestEscapesAreFoundWhereverTheyStand(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	rare := regexp.MustCompile(`\\[u/]`)
	units := []string{`\"`, `\\`, `\n`, "a", "u", "/", "plain text", `\u00e9`, `\/`}
	for range 20000 {
		raw := ""
		common := len(units) - 2*random.IntN(2) // half of them have only short escapes
		for range random.IntN(30) {
			raw += units[random.IntN(common)]
		}
		want := noEscapes
		switch {
		case rare.MatchString(raw):
			want = anyEscapes
		case regexp.MustCompile(`\\`).MatchString(raw):
			want = shortEscapes
		}
		if got := scanEscapes([]byte(raw)); got != want {
			t.Fatalf("scanEscapes(%s) = %d, want %d", raw, got, want)
		}
	}
}

func TestEventOfNoLiteralIsEmpty(t *testing.T) {
	for _, literal := range []string{"", `"`} {
		var e Event
		e.Reset([]byte(literal))
		if got := e.Text(); len(got) > 0 {
			t.Errorf("Text of %q = %q, want nothing", literal, got)
		}
	}
}

func TestMatchDoesNotAllocate(t *testing.T) {
	literal := []byte(literals(`{"a":"\u00e9 \"x\"","b":[1,2.5],"c":[[[]]]}`)[0])
	line := []byte(literals("10.0.0.1 - \"GET /x\" [a b] 404\ttail of the line\n")[0])
	for _, text := range []string{
		`a -zzz "\"x"`, `%[a-z]+% -%zzz{3}%`,
		`{ $.a = "*x*" && $.b[*] > 2 && $.c NOT EXISTS || $.a = %x.$% }`,
		`[ip, , request=GET*, x, status>=400, ...]`,
	} {
		p := mustParse(t, text)
		var e Event
		run := func() {
			for _, l := range [][]byte{literal, line} {
				e.Reset(l)
				p.MatchEvent(&e)
			}
		}
		run()
		if n := testing.AllocsPerRun(100, run); n > 0 {
			t.Errorf("%s allocates %v times for two events, want 0", text, n)
		}
	}
}

func TestPatternServesManyGoroutines(t *testing.T) {
	events := [][]byte{[]byte(`"{\"a\":\"\\u0078\"}"`), []byte(`"\u0078 y"`), []byte(`"none"`)}
	for _, tt := range []struct {
		pattern string
		want    []bool
	}{
		{`x`, []bool{false, true, false}},
		{`%x%`, []bool{false, true, false}},
		{`{$.a=x}`, []bool{true, false, false}},
		{`[a=x,b]`, []bool{false, true, false}},
	} {
		p := mustParse(t, tt.pattern)
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for range 200 {
					var got []bool
					for _, e := range events {
						got = append(got, p.Match(e))
					}
					if !slices.Equal(got, tt.want) {
						t.Errorf("%s matches %v, want %v", tt.pattern, got, tt.want)
						return
					}
				}
			})
		}
		all.Wait()
	}
}

// FuzzUnescape compares the reading of literals with that of encoding/json.
func FuzzUnescape(f *testing.F) {
	f.Add(`plain`)
	f.Add(`\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\ud83d`)
	f.Fuzz(func(t *testing.T, raw string) {
		var want string
		if err := json.Unmarshal([]byte(`"`+raw+`"`), &want); err != nil {
			appendUnescaped(nil, []byte(raw)) // must only not panic
			return
		}
		var e Event
		e.Reset([]byte(`"` + raw + `"`))
		// encoding/json replaces invalid UTF-8, which a valid literal does not have.
		if got := string([]rune(string(e.Text()))); got != want {
			t.Errorf("Text of %q = %q, want %q", raw, got, want)
		}
	})
}
