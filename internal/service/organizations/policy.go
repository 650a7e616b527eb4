package organizations

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"unicode/utf8"

	"tributary/internal/durable/catalog"
	"tributary/internal/pure/arn"
	"tributary/internal/pure/policy"
	"tributary/internal/service/api"
)

// A policyRecord is what is stored of a policy, under the organization's id and
// its own.
type policyRecord struct {
	ID          string            `json:"id"` // p-…
	Org         string            `json:"org"`
	Type        string            `json:"type"`
	Name        string            `json:"name"`
	Description string            `json:"description,omitzero"`
	Content     string            `json:"content"` // exactly as it was given
	Tags        map[string]string `json:"tags,omitzero"`
}

func (p policyRecord) key() catalog.Key { return catalog.KeyOf(p.Org, p.ID) }

// managed reports whether the policy is AWS's own, in no organization.
func (p policyRecord) managed() bool { return p.Org == "" }

// policy is the organization's, or AWS's, policy with that id.
func (s *Service) policy(org organizationRecord, id string) (p policyRecord, rev catalog.Revision, ok bool) {
	if managed := managedPolicy(id); managed != nil {
		return *managed, 0, true
	}
	return s.policies.Get(catalog.KeyOf(org.ID, id))
}

// arn names the policy; AWS's own belong to no account.
func (p policyRecord) arn(org organizationRecord) string {
	path := kindOf(p.Type).path()
	if p.managed() {
		return string(arn.New("organizations", "", "aws", "policy/"+path+"/"+p.ID))
	}
	return string(arn.New("organizations", "", org.Management, "policy/"+org.ID+"/"+path+"/"+p.ID))
}

// summary is the wire form of a policy without its content.
func (p policyRecord) summary(org organizationRecord) *PolicySummary {
	managed := p.managed()
	return &PolicySummary{
		ID: p.ID, ARN: p.arn(org), Name: p.Name, Description: p.Description, Type: p.Type, AwsManaged: &managed,
	}
}

func (p policyRecord) wire(org organizationRecord) *Policy {
	return &Policy{PolicySummary: p.summary(org), Content: p.Content}
}

// createPolicy makes a policy that is attached to nothing. Its type need not be
// enabled.
func (s *Service) createPolicy(ctx context.Context, _ *api.Call, org organizationRecord, in *CreatePolicyInput) (*CreatePolicyOutput, error) {
	if err := org.mustHaveAllFeaturesForPolicies(); err != nil {
		return nil, err
	}
	kind := kindOf(in.Type)
	tags, err := withTags(nil, in.Tags)
	if err != nil {
		return nil, err
	}
	if err := kind.check(in.Content); err != nil {
		return nil, err
	}
	if s.policyNameTaken(org, kind, in.Name) {
		return nil, errDuplicatePolicy()
	}
	if count(pick(s.policiesOf(org, ""), kind.own)) >= s.policiesQuota(kind) {
		return nil, errConstraint("POLICY_NUMBER_LIMIT_EXCEEDED", "You have exceeded the maximum number of policies in an organization.")
	}
	p := policyRecord{
		ID: newID("p-", 10), Org: org.ID, Type: kind.name,
		Name: in.Name, Description: in.Description, Content: in.Content, Tags: tags,
	}
	if _, err := s.policies.Create(ctx, p.key(), p); err != nil {
		return nil, fmt.Errorf("create policy: %w", err)
	}
	return &CreatePolicyOutput{Policy: p.wire(org)}, nil
}

// check refuses a content that is no policy of the type.
func (k *policyKind) check(content string) error {
	if utf8.RuneCountInString(content) > k.maxSize {
		return errConstraint("POLICY_CONTENT_LIMIT_EXCEEDED", "You have exceeded the maximum policy size.")
	}
	if k.usage == 0 {
		if _, err := parseSettings(content); err != nil {
			return errMalformedPolicy()
		}
		return nil
	}
	document, err := policy.Parse(content, k.usage)
	if err != nil {
		return errMalformedPolicy()
	}
	if k == resourceControl && coversEverything(document) {
		return errMalformedPolicy()
	}
	return nil
}

// coversEverything reports whether a statement is about every action. A resource
// control policy that is not AWS's own must name its actions; that such a one only
// denies, the parser has seen to.
func coversEverything(d *policy.Document) bool {
	return slices.ContainsFunc(d.Statements(), func(st policy.Statement) bool { return slices.Contains(st.Actions, "*") })
}

// own keeps policies of the type, without AWS's.
func (k *policyKind) own(p policyRecord) (policyRecord, bool) {
	return p, p.Type == k.name && !p.managed()
}

