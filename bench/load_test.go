package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var errBroken = errors.New("broken")

func TestPaceMakesTheCallsOfTheRateWhateverTheyTake(t *testing.T) {
	var calls atomic.Int64
	l, err := pace(4, 1000, 50*time.Millisecond, func(int, int) error {
		calls.Add(1)
		return nil
	})
	if err != nil || l.calls != 50 || calls.Load() != 50 || len(l.took) != 50 {
		t.Errorf("pace at 1,000/s for 50 ms: %d calls, %d made, %d times, %v, want 50", l.calls, calls.Load(), len(l.took), err)
	}
	if !slices.IsSorted(l.took) {
		t.Error("the times of calls are not ascending")
	}
}

func TestLoadsEndWithAnError(t *testing.T) {
	fail := func(_, n int) error {
		if n == 2 {
			return errBroken
		}
		return nil
	}
	if _, err := hammer(3, time.Hour, fail); !errors.Is(err, errBroken) {
		t.Errorf("hammer: %v, want %v", err, errBroken)
	}
	if _, err := pace(1, 1e6, time.Hour, fail); !errors.Is(err, errBroken) {
		t.Errorf("pace: %v, want %v", err, errBroken)
	}
}

func TestWorkInParallelIsDoneOnceEach(t *testing.T) {
	done := make([]atomic.Int64, 100)
	if err := inParallel(7, len(done), func(i int) error {
		done[i].Add(1)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for i := range done {
		if got := done[i].Load(); got != 1 {
			t.Errorf("piece %d was done %d times, want once", i, got)
		}
	}
	var calls int
	err := inParallel(1, 100, func(i int) error {
		calls++
		if i == 3 {
			return errBroken
		}
		return nil
	})
	if !errors.Is(err, errBroken) || calls != 4 {
		t.Errorf("after an error: %d pieces, %v, want 4, %v", calls, err, errBroken)
	}
}

func TestFullBatchesAreWhatPutLogEventsTakes(t *testing.T) {
	lines, err := readLines("")
	if err != nil {
		t.Fatal(err)
	}
	messages, mb := (&settings{lines: lines}).full()
	size := 0
	for _, m := range messages {
		size += len(m)
	}
	counted := size + 26*len(messages) // as AWS counts
	if counted > 1_048_576 || counted < 900_000 || len(messages) > 10_000 || float64(size)/1e6 != mb {
		t.Errorf("a full batch has %d events of %d bytes and says %f MB", len(messages), counted, mb)
	}
	if body := putBody("g", "s", messages); !json.Valid(body) {
		t.Error("the body is not JSON")
	}
}

func TestLinesOfAFileAreReadWithoutEmptyOnes(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lines.log")
	if err := os.WriteFile(name, []byte("a\n\nb\xff\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := readLines(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a", "b?"}, got); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	if err := os.WriteFile(name, []byte("\n\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readLines(name); err == nil {
		t.Error("a file without lines was accepted")
	}
}
