package delivery

import (
	"context"
	"errors"
	"slices"
	"sync"

	"tributary/internal/durable/journal"
	"tributary/internal/service/kinesis"
	"tributary/internal/service/logs"
)

// A carrier takes packets to the shards they belong to, as blocks of one lane, and
// leaves out what the lane's marks say is there already. It is for one goroutine.
type carrier struct {
	d      *Delivery
	source *journal.Journal
	pool   *compressor
	lane   string
	// covered holds, for each shard that this carrier has appended to since the
	// start, the mark of the last append. For other shards the journal is asked.
	covered map[shardID]journal.Position
	// sent is up to where each shard had the shared lane's events when the filter went
	// on a detour; nil on the shared lane.
	sent map[string]journal.Position
}

// A shardID names a shard among all streams there ever were.
type shardID struct {
	stream string
	shard  kinesis.ShardID
}

// String names the shard in a detour's record.
func (id shardID) String() string { return id.stream + "/" + id.shard.String() }

// A shipment is all records of a batch for one shard: one block.
type shipment struct {
	id      shardID
	target  *kinesis.StreamWriter
	parcels []parcel
}

// A parcel is the records of one packet.
type parcel struct {
	packet  *packet
	events  int // in the records
	lost    int // events that fit no record
	records []kinesis.Record
}

// A refusal is a packet that may not be delivered.
type refusal struct {
	packet *packet
	reason error
}

// A holdup is a packet that could not be delivered now.
type holdup struct {
	packet *packet
	err    error
}

// An outcome is what became of one attempt at some packets. What is in neither
// list is in its shard.
type outcome struct {
	refused []refusal
	heldUp  []holdup
}

// maxShipment is how many bytes of records one block takes. It is well below what
// a journal does; what is beyond it is held up and goes by itself.
const maxShipment = 24 << 20

// carry makes one attempt at the packets of a batch that ends at end. Shards that
// have a packet already are left out, so trying again doubles nothing. The error is
// of something that concerns all packets, and then none of the refusals count.
func (c *carrier) carry(ctx context.Context, end journal.Position, packets []*packet) (outcome, error) {
	shipments, out, err := c.prepare(ctx, packets)
	if err != nil || len(shipments) == 0 {
		return out, err
	}
	err = c.ship(ctx, end, shipments, &out)
	return out, err
}

// prepare encodes packets for the shards they go to, outside the gate, since
// compressing takes time. Permission is asked here to know the shards and to save
// work for what would be refused; a permission counts only when it is asked for again
// when the records are shipped, a refusal is final.
func (c *carrier) prepare(ctx context.Context, packets []*packet) (all []*shipment, out outcome, err error) {
	byShard := map[shardID]*shipment{}
	broken := map[shardID]error{} // whose mark cannot be read
	for _, p := range packets {
		if len(p.events) == 0 {
			continue
		}
		target, err := c.permit(p.filter)
		if errors.Is(err, errRefused) {
			out.refused = append(out.refused, refusal{p, err})
			continue
		}
		if err != nil {
			return nil, outcome{}, err
		}
		id := shardID{target.ID(), target.Shard(p.key)}
		if err := broken[id]; err != nil {
			out.heldUp = append(out.heldUp, holdup{p, err})
			continue
		}
		events, err := c.uncovered(ctx, target, id, p)
		if err != nil {
			if ctx.Err() != nil {
				return nil, outcome{}, err
			}
			broken[id] = err
			out.heldUp = append(out.heldUp, holdup{p, err})
			continue
		}
		if len(events) == 0 {
			continue
		}
		records, lost, err := c.pool.records(p, events, target.MaxRecordSize())
		if err != nil {
			return nil, outcome{}, err
		}
		s := byShard[id]
		if s == nil {
			s = &shipment{id: id, target: target}
			byShard[id] = s
			all = append(all, s)
		}
		s.parcels = append(s.parcels, parcel{p, len(events) - lost, lost, records})
	}
	// A packet that is held up holds up all of its shard: the mark of a block that
	// went without it would say that it was there.
	all = slices.DeleteFunc(all, func(s *shipment) bool {
		err := broken[s.id]
		if err != nil {
			out.heldUp = append(out.heldUp, s.heldUp(err)...)
		}
		return err != nil
	})
	return all, out, nil
}

// permit asks under the gate, like everybody who asks: without it the answer might know
// some of several changes and not the others, such as a role that is gone and not the one
// that has taken its place, and a refusal drops events.
func (c *carrier) permit(f *logs.Filter) (*kinesis.StreamWriter, error) {
	release := c.d.cfg.Catalog.Hold()
	defer release()
	return c.d.check.permit(f)
}

