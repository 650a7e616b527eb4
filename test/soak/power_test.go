package soak_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
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
				if r.random.IntN(2) == 0 {
					w.cutPower(t, d)
				} else {
					w.loseDisk(t, d, time.Duration(r.random.IntN(40))*time.Millisecond)
				}
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

// cutPower ends the server and its disk at the same moment, and nobody hears of it
// any more: not even of an fsync that was under way and that ext4 lets succeed
// although what it should have written is gone.
func (w *world) cutPower(t testing.TB, d *disk) {
	t.Helper()
	w.silent.Store(true)
	if err := d.cut(); err != nil {
		t.Fatal(err)
	}
	w.kill(t)
	d.comeBack()
	w.silent.Store(false)
}

// loseDisk cuts off the disk of a server that goes on for a while, and must not
// acknowledge anything, or show it to a consumer, that is not on the disk. The server
// stands still meanwhile, so that no fsync is under way.
func (w *world) loseDisk(t testing.TB, d *disk, survives time.Duration) {
	t.Helper()
	s, _ := w.current()
	if err := syscall.Kill(s.PID(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	for !stopped(t, s.PID()) {
		if err := pause(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(d.cut(), syscall.Kill(s.PID(), syscall.SIGCONT)); err != nil {
		t.Fatal(err)
	}
	<-time.After(survives)
	w.kill(t)
	d.comeBack()
}

// stopped reports whether every thread of a process has obeyed SIGSTOP.
func stopped(t testing.TB, pid int) bool {
	t.Helper()
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		text, err := os.ReadFile(task)
		if err != nil {
			return false
		}
		_, after, _ := strings.Cut(string(text), ") ")
		if !strings.HasPrefix(after, "T") {
			return false
		}
	}
	return true
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
	w.cutPower(t, d)
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
