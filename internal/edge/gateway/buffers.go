package gateway

import (
	"math/bits"
	"sync"

	"github.com/klauspost/compress/gzip"
)

const (
	// smallBody is what any client may make us read before it has named a key
	// that exists. Control requests are smaller.
	smallBody = 8 << 10

	largeBuffer = 64 << 10 // the smallest of the large buffers
	maxPooled   = 4 << 20  // the largest one kept for another request
	// sizes is how many capacities large buffers that are kept have: four between each
	// capacity and its double.
	sizes = 1 + 4*6
)

// buffers are used again by later requests. A buffer is always owned by one
// request, which returns it empty-handed: with nothing referring to its bytes.
type buffers struct {
	small sync.Pool        // of *[]byte
	large [sizes]sync.Pool // the same
	gzip  sync.Pool        // of *gzip.Reader
}

// capacityFor is the capacity of the buffer that somebody gets who wants one of at
// least so many bytes.
func capacityFor(want int) int {
	switch {
	case want <= smallBody+1:
		return smallBody + 1
	case want > maxPooled:
		return want
	}
	want = max(want, largeBuffer)
	step := 1 << max(0, bits.Len(uint(want-1))-3) // of the four
	return (want + step - 1) / step * step
}

// sizeOf is which of the sizes a capacity is.
func sizeOf(capacity int) int {
	doubled := bits.Len(uint(capacity-1)) - bits.Len(largeBuffer-1)
	if doubled == 0 {
		return 0 // the smallest
	}
	quarter := (capacity - 1) >> (bits.Len(uint(capacity-1)) - 3) & 3
	return 1 + 4*(doubled-1) + quarter
}

// pool is where buffers of a capacity are kept, nil for nowhere.
func (p *buffers) pool(capacity int) *sync.Pool {
	switch {
	case capacity == smallBody+1:
		return &p.small
	case capacity < largeBuffer || capacity > maxPooled || capacity != capacityFor(capacity):
		return nil
	}
	return &p.large[sizeOf(capacity)]
}

// get returns an empty buffer of capacityFor(want) bytes.
func (p *buffers) get(want int) *[]byte {
	capacity := capacityFor(want)
	if pool := p.pool(capacity); pool != nil {
		if b, ok := pool.Get().(*[]byte); ok {
			return b
		}
	}
	fresh := make([]byte, 0, capacity)
	return &fresh
}

func (p *buffers) put(b *[]byte) {
	*b = (*b)[:0]
	if pool := p.pool(cap(*b)); pool != nil {
		pool.Put(b)
	}
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
