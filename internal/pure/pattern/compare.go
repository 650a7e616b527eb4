package pattern

import "bytes"

// The right sides of comparisons, and how they meet a text or a number.

// newText returns the value of a quoted or bare text that is not a number.
func newText(text string) value {
	return value{kind: textValue, text: text, glob: newGlob(text)}
}

func newNumber(text string, d decimal) value {
	return value{kind: numberValue, text: text, number: d, glob: newGlob(text)}
}

func newRegex(re *regex) value {
	return value{kind: regexValue, re: re, machine: newMachine([]*regex{re})}
}

// holdsForText reports whether the comparison holds for a text. A text is
// neither less nor greater than anything.
func (c *comparison) holdsForText(text []byte) bool {
	switch c.op {
	case equal:
		return c.value.equalsText(text)
	case notEqual:
		return !c.value.equalsText(text)
	default:
		return false
	}
}

// holdsForNumber reports whether the comparison holds for a number that is
// spelled as text. Only an unquoted number on the right side is compared by size:
// the others see the spelling.
func (c *comparison) holdsForNumber(text []byte, number decimal) bool {
	if c.value.kind != numberValue {
		return c.holdsForText(text)
	}
	order := number.compare(c.value.number)
	switch c.op {
	case equal:
		return order == 0
	case notEqual:
		return order != 0
	case less:
		return order < 0
	case lessEqual:
		return order <= 0
	case greater:
		return order > 0
	case greaterEqual:
		return order >= 0
	default:
		return false
	}
}

// holdsForToken reports whether the comparison holds for a field of a
// space-delimited event, which is a number if it looks like one.
func (c *comparison) holdsForToken(token []byte) bool {
	if c.value.kind == numberValue {
		if number, ok := parseDecimal(token); ok {
			return c.holdsForNumber(token, number)
		}
	}
	return c.holdsForText(token)
}

func (v *value) equalsText(text []byte) bool {
	if v.kind == regexValue {
		return v.machine.matchesAny(text)
	}
	return v.glob.matches(text)
}

// A glob is a text in which each asterisk stands for any characters.
//
// The pieces between the asterisks are searched from left to right, each where
// it occurs first after the one before; the last must end where the text ends
// unless an asterisk follows. There is no second try: "*ab" does not match
// "abab". (AWS does the same.)
type glob struct {
	pieces [][]byte // between the asterisks
}

func newGlob(text string) glob { return glob{pieces: bytes.Split([]byte(text), []byte("*"))} }

func (g glob) matches(text []byte) bool {
	head, rest := g.pieces[0], g.pieces[1:]
	if len(rest) == 0 {
		return bytes.Equal(text, head)
	}
	text, found := bytes.CutPrefix(text, head)
	if !found {
		return false
	}
	for i, piece := range rest {
		if len(piece) == 0 {
			if i == len(rest)-1 {
				return true
			}
			continue
		}
		at := bytes.Index(text, piece)
		if at < 0 {
			return false
		}
		text = text[at+len(piece):]
	}
	return len(text) == 0
}
