package gateway

import (
	"sync"

	"github.com/klauspost/compress/gzip"

	"tributary/internal/pure/scratch"
)

const (
	// smallBody is what any client may make us read before it has named a key
	// that exists. Control requests are smaller.
	smallBody = 8 << 10

	largeBuffer = scratch.Smallest // the smallest of the large buffers
)

// buffers are used again by later requests. A buffer is always owned by one
// request, which returns it empty-handed: with nothing referring to its bytes.
type buffers struct {
	small sync.Pool // of *[]byte
	large scratch.Buffers
	gzip  sync.Pool // of *gzip.Reader
}

// capacityFor is the capacity of the buffer that somebody gets who wants one of at
// least so many bytes.
func capacityFor(want int) int {
	if want <= smallBody+1 {
		return smallBody + 1
	}
	return scratch.Capacity(max(want, largeBuffer))
}

// get returns an empty buffer of capacityFor(want) bytes.
func (p *buffers) get(want int) *[]byte {
	if want > smallBody+1 {
		return p.large.Get(capacityFor(want))
	}
	if b, ok := p.small.Get().(*[]byte); ok {
		return b
	}
	fresh := make([]byte, 0, smallBody+1)
	return &fresh
}

func (p *buffers) put(b *[]byte) {
	if cap(*b) != smallBody+1 {
		p.large.Put(b)
		return
	}
	*b = (*b)[:0]
	p.small.Put(b)
}

// grow returns a buffer of capacityFor(want) bytes with the bytes of b, which it takes.
func (p *buffers) grow(b *[]byte, want int) *[]byte {
	larger := p.get(want)
	*larger = append(*larger, *b...)
	p.put(b)
	return larger
}

func (p *buffers) gzipReader() *gzip.Reader {
	if zr, ok := p.gzip.Get().(*gzip.Reader); ok {
		return zr
	}
	return new(gzip.Reader)
}
