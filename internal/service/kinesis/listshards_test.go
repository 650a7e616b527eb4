package kinesis

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tributary/internal/service/api"
)

// reshard makes the record of alice's stream s that resharding would leave:
//
//	0 ──split at +1 h──▶ 2, 3        3 + 1 ──merged at +2 h──▶ 4
//	1 ────────────────────────────▶
func reshard(r *rig) {
	r.Helper()
	half, _ := parseHashKey("85070591730234615865843651857942052864")
	below, _ := parseHashKey("85070591730234615865843651857942052863")
	split, merged := testTime.Add(time.Hour), testTime.Add(2*time.Hour)
	r.edit("s", func(st *stream) {
		zero, one := st.Shards[0], st.Shards[1]
		st.Shards = []shard{
			zero, one,
			{ID: 2, Hashes: hashRange{zero.Hashes.First, below}, Stamp: split.Unix(), Opened: split, Parents: []ShardID{0}},
			{ID: 3, Hashes: hashRange{half, zero.Hashes.Last}, Stamp: split.Unix(), Opened: split, Closed: merged, Parents: []ShardID{0}},
			{ID: 4, Hashes: hashRange{half, one.Hashes.Last}, Stamp: merged.Unix(), Opened: merged, Parents: []ShardID{3, 1}},
		}
		st.Shards[0].Closed, st.Shards[1].Closed = split, merged
	})
	st, _, _ := r.service.streams.Get(streamID{alice, region, "s"}.key())
	for _, id := range []ShardID{2, 3, 4} {
		if _, err := r.journals.Create(r.Context(), st.journal(id)); err != nil {
			r.Fatal(err)
		}
	}
	r.clock.advance(3 * time.Hour)
}

func TestListShardsFilters(t *testing.T) {
	r := newRig(t)
	r.create("s", 2)
	reshard(r)
	at := func(d time.Duration) api.Number { return seconds(testTime.Add(d)) }
	for _, c := range []struct {
		name   string
		filter in
		want   []string
	}{
		{"none", nil, []string{"0", "1", "2", "3", "4"}},
		{"FROM_TRIM_HORIZON", in{"Type": "FROM_TRIM_HORIZON"}, []string{"0", "1", "2", "3", "4"}},
		{"AT_TRIM_HORIZON", in{"Type": "AT_TRIM_HORIZON"}, []string{"0", "1"}},
		{"AT_LATEST", in{"Type": "AT_LATEST"}, []string{"2", "4"}},
		{"AFTER_SHARD_ID", in{"Type": "AFTER_SHARD_ID", "ShardId": "shardId-000000000001"}, []string{"2", "3", "4"}},
		{"AT_TIMESTAMP after the split", in{"Type": "AT_TIMESTAMP", "Timestamp": at(90 * time.Minute)}, []string{"1", "2", "3"}},
		{"AT_TIMESTAMP before the stream", in{"Type": "AT_TIMESTAMP", "Timestamp": at(-time.Hour)}, []string{"0", "1"}},
		{"FROM_TIMESTAMP after the split", in{"Type": "FROM_TIMESTAMP", "Timestamp": at(90 * time.Minute)}, []string{"1", "2", "3", "4"}},
		{"FROM_TIMESTAMP after the merge", in{"Type": "FROM_TIMESTAMP", "Timestamp": at(150 * time.Minute)}, []string{"2", "4"}},
	} {
		for _, limit := range []int{1000, 1, 2} {
			members := in{"StreamName": "s", "MaxResults": number(limit)}
			if c.filter != nil {
				members["ShardFilter"] = c.filter
			}
			var got []string
			for {
				out := ok[ListShardsOutput](r, "ListShards", members)
				got = append(got, shardNumbers(out.Shards)...)
				if out.NextToken == "" {
					break
				}
				members = in{"NextToken": out.NextToken, "MaxResults": number(limit)}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%s, %d at a time: %v, want %v", c.name, limit, got, c.want)
			}
		}
	}
	// When the split has expired, its parent has, too.
	r.clock.advance(22*time.Hour + time.Minute)
	if got := shardNumbers(ok[ListShardsOutput](r, "ListShards", in{"StreamName": "s"}).Shards); !slices.Equal(got, []string{"1", "2", "3", "4"}) {
		t.Errorf("after 24 h from the split: %v, want all but 0", got)
	}
}

func TestLineageIsShown(t *testing.T) {
	r := newRig(t)
	r.create("s", 2)
	reshard(r)
	shards := ok[ListShardsOutput](r, "ListShards", in{"StreamName": "s"}).Shards
	for i, want := range []struct{ parent, adjacent, ends string }{
		{ends: sequence{created: testTime.Unix() - 2, counter: lastCounter, at: testTime.Unix() + 3600}.String()},
		{ends: sequence{created: testTime.Unix() - 2, counter: lastCounter, at: testTime.Unix() + 7200, shard: 1}.String()},
		{parent: "shardId-000000000000"},
		{parent: "shardId-000000000000", ends: sequence{created: testTime.Unix() + 3600, counter: lastCounter, at: testTime.Unix() + 7200, shard: 3}.String()},
		{parent: "shardId-000000000003", adjacent: "shardId-000000000001"},
	} {
		got := shards[i]
		if got.ParentShardID != want.parent || got.AdjacentParentShardID != want.adjacent || got.SequenceNumberRange.EndingSequenceNumber != want.ends {
			t.Errorf("shard %d has parents %q, %q, ends %q, want %+v", i,
				got.ParentShardID, got.AdjacentParentShardID, got.SequenceNumberRange.EndingSequenceNumber, want)
		}
	}
}

