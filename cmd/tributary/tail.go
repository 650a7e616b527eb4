package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/smithy-go"
	"github.com/spf13/cobra"

	"tributary/consumer"
	"tributary/internal/pure/pattern"
)

func tailCommand() *cobra.Command {
	var (
		conn connection
		opts tailOptions
	)
	cmd := &cobra.Command{
		Use:   "tail STREAM",
		Short: "Follow a stream and print the log events in it, one a line",
		Long: `Follow a stream, named or given by ARN, and print the log events that
subscriptions delivered, one a line: on a terminal as time, sender, log group, log
stream and message in colour, otherwise as JSON objects. Control messages are left
out. Control characters are printed escaped.

All shards are followed, and those that splits and merges make, each after its
parents. Events come within milliseconds through a consumer that is registered with
the stream for as long as the command runs; where that is not allowed, or with
--poll, they are polled.

tail begins with the next event, or where --from-start, --since or a --checkpoint
file of an earlier run say.`,
		Example: `  tributary tail RecipientStream --from-start
  tributary tail RecipientStream --since 15m --filter '{ $.status >= 500 }'
  tributary tail RecipientStream --checkpoint tail.json | jq -r .message`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := conn.kinesis()
			if err != nil {
				return err
			}
			t := tail{
				client: client, stream: args[0], options: opts,
				printer: eventPrinter{out: bufio.NewWriter(cmd.OutOrStdout()), notes: cmd.ErrOrStderr()},
			}
			if err := t.settle(time.Now(), isTerminal(cmd.OutOrStdout())); err != nil {
				return err
			}
			err = t.run(cmd.Context())
			if errors.Is(err, context.Canceled) {
				err = nil // ended by the user
			}
			return err
		},
	}
	conn.flags(cmd)
	f := cmd.Flags()
	f.BoolVar(&opts.fromStart, "from-start", false, "begin with the oldest record, not the next")
	f.StringVar(&opts.since, "since", "", "begin with the first record that arrived since: a duration (15m) or a time (2026-01-31T12:00:00Z)")
	f.StringVar(&opts.checkpoint, "checkpoint", "", "keep in this file how far each shard was printed, and go on there")
	f.StringVar(&opts.filter, "filter", "", "print only events that this filter pattern matches")
	f.BoolVar(&opts.json, "json", false, "print JSON objects on a terminal too")
	f.BoolVar(&opts.text, "text", false, "print lines of text, in colour only on a terminal and without NO_COLOR")
	f.BoolVar(&opts.poll, "poll", false, "poll, without registering a consumer")
	cmd.MarkFlagsMutuallyExclusive("from-start", "since")
	cmd.MarkFlagsMutuallyExclusive("json", "text")
	return cmd
}

// tailOptions are the flags of tail.
type tailOptions struct {
	fromStart, poll, json, text bool
	since, checkpoint, filter   string
}

// isTerminal reports whether what is written there is seen by a person.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

type tail struct {
	client  *kinesis.Client
	stream  string // name or ARN
	options tailOptions
	printer eventPrinter
	start   consumer.Start
}

// settle gives the options their meaning.
func (t *tail) settle(now time.Time, terminal bool) error {
	var err error
	t.printer.format = t.options.format(terminal)
	if t.options.filter != "" {
		p, err := pattern.Parse(t.options.filter)
		if err != nil {
			return pointAt(t.options.filter, err)
		}
		t.printer.filter = p
	}
	t.start, err = startOf(t.options, now)
	return err
}

func (o *tailOptions) format(terminal bool) format {
	switch {
	case o.json || !terminal && !o.text:
		return formatJSON
	case terminal && os.Getenv("NO_COLOR") == "":
		return formatColor
	}
	return formatText
}

func startOf(o tailOptions, now time.Time) (consumer.Start, error) {
	if o.fromStart {
		return consumer.Oldest(), nil
	}
	if o.since == "" {
		return consumer.Latest(), nil
	}
	if ago, err := time.ParseDuration(o.since); err == nil && ago >= 0 {
		return consumer.At(now.Add(-ago)), nil
	}
	at, err := time.Parse(time.RFC3339, o.since)
	if err != nil {
		return consumer.Start{}, fmt.Errorf("--since %q: want a duration like 15m or a time like 2026-01-31T12:00:00Z", o.since)
	}
	return consumer.At(at), nil
}

// run follows the stream until ctx ends.
func (t *tail) run(ctx context.Context) (err error) {
	var checkpoints consumer.Checkpoints
	if t.options.checkpoint != "" {
		if checkpoints, err = consumer.OpenCheckpoints(t.options.checkpoint); err != nil {
			return err
		}
	}
	stream := t.stream
	if !strings.HasPrefix(stream, "arn:") {
		out, err := t.client.DescribeStreamSummary(ctx, &kinesis.DescribeStreamSummaryInput{StreamName: &stream})
		if err != nil {
			return err
		}
		stream = aws.ToString(out.StreamDescriptionSummary.StreamARN)
	}
	registered, done, err := t.register(ctx, stream)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	f, err := consumer.NewFollower(consumer.Config{
		Client: t.client, StreamARN: stream, ConsumerARN: registered, Start: t.start, Checkpoints: checkpoints,
	})
	if err != nil {
		return err
	}
	return f.Run(ctx, t.printer.print)
}

// deregisterTime bounds how long the end of the command may take.
const deregisterTime = 5 * time.Second

// register registers a consumer of the stream for the time of this command; done
// takes it away again. It returns "" where the records are to be polled.
func (t *tail) register(ctx context.Context, stream string) (registered string, done func() error, err error) {
	nothing := func() error { return nil }
	if t.options.poll {
		return "", nothing, nil
	}
	var id [4]byte
	_, _ = rand.Read(id[:]) // never fails
	out, err := t.client.RegisterStreamConsumer(ctx, &kinesis.RegisterStreamConsumerInput{
		StreamARN: &stream, ConsumerName: aws.String("tributary-tail-" + hex.EncodeToString(id[:])),
	})
	var refusal smithy.APIError
	if errors.As(err, &refusal) && refusal.ErrorFault() != smithy.FaultServer {
		_, err = fmt.Fprintf(t.printer.notes, "tributary: no consumer can be registered, so the stream is polled: %s\n", visible(refusal.ErrorMessage()))
		return "", nothing, err
	}
	if err != nil {
		return "", nil, err
	}
	arn := out.Consumer.ConsumerARN
	done = func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), deregisterTime)
		defer cancel()
		_, err := t.client.DeregisterStreamConsumer(ctx, &kinesis.DeregisterStreamConsumerInput{ConsumerARN: arn})
		return err
	}
	if err := t.awaitActive(ctx, arn); err != nil {
		return "", nil, errors.Join(err, done())
	}
	return *arn, done, nil
}

// consumerPoll is the pause between two looks at a consumer that is being made.
const consumerPoll = 50 * time.Millisecond

func (t *tail) awaitActive(ctx context.Context, arn *string) error {
	tick := time.NewTicker(consumerPoll)
	defer tick.Stop()
	for {
		out, err := t.client.DescribeStreamConsumer(ctx, &kinesis.DescribeStreamConsumerInput{ConsumerARN: arn})
		if err != nil || out.ConsumerDescription.ConsumerStatus == types.ConsumerStatusActive {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}
