package kinesis

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"tributary/internal/durable/journal"
	"tributary/internal/service/api"
)

func withQuotas(r *rig) { r.quotas = AWSQuotas }

const rateOf0 = "Rate exceeded for shard shardId-000000000000 in stream s under account 111111111111."

// fails calls an operation of alice's and returns the code of its refusal, "" without.
func (r *rig) fails(op string, members in) string {
	r.Helper()
	_, err := r.do(alice, region, op, members)
	if err == nil {
		return ""
	}
	if e, refused := api.AsException(err); refused {
		return e.Code
	}
	return err.Error()
}

func TestShardTakesAMebibyteASecond(t *testing.T) {
	r := newRig(t, withQuotas)
	r.create("s", 1)
	put := in{"StreamName": "s", "PartitionKey": "k", "Data": bytes.Repeat([]byte("x"), 256<<10-1)}
	for i := range 4 {
		if code := r.fails("PutRecord", put); code != "" {
			t.Errorf("record %d: %s", i, code)
		}
	}
	r.refused("PutRecord", put, "ProvisionedThroughputExceededException", rateOf0)
	r.refused("PutRecord", in{"StreamName": "s", "PartitionKey": "k", "Data": []byte("x")}, "ProvisionedThroughputExceededException", rateOf0)
	r.clock.advance(250 * time.Millisecond)
	if code := r.fails("PutRecord", put); code != "" {
		t.Errorf("a quarter of a second later: %s", code)
	}
	r.refused("PutRecord", put, "ProvisionedThroughputExceededException", rateOf0)
	if n := len(r.all("s", 0)); n != 5 {
		t.Errorf("the shard has %d records, want the 5 that were admitted", n)
	}
}

// TestPutRecordsAreRefusedOneByOne, and each shard for itself.
func TestPutRecordsAreRefusedOneByOne(t *testing.T) {
	r := newRig(t, withQuotas)
	r.create("s", 2)
	var records []any
	for i := range 500 {
		records = append(records, in{"PartitionKey": fmt.Sprint(i), "ExplicitHashKey": "0", "Data": []byte("x")})
	}
	for range 2 { // 1,000 records into shard 0
		if out := ok[PutRecordsOutput](r, "PutRecords", in{"StreamName": "s", "Records": records}); *out.FailedRecordCount != 0 {
			t.Fatalf("%d records of a thousand were refused", *out.FailedRecordCount)
		}
	}
	r.clock.advance(2 * time.Millisecond)
	records = records[:5]
	records[3] = in{"PartitionKey": "b", "Data": []byte("to the other shard")}
	out := ok[PutRecordsOutput](r, "PutRecords", in{"StreamName": "s", "Records": records})
	var got []string
	for _, res := range out.Records {
		if (res.SequenceNumber == "") != (res.ErrorCode != "") || res.ErrorCode != "" && res.ErrorMessage != rateOf0 {
			t.Errorf("result %+v", res)
		}
		got = append(got, res.ErrorCode)
	}
	const over = "ProvisionedThroughputExceededException"
	if want := []string{"", "", over, "", over}; *out.FailedRecordCount != 2 || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%d failed: %q, want 2: %q", *out.FailedRecordCount, got, want)
	}
	if n := len(r.all("s", 0)); n != 1002 {
		t.Errorf("shard 0 has %d records, want 1002", n)
	}
}

func TestRefusedRecordUsesNothingUp(t *testing.T) {
	c := &clock{now: testTime}
	q := newQuotas(AWSQuotas, c.Now)
	st, sh := &stream{}, &shard{}
	if !q.admitWrites(st, sh, 1000, 1000) {
		t.Fatal("a thousand small records are refused")
	}
	if q.admitWrite(st, sh, 600<<10) {
		t.Error("one record more is admitted")
	}
	c.advance(time.Millisecond)
	if !q.admitWrite(st, sh, 600<<10) {
		t.Error("the shard has room for a record again, but not for the bytes that it has refused")
	}
}

func TestShardGivesFiveReadsAndTwoMebibytesASecond(t *testing.T) {
	r := newRig(t, withQuotas)
	r.create("s", 1)
	it := r.iterator("s", 0, iteratorLatest, nil)
	for i := range 5 {
		if code := r.fails("GetRecords", in{"ShardIterator": it}); code != "" {
			t.Errorf("read %d: %s", i, code)
		}
	}
	r.refused("GetRecords", in{"ShardIterator": it}, "ProvisionedThroughputExceededException", rateOf0)

	data := bytes.Repeat([]byte("x"), 1<<20-1)
	for range 10 {
		r.clock.advance(time.Second)
		r.put("s", "k", string(data))
	}
	it = r.iterator("s", 0, iteratorTrimHorizon, nil)
	if n := len(r.get(it).Records); n != 10 {
		t.Errorf("an answer has %d records, want 10 MiB of them", n)
	}
	for _, wait := range []time.Duration{time.Second, 3900 * time.Millisecond} {
		r.clock.advance(wait)
		r.refused("GetRecords", in{"ShardIterator": it}, "ProvisionedThroughputExceededException", rateOf0)
	}
	r.clock.advance(200 * time.Millisecond)
	if code := r.fails("GetRecords", in{"ShardIterator": it}); code != "" {
		t.Errorf("5 seconds after a full answer: %s", code)
	}
}

