package kinesis

import (
	"context"
	"errors"
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tributary/internal/durable/journal"
	"tributary/internal/pure/policy"
	"tributary/internal/service/api"
)

func TestStreamIsCreatingThenActive(t *testing.T) {
	r := newRig(t)
	ok[api.Void](r, "CreateStream", in{"StreamName": "s", "ShardCount": number(3)})

	d := ok[DescribeStreamOutput](r, "DescribeStream", in{"StreamName": "s"}).StreamDescription
	if d.StreamStatus != statusCreating || len(d.Shards) != 0 {
		t.Errorf("after CreateStream: status %s with %d shards, want CREATING with none", d.StreamStatus, len(d.Shards))
	}
	r.refused("PutRecord", in{"StreamName": "s", "PartitionKey": "k", "Data": []byte("x")},
		"ResourceNotFoundException", "Stream s under account 111111111111 not found.")
	r.refused("ListShards", in{"StreamName": "s"},
		"ResourceInUseException", "Stream s under account 111111111111 not ACTIVE, instead in state CREATING")

	r.settle()
	d = ok[DescribeStreamOutput](r, "DescribeStream", in{"StreamName": "s"}).StreamDescription
	shard := func(n int, first, last, start string) Shard {
		return Shard{
			ShardID:             ShardID(n).String(),
			HashKeyRange:        &HashKeyRange{first, last},
			SequenceNumberRange: &SequenceNumberRange{StartingSequenceNumber: start},
		}
	}
	stamp := testTime.Unix() - 2
	start := func(n int) string { return sequence{created: stamp, at: stamp, shard: ShardID(n)}.String() }
	want := &StreamDescription{
		StreamName: "s", StreamARN: "arn:aws:kinesis:us-east-1:111111111111:stream/s", StreamStatus: "ACTIVE",
		StreamModeDetails: &StreamModeDetails{"PROVISIONED"},
		Shards: []Shard{
			shard(0, "0", "113427455640312821154458202477256070484", start(0)),
			shard(1, "113427455640312821154458202477256070485", "226854911280625642308916404954512140969", start(1)),
			shard(2, "226854911280625642308916404954512140970", ringEnd, start(2)),
		},
		RetentionPeriodHours: 24, StreamCreationTimestamp: api.At(testTime),
		EnhancedMonitoring: []EnhancedMetrics{{ShardLevelMetrics: []string{}}}, EncryptionType: "NONE",
	}
	if diff := cmp.Diff(want, d); diff != "" {
		t.Errorf("DescribeStream (-want +got):\n%s", diff)
	}
}

func TestSummaryOfAStream(t *testing.T) {
	r := newRig(t)
	ok[api.Void](r, "CreateStream", in{"StreamName": "s"})
	r.settle()
	got := ok[DescribeStreamSummaryOutput](r, "DescribeStreamSummary", in{"StreamName": "s"}).StreamDescriptionSummary
	size := int32(1024)
	want := &StreamDescriptionSummary{
		StreamName: "s", StreamARN: "arn:aws:kinesis:us-east-1:111111111111:stream/s", StreamStatus: "ACTIVE",
		StreamModeDetails: &StreamModeDetails{"ON_DEMAND"}, RetentionPeriodHours: 24,
		StreamCreationTimestamp: api.At(testTime),
		EnhancedMonitoring:      []EnhancedMetrics{{ShardLevelMetrics: []string{}}}, EncryptionType: "NONE",
		OpenShardCount: 4, ConsumerCount: new(int32), MaxRecordSizeInKiB: &size,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("DescribeStreamSummary (-want +got):\n%s", diff)
	}
}

