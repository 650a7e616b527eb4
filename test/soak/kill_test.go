package soak_test

import (
	"path/filepath"
	"testing"
	"time"
)

// longestStart is how long one start in a hundred may take at most, after a crash.
const longestStart = 5 * time.Second

func TestKillUnderLoadLosesAndDoublesNothing(t *testing.T) {
	r := begin(t, "kill", 1, sizes{quick: 10, ci: 30, soak: 500})
	w := on(build(t), filepath.Join(t.TempDir(), "data"))
	r.judge(r.killAgainAndAgain(w), w)
	r.judgeStarts(w)
}

// judgeStarts fails a soak in which starting took too long. A hundred starts say what
// one in a hundred takes; a few say how busy the machine is.
func (r *rig) judgeStarts(w *world) {
	r.Helper()
	slowest, starts := w.slowest()
	r.counts["start p99 ms"] = slowest.Milliseconds()
	if starts >= 100 && slowest > longestStart {
		r.Errorf("one start in a hundred took %v or more, want at most %v", slowest, longestStart)
	}
}

func TestKillFindsAWorkerThatForgetsItsMarks(t *testing.T) {
	r := begin(t, "kill", unlimited, sizes{ci: 4, soak: 4})
	v := r.killAgainAndAgain(on(faulty(t, withoutMarks), filepath.Join(t.TempDir(), "data")))
	r.counts["doubled"] = v.Ordered.Doubled
	if v.Ordered.Doubled == 0 {
		t.Errorf("%v; want some doubled", v)
	}
}

// killAgainAndAgain kills the program under load, at moments that the seed decides,
// and starts it again.
func (r *rig) killAgainAndAgain(w *world) verdict {
	tr := w.begin(r.T)
	for r.more() {
		tr.wait(30 + r.random.IntN(400))
		w.kill(r.T)
		tr.restart()
	}
	return tr.finish()
}
