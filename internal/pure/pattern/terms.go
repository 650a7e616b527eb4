package pattern

import "bytes"

// A termsMatcher applies a list of terms.
type termsMatcher struct {
	required    []needle
	excluded    []needle
	anyOf       []needle
	requiredAll *machine
	excludedAny *machine
	anyOfAny    *machine
	hasAnyOf    bool
}

func newTermsMatcher(terms []term) *termsMatcher {
	m := &termsMatcher{hasAnyOf: true}
	for _, t := range terms {
		// Beside a term of another kind, "?" terms count for nothing.
		m.hasAnyOf = m.hasAnyOf && t.sign == '?'
	}
	var required, excluded, anyOf []*regex
	for _, t := range terms {
		switch {
		case t.sign == '-' && t.re != nil:
			excluded = append(excluded, t.re)
		case t.sign == '-':
			m.excluded = append(m.excluded, newNeedle(t.text))
		case t.sign == '?' && !m.hasAnyOf:
		case t.sign == '?' && t.re != nil:
			anyOf = append(anyOf, t.re)
		case t.sign == '?':
			m.anyOf = append(m.anyOf, newNeedle(t.text))
		case t.re != nil:
			required = append(required, t.re)
		default:
			m.required = append(m.required, newNeedle(t.text))
		}
	}
	m.requiredAll = newMachine(required)
	m.excludedAny = newMachine(excluded)
	m.anyOfAny = newMachine(anyOf)
	return m
}

func (m *termsMatcher) matches(e *Event) bool {
	for i := range m.required {
		if !m.required[i].isIn(e) {
			return false
		}
	}
	for i := range m.excluded {
		if m.excluded[i].isIn(e) {
			return false
		}
	}
	if m.hasAnyOf {
		return m.matchesAnyOf(e)
	}
	if m.requiredAll != nil && !m.requiredAll.matchesAll(e.Text()) {
		return false
	}
	return m.excludedAny == nil || !m.excludedAny.matchesAny(e.Text())
}

func (m *termsMatcher) matchesAnyOf(e *Event) bool {
	for i := range m.anyOf {
		if m.anyOf[i].isIn(e) {
			return true
		}
	}
	return m.anyOfAny != nil && m.anyOfAny.matchesAny(e.Text())
}

// A needle is a text to search for, in a message or in its literal.
type needle struct {
	text []byte
	// raw is how the text is spelled in a literal that has only short escapes.
	// A control character without one is left as it is, and so never found.
	raw []byte
}

func newNeedle(text string) needle {
	n := needle{text: []byte(text), raw: make([]byte, 0, len(text)+2)}
	for i := range len(text) {
		switch c := text[i]; c {
		case '"', '\\':
			n.raw = append(n.raw, '\\', c)
		case '\b':
			n.raw = append(n.raw, '\\', 'b')
		case '\f':
			n.raw = append(n.raw, '\\', 'f')
		case '\n':
			n.raw = append(n.raw, '\\', 'n')
		case '\r':
			n.raw = append(n.raw, '\\', 'r')
		case '\t':
			n.raw = append(n.raw, '\\', 't')
		default:
			n.raw = append(n.raw, c)
		}
	}
	return n
}

// isIn reports whether the message holds the text.
func (n *needle) isIn(e *Event) bool {
	if !e.hasText && e.escapesUsed() == shortEscapes {
		return containsAligned(e.raw, n.raw)
	}
	return bytes.Contains(e.Text(), n.text)
}

// mayBeIn is isIn for a text that is spelled alike in the message and the literal,
// if nobody used \u or \/ to spell it otherwise. It may be wrong when it says yes.
func (n *needle) mayBeIn(e *Event) bool {
	if e.hasText {
		return bytes.Contains(e.text, n.text)
	}
	return bytes.Contains(e.raw, n.text)
}

// containsAligned reports whether raw, the inside of a literal, holds needle from
// where a character begins: in `\\n` there is no `\n`, and in `\n` no `n`. What is
// found after an odd number of backslashes begins inside an escape.
func containsAligned(raw, needle []byte) bool {
	from := 0
	for {
		at := bytes.Index(raw[from:], needle)
		if at < 0 {
			return false
		}
		at += from
		begin := at
		for begin > 0 && raw[begin-1] == '\\' {
			begin--
		}
		if (at-begin)%2 == 0 {
			return true
		}
		from = at + 1
	}
}
