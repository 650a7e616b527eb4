package sdk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	kinesistypes "github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

// Times of a worker, scaled down from those of the Kinesis Client Library.
const (
	leaseTime  = 1500 * time.Millisecond // a lease that is not renewed for so long may be taken
	renewEvery = 200 * time.Millisecond
	pollEvery  = 20 * time.Millisecond
)

const shardEnd = "SHARD_END"

// A worker shares the shards of a stream with others as workers of the Kinesis
// Client Library do: a lease for each shard, a counter that its owner raises, leases
// taken from owners that do not, one stolen at a time from owners that have many,
// checkpoints written under the lease, children begun when their parents are
// finished.
type worker struct {
	t      *testing.T
	name   string
	leases *dynamodb.Client
	stream *kinesis.Client
	seen   *sightings

	mu      sync.Mutex
	held    map[string]int64 // counters of the leases it holds; guarded by mu
	watched map[string]watch // only run uses it
	shards  sync.WaitGroup
}

// A watch is when a worker saw the counter of a lease change.
type watch struct {
	counter int64
	since   time.Time
}

// sightings are the records that workers were given, in the order they came.
type sightings struct {
	mu   sync.Mutex
	all  map[string][]int // by partition key; guarded by mu
	more chan struct{}
}

func (s *sightings) add(key string, n int) {
	s.mu.Lock()
	s.all[key] = append(s.all[key], n)
	s.mu.Unlock()
	select {
	case s.more <- struct{}{}:
	default:
	}
}

// firsts are the records of a key without repetitions.
func (s *sightings) firsts(key string) []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []int
	known := map[int]bool{}
	for _, n := range s.all[key] {
		if !known[n] {
			known[n] = true
			list = append(list, n)
		}
	}
	return list
}

const (
	kclTable  = "kcl-app"
	kclStream = "shared"
)

// run works until ctx ends; it dies then, without giving up its leases.
func (w *worker) run(ctx context.Context) {
	tick := time.NewTicker(renewEvery)
	defer tick.Stop()
	defer w.shards.Wait()
	for ctx.Err() == nil {
		if err := w.round(ctx); err != nil && ctx.Err() == nil {
			w.t.Errorf("%s: %v", w.name, err)
			return
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

func (w *worker) round(ctx context.Context) error {
	if err := w.sync(ctx); err != nil {
		return err
	}
	if err := w.renew(ctx); err != nil {
		return err
	}
	return w.take(ctx)
}

// sync makes a lease for every shard that has none and whose parents are listed no
// more or finished.
func (w *worker) sync(ctx context.Context) error {
	leases, err := w.list(ctx)
	if err != nil {
		return err
	}
	out, err := w.stream.ListShards(ctx, &kinesis.ListShardsInput{StreamName: aws.String(kclStream)})
	if err != nil {
		return err
	}
	for _, s := range out.Shards {
		if _, ok := leases[*s.ShardId]; ok {
			continue
		}
		ready, parents := true, []string{}
		for _, p := range []*string{s.ParentShardId, s.AdjacentParentShardId} {
			if p != nil {
				parents = append(parents, *p)
				ready = ready && textOf(leases[*p]["checkpoint"]) == shardEnd
			}
		}
		if !ready {
			continue
		}
		lease := attributes{"leaseKey": text(*s.ShardId), "leaseCounter": number(0), "checkpoint": text("TRIM_HORIZON"), "ownerSwitchesSinceCheckpoint": number(0)}
		if len(parents) > 0 {
			lease["parentShardId"] = set(parents...)
		}
		if _, err := createLease(w.t, w.leases, kclTable, lease); err != nil {
			return err
		}
	}
	return nil
}

func (w *worker) list(ctx context.Context) (map[string]attributes, error) {
	all := map[string]attributes{}
	in := &dynamodb.ScanInput{TableName: aws.String(kclTable)}
	for {
		out, err := w.leases.Scan(ctx, in)
		if err != nil {
			return nil, err
		}
		for _, it := range out.Items {
			all[textOf(it["leaseKey"])] = it
		}
		if len(out.LastEvaluatedKey) == 0 {
			return all, nil
		}
		in.ExclusiveStartKey = out.LastEvaluatedKey
	}
}

// update writes to a lease under its counter and owner; false says that the lease
// is lost.
func (w *worker) update(ctx context.Context, shard string, counter int64, owner string, updates map[string]types.AttributeValueUpdate) (bool, error) {
	expected := map[string]types.ExpectedAttributeValue{"leaseCounter": is(number(counter))}
	if owner != "" {
		expected["leaseOwner"] = is(text(owner))
	}
	updates["leaseCounter"] = put1(number(counter + 1))
	_, err := w.leases.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: aws.String(kclTable), Key: leaseKey(shard), AttributeUpdates: updates, Expected: expected,
	})
	var failed *types.ConditionalCheckFailedException
	if errors.As(err, &failed) {
		return false, nil
	}
	return err == nil, err
}

// write is update for a lease that the worker holds, under the lock that keeps the
// counter.
func (w *worker) write(ctx context.Context, shard string, updates map[string]types.AttributeValueUpdate) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	counter, ok := w.held[shard]
	if !ok {
		return false, nil
	}
	ok, err := w.update(ctx, shard, counter, w.name, updates)
	if ok {
		w.held[shard] = counter + 1
	} else if err == nil {
		delete(w.held, shard)
	}
	return ok, err
}

