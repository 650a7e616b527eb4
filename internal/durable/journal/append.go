package journal

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"tributary/internal/durable/broker"
)

const (
	// MaxAppend is what the entries of one call, with 4 bytes for each, may have in
	// bytes.
	MaxAppend = 30 << 20

	// A block takes no further call when it is as large as this.
	targetBlock = 1 << 20

	// maxYields bounds how often the writer of a block lets others run.
	maxYields = 8

	// maxConflicts is how often in a row a journal may turn out longer than known.
	maxConflicts = 10

	// settleTimeout bounds the question what became of a block.
	settleTimeout = 10 * time.Second
)

// A batch is a block that is being gathered. Its first caller writes it, as soon as
// the block before has been written; the others wait for done.
type batch struct {
	entries [][]byte
	size    int
	done    chan struct{}

	// The answer, to be read when done is closed.
	number uint64
	at     time.Time
	err    error
}

// Append makes entries durable, next to each other in one block, which they may share
// with those of other calls. It returns the position of the first one and the time of
// the block when the block has been fsynced. The caller must not change the entries
// until then, and may afterwards.
//
// Once a call has joined a block it waits for the outcome whether ctx ends or not.
// The outcome may be broker.ErrUnknownOutcome; any other error means that nothing
// was stored. Errors: ErrTooLarge, ErrClosed, ErrQuarantined, and the broker's
// ErrNoSpace, ErrUnavailable and ErrUnknownOutcome.
func (j *Journal) Append(ctx context.Context, entries ...[]byte) (first Position, at time.Time, err error) {
	size, err := j.admit(ctx, entries)
	if err != nil {
		return Position{}, time.Time{}, err
	}
	b, index, writer := j.join(entries, size)
	if writer {
		j.commit(b)
	} else {
		<-b.done
	}
	if b.err != nil {
		return Position{}, time.Time{}, fmt.Errorf("append to journal %s: %w", j.name, b.err)
	}
	return Position{Block: b.number, Index: uint32(index)}, b.at, nil
}

// admit checks a call before it touches the journal and returns the size of its part
// of a block.
func (j *Journal) admit(ctx context.Context, entries [][]byte) (size int, err error) {
	switch {
	case ctx.Err() != nil:
		return 0, context.Cause(ctx)
	case len(entries) == 0:
		return 0, fmt.Errorf("append to journal %s: no entries", j.name)
	}
	size = 4 * len(entries)
	for _, e := range entries {
		size += len(e)
	}
	if size > MaxAppend {
		return 0, fmt.Errorf("append to journal %s: %w: %d bytes, at most %d", j.name, ErrTooLarge, size, MaxAppend)
	}
	return size, nil
}

// join puts entries into the batch being gathered, or into a new one, which the
// caller has to commit.
func (j *Journal) join(entries [][]byte, size int) (b *batch, index int, writer bool) {
	j.queueMu.Lock()
	defer j.queueMu.Unlock()
	b = j.pending
	if b == nil || b.size+size > targetBlock {
		b = &batch{done: make(chan struct{})}
		j.pending = b
		writer = true
	}
	index = len(b.entries)
	b.entries = append(b.entries, entries...)
	b.size += size
	return b, index, writer
}

// commit writes a batch as soon as it is its turn, with all who have joined by then.
func (j *Journal) commit(b *batch) {
	j.commitMu.Lock()
	defer j.commitMu.Unlock()
	defer close(b.done)
	j.seal(b)
	for range maxConflicts {
		b.number, b.at, b.err = j.write(Block{Entries: b.entries}, streamName(j.id)+".a")
		// Somebody else's block, or one of ours thought lost, came before.
		if !errors.Is(b.err, broker.ErrConflict) {
			return
		}
	}
}

// seal ends the gathering of a batch. The callers of the block before have just been
// woken, and those that append again at once should not miss this block: the writer
// lets others run as long as that brings more calls. It does not wait: when nobody
// else can run, as with a single caller, it goes on at once. (58 instead of 32 of 64
// concurrent callers share a block.)
func (j *Journal) seal(b *batch) {
	before := 0
	for range maxYields {
		j.queueMu.Lock()
		now, full := len(b.entries), j.pending != b
		j.queueMu.Unlock()
		if now == before || full {
			break
		}
		before = now
		runtime.Gosched()
	}
	j.queueMu.Lock()
	defer j.queueMu.Unlock()
	if j.pending == b {
		j.pending = nil
	}
}

// write writes a block behind the last one and lets readers see it. commitMu is held.
func (j *Journal) write(b Block, subject string, conditions ...broker.Condition) (number uint64, at time.Time, err error) {
	if err := j.settle(); err != nil {
		return 0, time.Time{}, err
	}
	b.Number = j.last + 1
	b.Time = j.store.cfg.Now().UTC().Truncate(time.Millisecond)
	if b.Time.Before(j.lastTime) { // the clock went back; SeekTime relies on order
		b.Time = j.lastTime
	}
	stored, own := encode(j.id, b, j.compress, j.key)
	seq, err := j.stream.Publish(subject, stored, append(conditions, broker.IfLast(j.last))...)
	if err != nil {
		j.unsettled = errors.Is(err, broker.ErrUnknownOutcome) || errors.Is(err, broker.ErrConflict)
		return 0, time.Time{}, err
	}
	if seq != b.Number {
		err := fmt.Errorf("%w: block %d was stored as %d", ErrQuarantined, b.Number, seq)
		j.quarantine(err)
		return 0, time.Time{}, err
	}
	recycle(stored)
	j.committed(own)
	return b.Number, b.Time, nil
}

// committed takes note of a block that is on disk. commitMu is held.
func (j *Journal) committed(b Block) {
	j.see(&b)
	j.last, j.lastTime = b.Number, b.Time
	j.markEnd(b.Number)
	j.store.unsynced.Store(true)
	j.store.recent.add(j.id, b)
	j.advance(b.Number)
}

// settle finds out what became of a block of unknown outcome: when it has returned,
// that block is in the journal or never will be. commitMu is held.
func (j *Journal) settle() error {
	if err := j.failure(); err != nil || !j.unsettled {
		return err
	}
	// While the engine cannot write, what it shows may not be on the disk, where
	// readers would have seen what a power cut takes back.
	if err := j.store.cfg.Broker.Health(); err != nil {
		return err
	}
	if err := j.stream.Barrier(streamName(j.id) + ".a"); err != nil && !errors.Is(err, broker.ErrNoStream) {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), settleTimeout)
	defer cancel()
	state, err := j.stream.State(ctx)
	switch {
	case errors.Is(err, broker.ErrNoStream):
		err := fmt.Errorf("%w: its stream %s has vanished", ErrQuarantined, streamName(j.id))
		j.quarantine(err)
		return err
	case err != nil:
		return err
	case state.Last < j.last:
		err := fmt.Errorf("%w: it ends with block %d, but block %d was written", ErrQuarantined, state.Last, j.last)
		j.quarantine(err)
		return err
	}
	for j.last < state.Last {
		b, err := j.read(ctx, j.last+1)
		if err != nil {
			return err
		}
		j.committed(b)
	}
	j.unsettled = false
	return nil
}

// quarantine ends all writing to a journal that has turned out to have lost something.
func (j *Journal) quarantine(err error) {
	j.fail(err)
	j.store.report(j.name, err)
}
