package main

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// The filters of measureFailing by where they send: each hundredth fails in the second
// load, one half throttled, one half refused.
const (
	healthy   = "bench"
	throttled = "slow"
	refused   = "gone"
)

// measureFailing is what filters that fail cost the others: many log groups with a
// filter each get small batches in turn, first with all destinations healthy, then with
// one of a hundred failing. Of these one half sends to a stream whose shard is
// throttled, so they are kept and tried again; the stream of the other half has been
// deleted, so their events are dropped. The rate is that of the healthy ones: what was
// delivered to them by the time the load ended.
func measureFailing(ctx context.Context, s *settings, c *child) ([]row, error) {
	groups := s.scaled(10_000, 200)
	dests := map[string]string{}
	for name, shards := range map[string]int{healthy: 64, throttled: 1, refused: 1} {
		var err error
		if dests[name], err = c.openDestination(ctx, recipient, name, shards); err != nil {
			return nil, err
		}
	}
	if err := inParallel(64, groups, func(i int) error {
		if err := c.makeGroup(ctx, groupName(i), 1); err != nil {
			return err
		}
		return c.subscribe(ctx, groupName(i), filterOf(i), dests[filterOf(i)])
	}); err != nil {
		return nil, err
	}
	inputs := make([][]byte, groups)
	for i := range inputs {
		inputs[i] = putBody(groupName(i), streamName(0), s.lines[:min(smallBatch, len(s.lines))])
	}
	// The first load finds a server that has just started, and is not counted.
	if _, err := c.deliverHealthy(ctx, s, inputs); err != nil {
		return nil, err
	}
	before, err := c.deliverHealthy(ctx, s, inputs)
	if err != nil {
		return nil, err
	}
	if err := c.breakDestinations(ctx); err != nil {
		return nil, err
	}
	after, err := c.deliverHealthy(ctx, s, inputs)
	if err != nil {
		return nil, err
	}
	failed, err := c.failed(ctx)
	if err != nil {
		return nil, err
	}
	return []row{
		{
			what:     fmt.Sprintf("%d filters, %d of them failing: rate of the healthy", groups, failed),
			measured: fmt.Sprintf("%.0f events/s", after.rate), beside: fmt.Sprintf("%.0f events/s, all healthy", before.rate),
			ratio: times(after.rate, before.rate), aim: "1",
		},
		{
			what: "  answered after", measured: spread(after.took),
			beside: spread(before.took), ratio: times(float64(percentile(after.took, 50)), float64(percentile(before.took, 50))) + " (p50)",
		},
		{
			what: "  CPU of the server per event", measured: fmt.Sprintf("%.1f µs", after.cpu),
			beside: fmt.Sprintf("%.1f µs, all healthy", before.cpu), ratio: times(after.cpu, before.cpu),
		},
	}, nil
}

// filterOf names the filter of a group, and its destination.
func filterOf(group int) string {
	switch group % 200 {
	case 0:
		return throttled
	case 100:
		return refused
	}
	return healthy
}

// smallBatch is how many events a call has.
const smallBatch = 20

// A healthyLoad is what became of a load at its end.
type healthyLoad struct {
	rate float64 // events a second delivered to the healthy
	cpu  float64 // µs of the server for each event put
	took []time.Duration
}

// throttledTime is how long one record of the largest size keeps a shard of AWS's quotas
// from taking another, less a margin.
const throttledTime = 8 * time.Second

func (c *child) deliverHealthy(ctx context.Context, s *settings, inputs [][]byte) (h healthyLoad, err error) {
	const writers = 64
	before, err := c.deliveredTo(ctx, healthy)
	if err != nil {
		return h, err
	}
	m, err := c.meter()
	if err != nil {
		return h, err
	}
	l, err := hammer(writers, min(s.length, throttledTime), func(w, n int) error {
		return c.put(ctx, inputs[(w+n*writers)%len(inputs)])
	})
	if err != nil {
		return h, err
	}
	wall, cpu, err := m.read()
	if err != nil {
		return h, err
	}
	after, err := c.deliveredTo(ctx, healthy)
	h.took, h.rate = l.took, float64(after-before)/wall.Seconds()
	h.cpu = 1000 * milliseconds(cpu) / float64(l.calls*smallBatch)
	return h, err
}

// deliveredTo is how many events of the filters of a name have been delivered.
func (c *child) deliveredTo(ctx context.Context, filter string) (events int64, err error) {
	all, err := c.subscriptions(ctx)
	for _, one := range all {
		if one.FilterName == filter {
			events += one.DeliveredEvents
		}
	}
	return events, err
}

// breakDestinations deletes the one stream, and uses up the rate of the other's shard
// in advance with a record of the largest size.
func (c *child) breakDestinations(ctx context.Context) error {
	const arn = "arn:aws:kinesis:us-east-1:" + recipient + ":stream/" + throttled
	if err := c.kinesis(ctx, "DeleteStream", map[string]any{"StreamName": refused}, nil); err != nil {
		return err
	}
	if err := c.kinesis(ctx, "UpdateMaxRecordSize", map[string]any{"StreamARN": arn, "MaxRecordSizeInKiB": 10 << 10}, nil); err != nil {
		return err
	}
	data := []byte(strings.Repeat("x", 10<<20-1<<10))
	return c.kinesis(ctx, "PutRecord", map[string]any{"StreamName": throttled, "PartitionKey": "k", "Data": data}, nil)
}

// failed is how many filters were throttled or refused. It makes sure that there are
// both, and that no healthy one is among them.
func (c *child) failed(ctx context.Context) (filters int, err error) {
	all, err := c.subscriptions(ctx)
	if err != nil {
		return 0, err
	}
	failed := map[string]int{}
	for _, one := range all {
		if one.DroppedEvents+one.ThrottledEvents > 0 {
			failed[one.FilterName]++
		}
	}
	if failed[throttled] == 0 || failed[refused] == 0 || failed[healthy] > 0 {
		return 0, fmt.Errorf("%d filters were throttled, %d refused, and %d of the healthy failed", failed[throttled], failed[refused], failed[healthy])
	}
	return failed[throttled] + failed[refused], nil
}
