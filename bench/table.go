package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// A row is one line of the table. beside is the floor or the rival, ratio that of
// measured to it, aim what the project wants of either.
type row struct{ what, measured, beside, ratio, aim string }

// A table is the rows of all measures.
type table struct{ lines [][]string }

// add adds a measure's rows, the first of which shows its name.
func (t *table) add(name string, rows []row) {
	for _, r := range rows {
		t.lines = append(t.lines, []string{name, r.what, r.measured, r.beside, r.ratio, r.aim})
		name = ""
	}
}

func (t *table) print(to io.Writer) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	for _, line := range slices.Insert(slices.Clone(t.lines), 0, []string{"MEASURE", "WHAT", "MEASURED", "FLOOR OR RIVAL", "RATIO", "AIM"}) {
		for _, cell := range line {
			_, _ = fmt.Fprintf(w, "%s\t", cell) // Flush tells of errors
		}
		_, _ = fmt.Fprintln(w)
	}
	return w.Flush()
}

// percentile is the smallest of ascending times that so many of 100 do not exceed.
func percentile(ascending []time.Duration, percent int) time.Duration {
	if len(ascending) == 0 {
		return 0
	}
	return ascending[min(len(ascending)*percent/100, len(ascending)-1)]
}

// spread is the middle and nearly the worst of ascending times.
func spread(ascending []time.Duration) string {
	return fmt.Sprintf("p50 %s, p99 %s", short(percentile(ascending, 50)), short(percentile(ascending, 99)))
}

// short is a time with three digits.
func short(d time.Duration) string {
	unit := time.Nanosecond
	for d/unit >= 1000 {
		unit *= 10
	}
	return d.Round(unit).String()
}

// times is how often b fits into a.
func times(a, b float64) string {
	if b == 0 {
		return "?"
	}
	return fmt.Sprintf("%.2f", a/b)
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
