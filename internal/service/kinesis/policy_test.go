package kinesis

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"tributary/internal/pure/arn"
	"tributary/internal/pure/policy"
	"tributary/internal/service/api"
)

// policies authorizes as IAM does for root users: everything in their own account, and in
// others what the resource's policy allows.
type policies struct{}

func (policies) Authorize(_ context.Context, call *api.Call, a api.Access) error {
	owner := call.Account()
	if parts := strings.Split(a.Resource, ":"); len(parts) > 4 {
		owner = arn.AccountID(parts[4])
	}
	own, err := policy.Parse(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`, policy.Identity)
	if err != nil {
		return err
	}
	d := policy.Evaluate(policy.Request{
		Principal: call.Caller.Principal, Action: a.Action, Resource: arn.ARN(a.Resource), ResourceAccount: owner, Context: a.Context,
	}, policy.Policies{Identity: []policy.Source{{Document: own}}, Resource: a.ResourcePolicy}, policy.Standard)
	if !d.Allowed() {
		return &api.Denied{Caller: call.Caller.Principal, Access: a, Decision: d}
	}
	return nil
}

func admit(account arn.AccountID, resource string, actions ...string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::%s:root"},"Action":["%s"],"Resource":"%s"}]}`,
		account, strings.Join(actions, `","`), resource)
}

func TestPolicyAdmitsAnotherAccount(t *testing.T) {
	r := newRig(t, func(r *rig) { r.authz = policies{} })
	r.create("s", 1)
	r.put("s", "k", "alice's")
	asBob := func(op string, members in) (any, error) {
		if members["ShardIterator"] == nil {
			members["StreamARN"] = string(streamS)
		}
		return r.do(bob, region, op, members)
	}
	put := func() error {
		_, err := asBob("PutRecord", in{"PartitionKey": "k", "Data": []byte("bob's")})
		return err
	}
	iterate := func() (string, error) {
		out, err := asBob("GetShardIterator", in{"ShardId": "0", "ShardIteratorType": iteratorTrimHorizon})
		if err != nil {
			return "", err
		}
		return out.(*GetShardIteratorOutput).ShardIterator, nil
	}
	denied := func(err error, what string) {
		t.Helper()
		if e, refused := api.AsException(err); !refused || e.Code != "AccessDeniedException" {
			t.Errorf("%s: %v, want AccessDeniedException", what, err)
		}
	}
	allow := func(actions ...string) {
		t.Helper()
		ok[api.Void](r, "PutResourcePolicy", in{"ResourceARN": string(streamS), "Policy": admit(bob, string(streamS), actions...)})
	}
	denied(put(), "PutRecord without a policy")
	allow("kinesis:PutRecord")
	if err := put(); err != nil {
		t.Errorf("PutRecord that the policy admits: %v", err)
	}
	_, err := iterate()
	denied(err, "GetShardIterator that the policy does not name")
	allow("kinesis:GetShardIterator", "kinesis:GetRecords", "kinesis:ListShards", "kinesis:DescribeStream", "kinesis:DescribeStreamSummary")
	denied(put(), "PutRecord that the policy does not name any more")
	it, err := iterate()
	if err != nil {
		t.Fatal(err)
	}
	out, err := asBob("GetRecords", in{"ShardIterator": it})
	if err != nil {
		t.Fatal(err)
	}
	if got := texts(out.(*recordsAnswer).Records); !slices.Equal(got, []string{"alice's", "bob's"}) {
		t.Errorf("bob reads %q", got)
	}
	next := out.(*recordsAnswer).NextShardIterator
	r.refused("GetRecords", in{"ShardIterator": next}, "InvalidArgumentException", "Invalid ShardIterator.") // it is bob's
	for _, op := range []string{"ListShards", "DescribeStream", "DescribeStreamSummary"} {
		if _, err := asBob(op, in{}); err != nil {
			t.Errorf("%s: %v", op, err)
		}
	}
	// A page token of another account's stream goes on where it began.
	r.edit("s", func(st *stream) { st.Shards = newShards(3, testTime) })
	shards, err := asBob("ListShards", in{"MaxResults": number(2)})
	if err != nil {
		t.Fatal(err)
	}
	rest, err := r.do(bob, region, "ListShards", in{"NextToken": shards.(*ListShardsOutput).NextToken})
	if err != nil || len(rest.(*ListShardsOutput).Shards) != 1 {
		t.Errorf("second page: %v, %v, want one shard", rest, err)
	}
	_, err = asBob("DeleteStream", in{})
	denied(err, "DeleteStream, which no policy can open")

	ok[api.Void](r, "DeleteResourcePolicy", in{"ResourceARN": string(streamS)})
	_, err = r.do(bob, region, "GetRecords", in{"ShardIterator": next})
	denied(err, "GetRecords with an iterator from before the policy was deleted")
}

