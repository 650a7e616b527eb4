package kinesis

import (
	"context"
	"fmt"
	"slices"
	"time"

	"tributary/internal/service/api"
)

// # How a stream changes its shards
//
// A reshard is planned by the call and carried out by Run:
//
//	SplitShard, …        ACTIVE → UPDATING; the record names the shards to come
//	Run                  makes their journals
//	Run, one change      closes the parents, opens the children, UPDATING → ACTIVE
//
// The last change becomes visible while no append is under way, because every
// append holds the catalog's gate from the look at the stream's record until the
// records are on disk. So when a shard is seen closed its journal has ended, and
// what a reader finds there is all there will ever be; a record of the same key
// that is put afterwards goes to a child, which the reader meets after the parent.
// See docs/adr/0006 for the numbers, 0003 for the gate.

// A resharding is what Run has to carry out on a stream that is UPDATING.
type resharding struct {
	// Closing are the shards that end, Opening those that take over, ascending by
	// ID behind the stream's last one. Opened, Closed and Stamp of Opening are set
	// when they open.
	Closing []ShardID `json:"closing"`
	Opening []shard   `json:"opening"`
}

// A plan is a reshard in the making: shards to come are numbered and know their
// parents. A shard that is made and ended in the same plan is a passage.
type plan struct {
	next ShardID
	r    resharding
}

func newPlan(st *stream) *plan { return &plan{next: st.Shards[len(st.Shards)-1].ID + 1} }

// open adds a shard that takes over from its parents.
func (p *plan) open(hashes hashRange, parents ...shard) shard {
	sh := shard{ID: p.next, Hashes: hashes}
	p.next++
	for _, parent := range parents {
		sh.Parents = append(sh.Parents, parent.ID)
		p.end(parent.ID)
	}
	p.r.Opening = append(p.r.Opening, sh)
	return sh
}

// end ends a shard of the stream or of the plan.
func (p *plan) end(id ShardID) {
	if i := slices.IndexFunc(p.r.Opening, func(sh shard) bool { return sh.ID == id }); i >= 0 {
		p.r.Opening[i].Passage = true
		return
	}
	if !slices.Contains(p.r.Closing, id) {
		p.r.Closing = append(p.r.Closing, id)
	}
}

// split cuts a shard before a hash key.
func (p *plan) split(sh shard, at hashKey) (low, high shard) {
	low = p.open(hashRange{sh.Hashes.First, at.previous()}, sh)
	high = p.open(hashRange{at, sh.Hashes.Last}, sh)
	return low, high
}

// merge joins two shards, of which low ends where high begins.
func (p *plan) merge(low, high shard) shard {
	return p.open(hashRange{low.Hashes.First, high.Hashes.Last}, low, high)
}

// splitShard implements SplitShard: the shard is closed, and two new ones take its
// range over. The stream is UPDATING when the call returns.
//
// AWS's rule: provisioned streams that are ACTIVE; the new hash key must lie inside
// the range, and not next to its beginning.
func (s *Service) splitShard(ctx context.Context, call *api.Call, in *SplitShardInput) (*api.Void, error) {
	id, err := named(call, in.StreamName, in.StreamARN)
	if err != nil {
		return nil, err
	}
	return nil, s.reshard(ctx, call, id, func(st *stream) (*plan, error) {
		sh, err := st.toReshard(id, in.ShardToSplit)
		if err != nil {
			return nil, err
		}
		at, ok := parseHashKey(in.NewStartingHashKey)
		if !ok || at.compare(sh.Hashes.First.next()) <= 0 || at.compare(sh.Hashes.Last) >= 0 {
			return nil, errSplitKey(id, sh, in.NewStartingHashKey)
		}
		p := newPlan(st)
		p.split(*sh, at)
		return p, nil
	})
}

// mergeShards implements MergeShards: both shards are closed, and a new one takes
// their ranges over. They may be named in either order; the first one named becomes
// ParentShardId. The stream is UPDATING when the call returns.
func (s *Service) mergeShards(ctx context.Context, call *api.Call, in *MergeShardsInput) (*api.Void, error) {
	id, err := named(call, in.StreamName, in.StreamARN)
	if err != nil {
		return nil, err
	}
	return nil, s.reshard(ctx, call, id, func(st *stream) (*plan, error) {
		a, err := st.toReshard(id, in.ShardToMerge)
		if err != nil {
			return nil, err
		}
		b, err := st.toReshard(id, in.AdjacentShardToMerge)
		if err != nil {
			return nil, err
		}
		p := newPlan(st)
		switch {
		case a.Hashes.meets(b.Hashes):
			p.open(hashRange{a.Hashes.First, b.Hashes.Last}, *a, *b)
		case b.Hashes.meets(a.Hashes):
			p.open(hashRange{b.Hashes.First, a.Hashes.Last}, *a, *b)
		default:
			return nil, errNotAdjacent(id, a.ID, b.ID)
		}
		return p, nil
	})
}

// toReshard is the open shard of that id.
func (st *stream) toReshard(id streamID, text string) (*shard, error) {
	shardID, ok := parseShardID(text)
	if !ok {
		return nil, errShardUnparsable(id, text)
	}
	sh, ok := st.shard(shardID)
	if !ok {
		return nil, errShardNotFound(id, shardID)
	}
	if !sh.open() {
		return nil, errShardClosed(id, shardID)
	}
	return sh, nil
}

// reshard stores what is to be done with a provisioned stream that is ACTIVE, and
// lets Run do it.
func (s *Service) reshard(ctx context.Context, call *api.Call, id streamID, decide func(*stream) (*plan, error)) error {
	err := s.change(ctx, call, id, func(st *stream) error {
		if st.Mode == modeOnDemand {
			return errOnDemand(id)
		}
		p, err := decide(st)
		if err != nil || p == nil {
			return err
		}
		more := -len(p.r.Closing)
		for i := range p.r.Opening {
			if !p.r.Opening[i].Passage {
				more++
			}
		}
		if current := s.countShards(id); more > 0 && more > s.cfg.ShardLimit-current {
			return errShardLimit(id, current, s.cfg.ShardLimit, more)
		}
		st.Status, st.Resharding = statusUpdating, &p.r
		return nil
	})
	if err != nil {
		return fmt.Errorf("reshard: %w", err)
	}
	s.wakeUp()
	return nil
}

// complete closes and opens the shards of the reshard under way. What is shared
// with the catalog is not changed.
func (st *stream) complete(now time.Time) {
	now = now.UTC().Truncate(time.Millisecond)
	shards := slices.Clone(st.Shards)
	stamp := now.Add(childLag).Unix()
	for i := range shards {
		// A child's numbers are greater than its parents', also when the clock was
		// set back.
		stamp = max(stamp, shards[i].Stamp+1)
		if slices.Contains(st.Resharding.Closing, shards[i].ID) {
			shards[i].Closed = now
		}
	}
	for depth, sh := range st.Resharding.Opening {
		sh.Opened = now
		sh.Stamp = stamp
		if sh.Passage {
			sh.Closed = now
		}
		for _, earlier := range shards[len(shards)-depth:] {
			if slices.Contains(sh.Parents, earlier.ID) {
				sh.Stamp = max(sh.Stamp, earlier.Stamp+1)
			}
		}
		shards = append(shards, sh)
	}
	st.Shards, st.Resharding, st.Status = shards, nil, statusActive
}

// childLag is how much later than the reshard AWS stamps the shards it makes.
const childLag = time.Second
