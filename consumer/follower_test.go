package consumer_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/google/go-cmp/cmp"

	"tributary/consumer"
	"tributary/internal/server/servertest"
)

const account = "999999999999"

// A world is a server with one stream, and the SDK's client of its owner.
type world struct {
	t      *testing.T
	client *kinesis.Client
	put    map[string]int // events written by partition key
}

const patience = 60 * time.Second

func newWorld(t *testing.T, shards int32) *world {
	t.Helper()
	s := servertest.Start(t)
	w := &world{t: t, put: map[string]int{}, client: kinesis.New(kinesis.Options{
		BaseEndpoint: aws.String(s.URL()), Region: "us-east-1",
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: account, SecretAccessKey: "test"}, nil
		}),
	})}
	_, err := w.client.CreateStream(t.Context(), &kinesis.CreateStreamInput{StreamName: aws.String("s"), ShardCount: &shards})
	w.must(err)
	w.active()
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) active() {
	w.t.Helper()
	w.must(w.awaitActive())
}

func (w *world) awaitActive() error {
	return kinesis.NewStreamExistsWaiter(w.client, func(o *kinesis.StreamExistsWaiterOptions) {
		o.MinDelay, o.MaxDelay = 5*time.Millisecond, 50*time.Millisecond
	}).Wait(w.t.Context(), &kinesis.DescribeStreamInput{StreamName: aws.String("s")}, patience)
}

// write puts one record with the next n events of each key.
func (w *world) write(n int, keys ...string) {
	w.t.Helper()
	for _, key := range keys {
		for range n {
			data := zipped(w.t, fmt.Sprintf(`{"messageType":"DATA_MESSAGE","owner":"111111111111","logStream":%q,"logEvents":[{"id":"%d"}]}`, key, w.put[key]))
			_, err := w.client.PutRecord(w.t.Context(), &kinesis.PutRecordInput{StreamName: aws.String("s"), PartitionKey: &key, Data: data})
			w.must(err)
			w.put[key]++
		}
	}
}

func (w *world) control() {
	w.t.Helper()
	_, err := w.client.PutRecord(w.t.Context(), &kinesis.PutRecordInput{
		StreamName: aws.String("s"), PartitionKey: aws.String("c"), Data: zipped(w.t, `{"messageType":"CONTROL_MESSAGE"}`),
	})
	w.must(err)
}

// wanted is every event written so far, by key.
func (w *world) wanted() map[string][]string {
	want := map[string][]string{}
	for key, n := range w.put {
		for i := range n {
			want[key] = append(want[key], fmt.Sprint(i))
		}
	}
	return want
}

// A seen is what a handler was given, by key.
type seen struct {
	mu     sync.Mutex
	events map[string][]string // guarded by mu
	others int                 // guarded by mu
	more   chan struct{}
}

func newSeen() *seen { return &seen{events: map[string][]string{}, more: make(chan struct{}, 1)} }

func (s *seen) handle(_ context.Context, b consumer.Batch) error {
	s.mu.Lock()
	for _, r := range b.Records {
		if r.Err != nil {
			s.others++
		}
		for _, e := range r.Envelope.LogEvents {
			s.events[r.Envelope.LogStream] = append(s.events[r.Envelope.LogStream], e.ID)
		}
	}
	s.mu.Unlock()
	select {
	case s.more <- struct{}{}:
	default:
	}
	return nil
}

func (s *seen) all() map[string][]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[string][]string{}
	for k, v := range s.events {
		all[k] = slices.Clone(v)
	}
	return all
}

// until waits for every wanted event.
func (s *seen) until(t *testing.T, want map[string][]string) {
	t.Helper()
	timeout := time.After(patience)
	for {
		if cmp.Equal(want, s.all()) {
			return
		}
		select {
		case <-s.more:
		case <-timeout:
			t.Fatalf("events by key (-want +got):\n%s", cmp.Diff(want, s.all()))
		}
	}
}

// follow starts a follower; the function it returns stops it and checks that it was
// ended by nothing else.
func (w *world) follow(cfg consumer.Config, s *seen) (stop func()) {
	w.t.Helper()
	cfg.Client, cfg.PollInterval = w.client, 5*time.Millisecond
	if cfg.StreamARN == "" {
		cfg.StreamName = "s"
	}
	f, err := consumer.NewFollower(cfg)
	w.must(err)
	ctx, cancel := context.WithCancel(w.t.Context())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx, s.handle) }()
	return func() {
		w.t.Helper()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			w.t.Errorf("Run returned %v, want the end of its context", err)
		}
	}
}