func TestCreateStreamRefusals(t *testing.T) {
	r := newRig(t, func(r *rig) { r.limit = 10 })
	r.create("s", 7)
	for _, c := range []struct {
		members       in
		code, message string
	}{
		{
			in{"StreamName": "s", "ShardCount": number(1)},
			"ResourceInUseException", "Stream s under account 111111111111 already exists.",
		},
		{
			in{"StreamName": "t", "ShardCount": number(4)},
			"LimitExceededException",
			"This request would exceed the shard limit for the account 111111111111 in us-east-1. Current shard count for the account: 7. " +
				"Limit: 10. Number of additional shards that would have resulted from this request: 4. Refer to the AWS Service Limits page " +
				"(http://docs.aws.amazon.com/general/latest/gr/aws_service_limits.html) for current limits and how to request higher limits.",
		},
		{
			in{"StreamName": "t", "ShardCount": number(2147483647)},
			"LimitExceededException",
			"This request would exceed the shard limit for the account 111111111111 in us-east-1. Current shard count for the account: 7. " +
				"Limit: 10. Number of additional shards that would have resulted from this request: 2147483647. Refer to the AWS Service Limits page " +
				"(http://docs.aws.amazon.com/general/latest/gr/aws_service_limits.html) for current limits and how to request higher limits.",
		},
		{
			in{"StreamName": "t", "ShardCount": number(0)},
			"ValidationException",
			"1 validation error detected: Value '0' at 'shardCount' failed to satisfy constraint: Member must have value greater than or equal to 1",
		},
		{
			in{"StreamName": "a/b"},
			"ValidationException",
			"1 validation error detected: Value 'a/b' at 'streamName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
		},
		{
			in{"StreamName": "t", "StreamModeDetails": in{"StreamMode": "PROVISIONED"}},
			"ValidationException",
			"ShardCount is required for streams in mode PROVISIONED.",
		},
		{
			in{"StreamName": "t", "StreamModeDetails": in{"StreamMode": "ON_DEMAND"}, "ShardCount": number(1)},
			"ValidationException",
			"ShardCount must not be given for streams in mode ON_DEMAND.",
		},
		{
			in{"StreamName": "t", "ShardCount": number(1), "RecordDistributionStrategy": "AUTO"},
			"ValidationException",
			"RecordDistributionStrategy AUTO is only for streams in mode ON_DEMAND.",
		},
	} {
		r.refused("CreateStream", c.members, c.code, c.message)
	}
	// Another account, another Region: other names, other limits.
	for _, c := range []streamID{{bob, region, "s"}, {alice, "eu-west-1", "s"}} {
		if _, err := r.do(c.Account, c.Region, "CreateStream", in{"StreamName": "s", "ShardCount": number(10)}); err != nil {
			t.Errorf("CreateStream for %s: %v, want success", c.arn(), err)
		}
	}
}

func TestDeletedStreamIsGoneAtOnceAndItsJournalsSoon(t *testing.T) {
	r := newRig(t)
	r.create("s", 2)
	r.put("s", "a", "old")
	old := r.iterator("s", 0, iteratorTrimHorizon, nil)
	st, _, _ := r.service.streams.Get(streamID{alice, region, "s"}.key())

	ok[api.Void](r, "DeleteStream", in{"StreamName": "s"})
	ok[api.Void](r, "DeleteStream", in{"StreamName": "s"}) // again: no change
	if got := ok[DescribeStreamSummaryOutput](r, "DescribeStreamSummary", in{"StreamName": "s"}); got.StreamDescriptionSummary.StreamStatus != statusDeleting {
		t.Errorf("status is %s, want DELETING", got.StreamDescriptionSummary.StreamStatus)
	}
	r.refused("CreateStream", in{"StreamName": "s"}, "ResourceInUseException", "Stream s under account 111111111111 already exists.")
	r.refused("PutRecord", in{"StreamName": "s", "PartitionKey": "k", "Data": []byte("x")},
		"ResourceNotFoundException", "Stream s under account 111111111111 not found.")
	r.refused("GetRecords", in{"ShardIterator": old},
		"ResourceNotFoundException", "Shard shardId-000000000000 in stream s under account 111111111111 does not exist")

	r.settle()
	r.refused("DescribeStream", in{"StreamName": "s"}, "ResourceNotFoundException", "Stream s under account 111111111111 not found.")
	r.refused("DeleteStream", in{"StreamName": "s"}, "ResourceNotFoundException", "Stream s under account 111111111111 not found.")
	for _, sh := range st.Shards {
		if _, err := r.journals.Open(t.Context(), st.journal(sh.ID)); !errors.Is(err, journal.ErrUnknown) {
			t.Errorf("journal %s: %v, want %v", st.journal(sh.ID), err, journal.ErrUnknown)
		}
	}

	r.create("s", 2)
	if got := append(r.all("s", 0), r.all("s", 1)...); len(got) != 0 {
		t.Errorf("a new stream of the same name has records %q, want none", texts(got))
	}
	r.refused("GetRecords", in{"ShardIterator": old},
		"ResourceNotFoundException", "Shard shardId-000000000000 in stream s under account 111111111111 does not exist")
}

