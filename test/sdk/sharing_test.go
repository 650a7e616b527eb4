package sdk

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

// awaitActive waits until a stream has no change before it.
func awaitActive(t *testing.T, a account, streamARN string) {
	t.Helper()
	waiter := kinesis.NewStreamExistsWaiter(a.kinesis, func(o *kinesis.StreamExistsWaiterOptions) {
		o.MinDelay, o.MaxDelay = 20*time.Millisecond, time.Second
	})
	if err := waiter.Wait(t.Context(), &kinesis.DescribeStreamInput{StreamARN: aws.String(streamARN)}, patience); err != nil {
		t.Fatal(err)
	}
}

// readShard reads a shard from its start: to its end, whose children it returns, or to
// its tip.
func readShard(t *testing.T, a account, streamARN, shard string) (data []string, children []string) {
	t.Helper()
	iterator := do(t, a.kinesis.GetShardIterator, &kinesis.GetShardIteratorInput{
		StreamARN: aws.String(streamARN), ShardId: aws.String(shard), ShardIteratorType: types.ShardIteratorTypeTrimHorizon,
	}).ShardIterator
	for {
		out := do(t, a.kinesis.GetRecords, &kinesis.GetRecordsInput{StreamARN: aws.String(streamARN), ShardIterator: iterator})
		for _, r := range out.Records {
			data = append(data, string(r.Data))
		}
		for _, c := range out.ChildShards {
			children = append(children, aws.ToString(c.ShardId))
		}
		if iterator = out.NextShardIterator; iterator == nil || aws.ToInt64(out.MillisBehindLatest) == 0 {
			return data, children
		}
	}
}

// TestAReaderFollowsTheChildrenOfShards through a split, a merge and an update of the
// count, and reads every record once and in order.
func TestAReaderFollowsTheChildrenOfShards(t *testing.T) {
	start(t)
	a := as(t, firstID, region)
	streamARN := makeStream(t, a, "resharded", 1)
	var want []string
	put := func() {
		t.Helper()
		want = append(want, fmt.Sprint(len(want)))
		putText(t, a, streamARN, want[len(want)-1])
	}
	put()
	do(t, a.kinesis.SplitShard, &kinesis.SplitShardInput{
		StreamARN: aws.String(streamARN), ShardToSplit: aws.String("shardId-000000000000"),
		NewStartingHashKey: aws.String("170141183460469231731687303715884105728"),
	})
	awaitActive(t, a, streamARN)
	put()
	do(t, a.kinesis.MergeShards, &kinesis.MergeShardsInput{
		StreamARN: aws.String(streamARN), ShardToMerge: aws.String("shardId-000000000001"), AdjacentShardToMerge: aws.String("shardId-000000000002"),
	})
	awaitActive(t, a, streamARN)
	put()
	scaled := do(t, a.kinesis.UpdateShardCount, &kinesis.UpdateShardCountInput{
		StreamARN: aws.String(streamARN), TargetShardCount: aws.Int32(2), ScalingType: types.ScalingTypeUniformScaling,
	})
	if was, now := aws.ToInt32(scaled.CurrentShardCount), aws.ToInt32(scaled.TargetShardCount); was != 1 || now != 2 {
		t.Errorf("UpdateShardCount: from %d to %d, want from 1 to 2", was, now)
	}
	awaitActive(t, a, streamARN)
	put()

	var got []string
	read := map[string]bool{}
	for shards := []string{"shardId-000000000000"}; len(shards) > 0; shards = shards[1:] {
		if read[shards[0]] { // the child of a merge is named by both parents
			continue
		}
		read[shards[0]] = true
		data, children := readShard(t, a, streamARN, shards[0])
		got, shards = append(got, data...), append(shards, children...)
	}
	if !slices.Equal(got, want) || len(read) != 6 {
		t.Errorf("read %q from %d shards, want %q from 6", got, len(read), want)
	}

	_, err := a.kinesis.MergeShards(t.Context(), &kinesis.MergeShardsInput{
		StreamARN: aws.String(streamARN), ShardToMerge: aws.String("shardId-000000000000"), AdjacentShardToMerge: aws.String("shardId-000000000004"),
	})
	refusedAs[*types.InvalidArgumentException](t, err,
		"Shard shardId-000000000000 in stream resharded under account 111111111111 has already been merged or split, and thus is not eligible for merging or splitting.")
	open := do(t, a.kinesis.ListShards, &kinesis.ListShardsInput{
		StreamARN: aws.String(streamARN), ShardFilter: &types.ShardFilter{Type: types.ShardFilterTypeAtLatest},
	})
	if len(open.Shards) != 2 {
		t.Errorf("AT_LATEST lists %d shards, want the 2 that are open", len(open.Shards))
	}
}

