package pattern

import "bytes"

// A walker reads a JSON message once from end to end, without building anything.
// It follows the selectors where they lead, and checks the rest only for being
// JSON (RFC 8259): one fault anywhere, and nothing matches.
//
// Its methods take the position where something begins and return the position
// after it, or -1 when it is not JSON.
type walker struct {
	event *Event
	text  []byte
	// met holds the conditions that are met by what has been read.
	met conditionSet
	// found holds, by the number of their first test, the nodes without a wildcard
	// whose value has been found; event.values has where. Their conditions are
	// looked at in the end, when no later member of the same name can come.
	found conditionSet
}

// A span is a part of the text.
type span struct{ begin, end int }

// run reads the message and reports whether it is JSON.
func (w *walker) run(m *jsonMatcher) bool {
	if len(w.event.values) < m.conditions {
		w.event.values = make([]span, m.conditions)
	}
	i := w.blanks(0)
	at := cursors{nodes: [1 + maxWildcards]*selectNode{m.root}, count: 1}
	if i = w.visit(i, at); i < 0 || w.blanks(i) < len(w.text) {
		return false
	}
	for _, n := range m.single {
		if first := n.tests[0].bit; w.found.has(first) {
			value := w.event.values[first]
			w.test(n, w.text[value.begin:value.end])
		}
	}
	return true
}

// visit reads the value at i, to which the cursors have led. Values inside
// each other are visited by recursion, but never deeper than the selectors lead.
func (w *walker) visit(i int, at cursors) int {
	end := w.read(i, at)
	if end < 0 {
		return -1
	}
	for _, n := range at.nodes[:at.count] {
		switch {
		case n.tests == nil:
		case n.wild:
			w.test(n, w.text[i:end])
		default:
			first := n.tests[0].bit
			w.found.add(first)
			w.event.values[first] = span{i, end}
		}
	}
	return end
}

func (w *walker) read(i int, at cursors) int {
	if i < len(w.text) && w.text[i] == '{' {
		for _, n := range at.nodes[:at.count] {
			if n.members != nil || n.anyMember != nil {
				return w.object(i, at)
			}
		}
	}
	if i < len(w.text) && w.text[i] == '[' {
		for _, n := range at.nodes[:at.count] {
			if n.elements != nil || n.anyElement != nil {
				return w.array(i, at)
			}
		}
	}
	return w.skip(i)
}

// test notes which conditions of a node its value meets.
func (w *walker) test(n *selectNode, value []byte) {
	switch value[0] {
	case '"':
		text := value[1 : len(value)-1]
		if bytes.IndexByte(text, '\\') >= 0 {
			text = w.unescape(text)
		}
		for _, t := range n.tests {
			if t.op == notExists || t.holdsForText(text) {
				w.met.add(t.bit)
			}
		}
	case '{', '[':
		w.testKind(n, notExists)
	case 't':
		w.testKind(n, isTrue)
	case 'f':
		w.testKind(n, isFalse)
	case 'n':
		w.testKind(n, isNull)
	default:
		number, _ := parseDecimal(value)
		for _, t := range n.tests {
			if t.op == notExists || t.holdsForNumber(value, number) {
				w.met.add(t.bit)
			}
		}
	}
}

// testKind notes which conditions are met by a value that is neither a string nor
// a number: that something is there, and the one operator that asks for it.
func (w *walker) testKind(n *selectNode, op operator) {
	for _, t := range n.tests {
		if t.op == notExists || t.op == op {
			w.met.add(t.bit)
		}
	}
}

// unescape returns what stands for the inside of a string; until the next call.
func (w *walker) unescape(text []byte) []byte {
	w.event.inner = appendUnescaped(w.event.inner[:0], text)
	return w.event.inner
}

// object reads the object at i, into which cursors lead.
func (w *walker) object(i int, at cursors) int {
	i = w.blanks(i + 1)
	if i < len(w.text) && w.text[i] == '}' {
		return i + 1
	}
	for {
		if i >= len(w.text) || w.text[i] != '"' {
			return -1
		}
		end, escaped := scanString(w.text, i)
		if end < 0 {
			return -1
		}
		name := w.text[i+1 : end-1]
		if escaped {
			name = w.unescape(name)
		}
		wanted := at.wantMember(name)
		var next cursors
		if wanted {
			var stale conditionSet
			next, stale = at.member(name)
			w.met = w.met.minus(stale)
			w.found = w.found.minus(stale)
		}
		if i = w.colon(end); i < 0 {
			return -1
		}
		if wanted {
			i = w.follow(i, next)
		} else {
			i = w.skip(i)
		}
		if i < 0 {
			return -1
		}
		i = w.blanks(i)
		if i >= len(w.text) {
			return -1
		}
		if w.text[i] == '}' {
			return i + 1
		}
		if w.text[i] != ',' {
			return -1
		}
		i = w.blanks(i + 1)
	}
}

