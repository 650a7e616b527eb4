package kinesis

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tributary/internal/durable/catalog"
	"tributary/internal/durable/journal"
	"tributary/internal/service/api"
)

// createStream implements CreateStream. The stream is CREATING when the call
// returns and ACTIVE a few milliseconds later; shards are shown when it is.
//
// AWS's rule: without ShardCount and mode a stream is on-demand with four shards.
// A stream that is DELETING still holds its name.
// Ours: at most five streams CREATING at a time is not enforced, as creation
// takes no time worth a limit; WarmThroughputMiBps is stored and shown and changes
// nothing, since throughput is not bounded.
func (s *Service) createStream(ctx context.Context, call *api.Call, in *CreateStreamInput) (*api.Void, error) {
	id := streamID{call.Account(), call.Region, in.StreamName}
	mode, shards, err := capacity(in)
	if err != nil {
		return nil, err
	}
	if _, _, exists := s.streams.Get(id.key()); exists {
		return nil, errStreamExists(id)
	}
	if current := s.countShards(id); shards > s.cfg.ShardLimit-current {
		return nil, errShardLimit(id, current, s.cfg.ShardLimit, shards)
	}
	now := s.cfg.Now().UTC().Truncate(time.Millisecond)
	st := stream{
		Generation:     newGeneration(),
		Status:         statusCreating,
		Created:        now,
		Mode:           mode,
		RetentionHours: defaultRetention,
		MaxRecordKiB:   valueOr(in.MaxRecordSizeInKiB, defaultRecordKiB),
		Distribution:   in.RecordDistributionStrategy,
		WarmMiBps:      valueOr(in.WarmThroughputMiBps, 0),
		Tags:           in.Tags,
		Shards:         newShards(shards, now),
	}
	switch _, err := s.streams.Create(ctx, id.key(), st); {
	case errors.Is(err, catalog.ErrExists):
		return nil, errStreamExists(id)
	case err != nil:
		return nil, fmt.Errorf("create stream: %w", err)
	}
	s.wakeUp()
	return &api.Void{}, nil
}

// capacity is the mode and number of shards that a request asks for. The texts of
// its refusals are ours.
func capacity(in *CreateStreamInput) (mode string, shards int, err error) {
	switch {
	case in.StreamModeDetails != nil:
		mode = in.StreamModeDetails.StreamMode
	case in.ShardCount != nil:
		mode = modeProvisioned
	default:
		mode = modeOnDemand
	}
	if mode == modeProvisioned {
		switch {
		case in.ShardCount == nil:
			return "", 0, errMode("ShardCount is required for streams in mode %s.", modeProvisioned)
		case in.WarmThroughputMiBps != nil:
			return "", 0, errMode("WarmThroughputMiBps is only for streams in mode %s.", modeOnDemand)
		case in.RecordDistributionStrategy == distributionAuto:
			return "", 0, errMode("RecordDistributionStrategy %s is only for streams in mode %s.", distributionAuto, modeOnDemand)
		}
		return mode, int(*in.ShardCount), nil
	}
	if in.ShardCount != nil {
		return "", 0, errMode("ShardCount must not be given for streams in mode %s.", modeOnDemand)
	}
	return mode, onDemandShards, nil
}

// countShards counts the open shards of an account in a Region.
func (s *Service) countShards(id streamID) int {
	n := 0
	for _, st := range s.streams.Scan(catalog.KeyOf(string(id.Account), string(id.Region))) {
		n += st.openShards()
	}
	return n
}

// deleteStream implements DeleteStream. The stream is DELETING when the call
// returns: nothing is put into it or read from it any more, where AWS may go on
// for a while. A stream may be deleted in any state; deleting one that is DELETING
// changes nothing.
func (s *Service) deleteStream(ctx context.Context, call *api.Call, in *DeleteStreamInput) (*api.Void, error) {
	id, err := named(call, in.StreamName, in.StreamARN)
	if err != nil {
		return nil, err
	}
	if _, _, err := s.lookup(call, id); err != nil {
		return nil, err
	}
	_, err = s.streams.Update(ctx, id.key(), func(st stream, exists bool) (stream, error) {
		if !exists {
			return stream{}, errStreamNotFound(id)
		}
		st.Status = statusDeleting
		return st, nil
	})
	if err != nil {
		return nil, fmt.Errorf("delete stream: %w", err)
	}
	s.wakeUp()
	return &api.Void{}, nil
}

// settle brings every stream that is between two states to the end of its way. It
// goes on after an error and returns all of them.
func (s *Service) settle(ctx context.Context) error {
	var errs []error
	for k, st := range s.streams.Scan(catalog.KeyOf()) {
		if st.Status != statusCreating && st.Status != statusDeleting {
			continue
		}
		if err := s.settleStream(ctx, k); err != nil {
			errs = append(errs, fmt.Errorf("stream %s: %w", idOfKey(k).arn(), err))
		}
	}
	return errors.Join(errs...)
}

// settleStream finishes one stream. Only one goroutine, Run's, calls it, so that
// the journals of a stream between two states have one owner.
func (s *Service) settleStream(ctx context.Context, k catalog.Key) error {
	for {
		st, rev, ok := s.streams.Get(k)
		if !ok {
			return nil
		}
		var err error
		switch st.Status {
		case statusCreating:
			if err := eachJournal(&st, func(name string) error { return s.createJournal(ctx, name) }); err != nil {
				return err
			}
			st.Status = statusActive
			_, err = s.streams.Replace(ctx, k, st, rev)
		case statusDeleting:
			if err := eachJournal(&st, func(name string) error { return s.deleteJournal(ctx, name) }); err != nil {
				return err
			}
			err = s.streams.Delete(ctx, k, rev)
		default:
			return nil
		}
		if !errors.Is(err, catalog.ErrConflict) {
			return err
		}
		// It was changed meanwhile, as by DeleteStream of a stream that is CREATING.
	}
}

// eachJournal calls f for the journal of every shard, one after the other: the
// journals are made one at a time in any case.
func eachJournal(st *stream, f func(name string) error) error {
	for i := range st.Shards {
		if err := f(st.journal(st.Shards[i].ID)); err != nil {
			return err
		}
	}
	return nil
}

// createJournal makes a journal, unless an interrupted attempt has made it. Blocks
// are not compressed: delivered records are gzip already.
func (s *Service) createJournal(ctx context.Context, name string) error {
	_, err := s.cfg.Journals.Create(ctx, name)
	if err != nil && !errors.Is(err, journal.ErrExists) {
		return fmt.Errorf("create journal %s: %w", name, err)
	}
	return nil
}

// deleteJournal removes a journal, unless an interrupted attempt has removed it or
// never made it.
func (s *Service) deleteJournal(ctx context.Context, name string) error {
	err := s.cfg.Journals.Delete(ctx, name)
	if err != nil && !errors.Is(err, journal.ErrUnknown) {
		return fmt.Errorf("delete journal %s: %w", name, err)
	}
	return nil
}

// valueOr is what p points to, or else.
func valueOr[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}
