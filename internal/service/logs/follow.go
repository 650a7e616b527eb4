package logs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tributary/internal/durable/journal"
	"tributary/internal/pure/arn"
)

const followRetry = time.Second

// follow feeds the index of a partition from its journal until ctx ends. When it
// cannot go on, reads of the partition fail; they never answer less than there is.
func (s *Service) follow(ctx context.Context, p *partition) {
	if p.journal == nil {
		return
	}
	p.index.start(p.journal.Start().Block)
	reader := p.journal.Reader(journal.Position{})
	failing := false
	for {
		b, err := reader.Next(ctx)
		if err == nil {
			err = p.index.add(b)
		}
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			failing = false
			continue
		case errors.Is(err, journal.ErrTrimmed): // it was behind, and this part is not needed any more
			reader = p.journal.Reader(journal.Position{})
			continue
		}
		p.index.fail(fmt.Errorf("index of %s: %w", p.name, err))
		if !failing {
			failing = true
			s.cfg.Log.Error("ingest journal cannot be read: its log streams cannot be either", "journal", p.name, "error", err)
		}
		if errors.Is(err, errEntry) || errors.Is(err, journal.ErrClosed) || !pause(ctx, followRetry) {
			return
		}
	}
}

// indexed waits until the index holds what had been acknowledged when the call
// began.
func (p *partition) indexed(ctx context.Context) error {
	if p.err != nil {
		return errUnavailable()
	}
	return p.index.wait(ctx, p.journal.End().Block)
}

func (s *Service) indexed(ctx context.Context, name arn.Region) error {
	r := s.regions.get(name)
	if r == nil {
		return nil
	}
	for _, p := range r.partitions {
		if err := p.indexed(ctx); err != nil {
			return err
		}
	}
	return nil
}

// summary is what the index knows of a stream.
func (s *Service) summary(id streamName, stream StreamID) summary {
	r := s.regions.get(id.Group.Region)
	if r == nil {
		return summary{}
	}
	return r.partition(id).index.summary(stream)
}

// storedBytes is the size of the group's messages that the ingest journals hold,
// without waiting for the latest.
func (s *Service) storedBytes(id groupID, g group) int64 {
	n := int64(0)
	for name, st := range s.streamsOf(id, g, "", "") {
		n += s.summary(id.stream(name), st.ID).bytes
	}
	return n
}

// TrimIngest removes from the ingest journals what is older than KeepIngest and
// has been delivered. Run does so every minute.
func (s *Service) TrimIngest(ctx context.Context) error {
	// The time that has passed since the start is measured, not read from the
	// calendar: a calendar that is set forward makes no event older.
	now := s.started.Add(s.cfg.Now().Sub(s.started))
	oldest := now.Add(-s.cfg.KeepIngest)
	all, _ := s.regions.all()
	var errs []error
	for _, r := range all {
		for _, p := range r.partitions {
			if p.journal == nil {
				continue
			}
			if err := s.trimPartition(ctx, r.name, p, oldest); err != nil {
				errs = append(errs, fmt.Errorf("trim %s: %w", p.name, err))
			}
		}
	}
	return errors.Join(errs...)
}

func (s *Service) trimPartition(ctx context.Context, region arn.Region, p *partition, oldest time.Time) error {
	keep, err := p.journal.SeekTime(ctx, oldest)
	if err != nil {
		return err
	}
	if s.cfg.Delivered != nil {
		if delivered := s.cfg.Delivered(region, p.name); delivered.Compare(keep) < 0 {
			keep = delivered
		}
	}
	if keep.Block <= p.journal.Start().Block {
		return nil
	}
	if err := p.journal.Trim(ctx, keep); err != nil {
		return err
	}
	p.index.trim(p.journal.Start().Block)
	return nil
}
