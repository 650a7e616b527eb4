package pattern

import (
	"math/bits"
	"unicode/utf8"
)

// A machine searches a text for several regular expressions at once, in one
// pass and without ever going back, whatever they are and whatever the text.
//
// Without groups, an expression is a row of positions, each of which takes one
// character of a set, may be left out, and may be repeated. The state of the
// search is one bit for each position: set when the text read so far ends with
// what the expression asks for up to there (Navarro and Raffinot, Flexible
// Pattern Matching in Strings, 2002, 4.5). A step is a shift, an AND with the
// positions that take the character, and for positions that may be left out a
// subtraction, whose borrow runs through a block of them as far as it must:
//
//	%ab?c+|^x%      bits   s a b c s x        s: a start bit, before the first position
//	starts                 1 . . . 1 .        of each alternative; it takes no character
//	always                 1 . . . . .        set again after each character
//	repeats                . . . 1 . .
//	skips                  . . 1 . . .        may be left out
//	before                 . 1 . . . .        the bit before each block of skips
//	last                   . . 1 . . .        the last bit of each block
//	accepts                . . . 1 . 1
type machine struct {
	words  int
	takes  []uint64 // words for each code point 0 to 255 and otherChars: the positions that take it
	starts []uint64
	always []uint64

	repeats []uint64
	skips   []uint64
	before  []uint64
	last    []uint64
	hasSkip bool

	accepts    []uint64 // an expression is found
	acceptsEnd []uint64 // an expression is found if the text ends here
	// groups holds for each expression the accepting bits of its alternatives.
	groups [][]uint64
}

// maxWords holds maxPositions and a start bit for each alternative that a pattern
// has room for.
const maxWords = (maxPositions + MaxLength + 63) / 64

// newMachine returns a machine for expressions, or nil if there are none.
func newMachine(expressions []*regex) *machine {
	if len(expressions) == 0 {
		return nil
	}
	positions := 0
	for _, re := range expressions {
		positions += re.positions() + len(re.alternatives)
	}
	words := (positions + 63) / 64
	row := func() []uint64 { return make([]uint64, words) }
	m := &machine{
		words:  words,
		takes:  make([]uint64, (otherChars+1)*words),
		starts: row(), always: row(), repeats: row(), skips: row(), before: row(), last: row(),
		accepts: row(), acceptsEnd: row(),
	}
	bit := 0
	for _, re := range expressions {
		group := row()
		for _, alt := range re.alternatives {
			bit = m.add(alt, bit, group)
		}
		m.groups = append(m.groups, group)
	}
	return m
}

// add lays out an alternative from a bit on and returns the bit after it.
func (m *machine) add(alt alternative, bit int, group []uint64) int {
	if alt.never {
		return bit + 1
	}
	setBit(m.starts, bit)
	if !alt.atBegin {
		setBit(m.always, bit)
	}
	inSkips := false
	position := func(set charSet, skip, repeat bool) {
		bit++
		for c := range otherChars + 1 {
			if set.has(c) {
				setBit(m.takes[c*m.words:], bit)
			}
		}
		if repeat {
			setBit(m.repeats, bit)
		}
		switch {
		case skip && !inSkips:
			setBit(m.before, bit-1)
		case !skip && inSkips:
			setBit(m.last, bit-1)
		}
		if skip {
			setBit(m.skips, bit)
			m.hasSkip = true
		}
		inSkips = skip
	}
	for _, a := range alt.atoms {
		for i := range a.positions() {
			endless := a.max == unlimited && i == a.positions()-1
			position(a.set, i >= a.min, endless)
		}
	}
	if inSkips {
		setBit(m.last, bit)
	}
	if alt.atEnd {
		setBit(m.acceptsEnd, bit)
	} else {
		setBit(m.accepts, bit)
	}
	setBit(group, bit)
	return bit + 1
}

func setBit(row []uint64, bit int) { row[bit>>6] |= 1 << (bit & 63) }

