package catalog

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/tidwall/btree"
)

// updateAttempts bounds Update: as many writers of one key as this can meet, and
// each of them still gets through.
const updateAttempts = 100

// A Table is the part of the catalog that holds values of one type, by key.
//
// Values are shared between all readers: whoever gets one must not change what it
// points to. They are stored as JSON, so only what V's JSON holds comes back.
type Table[V any] struct {
	c      *Catalog
	name   string
	schema int
	notes  bool
	err    error // why what is stored cannot be read; set by NewTable only

	mu      sync.RWMutex // guards what follows; a leaf, nothing is taken under it
	rows    *btree.BTreeG[*row[V]]
	changed Revision
}

type row[V any] struct {
	key   Key
	rev   Revision
	value V
}

// A TableOption of NewTable.
type TableOption func(*tableOptions)

type tableOptions struct {
	schema int
	notes  bool
}

// Schema gives the version of the shape of the table's values, 1 if it is not
// given. It is raised whenever an older release could not read the values any
// more, also when a member has been added. Values of older versions are read into
// the new shape and written in it from then on.
func Schema(version int) TableOption {
	return func(o *tableOptions) { o.schema = version }
}

// Notes is for a table on which nobody's permission rests, such as how far somebody
// has read: writing to it does not wait for doubts to be settled (see Doubt).
func Notes() TableOption {
	return func(o *tableOptions) { o.notes = true }
}

// NewTable registers the table of this name, after Open and before Ready. A name
// is registered once.
func NewTable[V any](c *Catalog, name string, opts ...TableOption) *Table[V] {
	o := tableOptions{schema: 1}
	for _, opt := range opts {
		opt(&o)
	}
	t := &Table[V]{c: c, name: name, schema: o.schema, notes: o.notes}
	t.rows = btree.NewBTreeGOptions(
		func(a, b *row[V]) bool { return a.key.enc < b.key.enc },
		btree.Options{NoLocks: true, Degree: 32})
	t.err = c.register(name, t)
	return t
}

// Err returns why this release cannot read what the table holds: what Ready refuses.
// Whoever reads a table before Ready asks first.
func (t *Table[V]) Err() error { return t.err }

// Get returns the value of a key and the revision that wrote it.
func (t *Table[V]) Get(k Key) (v V, rev Revision, ok bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	t.mustBeReadable()
	r, ok := t.rows.Get(&row[V]{key: k})
	if !ok {
		return v, 0, false
	}
	return r.value, r.rev, true
}

// Len returns the number of keys.
func (t *Table[V]) Len() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	t.mustBeReadable()
	return t.rows.Len()
}

// Revision returns the revision of the last change in this table that this process
// has seen. It moves when all changes of a set are visible, so that what is computed
// from tables whose revisions were read before holds while these stay the same.
func (t *Table[V]) Revision() Revision {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.changed
}

// Scan yields the keys that begin with prefix, ascending. No lock is held while it
// yields: changes made meanwhile may or may not be seen, each key at most once;
// under Hold it is one moment.
func (t *Table[V]) Scan(prefix Key) iter.Seq2[Key, V] { return t.ScanFrom(prefix, Key{}) }

// ScanFrom is Scan without the keys up to after and without after itself.
func (t *Table[V]) ScanFrom(prefix, after Key) iter.Seq2[Key, V] {
	return func(yield func(Key, V) bool) {
		from := after
		if prefix.enc > after.enc {
			from = prefix
		}
		skip := after
		for size := 16; ; size = min(size*4, 1024) {
			chunk := t.chunk(prefix, from, skip, size)
			for _, r := range chunk {
				if !yield(r.key, r.value) {
					return
				}
			}
			if len(chunk) < size {
				return
			}
			from = chunk[len(chunk)-1].key
			skip = from
		}
	}
}

// chunk returns at most size rows from key from on, without skip.
func (t *Table[V]) chunk(prefix, from, skip Key, size int) []*row[V] {
	t.mu.RLock()
	defer t.mu.RUnlock()
	t.mustBeReadable()
	var rows []*row[V]
	t.rows.Ascend(&row[V]{key: from}, func(r *row[V]) bool {
		if !r.key.HasPrefix(prefix) {
			return false
		}
		if r.key == skip && skip.enc != "" {
			return true
		}
		rows = append(rows, r)
		return len(rows) < size
	})
	return rows
}

// Create gives a key its first value: ErrExists when it has one.
func (t *Table[V]) Create(ctx context.Context, k Key, v V) (Revision, error) {
	rev, err := t.put(ctx, k, v, 0)
	if errors.Is(err, ErrConflict) {
		err = fmt.Errorf("%s %s: %w", t.name, k, ErrExists)
	}
	return rev, err
}

