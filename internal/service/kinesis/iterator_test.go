package kinesis

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"tributary/internal/pure/arn"
	"tributary/internal/service/api"
)

func TestIteratorTypes(t *testing.T) {
	r := newRig(t)
	r.create("s", 2)
	numbers := map[string]string{}
	for i := range 4 {
		name := fmt.Sprint(i + 1)
		r.clock.advance(time.Second)
		numbers[name] = r.put("s", "a", name).SequenceNumber
	}
	first := ok[ListShardsOutput](r, "ListShards", in{"StreamName": "s"}).Shards[0].SequenceNumberRange.StartingSequenceNumber
	latest := r.iterator("s", 0, iteratorLatest, nil)
	r.clock.advance(time.Second)
	r.put("s", "a", "5")

	at := func(n string) in { return in{"StartingSequenceNumber": numbers[n]} }
	since := func(d time.Duration) in { return in{"Timestamp": seconds(testTime.Add(d))} }
	for _, c := range []struct {
		name, iterator string
		want           []string
	}{
		{"TRIM_HORIZON", r.iterator("s", 0, iteratorTrimHorizon, nil), []string{"1", "2", "3", "4", "5"}},
		{"TRIM_HORIZON by short id", r.iterator("s", 0, iteratorTrimHorizon, in{"ShardId": "0"}), []string{"1", "2", "3", "4", "5"}},
		{"LATEST", latest, []string{"5"}},
		{"LATEST at the tip", r.iterator("s", 0, iteratorLatest, nil), nil},
		{"AT the third", r.iterator("s", 0, iteratorAtSequence, at("3")), []string{"3", "4", "5"}},
		{"AFTER the third", r.iterator("s", 0, iteratorAfterSequence, at("3")), []string{"4", "5"}},
		{"AT the start", r.iterator("s", 0, iteratorAtSequence, in{"StartingSequenceNumber": first}), []string{"1", "2", "3", "4", "5"}},
		{"AFTER the start", r.iterator("s", 0, iteratorAfterSequence, in{"StartingSequenceNumber": first}), []string{"1", "2", "3", "4", "5"}},
		{"AT_TIMESTAMP before all", r.iterator("s", 0, iteratorAtTimestamp, since(-time.Hour)), []string{"1", "2", "3", "4", "5"}},
		{"AT_TIMESTAMP of a record", r.iterator("s", 0, iteratorAtTimestamp, since(3*time.Second)), []string{"3", "4", "5"}},
		{"AT_TIMESTAMP between", r.iterator("s", 0, iteratorAtTimestamp, since(3*time.Second+time.Millisecond)), []string{"4", "5"}},
		{"AT_TIMESTAMP now", r.iterator("s", 0, iteratorAtTimestamp, since(5*time.Second)), []string{"5"}},
		{"an empty shard", r.iterator("s", 1, iteratorTrimHorizon, nil), nil},
	} {
		if got := texts(r.get(c.iterator).Records); !slices.Equal(got, c.want) {
			t.Errorf("%s: read %v, want %v", c.name, got, c.want)
		}
	}
}

