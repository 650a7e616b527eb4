package kinesis

import (
	"context"
	"time"

	"tributary/internal/service/api"
)

// maxShardsListed bounds an answer of ListShards, and is its default.
const maxShardsListed = 1000

// listShards implements ListShards, with all its filters. A page token carries the
// stream and filter of the call that began the listing, so that later calls name
// neither, and lasts 300 seconds.
//
// Ours: a stream that is CREATING or DELETING answers ResourceInUseException.
func (s *Service) listShards(_ context.Context, call *api.Call, in *ListShardsInput) (*ListShardsOutput, error) {
	p, id, err := s.listing(call, in)
	if err != nil {
		return nil, err
	}
	st, _, err := s.lookupShared(call, id)
	if err != nil {
		return nil, err
	}
	if !st.usable() {
		return nil, errStreamNotActive(id, st.Status)
	}
	if p.Generation != "" && p.Generation != st.Generation {
		return nil, errInvalidPage() // of an earlier stream with this name
	}
	if t := in.StreamCreationTimestamp; !t.IsZero() && t.Unix() != st.Created.Unix() {
		return nil, errStreamNotFound(id)
	}
	limit := int(min(valueOr(in.MaxResults, maxShardsListed), maxShardsListed))
	keep := p.keep(&st, st.horizon(s.expiryClock()))
	shards, more := page(&st, p.First, limit, keep)
	out := &ListShardsOutput{Shards: shards}
	if more {
		last, _ := parseShardID(shards[limit-1].ShardID)
		p.First, p.Generation = last+1, st.Generation
		out.NextToken = s.sealPage(call, p)
	}
	return out, nil
}

// listedStream is the stream that ListShards is asked about.
func (s *Service) listedStream(call *api.Call, in *ListShardsInput) (streamID, error) {
	_, id, err := s.listing(call, in)
	return id, err
}

// listing is what a call of ListShards asks for: where it goes on from, with the
// filter, and the stream.
func (s *Service) listing(call *api.Call, in *ListShardsInput) (pageToken, streamID, error) {
	if in.NextToken != "" {
		if in.StreamName != "" {
			return pageToken{}, streamID{}, errPageAndName()
		}
		p, err := s.openPage(call, in.NextToken, pageOfShards)
		if err != nil {
			return pageToken{}, streamID{}, err
		}
		id := streamID{p.Account, call.Region, p.Stream}
		return p, id, sameStream(id, in.StreamARN)
	}
	if in.StreamName == "" && in.StreamARN == "" {
		return pageToken{}, streamID{}, errNoPage()
	}
	id, err := named(call, in.StreamName, in.StreamARN)
	if err != nil {
		return pageToken{}, streamID{}, err
	}
	p := pageToken{Kind: pageOfShards, Account: id.Account, Stream: id.Name, Filter: filterFromTrimHorizon}
	if in.ExclusiveStartShardID != "" {
		after, ok := parseShardID(in.ExclusiveStartShardID)
		if !ok {
			return pageToken{}, streamID{}, errShardUnparsable(id, in.ExclusiveStartShardID)
		}
		p.First = after + 1
	}
	return p, id, p.filterBy(id, in.ShardFilter)
}

// The filters, as the API writes them.
const (
	filterAfterShardID    = "AFTER_SHARD_ID"
	filterAtTrimHorizon   = "AT_TRIM_HORIZON"
	filterFromTrimHorizon = "FROM_TRIM_HORIZON"
	filterAtLatest        = "AT_LATEST"
	filterAtTimestamp     = "AT_TIMESTAMP"
	filterFromTimestamp   = "FROM_TIMESTAMP"
)

// filterBy takes a request's filter over.
func (p *pageToken) filterBy(id streamID, f *ShardFilter) error {
	if f == nil {
		return nil
	}
	p.Filter = f.Type
	switch f.Type {
	case filterAfterShardID:
		if f.ShardID == "" {
			return errFilterLacks(f.Type, "ShardId")
		}
		after, ok := parseShardID(f.ShardID)
		if !ok {
			return errShardUnparsable(id, f.ShardID)
		}
		p.First = max(p.First, after+1)
	case filterAtTimestamp, filterFromTimestamp:
		if f.Timestamp.IsZero() {
			return errFilterLacks(f.Type, "Timestamp")
		}
		p.Time = f.Timestamp.Time
	}
	return nil
}

// keep returns the filter as a function. A time before the trim horizon, or before
// there was a stream, counts as that moment, at which a listing can begin.
func (p *pageToken) keep(st *stream, trimHorizon time.Time) func(*shard) bool {
	begin := trimHorizon
	if begin.Before(st.Created) {
		begin = st.Created
	}
	at := p.Time
	if at.Before(begin) {
		at = begin
	}
	switch p.Filter {
	case filterAtLatest:
		return (*shard).open
	case filterAtTrimHorizon:
		return func(sh *shard) bool { return sh.openAt(begin) }
	case filterAtTimestamp:
		return func(sh *shard) bool { return sh.openAt(at) }
	case filterFromTimestamp:
		return func(sh *shard) bool { return sh.mayHoldFrom(at) }
	default: // filterFromTrimHorizon, filterAfterShardID
		return func(sh *shard) bool { return sh.mayHoldFrom(trimHorizon) }
	}
}
