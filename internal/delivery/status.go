package delivery

import (
	"errors"
	"iter"
	"log/slog"
	"sync"
	"time"

	"tributary/internal/pure/arn"
	"tributary/internal/service/kinesis"
	"tributary/internal/service/logs"
)

// A Tally is what has become of the events of one filter since the server
// started.
type Tally struct {
	MatchedEvents                                     int64
	ForwardedEvents, ForwardedRecords, ForwardedBytes int64 // bytes after compression
	LastForwarded                                     time.Time
	// DeliveryErrors counts the events that were dropped for good, the expired ones
	// among them, LastError says why the last were, or why they are not through yet.
	DeliveryErrors int64
	ExpiredEvents  int64
	// DeliveryThrottling counts events each time that the stream's throughput was
	// exceeded with them.
	DeliveryThrottling int64
	LastError          string
	LastErrorAt        time.Time
	// RefusedNow is true when the last events were dropped because a check failed,
	// RefusedSince when the first of these were.
	RefusedNow   bool
	RefusedSince time.Time
}

// add makes one tally of two.
func (t *Tally) add(o *Tally) {
	t.MatchedEvents += o.MatchedEvents
	t.ForwardedEvents += o.ForwardedEvents
	t.ForwardedRecords += o.ForwardedRecords
	t.ForwardedBytes += o.ForwardedBytes
	t.DeliveryErrors += o.DeliveryErrors
	t.ExpiredEvents += o.ExpiredEvents
	t.DeliveryThrottling += o.DeliveryThrottling
	if o.RefusedNow && (!t.RefusedNow || o.RefusedSince.Before(t.RefusedSince)) {
		t.RefusedNow, t.RefusedSince = true, o.RefusedSince
	}
	if o.LastForwarded.After(t.LastForwarded) {
		t.LastForwarded = o.LastForwarded
	}
	if o.LastErrorAt.After(t.LastErrorAt) {
		t.LastError, t.LastErrorAt = o.LastError, o.LastErrorAt
	}
}

// tallies counts for all filters, and logs a refusal once for as long as
// its reason stays the same.
type tallies struct {
	log *slog.Logger
	now func() time.Time

	mu  sync.Mutex
	all map[filterKey]*Tally // guarded by mu
}

func (t *tallies) of(f *logs.Filter) *Tally {
	key := keyOf(f)
	one := t.all[key]
	if one == nil {
		one = &Tally{}
		t.all[key] = one
	}
	return one
}

// dealtWith notes the events of packets that are delivered or dropped: those in
// refused, and those that would go round in a loop.
func (t *tallies) dealtWith(packets []*packet, refused []refusal) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, p := range packets {
		if n := len(p.events) + p.looped; n > 0 {
			t.of(p.filter).MatchedEvents += int64(n)
		}
		if p.looped > 0 {
			t.drop(p.filter, p.looped, errLoop)
		}
	}
	for _, r := range refused {
		t.drop(r.packet.filter, len(r.packet.events), r.reason)
	}
}

// forwarded notes events that are in a shard, and those of them that fitted no
// record.
func (t *tallies) forwarded(p parcel) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f := p.packet.filter
	one := t.of(f)
	one.ForwardedEvents += int64(p.events)
	one.ForwardedRecords += int64(len(p.records))
	one.ForwardedBytes += int64(p.bytes())
	one.LastForwarded = t.now()
	if one.RefusedNow {
		t.log.Info("delivery goes on", "account", f.Account, "region", f.Region, "group", f.Group, "filter", f.Name, "dropped", one.DeliveryErrors)
		one.RefusedNow = false
	}
	if p.lost > 0 {
		t.drop(f, p.lost, errTooLarge)
	}
}

