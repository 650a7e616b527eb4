package kinesis

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"tributary/internal/pure/arn"
	"tributary/internal/service/api"
)

// A listener is the client's end of a subscription.
type listener struct {
	*rig
	stream *api.Stream
}

// subscribe makes a subscription of alice's that lasts as long as the test.
func (r *rig) subscribe(consumer string, shard ShardID, startingPosition in) *listener {
	r.Helper()
	stream := ok[api.Stream](r, "SubscribeToShard",
		in{"ConsumerARN": consumer, "ShardId": shard.String(), "StartingPosition": startingPosition})
	r.Cleanup(stream.Close)
	return &listener{r, stream}
}

var (
	fromLatest  = in{"Type": "LATEST"}
	fromHorizon = in{"Type": "TRIM_HORIZON"}
)

// next waits for an event.
func (l *listener) next() (*shardEvent, error) {
	l.Helper()
	ctx, cancel := context.WithTimeout(l.Context(), 30*time.Second)
	defer cancel()
	if err := l.stream.Ready(ctx); err != nil {
		l.Fatalf("no event: %v", err)
	}
	event, err := l.stream.Next(ctx, func() (*api.Call, error) {
		return &api.Call{Service: "kinesis", Region: region, Caller: callerOf(alice)}, nil
	})
	if err != nil {
		return nil, err
	}
	return event.Payload.(*shardEvent), nil
}

func (l *listener) event() *shardEvent {
	l.Helper()
	e, err := l.next()
	if err != nil {
		l.Fatal(err)
	}
	return e
}

// ends checks that the stream ends with a refusal, or at its end when code is "".
func (l *listener) ends(code, message string) {
	l.Helper()
	_, err := l.next()
	if code == "" {
		if !errors.Is(err, io.EOF) {
			l.Errorf("got %v, want the end of the stream", err)
		}
		return
	}
	if e, ok := api.AsException(err); !ok || e.Code != code || e.Message != message {
		l.Errorf("got %v\nwant %s: %s", err, code, message)
	}
}

