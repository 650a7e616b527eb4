package organizations

import (
	"cmp"
	"context"

	"tributary/internal/pure/arn"
	"tributary/internal/service/api"
)

// aboutEffectivePolicy names the account; without one it is the caller's, which
// needs no name.
var aboutEffectivePolicy subject[DescribeEffectivePolicyInput] = func(in *DescribeEffectivePolicyInput) about {
	a := about{policyType: in.PolicyType}
	if in.TargetID != "" {
		a.ids = one(in.TargetID)
	}
	return a
}

// describeEffectivePolicy answers what the policies of a type come to for an
// account: those of the root, then of each unit, then its own, merged. Every
// account may ask for itself.
func (s *Service) describeEffectivePolicy(_ context.Context, call *api.Call, in *DescribeEffectivePolicyInput) (*DescribeEffectivePolicyOutput, error) {
	id := arn.AccountID(cmp.Or(in.TargetID, string(call.Account())))
	org, ok := s.organizationOf(call.Account())
	if !ok {
		return nil, errNotInUse()
	}
	if id != call.Account() {
		var err error
		if org, err = enter(s, readable, aboutEffectivePolicy, call, in); err != nil {
			return nil, err
		}
	}
	a, ok := s.member(org, id)
	if !ok {
		return nil, errTargetNotFound()
	}
	kind := kindOf(in.PolicyType)
	var merged settingsMerge
	for _, level := range s.levels(org, a) {
		for _, policyID := range org.attached(level.attached, kind) {
			p, _, ok := s.policy(org, policyID)
			if !ok {
				continue
			}
			tree, err := parseSettings(p.Content)
			if err != nil {
				return nil, err
			}
			merged.add(tree)
		}
		merged.descend()
	}
	content, ok := merged.content()
	if !ok {
		return nil, api.Refuse("EffectivePolicyNotFoundException", "If you ran this action on the management account, this policy type is not enabled. If you ran the action on a member account, the account doesn't have an effective policy of this type. Contact the administrator of your organization about attaching a policy of this type to the account.")
	}
	return &DescribeEffectivePolicyOutput{EffectivePolicy: &EffectivePolicy{
		PolicyContent: content, TargetID: string(id), PolicyType: in.PolicyType,
		LastUpdatedTimestamp: api.At(s.cfg.Now()),
	}}, nil
}