// drop notes events that are not delivered and will not be. mu is held.
func (t *tallies) drop(f *logs.Filter, events int, reason error) {
	one := t.of(f)
	one.DeliveryErrors += int64(events)
	one.LastErrorAt = t.now()
	refused := errors.Is(reason, errRefused)
	if refused && !one.RefusedNow {
		one.RefusedSince = one.LastErrorAt
	}
	if text := reason.Error(); text != one.LastError || refused != one.RefusedNow {
		one.LastError, one.RefusedNow = text, refused
		t.log.Warn("events are dropped", "account", f.Account, "region", f.Region, "group", f.Group, "filter", f.Name, "cause", reason)
	}
}

// expired notes events that were tried for too long.
func (t *tallies) expired(f *logs.Filter, events int) {
	if events == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	one := t.of(f)
	one.MatchedEvents += int64(events)
	one.DeliveryErrors += int64(events)
	one.ExpiredEvents += int64(events)
	one.LastError, one.LastErrorAt = errExpired.Error(), t.now()
}

// heldUp notes a packet that did not get through.
func (t *tallies) heldUp(h holdup) {
	t.mu.Lock()
	defer t.mu.Unlock()
	one := t.of(h.packet.filter)
	one.LastError, one.LastErrorAt = errHeldUp.Error(), t.now()
	if errors.Is(h.err, kinesis.ErrThroughputExceeded) {
		one.LastError = errThrottled.Error()
		one.DeliveryThrottling += int64(len(h.packet.events))
	}
}

// What a sender is told of a stream that is not its own.
var (
	errThrottled = errors.New("the throughput of a shard is exceeded")
	errHeldUp    = errors.New("a shard cannot be written to")
)

// forget removes the tallies of filters that are gone.
func (t *tallies) forget(gone func(filterKey) bool) {
	t.mu.Lock()
	keys := make([]filterKey, 0, len(t.all))
	for key := range t.all {
		keys = append(keys, key)
	}
	t.mu.Unlock()
	for _, key := range keys {
		if gone(key) {
			t.mu.Lock()
			delete(t.all, key)
			t.mu.Unlock()
		}
	}
}

// snapshot copies all tallies.
func (t *tallies) snapshot() map[filterKey]Tally {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make(map[filterKey]Tally, len(t.all))
	for key, one := range t.all {
		all[key] = *one
	}
	return all
}

// A State says how a filter's events travel.
type State string

// The states, the worse ones later.
const (
	Live        State = "LIVE"        // on the shared cursors
	Backfilling State = "BACKFILLING" // what was ingested before the filter was made comes first
	Retrying    State = "RETRYING"    // on a detour, after a destination did not take its events
	Refused     State = "REFUSED"     // a check fails: events are dropped
	Stopped     State = "STOPPED"     // an ingest journal cannot be read
)

// A Status is a subscription and what has become of its events since the server
// started. That of an account's policy is over all log groups, and its Group is
// empty.
type Status struct {
	Account      arn.AccountID
	Region       arn.Region
	Group        string
	Filter       string
	AccountLevel bool
	Destination  arn.ARN
	State        State
	Tally
	// LagEvents is how many matching events wait behind a detour, Lag how old the
	// oldest event is that has not been dealt with; 0 when nothing waits.
	LagEvents int64
	Lag       time.Duration
	// Losses are the ranges that were dropped on detours, also before the server
	// started.
	Losses []Loss
	// Checked is when the destination was last sent a control message, zero when it
	// has not been, and CheckError why that failed, empty when it did not. A sender
	// whom a foreign destination does not admit is told the same always.
	Checked    time.Time
	CheckError string
}

// Statuses yields every subscription of an account, or of all accounts if account
// is empty, by Region and log group, at about this moment.
func (d *Delivery) Statuses(account arn.AccountID) iter.Seq[Status] {
	return func(yield func(Status) bool) {
		tallies := d.tallies.snapshot()
		lags := d.lags()
		ofPolicies := map[filterKey]*Status{} // without a group
		for f := range d.cfg.Logs.Subscriptions(account) {
			key := keyOf(f)
			if f.AccountLevel && f.Group == "" {
				ofPolicies[key] = d.status(f, key, Tally{}, lags)
				continue
			}
			if !yield(*d.status(f, key, tallies[key], lags)) {
				return
			}
		}
		for key, one := range tallies {
			total := ofPolicies[key.ofPolicy()]
			if !key.accountLevel || total == nil {
				continue
			}
			total.add(&one)
			total.refine(key, lags)
			r, _, _ := d.records.Get(key.catalogKey())
			total.Losses = append(total.Losses, r.Losses...)
		}
		for _, total := range ofPolicies {
			if !yield(*total) {
				return
			}
		}
	}
}

