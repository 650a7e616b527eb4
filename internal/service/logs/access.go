package logs

import (
	"maps"
	"slices"
	"strings"

	"tributary/internal/pure/arn"
	"tributary/internal/pure/policy"
	"tributary/internal/service/api"
)

// What operations ask permission for: the resource that AWS documents for each, and
// as condition keys the tags of that resource, the tags that the request sets, and
// for what a role is passed.

// A target names the resources on which a call must be authorized.
type target[In any] func(*api.Call, *In) ([]api.Access, error)

// onGroup is for the operations on the log group of a name.
func onGroup[In any](s *Service, operation string, name func(*In) string) target[In] {
	return func(call *api.Call, in *In) ([]api.Access, error) {
		return []api.Access{s.accessGroup(operation, groupOf(call, name(in)))}, nil
	}
}

// accessGroup is the action on a log group.
func (s *Service) accessGroup(operation string, id groupID) api.Access {
	return s.accessStream(operation, id.stream(""))
}

// accessStream is the action on a log stream. Its tags are those of its group.
func (s *Service) accessStream(operation string, id streamName) api.Access {
	return api.Access{Action: "logs:" + operation, Resource: string(id.arn()), Context: s.groupKeys(id.Group)}
}

func onStream[In any](s *Service, operation string, names func(*In) (group, stream string)) target[In] {
	return func(call *api.Call, in *In) ([]api.Access, error) {
		group, stream := names(in)
		return []api.Access{s.accessStream(operation, groupOf(call, group).stream(stream))}, nil
	}
}

func onDestination[In any](s *Service, operation string, name func(*In) string) target[In] {
	return func(call *api.Call, in *In) ([]api.Access, error) {
		return []api.Access{s.accessDestination(operation, destinationOf(call, name(in)))}, nil
	}
}

func (s *Service) accessDestination(operation string, id destinationID) api.Access {
	return api.Access{Action: "logs:" + operation, Resource: string(id.arn()), Context: s.destinationKeys(id)}
}

// A tagChange is the tags that a request sets and the keys of those it removes.
type tagChange struct {
	set     map[string]string
	removed []string
}

