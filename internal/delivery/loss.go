package delivery

import (
	"context"

	"tributary/internal/durable/journal"
)

// A Loss is a range of an ingest journal of which events of a filter were dropped
// while the filter was on a detour.
type Loss struct {
	Journal string           `json:"journal"`
	From    journal.Position `json:"from"`
	To      journal.Position `json:"to"` // one past the range
	// FromTime and ToTime are the ingestion times of the first and the last event, ms
	// since 1970; 0 when they are not known.
	FromTime int64 `json:"fromTime,omitzero"`
	ToTime   int64 `json:"toTime,omitzero"`
	// Events is how many were dropped, -1 when that is not known.
	Events int64  `json:"events"`
	Reason string `json:"reason"`
	At     int64  `json:"at"` // when the last were dropped, ms
}

// maxLosses is how many ranges are kept of a filter; then the two oldest are made
// one.
const maxLosses = 16

// addLoss notes a range once, also when it is noted again after a crash: what lies
// before the end of the last one of its journal has been noted.
func (r *filterRecord) addLoss(l Loss) {
	var last *Loss
	for i := range r.Losses {
		if r.Losses[i].Journal == l.Journal {
			last = &r.Losses[i]
		}
	}
	switch {
	case last != nil && l.To.Compare(last.To) <= 0:
		return
	case last != nil && last.Reason == l.Reason:
		last.extend(l)
		return
	}
	r.Losses = append(r.Losses, l)
	if len(r.Losses) > maxLosses {
		oldest := r.Losses[0]
		for i := 1; i < len(r.Losses); i++ {
			if r.Losses[i].Journal == oldest.Journal {
				oldest.extend(r.Losses[i])
				r.Losses[i] = oldest
				r.Losses = r.Losses[1:]
				return
			}
		}
		r.Losses = r.Losses[1:]
	}
}

// extend makes one range of l and a later one of the same journal.
func (l *Loss) extend(more Loss) {
	l.To, l.ToTime, l.At, l.Reason = more.To, more.ToTime, more.At, more.Reason
	if l.FromTime == 0 {
		l.FromTime = more.FromTime
	}
	if l.Events < 0 || more.Events < 0 {
		l.Events = -1
		return
	}
	l.Events += more.Events
}

// A lossCount gathers what a detour loses.
type lossCount struct {
	w     *worker
	d     *detour
	loss  Loss
	noted journal.Position // what lies before it has been noted, before a crash
}

func newLossCount(w *worker, d *detour) *lossCount {
	c := &lossCount{w: w, d: d, loss: Loss{Journal: w.source.Name(), At: w.d.now().UnixMilli()}}
	r, _, _ := w.d.records.Get(d.key.catalogKey())
	for _, l := range r.Losses {
		if l.Journal == c.loss.Journal && l.To.Compare(c.noted) > 0 {
			c.noted = l.To
		}
	}
	return c
}

func (c *lossCount) add(events []event, reason error) {
	l := &c.loss
	for i := range events {
		e := &events[i]
		if e.at.Compare(c.noted) < 0 {
			continue
		}
		if l.Events == 0 {
			l.From, l.FromTime, l.ToTime, l.Reason = e.at, e.ingested, e.ingested, reason.Error()
		}
		if e.at.Compare(l.From) < 0 {
			l.From = e.at
		}
		l.FromTime, l.ToTime = min(l.FromTime, e.ingested), max(l.ToTime, e.ingested)
		l.Events++
	}
}

// note writes down what was lost before a position, if anything was.
func (c *lossCount) note(ctx context.Context, to journal.Position) error {
	if c.loss.Events == 0 {
		return nil
	}
	c.loss.To = to
	return c.w.lose(ctx, c.d, c.loss)
}

// lose notes a loss of a detour and that the detour is past it, in one write, and
// tells about it.
func (w *worker) lose(ctx context.Context, d *detour, l Loss) error {
	record := d.record
	record.Position = l.To
	err := w.d.changeFilter(ctx, d.key, func(r *filterRecord) {
		r.addLoss(l)
		r.setDetour(w.source.Name(), record)
	})
	if err != nil {
		return err
	}
	w.mu.Lock()
	d.record = record
	w.mu.Unlock()
	w.d.cfg.Log.Warn("events of a filter are lost", "account", d.key.account, "region", d.key.region, "group", d.key.group, "filter", d.key.filter,
		"journal", l.Journal, "from", l.From.String(), "to", l.To.String(), "events", l.Events, "cause", l.Reason)
	return nil
}
