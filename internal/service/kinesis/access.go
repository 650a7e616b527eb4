package kinesis

import (
	"maps"
	"slices"
	"strings"

	"tributary/internal/pure/arn"
	"tributary/internal/pure/policy"
	"tributary/internal/service/api"
)

// Which permissions operations ask for: those on a stream on its ARN, with the tags of
// the stream as condition keys, and where other accounts may be let in with its policy.

// A target finds the accesses of an operation.
type target[In any] = func(*api.Call, *In) ([]api.Access, error)

// onStream is the target of an operation on the stream that an input names.
func onStream[In any](s *Service, operation string, name func(*In) (name, streamARN string)) target[In] {
	return onFound(s, operation, func(call *api.Call, in *In) (streamID, error) {
		name, streamARN := name(in)
		return named(call, name, streamARN)
	})
}

// onFound is onStream for an input that names its stream otherwise.
func onFound[In any](s *Service, operation string, find func(*api.Call, *In) (streamID, error)) target[In] {
	return func(call *api.Call, in *In) ([]api.Access, error) {
		id, err := find(call, in)
		if err != nil {
			return nil, err
		}
		return []api.Access{s.accessTo(operation, id)}, nil
	}
}

// AccessTo is what policies are asked about an operation on the stream of an ARN: by
// the Dispatcher for a caller, by delivery for the role that it writes in.
func (s *Service) AccessTo(operation string, streamARN arn.ARN) api.Access {
	id, ok := parseStreamARN(string(streamARN))
	if !ok {
		return api.Access{Action: "kinesis:" + operation, Resource: string(streamARN)}
	}
	return s.accessTo(operation, id)
}

// accessTo is the access of an operation to a stream, which may not be there.
func (s *Service) accessTo(operation string, id streamID) api.Access {
	a := api.Access{Action: "kinesis:" + operation, Resource: string(id.arn())}
	st, _, ok := s.streams.Get(id.key())
	if !ok {
		return a
	}
	a.Context = resourceTags(st.Tags)
	if slices.Contains(sharedActions, a.Action) {
		a.ResourcePolicy = st.Policy.source(a.Resource)
	}
	return a
}

// onResource is the target of an operation on the stream or consumer of an ARN, and of
// the tags that it sets or removes.
func onResource[In any](s *Service, operation string, read func(*In) (resource string, set map[string]string, removed []string)) target[In] {
	return func(call *api.Call, in *In) ([]api.Access, error) {
		resource, set, removed := read(in)
		var a api.Access
		if id, ok := parseConsumerARN(resource); ok {
			a = s.accessToConsumer(operation, id)
		} else if id, ok := parseStreamARN(resource); ok {
			a = s.accessTo(operation, id)
		} else {
			return nil, errInvalidARN(resource)
		}
		if set != nil || removed != nil {
			a.Context = requestTags(a.Context, set, removed)
		}
		return []api.Access{a}, nil
	}
}

// accessToConsumer is the access of an operation to a consumer. Of one that was named
// without its ARN and is not there, nobody knows when it was made, which its ARN says
// by a 0.
func (s *Service) accessToConsumer(operation string, id consumerID) api.Access {
	a := api.Access{Action: "kinesis:" + operation, Resource: string(id.arn())}
	st, _, ok := s.streams.Get(id.Stream.key())
	if !ok {
		return a
	}
	c, ok := st.consumer(id)
	if !ok {
		return a
	}
	a.Resource = string(c.id(id.Stream).arn())
	a.Context = resourceTags(c.Tags)
	if slices.Contains(sharedActions, a.Action) {
		a.ResourcePolicy = c.Policy.source(a.Resource)
	}
	return a
}

func addTagsTarget(s *Service) target[AddTagsToStreamInput] {
	return func(call *api.Call, in *AddTagsToStreamInput) ([]api.Access, error) {
		id, err := named(call, in.StreamName, in.StreamARN)
		if err != nil {
			return nil, err
		}
		a := s.accessTo("AddTagsToStream", id)
		a.Context = requestTags(a.Context, in.Tags, nil)
		return []api.Access{a}, nil
	}
}

func removeTagsTarget(s *Service) target[RemoveTagsFromStreamInput] {
	return func(call *api.Call, in *RemoveTagsFromStreamInput) ([]api.Access, error) {
		id, err := named(call, in.StreamName, in.StreamARN)
		if err != nil {
			return nil, err
		}
		a := s.accessTo("RemoveTagsFromStream", id)
		a.Context = requestTags(a.Context, nil, in.TagKeys)
		return []api.Access{a}, nil
	}
}

// onEverything is the target of an operation for which AWS has no resource.
func onEverything[In any](operation string) target[In] {
	return func(*api.Call, *In) ([]api.Access, error) {
		return []api.Access{{Action: "kinesis:" + operation, Resource: "*"}}, nil
	}
}

// createTarget asks for AddTagsToStream as well when there are tags, as AWS does.
func createTarget(call *api.Call, in *CreateStreamInput) ([]api.Access, error) {
	resource := string(streamID{call.Account(), call.Region, in.StreamName}.arn())
	a := api.Access{Action: "kinesis:CreateStream", Resource: resource}
	if len(in.Tags) == 0 {
		return []api.Access{a}, nil
	}
	a.Context = requestTags(nil, in.Tags, nil)
	tagging := a
	tagging.Action = "kinesis:AddTagsToStream"
	return []api.Access{a, tagging}, nil
}

// resourceTags are the condition keys of a resource with these tags, nil without any.
func resourceTags(tags map[string]string) policy.Context {
	if len(tags) == 0 {
		return nil
	}
	keys := policy.Context{}
	addTags(keys, "aws:resourcetag/", tags)
	return keys
}

// addTags adds a condition key for each tag. In condition keys case does not count: of
// tags whose keys differ in nothing else the last one in the order of bytes is the one
// that policies see, always the same.
func addTags(keys policy.Context, prefix string, tags map[string]string) {
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		keys[prefix+strings.ToLower(key)] = []string{tags[key]}
	}
}

// requestTags adds the condition keys of a request that sets tags or removes those of
// some keys.
func requestTags(keys policy.Context, set map[string]string, removed []string) policy.Context {
	all := policy.Context{}
	maps.Copy(all, keys)
	addTags(all, "aws:requesttag/", set)
	all["aws:tagkeys"] = append(slices.Sorted(maps.Keys(set)), removed...)
	return all
}
