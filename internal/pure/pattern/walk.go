package pattern

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
}

// run reads the message and reports whether it is JSON.
func (w *walker) run(root *selectNode) bool {
	i := w.blanks(0)
	at := cursors{nodes: [1 + maxWildcards]*selectNode{root}, count: 1}
	if i = w.visit(i, at); i < 0 {
		return false
	}
	return w.blanks(i) == len(w.text)
}

// visit reads the value at i, to which the cursors have led. Values inside
// each other are visited by recursion, but never deeper than the selectors lead.
func (w *walker) visit(i int, at cursors) int {
	if i >= len(w.text) {
		return -1
	}
	switch w.text[i] {
	case '{':
		w.testKind(at, notExists)
		for _, n := range at.nodes[:at.count] {
			if n.members != nil || n.anyMember != nil {
				return w.object(i, at)
			}
		}
		return w.skip(i)
	case '[':
		w.testKind(at, notExists)
		for _, n := range at.nodes[:at.count] {
			if n.elements != nil || n.anyElement != nil {
				return w.array(i, at)
			}
		}
		return w.skip(i)
	case '"':
		end, escaped := scanString(w.text, i)
		if end < 0 {
			return -1
		}
		text := w.text[i+1 : end-1]
		if escaped {
			text = w.unescape(text)
		}
		for _, n := range at.nodes[:at.count] {
			for _, t := range n.tests {
				if t.op == notExists || t.holdsForText(text) {
					w.met.add(t.bit)
				}
			}
		}
		return end
	case 't':
		w.testKind(at, isTrue)
		return w.keyword(i, "true")
	case 'f':
		w.testKind(at, isFalse)
		return w.keyword(i, "false")
	case 'n':
		w.testKind(at, isNull)
		return w.keyword(i, "null")
	default:
		end := scanNumber(w.text, i)
		if end < 0 {
			return -1
		}
		w.testNumber(at, w.text[i:end])
		return end
	}
}

// testKind notes which conditions are met by a value that is neither a string nor
// a number: that something is there, and the one operator that asks for it.
func (w *walker) testKind(at cursors, op operator) {
	for _, n := range at.nodes[:at.count] {
		for _, t := range n.tests {
			if t.op == notExists || t.op == op {
				w.met.add(t.bit)
			}
		}
	}
}

func (w *walker) testNumber(at cursors, text []byte) {
	number, _ := parseDecimal(text)
	for _, n := range at.nodes[:at.count] {
		for _, t := range n.tests {
			if t.op == notExists || t.holdsForNumber(text, number) {
				w.met.add(t.bit)
			}
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
