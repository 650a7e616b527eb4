package main

import (
	"context"
	"fmt"
	"time"
)

// measurePut is the rate of PutLogEvents with everything delivered to a stream that
// nobody reads, in batches of 1 MB and in single events.
func measurePut(ctx context.Context, s *settings) (rows []row, err error) {
	for _, measure := range []func(context.Context, *settings, *child) ([]row, error){measurePutBatches, measurePutSingle} {
		more, err := onChild(measure)(ctx, s)
		if err != nil {
			return nil, err
		}
		rows = append(rows, more...)
	}
	return rows, nil
}

// A putLoad is what PutLogEvents cost, everything delivered.
type putLoad struct {
	load
	events    int64
	delivered time.Duration // from the first call to the last event in its shard
	cpu       time.Duration // of the server, until then
}

// putTo lets writers send inputs of so many events each, one after the other, and waits
// until all are delivered. Input i is for writer i modulo writers.
func (c *child) putTo(ctx context.Context, writers int, length time.Duration, events int, input func(writer, n int) []byte) (p putLoad, err error) {
	before, err := c.delivered(ctx)
	if err != nil {
		return p, err
	}
	m, err := c.meter()
	if err != nil {
		return p, err
	}
	if p.load, err = hammer(writers, length, func(w, n int) error { return c.put(ctx, input(w, n)) }); err != nil {
		return p, err
	}
	p.events = p.calls * int64(events)
	if err := c.untilDelivered(ctx, before+p.events); err != nil {
		return p, err
	}
	p.delivered, p.cpu, err = m.read()
	return p, err
}

// rate is delivered events a second.
func (p *putLoad) rate() float64 { return float64(p.events) / p.delivered.Seconds() }

// perEvent is the server's CPU time in µs.
func (p *putLoad) perEvent() float64 { return 1000 * milliseconds(p.cpu) / float64(p.events) }

func measurePutBatches(ctx context.Context, s *settings, c *child) ([]row, error) {
	const writers = 4
	if err := c.subscribeOne(ctx, writers, 4); err != nil {
		return nil, err
	}
	messages, mb := s.full()
	inputs := bodies("bench", writers, messages)
	p, err := c.putTo(ctx, writers, s.length, len(messages), func(w, _ int) []byte { return inputs[w] })
	if err != nil {
		return nil, err
	}
	floor, err := deliveryFloor(inputs[0])
	if err != nil {
		return nil, err
	}
	total := float64(p.calls) * mb
	rate := total / p.delivered.Seconds()
	perMB, floorMB := milliseconds(p.cpu)/total, milliseconds(floor)/mb
	return []row{
		{
			what: "PutLogEvents of 1 MB, 4 writers, delivered", measured: fmt.Sprintf("%.1f MB/s, %.0f events/s", rate, p.rate()),
			beside: fmt.Sprintf("%.0f MB/s hashed, scanned, compressed on a core", 1000/floorMB), ratio: times(rate, 1000/floorMB),
		},
		{
			what: "  CPU of the server per MB", measured: fmt.Sprintf("%.1f ms", perMB),
			beside: fmt.Sprintf("%.1f ms", floorMB), ratio: times(perMB, floorMB), aim: "< 2.5",
		},
	}, nil
}

func measurePutSingle(ctx context.Context, s *settings, c *child) ([]row, error) {
	const writers = 64
	if err := c.subscribeOne(ctx, writers, 4); err != nil {
		return nil, err
	}
	inputs := bodies("bench", writers, s.oneEvent())
	p, err := c.putTo(ctx, writers, s.length, 1, func(w, _ int) []byte { return inputs[w] })
	if err != nil {
		return nil, err
	}
	plain, err := plainAppends(c.dir, writers, plainTime, inputs[0], true)
	if err != nil {
		return nil, err
	}
	return []row{
		{
			what: "PutLogEvents of one event, 64 writers, delivered", measured: fmt.Sprintf("%.0f events/s", p.rate()),
			beside: fmt.Sprintf("%.0f/s, plain HTTP with an fsync each", plain.rate()), ratio: times(p.rate(), plain.rate()),
		},
		{what: "  CPU of the server per event", measured: fmt.Sprintf("%.0f µs", p.perEvent())},
	}, nil
}
