package crash_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"tributary/test/ledger"
	"tributary/test/process"
)

const (
	writers  = 6
	shards   = 3
	patience = 60 * time.Second
)

// rounds is how often the server is killed: 20, or what CRASH_ROUNDS says.
func rounds(t *testing.T) int {
	text := os.Getenv("CRASH_ROUNDS")
	if text == "" {
		return 20
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("CRASH_ROUNDS: %v", err)
	}
	return n
}

func TestKillUnderLoadLosesAndDoublesNothing(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	r := play(t, build(t), rounds(t), seed)
	t.Logf("in order: %v", r.ordered)
	t.Logf("spread:   %v", r.spread)
	if !r.ordered.Clean() || !r.spread.Clean() {
		t.Errorf("in order: %v; spread: %v (seed %d)\n%s", r.ordered, r.spread, seed, r.log)
	}
	if r.ordered.Acked == 0 {
		t.Error("no event was acknowledged: the test has shown nothing")
	}
}

// The test above must be able to fail. Here the program is built with a worker that
// does not ask its shards after a crash what they hold already.
func TestAWorkerThatForgetsItsMarksIsFound(t *testing.T) {
	const (
		right = "p.events[n].at.Compare(mark) < 0"
		wrong = right + " && false"
	)
	worker, err := filepath.Abs("../../internal/delivery/worker.go")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(worker)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(source), right) != 1 {
		t.Fatalf("%s does not hold %q once: the fault has to be planted elsewhere", worker, right)
	}
	planted := filepath.Join(t.TempDir(), "worker.go")
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {worker: planted}})
	if err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(t.TempDir(), "overlay.json")
	for path, text := range map[string]string{planted: strings.Replace(string(source), right, wrong, 1), list: string(overlay)} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("GOFLAGS", "-overlay="+list)
	r := play(t, build(t), 4, 1)
	t.Logf("in order: %v", r.ordered)
	if r.ordered.Doubled == 0 {
		t.Errorf("in order: %v; want some doubled", r.ordered)
	}
}

func build(t *testing.T) (program string) {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	if program, err = process.Build(root, t.TempDir()); err != nil {
		t.Fatal(err)
	}
	return program
}

// A result is what the ledgers of a run say, and the last server's log.
type result struct {
	ordered, spread ledger.Counts
	log             string
}

// play kills the program under load so many times, at moments that the seed
// decides, starts it again, and judges what arrived.
func play(t *testing.T, program string, rounds int, seed uint64) result {
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	w := &world{program: program, data: filepath.Join(t.TempDir(), "data"), changed: make(chan struct{}), acks: make(chan struct{}, 1)}
	if err := w.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.server.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Errorf("kill the last server: %v", err)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	if err := w.setUp(ctx); err != nil {
		t.Fatal(err)
	}

	writing, stopWriting := context.WithCancel(ctx)
	var load, readers sync.WaitGroup
	for i := range writers {
		load.Go(func() { w.write(writing, i) })
	}
	reading, stopReading := context.WithCancel(ctx)
	defer stopReading()
	for i := range shards {
		readers.Go(func() { w.read(reading, fmt.Sprintf("shardId-%012d", i)) })
	}
	for round := range rounds {
		for range 30 + random.IntN(400) {
			select {
			case <-w.acks:
			case <-time.After(patience):
				t.Fatalf("round %d: no event was acknowledged for %v\n%s", round, patience, w.server.Log())
			}
		}
		if err := w.server.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := w.start(); err != nil {
			t.Fatalf("round %d: start after kill: %v", round, err)
		}
	}
	stopWriting()
	load.Wait()
	// One more event of each line: when it has been seen, so has everything before
	// it, acknowledged or not.
	for i := range writers {
		if err := w.putSome(ctx, lineOf(i), 1); err != nil {
			t.Fatalf("the last event of %s: %v", lineOf(i), err)
		}
	}
	for deadline := time.Now().Add(patience); !(w.inOrder.Complete() && w.spread.Complete()) && time.Now().Before(deadline); {
		w.pause(ctx)
	}
	stopReading()
	readers.Wait()

	for _, what := range w.strange {
		t.Errorf("the stream holds what nobody sent: %s", what)
	}
	ordered, spread := w.inOrder.Check(), w.spread.Check()
	spread.Disordered = 0 // none is promised
	return result{ordered, spread, w.server.Log()}
}
