package kinesis

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tributary/internal/durable/journal"
	"tributary/internal/service/api"
)

const (
	maxRecords     = 10_000
	maxAnswerBytes = 10 << 20 // of data and partition keys
)

// getRecords implements GetRecords: the records from the iterator on, at most
// Limit, 10,000 or 10 MiB of them, and the iterator to go on with. At the tip it
// answers at once, with no records.
//
// A closed shard that has been read to its end has no next iterator and names the
// shards that took over. Damage in the journal fails the call; it is never passed
// over.
//
// A full answer is followed by throttling only under AWS's quotas (Config.Quotas).
func (s *Service) getRecords(ctx context.Context, call *api.Call, in *GetRecordsInput) (*recordsAnswer, error) {
	it, err := s.openIterator(call, in.ShardIterator)
	if err != nil {
		return nil, err
	}
	id := it.stream
	if now := s.cfg.Now(); now.Sub(it.made) > iteratorLife {
		return nil, errExpiredIterator(it.made, now)
	}
	st, sh, err := s.lookupShard(call, id, it.shard)
	if err != nil {
		return nil, err
	}
	if st.Generation != it.generation {
		return nil, errShardNotFound(id, it.shard) // it was in an earlier stream of this name
	}
	if valueOr(in.DryRun, false) {
		return nil, errDryRun()
	}
	if sh.Passage {
		return &recordsAnswer{Records: []Record{}, MillisBehindLatest: new(int64), ChildShards: st.childShards(sh.ID)}, nil
	}
	if !s.quotas.admitRead(&st, sh) {
		return nil, errRateExceeded(id, sh.ID)
	}
	j, err := s.cfg.Journals.Open(ctx, st.journal(sh.ID))
	if err != nil {
		return nil, s.unlessGone(id, &st, sh, fmt.Errorf("open %s of %s: %w", sh.ID, id.arn(), err))
	}
	r := recordReader{
		shard: sh, journal: j, shared: s.shared,
		horizon: st.horizon(s.expiryClock()),
		limit:   int(valueOr(in.Limit, maxRecords)),
		bytes:   maxAnswerBytes,
		room:    call.MakeRoom,
	}
	if err := r.read(ctx, it.at); err != nil {
		return nil, s.unlessGone(id, &st, sh, fmt.Errorf("read %s of %s: %w", sh.ID, id.arn(), err))
	}
	s.quotas.countRead(&st, sh, r.size)
	out := &recordsAnswer{Records: r.records, runs: r.runs, MillisBehindLatest: new(int64)}
	if !r.atTip {
		// At least one, since zero says that there is nothing more.
		*out.MillisBehindLatest = max(1, s.cfg.Now().Sub(r.newest).Milliseconds())
	}
	if !sh.open() && r.atTip {
		out.ChildShards = st.childShards(sh.ID)
		return out, nil
	}
	it.at = r.next
	out.NextShardIterator = s.sealIterator(call, it)
	return out, nil
}

// childShards are the shards that took over from a closed one, in the form of
// GetRecords.
func (st *stream) childShards(of ShardID) []ChildShard {
	var found []ChildShard
	for _, sh := range st.children(of) {
		c := ChildShard{ShardID: sh.ID.String(), HashKeyRange: sh.Hashes.wire()}
		for _, parent := range sh.Parents {
			c.ParentShards = append(c.ParentShards, parent.String())
		}
		found = append(found, c)
	}
	return found
}

// A recordReader collects one answer's records from a shard.
type recordReader struct {
	shard   *shard
	journal *journal.Journal
	shared  *sharedBlocks
	horizon time.Time // records before it have expired
	limit   int
	bytes   int // of data and partition keys, unless the first record has more
	// room, if not nil, makes room for one more block, before it is read, or gives some
	// back. Without room the answer ends before that block.
	room     func(bytes int64) bool
	reserved int64

	records []Record
	runs    []run // of them, those that are shared
	size    int
	next    journal.Position
	newest  time.Time // of the last record
	atTip   bool      // nothing was there behind the last record
}

// read collects records from a position on. A position that has been trimmed, or
// whose records have expired, stands for the first record that is left.
func (r *recordReader) read(ctx context.Context, from journal.Position) error {
	r.records = []Record{}
	r.next = from
	blocks := r.journal.Reader(from)
	for {
		foreseen := r.foresee(blocks)
		if !r.reserve(foreseen) {
			if len(r.records) == 0 {
				return api.ErrNoRoom
			}
			return nil
		}
		b, ok, err := blocks.Poll(ctx)
		switch {
		case errors.Is(err, journal.ErrTrimmed) && r.next.Compare(r.journal.Start()) < 0:
			r.next = r.journal.Start()
			blocks = r.journal.Reader(r.next)
			continue
		case err != nil:
			return err
		case !ok:
			r.atTip = true
			r.next = blocks.Position()
			return nil
		case b.Time.Before(r.horizon):
			// Block times do not fall, so this leads past the block.
			if r.next, err = r.journal.SeekTime(ctx, r.horizon); err != nil {
				return err
			}
			blocks = r.journal.Reader(r.next)
			continue
		}
		before := r.size
		full, err := r.take(&b)
		if err != nil {
			return err
		}
		if foreseen > 0 {
			_ = r.reserve(int64(sharedSize(&b)+forms*(r.size-before)) - foreseen) // what is more is there already
		}
		if full {
			r.atTip = r.next.Compare(r.journal.End()) >= 0
			return nil
		}
	}
}

// forms is how many times as much as the data of records their JSON takes, about: base64
// in a buffer that may be larger.
const forms = 2

// foresee is how many bytes the next block takes in memory, with the JSON of what the
// answer can have of it; 0 at the end, or when nobody counts them.
func (r *recordReader) foresee(blocks *journal.Reader) int64 {
	if r.room == nil {
		return 0
	}
	block, others := blocks.Cost()
	return block + others + forms*min(block, int64(r.bytes-r.size))
}

// reserve makes room for more bytes, or gives some back. As long as there are no records
// it begins anew: who holds nothing may wait.
func (r *recordReader) reserve(bytes int64) bool {
	if bytes == 0 {
		return true
	}
	if len(r.records) == 0 && bytes > 0 && r.reserved > 0 {
		r.room(-r.reserved)
		r.reserved = 0
	}
	if !r.room(bytes) {
		return false
	}
	r.reserved += bytes
	return true
}

// take collects the records of a block until the answer is full.
func (r *recordReader) take(b *journal.Block) (full bool, err error) {
	shared := r.shared.of(r.shard, r.journal.Name(), b)
	before := len(r.records)
	r.next = b.End()
	for i := range b.Entries {
		var record Record
		if shared != nil {
			record = shared.records[int(b.First)+i]
		} else if record, err = r.shard.record(b, i); err != nil {
			return false, err
		}
		size := len(record.PartitionKey) + len(record.Data)
		if len(r.records) == r.limit || (r.size+size > r.bytes && len(r.records) > 0) {
			r.next, full = b.Position(i), true
			break
		}
		r.records = append(r.records, record)
		r.size += size
		r.newest = b.Time
	}
	if count := len(r.records) - before; shared != nil && count > 0 {
		r.runs = append(r.runs, run{before, count, shared, int(b.First)})
	}
	return full || len(r.records) == r.limit, nil
}
