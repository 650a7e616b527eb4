package kinesis

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"tributary/internal/service/api"
)

func TestRecordGoesToTheShardOfItsKey(t *testing.T) {
	r := newRig(t)
	r.create("s", 3)
	const second = "113427455640312821154458202477256070485"
	for _, c := range []struct {
		key, explicit string
		want          ShardID
	}{
		{"a", "", 0}, // hash 16955237001963240173058271559858726497
		{"b", "", 1}, // hash 195289424170611159128911017612795795343
		{"c", "", 0}, // hash 98600083867152571098110219938906026552
		{"a", "0", 0},
		{"a", second, 1},
		{"a", ringEnd, 2},
	} {
		members := in{"StreamName": "s", "PartitionKey": c.key, "Data": []byte("x")}
		if c.explicit != "" {
			members["ExplicitHashKey"] = c.explicit
		}
		if got := ok[PutRecordOutput](r, "PutRecord", members).ShardID; got != c.want.String() {
			t.Errorf("key %s, explicit hash key %q: %s, want %s", c.key, c.explicit, got, c.want)
		}
	}
}

func TestPutRecordsAnswersInTheOrderOfTheRequest(t *testing.T) {
	r := newRig(t)
	r.create("s", 4)
	var records []any
	for i := range 500 {
		records = append(records, in{"PartitionKey": fmt.Sprint("key-", i), "Data": []byte(fmt.Sprint(i))})
	}
	out := ok[PutRecordsOutput](r, "PutRecords", in{"StreamName": "s", "Records": records})
	if *out.FailedRecordCount != 0 || len(out.Records) != 500 {
		t.Fatalf("%d failed, %d results, want 0, 500", *out.FailedRecordCount, len(out.Records))
	}
	found := 0
	for id := range ShardID(4) {
		last := -1
		for _, rec := range r.all("s", id) {
			i := 0
			if _, err := fmt.Sscan(string(rec.Data), &i); err != nil {
				t.Fatal(err)
			}
			want := PutRecordsResultEntry{ShardID: id.String(), SequenceNumber: rec.SequenceNumber}
			if out.Records[i] != want {
				t.Errorf("result %d is %+v, want %+v", i, out.Records[i], want)
			}
			if rec.PartitionKey != fmt.Sprint("key-", i) {
				t.Errorf("record %d has key %s, want key-%d", i, rec.PartitionKey, i)
			}
			if i <= last {
				t.Errorf("%s has record %d after %d", id, i, last)
			}
			last = i
			found++
		}
	}
	if found != 500 {
		t.Errorf("found %d records, want 500", found)
	}
}

func TestRecordLimits(t *testing.T) {
	r := newRig(t)
	r.create("s", 1)
	ok[api.Void](r, "CreateStream", in{"StreamName": "big", "ShardCount": number(1), "MaxRecordSizeInKiB": number(10240)})
	r.settle()
	const mib = 1 << 20
	tooLong := func(n, limit int) string {
		return fmt.Sprintf("1 validation error detected: Value 'java.nio.HeapByteBuffer[pos=0 lim=%[1]d cap=%[1]d]' at 'data' "+
			"failed to satisfy constraint: Member must have length less than or equal to %[2]d", n, limit)
	}
	put := func(stream string, keyLen, n int) in {
		return in{"StreamName": stream, "PartitionKey": strings.Repeat("k", keyLen), "Data": make([]byte, n)}
	}
	ok[PutRecordOutput](r, "PutRecord", put("s", 1, 0))
	ok[PutRecordOutput](r, "PutRecord", put("s", 256, mib-256))
	r.refused("PutRecord", put("s", 256, mib-255), "ValidationException", tooLong(mib-255, mib))
	r.refused("PutRecord", put("s", 1, mib+1), "ValidationException", tooLong(mib+1, mib))
	ok[PutRecordOutput](r, "PutRecord", put("big", 1, 10*mib-1))
	r.refused("PutRecord", put("big", 2, 10*mib-1), "ValidationException", tooLong(10*mib-1, 10*mib))
	r.refused("PutRecord", put("big", 1, 10*mib+1), "ValidationException", tooLong(10*mib+1, 10*mib))

	record := func(n int) any { return in{"PartitionKey": "kk", "Data": make([]byte, n)} }
	full := slices.Repeat([]any{record(mib - 2)}, 10)
	ok[PutRecordsOutput](r, "PutRecords", in{"StreamName": "s", "Records": full})
	r.refused("PutRecords", in{"StreamName": "s", "Records": append(full, record(0))},
		"InvalidArgumentException", "Records size exceeds 10 MB limit")
	r.refused("PutRecords", in{"StreamName": "s", "Records": []any{record(1), record(mib - 1)}}, "ValidationException",
		strings.Replace(tooLong(mib-1, mib), "'data'", "'records.2.member.data'", 1))
	_, err := r.do(alice, region, "PutRecords", in{"StreamName": "s", "Records": slices.Repeat([]any{record(1)}, 501)})
	if e, refused := api.AsException(err); !refused || !strings.HasSuffix(e.Message,
		"' at 'records' failed to satisfy constraint: Member must have length less than or equal to 500") {
		t.Errorf("501 records: %.300v, want a refusal of more than 500", err)
	}
}

