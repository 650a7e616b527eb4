package main

import (
	"context"
	"fmt"
)

// measureStreams is what single events of very many log streams cost: 64 writers go
// round all streams of a group, beside the same writers with a stream each.
func measureStreams(ctx context.Context, s *settings, c *child) ([]row, error) {
	const writers = 64
	streams := s.scaled(10_000, writers)
	if err := c.subscribeOne(ctx, streams, 4); err != nil {
		return nil, err
	}
	inputs := bodies("bench", streams, s.oneEvent())
	few, err := c.putTo(ctx, writers, s.length, 1, func(w, _ int) []byte { return inputs[w] })
	if err != nil {
		return nil, err
	}
	many, err := c.putTo(ctx, writers, s.length, 1, func(w, n int) []byte { return inputs[(w+n*writers)%streams] })
	if err != nil {
		return nil, err
	}
	return []row{
		{
			what: fmt.Sprintf("single events of %d log streams, 64 writers, delivered", streams), measured: fmt.Sprintf("%.0f events/s", many.rate()),
			beside: fmt.Sprintf("%.0f events/s, 64 log streams", few.rate()), ratio: times(many.rate(), few.rate()),
		},
		{
			what: "  answered after", measured: spread(many.took),
			beside: spread(few.took), ratio: times(float64(percentile(many.took, 50)), float64(percentile(few.took, 50))) + " (p50)",
		},
		{
			what: "  CPU of the server per event", measured: fmt.Sprintf("%.0f µs", many.perEvent()),
			beside: fmt.Sprintf("%.0f µs", few.perEvent()), ratio: times(many.perEvent(), few.perEvent()),
		},
	}, nil
}
