package kinesis

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tributary/internal/durable/journal"
	"tributary/internal/service/api"
)

func (r *rig) shards(name string) []Shard {
	r.Helper()
	return ok[ListShardsOutput](r, "ListShards", in{"StreamName": name}).Shards
}

func (r *rig) status(name string) string {
	r.Helper()
	return ok[DescribeStreamSummaryOutput](r, "DescribeStreamSummary", in{"StreamName": name}).StreamDescriptionSummary.StreamStatus
}

func TestSplitAndMergeLeaveALineage(t *testing.T) {
	r := newRig(t)
	r.create("s", 2)
	before := r.put("s", "a", "before")
	ok[api.Void](r, "SplitShard", in{"StreamName": "s", "ShardToSplit": "shardId-000000000000", "NewStartingHashKey": "100"})
	if got := r.status("s"); got != statusUpdating {
		t.Errorf("after SplitShard the stream is %s, want %s", got, statusUpdating)
	}
	if during := r.put("s", "a", "during"); during.ShardID != "shardId-000000000000" {
		t.Errorf("while the stream is UPDATING a record goes to %s, want shardId-000000000000", during.ShardID)
	}
	r.refused("SplitShard", in{"StreamName": "s", "ShardToSplit": "1", "NewStartingHashKey": "100"}, "ResourceInUseException",
		"Stream s under account 111111111111 not ACTIVE, instead in state UPDATING")
	r.settle()
	after := r.put("s", "a", "after")
	if after.ShardID != "shardId-000000000003" || after.SequenceNumber <= before.SequenceNumber {
		t.Errorf("after the split %s in %s, want a number above %s in shardId-000000000003", after.SequenceNumber, after.ShardID, before.SequenceNumber)
	}
	ok[api.Void](r, "MergeShards", in{"StreamName": "s", "ShardToMerge": "1", "AdjacentShardToMerge": "3"}) // from the right
	r.settle()
	if got := r.status("s"); got != statusActive {
		t.Errorf("after the merge the stream is %s, want %s", got, statusActive)
	}
	const half, end = "170141183460469231731687303715884105727", "340282366920938463463374607431768211455"
	type line struct {
		id, parent, adjacent, first, last string
		open                              bool
	}
	want := []line{
		{"shardId-000000000000", "", "", "0", half, false},
		{"shardId-000000000001", "", "", "170141183460469231731687303715884105728", end, false},
		{"shardId-000000000002", "shardId-000000000000", "", "0", "99", true},
		{"shardId-000000000003", "shardId-000000000000", "", "100", half, false},
		{"shardId-000000000004", "shardId-000000000001", "shardId-000000000003", "100", end, true},
	}
	var got []line
	for _, sh := range r.shards("s") {
		got = append(got, line{
			sh.ShardID, sh.ParentShardID, sh.AdjacentParentShardID, sh.HashKeyRange.StartingHashKey,
			sh.HashKeyRange.EndingHashKey, sh.SequenceNumberRange.EndingSequenceNumber == "",
		})
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(line{})); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
	out := r.get(r.iterator("s", 0, iteratorTrimHorizon, nil))
	if got := texts(out.Records); !slices.Equal(got, []string{"before", "during"}) || out.NextShardIterator != "" {
		t.Errorf("the parent holds %q, next %q, want what was put before, and no next", got, out.NextShardIterator)
	}
	if len(out.ChildShards) != 2 || out.ChildShards[0].ShardID != "shardId-000000000002" || out.ChildShards[1].ShardID != "shardId-000000000003" {
		t.Errorf("children of the parent: %v, want shards 2 and 3", out.ChildShards)
	}
	r.restart()
	if got := texts(r.get(r.iterator("s", 3, iteratorTrimHorizon, nil)).Records); !slices.Equal(got, []string{"after"}) {
		t.Errorf("after a restart the child holds %q, want what was put after the split", got)
	}
}

// TestCrashDuringReshard starts again with a reshard that was stored and not carried
// out, and deletes a stream in the middle of another.
func TestCrashDuringReshard(t *testing.T) {
	r := newRig(t)
	r.create("s", 1)
	r.put("s", "k", "x")
	ok[api.Void](r, "SplitShard", in{"StreamName": "s", "ShardToSplit": "0", "NewStartingHashKey": "100"})
	st, _, _ := r.service.streams.Get(streamID{alice, region, "s"}.key())
	if _, err := r.journals.Create(t.Context(), st.journal(1)); err != nil { // as far as the crash let it come
		t.Fatal(err)
	}
	r.restart()
	if got, open := r.status("s"), r.shards("s"); got != statusActive || len(open) != 3 {
		t.Errorf("after a restart the stream is %s with %d shards, want ACTIVE with 3", got, len(open))
	}
	ok[api.Void](r, "SplitShard", in{"StreamName": "s", "ShardToSplit": "2", "NewStartingHashKey": "200"})
	ok[api.Void](r, "DeleteStream", in{"StreamName": "s"})
	r.restart()
	if names := r.journals.Names(); len(names) != 0 {
		t.Errorf("the deleted stream has left journals %q", names)
	}
}