func TestCrashBetweenTwoStatesIsRepaired(t *testing.T) {
	r := newRig(t)
	ok[api.Void](r, "CreateStream", in{"StreamName": "half-made", "ShardCount": number(2)})
	st, _, _ := r.service.streams.Get(streamID{alice, region, "half-made"}.key())
	if _, err := r.journals.Create(t.Context(), st.journal(0)); err != nil { // and then the crash
		t.Fatal(err)
	}
	r.create("half-gone", 2)
	ok[api.Void](r, "DeleteStream", in{"StreamName": "half-gone"})
	st, _, _ = r.service.streams.Get(streamID{alice, region, "half-gone"}.key())
	if err := r.journals.Delete(t.Context(), st.journal(1)); err != nil {
		t.Fatal(err)
	}

	r.stop()
	r.start()
	r.runUntil(func() bool {
		st, _, _ := r.service.streams.Get(streamID{alice, region, "half-made"}.key())
		return st.Status == statusActive && r.service.streams.Len() == 1
	})
	r.put("half-made", "a", "x")
	if got := ok[ListStreamsOutput](r, "ListStreams", in{}).StreamNames; !slices.Equal(got, []string{"half-made"}) {
		t.Errorf("ListStreams = %v, want only half-made", got)
	}
}

func TestStreamDeletedWhileCreatingIsRemoved(t *testing.T) {
	r := newRig(t)
	ok[api.Void](r, "CreateStream", in{"StreamName": "s"})
	ok[api.Void](r, "DeleteStream", in{"StreamName": "s"})
	r.settle()
	r.refused("DescribeStream", in{"StreamName": "s"}, "ResourceNotFoundException", "Stream s under account 111111111111 not found.")
}

func TestRunMakesStreamsActive(t *testing.T) {
	r := newRig(t)
	ok[api.Void](r, "CreateStream", in{"StreamName": "s", "ShardCount": number(1)})
	r.runUntil(func() bool {
		st, _, _ := r.service.streams.Get(streamID{alice, region, "s"}.key())
		return st.Status == statusActive
	})
}

// runUntil lets Run work until something is so.
func (r *rig) runUntil(so func() bool) {
	r.Helper()
	ctx, cancel := context.WithCancel(r.Context())
	done := make(chan error, 1)
	go func() { done <- r.service.Run(ctx) }()
	for deadline := time.Now().Add(20 * time.Second); !so(); runtime.Gosched() {
		if time.Now().After(deadline) {
			r.Error("Run has not done what it should in 20 s")
			break
		}
	}
	cancel()
	if err := <-done; err != nil {
		r.Errorf("Run = %v, want nil at the end of its context", err)
	}
}

func TestListStreamsPages(t *testing.T) {
	r := newRig(t)
	want := []string{"a", "a.b", "a_c", "b", "z"}
	for _, name := range []string{"z", "b", "a_c", "a.b", "a"} {
		r.create(name, 1)
	}
	if _, err := r.do(bob, region, "CreateStream", in{"StreamName": "bobs"}); err != nil {
		t.Fatal(err)
	}
	for name, next := range map[string]func(*ListStreamsOutput) in{
		"by token": func(o *ListStreamsOutput) in { return in{"Limit": number(2), "NextToken": o.NextToken} },
		"by name": func(o *ListStreamsOutput) in {
			return in{"Limit": number(2), "ExclusiveStartStreamName": o.StreamNames[len(o.StreamNames)-1]}
		},
	} {
		var got []string
		members := in{"Limit": number(2)}
		for {
			out := ok[ListStreamsOutput](r, "ListStreams", members)
			got = append(got, out.StreamNames...)
			for i, s := range out.StreamSummaries {
				if s.StreamName != out.StreamNames[i] || s.StreamStatus != statusActive {
					t.Errorf("%s: summary %d is of %s, %s, want %s, ACTIVE", name, i, s.StreamName, s.StreamStatus, out.StreamNames[i])
				}
			}
			if !out.HasMoreStreams {
				if out.NextToken != "" {
					t.Errorf("%s: the last page has a token", name)
				}
				break
			}
			members = next(out)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: listed %v, want %v", name, got, want)
		}
	}
}

