package main

import (
	"context"
	"fmt"
)

// measureCatalog is what very many log groups, each with a filter, cost: the start and
// the memory of the server, and events of 64 other groups, beside the same events
// before the many were made.
func measureCatalog(ctx context.Context, s *settings, c *child) ([]row, error) {
	const perAccount = 1000
	many := s.scaled(100_000, perAccount)
	small, err := c.residentMiB()
	if err != nil {
		return nil, err
	}
	start := c.started
	dest, err := c.openDestination(ctx, recipient, "bench", 4)
	if err != nil {
		return nil, err
	}
	if err := inParallel(16, busyGroups, func(i int) error {
		if err := c.makeGroup(ctx, groupName(i), 1); err != nil {
			return err
		}
		return c.subscribe(ctx, groupName(i), "all", dest)
	}); err != nil {
		return nil, err
	}
	before, err := c.eventCosts(ctx, s)
	if err != nil {
		return nil, err
	}
	m, err := c.meter()
	if err != nil {
		return nil, err
	}
	if err := inParallel(64, many, func(i int) error {
		account := fmt.Sprintf("2%011d", i/perAccount)
		if err := c.logs(ctx, account, "CreateLogGroup", map[string]any{"logGroupName": groupName(i)}, nil); err != nil {
			return err
		}
		in := map[string]any{"logGroupName": groupName(i), "filterName": "all", "filterPattern": "", "destinationArn": dest}
		return c.logs(ctx, account, "PutSubscriptionFilter", in, nil)
	}); err != nil {
		return nil, err
	}
	wall, _, err := m.read()
	if err != nil {
		return nil, err
	}
	after, err := c.eventCosts(ctx, s)
	if err != nil {
		return nil, err
	}
	if err := c.restart(); err != nil {
		return nil, err
	}
	large, err := c.residentMiB()
	if err != nil {
		return nil, err
	}
	return []row{
		{
			what: fmt.Sprintf("%d log groups with %d filters: exec to ready", many, many), measured: short(c.started),
			beside: short(start) + " with none", ratio: times(float64(c.started), float64(start)),
		},
		{
			what: "  resident memory after the start", measured: fmt.Sprintf("%.0f MiB, %.1f KiB for each group and filter", large, (large-small)*1024/float64(many)),
			beside: fmt.Sprintf("%.0f MiB with none", small), ratio: times(large, small),
		},
		{
			what: "  CPU of the server per single event", measured: fmt.Sprintf("%.0f µs", after.single),
			beside: fmt.Sprintf("%.0f µs with 64 groups", before.single), ratio: times(after.single, before.single), aim: "1",
		},
		{
			what: "  CPU of the server per MB in batches of 1 MB", measured: fmt.Sprintf("%.1f ms", after.perMB),
			beside: fmt.Sprintf("%.1f ms with 64 groups", before.perMB), ratio: times(after.perMB, before.perMB), aim: "1",
		},
		{what: "  making one group with its filter, 64 callers", measured: fmt.Sprintf("%.0f/s", float64(many)/wall.Seconds())},
	}, nil
}

// busyGroups is how many log groups get the events.
const busyGroups = 64

func groupName(i int) string { return fmt.Sprintf("group-%06d", i) }

// eventCosts is what events of the busy groups cost: µs of CPU for one by itself, ms
// for a MB of them.
type eventCosts struct{ single, perMB float64 }

func (c *child) eventCosts(ctx context.Context, s *settings) (e eventCosts, err error) {
	inputs := make([][]byte, busyGroups)
	fill := func(messages []string) {
		for i := range inputs {
			inputs[i] = putBody(groupName(i), streamName(0), messages)
		}
	}
	fill(s.oneEvent())
	p, err := c.putTo(ctx, busyGroups, s.length, 1, func(w, _ int) []byte { return inputs[w] })
	if err != nil {
		return e, err
	}
	e.single = p.perEvent()
	messages, mb := s.full()
	fill(messages)
	const writers = 4
	p, err = c.putTo(ctx, writers, s.length, len(messages), func(w, n int) []byte { return inputs[(w+n*writers)%busyGroups] })
	e.perMB = milliseconds(p.cpu) / (float64(p.calls) * mb)
	return e, err
}
