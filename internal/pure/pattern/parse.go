package pattern

import "strconv"

// MaxLength is the greatest number of characters of a pattern.
const MaxLength = 1024

// maxRegexes is how many regular expressions a JSON or space-delimited pattern may hold.
const maxRegexes = 2

// parse reads a pattern and returns how many regular expressions it holds.
func parse(text string) (n node, regexes int, err *SyntaxError) {
	if err := checkText(text, MaxLength); err != nil {
		return nil, 0, err
	}
	p := &parser{lexer: lexer{text: text}}
	switch {
	case text != "" && text[0] == '{':
		n, err = p.json()
	case text != "" && text[0] == '[':
		n, err = p.columns()
	default:
		n, err = p.terms()
	}
	return n, len(p.regexes), err
}

// A parser reads one pattern.
type parser struct {
	lexer
	regexes   []*regex
	wildcards int // wildcard steps in all selectors
}

// terms reads a list of terms, or a blank.
func (p *parser) terms() (node, *SyntaxError) {
	var n termsNode
	separated := p.blanks() || p.pos == 0
	for !p.atEnd() {
		if !separated {
			return nil, p.unexpected("a blank")
		}
		t, err := p.term()
		if err != nil {
			return nil, err
		}
		n.terms = append(n.terms, t)
		separated = p.blanks()
	}
	if n.terms == nil {
		return blankNode{}, nil
	}
	return n, nil
}

func (p *parser) term() (t term, err *SyntaxError) {
	if c := p.peek(); c == '-' || c == '?' {
		t.sign = c
		p.pos++
	}
	switch p.peek() {
	case '"':
		t.text, err = p.quoted()
	case '%':
		t.re, err = p.countedRegex()
	default:
		if t.text = p.run(isWordChar); t.text == "" {
			if p.atEnd() || isBlank(p.peek()) {
				return t, invalidTerm(p.pos-1, string(t.sign))
			}
			return t, p.unexpected("a term")
		}
	}
	return t, err
}

// countedRegex reads a regular expression, and refuses it when those of the
// pattern together grow too large.
func (p *parser) countedRegex() (*regex, *SyntaxError) {
	open := p.pos
	re, err := p.regex()
	if err != nil {
		return nil, err
	}
	p.regexes = append(p.regexes, re)
	positions := 0
	for _, re := range p.regexes {
		positions += re.positions()
	}
	if positions > maxPositions {
		return nil, tooManyPositions(open)
	}
	return re, nil
}

// comparison reads an operator with the value it needs. stops are the bytes
// that may follow a value, beside blanks, '&' and '|'.
func (p *parser) comparison(stops string) (c comparison, err *SyntaxError) {
	switch {
	case p.accept("!="):
		c.op = notEqual
	case p.accept("="):
		c.op = equal
	case p.accept("<="):
		c.op = lessEqual
	case p.accept("<"):
		c.op = less
	case p.accept(">="):
		c.op = greaterEqual
	case p.accept(">"):
		c.op = greater
	default:
		return c, p.unexpected("an operator")
	}
	p.blanks()
	begin := p.pos
	if c.value, err = p.value(stops); err != nil {
		return c, err
	}
	if c.op.relational() && c.value.kind != numberValue {
		return c, invalidTerm(begin, p.text[begin:p.pos])
	}
	return c, nil
}

func (p *parser) value(stops string) (value, *SyntaxError) {
	var v value
	switch p.peek() {
	case '"':
		text, err := p.quoted()
		if err != nil {
			return v, err
		}
		v = newText(text)
	case '%':
		open := p.pos
		re, err := p.countedRegex()
		if err != nil {
			return v, err
		}
		if len(p.regexes) > maxRegexes {
			return v, syntaxError(open, "A JSON or space-delimited pattern holds at most "+
				strconv.Itoa(maxRegexes)+" regular expressions")
		}
		v = newRegex(re)
	default:
		text := p.run(isBareChar)
		if text == "" {
			return v, p.unexpected("a value")
		}
		v = newText(text)
		if number, ok := parseDecimal([]byte(text)); ok {
			v = newNumber(text, number)
		}
	}
	if !p.atEnd() && !isBlank(p.peek()) && !p.nextIsOneOf(stops+"&|") {
		return v, p.unexpected("")
	}
	return v, nil
}

func (l *lexer) nextIsOneOf(bytes string) bool {
	for i := range len(bytes) {
		if l.peek() == bytes[i] {
			return true
		}
	}
	return false
}
