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
	p := build(t)
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
			w := on(p, d.data())
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
			r.counts["answers that did not count"] = w.unheard.Load()
			r.judgeStarts(w)
		})
	}
}

// cutPower ends the server and its disk at the same moment, and nobody hears of it
// any more: not even of an fsync that was under way and that ext4 lets succeed
// although what it should have written is gone. What was answered before counts; of
// each writer at most the one call that was under way does not.
func (w *world) cutPower(t testing.TB, d *disk) {
	t.Helper()
	if err := d.cut(func() { w.silent.Store(true) }); err != nil {
		t.Fatal(err)
	}
	w.kill(t)
	d.comeBack()
	w.silent.Store(false)
}

// loseDisk cuts off the disk of a server that goes on for a while, and must not
// acknowledge anything, or show it to a consumer, that is not on the disk. The server
// stands still meanwhile: every fsync has returned, and every answer counts, those
// too that are given after the disk has gone.
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
	if err := errors.Join(d.cut(func() {}), syscall.Kill(s.PID(), syscall.SIGCONT)); err != nil {
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
	p := faulty(t, withoutSync)
	for _, kind := range []string{"ext4", "xfs"} {
		t.Run(kind, func(t *testing.T) {
			r := begin(t, "power", unlimited, sizes{ci: 1, soak: 1})
			r.more()
			d := newDisk(t, kind)
			w := on(p, d.data())
			tr := w.begin(t)
			tr.reading()
			tr.readers.Wait()
			tr.wait(300)
			w.cutPower(t, d)
			tr.writing()
			if err := w.start(); err != nil {
				r.counts["start"] = "refused"
				t.Logf("the server does not start on what is left: %v", err)
				return
			}
			tr.write()
			tr.read()
			v := tr.finish()
			r.counts["lost"] = v.Ordered.Lost
			if v.Ordered.Lost == 0 {
				t.Errorf("%v; want some lost", v)
			}
		})
	}
}
