package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
)

// fromEngine makes a journal whose blocks are not in memory yet, with entries 1 to n in
// blocks of their own.
func fromEngine(t *testing.T, n int) *Journal {
	t.Helper()
	e := openEngine(t, t.TempDir())
	e.store.recent.limit = 0
	j := mustCreate(t, e, "j")
	for i := range n {
		mustAppend(t, j, fmt.Sprint(i+1))
	}
	return j
}

func TestWhatOneReaderFetchesServesTheOthers(t *testing.T) {
	j := fromEngine(t, 4)
	want, err := readAll(t, j, Position{})
	if err != nil || len(want) != 4 {
		t.Fatalf("the first reader gets %v, %v", want, err)
	}
	// Nothing is left in the engine but the last block.
	if err := j.stream.Purge(t.Context(), 4); err != nil {
		t.Fatal(err)
	}
	if got, err := readAll(t, j, Position{2, 0}); err != nil || !slices.Equal(got, want[1:]) {
		t.Errorf("a second reader gets %v, %v, want %v from memory", got, err, want[1:])
	}
	if b, err := j.ReadBlock(t.Context(), 3); err != nil || string(b.Entries[0]) != "3" {
		t.Errorf("ReadBlock = %s, %v, want 3 from memory", b.Entries, err)
	}
}

func TestFetchedBlocksThatAreTrimmedCannotBeRead(t *testing.T) {
	j := fromEngine(t, 4)
	if _, err := readAll(t, j, Position{}); err != nil {
		t.Fatal(err)
	}
	if err := j.Trim(t.Context(), Position{Block: 3}); err != nil {
		t.Fatal(err)
	}
	if got, err := readAll(t, j, Position{2, 0}); !errors.Is(err, ErrTrimmed) {
		t.Errorf("a reader before Start gets %v, %v, want ErrTrimmed", got, err)
	}
	if b, err := j.ReadBlock(t.Context(), 2); !errors.Is(err, ErrTrimmed) {
		t.Errorf("ReadBlock of a trimmed block = %s, %v, want ErrTrimmed", b.Entries, err)
	}
}

func TestFetchedBlocksGoWithTheirJournal(t *testing.T) {
	j := fromEngine(t, 2)
	if _, err := readAll(t, j, Position{}); err != nil {
		t.Fatal(err)
	}
	if n := len(j.store.fetched.blocks); n != 2 {
		t.Fatalf("%d blocks are in memory, want 2", n)
	}
	if err := j.store.Delete(t.Context(), "j"); err != nil {
		t.Fatal(err)
	}
	if n, size := len(j.store.fetched.blocks), j.store.fetched.size; n != 0 || size != 0 {
		t.Errorf("%d blocks of %d bytes are in memory after the journal was deleted", n, size)
	}
}

func TestCacheKeepsTheNewestWithinItsLimit(t *testing.T) {
	const size = 256 + 24 + 100 // of a block with one entry of 100 bytes
	c := newCache(3 * size)
	for n := range uint64(5) {
		c.add(1, Block{Number: n + 1, Entries: [][]byte{make([]byte, 100)}})
	}
	c.add(1, Block{Number: 9, Entries: [][]byte{make([]byte, 2*size)}}) // would take more than half
	var kept []uint64
	for n := range uint64(9) {
		if _, ok := c.get(1, n+1); ok {
			kept = append(kept, n+1)
		}
	}
	if !slices.Equal(kept, []uint64{3, 4, 5}) || c.size != 3*size {
		t.Errorf("kept blocks %v in %d bytes, want 3, 4 and 5 in %d", kept, c.size, 3*size)
	}
}

func TestOneReaderAsksForABlockAndTheOthersWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, id := newFetches(), blockID{1, 7}
		end, err := f.begin(t.Context(), id)
		if end == nil || err != nil {
			t.Fatalf("the first of a block: %v", err)
		}
		if other, err := f.begin(t.Context(), blockID{1, 8}); other == nil || err != nil {
			t.Errorf("the first of another block waits: %v", err)
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := f.begin(ended, id); !errors.Is(err, context.Canceled) {
			t.Errorf("a reader whose context has ended: %v", err)
		}
		waited := false
		go func() {
			if end, err := f.begin(t.Context(), id); end != nil || err != nil {
				t.Errorf("the second of a block is to ask as well, or %v", err)
			}
			waited = true
		}()
		if synctest.Wait(); waited {
			t.Error("the second of a block does not wait")
		}
		end()
		if synctest.Wait(); !waited {
			t.Error("the second of a block still waits when the first has ended")
		}
		if end, err := f.begin(t.Context(), id); end == nil || err != nil {
			t.Errorf("after the end of a fetch the next does not begin: %v", err)
		}
	})
}

func TestReadersAtOnceReadTheSame(t *testing.T) {
	j := fromEngine(t, 300)
	j.store.fetched.limit = 16 << 10 // a part of the journal
	want, err := readAll(t, j, Position{})
	if err != nil {
		t.Fatal(err)
	}
	var readers sync.WaitGroup
	for range 20 {
		readers.Go(func() {
			if got, err := readAll(t, j, Position{}); err != nil || !slices.Equal(got, want) {
				t.Errorf("a reader gets %d entries, %v, want %d", len(got), err, len(want))
			}
		})
	}
	readers.Wait()
}
