package iam

import (
	"context"
	"iter"
	"slices"
	"strings"

	"tributary/internal/durable/catalog"
	"tributary/internal/pure/arn"
	"tributary/internal/service/api"
)

const maxAttached = 10 // managed policies of an identity

// attach attaches a managed policy to an identity. One that is attached already
// stays so.
func attach[R any](ctx context.Context, s *Service, k *identityKind[R], call *api.Call, name, policyARN string) error {
	return k.update(ctx, call.Account(), name, func(r *R) error {
		if err := s.attachable(call.Account(), policyARN); err != nil {
			return err
		}
		i := k.identity(r)
		at, found := slices.BinarySearch(i.Attached, policyARN)
		if found {
			return nil
		}
		if len(i.Attached) >= maxAttached {
			return errQuota(k.attached, maxAttached)
		}
		i.Attached = slices.Insert(slices.Clone(i.Attached), at, policyARN) // stored values are shared
		return nil
	})
}

// detach detaches a managed policy from an identity. What it allowed is refused
// from the next request on.
func detach[R any](ctx context.Context, k *identityKind[R], call *api.Call, name, policyARN string) error {
	if err := checkPolicyARN(policyARN); err != nil {
		return err
	}
	return k.update(ctx, call.Account(), name, func(r *R) error {
		i := k.identity(r)
		at, found := slices.BinarySearch(i.Attached, policyARN)
		if !found {
			return errNoSuchPolicy(policyARN)
		}
		i.Attached = slices.Delete(slices.Clone(i.Attached), at, at+1)
		return nil
	})
}

// attachedDetails are the managed policies of an identity, by ARN.
func (i *Identity) attachedDetails() []AttachedPolicy {
	var list []AttachedPolicy
	for _, policyARN := range i.Attached {
		list = append(list, AttachedPolicy{PolicyName: lastName(arn.ARN(policyARN)), PolicyARN: policyARN})
	}
	return list
}

// listAttached is a part of the managed policies of an identity that are under a
// path, by ARN.
func listAttached[R any](s *Service, k *identityKind[R], call *api.Call, name, prefix, marker string, maxItems *int32) (list []AttachedPolicy, next string, err error) {
	r, err := k.get(call, name)
	if err != nil {
		return nil, "", err
	}
	i := k.identity(&r)
	under := slices.DeleteFunc(i.attachedDetails(), func(p AttachedPolicy) bool {
		_, path, _ := strings.Cut(p.PolicyARN, ":policy")
		return !strings.HasPrefix(path, prefix)
	})
	request := pageRequest{call: call, list: i.ID + prefix, marker: marker, maxItems: maxItems}
	return page(s, request, func(after string) iter.Seq2[string, AttachedPolicy] {
		return numbered(under, after)
	})
}

// A usage is how many identities of an account use a managed policy.
type usage struct {
	attached int32
	boundary int32 // as their permissions boundary
}

// matches reports whether a PolicyUsageFilter, which may be empty, lets a policy
// with this usage through.
func (u usage) matches(filter string) bool {
	switch filter {
	case "PermissionsPolicy":
		return u.attached > 0 || u.boundary == 0
	case "PermissionsBoundary":
		return u.boundary > 0
	}
	return true
}

// usageOf says, by ARN, how the managed policies are used that an account uses.
// It looks at every identity of the account.
func (s *Service) usageOf(account arn.AccountID) map[string]usage {
	used := map[string]usage{}
	for i := range s.identitiesOf(account) {
		for _, policyARN := range i.Attached {
			u := used[policyARN]
			u.attached++
			used[policyARN] = u
		}
		if i.Boundary != "" {
			u := used[i.Boundary]
			u.boundary++
			used[i.Boundary] = u
		}
	}
	return used
}

// identitiesOf are all identities of an account.
func (s *Service) identitiesOf(account arn.AccountID) iter.Seq[*Identity] {
	return func(yield func(*Identity) bool) {
		prefix := catalog.KeyOf(string(account))
		for _, u := range s.users.Scan(prefix) {
			if !yield(&u.Identity) {
				return
			}
		}
		for _, g := range s.groups.Scan(prefix) {
			if !yield(&g.Identity) {
				return
			}
		}
		for _, r := range s.roles.Scan(prefix) {
			if !yield(&r.Identity) {
				return
			}
		}
	}
}

// A policyUser is one entry of ListEntitiesForPolicy; one member is not nil.
type policyUser struct {
	group *PolicyGroup
	user  *PolicyUser
	role  *PolicyRole
}

