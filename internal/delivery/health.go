package delivery

import (
	"context"
	"sync"
	"time"

	"tributary/internal/pure/arn"
	"tributary/internal/service/logs"
)

// checkInterval is how often destinations are checked that somebody subscribes to.
const checkInterval = time.Hour

// A checkKey is what is checked: a destination, or a stream in the role of one log
// group's filters.
type checkKey struct {
	target arn.ARN
	role   arn.ARN // empty for a destination
	group  string  // likewise
}

type checkResult struct {
	at  time.Time
	err string // empty when the message arrived
}

// checks are the last results.
type checks struct {
	mu       sync.Mutex
	byTarget map[checkKey]checkResult // guarded by mu
}

func checkKeyOf(f *logs.Filter) checkKey {
	if f.Destination.Parts().Service != "kinesis" {
		return checkKey{target: f.Destination}
	}
	return checkKey{f.Destination, f.Role, f.Group}
}

func (c *checks) of(f *logs.Filter) (at time.Time, err string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.byTarget[checkKeyOf(f)]
	return r.at, r.err
}

// checkForever checks the destinations again and again, not before one interval
// has passed.
func (d *Delivery) checkForever(ctx context.Context) {
	if d.cfg.CheckInterval < 0 {
		return
	}
	tick := time.NewTicker(d.cfg.CheckInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			d.CheckDestinations(ctx)
		}
	}
}

// CheckDestinations writes a control message to every destination that somebody
// subscribes to whom it admits, one after the other, and remembers for
// [Delivery.Statuses] which of them fail. No event depends on it: a delivery finds out for
// itself.
func (d *Delivery) CheckDestinations(ctx context.Context) {
	subscribed := map[checkKey]*logs.Filter{}
	for f := range d.cfg.Logs.Subscriptions("") {
		if newWalk(&d.cfg, f.Sender(), f.Destination).tells() {
			subscribed[checkKeyOf(f)] = f
		}
	}
	results := make(map[checkKey]checkResult, len(subscribed))
	for key, f := range subscribed {
		if ctx.Err() != nil {
			return
		}
		results[key] = d.checkOne(ctx, f)
	}
	d.checks.mu.Lock()
	defer d.checks.mu.Unlock()
	d.checks.byTarget = results // who has no subscriber any more is forgotten
}

// checkOne checks where a filter sends to, if it still does and may. A destination is
// checked as its owner would: what it does to the sender is for the deliveries to find
// out.
func (d *Delivery) checkOne(ctx context.Context, f *logs.Filter) checkResult {
	r := checkResult{at: d.cfg.Now()}
	release := d.cfg.Catalog.Hold()
	defer release()
	t := logs.TestTarget{
		Account: f.Account, Region: f.Region, TargetARN: f.Destination, RoleARN: f.Role, SourceARN: f.Sender().Source,
	}
	if f.Destination.Parts().Service != "kinesis" {
		to, ok := d.cfg.Logs.Destination(f.Destination)
		if !ok || !newWalk(&d.cfg, f.Sender(), f.Destination).tells() {
			r.err = notAdmitted(f.Destination)
			return r
		}
		t = logs.TestTarget{
			Account: f.Destination.Account(), Region: f.Destination.Parts().Region,
			TargetARN: to.TargetARN, RoleARN: to.RoleARN, SourceARN: f.Destination,
		}
	}
	if err := d.sendControl(ctx, t); err != nil && ctx.Err() == nil {
		r.err = "a control message did not arrive"
		d.cfg.Log.Warn("destination fails its check", "destination", f.Destination, "cause", err)
	}
	return r
}
