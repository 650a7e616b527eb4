package soak_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Days without a destination, and a large backlog, are played inside a test of delivery,
// where the clock is in its hands. Plain "go test" plays one day; a soak plays many.
func TestNothingIsLostInDaysWithoutADestination(t *testing.T) {
	r := begin(t, "clock", unlimited, sizes{soak: 50})
	cmd := exec.CommandContext(t.Context(), "go", "test", "-count=1", "-v", "-timeout", "20m",
		"-run", "^(TestADayWithoutTheDestination|TestABacklogIsOnTheDiskAndNotInMemory)$", "./internal/delivery")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), fmt.Sprint("OUTAGE_SEED=", r.seed), fmt.Sprint("OUTAGE_SEEDS=", r.goal), "BACKLOG_MIB=300")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	r.done = strings.Count(string(out), "--- PASS: TestADayWithoutTheDestination/")
	if r.done != r.goal {
		t.Errorf("%d days were played, want %d", r.done, r.goal)
	}
	for line := range strings.Lines(string(out)) {
		if _, figures, ok := strings.Cut(line, "backlog_test.go:"); ok {
			_, text, _ := strings.Cut(figures, ": ")
			r.counts[fmt.Sprint("backlog ", len(r.counts)+1)] = strings.TrimSpace(text)
		}
	}
}
