package pattern

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// An expensive case is a pattern of full length and an event of any length that
// give the matcher as much to do as they can.
type expensiveCase struct {
	name    string
	pattern string
	event   func(size int) string
}

func expensiveCases() []expensiveCase {
	repeat := func(unit string) func(int) string {
		return func(size int) string { return strings.Repeat(unit, size/len(unit)) }
	}
	// fill repeats parts, numbered, up to the greatest length of a pattern.
	fill := func(format, separator string) string {
		text := ""
		for i := 0; ; i++ {
			part := fmt.Sprintf(format, i)
			if len(text)+len(separator)+len(part) > MaxLength-2 {
				return text
			}
			if i > 0 {
				text += separator
			}
			text += part
		}
	}
	members := func(size int) string { return "{" + strings.Repeat(`"b":1,`, size/6) + `"c":1}` }
	return []expensiveCase{
		{"absent words", fill("-%03d", " "), repeat("00x")},
		{"absent phrases", fill(`-"ab%03d"`, " "), repeat("ab")},
		{"phrases with backslashes", fill(`-"\\\\n%d"`, " "), repeat(`\\n`)},
		{"backslashes", `-"\\\\x" -"\"x"`, repeat(`\`)},
		{"required regexes", fill("%%[ab]x%d%%", " "), repeat("ab")},
		{"absent regexes", fill("-%%[ab]x%d%%", " "), repeat("ab")},
		{"regex of many states", `%[ab]*a[ab]{1000}c%`, repeat("ab")},
		{"regex of many options", `%^[ab]*a{0,1000}c%`, repeat("a")},
		{"regex on wide characters", `%[ab]*a.{1000}c%`, repeat("aé€😀")},
		{"many pieces", `{ $.a = "` + strings.Repeat("*a", 500) + `*b" }`, func(size int) string { return `{"a":"` + strings.Repeat("a", size) + `"}` }},
		{"many selectors", "{" + fill("$.x%02d=1", "||") + "}", func(size int) string {
			return "{" + strings.Repeat(`"xyz":1,`, size/8) + `"c":1}`
		}},
		{"many conditions", "{" + fill("$.b=%d", "||") + "}", members},
		{"many globs", "{" + fill(`$.b="*ab%03d"`, "||") + "}", func(size int) string { return `{"b":"` + strings.Repeat("ab", size/2) + `"}` }},
		{"many wildcards", "{$.*=5||$.*.b=5||$.b.*=5}", members},
		{"deep selectors", "{$" + strings.Repeat(".a", 500) + "=1}", func(size int) string {
			return strings.Repeat(`{"a":`, size/6) + "1" + strings.Repeat("}", size/6)
		}},
		{"deep arrays", "{$.a NOT EXISTS}", func(size int) string {
			return strings.Repeat("[", size/2) + strings.Repeat("]", size/2)
		}},
		{"unended arrays", "{$.a NOT EXISTS}", repeat("[")},
		{"long numbers", "{$.a>1.5}", func(size int) string { return `{"a":` + strings.Repeat("1", size) + "}" }},
		{"long exponents", "{$.a>1.5}", func(size int) string { return `{"a":1e` + strings.Repeat("9", size) + "}" }},
		{"escaped strings", `{$.a="x"}`, func(size int) string { return `{"a":"` + strings.Repeat(`\u0061`, size/6) + `"}` }},
		{"unended brackets", "[..., a=x]", repeat("[ ")},
		{"unended quotes", `[..., a=x]`, repeat(`"a" "`)},
		{"many fields", "[" + strings.Repeat("a!=b,", 204) + "]", repeat("a ")},
		{"many field conditions", "[" + strings.TrimSuffix(strings.Repeat("a=*a*b||", 127), "||") + "]", repeat("a")},
	}
}

// TestCostIsLinear matches expensive cases on events of which one is eight times as
// long as the other. It should take eight times as long, and what is quadratic
// takes 64 times. BenchmarkExpensive has the figures.
func TestCostIsLinear(t *testing.T) {
	const (
		small, factor = 8 << 10, 8
		limit         = 3 * factor
		attempts      = 5 // on a busy machine a measurement may fail
	)
	for _, c := range expensiveCases() {
		p := mustParse(t, c.pattern)
		short := []byte(literals(c.event(small))[0])
		long := []byte(literals(c.event(small * factor))[0])
		var took, tookLong time.Duration
		for range attempts {
			took, tookLong = fastest(p, short), fastest(p, long)
			if tookLong < limit*took || tookLong < time.Millisecond {
				break
			}
		}
		if tookLong >= limit*took && tookLong >= time.Millisecond {
			t.Errorf("%s: %v for %d bytes, but %v for %d", c.name, took, len(short), tookLong, len(long))
		}
	}
}

// fastest returns the least of a few durations of matching.
func fastest(p *Pattern, literal []byte) time.Duration {
	least := time.Hour
	for range 3 {
		start := time.Now()
		p.Match(literal)
		least = min(least, time.Since(start))
	}
	return least
}

func BenchmarkExpensive(b *testing.B) {
	for _, c := range expensiveCases() {
		for _, size := range []int{256 << 10, 512 << 10} {
			b.Run(fmt.Sprintf("%s/%dKiB", c.name, size>>10), func(b *testing.B) {
				p := mustParse(b, c.pattern)
				literal := []byte(literals(c.event(size))[0])
				b.SetBytes(int64(len(literal)))
				for b.Loop() {
					p.Match(literal)
				}
			})
		}
	}
}
