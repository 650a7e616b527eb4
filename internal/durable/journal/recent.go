package journal

import "sync"

// recent keeps the newest blocks of all journals in memory, so that readers at the
// end of a journal do not ask the engine for what has just been written.
type recent struct {
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

func newRecent(limit int) *recent {
	return &recent{limit: limit, blocks: make(map[blockID]cached)}
}

// add keeps a block, at the cost of the oldest ones.
func (r *recent) add(journal uint64, b Block) {
	size := 256 // about what a block takes beside its entries
	for _, e := range b.Entries {
		size += len(e) + 24
	}
	if size > r.limit/2 {
		return
	}
	id := blockID{journal, b.Number}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.blocks[id]; ok {
		return
	}
	r.blocks[id] = cached{b, size}
	r.order = append(r.order, id)
	r.size += size
	for r.size > r.limit {
		r.remove(r.order[0])
		r.order = r.order[1:]
	}
}

func (r *recent) get(journal, number uint64) (Block, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c, ok := r.blocks[blockID{journal, number}]
	return c.block, ok
}

// drop forgets a journal.
func (r *recent) drop(journal uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id := range r.blocks {
		if id.journal == journal {
			r.remove(id)
		}
	}
}

func (r *recent) remove(id blockID) {
	if c, ok := r.blocks[id]; ok {
		r.size -= c.size
		delete(r.blocks, id)
	}
}