func (w *worker) renew(ctx context.Context) error {
	w.mu.Lock()
	shards := make([]string, 0, len(w.held))
	for shard := range w.held {
		shards = append(shards, shard)
	}
	w.mu.Unlock()
	for _, shard := range shards {
		if _, err := w.write(ctx, shard, map[string]types.AttributeValueUpdate{}); err != nil {
			return err
		}
	}
	return nil
}

// take takes leases that nobody renews, up to a fair share, or else steals one.
func (w *worker) take(ctx context.Context) error {
	leases, err := w.list(ctx)
	if err != nil {
		return err
	}
	owners := map[string][]string{w.name: nil}
	var free []string
	for shard, lease := range leases {
		if textOf(lease["checkpoint"]) == shardEnd {
			continue
		}
		counter, owner := numberOf(lease["leaseCounter"]), textOf(lease["leaseOwner"])
		if seen, ok := w.watched[shard]; !ok || seen.counter != counter {
			w.watched[shard] = watch{counter, time.Now()}
		}
		if owner == "" || time.Since(w.watched[shard].since) > leaseTime {
			free = append(free, shard)
			continue
		}
		owners[owner] = append(owners[owner], shard)
	}
	fair := (len(leases) + len(owners) - 1) / len(owners)
	slices.Sort(free)
	for _, shard := range free {
		if len(owners[w.name]) >= fair {
			return nil
		}
		owners[w.name] = append(owners[w.name], shard)
		if err := w.acquire(ctx, shard, leases[shard]); err != nil {
			return err
		}
	}
	for owner, shards := range owners {
		if owner != w.name && len(free) == 0 && len(shards) > fair && len(owners[w.name]) < fair {
			slices.Sort(shards)
			return w.acquire(ctx, shards[0], leases[shards[0]])
		}
	}
	return nil
}

func (w *worker) acquire(ctx context.Context, shard string, lease attributes) error {
	counter := numberOf(lease["leaseCounter"])
	updates := map[string]types.AttributeValueUpdate{"leaseOwner": put1(text(w.name))}
	if textOf(lease["leaseOwner"]) != "" {
		updates["ownerSwitchesSinceCheckpoint"] = types.AttributeValueUpdate{Value: number(1), Action: types.AttributeActionAdd}
	}
	ok, err := w.update(ctx, shard, counter, textOf(lease["leaseOwner"]), updates)
	if !ok {
		return err // nil: another worker was faster
	}
	w.mu.Lock()
	w.held[shard] = counter + 1
	w.mu.Unlock()
	w.shards.Go(func() {
		if err := w.process(ctx, shard, textOf(lease["checkpoint"])); err != nil && ctx.Err() == nil {
			w.t.Errorf("%s: %s: %v", w.name, shard, err)
		}
	})
	return nil
}