// uncovered are the packet's events that its shard does not hold yet.
func (c *carrier) uncovered(ctx context.Context, target *kinesis.StreamWriter, id shardID, p *packet) ([]event, error) {
	mark, err := c.mark(ctx, target, id, p.key)
	if err != nil {
		return nil, err
	}
	n := 0
	for n < len(p.events) && p.events[n].at.Compare(mark) < 0 {
		n++
	}
	return p.events[n:], nil
}

// mark is the position below which events with this partition key are in their
// shard, as far as this carrier would have put them there.
func (c *carrier) mark(ctx context.Context, target *kinesis.StreamWriter, id shardID, key string) (journal.Position, error) {
	mark, known := c.covered[id]
	if !known {
		var err error
		if mark, _, err = target.Covered(ctx, id.shard, c.lane, key); err != nil {
			return journal.Position{}, err
		}
	}
	if len(c.sent) > 0 {
		for _, shard := range target.Line(id.shard, key) {
			mark = maxPosition(mark, c.sent[shardID{id.stream, shard}.String()])
		}
	}
	return mark, nil
}

// ship appends each shipment to its shard, under the gate: from the answer that
// it may until it is on disk nothing in the catalog changes. When one of them is
// out of date, none is appended: what goes elsewhere now may go to a shard whose
// mark, once this batch is in it, would say that the shard has it.
func (c *carrier) ship(ctx context.Context, end journal.Position, shipments []*shipment, out *outcome) error {
	release := c.d.cfg.Catalog.Hold()
	defer release()
	for _, s := range shipments {
		refused, err := c.permitted(s)
		if err != nil {
			return err
		}
		out.refused = append(out.refused, refused...)
	}
	errs := make([]error, len(shipments))
	var appends sync.WaitGroup
	for i, s := range shipments {
		records, err := s.records()
		if err != nil {
			errs[i] = err
		} else if len(records) > 0 {
			appends.Go(func() { errs[i] = s.target.Append(ctx, s.id.shard, c.lane, end, records) })
		}
	}
	appends.Wait()
	for i, s := range shipments {
		if errs[i] != nil {
			// The append may have happened or not: the shard's journal knows.
			delete(c.covered, s.id)
			if errors.Is(errs[i], journal.ErrUnknownOutcome) {
				c.d.doubt(s.target, s.id.shard, c.lane)
			}
			out.heldUp = append(out.heldUp, s.heldUp(errs[i])...)
			continue
		}
		if len(s.parcels) > 0 {
			c.covered[s.id] = end
		}
		for _, p := range s.parcels {
			c.d.tallies.forwarded(p)
		}
	}
	return context.Cause(ctx)
}

// permitted takes the parcels that may not be delivered now out of a shipment.
// The caller holds the gate, so what it leaves may be appended.
func (c *carrier) permitted(s *shipment) (refused []refusal, err error) {
	kept := s.parcels[:0]
	for _, p := range s.parcels {
		if !c.d.cfg.Logs.Current(p.packet.filter) {
			return nil, errChanged
		}
		target, err := c.d.check.permit(p.packet.filter)
		switch {
		case errors.Is(err, errRefused):
			refused = append(refused, refusal{p.packet, err})
		case err != nil:
			return nil, err
		case target.ID() != s.id.stream || target.Shard(p.packet.key) != s.id.shard:
			return nil, errChanged
		default:
			kept = append(kept, p)
		}
	}
	s.parcels = kept
	return refused, nil
}

// records are those of all parcels, or errCrowded when they are too many for one
// block.
func (s *shipment) records() ([]kinesis.Record, error) {
	var all []kinesis.Record
	size := 0
	for _, p := range s.parcels {
		all = append(all, p.records...)
		size += p.bytes()
	}
	if size > maxShipment && len(s.parcels) > 1 {
		return nil, errCrowded
	}
	return all, nil
}

// heldUp are the packets of a shipment that did not get through. What is too much
// for one block is held up but for the packets of the first filter, so that less is
// left for the next attempt.
func (s *shipment) heldUp(err error) (all []holdup) {
	for _, p := range s.parcels {
		if errors.Is(err, errCrowded) && p.packet.filter == s.parcels[0].packet.filter {
			continue
		}
		all = append(all, holdup{p.packet, err})
	}
	return all
}

// bytes is the size of a parcel's records.
func (p *parcel) bytes() int {
	n := 0
	for _, r := range p.records {
		n += len(r.Data)
	}
	return n
}

var (
	errChanged  = errors.New("the filter or its target changed meanwhile")
	errTooLarge = errors.New("the event fits no record of the stream")
	errCrowded  = errors.New("the shard gets too much at once from other filters")
)
