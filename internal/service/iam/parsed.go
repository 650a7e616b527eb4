package iam

import (
	"sync"

	"tributary/internal/durable/catalog"
)

// parsed keeps what was made of records, by unique id, until the record has
// another revision. The zero value is ready for use.
type parsed[V any] struct {
	mu      sync.RWMutex // guards entries; nothing else is locked while it is held
	entries map[string]revised[V]
}

type revised[V any] struct {
	rev   catalog.Revision
	value V
}

// maxParsed bounds the entries. What is thrown away is made again at need.
const maxParsed = 20_000

// get is the value for the record id as of revision rev, which make makes.
func (p *parsed[V]) get(id string, rev catalog.Revision, make func() V) V {
	if v, ok := p.peek(id, rev); ok {
		return v
	}
	v := make()
	p.put(id, rev, v)
	return v
}

// peek is the value for the record id as of revision rev, if there is one.
func (p *parsed[V]) peek(id string, rev catalog.Revision) (V, bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	e, ok := p.entries[id]
	return e.value, ok && e.rev == rev
}

// put keeps a value, unless there is one of a newer revision.
func (p *parsed[V]) put(id string, rev catalog.Revision, v V) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.entries == nil || len(p.entries) >= maxParsed {
		p.entries = map[string]revised[V]{}
	}
	if p.entries[id].rev <= rev {
		p.entries[id] = revised[V]{rev, v}
	}
}
