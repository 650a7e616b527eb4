package kinesis

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tributary/internal/durable/catalog"
)

// expiryClock is the time that retention goes by: the wall clock when the service
// was made, and from there what really passed. A wall clock that is set forward
// while the process runs therefore makes no record older than it is.
func (s *Service) expiryClock() time.Time { return s.started.Add(s.cfg.Now().Sub(s.started)) }

// TrimExpired removes, once, the blocks whose records are all past the retention
// of their stream. Run does it every minute. It goes on after an error and returns
// all of them.
func (s *Service) TrimExpired(ctx context.Context) error {
	var errs []error
	for k, st := range s.streams.Scan(catalog.KeyOf()) {
		if !st.usable() {
			continue
		}
		horizon := s.expiryClock().Add(-st.retention())
		for i := range st.Shards {
			err := s.trimShard(ctx, st.journal(st.Shards[i].ID), horizon)
			if err != nil && !journalGone(err) {
				errs = append(errs, fmt.Errorf("%s of %s: %w", st.Shards[i].ID, idOfKey(k).arn(), err))
			}
		}
	}
	return errors.Join(errs...)
}

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
	return j.Trim(ctx, kept)
}
