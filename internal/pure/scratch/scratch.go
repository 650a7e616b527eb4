// Package scratch keeps large pieces of memory for those who need the like again soon.
package scratch

import "sync"

// Smallest is how many bytes a slice must have to be kept. Making a smaller one costs
// about as much as finding one.
const Smallest = 32 << 10

// Bytes are byte slices for a while, such as the encoded form of something that is being
// sent. The zero value is ready, and may be used by many goroutines. What nobody takes for
// some time goes to the garbage collector.
type Bytes struct {
	pool sync.Pool // of *[]byte
}

// Get returns an empty slice with room for n bytes.
func (p *Bytes) Get(n int) []byte {
	if n >= Smallest {
		if b, ok := p.pool.Get().(*[]byte); ok && cap(*b) >= n {
			return *b
		}
	}
	return make([]byte, 0, n)
}

// Put takes a slice that nothing refers to any more.
func (p *Bytes) Put(b []byte) {
	if cap(b) >= Smallest {
		b = b[:0]
		p.pool.Put(&b)
	}
}
