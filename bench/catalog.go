package main

import (
	"context"
	"fmt"
	"time"
)

// measureCatalog is what very many log groups, each with a filter, cost: the start and
// the memory of the server, and events of 64 other groups, beside the same before the
// many were made. Both loads begin soon after a start.
func measureCatalog(ctx context.Context, s *settings, c *child) ([]row, error) {
	const perAccount = 1000
	many := s.scaled(100_000, perAccount)
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
	before, err := c.costs(ctx, s)
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
	after, err := c.costs(ctx, s)
	if err != nil {
		return nil, err
	}
	return []row{
		{
			what: fmt.Sprintf("%d log groups with %d filters: exec to ready", many, many), measured: short(after.start),
			beside: short(before.start) + " with 64", ratio: times(float64(after.start), float64(before.start)),
		},
		{
			what: "  resident memory after the start", measured: fmt.Sprintf("%.0f MiB, %.1f KiB for each group", after.memory, (after.memory-before.memory)*1024/float64(many)),
			beside: fmt.Sprintf("%.0f MiB with 64", before.memory), ratio: times(after.memory, before.memory),
		},
		{
			what: "  CPU of the server per single event", measured: fmt.Sprintf("%.0f µs", after.single),
			beside: fmt.Sprintf("%.0f µs with 64", before.single), ratio: times(after.single, before.single), aim: "1",
		},
		{
			what: "  CPU of the server per MB in batches of 1 MB", measured: fmt.Sprintf("%.1f ms", after.perMB),
			beside: fmt.Sprintf("%.1f ms with 64", before.perMB), ratio: times(after.perMB, before.perMB), aim: "1",
		},
		{what: "  making one group with its filter, 64 callers", measured: fmt.Sprintf("%.0f/s", float64(many)/wall.Seconds())},
	}, nil
}

// busyGroups is how many log groups get the events.
const busyGroups = 64

func groupName(i int) string { return fmt.Sprintf("group-%06d", i) }

// catalogCosts is what a server costs with what its catalog holds.
type catalogCosts struct {
	start  time.Duration
	memory float64 // MiB, when it has started
	// CPU time for events of the busy groups: µs for one by itself, ms for a MB of them.
	single, perMB float64
}

// costs starts the server again and measures.
func (c *child) costs(ctx context.Context, s *settings) (e catalogCosts, err error) {
	if err := c.restart(); err != nil {
		return e, err
	}
	e.start = c.started
	if e.memory, err = c.residentMiB(); err != nil {
		return e, err
	}
	inputs := make([][]byte, busyGroups)
	if err := c.untilIdle(); err != nil {
		return e, err
	}
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
