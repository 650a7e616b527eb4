package organizations

import (
	"context"
	"fmt"
	"maps"

	"tributary/internal/durable/catalog"
	"tributary/internal/service/api"
)

// listRoots answers the one root of the organization.
func (s *Service) listRoots(_ context.Context, call *api.Call, org organizationRecord, in *ListRootsInput) (*ListRootsOutput, error) {
	roots, next, err := page(s, pageRequest{call, "", in.NextToken, in.MaxResults},
		listed([]Root{*org.wireRoot()}, func(r Root) string { return r.ID }))
	if err != nil {
		return nil, err
	}
	return &ListRootsOutput{Roots: roots, NextToken: next}, nil
}

// wireRoot is the wire form of the root, with the types of policy that are enabled
// on it.
func (o organizationRecord) wireRoot() *Root {
	types := []PolicyTypeSummary{}
	for _, k := range policyKinds {
		if o.enabled(k) {
			types = append(types, PolicyTypeSummary{Type: k.name, Status: "ENABLED"})
		}
	}
	return &Root{ID: o.Root, ARN: o.arn("root", o.Root), Name: "Root", PolicyTypes: types}
}

// enablePolicyType makes policies of a type count. In the same moment AWS's own
// policy of the type, where there is one, is attached to the root and to every
// organizational unit and account.
func (s *Service) enablePolicyType(ctx context.Context, _ *api.Call, org organizationRecord, in *EnablePolicyTypeInput) (*EnablePolicyTypeOutput, error) {
	kind := kindOf(in.PolicyType)
	if in.RootID != org.Root {
		return nil, errRootNotFound()
	}
	if err := org.mustHaveAllFeaturesForPolicies(); err != nil {
		return nil, err
	}
	changed, err := s.updateOrganization(ctx, org.ID, func(o organizationRecord) (organizationRecord, error) {
		if o.enabled(kind) {
			return o, api.Refuse("PolicyTypeAlreadyEnabledException", "The specified policy type is already enabled.")
		}
		o.PolicyTypes = cloned(o.PolicyTypes)
		o.PolicyTypes[kind.name] = newID("", 10)
		return o, nil
	})
	if err != nil {
		return nil, err
	}
	return &EnablePolicyTypeOutput{Root: changed.wireRoot()}, nil
}

// disablePolicyType makes policies of a type count no longer, and detaches them
// from everything, for good.
func (s *Service) disablePolicyType(ctx context.Context, _ *api.Call, org organizationRecord, in *DisablePolicyTypeInput) (*DisablePolicyTypeOutput, error) {
	kind := kindOf(in.PolicyType)
	if in.RootID != org.Root {
		return nil, errRootNotFound()
	}
	changed, err := s.updateOrganization(ctx, org.ID, func(o organizationRecord) (organizationRecord, error) {
		if !o.enabled(kind) {
			return o, errPolicyTypeNotEnabled()
		}
		o.PolicyTypes = cloned(o.PolicyTypes)
		delete(o.PolicyTypes, kind.name)
		return o, nil
	})
	if err != nil {
		return nil, err
	}
	return &DisablePolicyTypeOutput{Root: changed.wireRoot()}, nil
}

// mustHaveAllFeaturesForPolicies refuses where an organization only shares bills.
func (o organizationRecord) mustHaveAllFeaturesForPolicies() error {
	if o.FeatureSet == allFeatures {
		return nil
	}
	return api.Refuse("PolicyTypeNotAvailableForOrganizationException", "You can't use the specified policy type with the feature set currently enabled for this organization.")
}

// updateOrganization changes the record of an organization and returns it as it
// is then. change must not change what the record points to.
func (s *Service) updateOrganization(ctx context.Context, id string, change func(organizationRecord) (organizationRecord, error)) (organizationRecord, error) {
	var changed organizationRecord
	_, err := s.organizations.Update(ctx, catalog.KeyOf(id), func(o organizationRecord, exists bool) (organizationRecord, error) {
		if !exists {
			return o, errNotInUse()
		}
		var err error
		changed, err = change(o)
		return changed, err
	})
	if err != nil {
		return organizationRecord{}, fmt.Errorf("change organization %s: %w", id, err)
	}
	return changed, nil
}

// cloned is a copy that may be changed; never nil.
func cloned[V any](m map[string]V) map[string]V {
	c := make(map[string]V, len(m)+1)
	maps.Copy(c, m)
	return c
}
