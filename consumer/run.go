package consumer

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

// A run is one call of Run. Its fields belong to the goroutine that calls run; a
// goroutine for each shard reads only cfg and handle and reports to ended.
type run struct {
	cfg    Config
	handle func(context.Context, Batch) error
	stop   context.CancelFunc

	known    map[string]bool // shards that are read, waiting or finished
	finished map[string]bool // shards that need no more reading
	waiting  []lineage       // shards whose parents are not all finished
	reading  int
	ended    chan ending
}

// A lineage is a shard and the shards it comes from.
type lineage struct {
	shard   string
	parents []string
	from    position
}

// An ending is what a goroutine reports when it has no more to read.
type ending struct {
	shard    string
	children []types.ChildShard
	err      error
}

func (r *run) run(ctx context.Context) error {
	err := r.begin(ctx)
	if err == nil {
		r.startReady(ctx)
	}
	for r.reading > 0 {
		e := <-r.ended
		r.reading--
		if err == nil {
			err = e.err
		}
		if err != nil {
			r.stop() // the other shards end too
			continue
		}
		r.finished[e.shard] = true
		for _, c := range e.children {
			r.add(lineage{shard: aws.ToString(c.ShardId), parents: c.ParentShards, from: position{kind: types.ShardIteratorTypeTrimHorizon}})
		}
		r.startReady(ctx)
	}
	return err
}

// begin finds the shards that are there, and where to begin in each.
func (r *run) begin(ctx context.Context) error {
	var pauses backoff
	var shards []types.Shard
	for {
		var err error
		if shards, err = r.list(ctx); err == nil {
			break
		}
		if err := pauses.after(ctx, r.cfg.Log, "ListShards", err); err != nil {
			return err
		}
	}
	began := time.Now()
	for _, s := range shards {
		from, err := r.position(ctx, &s, began)
		if err != nil {
			return err
		}
		id := aws.ToString(s.ShardId)
		if from.kind == "" {
			r.known[id], r.finished[id] = true, true
			continue
		}
		r.add(lineage{shard: id, parents: parents(&s), from: from})
	}
	// A parent that is not listed is older than the stream's retention.
	for i := range r.waiting {
		for _, p := range r.waiting[i].parents {
			if !r.known[p] {
				r.finished[p] = true
			}
		}
	}
	return nil
}

func (r *run) list(ctx context.Context) ([]types.Shard, error) {
	var all []types.Shard
	in := &kinesis.ListShardsInput{StreamARN: r.streamARN(), StreamName: r.streamName()}
	for {
		out, err := r.cfg.Client.ListShards(ctx, in)
		if err != nil {
			return nil, fmt.Errorf("list shards: %w", err)
		}
		all = append(all, out.Shards...)
		if out.NextToken == nil {
			return all, nil
		}
		in = &kinesis.ListShardsInput{NextToken: out.NextToken}
		if r.cfg.StreamARN != "" {
			in.StreamARN = &r.cfg.StreamARN
		}
	}
}

func (r *run) streamARN() *string  { return given(r.cfg.StreamARN) }
func (r *run) streamName() *string { return given(r.cfg.StreamName) }

func given(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func parents(s *types.Shard) []string {
	var all []string
	for _, p := range []*string{s.ParentShardId, s.AdjacentParentShardId} {
		if p != nil {
			all = append(all, *p)
		}
	}
	return all
}

// position is where to begin in a listed shard; the zero position where there is
// nothing to read.
func (r *run) position(ctx context.Context, s *types.Shard, began time.Time) (position, error) {
	own, err := r.cfg.Checkpoints.Load(ctx, aws.ToString(s.ShardId))
	if err != nil {
		return position{}, err
	}
	if from, ok := after(own); ok {
		return from, nil
	}
	for _, p := range parents(s) {
		c, err := r.cfg.Checkpoints.Load(ctx, p)
		if err != nil {
			return position{}, err
		}
		if c != (Checkpoint{}) { // an earlier run has come this far
			return position{kind: types.ShardIteratorTypeTrimHorizon}, nil
		}
	}
	if r.cfg.Start.kind != types.ShardIteratorTypeLatest {
		return position{kind: r.cfg.Start.kind, at: r.cfg.Start.at}, nil
	}
	if s.SequenceNumberRange != nil && s.SequenceNumberRange.EndingSequenceNumber != nil {
		return position{}, nil // closed: the next record goes elsewhere
	}
	// Without this, a shard in which nothing is found before the process ends would
	// begin with its latest record a second time.
	err = r.cfg.Checkpoints.Save(ctx, aws.ToString(s.ShardId), Checkpoint{Since: began})
	return position{kind: types.ShardIteratorTypeLatest}, err
}

// add notes a shard, once.
func (r *run) add(l lineage) {
	if r.known[l.shard] {
		return
	}
	r.known[l.shard] = true
	r.waiting = append(r.waiting, l)
}

// startReady begins to read the shards whose parents are finished.
func (r *run) startReady(ctx context.Context) {
	still := r.waiting[:0]
	for _, l := range r.waiting {
		if !r.ready(l) {
			still = append(still, l)
			continue
		}
		r.reading++
		go func() { r.ended <- r.read(ctx, l.shard, l.from) }()
	}
	r.waiting = still
}

func (r *run) ready(l lineage) bool {
	for _, p := range l.parents {
		if !r.finished[p] {
			return false
		}
	}
	return true
}

func (r *run) read(ctx context.Context, shard string, from position) ending {
	s := &shardReader{run: r, shard: shard, at: from}
	children, err := s.read(ctx)
	if err == nil {
		err = r.cfg.Checkpoints.Save(ctx, shard, Checkpoint{Finished: true})
	}
	return ending{shard, children, err}
}
