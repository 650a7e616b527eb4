package iam

import (
	"context"
	"slices"
	"strings"

	"tributary/internal/service/api"
)

// A detail is one entry of GetAccountAuthorizationDetails; one member is not nil.
type detail struct {
	user   *UserDetail
	group  *GroupDetail
	role   *RoleDetail
	policy *ManagedPolicyDetail
}

// getAccountAuthorizationDetails answers everything that the account's policies
// depend on: users, groups, roles and managed policies, AWS's as far as they are
// used, with their documents. MaxItems counts all of them together.
func (s *Service) getAccountAuthorizationDetails(_ context.Context, call *api.Call, in *GetAccountAuthorizationDetailsInput) (*GetAccountAuthorizationDetailsOutput, error) {
	account := call.Account()
	used := s.usageOf(account)
	all := func(*Identity) bool { return true }
	policyDetail := func(p policyRecord) detail {
		return detail{policy: s.policyDetail(&p, used[string(s.policies.arn(p))])}
	}
	byFilter := []struct {
		filter string
		rows   section[detail]
	}{
		{"User", sectionOf(s.users.inAccount(account, all), s.userDetail)},
		{"Group", sectionOf(s.groups.inAccount(account, all), groupDetail)},
		{"Role", sectionOf(s.roles.inAccount(account, all), s.roleDetail)},
		{"LocalManagedPolicy", sectionOf(s.localPolicies(account, func(policyRecord) bool { return true }), policyDetail)},
		{"AWSManagedPolicy", sectionOf(s.listedAWSPolicies(func(p policyRecord) bool {
			return used[string(s.policies.arn(p))] != usage{}
		}), policyDetail)},
	}
	var sections []section[detail]
	for _, f := range byFilter {
		if len(in.Filter) == 0 || slices.Contains(in.Filter, f.filter) {
			sections = append(sections, f.rows)
		}
	}
	filter := strings.Join(slices.Sorted(slices.Values(in.Filter)), ",")
	list, next, err := page(s, pageRequest{call: call, list: filter, marker: in.Marker, maxItems: in.MaxItems}, oneAfterAnother(sections))
	if err != nil {
		return nil, err
	}
	out := &GetAccountAuthorizationDetailsOutput{
		UserDetailList: []UserDetail{}, GroupDetailList: []GroupDetail{}, RoleDetailList: []RoleDetail{},
		Policies: []ManagedPolicyDetail{}, Marker: next, IsTruncated: truncated(next),
	}
	for _, d := range list {
		switch {
		case d.user != nil:
			out.UserDetailList = append(out.UserDetailList, *d.user)
		case d.group != nil:
			out.GroupDetailList = append(out.GroupDetailList, *d.group)
		case d.role != nil:
			out.RoleDetailList = append(out.RoleDetailList, *d.role)
		case d.policy != nil:
			out.Policies = append(out.Policies, *d.policy)
		}
	}
	return out, nil
}

func (s *Service) userDetail(u userRecord) detail {
	return detail{user: &UserDetail{
		Path: u.Path, UserName: u.Name, UserID: u.ID, ARN: string(u.arn()), CreateDate: api.At(u.Created),
		UserPolicyList: u.inlineDetails(), GroupList: s.groupNames(&u),
		AttachedManagedPolicies: u.attachedDetails(), PermissionsBoundary: u.boundary(), Tags: u.wireTags(),
	}}
}

func groupDetail(g groupRecord) detail {
	return detail{group: &GroupDetail{
		Path: g.Path, GroupName: g.Name, GroupID: g.ID, ARN: string(g.arn()), CreateDate: api.At(g.Created),
		GroupPolicyList: g.inlineDetails(), AttachedManagedPolicies: g.attachedDetails(),
	}}
}

func (s *Service) roleDetail(r roleRecord) detail {
	return detail{role: &RoleDetail{
		Path: r.Path, RoleName: r.Name, RoleID: r.ID, ARN: string(r.arn()), CreateDate: api.At(r.Created),
		AssumeRolePolicyDocument: percentEncode(s.trustText(r.Trust)),
		RolePolicyList:           r.inlineDetails(), AttachedManagedPolicies: r.attachedDetails(),
		PermissionsBoundary: r.boundary(), Tags: r.wireTags(), RoleLastUsed: s.uses.role(r.ID),
	}}
}

func (s *Service) policyDetail(p *policyRecord, u usage) *ManagedPolicyDetail {
	w := s.wirePolicy(*p, u)
	return &ManagedPolicyDetail{
		PolicyName: w.PolicyName, PolicyID: w.PolicyID, ARN: w.ARN, Path: w.Path,
		DefaultVersionID: w.DefaultVersionID, AttachmentCount: w.AttachmentCount,
		PermissionsBoundaryUsageCount: w.PermissionsBoundaryUsageCount, IsAttachable: w.IsAttachable,
		Description: p.Description, CreateDate: w.CreateDate, UpdateDate: w.UpdateDate,
		PolicyVersionList: p.versionDetails(),
	}
}