func TestReshardRefusals(t *testing.T) {
	r := newRig(t, func(r *rig) { r.limit = 12 })
	r.create("s", 3)
	if _, err := r.do(alice, region, "CreateStream", in{"StreamName": "d"}); err != nil {
		t.Fatal(err)
	}
	r.settle()
	ok[api.Void](r, "SplitShard", in{"StreamName": "s", "ShardToSplit": "2", "NewStartingHashKey": "300000000000000000000000000000000000000"})
	r.settle() // shards 0, 1, 3, 4 of s and four of d are open
	const invalid, last = "InvalidArgumentException", "113427455640312821154458202477256070484"
	splitKey := func(key string) string {
		return "NewStartingHashKey " + key + " used in SplitShard() on shard shardId-000000000000 in stream s under account 111111111111 " +
			"is not both greater than one plus the shard's StartingHashKey 0 and less than the shard's EndingHashKey " + last + "."
	}
	split := func(shard, key string) in {
		return in{"StreamName": "s", "ShardToSplit": shard, "NewStartingHashKey": key}
	}
	merge := func(a, b string) in { return in{"StreamName": "s", "ShardToMerge": a, "AdjacentShardToMerge": b} }
	scaled := func(n int) in {
		return in{"StreamName": "s", "TargetShardCount": number(n), "ScalingType": "UNIFORM_SCALING"}
	}
	const closed = "Shard shardId-000000000002 in stream s under account 111111111111 has already been merged or split, and thus is not eligible for merging or splitting."
	const onDemand = "Request is invalid. Stream d under account 111111111111 is in On-Demand mode."
	for _, c := range []struct {
		op            string
		members       in
		code, message string
	}{
		{"SplitShard", split("0", "0"), invalid, splitKey("0")},
		{"SplitShard", split("0", "1"), invalid, splitKey("1")},
		{"SplitShard", split("0", last), invalid, splitKey(last)},
		{"SplitShard", split("0", "340282366920938463463374607431768211456"), invalid, splitKey("340282366920938463463374607431768211456")},
		{"SplitShard", split("2", "9"), invalid, closed},
		{"SplitShard", split("9", "9"), "ResourceNotFoundException", "Shard shardId-000000000009 in stream s under account 111111111111 does not exist"},
		{"SplitShard", split("x", "9"), "ResourceNotFoundException", "Could not find shard x in stream s under account 111111111111."},
		{"SplitShard", in{"StreamName": "d", "ShardToSplit": "0", "NewStartingHashKey": "9"}, "ValidationException", onDemand},
		{"MergeShards", merge("0", "3"), invalid, "Shards shardId-000000000000 and shardId-000000000003 in stream s under account 111111111111 are not an adjacent pair of shards eligible for merging"},
		{"MergeShards", merge("0", "0"), invalid, "Shards shardId-000000000000 and shardId-000000000000 in stream s under account 111111111111 are not an adjacent pair of shards eligible for merging"},
		{"MergeShards", merge("4", "0"), invalid, "Shards shardId-000000000004 and shardId-000000000000 in stream s under account 111111111111 are not an adjacent pair of shards eligible for merging"},
		{"MergeShards", merge("1", "2"), invalid, closed},
		{"MergeShards", in{"StreamName": "d", "ShardToMerge": "0", "AdjacentShardToMerge": "1"}, "ValidationException", onDemand},
		{"UpdateShardCount", scaled(9), invalid, "UpdateShardCount cannot scale up over double your current open shard count. Current open shard count: 4 Target shard count: 9"},
		{"UpdateShardCount", scaled(1), invalid, "UpdateShardCount cannot scale down below half your current open shard count. Current open shard count: 4 Target shard count: 1"},
		{"UpdateShardCount", in{"StreamName": "d", "TargetShardCount": number(5), "ScalingType": "UNIFORM_SCALING"}, "ValidationException", onDemand},
	} {
		r.refused(c.op, c.members, c.code, c.message)
	}
	ok[UpdateShardCountOutput](r, "UpdateShardCount", scaled(8)) // 8 + 4 is the limit
	r.settle()
	_, err := r.do(alice, region, "SplitShard", split("5", "9"))
	if e, refused := api.AsException(err); !refused || e.Code != "LimitExceededException" {
		t.Errorf("a split beyond the account's limit: %v, want LimitExceededException", err)
	}
}

