package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTableIsAlignedAndNamesAMeasureOnce(t *testing.T) {
	var table table
	table.add("a", []row{{what: "one", measured: "5 µs", beside: "1 µs", ratio: "5.00", aim: "1"}, {what: "  two", measured: "long cell"}})
	table.add("longer", []row{{what: "three"}})
	var out bytes.Buffer
	if err := table.print(&out); err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(out.String()) {
		got = append(got, strings.TrimRight(line, " \n"))
	}
	want := []string{
		"MEASURE  WHAT   MEASURED   FLOOR OR RIVAL  RATIO  AIM",
		"a        one    5 µs       1 µs            5.00   1",
		"           two  long cell",
		"longer   three",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
}

func TestPercentiles(t *testing.T) {
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[i] = time.Duration(i + 1)
	}
	for _, c := range []struct {
		of      []time.Duration
		percent int
		want    time.Duration
	}{
		{hundred, 50, 51},
		{hundred, 99, 100},
		{hundred[:1], 99, 1},
		{nil, 50, 0},
	} {
		if got := percentile(c.of, c.percent); got != c.want {
			t.Errorf("percentile(%d times, %d) = %d, want %d", len(c.of), c.percent, got, c.want)
		}
	}
}

func TestShortTimesHaveThreeDigits(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 123: "123ns", 1234: "1.23µs", 12_345: "12.3µs", 123_456_789: "123ms", 1_234_567_890: "1.23s",
	} {
		if got := short(d); got != want {
			t.Errorf("short(%d) = %s, want %s", d, got, want)
		}
	}
}

func TestMeasuresAreChosenByName(t *testing.T) {
	all := []measure{{name: "a"}, {name: "b"}, {name: "c"}}
	for _, c := range []struct {
		list    string
		want    string
		refused bool
	}{
		{list: "", want: "abc"},
		{list: "c,a", want: "ca"},
		{list: "a,x", refused: true},
	} {
		chosen, err := choose(all, c.list)
		got := ""
		for _, m := range chosen {
			got += m.name
		}
		if got != c.want || (err != nil) != c.refused {
			t.Errorf("choose(%q) = %q, %v, want %q", c.list, got, err, c.want)
		}
	}
}

func TestNamesOfMeasuresAreDistinct(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range measures() {
		if seen[m.name] {
			t.Errorf("two measures are called %s", m.name)
		}
		seen[m.name] = true
	}
}
