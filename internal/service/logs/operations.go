package logs

import (
	"tributary/internal/pure/arn"
	"tributary/internal/pure/policy"
	"tributary/internal/service/api"
)

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
			api.Define("CreateLogGroup", createGroupTarget, s.createLogGroup),
			api.Define("DeleteLogGroup", onGroup("DeleteLogGroup", func(in *DeleteLogGroupInput) string { return in.LogGroupName }), s.deleteLogGroup),
			api.Define("DescribeLogGroups", onNothing[DescribeLogGroupsInput]("DescribeLogGroups", "log-group::log-stream:"), s.describeLogGroups),
			api.Define("PutRetentionPolicy", onGroup("PutRetentionPolicy", func(in *PutRetentionPolicyInput) string { return in.LogGroupName }), s.putRetentionPolicy),
			api.Define("DeleteRetentionPolicy", onGroup("DeleteRetentionPolicy", func(in *DeleteRetentionPolicyInput) string { return in.LogGroupName }), s.deleteRetentionPolicy),

			// log streams and their events
			api.Define("CreateLogStream", onStream("CreateLogStream", func(in *createLogStreamInput) (string, string) { return in.LogGroupName, in.LogStreamName }), s.createLogStream),
			api.Define("DeleteLogStream", onStream("DeleteLogStream", func(in *DeleteLogStreamInput) (string, string) { return in.LogGroupName, in.LogStreamName }), s.deleteLogStream),
			api.Define("DescribeLogStreams", describeStreamsTarget, s.describeLogStreams),
			api.WithScanner(
				api.Define("PutLogEvents", onStream("PutLogEvents", func(in *putEventsInput) (string, string) { return in.LogGroupName, in.LogStreamName }), s.putLogEvents),
				scanPutLogEvents),
			api.Define("GetLogEvents", getEventsTarget, s.getLogEvents),
			api.Define("FilterLogEvents", filterEventsTarget, s.filterLogEvents),

			// destinations
			api.Define("PutDestination", putDestinationTarget, s.putDestination),
			api.Define("PutDestinationPolicy", onDestination("PutDestinationPolicy", func(in *PutDestinationPolicyInput) string { return in.DestinationName }), s.putDestinationPolicy),
			api.Define("DescribeDestinations", onNothing[DescribeDestinationsInput]("DescribeDestinations", "destination:*"), s.describeDestinations),
			api.Define("DeleteDestination", onDestination("DeleteDestination", func(in *DeleteDestinationInput) string { return in.DestinationName }), s.deleteDestination),

			// subscription filters
			api.Define("PutSubscriptionFilter", putFilterTarget, s.putSubscriptionFilter),
			api.Define("DescribeSubscriptionFilters", onGroup("DescribeSubscriptionFilters", func(in *DescribeSubscriptionFiltersInput) string { return in.LogGroupName }), s.describeSubscriptionFilters),
			api.Define("DeleteSubscriptionFilter", onGroup("DeleteSubscriptionFilter", func(in *DeleteSubscriptionFilterInput) string { return in.LogGroupName }), s.deleteSubscriptionFilter),

			// account-level subscription filters
			api.Define("PutAccountPolicy", putAccountPolicyTarget, s.putAccountPolicy),
			api.Define("DescribeAccountPolicies", onAccount[DescribeAccountPoliciesInput]("DescribeAccountPolicies", "DescribeSubscriptionFilters"), s.describeAccountPolicies),
			api.Define("DeleteAccountPolicy", onAccount[DeleteAccountPolicyInput]("DeleteAccountPolicy", "DeleteSubscriptionFilter"), s.deleteAccountPolicy),

			// patterns
			api.Define("TestMetricFilter", onAny[TestMetricFilterInput]("TestMetricFilter"), s.testMetricFilter),

			// tags
			api.Define("TagResource", onARN("TagResource", func(in *TagResourceInput) string { return in.ResourceARN }), s.tagResource),
			api.Define("UntagResource", onARN("UntagResource", func(in *UntagResourceInput) string { return in.ResourceARN }), s.untagResource),
			api.Define("ListTagsForResource", onARN("ListTagsForResource", func(in *ListTagsForResourceInput) string { return in.ResourceARN }), s.listTagsForResource),
			api.Define("TagLogGroup", onGroup("TagLogGroup", func(in *TagLogGroupInput) string { return in.LogGroupName }), s.tagLogGroup),
			api.Define("UntagLogGroup", onGroup("UntagLogGroup", func(in *UntagLogGroupInput) string { return in.LogGroupName }), s.untagLogGroup),
			api.Define("ListTagsLogGroup", onGroup("ListTagsLogGroup", func(in *ListTagsLogGroupInput) string { return in.LogGroupName }), s.listTagsLogGroup),
		},
	}
}

// A target names the resources on which a call must be authorized.
type target[In any] func(*api.Call, *In) ([]api.Access, error)

// accessGroup is the action on a log group.
func accessGroup(operation string, id groupID) api.Access {
	return api.Access{Action: "logs:" + operation, Resource: string(id.stream("").arn())}
}

func onGroup[In any](operation string, name func(*In) string) target[In] {
	return func(call *api.Call, in *In) ([]api.Access, error) {
		return []api.Access{accessGroup(operation, groupOf(call, name(in)))}, nil
	}
}

