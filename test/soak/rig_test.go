package soak_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Sizes are how many rounds a rig makes: in plain "go test", with RIGS=ci, and with
// RIGS=soak. 0 skips it.
type sizes struct{ quick, ci, soak int }

// A rig is one that runs.
type rig struct {
	*testing.T
	name     string
	seed     uint64
	random   *rand.Rand
	goal     int
	done     int
	counts   map[string]any
	began    time.Time
	share    time.Duration // of a soak; 0 for no limit
	deadline time.Time     // of a soak; zero for none
}

// share is the part of SOAK_MINUTES that each rig may take. The four of soak-a come
// to one, and so do the five of soak-b.
var share = map[string]float64{
	"kill": 0.3, "power": 0.3, "order": 0.1, "points": 0.3,
	"disk": 0.15, "damage": 0.2, "clock": 0.13, "revocation": 0.25, "hostile": 0.27,
}

// unlimited, in the place of parts, is for a rig on a program with a fault: no limit
// but its goal, which is small.
const unlimited = 0

// begin starts the rig or skips it. parts divides the rig's share among its tests.
func begin(t *testing.T, name string, parts int, s sizes) *rig {
	t.Helper()
	r := &rig{T: t, name: strings.TrimPrefix(t.Name(), "Test"), counts: map[string]any{}, began: time.Now()}
	switch mode := os.Getenv("RIGS"); mode {
	case "":
		r.goal = s.quick
	case "ci":
		r.goal = s.ci
	case "soak":
		r.goal = s.soak
		minutes := number(t, "SOAK_MINUTES", 75)
		if parts == unlimited {
			break
		}
		r.share = time.Duration(float64(minutes) * float64(time.Minute) * share[name] / float64(parts))
	default:
		t.Fatalf("RIGS=%s: want ci or soak", mode)
	}
	if r.goal == 0 {
		t.Skip(notNow)
	}
	r.seed = uint64(number(t, "RIG_SEED", int(time.Now().UnixNano()&0xffff_ffff)))
	r.random = rand.New(rand.NewPCG(r.seed, 0))
	t.Logf("seed %d", r.seed)
	t.Cleanup(r.report)
	return r
}

const notNow = "this rig runs with RIGS=ci, as scripts/check does, or RIGS=soak"

// takesLong skips what plain "go test" leaves out.
func takesLong(t *testing.T) {
	t.Helper()
	if os.Getenv("RIGS") == "" {
		t.Skip(notNow)
	}
}

// startClock begins the rig's share of the time, behind what it needs to begin: the
// first of all builds the program.
func (r *rig) startClock() {
	r.began = time.Now()
	if r.share > 0 {
		r.deadline = r.began.Add(r.share)
	}
}

// more reports whether another round is to be made, and counts it.
func (r *rig) more() bool {
	if r.done == 0 && r.deadline.IsZero() {
		r.startClock()
	}
	if r.Failed() || r.done >= r.goal || !r.deadline.IsZero() && r.done > 0 && time.Now().After(r.deadline) {
		return false
	}
	r.done++
	return true
}

// A finding is what a rig says in the report of a soak.
type finding struct {
	Rig     string         `json:"rig"`
	Seed    uint64         `json:"seed"`
	Goal    int            `json:"goal"`
	Done    int            `json:"done"`
	Passed  bool           `json:"passed"`
	Seconds float64        `json:"seconds"`
	Counts  map[string]any `json:"counts"`
}

// report prints what the rig has done and keeps it for the report of a soak.
func (r *rig) report() {
	f := finding{r.name, r.seed, r.goal, r.done, !r.Failed(), time.Since(r.began).Round(100 * time.Millisecond).Seconds(), r.counts}
	counts := make([]string, 0, len(r.counts))
	for _, name := range slices.Sorted(maps.Keys(r.counts)) {
		counts = append(counts, fmt.Sprintf("%s: %v", name, r.counts[name]))
	}
	r.Logf("%d of %d in %.1f s; %s", f.Done, f.Goal, f.Seconds, strings.Join(counts, "; "))
	text, err := json.Marshal(f)
	if err == nil {
		err = os.WriteFile(filepath.Join(os.Getenv(scratch), strings.ReplaceAll(r.name, "/", "-")+".json"), text, 0o600)
	}
	if err != nil {
		r.Errorf("keep the finding: %v", err)
	}
}

// number is an environment variable's, or what is given.
func number(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// scratch names the environment variable with the directory that outlives single
// tests: it holds the program and the findings.
const scratch = "SOAK_SCRATCH"

// TestMain gathers the findings of a soak into the file that SOAK_REPORT names.
func TestMain(m *testing.M) {
	os.Exit(func() int {
		began := time.Now()
		dir, err := os.MkdirTemp("", "soak")
		if err == nil {
			err = os.Setenv(scratch, dir)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		code := m.Run()
		if report := os.Getenv("SOAK_REPORT"); report != "" {
			err = gather(dir, report, began)
		}
		if err := errors.Join(err, os.RemoveAll(dir)); err != nil {
			fmt.Fprintln(os.Stderr, "after the rigs:", err)
			return 1
		}
		return code
	}())
}

// gather writes the report.
func gather(dir, report string, began time.Time) error {
	all := struct {
		Version string            `json:"version"`
		Go      string            `json:"go"`
		System  string            `json:"system"`
		CPUs    int               `json:"cpus"`
		Began   time.Time         `json:"began"`
		Minutes float64           `json:"minutes"`
		Rigs    []json.RawMessage `json:"rigs"`
	}{
		Version: output("git", "describe", "--always", "--dirty"), Go: runtime.Version(),
		System: output("uname", "-sr"), CPUs: runtime.NumCPU(),
		Began: began.UTC().Truncate(time.Second), Minutes: float64(time.Since(began).Round(6*time.Second)) / float64(time.Minute),
	}
	names, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return err
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		all.Rigs = append(all.Rigs, text)
	}
	text, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(report, append(text, '\n'), 0o644)
}

// output is what a command prints, or nothing.
func output(name string, args ...string) string {
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// unable skips a rig that this machine cannot run. Where CI=true it fails.
func unable(t testing.TB, format string, args ...any) {
	t.Helper()
	reason := fmt.Sprintf(format, args...)
	if os.Getenv("CI") == "true" {
		t.Fatalf("THIS RIG CANNOT RUN HERE: %s", reason)
	}
	t.Skipf("this rig cannot run here: %s", reason)
}