func TestGetShardIteratorRefusals(t *testing.T) {
	r := newRig(t)
	r.create("s", 2)
	record := r.put("s", "a", "x").SequenceNumber
	good, _ := parseSequence(record)
	foreign := func(change func(*sequence)) string {
		q := good
		change(&q)
		return q.String()
	}
	const (
		invalid  = "InvalidArgumentException"
		notFound = "ResourceNotFoundException"
		must     = "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and StartingSequenceNumber or " +
			"(2) TRIM_HORIZON or LATEST and no StartingSequenceNumber. Request specified "
	)
	notOurs := func(n string) string {
		return "StartingSequenceNumber " + n + " used in GetShardIterator on shard shardId-000000000000 in stream s " +
			"under account 111111111111 is invalid because it did not come from this stream."
	}
	for _, c := range []struct {
		shard, iteratorType string
		more                in
		code, message       string
	}{
		{"shardId-000000000002", "LATEST", nil, notFound, "Shard shardId-000000000002 in stream s under account 111111111111 does not exist"},
		{"shard-0", "LATEST", nil, notFound, "Could not find shard shard-0 in stream s under account 111111111111."},
		{"0", "LATEST", in{"StreamName": "none"}, notFound, "Shard shardId-000000000000 in stream none under account 111111111111 does not exist"},
		{"0", "AT_SEQUENCE_NUMBER", nil, invalid, must + "AT_SEQUENCE_NUMBER and no StartingSequenceNumber."},
		{"0", "AFTER_SEQUENCE_NUMBER", nil, invalid, must + "AFTER_SEQUENCE_NUMBER and no StartingSequenceNumber."},
		{"0", "LATEST", in{"StartingSequenceNumber": record}, invalid, must + "LATEST and also a StartingSequenceNumber."},
		{"0", "TRIM_HORIZON", in{"StartingSequenceNumber": record}, invalid, must + "TRIM_HORIZON and also a StartingSequenceNumber."},
		{"0", "AT_TIMESTAMP", nil, invalid, "Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP. Current request has no timestamp parameter."},
		{
			"0", "AT_TIMESTAMP",
			in{"Timestamp": seconds(testTime.Add(time.Millisecond))},
			invalid,
			fmt.Sprintf("The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. timestampInMillis: %d, currentTimestampInMillis: %d",
				testTime.UnixMilli()+1, testTime.UnixMilli()),
		},
		{
			"1", "AT_SEQUENCE_NUMBER",
			in{"StartingSequenceNumber": record},
			invalid,
			"Invalid StartingSequenceNumber. It encodes shardId-000000000000, while it was used in a call to a shard with shardId-000000000001",
		},
		{
			"0", "AT_SEQUENCE_NUMBER",
			in{"StartingSequenceNumber": "7"},
			invalid,
			"StartingSequenceNumber 7 used in GetShardIterator on shard shardId-000000000000 in stream s under account 111111111111 is invalid.",
		},
		{"0", "LATEST", in{"DryRun": true}, "DryRunOperationException", "Request would have succeeded, but DryRun flag is set."},
	} {
		members := in{"StreamName": "s", "ShardId": c.shard, "ShardIteratorType": c.iteratorType}
		for k, v := range c.more {
			members[k] = v
		}
		r.refused("GetShardIterator", members, c.code, c.message)
	}
	for name, n := range map[string]string{
		"another stream's":        foreign(func(q *sequence) { q.created-- }),
		"of another second":       foreign(func(q *sequence) { q.at++ }),
		"of a record not written": foreign(func(q *sequence) { q.counter += 1 << indexBits }),
		"behind the block's end":  foreign(func(q *sequence) { q.counter++ }),
		"the end of an open one":  foreign(func(q *sequence) { q.counter = lastCounter }),
		"start at another time":   foreign(func(q *sequence) { q.counter = 0 }),
	} {
		t.Run(name, func(*testing.T) {
			r.refused("GetShardIterator", in{"StreamName": "s", "ShardId": "0", "ShardIteratorType": "AT_SEQUENCE_NUMBER", "StartingSequenceNumber": n},
				invalid, notOurs(n))
		})
	}
}

func TestIteratorLastsFiveMinutes(t *testing.T) {
	r := newRig(t)
	r.create("s", 1)
	it := r.iterator("s", 0, iteratorTrimHorizon, nil)
	r.clock.advance(5 * time.Minute)
	r.get(it)
	r.clock.advance(time.Millisecond)
	r.refused("GetRecords", in{"ShardIterator": it}, "ExpiredIteratorException",
		"Iterator expired. The iterator was created at time Sat Nov 21 04:00:00 UTC 2026 while right now it is Sat Nov 21 04:05:00 UTC 2026 "+
			"which is further in the future than the tolerated delay of 300000 milliseconds.")
}

