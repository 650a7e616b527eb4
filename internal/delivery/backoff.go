package delivery

import (
	"context"
	"math/rand/v2"
	"time"
)

// A backoff is the pauses between attempts: doubled each time up to longest, with
// jitter. The zero value begins with firstPause and goes up to lastPause.
type backoff struct {
	last    time.Duration
	longest time.Duration
}

const (
	firstPause = 10 * time.Millisecond
	lastPause  = 5 * time.Second
)

// next is how long the next pause is: half more or less than the nominal one.
func (b *backoff) next() time.Duration {
	longest := b.longest
	if longest == 0 {
		longest = lastPause
	}
	b.last = min(max(2*b.last, firstPause), longest)
	return b.last/2 + rand.N(b.last)
}

// reset begins with the shortest pause again.
func (b *backoff) reset() { b.last = 0 }

// wait lets the next pause pass, or returns the error of ctx.
func (b *backoff) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(b.next()):
		return nil
	}
}
