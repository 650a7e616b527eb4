package soak_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"tributary/internal/client"
)

// Retention is looked at every minute: the clock stays wrong for longer than that.
const retentionTime = 65 * time.Second

func TestClockJumpsLoseAndDoubleNothing(t *testing.T) {
	r := begin(t, "clock", 1, sizes{ci: 6, soak: 60})
	tr := r.jump(rigged(t))
	r.judge(tr.finish(), tr.world)
	r.counts["refused"] = tr.takeRefusals().codes
	r.counts["gone"] = tr.gone(t)
	if gone := r.counts["gone"]; gone != 0 {
		t.Errorf("%v events are not in the stream any more, which keeps them for a day", gone)
	}
}

func TestClockFindsRetentionByTheWallClock(t *testing.T) {
	r := begin(t, "clock", unlimited, sizes{ci: 1, soak: 1})
	tr := r.jump(faulty(t, wallRetention))
	// Nothing to judge: some is gone before the consumer comes to it.
	tr.writing()
	tr.writers.Wait()
	r.counts["gone"] = tr.gone(t)
	if r.counts["gone"] == 0 {
		t.Error("all events are still in the stream; want some gone")
	}
}

// jump lets the clock jump under load, the last time for so long that retention is
// looked at.
func (r *rig) jump(p program) *traffic {
	r.Helper()
	clock := newRemote(r.T)
	w := on(p, filepath.Join(r.TempDir(), "data"), clock.env())
	w.now = clock.now
	// A request that was signed before a jump and arrives after it is out of date.
	w.tolerated = func(refusal *client.Refusal) bool { return refusal.Status < 500 }
	tr := w.begin(r.T)
	skew := time.Duration(0)
	for r.more() {
		tr.wait(20 + r.random.IntN(100))
		jumps := []time.Duration{time.Hour, -time.Hour, 24 * time.Hour, -24 * time.Hour, 30 * 24 * time.Hour}
		by := jumps[r.random.IntN(len(jumps))]
		if skew+by < 0 || skew > 0 && r.random.IntN(3) == 0 {
			by = -skew // back to the right time
		}
		skew += by
		clock.jump(skew)
		tr.wait(20 + r.random.IntN(100))
		if skew <= time.Hour {
			// After a start there is only the wall clock to go by.
			w.kill(r.T)
			tr.restart()
		}
	}
	clock.jump(skew + 30*24*time.Hour)
	<-time.After(retentionTime)
	return tr
}

// gone counts the events of the first filter that a consumer who begins now at the
// horizon does not see.
func (w *world) gone(t testing.TB) int {
	t.Helper()
	again := newWorldOf(w)
	for i := range w.shards {
		iterator, err := again.iterator(t.Context(), fmt.Sprintf("shardId-%012d", i), "")
		if err != nil {
			t.Fatal(err)
		}
		if err := again.readOn(t.Context(), iterator); err != nil {
			t.Fatal(err)
		}
	}
	return w.inOrder.Check().Seen - again.inOrder.Check().Seen
}

// readOn reads a shard to its present end.
func (w *world) readOn(ctx context.Context, iterator string) error {
	for {
		var out struct {
			NextShardIterator  string
			MillisBehindLatest int64
			Records            []record
		}
		if err := w.as(recipient).kinesis(ctx, "GetRecords", object{"ShardIterator": iterator}, &out); err != nil {
			return err
		}
		for _, r := range out.Records {
			w.see(r.Data)
		}
		if iterator = out.NextShardIterator; len(out.Records) == 0 && out.MillisBehindLatest == 0 {
			return nil
		}
	}
}
