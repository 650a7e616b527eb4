package kinesis

import (
	"context"
	"math/big"
	"slices"
	"time"

	"tributary/internal/service/api"
)

// What may be done to a stream so often in any 24 hours: update its number of shards,
// change its mode, and give it another key.
const (
	scalingsPerDay = 10
	modesPerDay    = 2
	keysPerDay     = 25
	day            = 24 * time.Hour
)

// updateShardCount implements UpdateShardCount. The stream is UPDATING when the call
// returns.
//
// AWS's rule: at most twice and at least half of the open shards, ten times in any 24
// hours; the new shards have equal ranges. As in AWS they come about by splits and
// merges, so there may be shards that open and close in the same moment and never
// hold a record.
func (s *Service) updateShardCount(ctx context.Context, call *api.Call, in *UpdateShardCountInput) (*UpdateShardCountOutput, error) {
	id, err := named(call, in.StreamName, in.StreamARN)
	if err != nil {
		return nil, err
	}
	target, current := int(in.TargetShardCount), 0
	err = s.reshard(ctx, call, id, func(st *stream) (*plan, error) {
		current = st.openShards()
		switch {
		case target > 2*current:
			return nil, errScaleUp(current, target)
		case 2*target < current:
			return nil, errScaleDown(current, target)
		case target == current:
			return nil, nil
		}
		now := s.cfg.Now().UTC()
		recent := within(st.Scalings, now.Add(-day))
		if len(recent) >= scalingsPerDay {
			return nil, errScalings(id)
		}
		st.Scalings = append(recent, now)
		return scale(st, target), nil
	})
	if err != nil {
		return nil, err
	}
	was := int32(current)
	return &UpdateShardCountOutput{
		StreamName: id.Name, StreamARN: string(id.arn()),
		CurrentShardCount: &was, TargetShardCount: &in.TargetShardCount,
	}, nil
}

// within are the times after a moment, in memory of their own.
func within(times []time.Time, after time.Time) []time.Time {
	var kept []time.Time
	for _, t := range times {
		if t.After(after) {
			kept = append(kept, t)
		}
	}
	return kept
}

// scale plans n open shards of equal ranges: each shard is split where a new range
// begins inside it, and then the pieces of each new range are merged, two by two.
func scale(st *stream, n int) *plan {
	p := newPlan(st)
	pieces := st.ring()
	ranges := snap(divideRing(n), pieces)
	var cut []shard
	for _, sh := range pieces {
		rest := sh
		for _, r := range ranges {
			if r.First.compare(rest.Hashes.First) > 0 && r.First.compare(rest.Hashes.Last) <= 0 {
				var low shard
				low, rest = p.split(rest, r.First)
				cut = append(cut, low)
			}
		}
		cut = append(cut, rest)
	}
	for _, r := range ranges {
		var same []shard
		for len(cut) > 0 && r.contains(cut[0].Hashes.First) {
			same, cut = append(same, cut[0]), cut[1:]
		}
		for len(same) > 1 {
			same = append([]shard{p.merge(same[0], same[1])}, same[2:]...)
		}
	}
	return p
}

// ring are the open shards in the order of their ranges.
func (st *stream) ring() []shard {
	var open []shard
	for i := range st.Shards {
		if st.Shards[i].open() {
			open = append(open, st.Shards[i])
		}
	}
	slices.SortFunc(open, func(a, b shard) int { return a.Hashes.First.compare(b.Hashes.First) })
	return open
}

// snap moves the beginnings of ranges onto those of shards that are there, when they
// differ by rounding only: halves of thirds are not quite sixths.
func snap(ranges []hashRange, shards []shard) []hashRange {
	slack := new(big.Int).Lsh(big.NewInt(1), 40)
	for i := 1; i < len(ranges); i++ {
		at, _ := slices.BinarySearchFunc(shards, ranges[i].First, func(sh shard, k hashKey) int {
			return sh.Hashes.First.compare(k)
		})
		for _, near := range []int{at - 1, at} {
			if near < 1 || near >= len(shards) {
				continue
			}
			k := shards[near].Hashes.First
			if distance(k, ranges[i].First).Cmp(slack) <= 0 {
				ranges[i].First, ranges[i-1].Last = k, k.previous()
				break
			}
		}
	}
	return ranges
}

func distance(a, b hashKey) *big.Int {
	d := new(big.Int).SetBytes(a[:])
	return d.Abs(d.Sub(d, new(big.Int).SetBytes(b[:])))
}
