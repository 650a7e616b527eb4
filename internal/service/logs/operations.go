package logs

import "tributary/internal/service/api"

// Table is the service's operations.
//
// AWS evaluates an operation on a log group against the ARN of the group with an
// empty log stream at its end, arn:aws:logs:R:A:log-group:NAME:log-stream:, which
// is also how its denials name the group. Policies match it with NAME:*, as its
// guide tells to write. Only the newer tag operations use the ARN without an end.
func (s *Service) Table() api.Service {
	return api.Service{
		Name:          "logs",
		TargetPrefix:  "Logs_20140328",
		Protocol:      api.JSON,
		Constraints:   constraints,
		MessageMember: "message",
		Operations: []api.Operation{
			// log groups
			api.Define("CreateLogGroup", s.createGroupTarget, s.createLogGroup),
			api.Define("DeleteLogGroup", onGroup(s, "DeleteLogGroup", func(in *DeleteLogGroupInput) string { return in.LogGroupName }), s.deleteLogGroup),
			api.Define("DescribeLogGroups", onNothing[DescribeLogGroupsInput]("DescribeLogGroups", "log-group::log-stream:"), s.describeLogGroups),
			api.Define("PutRetentionPolicy", onGroup(s, "PutRetentionPolicy", func(in *PutRetentionPolicyInput) string { return in.LogGroupName }), s.putRetentionPolicy),
			api.Define("DeleteRetentionPolicy", onGroup(s, "DeleteRetentionPolicy", func(in *DeleteRetentionPolicyInput) string { return in.LogGroupName }), s.deleteRetentionPolicy),

			// log streams and their events
			api.Define("CreateLogStream", onStream(s, "CreateLogStream", func(in *createLogStreamInput) (string, string) { return in.LogGroupName, in.LogStreamName }), s.createLogStream),
			api.Define("DeleteLogStream", onStream(s, "DeleteLogStream", func(in *DeleteLogStreamInput) (string, string) { return in.LogGroupName, in.LogStreamName }), s.deleteLogStream),
			api.Define("DescribeLogStreams", s.describeStreamsTarget, s.describeLogStreams),
			api.WithScanner(
				api.Define("PutLogEvents", onStream(s, "PutLogEvents", func(in *putEventsInput) (string, string) { return in.LogGroupName, in.LogStreamName }), s.putLogEvents),
				scanPutLogEvents),
			api.Define("GetLogEvents", s.getEventsTarget, s.getLogEvents),
			api.Define("FilterLogEvents", s.filterEventsTarget, s.filterLogEvents),

			// destinations
			api.Define("PutDestination", s.putDestinationTarget, s.putDestination),
			api.Define("PutDestinationPolicy", onDestination(s, "PutDestinationPolicy", func(in *PutDestinationPolicyInput) string { return in.DestinationName }), s.putDestinationPolicy),
			api.Define("DescribeDestinations", onNothing[DescribeDestinationsInput]("DescribeDestinations", "destination:*"), s.describeDestinations),
			api.Define("DeleteDestination", onDestination(s, "DeleteDestination", func(in *DeleteDestinationInput) string { return in.DestinationName }), s.deleteDestination),

			// subscription filters
			api.Define("PutSubscriptionFilter", s.putFilterTarget, s.putSubscriptionFilter),
			api.Define("DescribeSubscriptionFilters", onGroup(s, "DescribeSubscriptionFilters", func(in *DescribeSubscriptionFiltersInput) string { return in.LogGroupName }), s.describeSubscriptionFilters),
			api.Define("DeleteSubscriptionFilter", onGroup(s, "DeleteSubscriptionFilter", func(in *DeleteSubscriptionFilterInput) string { return in.LogGroupName }), s.deleteSubscriptionFilter),

			// account-level subscription filters
			api.Define("PutAccountPolicy", putAccountPolicyTarget, s.putAccountPolicy),
			api.Define("DescribeAccountPolicies", onAccount[DescribeAccountPoliciesInput]("DescribeAccountPolicies", "DescribeSubscriptionFilters"), s.describeAccountPolicies),
			api.Define("DeleteAccountPolicy", onAccount[DeleteAccountPolicyInput]("DeleteAccountPolicy", "DeleteSubscriptionFilter"), s.deleteAccountPolicy),

			// patterns
			api.Define("TestMetricFilter", onAny[TestMetricFilterInput]("TestMetricFilter"), s.testMetricFilter),

			// tags
			api.Define("TagResource", onARN(s, "TagResource", func(in *TagResourceInput) (string, tagChange) { return in.ResourceARN, tagChange{set: in.Tags} }), s.tagResource),
			api.Define("UntagResource", onARN(s, "UntagResource", func(in *UntagResourceInput) (string, tagChange) {
				return in.ResourceARN, tagChange{removed: in.TagKeys}
			}), s.untagResource),
			api.Define("ListTagsForResource", onARN(s, "ListTagsForResource", func(in *ListTagsForResourceInput) (string, tagChange) { return in.ResourceARN, tagChange{} }), s.listTagsForResource),
			api.Define("TagLogGroup", s.tagGroupTarget, s.tagLogGroup),
			api.Define("UntagLogGroup", s.untagGroupTarget, s.untagLogGroup),
			api.Define("ListTagsLogGroup", onGroup(s, "ListTagsLogGroup", func(in *ListTagsLogGroupInput) string { return in.LogGroupName }), s.listTagsLogGroup),
		},
	}
}
