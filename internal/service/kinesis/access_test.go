package kinesis

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tributary/internal/pure/policy"
	"tributary/internal/service/api"
)

// A denyLast allows all accesses but the last that is wanted, so that the operation
// itself does nothing, and keeps what it was asked.
type denyLast struct {
	wanted int
	asked  []api.Access
}

func (d *denyLast) Authorize(_ context.Context, call *api.Call, a api.Access) error {
	d.asked = append(d.asked, a)
	if len(d.asked) < d.wanted {
		return nil
	}
	return &api.Denied{Caller: call.Caller.Principal, Access: a}
}

const tagged = "arn:aws:kinesis:us-east-1:111111111111:stream/s"

// onS is the access of an operation to the stream s, which has the tag Team=red.
func onS(operation string) []api.Access {
	return []api.Access{{Action: "kinesis:" + operation, Resource: tagged, Context: policy.Context{"aws:resourcetag/team": {"red"}}}}
}

func onAll(operation string) []api.Access {
	return []api.Access{{Action: "kinesis:" + operation, Resource: "*"}}
}

// withTags is an access of a request that sets the tag Cost=1, or removes Cost.
func withTags(list []api.Access, set bool) []api.Access {
	for i := range list {
		keys := policy.Context{"aws:tagkeys": {"Cost"}}
		for k, v := range list[i].Context {
			keys[k] = v
		}
		if set {
			keys["aws:requesttag/cost"] = []string{"1"}
		}
		list[i].Context = keys
	}
	return list
}

