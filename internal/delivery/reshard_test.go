package delivery

import (
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A stream may be split or merged after records were made for its shards and before they
// are appended. Then none of the batch is appended, also not to a shard that is open
// still, and what is made anew goes where its partition key belongs.
func TestRecordsMadeBeforeAReshardAreMadeAnew(t *testing.T) {
	const first, second, third = "shardId-000000000000", "shardId-000000000001", "shardId-000000000002"
	for _, c := range []struct {
		operation string
		input     in
	}{
		{"SplitShard", in{"StreamName": "s", "ShardToSplit": first, "NewStartingHashKey": "1267650600228229401496703205376"}},
		{"MergeShards", in{"StreamName": "s", "ShardToMerge": first, "AdjacentShardToMerge": second}},
	} {
		t.Run(c.operation, func(t *testing.T) {
			noon := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
			r := newRig(t, 3, func() time.Time { return noon })
			low, high := r.streamIn(first), r.streamIn(third)
			r.put(low, "low before")
			r.put(high, "high before")
			w := r.worker()
			r.must(w.carryShared(t.Context(), r.next(w)))
			want := map[string][]string{first: {"low before"}, third: {"high before"}}

			r.put(low, "low after")
			r.put(high, "high after")
			b := r.next(w)
			packets, _ := w.match(b, w.standing)
			shipments, out, err := w.shared.prepare(t.Context(), packets)
			r.must(err)
			r.do(recipient, "kinesis:"+c.operation, c.input)
			r.awaitActive()
			if err := w.shared.ship(t.Context(), b.end, shipments, &out); !errors.Is(err, errChanged) {
				t.Errorf("records of before the reshard: got %v, want that they are out of date", err)
			}
			if diff := cmp.Diff(want, r.events()); diff != "" {
				t.Errorf("by shard, when the shards had changed (-want +got):\n%s", diff)
			}
			r.must(w.carryShared(t.Context(), b))
			if r.shardOf(low) == first || r.shardOf(high) != third {
				t.Fatalf("the log streams go to %s and %s: the reshard is of no shard of theirs, or of both", r.shardOf(low), r.shardOf(high))
			}
			want[r.shardOf(low)] = []string{"low after"}
			want[third] = []string{"high before", "high after"}
			if diff := cmp.Diff(want, r.events()); diff != "" {
				t.Errorf("by shard, at the end (-want +got):\n%s", diff)
			}
			if got := slices.Sorted(maps.Keys(want)); len(got) != 3 {
				t.Errorf("events are in %q, want them in three shards", got)
			}
		})
	}
}
