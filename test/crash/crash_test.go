package crash_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

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
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	program, err := process.Build(root, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
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
	for round := range rounds(t) {
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

	ordered, spread := w.inOrder.Check(), w.spread.Check()
	t.Logf("in order: %v", ordered)
	t.Logf("spread:   %v", spread)
	spread.Disordered = 0 // none is promised
	if !ordered.Clean() || !spread.Clean() {
		t.Errorf("in order: %v; spread: %v (seed %d)\n%s", ordered, spread, seed, w.server.Log())
	}
	if ordered.Acked == 0 {
		t.Error("no event was acknowledged: the test has shown nothing")
	}
}
