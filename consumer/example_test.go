package consumer_test

import (
	"context"
	"fmt"
	"log"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"

	"tributary/consumer"
)

// What a function behind an event source mapping does with each record.
func ExampleDecode() {
	var data []byte // of a record
	envelope, err := consumer.Decode(data)
	if err != nil {
		fmt.Println("not from a subscription")
		return
	}
	if envelope.Control() {
		return
	}
	for _, event := range envelope.LogEvents {
		fmt.Println(envelope.Owner, envelope.LogGroup, event.Time(), event.Message)
	}
	// Output: not from a subscription
}

// A program that follows a stream for as long as it runs and, when it is started
// again, goes on where it was.
func ExampleFollower() {
	ctx := context.Background()
	checkpoints, err := consumer.OpenCheckpoints("checkpoints.json")
	if err != nil {
		log.Fatal(err)
	}
	follower, err := consumer.NewFollower(consumer.Config{
		// With AWS, the options come from config.LoadDefaultConfig.
		Client: kinesis.New(kinesis.Options{
			BaseEndpoint: aws.String("http://127.0.0.1:4566"),
			Region:       "us-east-1",
		}),
		StreamARN:   "arn:aws:kinesis:us-east-1:999999999999:stream/RecipientStream",
		Start:       consumer.Oldest(),
		Checkpoints: checkpoints,
	})
	if err != nil {
		log.Fatal(err)
	}
	err = follower.Run(ctx, func(_ context.Context, b consumer.Batch) error {
		for _, r := range b.Records {
			if r.Err != nil {
				continue // somebody else writes to the stream too
			}
			for _, event := range r.Envelope.LogEvents {
				fmt.Println(r.Envelope.Owner, event.Message)
			}
		}
		return nil // the batch is handled: it will not come again
	})
	log.Fatal(err)
}
