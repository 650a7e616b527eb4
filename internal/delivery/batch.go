package delivery

import (
	"context"
	"fmt"
	"slices"

	"tributary/internal/durable/journal"
	"tributary/internal/pure/pattern"
	"tributary/internal/service/logs"
)

// A batch is some entries of an ingest journal that are delivered together.
type batch struct {
	entries []located
	end     journal.Position // all entries below it, down to the batch before, are in
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
func (w *worker) next(ctx context.Context) (batch, error) {
	var b batch
	size := 0
	block, err := w.reader.Next(ctx)
	for {
		if err != nil {
			return batch{}, err
		}
		for i, data := range block.Entries {
			e, err := logs.DecodeEntry(data)
			if err != nil {
				return batch{}, fmt.Errorf("entry at %v: %w", block.Position(i), err)
			}
			b.entries = append(b.entries, located{block.Position(i), e})
			size += len(data)
		}
		b.end = block.End()
		if size >= batchBytes {
			return b, nil
		}
		var more bool
		if block, more, err = w.reader.Poll(ctx); err == nil && !more {
			return b, nil
		}
	}
}

// A packet is the events of one log stream that one filter takes out of a batch.
type packet struct {
	filter *logs.Filter
	origin origin
	key    string // partition key
	events []event
}

type packetID struct {
	filter *logs.Filter
	stream string
	at     journal.Position // of the entry, where a packet is of one entry
}

// match makes the packets of a batch, in the order of the entries. Each event is
// prepared once for all filters of its log group.
func (w *worker) match(b batch) []*packet {
	var (
		packets []*packet
		open    = map[packetID]*packet{}
		wanting []*packet // those that may take events of the entry
		message pattern.Event
	)
	for i := range b.entries {
		e := &b.entries[i]
		wanting = wanting[:0]
		for _, f := range w.d.cfg.Logs.Filters(e.entry.Account, w.region, e.entry.Group) {
			if e.at.Compare(f.From(w.source.Name())) < 0 || !f.Selects(e.entry.Account, w.region) {
				continue
			}
			id := packetID{filter: f, stream: e.entry.Stream}
			if f.Distribution == logs.Random {
				id.at = e.at
			}
			p := open[id]
			if p == nil {
				p = w.packet(f, e)
				open[id] = p
				packets = append(packets, p)
			}
			p.events = slices.Grow(p.events, e.entry.Count)
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
	return packets
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
	p.events = append(p.events, event{
		at: e.at, id: e.entry.EventID(ev), timestamp: ev.Timestamp, message: ev.Message, fields: fields,
	})
}
