package delivery

import (
	"context"
	"errors"
	"time"

	"tributary/internal/durable/catalog"
	"tributary/internal/durable/journal"
	"tributary/internal/pure/arn"
)

// cursorInterval is how often cursors are saved, in detourSaves of which the
// positions of detours are too. A longer one means more to read again after a
// crash, nothing else.
const (
	cursorInterval = time.Second
	detourSaves    = 5
	forgetSaves    = 60 // saves between two looks for filters that are gone, and what waits is saved
)

func cursorKey(region arn.Region, name string) catalog.Key {
	return catalog.KeyOf(string(region), name)
}

// Delivered is the position below which what is saved makes the entries of an ingest
// journal dispensable: they are never read again.
func (d *Delivery) Delivered(region arn.Region, name string) journal.Position {
	saved, _, _ := d.cursors.Get(cursorKey(region, name))
	oldest := saved.Position
	for _, r := range d.records.Scan(catalog.Key{}) {
		if one, there := r.Detours[name]; there && one.Position.Compare(oldest) < 0 {
			oldest = one.Position
		}
	}
	return oldest
}

func (d *Delivery) saveForever(ctx context.Context) {
	tick := time.NewTicker(cursorInterval)
	defer tick.Stop()
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := d.save(ctx)
		if n%detourSaves == 0 {
			err = errors.Join(err, d.saveDetours(ctx, n%forgetSaves == 0))
		}
		if n%forgetSaves == 0 {
			err = errors.Join(err, d.forget(ctx))
		}
		if err != nil && ctx.Err() == nil {
			d.cfg.Log.Error("cursors are not saved", "cause", err)
		}
	}
}

// save writes the shared cursors that have moved. It is never called under the
// gate.
func (d *Delivery) save(ctx context.Context) error {
	var errs []error
	for _, w := range d.running() {
		done := w.done()
		key := cursorKey(w.region, w.source.Name())
		if saved, _, ok := d.cursors.Get(key); ok && saved.Position == done {
			continue
		}
		_, err := d.cursors.Update(ctx, key, func(cursor, bool) (cursor, error) { return cursor{done}, nil })
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// saveDetours writes how far detours are, and removes those that are back for good: the
// saved shared cursor is past the position at which they joined it, so nothing before
// that is read again. counts says that also those are written that have not moved, but
// have more waiting.
func (d *Delivery) saveDetours(ctx context.Context, counts bool) error {
	var errs []error
	for _, w := range d.running() {
		saved, _, _ := d.cursors.Get(cursorKey(w.region, w.source.Name()))
		errs = append(errs, w.saveDetours(ctx, saved.Position, counts))
	}
	return errors.Join(errs...)
}

func (w *worker) saveDetours(ctx context.Context, shared journal.Position, counts bool) error {
	type state struct {
		record detourRecord
		progress
	}
	name := w.source.Name()
	changed := map[filterKey]*detour{}
	states := map[filterKey]state{}
	w.mu.Lock()
	for key, one := range w.detours {
		moved := one.saved.at != one.at || counts && one.saved != one.progress
		if one.record.Back && one.record.Position.Compare(shared) <= 0 || !one.record.Back && moved {
			changed[key], states[key] = one, state{one.record, one.progress}
		}
	}
	w.mu.Unlock()
	err := eachOf(changed, func(one *detour) error {
		now := states[one.key]
		return w.d.changeFilter(ctx, one.key, func(r *filterRecord) {
			// The detour may have ended since, or another may have begun.
			stored, there := r.Detours[name]
			if !there || stored.Back != now.record.Back || stored.Since != now.record.Since || stored.Lane != now.record.Lane {
				return
			}
			if stored.Back {
				delete(r.Detours, name)
				return
			}
			if stored.Position.Compare(now.at) < 0 {
				stored.Position = now.at
			}
			stored.Pending = now.pending
			r.Detours[name] = stored
		})
	})
	if err != nil {
		return err
	}
	// A shared cursor that is being tried again and again has its turn for long: the
	// memory of detours that are back can wait.
	mayForget := w.turn.TryLock()
	if mayForget {
		defer w.turn.Unlock()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for key, one := range changed {
		if !one.record.Back {
			one.saved = states[key].progress
		} else if mayForget && states[key].record.Back && w.detours[key] == one {
			delete(w.detours, key)
		}
	}
	return nil
}

// resume takes up the detours of the catalog, before the worker runs.
func (w *worker) resume() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for k, r := range w.d.records.Scan(catalog.Key{}) {
		one, there := r.Detours[w.source.Name()]
		if !there {
			continue
		}
		key := filterKeyOf(k)
		det := w.newDetour(key, one)
		det.ready = !one.Back
		w.detours[key] = det
		w.signal()
	}
}

// forget removes what is kept of filters that are gone.
func (d *Delivery) forget(ctx context.Context) error {
	gone := func(key filterKey) bool { return d.find(key) == nil }
	d.tallies.forget(gone)
	return d.forgetFilters(ctx, gone)
}