func TestIteratorLooksLikeAWSs(t *testing.T) {
	r := newRig(t)
	name := strings.Repeat("n", 128)
	r.create(name, 1)
	it := r.iterator(name, 0, iteratorLatest, nil)
	raw, err := base64.StdEncoding.DecodeString(it)
	if err != nil || len(it) > 512 || !strings.HasPrefix(string(raw), iteratorPrefix) {
		t.Errorf("iterator %s of %d characters, %v, want base64 of 00…01 and more, at most 512", it, len(it), err)
	}
	if it == r.iterator(name, 0, iteratorLatest, nil) {
		t.Error("two iterators are the same, want each sealed anew")
	}
}

func TestIteratorBelongsToAccountAndRegion(t *testing.T) {
	r := newRig(t)
	r.create("s", 1)
	r.put("s", "k", "secret")
	it := r.iterator("s", 0, iteratorTrimHorizon, nil)
	for _, c := range []struct {
		account arn.AccountID
		region  arn.Region
	}{{bob, region}, {alice, "eu-west-1"}} {
		// A stream of the same name, so that only the iterator tells them apart.
		if _, err := r.do(c.account, c.region, "CreateStream", in{"StreamName": "s", "ShardCount": number(1)}); err != nil {
			t.Fatal(err)
		}
		r.settle()
		r.refusedAs(c.account, c.region, "GetRecords", in{"ShardIterator": it}, "InvalidArgumentException", "Invalid ShardIterator.")
	}
	r.refused("GetRecords", in{"ShardIterator": it, "StreamARN": "arn:aws:kinesis:us-east-1:111111111111:stream/t"}, "InvalidArgumentException",
		"StreamName s and StreamARN arn:aws:kinesis:us-east-1:111111111111:stream/t name different streams.")
}

// TestForgedIteratorsAreRefused tries what a caller can do to a text: change it,
// cut it, lengthen it, write it in another way, make it up.
func TestForgedIteratorsAreRefused(t *testing.T) {
	r := newRig(t)
	r.create("s", 1)
	r.put("s", "k", "x")
	good := r.iterator("s", 0, iteratorTrimHorizon, nil)
	raw, err := base64.StdEncoding.DecodeString(good)
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.StdEncoding.EncodeToString

	var forged []string
	for bit := range 8 * len(raw) {
		b := slices.Clone(raw)
		b[bit/8] ^= 1 << (bit % 8)
		forged = append(forged, encode(b))
	}
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=\n\r "
	for i := range good {
		for range 8 {
			c := alphabet[rand.IntN(len(alphabet))]
			forged = append(forged, good[:i]+string(c)+good[i:])
			if c != good[i] {
				forged = append(forged, good[:i]+string(c)+good[i+1:])
			}
		}
		if i > 0 {
			forged = append(forged, good[:i], good[i:])
		}
	}
	for n := range raw {
		forged = append(forged, encode(raw[:n]), encode(append(slices.Clone(raw), raw[:n+1]...)))
	}
	for range 3000 {
		b := make([]byte, rand.IntN(300))
		for i := range b {
			b[i] = byte(rand.Uint32())
		}
		forged = append(forged, encode(append([]byte(iteratorPrefix), b...)))
	}
	page := r.service.sealPage(&api.Call{Region: region, Caller: callerOf(alice)}, pageToken{Kind: pageOfShards, Stream: "s"})
	forged = append(forged, page, base64.RawStdEncoding.EncodeToString(raw), base64.URLEncoding.EncodeToString(raw)+"\n")

	tried := 0
	for _, text := range forged {
		if text == good || text == "" {
			continue
		}
		tried++
		_, err := r.do(alice, region, "GetRecords", in{"ShardIterator": text})
		e, refused := api.AsException(err)
		tooLong := len(text) > 512 && refused && e.Code == "ValidationException"
		if !tooLong && (!refused || e.Message != "Invalid ShardIterator.") {
			t.Errorf("iterator %q: got %v, want Invalid ShardIterator.", text, err)
		}
	}
	if tried < 5000 {
		t.Errorf("tried %d forged iterators, want thousands", tried)
	}
	r.get(good)
}
