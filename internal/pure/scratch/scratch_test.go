package scratch

import "testing"

func TestBuffersAreAtMostAQuarterTooLarge(t *testing.T) {
	for _, want := range []int{1, Smallest - 1, Largest + 1} {
		if got := Capacity(want); got != want {
			t.Errorf("for %d bytes, which nobody keeps: got %d", want, got)
		}
	}
	var p Buffers
	for _, want := range []int{0, 1, Smallest - 1, Smallest, Smallest + 1, 80 << 10, 100 << 10, 300 << 10, 1400 << 10, Largest - 1, Largest, Largest + 1, 30 << 20} {
		for range 3 {
			b := p.Get(want)
			if got := cap(*b); len(*b) != 0 || got != Capacity(want) || got < want || got > want+want/4 {
				t.Errorf("for %d bytes: got %d bytes of %d, said to be of %d", want, len(*b), got, Capacity(want))
			}
			odd := append(make([]byte, 0, want+100), 1) // from elsewhere, or grown
			p.Put(&odd)
			*b = append(*b, 1)
			p.Put(b)
		}
	}
}

// What goes around stays as large as what is asked for, whatever else is asked for.
func TestALargeBufferIsNotTakenForLittle(t *testing.T) {
	var p Buffers
	again := false
	for range 20 { // the race detector lets a pool forget
		large := p.Get(1 << 20)
		p.Put(large)
		if little := p.Get(Smallest); cap(*little) > Smallest {
			t.Fatalf("for %d bytes: got a buffer of %d", Smallest, cap(*little))
		}
		again = again || p.Get(900<<10) == large
	}
	if !again {
		t.Error("a buffer is not used again for as much")
	}
	for _, want := range []int{Smallest - 1, Largest + 1} {
		b := p.Get(want)
		p.Put(b)
		if p.Get(want) == b {
			t.Errorf("a buffer of %d bytes is kept", want)
		}
	}
}
