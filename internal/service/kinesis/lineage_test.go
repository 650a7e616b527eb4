package kinesis

import (
	"slices"
	"strings"
	"testing"
	"time"

	"tributary/internal/service/api"
)

func TestNumbersOfChildrenAreGreaterThanTheirParents(t *testing.T) {
	r := newRig(t)
	r.create("s", 1)
	parent := r.put("s", "k", "x").SequenceNumber
	r.clock.advance(-time.Hour) // the clock is set back
	ok[api.Void](r, "SplitShard", in{"StreamName": "s", "ShardToSplit": "0", "NewStartingHashKey": "1000"})
	r.settle()
	if child := r.put("s", "k", "x").SequenceNumber; child <= parent {
		t.Errorf("a record of the child has number %s, which is not above the parent's, %s", child, parent)
	}
}

func TestClosedShardIsReadToItsEndInPortions(t *testing.T) {
	r := newRig(t)
	r.create("s", 1)
	want := []string{"1", "2", "3"}
	for _, data := range want {
		r.put("s", "k", data)
	}
	ok[api.Void](r, "SplitShard", in{"StreamName": "s", "ShardToSplit": "0", "NewStartingHashKey": "1000"})
	r.settle()
	var got []string
	it := r.iterator("s", 0, iteratorTrimHorizon, nil)
	for it != "" {
		out := ok[recordsAnswer](r, "GetRecords", in{"ShardIterator": it, "Limit": number(1)})
		if ended := out.NextShardIterator == ""; ended != (len(out.ChildShards) > 0) || ended != (*out.MillisBehindLatest == 0) {
			t.Errorf("after %q: next iterator %q with %d children, %d ms behind", got, out.NextShardIterator, len(out.ChildShards), *out.MillisBehindLatest)
		}
		got, it = append(got, texts(out.Records)...), out.NextShardIterator
	}
	if !slices.Equal(got, want) {
		t.Errorf("read %q to the shard's end, want %q", got, want)
	}
}

func TestSubscriptionToAClosedShardTellsAllOfIt(t *testing.T) {
	r := newRig(t)
	r.create("s", 1)
	for range 3 { // of which an event holds one
		r.put("s", "k", strings.Repeat("x", 600<<10))
	}
	ok[api.Void](r, "SplitShard", in{"StreamName": "s", "ShardToSplit": "0", "NewStartingHashKey": "1000"})
	r.settle()
	l := r.subscribe(r.consumer("c"), 0, fromHorizon)
	for i := range 3 {
		event := l.event()
		if last := i == 2; len(event.Records) != 1 || (len(event.ChildShards) > 0) != last || (event.MillisBehindLatest == 0) != last {
			t.Errorf("event %d has %d records, %d children, %d ms behind", i, len(event.Records), len(event.ChildShards), event.MillisBehindLatest)
		}
	}
	l.ends("", "")
}

func TestReshardIsOneMoment(t *testing.T) {
	r := newRig(t)
	r.create("s", 1)
	r.clock.advance(time.Hour)
	ok[api.Void](r, "SplitShard", in{"StreamName": "s", "ShardToSplit": "0", "NewStartingHashKey": "1000"})
	r.settle()
	var open []string
	for _, sh := range ok[ListShardsOutput](r, "ListShards", in{"StreamName": "s", "ShardFilter": in{"Type": filterAtTimestamp, "Timestamp": seconds(r.clock.Now())}}).Shards {
		open = append(open, sh.ShardID)
	}
	if want := []string{"shardId-000000000001", "shardId-000000000002"}; !slices.Equal(open, want) {
		t.Errorf("open at the moment of the split were %q, want %q", open, want)
	}
}
