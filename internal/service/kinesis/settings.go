package kinesis

import (
	"context"
	"slices"

	"tributary/internal/service/api"
)

// The settings of a stream that take effect at once: the stream stays ACTIVE, where
// AWS shows it as UPDATING for a while.

// updateStreamMode implements UpdateStreamMode. The shards stay as they are: a stream
// on demand does not grow by itself here.
//
// AWS's rule: twice in any 24 hours. To choose the mode that a stream has is not counted.
func (s *Service) updateStreamMode(ctx context.Context, call *api.Call, in *UpdateStreamModeInput) (*api.Void, error) {
	id, err := named(call, "", in.StreamARN)
	if err != nil {
		return nil, err
	}
	mode := in.StreamModeDetails.StreamMode
	if mode == modeProvisioned && in.WarmThroughputMiBps != nil {
		return nil, errMode("WarmThroughputMiBps is only for streams in mode %s.", modeOnDemand)
	}
	return nil, s.change(ctx, call, id, func(st *stream) error {
		if in.WarmThroughputMiBps != nil {
			st.WarmMiBps = *in.WarmThroughputMiBps
		}
		if st.Mode == mode {
			return nil
		}
		now := s.cfg.Now().UTC()
		recent := within(st.ModeChanges, now.Add(-day))
		if len(recent) >= modesPerDay {
			return errModeChanges(id)
		}
		st.Mode, st.ModeChanges = mode, append(recent, now)
		if mode == modeProvisioned { // these are on demand only
			st.WarmMiBps, st.Distribution = 0, ""
		}
		return nil
	})
}

// updateMaxRecordSize implements UpdateMaxRecordSize. Records that are in the stream
// stay whatever their size.
func (s *Service) updateMaxRecordSize(ctx context.Context, call *api.Call, in *UpdateMaxRecordSizeInput) (*api.Void, error) {
	id, err := named(call, "", in.StreamARN)
	if err != nil {
		return nil, err
	}
	return nil, s.change(ctx, call, id, func(st *stream) error {
		st.MaxRecordKiB = in.MaxRecordSizeInKiB
		return nil
	})
}