// ofPolicy is the key of an account's policy over all groups.
func (k filterKey) ofPolicy() filterKey {
	k.group = ""
	return k
}

func (d *Delivery) status(f *logs.Filter, key filterKey, t Tally, lags lags) *Status {
	s := &Status{
		Account: f.Account, Region: f.Region, Group: f.Group, Filter: f.Name, AccountLevel: f.AccountLevel,
		Destination: f.Destination, State: Live, Tally: t, Lag: lags.regions[f.Region],
	}
	if lags.stopped[f.Region] {
		s.State = Stopped
	}
	r, _, _ := d.records.Get(key.catalogKey())
	s.Losses = r.Losses
	s.refine(key, lags)
	if newWalk(&d.cfg, f.Sender(), f.Destination).tells() {
		s.Checked, s.CheckError = d.checks.of(f)
	} else {
		s.CheckError = notAdmitted(f.Destination)
	}
	return s
}

// refine adds what is known of a detour.
func (s *Status) refine(key filterKey, lags lags) {
	state := Live
	if l, away := lags.detours[key]; away {
		s.LagEvents += l.events
		s.MatchedEvents += l.events
		s.Lag = max(s.Lag, l.age)
		state = l.state
	}
	if s.RefusedNow {
		state = Refused
	}
	if rank(state) > rank(s.State) {
		s.State = state
	}
}

func rank(s State) int {
	for i, one := range []State{Live, Backfilling, Retrying, Refused, Stopped} {
		if s == one {
			return i
		}
	}
	return 0
}

// lags are how far behind everything is.
type lags struct {
	regions map[arn.Region]time.Duration // on the shared cursors
	stopped map[arn.Region]bool
	detours map[filterKey]lag
}

type lag struct {
	state  State
	events int64
	age    time.Duration
}

func (d *Delivery) lags() lags {
	all := lags{map[arn.Region]time.Duration{}, map[arn.Region]bool{}, map[filterKey]lag{}}
	now := d.now()
	for _, w := range d.running() {
		w.lag(now, all)
	}
	return all
}

// lag adds what is known of a worker.
func (w *worker) lag(now time.Time, all lags) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.finished.Compare(w.source.End()) < 0 && w.oldest > 0 {
		all.regions[w.region] = max(all.regions[w.region], age(now, w.oldest))
	}
	if w.stopped != nil {
		all.stopped[w.region] = true
	}
	for key, d := range w.detours {
		if d.record.Back {
			continue
		}
		l := all.detours[key]
		l.events += d.pending
		l.age = max(l.age, age(now, d.oldest))
		if d.record.Past != nil && d.lastErr == nil {
			l.state = Backfilling
		} else {
			l.state = Retrying
		}
		all.detours[key] = l
	}
}

// age is how long ago a time in ms was; 0 for the time 0.
func age(now time.Time, at int64) time.Duration {
	if at == 0 {
		return 0
	}
	return max(0, now.Sub(time.UnixMilli(at)))
}

// LossesOf are the ranges of which events of a filter were dropped on detours.
func (d *Delivery) LossesOf(f *logs.Filter) []Loss {
	r, _, _ := d.records.Get(keyOf(f).catalogKey())
	return r.Losses
}

// StatusOf is the status of one filter of a log group, or of the account's policy as
// it is for that group.
func (d *Delivery) StatusOf(f *logs.Filter) Status {
	return *d.status(f, keyOf(f), d.tallies.snapshot()[keyOf(f)], d.lags())
}