func (s *Service) policyNameTaken(org organizationRecord, kind *policyKind, name string) bool {
	for _, p := range s.policiesOf(org, "") {
		if p.Type == kind.name && p.Name == name {
			return true
		}
	}
	return false
}

// policiesOf are AWS's and the organization's policies, by id, those after the
// given one.
func (s *Service) policiesOf(org organizationRecord, after string) rows[policyRecord] {
	var managed []policyRecord
	for _, k := range policyKinds {
		if k.managed != nil && k.managed.ID > after {
			managed = append(managed, *k.managed)
		}
	}
	slices.SortFunc(managed, func(a, b policyRecord) int { return cmp.Compare(a.ID, b.ID) })
	return func(yield func(string, policyRecord) bool) {
		left := managed
		for _, p := range s.policies.ScanFrom(catalog.KeyOf(org.ID), catalog.KeyOf(org.ID, after)) {
			for len(left) > 0 && left[0].ID < p.ID {
				if !yield(left[0].ID, left[0]) {
					return
				}
				left = left[1:]
			}
			if !yield(p.ID, p) {
				return
			}
		}
		for _, p := range left {
			if !yield(p.ID, p) {
				return
			}
		}
	}
}

// describePolicy answers one policy with its content.
func (s *Service) describePolicy(_ context.Context, _ *api.Call, org organizationRecord, in *DescribePolicyInput) (*DescribePolicyOutput, error) {
	p, _, ok := s.policy(org, in.PolicyID)
	if !ok {
		return nil, errPolicyNotFound()
	}
	return &DescribePolicyOutput{Policy: p.wire(org)}, nil
}

// updatePolicy changes what is given of a policy. The next request obeys it.
func (s *Service) updatePolicy(ctx context.Context, _ *api.Call, org organizationRecord, in *UpdatePolicyInput) (*UpdatePolicyOutput, error) {
	p, err := s.ownPolicy(org, in.PolicyID)
	if err != nil {
		return nil, err
	}
	kind := kindOf(p.Type)
	if in.Name != "" && in.Name != p.Name && s.policyNameTaken(org, kind, in.Name) {
		return nil, errDuplicatePolicy()
	}
	if in.Content != "" {
		if err := kind.check(in.Content); err != nil {
			return nil, err
		}
	}
	p.Name = cmp.Or(in.Name, p.Name)
	p.Description = cmp.Or(in.Description, p.Description)
	p.Content = cmp.Or(in.Content, p.Content)
	if err := s.updatePolicyRecord(ctx, p, func(policyRecord) policyRecord { return p }); err != nil {
		return nil, err
	}
	return &UpdatePolicyOutput{Policy: p.wire(org)}, nil
}

func (s *Service) updatePolicyRecord(ctx context.Context, p policyRecord, change func(policyRecord) policyRecord) error {
	_, err := s.policies.Update(ctx, p.key(), func(stored policyRecord, exists bool) (policyRecord, error) {
		if !exists {
			return stored, errPolicyNotFound()
		}
		return change(stored), nil
	})
	if err != nil {
		return fmt.Errorf("change policy %s: %w", p.ID, err)
	}
	return nil
}

// ownPolicy is a policy that the organization may change.
func (s *Service) ownPolicy(org organizationRecord, id string) (policyRecord, error) {
	p, _, ok := s.policy(org, id)
	if !ok {
		return p, errPolicyNotFound()
	}
	if p.managed() {
		return p, errInvalidInput("IMMUTABLE_POLICY", "You specified a policy that is managed by AWS and can't be modified.")
	}
	return p, nil
}

// deletePolicy removes a policy that is attached to nothing.
func (s *Service) deletePolicy(ctx context.Context, _ *api.Call, org organizationRecord, in *DeletePolicyInput) (*api.Void, error) {
	p, err := s.ownPolicy(org, in.PolicyID)
	if err != nil {
		return nil, err
	}
	if s.isAttached(org, p) {
		return nil, api.Refuse("PolicyInUseException", "The policy is attached to one or more entities. You must detach it from all roots, OUs, and accounts before performing this operation.")
	}
	return nil, remove(ctx, s.policies, p.key())
}

// listPolicies answers the policies of a type, AWS's own among them.
func (s *Service) listPolicies(_ context.Context, call *api.Call, org organizationRecord, in *ListPoliciesInput) (*ListPoliciesOutput, error) {
	list, next, err := page(s, pageRequest{call, in.Filter, in.NextToken, in.MaxResults}, func(after string) rows[PolicySummary] {
		return pick(s.policiesOf(org, after), func(p policyRecord) (PolicySummary, bool) {
			return *p.summary(org), p.Type == in.Filter
		})
	})
	if err != nil {
		return nil, err
	}
	return &ListPoliciesOutput{Policies: list, NextToken: next}, nil
}
