package kinesis

import (
	"context"

	"tributary/internal/durable/catalog"
	"tributary/internal/service/api"
)

// maxListed is how many shards or streams one answer of DescribeStream and
// ListStreams holds at most, and when no Limit is given; AWS takes a greater Limit
// and gives no more.
const maxListed = 100

// describeStream implements DescribeStream. Like AWS it shows no shards while the
// stream is CREATING.
func (s *Service) describeStream(_ context.Context, call *api.Call, in *DescribeStreamInput) (*DescribeStreamOutput, error) {
	id, err := named(call, in.StreamName, in.StreamARN)
	if err != nil {
		return nil, err
	}
	st, _, err := s.lookupShared(call, id)
	if err != nil {
		return nil, err
	}
	var first ShardID
	if in.ExclusiveStartShardID != "" {
		after, ok := parseShardID(in.ExclusiveStartShardID)
		if !ok {
			return nil, errShardUnparsable(id, in.ExclusiveStartShardID)
		}
		first = after + 1
	}
	shards, more := []Shard{}, false
	if st.Status != statusCreating {
		shards, more = page(&st, first, int(min(valueOr(in.Limit, maxListed), maxListed)), everyShard)
	}
	return &DescribeStreamOutput{&StreamDescription{
		StreamName:              id.Name,
		StreamARN:               string(id.arn()),
		StreamStatus:            st.Status,
		StreamModeDetails:       &StreamModeDetails{st.Mode},
		Shards:                  shards,
		HasMoreShards:           more,
		RetentionPeriodHours:    st.RetentionHours,
		StreamCreationTimestamp: api.At(st.Created),
		EnhancedMonitoring:      []EnhancedMetrics{{ShardLevelMetrics: st.metrics()}},
		EncryptionType:          st.encryption(),
		KeyID:                   st.KeyID,
	}}, nil
}

// describeStreamSummary implements DescribeStreamSummary. No StreamId is shown:
// SDKs turn one into a host name and leave the configured endpoint.
func (s *Service) describeStreamSummary(_ context.Context, call *api.Call, in *DescribeStreamSummaryInput) (*DescribeStreamSummaryOutput, error) {
	id, err := named(call, in.StreamName, in.StreamARN)
	if err != nil {
		return nil, err
	}
	st, _, err := s.lookupShared(call, id)
	if err != nil {
		return nil, err
	}
	open := 0
	if st.Status != statusCreating {
		open = st.openShards()
	}
	summary := &StreamDescriptionSummary{
		StreamName:                 id.Name,
		StreamARN:                  string(id.arn()),
		StreamStatus:               st.Status,
		StreamModeDetails:          &StreamModeDetails{st.Mode},
		RetentionPeriodHours:       st.RetentionHours,
		StreamCreationTimestamp:    api.At(st.Created),
		EnhancedMonitoring:         []EnhancedMetrics{{ShardLevelMetrics: st.metrics()}},
		EncryptionType:             st.encryption(),
		KeyID:                      st.KeyID,
		OpenShardCount:             int32(open),
		ConsumerCount:              new(int32(len(st.Consumers))),
		MaxRecordSizeInKiB:         &st.MaxRecordKiB,
		RecordDistributionStrategy: st.Distribution,
	}
	if st.WarmMiBps > 0 {
		summary.WarmThroughput = st.warmThroughput()
	}
	return &DescribeStreamSummaryOutput{summary}, nil
}

// page returns the shards from first on that pass keep, at most limit, and whether
// there are more.
func page(st *stream, first ShardID, limit int, keep func(*shard) bool) (shards []Shard, more bool) {
	shards = []Shard{}
	for i := range st.Shards {
		sh := &st.Shards[i]
		if sh.ID < first || !keep(sh) {
			continue
		}
		if len(shards) == limit {
			return shards, true
		}
		shards = append(shards, sh.wire())
	}
	return shards, false
}

// everyShard is the filter that keeps all.
func everyShard(*shard) bool { return true }

// listStreams implements ListStreams, by name. A NextToken stands before
// ExclusiveStartStreamName, since paginators send both.
func (s *Service) listStreams(_ context.Context, call *api.Call, in *ListStreamsInput) (*ListStreamsOutput, error) {
	after := in.ExclusiveStartStreamName
	if in.NextToken != "" {
		p, err := s.openPage(call, in.NextToken, pageOfStreams)
		if err != nil {
			return nil, err
		}
		after = p.Stream
	}
	limit := int(min(valueOr(in.Limit, maxListed), maxListed))
	out := &ListStreamsOutput{StreamNames: []string{}, StreamSummaries: []StreamSummary{}}

	mine := catalog.KeyOf(string(call.Account()), string(call.Region))
	scan := s.streams.Scan(mine)
	if after != "" {
		scan = s.streams.ScanFrom(mine, streamID{call.Account(), call.Region, after}.key())
	}
	for k, st := range scan {
		if len(out.StreamNames) == limit {
			out.HasMoreStreams = true
			last := out.StreamNames[limit-1]
			out.NextToken = s.sealPage(call, pageToken{Kind: pageOfStreams, Stream: last})
			break
		}
		id := idOfKey(k)
		out.StreamNames = append(out.StreamNames, id.Name)
		out.StreamSummaries = append(out.StreamSummaries, StreamSummary{
			StreamName:              id.Name,
			StreamARN:               string(id.arn()),
			StreamStatus:            st.Status,
			StreamModeDetails:       &StreamModeDetails{st.Mode},
			StreamCreationTimestamp: api.At(st.Created),
		})
	}
	return out, nil
}
