package delivery

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"tributary/internal/durable/journal"
	"tributary/internal/service/api"
	"tributary/internal/service/kinesis"
	"tributary/internal/service/logs"
)

// A detour is the way of one filter through one ingest journal apart from the
// others: from where a destination held it up, or where a backfill begins, until it
// has caught up with the shared cursor and joins it again. It has a position and a
// lane of its own; the events stay where they are, in the journal.
//
//	away ──(has caught up, under turn)──► back ──(the saved shared cursor is past it)──► gone
//
// Its state is in the catalog before anything is appended that rests on it: see
// docs/adr/0010.
type detour struct {
	carrier // the sweeper's

	key filterKey

	// Guarded by the worker's mu; record.Begin, Back and Position also stay as they
	// are under turn once the detour is back.
	record detourRecord // as in the catalog
	progress
	saved   progress // what of it is in the catalog
	ready   bool     // to be tried now
	lastErr error    // why it is not further
	// oldest is the ingestion time of what it is held up with, ms; 0 when it is not
	// known.
	oldest int64

	pauses backoff
	timer  *time.Timer
}

// A progress is how far a detour is.
type progress struct {
	at      journal.Position
	pending int64 // events between at and the shared cursor that match; about, after a crash
}

// A detourRecord is a detour as the catalog keeps it, in a filterRecord.
type detourRecord struct {
	// Begin is where the filter begins. It tells the filter from an earlier one of
	// its name.
	Begin journal.Position `json:"begin"`
	// Position is up to where the filter's events have been delivered or dropped;
	// while it is away, the truth may be ahead of it by what the marks of Lane say.
	Position journal.Position `json:"position"`
	// Back is true when the filter shares the worker's cursor again, from Position on.
	Back bool   `json:"back,omitzero"`
	Lane string `json:"lane"`
	// Sent is up to where shards had the shared lane's events when the filter left, if
	// that is beyond Position.
	Sent    map[string]journal.Position `json:"sent,omitzero"`
	Since   int64                       `json:"since"` // ms
	Pending int64                       `json:"pending,omitzero"`
	// Past is set for a backfill.
	Past *past `json:"past,omitzero"`
}

// A past is the part of a backfill that lies before where the filter began.
type past struct {
	From journal.Position `json:"from"`
	To   journal.Position `json:"to"`
	// Resume is where the detour goes on after To: what lies between was delivered
	// live.
	Resume journal.Position `json:"resume"`
}

// longestPause is how long a detour waits at most between two attempts, and
// longestThrottled while its shard only takes no more for now.
const (
	longestPause     = 30 * time.Second
	longestThrottled = 2 * time.Second
)

func (w *worker) newDetour(key filterKey, r detourRecord) *detour {
	p := progress{r.Position, r.Pending}
	d := &detour{carrier: w.carrier(r.Lane), key: key, record: r, progress: p, saved: p}
	d.sent = r.Sent
	return d
}

// laneOf names the lane of a filter's detours from a journal: the same for every
// detour of the filter, another for a later filter of the name. What its marks say
// stays true: the filter's events below them are in the shard.
func laneOf(source string, key filterKey, begin journal.Position, more string) string {
	h := sha256.New()
	for _, part := range []string{string(key.account), string(key.region), key.group, key.filter, fmt.Sprint(key.accountLevel), begin.String(), more} {
		_, _ = io.WriteString(h, part+"\x00") // a hash never fails
	}
	return source + "/" + hex.EncodeToString(h.Sum(nil)[:12])
}

// stands says what a detour has to do with a filter's events in an entry.
func (d *detour) stands(f *logs.Filter, e *located) standing {
	r := &d.record
	switch {
	case f.From(d.source.Name()) != r.Begin, e.at.Compare(d.at) < 0:
		return passedOver
	case r.Past != nil && e.at.Compare(r.Past.To) < 0:
		// A stream that has been deleted since is not there to be shown, or sent.
		if !d.d.cfg.Logs.Holds(&e.entry) {
			return passedOver
		}
		return carried
	case r.Past != nil && e.at.Compare(r.Past.Resume) < 0, e.at.Compare(r.Begin) < 0:
		return passedOver
	}
	return carried
}

