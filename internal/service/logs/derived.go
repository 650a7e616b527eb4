package logs

import (
	"sync"

	"tributary/internal/durable/catalog"
)

// A derived keeps what was computed from a record (parsed patterns, parsed
// policies) for as long as the record is the same. What it returns is shared.
type derived[V, D any] struct {
	table *catalog.Table[V]
	make  func(catalog.Key, V) D
	rows  sync.Map // catalog.Key -> derivedRow[D]
}

type derivedRow[D any] struct {
	rev   catalog.Revision
	value D
}

// get computes the value of a key's present record, or returns the one computed
// before. ok is false when there is no record.
func (d *derived[V, D]) get(k catalog.Key) (value D, ok bool) {
	record, rev, ok := d.table.Get(k)
	if !ok {
		d.forget(k)
		return value, false
	}
	if row, there := d.rows.Load(k); there {
		if row := row.(derivedRow[D]); row.rev == rev {
			return row.value, true
		}
	}
	value = d.make(k, record)
	d.rows.Store(k, derivedRow[D]{rev, value})
	return value, true
}

// forget frees what was kept for a key that has been deleted.
func (d *derived[V, D]) forget(k catalog.Key) { d.rows.Delete(k) }