// listEntitiesForPolicy answers the groups, users and roles of the account that
// have a managed policy attached or as their boundary.
func (s *Service) listEntitiesForPolicy(_ context.Context, call *api.Call, in *ListEntitiesForPolicyInput) (*ListEntitiesForPolicyOutput, error) {
	if _, err := s.readPolicy(call, in.PolicyARN); err != nil {
		return nil, err
	}
	uses := func(i *Identity) bool {
		_, attached := slices.BinarySearch(i.Attached, in.PolicyARN)
		attached = attached && in.PolicyUsageFilter != "PermissionsBoundary"
		bounded := i.Boundary == in.PolicyARN && in.PolicyUsageFilter != "PermissionsPolicy"
		return (attached || bounded) && strings.HasPrefix(i.Path, in.PathPrefix)
	}
	var sections []section[policyUser]
	if in.EntityFilter == "" || in.EntityFilter == "Group" {
		sections = append(sections, sectionOf(s.groups.inAccount(call.Account(), uses), func(g groupRecord) policyUser {
			return policyUser{group: &PolicyGroup{GroupName: g.Name, GroupID: g.ID}}
		}))
	}
	if in.EntityFilter == "" || in.EntityFilter == "User" {
		sections = append(sections, sectionOf(s.users.inAccount(call.Account(), uses), func(u userRecord) policyUser {
			return policyUser{user: &PolicyUser{UserName: u.Name, UserID: u.ID}}
		}))
	}
	if in.EntityFilter == "" || in.EntityFilter == "Role" {
		sections = append(sections, sectionOf(s.roles.inAccount(call.Account(), uses), func(r roleRecord) policyUser {
			return policyUser{role: &PolicyRole{RoleName: r.Name, RoleID: r.ID}}
		}))
	}
	p := pageRequest{call: call, list: in.PolicyARN + in.EntityFilter, marker: in.Marker, maxItems: in.MaxItems}
	list, next, err := page(s, p, oneAfterAnother(sections))
	if err != nil {
		return nil, err
	}
	out := &ListEntitiesForPolicyOutput{
		PolicyGroups: []PolicyGroup{}, PolicyUsers: []PolicyUser{}, PolicyRoles: []PolicyRole{},
		Marker: next, IsTruncated: truncated(next),
	}
	for _, e := range list {
		switch {
		case e.group != nil:
			out.PolicyGroups = append(out.PolicyGroups, *e.group)
		case e.user != nil:
			out.PolicyUsers = append(out.PolicyUsers, *e.user)
		case e.role != nil:
			out.PolicyRoles = append(out.PolicyRoles, *e.role)
		}
	}
	return out, nil
}

// inAccount are the identities of an account that keep lets through, by name.
func (k *identityKind[R]) inAccount(account arn.AccountID, keep func(*Identity) bool) func(after string) iter.Seq2[string, R] {
	return func(after string) iter.Seq2[string, R] {
		return byName(k.Table, account, after, func(r R) bool { return keep(k.identity(&r)) })
	}
}

func (s *Service) attachUserPolicy(ctx context.Context, call *api.Call, in *AttachUserPolicyInput) (*api.Void, error) {
	return nil, attach(ctx, s, s.users, call, in.UserName, in.PolicyARN)
}

func (s *Service) detachUserPolicy(ctx context.Context, call *api.Call, in *DetachUserPolicyInput) (*api.Void, error) {
	return nil, detach(ctx, s.users, call, in.UserName, in.PolicyARN)
}

func (s *Service) listAttachedUserPolicies(_ context.Context, call *api.Call, in *ListAttachedUserPoliciesInput) (*ListAttachedUserPoliciesOutput, error) {
	list, next, err := listAttached(s, s.users, call, in.UserName, in.PathPrefix, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	return &ListAttachedUserPoliciesOutput{AttachedPolicies: list, Marker: next, IsTruncated: truncated(next)}, nil
}

func (s *Service) attachGroupPolicy(ctx context.Context, call *api.Call, in *AttachGroupPolicyInput) (*api.Void, error) {
	return nil, attach(ctx, s, s.groups, call, in.GroupName, in.PolicyARN)
}

func (s *Service) detachGroupPolicy(ctx context.Context, call *api.Call, in *DetachGroupPolicyInput) (*api.Void, error) {
	return nil, detach(ctx, s.groups, call, in.GroupName, in.PolicyARN)
}

func (s *Service) listAttachedGroupPolicies(_ context.Context, call *api.Call, in *ListAttachedGroupPoliciesInput) (*ListAttachedGroupPoliciesOutput, error) {
	list, next, err := listAttached(s, s.groups, call, in.GroupName, in.PathPrefix, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	return &ListAttachedGroupPoliciesOutput{AttachedPolicies: list, Marker: next, IsTruncated: truncated(next)}, nil
}

func (s *Service) attachRolePolicy(ctx context.Context, call *api.Call, in *AttachRolePolicyInput) (*api.Void, error) {
	return nil, attach(ctx, s, s.roles, call, in.RoleName, in.PolicyARN)
}

func (s *Service) detachRolePolicy(ctx context.Context, call *api.Call, in *DetachRolePolicyInput) (*api.Void, error) {
	return nil, detach(ctx, s.roles, call, in.RoleName, in.PolicyARN)
}

func (s *Service) listAttachedRolePolicies(_ context.Context, call *api.Call, in *ListAttachedRolePoliciesInput) (*ListAttachedRolePoliciesOutput, error) {
	list, next, err := listAttached(s, s.roles, call, in.RoleName, in.PathPrefix, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	return &ListAttachedRolePoliciesOutput{AttachedPolicies: list, Marker: next, IsTruncated: truncated(next)}, nil
}