func TestUpdateShardCountTenTimesADay(t *testing.T) {
	r := newRig(t)
	r.create("s", 2)
	scale := func(n int) (any, error) {
		return r.do(alice, region, "UpdateShardCount", in{"StreamName": "s", "TargetShardCount": number(n), "ScalingType": "UNIFORM_SCALING"})
	}
	for i := range scalingsPerDay {
		out, err := scale(3 - i%2)
		if err != nil {
			t.Fatal(err)
		}
		if got := out.(*UpdateShardCountOutput); *got.CurrentShardCount != int32(2+i%2) || *got.TargetShardCount != int32(3-i%2) {
			t.Errorf("call %d: from %d to %d, want from %d to %d", i, *got.CurrentShardCount, *got.TargetShardCount, 2+i%2, 3-i%2)
		}
		r.settle()
		r.clock.advance(time.Hour)
	}
	if _, err := scale(2); err != nil {
		t.Errorf("the number of shards there is: %v, want no objection", err)
	}
	_, err := scale(3)
	if e, refused := api.AsException(err); !refused || e.Code != "LimitExceededException" {
		t.Errorf("one more: %v, want LimitExceededException", err)
	}
	r.clock.advance(15 * time.Hour)
	if _, err := scale(3); err != nil {
		t.Errorf("24 hours after the first: %v", err)
	}
}

// TestScalingIsUniform walks through counts and checks what every plan must keep: the
// open shards cover the ring in equal ranges, nobody has more than two parents, and
// parents' ranges are those of their children.
func TestScalingIsUniform(t *testing.T) {
	now := testTime
	for _, walk := range [][]int{{1, 2, 4, 8, 4, 2, 1}, {4, 3}, {10, 7, 13, 25, 16, 9}, {3, 6, 12, 24, 12, 6, 3}, {1000, 2000, 1000}} {
		st := &stream{Shards: newShards(walk[0], now)}
		for _, n := range walk[1:] {
			now = now.Add(time.Hour)
			from, known := st.openShards(), len(st.Shards)
			p := scale(st, n)
			if passages := slices.ContainsFunc(p.r.Opening, func(sh shard) bool { return sh.Passage }); passages && (n == 2*from || 2*n == from) {
				t.Errorf("from %d to %d: shards are made that never open", from, n)
			}
			st.Resharding = &p.r
			st.complete(now)
			checkRing(t, st, known)
			var widths []hashKey
			for _, sh := range st.ring() {
				widths = append(widths, width(sh.Hashes))
			}
			if len(widths) != n {
				t.Fatalf("from %d to %d: %d shards are open", from, n, len(widths))
			}
			slices.SortFunc(widths, hashKey.compare)
			if d := distance(widths[0], widths[n-1]); d.BitLen() > 48 {
				t.Errorf("from %d to %d: ranges differ by %s", from, n, d)
			}
		}
	}
}

func width(r hashRange) (w hashKey) {
	distance(r.Last, r.First).FillBytes(w[:])
	return w
}

// checkRing checks the shards of a stream, of which those before known were there before.
func checkRing(t *testing.T, st *stream, known int) {
	t.Helper()
	ring := st.ring()
	if ring[0].Hashes.First != (hashKey{}) || ring[len(ring)-1].Hashes.Last.next() != (hashKey{}) {
		t.Error("the open shards do not reach the ends of the ring")
	}
	for i := range ring[1:] {
		if !ring[i].Hashes.meets(ring[i+1].Hashes) {
			t.Errorf("%s ends at %s and %s begins at %s", ring[i].ID, ring[i].Hashes.Last, ring[i+1].ID, ring[i+1].Hashes.First)
		}
	}
	for i := range ring {
		for _, k := range []hashKey{ring[i].Hashes.First, ring[i].Hashes.Last} {
			if got := st.route(k).ID; got != ring[i].ID {
				t.Errorf("%s is routed to %s, want %s", k, got, ring[i].ID)
			}
		}
	}
	for i := range st.Shards[known:] {
		sh := &st.Shards[known+i]
		if sh.ID != st.Shards[known+i-1].ID+1 || len(sh.Parents) < 1 || len(sh.Parents) > 2 {
			t.Errorf("%s has parents %v", sh.ID, sh.Parents)
		}
		for _, id := range sh.Parents {
			parent, there := st.shard(id)
			if !there || parent.open() || parent.Stamp >= sh.Stamp || parent.ID >= sh.ID {
				t.Errorf("%s: its parent %s is there: %v", sh.ID, id, there)
			}
		}
	}
}

