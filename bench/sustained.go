package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// measureSustained is the rate from PutLogEvents to GetRecords: four writers send 1 MB
// at a time to one group with a filter that matches everything, and four readers follow
// the four shards. It runs from the first call to the moment when the last event has
// been read; afterwards what was read is unpacked and counted. Writers, readers and
// server share the processors.
func measureSustained(ctx context.Context, s *settings, c *child) ([]row, error) {
	const writers, shards = 4, 4
	if err := c.subscribeOne(ctx, writers, shards); err != nil {
		return nil, err
	}
	messages, mb := s.full()
	inputs := bodies("bench", writers, messages)
	floor, err := deliveryFloor(inputs[0])
	if err != nil {
		return nil, err
	}
	var (
		read [shards][]record
		last [shards]time.Time
		errs [shards]error
		wg   sync.WaitGroup
		done = make(chan struct{})
	)
	m, err := c.meter()
	if err != nil {
		return nil, err
	}
	for i := range shards {
		wg.Go(func() {
			r, err := c.readShard(ctx, i, "TRIM_HORIZON")
			if err == nil {
				read[i], last[i], err = r.follow(ctx, done)
			}
			errs[i] = err
		})
	}
	l, err := hammer(writers, s.length, func(w, _ int) error { return c.put(ctx, inputs[w]) })
	sent := l.calls * int64(len(messages))
	if err == nil {
		err = c.untilDelivered(ctx, sent)
	}
	close(done)
	wg.Wait()
	_, cpu, err2 := m.read()
	if err := errors.Join(append(errs[:], err, err2)...); err != nil {
		return nil, err
	}
	end, got := m.began, int64(0)
	for i := range shards {
		if last[i].After(end) {
			end = last[i]
		}
		n, err := eventsIn(read[i])
		if err != nil {
			return nil, err
		}
		got += n
	}
	if got != sent {
		return nil, fmt.Errorf("%d events were read of %d", got, sent)
	}
	total := float64(l.calls) * mb
	rate := total / end.Sub(m.began).Seconds()
	perMB, floorMB := milliseconds(cpu)/total, milliseconds(floor)/mb
	return []row{
		{
			what:     "PutLogEvents of 1 MB to GetRecords, one group, all match",
			measured: fmt.Sprintf("%.1f MB/s, %.0f events/s", rate, float64(sent)/end.Sub(m.began).Seconds()),
			beside:   fmt.Sprintf("%.0f MB/s hashed, scanned, compressed on a core", 1000/floorMB), ratio: times(rate, 1000/floorMB),
		},
		{
			what: "  CPU of the server per MB, reading included", measured: fmt.Sprintf("%.1f ms", perMB),
			beside: fmt.Sprintf("%.1f ms", floorMB), ratio: times(perMB, floorMB),
		},
	}, nil
}