// leave lets the filters of packets that are held up go on a detour that begins at
// the shared cursor, and returns when that is on disk: from then on the shared
// lane's marks may pass over their events. turn is held.
//
// A filter can only leave when it is known which of its packets of this batch are
// in their shards. As long as a shard does not tell, and may tell later, everybody
// waits; patient is true when what does not answer was given its time.
func (w *worker) leave(ctx context.Context, packets []*packet, heldUp []holdup, patient bool) error {
	leaving := map[filterKey]*detour{}
	for _, h := range heldUp {
		w.d.tallies.heldUp(h)
		if !patient && api.Unavailable(h.err) {
			return h.err
		}
		key := keyOf(h.packet.filter)
		if leaving[key] != nil {
			continue
		}
		sent, err := w.sentOf(ctx, h.packet.filter, packets)
		if err != nil {
			return err
		}
		begin := h.packet.filter.From(w.source.Name())
		leaving[key] = w.newDetour(key, detourRecord{
			Begin: begin, Position: w.done(), Lane: laneOf(w.source.Name(), key, begin, ""),
			Sent: sent, Since: w.d.now().UnixMilli(),
		})
		leaving[key].lastErr = h.err
	}
	if err := eachOf(leaving, func(d *detour) error {
		return w.d.putDetour(ctx, w.source.Name(), d.key, d.record)
	}); err != nil {
		return fmt.Errorf("let filters leave the shared cursor: %w", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for key, d := range leaving {
		w.detours[key] = d
		w.later(d)
		w.d.cfg.Log.Warn("filter goes on by itself", "account", key.account, "region", key.region, "group", key.group, "filter", key.filter,
			"journal", w.source.Name(), "from", d.at.String(), "cause", d.lastErr)
	}
	return nil
}

// sentOf is up to where each shard that may hold events of a filter from the shared
// cursor on has the shared lane's. Those are the shards of the batch, and after a
// restart any of the stream, until the cursor is past what was appended before.
func (w *worker) sentOf(ctx context.Context, f *logs.Filter, packets []*packet) (map[string]journal.Position, error) {
	target, err := w.shared.permit(f)
	if errors.Is(err, errRefused) {
		return nil, errChanged
	}
	if err != nil {
		return nil, err
	}
	var shards []kinesis.ShardID
	if w.replaying() {
		shards = target.Shards()
	}
	for _, p := range packets {
		if p.filter != f || len(p.events) == 0 {
			continue
		}
		shards = append(shards, target.Line(target.Shard(p.key), p.key)...)
	}
	slices.Sort(shards)
	sent := map[string]journal.Position{}
	for _, shard := range slices.Compact(shards) {
		mark, _, err := target.Mark(ctx, shard, w.shared.lane)
		if err != nil && !lost(err) {
			return nil, err
		}
		if err == nil && mark.Compare(w.done()) > 0 {
			sent[shardID{target.ID(), shard}.String()] = mark
		}
	}
	return sent, nil
}

// replaying reports whether the shared cursor may still be before what was appended
// before the last start. Until it is past that, the shared lane's marks may speak of
// events that a filter which joined would not have sent, so none joins.
func (w *worker) replaying() bool { return w.done().Compare(w.settled) < 0 }

// lost reports whether an error of a shard's journal is for good: what it held
// cannot be read by anybody.
func lost(err error) bool {
	return errors.Is(err, journal.ErrQuarantined) || errors.Is(err, journal.ErrDamaged) ||
		errors.Is(err, journal.ErrUnknown) || errors.Is(err, journal.ErrClosed)
}

// later makes a detour ready after its next pause. mu is held.
func (w *worker) later(d *detour) {
	d.pauses.longest = longestPause
	if errors.Is(d.lastErr, kinesis.ErrThroughputExceeded) {
		d.pauses.longest = longestThrottled
	}
	d.timer = time.AfterFunc(d.pauses.next(), func() { w.wake(d) })
}

// wake makes a detour ready.
func (w *worker) wake(d *detour) {
	w.mu.Lock()
	d.ready = !d.record.Back
	w.mu.Unlock()
	w.signal()
}

// signal lets the sweeper look for detours that are ready.
func (w *worker) signal() {
	select {
	case w.woken <- struct{}{}:
	default:
	}
}

// join lets detours that have caught up share the cursor again, from where it
// stands. turn is held, so it stands still, and has been reached by all of them.
func (w *worker) join(ctx context.Context, arrived []*detour) error {
	end := w.done()
	back := func(d *detour) detourRecord {
		return detourRecord{Begin: d.record.Begin, Position: end, Back: true, Lane: d.record.Lane, Since: d.record.Since}
	}
	byKey := map[filterKey]*detour{}
	for _, d := range arrived {
		byKey[d.key] = d
	}
	if err := eachOf(byKey, func(d *detour) error {
		return w.d.putDetour(ctx, w.source.Name(), d.key, back(d))
	}); err != nil {
		return fmt.Errorf("let filters join the shared cursor: %w", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, d := range arrived {
		d.record, d.pending, d.oldest, d.lastErr = back(d), 0, 0, nil
		w.d.cfg.Log.Info("filter has caught up", "account", d.key.account, "region", d.key.region, "group", d.key.group, "filter", d.key.filter,
			"journal", w.source.Name(), "at", end.String())
	}
	return nil
}
