package catalog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tributary/internal/durable/broker"
)

const (
	// MaxValue is the size in bytes that a value's JSON must not exceed.
	MaxValue = 4 << 20

	// A change set is closed when it is as large as this.
	targetSize = 1 << 20

	// maxConflicts is how often in a row the log may turn out longer than is known.
	// A late change set does that once.
	maxConflicts = 10

	// settleTimeout bounds the question what became of a write.
	settleTimeout = 10 * time.Second
)

// A request is one write that waits for its change set.
type request struct {
	change change
	key    Key
	table  table
	notes  bool           // nobody's permission rests on the table
	expect Revision       // the revision that the key must be at, 0 for none
	stage  func(Revision) // makes the change visible

	// The answer; guarded by commitMu.
	done bool
	rev  Revision
	err  error
}

func (r *request) answer(rev Revision, err error) { r.done, r.rev, r.err = true, rev, err }

// commit puts a write into the next change set and returns when that is on disk and
// visible, or has failed, and no doubt is left. Whoever waits for commitMu first takes
// along all who wait.
func (c *Catalog) commit(ctx context.Context, r *request) (Revision, error) {
	if err := ctx.Err(); err != nil {
		return 0, context.Cause(ctx)
	}
	switch {
	case r.key == Key{}:
		return 0, fmt.Errorf("%s: a key needs a part", r.change.Table)
	case len(r.change.Value) > MaxValue:
		return 0, fmt.Errorf("%s %s: %w: %d bytes", r.change.Table, r.key, ErrTooLarge, len(r.change.Value))
	}
	c.queueMu.Lock()
	c.queue = append(c.queue, r)
	c.queueMu.Unlock()

	rev, err := c.decide(r)
	if err == nil && !r.notes {
		err = c.doubts.wait(ctx)
	}
	if err != nil {
		return 0, fmt.Errorf("%s %s: %w", r.change.Table, r.key, err)
	}
	return rev, nil
}

// decide returns when a request of the queue has its answer.
func (c *Catalog) decide(r *request) (Revision, error) {
	c.commitMu.Lock()
	defer c.commitMu.Unlock()
	for !r.done {
		c.commitNext()
	}
	return r.rev, r.err
}

// commitNext answers the requests that wait, or as many of them as belong into one
// change set; at least the first. commitMu is held.
func (c *Catalog) commitNext() {
	requests := c.nextSet()
	if len(requests) == 0 {
		return
	}
	changes := make([]change, len(requests))
	for i, r := range requests {
		changes[i] = r.change
	}
	at, err := c.write(changes)
	if errors.Is(err, broker.ErrConflict) {
		// A change set whose outcome was unknown has arrived after all. It has been
		// read meanwhile, so whether these requests still hold is asked again.
		c.requeue(requests)
		return
	}
	if at != 0 {
		c.gate.Lock()
		for _, r := range requests {
			r.stage(at)
		}
		for _, r := range requests {
			r.table.touch(at)
		}
		c.gate.Unlock()
	}
	for _, r := range requests {
		r.answer(at, err)
	}
	if c.logged > c.compactAt+2*c.rows() {
		c.askToCompact()
	}
}

// nextSet takes the requests of the next change set off the queue. Those whose
// expectation does not hold it answers; a second change of one key it leaves for
// the change set after.
func (c *Catalog) nextSet() []*request {
	if err := c.settle(); err != nil {
		c.queueMu.Lock()
		defer c.queueMu.Unlock()
		for _, r := range c.queue {
			r.answer(0, err)
		}
		c.queue = nil
		return nil
	}
	c.queueMu.Lock()
	defer c.queueMu.Unlock()
	type place struct {
		table string
		key   Key
	}
	var set, later []*request
	taken, size := make(map[place]bool), 0
	for _, r := range c.queue {
		p := place{r.change.Table, r.key}
		switch {
		case taken[p] || size >= targetSize:
			later = append(later, r)
		case r.table.revision(r.key) != r.expect:
			r.answer(0, ErrConflict)
		default:
			taken[p] = true
			size += len(r.change.Value) + len(r.key.enc)
			set = append(set, r)
		}
	}
	c.queue = later
	return set
}

func (c *Catalog) requeue(requests []*request) {
	c.queueMu.Lock()
	defer c.queueMu.Unlock()
	c.queue = append(requests, c.queue...)
}

// write writes one change set and its mark. at is its revision when it has been
// written; there may be an error nevertheless, that of the mark. commitMu is held.
func (c *Catalog) write(changes []change) (at Revision, err error) {
	at = c.mark.last + 1
	set := changeSet{Revision: at, Previous: c.mark.sum.String(), Changes: changes}
	msg, own, err := set.encode()
	if err != nil {
		return 0, err
	}
	seq, err := c.stream.Publish(subject, msg, broker.IfLast(uint64(c.mark.last)))
	if err != nil {
		return 0, c.failed(err)
	}
	c.conflicts = 0
	if Revision(seq) != at {
		c.broken = fmt.Errorf("%w: revision %d was stored as %d", ErrDamaged, at, seq)
		return 0, c.broken
	}
	c.mark.last, c.mark.sum = at, own
	c.logged += len(changes)
	return at, c.writeMark()
}

// failed notes what a failed Publish leaves to be found out. commitMu is held.
func (c *Catalog) failed(err error) error {
	switch {
	case errors.Is(err, broker.ErrUnknownOutcome):
		c.unsettled = true
	case errors.Is(err, broker.ErrConflict):
		c.unsettled = true
		if c.conflicts++; c.conflicts > maxConflicts {
			c.broken = fmt.Errorf("%w: the engine refuses revision %d and shows none", ErrDamaged, c.mark.last+1)
			return c.broken
		}
	}
	return err
}

func (c *Catalog) writeMark() error {
	c.mark.generation++
	if err := c.mark.write(c.marks); err != nil {
		return fmt.Errorf("%w: %w", broker.ErrUnknownOutcome, err)
	}
	return nil
}

// settle finds out what became of a change set of unknown outcome. commitMu is held.
func (c *Catalog) settle() error {
	if c.broken != nil || !c.unsettled {
		return c.broken
	}
	// While the engine cannot write, what it shows may not be on the disk.
	if err := c.broker.Health(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), settleTimeout)
	defer cancel()
	state, err := c.stream.State(ctx)
	if err != nil {
		return err
	}
	if state.Last < uint64(c.mark.last) {
		c.broken = fmt.Errorf("%w: it ends at revision %d, but revision %d was written", ErrDamaged, state.Last, c.mark.last)
		return c.broken
	}
	before := c.mark.last
	for uint64(c.mark.last) < state.Last {
		if err := c.readOn(ctx, mark{}); err != nil {
			return err
		}
	}
	if c.mark.last != before {
		if err := c.writeMark(); err != nil {
			return err
		}
	}
	c.unsettled = false
	return nil
}