// TestOtherAccountsWriteAndReadByARN what the policy of a stream opens to them, and
// nothing else, and only while it does.
func TestOtherAccountsWriteAndReadByARN(t *testing.T) {
	start(t)
	owner, writer, reader := as(t, recipientID, region), as(t, firstID, region), as(t, secondID, region)
	streamARN := makeStream(t, owner, "shared", 1)
	consumer := register(t, owner, streamARN, "theirs")
	write := func(a account, text string) error {
		_, err := a.kinesis.PutRecord(t.Context(), &kinesis.PutRecordInput{
			StreamARN: aws.String(streamARN), PartitionKey: aws.String("k"), Data: []byte(text),
		})
		return err
	}
	denied := func(caller account, action, resource string) string {
		return "User: arn:aws:iam::" + caller.id + ":root is not authorized to perform: kinesis:" + action +
			" on resource: " + resource + " because no resource-based policy allows the kinesis:" + action + " action"
	}
	refusedAs[*types.AccessDeniedException](t, write(writer, "too early"), denied(writer, "PutRecord", streamARN))

	policy := `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:root"},"Action":["kinesis:PutRecord","kinesis:PutRecords"],"Resource":"` + streamARN + `"},
		{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::222222222222:root"},"Action":["kinesis:GetShardIterator","kinesis:GetRecords","kinesis:ListShards","kinesis:DescribeStreamSummary"],"Resource":"` + streamARN + `"}]}`
	do(t, owner.kinesis.PutResourcePolicy, &kinesis.PutResourcePolicyInput{ResourceARN: aws.String(streamARN), Policy: aws.String(policy)})
	do(t, owner.kinesis.PutResourcePolicy, &kinesis.PutResourcePolicyInput{
		ResourceARN: consumer,
		Policy:      aws.String(`{"Statement":{"Effect":"Allow","Principal":{"AWS":"222222222222"},"Action":"kinesis:SubscribeToShard","Resource":"` + *consumer + `"}}`),
	})
	if got := do(t, owner.kinesis.GetResourcePolicy, &kinesis.GetResourcePolicyInput{ResourceARN: aws.String(streamARN)}); aws.ToString(got.Policy) != policy {
		t.Errorf("the policy is %s, want it as it was put", aws.ToString(got.Policy))
	}

	if err := write(writer, "one"); err != nil {
		t.Fatal(err)
	}
	batch := do(t, writer.kinesis.PutRecords, &kinesis.PutRecordsInput{
		StreamARN: aws.String(streamARN), Records: []types.PutRecordsRequestEntry{{PartitionKey: aws.String("k"), Data: []byte("two")}},
	})
	if failed := aws.ToInt32(batch.FailedRecordCount); failed != 0 {
		t.Errorf("%d records of the batch failed", failed)
	}
	if got, _ := readShard(t, reader, streamARN, "shardId-000000000000"); !slices.Equal(got, []string{"one", "two"}) {
		t.Errorf("the reader reads %q", got)
	}
	pushed := subscribeToShard(t, reader, consumer, types.StartingPosition{Type: types.ShardIteratorTypeTrimHorizon})
	if got, _ := take(t, pushed, 2); !slices.Equal(got, []string{"one", "two"}) {
		t.Errorf("the reader is pushed %q", got)
	}

	refusedAs[*types.AccessDeniedException](t, write(reader, "not allowed"), denied(reader, "PutRecord", streamARN))
	_, err := writer.kinesis.GetShardIterator(t.Context(), &kinesis.GetShardIteratorInput{
		StreamARN: aws.String(streamARN), ShardId: aws.String("shardId-000000000000"), ShardIteratorType: types.ShardIteratorTypeLatest,
	})
	refusedAs[*types.AccessDeniedException](t, err, denied(writer, "GetShardIterator", streamARN))
	_, err = writer.kinesis.DeleteStream(t.Context(), &kinesis.DeleteStreamInput{StreamARN: aws.String(streamARN)})
	refusedAs[*types.AccessDeniedException](t, err, denied(writer, "DeleteStream", streamARN))
	_, err = writer.kinesis.PutRecord(t.Context(), &kinesis.PutRecordInput{
		StreamName: aws.String("shared"), PartitionKey: aws.String("k"), Data: []byte("by name"),
	})
	refusedAs[*types.ResourceNotFoundException](t, err, "Stream shared under account 111111111111 not found.")

	do(t, owner.kinesis.DeleteResourcePolicy, &kinesis.DeleteResourcePolicyInput{ResourceARN: aws.String(streamARN)})
	refusedAs[*types.AccessDeniedException](t, write(writer, "too late"), denied(writer, "PutRecord", streamARN))
	if got := do(t, owner.kinesis.GetResourcePolicy, &kinesis.GetResourcePolicyInput{ResourceARN: aws.String(streamARN)}); aws.ToString(got.Policy) != "{}" {
		t.Errorf("the policy is %s, want {}", aws.ToString(got.Policy))
	}
}
