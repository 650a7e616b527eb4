package soak_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"tributary/test/process"
)

// While others use up the throughput of the stream, both filters are on detours with a
// backlog behind them. SIGKILL in that time, and while they catch up, costs nothing.
func TestKillOnADetourLosesAndDoublesNothing(t *testing.T) {
	r := begin(t, "kill", 4, sizes{quick: 2, ci: 8, soak: 150})
	w := throttled(build(t), filepath.Join(t.TempDir(), "data"))
	r.judge(r.killOnDetours(w), w)
}

func TestKillOnADetourFindsAWorkerThatForgetsItsMarks(t *testing.T) {
	r := begin(t, "kill", unlimited, sizes{ci: 8, soak: 8})
	v := r.killOnDetours(throttled(faulty(t, withoutMarks), filepath.Join(t.TempDir(), "data")))
	r.counts["doubled"] = v.Ordered.Doubled
	if v.Ordered.Doubled == 0 {
		t.Errorf("%v; want some doubled", v)
	}
}

// throttled is a world of two shards that take, from the second start on, what AWS's
// take.
func throttled(p program, data string) *world {
	var args []string
	w := newWorld(func() (*process.Server, error) {
		s, err := process.StartIn(p.env, p.file, data, args...)
		args = []string{"--quotas", "aws"}
		return s, err
	})
	w.shards = 2
	return w
}

// killOnDetours kills the program while its filters are on detours, and sometimes when
// they are catching up, and starts it again.
func (r *rig) killOnDetours(w *world) verdict {
	tr := w.begin(r.T)
	tr.wait(10)
	w.kill(r.T)
	tr.restart()
	for r.more() {
		ballast := w.exhaust(r.T)
		w.awaitState(r.T, "RETRYING")
		tr.wait(5 + r.random.IntN(30))
		w.kill(r.T)
		tr.restart()
		w.awaitState(r.T, "RETRYING")
		ballast.end()
		if r.random.IntN(2) == 0 {
			<-time.After(time.Duration(r.random.IntN(1500)) * time.Millisecond)
			w.kill(r.T)
			tr.restart()
		}
	}
	v := tr.finish()
	w.awaitState(r.T, "LIVE")
	return v
}

// A ballast uses up the throughput of the shards until it is ended.
type ballast struct {
	stop context.CancelFunc
	done sync.WaitGroup
}

func (b *ballast) end() {
	b.stop()
	b.done.Wait()
}

func (w *world) exhaust(t testing.TB) *ballast {
	var control bytes.Buffer
	z := gzip.NewWriter(&control)
	_, err := z.Write([]byte(`{"messageType":"CONTROL_MESSAGE","logEvents":[]}`))
	if err != nil || z.Close() != nil {
		t.Fatal("gzip")
	}
	ctx, stop := context.WithCancel(t.Context())
	b := &ballast{stop: stop}
	for _, hash := range []string{"0", "340282366920938463463374607431768211455"} {
		records := slices.Repeat([]object{{"PartitionKey": "ballast", "ExplicitHashKey": hash, "Data": control.Bytes()}}, 500)
		b.done.Go(func() {
			for ctx.Err() == nil {
				// What is refused, and by whom, is all the same.
				_ = w.as(recipient).kinesis(ctx, "PutRecords", object{"StreamName": "s", "Records": records}, nil)
				_ = pause(ctx)
			}
		})
	}
	t.Cleanup(b.end)
	return b
}

// awaitState waits until both filters are in a state.
func (w *world) awaitState(t testing.TB, state string) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		var out struct{ Subscriptions []struct{ State string } }
		err := w.as(sender).JSON(t.Context(), "tributary", "Tributary_20261121.ListSubscriptionStatus", object{}, &out)
		if err != nil {
			t.Fatal(err)
		}
		in := 0
		for _, one := range out.Subscriptions {
			if one.State == state {
				in++
			}
		}
		if in == 2 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("filters are %v after %v, want %s", out.Subscriptions, patience, state)
		}
		if err := pause(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}
