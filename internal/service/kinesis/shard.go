package kinesis

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A ShardID is the number of a shard in its stream. Numbers count from 0 and are
// not used again when shards are split and merged.
type ShardID uint32

const maxShardID = math.MaxInt32

// String is the id as the API writes it, shardId-000000000003.
func (id ShardID) String() string { return fmt.Sprintf("shardId-%012d", uint32(id)) }

// parseShardID reads an id; like AWS it takes the number alone as well (3,
// shardId-3).
func parseShardID(text string) (ShardID, bool) {
	n, err := strconv.ParseUint(strings.TrimPrefix(text, "shardId-"), 10, 31)
	return ShardID(n), err == nil
}

// A shard is one range of the ring and the journal behind it.
type shard struct {
	ID     ShardID   `json:"id"`
	Hashes hashRange `json:"hashes"`
	// Stamp is the creation time in every sequence number of the shard, epoch
	// seconds. AWS stamps the shards of a new stream about two seconds early.
	Stamp  int64     `json:"stamp"`
	Opened time.Time `json:"opened"`
	// Closed is when a split or merge ended the shard: it takes no record any
	// more. Zero while it is open.
	Closed time.Time `json:"closed,omitzero"`
	// Parents are the shards whose ranges it took over: none, the one that was
	// split, or the two that were merged.
	Parents []ShardID `json:"parents,omitzero"`
	// Passage says that the shard was opened and closed by the same reshard: it
	// has no journal and never held a record.
	Passage bool `json:"passage,omitzero"`
}

const stampLead = 2 * time.Second

// newShards makes the shards of a new stream.
func newShards(n int, now time.Time) []shard {
	shards := make([]shard, n)
	for i, hashes := range divideRing(n) {
		shards[i] = shard{ID: ShardID(i), Hashes: hashes, Stamp: now.Add(-stampLead).Unix(), Opened: now}
	}
	return shards
}

func (sh *shard) open() bool { return sh.Closed.IsZero() }

// closingSlack is how much later than Closed a record of the shard may be: Closed is
// noted before the change waits for the appends that are under way, and none takes
// longer than the engine is given to acknowledge it.
const closingSlack = 15 * time.Second

// mayHoldFrom reports whether the shard may have a record of that time or a later one.
func (sh *shard) mayHoldFrom(t time.Time) bool {
	return sh.open() || sh.Closed.Add(closingSlack).After(t)
}

// openAt reports whether the shard took records at t.
func (sh *shard) openAt(t time.Time) bool {
	return !sh.Opened.After(t) && (sh.open() || sh.Closed.After(t))
}

func (sh *shard) wire() Shard {
	w := Shard{
		ShardID:             sh.ID.String(),
		HashKeyRange:        sh.Hashes.wire(),
		SequenceNumberRange: &SequenceNumberRange{StartingSequenceNumber: sh.firstSequence().String()},
	}
	if !sh.open() {
		w.SequenceNumberRange.EndingSequenceNumber = sh.lastSequence().String()
	}
	if len(sh.Parents) > 0 {
		w.ParentShardID = sh.Parents[0].String()
	}
	if len(sh.Parents) > 1 {
		w.AdjacentParentShardID = sh.Parents[1].String()
	}
	return w
}

// route returns the open shard that owns k.
func (st *stream) route(k hashKey) *shard {
	// In a stream of equal ranges that was never resharded it stands where k does on the
	// ring. Looking there first spares large streams the search.
	guess, _ := bits.Mul64(binary.BigEndian.Uint64(k[:]), uint64(len(st.Shards)))
	if sh := &st.Shards[guess]; sh.open() && sh.Hashes.contains(k) {
		return sh
	}
	for i := range st.Shards {
		if sh := &st.Shards[i]; sh.open() && sh.Hashes.contains(k) {
			return sh
		}
	}
	panic("kinesis: the open shards of a stream do not cover the ring")
}

// shard returns the shard of that number; ok is false when the stream has none.
func (st *stream) shard(id ShardID) (sh *shard, ok bool) {
	i, ok := slices.BinarySearchFunc(st.Shards, id, func(s shard, id ShardID) int { return int(s.ID) - int(id) })
	if !ok {
		return nil, false
	}
	return &st.Shards[i], true
}

// children are the shards that took over from a closed one.
func (st *stream) children(of ShardID) []*shard {
	var found []*shard
	for i := range st.Shards {
		if slices.Contains(st.Shards[i].Parents, of) {
			found = append(found, &st.Shards[i])
		}
	}
	return found
}

// openShards counts the shards that take records.
func (st *stream) openShards() int {
	n := 0
	for i := range st.Shards {
		if st.Shards[i].open() {
			n++
		}
	}
	return n
}