// array reads the array at i, into which cursors lead.
func (w *walker) array(i int, at cursors) int {
	i = w.blanks(i + 1)
	if i < len(w.text) && w.text[i] == ']' {
		return i + 1
	}
	for index := 0; ; index++ {
		if at.wantElement(index) {
			i = w.follow(i, at.element(index))
		} else {
			i = w.skip(i)
		}
		if i < 0 {
			return -1
		}
		i = w.blanks(i)
		if i >= len(w.text) {
			return -1
		}
		if w.text[i] == ']' {
			return i + 1
		}
		if w.text[i] != ',' {
			return -1
		}
		i = w.blanks(i + 1)
	}
}

// follow visits the value at i. What a wildcard has met elsewhere stays met,
// whatever repeated names there are in this value.
func (w *walker) follow(i int, next cursors) int {
	elsewhere := w.met.and(next.wild)
	i = w.visit(i, next)
	w.met = w.met.or(elsewhere)
	return i
}

// skip reads the value at i, however deep, and only checks it.
func (w *walker) skip(i int) int {
	text := w.text
	depth := 0             // containers begun and not ended
	kinds := uint64(0)     // of the innermost 64 of them: 1 for an object
	outer := &w.event.nest // the kinds of those further out
	*outer = (*outer)[:0]
	for {
		if i >= len(text) {
			return -1
		}
		c := text[i]
		switch c {
		case '"':
			i, _ = scanString(text, i)
		case '{', '[':
			next := w.blanks(i + 1)
			if next < len(text) && text[next] == c+2 { // "}" and "]" stand two after their beginnings
				i = next + 1
				break
			}
			if depth > 0 && depth%64 == 0 {
				*outer = append(*outer, kinds)
			}
			depth++
			kinds <<= 1
			i = next
			if c == '{' {
				kinds |= 1
				if i = w.memberName(i); i < 0 {
					return -1
				}
			}
			continue
		case 't':
			i = w.keyword(i, "true")
		case 'f':
			i = w.keyword(i, "false")
		case 'n':
			i = w.keyword(i, "null")
		default:
			i = scanNumber(text, i)
		}
		if i < 0 {
			return -1
		}
		// A value is read: what ends with it, and what comes next?
		for {
			if depth == 0 {
				return i
			}
			i = w.blanks(i)
			if i >= len(text) {
				return -1
			}
			if text[i] == ',' {
				i = w.blanks(i + 1)
				if kinds&1 == 1 {
					if i = w.memberName(i); i < 0 {
						return -1
					}
				}
				break
			}
			if kinds&1 == 1 && text[i] != '}' || kinds&1 == 0 && text[i] != ']' {
				return -1
			}
			i++
			depth--
			kinds >>= 1
			if depth > 0 && depth%64 == 0 {
				last := len(*outer) - 1
				kinds = (*outer)[last]
				*outer = (*outer)[:last]
			}
		}
	}
}

// memberName reads a name and the colon after it.
func (w *walker) memberName(i int) int {
	if i >= len(w.text) || w.text[i] != '"' {
		return -1
	}
	end, _ := scanString(w.text, i)
	if end < 0 {
		return -1
	}
	return w.colon(end)
}

// colon reads a colon and the blanks around it.
func (w *walker) colon(i int) int {
	i = w.blanks(i)
	if i >= len(w.text) || w.text[i] != ':' {
		return -1
	}
	return w.blanks(i + 1)
}

func (w *walker) blanks(i int) int {
	for i < len(w.text) && isBlank(w.text[i]) {
		i++
	}
	return i
}

func (w *walker) keyword(i int, word string) int {
	if len(w.text)-i < len(word) || string(w.text[i:i+len(word)]) != word {
		return -1
	}
	return i + len(word)
}