// updateStreamWarmThroughput implements UpdateStreamWarmThroughput: the figure is
// stored and shown. It changes nothing, since streams on demand are not bounded here.
func (s *Service) updateStreamWarmThroughput(ctx context.Context, call *api.Call, in *UpdateStreamWarmThroughputInput) (*UpdateStreamWarmThroughputOutput, error) {
	id, err := named(call, in.StreamName, in.StreamARN)
	if err != nil {
		return nil, err
	}
	var warm *WarmThroughputObject
	err = s.change(ctx, call, id, func(st *stream) error {
		if st.Mode != modeOnDemand {
			return errProvisioned(id)
		}
		st.WarmMiBps = in.WarmThroughputMiBps
		warm = st.warmThroughput()
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &UpdateStreamWarmThroughputOutput{StreamARN: string(id.arn()), StreamName: id.Name, WarmThroughput: warm}, nil
}

func (st *stream) warmThroughput() *WarmThroughputObject {
	return &WarmThroughputObject{TargetMiBps: &st.WarmMiBps, CurrentMiBps: &st.WarmMiBps}
}

// updateStreamRecordDistributionStrategy implements the operation of that name. With
// AUTO a record needs no partition key.
func (s *Service) updateStreamRecordDistributionStrategy(ctx context.Context, call *api.Call, in *UpdateStreamRecordDistributionStrategyInput) (*api.Void, error) {
	id, err := named(call, "", in.StreamARN)
	if err != nil {
		return nil, err
	}
	return nil, s.change(ctx, call, id, func(st *stream) error {
		if st.Mode != modeOnDemand {
			return errProvisioned(id)
		}
		st.Distribution = in.RecordDistributionStrategy
		return nil
	})
}

// startStreamEncryption implements StartStreamEncryption. The key is stored and shown,
// with the records that are put from now on too; nothing is encrypted by it, as there
// is no key service. Data on disk is encrypted by the operator's key, if there is one,
// whatever a stream asks for (durable/journal).
//
// AWS's rule: 25 times in any 24 hours. To choose the key that a stream has is not counted.
func (s *Service) startStreamEncryption(ctx context.Context, call *api.Call, in *StartStreamEncryptionInput) (*api.Void, error) {
	id, err := named(call, in.StreamName, in.StreamARN)
	if err != nil {
		return nil, err
	}
	if in.EncryptionType != encryptionKMS {
		return nil, errEncryptionType(in.EncryptionType)
	}
	return nil, s.change(ctx, call, id, func(st *stream) error {
		if st.KeyID == in.KeyID {
			return nil
		}
		now := s.cfg.Now().UTC()
		recent := within(st.KeyChanges, now.Add(-day))
		if len(recent) >= keysPerDay {
			return errKeyChanges(id)
		}
		st.KeyID, st.KeyChanges = in.KeyID, append(recent, now)
		return nil
	})
}

// stopStreamEncryption implements StopStreamEncryption. To stop what is not on is no
// error.
func (s *Service) stopStreamEncryption(ctx context.Context, call *api.Call, in *StopStreamEncryptionInput) (*api.Void, error) {
	id, err := named(call, in.StreamName, in.StreamARN)
	if err != nil {
		return nil, err
	}
	if in.EncryptionType != encryptionKMS {
		return nil, errEncryptionType(in.EncryptionType)
	}
	return nil, s.change(ctx, call, id, func(st *stream) error {
		st.KeyID = ""
		return nil
	})
}

// encryption is what DescribeStream says of the stream.
func (st *stream) encryption() string {
	if st.KeyID == "" {
		return encryptionNone
	}
	return encryptionKMS
}

// encryptionShown is what PutRecord says: nothing of a stream without encryption.
func (st *stream) encryptionShown() string {
	if st.KeyID == "" {
		return ""
	}
	return encryptionKMS
}

// allMetrics are the shard-level metrics that ALL stands for, ascending.
var allMetrics = []string{
	"IncomingBytes", "IncomingRecords", "IteratorAgeMilliseconds", "OutgoingBytes", "OutgoingRecords",
	"ReadProvisionedThroughputExceeded", "WriteProvisionedThroughputExceeded",
}

const everyMetric = "ALL"

// enableEnhancedMonitoring implements EnableEnhancedMonitoring: the names are stored
// and shown. There is no CloudWatch that they go to.
func (s *Service) enableEnhancedMonitoring(ctx context.Context, call *api.Call, in *EnableEnhancedMonitoringInput) (*EnableEnhancedMonitoringOutput, error) {
	id, err := named(call, in.StreamName, in.StreamARN)
	if err != nil {
		return nil, err
	}
	before, after, err := s.changeMetrics(ctx, call, id, func(now []string) []string {
		return append(slices.Clone(now), expanded(in.ShardLevelMetrics)...)
	})
	if err != nil {
		return nil, err
	}
	return &EnableEnhancedMonitoringOutput{
		StreamName: id.Name, StreamARN: string(id.arn()), CurrentShardLevelMetrics: before, DesiredShardLevelMetrics: after,
	}, nil
}

// disableEnhancedMonitoring implements DisableEnhancedMonitoring.
func (s *Service) disableEnhancedMonitoring(ctx context.Context, call *api.Call, in *DisableEnhancedMonitoringInput) (*DisableEnhancedMonitoringOutput, error) {
	id, err := named(call, in.StreamName, in.StreamARN)
	if err != nil {
		return nil, err
	}
	before, after, err := s.changeMetrics(ctx, call, id, func(now []string) []string {
		off := expanded(in.ShardLevelMetrics)
		return slices.DeleteFunc(slices.Clone(now), func(m string) bool { return slices.Contains(off, m) })
	})
	if err != nil {
		return nil, err
	}
	return &DisableEnhancedMonitoringOutput{
		StreamName: id.Name, StreamARN: string(id.arn()), CurrentShardLevelMetrics: before, DesiredShardLevelMetrics: after,
	}, nil
}

// changeMetrics returns the metrics before and after the change.
func (s *Service) changeMetrics(ctx context.Context, call *api.Call, id streamID, apply func([]string) []string) (before, after []string, err error) {
	err = s.change(ctx, call, id, func(st *stream) error {
		before = st.metrics()
		next := apply(st.Metrics)
		slices.Sort(next)
		st.Metrics = slices.Compact(next)
		after = st.metrics()
		return nil
	})
	return before, after, err
}

// metrics are never nil: an answer says [] where there are none.
func (st *stream) metrics() []string {
	if st.Metrics == nil {
		return []string{}
	}
	return st.Metrics
}

// expanded is what a list of metrics means.
func expanded(list []string) []string {
	if slices.Contains(list, everyMetric) {
		return allMetrics
	}
	return list
}