func TestConsumerPolicyAdmitsAnotherAccount(t *testing.T) {
	r := newRig(t, func(r *rig) { r.authz = policies{} })
	r.create("s", 1)
	r.put("s", "k", "alice's")
	consumer := r.consumer("c")
	asBob := func(op string, members in) (any, error) {
		members["ConsumerARN"] = consumer
		return r.do(bob, region, op, members)
	}
	denied := func(op string, members in) {
		t.Helper()
		_, err := asBob(op, members)
		if e, refused := api.AsException(err); !refused || e.Code != "AccessDeniedException" {
			t.Errorf("%s: %v, want AccessDeniedException", op, err)
		}
	}
	start := func() in { return in{"ShardId": "0", "StartingPosition": fromHorizon} }
	ok[api.Void](r, "PutResourcePolicy", in{"ResourceARN": string(streamS), "Policy": admit(bob, string(streamS), "kinesis:SubscribeToShard", "kinesis:DescribeStreamConsumer")})
	denied("SubscribeToShard", start()) // the stream's policy does not speak for its consumers
	denied("DescribeStreamConsumer", in{})

	ok[api.Void](r, "PutResourcePolicy", in{"ResourceARN": consumer, "Policy": admit(bob, consumer, "kinesis:SubscribeToShard")})
	denied("DescribeStreamConsumer", in{})
	denied("DeregisterStreamConsumer", in{})
	out, err := asBob("SubscribeToShard", start())
	if err != nil {
		t.Fatal(err)
	}
	stream := out.(*api.Stream)
	defer stream.Close()
	again := func() (*api.Call, error) {
		return &api.Call{Service: "kinesis", Region: region, Caller: callerOf(bob)}, nil
	}
	event, err := stream.Next(t.Context(), again)
	if err != nil {
		t.Fatal(err)
	}
	if got := texts(event.Payload.(*shardEvent).Records); !slices.Equal(got, []string{"alice's"}) {
		t.Errorf("bob is told %q, want alice's record", got)
	}
	ok[api.Void](r, "DeleteResourcePolicy", in{"ResourceARN": consumer})
	r.put("s", "k", "alice's again")
	if event, err := stream.Next(t.Context(), again); err == nil {
		t.Errorf("with the policy deleted bob is told %v", event.Payload)
	}
	denied("SubscribeToShard", start())
}

// A policy that an earlier release has stored, or that was put there by hand.
func TestStoredPolicyOpensWhatCanBeSharedOnly(t *testing.T) {
	r := newRig(t, func(r *rig) { r.authz = policies{} })
	r.create("s", 1)
	consumer := r.consumer("c")
	r.edit("s", func(st *stream) {
		if err := st.Policy.UnmarshalText([]byte(admit(bob, "*", "kinesis:*"))); err != nil {
			t.Fatal(err)
		}
		st.Consumers = slices.Clone(st.Consumers)
		st.Consumers[0].Policy = st.Policy
	})
	if _, err := r.do(bob, region, "ListShards", in{"StreamARN": string(streamS)}); err != nil {
		t.Errorf("ListShards: %v", err)
	}
	for op, members := range map[string]in{
		"DeleteStream":             {"StreamARN": string(streamS)},
		"DeregisterStreamConsumer": {"ConsumerARN": consumer},
	} {
		_, err := r.do(bob, region, op, members)
		if e, refused := api.AsException(err); !refused || e.Code != "AccessDeniedException" {
			t.Errorf("%s: %v, want AccessDeniedException", op, err)
		}
	}
}

