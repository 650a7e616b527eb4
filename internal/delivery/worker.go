package delivery

import (
	"context"
	"errors"
	"sync"

	"tributary/internal/durable/journal"
	"tributary/internal/pure/arn"
	"tributary/internal/service/api"
	"tributary/internal/service/logs"
)

// A worker delivers the events of one ingest journal, in order. It is two
// goroutines: follow carries the filters that share the worker's cursor, sweep
// those that are on a detour (detour.go).
type worker struct {
	d      *Delivery
	region arn.Region
	source *journal.Journal
	pool   compressor

	// turn is held while a batch is carried on the shared cursor, and by whoever
	// lets a filter leave or join that cursor: under turn, finished and detours stay
	// as they are. It is taken before the catalog's gate.
	turn sync.Mutex
	// shared carries for all filters that are not on a detour; follow's.
	shared carrier
	reader *journal.Reader // follow's
	// settled is where the journal ended when the worker was made: no mark that was
	// left before is beyond it.
	settled journal.Position

	mu sync.Mutex // guards what follows and the state of each detour; a leaf
	// finished is the shared cursor: what is below it has been delivered or dropped
	// for every filter that is not on a detour. It moves under turn.
	finished journal.Position
	// detours are by filter. They come and go under turn, too.
	detours map[filterKey]*detour
	// oldest is the ingestion time in ms of the first entry of the batch that is being
	// carried on the shared cursor; 0 between two.
	oldest int64
	// stopped is why the worker has given up; nil while it runs.
	stopped error

	woken chan struct{} // holds one when a detour may be ready
}

func newWorker(d *Delivery, region arn.Region, source *journal.Journal, from journal.Position) *worker {
	if from.IsZero() {
		from = source.Start()
	}
	w := &worker{
		d: d, region: region, source: source, reader: source.Reader(from),
		settled: source.End(), finished: from, detours: map[filterKey]*detour{}, woken: make(chan struct{}, 1),
	}
	w.shared = w.carrier(source.Name())
	return w
}

// carrier returns one for a lane of this worker.
func (w *worker) carrier(lane string) carrier {
	return carrier{d: w.d, source: w.source, pool: &w.pool, lane: lane, covered: map[shardID]journal.Position{}}
}

// done is the shared cursor.
func (w *worker) done() journal.Position {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.finished
}

// run delivers until ctx ends or the journal turns out to have lost something.
func (w *worker) run(ctx context.Context) error {
	var sweeping sync.WaitGroup
	sweeping.Go(func() { w.sweep(ctx) })
	err := w.follow(ctx)
	if ctx.Err() == nil {
		w.mu.Lock()
		w.stopped = err
		w.mu.Unlock()
		w.d.cfg.Log.Error("delivery has stopped", "journal", w.source.Name(), "upto", w.done().String(), "cause", err)
	}
	sweeping.Wait()
	w.stopTimers()
	return err
}

// follow carries batch after batch on the shared cursor.
func (w *worker) follow(ctx context.Context) error {
	for {
		b, err := w.read(ctx)
		if err != nil {
			return err
		}
		if err := w.carryShared(ctx, b); err != nil {
			return err
		}
	}
}

func (w *worker) carryShared(ctx context.Context, b batch) error {
	w.turn.Lock()
	defer w.turn.Unlock()
	w.mu.Lock()
	w.oldest = b.entries[0].entry.Ingestion
	w.mu.Unlock()
	if err := w.deliver(ctx, b); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.finished, w.oldest = b.end, 0
	return nil
}

// read is next, tried again while the engine does not answer, as when it is
// started again after a full disk.
func (w *worker) read(ctx context.Context) (batch, error) {
	var pauses backoff
	for {
		b, err := next(ctx, w.reader)
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

// patience is how often a batch is tried while something does not answer, before
// the filters that it holds up go on a detour: an engine that is started again
// would send all of them.
const patience = 6

// deliver carries a batch to every shard it has events for. What is refused is
// dropped; filters that are held up leave the shared cursor here. It returns when
// nothing of the batch is left to do, or when ctx ends. turn is held.
func (w *worker) deliver(ctx context.Context, b batch) error {
	var pauses backoff
	for attempt := 1; ; attempt++ {
		packets, waiting := w.match(b, w.standing)
		out, err := w.shared.carry(ctx, b.end, packets)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err == nil && len(out.heldUp) == 0 {
			w.account(packets, waiting, out.refused)
			w.d.spare.put(packets)
			return nil
		}
		if errors.Is(err, errChanged) {
			continue // nothing is wrong: what was prepared is out of date
		}
		if err == nil {
			err = w.leave(ctx, packets, out.heldUp, attempt >= patience)
			if err == nil || errors.Is(err, errChanged) {
				continue
			}
		}
		w.d.cfg.Log.Warn("delivery is tried again", "journal", w.source.Name(), "upto", b.end.String(), "cause", err)
		if err := pauses.wait(ctx); err != nil {
			return err
		}
	}
}

// standing says what the shared cursor has to do with a filter's events in an
// entry. turn is held.
func (w *worker) standing(f *logs.Filter, e *located) standing {
	begins := f.From(w.source.Name())
	if e.at.Compare(begins) < 0 {
		return passedOver
	}
	if len(w.detours) == 0 {
		return carried
	}
	d := w.detours[keyOf(f)]
	switch {
	case d == nil || d.record.Begin != begins:
		return carried
	case !d.record.Back:
		return counted
	case e.at.Compare(d.record.Position) < 0:
		return passedOver
	}
	return carried
}

// account notes what became of a batch.
func (w *worker) account(packets, waiting []*packet, refused []refusal) {
	w.d.tallies.dealtWith(packets, refused)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range waiting {
		if d := w.detours[keyOf(p.filter)]; d != nil && p.count > 0 {
			d.pending += int64(p.count)
		}
	}
}