// Replace gives a key that is still at revision rev another value: ErrConflict.
func (t *Table[V]) Replace(ctx context.Context, k Key, v V, rev Revision) (Revision, error) {
	if rev == 0 {
		return 0, fmt.Errorf("%s %s: %w", t.name, k, ErrConflict)
	}
	return t.put(ctx, k, v, rev)
}

// Delete takes the value from a key that is still at revision rev: ErrConflict.
func (t *Table[V]) Delete(ctx context.Context, k Key, rev Revision) error {
	if rev == 0 {
		return fmt.Errorf("%s %s: %w", t.name, k, ErrConflict)
	}
	_, err := t.c.commit(ctx, &request{
		change: change{Table: t.name, Key: k.Parts(), Deleted: true},
		key:    k, table: t, notes: t.notes, expect: rev,
		stage: func(Revision) { t.remove(k) },
	})
	return err
}

// Update gives a key the value that change makes of the present one; exists is
// false when there is none. When another write comes between, change is called
// again, so it must have no effect besides its result. An error of change ends the
// update and is returned as it is.
func (t *Table[V]) Update(ctx context.Context, k Key, change func(v V, exists bool) (V, error)) (Revision, error) {
	for range updateAttempts {
		old, rev, exists := t.Get(k)
		v, err := change(old, exists)
		if err != nil {
			return 0, err
		}
		at, err := t.put(ctx, k, v, rev)
		if !errors.Is(err, ErrConflict) {
			return at, err
		}
	}
	return 0, fmt.Errorf("%s %s: %w, %d times", t.name, k, ErrConflict, updateAttempts)
}

// put writes a value over the one of revision expect, or over none.
func (t *Table[V]) put(ctx context.Context, k Key, v V, expect Revision) (Revision, error) {
	raw, err := json.Marshal(&v, json.Deterministic(true))
	if err != nil {
		return 0, fmt.Errorf("%s %s: encode: %w", t.name, k, err)
	}
	// What is shown from now on is what a restart would read, not what the caller holds.
	stage, err := t.stage(k, t.schema, raw)
	if err != nil {
		return 0, err
	}
	return t.c.commit(ctx, &request{
		change: change{Table: t.name, Key: k.Parts(), Schema: t.schema, Value: raw},
		key:    k, table: t, notes: t.notes, expect: expect, stage: stage,
	})
}

// revision returns the revision of a key, 0 when it has no value.
func (t *Table[V]) revision(k Key) Revision {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if r, ok := t.rows.Get(&row[V]{key: k}); ok {
		return r.rev
	}
	return 0
}

// stage decodes a value and returns what makes it visible.
func (t *Table[V]) stage(k Key, schema int, raw jsontext.Value) (func(Revision), error) {
	if schema > t.schema {
		return nil, fmt.Errorf("%s %s: %w (schema %d, this one knows %d)", t.name, k, errNewer, schema, t.schema)
	}
	r := &row[V]{key: k}
	if err := json.Unmarshal(raw, &r.value, json.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("%s %s: decode: %w", t.name, k, err)
	}
	return func(at Revision) {
		r.rev = at
		t.mu.Lock()
		defer t.mu.Unlock()
		t.rows.Set(r)
	}, nil
}

func (t *Table[V]) remove(k Key) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rows.Delete(&row[V]{key: k})
}

func (t *Table[V]) touch(at Revision) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.changed = max(t.changed, at)
}

func (t *Table[V]) size() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.rows.Len()
}

// copies returns changes that write again the values after a key that are not newer
// than a revision: those of at most n keys, and no more after they are as large as a
// change set should be. last is the key to go on after.
func (t *Table[V]) copies(after Key, notAfter Revision, n int) (changes []change, last Key, more bool, err error) {
	rows := t.chunk(Key{}, after, after, n)
	last = after
	size := 0
	for _, r := range rows {
		if size >= targetSize {
			return changes, last, true, nil
		}
		last = r.key
		if r.rev > notAfter {
			continue
		}
		raw, err := json.Marshal(&r.value, json.Deterministic(true))
		if err != nil {
			return nil, last, false, fmt.Errorf("%s %s: encode: %w", t.name, r.key, err)
		}
		changes = append(changes, change{
			Table: t.name, Key: r.key.Parts(), Schema: t.schema, Written: r.rev, Value: raw,
		})
		size += len(raw)
	}
	return changes, last, len(rows) == n, nil
}

func (t *Table[V]) mustBeReadable() {
	if t.err != nil {
		panic(fmt.Sprintf("catalog: table %s is read although Ready refused it: %v", t.name, t.err))
	}
}