func TestAFollowerReadsEveryRecordInOrderAndNoControlMessages(t *testing.T) {
	w := newWorld(t, 2)
	w.write(5, "a", "b", "c")
	w.control()
	_, err := w.client.PutRecord(t.Context(), &kinesis.PutRecordInput{StreamName: aws.String("s"), PartitionKey: aws.String("x"), Data: []byte("no envelope")})
	w.must(err)
	s := newSeen()
	stop := w.follow(consumer.Config{Start: consumer.Oldest()}, s)
	w.write(5, "a", "b", "c")
	s.until(t, w.wanted())
	stop()
	if s.others != 1 {
		t.Errorf("records that are no envelope: got %d, want 1", s.others)
	}
}

func TestAFollowerGoesOnAtItsCheckpoints(t *testing.T) {
	w := newWorld(t, 2)
	path := filepath.Join(t.TempDir(), "checkpoints.json")
	w.write(3, "before", "it began") // which Latest leaves out
	left := w.wanted()
	for ms := time.Now().UnixMilli(); time.Now().UnixMilli() == ms; {
		continue // positions are times in ms
	}
	s := newSeen()
	for round := range 4 {
		cps, err := consumer.OpenCheckpoints(path)
		w.must(err)
		if round == 0 {
			// Nothing is written while this one reads, yet what comes after it counts.
			readFirst(t, w, cps)
			w.write(2, "a", "b", "c")
			continue
		}
		stop := w.follow(consumer.Config{Checkpoints: cps}, s)
		w.write(2, "a", "b", "c")
		want := w.wanted()
		for key := range left {
			delete(want, key)
		}
		s.until(t, want)
		stop()
		w.write(2, "a", "b", "c") // for the next round
	}
}

// readFirst runs a follower until it has begun with every shard.
func readFirst(t *testing.T, w *world, cps consumer.Checkpoints) {
	t.Helper()
	watched := &watched{Checkpoints: cps, saved: make(chan string, 8)}
	stop := w.follow(consumer.Config{Checkpoints: watched}, newSeen())
	for range 2 {
		<-watched.saved
	}
	stop()
}

type watched struct {
	consumer.Checkpoints
	saved chan string
}

func (c *watched) Save(ctx context.Context, shard string, cp consumer.Checkpoint) error {
	err := c.Checkpoints.Save(ctx, shard, cp)
	c.saved <- shard
	return err
}

func TestWhatTheHandlerRefusesComesAgain(t *testing.T) {
	w := newWorld(t, 1)
	w.write(3, "a")
	cps, err := consumer.OpenCheckpoints(filepath.Join(t.TempDir(), "c"))
	w.must(err)
	f, err := consumer.NewFollower(consumer.Config{Client: w.client, StreamName: "s", Start: consumer.Oldest(), Checkpoints: cps})
	w.must(err)
	full := errors.New("disk is full")
	if err := f.Run(t.Context(), func(context.Context, consumer.Batch) error { return full }); err != full { //nolint:errorlint // it is handed through unchanged
		t.Fatalf("Run: got %v, want what the handler returned", err)
	}
	s := newSeen()
	stop := w.follow(consumer.Config{Start: consumer.Oldest(), Checkpoints: cps}, s)
	s.until(t, w.wanted())
	stop()
}

func TestAFollowerEndsWithTheServicesRefusal(t *testing.T) {
	w := newWorld(t, 1)
	f, err := consumer.NewFollower(consumer.Config{Client: w.client, StreamName: "other"})
	w.must(err)
	var missing *types.ResourceNotFoundException
	if err := f.Run(t.Context(), newSeen().handle); !errors.As(err, &missing) {
		t.Errorf("got %v, want ResourceNotFoundException", err)
	}
}

func TestNewFollowerRefusesAConfigThatNamesNoOneStream(t *testing.T) {
	client := kinesis.New(kinesis.Options{})
	for _, cfg := range []consumer.Config{
		{StreamName: "s"},
		{Client: client},
		{Client: client, StreamName: "s", StreamARN: "arn:aws:kinesis:us-east-1:999999999999:stream/s"},
		{Client: client, StreamName: "s", PollInterval: -1},
	} {
		if _, err := consumer.NewFollower(cfg); err == nil {
			t.Errorf("config %+v: got no error", cfg)
		}
	}
}
