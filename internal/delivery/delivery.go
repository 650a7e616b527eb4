package delivery

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"tributary/internal/durable/catalog"
	"tributary/internal/durable/journal"
	"tributary/internal/pure/arn"
	"tributary/internal/service/iam"
	"tributary/internal/service/kinesis"
	"tributary/internal/service/logs"
)

// Config is what delivery works with.
type Config struct {
	Catalog *catalog.Catalog
	Logs    *logs.Service
	Kinesis *kinesis.Service
	IAM     *iam.Service
	Now     func() time.Time
	Log     *slog.Logger
}

// A Delivery runs one worker for each ingest journal.
type Delivery struct {
	cfg     Config
	check   *checker
	tallies *tallies
	cursors *catalog.Table[cursor]

	mu      sync.Mutex
	workers map[string]*worker // by journal name; guarded by mu
}

// A cursor says up to where a worker has finished an ingest journal: table
// delivery/cursor, key Region and journal.
type cursor struct {
	Position journal.Position `json:"position"`
}

// cursorInterval is how often cursors are saved. A longer one means more to read
// again after a crash, nothing else.
const cursorInterval = time.Second

// New builds a Delivery; Run starts it.
func New(cfg Config) (*Delivery, error) {
	return &Delivery{
		cfg:     cfg,
		check:   &checker{cfg: cfg},
		tallies: &tallies{log: cfg.Log, all: map[filterKey]*Tally{}},
		cursors: catalog.NewTable[cursor](cfg.Catalog, "delivery/cursor"),
		workers: map[string]*worker{},
	}, nil
}

// Run delivers until ctx ends, and returns then with every cursor saved. Delivery
// of a journal that cannot be read stops, so that no event is passed over, and is
// logged; the journal store reports the damage in its health.
func (d *Delivery) Run(ctx context.Context) error {
	var running sync.WaitGroup
	running.Go(func() { d.saveCursors(ctx) })
	for ctx.Err() == nil {
		regions, more := d.cfg.Logs.Regions()
		for _, region := range regions {
			for _, w := range d.newWorkers(region) {
				running.Go(func() {
					err := w.run(ctx)
					if ctx.Err() == nil {
						d.cfg.Log.Error("delivery has stopped", "journal", w.source.Name(), "upto", w.done().String(), "cause", err)
					}
				})
			}
		}
		select {
		case <-ctx.Done():
		case <-more:
		}
	}
	running.Wait()
	saving, stop := context.WithTimeout(context.WithoutCancel(ctx), savingTime)
	defer stop()
	return d.save(saving)
}

// savingTime bounds how long the last cursors may take. Without them the next
// start only reads more again.
const savingTime = 5 * time.Second

// newWorkers makes a worker for each ingest journal of a Region that has none.
func (d *Delivery) newWorkers(region arn.Region) []*worker {
	d.mu.Lock()
	defer d.mu.Unlock()
	var made []*worker
	for _, j := range d.cfg.Logs.IngestJournals(region) {
		if d.workers[j.Name()] != nil {
			continue
		}
		saved, _, _ := d.cursors.Get(cursorKey(region, j.Name()))
		w := newWorker(d, region, j, saved.Position)
		d.workers[j.Name()] = w
		made = append(made, w)
	}
	return made
}

func cursorKey(region arn.Region, name string) catalog.Key {
	return catalog.KeyOf(string(region), name)
}

// Delivered is the position below which the saved cursor of an ingest journal
// makes its entries dispensable: they are never read again.
func (d *Delivery) Delivered(region arn.Region, name string) journal.Position {
	saved, _, _ := d.cursors.Get(cursorKey(region, name))
	return saved.Position
}

func (d *Delivery) saveCursors(ctx context.Context) {
	tick := time.NewTicker(cursorInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := d.save(ctx); err != nil && ctx.Err() == nil {
				d.cfg.Log.Error("cursors are not saved", "cause", err)
			}
		}
	}
}

// save writes the cursors that have moved. It is never called under the gate.
func (d *Delivery) save(ctx context.Context) error {
	d.mu.Lock()
	workers := make([]*worker, 0, len(d.workers))
	for _, w := range d.workers {
		workers = append(workers, w)
	}
	d.mu.Unlock()
	var errs []error
	for _, w := range workers {
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
