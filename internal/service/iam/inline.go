package iam

import (
	"context"
	"errors"
	"iter"
	"maps"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"tributary/internal/pure/policy"
	"tributary/internal/service/api"
)

// How much all inline policies of one entity may hold, in characters other than
// white space.
const (
	maxUserPolicies = 2048
	maxRolePolicies = 10240
	maxTrustPolicy  = 2048
)

// parsePolicy reads a document that a caller gave: MalformedPolicyDocument.
func parsePolicy(text string, usage policy.Usage) (*policy.Document, error) {
	doc, err := policy.Parse(text, usage)
	if perr, ok := errors.AsType[*policy.ParseError](err); ok {
		return nil, errMalformedPolicy(perr.Reason)
	}
	return doc, err
}

// size counts the characters of a document as IAM's quotas do.
func size(text string) int {
	n := 0
	for _, r := range text {
		if !unicode.IsSpace(r) {
			n++
		}
	}
	return n
}

// percentEncode writes a document as IAM answers it, by RFC 3986: everything
// but letters, digits and -._~ is escaped.
func percentEncode(text string) string {
	return strings.ReplaceAll(url.QueryEscape(text), "+", "%20")
}

// putPolicy adds or replaces one inline policy and reports whether all of them
// together stay within the quota.
func (e *Entity) putPolicy(name, text string, quota int) bool {
	policies := maps.Clone(e.Policies) // stored values are shared
	if policies == nil {
		policies = map[string]string{}
	}
	policies[name] = text
	total := 0
	for _, t := range policies {
		total += size(t)
	}
	e.Policies = policies
	return total <= quota
}

// deletePolicy removes one inline policy and reports whether it was there.
func (e *Entity) deletePolicy(name string) bool {
	if _, ok := e.Policies[name]; !ok {
		return false
	}
	e.Policies = maps.Clone(e.Policies)
	delete(e.Policies, name)
	return true
}

// policyNames are the names of the inline policies after the given one.
func (e Entity) policyNames(after string) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, name := range slices.Sorted(maps.Keys(e.Policies)) {
			if name > after && !yield(name, name) {
				return
			}
		}
	}
}

// putUserPolicy adds an inline policy to a user, or replaces it.
func (s *Service) putUserPolicy(ctx context.Context, call *api.Call, in *PutUserPolicyInput) (*api.Void, error) {
	if _, err := parsePolicy(in.PolicyDocument, policy.Identity); err != nil {
		return nil, err
	}
	return nil, s.updateUser(ctx, call, in.UserName, func(u *userRecord) error {
		if !u.putPolicy(in.PolicyName, in.PolicyDocument, maxUserPolicies) {
			return errPolicySize(maxUserPolicies, "user", u.Name)
		}
		return nil
	})
}

// updateUser changes the stored user of that name.
func (s *Service) updateUser(ctx context.Context, call *api.Call, name string, change func(*userRecord) error) error {
	_, err := s.users.Update(ctx, entityKey(call.Account(), name), func(u userRecord, exists bool) (userRecord, error) {
		if !exists {
			return u, errNoSuchUser(name)
		}
		return u, change(&u)
	})
	return err
}

// getUserPolicy answers an inline policy of a user, percent-encoded.
func (s *Service) getUserPolicy(_ context.Context, call *api.Call, in *GetUserPolicyInput) (*GetUserPolicyOutput, error) {
	u, ok := s.user(call.Account(), in.UserName)
	if !ok {
		return nil, errNoSuchUser(in.UserName)
	}
	text, ok := u.Policies[in.PolicyName]
	if !ok {
		return nil, errNoSuchPolicy("user", in.PolicyName)
	}
	return &GetUserPolicyOutput{UserName: u.Name, PolicyName: in.PolicyName, PolicyDocument: percentEncode(text)}, nil
}

// deleteUserPolicy removes an inline policy of a user.
func (s *Service) deleteUserPolicy(ctx context.Context, call *api.Call, in *DeleteUserPolicyInput) (*api.Void, error) {
	return nil, s.updateUser(ctx, call, in.UserName, func(u *userRecord) error {
		if !u.deletePolicy(in.PolicyName) {
			return errNoSuchPolicy("user", in.PolicyName)
		}
		return nil
	})
}

// listUserPolicies answers the names of a user's inline policies.
func (s *Service) listUserPolicies(_ context.Context, call *api.Call, in *ListUserPoliciesInput) (*ListUserPoliciesOutput, error) {
	u, ok := s.user(call.Account(), in.UserName)
	if !ok {
		return nil, errNoSuchUser(in.UserName)
	}
	names, next, err := page(s, pageRequest{call: call, list: u.ID, marker: in.Marker, maxItems: in.MaxItems}, u.policyNames)
	if err != nil {
		return nil, err
	}
	return &ListUserPoliciesOutput{PolicyNames: names, Marker: next, IsTruncated: truncated(next)}, nil
}

// putRolePolicy adds an inline policy to a role, or replaces it.
func (s *Service) putRolePolicy(ctx context.Context, call *api.Call, in *PutRolePolicyInput) (*api.Void, error) {
	if _, err := parsePolicy(in.PolicyDocument, policy.Identity); err != nil {
		return nil, err
	}
	return nil, s.updateRole(ctx, call, in.RoleName, func(r *roleRecord) error {
		if !r.putPolicy(in.PolicyName, in.PolicyDocument, maxRolePolicies) {
			return errPolicySize(maxRolePolicies, "role", r.Name)
		}
		return nil
	})
}

// getRolePolicy answers an inline policy of a role, percent-encoded.
func (s *Service) getRolePolicy(_ context.Context, call *api.Call, in *GetRolePolicyInput) (*GetRolePolicyOutput, error) {
	r, ok := s.role(call.Account(), in.RoleName)
	if !ok {
		return nil, errNoSuchRole(in.RoleName)
	}
	text, ok := r.Policies[in.PolicyName]
	if !ok {
		return nil, errNoSuchPolicy("role", in.PolicyName)
	}
	return &GetRolePolicyOutput{RoleName: r.Name, PolicyName: in.PolicyName, PolicyDocument: percentEncode(text)}, nil
}

// deleteRolePolicy removes an inline policy of a role.
func (s *Service) deleteRolePolicy(ctx context.Context, call *api.Call, in *DeleteRolePolicyInput) (*api.Void, error) {
	return nil, s.updateRole(ctx, call, in.RoleName, func(r *roleRecord) error {
		if !r.deletePolicy(in.PolicyName) {
			return errNoSuchPolicy("role", in.PolicyName)
		}
		return nil
	})
}

// listRolePolicies answers the names of a role's inline policies.
func (s *Service) listRolePolicies(_ context.Context, call *api.Call, in *ListRolePoliciesInput) (*ListRolePoliciesOutput, error) {
	r, ok := s.role(call.Account(), in.RoleName)
	if !ok {
		return nil, errNoSuchRole(in.RoleName)
	}
	names, next, err := page(s, pageRequest{call: call, list: r.ID, marker: in.Marker, maxItems: in.MaxItems}, r.policyNames)
	if err != nil {
		return nil, err
	}
	return &ListRolePoliciesOutput{PolicyNames: names, Marker: next, IsTruncated: truncated(next)}, nil
}
