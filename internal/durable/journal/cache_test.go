package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tributary/internal/durable/broker"
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

// Blocks that the engine is asked for take memory before anybody can count them.
func TestReadsOfTheEngineAreBounded(t *testing.T) {
	for name, read := range map[string]func(context.Context, *Journal) (Block, error){
		"ReadBlock": func(ctx context.Context, j *Journal) (Block, error) { return j.ReadBlock(ctx, 2) },
		"a reader": func(ctx context.Context, j *Journal) (Block, error) {
			return j.Reader(Position{Block: 2}).Next(ctx)
		},
	} {
		t.Run(name, func(t *testing.T) {
			j := fromEngine(t, 4)
			if !j.store.reads.TryAcquire(j.store.cfg.ReadBytes) {
				t.Fatal("nothing is being read, and not all of the memory is free")
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			result := make(chan error, 1)
			go func() {
				_, err := read(ctx, j)
				result <- err
			}()
			for range 100 { // in which time a read that does not wait would be over
				if _, err := j.stream.Get(t.Context(), 1); err != nil {
					t.Fatal(err)
				}
			}
			if len(result) > 0 {
				t.Fatalf("blocks of %d bytes are being read, and one more is: %v", j.store.cfg.ReadBytes, <-result)
			}
			cancel()
			if err := <-result; !errors.Is(err, context.Canceled) {
				t.Errorf("a read that waits when its caller has left: %v", err)
			}
			j.store.reads.Release(j.store.cfg.ReadBytes)
			if b, err := read(t.Context(), j); err != nil || string(b.Entries[0]) != "2" {
				t.Errorf("afterwards: %s, %v, want 2", b.Entries, err)
			}
		})
	}
}

// While one journal is opened, nobody can use another.
func TestOpeningAJournalDoesNotWaitForReaders(t *testing.T) {
	dir := t.TempDir()
	e := openEngine(t, dir)
	mustAppend(t, mustCreate(t, e, "j"), "x")
	e.close()
	e = openEngine(t, dir)
	if !e.store.reads.TryAcquire(e.store.cfg.ReadBytes) {
		t.Fatal("nothing is being read, and not all of the memory is free")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := e.store.Open(ctx, "j"); err != nil {
		t.Errorf("Open while others read as much as they may: %v", err)
	}
}

// The engine's answer takes memory, whoever has left.
func TestAReadThatWasAskedForIsCountedToItsEnd(t *testing.T) {
	j := fromEngine(t, 1)
	ctx, cancel := context.WithCancel(t.Context())
	asking, done, err := j.ask(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	if cancel(); asking.Err() != nil {
		t.Errorf("the engine's answer is not waited for: %v", asking.Err())
	}
	if j.store.reads.TryAcquire(j.store.cfg.ReadBytes - broker.MaxFile + 1) {
		t.Error("the engine's answer is not counted any more, or not with the file that the engine reads for it")
	}
	done()
	if !j.store.reads.TryAcquire(j.store.cfg.ReadBytes) {
		t.Error("the engine's answer is still counted")
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