func TestSubscribeFromEveryPosition(t *testing.T) {
	r := newRig(t)
	r.create("s", 1)
	first := r.put("s", "k", "1")
	r.clock.advance(time.Minute)
	second := r.put("s", "k", "2")
	r.put("s", "k", "3")
	consumer := r.consumer("c")
	for name, c := range map[string]struct {
		from in
		want []string
	}{
		"TRIM_HORIZON":          {fromHorizon, []string{"1", "2", "3"}},
		"LATEST":                {fromLatest, nil},
		"AT_SEQUENCE_NUMBER":    {in{"Type": "AT_SEQUENCE_NUMBER", "SequenceNumber": second.SequenceNumber}, []string{"2", "3"}},
		"AFTER_SEQUENCE_NUMBER": {in{"Type": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": first.SequenceNumber}, []string{"2", "3"}},
		"AT_TIMESTAMP":          {in{"Type": "AT_TIMESTAMP", "Timestamp": seconds(testTime.Add(time.Second))}, []string{"2", "3"}},
	} {
		r.clock.advance(takeoverAge)
		l := r.subscribe(consumer, 0, c.from)
		event := l.event()
		if got := texts(event.Records); !slices.Equal(got, c.want) || event.MillisBehindLatest != 0 || len(event.ChildShards) != 0 {
			t.Errorf("%s: got %q, %+v, want %q", name, got, event, c.want)
		}
		// From where the first event stands a reader loses nothing, also when it has
		// had no record.
		it := r.iterator("s", 0, iteratorAfterSequence, in{"StartingSequenceNumber": event.ContinuationSequenceNumber})
		if got := r.get(it).Records; len(got) != 0 {
			t.Errorf("%s: the number of the first event leads to %q again", name, texts(got))
		}
		l.stream.Close()
	}
	for _, c := range []struct {
		from          in
		code, message string
	}{
		{in{"Type": "AT_TIMESTAMP"}, "InvalidArgumentException", "Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP. Current request has no timestamp parameter."},
		{in{"Type": "AFTER_SEQUENCE_NUMBER"}, "InvalidArgumentException", "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and StartingSequenceNumber or (2) TRIM_HORIZON or LATEST and no StartingSequenceNumber. Request specified AFTER_SEQUENCE_NUMBER and no StartingSequenceNumber."},
	} {
		r.refused("SubscribeToShard", in{"ConsumerARN": consumer, "ShardId": "0", "StartingPosition": c.from}, c.code, c.message)
	}
}

func TestRecordsArePushed(t *testing.T) {
	r := newRig(t)
	r.create("s", 2)
	l := r.subscribe(r.consumer("c"), 0, fromLatest)
	if got := l.event(); len(got.Records) != 0 || got.ContinuationSequenceNumber == "" {
		t.Errorf("first event: got %+v, want no records and a number", got)
	}
	for _, data := range []string{"a", "b", "c"} {
		put := ok[PutRecordOutput](r, "PutRecord",
			in{"StreamName": "s", "PartitionKey": "k", "ExplicitHashKey": "0", "Data": []byte(data)})
		event := l.event()
		if got := texts(event.Records); !slices.Equal(got, []string{data}) || event.ContinuationSequenceNumber != put.SequenceNumber {
			t.Errorf("got %q and %s, want %q and %s", got, event.ContinuationSequenceNumber, data, put.SequenceNumber)
		}
	}
}

func TestLargeBacklogComesInEvents(t *testing.T) {
	r := newRig(t)
	r.create("s", 1)
	data := strings.Repeat("x", 300<<10)
	for range 10 {
		r.put("s", "k", data)
	}
	l := r.subscribe(r.consumer("c"), 0, fromHorizon)
	total, behind := 0, true
	for behind {
		event := l.event()
		size := 0
		for _, rec := range event.Records {
			size += len(rec.Data)
		}
		if size > eventBytes {
			t.Errorf("an event has %d bytes, want at most %d", size, eventBytes)
		}
		total += len(event.Records)
		behind = event.MillisBehindLatest > 0
	}
	if total != 10 {
		t.Errorf("got %d records before MillisBehindLatest is 0, want 10", total)
	}
}

func TestSecondSubscription(t *testing.T) {
	r := newRig(t)
	r.create("s", 2)
	consumer := r.consumer("c")
	members := in{"ConsumerARN": consumer, "ShardId": "shardId-000000000000", "StartingPosition": fromLatest}
	active := "Another active subscription exists for this consumer: 111111111111:s:c:" +
		consumer[strings.LastIndexByte(consumer, ':')+1:] + ":shardId-000000000000"
	first := r.subscribe(consumer, 0, fromLatest)
	first.event()
	r.refused("SubscribeToShard", members, "ResourceInUseException", active)
	r.subscribe(consumer, 1, fromLatest).event()        // another shard
	r.subscribe(r.consumer("d"), 0, fromLatest).event() // another consumer
	r.clock.advance(takeoverAge - time.Millisecond)
	r.refused("SubscribeToShard", members, "ResourceInUseException", active)
	r.clock.advance(time.Millisecond)
	second := r.subscribe(consumer, 0, fromLatest)
	first.ends("ResourceInUseException", active)
	second.event()
	second.stream.Close()
	r.refused("SubscribeToShard", members, "ResourceInUseException", active) // five seconds from its beginning
	r.clock.advance(takeoverAge)
	r.subscribe(consumer, 0, fromLatest).event()
}

// TestConsumerRegisteredAgainInItsSecond: its ARN is that of the one before, which
// has no part in it.
func TestConsumerRegisteredAgainInItsSecond(t *testing.T) {
	r := newRig(t)
	r.create("s", 1)
	consumer := r.consumer("c")
	before := r.subscribe(consumer, 0, fromLatest)
	before.event()
	ok[api.Void](r, "DeregisterStreamConsumer", in{"ConsumerARN": consumer})
	if again := r.consumer("c"); again != consumer {
		t.Fatalf("got %s, want %s again", again, consumer)
	}
	r.subscribe(consumer, 0, fromLatest).event()
	before.ends("ResourceNotFoundException", "Consumer c under stream s not found for account 111111111111.")
}

func TestSubscriptionLastsFiveMinutes(t *testing.T) {
	r := newRig(t)
	r.create("s", 1)
	l := r.subscribe(r.consumer("c"), 0, fromLatest)
	l.event()
	r.clock.advance(subscriptionLife - time.Second)
	r.put("s", "k", "x")
	if got := texts(l.event().Records); !slices.Equal(got, []string{"x"}) {
		t.Errorf("in the last second: got %q", got)
	}
	r.clock.advance(time.Second)
	l.ends("", "")
}

func TestSubscriptionWhoseStreamChanges(t *testing.T) {
	for name, c := range map[string]struct {
		change        func(r *rig, consumer string)
		code, message string
	}{
		"the consumer is deregistered": {
			func(r *rig, consumer string) {
				ok[api.Void](r, "DeregisterStreamConsumer", in{"ConsumerARN": consumer})
			},
			"ResourceNotFoundException", "Consumer c under stream s not found for account 111111111111.",
		},
		"the stream is deleted": {
			func(r *rig, _ string) {
				ok[api.Void](r, "DeleteStream", in{"StreamName": "s", "EnforceConsumerDeletion": true})
			},
			"ResourceNotFoundException", "Stream s under account 111111111111 not found.",
		},
		"the stream is gone and made again": {
			func(r *rig, _ string) {
				ok[api.Void](r, "DeleteStream", in{"StreamName": "s", "EnforceConsumerDeletion": true})
				r.settle()
				r.create("s", 1)
			},
			"ResourceNotFoundException", "Stream s under account 111111111111 not found.",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.create("s", 1)
			consumer := r.consumer("c")
			l := r.subscribe(consumer, 0, fromLatest)
			l.event()
			changed := make(chan struct{})
			began := time.Now()
			go func() {
				defer close(changed)
				c.change(r, consumer)
			}()
			l.ends(c.code, c.message)
			if took := time.Since(began); took >= pulse {
				t.Errorf("it ended after %v, as if nobody had told it", took)
			}
			<-changed
		})
	}
}

func TestSubscriptionToAShardThatIsSplit(t *testing.T) {
	r := newRig(t)
	r.create("s", 1)
	r.put("s", "k", "before")
	l := r.subscribe(r.consumer("c"), 0, fromHorizon)
	l.event()
	began := time.Now()
	go func() {
		ok[api.Void](r, "SplitShard", in{"StreamName": "s", "ShardToSplit": "shardId-000000000000", "NewStartingHashKey": "170141183460469231731687303715884105728"})
		r.settle()
	}()
	event := l.event()
	for len(event.ChildShards) == 0 { // there may be one without records before
		event = l.event()
	}
	if took := time.Since(began); took >= pulse {
		t.Errorf("the end of the shard came after %v, as if nobody had told of it", took)
	}
	var children []string
	for _, c := range event.ChildShards {
		children = append(children, c.ShardID)
	}
	if want := []string{"shardId-000000000001", "shardId-000000000002"}; !slices.Equal(children, want) || event.ContinuationSequenceNumber != "" {
		t.Errorf("got children %q and number %q, want %q and none", children, event.ContinuationSequenceNumber, want)
	}
	l.ends("", "")
}

// TestSubscriptionEndsWithItsStream also when a stream and a consumer of the same names
// were made in the same second.
func TestSubscriptionEndsWithItsStream(t *testing.T) {
	r := newRig(t)
	r.create("s", 1)
	consumer := r.consumer("c")
	l := r.subscribe(consumer, 0, fromHorizon)
	l.event()
	ok[api.Void](r, "DeleteStream", in{"StreamName": "s", "EnforceConsumerDeletion": true})
	r.settle()
	r.create("s", 1)
	if again := r.consumer("c"); again != consumer {
		t.Fatalf("the second consumer is %s, want the name of the first, %s", again, consumer)
	}
	r.put("s", "k", "of the second stream")
	l.ends("ResourceNotFoundException", "Stream s under account 111111111111 not found.")
}

func TestSubscribeRefusals(t *testing.T) {
	r := newRig(t)
	r.create("s", 1)
	fresh := r.register("c").ConsumerARN
	call := func(consumer, shard string) in {
		return in{"ConsumerARN": consumer, "ShardId": shard, "StartingPosition": fromLatest}
	}
	r.refused("SubscribeToShard", call(fresh, "0"), "ResourceInUseException",
		"Consumer c with creation timestamp "+fresh[strings.LastIndexByte(fresh, ':')+1:]+" under stream: s , account 111111111111 is not in ACTIVE status.")
	r.settle()
	r.refused("SubscribeToShard", call(string(streamS)+"/consumer/c:7", "0"), "ResourceNotFoundException",
		"Consumer c under stream s not found for account 111111111111.")
	r.refused("SubscribeToShard", call(fresh, "shardId-000000000007"), "ResourceNotFoundException",
		"Shard shardId-000000000007 in stream s under account 111111111111 does not exist")
	r.refused("SubscribeToShard", call(fresh, "x"), "ResourceNotFoundException",
		"Could not find shard x in stream s under account 111111111111.")
	dry := call(fresh, "0")
	dry["DryRun"] = true
	r.refused("SubscribeToShard", dry, "DryRunOperationException", "Request would have succeeded, but DryRun flag is set.")
	r.subscribe(fresh, 0, fromLatest).event() // the dry run has begun nothing
}

func TestConsumerOperationsAskForTheirPermissions(t *testing.T) {
	var asked []api.Access
	r := newRig(t)
	r.create("s", 1)
	consumer := r.consumer("c")
	r.dispatch = api.NewDispatcher(denyAll{&asked}, r.service.Table())
	for _, c := range []struct {
		op       string
		account  arn.AccountID
		members  in
		action   string
		resource string
	}{
		{"RegisterStreamConsumer", alice, in{"StreamARN": string(streamS), "ConsumerName": "d"}, "kinesis:RegisterStreamConsumer", string(streamS)},
		{"ListStreamConsumers", alice, in{"StreamARN": string(streamS)}, "kinesis:ListStreamConsumers", string(streamS)},
		{"DescribeStreamConsumer", alice, in{"StreamARN": string(streamS), "ConsumerName": "c"}, "kinesis:DescribeStreamConsumer", consumer},
		{"DescribeStreamConsumer", alice, in{"StreamARN": string(streamS), "ConsumerName": "d"}, "kinesis:DescribeStreamConsumer", string(streamS) + "/consumer/d:0"},
		// When it was made is not another account's business.
		{"DescribeStreamConsumer", bob, in{"StreamARN": string(streamS), "ConsumerName": "c"}, "kinesis:DescribeStreamConsumer", string(streamS) + "/consumer/c:0"},
		{"DeregisterStreamConsumer", alice, in{"ConsumerARN": consumer}, "kinesis:DeregisterStreamConsumer", consumer},
		{"SubscribeToShard", alice, in{"ConsumerARN": consumer, "ShardId": "0", "StartingPosition": fromLatest}, "kinesis:SubscribeToShard", consumer},
	} {
		asked = nil
		if _, err := r.do(c.account, region, c.op, c.members); err == nil {
			t.Errorf("%s: got no error", c.op)
		}
		shown := func(a api.Access) string { return cmp.Or(a.DeniedResource, a.Resource) }
		if len(asked) == 0 || asked[0].Action != c.action || shown(asked[0]) != c.resource {
			t.Errorf("%s of %s: asked for %+v, want %s on %s", c.op, c.account, asked, c.action, c.resource)
		}
	}
}

func TestSubscribersKeepNothingThatIsOld(t *testing.T) {
	s := newSubscribers()
	at := testTime
	for i := range 1000 {
		at = at.Add(takeoverAge)
		mine, ok := s.begin(subscriberKey{shard: ShardID(i)}, at)
		if !ok {
			t.Fatal("the place is taken")
		}
		s.end(mine, at.Add(time.Second))
	}
	if len(s.live) > 2 || len(s.ended) > 2 {
		t.Errorf("%d places and %d ended are kept, want at most 2", len(s.live), len(s.ended))
	}
}

func TestEventJSONIsThatOfItsStruct(t *testing.T) {
	for _, members := range []SubscribeToShardEvent{
		{Records: []Record{}, ContinuationSequenceNumber: "1"},
		{
			Records:                    []Record{{SequenceNumber: "1", PartitionKey: `k"ü`, Data: []byte{0, 1}, ApproximateArrivalTimestamp: api.At(testTime)}},
			ContinuationSequenceNumber: "1", MillisBehindLatest: 5,
		},
		{Records: []Record{}, ChildShards: []ChildShard{{ShardID: "a", ParentShards: []string{"b", "c"}, HashKeyRange: &HashKeyRange{"0", "1"}}}},
	} {
		e := shardEvent{SubscribeToShardEvent: members}
		var got map[string]any
		if err := json.Unmarshal(e.AppendJSON(nil), &got); err != nil {
			t.Fatal(err)
		}
		want := map[string]any{"Records": []any{}, "ContinuationSequenceNumber": nil, "MillisBehindLatest": float64(e.MillisBehindLatest)}
		if e.ContinuationSequenceNumber != "" {
			want["ContinuationSequenceNumber"] = e.ContinuationSequenceNumber
		}
		for i := range e.Records {
			var rec any
			if err := json.Unmarshal(e.Records[i].appendJSON(nil), &rec); err != nil {
				t.Fatal(err)
			}
			want["Records"] = append(want["Records"].([]any), rec)
		}
		if len(e.ChildShards) > 0 {
			want["ChildShards"] = []any{map[string]any{
				"ShardId": "a", "ParentShards": []any{"b", "c"},
				"HashKeyRange": map[string]any{"StartingHashKey": "0", "EndingHashKey": "1"},
			}}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got %v\nwant %v", got, want)
		}
	}
}
