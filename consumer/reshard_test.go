package consumer_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"tributary/consumer"
)

// register registers a consumer and returns its ARN.
func (w *world) register() string {
	w.t.Helper()
	stream, err := w.client.DescribeStreamSummary(w.t.Context(), &kinesis.DescribeStreamSummaryInput{StreamName: aws.String("s")})
	w.must(err)
	made, err := w.client.RegisterStreamConsumer(w.t.Context(), &kinesis.RegisterStreamConsumerInput{
		StreamARN: stream.StreamDescriptionSummary.StreamARN, ConsumerName: aws.String("c"),
	})
	w.must(err)
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	for status := made.Consumer.ConsumerStatus; status != types.ConsumerStatusActive; {
		out, err := w.client.DescribeStreamConsumer(ctx, &kinesis.DescribeStreamConsumerInput{ConsumerARN: made.Consumer.ConsumerARN})
		w.must(err)
		status = out.ConsumerDescription.ConsumerStatus
	}
	return aws.ToString(made.Consumer.ConsumerARN)
}

// A reshard is one change of the shards of stream s, as it is asked for.
type reshard struct {
	name string
	ask  func(context.Context, *kinesis.Client) error
}

// reshards begin with two shards and end with three, which are the great-grandchildren
// of the first ones.
var reshards = []reshard{
	{"split of shard 0 into 2 and 3", func(ctx context.Context, c *kinesis.Client) error {
		_, err := c.SplitShard(ctx, &kinesis.SplitShardInput{
			StreamName: aws.String("s"), ShardToSplit: aws.String("shardId-000000000000"),
			NewStartingHashKey: aws.String("85070591730234615865843651857942052864"),
		})
		return err
	}},
	{"merge of 2 and 3 into 4", func(ctx context.Context, c *kinesis.Client) error {
		_, err := c.MergeShards(ctx, &kinesis.MergeShardsInput{
			StreamName: aws.String("s"), ShardToMerge: aws.String("shardId-000000000002"), AdjacentShardToMerge: aws.String("shardId-000000000003"),
		})
		return err
	}},
	{"three shards", func(ctx context.Context, c *kinesis.Client) error {
		_, err := c.UpdateShardCount(ctx, &kinesis.UpdateShardCountInput{
			StreamName: aws.String("s"), TargetShardCount: aws.Int32(3), ScalingType: types.ScalingTypeUniformScaling,
		})
		return err
	}},
}

// writeDuring writes while the stream is resharded, and a little before and after.
func (w *world) writeDuring(r reshard, keys ...string) {
	w.t.Helper()
	w.write(2, keys...)
	done := make(chan error, 1)
	go func() {
		err := r.ask(w.t.Context(), w.client)
		if err == nil {
			err = w.awaitActive()
		}
		done <- err
	}()
	for resharding := true; resharding; {
		select {
		case err := <-done:
			if err != nil {
				w.t.Fatalf("%s: %v", r.name, err)
			}
			resharding = false
		default:
			w.write(1, keys...)
		}
	}
	w.write(2, keys...)
}

// TestAFollowerFollowsReshards while records are written: each is read once, those of a
// key in their order.
func TestAFollowerFollowsReshards(t *testing.T) {
	keys := []string{"a", "b", "c", "d", "e", "f", "g", "h"}
	for _, c := range []struct {
		name   string
		pushed bool
	}{{"polled", false}, {"pushed", true}} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, 2)
			cps, err := consumer.OpenCheckpoints(filepath.Join(t.TempDir(), "checkpoints.json"))
			w.must(err)
			cfg := consumer.Config{Start: consumer.Oldest(), Checkpoints: cps}
			if c.pushed {
				cfg.ConsumerARN = w.register()
			}
			s := newSeen()
			stop := w.follow(cfg, s)
			for _, r := range reshards {
				w.writeDuring(r, keys...)
			}
			s.until(t, w.wanted())
			stop()
			// One that comes later finds the parents handled and goes on with the children.
			cfg.ConsumerARN = ""
			w.write(1, keys...)
			stop = w.follow(cfg, s)
			s.until(t, w.wanted())
			stop()
			// One that keeps nothing reads the parents before the children.
			all := newSeen()
			stop = w.follow(consumer.Config{Start: consumer.Oldest()}, all)
			all.until(t, w.wanted())
			stop()
		})
	}
}
