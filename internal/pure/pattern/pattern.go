package pattern

import (
	"strings"
	"sync"
)

// A Pattern is a filter pattern. It does not change, and any number of
// goroutines may use it at a time.
type Pattern struct {
	node    node
	regexes int

	// One of these applies it; none, and every event matches.
	terms   *termsMatcher
	json    *jsonMatcher
	columns *columnsMatcher

	// events keeps the buffers that Match and its like need.
	events sync.Pool
}

// Parse reads a filter pattern. The error is a *[SyntaxError].
func Parse(text string) (*Pattern, error) {
	n, regexes, err := parse(text)
	if err != nil {
		return nil, err
	}
	p := &Pattern{node: n, regexes: regexes}
	p.events.New = func() any { return new(Event) }
	switch n := n.(type) {
	case blankNode:
	case termsNode:
		p.terms = newTermsMatcher(n.terms)
	case jsonNode:
		p.json = newJSONMatcher(n.expr)
	case columnsNode:
		p.columns = &columnsMatcher{columns: n.columns, ellipsis: n.ellipsis}
	}
	return p, nil
}

// String returns the pattern in canonical form: without needless blanks, quotes,
// escapes and parentheses. Parsing it gives an equal pattern.
func (p *Pattern) String() string {
	var b strings.Builder
	p.node.write(&b)
	return b.String()
}

// MatchesAll reports whether the pattern is empty or blank, and so matches
// every event.
func (p *Pattern) MatchesAll() bool {
	_, blank := p.node.(blankNode)
	return blank
}

// RegexCount returns the number of regular expressions in the pattern. AWS
// lets a log group have five filters with any.
func (p *Pattern) RegexCount() int { return p.regexes }

// Match reports whether the pattern matches an event. literal is the event's
// message as a valid JSON string literal, with its quotes and escapes.
func (p *Pattern) Match(literal []byte) bool {
	if p.MatchesAll() {
		return true
	}
	e := p.events.Get().(*Event)
	e.Reset(literal)
	ok := p.MatchEvent(e)
	p.release(e)
	return ok
}

// MatchText reports whether the pattern matches an event, of which s is the
// message itself.
func (p *Pattern) MatchText(s string) bool {
	e := p.events.Get().(*Event)
	e.resetText(s)
	ok := p.MatchEvent(e)
	p.release(e)
	return ok
}

// release keeps the buffers of an event, and nothing of the caller's.
func (p *Pattern) release(e *Event) {
	e.Reset(nil)
	p.events.Put(e)
}

// MatchEvent reports whether the pattern matches an event. It is Match for a
// caller that has several patterns for one event.
func (p *Pattern) MatchEvent(e *Event) bool {
	switch {
	case p.terms != nil:
		return p.terms.matches(e)
	case p.json != nil:
		return p.json.matches(e)
	case p.columns != nil:
		return p.columns.matches(e.Text(), nil)
	default:
		return true
	}
}

// Fields returns the names that a space-delimited pattern gives to fields, each
// once and in their order; fields that are called by their position are not among
// them. It returns nil for other patterns.
func (p *Pattern) Fields() []string {
	if p.columns == nil {
		return nil
	}
	return p.columns.names()
}

// Extract matches an event, given as to Match, and appends to dst the fields of a
// space-delimited pattern in the order of the event. Of several fields with one
// name only the last is given. For other patterns Extract is Match and appends
// nothing.
func (p *Pattern) Extract(literal []byte, dst []Field) ([]Field, bool) {
	e := p.events.Get().(*Event)
	defer p.release(e)
	e.Reset(literal)
	return p.ExtractEvent(e, dst)
}

// ExtractText is Extract for an event of which s is the message itself.
func (p *Pattern) ExtractText(s string, dst []Field) ([]Field, bool) {
	e := p.events.Get().(*Event)
	defer p.release(e)
	e.resetText(s)
	return p.ExtractEvent(e, dst)
}

// ExtractEvent is Extract for a caller that has several patterns for one event.
func (p *Pattern) ExtractEvent(e *Event, dst []Field) ([]Field, bool) {
	if p.columns == nil {
		return dst, p.MatchEvent(e)
	}
	return p.columns.extract(e.Text(), dst)
}
