package delivery

import (
	"context"
	"errors"
	"slices"
	"time"

	"tributary/internal/durable/journal"
	"tributary/internal/service/logs"
)

// keepTrying is for how long after its ingestion an event is tried, as AWS does.
const keepTrying = 24 * time.Hour

// probeBytes is how much of the journal is taken for detours that did not get
// through the last time.
const probeBytes = 64 << 10

// farBehind is how many blocks the shared cursor may be ahead of a detour that is
// to join it: while it joins, the cursor waits.
const farBehind = 256

// errExpired is why events are dropped that were tried for keepTrying.
var errExpired = errors.New("not delivered within 24 hours of ingestion")

// sweep carries the filters that are on a detour until ctx ends. However many they
// are, one of them at a time chooses where the journal is read, in turns, and all
// that stand in what is read take their part of it.
func (w *worker) sweep(ctx context.Context) {
	s := sweeper{w: w}
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.woken:
		}
		for s.takeReady(); len(s.active) > 0 && ctx.Err() == nil; s.takeReady() {
			s.step(ctx)
		}
		s.reader = nil
	}
}

// stopTimers ends the pauses.
func (w *worker) stopTimers() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, d := range w.detours {
		if d.timer != nil {
			d.timer.Stop()
		}
	}
}

// A sweeper is the state of sweep.
type sweeper struct {
	w      *worker
	active []*detour // in turn: the first one chooses where to read
	reader *journal.Reader
}

// takeReady adds the detours whose pause is over, and leaves out those in whose place
// there is one of a later filter of the name.
func (s *sweeper) takeReady() {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	s.active = slices.DeleteFunc(s.active, func(d *detour) bool { return s.w.detours[d.key] != d })
	for _, d := range s.w.detours {
		if d.ready {
			d.ready = false
			s.active = append(s.active, d)
		}
	}
}

// step takes the active detours one batch further, or lets those join the shared
// cursor that have caught up with it.
func (s *sweeper) step(ctx context.Context) {
	w, first := s.w, s.active[0]
	if f := w.d.find(first.key); f == nil || f.From(w.source.Name()) != first.record.Begin {
		s.forget(ctx, first)
		return
	}
	if first.record.Past != nil && first.at.Compare(first.record.Past.To) >= 0 && first.at.Compare(first.record.Past.Resume) < 0 {
		w.move(first, first.record.Past.Resume, nil)
	}
	done := w.done()
	if first.at.Compare(first.limit(done)) >= 0 {
		s.join(ctx)
		return
	}
	b, err := s.read(ctx, first, first.limit(done))
	if err != nil {
		s.unread(ctx, first, err)
		return
	}
	s.carry(ctx, b, func(d *detour) bool { return b.end.Compare(d.limit(done)) <= 0 })
}

// limit is how far a detour may go while the shared cursor stands at done. The past
// of a backfill is never the shared cursor's, so it may go to its end.
func (d *detour) limit(done journal.Position) journal.Position {
	if past := d.record.Past; past != nil && d.at.Compare(past.To) < 0 {
		return maxPosition(done, past.To)
	}
	return done
}

// read takes a batch from where a detour stands.
func (s *sweeper) read(ctx context.Context, d *detour, limit journal.Position) (batch, error) {
	if s.reader == nil || s.reader.Position() != d.at {
		s.reader = s.w.source.Reader(d.at)
	}
	most := batchBytes
	if d.lastErr != nil {
		most = probeBytes
	}
	block, err := s.reader.Next(ctx)
	if err != nil {
		return batch{}, err
	}
	return gather(ctx, s.reader, block, most, limit)
}

// unread deals with a detour where the journal cannot be read.
func (s *sweeper) unread(ctx context.Context, d *detour, err error) {
	w := s.w
	s.reader = nil
	if !errors.Is(err, journal.ErrTrimmed) {
		s.pause(d, err)
		return
	}
	start := w.source.Start()
	l := Loss{Journal: w.source.Name(), From: d.at, To: start, Events: -1, Reason: errExpired.Error(), At: w.d.now().UnixMilli()}
	if err := w.lose(ctx, d, l); err != nil {
		s.pause(d, err)
		return
	}
	w.move(d, start, nil)
	s.active = append(s.active[1:], d)
}

// carry takes those active detours through a batch that stand in it, of those that
// are chosen. Who gets through is active still, behind the others.
func (s *sweeper) carry(ctx context.Context, b batch, chosen func(*detour) bool) {
	w := s.w
	var others, through []*detour
	taking := map[filterKey]*detour{}
	for _, d := range s.active {
		if chosen(d) && d.at.Compare(b.begin) >= 0 && d.at.Compare(b.end) < 0 {
			taking[d.key] = d
		} else {
			others = append(others, d)
		}
	}
	packets, _ := w.match(b, func(f *logs.Filter, e *located) standing {
		if d := taking[keyOf(f)]; d != nil {
			return d.stands(f, e)
		}
		return passedOver
	})
	of := map[filterKey][]*packet{}
	for _, p := range packets {
		of[keyOf(p.filter)] = append(of[keyOf(p.filter)], p)
	}
	for _, d := range s.active {
		if taking[d.key] != d {
			continue
		}
		// What is out of date is matched again when it is this detour's turn.
		if err := w.deliverDetour(ctx, d, b, of[d.key]); err != nil && !errors.Is(err, errChanged) {
			w.pauseDetour(d, err)
			continue
		}
		through = append(through, d)
	}
	s.active = append(others, through...)
}