func TestDescribeStreamPagesShards(t *testing.T) {
	r := newRig(t)
	r.create("s", 5)
	for _, c := range []struct {
		members in
		want    []string
		more    bool
	}{
		{in{"Limit": number(2)}, []string{"0", "1"}, true},
		{in{"Limit": number(2), "ExclusiveStartShardId": "shardId-000000000001"}, []string{"2", "3"}, true},
		{in{"Limit": number(2), "ExclusiveStartShardId": "2"}, []string{"3", "4"}, false},
		{in{"ExclusiveStartShardId": "shardId-000000000009"}, nil, false},
	} {
		c.members["StreamName"] = "s"
		d := ok[DescribeStreamOutput](r, "DescribeStream", c.members).StreamDescription
		if got := shardNumbers(d.Shards); !slices.Equal(got, c.want) || d.HasMoreShards != c.more {
			t.Errorf("DescribeStream %v: shards %v, more %v, want %v, %v", c.members, got, d.HasMoreShards, c.want, c.more)
		}
	}
	r.refused("DescribeStream", in{"StreamName": "s", "ExclusiveStartShardId": "x"},
		"ResourceNotFoundException", "Could not find shard x in stream s under account 111111111111.")
}

// shardNumbers are the numbers of shards, without what stands before them.
func shardNumbers(shards []Shard) []string {
	var list []string
	for _, sh := range shards {
		list = append(list, strings.TrimPrefix(sh.ShardID, "shardId-00000000000"))
	}
	return list
}

func TestStreamIsNamedByNameOrARN(t *testing.T) {
	r := newRig(t)
	r.create("s", 1)
	const good = "arn:aws:kinesis:us-east-1:111111111111:stream/s"
	for _, members := range []in{{"StreamName": "s"}, {"StreamARN": good}, {"StreamName": "s", "StreamARN": good}} {
		if got := ok[DescribeStreamSummaryOutput](r, "DescribeStreamSummary", members); got.StreamDescriptionSummary.StreamARN != good {
			t.Errorf("DescribeStreamSummary %v is of %s, want %s", members, got.StreamDescriptionSummary.StreamARN, good)
		}
	}
	const invalid = "InvalidArgumentException"
	r.refused("DescribeStreamSummary", in{}, invalid, "Either StreamName or StreamARN should be provided.")
	r.refused("DescribeStreamSummary", in{"StreamName": "other", "StreamARN": good}, invalid,
		"StreamName other and StreamARN "+good+" name different streams.")
	for _, bad := range []string{
		good + "/consumer/c:1",
		"arn:aws-cn:kinesis:us-east-1:111111111111:stream/s",
		"arn:aws:kinesis:US:111111111111:stream/s",
		"arn:awsx:kinesis:kinesis::111111111111:stream/s",
	} {
		r.refused("DescribeStreamSummary", in{"StreamARN": bad}, invalid, "StreamARN "+bad+" is not the ARN of a stream.")
	}
	if _, err := r.do(alice, "eu-west-1", "CreateStream", in{"StreamName": "s"}); err != nil {
		t.Fatal(err)
	}
	r.refused("DescribeStreamSummary", in{"StreamARN": "arn:aws:kinesis:eu-west-1:111111111111:stream/s"},
		"ResourceNotFoundException", "Stream s under account 111111111111 not found.")
}

// TestForeignStreamIsNotThere is the last line of defence: also when policies allow
// it, another account's stream is not there yet.
func TestForeignStreamIsNotThere(t *testing.T) {
	r := newRig(t)
	r.create("s", 1)
	it := r.iterator("s", 0, iteratorTrimHorizon, nil)
	const streamARN = "arn:aws:kinesis:us-east-1:111111111111:stream/s"
	const noStream = "Stream s under account 111111111111 not found."
	const noShard = "Shard shardId-000000000000 in stream s under account 111111111111 does not exist"
	for _, c := range []struct {
		op      string
		members in
		message string
	}{
		{"DescribeStream", in{}, noStream},
		{"DescribeStreamSummary", in{}, noStream},
		{"ListShards", in{}, noStream},
		{"PutRecord", in{"PartitionKey": "k", "Data": []byte("x")}, noStream},
		{"PutRecords", in{"Records": []any{in{"PartitionKey": "k", "Data": []byte("x")}}}, noStream},
		{"GetShardIterator", in{"ShardId": "0", "ShardIteratorType": "LATEST"}, noShard},
		{"DeleteStream", in{}, noStream},
	} {
		c.members["StreamARN"] = streamARN
		r.refusedAs(bob, region, c.op, c.members, "ResourceNotFoundException", c.message)
	}
	r.refusedAs(bob, region, "GetRecords", in{"ShardIterator": it, "StreamARN": streamARN}, "InvalidArgumentException", "Invalid ShardIterator.")
	if n := len(r.all("s", 0)); n != 0 {
		t.Errorf("the stream has %d records, want none", n)
	}
}

