package delivery

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tributary/internal/durable/journal"
	"tributary/internal/service/logs"
)

// Why a backfill is refused, to be compared with errors.Is.
var (
	// ErrDetour means that the filter is catching up: it is backfilling already, or
	// its destination has held it up.
	ErrDetour = errors.New("the subscription filter is catching up; a backfill can begin when it has")
	// ErrNothingBefore means that the journals hold nothing from that time on that
	// was not delivered or asked for already.
	ErrNothingBefore = errors.New("there is nothing from that time on that was ingested before the subscription filter began")
)

// Backfill lets a filter begin in the past: at what was ingested at a time, as far
// as the ingest journals still hold it. Those events are delivered in order, and
// the live ones from now on after them; what was ingested between the moment when
// the filter was made and now has been delivered live, and is not delivered again.
//
// It returns the time from which on there is something, and when the backfill is
// on disk: it goes on after a restart. Events that a stream does not take within 24
// hours of the call are dropped. A second backfill takes what lies before the first.
//
// Errors: ErrDetour, ErrNothingBefore; anything else is ours.
func (d *Delivery) Backfill(ctx context.Context, f *logs.Filter, since time.Time) (from time.Time, err error) {
	var workers []*worker
	for _, w := range d.running() {
		if w.region == f.Region {
			workers = append(workers, w)
		}
	}
	for _, w := range workers {
		if w.away(keyOf(f)) || w.replaying() {
			return time.Time{}, ErrDetour
		}
	}
	for _, w := range workers {
		began, err := w.backfill(ctx, f, since)
		if err != nil {
			return time.Time{}, err
		}
		if !began.IsZero() && (from.IsZero() || began.Before(from)) {
			from = began
		}
	}
	if from.IsZero() {
		return time.Time{}, ErrNothingBefore
	}
	return from, nil
}

// away reports whether a filter is on a detour.
func (w *worker) away(key filterKey) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	d := w.detours[key]
	return d != nil && !d.record.Back
}

// backfill begins a detour in the past of one journal and returns the time of its
// first block, zero when there is nothing to deliver.
func (w *worker) backfill(ctx context.Context, f *logs.Filter, since time.Time) (time.Time, error) {
	name, key := w.source.Name(), keyOf(f)
	from, err := w.source.SeekTime(ctx, since)
	if err != nil {
		return time.Time{}, fmt.Errorf("backfill from %s: %w", name, err)
	}
	w.turn.Lock()
	defer w.turn.Unlock()
	begin := f.From(name)
	to := begin
	stored, _, _ := w.d.records.Get(key.catalogKey())
	if b, there := stored.Backfilled[name]; there && b.Begin == begin {
		to = b.From
	}
	if from.Compare(to) >= 0 {
		return time.Time{}, nil
	}
	if w.away(key) {
		return time.Time{}, ErrDetour
	}
	first, err := w.source.ReadBlock(ctx, from.Block)
	if err != nil {
		return time.Time{}, fmt.Errorf("backfill from %s: %w", name, err)
	}
	resume := w.done()
	if old := w.detours[key]; old != nil && old.record.Position.Compare(resume) > 0 {
		resume = old.record.Position // read again after a restart
	}
	asked := w.d.now().UnixMilli()
	record := detourRecord{
		Begin: begin, Position: from, Since: asked,
		// Of an earlier filter of this name a backfill may have left marks.
		Lane: laneOf(name, key, begin, fmt.Sprintf("backfill %v %d", from, asked)),
		Past: &past{From: from, To: to, Resume: maxPosition(resume, begin)},
	}
	if err := w.d.changeFilter(ctx, key, func(r *filterRecord) {
		r.setDetour(name, record)
		if r.Backfilled == nil {
			r.Backfilled = map[string]backfilled{}
		}
		r.Backfilled[name] = backfilled{Begin: begin, From: from}
	}); err != nil {
		return time.Time{}, fmt.Errorf("backfill from %s: %w", name, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	one := w.newDetour(key, record)
	one.ready = true
	w.detours[key] = one
	w.signal()
	return first.Time, nil
}

func maxPosition(p, q journal.Position) journal.Position {
	if p.Compare(q) > 0 {
		return p
	}
	return q
}
