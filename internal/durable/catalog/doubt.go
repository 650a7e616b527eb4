package catalog

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"tributary/internal/durable/broker"
)

// doubtTimeout is how long a write waits for doubts to be settled.
const doubtTimeout = 10 * time.Second

// Doubt says that what was decided under Hold may still come although nobody waits
// for it any more, as an append that the engine does not answer. It is called before
// release, and settled, exactly once, when it has come or never will.
//
// Until then changes become true as ever, but no write returns without an error: when
// one has returned, nothing comes that was decided on before it. Tables of Notes are
// left out.
func (c *Catalog) Doubt() (settled func()) {
	c.doubts.mu.Lock()
	defer c.doubts.mu.Unlock()
	one := make(chan struct{})
	c.doubts.open[one] = true
	return func() {
		c.doubts.mu.Lock()
		defer c.doubts.mu.Unlock()
		delete(c.doubts.open, one)
		close(one)
	}
}

// doubts are those that are not settled.
type doubts struct {
	mu   sync.Mutex
	open map[chan struct{}]bool // each is closed when it is settled; guarded by mu
}

// wait returns when all doubts that there are now have been settled. After
// ErrUnknownOutcome some are not.
func (d *doubts) wait(ctx context.Context) error {
	d.mu.Lock()
	open := slices.Collect(maps.Keys(d.open))
	d.mu.Unlock()
	if len(open) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, doubtTimeout)
	defer cancel()
	for _, one := range open {
		select {
		case <-one:
		case <-ctx.Done():
			return fmt.Errorf("%w: it is in force, but what was decided on before may come yet: %w", broker.ErrUnknownOutcome, context.Cause(ctx))
		}
	}
	return nil
}