func TestEveryOperationAsksForItsPermission(t *testing.T) {
	var asked []api.Access
	r := newRig(t)
	r.create("s", 1)
	it := r.iterator("s", 0, iteratorTrimHorizon, nil)
	r.dispatch = api.NewDispatcher(denyAll{&asked}, r.service.Table())

	const mine = "arn:aws:kinesis:us-east-1:111111111111:stream/s"
	byARN := func(more in) in { more["StreamARN"] = mine; return more }
	byResource := func(more in) in { more["ResourceARN"] = mine; return more }
	consumer := mine + "/consumer/c:1"
	need := map[string]in{ // what an operation needs besides StreamName
		"PutRecord":                              {"PartitionKey": "k", "Data": []byte("x")},
		"PutRecords":                             {"Records": []any{in{"PartitionKey": "k", "Data": []byte("x")}}},
		"GetShardIterator":                       {"ShardId": "0", "ShardIteratorType": "LATEST"},
		"GetRecords":                             {"ShardIterator": it},
		"SplitShard":                             {"ShardToSplit": "0", "NewStartingHashKey": "9"},
		"MergeShards":                            {"ShardToMerge": "0", "AdjacentShardToMerge": "1"},
		"UpdateShardCount":                       {"TargetShardCount": number(2), "ScalingType": "UNIFORM_SCALING"},
		"UpdateStreamMode":                       byARN(in{"StreamModeDetails": in{"StreamMode": modeOnDemand}}),
		"IncreaseStreamRetentionPeriod":          {"RetentionPeriodHours": number(48)},
		"DecreaseStreamRetentionPeriod":          {"RetentionPeriodHours": number(24)},
		"UpdateMaxRecordSize":                    byARN(in{"MaxRecordSizeInKiB": number(2048)}),
		"UpdateStreamWarmThroughput":             {"WarmThroughputMiBps": number(1)},
		"UpdateStreamRecordDistributionStrategy": byARN(in{"RecordDistributionStrategy": distributionAuto}),
		"StartStreamEncryption":                  {"EncryptionType": encryptionKMS, "KeyId": "k"},
		"StopStreamEncryption":                   {"EncryptionType": encryptionKMS, "KeyId": "k"},
		"EnableEnhancedMonitoring":               {"ShardLevelMetrics": []any{everyMetric}},
		"DisableEnhancedMonitoring":              {"ShardLevelMetrics": []any{everyMetric}},
		"UpdateAccountSettings":                  {"MinimumThroughputBillingCommitment": in{"Status": "ENABLED"}},
		"AddTagsToStream":                        {"Tags": in{"k": "v"}},
		"RemoveTagsFromStream":                   {"TagKeys": []any{"k"}},
		"TagResource":                            byResource(in{"Tags": in{"k": "v"}}),
		"UntagResource":                          byResource(in{"TagKeys": []any{"k"}}),
		"ListTagsForResource":                    byResource(in{}),
		"PutResourcePolicy":                      byResource(in{"Policy": "{}"}),
		"GetResourcePolicy":                      byResource(in{}),
		"DeleteResourcePolicy":                   byResource(in{}),
		"RegisterStreamConsumer":                 byARN(in{"ConsumerName": "c"}),
		"ListStreamConsumers":                    byARN(in{}),
		"DescribeStreamConsumer":                 {"ConsumerARN": consumer},
		"DeregisterStreamConsumer":               {"ConsumerARN": consumer},
		"SubscribeToShard":                       {"ConsumerARN": consumer, "ShardId": "0", "StartingPosition": in{"Type": "LATEST"}},
	}
	onEverything := []string{"ListStreams", "DescribeLimits", "DescribeAccountSettings", "UpdateAccountSettings"}
	for _, op := range r.service.Table().Operations {
		members := in{"StreamName": "s"}
		maps.Copy(members, need[op.Name])
		resource := mine
		switch {
		case slices.Contains(onEverything, op.Name):
			resource = "*"
		case members["ConsumerARN"] != nil:
			resource = consumer
		}
		asked = nil
		_, err := r.do(alice, region, op.Name, members)
		e, isException := api.AsException(err)
		if !isException || e.Code != "AccessDeniedException" {
			t.Errorf("%s: got %v, want AccessDeniedException", op.Name, err)
		}
		for i := range asked {
			asked[i].Context = nil
		}
		if want := []api.Access{{Action: "kinesis:" + op.Name, Resource: resource}}; !cmp.Equal(asked, want) {
			t.Errorf("%s asked for %v, want %v", op.Name, asked, want)
		}
	}
	r.dispatch = api.NewDispatcher(allowAll{}, r.service.Table())
	if got := r.all("s", 0); len(got) != 0 {
		t.Errorf("a refused call has put %q", texts(got))
	}
}

