package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"

	"tributary/internal/pure/sigv4"
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

// subscriber registers a consumer and subscribes it to the one shard's tip. It returns
// the stream, which ctx ends.
func (c *child) subscriber(ctx context.Context, name string) (io.ReadCloser, error) {
	var registered struct {
		Consumer struct{ ConsumerARN, ConsumerStatus string }
	}
	in := map[string]any{"StreamARN": benchStreamARN, "ConsumerName": name}
	if err := c.kinesis(ctx, "RegisterStreamConsumer", in, &registered); err != nil {
		return nil, err
	}
	for status := registered.Consumer.ConsumerStatus; status != "ACTIVE"; {
		var now struct {
			ConsumerDescription struct{ ConsumerStatus string }
		}
		if err := c.kinesis(ctx, "DescribeStreamConsumer", in, &now); err != nil {
			return nil, err
		}
		status = now.ConsumerDescription.ConsumerStatus
	}
	body, err := json.Marshal(map[string]any{
		"ConsumerARN": registered.Consumer.ConsumerARN, "ShardId": "shardId-000000000000",
		"StartingPosition": map[string]any{"Type": "LATEST"},
	})
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.Endpoint+"/", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", kinesisTarget+"SubscribeToShard")
	as := c.client(recipient)
	sigv4.Sign(r, sha256.Sum256(body), as.Credentials, as.Region, "kinesis", time.Now())
	answer, err := as.HTTP.Do(r)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		return nil, errors.Join(fmt.Errorf("SubscribeToShard: %s", answer.Status), answer.Body.Close())
	}
	return answer.Body, nil
}

// listen reports every record that is pushed, and what ends the stream before ctx.
func listen(ctx context.Context, stream io.ReadCloser, pushed chan<- error) {
	defer func() { _ = stream.Close() }() // what it has to say has been said
	report := func(err error) {
		select {
		case pushed <- err:
		case <-ctx.Done():
		}
	}
	decoder := eventstream.NewDecoder()
	for {
		message, err := decoder.Decode(stream, nil)
		if err != nil {
			report(fmt.Errorf("the stream has ended: %w", err))
			return
		}
		var event struct{ Records []json.RawMessage }
		if err := json.Unmarshal(message.Payload, &event); err != nil {
			report(err)
			return
		}
		for range event.Records {
			report(nil)
		}
	}
}
