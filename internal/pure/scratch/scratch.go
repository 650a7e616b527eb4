// Package scratch keeps large buffers for those who need the like again soon.
package scratch

import (
	"math/bits"
	"sync"
)

const (
	// Smallest is the capacity of the smallest buffer that is kept: making a smaller one
	// costs little.
	Smallest = 64 << 10
	// Largest is that of the largest one.
	Largest = 4 << 20

	// sizes is how many capacities buffers that are kept have: four between each capacity
	// and its double.
	sizes = 1 + 4*6
)

// Buffers are byte slices that are used again by others, each by one at a time. What
// nobody takes for some time goes to the garbage collector. A buffer is at most a quarter
// larger than was asked for: if a larger one would do, all that go around would become as
// large as the largest. The zero value is ready, and may be used by many goroutines.
type Buffers struct {
	bySize [sizes]sync.Pool // of *[]byte
}

// Capacity is the capacity of the buffer that somebody gets who wants room for so many
// bytes.
func Capacity(want int) int {
	if want < Smallest || want > Largest {
		return want
	}
	step := 1 << max(0, bits.Len(uint(want-1))-3) // of the four
	return (want + step - 1) / step * step
}

// sizeOf is which of the sizes a capacity is, ok whether it is one.
func sizeOf(capacity int) (size int, ok bool) {
	if capacity < Smallest || capacity > Largest || capacity != Capacity(capacity) {
		return 0, false
	}
	doubled := bits.Len(uint(capacity-1)) - bits.Len(Smallest-1)
	if doubled == 0 {
		return 0, true
	}
	quarter := (capacity - 1) >> (bits.Len(uint(capacity-1)) - 3) & 3
	return 1 + 4*(doubled-1) + quarter, true
}

// Get returns an empty buffer of Capacity(want) bytes.
func (p *Buffers) Get(want int) *[]byte {
	capacity := Capacity(want)
	if size, ok := sizeOf(capacity); ok {
		if b, ok := p.bySize[size].Get().(*[]byte); ok {
			return b
		}
	}
	fresh := make([]byte, 0, capacity)
	return &fresh
}

// Put takes a buffer to whose bytes nothing refers any more. It need not be one that Get
// returned.
func (p *Buffers) Put(b *[]byte) {
	*b = (*b)[:0]
	if size, ok := sizeOf(cap(*b)); ok {
		p.bySize[size].Put(b)
	}
}
