package kinesis

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"time"

	"tributary/internal/durable/journal"
	"tributary/internal/service/api"
)

// maxRequestBytes bounds the data and partition keys of one PutRecords.
const maxRequestBytes = 10 << 20

// putRecord implements PutRecord. The record is on disk when the call returns.
//
// The catalog is held from the look at the stream until then, so that a reshard comes
// either before the look or after the record (see reshard.go).
//
// SequenceNumberForOrdering is checked and has no further effect: a record put
// after another was acknowledged has the greater number in any case.
func (s *Service) putRecord(ctx context.Context, call *api.Call, in *PutRecordInput) (*PutRecordOutput, error) {
	id, err := named(call, in.StreamName, in.StreamARN)
	if err != nil {
		return nil, err
	}
	defer s.cfg.Catalog.Hold()()
	st, err := s.lookupUsable(call, id)
	if err != nil {
		return nil, err
	}
	hash, err := st.checkRecord("", in.PartitionKey, in.ExplicitHashKey, in.Data)
	if err != nil {
		return nil, err
	}
	if n := in.SequenceNumberForOrdering; n != "" {
		if q, ok := parseSequence(n); !ok || time.Unix(q.at, 0).After(s.cfg.Now()) {
			return nil, errOrdering(id, n)
		}
	}
	if valueOr(in.DryRun, false) {
		return nil, errDryRun()
	}
	sh := st.route(hash)
	if !s.quotas.admitWrite(&st, sh, len(in.PartitionKey)+len(in.Data)) {
		return nil, errRateExceeded(id, sh.ID)
	}
	e := st.newEntries(1, len(in.PartitionKey)+len(in.Data))
	e.add(in.PartitionKey, in.Data)
	first, at, err := s.append(ctx, id, &st, sh, e)
	if err != nil {
		return nil, fmt.Errorf("put record into %s of %s: %w", sh.ID, id.arn(), err)
	}
	return &PutRecordOutput{
		ShardID: sh.ID.String(), SequenceNumber: sh.sequenceOf(first, at).String(), EncryptionType: st.encryptionShown(),
	}, nil
}

// resultSize is more than what the result of one record of PutRecords takes.
const resultSize = 300

// putRecords implements PutRecords. The records of one shard are written together,
// in the order of the request, and succeed or fail together; shards are written at
// the same time and independently. A record that could not be written has
// ErrorCode InternalFailure, one above a shard's quota
// ProvisionedThroughputExceededException, and the call still answers 200, as in AWS.
//
// It makes room for its answer before it does anything.
func (s *Service) putRecords(ctx context.Context, call *api.Call, in *PutRecordsInput) (*PutRecordsOutput, error) {
	id, err := named(call, in.StreamName, in.StreamARN)
	if err != nil {
		return nil, err
	}
	// Whoever is told that there is no room for the answer sends the records again.
	if !call.MakeRoom(int64(len(in.Records)) * resultSize) {
		return nil, api.ErrNoRoom
	}
	defer s.cfg.Catalog.Hold()()
	st, err := s.lookupUsable(call, id)
	if err != nil {
		return nil, err
	}
	batches, err := st.batch(in.Records)
	if err != nil {
		return nil, err
	}
	if valueOr(in.DryRun, false) {
		return nil, errDryRun()
	}
	results := make([]PutRecordsResultEntry, len(in.Records))
	failed := s.throttle(id, &st, batches, in.Records, results)
	errs := make([]error, len(batches))
	var running sync.WaitGroup
	for i, b := range batches[1:] {
		running.Go(func() { errs[i+1] = s.putBatch(ctx, id, &st, b, in.Records, results) })
	}
	errs[0] = s.putBatch(ctx, id, &st, batches[0], in.Records, results)
	running.Wait()

	if ctx.Err() != nil {
		return nil, context.Cause(ctx) // nobody waits for the answer
	}
	for i, err := range errs {
		if err == nil {
			continue
		}
		if refusal, ok := api.AsException(err); ok {
			return nil, refusal // the stream was deleted meanwhile
		}
		failed += int32(len(batches[i].records))
		s.cfg.Log.Error("put records", "stream", id.arn(), "shard", batches[i].shard.ID.String(),
			"records", len(batches[i].records), "request", call.RequestID, "error", err)
	}
	return &PutRecordsOutput{FailedRecordCount: &failed, Records: results, EncryptionType: st.encryptionShown()}, nil
}

// throttle takes the records that are above their shard's quota out of the batches,
// fills in their results and counts them.
func (s *Service) throttle(id streamID, st *stream, batches []*batch, records []PutRecordsRequestEntry, results []PutRecordsResultEntry) (refused int32) {
	if s.quotas == nil {
		return 0
	}
	for _, b := range batches {
		admitted := b.records[:0]
		for _, i := range b.records {
			if s.quotas.admitWrite(st, b.shard, len(records[i].PartitionKey)+len(records[i].Data)) {
				admitted = append(admitted, i)
				continue
			}
			refused++
			results[i] = PutRecordsResultEntry{
				ErrorCode: "ProvisionedThroughputExceededException", ErrorMessage: rateExceeded(id, b.shard.ID),
			}
		}
		b.records = admitted
	}
	return refused
}

