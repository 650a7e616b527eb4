// Command bench measures a running Tributary and prints one table: rates,
// latencies, memory, each beside a floor or a rival that is measured in the same run,
// and their ratio. It starts the binary it is given as a child process and loads it
// over HTTP with signed requests, as clients do; the journal, filter patterns and the
// policy engine are measured inside this process.
//
//	go run ./bench -binary bin/tributary [-only NAME,NAME] [-scale 1] [-seconds 5]
//
// A measure has a file: start.go, sustained.go, recipients.go and so on say what they
// do, floor.go what the floors are. child.go is the server, destination.go what the
// measures set up on it, load.go how they load it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"
)

// settings are what all measures go by.
type settings struct {
	binary string
	lines  []string      // log lines to send
	logs   string        // folder of log files to try filter patterns on
	length time.Duration // of each load
	scale  float64       // of the large catalogs
}

// scaled is how many of n there are to be, at least least.
func (s *settings) scaled(n, least int) int { return max(least, int(float64(n)*s.scale)) }

// A measure makes some rows of the table.
type measure struct {
	name string // for -only
	run  func(context.Context, *settings) ([]row, error)
}

// measures are all there are, in the order of the table.
func measures() []measure {
	return []measure{
		{"patterns", measurePatterns},
		{"policies", measurePolicies},
		{"roles", onChild(measureRoles)},
		{"journal", measureJournal},
		{"start", measureStart},
		{"latency", onChild(measureLatency)},
		{"put", measurePut},
		{"sustained", onChild(measureSustained)},
		{"recipients", measureRecipients},
		{"streams", onChild(measureStreams)},
		{"busy", onChild(measureBusy)},
		{"catalog", measureCatalog},
		{"failing", onChild(measureFailing, "--quotas", "aws")},
		{"put-records", onChild(measurePutRecords)},
		{"put-record", onChild(measurePutRecord)},
		{"get-records", onChild(measureReaders)},
		{"subscribe", onChild(measureFanout)},
		{"shards", onChild(measureManyShards)},
	}
}

func main() {
	var s settings
	flag.StringVar(&s.binary, "binary", "bin/tributary", "the tributary binary")
	flag.StringVar(&s.logs, "logs", "../shared/data", "folder of *.log files to try filter patterns on (generated lines where there are none)")
	flag.Float64Var(&s.scale, "scale", 1, "size of the large catalogs, 1 for 10,000 and 100,000 things")
	input := flag.String("input", "", "file of log lines to send (default: generated lines)")
	only := flag.String("only", "", "names of measures, separated by commas (default: all)")
	seconds := flag.Float64("seconds", 5, "how long each load runs")
	flag.Parse()
	s.length = time.Duration(*seconds * float64(time.Second))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, &s, *input, *only)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run makes the measures and prints the table. A measure that fails leaves its rows
// out and is reported at the end; the others are made.
func run(ctx context.Context, s *settings, input, only string) (err error) {
	if s.lines, err = readLines(input); err != nil {
		return err
	}
	chosen, err := choose(measures(), only)
	if err != nil {
		return err
	}
	var t table
	var failures []error
	for _, m := range chosen {
		began := time.Now()
		rows, err := m.run(ctx, s)
		if err != nil {
			failures = append(failures, fmt.Errorf("%s: %w", m.name, err))
		}
		if ctx.Err() != nil {
			break
		}
		fmt.Fprintf(os.Stderr, "%-12s %v\n", m.name, time.Since(began).Round(100*time.Millisecond))
		t.add(m.name, rows)
	}
	return errors.Join(append(failures, t.print(os.Stdout))...)
}

// choose returns the measures whose names are in a list, all for an empty one.
func choose(all []measure, list string) ([]measure, error) {
	if list == "" {
		return all, nil
	}
	var chosen []measure
	for name := range strings.SplitSeq(list, ",") {
		i := slices.IndexFunc(all, func(m measure) bool { return m.name == name })
		if i < 0 {
			var names []string
			for _, m := range all {
				names = append(names, m.name)
			}
			return nil, fmt.Errorf("there is no measure %q: there are %s", name, strings.Join(names, ", "))
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}