// onARN is for the operations on whatever an ARN names.
func onARN[In any](s *Service, operation string, read func(*In) (resource string, change tagChange)) target[In] {
	return func(_ *api.Call, in *In) ([]api.Access, error) {
		resource, change := read(in)
		access := api.Access{Action: "logs:" + operation, Resource: resource}
		if id, ok := parseGroupARN(resource); ok {
			access.Context = change.keys(s.groupKeys(id))
			return []api.Access{access}, nil
		}
		if id, ok := parseDestinationARN(arn.ARN(resource)); ok {
			access.Context = change.keys(s.destinationKeys(id))
			return []api.Access{access}, nil
		}
		return nil, errNotTaggable(resource)
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

// createGroupTarget asks for the right to tag as well where there are tags. AWS
// takes TagLogGroup in place of TagResource for that; here it must be TagResource.
func (s *Service) createGroupTarget(call *api.Call, in *createLogGroupInput) ([]api.Access, error) {
	id := groupOf(call, in.LogGroupName)
	change := tagChange{set: in.Tags}
	create := s.accessGroup("CreateLogGroup", id)
	create.Context = change.keys(create.Context)
	accesses := []api.Access{create}
	if len(in.Tags) > 0 {
		accesses = append(accesses, api.Access{Action: "logs:TagResource", Resource: string(id.arn()), Context: create.Context})
	}
	return accesses, nil
}

func (s *Service) tagGroupTarget(call *api.Call, in *TagLogGroupInput) ([]api.Access, error) {
	access := s.accessGroup("TagLogGroup", groupOf(call, in.LogGroupName))
	access.Context = tagChange{set: in.Tags}.keys(access.Context)
	return []api.Access{access}, nil
}

func (s *Service) untagGroupTarget(call *api.Call, in *UntagLogGroupInput) ([]api.Access, error) {
	access := s.accessGroup("UntagLogGroup", groupOf(call, in.LogGroupName))
	access.Context = tagChange{removed: in.Tags}.keys(access.Context)
	return []api.Access{access}, nil
}

func (s *Service) describeStreamsTarget(call *api.Call, in *DescribeLogStreamsInput) ([]api.Access, error) {
	id, err := identified(call, in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	return []api.Access{s.accessGroup("DescribeLogStreams", id)}, nil
}

func (s *Service) getEventsTarget(call *api.Call, in *GetLogEventsInput) ([]api.Access, error) {
	id, err := identified(call, in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	return []api.Access{s.accessStream("GetLogEvents", id.stream(in.LogStreamName))}, nil
}

func (s *Service) filterEventsTarget(call *api.Call, in *FilterLogEventsInput) ([]api.Access, error) {
	id, err := identified(call, in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	return []api.Access{s.accessGroup("FilterLogEvents", id)}, nil
}

func (s *Service) putDestinationTarget(call *api.Call, in *PutDestinationInput) ([]api.Access, error) {
	id := destinationOf(call, in.DestinationName)
	put := s.accessDestination("PutDestination", id)
	put.Context = tagChange{set: in.Tags}.keys(put.Context)
	accesses := []api.Access{put}
	if len(in.Tags) > 0 {
		tag := put
		tag.Action = "logs:TagResource"
		accesses = append(accesses, tag)
	}
	return passRole(accesses, call, in.RoleARN, id.arn()), nil
}

func (s *Service) putFilterTarget(call *api.Call, in *PutSubscriptionFilterInput) ([]api.Access, error) {
	id := groupOf(call, in.LogGroupName)
	return passRole([]api.Access{s.accessGroup("PutSubscriptionFilter", id)}, call, in.RoleARN, id.arn()), nil
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
	return passRole(accesses, call, doc.Role, call.ARN("logs", "*")), nil
}

// passRole adds the question whether the caller may pass the role to the Logs
// service for the resource. A role that the handler refuses, because it is of
// another account or none at all, is not asked about.
func passRole(accesses []api.Access, call *api.Call, text string, resource arn.ARN) []api.Access {
	role, account, ok := parseRoleARN(text)
	if !ok || account != call.Account() {
		return accesses
	}
	return append(accesses, api.Access{
		Action:   "iam:PassRole",
		Resource: string(role),
		Context: policy.Context{
			"iam:passedtoservice":       {"logs.amazonaws.com"},
			"iam:associatedresourcearn": {string(resource)},
		},
	})
}

// groupKeys are the condition keys of a log group: its tags, nil without any.
func (s *Service) groupKeys(id groupID) policy.Context {
	g, _, _ := s.groups.Get(id.key())
	return resourceTags(g.Tags)
}

// destinationKeys are the condition keys of a destination.
func (s *Service) destinationKeys(id destinationID) policy.Context {
	d, _, _ := s.destinations.Get(id.key())
	return resourceTags(d.Tags)
}

// resourceTags are the condition keys of a resource with these tags. The keys of
// tags are compared without case; of two that differ in nothing else, which a
// resource of this service may have, the first in order counts.
func resourceTags(tags map[string]string) policy.Context {
	return tagKeys(nil, "aws:resourcetag/", tags)
}

// keys are the condition keys of a request that makes the change, besides those of
// its resource.
func (c tagChange) keys(resource policy.Context) policy.Context {
	if len(c.set) == 0 && len(c.removed) == 0 {
		return resource
	}
	all := tagKeys(maps.Clone(resource), "aws:requesttag/", c.set)
	if all == nil {
		all = policy.Context{}
	}
	all["aws:tagkeys"] = append(slices.Sorted(maps.Keys(c.set)), c.removed...)
	return all
}

func tagKeys(into policy.Context, prefix string, tags map[string]string) policy.Context {
	if len(tags) == 0 {
		return into
	}
	if into == nil {
		into = policy.Context{}
	}
	for _, name := range slices.Sorted(maps.Keys(tags)) {
		key := prefix + strings.ToLower(name)
		if _, there := into[key]; !there {
			into[key] = []string{tags[name]}
		}
	}
	return into
}
