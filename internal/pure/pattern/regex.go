package pattern

import (
	"strconv"
	"strings"
)

// The regular expressions of filter patterns, as AWS allows them:
//
//	alternative = { [ "^" ] | atom [ repeat ] | "$" } .
//	atom        = char | "." | escape | "[" [ "^" ] entry { entry } "]" .
//	entry       = char [ "-" char ] | class .
//	repeat      = ( "?" | "*" | "+" | "{" [ m ] [ "," [ n ] ] "}" ) [ "?" ] .
//	escape      = `\` ( class letter | "x" hex hex | punctuation ) .
//	class       = `\d` | `\D` | `\s` | `\S` | `\w` | `\W` .
//
// A char is an ASCII letter, a digit, a blank or one of `:_#=@/;,-`. There are
// no groups, no parentheses even when escaped (\x28 is the way to write one), no
// "!" and nothing outside ASCII. "." is any character but a line feed, "^" and "$"
// are the two ends of the text, and the meaning is otherwise that of RE2.

// A regex is a parsed regular expression.
type regex struct {
	source       string
	alternatives []alternative
}

// An alternative is what stands between two bars.
type alternative struct {
	atBegin bool // matches only from the beginning of the text
	atEnd   bool // matches only up to its end
	never   bool // an anchor stands where it cannot hold
	atoms   []atom
}

// An atom is a set of characters and how many of them there may be.
type atom struct {
	set      charSet
	min, max int // max is unlimited if there is no limit
}

const (
	unlimited = -1
	// maxRepeat is the largest number in braces, the same as RE2's.
	maxRepeat = 1000
	// maxPositions limits the characters that the expressions of one pattern
	// ask for, repeats counted. It bounds the work for each byte of an event;
	// expressions without counted repeats cannot reach it.
	maxPositions = 1024
)

// charSet holds the code points 0 to 255, and at otherChars all beyond, which
// no expression can tell apart.
type charSet [5]uint64

const otherChars = 256

func (s *charSet) add(c int)     { s[c>>6] |= 1 << (c & 63) }
func (s charSet) has(c int) bool { return s[c>>6]>>(c&63)&1 == 1 }
func (s *charSet) addRange(lo, hi int) {
	for c := lo; c <= hi; c++ {
		s.add(c)
	}
}

func (s *charSet) addAll(t charSet) {
	for i := range s {
		s[i] |= t[i]
	}
}

func (s *charSet) negate() {
	for i := range s {
		s[i] = ^s[i]
	}
	s[4] &= 1
}

// classSet returns the set of a class letter.
func classSet(letter byte) (set charSet, known bool) {
	switch letter | 0x20 {
	case 'd':
		set.addRange('0', '9')
	case 's':
		for _, c := range "\t\n\f\r " {
			set.add(int(c))
		}
	case 'w':
		set.addRange('0', '9')
		set.addRange('A', 'Z')
		set.addRange('a', 'z')
		set.add('_')
	default:
		return set, false
	}
	if letter&0x20 == 0 {
		set.negate()
	}
	return set, true
}

func (re *regex) write(b *strings.Builder) { b.WriteString("%" + re.source + "%") }

// positions returns how many characters the expression asks for, repeats counted.
func (re *regex) positions() int {
	n := 0
	for _, alt := range re.alternatives {
		for _, a := range alt.atoms {
			n += a.positions()
		}
	}
	return n
}

func (a atom) positions() int {
	if a.max == unlimited {
		return max(a.min, 1)
	}
	return a.max
}

// A regexParser reads one regular expression; positions in its errors count
// from the beginning of the expression.
type regexParser struct {
	text string
	pos  int
}