// TestReadersSeeEveryRecordOnceAcrossReshards lets writers of all three kinds write
// while the stream is resharded at random and a reader follows the lineage: it must see
// every acknowledged record once, and those of a key in the order in which they were put.
func TestReadersSeeEveryRecordOnceAcrossReshards(t *testing.T) {
	reshards := 25
	if testing.Short() {
		reshards = 10
	}
	r := newRig(t)
	r.create("s", 2)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var done atomic.Bool

	written := make([]int, 9) // records by writer
	var writing sync.WaitGroup
	for w := range written {
		write := r.putOne
		switch {
		case w == len(written)-1:
			write = r.deliver()
		case w%2 == 1:
			write = r.putThree
		}
		writing.Go(func() {
			for !done.Load() {
				n, err := write(ctx, w, written[w])
				if err != nil {
					t.Errorf("writer %d: %v", w, err)
					return
				}
				written[w] += n
			}
		})
	}
	seen := map[string][]string{} // by key, in the order of reading
	var reading sync.WaitGroup
	var writersDone atomic.Bool
	reading.Go(func() {
		if err := r.followLineage(&writersDone, func(rec Record) {
			seen[rec.PartitionKey] = append(seen[rec.PartitionKey], string(rec.Data))
		}); err != nil {
			t.Error(err)
		}
	})
	for range reshards {
		if err := r.reshardAtRandom(); err != nil {
			t.Error(err)
			break
		}
	}
	done.Store(true)
	writing.Wait()
	writersDone.Store(true)
	reading.Wait()

	for w, n := range written {
		want := map[string][]string{}
		for i := range n {
			key := writerKey(w, i)
			want[key] = append(want[key], fmt.Sprint(i))
		}
		for key, list := range want {
			if got := seen[key]; !slices.Equal(got, list) {
				at := 0
				for at < min(len(got), len(list)) && got[at] == list[at] {
					at++
				}
				t.Errorf("writer %d, key %s: read %d records, want %d in order; the first %d are right, then:\n got %q\nwant %q",
					w, key, len(got), len(list), at, got[at:min(at+5, len(got))], list[at:min(at+5, len(list))])
			}
		}
		if n < reshards {
			t.Errorf("writer %d has written only %d records during %d reshards", w, n, reshards)
		}
	}
}

const keysPerWriter = 7

func writerKey(w, i int) string { return fmt.Sprintf("%d.%d", w, i%keysPerWriter) }

func (r *rig) putOne(_ context.Context, w, next int) (int, error) {
	_, err := r.do(alice, region, "PutRecord", in{"StreamName": "s", "PartitionKey": writerKey(w, next), "Data": []byte(fmt.Sprint(next))})
	return 1, err
}

func (r *rig) putThree(_ context.Context, w, next int) (int, error) {
	var records []any
	for i := range 3 {
		records = append(records, in{"PartitionKey": writerKey(w, next+i), "Data": []byte(fmt.Sprint(next + i))})
	}
	out, err := r.do(alice, region, "PutRecords", in{"StreamName": "s", "Records": records})
	if err == nil && *out.(*PutRecordsOutput).FailedRecordCount > 0 {
		err = errors.New("a record was not written")
	}
	return len(records), err
}

// deliver writes as delivery does: on a lane, by way of what the shards say is covered.
// Every few calls it loses its memory in the middle of a batch, as in a crash, and does
// the batch again.
func (r *rig) deliver() func(context.Context, int, int) (int, error) {
	const lane = "lane"
	calls := 0
	return func(ctx context.Context, w, next int) (int, error) {
		calls++
		const size = 5
		end := journal.Position{Block: uint64(next + size + 1)}
		for crash := calls%3 == 0; ; crash = false {
			writer, err := r.service.OpenStream(streamS)
			if err != nil {
				return 0, err
			}
			byShard := map[ShardID][]Record{}
			for i := next; i < next+size; i++ {
				key := writerKey(w, i)
				id := writer.Shard(key)
				mark, _, err := writer.Covered(ctx, id, lane, key)
				if err != nil {
					return 0, err
				}
				if (journal.Position{Block: uint64(i + 1)}).Compare(mark) >= 0 {
					byShard[id] = append(byShard[id], Record{PartitionKey: key, Data: []byte(fmt.Sprint(i))})
				}
			}
			again, err := r.ship(ctx, writer, byShard, lane, end, crash)
			if err != nil || !again {
				return size, err
			}
		}
	}
}

