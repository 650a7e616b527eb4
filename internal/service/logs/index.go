package logs

import (
	"context"
	"slices"
	"sync"

	"tributary/internal/durable/journal"
)

// maxChunks bounds the memory of an index to some 40 MB, whatever its journal
// holds.
const maxChunks = 1 << 20

// An index knows, for one ingest journal, which blocks hold events of which log
// stream, and of which times. It lives in memory only: a follower of the journal
// feeds it, from the journal's start after every start of the process.
//
// Blocks are counted in chunks of 1<<shift blocks. When there are too many
// chunks, they are made twice as long; a read then looks at more blocks than it
// needs, and nothing else changes.
type index struct {
	mu      sync.RWMutex // guards what follows; a leaf
	streams map[StreamID]*trace
	chunks  int // of all streams
	limit   int
	shift   uint
	next    uint64        // every block before it is in the index
	err     error         // why the follower cannot go on; nil when it can
	changed chan struct{} // closed when next or err changes
}

// A trace is what one log stream has left in a journal.
type trace struct {
	chunks   []chunk // by number
	ingested int64   // latest ingestion time, ms
}

// A chunk is a run of blocks that holds events of a stream.
type chunk struct {
	number   uint64 // the blocks are number<<shift and the following
	min, max int64  // times of the events, ms
	bytes    int64  // of the messages
}

func newIndex(limit int) *index {
	return &index{streams: map[StreamID]*trace{}, limit: limit, changed: make(chan struct{})}
}

// add takes the entries of a block. The block after it is next.
func (x *index) add(b journal.Block) error {
	entries := make([]Entry, len(b.Entries))
	for i, raw := range b.Entries {
		var err error
		if entries[i], err = DecodeEntry(raw); err != nil {
			return err
		}
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for i := range entries {
		x.addEntry(b.Number, &entries[i])
	}
	for x.chunks > x.limit && x.shift < 32 {
		before := x.chunks
		x.coarsen()
		if x.chunks > before*3/4 {
			break // there are too many streams rather than too many blocks
		}
	}
	x.next, x.err = b.Number+1, nil
	x.wake()
	return nil
}

func (x *index) addEntry(block uint64, e *Entry) {
	if e.Count == 0 {
		return
	}
	c := chunk{number: block >> x.shift, min: maxTimestamp}
	for ev := range e.Events() {
		c.min, c.max = min(c.min, ev.Timestamp), max(c.max, ev.Timestamp)
		c.bytes += int64(len(ev.Message)) - 2
	}
	t := x.streams[e.StreamID]
	if t == nil {
		t = &trace{}
		x.streams[e.StreamID] = t
	}
	t.ingested = max(t.ingested, e.Ingestion)
	if n := len(t.chunks); n > 0 && t.chunks[n-1].number == c.number {
		t.chunks[n-1].merge(c)
		return
	}
	t.chunks = append(t.chunks, c)
	x.chunks++
}

func (c *chunk) merge(other chunk) {
	c.min, c.max = min(c.min, other.min), max(c.max, other.max)
	c.bytes += other.bytes
}

// coarsen makes every chunk twice as long.
func (x *index) coarsen() {
	x.shift++
	x.chunks = 0
	for _, t := range x.streams {
		kept := t.chunks[:0]
		for _, c := range t.chunks {
			c.number >>= 1
			if n := len(kept); n > 0 && kept[n-1].number == c.number {
				kept[n-1].merge(c)
			} else {
				kept = append(kept, c)
			}
		}
		t.chunks = slices.Clip(kept)
		x.chunks += len(kept)
	}
}

// trim forgets the chunks before a block.
func (x *index) trim(start uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for id, t := range x.streams {
		n := 0
		for n < len(t.chunks) && (t.chunks[n].number+1)<<x.shift <= start {
			n++
		}
		if n == 0 {
			continue
		}
		x.chunks -= n
		if n == len(t.chunks) {
			delete(x.streams, id)
			continue
		}
		t.chunks = slices.Clone(t.chunks[n:])
	}
}

// start says that nothing before the block is to be waited for.
func (x *index) start(block uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.next = max(x.next, block)
	x.wake()
}

// fail makes those who wait fail, until the follower goes on.
func (x *index) fail(err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.err = err
	x.wake()
}

// wake wakes whoever waits. mu is held.
func (x *index) wake() {
	close(x.changed)
	x.changed = make(chan struct{})
}

// wait returns when every block before end is in the index.
func (x *index) wait(ctx context.Context, end uint64) error {
	for {
		x.mu.RLock()
		next, err, changed := x.next, x.err, x.changed
		x.mu.RUnlock()
		switch {
		case next >= end:
			return nil
		case err != nil:
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-changed:
		}
	}
}

// A summary is what a stream's events come to.
type summary struct {
	events      bool // whether there are any
	first, last int64
	ingested    int64
	bytes       int64
}

func (x *index) summary(id StreamID) summary {
	x.mu.RLock()
	defer x.mu.RUnlock()
	t := x.streams[id]
	if t == nil {
		return summary{}
	}
	sum := summary{events: true, first: maxTimestamp, ingested: t.ingested}
	for _, c := range t.chunks {
		sum.first, sum.last = min(sum.first, c.min), max(sum.last, c.max)
		sum.bytes += c.bytes
	}
	return sum
}

// A source is a run of blocks to be searched.
type source struct {
	partition   *partition
	first, last uint64 // blocks
	min, max    int64  // times of the events sought, ms
}

// sources are the runs of blocks that hold events of these streams between two
// times, both included. Each block is in one source only.
func (p *partition) sources(streams map[StreamID]string, from, to int64) []source {
	x := p.index
	x.mu.RLock()
	defer x.mu.RUnlock()
	found := map[uint64]chunk{}
	for id := range streams {
		t := x.streams[id]
		if t == nil {
			continue
		}
		for _, c := range t.chunks {
			if c.max < from || c.min > to {
				continue
			}
			if known, ok := found[c.number]; ok {
				c.merge(known)
			}
			found[c.number] = c
		}
	}
	list := make([]source, 0, len(found))
	for number, c := range found {
		list = append(list, source{p, number << x.shift, min((number+1)<<x.shift, x.next) - 1, c.min, c.max})
	}
	return list
}
