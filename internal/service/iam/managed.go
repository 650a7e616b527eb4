package iam

import (
	"context"
	"iter"
	"strings"
	"time"

	"tributary/internal/durable/catalog"
	"tributary/internal/pure/arn"
	"tributary/internal/pure/policy"
	"tributary/internal/service/api"
)

// A policyRecord is what is stored of a managed policy, under account and name.
// Policies of the same name in different paths do not exist.
type policyRecord struct {
	Entity
	Description string    `json:"description,omitzero"`
	Updated     time.Time `json:"updated"` // when the default version last changed
	Default     int       `json:"default"` // number of the default version
	Last        int       `json:"last"`    // number of the newest version that ever was
	// Versions are at most maxVersions, oldest first; the default is among them.
	Versions []versionRecord `json:"versions"`
}

const maxManagedPolicy = 6144 // characters other than white space

// policyByARN is the managed policy that an ARN names, path included, whoever's
// it is. AWS's own have revision 0 and never change.
func (s *Service) policyByARN(policyARN string) (p policyRecord, rev catalog.Revision, ok bool) {
	if p, ok := s.awsPolicies[policyARN]; ok {
		return p, 0, true
	}
	account, name, ok := policyName(policyARN)
	if !ok {
		return policyRecord{}, 0, false
	}
	p, rev, ok = s.policies.Get(entityKey(account, name))
	if !ok || string(s.policies.arn(p)) != policyARN {
		return policyRecord{}, 0, false
	}
	return p, rev, true
}

// policyName are the account and name in the ARN of a managed policy.
func policyName(policyARN string) (account arn.AccountID, name string, ok bool) {
	p := arn.ARN(policyARN).Parts()
	if p.Service != "iam" || p.Region != "" || !strings.HasPrefix(p.Resource, "policy/") {
		return "", "", false
	}
	return p.Account, lastName(arn.ARN(policyARN)), true
}

// readPolicy is a managed policy that the caller's account may see: its own or
// AWS's.
func (s *Service) readPolicy(call *api.Call, policyARN string) (policyRecord, error) {
	if err := checkPolicyARN(policyARN); err != nil {
		return policyRecord{}, err
	}
	p, _, ok := s.policyByARN(policyARN)
	if !ok || p.Account != call.Account() && p.Account != awsAccount {
		return policyRecord{}, errNoSuchPolicy(policyARN)
	}
	return p, nil
}

// ownPolicy is a managed policy that the caller's account may change.
func (s *Service) ownPolicy(call *api.Call, policyARN string) (policyRecord, error) {
	p, err := s.readPolicy(call, policyARN)
	if err != nil {
		return policyRecord{}, err
	}
	if p.Account == awsAccount {
		return policyRecord{}, errAccessDenied("Policy is outside your own account.")
	}
	return p, nil
}

// attachable is the ARN of a policy that the account may attach or make a
// boundary of. Whoever stores it holds relations, so that the policy is not
// deleted meanwhile.
func (s *Service) attachable(account arn.AccountID, policyARN string) error {
	if err := checkPolicyARN(policyARN); err != nil {
		return err
	}
	p, _, ok := s.policyByARN(policyARN)
	if !ok || p.Account != account && p.Account != awsAccount {
		return errPolicyNotAttachable(policyARN)
	}
	if p.Account == awsAccount && strings.HasPrefix(p.Path, serviceRolePath) {
		return errServicePolicy()
	}
	return nil
}

func checkPolicyARN(policyARN string) error {
	if _, err := arn.Parse(policyARN); err != nil {
		return errUnreadableARN()
	}
	if _, _, ok := policyName(policyARN); !ok {
		return errInvalidInput("ARN " + policyARN + " is not valid.")
	}
	return nil
}

// managed is what a managed policy says now, parsed, and whether it refers to
// keys of the request context. A document that cannot be read is nil.
func (s *Service) managed(p *policyRecord, rev catalog.Revision) compiled {
	return s.documents.get(p.ID, rev, func() compiled {
		return compile(p.version(p.Default).Text, policy.Managed)
	})
}

// wire is the wire form of a managed policy, with what uses it. Lists leave
// description and tags out.
func (s *Service) wirePolicy(p policyRecord, u usage) Policy {
	yes := true
	return Policy{
		PolicyName:                    p.Name,
		PolicyID:                      p.ID,
		ARN:                           string(s.policies.arn(p)),
		Path:                          p.Path,
		DefaultVersionID:              versionID(p.Default),
		AttachmentCount:               &u.attached,
		PermissionsBoundaryUsageCount: &u.boundary,
		IsAttachable:                  &yes,
		CreateDate:                    api.At(p.Created),
		UpdateDate:                    api.At(p.Updated),
	}
}

