package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// measureCatalog is what very many log groups, each with a filter, cost: the start and
// the memory of a server, and events of 64 other groups, beside a server that has only
// the 64. Short rounds of load go to the two in turn, so that what the machine does beside
// touches both; medians are compared.
func measureCatalog(ctx context.Context, s *settings) (rows []row, err error) {
	const perAccount = 1000
	many := s.scaled(100_000, perAccount)
	few, _, err := startBusy(ctx, s)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, few.stop()) }()
	full, dest, err := startBusy(ctx, s)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, full.stop()) }()
	m, err := full.meter()
	if err != nil {
		return nil, err
	}
	if err := inParallel(64, many, func(i int) error {
		account := fmt.Sprintf("2%011d", i/perAccount)
		if err := full.logs(ctx, account, "CreateLogGroup", map[string]any{"logGroupName": groupName(i)}, nil); err != nil {
			return err
		}
		in := map[string]any{"logGroupName": groupName(i), "filterName": "all", "filterPattern": "", "destinationArn": dest}
		return full.logs(ctx, account, "PutSubscriptionFilter", in, nil)
	}); err != nil {
		return nil, err
	}
	making, _, err := m.read()
	if err != nil {
		return nil, err
	}
	var before, after catalogCosts
	if err := after.start(full); err != nil { // first: it has much to do until it is idle
		return nil, err
	}
	if err := before.start(few); err != nil {
		return nil, err
	}
	const rounds = 11
	for range rounds {
		if err := before.load(ctx, s, few); err != nil {
			return nil, err
		}
		if err := after.load(ctx, s, full); err != nil {
			return nil, err
		}
	}
	single, perMB := median(after.single), median(after.perMB)
	return []row{
		{
			what: fmt.Sprintf("%d log groups with %d filters: exec to ready", many, many), measured: short(after.started),
			beside: short(before.started) + " with 64", ratio: times(float64(after.started), float64(before.started)),
		},
		{
			what: "  resident memory after the start", measured: fmt.Sprintf("%.0f MiB, %.1f KiB for each group", after.memory, (after.memory-before.memory)*1024/float64(many)),
			beside: fmt.Sprintf("%.0f MiB with 64", before.memory), ratio: times(after.memory, before.memory),
		},
		{
			what: "  CPU of the server per single event, median of 11", measured: fmt.Sprintf("%.0f µs", single),
			beside: fmt.Sprintf("%.0f µs with 64", median(before.single)), ratio: times(single, median(before.single)), aim: "1",
		},
		{
			what: "  CPU of the server per MB in batches of 1 MB, median of 11", measured: fmt.Sprintf("%.1f ms", perMB),
			beside: fmt.Sprintf("%.1f ms with 64", median(before.perMB)), ratio: times(perMB, median(before.perMB)), aim: "1",
		},
		{what: "  making one group with its filter, 64 callers", measured: fmt.Sprintf("%.0f/s", float64(many)/making.Seconds())},
	}, nil
}

// startBusy starts a server with the busy groups and the destination of their filters.
func startBusy(ctx context.Context, s *settings) (c *child, dest string, err error) {
	if c, err = startChild(s.binary); err != nil {
		return nil, "", err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.stop())
		}
	}()
	if dest, err = c.openDestination(ctx, recipient, "bench", 4); err != nil {
		return nil, "", err
	}
	return c, dest, inParallel(16, busyGroups, func(i int) error {
		if err := c.makeGroup(ctx, groupName(i), 1); err != nil {
			return err
		}
		return c.subscribe(ctx, groupName(i), "all", dest)
	})
}

// busyGroups is how many log groups get the events.
const busyGroups = 64

func groupName(i int) string { return fmt.Sprintf("group-%06d", i) }

// catalogCosts is what a server costs with what its catalog holds.
type catalogCosts struct {
	started time.Duration
	memory  float64 // MiB, when it has started
	// CPU time for events of the busy groups, by round: µs for one by itself, ms for a
	// MB of them.
	single, perMB []float64
}

// start starts the server again.
func (e *catalogCosts) start(c *child) (err error) {
	if err := c.restart(); err != nil {
		return err
	}
	e.started = c.started
	e.memory, err = c.residentMiB()
	return errors.Join(err, c.untilIdle())
}

// load makes a round of load of each kind.
func (e *catalogCosts) load(ctx context.Context, s *settings, c *child) error {
	inputs := make([][]byte, busyGroups)
	fill := func(messages []string) {
		for i := range inputs {
			inputs[i] = putBody(groupName(i), streamName(0), messages)
		}
	}
	fill(s.oneEvent())
	p, err := c.putTo(ctx, busyGroups, s.length/5, 1, func(w, _ int) []byte { return inputs[w] })
	if err != nil {
		return err
	}
	e.single = append(e.single, p.perEvent())
	messages, mb := s.full()
	fill(messages)
	const writers = 4
	p, err = c.putTo(ctx, writers, s.length/5, len(messages), func(w, n int) []byte { return inputs[(w+n*writers)%busyGroups] })
	e.perMB = append(e.perMB, milliseconds(p.cpu)/(float64(p.calls)*mb))
	return err
}

// median is the one in the middle.
func median(of []float64) float64 { return slices.Sorted(slices.Values(of))[len(of)/2] }
