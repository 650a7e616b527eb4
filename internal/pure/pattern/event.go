package pattern

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

// An Event is the message of one log event, made ready for patterns. What one
// pattern has found out about it (whether it has escapes, its text without
// them) the next need not find out again, so that many patterns on one event are
// cheaper through an Event than through [Pattern.Match].
//
// The zero Event is empty; Reset gives it a message. An Event belongs to one
// goroutine at a time, and keeps its buffers from message to message.
type Event struct {
	raw     []byte // between the quotes of the literal
	escapes escapes
	text    []byte // the message itself, once it is needed
	hasText bool

	buffer []byte   // holds text when raw has escapes
	inner  []byte   // holds a string of a JSON message without its escapes
	nest   []uint64 // the walker's, for containers in containers
	values []span   // in text, what the selectors of a JSON pattern have found
}

// escapes says what is known about the escapes in a literal.
type escapes uint8

const (
	escapesUnknown escapes = iota
	noEscapes
	shortEscapes // none but \" \\ \n and the like: each character has one spelling
	anyEscapes   // also \uXXXX or \/: a character may have several
)

// Reset gives e the message that literal, a valid JSON string literal with its
// quotes, stands for. The literal must not change until the next Reset.
func (e *Event) Reset(literal []byte) {
	e.raw, e.escapes, e.text, e.hasText = nil, escapesUnknown, nil, false
	if len(literal) >= 2 {
		e.raw = literal[1 : len(literal)-1]
	}
}

// resetText gives e a message that is already without quotes and escapes.
func (e *Event) resetText(s string) {
	e.buffer = append(e.buffer[:0], s...)
	e.raw, e.text = e.buffer, e.buffer
	e.escapes, e.hasText = escapesUnknown, true
}

// Text returns the message. It is valid until the next Reset.
func (e *Event) Text() []byte {
	if e.hasText {
		return e.text
	}
	e.hasText = true
	if e.escapes == escapesUnknown && bytes.IndexByte(e.raw, '\\') < 0 {
		e.escapes = noEscapes
	}
	if e.escapes == noEscapes {
		e.text = e.raw
		return e.text
	}
	e.buffer = appendUnescaped(e.buffer[:0], e.raw)
	e.text = e.buffer
	return e.text
}

// escapesUsed says which escapes the literal has, or the message if Text is all there is.
func (e *Event) escapesUsed() escapes {
	if e.escapes == escapesUnknown {
		e.escapes = scanEscapes(e.raw)
	}
	return e.escapes
}

// scanEscapes looks for the escapes of raw. A backslash that is itself escaped and
// stands before "u" or "/" counts as anyEscapes too: a JSON message has its own
// escapes, and this is how they look in the literal.
func scanEscapes(raw []byte) escapes {
	// Few escapes are best found one by one, many by looking for the rare kinds.
	const few = 8
	found := noEscapes
	for range few {
		at := bytes.IndexByte(raw, '\\')
		if at < 0 {
			return found
		}
		found = shortEscapes
		raw = raw[at+1:]
		for len(raw) > 0 && raw[0] == '\\' {
			raw = raw[1:]
		}
		if len(raw) > 0 && (raw[0] == 'u' || raw[0] == '/') {
			return anyEscapes
		}
	}
	// Eight bytes at a time: is there a "u" or "/" just after a backslash?
	carry := uint64(0)
	for len(raw) >= 8 {
		word := binary.LittleEndian.Uint64(raw)
		backslash := whereByte(word, '\\')
		if (backslash<<8|carry)&(whereByte(word, 'u')|whereByte(word, '/')) != 0 {
			return anyEscapes
		}
		carry = backslash >> 56
		raw = raw[8:]
	}
	after := carry != 0
	for _, c := range raw {
		if after && (c == 'u' || c == '/') {
			return anyEscapes
		}
		after = c == '\\'
	}
	return found
}

// shortEscape is what the letter after a backslash stands for, or 0.
var shortEscape = [256]byte{
	'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t',
}

// appendUnescaped appends what raw, the inside of a valid JSON string literal,
// stands for. Half a surrogate pair becomes U+FFFD.
func appendUnescaped(dst, raw []byte) []byte {
	// The text is never longer than raw; eight bytes more let whole words be
	// copied up to the end.
	start := len(dst)
	if need := start + len(raw) + 8; cap(dst) < need {
		dst = append(make([]byte, 0, need+need/4), dst...)
	}
	out := dst[:cap(dst)]
	n := start
	for i := 0; i < len(raw); {
		if len(raw)-i >= 8 {
			word := binary.LittleEndian.Uint64(raw[i:])
			binary.LittleEndian.PutUint64(out[n:], word)
			stop := equalBytes(word, '\\')
			if stop == 0 {
				i += 8
				n += 8
				continue
			}
			skip := bits.TrailingZeros64(stop) >> 3
			i += skip
			n += skip
		} else if raw[i] != '\\' {
			out[n] = raw[i]
			i++
			n++
			continue
		}
		if i+1 == len(raw) {
			break // not a valid literal
		}
		if c := shortEscape[raw[i+1]]; c != 0 {
			out[n] = c
			n++
			i += 2
			continue
		}
		r, next := unescapeRune(raw, i)
		n += utf8.EncodeRune(out[n:], r)
		i = next
	}
	return out[:n]
}

// unescapeRune reads the \uXXXX at i, with the one after it if they are a pair,
// and returns the character and the position after it.
func unescapeRune(raw []byte, i int) (r rune, next int) {
	r, ok := hexRune(raw, i)
	if !ok {
		return utf8.RuneError, min(i+2, len(raw)) // not a valid literal
	}
	if !utf16.IsSurrogate(r) {
		return r, i + 6
	}
	if low, ok := hexRune(raw, i+6); ok {
		if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
			return pair, i + 12
		}
	}
	return utf8.RuneError, i + 6
}

func hexRune(raw []byte, i int) (r rune, ok bool) {
	if len(raw)-i < 6 || raw[i] != '\\' || raw[i+1] != 'u' {
		return 0, false
	}
	for _, c := range raw[i+2 : i+6] {
		digit := hexDigit[c]
		if digit == 0 {
			return 0, false
		}
		r = r<<4 | rune(digit-1)
	}
	return r, true
}

// hexDigit is one more than the value of a hexadecimal digit, and 0 for any other byte.
var hexDigit = [256]byte{
	'0': 1, '1': 2, '2': 3, '3': 4, '4': 5, '5': 6, '6': 7, '7': 8, '8': 9, '9': 10,
	'a': 11, 'b': 12, 'c': 13, 'd': 14, 'e': 15, 'f': 16,
	'A': 11, 'B': 12, 'C': 13, 'D': 14, 'E': 15, 'F': 16,
}

const (
	lowBits  = 0x0101010101010101
	highBits = 0x8080808080808080
)

// equalBytes returns a word whose lowest set bit is in the first byte of word that
// is c; 0 if there is none. Bits above the lowest mean nothing.
func equalBytes(word uint64, c byte) uint64 {
	x := word ^ lowBits*uint64(c)
	return (x - lowBits) &^ x & highBits
}

// whereByte returns a word with the highest bit of each byte set that is c in word.
func whereByte(word uint64, c byte) uint64 {
	x := word ^ lowBits*uint64(c)
	return ^(x&^highBits + ^uint64(highBits) | x) & highBits
}
