package pattern

import (
	"bytes"
	"slices"
)

// A jsonMatcher applies a JSON pattern: the selectors of all its conditions,
// merged into one tree that is walked together with the event, and the rule that
// says which conditions have to hold.
type jsonMatcher struct {
	root       *selectNode
	rule       rule
	hasNeedles bool // somewhere in rule
	conditions int  // how many there are
	// single are the nodes with tests that can have only one value.
	single []*selectNode
}

// A selectNode is where selectors that begin alike have got to.
type selectNode struct {
	step       step
	name       []byte        // of a memberStep
	members    []*selectNode // reached by the name of a member
	elements   []*selectNode // reached by the index of an element
	anyMember  *selectNode
	anyElement *selectNode
	// wild tells that a wildcard led here, so that there may be several values.
	wild bool
	// tests are the conditions whose selector ends here.
	tests []test
	// scope holds the conditions whose selector passes or ends here.
	scope conditionSet
}

// A test is a condition and its number.
type test struct {
	*comparison
	bit int
}

// A rule says what must have been met: one condition, or all or any of its parts.
type rule struct {
	kind   ruleKind
	bit    int     // of ruleMet and ruleNotMet
	needle *needle // of ruleMet: what an event must hold to meet the condition
	parts  []rule  // of ruleAll and ruleAny
}

type ruleKind uint8

const (
	ruleMet ruleKind = iota
	ruleNotMet
	ruleAll
	ruleAny
)

func newJSONMatcher(e expr) *jsonMatcher {
	m := &jsonMatcher{root: &selectNode{}}
	m.rule = m.add(e)
	return m
}

func (m *jsonMatcher) add(e expr) rule {
	r := rule{kind: ruleAll}
	var parts []expr
	switch e := e.(type) {
	case *condition:
		bit := m.conditions
		m.conditions++
		n := m.root.add(e.selector, test{comparison: &e.comparison, bit: bit})
		if !n.wild && len(n.tests) == 1 {
			m.single = append(m.single, n)
		}
		if e.op == notExists {
			return rule{kind: ruleNotMet, bit: bit}
		}
		needle := necessaryText(e)
		m.hasNeedles = m.hasNeedles || needle != nil
		return rule{kind: ruleMet, bit: bit, needle: needle}
	case anyExpr:
		r.kind, parts = ruleAny, e
	case allExpr:
		parts = e
	}
	for _, part := range parts {
		r.parts = append(r.parts, m.add(part))
	}
	return r
}

// add leads a selector on from n and leaves the test where it ends, in the node that
// is returned.
func (n *selectNode) add(selector []step, t test) *selectNode {
	n.scope.add(t.bit)
	if len(selector) == 0 {
		n.tests = append(n.tests, t)
		return n
	}
	return n.child(selector[0]).add(selector[1:], t)
}

func (n *selectNode) child(s step) *selectNode {
	switch s.kind {
	case anyMemberStep:
		if n.anyMember == nil {
			n.anyMember = &selectNode{step: s, wild: true}
		}
		return n.anyMember
	case anyElementStep:
		if n.anyElement == nil {
			n.anyElement = &selectNode{step: s, wild: true}
		}
		return n.anyElement
	}
	list := &n.members
	if s.kind == elementStep {
		list = &n.elements
	}
	if i := slices.IndexFunc(*list, func(c *selectNode) bool { return c.step == s }); i >= 0 {
		return (*list)[i]
	}
	*list = append(*list, &selectNode{step: s, name: []byte(s.name), wild: n.wild})
	return (*list)[len(*list)-1]
}

// necessaryText returns the longest text without which no JSON message without
// \u and \/ meets a condition: a piece of the value that it must be equal to. It
// returns nil if there is none that could tell events apart.
func necessaryText(c *condition) *needle {
	if c.op != equal || c.value.kind != textValue {
		return nil
	}
	var longest []byte
	for _, piece := range c.value.glob.pieces {
		longest = longerText(longest, piece)
	}
	if len(longest) < 3 {
		return nil
	}
	n := newNeedle(string(longest))
	return &n
}

// longerText returns the longer of two texts, of which the second may hold
// characters that JSON spells with a backslash.
func longerText(longest, text []byte) []byte {
	for _, c := range text {
		if c < ' ' || c == '"' || c == '\\' {
			return longest
		}
	}
	if len(text) > len(longest) {
		return text
	}
	return longest
}

