package delivery

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"tributary/internal/durable/journal"
	"tributary/internal/pure/pattern"
	"tributary/internal/service/logs"
)

// A batch is some entries of an ingest journal that are delivered together.
type batch struct {
	entries []located
	// All entries from begin up to below end are in.
	begin, end journal.Position
}

// A located entry is an accepted PutLogEvents call and where it stands.
type located struct {
	at    journal.Position
	entry logs.Entry
}

// batchBytes is how much a worker takes on at a time once that much waits. All
// records of a batch for one shard are one block of its journal, whatever the
// number of filters, so it must stay well below what a block may hold.
const batchBytes = 1 << 20

// next waits for a block of the journal and takes what else is there already, up
// to batchBytes.
func next(ctx context.Context, r *journal.Reader) (batch, error) {
	block, err := r.Next(ctx)
	if err != nil {
		return batch{}, err
	}
	return gather(ctx, r, block, batchBytes, journal.Position{})
}

// gather makes a batch of a block and of what follows it in the journal, up to a
// size in bytes and, if limit is not zero, below limit.
func gather(ctx context.Context, r *journal.Reader, block journal.Block, most int, limit journal.Position) (batch, error) {
	b := batch{begin: block.Position(0)}
	size := 0
	for more := true; more; {
		for i, data := range block.Entries {
			e, err := logs.DecodeEntry(data)
			if err != nil {
				return batch{}, fmt.Errorf("entry at %v: %w", block.Position(i), err)
			}
			b.entries = append(b.entries, located{block.Position(i), e})
			size += len(data)
		}
		b.end = block.End()
		if size >= most || !limit.IsZero() && b.end.Compare(limit) >= 0 {
			break
		}
		var err error
		if block, more, err = r.Poll(ctx); err != nil {
			return batch{}, err
		}
	}
	return b, nil
}

// A packet is the events of one log stream that one filter takes out of a batch.
type packet struct {
	filter *logs.Filter
	origin origin
	key    string // partition key
	events []event
	// looped is how many events it leaves out because its filter has made them.
	looped int
	// count is how many events there are when they are only counted.
	count     int
	countOnly bool
}

type packetID struct {
	filter *logs.Filter
	stream string
	at     journal.Position // of the entry, where a packet is of one entry
}

// A standing is what a reader has to do with the events of a filter.
type standing uint8

const (
	passedOver standing = iota // they are not its, or have been dealt with
	counted                    // they wait for somebody else: it counts them
	carried                    // it delivers them
)

// match makes the packets of a batch, in the order of the entries: those to be
// carried and those that are only counted. Each event is prepared once for all
// filters of its log group.
func (w *worker) match(b batch, of func(*logs.Filter, *located) standing) (packets, waiting []*packet) {
	var (
		open    = map[packetID]*packet{}
		wanting []*packet // those that may take events of the entry
		message pattern.Event
	)
	for i := range b.entries {
		e := &b.entries[i]
		wanting = wanting[:0]
		for _, f := range w.d.cfg.Logs.Filters(e.entry.Account, w.region, e.entry.Group) {
			stands := of(f, e)
			if stands == passedOver || !f.Selects(e.entry.Account, w.region) {
				continue
			}
			id := packetID{filter: f, stream: e.entry.Stream}
			if f.Distribution == logs.Random {
				id.at = e.at
			}
			p := open[id]
			switch {
			case p != nil:
			case stands == counted:
				p = &packet{filter: f, countOnly: true}
				waiting = append(waiting, p)
			default:
				p = w.packet(f, e)
				packets = append(packets, p)
			}
			open[id] = p
			if !p.countOnly {
				p.events = w.d.spare.grow(p.events, e.entry.Count)
			}
			wanting = append(wanting, p)
		}
		if len(wanting) == 0 {
			continue
		}
		for ev := range e.entry.Events() {
			message.Reset(ev.Message)
			for _, p := range wanting {
				p.take(e, ev, &message)
			}
		}
	}
	return packets, waiting
}

// spare keeps the memory of large packets' events for those of later batches. Of a batch
// of short events they are as large as all the rest, and full of pointers.
type spare struct {
	pool sync.Pool // of *[]event, cleared
}

// From fewEvents on the memory of a packet's events is kept, up to manyEvents, some 2 MB.
const fewEvents, manyEvents = 1000, 20_000

// grow returns events with room for n more. What is much too large for them is left for
// others: else all that is kept would become as large as the largest.
func (s *spare) grow(events []event, n int) []event {
	if events == nil && n >= fewEvents {
		kept, ok := s.pool.Get().(*[]event)
		switch {
		case ok && cap(*kept) <= 4*n:
			events = *kept
		case ok:
			s.pool.Put(kept)
		}
	}
	return slices.Grow(events, n)
}

// put takes the events of packets that nobody needs any more, and of which none have been
// taken out.
func (s *spare) put(packets []*packet) {
	for _, p := range packets {
		if kept := p.events[:0]; cap(kept) >= fewEvents && cap(kept) <= manyEvents {
			clear(p.events)
			p.events = nil
			s.pool.Put(&kept)
		}
	}
}

func (w *worker) packet(f *logs.Filter, e *located) *packet {
	p := &packet{filter: f, origin: origin{owner: f.Account, group: f.Group, stream: e.entry.Stream, filter: f.Name, accountLevel: f.AccountLevel}}
	if f.Distribution == logs.Random {
		p.key = spreadKey(w.source.Name(), e.at, p.origin)
	} else {
		p.key = streamKey(p.origin.owner, p.origin.group, p.origin.stream)
	}
	return p
}

// take adds an event of an entry if the packet's filter matches it.
func (p *packet) take(e *located, ev logs.Event, message *pattern.Event) {
	fields, ok := p.filter.Match(&e.entry, message)
	if !ok {
		return
	}
	switch {
	case p.countOnly:
		p.count++
		return
	case p.origin.loops(ev.Message):
		p.looped++
		return
	}
	p.events = append(p.events, event{
		at: e.at, ingested: e.entry.Ingestion, id: e.entry.EventID(ev), timestamp: ev.Timestamp, message: ev.Message, fields: fields,
	})
}