func TestReaderOfAClosedShardIsLedToItsChildren(t *testing.T) {
	r := newRig(t)
	r.create("s", 2)
	r.put("s", "a", "in the parent")
	reshard(r)
	r.put("s", "a", "in the child")

	out := r.get(r.iterator("s", 0, iteratorTrimHorizon, nil))
	want := []ChildShard{
		{"shardId-000000000002", []string{"shardId-000000000000"}, &HashKeyRange{"0", "85070591730234615865843651857942052863"}},
		{"shardId-000000000003", []string{"shardId-000000000000"}, &HashKeyRange{"85070591730234615865843651857942052864", "170141183460469231731687303715884105727"}},
	}
	if diff := cmp.Diff(want, out.ChildShards); diff != "" || out.NextShardIterator != "" {
		t.Errorf("next iterator %q, want none; children (-want +got):\n%s", out.NextShardIterator, diff)
	}
	if got := append(texts(out.Records), texts(r.all("s", 2))...); !slices.Equal(got, []string{"in the parent", "in the child"}) {
		t.Errorf("read %q, want the parent's record and then the child's", got)
	}
	end := ok[ListShardsOutput](r, "ListShards", in{"StreamName": "s"}).Shards[0].SequenceNumberRange.EndingSequenceNumber
	for _, iteratorType := range []string{iteratorAtSequence, iteratorAfterSequence} {
		out = r.get(r.iterator("s", 0, iteratorType, in{"StartingSequenceNumber": end}))
		if len(out.Records) != 0 || len(out.ChildShards) != 2 {
			t.Errorf("%s the shard's end: %d records, %d children, want 0, 2", iteratorType, len(out.Records), len(out.ChildShards))
		}
	}
}

func TestListShardsRefusals(t *testing.T) {
	r := newRig(t)
	r.create("s", 3)
	token := ok[ListShardsOutput](r, "ListShards", in{"StreamName": "s", "MaxResults": number(1)}).NextToken
	const invalid = "InvalidArgumentException"
	r.refused("ListShards", in{}, invalid, "Either NextToken or StreamName should be provided.")
	r.refused("ListShards", in{"StreamName": "s", "NextToken": token}, invalid, "NextToken and StreamName cannot be provided together.")
	r.refused("ListShards", in{"NextToken": "x"}, invalid, "Invalid NextToken.")
	r.refused("ListShards", in{"StreamName": "s", "ExclusiveStartShardId": "x"},
		"ResourceNotFoundException", "Could not find shard x in stream s under account 111111111111.")
	r.refused("ListShards", in{"StreamName": "s", "ShardFilter": in{"Type": "AFTER_SHARD_ID"}}, invalid, "ShardFilter of type AFTER_SHARD_ID requires ShardId.")
	r.refused("ListShards", in{"StreamName": "s", "ShardFilter": in{"Type": "AT_TIMESTAMP"}}, invalid, "ShardFilter of type AT_TIMESTAMP requires Timestamp.")
	r.refused("ListShards", in{"StreamName": "s", "StreamCreationTimestamp": seconds(testTime.Add(-time.Hour))},
		"ResourceNotFoundException", "Stream s under account 111111111111 not found.")
	ok[ListShardsOutput](r, "ListShards", in{"StreamName": "s", "StreamCreationTimestamp": seconds(testTime)})

	r.refusedAs(bob, region, "ListShards", in{"NextToken": token}, invalid, "Invalid NextToken.")
	r.refusedAs(alice, "eu-west-1", "ListShards", in{"NextToken": token}, invalid, "Invalid NextToken.")
	r.refused("ListStreams", in{"NextToken": token}, invalid, "Invalid NextToken.")
	for i := range token {
		forged := token[:i] + strings.Map(func(c rune) rune {
			if c == 'A' {
				return 'B'
			}
			return 'A'
		}, token[i:i+1]) + token[i+1:]
		r.refused("ListShards", in{"NextToken": forged}, invalid, "Invalid NextToken.")
	}
	r.clock.advance(pageLife + time.Second)
	r.refused("ListShards", in{"NextToken": token}, "ExpiredNextTokenException", "The pagination token has expired.")
}

func TestPageTokenDiesWithItsStream(t *testing.T) {
	r := newRig(t)
	r.create("s", 2)
	token := ok[ListShardsOutput](r, "ListShards", in{"StreamName": "s", "MaxResults": number(1)}).NextToken
	ok[api.Void](r, "DeleteStream", in{"StreamName": "s"})
	r.settle()
	r.create("s", 2)
	r.refused("ListShards", in{"NextToken": token}, "InvalidArgumentException", "Invalid NextToken.")
}
