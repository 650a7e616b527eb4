package consumer

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

// A Client is what a Follower needs of *kinesis.Client.
type Client interface {
	ListShards(context.Context, *kinesis.ListShardsInput, ...func(*kinesis.Options)) (*kinesis.ListShardsOutput, error)
	GetShardIterator(context.Context, *kinesis.GetShardIteratorInput, ...func(*kinesis.Options)) (*kinesis.GetShardIteratorOutput, error)
	GetRecords(context.Context, *kinesis.GetRecordsInput, ...func(*kinesis.Options)) (*kinesis.GetRecordsOutput, error)
	SubscribeToShard(context.Context, *kinesis.SubscribeToShardInput, ...func(*kinesis.Options)) (*kinesis.SubscribeToShardOutput, error)
}

// A Start is where to begin in a stream of which nothing has been read.
type Start struct {
	kind types.ShardIteratorType
	at   time.Time
}

// Latest begins with the next record that is written. It is the zero Start.
func Latest() Start { return Start{} }

// Oldest begins with the oldest record that the stream still has.
func Oldest() Start { return Start{kind: types.ShardIteratorTypeTrimHorizon} }

// At begins with the first record that arrived at this time or later.
func At(t time.Time) Start { return Start{kind: types.ShardIteratorTypeAtTimestamp, at: t} }

// Config says what a Follower reads, and how.
type Config struct {
	Client Client
	// StreamARN or StreamName names the stream. A stream of another account must be
	// named by ARN.
	StreamARN, StreamName string
	// ConsumerARN is that of a registered consumer of the stream. With it records
	// are pushed by SubscribeToShard, within milliseconds; without it they are
	// polled by GetRecords.
	ConsumerARN string
	// Start counts for shards without a checkpoint whose parents have none either.
	Start Start
	// Checkpoints keep how far each shard has been handled, so that a later
	// Follower goes on there. Nil keeps nothing.
	Checkpoints Checkpoints
	// PollInterval is the pause after a read that found the end of the shard.
	// Zero means 250 ms; a shard allows five reads a second for all who poll it.
	PollInterval time.Duration
	Log          *slog.Logger // nil: nothing is logged
}

// A Record is one record of a stream.
type Record struct {
	SequenceNumber string
	PartitionKey   string
	Arrival        time.Time // approximate, by the stream's clock
	Data           []byte
	Envelope       Envelope // of Data, unless Err is set
	Err            error    // wraps ErrNotEnvelope or ErrTooLarge
}

// A Batch is some records of one shard, in order, without control messages. It has
// at least one record.
type Batch struct {
	ShardID string
	Records []Record
	// BehindLatest is how far the end of the batch is behind the tip of the shard.
	BehindLatest time.Duration
}

// A Follower reads a stream.
type Follower struct{ cfg Config }

// NewFollower returns a Follower that has not begun.
func NewFollower(cfg Config) (*Follower, error) {
	switch {
	case cfg.Client == nil:
		return nil, errors.New("consumer: Client is required")
	case (cfg.StreamARN == "") == (cfg.StreamName == ""):
		return nil, errors.New("consumer: one of StreamARN and StreamName is required")
	case cfg.PollInterval < 0:
		return nil, errors.New("consumer: PollInterval is negative")
	}
	if cfg.PollInterval == 0 {
		cfg.PollInterval = 250 * time.Millisecond
	}
	if cfg.Start.kind == "" {
		cfg.Start.kind = types.ShardIteratorTypeLatest
	}
	if cfg.Checkpoints == nil {
		cfg.Checkpoints = &forgetful{all: map[string]Checkpoint{}}
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Follower{cfg}, nil
}

// Run reads every shard of the stream, and those that come from splits and merges
// after all of their parents, until ctx ends, handle fails or the stream refuses;
// it returns that error. It returns nil when every shard is closed and handled to
// its end.
//
// handle gets one batch of a shard at a time, and batches of several shards at the
// same time. When it returns nil the batch counts as handled and is not given
// again, as far as the Checkpoints keep it. What fails for a moment (throttling, a
// connection, a server's error) is tried again.
func (f *Follower) Run(ctx context.Context, handle func(context.Context, Batch) error) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	r := &run{
		cfg: f.cfg, handle: handle, stop: stop,
		known: map[string]bool{}, finished: map[string]bool{}, ended: make(chan ending),
	}
	return r.run(ctx)
}
