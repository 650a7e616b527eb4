package main

import (
	"context"
	"errors"
	"fmt"
)

// measureRecipients is what it costs to send the same events to several accounts: one
// group with a filter for each recipient (--filters-per-log-group). About as much is
// delivered for every number of recipients, so fewer events are put for more of them.
func measureRecipients(ctx context.Context, s *settings) ([]row, error) {
	var rows []row
	var one float64 // ms of CPU for each MB and recipient, with one recipient
	for _, recipients := range []int{1, 2, 10, 50} {
		rate, perMB, err := deliverTo(ctx, s, recipients)
		if err != nil {
			return nil, err
		}
		if recipients == 1 {
			one = perMB
		}
		rows = append(rows, row{
			what:     fmt.Sprintf("the same events to %d recipients: CPU per MB delivered", recipients),
			measured: fmt.Sprintf("%.1f ms, %.1f MB/s delivered", perMB, rate*float64(recipients)),
			beside:   fmt.Sprintf("%.1f ms for one recipient", one), ratio: times(perMB, one), aim: "<= 1",
		})
	}
	return rows, nil
}

// deliverTo is the rate of what was put until everything had been delivered, in MB/s,
// and the CPU time of the server for each MB to each recipient, in ms.
func deliverTo(ctx context.Context, s *settings, recipients int) (rate, perMB float64, err error) {
	const writers = 4
	c, err := startChild(s.binary, "--filters-per-log-group", fmt.Sprint(recipients))
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, c.stop()) }()
	if err := c.makeGroup(ctx, "bench", writers); err != nil {
		return 0, 0, err
	}
	err = inParallel(8, recipients, func(i int) error {
		dest, err := c.openDestination(ctx, fmt.Sprintf("9%011d", i), "bench", 4)
		if err != nil {
			return err
		}
		return c.subscribe(ctx, "bench", fmt.Sprintf("to-%d", i), dest)
	})
	if err != nil {
		return 0, 0, err
	}
	messages, mb := s.full()
	inputs := bodies("bench", writers, messages)
	m, err := c.meter()
	if err != nil {
		return 0, 0, err
	}
	calls := max(2*writers, s.scaled(300, 1)/recipients)
	if err := inParallel(writers, calls, func(i int) error { return c.put(ctx, inputs[i%writers]) }); err != nil {
		return 0, 0, err
	}
	if err := c.untilDelivered(ctx, int64(calls*len(messages)*recipients)); err != nil {
		return 0, 0, err
	}
	wall, cpu, err := m.read()
	total := float64(calls) * mb
	return total / wall.Seconds(), milliseconds(cpu) / total / float64(recipients), err
}
