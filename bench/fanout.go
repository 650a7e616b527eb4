package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

const benchStreamARN = "arn:aws:kinesis:us-east-1:" + recipient + ":stream/bench"

// fanoutRounds is how many records are pushed, one after the other.
const fanoutRounds = 1000

// measureFanout is how soon after a record has been acknowledged its subscribers have
// it, on a server that has nothing else to do, and what twenty of them cost.
func measureFanout(ctx context.Context, c *child, _ time.Duration) ([]row, error) {
	if _, err := makeStream(ctx, c, 1); err != nil {
		return nil, err
	}
	one, oneCPU, err := pushTo(ctx, c, 1)
	if err != nil {
		return nil, err
	}
	twenty, twentyCPU, err := pushTo(ctx, c, 20)
	if err != nil {
		return nil, err
	}
	return []row{
		{
			what:     fmt.Sprintf("SubscribeToShard, PutRecord answered to pushed, p50 of %d", fanoutRounds),
			measured: one[fanoutRounds/2].Round(10 * time.Microsecond).String(), aim: "1ms",
		},
		{what: "  p99", measured: one[fanoutRounds*99/100].Round(10 * time.Microsecond).String(), aim: "10ms"},
		{
			what: "  to the last of 20 subscribers of the shard, p50", measured: twenty[fanoutRounds/2].Round(10 * time.Microsecond).String(),
		},
		{
			what:     "  CPU of the server per record, 20 subscribers",
			measured: fmt.Sprintf("%.2f ms", milliseconds(twentyCPU)/fanoutRounds),
			ratio:    fmt.Sprintf("%.1f times one", float64(twentyCPU)/float64(oneCPU)), aim: "< 20 times",
		},
	}, nil
}

// pushTo puts records one by one, each when all subscribers have had the one before,
// and returns how long after its acknowledgement the last subscriber had each one,
// ascending, and the CPU time that the server has used.
func pushTo(ctx context.Context, c *child, subscribers int) (took []time.Duration, cpu time.Duration, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	pushed := make(chan error, subscribers) // one for every record and subscriber, nil
	var listening sync.WaitGroup
	defer listening.Wait()
	defer cancel()
	for i := range subscribers {
		name := fmt.Sprintf("consumer-%d-of-%d", i, subscribers)
		stream, err := c.subscriber(ctx, name)
		if err != nil {
			return nil, 0, err
		}
		listening.Go(func() { listen(ctx, stream, pushed) })
		defer func() {
			in := map[string]any{"StreamARN": benchStreamARN, "ConsumerName": name}
			err = errors.Join(err, c.kinesis(context.WithoutCancel(ctx), "DeregisterStreamConsumer", in, nil))
		}()
	}
	before, err := c.cpu()
	if err != nil {
		return nil, 0, err
	}
	for range fanoutRounds {
		in := map[string]any{"StreamName": "bench", "PartitionKey": "k", "Data": []byte("a small record")}
		if err := c.kinesis(ctx, "PutRecord", in, nil); err != nil {
			return nil, 0, err
		}
		acknowledged := time.Now()
		for range subscribers {
			if err := <-pushed; err != nil {
				return nil, 0, err
			}
		}
		took = append(took, time.Since(acknowledged))
	}
	after, err := c.cpu()
	slices.Sort(took)
	return took, after - before, err
}

// subscriber registers a consumer and subscribes it to the one shard's tip.
func (c *child) subscriber(ctx context.Context, name string) (*kinesis.SubscribeToShardEventStream, error) {
	api := kinesis.New(kinesis.Options{
		BaseEndpoint: aws.String(c.Endpoint), Region: "us-east-1",
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: recipient, SecretAccessKey: "test"}, nil
		}),
	})
	registered, err := api.RegisterStreamConsumer(ctx, &kinesis.RegisterStreamConsumerInput{
		StreamARN: aws.String(benchStreamARN), ConsumerName: aws.String(name),
	})
	if err != nil {
		return nil, err
	}
	for {
		out, err := api.SubscribeToShard(ctx, &kinesis.SubscribeToShardInput{
			ConsumerARN: registered.Consumer.ConsumerARN, ShardId: aws.String("shardId-000000000000"),
			StartingPosition: &types.StartingPosition{Type: types.ShardIteratorTypeLatest},
		})
		if _, creating := errors.AsType[*types.ResourceInUseException](err); creating && ctx.Err() == nil {
			continue
		}
		if err != nil {
			return nil, err
		}
		return out.GetStream(), nil
	}
}

// listen reports every record that is pushed, and what ends the stream before ctx.
func listen(ctx context.Context, stream *kinesis.SubscribeToShardEventStream, pushed chan<- error) {
	defer func() { _ = stream.Close() }() // what it has to say has been said
	report := func(err error) {
		select {
		case pushed <- err:
		case <-ctx.Done():
		}
	}
	for {
		select {
		case <-ctx.Done():
			return
		case event, open := <-stream.Events():
			if !open {
				report(fmt.Errorf("the stream has ended: %w", stream.Err()))
				return
			}
			if told, ok := event.(*types.SubscribeToShardEventStreamMemberSubscribeToShardEvent); ok {
				for range told.Value.Records {
					report(nil)
				}
			}
		}
	}
}
