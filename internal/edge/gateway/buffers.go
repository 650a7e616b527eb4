package gateway

import (
	"sync"

	"github.com/klauspost/compress/gzip"
)

const (
	// smallBody is what any client may make us read before it has named a key
	// that exists. Control requests are smaller.
	smallBody = 8 << 10

	largeBuffer = 64 << 10 // a large buffer to begin with
	maxPooled   = 4 << 20  // the largest one kept for another request
)

// buffers are used again by later requests. A buffer is always owned by one
// request, which returns it empty-handed: with nothing referring to its bytes.
type buffers struct {
	small, large sync.Pool // of *[]byte
	gzip         sync.Pool // of *gzip.Reader
}

// get returns an empty buffer of at least that capacity.
func (p *buffers) get(capacity int) *[]byte {
	pool, least := &p.small, smallBody+1
	if capacity > least {
		pool, least = &p.large, max(capacity, largeBuffer)
	}
	b, ok := pool.Get().(*[]byte)
	if ok && cap(*b) >= capacity {
		return b
	}
	if ok {
		p.put(b)
	}
	fresh := make([]byte, 0, least)
	return &fresh
}

func (p *buffers) put(b *[]byte) {
	*b = (*b)[:0]
	switch c := cap(*b); {
	case c >= largeBuffer && c <= maxPooled:
		p.large.Put(b)
	case c == smallBody+1:
		p.small.Put(b)
	}
}

// grow returns a buffer of twice the capacity, but no more than most, with the
// bytes of b, which it takes.
func (p *buffers) grow(b *[]byte, most int) *[]byte {
	larger := p.get(min(2*cap(*b), most))
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
