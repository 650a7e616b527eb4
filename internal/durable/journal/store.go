package journal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"tributary/internal/durable/broker"
	"tributary/internal/durable/catalog"
)

// What the operations of this package answer, to be compared with errors.Is.
var (
	ErrExists  = errors.New("journal exists")
	ErrUnknown = errors.New("no such journal")
	// ErrQuarantined means that the journal has lost its end, its beginning or all.
	ErrQuarantined = errors.New("journal is quarantined")
	// ErrDamaged means that a block is missing or not as it was written.
	ErrDamaged = errors.New("journal is damaged")
	// ErrFenced means that another process has written to the lane, or that it is not
	// known how the last append to it ended, or that Mark has not been called.
	ErrFenced   = errors.New("lane has another writer")
	ErrTooLarge = errors.New("append is too large for a block")
	// ErrTrimmed means that a position is before Start.
	ErrTrimmed = errors.New("position has been trimmed")
	ErrClosed  = errors.New("journal is closed")
)

const (
	tableName = "journals"
	markFile  = "journals.mark"
	// streamPrefix and the journal's id make the name of its stream and the first
	// token of its subjects.
	streamPrefix = "J"

	// syncEvery is how often marks are made safe from a power cut, noteEvery how
	// often they are noted in the catalog too.
	syncEvery = time.Second
	noteEvery = 30 * time.Second

	defaultCache = 16 << 20
	defaultReads = 256 << 20
)

// Config says where journals are kept.
type Config struct {
	Broker  *broker.Broker
	Catalog *catalog.Catalog
	// Now is the clock that gives blocks their time.
	Now func() time.Time
	Log *slog.Logger
	// CacheBytes bounds the recent blocks that are kept in memory for readers at the
	// end of a journal, over all journals; 0 means 16 MiB. Half as much is kept of what
	// was read from the disk last, for readers that catch up together.
	CacheBytes int
	// ReadBytes bounds the blocks that the engine is asked for at a time, each counted with
	// the file that it is in; 0 means 256 MiB.
	ReadBytes int64
	// Key encrypts the blocks that are written from now on. nil: they are written in the
	// clear. A directory that has been opened with a key needs it from then on.
	Key *Key
}

// A Store holds all journals of one broker. Its methods may be called from any
// goroutine. Create, Delete, Close and Journal.Trim write to the catalog, so they
// must not be called under catalog.Hold; Append must and may.
type Store struct {
	cfg    Config
	table  *catalog.Table[record]
	marks  *broker.Marks
	recent *cache // the newest blocks
	// reads are the bytes that the engine is being asked for.
	reads *semaphore.Weighted
	// fetched are the blocks that were read from the engine last.
	fetched *cache
	fetches fetches

	// adminMu is held while a journal is made or removed, also while the catalog is
	// written and that waits for the gate. So nothing that is done under
	// catalog.Hold may take it: Open and what a Journal does, except Trim, do not.
	// It guards what follows.
	adminMu sync.Mutex
	lastID  uint64
	slots   slots

	// openMu is held while a journal is opened; the catalog is only read under it.
	// It guards what follows.
	openMu sync.Mutex
	open   map[string]*Journal
	closed bool

	unsynced atomic.Bool // a mark has been written since the last sync

	conditionsMu sync.Mutex // guards conditions; a leaf
	conditions   map[string]error

	stop    context.CancelFunc
	stopped sync.WaitGroup
}

// A Condition tells of a journal that has lost something.
type Condition struct {
	Journal string
	Err     error // is ErrQuarantined or ErrDamaged
}

// An Option of Create.
type Option func(*record)

// Compress makes a journal compress its blocks when that pays. Entries that are
// compressed already only lose time by it.
func Compress() Option { return func(r *record) { r.Compress = true } }

