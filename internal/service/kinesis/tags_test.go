package kinesis

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tributary/internal/pure/policy"
	"tributary/internal/service/api"
)

func TestTagsOfStreamsAndConsumers(t *testing.T) {
	r := newRig(t)
	ok[api.Void](r, "CreateStream", in{"StreamName": "s", "ShardCount": number(1), "Tags": in{"b": "1"}})
	r.settle()
	ok[api.Void](r, "AddTagsToStream", in{"StreamName": "s", "Tags": in{"a": "2", "b": "3"}})
	ok[api.Void](r, "TagResource", in{"ResourceARN": string(streamS), "Tags": in{"c": "4"}})
	list := func(after string, limit int) *ListTagsForStreamOutput {
		members := in{"StreamName": "s"}
		if after != "" {
			members["ExclusiveStartTagKey"] = after
		}
		if limit > 0 {
			members["Limit"] = number(limit)
		}
		return ok[ListTagsForStreamOutput](r, "ListTagsForStream", members)
	}
	a, b, c := Tag{"a", "2"}, Tag{"b", "3"}, Tag{"c", "4"}
	for _, q := range []struct {
		after string
		limit int
		want  ListTagsForStreamOutput
	}{
		{"", 0, ListTagsForStreamOutput{[]Tag{a, b, c}, false}},
		{"", 2, ListTagsForStreamOutput{[]Tag{a, b}, true}},
		{"b", 2, ListTagsForStreamOutput{[]Tag{c}, false}},
		{"aa", 1, ListTagsForStreamOutput{[]Tag{b}, true}},
		{"z", 0, ListTagsForStreamOutput{[]Tag{}, false}},
	} {
		if got := *list(q.after, q.limit); !cmp.Equal(got, q.want) {
			t.Errorf("after %q, %d: %+v, want %+v", q.after, q.limit, got, q.want)
		}
	}
	ok[api.Void](r, "RemoveTagsFromStream", in{"StreamName": "s", "TagKeys": []any{"a", "absent"}})
	ok[api.Void](r, "UntagResource", in{"ResourceARN": string(streamS), "TagKeys": []any{"b"}})
	if got := ok[ListTagsForResourceOutput](r, "ListTagsForResource", in{"ResourceARN": string(streamS)}).Tags; !cmp.Equal(got, []Tag{c}) {
		t.Errorf("left are %v, want %v", got, c)
	}

	consumer := ok[RegisterStreamConsumerOutput](r, "RegisterStreamConsumer", in{"StreamARN": string(streamS), "ConsumerName": "c"}).Consumer.ConsumerARN
	ok[api.Void](r, "TagResource", in{"ResourceARN": consumer, "Tags": in{"of": "consumer"}})
	r.restart()
	if got := ok[ListTagsForResourceOutput](r, "ListTagsForResource", in{"ResourceARN": consumer}).Tags; !cmp.Equal(got, []Tag{{"of", "consumer"}}) {
		t.Errorf("the consumer has %v", got)
	}
	if got := list("", 0).Tags; !cmp.Equal(got, []Tag{c}) {
		t.Errorf("the stream has %v after its consumer was tagged, want %v", got, c)
	}
}

func TestTagsAreLimitedTo50(t *testing.T) {
	r := newRig(t)
	r.create("s", 1)
	many := in{}
	for i := range maxTags {
		many[fmt.Sprint("k", i)] = "v"
	}
	ok[api.Void](r, "AddTagsToStream", in{"StreamName": "s", "Tags": many})
	const message = "Resource arn:aws:kinesis:us-east-1:111111111111:stream/s cannot have more than 50 tags."
	r.refused("AddTagsToStream", in{"StreamName": "s", "Tags": in{"one": "more"}}, "InvalidArgumentException", message)
	ok[api.Void](r, "AddTagsToStream", in{"StreamName": "s", "Tags": in{"k1": "changed"}})
	r.refused("TagResource", in{"ResourceARN": string(streamS) + "/x", "Tags": in{"k": "v"}}, "InvalidArgumentException",
		"StreamARN arn:aws:kinesis:us-east-1:111111111111:stream/s/x is not the ARN of a stream.")
}

// TestTagsAreConditionKeys: those of the resource with every operation on it, those of
// the request with the operations that set or remove tags.
func TestTagsAreConditionKeys(t *testing.T) {
	var asked []api.Access
	r := newRig(t)
	ok[api.Void](r, "CreateStream", in{"StreamName": "s", "ShardCount": number(1), "Tags": in{"Team": "red"}})
	r.settle()
	r.dispatch = api.NewDispatcher(denyAll{&asked}, r.service.Table())
	own := policy.Context{"aws:resourcetag/team": {"red"}}
	set := policy.Context{"aws:resourcetag/team": {"red"}, "aws:requesttag/k": {"v"}, "aws:tagkeys": {"k"}}
	removed := policy.Context{"aws:resourcetag/team": {"red"}, "aws:tagkeys": {"k"}}
	for _, c := range []struct {
		op      string
		members in
		want    policy.Context
	}{
		{"PutRecord", in{"StreamName": "s", "PartitionKey": "k", "Data": []byte{}}, own},
		{"DeleteStream", in{"StreamName": "s"}, own},
		{"GetResourcePolicy", in{"ResourceARN": string(streamS)}, own},
		{"AddTagsToStream", in{"StreamName": "s", "Tags": in{"k": "v"}}, set},
		{"TagResource", in{"ResourceARN": string(streamS), "Tags": in{"k": "v"}}, set},
		{"RemoveTagsFromStream", in{"StreamName": "s", "TagKeys": []any{"k"}}, removed},
		{"UntagResource", in{"ResourceARN": string(streamS), "TagKeys": []any{"k"}}, removed},
	} {
		asked = nil
		if _, err := r.do(alice, region, c.op, c.members); err == nil {
			t.Errorf("%s was not refused", c.op)
		}
		if len(asked) != 1 || !cmp.Equal(asked[0].Context, c.want) {
			t.Errorf("%s asked with %v, want %v", c.op, asked, c.want)
		}
	}
}

// TestTagsThatDifferInCaseOnlyAreTheSameForPolicies: always the same of them.
func TestTagsThatDifferInCaseOnlyAreTheSameForPolicies(t *testing.T) {
	for range 50 { // a map has another order each time
		keys := requestTags(resourceTags(map[string]string{"TEAM": "1", "Team": "2", "team": "3"}), map[string]string{"A": "4", "a": "5"}, nil)
		want := policy.Context{"aws:resourcetag/team": {"3"}, "aws:requesttag/a": {"5"}, "aws:tagkeys": {"A", "a"}}
		if diff := cmp.Diff(want, keys); diff != "" {
			t.Fatalf("condition keys (-want +got):\n%s", diff)
		}
	}
}
