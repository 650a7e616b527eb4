package journal

import (
	"context"
	"sync"
)

// A cache keeps blocks of all journals in memory, up to a number of bytes, and gives up
// the oldest first. A store has two, so that readers who catch up do not drive out what
// those at the end of a journal are about to read.
type cache struct {
	limit int

	mu     sync.Mutex // guards what follows; a leaf
	size   int
	blocks map[blockID]cached
	order  []blockID // oldest first; may name blocks that are gone
}

type blockID struct{ journal, number uint64 }

type cached struct {
	block Block
	size  int
}

func newCache(limit int) *cache {
	return &cache{limit: limit, blocks: make(map[blockID]cached)}
}

// add keeps a block, at the cost of the oldest ones.
func (c *cache) add(journal uint64, b Block) {
	size := b.memory()
	if size > c.limit/2 {
		return
	}
	id := blockID{journal, b.Number}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.blocks[id]; ok {
		return
	}
	c.blocks[id] = cached{b, size}
	c.order = append(c.order, id)
	c.size += size
	for c.size > c.limit {
		c.remove(c.order[0])
		c.order = c.order[1:]
	}
}

func (c *cache) get(journal, number uint64) (Block, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	found, ok := c.blocks[blockID{journal, number}]
	return found.block, ok
}

// drop forgets a journal.
func (c *cache) drop(journal uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id := range c.blocks {
		if id.journal == journal {
			c.remove(id)
		}
	}
}

func (c *cache) remove(id blockID) {
	if found, ok := c.blocks[id]; ok {
		c.size -= found.size
		delete(c.blocks, id)
	}
}

// cached returns a block that is in memory.
func (s *Store) cached(journal, number uint64) (Block, bool) {
	if b, ok := s.recent.get(journal, number); ok {
		return b, true
	}
	return s.fetched.get(journal, number)
}

// forgetBlocks drops what is in memory of a journal.
func (s *Store) forgetBlocks(journal uint64) {
	s.recent.drop(journal)
	s.fetched.drop(journal)
}

// fetches are the blocks that readers are asking the engine for. Of several readers that
// come to the same block one asks, and the others wait for what it brings.
type fetches struct {
	mu       sync.Mutex // guards underway; a leaf
	underway map[blockID]chan struct{}
}

func newFetches() fetches { return fetches{underway: make(map[blockID]chan struct{})} }

// begin says that the caller is going to ask for a block, until it calls end. When
// another one does so already, begin waits for its end instead, or for that of ctx, and
// end is nil.
func (f *fetches) begin(ctx context.Context, id blockID) (end func(), err error) {
	f.mu.Lock()
	other := f.underway[id]
	if other == nil {
		done := make(chan struct{})
		f.underway[id] = done
		f.mu.Unlock()
		return func() {
			f.mu.Lock()
			defer f.mu.Unlock()
			delete(f.underway, id)
			close(done)
		}, nil
	}
	f.mu.Unlock()
	select {
	case <-other:
		return nil, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