func TestPutRefusals(t *testing.T) {
	r := newRig(t)
	r.create("s", 2)
	for _, c := range []struct {
		members       in
		code, message string
	}{
		{
			in{"Data": []byte("x")},
			"ValidationException",
			"1 validation error detected: Value null at 'partitionKey' failed to satisfy constraint: Member must not be null",
		},
		{
			in{"PartitionKey": "k", "Data": []byte("x"), "ExplicitHashKey": "340282366920938463463374607431768211456"},
			"InvalidArgumentException",
			"Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was 340282366920938463463374607431768211456",
		},
		{
			in{"PartitionKey": "k", "Data": []byte("x"), "ExplicitHashKey": "01"},
			"ValidationException",
			`1 validation error detected: Value '01' at 'explicitHashKey' failed to satisfy constraint: Member must satisfy regular expression pattern: 0|([1-9]\d{0,38})`,
		},
		{
			in{"PartitionKey": "k", "Data": []byte("x"), "SequenceNumberForOrdering": "7"},
			"InvalidArgumentException",
			"ExclusiveMinimumSequenceNumber 7 used in PutRecord on stream s under account 111111111111 is invalid.",
		},
		{
			in{"PartitionKey": "k", "Data": []byte("x"), "DryRun": true},
			"DryRunOperationException",
			"Request would have succeeded, but DryRun flag is set.",
		},
	} {
		c.members["StreamName"] = "s"
		r.refused("PutRecord", c.members, c.code, c.message)
	}
	future := sequence{created: testTime.Unix(), counter: 1 << 24, at: testTime.Unix() + 1}.String()
	r.refused("PutRecord", in{"StreamName": "s", "PartitionKey": "k", "Data": []byte("x"), "SequenceNumberForOrdering": future},
		"InvalidArgumentException", "ExclusiveMinimumSequenceNumber "+future+" used in PutRecord on stream s under account 111111111111 is invalid.")
	r.refused("PutRecords", in{"StreamName": "s", "Records": []any{
		in{"PartitionKey": "k", "Data": []byte("x")}, in{"Data": []byte("x")},
	}}, "ValidationException",
		"1 validation error detected: Value null at 'records.2.member.partitionKey' failed to satisfy constraint: Member must not be null")
	r.refused("PutRecords", in{"StreamName": "none", "Records": []any{in{"PartitionKey": "k", "Data": []byte("x")}}},
		"ResourceNotFoundException", "Stream none under account 111111111111 not found.")

	if got := append(r.all("s", 0), r.all("s", 1)...); len(got) != 0 {
		t.Errorf("refused calls have put %d records, want none", len(got))
	}
}

func TestRecordPutAfterAnAnswerHasAGreaterNumber(t *testing.T) {
	r := newRig(t)
	r.create("s", 1)
	first := r.put("s", "k", "1").SequenceNumber
	r.clock.advance(-1 << 40) // about 18 minutes back
	second := ok[PutRecordOutput](r, "PutRecord", in{
		"StreamName": "s", "PartitionKey": "k", "Data": []byte("2"),
		"SequenceNumberForOrdering": sequence{created: 1, at: 1}.String(),
	}).SequenceNumber
	if second <= first {
		t.Errorf("second number %s, want more than %s", second, first)
	}
}

func TestStreamThatDistributesNeedsNoKey(t *testing.T) {
	r := newRig(t)
	ok[api.Void](r, "CreateStream", in{"StreamName": "s", "RecordDistributionStrategy": "AUTO"})
	r.settle()
	records := slices.Repeat([]any{in{"Data": []byte("x")}}, 400)
	out := ok[PutRecordsOutput](r, "PutRecords", in{"StreamName": "s", "Records": records})
	perShard := map[string]int{}
	for _, res := range out.Records {
		perShard[res.ShardID]++
	}
	if len(perShard) != onDemandShards {
		t.Errorf("400 records went to shards %v, want all %d", perShard, onDemandShards)
	}
	if got := r.all("s", 0)[0]; got.PartitionKey != "" || !bytes.Equal(got.Data, []byte("x")) {
		t.Errorf("record is %+v, want x without a key", got)
	}
}

func TestOneBrokenShardFailsOnlyItsRecords(t *testing.T) {
	r := newRig(t)
	r.create("s", 2)
	st, _, _ := r.service.streams.Get(streamID{alice, region, "s"}.key())
	if err := r.journals.Delete(t.Context(), st.journal(0)); err != nil {
		t.Fatal(err)
	}
	out := ok[PutRecordsOutput](r, "PutRecords", in{"StreamName": "s", "Records": []any{
		in{"PartitionKey": "a", "Data": []byte("lost"), "ExplicitHashKey": "0"},
		in{"PartitionKey": "a", "Data": []byte("kept"), "ExplicitHashKey": ringEnd},
	}})
	failure := PutRecordsResultEntry{ErrorCode: "InternalFailure", ErrorMessage: "Internal Service Failure."}
	if *out.FailedRecordCount != 1 || out.Records[0] != failure || out.Records[1].ShardID != ShardID(1).String() {
		t.Errorf("got %d failed, %+v, want the first record to fail as %+v", *out.FailedRecordCount, out.Records, failure)
	}
	_, err := r.do(alice, region, "PutRecord", in{"StreamName": "s", "PartitionKey": "a", "Data": []byte("x"), "ExplicitHashKey": "0"})
	if _, refused := api.AsException(err); err == nil || refused {
		t.Errorf("PutRecord into a broken shard: %v, want an error of ours", err)
	}
}
