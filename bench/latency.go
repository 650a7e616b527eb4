package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// measureLatency is the time from the answer of PutLogEvents to the moment when
// GetRecords answers with the event, on an idle server. The floor is one append to
// the plain server: delivery has to fsync once, and GetRecords is a request.
func measureLatency(ctx context.Context, _ *settings, c *child) ([]row, error) {
	if err := c.subscribeOne(ctx, 1, 1); err != nil {
		return nil, err
	}
	reader, err := c.readShard(ctx, 0, "LATEST")
	if err != nil {
		return nil, err
	}
	const rounds = 500
	var took []time.Duration
	for i := range rounds {
		if err := c.put(ctx, putBody("bench", streamName(0), []string{fmt.Sprintf("event %d", i)})); err != nil {
			return nil, err
		}
		acknowledged := time.Now()
		for seen := 0; seen == 0; {
			records, err := reader.next(ctx)
			if err != nil {
				return nil, err
			}
			seen = len(records)
		}
		took = append(took, time.Since(acknowledged))
	}
	slices.Sort(took)
	plain, err := plainAppends(c.dir, 1, plainTime, json.RawMessage(`{"message":"event"}`), true)
	if err != nil {
		return nil, err
	}
	p50, p99 := percentile(took, 50), percentile(took, 99)
	floor50, floor99 := percentile(plain.took, 50), percentile(plain.took, 99)
	return []row{
		{
			what: "PutLogEvents answered to read by GetRecords, idle, p50 of 500", measured: short(p50),
			beside: short(floor50) + ", one plain HTTP append with fsync", ratio: times(float64(p50), float64(floor50)), aim: "<= 3 ms",
		},
		{what: "  p99", measured: short(p99), beside: short(floor99), ratio: times(float64(p99), float64(floor99)), aim: "<= 20 ms"},
	}, nil
}