func onStream[In any](operation string, names func(*In) (group, stream string)) target[In] {
	return func(call *api.Call, in *In) ([]api.Access, error) {
		group, stream := names(in)
		resource := groupOf(call, group).stream(stream).arn()
		return []api.Access{{Action: "logs:" + operation, Resource: string(resource)}}, nil
	}
}

func onDestination[In any](operation string, name func(*In) string) target[In] {
	return func(call *api.Call, in *In) ([]api.Access, error) {
		resource := destinationOf(call, name(in)).arn()
		return []api.Access{{Action: "logs:" + operation, Resource: string(resource)}}, nil
	}
}

// onARN is for the operations on whatever an ARN names.
func onARN[In any](operation string, resource func(*In) string) target[In] {
	return func(_ *api.Call, in *In) ([]api.Access, error) {
		_, isGroup := parseGroupARN(resource(in))
		_, isDestination := parseDestinationARN(arn.ARN(resource(in)))
		if !isGroup && !isDestination {
			return nil, errNotTaggable(resource(in))
		}
		return []api.Access{{Action: "logs:" + operation, Resource: resource(in)}}, nil
	}
}

// onNothing is for listings, which name no resource: the text stands where a
// resource would.
func onNothing[In any](operation, resource string) target[In] {
	return func(call *api.Call, _ *In) ([]api.Access, error) {
		return []api.Access{{Action: "logs:" + operation, Resource: string(call.ARN("logs", resource))}}, nil
	}
}

// onAccount is for account policies. What they do to all log groups needs, as in
// AWS, the permission for it on one log group as well. They name no resource; the
// text of listings stands for all groups.
func onAccount[In any](operation, onOneGroup string) target[In] {
	return func(call *api.Call, _ *In) ([]api.Access, error) {
		resource := string(call.ARN("logs", "log-group::log-stream:"))
		return []api.Access{
			{Action: "logs:" + operation, Resource: resource},
			{Action: "logs:" + onOneGroup, Resource: resource},
		}, nil
	}
}

// onAny is for the operations that touch no resource at all: a policy allows them
// on "*".
func onAny[In any](operation string) target[In] {
	return func(*api.Call, *In) ([]api.Access, error) {
		return []api.Access{{Action: "logs:" + operation, Resource: "*"}}, nil
	}
}

func createGroupTarget(call *api.Call, in *createLogGroupInput) ([]api.Access, error) {
	id := groupOf(call, in.LogGroupName)
	accesses := []api.Access{accessGroup("CreateLogGroup", id)}
	if len(in.Tags) > 0 {
		accesses = append(accesses, api.Access{Action: "logs:TagResource", Resource: string(id.arn())})
	}
	return accesses, nil
}

func describeStreamsTarget(call *api.Call, in *DescribeLogStreamsInput) ([]api.Access, error) {
	id, err := identified(call, in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	return []api.Access{accessGroup("DescribeLogStreams", id)}, nil
}

func getEventsTarget(call *api.Call, in *GetLogEventsInput) ([]api.Access, error) {
	id, err := identified(call, in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	return []api.Access{{Action: "logs:GetLogEvents", Resource: string(id.stream(in.LogStreamName).arn())}}, nil
}

func filterEventsTarget(call *api.Call, in *FilterLogEventsInput) ([]api.Access, error) {
	id, err := identified(call, in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	return []api.Access{accessGroup("FilterLogEvents", id)}, nil
}

func putDestinationTarget(call *api.Call, in *PutDestinationInput) ([]api.Access, error) {
	resource := string(destinationOf(call, in.DestinationName).arn())
	accesses := []api.Access{{Action: "logs:PutDestination", Resource: resource}}
	if len(in.Tags) > 0 {
		accesses = append(accesses, api.Access{Action: "logs:TagResource", Resource: resource})
	}
	return passRole(accesses, call, in.RoleARN), nil
}

func putFilterTarget(call *api.Call, in *PutSubscriptionFilterInput) ([]api.Access, error) {
	accesses := []api.Access{accessGroup("PutSubscriptionFilter", groupOf(call, in.LogGroupName))}
	return passRole(accesses, call, in.RoleARN), nil
}

func putAccountPolicyTarget(call *api.Call, in *PutAccountPolicyInput) ([]api.Access, error) {
	accesses, err := onAccount[PutAccountPolicyInput]("PutAccountPolicy", "PutSubscriptionFilter")(call, in)
	if err != nil {
		return nil, err
	}
	doc, err := parseAccountDocument(in.PolicyDocument)
	if err != nil {
		return accesses, nil // the handler refuses it
	}
	return passRole(accesses, call, doc.Role), nil
}

// passRole adds the question whether the caller may pass the role to the Logs
// service. A role that the handler refuses, because it is of another account or
// none at all, is not asked about.
func passRole(accesses []api.Access, call *api.Call, text string) []api.Access {
	role, account, ok := parseRoleARN(text)
	if !ok || account != call.Account() {
		return accesses
	}
	return append(accesses, api.Access{
		Action:   "iam:PassRole",
		Resource: string(role),
		Context:  policy.Context{"iam:passedtoservice": {"logs.amazonaws.com"}},
	})
}
