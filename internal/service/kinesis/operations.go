package kinesis

import "tributary/internal/service/api"

// Table is the service's operations.
func (s *Service) Table() api.Service {
	return api.Service{
		Name:          "kinesis",
		TargetPrefix:  "Kinesis_20131202",
		Protocol:      api.JSON,
		CBOR:          true,
		Constraints:   constraints,
		MessageMember: "message",
		Operations: []api.Operation{
			// streams
			api.Define("CreateStream", createTarget, paced(s, controlRate, s.createStream)),
			api.Define("DeleteStream", onStream(s, "DeleteStream", func(in *DeleteStreamInput) (string, string) { return in.StreamName, in.StreamARN }), paced(s, controlRate, s.deleteStream)),
			api.Define("DescribeStream", onStream(s, "DescribeStream", func(in *DescribeStreamInput) (string, string) { return in.StreamName, in.StreamARN }), paced(s, describeRate, s.describeStream)),
			api.Define("DescribeStreamSummary", onStream(s, "DescribeStreamSummary", func(in *DescribeStreamSummaryInput) (string, string) { return in.StreamName, in.StreamARN }), paced(s, summaryRate, s.describeStreamSummary)),
			api.Define("ListStreams", onEverything[ListStreamsInput]("ListStreams"), paced(s, controlRate, s.listStreams)),
			api.Define("ListShards", onFound(s, "ListShards", s.listedStream), paced(s, listingRate, s.listShards)),

			// records
			api.Define("PutRecord", onStream(s, "PutRecord", func(in *PutRecordInput) (string, string) { return in.StreamName, in.StreamARN }), s.putRecord),
			api.WithScanner(
				api.Define("PutRecords", onStream(s, "PutRecords", func(in *PutRecordsInput) (string, string) { return in.StreamName, in.StreamARN }), s.putRecords),
				scanPutRecords),
			api.Define("GetShardIterator", onStream(s, "GetShardIterator", func(in *GetShardIteratorInput) (string, string) { return in.StreamName, in.StreamARN }), s.getShardIterator),
			api.Define("GetRecords", onFound(s, "GetRecords", s.iteratedStream), s.getRecords),

			// enhanced fan-out
			api.Define("RegisterStreamConsumer", registerConsumerTarget(s), paced(s, controlRate, s.registerStreamConsumer)),
			api.Define("DescribeStreamConsumer", describeConsumerTarget(s), paced(s, summaryRate, s.describeStreamConsumer)),
			api.Define("ListStreamConsumers", onStream(s, "ListStreamConsumers", func(in *ListStreamConsumersInput) (string, string) { return "", in.StreamARN }), paced(s, controlRate, s.listStreamConsumers)),
			api.Define("DeregisterStreamConsumer", deregisterConsumerTarget(s), paced(s, controlRate, s.deregisterStreamConsumer)),
			api.DefineStream("SubscribeToShard", maxEvent, subscribeTarget(s), s.subscribeToShard),

			// resharding
			api.Define("SplitShard", onStream(s, "SplitShard", func(in *SplitShardInput) (string, string) { return in.StreamName, in.StreamARN }), paced(s, controlRate, s.splitShard)),
			api.Define("MergeShards", onStream(s, "MergeShards", func(in *MergeShardsInput) (string, string) { return in.StreamName, in.StreamARN }), paced(s, controlRate, s.mergeShards)),
			api.Define("UpdateShardCount", onStream(s, "UpdateShardCount", func(in *UpdateShardCountInput) (string, string) { return in.StreamName, in.StreamARN }), paced(s, controlRate, s.updateShardCount)),

			// settings
			api.Define("UpdateStreamMode", onStream(s, "UpdateStreamMode", func(in *UpdateStreamModeInput) (string, string) { return "", in.StreamARN }), paced(s, controlRate, s.updateStreamMode)),
			api.Define("IncreaseStreamRetentionPeriod", onStream(s, "IncreaseStreamRetentionPeriod", func(in *IncreaseStreamRetentionPeriodInput) (string, string) { return in.StreamName, in.StreamARN }), paced(s, controlRate, s.increaseStreamRetentionPeriod)),
			api.Define("DecreaseStreamRetentionPeriod", onStream(s, "DecreaseStreamRetentionPeriod", func(in *DecreaseStreamRetentionPeriodInput) (string, string) { return in.StreamName, in.StreamARN }), paced(s, controlRate, s.decreaseStreamRetentionPeriod)),
			api.Define("UpdateMaxRecordSize", onStream(s, "UpdateMaxRecordSize", func(in *UpdateMaxRecordSizeInput) (string, string) { return "", in.StreamARN }), paced(s, controlRate, s.updateMaxRecordSize)),
			api.Define("UpdateStreamWarmThroughput", onStream(s, "UpdateStreamWarmThroughput", func(in *UpdateStreamWarmThroughputInput) (string, string) { return in.StreamName, in.StreamARN }), paced(s, controlRate, s.updateStreamWarmThroughput)),
			api.Define("UpdateStreamRecordDistributionStrategy", onStream(s, "UpdateStreamRecordDistributionStrategy", func(in *UpdateStreamRecordDistributionStrategyInput) (string, string) { return "", in.StreamARN }), paced(s, controlRate, s.updateStreamRecordDistributionStrategy)),
			api.Define("StartStreamEncryption", onStream(s, "StartStreamEncryption", func(in *StartStreamEncryptionInput) (string, string) { return in.StreamName, in.StreamARN }), paced(s, controlRate, s.startStreamEncryption)),
			api.Define("StopStreamEncryption", onStream(s, "StopStreamEncryption", func(in *StopStreamEncryptionInput) (string, string) { return in.StreamName, in.StreamARN }), paced(s, controlRate, s.stopStreamEncryption)),
			api.Define("EnableEnhancedMonitoring", onStream(s, "EnableEnhancedMonitoring", func(in *EnableEnhancedMonitoringInput) (string, string) { return in.StreamName, in.StreamARN }), paced(s, controlRate, s.enableEnhancedMonitoring)),
			api.Define("DisableEnhancedMonitoring", onStream(s, "DisableEnhancedMonitoring", func(in *DisableEnhancedMonitoringInput) (string, string) { return in.StreamName, in.StreamARN }), paced(s, controlRate, s.disableEnhancedMonitoring)),

			// the account
			api.Define("DescribeLimits", onEverything[DescribeLimitsInput]("DescribeLimits"), paced(s, controlRate, s.describeLimits)),
			api.Define("DescribeAccountSettings", onEverything[DescribeAccountSettingsInput]("DescribeAccountSettings"), paced(s, controlRate, s.describeAccountSettings)),
			api.Define("UpdateAccountSettings", onEverything[UpdateAccountSettingsInput]("UpdateAccountSettings"), paced(s, controlRate, s.updateAccountSettings)),

			// tags
			api.Define("AddTagsToStream", addTagsTarget(s), paced(s, controlRate, s.addTagsToStream)),
			api.Define("RemoveTagsFromStream", removeTagsTarget(s), paced(s, controlRate, s.removeTagsFromStream)),
			api.Define("ListTagsForStream", onStream(s, "ListTagsForStream", func(in *ListTagsForStreamInput) (string, string) { return in.StreamName, in.StreamARN }), paced(s, controlRate, s.listTagsForStream)),
			api.Define("TagResource", onResource(s, "TagResource", func(in *TagResourceInput) (string, map[string]string, []string) { return in.ResourceARN, in.Tags, nil }), paced(s, controlRate, s.tagResource)),
			api.Define("UntagResource", onResource(s, "UntagResource", func(in *UntagResourceInput) (string, map[string]string, []string) {
				return in.ResourceARN, nil, in.TagKeys
			}), paced(s, controlRate, s.untagResource)),
			api.Define("ListTagsForResource", onResource(s, "ListTagsForResource", func(in *ListTagsForResourceInput) (string, map[string]string, []string) {
				return in.ResourceARN, nil, nil
			}), paced(s, controlRate, s.listTagsForResource)),

			// policies
			api.Define("PutResourcePolicy", onResource(s, "PutResourcePolicy", func(in *PutResourcePolicyInput) (string, map[string]string, []string) {
				return in.ResourceARN, nil, nil
			}), paced(s, controlRate, s.putResourcePolicy)),
			api.Define("GetResourcePolicy", onResource(s, "GetResourcePolicy", func(in *GetResourcePolicyInput) (string, map[string]string, []string) {
				return in.ResourceARN, nil, nil
			}), paced(s, controlRate, s.getResourcePolicy)),
			api.Define("DeleteResourcePolicy", onResource(s, "DeleteResourcePolicy", func(in *DeleteResourcePolicyInput) (string, map[string]string, []string) {
				return in.ResourceARN, nil, nil
			}), paced(s, controlRate, s.deleteResourcePolicy)),
		},
	}
}
