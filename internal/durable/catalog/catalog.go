package catalog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"tributary/internal/durable/broker"
)

// Why a write or Open failed, to be compared with errors.Is.
var (
	// ErrExists means that Create found a value.
	ErrExists = errors.New("key has a value already")
	// ErrConflict means that the key is not at the expected revision.
	ErrConflict = errors.New("key has been changed meanwhile")
	// ErrDamaged means that the log on disk is not what was written.
	ErrDamaged = errors.New("catalog is damaged")
	// ErrTooLarge means that a value is larger than MaxValue.
	ErrTooLarge = errors.New("value is too large for the catalog")
	// ErrClosed means that the catalog has been closed.
	ErrClosed = errors.New("catalog is closed")
)

// A Revision numbers the change sets of the whole catalog, from 1, ascending.
type Revision uint64

// Config says where the catalog is kept.
type Config struct {
	Broker *broker.Broker
	Log    *slog.Logger

	// compactAt is how many changes of history are kept beside the values, 0 for
	// the default; tests make it small.
	compactAt int
}

// A Catalog is the whole table, in memory and on disk. Its methods and those of its
// tables may be called from any goroutine.
//
// Lock order: commitMu, gate, tablesMu, then the lock of a table; queueMu is taken
// after commitMu and with the lock of a table inside. The lock of doubts is a leaf.
type Catalog struct {
	log       *slog.Logger
	broker    *broker.Broker
	stream    broker.Stream
	marks     *broker.Marks
	compactAt int

	// gate is held for reading by whoever must not be overtaken by a change and for
	// writing while a change set becomes visible. Readers of tables do not take it.
	gate sync.RWMutex
	// doubts are what was decided on under gate and may come yet.
	doubts doubts

	queueMu sync.Mutex // guards queue
	queue   []*request // writes that no change set holds yet

	// commitMu is held while a change set is written: there is one at a time. It
	// guards what follows.
	commitMu  sync.Mutex
	mark      mark
	logged    int   // changes in the log
	unsettled bool  // a change set of unknown outcome may follow mark.last
	conflicts int   // in a row
	broken    error // why no write is possible any more

	tablesMu sync.Mutex // guards what follows
	tables   map[string]table
	raw      map[string]map[Key]rawRow // what is stored for tables not yet registered

	compact chan struct{} // asks for compaction; holds at most one wish
	stop    context.CancelFunc
	stopped sync.WaitGroup
}

// A table is a Table of any type.
type table interface {
	stage(k Key, schema int, raw jsontext.Value) (visible func(Revision), err error)
	remove(k Key)
	// touch says that all changes up to a revision are visible.
	touch(at Revision)
	revision(k Key) Revision
	size() int
	Err() error
	copies(after Key, notAfter Revision, n int) (changes []change, last Key, more bool, err error)
}

type rawRow struct {
	rev    Revision
	schema int
	value  jsontext.Value
}

// Open reads the whole catalog into memory, and makes it when the data directory is
// new. It fails with ErrDamaged when the log is not what was written. Tables can be
// registered and written as soon as it has returned; call Ready when all are
// registered.
func Open(ctx context.Context, cfg Config) (*Catalog, error) {
	marks, err := cfg.Broker.OpenMarks(markFile)
	if err != nil {
		return nil, fmt.Errorf("open catalog: %w", err)
	}
	c := &Catalog{
		log:       cfg.Log,
		broker:    cfg.Broker,
		stream:    cfg.Broker.Stream(streamName),
		marks:     marks,
		compactAt: cfg.compactAt,
		tables:    make(map[string]table),
		raw:       make(map[string]map[Key]rawRow),
		compact:   make(chan struct{}, 1),
		doubts:    doubts{open: make(map[chan struct{}]bool)},
	}
	if c.compactAt == 0 {
		c.compactAt = 8192
	}
	if err := c.load(ctx, cfg.Broker); err != nil {
		return nil, errors.Join(fmt.Errorf("open catalog: %w", err), marks.Close())
	}
	return c, nil
}

// Ready says that all tables are registered. It fails when a table holds values that
// this release cannot read, or when there are values for a table that nobody has
// registered: the server must not be started then, because it would decide without
// knowing them. It starts the work in the background that keeps the log short;
// Close ends it.
func (c *Catalog) Ready() error {
	c.tablesMu.Lock()
	defer c.tablesMu.Unlock()
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(c.raw)) {
		errs = append(errs, fmt.Errorf("table %s with %d values: %w", name, len(c.raw[name]), errNewer))
	}
	for _, name := range slices.Sorted(maps.Keys(c.tables)) {
		if err := c.tables[name].Err(); err != nil {
			errs = append(errs, err)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("catalog: %w", err)
	}
	if c.stop != nil {
		return nil
	}
	ctx, stop := context.WithCancel(context.Background())
	c.stop = stop
	c.stopped.Go(func() { c.compactWhenAsked(ctx) })
	c.askToCompact()
	return nil
}

// Hold keeps what is visible as it is until release is called, exactly once. Any
// number of goroutines may hold at the same time.
//
// While it holds, a goroutine must not write to the catalog and must not call Hold
// again: both would wait for ever. Hold for the time of one decision and the append
// that follows from it; writers wait for it.
func (c *Catalog) Hold() (release func()) {
	c.gate.RLock()
	return c.gate.RUnlock
}

// Revision returns the revision of the last change set.
func (c *Catalog) Revision() Revision {
	c.commitMu.Lock()
	defer c.commitMu.Unlock()
	return c.mark.last
}

// Health returns why no write is possible any more, nil while the catalog works. What
// ails the engine is the broker's to say.
func (c *Catalog) Health() error {
	c.commitMu.Lock()
	defer c.commitMu.Unlock()
	return c.broken
}

// Close ends the work in the background and refuses further writes. Everything that
// has been written is on disk already.
func (c *Catalog) Close(context.Context) error {
	if c.stop != nil {
		c.stop()
	}
	c.stopped.Wait()
	c.commitMu.Lock()
	defer c.commitMu.Unlock()
	if errors.Is(c.broken, ErrClosed) {
		return nil
	}
	c.broken = ErrClosed
	if err := c.marks.Close(); err != nil {
		return fmt.Errorf("close catalog: %w", err)
	}
	return nil
}

// register makes a table known and gives it what is stored for it. The error is for
// Ready; the table is known in any case.
func (c *Catalog) register(name string, t table) error {
	c.tablesMu.Lock()
	defer c.tablesMu.Unlock()
	if c.tables[name] != nil {
		panic("catalog: table " + name + " is registered twice")
	}
	c.tables[name] = t
	rows := c.raw[name]
	delete(c.raw, name)
	for k, r := range rows {
		visible, err := t.stage(k, r.schema, r.value)
		if err != nil {
			return err
		}
		visible(r.rev)
		t.touch(r.rev)
	}
	return nil
}
