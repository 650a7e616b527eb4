package sdk

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/schemas"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/smithy-go/transport/http/protocol/awsjson"
)

// makeStream makes a stream and waits for it to be ACTIVE.
func makeStream(t *testing.T, a account, name string, shards int32) (streamARN string) {
	t.Helper()
	do(t, a.kinesis.CreateStream, &kinesis.CreateStreamInput{StreamName: aws.String(name), ShardCount: aws.Int32(shards)})
	waiter := kinesis.NewStreamExistsWaiter(a.kinesis, func(o *kinesis.StreamExistsWaiterOptions) {
		o.MinDelay, o.MaxDelay = 50*time.Millisecond, time.Second
	})
	out, err := waiter.WaitForOutput(t.Context(), &kinesis.DescribeStreamInput{StreamName: aws.String(name)}, patience)
	if err != nil {
		t.Fatal(err)
	}
	return aws.ToString(out.StreamDescription.StreamARN)
}

// register registers a consumer and waits for it to be ACTIVE.
func register(t *testing.T, a account, streamARN, name string) (consumerARN *string) {
	t.Helper()
	consumer := do(t, a.kinesis.RegisterStreamConsumer, &kinesis.RegisterStreamConsumerInput{
		StreamARN: aws.String(streamARN), ConsumerName: aws.String(name),
	}).Consumer
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for status := consumer.ConsumerStatus; status != types.ConsumerStatusActive; {
		out, err := a.kinesis.DescribeStreamConsumer(ctx, &kinesis.DescribeStreamConsumerInput{ConsumerARN: consumer.ConsumerARN})
		if err != nil {
			t.Fatal(err)
		}
		status = out.ConsumerDescription.ConsumerStatus
	}
	return consumer.ConsumerARN
}

func subscribeToShard(t *testing.T, a account, consumerARN *string, from types.StartingPosition) *kinesis.SubscribeToShardEventStream {
	t.Helper()
	// A client of its own: the SDK (smithy-go 1.28.8) keeps one decoder, with its buffer,
	// for all event streams of a client.
	client := kinesis.New(a.kinesis.Options(), func(o *kinesis.Options) { o.Protocol = awsjson.New11(schemas.Kinesis_20131202) })
	out := do(t, client.SubscribeToShard, &kinesis.SubscribeToShardInput{
		ConsumerARN: consumerARN, ShardId: aws.String("shardId-000000000000"), StartingPosition: &from,
	})
	stream := out.GetStream()
	t.Cleanup(func() { _ = stream.Close() })
	return stream
}

// take reads events until there were count records, and returns their data and the
// last event.
func take(t *testing.T, stream *kinesis.SubscribeToShardEventStream, count int) (data []string, last types.SubscribeToShardEvent) {
	t.Helper()
	timeout := time.After(patience)
	for len(data) < count {
		select {
		case event, open := <-stream.Events():
			if !open {
				t.Fatalf("the stream ended after %q: %v", data, stream.Err())
			}
			last = event.(*types.SubscribeToShardEventStreamMemberSubscribeToShardEvent).Value
			for _, r := range last.Records {
				data = append(data, string(r.Data))
			}
		case <-timeout:
			t.Fatalf("got %q, want %d records", data, count)
		}
	}
	return data, last
}

func putText(t *testing.T, a account, streamARN, text string) {
	t.Helper()
	do(t, a.kinesis.PutRecord, &kinesis.PutRecordInput{
		StreamARN: aws.String(streamARN), PartitionKey: aws.String("k"), Data: []byte(text),
	})
}

func TestRecordsArePushedToASubscriber(t *testing.T) {
	start(t)
	testPush(t, as(t, firstID, region))
}

