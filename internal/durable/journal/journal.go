package journal

import (
	"context"
	"crypto/cipher"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"tributary/internal/durable/broker"
	"tributary/internal/durable/catalog"
)

// A Journal is one ordered, durable sequence of entries. Its methods may be called
// from any goroutine.
//
// Lock order: commitMu, then queueMu or mu, which are taken alone.
type Journal struct {
	store    *Store
	name     string
	id       uint64
	slot     int
	compress bool
	key      cipher.AEAD // nil: blocks are written in the clear
	stream   broker.Stream
	noted    uint64 // end in the catalog; guarded by store.adminMu

	largest atomic.Int64 // bytes in memory of the largest block that has been seen

	queueMu sync.Mutex // guards pending
	pending *batch     // the batch that callers join; nil when there is none

	// commitMu is held while a block is written: there is one at a time. It guards
	// what follows.
	commitMu  sync.Mutex
	last      uint64    // number of the last block
	lastTime  time.Time // its time
	unsettled bool      // a block of unknown outcome may follow last
	lanes     map[string]*lane

	mu    sync.Mutex // guards what follows; a leaf
	first uint64     // number of the first retained block
	end   uint64     // number of the last block that readers may see
	grown chan struct{}
	err   error // why nothing more can be written or waited for
}

func newJournal(s *Store, name string, r record) *Journal {
	return &Journal{
		store: s, name: name, id: r.ID, slot: r.Slot, compress: r.Compress, key: s.cfg.Key.ofJournal(r.ID),
		stream: s.cfg.Broker.Stream(streamName(r.ID)),
		lanes:  make(map[string]*lane),
		first:  1,
	}
}

// load finds out where the journal stands.
func (j *Journal) load(ctx context.Context, r record) error {
	state, err := j.stream.State(ctx)
	missing := errors.Is(err, broker.ErrNoStream)
	if err != nil && !missing {
		return err
	}
	// A journal with a hole can be opened; the reader that comes to the hole is told.
	if err := j.store.inspect(r, state, !missing); err != nil && !errors.Is(err, ErrDamaged) {
		return err
	}
	if state.First <= r.Trimmed { // a crash came between the two steps of Trim
		if err := j.stream.Purge(ctx, r.Trimmed+1); err != nil {
			return err
		}
	}
	j.first, j.last, j.end, j.noted = r.Trimmed+1, state.Last, state.Last, r.End
	if j.last >= j.first {
		b, err := j.fetch(ctx, j.last) // one journal is opened at a time, and everybody waits for it
		if errors.Is(err, ErrDamaged) {
			return fmt.Errorf("%w: its last block: %w", ErrQuarantined, err)
		}
		if err != nil {
			return err
		}
		j.lastTime = b.Time
		j.markEnd(j.last)
	}
	return nil
}

// Name returns the name that the journal was created with.
func (j *Journal) Name() string { return j.name }

// Start returns the position of the first retained entry, or End when there is none.
func (j *Journal) Start() Position {
	j.mu.Lock()
	defer j.mu.Unlock()
	return Position{Block: j.first}
}

// End returns the position one past the last committed block.
func (j *Journal) End() Position {
	j.mu.Lock()
	defer j.mu.Unlock()
	return Position{Block: j.end + 1}
}

