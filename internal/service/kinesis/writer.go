package kinesis

import (
	"context"
	"errors"
	"fmt"

	"tributary/internal/durable/catalog"
	"tributary/internal/durable/journal"
	"tributary/internal/pure/arn"
)

// What delivery meets when it writes to a stream.
var (
	// ErrStreamNotFound means that there is no stream of this ARN.
	ErrStreamNotFound = errors.New("kinesis: stream not found")
	// ErrStreamNotActive means that the stream is being created or deleted.
	ErrStreamNotActive = errors.New("kinesis: stream is not active")
	// ErrThroughputExceeded means that the records are more than the shard may take now
	// (Config.Quotas). None has been written; trying again later may succeed.
	ErrThroughputExceeded = errors.New("kinesis: throughput of the shard is exceeded")
	// ErrRecordTooLarge means that a record exceeds MaxRecordSize.
	ErrRecordTooLarge = errors.New("kinesis: record is larger than the stream takes")
)

// A StreamWriter is how delivery writes to a stream: without a caller, after it
// has checked every permission itself, and with the marks by which it finds after
// a crash what it has already written.
//
// It is the stream as it was when it was opened. Whoever keeps one opens it again
// when [Service.Revision] has changed; under catalog.Hold both stay as they are.
type StreamWriter struct {
	s      *Service
	id     streamID
	stream stream
}

// OpenStream returns a writer for a stream of any account and Region. It fails with
// ErrStreamNotFound or ErrStreamNotActive.
func (s *Service) OpenStream(streamARN arn.ARN) (*StreamWriter, error) {
	id, ok := parseStreamARN(string(streamARN))
	if !ok {
		return nil, fmt.Errorf("%w: %s", ErrStreamNotFound, streamARN)
	}
	st, _, ok := s.streams.Get(id.key())
	switch {
	case !ok:
		return nil, fmt.Errorf("%w: %s", ErrStreamNotFound, streamARN)
	case !st.usable():
		return nil, fmt.Errorf("%w: %s is %s", ErrStreamNotActive, streamARN, st.Status)
	}
	return &StreamWriter{s, id, st}, nil
}

// Revision is that of the last change of any stream: while it stays, every
// StreamWriter is up to date.
func (s *Service) Revision() catalog.Revision { return s.streams.Revision() }

// ID tells the stream from every other that there ever was, also from an earlier
// one of its name.
func (w *StreamWriter) ID() string { return string(w.id.arn()) + "#" + w.stream.Generation }

// MaxRecordSize is how many bytes the data and the partition key of one record may
// have together.
func (w *StreamWriter) MaxRecordSize() int { return w.stream.maxRecord() }

// Shard is the open shard to which a partition key belongs.
func (w *StreamWriter) Shard(partitionKey string) ShardID {
	return w.stream.route(hashOf(partitionKey)).ID
}

// Append makes records durable in a shard, all of them or none, in their order, as
// one block that carries the lane's mark. Of the records only PartitionKey and Data
// are read; their keys must belong to the shard.
//
// An empty lane stands for no lane: the records are committed in a group with
// other writers', and mark is not used.
//
// It fails with ErrStreamNotFound when the stream has been deleted, with
// ErrRecordTooLarge, with ErrThroughputExceeded, with journal.ErrFenced when another writer has taken the lane,
// and with the journal's other errors, after which the records may or may not have
// been written: Covered tells.
func (w *StreamWriter) Append(ctx context.Context, id ShardID, lane string, mark journal.Position, records []Record) error {
	size := 0
	for i := range records {
		n := len(records[i].PartitionKey) + len(records[i].Data)
		if n > w.MaxRecordSize() {
			return fmt.Errorf("%w: %d bytes", ErrRecordTooLarge, n)
		}
		size += n
	}
	j, err := w.journal(ctx, id)
	if err != nil {
		return err
	}
	if sh, ok := w.stream.shard(id); ok && !w.s.quotas.admitWrites(&w.stream, sh, len(records), size) {
		return fmt.Errorf("%w: %s of %s", ErrThroughputExceeded, id, w.id.arn())
	}
	e := w.stream.newEntries(len(records), size)
	for i := range records {
		e.add(records[i].PartitionKey, records[i].Data)
	}
	if lane == "" {
		_, _, err = j.Append(ctx, e.list...)
	} else {
		_, _, err = j.AppendFrom(ctx, lane, mark, e.list...)
	}
	return w.meaning(id, err)
}

// Covered returns the highest mark that the lane has left where records of this
// partition key go: in the shard and in the shards it came from, as far as they
// held the key. ok is false when there is none. From then on this process is the
// lane's writer there.
func (w *StreamWriter) Covered(ctx context.Context, id ShardID, lane, partitionKey string) (mark journal.Position, ok bool, err error) {
	for _, one := range w.Line(id, partitionKey) {
		m, marked, err := w.Mark(ctx, one, lane)
		if err != nil {
			return journal.Position{}, false, err
		}
		if marked && (!ok || m.Compare(mark) > 0) {
			mark, ok = m, true
		}
	}
	return mark, ok, nil
}

// Line is where records of a partition key may lie that now belong to a shard: that
// one and those that it came from, as far as they held the key.
func (w *StreamWriter) Line(id ShardID, partitionKey string) []ShardID {
	hash := hashOf(partitionKey)
	var all []ShardID
	for line := []ShardID{id}; len(line) > 0; line = line[1:] {
		sh, known := w.stream.shard(line[0])
		if !known || !sh.Hashes.contains(hash) {
			continue
		}
		line = append(line, sh.Parents...)
		if !sh.Passage {
			all = append(all, sh.ID)
		}
	}
	return all
}

// Shards are all shards of the stream that may hold records, closed ones too.
func (w *StreamWriter) Shards() []ShardID {
	var all []ShardID
	for i := range w.stream.Shards {
		if sh := &w.stream.Shards[i]; !sh.Passage {
			all = append(all, sh.ID)
		}
	}
	return all
}

// Mark returns the mark that the lane has left in one shard; ok is false when there
// is none. It makes this process the lane's writer there, as Covered does.
func (w *StreamWriter) Mark(ctx context.Context, id ShardID, lane string) (mark journal.Position, ok bool, err error) {
	j, err := w.journal(ctx, id)
	if err != nil {
		return journal.Position{}, false, err
	}
	mark, ok, err = j.Mark(ctx, lane)
	return mark, ok, w.meaning(id, err)
}

func (w *StreamWriter) journal(ctx context.Context, id ShardID) (*journal.Journal, error) {
	if _, ok := w.stream.shard(id); !ok {
		return nil, fmt.Errorf("kinesis: %s has no shard %s", w.id.arn(), id)
	}
	j, err := w.s.cfg.Journals.Open(ctx, w.stream.journal(id))
	return j, w.meaning(id, err)
}

// meaning says what an error of a shard's journal means for a writer.
func (w *StreamWriter) meaning(id ShardID, err error) error {
	if err == nil {
		return nil
	}
	if journalGone(err) {
		st, _, ok := w.s.streams.Get(w.id.key())
		if !ok || st.Generation != w.stream.Generation || !st.usable() {
			return fmt.Errorf("%w: %s", ErrStreamNotFound, w.id.arn())
		}
	}
	return fmt.Errorf("%s of %s: %w", id, w.id.arn(), err)
}