// process reads a shard while the lease is held, with a checkpoint after each read.
func (w *worker) process(ctx context.Context, shard, checkpoint string) error {
	in := &kinesis.GetShardIteratorInput{StreamName: aws.String(kclStream), ShardId: &shard, ShardIteratorType: kinesistypes.ShardIteratorTypeTrimHorizon}
	if checkpoint != "TRIM_HORIZON" {
		in.ShardIteratorType, in.StartingSequenceNumber = kinesistypes.ShardIteratorTypeAfterSequenceNumber, &checkpoint
	}
	first, err := w.stream.GetShardIterator(ctx, in)
	if err != nil {
		return err
	}
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for iterator := first.ShardIterator; ; {
		out, err := w.stream.GetRecords(ctx, &kinesis.GetRecordsInput{ShardIterator: iterator, Limit: aws.Int32(7)})
		if err != nil {
			return err
		}
		for _, r := range out.Records {
			n, err := strconv.Atoi(string(r.Data))
			if err != nil {
				return err
			}
			w.seen.add(*r.PartitionKey, n)
			checkpoint = *r.SequenceNumber
		}
		end := out.NextShardIterator == nil
		if end {
			checkpoint = shardEnd
		}
		if end || len(out.Records) > 0 {
			held, err := w.write(ctx, shard, map[string]types.AttributeValueUpdate{"checkpoint": put1(text(checkpoint)), "ownerSwitchesSinceCheckpoint": put1(number(0))})
			if err != nil || !held || end {
				return err
			}
		}
		iterator = out.NextShardIterator
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		w.mu.Lock()
		_, held := w.held[shard]
		w.mu.Unlock()
		if !held {
			return nil
		}
	}
}

func TestWorkersShareAStreamByLeasesThroughDeathsAndReshards(t *testing.T) {
	start(t)
	a, c := as(t, recipientID, region), leaseClient(t, recipientID)
	streamARN := makeStream(t, a, kclStream, 4)
	createLeaseTable(t, c, kclTable)
	seen := &sightings{all: map[string][]int{}, more: make(chan struct{}, 1)}

	begin := func(name string) (die func()) {
		ctx, cancel := context.WithCancel(t.Context())
		w := &worker{
			t: t, name: name, leases: leaseClient(t, recipientID), stream: as(t, recipientID, region).kinesis,
			seen: seen, held: map[string]int64{}, watched: map[string]watch{},
		}
		done := make(chan struct{})
		go func() { defer close(done); w.run(ctx) }()
		return func() { cancel(); <-done }
	}

	const keys = 12
	written := 0
	write := func(rounds int) {
		t.Helper()
		for range rounds {
			var entries []kinesistypes.PutRecordsRequestEntry
			for k := range keys {
				entries = append(entries, kinesistypes.PutRecordsRequestEntry{
					PartitionKey: aws.String(fmt.Sprintf("key-%d", k)), Data: []byte(strconv.Itoa(written)),
				})
			}
			if out := do(t, a.kinesis.PutRecords, &kinesis.PutRecordsInput{StreamName: aws.String(kclStream), Records: entries}); *out.FailedRecordCount != 0 {
				t.Fatalf("%d records failed", *out.FailedRecordCount)
			}
			written++
		}
	}
	settle := func(what string) {
		t.Helper()
		timeout := time.After(patience)
		for {
			complete := 0
			for k := range keys {
				if len(seen.firsts(fmt.Sprintf("key-%d", k))) == written {
					complete++
				}
			}
			if complete == keys {
				return
			}
			select {
			case <-seen.more:
			case <-timeout:
				for k := range keys {
					t.Logf("key-%d: %v", k, seen.firsts(fmt.Sprintf("key-%d", k)))
				}
				t.Fatalf("%s: only %d of %d keys are complete with %d records", what, complete, keys, written)
			}
		}
	}

	dieFirst := begin("worker-1")
	write(10)
	settle("one worker")
	dieSecond, dieThird := begin("worker-2"), begin("worker-3")
	defer dieThird()
	defer dieSecond()
	write(10)
	settle("three workers")

	do(t, a.kinesis.SplitShard, &kinesis.SplitShardInput{
		StreamARN: &streamARN, ShardToSplit: aws.String("shardId-000000000000"), NewStartingHashKey: aws.String("42535295865117307932921825928971026431"),
	})
	write(10)
	settle("a split")
	dieFirst()
	write(10)
	settle("a dead worker")

	for k := range keys {
		key := fmt.Sprintf("key-%d", k)
		if got := seen.firsts(key); !slices.IsSorted(got) {
			t.Errorf("%s: records came in the order %v", key, got)
		}
	}
	out := do(t, c.GetItem, &dynamodb.GetItemInput{TableName: aws.String(kclTable), Key: leaseKey("shardId-000000000000")})
	if got := textOf(out.Item["checkpoint"]); got != shardEnd {
		t.Errorf("checkpoint of the shard that was split: %s, want %s", got, shardEnd)
	}
}
