// Command bench measures a running Tributary and prints one table: rates,
// latencies, memory, each beside the floor that is measured in the same run, as a
// ratio. It starts the binary it is given as a child process and loads it over
// HTTP with signed requests, as clients do; journal and filter patterns are measured
// inside this process.
//
//	go run ./bench -binary bin/tributary [-input FILE] [-logs FOLDER] [-seconds 5]
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"text/tabwriter"
	"time"
)

func main() {
	binary := flag.String("binary", "bin/tributary", "the tributary binary")
	input := flag.String("input", "", "file of log lines to send (default: generated lines)")
	logs := flag.String("logs", "../shared/data", "folder of *.log files to try filter patterns on (generated lines where there are none)")
	seconds := flag.Int("seconds", 5, "how long each load runs")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *binary, *input, *logs, time.Duration(*seconds)*time.Second)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// A row is one line of the table.
type row struct{ what, measured, floor, ratio, aim string }

func run(ctx context.Context, binary, input, logs string, length time.Duration) error {
	lines, err := readLines(input)
	if err != nil {
		return err
	}
	var rows []row
	for _, measure := range []func() ([]row, error){
		func() ([]row, error) { return measurePatterns(logs) },
		measurePolicies,
		func() ([]row, error) { return measureJournal(ctx, length) },
		func() ([]row, error) { return measureStart(binary) },
		func() ([]row, error) { return measureLatency(ctx, binary) },
		func() ([]row, error) { return measurePut(ctx, binary, lines, length) },
		func() ([]row, error) { return measureKinesis(ctx, binary, length) },
	} {
		more, err := measure()
		if err != nil {
			return err
		}
		rows = append(rows, more...)
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "WHAT\tMEASURED\tFLOOR\tRATIO\tAIM")
	for _, r := range rows {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", r.what, r.measured, r.floor, r.ratio, r.aim)
	}
	return w.Flush()
}