// createPolicy makes a managed policy, whose document is version 1.
func (s *Service) createPolicy(ctx context.Context, call *api.Call, in *CreatePolicyInput) (*CreatePolicyOutput, error) {
	if err := checkManaged(in.PolicyDocument); err != nil {
		return nil, err
	}
	e, err := s.newEntity(call.Account(), "ANPA", in.Path, in.PolicyName, in.Tags)
	if err != nil {
		return nil, err
	}
	p := policyRecord{
		Entity: e, Description: in.Description, Updated: e.Created, Default: 1, Last: 1,
		Versions: []versionRecord{{Number: 1, Text: in.PolicyDocument, Created: e.Created}},
	}
	if err := s.policies.create(ctx, p, nil); err != nil {
		return nil, err
	}
	out := s.wirePolicy(p, usage{})
	out.Description, out.Tags = p.Description, p.wireTags()
	return &CreatePolicyOutput{Policy: &out}, nil
}

// checkManaged refuses a text that cannot be a version of a managed policy.
func checkManaged(text string) error {
	if _, err := parsePolicy(text, policy.Managed); err != nil {
		return err
	}
	if size(text) > maxManagedPolicy {
		return errQuota("PolicySize", maxManagedPolicy)
	}
	return nil
}

func (s *Service) getPolicy(_ context.Context, call *api.Call, in *GetPolicyInput) (*GetPolicyOutput, error) {
	p, err := s.readPolicy(call, in.PolicyARN)
	if err != nil {
		return nil, err
	}
	out := s.wirePolicy(p, s.usageOf(call.Account())[in.PolicyARN])
	out.Description, out.Tags = p.Description, p.wireTags()
	return &GetPolicyOutput{Policy: &out}, nil
}

// deletePolicy deletes a managed policy that nothing uses and that has no version
// left but the default.
func (s *Service) deletePolicy(ctx context.Context, call *api.Call, in *DeletePolicyInput) (*api.Void, error) {
	p, err := s.ownPolicy(call, in.PolicyARN)
	if err != nil {
		return nil, err
	}
	return nil, s.policies.remove(ctx, call, p.Name, func(p *policyRecord) error {
		if u := s.usageOf(p.Account)[in.PolicyARN]; u.attached+u.boundary > 0 {
			return errPolicyAttached()
		}
		if len(p.Versions) > 1 {
			return errPolicyVersions()
		}
		return nil
	})
}

// listPolicies answers the account's managed policies by name, then AWS's. The
// filter PermissionsBoundary leaves those that are used as boundaries,
// PermissionsPolicy those that are used otherwise or not at all.
func (s *Service) listPolicies(_ context.Context, call *api.Call, in *ListPoliciesInput) (*ListPoliciesOutput, error) {
	used := s.usageOf(call.Account())
	keep := func(p policyRecord) bool {
		u := used[string(s.policies.arn(p))]
		if !strings.HasPrefix(p.Path, in.PathPrefix) || !u.matches(in.PolicyUsageFilter) {
			return false
		}
		return in.OnlyAttached == nil || !*in.OnlyAttached || u.attached+u.boundary > 0
	}
	wire := func(p policyRecord) Policy { return s.wirePolicy(p, used[string(s.policies.arn(p))]) }
	var sections []section[Policy]
	if in.Scope != "AWS" {
		sections = append(sections, sectionOf(s.localPolicies(call.Account(), keep), wire))
	}
	if in.Scope != "Local" {
		sections = append(sections, sectionOf(s.listedAWSPolicies(keep), wire))
	}
	p := pageRequest{call: call, list: in.Scope + in.PathPrefix, marker: in.Marker, maxItems: in.MaxItems}
	list, next, err := page(s, p, oneAfterAnother(sections))
	if err != nil {
		return nil, err
	}
	return &ListPoliciesOutput{Policies: list, Marker: next, IsTruncated: truncated(next)}, nil
}

// localPolicies are an account's own managed policies that keep lets through.
func (s *Service) localPolicies(account arn.AccountID, keep func(policyRecord) bool) func(after string) iter.Seq2[string, policyRecord] {
	return func(after string) iter.Seq2[string, policyRecord] {
		return byName(s.policies.Table, account, after, keep)
	}
}