func parseRegex(text string) (*regex, *SyntaxError) {
	for i := 0; i < len(text); i++ {
		if c := text[i]; !isRegexByte(c) {
			l := lexer{text: text, pos: i}
			return nil, invalidTerm(i, l.char())
		}
	}
	p := regexParser{text: text}
	re := &regex{source: text}
	for {
		alt, err := p.alternative()
		if err != nil {
			return nil, err
		}
		re.alternatives = append(re.alternatives, alt)
		if p.pos == len(text) {
			break
		}
		p.pos++ // the bar
	}
	if re.positions() > maxPositions {
		return nil, tooManyPositions(0)
	}
	return re, nil
}

func tooManyPositions(pos int) *SyntaxError {
	return syntaxError(pos, "The repeats of the regular expressions add up to more than "+
		strconv.Itoa(maxPositions)+" characters")
}

func isRegexByte(c byte) bool {
	return c < 0x80 && isWordChar(rune(c)) || strings.IndexByte(` :#=@/;,-^$?[]{}|\*+.`, c) >= 0
}

func (p *regexParser) alternative() (alternative, *SyntaxError) {
	var alt alternative
	ended := false // a "$" was read: what follows must match nothing
	for p.pos < len(p.text) && p.text[p.pos] != '|' {
		at := p.pos
		switch p.text[p.pos] {
		case '^', '$':
			p.pos++
			if p.pos < len(p.text) && strings.IndexByte("?*+{", p.text[p.pos]) >= 0 {
				return alt, syntaxError(p.pos, "An anchor cannot be repeated")
			}
			if p.text[at] == '$' {
				alt.atEnd, ended = true, true
				continue
			}
			// What stands before a "^" can match only nothing.
			alt.never = alt.never || !optional(alt.atoms)
			alt.atBegin, alt.atoms = true, nil
		default:
			a, err := p.atom()
			if err != nil {
				return alt, err
			}
			if ended {
				alt.never = alt.never || a.min > 0
				continue
			}
			if a.max != 0 {
				alt.atoms = append(alt.atoms, a)
			}
		}
	}
	if alt.never {
		alt.atoms = nil
	}
	return alt, nil
}

func optional(atoms []atom) bool {
	for _, a := range atoms {
		if a.min > 0 {
			return false
		}
	}
	return true
}

func (p *regexParser) atom() (atom, *SyntaxError) {
	var a atom
	var err *SyntaxError
	switch c := p.text[p.pos]; c {
	case '.':
		a.set.add('\n')
		a.set.negate()
		p.pos++
	case '[':
		a.set, err = p.class()
	case '\\':
		a.set, err = p.escape()
	case '?', '*', '+', '{':
		return a, syntaxError(p.pos, "There is nothing before '"+string(c)+"' that it could repeat")
	default:
		a.set.add(int(c))
		p.pos++
	}
	if err != nil {
		return a, err
	}
	a.min, a.max, err = p.repeat()
	return a, err
}

// repeat reads what may follow an atom and returns how often it may be there.
func (p *regexParser) repeat() (least, most int, err *SyntaxError) {
	if p.pos == len(p.text) {
		return 1, 1, nil
	}
	switch p.text[p.pos] {
	case '?':
		least, most = 0, 1
		p.pos++
	case '*':
		least, most = 0, unlimited
		p.pos++
	case '+':
		least, most = 1, unlimited
		p.pos++
	case '{':
		if least, most, err = p.counts(); err != nil {
			return 0, 0, err
		}
	default:
		return 1, 1, nil
	}
	// Lazy repeats match in the same places.
	if p.pos < len(p.text) && p.text[p.pos] == '?' {
		p.pos++
	}
	if p.pos < len(p.text) && strings.IndexByte("?*+{", p.text[p.pos]) >= 0 {
		return 0, 0, syntaxError(p.pos, "A repeat cannot be repeated")
	}
	return least, most, nil
}

