package organizations

import (
	"context"
	"path"
	"slices"
	"strings"

	"tributary/internal/pure/policy"
	"tributary/internal/service/api"
)

// A resourcePolicyRecord is the policy by which the management account admits
// members to operations that are its own.
type resourcePolicyRecord struct {
	ID      string            `json:"id"` // rp-…
	Content string            `json:"content"`
	Tags    map[string]string `json:"tags,omitzero"`
}

// putResourcePolicy sets the organization's resource policy. The next request of a
// member obeys it.
func (s *Service) putResourcePolicy(ctx context.Context, _ *api.Call, org organizationRecord, in *PutResourcePolicyInput) (*PutResourcePolicyOutput, error) {
	if err := checkResourcePolicy(in.Content); err != nil {
		return nil, err
	}
	changed, err := s.updateOrganization(ctx, org.ID, func(o organizationRecord) (organizationRecord, error) {
		r := resourcePolicyRecord{ID: newID("rp-", 8)}
		if o.ResourcePolicy != nil {
			r = *o.ResourcePolicy
		}
		r.Content = in.Content
		var err error
		r.Tags, err = withTags(r.Tags, in.Tags)
		o.ResourcePolicy = &r
		return o, err
	})
	if err != nil {
		return nil, err
	}
	return &PutResourcePolicyOutput{ResourcePolicy: changed.wireResourcePolicy()}, nil
}

// delegableActions are those that a resource policy may speak of.
var delegableActions = []string{
	"AttachPolicy", "CreatePolicy", "DeletePolicy", "DescribeAccount", "DescribeCreateAccountStatus",
	"DescribeEffectivePolicy", "DescribeHandshake", "DescribeOrganization", "DescribeOrganizationalUnit",
	"DescribePolicy", "DescribeResourcePolicy", "DetachPolicy", "DisablePolicyType", "EnablePolicyType",
	"ListAWSServiceAccessForOrganization", "ListAccounts", "ListAccountsForParent", "ListChildren",
	"ListCreateAccountStatus", "ListDelegatedAdministrators", "ListDelegatedServicesForAccount",
	"ListHandshakesForAccount", "ListHandshakesForOrganization", "ListOrganizationalUnitsForParent",
	"ListParents", "ListPolicies", "ListPoliciesForTarget", "ListRoots", "ListTagsForResource",
	"ListTargetsForPolicy", "TagResource", "UntagResource", "UpdatePolicy",
}

// keptActions are those that it may not.
var keptActions = []string{
	"AcceptHandshake", "CancelHandshake", "CloseAccount", "CreateAccount", "CreateOrganization",
	"CreateOrganizationalUnit", "DeclineHandshake", "DeleteOrganization", "DeleteOrganizationalUnit",
	"DeleteResourcePolicy", "DeregisterDelegatedAdministrator", "DisableAWSServiceAccess",
	"EnableAWSServiceAccess", "EnableAllFeatures", "InviteAccountToOrganization", "LeaveOrganization",
	"MoveAccount", "PutResourcePolicy", "RegisterDelegatedAdministrator",
	"RemoveAccountFromOrganization", "UpdateOrganizationalUnit",
}

// checkResourcePolicy refuses what is no resource policy of an organization.
func checkResourcePolicy(content string) error {
	document, err := policy.Parse(content, policy.Resource)
	if err != nil {
		return errInvalidInput("INVALID_RESOURCE_POLICY_JSON", "You specified an invalid resource policy: "+err.Error())
	}
	for _, st := range document.Statements() {
		if st.NotAction || st.NotPrincipal || st.NotResource {
			return errInvalidInput("INVALID_RESOURCE_POLICY_JSON", "A resource policy can't have NotAction, NotPrincipal or NotResource.")
		}
		for _, p := range st.Principals {
			if p.Type != "AWS" {
				return errInvalidInput("INVALID_PRINCIPAL", "You specified an invalid principal element in the policy.")
			}
		}
		for _, action := range st.Actions {
			if !isDelegable(action) {
				return errInvalidInput("UNSUPPORTED_ACTION_IN_RESOURCE_POLICY", "You specified an action that isn't supported in a resource policy: "+action)
			}
		}
		for _, resource := range st.Resources {
			if !isDelegableResource(resource) {
				return errInvalidInput("UNSUPPORTED_RESOURCE_IN_RESOURCE_POLICY", "You specified a resource that isn't supported in a resource policy: "+resource)
			}
		}
	}
	return nil
}

// isDelegable reports whether an action of a policy covers something, and nothing
// but what a resource policy may speak of.
func isDelegable(action string) bool {
	service, pattern, _ := strings.Cut(strings.ToLower(action), ":")
	if service != "organizations" {
		return false
	}
	covers := func(name string) bool {
		ok, err := path.Match(pattern, strings.ToLower(name))
		return err == nil && ok
	}
	return slices.ContainsFunc(delegableActions, covers) && !slices.ContainsFunc(keptActions, covers)
}

// isDelegableResource reports whether a resource of a policy may be a thing of an
// organization.
func isDelegableResource(resource string) bool {
	return resource == "*" || strings.HasPrefix(resource, "arn:aws:organizations::")
}

// describeResourcePolicy answers the organization's resource policy.
func (s *Service) describeResourcePolicy(_ context.Context, _ *api.Call, org organizationRecord, _ *DescribeResourcePolicyInput) (*DescribeResourcePolicyOutput, error) {
	if org.ResourcePolicy == nil {
		return nil, errResourcePolicyNotFound()
	}
	return &DescribeResourcePolicyOutput{ResourcePolicy: org.wireResourcePolicy()}, nil
}

// deleteResourcePolicy removes it. From then on members are admitted to nothing by
// it.
func (s *Service) deleteResourcePolicy(ctx context.Context, _ *api.Call, org organizationRecord, _ *DeleteResourcePolicyInput) (*api.Void, error) {
	_, err := s.updateOrganization(ctx, org.ID, func(o organizationRecord) (organizationRecord, error) {
		if o.ResourcePolicy == nil {
			return o, errResourcePolicyNotFound()
		}
		o.ResourcePolicy = nil
		return o, nil
	})
	return nil, err
}

func errResourcePolicyNotFound() *api.Exception {
	return api.Refuse("ResourcePolicyNotFoundException", "We can't find a resource policy for your organization.")
}

func (o organizationRecord) wireResourcePolicy() *ResourcePolicy {
	return &ResourcePolicy{
		ResourcePolicySummary: &ResourcePolicySummary{ID: o.ResourcePolicy.ID, ARN: o.arn("resourcepolicy", o.ResourcePolicy.ID)},
		Content:               o.ResourcePolicy.Content,
	}
}