func TestTagsAtCreationNeedTheirOwnPermission(t *testing.T) {
	accesses, err := createTarget(
		&api.Call{Region: region, Caller: callerOf(alice)},
		&CreateStreamInput{StreamName: "s", Tags: map[string]string{"k": "v"}})
	keys := policy.Context{"aws:requesttag/k": {"v"}, "aws:tagkeys": {"k"}}
	want := []api.Access{
		{Action: "kinesis:CreateStream", Resource: "arn:aws:kinesis:us-east-1:111111111111:stream/s", Context: keys},
		{Action: "kinesis:AddTagsToStream", Resource: "arn:aws:kinesis:us-east-1:111111111111:stream/s", Context: keys},
	}
	if err != nil || !cmp.Equal(accesses, want) {
		t.Errorf("got %v, %v, want %v", accesses, err, want)
	}
}

// TestStreamDeletedBetweenLookupAndUse plays the race by using a record that was
// looked up before.
func TestStreamDeletedBetweenLookupAndUse(t *testing.T) {
	r := newRig(t)
	r.create("s", 1)
	id := streamID{alice, region, "s"}
	before, _, _ := r.service.streams.Get(id.key())
	e := before.newEntries(1, 1)
	e.add("k", nil)
	_, _, err := r.service.append(t.Context(), id, &before, &before.Shards[0], e)
	if err != nil {
		t.Fatal(err)
	}
	check := func(when string) {
		_, _, err := r.service.append(t.Context(), id, &before, &before.Shards[0], e)
		if x, refused := api.AsException(err); !refused || x.Code != "ResourceNotFoundException" {
			t.Errorf("%s: %v, want ResourceNotFoundException", when, err)
		}
	}
	ok[api.Void](r, "DeleteStream", in{"StreamName": "s"})
	r.settle()
	check("after its deletion")
	r.create("s", 1)
	check("after another was made")
}

// TestLargeStreamsDoNotKeepOthersWaiting: streams of all accounts are finished by one
// goroutine.
func TestLargeStreamsDoNotKeepOthersWaiting(t *testing.T) {
	r := newRig(t)
	status := func(name string) string {
		out := ok[DescribeStreamSummaryOutput](r, "DescribeStreamSummary", in{"StreamName": name})
		return out.StreamDescriptionSummary.StreamStatus
	}
	ok[api.Void](r, "CreateStream", in{"StreamName": "a-large", "ShardCount": number(2*journalsPerTurn + 1)})
	p := settling{done: map[string]int{}, errs: map[string]error{}}
	if more := r.service.turn(t.Context(), &p); !more {
		t.Error("nothing more to do after one turn")
	}
	ok[api.Void](r, "CreateStream", in{"StreamName": "small", "ShardCount": number(1)}) // while the large one is made
	r.service.turn(t.Context(), &p)
	if large, small := status("a-large"), status("small"); large != statusCreating || small != statusActive {
		t.Errorf("after two turns the large stream is %s and the small one %s, want CREATING and ACTIVE", large, small)
	}
	ok[api.Void](r, "DeleteStream", in{"StreamName": "a-large"}) // half made
	ok[api.Void](r, "CreateStream", in{"StreamName": "large", "ShardCount": number(2 * journalsPerTurn)})
	r.settle()
	r.refused("DescribeStream", in{"StreamName": "a-large"}, "ResourceNotFoundException", "Stream a-large under account 111111111111 not found.")
	if got := status("large"); got != statusActive {
		t.Errorf("a stream of two whole turns is %s, want ACTIVE", got)
	}
	r.put("large", "k", "x")
	if n := len(r.journals.Names()); n != 2*journalsPerTurn+1 {
		t.Errorf("there are %d journals, want those of the streams that are left, %d", n, 2*journalsPerTurn+1)
	}
}
