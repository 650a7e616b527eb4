package delivery

import (
	"context"
	"errors"
	"slices"
	"sync"

	"tributary/internal/durable/catalog"
	"tributary/internal/durable/journal"
	"tributary/internal/pure/arn"
	"tributary/internal/service/logs"
)

// A filterRecord is what the catalog keeps of a filter for delivery: the value of
// its key in the table delivery/filter. A filter that has always been on the shared
// cursors has none.
type filterRecord struct {
	// Detours are by ingest journal.
	Detours map[string]detourRecord `json:"detours,omitzero"`
	// Backfilled is, by ingest journal, from where on a backfill has delivered or will
	// deliver: what lies before it has not been asked for.
	Backfilled map[string]backfilled `json:"backfilled,omitzero"`
	// Losses are the ranges of which events were dropped on a detour, oldest first.
	Losses []Loss `json:"losses,omitzero"`
}

// A backfilled range ends where the filter begins.
type backfilled struct {
	Begin journal.Position `json:"begin"` // of the filter
	From  journal.Position `json:"from"`
}

const accountLevelPart = "account"

func (k filterKey) catalogKey() catalog.Key {
	level := ""
	if k.accountLevel {
		level = accountLevelPart
	}
	return catalog.KeyOf(string(k.account), string(k.region), k.group, k.filter, level)
}

func filterKeyOf(k catalog.Key) filterKey {
	p := k.Parts()
	return filterKey{arn.AccountID(p[0]), arn.Region(p[1]), p[2], p[3], p[4] == accountLevelPart}
}

// find is the filter as it is now; nil when it is gone.
func (d *Delivery) find(key filterKey) *logs.Filter {
	for _, f := range d.cfg.Logs.Filters(key.account, key.region, key.group) {
		if f.Name == key.filter && f.AccountLevel == key.accountLevel {
			return f
		}
	}
	return nil
}

// changeFilter changes the record of a filter; a record that says nothing is
// removed.
func (d *Delivery) changeFilter(ctx context.Context, key filterKey, change func(*filterRecord)) error {
	k := key.catalogKey()
	for {
		old, rev, exists := d.records.Get(k)
		r := old.clone()
		change(&r)
		var err error
		switch empty := len(r.Detours) == 0 && len(r.Losses) == 0 && len(r.Backfilled) == 0; {
		case !exists && empty:
			return nil
		case empty:
			err = d.records.Delete(ctx, k, rev)
		case exists:
			_, err = d.records.Replace(ctx, k, r, rev)
		default:
			_, err = d.records.Create(ctx, k, r)
		}
		if !errors.Is(err, catalog.ErrConflict) && !errors.Is(err, catalog.ErrExists) {
			return err
		}
	}
}

// clone copies what change may change: values of the catalog are shared.
func (r filterRecord) clone() filterRecord {
	c := filterRecord{Losses: slices.Clone(r.Losses)}
	if len(r.Detours) > 0 {
		c.Detours = make(map[string]detourRecord, len(r.Detours))
		for name, one := range r.Detours {
			c.Detours[name] = one
		}
	}
	if len(r.Backfilled) > 0 {
		c.Backfilled = make(map[string]backfilled, len(r.Backfilled))
		for name, one := range r.Backfilled {
			c.Backfilled[name] = one
		}
	}
	return c
}

func (r *filterRecord) setDetour(source string, one detourRecord) {
	if r.Detours == nil {
		r.Detours = map[string]detourRecord{}
	}
	r.Detours[source] = one
}

func (d *Delivery) putDetour(ctx context.Context, source string, key filterKey, one detourRecord) error {
	return d.changeFilter(ctx, key, func(r *filterRecord) { r.setDetour(source, one) })
}

func (d *Delivery) dropDetour(ctx context.Context, source string, key filterKey) error {
	return d.changeFilter(ctx, key, func(r *filterRecord) { delete(r.Detours, source) })
}

// forgetFilters removes the records of filters that are gone.
func (d *Delivery) forgetFilters(ctx context.Context, gone func(filterKey) bool) error {
	var errs []error
	for k := range d.records.Scan(catalog.Key{}) {
		key := filterKeyOf(k)
		if !gone(key) {
			continue
		}
		_, rev, ok := d.records.Get(k)
		if !ok || !gone(key) { // it may have been made again meanwhile
			continue
		}
		if err := d.records.Delete(ctx, k, rev); err != nil && !errors.Is(err, catalog.ErrConflict) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// atOnce is how many writes to the catalog one caller has on their way: enough to
// fill change sets.
const atOnce = 64

// eachOf calls do for all, several at a time, and joins the errors.
func eachOf(all map[filterKey]*detour, do func(*detour) error) error {
	var (
		running sync.WaitGroup
		places  = make(chan struct{}, atOnce)
		mu      sync.Mutex
		errs    []error
	)
	for _, one := range all {
		places <- struct{}{}
		running.Go(func() {
			defer func() { <-places }()
			if err := do(one); err != nil {
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, err)
			}
		})
	}
	running.Wait()
	return errors.Join(errs...)
}
