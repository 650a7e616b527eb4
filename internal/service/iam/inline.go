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

// How much all inline policies of one identity may hold, in characters other than
// white space.
const (
	maxUserPolicies  = 2048
	maxGroupPolicies = 5120
	maxRolePolicies  = 10240
	maxTrustPolicy   = 2048
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

// inlineSize is the length of all inline policies together, as the quotas count.
func (i *Identity) inlineSize() (total int) {
	for _, text := range i.Policies {
		total += size(text)
	}
	return total
}

// policyNames are the names of the inline policies after the given one.
func (i *Identity) policyNames(after string) iter.Seq2[string, string] {
	return sorted(slices.Collect(maps.Keys(i.Policies)), after, func(name string) string { return name })
}

// inlineDetails are the inline policies with their documents, by name.
func (i *Identity) inlineDetails() []PolicyDetail {
	var details []PolicyDetail
	for name := range i.policyNames("") {
		details = append(details, PolicyDetail{PolicyName: name, PolicyDocument: percentEncode(i.Policies[name])})
	}
	return details
}

// putInline adds an inline policy to an identity, or replaces it.
func (k *identityKind[R]) putInline(ctx context.Context, call *api.Call, name, policyName, text string) error {
	if _, err := parsePolicy(text, policy.Identity); err != nil {
		return err
	}
	return k.update(ctx, call.Account(), name, func(r *R) error {
		i := k.identity(r)
		i.Policies = maps.Clone(i.Policies) // stored values are shared
		if i.Policies == nil {
			i.Policies = map[string]string{}
		}
		i.Policies[policyName] = text
		if i.inlineSize() > k.inline {
			return errPolicySize(k.inline, k.noun, i.Name)
		}
		return nil
	})
}

// getInline is the text of an inline policy, percent-encoded, and the name of the
// identity as it is spelled.
func (k *identityKind[R]) getInline(call *api.Call, name, policyName string) (spelled, text string, err error) {
	r, err := k.get(call, name)
	if err != nil {
		return "", "", err
	}
	i := k.identity(&r)
	text, ok := i.Policies[policyName]
	if !ok {
		return "", "", errNoSuchInline(k.noun, policyName)
	}
	return i.Name, percentEncode(text), nil
}

// deleteInline removes an inline policy of an identity.
func (k *identityKind[R]) deleteInline(ctx context.Context, call *api.Call, name, policyName string) error {
	return k.update(ctx, call.Account(), name, func(r *R) error {
		i := k.identity(r)
		if _, ok := i.Policies[policyName]; !ok {
			return errNoSuchInline(k.noun, policyName)
		}
		i.Policies = maps.Clone(i.Policies)
		delete(i.Policies, policyName)
		return nil
	})
}

// listInline is a part of the names of an identity's inline policies.
func listInline[R any](s *Service, k *identityKind[R], call *api.Call, name, marker string, maxItems *int32) (names []string, next string, err error) {
	r, err := k.get(call, name)
	if err != nil {
		return nil, "", err
	}
	i := k.identity(&r)
	return page(s, pageRequest{call: call, list: i.ID, marker: marker, maxItems: maxItems}, i.policyNames)
}

func (s *Service) putUserPolicy(ctx context.Context, call *api.Call, in *PutUserPolicyInput) (*api.Void, error) {
	return nil, s.users.putInline(ctx, call, in.UserName, in.PolicyName, in.PolicyDocument)
}

func (s *Service) getUserPolicy(_ context.Context, call *api.Call, in *GetUserPolicyInput) (*GetUserPolicyOutput, error) {
	name, text, err := s.users.getInline(call, in.UserName, in.PolicyName)
	if err != nil {
		return nil, err
	}
	return &GetUserPolicyOutput{UserName: name, PolicyName: in.PolicyName, PolicyDocument: text}, nil
}

func (s *Service) deleteUserPolicy(ctx context.Context, call *api.Call, in *DeleteUserPolicyInput) (*api.Void, error) {
	return nil, s.users.deleteInline(ctx, call, in.UserName, in.PolicyName)
}

func (s *Service) listUserPolicies(_ context.Context, call *api.Call, in *ListUserPoliciesInput) (*ListUserPoliciesOutput, error) {
	names, next, err := listInline(s, s.users, call, in.UserName, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	return &ListUserPoliciesOutput{PolicyNames: names, Marker: next, IsTruncated: truncated(next)}, nil
}

func (s *Service) putGroupPolicy(ctx context.Context, call *api.Call, in *PutGroupPolicyInput) (*api.Void, error) {
	return nil, s.groups.putInline(ctx, call, in.GroupName, in.PolicyName, in.PolicyDocument)
}

func (s *Service) getGroupPolicy(_ context.Context, call *api.Call, in *GetGroupPolicyInput) (*GetGroupPolicyOutput, error) {
	name, text, err := s.groups.getInline(call, in.GroupName, in.PolicyName)
	if err != nil {
		return nil, err
	}
	return &GetGroupPolicyOutput{GroupName: name, PolicyName: in.PolicyName, PolicyDocument: text}, nil
}

func (s *Service) deleteGroupPolicy(ctx context.Context, call *api.Call, in *DeleteGroupPolicyInput) (*api.Void, error) {
	return nil, s.groups.deleteInline(ctx, call, in.GroupName, in.PolicyName)
}

func (s *Service) listGroupPolicies(_ context.Context, call *api.Call, in *ListGroupPoliciesInput) (*ListGroupPoliciesOutput, error) {
	names, next, err := listInline(s, s.groups, call, in.GroupName, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	return &ListGroupPoliciesOutput{PolicyNames: names, Marker: next, IsTruncated: truncated(next)}, nil
}

func (s *Service) putRolePolicy(ctx context.Context, call *api.Call, in *PutRolePolicyInput) (*api.Void, error) {
	return nil, s.roles.putInline(ctx, call, in.RoleName, in.PolicyName, in.PolicyDocument)
}

func (s *Service) getRolePolicy(_ context.Context, call *api.Call, in *GetRolePolicyInput) (*GetRolePolicyOutput, error) {
	name, text, err := s.roles.getInline(call, in.RoleName, in.PolicyName)
	if err != nil {
		return nil, err
	}
	return &GetRolePolicyOutput{RoleName: name, PolicyName: in.PolicyName, PolicyDocument: text}, nil
}

func (s *Service) deleteRolePolicy(ctx context.Context, call *api.Call, in *DeleteRolePolicyInput) (*api.Void, error) {
	return nil, s.roles.deleteInline(ctx, call, in.RoleName, in.PolicyName)
}

func (s *Service) listRolePolicies(_ context.Context, call *api.Call, in *ListRolePoliciesInput) (*ListRolePoliciesOutput, error) {
	names, next, err := listInline(s, s.roles, call, in.RoleName, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	return &ListRolePoliciesOutput{PolicyNames: names, Marker: next, IsTruncated: truncated(next)}, nil
}