// ship appends what goes to each shard, under the gate and only if the stream has not
// changed meanwhile. With crash it stops after the first shard.
func (r *rig) ship(ctx context.Context, writer *StreamWriter, byShard map[ShardID][]Record, lane string, end journal.Position, crash bool) (again bool, err error) {
	release := r.catalog.Hold()
	defer release()
	now, err := r.service.OpenStream(streamS)
	if err != nil || !slices.EqualFunc(now.stream.Shards, writer.stream.Shards, func(a, b shard) bool { return a.ID == b.ID && a.Closed.Equal(b.Closed) }) {
		return true, err
	}
	for id, records := range byShard {
		if err := writer.Append(ctx, id, lane, end, records); err != nil {
			return false, err
		}
		if crash {
			return true, nil
		}
	}
	return false, nil
}

// reshardAtRandom splits, merges or scales the stream and lets Run come by.
func (r *rig) reshardAtRandom() error {
	st, _, _ := r.service.streams.Get(streamID{alice, region, "s"}.key())
	ring := st.ring()
	at := rand.IntN(len(ring))
	op, members := "MergeShards", in{"StreamName": "s", "ShardToMerge": ring[at].ID.String()}
	switch {
	case len(ring) < 3 || len(ring) < 12 && rand.IntN(2) == 0:
		middle := ring[at].Hashes.First
		middle[0] += width(ring[at].Hashes)[0]/2 + 1
		if !ring[at].Hashes.contains(middle) || middle == ring[at].Hashes.Last {
			return nil // too narrow by now
		}
		op, members = "SplitShard", in{"StreamName": "s", "ShardToSplit": ring[at].ID.String(), "NewStartingHashKey": middle.String()}
	case rand.IntN(3) == 0:
		r.edit("s", func(st *stream) { st.Scalings = nil }) // ten a day are too few here
		op, members = "UpdateShardCount", in{"StreamName": "s", "TargetShardCount": number(max(2, len(ring)-1)), "ScalingType": "UNIFORM_SCALING"}
	case at == len(ring)-1:
		members["AdjacentShardToMerge"] = ring[at-1].ID.String()
	default:
		members["AdjacentShardToMerge"] = ring[at+1].ID.String()
	}
	if _, err := r.do(alice, region, op, members); err != nil {
		return fmt.Errorf("%s %v: %w", op, members, err)
	}
	return r.service.settle(r.Context())
}

// followLineage reads the stream as a consumer does that knows only the first shards: it
// goes to the shards that a closed one names when all their parents have been read. It
// ends when done was set before and all open shards have been read to their tips.
func (r *rig) followLineage(done *atomic.Bool, yield func(Record)) error {
	type child struct{ unread int }
	waiting := map[string]*child{}
	following := map[string]string{"shardId-000000000000": "", "shardId-000000000001": ""} // iterators
	for {
		last, atTips := done.Load(), true
		for id, it := range following {
			if it == "" {
				out, err := r.do(alice, region, "GetShardIterator", in{"StreamName": "s", "ShardId": id, "ShardIteratorType": iteratorTrimHorizon})
				if err != nil {
					return fmt.Errorf("iterator of %s: %w", id, err)
				}
				it = out.(*GetShardIteratorOutput).ShardIterator
			}
			got, err := r.do(alice, region, "GetRecords", in{"ShardIterator": it, "Limit": number(200)})
			if err != nil {
				return fmt.Errorf("read %s: %w", id, err)
			}
			out := got.(*recordsAnswer)
			for _, rec := range out.Records {
				yield(rec)
			}
			if following[id] = out.NextShardIterator; out.NextShardIterator != "" {
				atTips = atTips && *out.MillisBehindLatest == 0
				continue
			}
			delete(following, id)
			atTips = false
			for _, c := range out.ChildShards {
				if waiting[c.ShardID] == nil {
					waiting[c.ShardID] = &child{len(c.ParentShards)}
				}
				if waiting[c.ShardID].unread--; waiting[c.ShardID].unread == 0 {
					following[c.ShardID] = ""
				}
			}
		}
		if last && atTips {
			return nil
		}
	}
}