// testPush subscribes, reads what is pushed, and goes on with the number that the
// last event gave.
func testPush(t *testing.T, a account) {
	t.Helper()
	streamARN := makeStream(t, a, "pushed", 1)
	consumer := register(t, a, streamARN, "reader")
	putText(t, a, streamARN, "before")
	stream := subscribeToShard(t, a, consumer, types.StartingPosition{Type: types.ShardIteratorTypeTrimHorizon})
	want := []string{"before"}
	got, last := take(t, stream, 1)
	for i := range 3 {
		text := fmt.Sprint("pushed ", i)
		putText(t, a, streamARN, text)
		want = append(want, text)
		var data []string
		data, last = take(t, stream, 1)
		got = append(got, data...)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	_, err := a.kinesis.SubscribeToShard(t.Context(), &kinesis.SubscribeToShardInput{
		ConsumerARN: consumer, ShardId: aws.String("shardId-000000000000"),
		StartingPosition: &types.StartingPosition{Type: types.ShardIteratorTypeLatest},
	})
	_, made, _ := strings.Cut(*consumer, "/consumer/")
	refusedAs[*types.ResourceInUseException](t, err,
		"Another active subscription exists for this consumer: 111111111111:pushed:"+made+":shardId-000000000000")

	other := register(t, a, streamARN, "other")
	putText(t, a, streamARN, "after")
	resumed := subscribeToShard(t, a, other, types.StartingPosition{
		Type: types.ShardIteratorTypeAfterSequenceNumber, SequenceNumber: last.ContinuationSequenceNumber,
	})
	if got, _ := take(t, resumed, 1); got[0] != "after" {
		t.Errorf("after the number that the last event gave: got %q, want %q", got, "after")
	}

	do(t, a.kinesis.DeregisterStreamConsumer, &kinesis.DeregisterStreamConsumerInput{ConsumerARN: other})
	for range resumed.Events() { // until it ends
	}
	refusedAs[*types.ResourceNotFoundException](t, resumed.Err(), "Consumer other under stream pushed not found for account 111111111111.")
}

// A slowSender is a connection whose Write returns a moment after the peer has everything.
type slowSender struct{ net.Conn }

const afterthought = 5 * time.Millisecond

func (s slowSender) Write(p []byte) (n int, err error) {
	n, err = s.Conn.Write(p)
	<-time.After(afterthought)
	return n, err
}

// TestSubscriberThatIsSlowerThanTheServer: when the answer is there before its transport
// has finished with the request, the SDK cuts its own connection.
func TestSubscriberThatIsSlowerThanTheServer(t *testing.T) {
	start(t)
	a := as(t, firstID, region)
	client := awshttp.NewBuildableClient().WithTransportOptions(func(transport *http.Transport) {
		dial := transport.DialContext
		transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dial(ctx, network, address)
			return slowSender{conn}, err
		}
	})
	streamARN := makeStream(t, a, "slow", 1)
	consumer := register(t, a, streamARN, "reader")
	slow := a
	slow.kinesis = kinesis.New(a.kinesis.Options(), func(o *kinesis.Options) { o.HTTPClient = client })
	stream := subscribeToShard(t, slow, consumer, types.StartingPosition{Type: types.ShardIteratorTypeTrimHorizon})
	for began := time.Now(); time.Since(began) < 4*afterthought; {
		putText(t, a, streamARN, "x")
		if got, _ := take(t, stream, 1); got[0] != "x" {
			t.Errorf("got %q, want x", got)
		}
	}
}

func TestConsumersAreListedInPages(t *testing.T) {
	start(t)
	a := as(t, firstID, region)
	streamARN := makeStream(t, a, "listed", 1)
	var want []string
	for i := range 3 {
		name := fmt.Sprint("consumer-", i)
		register(t, a, streamARN, name)
		want = append(want, name)
	}
	var got []string
	pages := kinesis.NewListStreamConsumersPaginator(a.kinesis, &kinesis.ListStreamConsumersInput{
		StreamARN: aws.String(streamARN), MaxResults: aws.Int32(2),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range page.Consumers {
			got = append(got, aws.ToString(c.ConsumerName))
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
