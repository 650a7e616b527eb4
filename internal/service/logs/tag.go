package logs

import (
	"context"
	"maps"
	"slices"

	"tributary/internal/pure/arn"
	"tributary/internal/service/api"
)

const maxTags = 50 // of one resource

// changeTags is put or delete, on whatever the ARN names: a log group (without
// ":*") or a destination of the caller in the call's Region.
func (s *Service) changeTags(ctx context.Context, call *api.Call, resource string, change func(map[string]string)) error {
	apply := func(tags map[string]string) (map[string]string, error) {
		next := map[string]string{}
		maps.Copy(next, tags) // what is in the catalog is shared
		change(next)
		if len(next) > maxTags {
			return nil, errTooManyTags(arn.ARN(resource))
		}
		return next, nil
	}
	if id, ok := parseGroupARN(resource); ok && id.Account == call.Account() && id.Region == call.Region {
		return s.changeGroup(ctx, id, func(g *group) (err error) {
			g.Tags, err = apply(g.Tags)
			return err
		})
	}
	if id, ok := parseDestinationARN(arn.ARN(resource)); ok && id.Account == call.Account() && id.Region == call.Region {
		return s.changeDestination(ctx, id, func(d *destination) (err error) {
			d.Tags, err = apply(d.Tags)
			return err
		})
	}
	return errNoTaggable()
}

func (s *Service) tagResource(ctx context.Context, call *api.Call, in *TagResourceInput) (*api.Void, error) {
	return nil, s.changeTags(ctx, call, in.ResourceARN, func(tags map[string]string) { maps.Copy(tags, in.Tags) })
}

func (s *Service) untagResource(ctx context.Context, call *api.Call, in *UntagResourceInput) (*api.Void, error) {
	return nil, s.changeTags(ctx, call, in.ResourceARN, func(tags map[string]string) { removeTags(tags, in.TagKeys) })
}

func (s *Service) listTagsForResource(_ context.Context, call *api.Call, in *ListTagsForResourceInput) (*ListTagsForResourceOutput, error) {
	if id, ok := parseGroupARN(in.ResourceARN); ok && id.Account == call.Account() && id.Region == call.Region {
		g, err := s.group(id)
		if err != nil {
			return nil, err
		}
		return &ListTagsForResourceOutput{Tags: present(g.Tags)}, nil
	}
	if id, ok := parseDestinationARN(arn.ARN(in.ResourceARN)); ok && id.Account == call.Account() && id.Region == call.Region {
		d, _, ok := s.destinations.Get(id.key())
		if !ok {
			return nil, errNoDestination()
		}
		return &ListTagsForResourceOutput{Tags: present(d.Tags)}, nil
	}
	return nil, errNoTaggable()
}

// The older operations name a log group.

func (s *Service) tagLogGroup(ctx context.Context, call *api.Call, in *TagLogGroupInput) (*api.Void, error) {
	resource := string(groupOf(call, in.LogGroupName).arn())
	return nil, s.changeTags(ctx, call, resource, func(tags map[string]string) { maps.Copy(tags, in.Tags) })
}

func (s *Service) untagLogGroup(ctx context.Context, call *api.Call, in *UntagLogGroupInput) (*api.Void, error) {
	resource := string(groupOf(call, in.LogGroupName).arn())
	return nil, s.changeTags(ctx, call, resource, func(tags map[string]string) { removeTags(tags, in.Tags) })
}

func (s *Service) listTagsLogGroup(_ context.Context, call *api.Call, in *ListTagsLogGroupInput) (*ListTagsLogGroupOutput, error) {
	g, err := s.group(groupOf(call, in.LogGroupName))
	if err != nil {
		return nil, err
	}
	return &ListTagsLogGroupOutput{Tags: present(g.Tags)}, nil
}

func removeTags(tags map[string]string, keys []string) {
	maps.DeleteFunc(tags, func(k, _ string) bool { return slices.Contains(keys, k) })
}

// present makes an answer say {} where there are no tags.
func present(tags map[string]string) map[string]string {
	if tags == nil {
		return map[string]string{}
	}
	return tags
}
