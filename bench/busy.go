package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// measureBusy is how soon an event gets through while others are on their way: a
// probe's log group has a filter to a stream of its own with a subscriber, and beside
// it 64 log streams of another group get single events at a part of the highest rate,
// delivered to a stream that nobody reads. A probe is one PutLogEvents every 5 ms; its
// time runs from its answer to the moment when the record has been pushed. The highest
// rate is that of 64 writers that do not pause.
func measureBusy(ctx context.Context, s *settings, c *child) (rows []row, err error) {
	const writers = 64
	if err := c.subscribeOne(ctx, writers, 4); err != nil {
		return nil, err
	}
	dest, err := c.openDestination(ctx, recipient, "probe", 1)
	if err != nil {
		return nil, err
	}
	if err := c.makeGroup(ctx, "probe", 1); err != nil {
		return nil, err
	}
	if err := c.subscribe(ctx, "probe", "probe", dest); err != nil {
		return nil, err
	}
	pushed, end, err := c.listenTo(ctx, "probe", 1)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, end()) }()
	inputs := bodies("bench", writers, s.oneEvent())
	input := func(w, _ int) []byte { return inputs[w] }
	highest, err := c.putTo(ctx, writers, s.length, 1, input)
	if err != nil {
		return nil, err
	}
	rows = []row{{
		what: "single events, the highest rate of 64 writers", measured: fmt.Sprintf("%.0f events/s", highest.rate()),
	}}
	var idle time.Duration
	for _, percent := range []int{0, 10, 50, 90} {
		rate := highest.rate() * float64(percent) / 100
		took, l, err := c.probeAt(ctx, s, rate, input, pushed)
		if err != nil {
			return nil, err
		}
		p50 := percentile(took, 50)
		if percent == 0 {
			idle = p50
		}
		at := "idle"
		if percent > 0 {
			at = fmt.Sprintf("at %d %% (%.0f events/s)", percent, l.rate())
		}
		rows = append(rows, row{
			what:     "  PutLogEvents answered to pushed, " + at,
			measured: spread(took), beside: short(idle) + " when idle", ratio: times(float64(p50), float64(idle)) + " (p50)",
		})
	}
	return rows, nil
}

// probeAt puts single events at a rate for a while, and probes.
func (c *child) probeAt(ctx context.Context, s *settings, rate float64, input func(writer, n int) []byte, pushed <-chan error) (took []time.Duration, l load, err error) {
	var loaded error
	var wg sync.WaitGroup
	if rate > 0 {
		wg.Go(func() {
			l, loaded = pace(64, rate, s.length, func(w, n int) error { return c.put(ctx, input(w, n)) })
		})
	}
	probe := putBody("probe", streamName(0), []string{"probe"})
	began := time.Now()
	for due := time.Duration(0); due < s.length && err == nil; due += 5 * time.Millisecond {
		time.Sleep(due - time.Since(began))
		if err = c.put(ctx, probe); err != nil {
			break
		}
		answered := time.Now()
		err = <-pushed
		took = append(took, time.Since(answered))
	}
	wg.Wait()
	slices.Sort(took)
	return took, l, errors.Join(loaded, err)
}
