package pattern

import (
	"strconv"
	"strings"
)

const (
	// maxWildcards is how many wildcard steps the selectors of a pattern may
	// hold together; one selector may hold one.
	maxWildcards = 3
	// maxIndex is the greatest index of an array element.
	maxIndex = 1<<31 - 1
)

// json reads a JSON pattern.
func (p *parser) json() (node, *SyntaxError) {
	if !strings.HasSuffix(p.text, "}") {
		return nil, syntaxError(len(p.text), "If a filter pattern starts with '{' it must end with '}'")
	}
	p.pos++
	p.blanks()
	e, err := p.anyOf()
	if err != nil {
		return nil, err
	}
	if !p.accept("}") || !p.atEnd() {
		return nil, p.unexpected("'}'")
	}
	return jsonNode{expr: e}, nil
}

// anyOf reads conditions joined by "||", and the blanks after them.
func (p *parser) anyOf() (expr, *SyntaxError) {
	var parts anyExpr
	for {
		part, err := p.allOf()
		if err != nil {
			return nil, err
		}
		if nested, ok := part.(anyExpr); ok {
			parts = append(parts, nested...)
		} else {
			parts = append(parts, part)
		}
		if !p.accept("||") {
			break
		}
		p.blanks()
	}
	if len(parts) == 1 {
		return parts[0], nil
	}
	return parts, nil
}

// allOf reads conditions joined by "&&", and the blanks after them.
func (p *parser) allOf() (expr, *SyntaxError) {
	var parts allExpr
	for {
		part, err := p.primary()
		if err != nil {
			return nil, err
		}
		if nested, ok := part.(allExpr); ok {
			parts = append(parts, nested...)
		} else {
			parts = append(parts, part)
		}
		p.blanks()
		if !p.accept("&&") {
			break
		}
		p.blanks()
	}
	if len(parts) == 1 {
		return parts[0], nil
	}
	return parts, nil
}

func (p *parser) primary() (expr, *SyntaxError) {
	if !p.accept("(") {
		return p.condition()
	}
	p.blanks()
	e, err := p.anyOf()
	if err != nil {
		return nil, err
	}
	if !p.accept(")") {
		return nil, p.unexpected("')'")
	}
	return e, nil
}

func (p *parser) condition() (expr, *SyntaxError) {
	selector, err := p.selector()
	if err != nil {
		return nil, err
	}
	p.blanks()
	c := &condition{selector: selector}
	switch p.peek() {
	case 'I':
		c.op, err = p.keywords("IS", map[string]operator{"NULL": isNull, "TRUE": isTrue, "FALSE": isFalse})
	case 'N':
		c.op, err = p.keywords("NOT", map[string]operator{"EXISTS": notExists})
	default:
		c.comparison, err = p.comparison(")}")
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// keywords reads an operator of two words.
func (p *parser) keywords(first string, second map[string]operator) (operator, *SyntaxError) {
	begin := p.pos
	if word := p.run(isWordChar); word != first {
		return 0, invalidTerm(begin, word)
	}
	if !p.blanks() {
		return 0, p.unexpected("a blank")
	}
	begin = p.pos
	word := p.run(isWordChar)
	op, known := second[word]
	switch {
	case known:
		return op, nil
	case word == "":
		return 0, p.unexpected("a word after " + first)
	default:
		return 0, invalidTerm(begin, word)
	}
}

func (p *parser) selector() ([]step, *SyntaxError) {
	begin := p.pos
	if !p.accept("$") {
		return nil, p.unexpected("a selector")
	}
	var steps []step
	wildcards := 0
	for p.peek() == '.' || p.peek() == '[' {
		at := p.pos
		s, err := p.step(begin)
		if err != nil {
			return nil, err
		}
		steps = append(steps, s)
		if s.kind == anyMemberStep || s.kind == anyElementStep {
			wildcards++
			p.wildcards++
		}
		if wildcards > 1 {
			return nil, syntaxError(at, "A selector holds at most one wildcard")
		}
		if p.wildcards > maxWildcards {
			return nil, syntaxError(at, "A pattern holds at most "+strconv.Itoa(maxWildcards)+" wildcard selectors")
		}
	}
	if steps == nil {
		return nil, p.badSelector(begin)
	}
	return steps, nil
}

// step reads one step of the selector that began at begin.
func (p *parser) step(begin int) (step, *SyntaxError) {
	dotted := p.accept(".")
	if dotted && p.accept("*") {
		return step{kind: anyMemberStep}, nil
	}
	if dotted && p.peek() != '[' {
		name := p.run(isNameChar)
		if name == "" {
			return step{}, p.badSelector(begin)
		}
		return step{kind: memberStep, name: name}, nil
	}
	if p.accept("['") {
		name, _, found := strings.Cut(p.text[p.pos:], "']")
		if !found || name == "" {
			return step{}, p.badSelector(begin)
		}
		p.pos += len(name) + len("']")
		return step{kind: memberStep, name: name}, nil
	}
	p.pos++ // the bracket
	if dotted {
		return step{}, p.badSelector(begin)
	}
	if p.accept("*]") {
		return step{kind: anyElementStep}, nil
	}
	digits := p.run(isDigitChar)
	if digits == "" || !p.accept("]") {
		return step{}, p.badSelector(begin)
	}
	index, err := strconv.Atoi(digits)
	if err != nil || index > maxIndex {
		return step{}, syntaxError(p.pos-len(digits)-1, "The index is greater than "+strconv.Itoa(maxIndex))
	}
	return step{kind: elementStep, index: index}, nil
}

// badSelector complains about the selector that began at begin, up to and with
// the next character, which is the one that does not belong.
func (p *parser) badSelector(begin int) *SyntaxError {
	term := p.text[begin:p.pos]
	if !p.atEnd() && !isBlank(p.peek()) {
		term += p.char()
	}
	return &SyntaxError{Pos: p.pos, Msg: invalidTerm(begin, term).Msg}
}
