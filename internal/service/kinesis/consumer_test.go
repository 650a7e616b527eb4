package kinesis

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tributary/internal/service/api"
)

// register registers a consumer of alice's stream s; it is CREATING.
func (r *rig) register(name string) *Consumer {
	r.Helper()
	return ok[RegisterStreamConsumerOutput](r, "RegisterStreamConsumer", in{"StreamARN": string(streamS), "ConsumerName": name}).Consumer
}

// consumer registers a consumer of alice's stream s that is ACTIVE, and returns its ARN.
func (r *rig) consumer(name string) string {
	r.Helper()
	c := r.register(name)
	r.settle()
	return c.ConsumerARN
}

// Behind the authorization, which has refused already.
func TestForeignConsumerIsNotThere(t *testing.T) {
	r := newRig(t)
	r.create("s", 1)
	consumer := r.consumer("c")
	_, err := r.do(bob, region, "DescribeStreamConsumer", in{"ConsumerARN": consumer})
	if e, refused := api.AsException(err); !refused || e.Code != "ResourceNotFoundException" {
		t.Errorf("DescribeStreamConsumer of another account's consumer: %v, want ResourceNotFoundException", err)
	}
}

func TestConsumerLifecycle(t *testing.T) {
	r := newRig(t)
	r.create("s", 1)
	made := r.register("c")
	wantARN := fmt.Sprintf("%s/consumer/c:%d", string(streamS), testTime.Unix())
	if made.ConsumerARN != wantARN || made.ConsumerStatus != "CREATING" || made.ConsumerCreationTimestamp.Unix() != testTime.Unix() {
		t.Errorf("got %+v, want %s, CREATING", made, wantARN)
	}
	r.settle()
	for name, members := range map[string]in{
		"by ARN":  {"ConsumerARN": wantARN},
		"by name": {"StreamARN": string(streamS), "ConsumerName": "c"},
		"by both": {"ConsumerARN": wantARN, "StreamARN": string(streamS), "ConsumerName": "c"},
	} {
		got := ok[DescribeStreamConsumerOutput](r, "DescribeStreamConsumer", members).ConsumerDescription
		if got.ConsumerARN != wantARN || got.ConsumerStatus != "ACTIVE" || got.StreamARN != string(streamS) || got.ConsumerName != "c" {
			t.Errorf("%s: got %+v, want %s, ACTIVE", name, got, wantARN)
		}
	}
	if got := *ok[DescribeStreamSummaryOutput](r, "DescribeStreamSummary", in{"StreamName": "s"}).StreamDescriptionSummary.ConsumerCount; got != 1 {
		t.Errorf("ConsumerCount = %d, want 1", got)
	}
	r.refused("RegisterStreamConsumer", in{"StreamARN": string(streamS), "ConsumerName": "c"},
		"ResourceInUseException", "Consumer c under stream s already exists for account 111111111111.")
	r.restart()
	r.clock.advance(time.Minute)
	ok[api.Void](r, "DeregisterStreamConsumer", in{"ConsumerARN": wantARN})
	r.refused("DescribeStreamConsumer", in{"ConsumerARN": wantARN},
		"ResourceNotFoundException", "Consumer c under stream s not found for account 111111111111.")
	again := r.register("c")
	if again.ConsumerARN == wantARN {
		t.Error("a later consumer of the name has the ARN of the earlier one")
	}
	r.refused("DeregisterStreamConsumer", in{"ConsumerARN": wantARN},
		"ResourceNotFoundException", "Consumer c under stream s not found for account 111111111111.")
}

func TestConsumerQuotas(t *testing.T) {
	r := newRig(t)
	r.create("s", 1)
	for i := range maxConsumersCreating {
		r.register(fmt.Sprint("c", i))
	}
	r.refused("RegisterStreamConsumer", in{"StreamARN": string(streamS), "ConsumerName": "more"}, "LimitExceededException",
		"Stream s under account 111111111111 has reached the limit of 5 consumers in status CREATING.")
	for i := maxConsumersCreating; i < maxConsumers; i++ {
		r.settle()
		r.register(fmt.Sprint("c", i))
	}
	r.settle()
	r.refused("RegisterStreamConsumer", in{"StreamARN": string(streamS), "ConsumerName": "more"}, "LimitExceededException",
		"Stream s under account 111111111111 has reached the limit of 20 consumers.")
	ok[api.Void](r, "DeregisterStreamConsumer", in{"StreamARN": string(streamS), "ConsumerName": "c3"})
	r.register("more")
}

