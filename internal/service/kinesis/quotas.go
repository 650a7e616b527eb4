package kinesis

import (
	"context"
	"fmt"
	"sync"
	"time"

	"tributary/internal/pure/arn"
	"tributary/internal/service/api"
)

// Quotas says which rates callers are held to.
type Quotas string

const (
	// NoQuotas: none. A shard takes and gives what the disk does.
	NoQuotas Quotas = ""
	// AWSQuotas are those that AWS documents: of a shard 1 MiB/s and 1,000 records/s
	// in, 2 MiB/s and 5 calls of GetRecords a second out, and 5 of GetShardIterator; of
	// an account a few calls a second of each operation on streams, and five streams
	// CREATING at a time.
	AWSQuotas Quotas = "aws"
)

// ParseQuotas reads the name of a set of quotas: "aws", or "none" or "" for none.
func ParseQuotas(text string) (Quotas, error) {
	switch text {
	case "", "none":
		return NoQuotas, nil
	case string(AWSQuotas):
		return AWSQuotas, nil
	}
	return "", fmt.Errorf("there are no quotas %q: want aws or none", text)
}

// What AWS lets a shard take and give in a second.
const (
	shardBytesIn   = 1 << 20
	shardRecordsIn = 1000
	shardBytesOut  = 2 << 20
	shardReadsOut  = 5
	shardIterators = 5
)

// maxCreating is how many streams of an account may be CREATING in a Region.
const maxCreating = 5

// quotas counts what shards and accounts have used. A nil one admits everything.
//
// Each rate is one point in time, up to which it has been used in advance: no bucket
// has to be filled, and what is not ahead of the clock says nothing and is forgotten.
type quotas struct {
	now func() time.Time

	mu     sync.Mutex // guards what follows; a leaf
	shards map[shardKey]*shardUse
	calls  map[callKey]time.Time
	sweep  int // the number of entries at which those that say nothing are removed
}

type shardKey struct {
	generation string
	shard      ShardID
}

type callKey struct {
	account   arn.AccountID
	region    arn.Region
	operation string
}

// shardUse is up to when a shard's rates have been used.
type shardUse struct{ bytesIn, recordsIn, bytesOut, readsOut, iterators time.Time }

// ahead reports whether a rate has been used beyond now.
func (u *shardUse) ahead(now time.Time) bool {
	return u.bytesIn.After(now) || u.recordsIn.After(now) || u.bytesOut.After(now) || u.readsOut.After(now) || u.iterators.After(now)
}

const sweepAt = 4096

func newQuotas(q Quotas, now func() time.Time) *quotas {
	if q != AWSQuotas {
		return nil
	}
	return &quotas{now: now, shards: map[shardKey]*shardUse{}, calls: map[callKey]time.Time{}, sweep: sweepAt}
}

// take uses a rate for a time, unless it has been used further in advance than burst
// allows. What alone is more than burst is taken when nothing else has been.
func take(used *time.Time, now time.Time, cost, burst time.Duration) bool {
	from := *used
	if from.Before(now) {
		from = now
	}
	if from.After(now) && from.Add(cost).Sub(now) > burst {
		return false
	}
	*used = from.Add(cost)
	return true
}

// share is what n units take of a second that has room for rate of them.
func share(n, rate int) time.Duration {
	return time.Duration(int64(n) * int64(time.Second) / int64(rate))
}

// admitWrite counts one record of so many bytes.
func (q *quotas) admitWrite(st *stream, sh *shard, bytes int) bool {
	return q.admitWrites(st, sh, 1, bytes)
}

// admitWrites counts records that are written together, or none of them.
func (q *quotas) admitWrites(st *stream, sh *shard, records, bytes int) bool {
	if q == nil {
		return true
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	now, use := q.now(), q.use(st, sh)
	before := *use
	if take(&use.bytesIn, now, share(bytes, shardBytesIn), time.Second) &&
		take(&use.recordsIn, now, share(records, shardRecordsIn), time.Second) {
		return true
	}
	*use = before
	return false
}

// admitRead counts one call of GetRecords.
func (q *quotas) admitRead(st *stream, sh *shard) bool {
	if q == nil {
		return true
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	now, use := q.now(), q.use(st, sh)
	return !use.bytesOut.After(now) && take(&use.readsOut, now, share(1, shardReadsOut), time.Second)
}

// admitIterator counts one call of GetShardIterator.
func (q *quotas) admitIterator(st *stream, sh *shard) bool {
	if q == nil {
		return true
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return take(&q.use(st, sh).iterators, q.now(), share(1, shardIterators), time.Second)
}

// countRead counts what an answer of GetRecords held. It is known after the fact, so
// a large answer is paid for by the calls that follow.
func (q *quotas) countRead(st *stream, sh *shard, bytes int) {
	if q == nil {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	now, use := q.now(), q.use(st, sh)
	if use.bytesOut.Before(now) {
		use.bytesOut = now
	}
	use.bytesOut = use.bytesOut.Add(share(bytes, shardBytesOut))
}

// use is a shard's. mu is held.
func (q *quotas) use(st *stream, sh *shard) *shardUse {
	key := shardKey{st.Generation, sh.ID}
	u := q.shards[key]
	if u == nil {
		q.forget()
		u = &shardUse{}
		q.shards[key] = u
	}
	return u
}

// forget bounds the memory: it removes what is not ahead of the clock. mu is held.
func (q *quotas) forget() {
	if len(q.shards)+len(q.calls) < q.sweep {
		return
	}
	now := q.now()
	for key, u := range q.shards {
		if !u.ahead(now) {
			delete(q.shards, key)
		}
	}
	for key, used := range q.calls {
		if !used.After(now) {
			delete(q.calls, key)
		}
	}
	q.sweep = max(sweepAt, 2*(len(q.shards)+len(q.calls)))
}

// admitCall counts one call of an operation that an account may make perSecond times.
func (q *quotas) admitCall(call *api.Call, perSecond int) bool {
	if q == nil {
		return true
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	key := callKey{call.Account(), call.Region, call.Operation}
	used, known := q.calls[key]
	if !known {
		q.forget()
	}
	ok := take(&used, q.now(), share(1, perSecond), time.Second)
	q.calls[key] = used
	return ok
}

// What AWS documents for the operations on streams, calls a second of an account.
const (
	controlRate  = 5
	describeRate = 10
	summaryRate  = 20
	listingRate  = 1000 // of one stream; here of an account
)

// paced is the handler of an operation that an account may call so often.
func paced[In, Out any](s *Service, perSecond int, handle func(context.Context, *api.Call, *In) (*Out, error)) func(context.Context, *api.Call, *In) (*Out, error) {
	return func(ctx context.Context, call *api.Call, in *In) (*Out, error) {
		if !s.quotas.admitCall(call, perSecond) {
			return nil, errCallRate(call)
		}
		return handle(ctx, call, in)
	}
}
