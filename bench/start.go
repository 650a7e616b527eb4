package main

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"time"
)

// measureStart is the time from exec to ready and the memory of an idle server,
// the median of several starts. The floor is the same binary printing its help.
func measureStart(ctx context.Context, s *settings) ([]row, error) {
	const rounds = 5
	var starts, helps []time.Duration
	var resident float64
	for range rounds {
		began := time.Now()
		if err := exec.CommandContext(ctx, s.binary, "--help").Run(); err != nil {
			return nil, fmt.Errorf("%s --help: %w", s.binary, err)
		}
		helps = append(helps, time.Since(began))
		c, err := startChild(s.binary)
		if err != nil {
			return nil, err
		}
		starts = append(starts, c.started)
		if resident, err = c.residentMiB(); err != nil {
			return nil, err
		}
		if err := c.stop(); err != nil {
			return nil, err
		}
	}
	slices.Sort(starts)
	slices.Sort(helps)
	start, help := starts[rounds/2], helps[rounds/2]
	return []row{
		{
			what: "exec to ready, empty data directory, median of 5", measured: short(start),
			beside: short(help) + " to print its help", ratio: times(float64(start), float64(help)), aim: "<= 150 ms",
		},
		{what: "  resident memory when idle", measured: fmt.Sprintf("%.0f MiB", resident), aim: "<= 64 MiB"},
	}, nil
}
