package soak_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	// promptly is how long a call may take to be refused, and readiness to say so.
	promptly = time.Second
	// healing is how long a server may take to go on when there is space again.
	healing = 30 * time.Second
	// hopeless is when nothing more is waited for.
	hopeless = 10 * time.Second
)

func TestFailingFsyncStopsWritesAtOnce(t *testing.T) {
	r := begin(t, "disk", 3, sizes{ci: 1, soak: 20})
	p := build(t)
	slowest := time.Duration(0)
	for r.more() {
		t.Run("", func(t *testing.T) {
			o := r.failFsync(t, p)
			if slowest = max(slowest, o.refused, o.unready); slowest > promptly {
				t.Errorf("calls were refused after %v, readiness was false after %v more; want at most %v", o.refused, o.unready, promptly)
			}
			if o.unsynced > 0 {
				t.Errorf("%d of %d calls were acknowledged without a successful fsync", o.unsynced, o.acks)
			}
		})
	}
	r.counts["slowest refusal or readiness ms"] = slowest.Milliseconds()
}

func TestDiskErrorsFindAServerThatDoesNotHearOfThem(t *testing.T) {
	r := begin(t, "disk", unlimited, sizes{ci: 1, soak: 1})
	r.more()
	if o := r.failFsync(t, faulty(t, withoutFailStop)); o.refused <= promptly && o.unready <= promptly {
		t.Errorf("calls were refused after %v, readiness was false after %v; want more than %v", o.refused, o.unready, promptly)
	}
}

// An outage is what a failing disk looked like from outside.
type outage struct {
	refused, unready time.Duration // the slowest refusal; from the first one to readiness being false
	acks, unsynced   int           // of the trace
}

// failFsync lets every fsync fail from some moment on, and judges what is left after
// a new start.
func (r *rig) failFsync(t *testing.T, p program) (o outage) {
	t.Helper()
	w := on(p, filepath.Join(t.TempDir(), "data"))
	tr := w.begin(t)
	tr.wait(20 + r.random.IntN(100))
	w.takeRefusals()
	s, _ := w.current()
	strace := attach(t, s.PID(), append([]string{"-e", "inject=fsync:error=EIO"}, orderTrace...)...)
	first, refused := w.firstRefusal(t, hopeless)
	w.waitReadiness(t, http.StatusServiceUnavailable, "", hopeless)
	o.unready = time.Since(first)
	if _, err := w.iterator(t.Context(), "shardId-000000000000", ""); err != nil {
		t.Errorf("reading while the disk fails: %v", err)
	}
	<-time.After(200 * time.Millisecond) // more is refused
	o.refused = w.takeRefusals().slowest
	if !refused {
		o.refused = hopeless
	}
	w.kill(t)
	trace := strace.detach(t)
	if !strings.Contains(trace, "= -1 EIO") {
		t.Error("the trace shows no failed fsync")
	}
	acks := prove(trace)
	o.acks, o.unsynced = len(acks), unsynced(acks)
	tr.restart()
	tr.wait(20)
	r.judge(tr.finish(), w)
	return o
}

