package kinesis

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tributary/internal/durable/journal"
	"tributary/internal/service/api"
)

// putBlocks puts blocks of 1, 2, 3, … records.
func (r *rig) putBlocks(stream string, blocks int) {
	r.Helper()
	for i := range blocks {
		var records []any
		for n := range i + 1 {
			records = append(records, in{"PartitionKey": fmt.Sprintf("k\"%d", n), "Data": []byte(fmt.Sprintf("%s%d%d", stream, i, n))})
		}
		ok[PutRecordsOutput](r, "PutRecords", in{"StreamName": stream, "Records": records})
		r.clock.advance(time.Second)
	}
}

// answers reads a shard from its start to its tip, so many records at a time.
func (r *rig) answers(stream string, limit int) []*recordsAnswer {
	r.Helper()
	var all []*recordsAnswer
	it := r.iterator(stream, 0, iteratorTrimHorizon, nil)
	for {
		out := ok[recordsAnswer](r, "GetRecords", in{"ShardIterator": it, "Limit": number(limit)})
		all = append(all, out)
		if *out.MillisBehindLatest == 0 {
			return all
		}
		it = out.NextShardIterator
	}
}

// unshared is the JSON of an answer, each record encoded by itself.
func unshared(out *recordsAnswer) string {
	alone := *out
	alone.runs = nil
	return string(alone.AppendJSON(nil))
}

func TestReadersOfTheSameBlocksShareTheirJSON(t *testing.T) {
	r := newRig(t)
	r.create("s", 1)
	r.putBlocks("s", 4)
	ok[api.Void](r, "StartStreamEncryption", in{"StreamName": "s", "EncryptionType": "KMS", "KeyId": "alias/aws/kinesis"})
	r.putBlocks("s", 4)
	for _, out := range r.answers("s", 1000) {
		if len(out.runs) > 0 {
			t.Errorf("the first reader has to do with %d shared blocks", len(out.runs))
		}
	}
	before := map[blockKey]*sharedBlock{}
	for _, limit := range []int{1000, 1, 3, 7, 20} {
		shared := 0
		for _, out := range r.answers("s", limit) {
			if got, want := string(out.AppendJSON(nil)), unshared(out); got != want {
				t.Errorf("%d at a time:\n got %s\nwant %s", limit, got, want)
			}
			for _, run := range out.runs {
				shared += run.count
				if known := before[run.block.key]; known != nil && known != run.block {
					t.Errorf("%d at a time: block %d has been encoded again", limit, run.block.key.block)
				}
				before[run.block.key] = run.block
			}
		}
		if shared != 20 {
			t.Errorf("%d at a time: %d records are shared, want all 20", limit, shared)
		}
	}
	if len(before) != 8 {
		t.Errorf("%d blocks are shared, want 8", len(before))
	}
}

func TestStreamsDoNotShare(t *testing.T) {
	r := newRig(t)
	for _, stream := range []string{"a", "b"} {
		r.create(stream, 1)
		r.putBlocks(stream, 2)
	}
	for range 3 {
		for _, stream := range []string{"a", "b"} {
			out := r.answers(stream, 1000)[0]
			want := []string{stream + "00", stream + "10", stream + "11"}
			var got struct{ Records []struct{ Data []byte } }
			if err := json.Unmarshal(out.AppendJSON(nil), &got); err != nil {
				t.Fatal(err)
			}
			for i, record := range got.Records {
				if string(record.Data) != want[i] {
					t.Errorf("record %d of stream %s is %s, want %s", i, stream, record.Data, want[i])
				}
			}
			if data := texts(out.Records); !slices.Equal(data, want) {
				t.Errorf("stream %s has %v, want %v", stream, data, want)
			}
		}
	}
}

func TestSubscribersShareTheirJSON(t *testing.T) {
	r := newRig(t)
	r.create("s", 1)
	r.putBlocks("s", 3)
	for i := range 3 {
		consumer := r.consumer(fmt.Sprint("c", i))
		out := r.subscribe(consumer, 0, fromHorizon).event()
		alone := shardEvent{SubscribeToShardEvent: out.SubscribeToShardEvent}
		if got, want := string(out.AppendJSON(nil)), string(alone.AppendJSON(nil)); got != want {
			t.Errorf("subscriber %d:\n got %s\nwant %s", i, got, want)
		}
		if shared := len(out.runs); shared != min(i, 1)*3 {
			t.Errorf("subscriber %d shares %d blocks, want none with the first, then 3", i, shared)
		}
	}
}

