package kinesis

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tributary/internal/durable/catalog"
	"tributary/internal/durable/journal"
	"tributary/internal/service/api"
)

// maxRetention is a year, in hours.
const maxRetention = 8760

// increaseStreamRetentionPeriod implements IncreaseStreamRetentionPeriod. The present
// value is accepted: Terraform sends it after every CreateStream. Records that have
// expired do not come back.
func (s *Service) increaseStreamRetentionPeriod(ctx context.Context, call *api.Call, in *IncreaseStreamRetentionPeriodInput) (*api.Void, error) {
	id, err := named(call, in.StreamName, in.StreamARN)
	if err != nil {
		return nil, err
	}
	return nil, s.changeRetention(ctx, call, id, in.RetentionPeriodHours, func(st *stream) error {
		if in.RetentionPeriodHours < st.RetentionHours {
			return errRetentionShorter(id, in.RetentionPeriodHours, st.RetentionHours)
		}
		return nil
	})
}

// decreaseStreamRetentionPeriod implements DecreaseStreamRetentionPeriod. Records that
// are older cannot be read from the moment the call returns, and are removed from the
// disk soon after.
func (s *Service) decreaseStreamRetentionPeriod(ctx context.Context, call *api.Call, in *DecreaseStreamRetentionPeriodInput) (*api.Void, error) {
	id, err := named(call, in.StreamName, in.StreamARN)
	if err != nil {
		return nil, err
	}
	err = s.changeRetention(ctx, call, id, in.RetentionPeriodHours, func(st *stream) error {
		if in.RetentionPeriodHours > st.RetentionHours {
			return errRetentionLonger(id, in.RetentionPeriodHours, st.RetentionHours)
		}
		return nil
	})
	if err == nil {
		wake(s.expire)
	}
	return nil, err
}

func (s *Service) changeRetention(ctx context.Context, call *api.Call, id streamID, hours int32, check func(*stream) error) error {
	switch {
	case hours < defaultRetention:
		return errRetentionShort(hours)
	case hours > maxRetention:
		return errRetentionLong(hours)
	}
	return s.change(ctx, call, id, func(st *stream) error {
		if err := check(st); err != nil {
			return err
		}
		now := s.expiryClock().UTC()
		st.Floor = st.horizon(now)
		st.RetentionHours = hours
		return nil
	})
}

// expiryClock is the time that retention goes by: the wall clock when the service
// was made, and from there what really passed. A wall clock that is set forward
// while the process runs therefore makes no record older than it is.
func (s *Service) expiryClock() time.Time { return s.started.Add(s.cfg.Now().Sub(s.started)) }

// TrimExpired removes, once, the blocks whose records are all past the retention of
// their stream, and the closed shards that have no other. Run does it every minute. It
// goes on after an error and returns all of them.
func (s *Service) TrimExpired(ctx context.Context) error {
	var errs []error
	for k, st := range s.streams.Scan(catalog.KeyOf()) {
		if !st.usable() {
			continue
		}
		if err := s.trimStream(ctx, k, &st); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", idOfKey(k).arn(), err))
		}
	}
	return errors.Join(errs...)
}

func (s *Service) trimStream(ctx context.Context, k catalog.Key, st *stream) error {
	var errs []error
	var gone []ShardID
	horizon := st.horizon(s.expiryClock())
	for i := range st.Shards {
		sh := &st.Shards[i]
		var err error
		switch {
		case !sh.mayHoldFrom(horizon):
			// The journal first: the record names it until it is gone.
			if err = s.dropShard(ctx, st, sh); err == nil {
				gone = append(gone, sh.ID)
			}
		case !sh.Passage:
			err = s.trimShard(ctx, st.journal(sh.ID), horizon)
		}
		if err != nil && !journalGone(err) {
			errs = append(errs, fmt.Errorf("%s: %w", sh.ID, err))
		}
	}
	if len(gone) > 0 {
		errs = append(errs, s.forgetShards(ctx, k, st.Generation, gone))
	}
	return errors.Join(errs...)
}

func (s *Service) dropShard(ctx context.Context, st *stream, sh *shard) error {
	if sh.Passage {
		return nil
	}
	return s.deleteJournals(ctx, []string{st.journal(sh.ID)})
}

// forgetShards takes closed shards out of a stream's record. Those that they led to
// keep their names.
func (s *Service) forgetShards(ctx context.Context, k catalog.Key, generation string, gone []ShardID) error {
	_, err := s.streams.Update(ctx, k, func(st stream, exists bool) (stream, error) {
		if !exists || st.Generation != generation {
			return st, errStreamNotFound(idOfKey(k))
		}
		st.Shards = slices.DeleteFunc(slices.Clone(st.Shards), func(sh shard) bool { return slices.Contains(gone, sh.ID) })
		return st, nil
	})
	if _, deleted := api.AsException(err); deleted {
		return nil
	}
	return err
}

// retentionLane is the lane of the empty blocks that trimShard writes.
const retentionLane = "retention"

// trimShard removes the blocks before the horizon. A journal keeps its last block
// whatever its age, so when that has expired an empty one is put behind it.
func (s *Service) trimShard(ctx context.Context, name string, horizon time.Time) error {
	j, err := s.cfg.Journals.Open(ctx, name)
	if err != nil {
		return err
	}
	kept, err := j.SeekTime(ctx, horizon)
	if err != nil {
		return err
	}
	if kept.Compare(j.Start()) <= 0 {
		return nil
	}
	if kept.Compare(j.End()) == 0 {
		last, err := j.ReadBlock(ctx, kept.Block-1)
		if err != nil {
			return err
		}
		if len(last.Entries) > 0 {
			if err := writeEmptyBlock(ctx, j); err != nil {
				return err
			}
		}
	}
	return j.Trim(ctx, kept)
}

func writeEmptyBlock(ctx context.Context, j *journal.Journal) error {
	if _, _, err := j.Mark(ctx, retentionLane); err != nil {
		return err
	}
	_, _, err := j.AppendFrom(ctx, retentionLane, journal.Position{})
	return err
}
