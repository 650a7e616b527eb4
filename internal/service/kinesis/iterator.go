package kinesis

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"tributary/internal/durable/journal"
	"tributary/internal/pure/arn"
	"tributary/internal/service/api"
)

// iteratorLife is how long an iterator may be used.
const iteratorLife = 300 * time.Second

// Iterator types, as the API writes them.
const (
	iteratorAtSequence    = "AT_SEQUENCE_NUMBER"
	iteratorAfterSequence = "AFTER_SEQUENCE_NUMBER"
	iteratorTrimHorizon   = "TRIM_HORIZON"
	iteratorLatest        = "LATEST"
	iteratorAtTimestamp   = "AT_TIMESTAMP"
)

// getShardIterator implements GetShardIterator. Every type comes down to a
// position, found now, so that an iterator means the same whenever it is used; one
// that points at records which have expired by then goes on at the first that has
// not.
//
// Ours: a sequence number must be that of a record of this shard, or the first or
// last number of its range. AWS looks at the number's form only.
func (s *Service) getShardIterator(ctx context.Context, call *api.Call, in *GetShardIteratorInput) (*GetShardIteratorOutput, error) {
	id, err := named(call, in.StreamName, in.StreamARN)
	if err != nil {
		return nil, err
	}
	shardID, ok := parseShardID(in.ShardID)
	if !ok {
		return nil, errShardUnparsable(id, in.ShardID)
	}
	st, sh, err := s.lookupShard(call, id, shardID)
	if err != nil {
		return nil, err
	}
	if !s.quotas.admitIterator(&st, sh) {
		return nil, errRateExceeded(id, sh.ID)
	}
	at, err := s.startOf(ctx, id, &st, sh, in)
	if err != nil {
		return nil, err
	}
	if valueOr(in.DryRun, false) {
		return nil, errDryRun()
	}
	it := iterator{generation: st.Generation, stream: id, shard: shardID, at: at}
	return &GetShardIteratorOutput{ShardIterator: s.sealIterator(call, it)}, nil
}

// lookupShard is lookup for a shard, whose refusals speak of the shard also when
// the stream is not there.
func (s *Service) lookupShard(call *api.Call, id streamID, shardID ShardID) (stream, *shard, error) {
	st, _, err := s.lookupShared(call, id)
	if err != nil || !st.usable() {
		return stream{}, nil, errShardNotFound(id, shardID)
	}
	sh, ok := st.shard(shardID)
	if !ok {
		return stream{}, nil, errShardNotFound(id, shardID)
	}
	return st, sh, nil
}

// startOf is the position that a request for an iterator means.
func (s *Service) startOf(ctx context.Context, id streamID, st *stream, sh *shard, in *GetShardIteratorInput) (journal.Position, error) {
	bySequence := in.ShardIteratorType == iteratorAtSequence || in.ShardIteratorType == iteratorAfterSequence
	switch {
	case bySequence && in.StartingSequenceNumber == "":
		return journal.Position{}, errIteratorArguments(in.ShardIteratorType, "and no")
	case !bySequence && in.StartingSequenceNumber != "":
		return journal.Position{}, errIteratorArguments(in.ShardIteratorType, "and also a")
	case in.ShardIteratorType == iteratorTrimHorizon:
		return journal.Position{}, nil
	case in.ShardIteratorType == iteratorAtTimestamp && in.Timestamp.IsZero():
		return journal.Position{}, errNoTimestamp()
	case in.ShardIteratorType == iteratorAtTimestamp && in.Timestamp.After(s.cfg.Now()):
		return journal.Position{}, errFutureTimestamp(in.Timestamp.Time, s.cfg.Now())
	}
	if sh.Passage {
		return journal.Position{}, sh.passageNumber(id, in.StartingSequenceNumber)
	}
	j, err := s.cfg.Journals.Open(ctx, st.journal(sh.ID))
	if err != nil {
		return journal.Position{}, s.unlessGone(id, st, sh, fmt.Errorf("open %s of %s: %w", sh.ID, id.arn(), err))
	}
	switch in.ShardIteratorType {
	case iteratorLatest:
		return j.End(), nil
	case iteratorAtTimestamp:
		at, err := j.SeekTime(ctx, in.Timestamp.Time)
		if err != nil {
			return journal.Position{}, s.unlessGone(id, st, sh, fmt.Errorf("seek in %s of %s: %w", sh.ID, id.arn(), err))
		}
		return at, nil
	}
	at, err := s.find(ctx, id, j, sh, in.StartingSequenceNumber)
	if err != nil {
		return journal.Position{}, s.unlessGone(id, st, sh, err)
	}
	if in.ShardIteratorType == iteratorAfterSequence && !at.IsZero() && at.Compare(j.End()) < 0 {
		at = at.Next()
	}
	return at, nil
}

// sequence reads a number that must be one of the shard's; where it stands is not
// looked at.
func (sh *shard) sequence(id streamID, number string) (sequence, error) {
	q, ok := parseSequence(number)
	if !ok {
		return sequence{}, errSequenceInvalid(id, sh.ID, number)
	}
	if q.shard != sh.ID {
		return sequence{}, errSequenceOfOtherShard(q.shard, sh.ID)
	}
	return q, nil
}