func TestReadersAtOnceShare(t *testing.T) {
	r := newRig(t)
	r.create("s", 1)
	r.putBlocks("s", 20)
	r.service.shared.limit = 24 << 10 // a part of them
	want := unshared(r.answers("s", 1000)[0])
	var readers sync.WaitGroup
	for i := range 20 {
		readers.Go(func() {
			for _, out := range r.answers("s", 10+i) {
				if got, want := string(out.AppendJSON(nil)), unshared(out); got != want {
					t.Errorf("a reader of %d records got %s\nwant %s", 10+i, got, want)
				}
			}
		})
	}
	readers.Wait()
	if got := unshared(r.answers("s", 1000)[0]); len(got) != len(want) {
		t.Errorf("after all of them the stream's JSON has %d bytes, want %d", len(got), len(want))
	}
	total := 0
	for e := r.service.shared.used.Front(); e != nil; e = e.Next() {
		total += e.Value.(*sharedBlock).size
	}
	if c := r.service.shared; c.size != total || c.size > c.limit || len(c.blocks) != c.used.Len() {
		t.Errorf("%d bytes are counted of %d in %d blocks, %d in order; at most %d", c.size, total, len(c.blocks), c.used.Len(), c.limit)
	}
}

func TestSharedBlocksGoWithTheirJournal(t *testing.T) {
	r := newRig(t)
	for _, stream := range []string{"gone", "stay"} {
		r.create(stream, 1)
		r.putBlocks(stream, 3)
		r.answers(stream, 1000)[0].AppendJSON(nil)
		r.answers(stream, 1000)[0].AppendJSON(nil)
	}
	c := r.service.shared
	if len(c.blocks) != 6 {
		t.Fatalf("%d blocks are shared, want 6", len(c.blocks))
	}
	before := c.size
	ok[api.Void](r, "DeleteStream", in{"StreamName": "gone"})
	r.settle()
	if len(c.blocks) != 3 || c.used.Len() != 3 || 2*c.size != before {
		t.Errorf("with one of two streams deleted %d blocks of %d bytes are shared, want 3 of %d", len(c.blocks), c.size, before/2)
	}
	// A closed shard's journal goes when its records have expired.
	ok[api.Void](r, "SplitShard", in{"StreamName": "stay", "ShardToSplit": "0", "NewStartingHashKey": "1000"})
	r.settle()
	r.clock.advance(25 * time.Hour)
	if err := r.service.TrimExpired(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(c.blocks) != 0 || c.size != 0 {
		t.Errorf("when all has expired %d blocks of %d bytes are shared", len(c.blocks), c.size)
	}
}

func TestEveryReaderIsToldOfAnEntryThatIsNoRecord(t *testing.T) {
	r := newRig(t)
	r.create("s", 1)
	st, _, _ := r.service.streams.Get(streamID{alice, region, "s"}.key())
	j, err := r.journals.Open(t.Context(), st.journal(0))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := j.Append(t.Context(), appendRecord(nil, recordVersion, "k", []byte("x")), []byte{99}); err != nil {
		t.Fatal(err)
	}
	it := r.iterator("s", 0, iteratorTrimHorizon, nil)
	for i := range 3 {
		if out, err := r.do(alice, region, "GetRecords", in{"ShardIterator": it}); !errors.Is(err, errRecordFormat) {
			t.Errorf("reader %d gets %v, %v, want %v", i, out, err, errRecordFormat)
		}
	}
}

// twoRecords is a block of two records of 1000 bytes.
func twoRecords(number uint64) *journal.Block {
	entry := appendRecord(nil, recordVersion, "key", make([]byte, 1000))
	return &journal.Block{Number: number, Time: testTime, Entries: [][]byte{entry, entry}}
}

// comeTo comes to a block and says whether it was shared already.
func comeTo(c *sharedBlocks, journalName string, b *journal.Block) bool {
	shared := c.of(&shard{Stamp: testTime.Unix()}, journalName, b)
	if shared == nil {
		return false
	}
	shared.json(0, len(b.Entries))
	return true
}

func TestWhatWasUsedLastStaysShared(t *testing.T) {
	one := newSharedBlocks(1 << 20)
	comeTo(one, "j", twoRecords(1))
	shared := one.of(&shard{}, "j", twoRecords(1))
	if data := one.size - placeSize; data < 2*1000 {
		t.Errorf("the records of a block count %d bytes, which is less than their data", data)
	}
	before := one.size
	if text := shared.json(0, 2); one.size-before < len(text) {
		t.Errorf("JSON of %d bytes counts %d", len(text), one.size-before)
	}
	each := one.size
	c := newSharedBlocks(6 * each)
	for n := range uint64(6) {
		comeTo(c, "j", twoRecords(n+1))
		comeTo(c, "j", twoRecords(n+1))
	}
	comeTo(c, "j", twoRecords(1))
	comeTo(c, "j", twoRecords(7))
	comeTo(c, "j", twoRecords(7))
	var kept []uint64
	for n := range uint64(7) {
		if _, ok := c.blocks[blockKey{"j", n + 1}]; ok {
			kept = append(kept, n+1)
		}
	}
	if want := []uint64{1, 3, 4, 5, 6, 7}; !slices.Equal(kept, want) || c.size != 6*each {
		t.Errorf("kept blocks %v in %d bytes, want %v in %d", kept, c.size, want, 6*each)
	}
}

func TestWhichBlocksAreShared(t *testing.T) {
	middle := *twoRecords(2)
	middle.First, middle.Entries = 1, middle.Entries[1:]
	large := *twoRecords(3)
	large.Entries = append(large.Entries, make([]byte, 4096))
	c := newSharedBlocks(16 << 10)
	for i, step := range []struct {
		what    string
		journal string
		block   *journal.Block
		want    bool
	}{
		{"the first reader of a block", "j", twoRecords(1), false},
		{"the second", "j", twoRecords(1), true},
		{"the third", "j", twoRecords(1), true},
		{"the first of the same block of another journal", "k", twoRecords(1), false},
		{"one who begins in the middle of a block that nobody has read", "j", &middle, false},
		{"the first one from its start", "j", twoRecords(2), false},
		{"another one in the middle, before the block was decoded", "j", &middle, false},
		{"the second from its start", "j", twoRecords(2), true},
		{"one in the middle of a block that is shared", "j", &middle, true},
		{"the first of a very large block", "j", &large, false},
		{"the second of it", "j", &large, false},
	} {
		if got := comeTo(c, step.journal, step.block); got != step.want {
			t.Errorf("step %d, %s: shared is %t, want %t", i+1, step.what, got, step.want)
		}
	}
}

func TestABlockGivenUpMeanwhileIsNotCounted(t *testing.T) {
	c := newSharedBlocks(1 << 20)
	comeTo(c, "j", twoRecords(1))
	shared := c.of(&shard{}, "j", twoRecords(1))
	c.drop([]string{"j"})
	comeTo(c, "j", twoRecords(1)) // another place for the same block
	if got := len(shared.json(0, 2)); got == 0 || c.size != placeSize {
		t.Errorf("%d bytes are counted after JSON of %d bytes for a block that was given up, want %d", c.size, got, placeSize)
	}
}

func TestRecordsAnswerHasTheMembersOfGetRecordsOutput(t *testing.T) {
	members := func(of reflect.Type) (list []string) {
		for f := range of.Fields() {
			if name := f.Tag.Get("json"); name != "-" {
				list = append(list, fmt.Sprint(f.Name, " ", f.Type, " ", name))
			}
		}
		return list
	}
	want, got := members(reflect.TypeFor[GetRecordsOutput]()), members(reflect.TypeFor[recordsAnswer]())
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("members (-GetRecordsOutput +recordsAnswer):\n%s", diff)
	}
}