// OpenStore reads the table of journals, finishes what a crash interrupted and looks
// at what is left of each journal; Health tells. It registers a table of the
// catalog, so it comes before catalog.Ready. It starts a goroutine; Close ends it.
// ErrKeyNeeded and ErrWrongKey mean that the key is not that of the journals.
func OpenStore(ctx context.Context, cfg Config) (*Store, error) {
	if cfg.CacheBytes == 0 {
		cfg.CacheBytes = defaultCache
	}
	if cfg.ReadBytes == 0 {
		cfg.ReadBytes = defaultReads
	}
	keys := catalog.NewTable[keyCheck](cfg.Catalog, keyTable)
	s := &Store{
		cfg:        cfg,
		table:      catalog.NewTable[record](cfg.Catalog, tableName, catalog.Notes()),
		recent:     newCache(cfg.CacheBytes),
		fetched:    newCache(cfg.CacheBytes / 2),
		fetches:    newFetches(),
		reads:      semaphore.NewWeighted(cfg.ReadBytes),
		open:       make(map[string]*Journal),
		conditions: make(map[string]error),
	}
	err := errors.Join(s.table.Err(), keys.Err())
	if err == nil {
		err = checkKey(ctx, keys, cfg.Key)
	}
	if err != nil {
		return nil, fmt.Errorf("open journals: %w", err)
	}
	if s.marks, err = cfg.Broker.OpenMarks(markFile); err != nil {
		return nil, fmt.Errorf("open journals: %w", err)
	}
	if err := s.recover(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open journals: %w", err), s.marks.Close())
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	s.stopped.Go(func() { s.keepMarks(run) })
	return s, nil
}

// recover looks at every journal that the catalog knows.
func (s *Store) recover(ctx context.Context) error {
	states, err := s.cfg.Broker.States(ctx)
	if err != nil {
		return err
	}
	for k, r := range s.table.Scan(catalog.Key{}) {
		name, id := k.Parts()[0], r.ID
		s.lastID = max(s.lastID, id)
		state, found := states[streamName(id)]
		delete(states, streamName(id))
		if r.State != stateReady {
			// A crash came between the steps of Create or Delete. Create had not
			// returned, and Delete had been decided: either way nobody has it.
			if err := s.forget(ctx, name, id); err != nil {
				return err
			}
			continue
		}
		s.slots.take(r.Slot)
		if err := s.inspect(r, state, found); err != nil {
			s.report(name, err)
		}
	}
	for stream := range states {
		if strings.HasPrefix(stream, streamPrefix) {
			s.cfg.Log.Warn("stream belongs to no journal; it is left alone", "stream", stream)
		}
	}
	return nil
}

// Create makes an empty journal: ErrExists. It is there after a crash once Create
// has returned.
func (s *Store) Create(ctx context.Context, name string, opts ...Option) (*Journal, error) {
	s.adminMu.Lock()
	defer s.adminMu.Unlock()
	if s.isClosed() {
		return nil, fmt.Errorf("create journal %s: %w", name, ErrClosed)
	}
	r := s.reserve(opts)
	j, err := s.create(ctx, name, r)
	if err != nil {
		s.slots.give(r.Slot)
	}
	return j, err
}

// CreateAll makes those of the journals that are not there, all at once: they share the
// writes to the catalog, which take most of the time. After an error some may have been
// made.
func (s *Store) CreateAll(ctx context.Context, names []string, opts ...Option) error {
	s.adminMu.Lock()
	defer s.adminMu.Unlock()
	if s.isClosed() {
		return fmt.Errorf("create journals: %w", ErrClosed)
	}
	errs := make([]error, len(names))
	records := make([]record, len(names))
	var making sync.WaitGroup
	for i, name := range names {
		records[i] = s.reserve(opts)
		making.Go(func() { _, errs[i] = s.create(ctx, name, records[i]) })
	}
	making.Wait()
	for i := range errs {
		if errs[i] != nil {
			s.slots.give(records[i].Slot)
		}
		if errors.Is(errs[i], ErrExists) {
			errs[i] = nil
		}
	}
	return errors.Join(errs...)
}

// reserve is the record of a journal to be made, with an id and a slot of its own.
// adminMu is held.
func (s *Store) reserve(opts []Option) record {
	now := s.cfg.Now().UTC().Truncate(time.Millisecond)
	// An id is never used twice, not even after all journals have been deleted.
	s.lastID = max(s.lastID+1, uint64(max(now.UnixMilli(), 0)))
	r := record{ID: s.lastID, State: stateCreating, Created: now, Slot: s.slots.free()}
	s.slots.take(r.Slot)
	for _, opt := range opts {
		opt(&r)
	}
	return r
}

// create makes a journal of a reserved record.
func (s *Store) create(ctx context.Context, name string, r record) (*Journal, error) {
	rev, err := s.table.Create(ctx, catalog.KeyOf(name), r)
	if errors.Is(err, catalog.ErrExists) {
		return nil, fmt.Errorf("create journal %s: %w", name, ErrExists)
	}
	if err != nil {
		return nil, fmt.Errorf("create journal %s: %w", name, err)
	}
	if err := s.finishCreate(ctx, name, r, rev); err != nil {
		// What cannot be undone now is undone at the next start.
		undo := s.forget(context.WithoutCancel(ctx), name, r.ID)
		return nil, fmt.Errorf("create journal %s: %w", name, errors.Join(err, undo))
	}
	j := newJournal(s, name, r)
	s.openMu.Lock()
	defer s.openMu.Unlock()
	s.open[name] = j
	return j, nil
}

func (s *Store) finishCreate(ctx context.Context, name string, r record, rev catalog.Revision) error {
	_, err := s.cfg.Broker.Create(ctx, broker.StreamConfig{
		Name:     streamName(r.ID),
		Subjects: []string{streamName(r.ID) + ".>"},
		Note:     "journal " + name + "; docs/formats/journal.md",
	})
	if err != nil {
		return err
	}
	r.State = stateReady
	_, err = s.table.Replace(ctx, catalog.KeyOf(name), r, rev)
	return err
}

// Open opens a journal: ErrUnknown, ErrQuarantined. Opening it again gives the same
// Journal; there is nothing to close.
func (s *Store) Open(ctx context.Context, name string) (*Journal, error) {
	s.openMu.Lock()
	defer s.openMu.Unlock()
	if s.closed {
		return nil, fmt.Errorf("open journal %s: %w", name, ErrClosed)
	}
	if j := s.open[name]; j != nil {
		return j, nil
	}
	r, _, ok := s.table.Get(catalog.KeyOf(name))
	if !ok || r.State != stateReady {
		return nil, fmt.Errorf("open journal %s: %w", name, ErrUnknown)
	}
	j := newJournal(s, name, r)
	if err := j.load(ctx, r); err != nil {
		if errors.Is(err, ErrQuarantined) {
			s.report(name, err)
		}
		return nil, fmt.Errorf("open journal %s: %w", name, err)
	}
	s.open[name] = j
	return j, nil
}

// Delete removes a journal and everything in it: ErrUnknown. Whoever still has it
// gets ErrClosed from it. A quarantined journal can be deleted.
func (s *Store) Delete(ctx context.Context, name string) error {
	s.adminMu.Lock()
	defer s.adminMu.Unlock()
	slot, err := s.delete(ctx, name)
	if err == nil {
		s.slots.give(slot)
	}
	return err
}

// DeleteAll is Delete for those of the journals that are there, all at once, as
// CreateAll makes them. After an error some may be gone.
func (s *Store) DeleteAll(ctx context.Context, names []string) error {
	s.adminMu.Lock()
	defer s.adminMu.Unlock()
	errs := make([]error, len(names))
	slots := make([]int, len(names))
	var deleting sync.WaitGroup
	for i, name := range names {
		deleting.Go(func() { slots[i], errs[i] = s.delete(ctx, name) })
	}
	deleting.Wait()
	for i := range errs {
		if errs[i] == nil {
			s.slots.give(slots[i])
		}
		if errors.Is(errs[i], ErrUnknown) {
			errs[i] = nil
		}
	}
	return errors.Join(errs...)
}

// delete removes a journal and returns its slot, which nobody uses any more. adminMu
// is held.
func (s *Store) delete(ctx context.Context, name string) (slot int, err error) {
	key := catalog.KeyOf(name)
	r, _, ok := s.table.Get(key)
	if !ok {
		return 0, fmt.Errorf("delete journal %s: %w", name, ErrUnknown)
	}
	_, err = s.table.Update(ctx, key, func(r record, exists bool) (record, error) {
		if !exists {
			return r, ErrUnknown
		}
		r.State = stateDeleting
		return r, nil
	})
	if err != nil {
		return 0, fmt.Errorf("delete journal %s: %w", name, err)
	}
	if j := s.takeOpen(name); j != nil {
		j.close()
	}
	s.forgetBlocks(r.ID)
	if err := s.forget(ctx, name, r.ID); err != nil {
		return 0, fmt.Errorf("delete journal %s: %w", name, err)
	}
	s.conditionsMu.Lock()
	defer s.conditionsMu.Unlock()
	delete(s.conditions, name)
	return r.Slot, nil
}

// forget removes the stream, then the record that leads to it.
func (s *Store) forget(ctx context.Context, name string, id uint64) error {
	if err := s.cfg.Broker.Stream(streamName(id)).Remove(ctx); err != nil {
		return err
	}
	key := catalog.KeyOf(name)
	_, rev, ok := s.table.Get(key)
	if !ok {
		return nil
	}
	return s.table.Delete(ctx, key, rev)
}

// Names returns the names of all journals, ascending, the quarantined too.
func (s *Store) Names() []string {
	var names []string
	for k, r := range s.table.Scan(catalog.Key{}) {
		if r.State == stateReady {
			names = append(names, k.Parts()[0])
		}
	}
	return names
}

// Health lists the journals that have lost something, by name.
func (s *Store) Health() []Condition {
	s.conditionsMu.Lock()
	defer s.conditionsMu.Unlock()
	var list []Condition
	for _, name := range slices.Sorted(maps.Keys(s.conditions)) {
		list = append(list, Condition{Journal: name, Err: s.conditions[name]})
	}
	return list
}

// report notes and logs what is wrong with a journal, the first time.
func (s *Store) report(name string, err error) {
	s.conditionsMu.Lock()
	defer s.conditionsMu.Unlock()
	if s.conditions[name] == nil {
		s.conditions[name] = err
		s.cfg.Log.Error("journal has lost something", "journal", name, "error", err)
	}
}

// Close lets appends in flight end, refuses new ones, and writes the marks. The
// broker and the catalog are closed after it.
func (s *Store) Close(ctx context.Context) error {
	s.openMu.Lock()
	already := s.closed
	s.closed = true
	s.openMu.Unlock()
	if already {
		return nil
	}
	s.stop()
	s.stopped.Wait()
	s.adminMu.Lock()
	defer s.adminMu.Unlock()
	for _, j := range s.allOpen() {
		j.close()
	}
	err := errors.Join(s.noteEnds(ctx), s.marks.Sync(), s.marks.Close())
	if err != nil {
		return fmt.Errorf("close journals: %w", err)
	}
	return nil
}

func (s *Store) isClosed() bool {
	s.openMu.Lock()
	defer s.openMu.Unlock()
	return s.closed
}

func (s *Store) allOpen() []*Journal {
	s.openMu.Lock()
	defer s.openMu.Unlock()
	return slices.Collect(maps.Values(s.open))
}

// takeOpen takes a journal out of those that Open gives, nil when it is not open.
func (s *Store) takeOpen(name string) *Journal {
	s.openMu.Lock()
	defer s.openMu.Unlock()
	j := s.open[name]
	delete(s.open, name)
	return j
}

func streamName(id uint64) string { return fmt.Sprintf("%s%d", streamPrefix, id) }
