package journal

import (
	"context"
	"errors"
	"fmt"

	"tributary/internal/durable/broker"
)

const (
	// How much a reader behind the recent blocks asks for at a time.
	aheadBlocks = 256
	aheadBytes  = 2 << 20
)

// ReadBlock returns one block: ErrTrimmed when it is before Start, ErrDamaged when it
// cannot be read although it must be there, and an error when it is not before End.
func (j *Journal) ReadBlock(ctx context.Context, number uint64) (Block, error) {
	j.mu.Lock()
	first, end := j.first, j.end
	j.mu.Unlock()
	switch {
	case number < first:
		return Block{}, fmt.Errorf("journal %s: block %d: %w", j.name, number, ErrTrimmed)
	case number > end:
		return Block{}, fmt.Errorf("journal %s: block %d is not written yet", j.name, number)
	}
	if b, ok := j.store.cached(j.id, number); ok {
		return b, nil
	}
	b, err := j.read(ctx, number)
	if err != nil {
		return Block{}, fmt.Errorf("journal %s: %w", j.name, err)
	}
	return b, nil
}

// read reads a block from the engine.
func (j *Journal) read(ctx context.Context, number uint64) (Block, error) {
	ctx, done, err := j.ask(ctx, 0)
	if err != nil {
		return Block{}, err
	}
	defer done()
	return j.fetch(ctx, number)
}

// fetch is read for who cannot wait for the others.
func (j *Journal) fetch(ctx context.Context, number uint64) (Block, error) {
	msg, err := j.stream.Get(ctx, number)
	if errors.Is(err, broker.ErrNoMessage) {
		return Block{}, j.missing(number)
	}
	if err != nil {
		return Block{}, err
	}
	return j.decode(msg)
}

// ask waits until the engine may be asked for a block and for so many bytes of others.
// Each question counts with the file that the engine reads for it.
// The question is put with the ctx that it returns: once asked, the engine's answer is
// waited for, since until then it takes memory, whoever has left.
func (j *Journal) ask(ctx context.Context, others int64) (asking context.Context, done func(), err error) {
	size := min(broker.MaxFile+j.largest.Load()+others, j.store.cfg.ReadBytes)
	if err := j.store.reads.Acquire(ctx, size); err != nil {
		return nil, nil, err
	}
	return context.WithoutCancel(ctx), func() { j.store.reads.Release(size) }, nil
}

// decode checks and decodes a block that the engine has given.
func (j *Journal) decode(msg broker.Message) (Block, error) {
	b, err := decode(j.id, msg.Data, j.key)
	if errors.Is(err, errNewer) || errors.Is(err, ErrKeyNeeded) {
		return Block{}, fmt.Errorf("block %d: %w", msg.Seq, err)
	}
	if err == nil && b.Number != msg.Seq {
		err = fmt.Errorf("it says that it is block %d", b.Number)
	}
	if err != nil {
		err = fmt.Errorf("%w: block %d: %w", ErrDamaged, msg.Seq, err)
		j.store.report(j.name, err)
		return Block{}, err
	}
	j.see(&b)
	return b, nil
}

// missing says what it means that the engine does not have a block.
func (j *Journal) missing(number uint64) error {
	if number < j.Start().Block { // trimmed meanwhile
		return fmt.Errorf("block %d: %w", number, ErrTrimmed)
	}
	err := fmt.Errorf("%w: block %d is missing", ErrDamaged, number)
	j.store.report(j.name, err)
	return err
}

// Reader returns a reader whose first entry is the one at from, or the next one there
// is. The zero position stands for Start at the time of the first read.
func (j *Journal) Reader(from Position) *Reader {
	return &Reader{j: j, next: from}
}

// A Reader reads a journal in order, block by block, and follows its end. It is for
// one goroutine and needs no closing. After an error it stands where it stood, so a
// read can be tried again.
type Reader struct {
	j     *Journal
	next  Position
	ahead []Block // read from the engine already; ahead[0] is block next.Block
}

// Position returns the position of the next entry: a Reader made from it goes on
// where this one stands.
func (r *Reader) Position() Position { return r.next }

// Next returns the next block with at least one entry or a mark, and waits for it at
// the end of the journal. Errors: that of ctx; ErrTrimmed when the position is before
// Start; ErrDamaged; ErrClosed at the end of a journal that is closed.
func (r *Reader) Next(ctx context.Context) (Block, error) {
	for {
		b, ok, err := r.Poll(ctx)
		if ok || err != nil {
			return b, err
		}
		if err := r.j.Wait(ctx, r.next); err != nil {
			return Block{}, err
		}
	}
}

