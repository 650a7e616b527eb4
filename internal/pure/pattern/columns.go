package pattern

import (
	"bytes"
	"slices"
	"strconv"
)

// A columnsMatcher applies a space-delimited pattern.
type columnsMatcher struct {
	columns []column
	// ellipsis is the index in columns before which any number of fields may
	// stand, or -1.
	ellipsis int
}

// A Field is a part of an event that a space-delimited pattern gives a name to.
type Field struct {
	// Name is the field's name in the pattern, or its position in the event,
	// counted from 1. TestMetricFilter writes a "$" in front of it; the
	// extractedFields of a delivered record do not.
	Name string
	// Value is the field's text, without the brackets or quotes around it.
	Value string
}

// names returns the names that the pattern gives.
func (m *columnsMatcher) names() []string {
	names := make([]string, 0, len(m.columns))
	for _, c := range m.columns {
		if c.name != "" && !slices.Contains(names, c.name) {
			names = append(names, c.name)
		}
	}
	return names
}

// matches applies the pattern to an event and hands each field to visit, which may
// be nil, in their order and before it is known whether those to come match too.
func (m *columnsMatcher) matches(text []byte, visit func(position int, c *column, value []byte)) bool {
	// With "..." the number of fields decides which is which.
	between := 0 // fields that stand for "..."
	if m.ellipsis >= 0 {
		s := newSplitter(text)
		for s.next() {
			between++
		}
		if between -= len(m.columns); between < 0 {
			return false
		}
	}
	s := newSplitter(text)
	position := 0
	for i := range m.columns {
		for ; i == m.ellipsis && between > 0; between-- {
			if !s.next() {
				return false
			}
			position++
			if visit != nil {
				visit(position, nil, s.field)
			}
		}
		c := &m.columns[i]
		if !s.next() {
			return false
		}
		if i == len(m.columns)-1 && m.ellipsis < 0 {
			s.takeRest()
		}
		if !c.holdsFor(s.field) {
			return false
		}
		position++
		if visit != nil {
			visit(position, c, s.field)
		}
	}
	for ; visit != nil && m.ellipsis == len(m.columns) && s.next(); position++ {
		visit(position+1, nil, s.field)
	}
	return true
}

// holdsFor reports whether the conditions of the column hold for a field.
func (c *column) holdsFor(field []byte) bool {
	for _, all := range c.anyOf {
		holds := true
		for i := 0; holds && i < len(all); i++ {
			holds = all[i].holdsForToken(field)
		}
		if holds {
			return true
		}
	}
	return c.anyOf == nil
}

// extract appends the fields of an event to dst, in their order.
func (m *columnsMatcher) extract(text []byte, dst []Field) ([]Field, bool) {
	start := len(dst)
	ok := m.matches(text, func(position int, c *column, value []byte) {
		f := Field{Value: string(value)}
		if c != nil && c.name != "" {
			f.Name = c.name
		} else {
			f.Name = strconv.Itoa(position)
		}
		dst = append(dst, f)
	})
	if !ok {
		return dst[:start], false
	}
	if m.namesMayRepeat() {
		dst = dropRepeated(dst, start)
	}
	return dst, true
}

// namesMayRepeat reports whether two fields may get the same name: one given
// twice, or one that looks like a position.
func (m *columnsMatcher) namesMayRepeat() bool {
	named := 0
	for _, c := range m.columns {
		if consistsOf(c.name, isDigitChar) {
			return true
		}
		if c.name != "" {
			named++
		}
	}
	return named > len(m.names())
}

// dropRepeated leaves of the fields from start on only the last of each name.
func dropRepeated(fields []Field, start int) []Field {
	lastOf := make(map[string]int)
	for i, f := range fields[start:] {
		lastOf[f.Name] = i
	}
	kept := fields[:start]
	for i, f := range fields[start:] {
		if lastOf[f.Name] == i {
			kept = append(kept, f)
		}
	}
	return kept
}

// A splitter splits an event into fields. Fields are separated by spaces and tabs.
// One that begins with "[" or a quote goes on to the next "]" or quote, and these
// two are not part of it; where there is no end, the beginning is a character like
// any other. Blanks and line breaks around the event do not count.
type splitter struct {
	text  []byte
	pos   int
	begin int    // of the field, with its delimiter
	field []byte // without
	// unended tells that no more "]" or quote is to come, so that an event full
	// of beginnings is not searched for their ends again and again.
	unendedBracket bool
	unendedQuote   bool
}

func newSplitter(text []byte) splitter { return splitter{text: bytes.Trim(text, " \t\r\n")} }

// next moves to the next field.
func (s *splitter) next() bool {
	text := s.text
	for s.pos < len(text) && isSeparator(text[s.pos]) {
		s.pos++
	}
	s.begin = s.pos
	if s.pos == len(text) {
		return false
	}
	switch text[s.pos] {
	case '[':
		if s.delimited(']', &s.unendedBracket) {
			return true
		}
	case '"':
		if s.delimited('"', &s.unendedQuote) {
			return true
		}
	}
	i := s.pos + 1
	for i < len(text) && !isSeparator(text[i]) {
		i++
	}
	s.field = text[s.pos:i]
	s.pos = i
	return true
}

// delimited reads a field up to its end, if it has one.
func (s *splitter) delimited(end byte, unended *bool) bool {
	if *unended {
		return false
	}
	length := bytes.IndexByte(s.text[s.pos+1:], end)
	if length < 0 {
		*unended = true
		return false
	}
	s.field = s.text[s.pos+1 : s.pos+1+length]
	s.pos += length + 2
	return true
}

// takeRest lets the field go on to the end of the event, as it is written, unless
// it is the only one left.
func (s *splitter) takeRest() {
	if s.pos < len(s.text) {
		s.field = s.text[s.begin:]
		s.pos = len(s.text)
	}
}

func isSeparator(c byte) bool { return c == ' ' || c == '\t' }
