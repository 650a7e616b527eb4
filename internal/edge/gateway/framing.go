package gateway

import (
	"strconv"
	"strings"
)

// A framing follows the bytes of one HTTP/1 connection and says where they stop being
// what every reader of HTTP reads alike. net/http forgives more (lines that end in a
// bare line feed, folded lines, a length beside chunks), and a proxy before us may
// forgive otherwise: then the two see different requests in the same bytes, and one
// client can speak in another's name.
//
// It lets nothing through that completes a head it refuses, so net/http has not seen
// a request when it is told that the connection is bad.
type framing struct {
	state framingState

	// Of the current line: its beginning, whether there was more, and what it ends in
	// so far.
	line     []byte
	cut      bool
	tail     [len("/1.1")]byte
	returned bool // a carriage return

	// Of the current head.
	chunks    bool // the version, HTTP/1.1, has them
	hasLength bool
	chunked   bool

	left uint64 // bytes of the body or the chunk
}

type framingState uint8

const (
	inRequestLine framingState = iota
	inHeader
	inBody
	inChunkSize
	inChunkExtension
	inChunkData
	inChunkEnd
	inTrailer
	inHTTP2 // which frames itself
)

const (
	// maxLine is how much of a line is kept: more than any line that frames a body.
	maxLine = 128
	// maxChunkDigits is enough for any body that we read.
	maxChunkDigits = 8

	http2Preface = "PRI * HTTP/2.0"
)

// check returns how many bytes of p may be passed on: all of them unless the
// connection has turned bad.
func (f *framing) check(p []byte) (good int) {
	for i := 0; i < len(p); {
		switch f.state {
		case inHTTP2:
			return len(p)
		case inBody, inChunkData:
			n := int(min(f.left, uint64(len(p)-i)))
			i += n
			if f.left -= uint64(n); f.left == 0 {
				f.bodyRead()
			}
		default:
			if !f.take(p[i]) {
				return i
			}
			i++
		}
	}
	return len(p)
}

// bodyRead goes on behind a body or a chunk.
func (f *framing) bodyRead() {
	if f.state == inChunkData {
		f.state = inChunkEnd
		return
	}
	f.begin()
}

// begin expects a new request.
func (f *framing) begin() { *f = framing{line: f.line[:0]} }

// take takes one byte of a line; good is false when no line may have it there.
func (f *framing) take(c byte) (good bool) {
	switch {
	case f.returned != (c == '\n'): // the two come together or not at all
		return false
	case c == '\n':
		good = f.endLine()
		f.line, f.cut, f.returned = f.line[:0], false, false
		return good
	case c == '\r':
		f.returned = true
		return true
	case c < ' ' && c != '\t' || c == 0x7f:
		return false
	case len(f.line) == 0 && (c == ' ' || c == '\t'): // a folded line
		return false
	case f.state == inChunkEnd:
		return false
	case f.state == inChunkSize && c == ';':
		if !f.chunkSize() {
			return false
		}
		f.state = inChunkExtension
	case f.state == inChunkSize && (!isHex(c) || len(f.line) >= maxChunkDigits):
		return false
	}
	copy(f.tail[:], f.tail[1:])
	f.tail[len(f.tail)-1] = c
	if f.cut = len(f.line) == maxLine; !f.cut {
		f.line = append(f.line, c)
	}
	return true
}

// endLine reads a line that has come to its end.
func (f *framing) endLine() (good bool) {
	switch f.state {
	case inRequestLine:
		f.chunks = string(f.tail[:]) == "/1.1"
		f.state = inHeader
		if string(f.line) == http2Preface {
			f.state = inHTTP2
			return true
		}
		return f.originForm()
	case inHeader:
		if len(f.line) == 0 {
			return f.endHead()
		}
		return f.header()
	case inChunkSize:
		good = f.chunkSize()
		f.beginChunk()
		return good
	case inChunkExtension:
		f.beginChunk()
		return true
	case inChunkEnd:
		f.state = inChunkSize
		return true
	default: // inTrailer
		if len(f.line) == 0 {
			f.begin()
			return true
		}
		name, _, ok := f.field()
		return ok && !framesBody(name)
	}
}

// originForm reports whether the request line names a path and no host: another form
// would name the host beside the head's Host, and each reader goes by the one it likes.
func (f *framing) originForm() bool {
	_, target, _ := strings.Cut(string(f.line), " ")
	return strings.HasPrefix(target, "/")
}

// field splits a line into name and value.
func (f *framing) field() (name, value string, ok bool) {
	name, value, ok = strings.Cut(string(f.line), ":")
	return name, strings.Trim(value, " \t"), ok && name != "" && !strings.ContainsAny(name, " \t")
}

func framesBody(name string) bool {
	return strings.EqualFold(name, "Content-Length") || strings.EqualFold(name, "Transfer-Encoding")
}

// header reads a line of the head. Of the two that frame the body one may come, once,
// in the plainest of its forms.
func (f *framing) header() (good bool) {
	name, value, ok := f.field()
	if !ok || !framesBody(name) {
		return ok || f.cut // a long name is net/http's to judge
	}
	if f.cut || f.hasLength || f.chunked {
		return false
	}
	if strings.EqualFold(name, "Transfer-Encoding") {
		f.chunked = true
		return strings.EqualFold(value, "chunked")
	}
	f.hasLength = true
	n, err := strconv.ParseUint(value, 10, 63)
	f.left = n
	return err == nil
}

// endHead goes on to the body, if there is one.
func (f *framing) endHead() (good bool) {
	switch {
	case f.chunked && !f.chunks:
		return false
	case f.chunked:
		f.state = inChunkSize
	case f.left > 0:
		f.state = inBody
	default:
		f.begin()
	}
	return true
}

// chunkSize reads the size of a chunk.
func (f *framing) chunkSize() (good bool) {
	n, err := strconv.ParseUint(string(f.line), 16, 63)
	f.left = n
	return err == nil
}

// beginChunk goes on to the data of a chunk, or behind the last one.
func (f *framing) beginChunk() {
	f.state = inChunkData
	if f.left == 0 {
		f.state = inTrailer
	}
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}