// passageNumber refuses a number, if one is given, that is not one of the two that a
// passage has: where it starts and where it ends.
func (sh *shard) passageNumber(id streamID, number string) error {
	if number == "" {
		return nil
	}
	q, err := sh.sequence(id, number)
	if err == nil && q != sh.firstSequence() && q != sh.lastSequence() {
		err = errSequenceForeign(id, sh.ID, number)
	}
	return err
}

// find returns the position of the record with this number.
func (s *Service) find(ctx context.Context, id streamID, j *journal.Journal, sh *shard, number string) (journal.Position, error) {
	q, err := sh.sequence(id, number)
	if err != nil {
		return journal.Position{}, err
	}
	if q == sh.firstSequence() {
		return journal.Position{}, nil
	}
	end := j.End()
	if !sh.open() && q == sh.lastSequence() {
		return end, nil
	}
	at := q.position()
	if q.created != sh.Stamp || at.Block == 0 || at.Compare(end) >= 0 {
		return journal.Position{}, errSequenceForeign(id, sh.ID, number)
	}
	b, err := j.ReadBlock(ctx, at.Block)
	switch {
	case errors.Is(err, journal.ErrTrimmed):
		return at, nil // it may well have been one of ours
	case err != nil:
		return journal.Position{}, fmt.Errorf("find record %s of %s in %s: %w", at, sh.ID, id.arn(), err)
	}
	if int(at.Index) >= len(b.Entries) || q != sh.sequenceOf(at, b.Time) {
		return journal.Position{}, errSequenceForeign(id, sh.ID, number)
	}
	return at, nil
}

// An iterator is a position in a shard. Callers carry it sealed:
//
//	00 00 00 00 00 00 00 01   as AWS's begin
//	nonce, sealed content     bound to the caller's account and the Region
//
// in base64. The content is the version, the time it was made in milliseconds, the
// stream's generation, the shard, the position, and the stream's account and name.
// The binding is to the caller, who may be of another account than the stream; the
// Region is the same.
type iterator struct {
	made       time.Time
	generation string
	shard      ShardID
	at         journal.Position
	stream     streamID
}

const (
	iteratorPrefix  = "\x00\x00\x00\x00\x00\x00\x00\x01"
	iteratorVersion = 2
	accountLen      = 12
	iteratorFixed   = 1 + 8 + generationLen + 4 + journal.PositionSize + accountLen
)

func (s *Service) sealIterator(call *api.Call, it iterator) string {
	plain := make([]byte, 0, iteratorFixed+len(it.stream.Name))
	plain = append(plain, iteratorVersion)
	plain = binary.BigEndian.AppendUint64(plain, uint64(s.cfg.Now().UnixMilli()))
	plain = append(plain, it.generation...)
	plain = binary.BigEndian.AppendUint32(plain, uint32(it.shard))
	plain, _ = it.at.AppendBinary(plain) // never fails
	plain = append(plain, it.stream.Account...)
	plain = append(plain, it.stream.Name...)
	sealed := s.iterators.Seal(holder(call), plain)
	return base64.StdEncoding.EncodeToString(append([]byte(iteratorPrefix), sealed...))
}

// openIterator opens an iterator that this service made for this account and
// Region, however old.
func (s *Service) openIterator(call *api.Call, text string) (iterator, error) {
	raw, err := base64.StdEncoding.DecodeString(text)
	// Decoding is lenient towards line ends and unused bits; we are not.
	if err != nil || len(raw) < len(iteratorPrefix) || string(raw[:len(iteratorPrefix)]) != iteratorPrefix ||
		base64.StdEncoding.EncodeToString(raw) != text {
		return iterator{}, errInvalidIterator()
	}
	plain, err := s.iterators.Open(holder(call), raw[len(iteratorPrefix):])
	if err != nil || len(plain) < iteratorFixed || plain[0] != iteratorVersion {
		return iterator{}, errInvalidIterator()
	}
	rest := plain[1:]
	it := iterator{made: time.UnixMilli(int64(binary.BigEndian.Uint64(rest)))}
	rest = rest[8:]
	it.generation, rest = string(rest[:generationLen]), rest[generationLen:]
	it.shard, rest = ShardID(binary.BigEndian.Uint32(rest)), rest[4:]
	if err := it.at.UnmarshalBinary(rest[:journal.PositionSize]); err != nil {
		return iterator{}, errInvalidIterator()
	}
	rest = rest[journal.PositionSize:]
	it.stream = streamID{arn.AccountID(rest[:accountLen]), call.Region, string(rest[accountLen:])}
	return it, nil
}

// iteratedStream is the stream that GetRecords reads, known from the iterator. A
// StreamARN must name the same one.
func (s *Service) iteratedStream(call *api.Call, in *GetRecordsInput) (streamID, error) {
	it, err := s.openIterator(call, in.ShardIterator)
	if err != nil {
		return streamID{}, err
	}
	return it.stream, sameStream(it.stream, in.StreamARN)
}
