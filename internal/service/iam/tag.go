package iam

import (
	"context"
	"iter"
	"maps"
	"slices"
	"strings"

	"tributary/internal/service/api"
)

const maxTags = 50 // of an entity

// checkTags refuses keys that differ in nothing but case, and AWS's own.
func checkTags(tags []Tag) error {
	seen := map[string]bool{}
	for _, t := range tags {
		key := lower(t.Key)
		if strings.HasPrefix(key, "aws:") {
			return errInvalidInput("Tag keys beginning with aws: are reserved.")
		}
		if seen[key] {
			return errInvalidInput("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
		seen[key] = true
	}
	return nil
}

func tagMap(tags []Tag) map[string]string {
	if len(tags) == 0 {
		return nil
	}
	m := map[string]string{}
	for _, t := range tags {
		m[t.Key] = t.Value
	}
	return m
}

// wireTags are the entity's tags, by key.
func (e *Entity) wireTags() []Tag {
	var tags []Tag
	for _, key := range slices.Sorted(maps.Keys(e.Tags)) {
		tags = append(tags, Tag{Key: key, Value: e.Tags[key]})
	}
	return tags
}

// tag adds tags to an entity or gives those that it has other values. A key that
// it has in another case is replaced.
func tag[R any](ctx context.Context, k *kind[R], call *api.Call, name string, tags []Tag) error {
	if err := checkTags(tags); err != nil {
		return err
	}
	return k.updateTags(ctx, call, name, func(m map[string]string) error {
		for _, t := range tags {
			removeTag(m, t.Key)
			m[t.Key] = t.Value
		}
		if len(m) > maxTags {
			return errLimitExceeded("The number of tags has reached the maximum limit.")
		}
		return nil
	})
}

// untag takes tags from an entity. Keys that it does not have are passed over.
func untag[R any](ctx context.Context, k *kind[R], call *api.Call, name string, keys []string) error {
	return k.updateTags(ctx, call, name, func(m map[string]string) error {
		for _, key := range keys {
			removeTag(m, key)
		}
		return nil
	})
}

func removeTag(m map[string]string, key string) {
	maps.DeleteFunc(m, func(have, _ string) bool { return strings.EqualFold(have, key) })
}

// updateTags changes a copy of an entity's tags, also those of a role that is
// otherwise AWS's alone.
func (k *kind[R]) updateTags(ctx context.Context, call *api.Call, name string, change func(map[string]string) error) error {
	k.relations.RLock()
	defer k.relations.RUnlock()
	return k.updateHeld(ctx, call.Account(), name, func(r *R) error {
		e := k.entity(r)
		e.Tags = maps.Clone(e.Tags) // stored values are shared
		if e.Tags == nil {
			e.Tags = map[string]string{}
		}
		return change(e.Tags)
	})
}

// tagPage is a part of an entity's tags, by key.
func tagPage(s *Service, call *api.Call, e *Entity, marker string, maxItems *int32) (tags []Tag, next string, err error) {
	return page(s, pageRequest{call: call, list: e.ID, marker: marker, maxItems: maxItems}, func(after string) iter.Seq2[string, Tag] {
		return numbered(e.wireTags(), after)
	})
}

func (s *Service) tagUser(ctx context.Context, call *api.Call, in *TagUserInput) (*api.Void, error) {
	return nil, tag(ctx, &s.users.kind, call, in.UserName, in.Tags)
}

func (s *Service) untagUser(ctx context.Context, call *api.Call, in *UntagUserInput) (*api.Void, error) {
	return nil, untag(ctx, &s.users.kind, call, in.UserName, in.TagKeys)
}

func (s *Service) listUserTags(_ context.Context, call *api.Call, in *ListUserTagsInput) (*ListUserTagsOutput, error) {
	u, err := s.users.get(call, in.UserName)
	if err != nil {
		return nil, err
	}
	tags, next, err := tagPage(s, call, &u.Entity, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	return &ListUserTagsOutput{Tags: tags, Marker: next, IsTruncated: truncated(next)}, nil
}

func (s *Service) tagRole(ctx context.Context, call *api.Call, in *TagRoleInput) (*api.Void, error) {
	return nil, tag(ctx, &s.roles.kind, call, in.RoleName, in.Tags)
}

func (s *Service) untagRole(ctx context.Context, call *api.Call, in *UntagRoleInput) (*api.Void, error) {
	return nil, untag(ctx, &s.roles.kind, call, in.RoleName, in.TagKeys)
}

func (s *Service) listRoleTags(_ context.Context, call *api.Call, in *ListRoleTagsInput) (*ListRoleTagsOutput, error) {
	r, err := s.roles.get(call, in.RoleName)
	if err != nil {
		return nil, err
	}
	tags, next, err := tagPage(s, call, &r.Entity, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	return &ListRoleTagsOutput{Tags: tags, Marker: next, IsTruncated: truncated(next)}, nil
}

func (s *Service) tagPolicy(ctx context.Context, call *api.Call, in *TagPolicyInput) (*api.Void, error) {
	p, err := s.ownPolicy(call, in.PolicyARN)
	if err != nil {
		return nil, err
	}
	return nil, tag(ctx, s.policies, call, p.Name, in.Tags)
}

func (s *Service) untagPolicy(ctx context.Context, call *api.Call, in *UntagPolicyInput) (*api.Void, error) {
	p, err := s.ownPolicy(call, in.PolicyARN)
	if err != nil {
		return nil, err
	}
	return nil, untag(ctx, s.policies, call, p.Name, in.TagKeys)
}

// listPolicyTags answers the tags of a managed policy; AWS's own have none.
func (s *Service) listPolicyTags(_ context.Context, call *api.Call, in *ListPolicyTagsInput) (*ListPolicyTagsOutput, error) {
	p, err := s.readPolicy(call, in.PolicyARN)
	if err != nil {
		return nil, err
	}
	tags, next, err := tagPage(s, call, &p.Entity, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	return &ListPolicyTagsOutput{Tags: tags, Marker: next, IsTruncated: truncated(next)}, nil
}
