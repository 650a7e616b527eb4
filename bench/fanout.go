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

// fanoutRounds is how many records are pushed, one after the other.
const fanoutRounds = 1000

// measureFanout is how soon after a record has been acknowledged its subscribers have
// it, on a server that has nothing else to do, and what twenty of them cost. The floor
// is a round trip to the plain server, which keeps nothing.
func measureFanout(ctx context.Context, _ *settings, c *child) ([]row, error) {
	if _, err := c.makeStream(ctx, recipient, "bench", 1); err != nil {
		return nil, err
	}
	one, oneCPU, err := c.pushTo(ctx, 1)
	if err != nil {
		return nil, err
	}
	twenty, twentyCPU, err := c.pushTo(ctx, 20)
	if err != nil {
		return nil, err
	}
	plain, err := plainAppends(c.dir, 1, plainTime, json.RawMessage(`{"Data":"a small record"}`), false)
	if err != nil {
		return nil, err
	}
	p50, p99, last50 := percentile(one, 50), percentile(one, 99), percentile(twenty, 50)
	floor50, floor99 := percentile(plain.took, 50), percentile(plain.took, 99)
	return []row{
		{
			what: fmt.Sprintf("PutRecord answered to pushed, idle, p50 of %d", fanoutRounds), measured: short(p50),
			beside: short(floor50) + ", a plain HTTP round trip", ratio: times(float64(p50), float64(floor50)), aim: "<= 1 ms",
		},
		{what: "  p99", measured: short(p99), beside: short(floor99), ratio: times(float64(p99), float64(floor99)), aim: "<= 10 ms"},
		{
			what: "  to the last of 20 subscribers of the shard, p50", measured: short(last50),
			beside: short(p50) + " to one", ratio: times(float64(last50), float64(p50)), aim: "< 20",
		},
		{
			what: "  CPU of the server per record, 20 subscribers", measured: fmt.Sprintf("%.2f ms", milliseconds(twentyCPU)/fanoutRounds),
			beside: fmt.Sprintf("%.2f ms with one", milliseconds(oneCPU)/fanoutRounds), ratio: times(float64(twentyCPU), float64(oneCPU)), aim: "< 20",
		},
	}, nil
}

// pushTo puts records one by one, each when all subscribers have had the one before,
// and returns how long after its acknowledgement the last subscriber had each one,
// ascending, and the CPU time that the server has used.
func (c *child) pushTo(ctx context.Context, subscribers int) (took []time.Duration, cpu time.Duration, err error) {
	pushed, end, err := c.listenTo(ctx, "bench", subscribers)
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, end()) }()
	m, err := c.meter()
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
	_, cpu, err = m.read()
	slices.Sort(took)
	return took, cpu, err
}

// listenTo subscribes so many consumers to the one shard of a stream. pushed gets a
// nil for every record and consumer, or what has ended a subscription; end ends them
// and removes the consumers.
func (c *child) listenTo(ctx context.Context, stream string, subscribers int) (pushed <-chan error, end func() error, err error) {
	listening, cancel := context.WithCancel(ctx)
	records := make(chan error, subscribers)
	var wg sync.WaitGroup
	arn := "arn:aws:kinesis:us-east-1:" + recipient + ":stream/" + stream
	end = func() error {
		cancel()
		wg.Wait()
		var errs []error
		for i := range subscribers {
			in := map[string]any{"StreamARN": arn, "ConsumerName": consumerName(i, subscribers)}
			errs = append(errs, c.kinesis(context.WithoutCancel(ctx), "DeregisterStreamConsumer", in, nil))
		}
		return errors.Join(errs...)
	}
	for i := range subscribers {
		events, err := c.subscriber(listening, arn, consumerName(i, subscribers))
		if err != nil {
			return nil, nil, errors.Join(err, end())
		}
		wg.Go(func() { listen(listening, events, records) })
	}
	return records, end, nil
}

// consumerName is another one for each number of subscribers: a consumer that is made
// again under its name within a second has the ARN of the last, which may not subscribe
// so soon.
func consumerName(i, subscribers int) string {
	return fmt.Sprintf("consumer-%d-of-%d", i, subscribers)
}

// subscriber registers a consumer and subscribes it to the one shard's tip. It returns
// the stream, which ctx ends.
func (c *child) subscriber(ctx context.Context, stream, name string) (io.ReadCloser, error) {
	var registered struct {
		Consumer struct{ ConsumerARN, ConsumerStatus string }
	}
	in := map[string]any{"StreamARN": stream, "ConsumerName": name}
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
