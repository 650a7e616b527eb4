package consumer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/schemas"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/aws/smithy-go/transport/http/protocol/awsjson"
)

// A position is a place in a shard.
type position struct {
	kind     types.ShardIteratorType
	sequence string    // with AFTER_SEQUENCE_NUMBER
	at       time.Time // with AT_TIMESTAMP
}

// after is the place that follows a checkpoint. ok says that there is one; the
// place is zero when there is nothing more to read.
func after(c Checkpoint) (p position, ok bool) {
	switch {
	case c.Finished:
		return position{}, true
	case c.SequenceNumber != "":
		return position{kind: types.ShardIteratorTypeAfterSequenceNumber, sequence: c.SequenceNumber}, true
	case !c.Since.IsZero():
		return position{kind: types.ShardIteratorTypeAtTimestamp, at: c.Since}, true
	}
	return position{}, false
}

// A shardReader reads one shard.
type shardReader struct {
	*run
	shard string
	at    position // what is handled so far
}

// read reads the shard to its end and returns its children.
func (s *shardReader) read(ctx context.Context) ([]types.ChildShard, error) {
	way := s.poll
	if s.cfg.ConsumerARN != "" {
		way = s.subscribe
	}
	var pauses backoff
	for {
		before := s.at
		end, err := way(ctx)
		if end != nil {
			return end.children, nil
		}
		if s.at != before {
			pauses = backoff{}
		}
		if err == nil {
			continue // a subscription or iterator has run out
		}
		if err := pauses.after(ctx, s.cfg.Log, s.shard, err); err != nil {
			return nil, err
		}
	}
}

// A shardEnd says that a shard is closed and read to its end.
type shardEnd struct{ children []types.ChildShard }

// poll reads by GetRecords until the shard ends or a call fails.
func (s *shardReader) poll(ctx context.Context) (*shardEnd, error) {
	in := &kinesis.GetShardIteratorInput{
		StreamARN: s.streamARN(), StreamName: s.streamName(),
		ShardId: &s.shard, ShardIteratorType: s.at.kind, StartingSequenceNumber: given(s.at.sequence),
	}
	if !s.at.at.IsZero() {
		in.Timestamp = &s.at.at
	}
	first, err := s.cfg.Client.GetShardIterator(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("%s: get iterator: %w", s.shard, err)
	}
	for iterator := first.ShardIterator; ; {
		out, err := s.cfg.Client.GetRecords(ctx, &kinesis.GetRecordsInput{ShardIterator: iterator, StreamARN: s.streamARN()})
		if err != nil {
			return nil, fmt.Errorf("%s: get records: %w", s.shard, err)
		}
		if err := s.take(ctx, out.Records, out.MillisBehindLatest, ""); err != nil {
			return nil, err
		}
		if out.NextShardIterator == nil {
			return &shardEnd{out.ChildShards}, nil
		}
		iterator = out.NextShardIterator
		if len(out.Records) == 0 || aws.ToInt64(out.MillisBehindLatest) == 0 {
			if err := pause(ctx, s.cfg.PollInterval); err != nil {
				return nil, err
			}
		}
	}
}

// subscribe reads by one subscription, which lasts five minutes.
func (s *shardReader) subscribe(ctx context.Context) (*shardEnd, error) {
	at := &types.StartingPosition{Type: s.at.kind, SequenceNumber: given(s.at.sequence)}
	if !s.at.at.IsZero() {
		at.Timestamp = &s.at.at
	}
	out, err := s.cfg.Client.SubscribeToShard(ctx, &kinesis.SubscribeToShardInput{
		ConsumerARN: &s.cfg.ConsumerARN, ShardId: &s.shard, StartingPosition: at,
	}, ownDecoder)
	if err != nil {
		return nil, fmt.Errorf("%s: subscribe: %w", s.shard, err)
	}
	stream := out.GetStream()
	end, err := s.drain(ctx, stream)
	if broken := stream.Close(); broken != nil && err == nil && end == nil {
		err = errBroken{fmt.Errorf("%s: subscription: %w", s.shard, broken)}
	}
	return end, err
}

// errBroken marks a subscription that ended otherwise than it should.
type errBroken struct{ error }

func (e errBroken) Unwrap() error { return e.error }