func TestShardGivesFiveIteratorsASecond(t *testing.T) {
	r := newRig(t, withQuotas)
	r.create("s", 2)
	members := in{"StreamName": "s", "ShardId": "0", "ShardIteratorType": "LATEST"}
	for i := range 5 {
		if code := r.fails("GetShardIterator", members); code != "" {
			t.Errorf("iterator %d: %s", i, code)
		}
	}
	r.refused("GetShardIterator", members, "ProvisionedThroughputExceededException", rateOf0)
	r.iterator("s", 1, iteratorLatest, nil) // which another shard gives
	r.clock.advance(200 * time.Millisecond)
	if code := r.fails("GetShardIterator", members); code != "" {
		t.Errorf("a fifth of a second later: %s", code)
	}
}

func TestFiveStreamsAreCreatingAtATime(t *testing.T) {
	for _, quotas := range []Quotas{NoQuotas, AWSQuotas} {
		r := newRig(t, func(r *rig) { r.quotas = quotas })
		stream := func(i int) in { return in{"StreamName": fmt.Sprint(i), "ShardCount": number(1)} }
		for i := range maxCreating {
			ok[api.Void](r, "CreateStream", stream(i))
		}
		r.clock.advance(time.Second) // so that the rate of calls is not what refuses
		if quotas == AWSQuotas {
			r.refused("CreateStream", stream(5), "LimitExceededException", "Account 111111111111 has 5 streams in state CREATING, which is the limit.")
			if _, err := r.do(bob, region, "CreateStream", stream(5)); err != nil {
				t.Errorf("another account: %v", err)
			}
			r.settle()
		}
		ok[api.Void](r, "CreateStream", stream(5))
	}
}

func TestFiveControlCallsASecond(t *testing.T) {
	r := newRig(t, withQuotas)
	r.create("s", 1)
	tags := in{"StreamName": "s"}
	for i := range 5 {
		if code := r.fails("ListTagsForStream", tags); code != "" {
			t.Errorf("call %d: %s", i, code)
		}
	}
	r.refused("ListTagsForStream", tags, "LimitExceededException", "Rate exceeded for operation ListTagsForStream under account 111111111111.")
	if code := r.fails("DescribeLimits", in{}); code != "" {
		t.Errorf("another operation: %s", code)
	}
	if _, err := r.do(bob, region, "DescribeLimits", in{}); err != nil {
		t.Errorf("another account: %v", err)
	}
	r.clock.advance(200 * time.Millisecond)
	if code := r.fails("ListTagsForStream", tags); code != "" {
		t.Errorf("a fifth of a second later: %s", code)
	}
	r.clock.advance(time.Minute) // in which nothing is saved up
	for i := range 5 {
		if code := r.fails("ListTagsForStream", tags); code != "" {
			t.Errorf("call %d a minute later: %s", i, code)
		}
	}
	r.refused("ListTagsForStream", tags, "LimitExceededException", "Rate exceeded for operation ListTagsForStream under account 111111111111.")
}

func TestWriterMeetsTheQuotaToo(t *testing.T) {
	r := newRig(t, withQuotas)
	r.create("s", 1)
	w := openWriter(r)
	if _, _, err := w.Covered(t.Context(), 0, "lane", "k"); err != nil {
		t.Fatal(err)
	}
	mebibyte := []Record{{PartitionKey: "k", Data: make([]byte, 1<<20-1)}}
	block := func(n uint64) error { return w.Append(t.Context(), 0, "lane", journal.Position{Block: n}, mebibyte) }
	if err := block(1); err != nil {
		t.Fatal(err)
	}
	if err := block(2); !errors.Is(err, ErrThroughputExceeded) {
		t.Errorf("a second mebibyte: %v, want %v", err, ErrThroughputExceeded)
	}
	if mark, _, err := w.Covered(t.Context(), 0, "lane", "k"); mark.Block != 1 || err != nil {
		t.Errorf("mark is %s, %v, want that of what was written", mark, err)
	}
	r.clock.advance(time.Second)
	if err := block(2); err != nil {
		t.Errorf("a second later: %v", err)
	}
}

func TestQuotasAreForgotten(t *testing.T) {
	c := &clock{now: testTime}
	q := newQuotas(AWSQuotas, c.Now)
	for i := range 10 * sweepAt {
		q.admitWrite(&stream{Generation: fmt.Sprint(i)}, &shard{}, 1)
		c.advance(time.Millisecond)
	}
	if n := len(q.shards); n > sweepAt {
		t.Errorf("%d shards are remembered, want at most %d", n, sweepAt)
	}
	if newQuotas(NoQuotas, c.Now) != nil {
		t.Error("there are quotas without being asked for")
	}
	if _, err := ParseQuotas("azure"); err == nil {
		t.Error("quotas azure are accepted")
	}
}
