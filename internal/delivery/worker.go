package delivery

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"tributary/internal/durable/journal"
	"tributary/internal/pure/arn"
	"tributary/internal/service/api"
	"tributary/internal/service/kinesis"
	"tributary/internal/service/logs"
)

// A worker delivers the events of one ingest journal, in order. Its fields but
// finished belong to the goroutine that runs it.
type worker struct {
	d      *Delivery
	region arn.Region
	source *journal.Journal
	reader *journal.Reader
	pool   compressor
	// covered holds, for each shard that this worker has appended to since it
	// started, the mark of the last append. For other shards the journal is asked.
	covered map[shardID]journal.Position

	mu       sync.Mutex
	finished journal.Position // guarded by mu
}

// A shardID names a shard among all streams there ever were.
type shardID struct {
	stream string
	shard  kinesis.ShardID
}

func newWorker(d *Delivery, region arn.Region, source *journal.Journal, from journal.Position) *worker {
	return &worker{
		d: d, region: region, source: source, reader: source.Reader(from),
		covered: map[shardID]journal.Position{}, finished: from,
	}
}

// done is the position up to which everything is delivered or dropped.
func (w *worker) done() journal.Position {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.finished
}

// run delivers until ctx ends or the journal turns out to have lost something.
func (w *worker) run(ctx context.Context) error {
	for {
		b, err := w.read(ctx)
		if err != nil {
			return err
		}
		if err := w.deliver(ctx, b); err != nil {
			return err
		}
		w.mu.Lock()
		w.finished = b.end
		w.mu.Unlock()
	}
}

// read is next, tried again while the engine does not answer, as when it is
// started again after a full disk.
func (w *worker) read(ctx context.Context) (batch, error) {
	var pauses backoff
	for {
		b, err := w.next(ctx)
		if err == nil || ctx.Err() != nil || !api.Unavailable(err) {
			return b, err
		}
		// next may have taken blocks before it failed.
		w.reader = w.source.Reader(w.done())
		w.d.cfg.Log.Warn("ingest journal is read again", "journal", w.source.Name(), "from", w.done().String(), "cause", err)
		if err := pauses.wait(ctx); err != nil {
			return batch{}, err
		}
	}
}

// deliver carries a batch to every shard it has events for. What is refused is
// dropped; what fails otherwise is tried again until it succeeds or ctx ends.
func (w *worker) deliver(ctx context.Context, b batch) error {
	var pauses backoff
	for {
		err := w.attempt(ctx, b)
		if err == nil || ctx.Err() != nil {
			return err
		}
		if errors.Is(err, errChanged) {
			continue // nothing is wrong: what was prepared is out of date
		}
		w.d.cfg.Log.Warn("delivery is tried again", "journal", w.source.Name(), "upto", b.end.String(), "cause", err)
		if err := pauses.wait(ctx); err != nil {
			return err
		}
	}
}

// A backoff is the pauses between attempts: doubled each time, with jitter. The
// zero value begins with firstPause.
type backoff struct{ last time.Duration }

const (
	firstPause = 10 * time.Millisecond
	lastPause  = 5 * time.Second
)

// wait lets the next pause pass, or returns the error of ctx.
func (b *backoff) wait(ctx context.Context) error {
	b.last = min(max(2*b.last, firstPause), lastPause)
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(b.last/2 + rand.N(b.last)):
		return nil
	}
}

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

// attempt makes one try at a batch. Shards that have it already are left out, so
// trying again doubles nothing.
func (w *worker) attempt(ctx context.Context, b batch) error {
	shipments, refused, err := w.prepare(ctx, w.match(b))
	if err != nil {
		return err
	}
	if len(shipments) > 0 {
		more, err := w.ship(ctx, b.end, shipments)
		if err != nil {
			return err
		}
		refused = append(refused, more...)
	}
	for _, r := range refused {
		w.d.tallies.dropped(r.packet.filter, len(r.packet.events), r.reason)
	}
	return nil
}

