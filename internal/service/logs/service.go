package logs

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"tributary/internal/durable/catalog"
	"tributary/internal/durable/journal"
	"tributary/internal/pure/arn"
	"tributary/internal/pure/scratch"
	"tributary/internal/service/api"
	"tributary/internal/service/iam"
)

// Config is what the service stands on.
type Config struct {
	Catalog  *catalog.Catalog
	Journals *journal.Store
	IAM      *iam.Service
	Sealer   *api.Sealer
	// IngestJournals is how many ingest journals a Region gets when it is first
	// used; 0 for 4. A Region that has been used keeps its number.
	IngestJournals int
	// MaxRegions bounds how many Regions are in use, because a caller may sign for
	// any and each has journals of its own; 0 for 64.
	MaxRegions int
	// FiltersPerGroup is how many subscription filters a log group may have; 0 for 5.
	FiltersPerGroup int
	// KeepIngest is how long events stay in the ingest journals; 0 for 25 hours.
	KeepIngest time.Duration
	// TestDelivery sends a test message to a stream, as PutDestination and
	// PutSubscriptionFilter do. Any error means that it did not arrive.
	TestDelivery func(context.Context, TestTarget) error
	// Delivered is the position up to which delivery needs nothing of an ingest
	// journal any more; nothing behind it is removed. Nil when nothing delivers.
	Delivered func(region arn.Region, journal string) journal.Position
	Now       func() time.Time
	Log       *slog.Logger
}

// A TestTarget says where a test message goes and on whose behalf.
type TestTarget struct {
	Account   arn.AccountID // whose destination or filter it is
	Region    arn.Region    // of the destination or filter
	TargetARN arn.ARN       // the stream
	RoleARN   arn.ARN       // the role that the Logs service assumes
	SourceARN arn.ARN       // for which it is assumed: the destination, or the log group with ":*"
}

const (
	defaultIngestJournals = 4
	defaultMaxRegions     = 64
	defaultKeepIngest     = 25 * time.Hour
)

// A Service is CloudWatch Logs. Its methods may be called from any goroutine.
type Service struct {
	cfg          Config
	groups       *catalog.Table[group]
	streams      *catalog.Table[stream]
	destinations *catalog.Table[destination]
	policies     *catalog.Table[policyRecord]
	regionTable  *catalog.Table[regionRecord]

	filters        derived[group, *groupFilters]
	accountFilters derived[policyRecord, *accountFilter]
	addresses      derived[destination, Address]

	pages, tokens *api.Seal

	regions regions
	orphans orphans
	started time.Time // anchors the age of events

	incoming incoming
	entries  scratch.Buffers // for those of calls
}

// New returns the service and opens the journals of the Regions that have been
// used.
func New(ctx context.Context, cfg Config) (*Service, error) {
	if cfg.Catalog == nil || cfg.Journals == nil || cfg.IAM == nil || cfg.Sealer == nil ||
		cfg.TestDelivery == nil || cfg.Now == nil || cfg.Log == nil {
		return nil, errors.New("logs: incomplete Config")
	}
	if cfg.IngestJournals == 0 {
		cfg.IngestJournals = defaultIngestJournals
	}
	if cfg.MaxRegions == 0 {
		cfg.MaxRegions = defaultMaxRegions
	}
	if cfg.FiltersPerGroup == 0 {
		cfg.FiltersPerGroup = defaultFilters
	}
	if cfg.KeepIngest == 0 {
		cfg.KeepIngest = defaultKeepIngest
	}
	s := &Service{
		cfg:          cfg,
		groups:       catalog.NewTable[group](cfg.Catalog, "logs/group"),
		streams:      catalog.NewTable[stream](cfg.Catalog, "logs/stream"),
		destinations: catalog.NewTable[destination](cfg.Catalog, "logs/destination"),
		policies:     catalog.NewTable[policyRecord](cfg.Catalog, "logs/account-policy"),
		regionTable:  catalog.NewTable[regionRecord](cfg.Catalog, "logs/region"),
		pages:        cfg.Sealer.For("logs/page"),
		tokens:       cfg.Sealer.For("logs/events"),
		regions:      newRegions(),
		orphans:      orphans{wake: make(chan struct{}, 1)},
		started:      cfg.Now(),
	}
	if err := s.regionTable.Err(); err != nil {
		return nil, err
	}
	s.filters = derived[group, *groupFilters]{table: s.groups, make: s.deriveFilters}
	s.accountFilters = derived[policyRecord, *accountFilter]{table: s.policies, make: s.deriveAccountFilter}
	s.addresses = derived[destination, Address]{table: s.destinations, make: s.deriveAddress}
	for k, rec := range s.regionTable.Scan(catalog.Key{}) {
		if _, err := s.openRegion(ctx, arn.Region(k.Parts()[0]), rec); err != nil {
			return nil, err
		}
	}
	s.orphans.all = true
	s.orphans.signal()
	return s, nil
}

const trimInterval = time.Minute

// Run follows the ingest journals, so that events can be read, removes what is
// too old from them, and removes the streams of deleted groups. It returns nil
// when ctx ends. Reads of events wait while it does not run.
func (s *Service) Run(ctx context.Context) error {
	var parts sync.WaitGroup
	parts.Go(func() { s.trimForever(ctx) })
	parts.Go(func() { s.collectForever(ctx) })
	followed := map[arn.Region]bool{}
	for ctx.Err() == nil {
		all, more := s.regions.all()
		for _, r := range all {
			if followed[r.name] {
				continue
			}
			followed[r.name] = true
			for _, p := range r.partitions {
				parts.Go(func() { s.follow(ctx, p) })
			}
		}
		select {
		case <-ctx.Done():
		case <-more:
		}
	}
	parts.Wait()
	return nil
}

func (s *Service) trimForever(ctx context.Context) {
	for pause(ctx, trimInterval) {
		if err := s.TrimIngest(ctx); err != nil && ctx.Err() == nil {
			s.cfg.Log.Error("remove old events from the ingest journals", "error", err)
		}
	}
}

// now is the time in milliseconds since 1970, as all times of this service are.
func (s *Service) now() int64 { return s.cfg.Now().UnixMilli() }

// pause waits; it returns false when ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
