package kinesis

import (
	"slices"
	"testing"
	"time"

	"tributary/internal/service/api"
)

func TestRetentionRefusals(t *testing.T) {
	r := newRig(t)
	r.create("s", 1)
	const invalid = "InvalidArgumentException"
	set := func(hours int) in { return in{"StreamName": "s", "RetentionPeriodHours": number(hours)} }
	ok[api.Void](r, "IncreaseStreamRetentionPeriod", set(24)) // what Terraform does after CreateStream
	ok[api.Void](r, "IncreaseStreamRetentionPeriod", set(48))
	ok[api.Void](r, "DecreaseStreamRetentionPeriod", set(48))
	for _, c := range []struct {
		op      string
		hours   int
		message string
	}{
		{"IncreaseStreamRetentionPeriod", 23, "Minimum allowed retention period is 24 hours. Requested retention period (23 hours) is too short."},
		{"DecreaseStreamRetentionPeriod", -1, "Minimum allowed retention period is 24 hours. Requested retention period (-1 hours) is too short."},
		{"IncreaseStreamRetentionPeriod", 8761, "Maximum allowed retention period is 8760 hours. Requested retention period (8761 hours) is too long."},
		{"IncreaseStreamRetentionPeriod", 47, "Requested retention period (47 hours) for stream s can not be shorter than existing retention period (48 hours). Use DecreaseRetentionPeriod API."},
		{"DecreaseStreamRetentionPeriod", 49, "Requested retention period (49 hours) for stream s can not be longer than existing retention period (48 hours). Use IncreaseRetentionPeriod API."},
	} {
		r.refused(c.op, set(c.hours), invalid, c.message)
	}
	ok[api.Void](r, "IncreaseStreamRetentionPeriod", set(8760))
	if got := r.summary("s").RetentionPeriodHours; got != 8760 {
		t.Errorf("retention is %d hours, want 8760", got)
	}
}

func TestRecordIsShownForExactlyItsRetention(t *testing.T) {
	r := newRig(t)
	r.create("s", 1)
	r.put("s", "k", "x")
	r.clock.advance(24 * time.Hour)
	if got := texts(r.all("s", 0)); !slices.Equal(got, []string{"x"}) {
		t.Errorf("after 24 hours: %q, want the record", got)
	}
	r.clock.advance(time.Millisecond)
	if got := texts(r.all("s", 0)); len(got) != 0 {
		t.Errorf("a moment later: %q, want none", got)
	}
}

// TestShorterRetentionTakesRecordsAway at once, from the disk when Run comes by, and for
// good: a longer one afterwards does not bring them back.
func TestShorterRetentionTakesRecordsAway(t *testing.T) {
	for _, trimmed := range []bool{false, true} {
		r := newRig(t)
		r.create("s", 1)
		set := func(op string, hours int) {
			ok[api.Void](r, op, in{"StreamName": "s", "RetentionPeriodHours": number(hours)})
		}
		set("IncreaseStreamRetentionPeriod", 72)
		first := r.put("s", "k", "old")
		r.clock.advance(30 * time.Hour)
		r.put("s", "k", "new")
		if got := texts(r.all("s", 0)); !slices.Equal(got, []string{"old", "new"}) {
			t.Errorf("within 72 hours: %q", got)
		}
		before := r.iterator("s", 0, iteratorAtSequence, in{"StartingSequenceNumber": first.SequenceNumber})
		set("DecreaseStreamRetentionPeriod", 24)
		if len(r.service.expire) != 1 {
			t.Error("Run is not told that there is something to remove")
		}
		if trimmed {
			if err := r.service.TrimExpired(t.Context()); err != nil {
				t.Fatal(err)
			}
			st, _, _ := r.service.streams.Get(streamID{alice, region, "s"}.key())
			j, err := r.journals.Open(t.Context(), st.journal(0))
			if err != nil {
				t.Fatal(err)
			}
			if got := j.Start().Block; got != 2 {
				t.Errorf("the journal begins with block %d, want 2", got)
			}
		}
		other, _ := parseSequence(first.SequenceNumber)
		other.created-- // of an earlier stream's shard
		if code := r.fails("GetShardIterator", in{
			"StreamName": "s", "ShardId": "0", "ShardIteratorType": iteratorAtSequence, "StartingSequenceNumber": other.String(),
		}); code != "InvalidArgumentException" {
			t.Errorf("trimmed is %t: the number of another shard's record: %q, want InvalidArgumentException", trimmed, code)
		}
		for name, it := range map[string]string{
			"TRIM_HORIZON":                      r.iterator("s", 0, iteratorTrimHorizon, nil),
			"an iterator from before":           before,
			"AT_SEQUENCE_NUMBER of the old one": r.iterator("s", 0, iteratorAtSequence, in{"StartingSequenceNumber": first.SequenceNumber}),
			"AT_TIMESTAMP":                      r.iterator("s", 0, iteratorAtTimestamp, in{"Timestamp": seconds(testTime)}),
		} {
			if got := texts(r.get(it).Records); !slices.Equal(got, []string{"new"}) {
				t.Errorf("trimmed %v, %s: %q, want the new one", trimmed, name, got)
			}
		}
		set("IncreaseStreamRetentionPeriod", 72)
		if got := texts(r.all("s", 0)); !slices.Equal(got, []string{"new"}) {
			t.Errorf("trimmed %v: with a longer retention %q, want the new one", trimmed, got)
		}
	}
}

