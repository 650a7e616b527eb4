package delivery_test

import (
	"runtime"
	"strings"
	"testing"
	"time"
)

// Whoever starts a goroutine waits for it: when a server has stopped, also one with
// filters on detours, none of ours is left, and none of the engine's.
func TestNoGoroutineIsLeftWhenTheServerHasStopped(t *testing.T) {
	left := func() (stacks []string) {
		for _, one := range strings.Split(allStacks(), "\n\n") {
			ours := strings.Contains(one, "tributary/internal/") && !strings.Contains(one, "testing.tRunner")
			if ours || strings.Contains(one, "nats-server/v2/server.") || strings.Contains(one, "nats.go") {
				stacks = append(stacks, one)
			}
		}
		return stacks
	}
	if before := left(); len(before) > 0 {
		t.Fatalf("left by another test:\n%s", strings.Join(before, "\n\n"))
	}
	s, c := beginSlow(t, 1)
	s.subscribe("g", "f", "")
	c.stop()
	s.exhaust()
	s.putEach("g", "a", texts("late", 5))
	s.eventually("f is on a detour", s.isIn("f", "RETRYING"))
	if len(left()) == 0 {
		t.Fatal("a running server has no goroutine: the test sees none")
	}
	s.Restart()
	s.Stop()
	for deadline := time.Now().Add(5 * time.Second); len(left()) > 0; <-time.After(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("left when the server has stopped:\n%s", strings.Join(left(), "\n\n"))
		}
	}
}

func allStacks() string {
	for size := 1 << 20; ; size *= 2 {
		buf := make([]byte, size)
		if n := runtime.Stack(buf, true); n < size {
			return string(buf[:n])
		}
	}
}