func (m *jsonMatcher) matches(e *Event) bool {
	// A search for a few texts is much faster than reading the event, and most
	// events are not what a filter looks for.
	if m.hasNeedles && !m.rule.mayHold(e) && e.escapesUsed() != anyEscapes {
		return false
	}
	w := walker{event: e, text: e.Text()}
	return w.run(m) && m.rule.holds(w.met)
}

// holds reports whether the rule holds when the conditions in met were met.
func (r *rule) holds(met conditionSet) bool {
	switch r.kind {
	case ruleMet:
		return met.has(r.bit)
	case ruleNotMet:
		return !met.has(r.bit)
	case ruleAll:
		for i := range r.parts {
			if !r.parts[i].holds(met) {
				return false
			}
		}
		return true
	default:
		for i := range r.parts {
			if r.parts[i].holds(met) {
				return true
			}
		}
		return false
	}
}

// mayHold reports whether the event holds the texts without which the rule cannot hold.
func (r *rule) mayHold(e *Event) bool {
	switch r.kind {
	case ruleMet:
		return r.needle == nil || r.needle.mayBeIn(e)
	case ruleNotMet:
		return true
	case ruleAll:
		for i := range r.parts {
			if !r.parts[i].mayHold(e) {
				return false
			}
		}
		return true
	default:
		for i := range r.parts {
			if r.parts[i].mayHold(e) {
				return true
			}
		}
		return false
	}
}

// cursors are the nodes that lead to one value of the event: at most one by names
// and indexes alone, and one for each wildcard of the pattern.
type cursors struct {
	nodes [1 + maxWildcards]*selectNode
	count int
	// wild holds the conditions of the nodes just reached by a wildcard.
	wild conditionSet
}

func (c *cursors) add(n *selectNode) {
	c.nodes[c.count] = n
	c.count++
}

func (c *cursors) addWild(n *selectNode) {
	c.add(n)
	c.wild = c.wild.or(n.scope)
}

// wantMember reports whether any cursor leads on to a member of the given name.
// Most names are nobody's, so this comes before moving cursors.
func (c *cursors) wantMember(name []byte) bool {
	for _, n := range c.nodes[:c.count] {
		if n.anyMember != nil {
			return true
		}
		for _, child := range n.members {
			if bytes.Equal(child.name, name) {
				return true
			}
		}
	}
	return false
}

// wantElement reports whether any cursor leads on to the element of the given index.
func (c *cursors) wantElement(index int) bool {
	for _, n := range c.nodes[:c.count] {
		if n.anyElement != nil {
			return true
		}
		for _, child := range n.elements {
			if child.step.index == index {
				return true
			}
		}
	}
	return false
}

// member leads the cursors to the member of the given name, and returns those
// who follow, and the conditions about an earlier member of that name, which no
// longer counts.
func (c *cursors) member(name []byte) (next cursors, stale conditionSet) {
	for _, n := range c.nodes[:c.count] {
		for _, child := range n.members {
			if bytes.Equal(child.name, name) {
				next.add(child)
				stale = stale.or(child.scope)
				break
			}
		}
		if n.anyMember != nil {
			next.addWild(n.anyMember)
		}
	}
	return next, stale
}

// element leads the cursors to the element of the given index.
func (c *cursors) element(index int) (next cursors) {
	for _, n := range c.nodes[:c.count] {
		for _, child := range n.elements {
			if child.step.index == index {
				next.add(child)
				break
			}
		}
		if n.anyElement != nil {
			next.addWild(n.anyElement)
		}
	}
	return next
}

// A conditionSet holds numbers of conditions. A pattern has room for fewer than
// 192: the shortest condition and what joins it to the next take seven characters.
type conditionSet [3]uint64

func (s *conditionSet) add(bit int)     { s[bit>>6] |= 1 << (bit & 63) }
func (s conditionSet) has(bit int) bool { return s[bit>>6]>>(bit&63)&1 == 1 }
func (s conditionSet) minus(t conditionSet) conditionSet {
	return conditionSet{s[0] &^ t[0], s[1] &^ t[1], s[2] &^ t[2]}
}

func (s conditionSet) and(t conditionSet) conditionSet {
	return conditionSet{s[0] & t[0], s[1] & t[1], s[2] & t[2]}
}

func (s conditionSet) or(t conditionSet) conditionSet {
	return conditionSet{s[0] | t[0], s[1] | t[1], s[2] | t[2]}
}