// checkRecord checks one record against the stream's rules and returns its hash
// key. at is the path of the record in messages, "" or "records.1.member.".
func (st *stream) checkRecord(at, partitionKey, explicitHashKey string, data []byte) (hashKey, error) {
	if partitionKey == "" && st.Distribution != distributionAuto {
		return hashKey{}, errNoPartitionKey(at + "partitionKey")
	}
	if len(data)+len(partitionKey) > st.maxRecord() {
		return hashKey{}, errRecordTooLarge(at+"data", len(data), st.maxRecord())
	}
	switch {
	case explicitHashKey != "":
		k, ok := parseHashKey(explicitHashKey)
		if !ok {
			return hashKey{}, errExplicitHashKey(explicitHashKey)
		}
		return k, nil
	case partitionKey == "":
		var k hashKey
		_, _ = rand.Read(k[:]) // never fails
		return k, nil
	}
	return hashOf(partitionKey), nil
}

// A batch is the records of a request that go to one shard.
type batch struct {
	shard   *shard
	records []int // indices in the request
	size    int   // of their partition keys and data
}

// batch checks the records of a request and sorts them by shard, first come first.
func (st *stream) batch(records []PutRecordsRequestEntry) ([]*batch, error) {
	var batches []*batch
	byShard := map[ShardID]*batch{}
	total := 0
	for i := range records {
		r := &records[i]
		hash, err := st.checkRecord(fmt.Sprintf("records.%d.member.", i+1), r.PartitionKey, r.ExplicitHashKey, r.Data)
		if err != nil {
			return nil, err
		}
		if total += len(r.PartitionKey) + len(r.Data); total > maxRequestBytes {
			return nil, errRecordsTooLarge()
		}
		sh := st.route(hash)
		b := byShard[sh.ID]
		if b == nil {
			b = &batch{shard: sh}
			byShard[sh.ID] = b
			batches = append(batches, b)
		}
		b.records = append(b.records, i)
		b.size += len(r.PartitionKey) + len(r.Data)
	}
	return batches, nil
}

// putBatch writes one batch and fills in the results of its records.
func (s *Service) putBatch(ctx context.Context, id streamID, st *stream, b *batch, records []PutRecordsRequestEntry, results []PutRecordsResultEntry) error {
	if len(b.records) == 0 {
		return nil
	}
	e := st.newEntries(len(b.records), b.size)
	for _, r := range b.records {
		e.add(records[r].PartitionKey, records[r].Data)
	}
	p, at, err := s.append(ctx, id, st, b.shard, e)
	shardID := b.shard.ID.String()
	for _, r := range b.records {
		if err != nil {
			results[r] = PutRecordsResultEntry{ErrorCode: "InternalFailure", ErrorMessage: "Internal Service Failure."}
			continue
		}
		results[r] = PutRecordsResultEntry{ShardID: shardID, SequenceNumber: b.shard.sequenceOf(p, at).String()}
		p = p.Next()
	}
	return err
}

// append makes records durable in a shard and returns where the first of them
// stands, in one block with the others, and the time of all.
func (s *Service) append(ctx context.Context, id streamID, st *stream, sh *shard, e *entries) (journal.Position, time.Time, error) {
	j, err := s.cfg.Journals.Open(ctx, st.journal(sh.ID))
	if err != nil {
		return journal.Position{}, time.Time{}, s.unlessDeleted(id, st, err)
	}
	first, at, err := j.Append(ctx, e.list...)
	if err != nil {
		return journal.Position{}, time.Time{}, s.unlessDeleted(id, st, err)
	}
	return first, at, nil
}

// unlessDeleted turns an error of a journal into the refusal it is when the stream
// has been deleted between lookup and use.
func (s *Service) unlessDeleted(id streamID, st *stream, err error) error {
	if !journalGone(err) {
		return err
	}
	if now, _, ok := s.streams.Get(id.key()); ok && now.Generation == st.Generation && now.usable() {
		return err // the stream is there, its journal is not
	}
	return errStreamNotFound(id)
}

// unlessGone is unlessDeleted for readers: the journal of a closed shard, all of whose
// records have expired, is gone a moment before the shard is.
func (s *Service) unlessGone(id streamID, st *stream, sh *shard, err error) error {
	if journalGone(err) && !sh.mayHoldFrom(st.horizon(s.expiryClock())) {
		return errShardNotFound(id, sh.ID)
	}
	return s.unlessDeleted(id, st, err)
}