// TestTheLastExpiredRecordIsRemovedToo, though a journal keeps its last block.
func TestTheLastExpiredRecordIsRemovedToo(t *testing.T) {
	r := newRig(t)
	r.create("s", 1)
	r.put("s", "k", "x")
	r.clock.advance(25 * time.Hour)
	st, _, _ := r.service.streams.Get(streamID{alice, region, "s"}.key())
	j, err := r.journals.Open(t.Context(), st.journal(0))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := r.service.TrimExpired(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if start, end := j.Start().Block, j.End().Block; start != 2 || end != 3 {
		t.Errorf("the journal has blocks %d to %d, want the empty one behind the record and no further", start, end-1)
	}
	after := r.put("s", "k", "y")
	if got := r.all("s", 0); len(got) != 1 || got[0].SequenceNumber != after.SequenceNumber {
		t.Errorf("read %q, want what was put afterwards", texts(got))
	}
}

// TestExpiredParentsAreForgotten: a closed shard is listed and read as long as a record
// of it may be shown, and then there is nothing left of it.
func TestExpiredParentsAreForgotten(t *testing.T) {
	r := newRig(t)
	r.create("s", 4)
	r.put("s", "a", "x") // into shard 0
	ok[UpdateShardCountOutput](r, "UpdateShardCount", in{"StreamName": "s", "TargetShardCount": number(3), "ScalingType": "UNIFORM_SCALING"})
	r.settle() // which makes shards that never open
	it := r.iterator("s", 0, iteratorTrimHorizon, nil)
	total, open := len(r.shards("s")), r.summary("s").OpenShardCount
	if open != 3 || total != 4+4+3 {
		t.Errorf("%d shards, %d of them open, want 11 and 3", total, open)
	}
	st, _, _ := r.service.streams.Get(streamID{alice, region, "s"}.key())
	for i := range st.Shards {
		sh := &st.Shards[i]
		if !sh.Passage {
			continue
		}
		for _, iteratorType := range []string{iteratorTrimHorizon, iteratorLatest} {
			if out := r.get(r.iterator("s", sh.ID, iteratorType, nil)); len(out.Records) != 0 || out.NextShardIterator != "" || len(out.ChildShards) != 1 {
				t.Errorf("%s, which never opened: %+v, want its child and nothing else", sh.ID, out)
			}
		}
		r.refused("GetShardIterator", in{"StreamName": "s", "ShardId": sh.ID.String(), "ShardIteratorType": iteratorAtSequence, "StartingSequenceNumber": r.get(it).Records[0].SequenceNumber},
			"InvalidArgumentException", "Invalid StartingSequenceNumber. It encodes shardId-000000000000, while it was used in a call to a shard with "+sh.ID.String())
	}
	r.clock.advance(23 * time.Hour)
	if err := r.service.TrimExpired(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := len(r.shards("s")); got != total {
		t.Errorf("within retention %d shards are listed, want %d", got, total)
	}
	r.clock.advance(2 * time.Hour)
	if got := len(r.shards("s")); got != 3 {
		t.Errorf("past retention %d shards are listed, want 3", got)
	}
	if err := r.service.TrimExpired(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.restart()
	if names := r.journals.Names(); len(names) != 3 {
		t.Errorf("journals are %q, want those of 3 open shards", names)
	}
	r.refused("GetShardIterator", in{"StreamName": "s", "ShardId": "0", "ShardIteratorType": iteratorTrimHorizon}, "ResourceNotFoundException",
		"Shard shardId-000000000000 in stream s under account 111111111111 does not exist")
	if out := ok[DescribeStreamOutput](r, "DescribeStream", in{"StreamName": "s"}).StreamDescription; len(out.Shards) != 3 || out.Shards[0].ParentShardID == "" {
		t.Errorf("described are %v, want 3 shards that still name their parents", out.Shards)
	}
	ok[api.Void](r, "MergeShards", in{"StreamName": "s", "ShardToMerge": r.shards("s")[0].ShardID, "AdjacentShardToMerge": r.ringNeighbour("s")})
	r.settle()
	if got := r.put("s", "a", "y").ShardID; got != "shardId-000000000011" {
		t.Errorf("the next shard is %s, want shardId-000000000011: numbers are not used again", got)
	}
}

// ringNeighbour is the open shard after the one that is listed first.
func (r *rig) ringNeighbour(name string) string {
	st, _, _ := r.service.streams.Get(streamID{alice, region, name}.key())
	ring := st.ring()
	for i := range ring {
		if ring[i].ID.String() == r.shards(name)[0].ShardID {
			return ring[(i+1)%len(ring)].ID.String()
		}
	}
	return ""
}