// deliverDetour takes one detour through a batch: what is too old is lost, what is
// refused is dropped. The error says why it did not get through; then it stands at
// what held it up.
func (w *worker) deliverDetour(ctx context.Context, d *detour, b batch, packets []*packet) error {
	if err := w.expire(ctx, d, b, packets); err != nil {
		return err
	}
	out, err := d.carry(ctx, b.end, packets)
	if err != nil {
		return err
	}
	if len(out.heldUp) > 0 {
		for _, h := range out.heldUp {
			w.d.tallies.heldUp(h)
		}
		w.mu.Lock()
		d.oldest = oldestOf(out.heldUp)
		w.mu.Unlock()
		return out.heldUp[0].err
	}
	dropped := newLossCount(w, d)
	for _, r := range out.refused {
		dropped.add(r.packet.events, r.reason)
	}
	if err := dropped.note(ctx, b.end); err != nil {
		return err
	}
	w.d.tallies.dealtWith(packets, out.refused)
	w.move(d, b.end, packets)
	return nil
}

// expire gives up the events at the beginning of a batch that have been tried for
// too long, and takes them out of the packets.
func (w *worker) expire(ctx context.Context, d *detour, b batch, packets []*packet) error {
	limit := w.d.now().Add(-keepTrying).UnixMilli()
	old := func(e *event) bool {
		since := e.ingested
		if past := d.record.Past; past != nil && e.at.Compare(past.To) < 0 {
			since = max(since, d.record.Since)
		}
		return since < limit
	}
	cut, some := b.end, false // the first that is not too old
	for _, p := range packets {
		for i := range p.events {
			e := &p.events[i]
			if old(e) {
				some = true
			} else if e.at.Compare(cut) < 0 {
				cut = e.at
			}
		}
	}
	if !some {
		return nil
	}
	expired := newLossCount(w, d)
	for _, p := range packets {
		n := 0
		for n < len(p.events) && p.events[n].at.Compare(cut) < 0 {
			n++
		}
		if n == 0 {
			continue
		}
		missing := p.events[:n]
		// Others of the batch may have held the detour up, and these have got through.
		if target, err := d.permit(p.filter); err == nil {
			id := shardID{target.ID(), target.Shard(p.key)}
			if left, err := d.uncovered(ctx, target, id, &packet{key: p.key, events: missing}); err == nil {
				missing = left
			}
		}
		expired.add(missing, errExpired)
		w.d.tallies.expired(p.filter, len(missing))
		p.events = p.events[n:]
	}
	if err := expired.note(ctx, cut); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	d.at = cut
	d.pending = max(0, d.pending-expired.loss.Events)
	return nil
}

// oldestOf is the ingestion time of the oldest event that is held up.
func oldestOf(heldUp []holdup) int64 {
	oldest := int64(0)
	for _, h := range heldUp {
		for _, e := range h.packet.events {
			if oldest == 0 || e.ingested < oldest {
				oldest = e.ingested
			}
		}
	}
	return oldest
}

// move takes a detour that got through with these packets to a position.
func (w *worker) move(d *detour, to journal.Position, packets []*packet) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range packets {
		d.pending -= int64(len(p.events))
	}
	d.pending = max(0, d.pending)
	d.at, d.oldest, d.lastErr = to, 0, nil
	d.pauses.reset()
}

// pause takes the first active detour out until its next attempt.
func (s *sweeper) pause(d *detour, err error) {
	s.w.pauseDetour(d, err)
	s.active = s.active[1:]
}

func (w *worker) pauseDetour(d *detour, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	d.lastErr = err
	w.later(d)
}

// forget ends the first active detour, whose filter is gone. In the catalog and in
// memory a later filter of the name may have a detour in its place: that stays.
func (s *sweeper) forget(ctx context.Context, d *detour) {
	w := s.w
	w.turn.Lock()
	defer w.turn.Unlock()
	w.mu.Lock()
	replaced := w.detours[d.key] != d // under turn it stays so
	w.mu.Unlock()
	if replaced {
		s.active = s.active[1:]
		return
	}
	if err := w.d.dropDetour(ctx, w.source.Name(), d.key); err != nil {
		s.pause(d, err)
		return
	}
	s.active = s.active[1:]
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.detours, d.key)
}

// join lets the active detours that have caught up join the shared cursor. It
// stands still meanwhile, and they go the rest of the way to it.
func (s *sweeper) join(ctx context.Context) {
	w := s.w
	if w.replaying() {
		s.pause(s.active[0], nil)
		return
	}
	w.turn.Lock()
	defer w.turn.Unlock()
	end := w.done()
	near := func(d *detour) bool { return d.at.Block+farBehind >= end.Block }
	behind := func(d *detour) bool { return near(d) && d.at.Compare(end) < 0 }
	for i := 0; i >= 0 && ctx.Err() == nil; i = slices.IndexFunc(s.active, behind) {
		s.active[0], s.active[i] = s.active[i], s.active[0]
		first := s.active[0]
		if !behind(first) {
			continue
		}
		b, err := s.read(ctx, first, end)
		if err != nil {
			s.unread(ctx, first, err)
			continue
		}
		s.carry(ctx, b, near)
	}
	if ctx.Err() != nil {
		return
	}
	var arrived, others []*detour
	for _, d := range s.active {
		if d.at.Compare(d.limit(end)) < 0 {
			others = append(others, d)
		} else {
			arrived = append(arrived, d)
		}
	}
	s.active = others
	if err := w.join(ctx, arrived); err != nil {
		for _, d := range arrived {
			w.pauseDetour(d, err)
		}
	}
}
