package pattern

import (
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
)

// A generator makes up patterns and events of few words, so that they often meet.
type generator struct{ *rand.Rand }

func (g *generator) pick(texts ...string) string { return texts[g.IntN(len(texts))] }

// pattern returns a pattern, its meaning, and what makes events for it.
func (g *generator) pattern() (string, meaning, func() string) {
	switch g.IntN(3) {
	case 0:
		text, mean := g.terms()
		return text, mean, g.line
	case 1:
		text, mean := g.json()
		return text, mean, func() string {
			if g.IntN(20) == 0 {
				return g.broken(g.value(3))
			}
			return g.space() + g.value(3) + g.space()
		}
	default:
		text, mean := g.columns()
		return text, mean, g.line
	}
}

// literal spells s as a JSON string literal in one of the many ways there are.
func (g *generator) literal(s string) string {
	style := g.IntN(4)
	if style == 0 {
		quoted := literals(s)
		return quoted[g.IntN(len(quoted))]
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		spelled := literals(string(r))
		// Mostly as it must be, now and then as it may.
		n := 0
		if g.IntN(10*style*style) == 0 {
			n = g.IntN(len(spelled))
		}
		b.WriteString(spelled[n][1 : len(spelled[n])-1])
	}
	if g.IntN(20) == 0 {
		b.WriteString(g.pick(`\ud800`, `\udc00x`, `\ud83d\u0041`))
	}
	b.WriteByte('"')
	return b.String()
}

func (g *generator) line() string {
	var b strings.Builder
	for n := g.IntN(7); n >= 0; n-- {
		b.WriteString(g.pick("ERROR", "WARN", "ab", "a", "b", "aab", "abab", "é", "1", "12", "404", "4.0", "-1e2",
			`"a b"`, "[1 ab]", "[", `"`, `\`, `\n`, "\n", "/", "u0061", "a/b", "€", "]x", "(a)", "*"))
		b.WriteString(g.pick(" ", " ", " ", "", "\t", "  "))
	}
	return b.String()
}

// quoted writes a quoted text.
func (g *generator) quoted(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if c == '"' || c == '\\' {
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
	return `"` + b.String() + `"`
}

func (g *generator) space() string { return g.pick("", "", " ", "\n  ", "\t") }

// regex returns a regular expression and Go's of the same meaning.
func (g *generator) regex() (string, *regexp.Regexp) {
	for {
		var ours, theirs strings.Builder
		for i := g.IntN(3); i >= 0; i-- {
			if g.IntN(6) == 0 {
				ours.WriteString("^")
				theirs.WriteString("^")
			}
			for n := g.IntN(5); n >= 0; n-- {
				atom := g.pick("a", "b", "a", "E", "1", ".", `\d`, `\w`, `\s`, `\S`, `\W`, `\D`, "[ab]", "[^a]", `[\d\]x]`,
					"[a-f0-3]", `\x61`, `\[`, `\xe9`, " ", `\.`, `[^\w]`, "[-a]", `\\`, "[]a]", "[^b-]", "$", "^")
				repeat := ""
				if atom != "$" && atom != "^" {
					repeat = g.pick("", "", "", "", "?", "*", "+", "{2}", "{1,3}", "{2,}", "{,2}", "{0}", "*?", "{0,1}", "{,}", "{0,70}", "{1,65}")
				} else if g.IntN(3) > 0 {
					continue // anchors inside are rare
				}
				ours.WriteString(atom + repeat)
				switch repeat {
				case "{,2}":
					repeat = "{0,2}"
				case "{,}":
					repeat = "*"
				}
				theirs.WriteString(atom + repeat)
			}
			if g.IntN(6) == 0 {
				ours.WriteString("$")
				theirs.WriteString("$")
			}
			if i > 0 {
				ours.WriteString("|")
				theirs.WriteString("|")
			}
		}
		if ours.Len() > 0 {
			return "%" + ours.String() + "%", regexp.MustCompile(theirs.String())
		}
	}
}

func (g *generator) number() string {
	return g.pick("0", "-0", "1", "1.0", "12", "+12", "404", "4.04e2", "1e400", "-1E400", "1e-400", ".5", "5.", "0.50", "00012",
		"40400e-2", "100000000000000000000000001", "-100", "-1e2", "4", "4.000")
}

func (g *generator) jsonNumber() string {
	return g.pick("0", "-0", "1", "1.0", "12", "404", "4.04e2", "1e400", "-1E+400", "1e-400", "0.5", "5", "0.50",
		"40400e-2", "100000000000000000000000001", "100000000000000000000000000", "-100", "-1e2", "4", "4.000")
}

// value returns a JSON value of some depth, with names that repeat.
func (g *generator) value(depth int) string {
	kind := g.IntN(8)
	if depth == 3 && g.IntN(10) > 0 {
		kind = 6 + g.IntN(2)
	}
	if depth == 0 {
		kind = g.IntN(6)
	}
	var b strings.Builder
	switch kind {
	case 0:
		return g.pick("true", "false", "null")
	case 1, 2:
		return g.jsonNumber()
	case 3, 4, 5:
		return g.literal(g.pick("", "a", "ab", "aab", "abab", "ERROR", "12", "404", "4.0", "a b", `a"b`, "é", "a/b", "\n", `\`, "1 ab", "€ä"))
	case 6:
		b.WriteString("{")
		for n := g.IntN(5); n > 0; n-- {
			b.WriteString(g.space() + g.literal(g.name()) + g.space() + ":" + g.space() + g.value(depth-1) + g.space())
			if n > 1 {
				b.WriteString(",")
			}
		}
		b.WriteString(g.space() + "}")
	case 7:
		b.WriteString("[")
		for n := g.IntN(4); n > 0; n-- {
			b.WriteString(g.space() + g.value(depth-1) + g.space())
			if n > 1 {
				b.WriteString(",")
			}
		}
		b.WriteString(g.space() + "]")
	}
	return b.String()
}

func (g *generator) name() string { return g.pick("a", "b", "a", "c-d", "x.y", "é", "0") }

// broken changes one byte of a text.
func (g *generator) broken(s string) string {
	if s == "" {
		return s
	}
	at := g.IntN(len(s))
	return strings.ToValidUTF8(s[:at]+g.pick("", ",", "}", "]", `"`, `\`, "x", "0", ".", "-", "\x01", " ", ":")+s[at+g.IntN(2):], "?")
}

func (g *generator) selector() (string, []step) {
	text := "$"
	var path []step
	wildcard := g.IntN(3) > 0
	for n := g.IntN(3); n >= 0; n-- {
		s := step{kind: stepKind(g.IntN(4))}
		if wildcard && (s.kind == anyMemberStep || s.kind == anyElementStep) {
			s.kind = memberStep
		}
		switch s.kind {
		case memberStep:
			s.name = g.name()
			if s.name == "x.y" || g.IntN(4) == 0 {
				text += g.pick("", ".") + "['" + s.name + "']"
			} else {
				text += "." + s.name
			}
		case anyMemberStep:
			text += ".*"
			wildcard = true
		case elementStep:
			s.index = g.IntN(3)
			text += g.pick("[", "[0") + strconv.Itoa(s.index) + "]"
		case anyElementStep:
			text += "[*]"
			wildcard = true
		}
		path = append(path, s)
	}
	return text, path
}