// Poll is Next that does not wait: ok is false at the end of the journal.
func (r *Reader) Poll(ctx context.Context) (b Block, ok bool, err error) {
	for {
		if r.next.Block == 0 {
			r.next = r.j.Start()
		}
		if r.next.Compare(r.j.End()) >= 0 {
			return Block{}, false, nil
		}
		if b, err = r.block(ctx); err != nil {
			return Block{}, false, err
		}
		skip := r.next.Index
		r.next = b.End()
		if skip == 0 {
			return b, true, nil
		}
		if int(skip) < len(b.Entries) {
			b.First, b.Entries = skip, b.Entries[skip:]
			return b, true, nil
		}
	}
}

// Cost is about how many bytes of memory the next Poll takes at most: for the block, and
// for others that are read with it; none at the end of the journal. That a block is
// larger than any that was written or read since the journal was opened is not foreseen.
func (r *Reader) Cost() (block, others int64) {
	at := *r // Poll moves it
	if at.next.Block == 0 {
		at.next = r.j.Start()
	}
	if at.next.Compare(r.j.End()) >= 0 {
		return 0, 0
	}
	if len(at.ahead) > 0 && at.ahead[0].Number == at.next.Block {
		return int64(at.ahead[0].memory()), 0
	}
	if b, ok := at.cached(); ok {
		return int64(b.memory()), 0
	}
	return r.j.largest.Load(), aheadBytes
}

// memory is about how many bytes a block takes.
func (b *Block) memory() int {
	size := 256 // beside its entries
	for _, e := range b.Entries {
		size += len(e) + 24
	}
	return size
}

// see notes how large a block is.
func (j *Journal) see(b *Block) {
	size := int64(b.memory())
	for {
		before := j.largest.Load()
		if size <= before || j.largest.CompareAndSwap(before, size) {
			return
		}
	}
}

// block returns the block at next.
func (r *Reader) block(ctx context.Context) (Block, error) {
	if len(r.ahead) > 0 && r.ahead[0].Number == r.next.Block {
		return r.take(), nil
	}
	if b, ok := r.cached(); ok {
		return b, nil
	}
	end, err := r.j.store.fetches.begin(ctx, blockID{r.j.id, r.next.Block})
	switch {
	case err != nil:
		return Block{}, err
	case end != nil:
		defer end()
	default: // somebody else has asked
		if b, ok := r.cached(); ok {
			return b, nil
		}
	}
	if err := r.readAhead(ctx); err != nil {
		return Block{}, fmt.Errorf("journal %s: %w", r.j.name, err)
	}
	return r.take(), nil
}

// cached returns the block at next if it is in memory.
func (r *Reader) cached() (Block, bool) {
	if r.next.Compare(r.j.Start()) < 0 {
		return Block{}, false // it has been trimmed
	}
	return r.j.store.cached(r.j.id, r.next.Block)
}

// take returns the first of the blocks that were read ahead.
func (r *Reader) take() Block {
	b := r.ahead[0]
	r.ahead[0] = Block{} // which need not stay in memory for this reader
	r.ahead = r.ahead[1:]
	return b
}

// readAhead reads blocks from next on from the engine, at least one, and keeps them for
// other readers too: those that catch up with a journal at the same time are often near
// each other, and one who reads in small steps would ask for the same blocks again.
func (r *Reader) readAhead(ctx context.Context) error {
	number, end := r.next.Block, r.j.End().Block
	if number < r.j.Start().Block {
		return fmt.Errorf("block %d: %w", number, ErrTrimmed)
	}
	ctx, done, err := r.j.ask(ctx, aheadBytes)
	if err != nil {
		return err
	}
	messages, err := r.j.stream.Fetch(ctx, number, aheadBlocks, aheadBytes)
	done()
	if errors.Is(err, broker.ErrNoMessage) {
		return r.j.missing(number)
	}
	if err != nil {
		return err
	}
	r.ahead = r.ahead[:0]
	for _, msg := range messages {
		// What the engine has beyond the end is perhaps not on disk yet.
		if number == end {
			break
		}
		b, err := r.j.expect(number, msg)
		if err != nil && len(r.ahead) == 0 {
			return err
		}
		if err != nil { // the reader is told when it comes to this block
			break
		}
		r.ahead = append(r.ahead, b)
		r.j.store.fetched.add(r.j.id, b)
		number++
	}
	if len(r.ahead) == 0 {
		return r.j.missing(number)
	}
	return nil
}

// expect decodes a message that must be the block of this number.
func (j *Journal) expect(number uint64, msg broker.Message) (Block, error) {
	if msg.Seq != number {
		return Block{}, j.missing(number)
	}
	return j.decode(msg)
}
