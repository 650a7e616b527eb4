package logs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"tributary/internal/durable/journal"
)

const (
	maxReadEvents = 10_000  // of one answer
	maxReadBytes  = 1 << 20 // of the messages of one answer
	// maxSearched is how many bytes of entries a search looks at before it answers
	// with what it has, if it has got any further.
	maxSearched = 64 << 20
)

// A search looks for events of log streams in the ingest journals and returns
// one page of them. Between the events it goes by boundaries: a boundary stands
// before the event of its id and after all lesser ones.
type search struct {
	streams map[StreamID]string // the streams to look at and their names
	from    int64               // ms, included
	to      int64               // ms, included
	limit   int                 // events
	budget  int                 // bytes of entries to look at before the page may end short
	match   func(message []byte) bool
	// place is what events are ordered by: the event's id, or the event's time and
	// its place in the journal.
	place func(e *Entry, ev Event, at journal.Position) EventID

	// A search forward begins at the boundary and goes to later events, one
	// backward begins there and goes to earlier events.
	boundary EventID
	backward bool

	// What it has found. hits are no more than some twice the limits, because cut
	// throws away what cannot be on the page any more.
	hits     []hit
	bytes    int
	cutoff   EventID // rank of the first event that is on a later page
	isCut    bool
	searched int // bytes of entries
}

// A hit is an event that was found. Its message is a copy.
type hit struct {
	rank      EventID
	id        EventID
	stream    string
	timestamp int64
	ingested  int64
	message   []byte
}

// A found is one page.
type found struct {
	hits []hit // ascending, whatever the direction
	// first and last are the boundaries before and behind the page: a later search
	// backward from first or forward from last goes on without gap or overlap.
	first, last EventID
	more        bool // in the direction of the search
}

// last of all boundaries.
var endOfTime = EventID{hi: (maxTimestamp + 1) << 16}

// rank orders places in the direction of the search.
func (q *search) rank(place EventID) EventID {
	if q.backward {
		return place.reversed()
	}
	return place
}

// beyond reports whether an event of that rank lies on the far side of the
// boundary.
func (q *search) beyond(rank EventID) bool {
	if q.backward {
		return rank.Compare(q.boundary.reversed()) > 0
	}
	return rank.Compare(q.boundary) >= 0
}

// nearest is the boundary at which the events of a source can begin.
func (q *search) nearest(src *source) EventID {
	if q.backward {
		return EventID{hi: uint64(src.max+1) << 16}
	}
	return EventID{hi: uint64(src.min) << 16}
}

// run searches the sources, the nearest first, until a page is full and no
// source can hold anything that belongs on it.
func (q *search) run(ctx context.Context, sources []source) (found, error) {
	slices.SortFunc(sources, func(a, b source) int {
		if q.backward {
			a, b = b, a
		}
		return q.nearest(&a).Compare(q.nearest(&b))
	})
	for i := range sources {
		near := q.nearest(&sources[i])
		q.cut()
		if q.isCut && q.farther(near, q.cutoff) {
			break
		}
		if q.searched >= q.budget && q.passes(near) {
			return q.stopAt(near), nil
		}
		if err := q.source(ctx, &sources[i]); err != nil {
			return found{}, err
		}
	}
	q.cut()
	return q.page(), nil
}

// farther reports whether nothing behind the boundary can have a rank before
// cutoff.
func (q *search) farther(boundary, cutoff EventID) bool {
	if q.backward {
		return boundary.Compare(cutoff.reversed()) <= 0
	}
	return boundary.Compare(cutoff) >= 0
}

// passes reports whether a boundary is farther than the one where the search
// began, so that ending there is progress.
func (q *search) passes(boundary EventID) bool {
	if q.backward {
		return boundary.Compare(q.boundary) < 0
	}
	return boundary.Compare(q.boundary) > 0
}

// source looks at every event of a source.
func (q *search) source(ctx context.Context, src *source) error {
	for number := src.first; number <= src.last; number++ {
		b, err := src.partition.journal.ReadBlock(ctx, number)
		if errors.Is(err, journal.ErrTrimmed) {
			continue // too old by now
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", src.partition.name, err)
		}
		for i, raw := range b.Entries {
			e, err := DecodeEntry(raw)
			if err != nil {
				return fmt.Errorf("read %s: block %d: %w", src.partition.name, number, err)
			}
			q.searched += len(raw)
			if name, wanted := q.streams[e.StreamID]; wanted {
				q.entry(&e, name, b.Position(i))
			}
		}
	}
	return nil
}

func (q *search) entry(e *Entry, stream string, at journal.Position) {
	for ev := range e.Events() {
		if ev.Timestamp < q.from || ev.Timestamp > q.to {
			continue
		}
		rank := q.rank(q.place(e, ev, at))
		if !q.beyond(rank) || q.isCut && rank.Compare(q.cutoff) >= 0 || !q.match(ev.Message) {
			continue
		}
		q.hits = append(q.hits, hit{rank, e.EventID(ev), stream, ev.Timestamp, e.Ingestion, bytes.Clone(ev.Message)})
		q.bytes += len(ev.Message)
		if len(q.hits) > 2*q.limit || q.bytes > 2*maxReadBytes {
			q.cut()
		}
	}
}

// cut orders the hits and throws away what is not on the page.
func (q *search) cut() {
	if len(q.hits) <= q.limit && q.bytes <= maxReadBytes {
		return
	}
	q.sort()
	n, size := 0, 0
	for n < len(q.hits) && n < q.limit {
		size += len(q.hits[n].message)
		if n > 0 && size > maxReadBytes {
			break
		}
		n++
	}
	if n == len(q.hits) {
		return
	}
	q.cutoff, q.isCut = q.hits[n].rank, true
	clear(q.hits[n:])
	q.hits = q.hits[:n]
	q.bytes = 0
	for i := range q.hits {
		q.bytes += len(q.hits[i].message)
	}
}

func (q *search) sort() {
	slices.SortFunc(q.hits, func(a, b hit) int { return a.rank.Compare(b.rank) })
}

// stopAt ends the search before a boundary: of what lies on this side everything
// has been seen.
func (q *search) stopAt(boundary EventID) found {
	q.hits = slices.DeleteFunc(q.hits, func(h hit) bool {
		if q.backward {
			return h.rank.reversed().Compare(boundary) < 0
		}
		return h.rank.Compare(boundary) >= 0
	})
	q.isCut = false // it lies behind the boundary
	f := q.page()
	f.more = true
	if q.backward {
		f.first = boundary
	} else {
		f.last = boundary
	}
	if len(f.hits) == 0 {
		f.first, f.last = boundary, boundary
	}
	return f
}

// page is what has been found.
func (q *search) page() found {
	q.sort()
	f := found{hits: q.hits, more: q.isCut, first: q.boundary, last: q.boundary}
	if q.backward {
		slices.Reverse(f.hits)
	}
	if n := len(f.hits); n > 0 {
		f.first, f.last = q.rank(f.hits[0].rank), q.rank(f.hits[n-1].rank).next()
	}
	return f
}