// matchesAny reports whether text holds any of the expressions.
func (m *machine) matchesAny(text []byte) bool {
	if m.words == 1 {
		return m.search(text)
	}
	return m.searchWide(text, false)
}

// matchesAll reports whether text holds each of the expressions.
func (m *machine) matchesAll(text []byte) bool {
	if len(m.groups) == 1 {
		return m.matchesAny(text)
	}
	return m.searchWide(text, true)
}

// search is matchesAny for a machine of one word.
func (m *machine) search(text []byte) bool {
	var (
		takes   = (*[otherChars + 1]uint64)(m.takes)
		always  = m.always[0]
		repeats = m.repeats[0]
		accepts = m.accepts[0]
		state   = m.skip(m.starts[0])
	)
	if state&accepts != 0 {
		return true
	}
	for i := 0; i < len(text); {
		c := int(text[i])
		if c < utf8.RuneSelf {
			i++
		} else {
			c, i = wideChar(text, i)
		}
		state = (state<<1|state&repeats)&takes[c] | always
		if m.hasSkip {
			state = m.skip(state)
		}
		if state&accepts != 0 {
			return true
		}
	}
	return state&m.acceptsEnd[0] != 0
}

// skip adds to the state the positions that are reached by leaving others out.
func (m *machine) skip(state uint64) uint64 {
	withLast := state | m.last[0]
	return state | m.skips[0]&^((withLast-m.before[0])^withLast)
}

// searchWide is matchesAny and matchesAll for a machine of any size.
func (m *machine) searchWide(text []byte, all bool) bool {
	var stateRow, seenRow [maxWords]uint64
	state, seen := stateRow[:m.words], seenRow[:m.words]
	copy(state, m.starts)
	m.skipWide(state)
	if m.accept(state, seen, m.accepts) && (!all || m.complete(seen)) {
		return true
	}
	for i := 0; i < len(text); {
		c := int(text[i])
		if c < utf8.RuneSelf {
			i++
		} else {
			c, i = wideChar(text, i)
		}
		takes := m.takes[c*m.words:][:m.words]
		carry, hit := uint64(0), uint64(0)
		for w, s := range state {
			next := (s<<1|carry|s&m.repeats[w])&takes[w] | m.always[w]
			carry = s >> 63
			state[w] = next
			hit |= next & m.accepts[w] &^ seen[w]
		}
		if m.hasSkip {
			m.skipWide(state)
			hit = 1
		}
		if hit != 0 && m.accept(state, seen, m.accepts) && (!all || m.complete(seen)) {
			return true
		}
	}
	return m.accept(state, seen, m.acceptsEnd) && (!all || m.complete(seen))
}

func (m *machine) skipWide(state []uint64) {
	borrow := uint64(0)
	for w, s := range state {
		withLast := s | m.last[w]
		var difference uint64
		difference, borrow = bits.Sub64(withLast, m.before[w], borrow)
		state[w] = s | m.skips[w]&^(difference^withLast)
	}
}

// accept adds to seen the accepting bits of the state and reports whether there
// were any new ones.
func (m *machine) accept(state, seen, accepting []uint64) bool {
	found := false
	for w, s := range state {
		fresh := s & accepting[w] &^ seen[w]
		seen[w] |= fresh
		found = found || fresh != 0
	}
	return found
}

// complete reports whether each expression has been seen.
func (m *machine) complete(seen []uint64) bool {
	for _, group := range m.groups {
		met := uint64(0)
		for w, g := range group {
			met |= g & seen[w]
		}
		if met == 0 {
			return false
		}
	}
	return true
}

// wideChar reads the character at i, which is not ASCII, and returns its column in
// the table of a machine and the position after it.
func wideChar(text []byte, i int) (column, next int) {
	r, size := utf8.DecodeRune(text[i:])
	if r < otherChars {
		return int(r), i + size
	}
	return otherChars, i + size
}
