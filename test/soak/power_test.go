package soak_test

import (
	"testing"
	"time"
)

func TestPowerLossLosesAndDoublesNothing(t *testing.T) {
	takesLong(t)
	program := build(t)
	for _, c := range []struct {
		kind string
		sizes
	}{
		{"ext4", sizes{ci: 20, soak: 150}},
		{"xfs", sizes{ci: 5, soak: 50}},
	} {
		t.Run(c.kind, func(t *testing.T) {
			r := begin(t, "power", 2, c.sizes)
			d := newDisk(t, c.kind)
			w := on(program, d.data())
			tr := w.begin(t)
			for r.more() {
				tr.wait(30 + r.random.IntN(200))
				w.cutPower(t, d, time.Duration(r.random.IntN(40))*time.Millisecond)
				tr.restart()
			}
			r.judge(tr.finish(), w)
			w.kill(t)
			r.counts["start p99 ms"] = w.slowest().Milliseconds()
			if w.slowest() > longestStart {
				t.Errorf("one start in a hundred took %v or more, want at most %v", w.slowest(), longestStart)
			}
		})
	}
}

// cutPower cuts the disk off, and the server some moments later: until then nothing
// may be acknowledged, or shown to a consumer, that is not on the disk.
func (w *world) cutPower(t testing.TB, d *disk, later time.Duration) {
	t.Helper()
	if err := d.cut(); err != nil {
		t.Fatal(err)
	}
	<-time.After(later)
	w.kill(t)
	d.comeBack()
}

// Without fsync a server that has acknowledged events either does not start on what
// the power cut has left, or has lost some of them. Nobody has read them before.
func TestPowerLossFindsAServerThatDoesNotSync(t *testing.T) {
	takesLong(t)
	d := newDisk(t, "ext4")
	w := on(build(t, withoutSync), d.data())
	tr := w.begin(t)
	tr.reading()
	tr.readers.Wait()
	tr.wait(300)
	w.cutPower(t, d, 0)
	tr.writing()
	if err := w.start(); err != nil {
		t.Logf("the server does not start on what is left: %v", err)
		return
	}
	tr.write()
	tr.read()
	if v := tr.finish(); v.Ordered.Lost == 0 {
		t.Errorf("%v; want some lost", v)
	}
}