// ownDecoder gives a subscription a decoder of its own. The SDK (smithy-go 1.28.8)
// keeps one, with its buffer, for all event streams of a client, so that the streams
// of two shards would write over each other's events.
func ownDecoder(o *kinesis.Options) { o.Protocol = awsjson.New11(schemas.Kinesis_20131202) }

func (s *shardReader) drain(ctx context.Context, stream *kinesis.SubscribeToShardEventStream) (*shardEnd, error) {
	for event := range stream.Events() {
		e, ok := event.(*types.SubscribeToShardEventStreamMemberSubscribeToShardEvent)
		if !ok {
			continue // a kind of event that is newer than this
		}
		next := aws.ToString(e.Value.ContinuationSequenceNumber)
		if err := s.take(ctx, e.Value.Records, e.Value.MillisBehindLatest, next); err != nil {
			return nil, err
		}
		if e.Value.ContinuationSequenceNumber == nil {
			return &shardEnd{e.Value.ChildShards}, nil
		}
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return nil, nil
}

// errHandle marks what handle returned, which is never tried again.
type errHandle struct{ error }

func (e errHandle) Unwrap() error { return e.error }

// take has records handled and moves on. next is the sequence number to go on
// after, if another than the last record's.
func (s *shardReader) take(ctx context.Context, records []types.Record, behind *int64, next string) error {
	if len(records) > 0 {
		last := aws.ToString(records[len(records)-1].SequenceNumber)
		if next == "" {
			next = last
		}
		if b := s.batch(records, behind); len(b.Records) > 0 {
			if err := s.handle(ctx, b); err != nil {
				return errHandle{err}
			}
		}
		if err := s.cfg.Checkpoints.Save(ctx, s.shard, Checkpoint{SequenceNumber: next}); err != nil {
			return errHandle{err}
		}
	}
	if next != "" {
		s.at = position{kind: types.ShardIteratorTypeAfterSequenceNumber, sequence: next}
	}
	return nil
}

func (s *shardReader) batch(records []types.Record, behind *int64) Batch {
	b := Batch{ShardID: s.shard, BehindLatest: time.Duration(aws.ToInt64(behind)) * time.Millisecond}
	for i := range records {
		r := Record{
			SequenceNumber: aws.ToString(records[i].SequenceNumber),
			PartitionKey:   aws.ToString(records[i].PartitionKey),
			Arrival:        aws.ToTime(records[i].ApproximateArrivalTimestamp),
			Data:           records[i].Data,
		}
		r.Envelope, r.Err = Decode(r.Data)
		if r.Err == nil && r.Envelope.Control() {
			continue
		}
		b.Records = append(b.Records, r)
	}
	return b
}

// A backoff is the pauses after failures: doubled each time, with jitter.
type backoff struct{ last time.Duration }

const (
	firstPause = 100 * time.Millisecond
	lastPause  = 10 * time.Second
)

// after lets a pause pass after a failure that is worth another try, and returns
// any other.
func (b *backoff) after(ctx context.Context, log *slog.Logger, what string, failure error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if !passing(failure) {
		var h errHandle
		if errors.As(failure, &h) {
			return h.error
		}
		return failure
	}
	log.Warn("reading is tried again", "what", what, "cause", failure)
	b.last = min(max(2*b.last, firstPause), lastPause)
	return pause(ctx, b.last/2+rand.N(b.last))
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// passingCodes are the refusals that another try may not meet. ResourceInUse is
// what a subscription gets that comes too soon after the last.
var passingCodes = []string{
	"ExpiredIteratorException", "InternalFailure", "InternalFailureException", "InternalServerError",
	"KMSThrottlingException", "LimitExceededException", "ProvisionedThroughputExceededException",
	"RequestTimeout", "ResourceInUseException", "ServiceUnavailable", "ServiceUnavailableException",
	"ThrottlingException",
}

// passing reports whether a failure is worth another try: what the service says is
// for a moment, its own errors, and connections that break.
func passing(err error) bool {
	var h errHandle
	if errors.As(err, &h) {
		return false
	}
	var refusal smithy.APIError
	if errors.As(err, &refusal) {
		return refusal.ErrorFault() == smithy.FaultServer || slices.Contains(passingCodes, refusal.ErrorCode())
	}
	var broken errBroken
	var unsent *smithyhttp.RequestSendError
	var unread *smithy.DeserializationError
	return errors.As(err, &broken) || errors.As(err, &unsent) || errors.As(err, &unread)
}