// firstRefusal waits for a call to be refused and returns when that was, or that none
// was for so long.
func (w *world) firstRefusal(t testing.TB, atMost time.Duration) (first time.Time, ok bool) {
	t.Helper()
	for deadline := time.Now().Add(atMost); time.Now().Before(deadline); {
		w.mu.Lock()
		first := w.refusals.first
		w.mu.Unlock()
		if !first.IsZero() {
			return first, true
		}
		if err := pause(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("no call was refused for %v", atMost)
	return time.Now(), false
}

// waitReadiness waits for /readyz to have the status and to hold the text, but not
// longer than it may.
func (w *world) waitReadiness(t testing.TB, status int, text string, atMost time.Duration) {
	t.Helper()
	last := ""
	for deadline := time.Now().Add(atMost); time.Now().Before(deadline); {
		got, body, err := w.readiness(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got == status && strings.Contains(body, text) {
			return
		}
		last = fmt.Sprint(got, " ", body)
		if err := pause(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("readiness is %s for %v, not %d %q", last, atMost, status, text)
}

// readiness asks /readyz.
func (w *world) readiness(ctx context.Context) (status int, text string, err error) {
	s, _ := w.current()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Endpoint+"/readyz", nil)
	if err != nil {
		return 0, "", err
	}
	resp, err := connections.Do(r)
	if err != nil {
		return 0, "", err
	}
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body), errors.Join(err, resp.Body.Close())
}

func TestSlowFsyncOnlySlowsDown(t *testing.T) {
	r := begin(t, "disk", 3, sizes{ci: 1, soak: 20})
	p := build(t)
	for r.more() {
		t.Run("", func(t *testing.T) {
			w := on(p, filepath.Join(t.TempDir(), "data"))
			tr := w.begin(t)
			tr.wait(20)
			s, _ := w.current()
			delay := 20 + r.random.IntN(480)
			strace := attach(t, s.PID(), "-e", "trace=fsync", "-e", fmt.Sprintf("inject=fsync:delay_enter=%d", delay*1000))
			tr.wait(10)
			if trace := strace.detach(t); !strings.Contains(trace, "(DELAYED)") {
				t.Error("the trace shows no fsync that was delayed")
			}
			if refused := w.takeRefusals(); len(refused.codes) > 0 {
				t.Errorf("with fsyncs of %d ms and more calls were refused: %v", delay, refused.codes)
			}
			r.judge(tr.finish(), w)
		})
	}
}

func TestFullDiskRefusesWritesUntilThereIsSpace(t *testing.T) {
	r := begin(t, "disk", 3, sizes{ci: 1, soak: 20})
	p := build(t)
	var refused, healed time.Duration
	for r.more() {
		t.Run("", func(t *testing.T) {
			mount := smallDisk(t, 16<<20)
			w := on(p, filepath.Join(mount, "data"))
			tr := w.begin(t)
			tr.wait(20 + r.random.IntN(50))
			w.takeRefusals()
			ballast := filepath.Join(mount, "ballast")
			fill(t, ballast)
			first, ok := w.firstRefusal(t, hopeless)
			if !ok {
				t.Fatal("writing to a full disk was not refused")
			}
			w.waitReadiness(t, http.StatusServiceUnavailable, "no space", hopeless)
			if unready := time.Since(first); unready > promptly {
				t.Errorf("readiness was false %v after the first refusal, want at most %v", unready, promptly)
			}
			// What there is can be read.
			iterator, err := w.iterator(t.Context(), "shardId-000000000000", "")
			if err != nil {
				t.Fatalf("reading from a full disk: %v", err)
			}
			if err := newWorldOf(w).readOn(t.Context(), iterator); err != nil {
				t.Errorf("reading from a full disk: %v", err)
			}
			refused = max(refused, w.takeRefusals().slowest)
			if err := os.Remove(ballast); err != nil {
				t.Fatal(err)
			}
			freed := time.Now()
			select { // one that was acknowledged before
			case <-tr.acks:
			default:
			}
			tr.wait(1)
			w.waitReadiness(t, http.StatusOK, "", 2*healing)
			healed = max(healed, time.Since(freed))
			tr.wait(20)
			r.judge(tr.finish(), w)
			w.kill(t) // before its disk goes
		})
	}
	r.counts["slowest refusal ms"], r.counts["slowest healing ms"] = refused.Milliseconds(), healed.Milliseconds()
	if refused > promptly {
		t.Errorf("a call was refused after %v, want at most %v", refused, promptly)
	}
	if healed > healing {
		t.Errorf("writes went on %v after there was space, want at most %v", healed, healing)
	}
}

// newWorldOf is a world on the same server with ledgers of its own.
func newWorldOf(w *world) *world {
	other := newWorld(nil)
	other.server, _ = w.current()
	other.now = w.now
	return other
}

// fill writes a file until the disk is full.
func fill(t testing.TB, name string) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = f.Write(make([]byte, 64<<10))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
