package kinesis

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"tributary/internal/durable/catalog"
	"tributary/internal/durable/journal"
	"tributary/internal/service/api"
)

// Config is what the service stands on.
type Config struct {
	Catalog  *catalog.Catalog
	Journals *journal.Store
	Sealer   *api.Sealer
	// ShardLimit is how many open shards an account may have in a Region; 0 for
	// 10,000. Two streams created at the same moment may exceed it by one of them.
	// One stream's record in the catalog has room for about twice as many.
	ShardLimit int
	// SharedBytes bounds what is kept in memory for several readers of the same
	// records; 0 for 24 MiB.
	SharedBytes int
	// Quotas are the rates that callers are held to.
	Quotas Quotas
	Now    func() time.Time
	Log    *slog.Logger
}

const (
	defaultShardLimit  = 10_000
	defaultSharedBytes = 24 << 20
)

// A Service is Kinesis Data Streams. Its methods may be called from any goroutine.
type Service struct {
	cfg      Config
	streams  *catalog.Table[stream]
	accounts *catalog.Table[accountSettings]
	// The seals of what callers carry for us.
	iterators, pages *api.Seal
	// wake holds one token while there may be streams for Run to finish.
	wake chan struct{}
	// expire holds one while there may be records to remove before the next minute.
	expire chan struct{}
	// Who is subscribed to which shard.
	subscribers subscribers
	// What readers of the same records share.
	shared *sharedBlocks
	quotas *quotas // nil without any
	// started anchors the clock that retention goes by; see expiryClock.
	started time.Time
}

// New returns the service. It reads and starts nothing; [Service.Run] begins with
// the streams whose creation or deletion a crash interrupted.
func New(cfg Config) (*Service, error) {
	if cfg.Catalog == nil || cfg.Journals == nil || cfg.Sealer == nil || cfg.Now == nil || cfg.Log == nil {
		return nil, errors.New("kinesis: incomplete Config")
	}
	if cfg.ShardLimit == 0 {
		cfg.ShardLimit = defaultShardLimit
	}
	if cfg.SharedBytes == 0 {
		cfg.SharedBytes = defaultSharedBytes
	}
	s := &Service{
		cfg:       cfg,
		streams:   catalog.NewTable[stream](cfg.Catalog, "kinesis/stream"),
		iterators: cfg.Sealer.For("kinesis/iterator"),
		pages:     cfg.Sealer.For("kinesis/page"),
		wake:      make(chan struct{}, 1),
		expire:    make(chan struct{}, 1),
		accounts:  catalog.NewTable[accountSettings](cfg.Catalog, "kinesis/account"),
		quotas:    newQuotas(cfg.Quotas, cfg.Now),
		started:   cfg.Now(),

		subscribers: newSubscribers(),
		shared:      newSharedBlocks(cfg.SharedBytes),
	}
	s.wakeUp() // for what a crash has left
	return s, nil
}

const (
	retryInterval = time.Second
	trimInterval  = time.Minute
)

// Run makes created streams ACTIVE, removes deleted ones, and removes records
// that are past their stream's retention. It returns nil when ctx ends. It is
// called once.
func (s *Service) Run(ctx context.Context) error {
	var parts sync.WaitGroup
	parts.Go(func() { s.settleWhenWoken(ctx) })
	parts.Go(func() { s.trimForever(ctx) })
	parts.Wait()
	return nil
}

func (s *Service) settleWhenWoken(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		}
		if err := s.settle(ctx); err != nil && ctx.Err() == nil {
			s.cfg.Log.Warn("finish creation or deletion of streams", "error", err)
			if !pause(ctx, retryInterval) {
				return
			}
			s.wakeUp()
		}
	}
}

func (s *Service) trimForever(ctx context.Context) {
	every := time.NewTicker(trimInterval)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		case <-s.expire:
		}
		if err := s.TrimExpired(ctx); err != nil && ctx.Err() == nil {
			s.cfg.Log.Error("remove expired records", "error", err)
		}
	}
}

// wakeUp makes Run look for streams to finish.
func (s *Service) wakeUp() { wake(s.wake) }

// wake puts a token into a channel that has room for one.
func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // whoever is to wake up will look already
	}
}

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