func TestListStreamConsumers(t *testing.T) {
	r := newRig(t)
	r.create("s", 1)
	r.create("other", 1)
	var want []string
	for _, name := range []string{"d", "b", "a", "c", "e"} {
		r.consumer(name)
		want = append(want, name)
	}
	slices.Sort(want)
	var got []string
	members := in{"StreamARN": string(streamS), "MaxResults": number(2)}
	for {
		page := ok[ListStreamConsumersOutput](r, "ListStreamConsumers", members)
		for _, c := range page.Consumers {
			got = append(got, c.ConsumerName)
		}
		if page.NextToken == "" {
			break
		}
		members["NextToken"] = page.NextToken
		r.refused("ListStreamConsumers", in{"StreamARN": strings.Replace(string(streamS), "/s", "/other", 1), "NextToken": page.NextToken},
			"InvalidArgumentException", "Invalid NextToken.")
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	r.clock.advance(pageLife + time.Second)
	r.refused("ListStreamConsumers", members, "ExpiredNextTokenException", "The pagination token has expired.")
	r.refused("ListStreamConsumers", in{"StreamARN": string(streamS), "StreamCreationTimestamp": seconds(testTime.Add(-time.Hour))},
		"ResourceNotFoundException", "Stream s under account 111111111111 not found.")
	if got := ok[ListStreamConsumersOutput](r, "ListStreamConsumers", in{"StreamARN": string(streamS), "StreamCreationTimestamp": seconds(testTime)}); len(got.Consumers) != 5 {
		t.Errorf("with the stream's own time: got %d consumers, want 5", len(got.Consumers))
	}
}

func TestConsumersAreNamedOneWay(t *testing.T) {
	r := newRig(t)
	r.create("s", 1)
	consumer := r.consumer("c")
	const differ = "ConsumerARN of consumer c under stream s and the given StreamARN and ConsumerName differ."
	const either = "Either ConsumerARN or both StreamARN and ConsumerName should be provided."
	for _, c := range []struct {
		members in
		want    string
	}{
		{in{}, either},
		{in{"StreamARN": string(streamS)}, either},
		{in{"ConsumerName": "c"}, either},
		{in{"ConsumerARN": consumer, "ConsumerName": "d"}, differ},
		{in{"ConsumerARN": consumer, "StreamARN": strings.Replace(string(streamS), "/s", "/t", 1)}, differ},
		{in{"ConsumerARN": strings.Replace(consumer, ":stream/", ":xstream/", 1)}, "ConsumerARN " + strings.Replace(consumer, ":stream/", ":xstream/", 1) + " is not the ARN of a consumer."},
		{in{"ConsumerARN": string(streamS) + "/consumer/c:01"}, "ConsumerARN " + string(streamS) + "/consumer/c:01 is not the ARN of a consumer."},
	} {
		r.refused("DescribeStreamConsumer", c.members, "InvalidArgumentException", c.want)
		r.refused("DeregisterStreamConsumer", c.members, "InvalidArgumentException", c.want)
	}
}

func TestConsumersGoWithTheirStream(t *testing.T) {
	r := newRig(t)
	r.create("s", 1)
	consumer := r.consumer("c")
	r.refused("DeleteStream", in{"StreamName": "s"}, "ResourceInUseException",
		"Stream s under account 111111111111 has registered consumers; set EnforceConsumerDeletion to delete them with it.")
	ok[api.Void](r, "DeleteStream", in{"StreamName": "s", "EnforceConsumerDeletion": true})
	r.settle()
	r.create("s", 1)
	r.refused("DescribeStreamConsumer", in{"ConsumerARN": consumer},
		"ResourceNotFoundException", "Consumer c under stream s not found for account 111111111111.")
}