// Every operation asks for its own action on the resource that AWS's Service
// Authorization Reference has for it, with the tags of the resource and of the
// request as condition keys.
func TestEveryOperationAsksForTheDocumentedPermissions(t *testing.T) {
	r := newRig(t)
	r.create("s", 2)
	ok[api.Void](r, "AddTagsToStream", in{"StreamName": "s", "Tags": in{"Team": "red"}})
	consumer := ok[RegisterStreamConsumerOutput](r, "RegisterStreamConsumer", in{"StreamARN": tagged, "ConsumerName": "c", "Tags": in{"Use": "audit"}}).Consumer.ConsumerARN
	iterator := r.iterator("s", 0, iteratorTrimHorizon, nil)
	onC := func(operation string) []api.Access {
		return []api.Access{{Action: "kinesis:" + operation, Resource: consumer, Context: policy.Context{"aws:resourcetag/use": {"audit"}}}}
	}
	name, byARN := in{"StreamName": "s"}, in{"StreamARN": tagged}
	and := func(members in, more ...any) in {
		all := in{}
		for k, v := range members {
			all[k] = v
		}
		for i := 0; i < len(more); i += 2 {
			all[more[i].(string)] = more[i+1]
		}
		return all
	}
	onNew := func(operation string) api.Access {
		return api.Access{Action: "kinesis:" + operation, Resource: "arn:aws:kinesis:us-east-1:111111111111:stream/new"}
	}
	rows := map[string]struct {
		input in
		want  []api.Access
	}{
		"CreateStream":          {in{"StreamName": "new", "ShardCount": number(1), "Tags": in{"Cost": "1"}}, withTags([]api.Access{onNew("CreateStream"), onNew("AddTagsToStream")}, true)},
		"DeleteStream":          {name, onS("DeleteStream")},
		"DescribeStream":        {name, onS("DescribeStream")},
		"DescribeStreamSummary": {byARN, onS("DescribeStreamSummary")},
		"ListStreams":           {in{}, onAll("ListStreams")},
		"ListShards":            {name, onS("ListShards")},

		"PutRecord":        {and(name, "PartitionKey", "k", "Data", []byte("d")), onS("PutRecord")},
		"PutRecords":       {and(byARN, "Records", []any{in{"PartitionKey": "k", "Data": []byte("d")}}), onS("PutRecords")},
		"GetShardIterator": {and(name, "ShardId", "shardId-000000000000", "ShardIteratorType", "LATEST"), onS("GetShardIterator")},
		"GetRecords":       {in{"ShardIterator": iterator}, onS("GetRecords")},

		"RegisterStreamConsumer": {
			and(byARN, "ConsumerName", "new", "Tags", in{"Cost": "1"}),
			withTags(append(onS("RegisterStreamConsumer"), onS("TagResource")...), true),
		},
		"DescribeStreamConsumer":   {and(byARN, "ConsumerName", "c"), onC("DescribeStreamConsumer")},
		"ListStreamConsumers":      {byARN, onS("ListStreamConsumers")},
		"DeregisterStreamConsumer": {in{"ConsumerARN": consumer}, onC("DeregisterStreamConsumer")},
		"SubscribeToShard":         {in{"ConsumerARN": consumer, "ShardId": "shardId-000000000000", "StartingPosition": in{"Type": "LATEST"}}, onC("SubscribeToShard")},

		"SplitShard":       {and(name, "ShardToSplit", "shardId-000000000000", "NewStartingHashKey", "7"), onS("SplitShard")},
		"MergeShards":      {and(name, "ShardToMerge", "shardId-000000000000", "AdjacentShardToMerge", "shardId-000000000001"), onS("MergeShards")},
		"UpdateShardCount": {and(name, "TargetShardCount", number(2), "ScalingType", "UNIFORM_SCALING"), onS("UpdateShardCount")},

		"UpdateStreamMode":              {and(byARN, "StreamModeDetails", in{"StreamMode": "ON_DEMAND"}), onS("UpdateStreamMode")},
		"IncreaseStreamRetentionPeriod": {and(name, "RetentionPeriodHours", number(48)), onS("IncreaseStreamRetentionPeriod")},
		"DecreaseStreamRetentionPeriod": {and(name, "RetentionPeriodHours", number(24)), onS("DecreaseStreamRetentionPeriod")},
		"UpdateMaxRecordSize":           {and(byARN, "MaxRecordSizeInKiB", number(2048)), onS("UpdateMaxRecordSize")},
		"UpdateStreamWarmThroughput":    {and(name, "WarmThroughputMiBps", number(10)), onS("UpdateStreamWarmThroughput")},
		"UpdateStreamRecordDistributionStrategy": {
			and(byARN, "RecordDistributionStrategy", "AUTO"), onS("UpdateStreamRecordDistributionStrategy"),
		},
		"StartStreamEncryption":     {and(name, "EncryptionType", "KMS", "KeyId", "alias/aws/kinesis"), onS("StartStreamEncryption")},
		"StopStreamEncryption":      {and(name, "EncryptionType", "KMS", "KeyId", "alias/aws/kinesis"), onS("StopStreamEncryption")},
		"EnableEnhancedMonitoring":  {and(name, "ShardLevelMetrics", []any{"ALL"}), onS("EnableEnhancedMonitoring")},
		"DisableEnhancedMonitoring": {and(name, "ShardLevelMetrics", []any{"ALL"}), onS("DisableEnhancedMonitoring")},

		"DescribeLimits":          {in{}, onAll("DescribeLimits")},
		"DescribeAccountSettings": {in{}, onAll("DescribeAccountSettings")},
		"UpdateAccountSettings":   {in{"MinimumThroughputBillingCommitment": in{"Status": "DISABLED"}}, onAll("UpdateAccountSettings")},

		"AddTagsToStream":      {and(name, "Tags", in{"Cost": "1"}), withTags(onS("AddTagsToStream"), true)},
		"RemoveTagsFromStream": {and(name, "TagKeys", []any{"Cost"}), withTags(onS("RemoveTagsFromStream"), false)},
		"ListTagsForStream":    {name, onS("ListTagsForStream")},
		"TagResource":          {in{"ResourceARN": consumer, "Tags": in{"Cost": "1"}}, withTags(onC("TagResource"), true)},
		"UntagResource":        {in{"ResourceARN": tagged, "TagKeys": []any{"Cost"}}, withTags(onS("UntagResource"), false)},
		"ListTagsForResource":  {in{"ResourceARN": consumer}, onC("ListTagsForResource")},

		"PutResourcePolicy":    {in{"ResourceARN": tagged, "Policy": "{}"}, onS("PutResourcePolicy")},
		"GetResourcePolicy":    {in{"ResourceARN": consumer}, onC("GetResourcePolicy")},
		"DeleteResourcePolicy": {in{"ResourceARN": tagged}, onS("DeleteResourcePolicy")},
	}
	known := map[string]bool{}
	for _, op := range r.service.Table().Operations {
		known[op.Name] = true
		row, there := rows[op.Name]
		if !there {
			t.Errorf("%s has no row: say what it must be authorized for", op.Name)
			continue
		}
		asked := &denyLast{wanted: len(row.want)}
		r.dispatch = api.NewDispatcher(asked, r.service.Table())
		_, err := r.do(alice, region, op.Name, row.input)
		if diff := cmp.Diff(row.want, asked.asked); diff != "" {
			t.Errorf("%s: accesses (-want +got):\n%s\nanswer: %v", op.Name, diff, err)
		}
	}
	for operation := range rows {
		if !known[operation] {
			t.Errorf("there is no operation %s", operation)
		}
	}
}
