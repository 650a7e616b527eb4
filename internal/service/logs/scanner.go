package logs

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// A scanner walks over one JSON text without building anything. It is as strict
// as the other JSON of this program: what RFC 8259 accepts, in UTF-8, without
// names that occur twice in an object and without surrogates that have no
// partner. After the first mistake broken is true and nothing moves any more.
type scanner struct {
	data   []byte
	pos    int
	broken bool
	names  [][]byte // of the objects that are open, the outermost first
}

// fail ends the scan.
func (s *scanner) fail() {
	s.broken = true
	s.pos = len(s.data)
}

// peek is the next byte, 0 at the end.
func (s *scanner) peek() byte {
	if s.pos < len(s.data) {
		return s.data[s.pos]
	}
	return 0
}

func (s *scanner) space() {
	for s.pos < len(s.data) {
		switch s.data[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

// expect takes one byte.
func (s *scanner) expect(c byte) {
	if s.peek() != c || s.pos >= len(s.data) {
		s.fail()
		return
	}
	s.pos++
}

// word takes a literal name.
func (s *scanner) word(w string) {
	if !bytes.HasPrefix(s.data[s.pos:], []byte(w)) {
		s.fail()
		return
	}
	s.pos += len(w)
}

// null takes null, if that is what comes.
func (s *scanner) null() bool {
	if s.peek() != 'n' {
		return false
	}
	s.word("null")
	return true
}

// object takes an object and calls member with each name, to take the value.
// depth is how many levels there may be, this one included.
func (s *scanner) object(depth int, member func(name []byte)) {
	if depth <= 0 {
		s.fail()
		return
	}
	s.expect('{')
	s.space()
	if s.peek() == '}' {
		s.pos++
		return
	}
	names := nameSet{scanner: s, first: len(s.names)}
	defer names.close()
	for !s.broken {
		if s.peek() != '"' {
			s.fail()
			return
		}
		lit := s.string()
		s.space()
		s.expect(':')
		s.space()
		if s.broken {
			return
		}
		name := s.data[lit.start+1 : lit.end-1]
		if lit.length != len(name) {
			name = []byte(unquote(s.data[lit.start:lit.end]))
		}
		if !names.add(name) {
			s.fail()
			return
		}
		member(name)
		s.space()
		switch s.peek() {
		case ',':
			s.pos++
			s.space()
		case '}':
			s.pos++
			return
		default:
			s.fail()
		}
	}
}

// A nameSet is the names of one object that is being scanned.
type nameSet struct {
	scanner *scanner
	first   int             // of its names in the scanner's
	many    map[string]bool // in their place when they are many
}

// add reports whether the name is new.
func (n *nameSet) add(name []byte) bool {
	const few = 16
	own := n.scanner.names[n.first:]
	if n.many == nil && len(own) < few {
		for _, known := range own {
			if string(known) == string(name) {
				return false
			}
		}
		n.scanner.names = append(n.scanner.names, name)
		return true
	}
	if n.many == nil {
		n.many = map[string]bool{}
		for _, known := range own {
			n.many[string(known)] = true
		}
	}
	if n.many[string(name)] {
		return false
	}
	n.many[string(name)] = true
	return true
}

func (n *nameSet) close() { n.scanner.names = n.scanner.names[:n.first] }

// array takes an array and calls item to take each item.
func (s *scanner) array(item func()) {
	s.expect('[')
	s.space()
	if s.peek() == ']' {
		s.pos++
		return
	}
	for !s.broken {
		item()
		s.space()
		switch s.peek() {
		case ',':
			s.pos++
			s.space()
		case ']':
			s.pos++
			return
		default:
			s.fail()
		}
	}
}

// skip takes any value of at most depth levels.
func (s *scanner) skip(depth int) {
	switch c := s.peek(); {
	case c == '{':
		s.object(depth, func([]byte) { s.skip(depth - 1) })
	case c == '[':
		if depth <= 0 {
			s.fail()
			return
		}
		s.array(func() { s.skip(depth - 1) })
	case c == '"':
		s.string()
	case c == 't':
		s.word("true")
	case c == 'f':
		s.word("false")
	case c == 'n':
		s.word("null")
	default:
		s.number()
	}
}

// number takes a number and returns its text.
func (s *scanner) number() []byte {
	start := s.pos
	if s.peek() == '-' {
		s.pos++
	}
	if s.peek() == '0' {
		s.pos++
	} else {
		s.digits()
	}
	if s.peek() == '.' {
		s.pos++
		s.digits()
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.pos++
		if c := s.peek(); c == '+' || c == '-' {
			s.pos++
		}
		s.digits()
	}
	if s.broken {
		return nil
	}
	return s.data[start:s.pos]
}

// digits takes one digit or more.
func (s *scanner) digits() {
	start := s.pos
	for c := s.peek(); c >= '0' && c <= '9'; c = s.peek() {
		s.pos++
	}
	if s.pos == start {
		s.fail()
	}
}

// A literal is a JSON string in the text.
type literal struct {
	start, end int // with the quotes
	length     int // of what it stands for, in bytes of UTF-8
}

// string takes a JSON string. Most of a body is taken here.
func (s *scanner) string() literal {
	lit := literal{start: s.pos}
	data, i := s.data, s.pos+1
	saved := 0 // how much longer the literal is than what it stands for
	for {
		if i+8 <= len(data) {
			w := binary.LittleEndian.Uint64(data[i:])
			found := special(w)
			if found == 0 {
				i += 8
				continue
			}
			i += bits.TrailingZeros64(found) / 8
		} else if i >= len(data) {
			s.fail()
			return lit
		}
		switch c := data[i]; {
		case c == '"':
			s.pos = i + 1
			lit.end, lit.length = s.pos, i-lit.start-1-saved
			return lit
		case c == '\\':
			n, length := escape(data[i:])
			if n == 0 {
				s.fail()
				return lit
			}
			i += n
			saved += n - length
		case c >= utf8.RuneSelf:
			n := multibyte(data[i:])
			if n == 0 {
				s.fail()
				return lit
			}
			i += n
		case c < ' ':
			s.fail()
			return lit
		default: // among the last seven bytes
			i++
		}
	}
}

// special marks, in eight bytes of a string, those that do not simply stand for
// themselves: quote, backslash, control characters and what is not ASCII. The
// lowest bit that is set is the top bit of the first such byte; a borrow may set
// bits above it.
func special(w uint64) uint64 {
	const (
		ones = 0x0101010101010101
		tops = 0x8080808080808080
	)
	quote, slash := w^(ones*'"'), w^(ones*'\\')
	return ((quote-ones)&^quote | (slash-ones)&^slash | (w-ones*' ')&^w | w) & tops
}

// multibyte is how many bytes at the front of b are well-formed characters
// beyond ASCII, 0 if the first is not.
func multibyte(b []byte) int {
	i := 0
	for i < len(b) && b[i] >= utf8.RuneSelf {
		// Two bytes are the most frequent case outside ASCII.
		if b[i] >= 0xC2 && b[i] < 0xE0 && i+1 < len(b) && b[i+1]&0xC0 == 0x80 {
			i += 2
			continue
		}
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			return 0
		}
		i += n
	}
	return i
}

// escape measures the escape sequence at the front of b: its own length and
// that of the UTF-8 it stands for. n is 0 if it is none.
func escape(b []byte) (n, length int) {
	if len(b) < 2 {
		return 0, 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2, 1
	case 'u':
		return escapedUnit(b)
	}
	return 0, 0
}

// escapedUnit is escape for \u and what follows.
func escapedUnit(b []byte) (n, length int) {
	r, ok := hex4(b[2:])
	switch {
	case !ok:
		return 0, 0
	case !utf16.IsSurrogate(r):
		return 6, utf8.RuneLen(r)
	case len(b) < 12 || b[6] != '\\' || b[7] != 'u':
		return 0, 0
	}
	low, ok := hex4(b[8:])
	if !ok || utf16.DecodeRune(r, low) == utf8.RuneError {
		return 0, 0
	}
	return 12, 4
}

func hex4(b []byte) (r rune, ok bool) {
	if len(b) < 4 {
		return 0, false
	}
	for _, c := range b[:4] {
		r <<= 4
		switch {
		case '0' <= c && c <= '9':
			r |= rune(c - '0')
		case 'a' <= c && c <= 'f':
			r |= rune(c - 'a' + 10)
		case 'A' <= c && c <= 'F':
			r |= rune(c - 'A' + 10)
		default:
			return 0, false
		}
	}
	return r, true
}

// unquote returns what a checked literal stands for.
func unquote(literal []byte) string {
	text := literal[1 : len(literal)-1]
	if bytes.IndexByte(text, '\\') < 0 {
		return string(text)
	}
	out, err := jsontext.AppendUnquote(nil, literal)
	if err != nil {
		panic("logs: literal was not checked: " + err.Error())
	}
	return string(out)
}