// prepare encodes packets for the shards they go to, outside the gate, since
// compressing takes time. Permission is asked here to know the shards and to save
// work for what would be refused; it counts only when it is asked again when the
// records are shipped.
func (w *worker) prepare(ctx context.Context, packets []*packet) (all []*shipment, refused []refusal, err error) {
	byShard := map[shardID]*shipment{}
	for _, p := range packets {
		if len(p.events) == 0 {
			continue
		}
		target, err := w.permit(p.filter)
		if errors.Is(err, errRefused) {
			refused = append(refused, refusal{p, err})
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		id := shardID{target.ID(), target.Shard(p.key)}
		events, err := w.uncovered(ctx, target, id, p)
		if err != nil {
			return nil, nil, err
		}
		if len(events) == 0 {
			continue
		}
		records, lost, err := w.pool.records(p, events, target.MaxRecordSize())
		if err != nil {
			return nil, nil, err
		}
		s := byShard[id]
		if s == nil {
			s = &shipment{id: id, target: target}
			byShard[id] = s
			all = append(all, s)
		}
		s.parcels = append(s.parcels, parcel{p, len(events) - lost, lost, records})
	}
	return all, refused, nil
}

// permit asks under the gate, like everybody who asks. The answer is kept for the
// catalog's revision, and several changes can be one revision: without the gate the
// answer might know some of them and not the others.
func (w *worker) permit(f *logs.Filter) (*kinesis.StreamWriter, error) {
	release := w.d.cfg.Catalog.Hold()
	defer release()
	return w.d.check.permit(f)
}

// uncovered are the packet's events that the shard does not hold yet.
func (w *worker) uncovered(ctx context.Context, target *kinesis.StreamWriter, id shardID, p *packet) ([]event, error) {
	mark, known := w.covered[id]
	if !known {
		var err error
		if mark, _, err = target.Covered(ctx, id.shard, w.source.Name(), p.key); err != nil {
			return nil, err
		}
	}
	n := 0
	for n < len(p.events) && p.events[n].at.Compare(mark) < 0 {
		n++
	}
	return p.events[n:], nil
}

// ship appends each shipment to its shard, under the gate: from the answer that
// it may until it is on disk nothing in the catalog changes. When one of them is
// out of date, none is appended: what goes elsewhere now may go to a shard whose
// mark, once this batch is in it, would say that the shard has it.
func (w *worker) ship(ctx context.Context, end journal.Position, shipments []*shipment) (refused []refusal, err error) {
	release := w.d.cfg.Catalog.Hold()
	defer release()
	for _, s := range shipments {
		more, err := w.permitted(s)
		if err != nil {
			return nil, err
		}
		refused = append(refused, more...)
	}
	errs := make([]error, len(shipments))
	var appends sync.WaitGroup
	for i, s := range shipments {
		var records []kinesis.Record
		for _, p := range s.parcels {
			records = append(records, p.records...)
		}
		if len(records) == 0 {
			continue
		}
		appends.Go(func() { errs[i] = s.target.Append(ctx, s.id.shard, w.source.Name(), end, records) })
	}
	appends.Wait()
	for i, s := range shipments {
		if errs[i] != nil {
			// The append may have happened or not: the shard's journal knows.
			delete(w.covered, s.id)
			continue
		}
		if len(s.parcels) > 0 {
			w.covered[s.id] = end
		}
		for _, p := range s.parcels {
			w.tally(p)
		}
	}
	return refused, errors.Join(errs...)
}

// permitted takes the parcels that may not be delivered now out of a shipment.
// The caller holds the gate, so what it leaves may be appended.
func (w *worker) permitted(s *shipment) (refused []refusal, err error) {
	kept := s.parcels[:0]
	for _, p := range s.parcels {
		if !w.d.cfg.Logs.Current(p.packet.filter) {
			return nil, errChanged
		}
		target, err := w.d.check.permit(p.packet.filter)
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

func (w *worker) tally(p parcel) {
	bytes := 0
	for _, r := range p.records {
		bytes += len(r.Data)
	}
	w.d.tallies.forwarded(p.packet.filter, p.events, len(p.records), bytes)
	if p.lost > 0 {
		w.d.tallies.dropped(p.packet.filter, p.lost, errTooLarge)
	}
}

var (
	errChanged  = errors.New("the filter or its target changed meanwhile")
	errTooLarge = errors.New("the event fits no record of the stream")
)
