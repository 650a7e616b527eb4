package kinesis

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"tributary/internal/durable/catalog"
	"tributary/internal/service/api"
)

// createStream implements CreateStream. The stream is CREATING when the call
// returns and ACTIVE a few milliseconds later; shards are shown when it is.
//
// AWS's rule: without ShardCount and mode a stream is on-demand with four shards.
// A stream that is DELETING still holds its name.
// Ours: that at most five streams are CREATING at a time is a quota (Config.Quotas);
// WarmThroughputMiBps is stored and shown and changes nothing, since throughput is not
// bounded.
func (s *Service) createStream(ctx context.Context, call *api.Call, in *CreateStreamInput) (*api.Void, error) {
	id := streamID{call.Account(), call.Region, in.StreamName}
	mode, shards, err := capacity(in)
	if err != nil {
		return nil, err
	}
	if _, _, exists := s.streams.Get(id.key()); exists {
		return nil, errStreamExists(id)
	}
	if s.quotas != nil && s.countCreating(id) >= maxCreating {
		return nil, errCreating(id)
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

// countCreating counts the streams of an account in a Region that are CREATING.
func (s *Service) countCreating(id streamID) int {
	n := 0
	for _, st := range s.streams.Scan(catalog.KeyOf(string(id.Account), string(id.Region))) {
		if st.Status == statusCreating {
			n++
		}
	}
	return n
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
//
// AWS's rule: one with consumers is deleted only with EnforceConsumerDeletion.
func (s *Service) deleteStream(ctx context.Context, call *api.Call, in *DeleteStreamInput) (*api.Void, error) {
	id, err := named(call, in.StreamName, in.StreamARN)
	if err != nil {
		return nil, err
	}
	if _, _, err := s.lookup(call, id); err != nil {
		return nil, err
	}
	var generation string
	_, err = s.streams.Update(ctx, id.key(), func(st stream, exists bool) (stream, error) {
		if !exists {
			return stream{}, errStreamNotFound(id)
		}
		if len(st.Consumers) > 0 && st.Status != statusDeleting && !valueOr(in.EnforceConsumerDeletion, false) {
			return stream{}, errStreamHasConsumers(id)
		}
		st.Status = statusDeleting
		generation = st.Generation
		return st, nil
	})
	if err != nil {
		return nil, fmt.Errorf("delete stream: %w", err)
	}
	s.subscribers.stir(generation)
	s.wakeUp()
	return &api.Void{}, nil
}

// journalsPerTurn is how many journals of one stream are made or removed before the
// next stream has its turn.
const journalsPerTurn = 64

// A settling is how far a call of settle has come. Only one goroutine, Run's, settles,
// so that the journals of a stream between two states have one owner.
type settling struct {
	done map[string]int // journals made or removed, by way
	errs map[string]error
}

// way names what is to be done with a stream.
func (st *stream) way() string {
	way := st.Generation + " " + st.Status
	if st.Status == statusUpdating { // which it may be again before settle returns
		way += " " + st.Resharding.Opening[0].ID.String()
	}
	return way
}

// settle brings every stream that is between two states to the end of its way, those
// too that are created or deleted meanwhile. Streams take turns, so that one with
// thousands of shards does not keep other accounts waiting. Consumers become ACTIVE as
// well. It goes on after an error and returns all of them.
func (s *Service) settle(ctx context.Context) error {
	p := settling{done: map[string]int{}, errs: map[string]error{}}
	err := s.activateConsumers(ctx) // which is quick
	for s.turn(ctx, &p) {
	}
	return errors.Join(err, errors.Join(slices.Collect(maps.Values(p.errs))...))
}

// turn goes one step with every stream that is between two states, and reports
// whether there is more to do. A stream that has failed is left alone.
func (s *Service) turn(ctx context.Context, p *settling) (more bool) {
	for k, st := range s.streams.Scan(catalog.KeyOf()) {
		if st.Status == statusActive || p.errs[st.way()] != nil {
			continue
		}
		arrived, err := s.step(ctx, k, p)
		if err != nil {
			p.errs[st.way()] = fmt.Errorf("stream %s: %w", idOfKey(k).arn(), err)
			continue
		}
		more = more || !arrived
	}
	return more
}

// step makes or removes some journals of a stream, and after the last one takes the
// stream to its next state. A stream that was changed meanwhile, as by DeleteStream of
// one that is CREATING, has not arrived.
func (s *Service) step(ctx context.Context, k catalog.Key, p *settling) (arrived bool, err error) {
	st, rev, ok := s.streams.Get(k)
	if !ok {
		return true, nil
	}
	if st.Status == statusActive {
		return true, nil
	}
	settle := s.createJournals
	if st.Status == statusDeleting {
		settle = s.deleteJournals
	}
	names, done := st.unsettled(), p.done[st.way()]
	todo := names[done:min(done+journalsPerTurn, len(names))]
	if err := settle(ctx, todo); err != nil {
		return false, err
	}
	if done += len(todo); done < len(names) {
		p.done[st.way()] = done
		return false, nil
	}
	switch st.Status {
	case statusDeleting:
		err = s.streams.Delete(ctx, k, rev)
	case statusUpdating:
		st.complete(s.cfg.Now())
		if _, err = s.streams.Replace(ctx, k, st, rev); err == nil {
			s.subscribers.stir(st.Generation)
		}
	default:
		st.Status = statusActive
		_, err = s.streams.Replace(ctx, k, st, rev)
	}
	if errors.Is(err, catalog.ErrConflict) {
		return false, nil
	}
	return err == nil, err
}

// unsettled names the journals to be made or removed before a stream comes to its next
// state.
func (st *stream) unsettled() []string {
	var names []string
	add := func(shards []shard) {
		for i := range shards {
			if !shards[i].Passage {
				names = append(names, st.journal(shards[i].ID))
			}
		}
	}
	if st.Status != statusUpdating {
		add(st.Shards)
	}
	if st.Resharding != nil {
		add(st.Resharding.Opening)
	}
	return names
}

// createJournals makes those journals that an interrupted attempt has not made. Blocks
// are not compressed: delivered records are gzip already.
func (s *Service) createJournals(ctx context.Context, names []string) error {
	return s.cfg.Journals.CreateAll(ctx, names)
}

// deleteJournals removes those of the journals that are there.
func (s *Service) deleteJournals(ctx context.Context, names []string) error {
	defer s.shared.drop(names)
	return s.cfg.Journals.DeleteAll(ctx, names)
}

// valueOr is what p points to, or else.
func valueOr[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}
