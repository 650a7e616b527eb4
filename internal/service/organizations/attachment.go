package organizations

import (
	"context"
	"slices"

	"tributary/internal/pure/arn"
	"tributary/internal/service/api"
)

// attachPolicy makes a policy apply to a target and to everything below it. The
// next request obeys it.
func (s *Service) attachPolicy(ctx context.Context, _ *api.Call, org organizationRecord, in *AttachPolicyInput) (*api.Void, error) {
	kind, t, err := s.attachable(org, in.PolicyID, in.TargetID)
	if err != nil {
		return nil, err
	}
	if !org.enabled(kind) {
		return nil, errPolicyTypeNotEnabled()
	}
	present := org.attached(t.attached, kind)
	if slices.Contains(present, in.PolicyID) {
		return nil, api.Refuse("DuplicatePolicyAttachmentException", "The selected policy is already attached to the specified target.")
	}
	if len(present) >= kind.maxAttached {
		return nil, errConstraint("MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED", "You have attached the maximum number of policies to the specified target.")
	}
	return nil, s.setAttached(ctx, org, t, kind, append(slices.Clone(present), in.PolicyID))
}

// detachPolicy takes a policy from a target. Where service control policies are
// enabled, one must stay: a target without any would allow nothing. AWS's own
// resource control policy stays everywhere.
func (s *Service) detachPolicy(ctx context.Context, _ *api.Call, org organizationRecord, in *DetachPolicyInput) (*api.Void, error) {
	kind, t, err := s.attachable(org, in.PolicyID, in.TargetID)
	if err != nil {
		return nil, err
	}
	present := org.attached(t.attached, kind)
	i := slices.Index(present, in.PolicyID)
	switch {
	case i < 0:
		return nil, api.Refuse("PolicyNotAttachedException", "The policy isn't attached to the specified target in the specified root.")
	case in.PolicyID == rcpFullAccessID:
		return nil, errInvalidInput("NON_DETACHABLE_POLICY", "You can't detach this AWS managed policy.")
	case kind == serviceControl && len(present) == 1:
		return nil, errConstraint("MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED", "You cannot remove the last policy attached to the specified target. You must have at least one attached at all times.")
	}
	return nil, s.setAttached(ctx, org, t, kind, slices.Delete(slices.Clone(present), i, i+1))
}

// attachable are the type of a policy and a target of the same organization.
func (s *Service) attachable(org organizationRecord, policyID, targetID string) (*policyKind, target, error) {
	p, _, ok := s.policy(org, policyID)
	if !ok {
		return nil, target{}, errPolicyNotFound()
	}
	t, ok := s.target(org, targetID)
	if !ok {
		return nil, target{}, errTargetNotFound()
	}
	return kindOf(p.Type), t, nil
}

// setAttached writes the policies of a type that a target has, into the record of
// the target.
func (s *Service) setAttached(ctx context.Context, org organizationRecord, t target, kind *policyKind, policies []string) error {
	p := attachedPolicies{Enabled: org.PolicyTypes[kind.name], Policies: policies}
	return s.updateTarget(ctx, org, t, func(a attachments, tags map[string]string) (attachments, map[string]string) {
		return a.with(kind, p), tags
	})
}

// updateTarget changes what policies and tags a target has. change must not change
// what it is given.
func (s *Service) updateTarget(ctx context.Context, org organizationRecord, t target, change func(attachments, map[string]string) (attachments, map[string]string)) error {
	switch t.kind {
	case kindRoot:
		_, err := s.updateOrganization(ctx, org.ID, func(o organizationRecord) (organizationRecord, error) {
			o.Attached, o.Tags = change(o.Attached, o.Tags)
			return o, nil
		})
		return err
	case kindUnit:
		return s.updateUnit(ctx, unitRecord{Org: org.ID, ID: t.id}, func(u unitRecord) unitRecord {
			u.Attached, u.Tags = change(u.Attached, u.Tags)
			return u
		})
	}
	return s.updateMember(ctx, org, arn.AccountID(t.id), func(m Member) (Member, error) {
		m.Attached, m.Tags = change(m.Attached, m.Tags)
		return m, nil
	})
}

// listPoliciesForTarget answers the policies of a type that are attached to the
// target itself, by id.
func (s *Service) listPoliciesForTarget(_ context.Context, call *api.Call, org organizationRecord, in *ListPoliciesForTargetInput) (*ListPoliciesForTargetOutput, error) {
	t, ok := s.target(org, in.TargetID)
	if !ok {
		return nil, errTargetNotFound()
	}
	kind := kindOf(in.Filter)
	attached := []PolicySummary{}
	for _, id := range slices.Sorted(slices.Values(org.attached(t.attached, kind))) {
		if p, _, ok := s.policy(org, id); ok {
			attached = append(attached, *p.summary(org))
		}
	}
	list, next, err := page(s, pageRequest{call, in.TargetID + " " + in.Filter, in.NextToken, in.MaxResults},
		listed(attached, func(p PolicySummary) string { return p.ID }))
	if err != nil {
		return nil, err
	}
	return &ListPoliciesForTargetOutput{Policies: list, NextToken: next}, nil
}

// listTargetsForPolicy answers what a policy is attached to: the root, then units,
// then accounts.
func (s *Service) listTargetsForPolicy(_ context.Context, call *api.Call, org organizationRecord, in *ListTargetsForPolicyInput) (*ListTargetsForPolicyOutput, error) {
	p, _, ok := s.policy(org, in.PolicyID)
	if !ok {
		return nil, errPolicyNotFound()
	}
	list, next, err := page(s, pageRequest{call, in.PolicyID, in.NextToken, in.MaxResults}, func(after string) rows[PolicyTargetSummary] {
		return pick(s.targets(org, after), func(t target) (PolicyTargetSummary, bool) {
			return t.summary(s, org), slices.Contains(org.attached(t.attached, kindOf(p.Type)), p.ID)
		})
	})
	if err != nil {
		return nil, err
	}
	return &ListTargetsForPolicyOutput{Targets: list, NextToken: next}, nil
}

func (t target) summary(s *Service, org organizationRecord) PolicyTargetSummary {
	return PolicyTargetSummary{TargetID: t.id, ARN: s.arnOf(org, t.id), Name: t.name, Type: t.kind}
}

// isAttached reports whether a policy is attached to anything.
func (s *Service) isAttached(org organizationRecord, p policyRecord) bool {
	for _, t := range s.targets(org, "") {
		if slices.Contains(org.attached(t.attached, kindOf(p.Type)), p.ID) {
			return true
		}
	}
	return false
}
