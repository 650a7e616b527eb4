package kinesis

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"tributary/internal/service/api"
)

// maxTags is how many tags a stream or consumer may have; maxTagsListed how many an
// answer of ListTagsForStream holds.
const (
	maxTags       = 50
	maxTagsListed = 50
)

// addTagsToStream implements AddTagsToStream.
func (s *Service) addTagsToStream(ctx context.Context, call *api.Call, in *AddTagsToStreamInput) (*api.Void, error) {
	id, err := named(call, in.StreamName, in.StreamARN)
	if err != nil {
		return nil, err
	}
	return nil, s.changeTags(ctx, call, string(id.arn()), adding(in.Tags))
}

// removeTagsFromStream implements RemoveTagsFromStream. Keys that are not there are
// passed over.
func (s *Service) removeTagsFromStream(ctx context.Context, call *api.Call, in *RemoveTagsFromStreamInput) (*api.Void, error) {
	id, err := named(call, in.StreamName, in.StreamARN)
	if err != nil {
		return nil, err
	}
	return nil, s.changeTags(ctx, call, string(id.arn()), removing(in.TagKeys))
}

// listTagsForStream implements ListTagsForStream, by key.
func (s *Service) listTagsForStream(_ context.Context, call *api.Call, in *ListTagsForStreamInput) (*ListTagsForStreamOutput, error) {
	id, err := named(call, in.StreamName, in.StreamARN)
	if err != nil {
		return nil, err
	}
	st, _, err := s.lookup(call, id)
	if err != nil {
		return nil, err
	}
	tags := listed(st.Tags)
	from, found := slices.BinarySearchFunc(tags, in.ExclusiveStartTagKey, func(t Tag, key string) int { return strings.Compare(t.Key, key) })
	if found {
		from++
	}
	tags = tags[from:]
	limit := int(valueOr(in.Limit, maxTagsListed))
	return &ListTagsForStreamOutput{Tags: tags[:min(limit, len(tags))], HasMoreTags: len(tags) > limit}, nil
}

// tagResource, untagResource and listTagsForResource implement the operations of
// those names, for streams and consumers.

func (s *Service) tagResource(ctx context.Context, call *api.Call, in *TagResourceInput) (*api.Void, error) {
	return nil, s.changeTags(ctx, call, in.ResourceARN, adding(in.Tags))
}

func (s *Service) untagResource(ctx context.Context, call *api.Call, in *UntagResourceInput) (*api.Void, error) {
	return nil, s.changeTags(ctx, call, in.ResourceARN, removing(in.TagKeys))
}

func (s *Service) listTagsForResource(_ context.Context, call *api.Call, in *ListTagsForResourceInput) (*ListTagsForResourceOutput, error) {
	st, c, err := s.resource(call, in.ResourceARN)
	if err != nil {
		return nil, err
	}
	tags := st.Tags
	if c != nil {
		tags = c.Tags
	}
	return &ListTagsForResourceOutput{Tags: listed(tags)}, nil
}

func adding(more map[string]string) func(map[string]string) {
	return func(tags map[string]string) { maps.Copy(tags, more) }
}

func removing(keys []string) func(map[string]string) {
	return func(tags map[string]string) {
		maps.DeleteFunc(tags, func(k, _ string) bool { return slices.Contains(keys, k) })
	}
}

// listed are tags in the form of the API, by key; never nil.
func listed(tags map[string]string) []Tag {
	list := make([]Tag, 0, len(tags))
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, Tag{Key: key, Value: tags[key]})
	}
	return list
}

func (s *Service) changeTags(ctx context.Context, call *api.Call, resource string, apply func(map[string]string)) error {
	change := func(tags *map[string]string) error {
		next := map[string]string{}
		maps.Copy(next, *tags)
		apply(next)
		if len(next) > maxTags {
			return errTooManyTags(resource)
		}
		*tags = next
		return nil
	}
	return s.changeResource(ctx, call, resource,
		func(st *stream) error { return change(&st.Tags) },
		func(c *consumer) error { return change(&c.Tags) })
}

// resource is the caller's stream, or the stream and its consumer, that an ARN names.
func (s *Service) resource(call *api.Call, text string) (stream, *consumer, error) {
	if id, ok := parseConsumerARN(text); ok {
		if id.Stream.Account != call.Account() {
			return stream{}, nil, errConsumerNotFound(id)
		}
		return s.lookupConsumer(call, id)
	}
	id, ok := parseStreamARN(text)
	if !ok {
		return stream{}, nil, errInvalidARN(text)
	}
	st, _, err := s.lookup(call, id)
	return st, nil, err
}

// changeResource changes the stream or the consumer that an ARN names, of a stream that
// is ACTIVE or UPDATING.
func (s *Service) changeResource(ctx context.Context, call *api.Call, text string, ofStream func(*stream) error, ofConsumer func(*consumer) error) error {
	if _, _, err := s.resource(call, text); err != nil {
		return err
	}
	consumerID, isConsumer := parseConsumerARN(text)
	id := consumerID.Stream
	if !isConsumer {
		id, _ = parseStreamARN(text)
	}
	_, err := s.streams.Update(ctx, id.key(), func(st stream, exists bool) (stream, error) {
		switch {
		case !exists:
			return st, errStreamNotFound(id)
		case !st.usable():
			return st, errStreamNotActive(id, st.Status)
		case !isConsumer:
			err := ofStream(&st)
			return st, err
		}
		st.Consumers = slices.Clone(st.Consumers)
		c, ok := st.consumer(consumerID)
		if !ok {
			return st, errConsumerNotFound(consumerID)
		}
		err := ofConsumer(c)
		return st, err
	})
	if err != nil {
		return fmt.Errorf("change %s: %w", text, err)
	}
	return nil
}