// Wait returns when End is after p, or with the error of ctx, or ErrClosed.
func (j *Journal) Wait(ctx context.Context, p Position) error {
	for {
		j.mu.Lock()
		if p.Block <= j.end {
			j.mu.Unlock()
			return nil
		}
		if j.err != nil {
			defer j.mu.Unlock()
			return fmt.Errorf("journal %s: %w", j.name, j.err)
		}
		if j.grown == nil {
			j.grown = make(chan struct{})
		}
		grown := j.grown
		j.mu.Unlock()
		select {
		case <-grown:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// SeekTime returns the start of the first block whose time is not before t, or End.
// It reads a number of blocks that is logarithmic in that block's distance from the
// nearer end of the journal. Of what is recent it reads recent blocks only, which are in
// memory.
func (j *Journal) SeekTime(ctx context.Context, t time.Time) (Position, error) {
	block, err := firstNot(j.Start().Block, j.End().Block, func(number uint64) (bool, error) {
		b, err := j.ReadBlock(ctx, number)
		if errors.Is(err, ErrTrimmed) { // meanwhile: what is gone was before t or is not wanted
			return true, nil
		}
		return b.Time.Before(t), err
	})
	if err != nil {
		return Position{}, err
	}
	return Position{Block: max(block, j.Start().Block)}, nil
}

// recentBlocks is about how many blocks at the end firstNot looks at before it looks at
// the beginning.
const recentBlocks = 64

// firstNot is the first number from from on for which before does not hold, or end;
// behind it before does not hold either. It goes back from the end in steps that double,
// then from what is left of both ends towards the middle in such steps, and halves what
// the last step went over.
func firstNot(from, end uint64, before func(uint64) (bool, error)) (uint64, error) {
	bothEnds := false
	for step := uint64(1); from < end; step *= 2 {
		if !bothEnds && step == recentBlocks {
			step, bothEnds = 1, true
		}
		high := end - min(step, end-from)
		is, err := before(high)
		if err != nil {
			return 0, err
		}
		if is {
			from = high + 1
			break
		}
		end = high
		if from == end || !bothEnds {
			continue
		}
		low := from + min(step, end-from) - 1
		if is, err = before(low); err != nil {
			return 0, err
		}
		if !is {
			end = low
			break
		}
		from = low + 1
	}
	for from < end {
		middle := from + (end-from)/2
		is, err := before(middle)
		switch {
		case err != nil:
			return 0, err
		case is:
			from = middle + 1
		default:
			end = middle
		}
	}
	return from, nil
}

// Trim removes all blocks before the block of the position, except that the last
// block of a journal always stays. Trimming what has been trimmed is no error. When
// Trim has returned, the removed blocks cannot be read any more; readers that stand
// before Start get ErrTrimmed.
//
// The mark of a lane whose last block is removed is gone with it.
func (j *Journal) Trim(ctx context.Context, before Position) error {
	j.mu.Lock()
	first, end, err := j.first, j.end, j.err
	j.mu.Unlock()
	if err != nil {
		return fmt.Errorf("trim journal %s: %w", j.name, err)
	}
	keep := min(before.Block, end)
	if keep <= first {
		return nil
	}
	// The catalog first: a journal that begins later than it says has lost something.
	_, err = j.store.table.Update(ctx, catalog.KeyOf(j.name), func(r record, exists bool) (record, error) {
		if !exists || r.ID != j.id {
			return r, ErrUnknown
		}
		r.Trimmed = max(r.Trimmed, keep-1)
		return r, nil
	})
	if err != nil {
		return fmt.Errorf("trim journal %s: %w", j.name, err)
	}
	j.mu.Lock()
	j.first = max(j.first, keep)
	j.mu.Unlock()
	if err := j.stream.Purge(ctx, keep); err != nil {
		return fmt.Errorf("trim journal %s: %w", j.name, err)
	}
	return nil
}

// advance lets readers see a block that has been committed.
func (j *Journal) advance(number uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.end = number
	j.wake()
}

// fail ends writing and waiting.
func (j *Journal) fail(err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err == nil {
		j.err = err
		j.wake()
	}
}

// wake wakes whoever waits. mu is held.
func (j *Journal) wake() {
	if j.grown != nil {
		close(j.grown)
		j.grown = nil
	}
}

// close lets the block in flight end and refuses everything after it.
func (j *Journal) close() {
	j.commitMu.Lock()
	defer j.commitMu.Unlock()
	j.fail(ErrClosed)
}

func (j *Journal) failure() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.err
}