func TestPolicyIsKeptAndShown(t *testing.T) {
	r := newRig(t)
	r.create("s", 1)
	consumer := ok[RegisterStreamConsumerOutput](r, "RegisterStreamConsumer", in{"StreamARN": string(streamS), "ConsumerName": "c"}).Consumer.ConsumerARN
	for _, resource := range []string{string(streamS), consumer} {
		get := func() string {
			return ok[GetResourcePolicyOutput](r, "GetResourcePolicy", in{"ResourceARN": resource}).Policy
		}
		if got := get(); got != "{}" {
			t.Errorf("without a policy: %s, want {}", got)
		}
		r.refused("DeleteResourcePolicy", in{"ResourceARN": resource}, "ResourceNotFoundException", "Resource "+resource+" has no policy.")
		text := " " + admit(bob, resource, "kinesis:SubscribeToShard") + "\n"
		ok[api.Void](r, "PutResourcePolicy", in{"ResourceARN": resource, "Policy": text})
		r.restart()
		if got := get(); got != text {
			t.Errorf("got %q, want it as it was given, %q", got, text)
		}
		ok[api.Void](r, "DeleteResourcePolicy", in{"ResourceARN": resource})
		if got := get(); got != "{}" {
			t.Errorf("after its deletion: %s, want {}", got)
		}
	}
	r.refusedAs(bob, region, "GetResourcePolicy", in{"ResourceARN": string(streamS)}, "ResourceNotFoundException", "Stream s under account 111111111111 not found.")
	_, err := r.do(bob, region, "GetResourcePolicy", in{"ResourceARN": consumer})
	if e, refused := api.AsException(err); !refused || e.Code != "ResourceNotFoundException" {
		t.Errorf("the policy of another account's consumer: %v, want ResourceNotFoundException", err)
	}
}

func TestPolicyOfADeletedStreamIsGone(t *testing.T) {
	r := newRig(t)
	r.create("s", 1)
	ok[api.Void](r, "PutResourcePolicy", in{"ResourceARN": string(streamS), "Policy": admit(bob, string(streamS), "kinesis:PutRecord")})
	ok[api.Void](r, "DeleteStream", in{"StreamName": "s"})
	r.settle()
	r.create("s", 1)
	if got := ok[GetResourcePolicyOutput](r, "GetResourcePolicy", in{"ResourceARN": string(streamS)}).Policy; got != "{}" {
		t.Errorf("a stream of the same name has policy %s", got)
	}
}

func TestPolicyMayHave20KiB(t *testing.T) {
	r := newRig(t)
	r.create("s", 1)
	text := admit(bob, string(streamS), "kinesis:PutRecord")
	text += strings.Repeat(" ", 20<<10-len(text))
	ok[api.Void](r, "PutResourcePolicy", in{"ResourceARN": string(streamS), "Policy": text})
}

func TestPolicyThatCannotBeStored(t *testing.T) {
	r := newRig(t)
	r.create("s", 1)
	for name, text := range map[string]string{
		"no JSON":            "{",
		"empty":              "{}",
		"no principal":       `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kinesis:PutRecord","Resource":"` + string(streamS) + `"}]}`,
		"another stream":     admit(bob, string(streamS)+"x", "kinesis:PutRecord"),
		"everything":         admit(bob, "*", "kinesis:PutRecord"),
		"an owner's action":  admit(bob, string(streamS), "kinesis:DeleteStream"),
		"all actions":        admit(bob, string(streamS), "kinesis:*"),
		"too large":          admit(bob, string(streamS), "kinesis:PutRecord") + strings.Repeat(" ", maxPolicySize),
		"a condition of iam": `{"Statement":[{"Effect":"Allow","Principal":"*","Action":"kinesis:PutRecord","Resource":"` + string(streamS) + `","Condition":{"Nonsense":{"a":"b"}}}]}`,
	} {
		_, err := r.do(alice, region, "PutResourcePolicy", in{"ResourceARN": string(streamS), "Policy": text})
		if e, refused := api.AsException(err); !refused || e.Code != "InvalidArgumentException" {
			t.Errorf("%s: %v, want InvalidArgumentException", name, err)
		}
	}
	if got := ok[GetResourcePolicyOutput](r, "GetResourcePolicy", in{"ResourceARN": string(streamS)}).Policy; got != "{}" {
		t.Errorf("stored was %s", got)
	}
}