// counts reads {m}, {m,}, {,n}, {m,n} or {,}.
func (p *regexParser) counts() (least, most int, err *SyntaxError) {
	open := p.pos
	l := lexer{text: p.text, pos: p.pos + 1}
	first := l.run(isDigitChar)
	second, comma := first, l.accept(",")
	if comma {
		second = l.run(isDigitChar)
	}
	if !l.accept("}") || !comma && first == "" {
		return 0, 0, syntaxError(open, `Braces hold a number or a range of numbers; a literal brace is written \{`)
	}
	least, most = 0, unlimited
	if first != "" {
		least = repeatCount(first)
	}
	if second != "" {
		most = repeatCount(second)
	}
	if least > maxRepeat || most > maxRepeat {
		return 0, 0, syntaxError(open, "A repeat cannot be more than "+strconv.Itoa(maxRepeat))
	}
	if most != unlimited && least > most {
		return 0, 0, syntaxError(open, "The repeat's first number is greater than its second")
	}
	p.pos = l.pos
	return least, most, nil
}

// repeatCount returns the number, or one that is too large if it is.
func repeatCount(digits string) int {
	n, err := strconv.Atoi(digits)
	if err != nil {
		return maxRepeat + 1
	}
	return n
}

// escape reads an escape outside or inside a class.
func (p *regexParser) escape() (charSet, *SyntaxError) {
	at := p.pos
	rest := p.text[p.pos+1:]
	if rest == "" {
		return charSet{}, syntaxError(at, `There is nothing after the '\'`)
	}
	if set, known := classSet(rest[0]); known {
		p.pos += 2
		return set, nil
	}
	var set charSet
	switch {
	case rest[0] == 'x':
		if len(rest) < 3 {
			return set, syntaxError(at, `\x needs two hexadecimal digits`)
		}
		c, err := strconv.ParseUint(rest[1:3], 16, 8)
		if err != nil {
			return set, syntaxError(at, `\x needs two hexadecimal digits`)
		}
		set.add(int(c))
		p.pos += 4
	case rest[0] != '_' && isWordChar(rune(rest[0])):
		return set, invalidTerm(at, p.text[at:at+2])
	default:
		set.add(int(rest[0]))
		p.pos += 2
	}
	return set, nil
}

// class reads a set in brackets.
func (p *regexParser) class() (charSet, *SyntaxError) {
	open := p.pos
	p.pos++
	negated := p.pos < len(p.text) && p.text[p.pos] == '^'
	if negated {
		p.pos++
	}
	var set charSet
	for first := true; ; first = false {
		if p.pos == len(p.text) {
			return set, syntaxError(open, "The set of characters that begins here has no end")
		}
		if p.text[p.pos] == ']' && !first {
			p.pos++
			break
		}
		at := p.pos
		low, err := p.classEntry()
		if err != nil {
			return set, err
		}
		if !strings.HasPrefix(p.text[p.pos:], "-") || strings.HasPrefix(p.text[p.pos:], "-]") {
			set.addAll(low)
			continue
		}
		p.pos++
		if p.pos == len(p.text) {
			return set, syntaxError(open, "The set of characters that begins here has no end")
		}
		high, err := p.classEntry()
		if err != nil {
			return set, err
		}
		lo, loOK := low.single()
		hi, hiOK := high.single()
		if !loOK || !hiOK || lo > hi {
			return set, syntaxError(at, "A range of characters goes from one to the same or a later one")
		}
		set.addRange(lo, hi)
	}
	if negated {
		set.negate()
	}
	return set, nil
}

func (p *regexParser) classEntry() (charSet, *SyntaxError) {
	c := p.text[p.pos]
	if c == '\\' {
		return p.escape()
	}
	var set charSet
	if c == '[' {
		return set, syntaxError(p.pos, `A '[' among the characters of a set is written \[`)
	}
	set.add(int(c))
	p.pos++
	return set, nil
}

// single returns the only character of the set.
func (s charSet) single() (c int, ok bool) {
	n := 0
	for i := range otherChars + 1 {
		if s.has(i) {
			c = i
			n++
		}
	}
	return c, n == 1
}
