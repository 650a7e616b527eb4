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
	// CheckInterval is how often a control message goes to each destination that
	// somebody subscribes to; 0 for an hour, less than 0 for never.
	CheckInterval time.Duration
}

// A Delivery runs one worker for each ingest journal.
type Delivery struct {
	cfg     Config
	started time.Time // anchors now
	check   *checker
	checks  *checks
	tallies *tallies
	cursors *catalog.Table[cursor]
	records *catalog.Table[filterRecord]
	doubts  sync.WaitGroup // goroutines of doubt
	spare   spare
	// life ends with Run, also for what a request has begun.
	life context.Context
	end  context.CancelFunc

	mu      sync.Mutex
	workers map[string]*worker // by journal name; guarded by mu
}

// A cursor says up to where a worker has finished an ingest journal: table
// delivery/cursor, key Region and journal.
type cursor struct {
	Position journal.Position `json:"position"`
}

// New builds a Delivery; Run starts it.
func New(cfg Config) (*Delivery, error) {
	if cfg.CheckInterval == 0 {
		cfg.CheckInterval = checkInterval
	}
	life, end := context.WithCancel(context.Background())
	return &Delivery{
		life:    life,
		end:     end,
		cfg:     cfg,
		started: cfg.Now(),
		check:   &checker{cfg: cfg},
		checks:  &checks{byTarget: map[checkKey]checkResult{}},
		tallies: &tallies{log: cfg.Log, now: cfg.Now, all: map[filterKey]*Tally{}},
		cursors: catalog.NewTable[cursor](cfg.Catalog, "delivery/cursor", catalog.Notes()),
		records: catalog.NewTable[filterRecord](cfg.Catalog, "delivery/filter", catalog.Notes()),
		workers: map[string]*worker{},
	}, nil
}

// now is the time by which events grow old. Since the start it is measured, not
// read from the calendar: a calendar that is set forward makes no event older.
func (d *Delivery) now() time.Time { return d.started.Add(d.cfg.Now().Sub(d.started)) }

// Run delivers until ctx ends, and returns then with every cursor saved. Delivery
// of a journal that cannot be read stops, so that no event is passed over, and is
// logged; the journal store reports the damage in its health.
func (d *Delivery) Run(ctx context.Context) error {
	var running sync.WaitGroup
	running.Go(func() { d.saveForever(ctx) })
	running.Go(func() { d.checkForever(ctx) })
	for ctx.Err() == nil {
		regions, more := d.cfg.Logs.Regions()
		for _, region := range regions {
			for _, w := range d.newWorkers(region) {
				running.Go(func() { _ = w.run(ctx) }) // which has told why it stopped
			}
		}
		select {
		case <-ctx.Done():
		case <-more:
		}
	}
	running.Wait()
	d.end()
	d.doubts.Wait()
	saving, stop := context.WithTimeout(context.WithoutCancel(ctx), savingTime)
	defer stop()
	return errors.Join(d.save(saving), d.saveDetours(saving, true))
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
		w.resume()
		d.workers[j.Name()] = w
		made = append(made, w)
	}
	return made
}

// running are all workers.
func (d *Delivery) running() []*worker {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := make([]*worker, 0, len(d.workers))
	for _, w := range d.workers {
		all = append(all, w)
	}
	return all
}
