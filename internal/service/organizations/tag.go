package organizations

import (
	"context"
	"maps"
	"slices"
	"strings"

	"tributary/internal/service/api"
)

const maxTags = 50 // of one thing

// withTags are the tags with others set over them.
func withTags(present map[string]string, set []Tag) (map[string]string, error) {
	if len(set) == 0 {
		return present, nil
	}
	tags := cloned(present)
	seen := map[string]bool{}
	for _, t := range set {
		if strings.HasPrefix(strings.ToLower(t.Key), "aws:") {
			return nil, errInvalidInput("INVALID_SYSTEM_TAGS_PARAMETER", "You specified a tag key that is a system tag. You can't add, edit, or delete system tag keys because they're reserved for AWS use.")
		}
		if seen[t.Key] {
			return nil, errInvalidInput("DUPLICATE_TAG_KEY", "Tag keys must be unique among the tags attached to the same entity.")
		}
		seen[t.Key] = true
		tags[t.Key] = t.Value
	}
	if len(tags) > maxTags {
		return nil, errConstraint("MAX_TAG_LIMIT_EXCEEDED", "You have exceeded the number of tags allowed on this resource.")
	}
	return tags, nil
}

// withoutTags are the tags without those of these keys.
func withoutTags(present map[string]string, keys []string) map[string]string {
	tags := cloned(present)
	for _, k := range keys {
		delete(tags, k)
	}
	return tags
}

// tagResource sets tags of the root, a unit, an account, a policy or the resource
// policy.
func (s *Service) tagResource(ctx context.Context, _ *api.Call, org organizationRecord, in *TagResourceInput) (*api.Void, error) {
	return nil, s.changeTags(ctx, org, in.ResourceID, func(tags map[string]string) (map[string]string, error) {
		return withTags(tags, in.Tags)
	})
}

// untagResource takes tags away; those that are not there are no matter.
func (s *Service) untagResource(ctx context.Context, _ *api.Call, org organizationRecord, in *UntagResourceInput) (*api.Void, error) {
	return nil, s.changeTags(ctx, org, in.ResourceID, func(tags map[string]string) (map[string]string, error) {
		return withoutTags(tags, in.TagKeys), nil
	})
}

// changeTags writes the tags that change makes of those of the thing with that id.
func (s *Service) changeTags(ctx context.Context, org organizationRecord, id string, change func(map[string]string) (map[string]string, error)) error {
	if !s.isTaggable(org, id) {
		return errTargetNotFound()
	}
	tags, err := change(s.tagsOf(org, id))
	if err != nil {
		return err
	}
	if t, ok := s.target(org, id); ok {
		return s.updateTarget(ctx, org, t, func(a attachments, _ map[string]string) (attachments, map[string]string) {
			return a, tags
		})
	}
	if p, _, ok := s.policy(org, id); ok {
		return s.updatePolicyRecord(ctx, p, func(stored policyRecord) policyRecord {
			stored.Tags = tags
			return stored
		})
	}
	_, err = s.updateOrganization(ctx, org.ID, func(o organizationRecord) (organizationRecord, error) {
		if o.ResourcePolicy == nil {
			return o, errTargetNotFound()
		}
		r := *o.ResourcePolicy
		r.Tags = tags
		o.ResourcePolicy = &r
		return o, nil
	})
	return err
}

// isTaggable reports whether the organization has something with that id that can
// have tags. AWS's own policies cannot.
func (s *Service) isTaggable(org organizationRecord, id string) bool {
	if _, ok := s.target(org, id); ok {
		return true
	}
	if p, _, ok := s.policy(org, id); ok {
		return !p.managed()
	}
	return org.ResourcePolicy != nil && org.ResourcePolicy.ID == id
}

// listTagsForResource answers the tags of a thing, by key.
func (s *Service) listTagsForResource(_ context.Context, call *api.Call, org organizationRecord, in *ListTagsForResourceInput) (*ListTagsForResourceOutput, error) {
	if !s.isTaggable(org, in.ResourceID) {
		return nil, errTargetNotFound()
	}
	tags := s.tagsOf(org, in.ResourceID)
	list := []Tag{}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, Tag{Key: key, Value: tags[key]})
	}
	list, next, err := page(s, pageRequest{call: call, list: in.ResourceID, token: in.NextToken},
		listed(list, func(t Tag) string { return t.Key }))
	if err != nil {
		return nil, err
	}
	return &ListTagsForResourceOutput{Tags: list, NextToken: next}, nil
}
