package organizations

import "tributary/internal/service/api"

// Table is the operations of this service.
//
// Policies speak of the things of an organization by ARNs that carry its
// management account. Which operations are for which accounts the doors say;
// policies say who in the account may.
func (s *Service) Table() api.Service {
	return api.Service{
		Name:          "organizations",
		TargetPrefix:  "AWSOrganizationsV20161128",
		Protocol:      api.JSON,
		Constraints:   api.ConstraintStyle{Code: "InvalidInputException", Refuse: errConstraintOf},
		MessageMember: "Message",
		Operations: []api.Operation{
			api.Define("CreateOrganization", anything[CreateOrganizationInput], s.createOrganization),
			api.Define("DescribeOrganization", anything[DescribeOrganizationInput], s.describeOrganization),
			changes(s, "DeleteOrganization", managementOnly, subject[DeleteOrganizationInput](nil), s.deleteOrganization),
			changes(s, "EnableAllFeatures", managementOnly, subject[EnableAllFeaturesInput](nil), s.enableAllFeatures),

			changes(s, "CreateAccount", managementOnly, func(in *CreateAccountInput) about { return about{tags: in.Tags} }, s.createAccount),
			looks(s, "DescribeCreateAccountStatus", subject[DescribeCreateAccountStatusInput](nil), s.describeCreateAccountStatus),
			looks(s, "ListCreateAccountStatus", subject[ListCreateAccountStatusInput](nil), s.listCreateAccountStatus),
			changes(s, "CloseAccount", managementOnly, func(in *CloseAccountInput) about { return about{ids: one(in.AccountID)} }, s.closeAccount),
			looks(s, "ListAccounts", subject[ListAccountsInput](nil), s.listAccounts),
			looks(s, "DescribeAccount", func(in *DescribeAccountInput) about { return about{ids: one(in.AccountID)} }, s.describeAccount),
			changes(s, "RemoveAccountFromOrganization", managementOnly, func(in *RemoveAccountFromOrganizationInput) about { return about{ids: one(in.AccountID)} }, s.removeAccountFromOrganization),
			api.Define("LeaveOrganization", anything[LeaveOrganizationInput], s.leaveOrganization),

			changes(s, "InviteAccountToOrganization", managementOnly, aboutInvitation, s.inviteAccountToOrganization),
			api.Define("AcceptHandshake", onHandshake(s, func(in *AcceptHandshakeInput) string { return in.HandshakeID }), s.acceptHandshake),
			api.Define("DeclineHandshake", onHandshake(s, func(in *DeclineHandshakeInput) string { return in.HandshakeID }), s.declineHandshake),
			api.Define("CancelHandshake", onHandshake(s, func(in *CancelHandshakeInput) string { return in.HandshakeID }), s.cancelHandshake),
			api.Define("DescribeHandshake", onHandshake(s, func(in *DescribeHandshakeInput) string { return in.HandshakeID }), s.describeHandshake),
			api.Define("ListHandshakesForAccount", anything[ListHandshakesForAccountInput], s.listHandshakesForAccount),
			looks(s, "ListHandshakesForOrganization", subject[ListHandshakesForOrganizationInput](nil), s.listHandshakesForOrganization),

			looks(s, "ListRoots", subject[ListRootsInput](nil), s.listRoots),
			looks(s, "ListParents", func(in *ListParentsInput) about { return about{ids: one(in.ChildID)} }, s.listParents),
			looks(s, "ListChildren", func(in *ListChildrenInput) about { return about{ids: one(in.ParentID)} }, s.listChildren),
			looks(s, "ListAccountsForParent", func(in *ListAccountsForParentInput) about { return about{ids: one(in.ParentID)} }, s.listAccountsForParent),
			looks(s, "ListOrganizationalUnitsForParent", func(in *ListOrganizationalUnitsForParentInput) about { return about{ids: one(in.ParentID)} }, s.listOrganizationalUnitsForParent),
			changes(s, "MoveAccount", managementOnly, func(in *MoveAccountInput) about {
				return about{ids: []string{in.AccountID, in.SourceParentID, in.DestinationParentID}}
			}, s.moveAccount),
			changes(s, "CreateOrganizationalUnit", managementOnly, func(in *CreateOrganizationalUnitInput) about { return about{ids: one(in.ParentID), tags: in.Tags} }, s.createOrganizationalUnit),
			looks(s, "DescribeOrganizationalUnit", func(in *DescribeOrganizationalUnitInput) about { return about{ids: one(in.OrganizationalUnitID)} }, s.describeOrganizationalUnit),
			changes(s, "UpdateOrganizationalUnit", managementOnly, func(in *UpdateOrganizationalUnitInput) about { return about{ids: one(in.OrganizationalUnitID)} }, s.updateOrganizationalUnit),
			changes(s, "DeleteOrganizationalUnit", managementOnly, func(in *DeleteOrganizationalUnitInput) about { return about{ids: one(in.OrganizationalUnitID)} }, s.deleteOrganizationalUnit),

			changes(s, "EnablePolicyType", delegable, func(in *EnablePolicyTypeInput) about { return about{ids: one(in.RootID), policyType: in.PolicyType} }, s.enablePolicyType),
			changes(s, "DisablePolicyType", delegable, func(in *DisablePolicyTypeInput) about { return about{ids: one(in.RootID), policyType: in.PolicyType} }, s.disablePolicyType),
			changes(s, "CreatePolicy", delegable, func(in *CreatePolicyInput) about { return about{policyType: in.Type, tags: in.Tags} }, s.createPolicy),
			looks(s, "DescribePolicy", func(in *DescribePolicyInput) about { return about{ids: one(in.PolicyID)} }, s.describePolicy),
			changes(s, "UpdatePolicy", delegable, func(in *UpdatePolicyInput) about { return about{ids: one(in.PolicyID)} }, s.updatePolicy),
			changes(s, "DeletePolicy", delegable, func(in *DeletePolicyInput) about { return about{ids: one(in.PolicyID)} }, s.deletePolicy),
			looks(s, "ListPolicies", func(in *ListPoliciesInput) about { return about{policyType: in.Filter} }, s.listPolicies),
			changes(s, "AttachPolicy", delegable, func(in *AttachPolicyInput) about { return about{ids: []string{in.PolicyID, in.TargetID}} }, s.attachPolicy),
			changes(s, "DetachPolicy", delegable, func(in *DetachPolicyInput) about { return about{ids: []string{in.PolicyID, in.TargetID}} }, s.detachPolicy),
			looks(s, "ListPoliciesForTarget", func(in *ListPoliciesForTargetInput) about { return about{ids: one(in.TargetID), policyType: in.Filter} }, s.listPoliciesForTarget),
			looks(s, "ListTargetsForPolicy", func(in *ListTargetsForPolicyInput) about { return about{ids: one(in.PolicyID)} }, s.listTargetsForPolicy),
			api.Define("DescribeEffectivePolicy", aboutEffectivePolicy.accesses(s, readable), s.describeEffectivePolicy),

			changes(s, "EnableAWSServiceAccess", managementOnly, func(in *EnableAWSServiceAccessInput) about { return about{service: in.ServicePrincipal} }, s.enableAWSServiceAccess),
			changes(s, "DisableAWSServiceAccess", managementOnly, func(in *DisableAWSServiceAccessInput) about { return about{service: in.ServicePrincipal} }, s.disableAWSServiceAccess),
			looks(s, "ListAWSServiceAccessForOrganization", subject[ListAWSServiceAccessForOrganizationInput](nil), s.listAWSServiceAccessForOrganization),
			changes(s, "RegisterDelegatedAdministrator", managementOnly, func(in *RegisterDelegatedAdministratorInput) about {
				return about{ids: one(in.AccountID), service: in.ServicePrincipal}
			}, s.registerDelegatedAdministrator),
			changes(s, "DeregisterDelegatedAdministrator", managementOnly, func(in *DeregisterDelegatedAdministratorInput) about {
				return about{ids: one(in.AccountID), service: in.ServicePrincipal}
			}, s.deregisterDelegatedAdministrator),
			looks(s, "ListDelegatedAdministrators", func(in *ListDelegatedAdministratorsInput) about { return about{service: in.ServicePrincipal} }, s.listDelegatedAdministrators),
			looks(s, "ListDelegatedServicesForAccount", func(in *ListDelegatedServicesForAccountInput) about { return about{ids: one(in.AccountID)} }, s.listDelegatedServicesForAccount),

			changes(s, "PutResourcePolicy", managementOnly, func(in *PutResourcePolicyInput) about { return about{ids: one("rp-*"), tags: in.Tags} }, s.putResourcePolicy),
			looks(s, "DescribeResourcePolicy", subject[DescribeResourcePolicyInput](nil), s.describeResourcePolicy),
			changes(s, "DeleteResourcePolicy", managementOnly, func(*DeleteResourcePolicyInput) about { return about{ids: one("rp-*")} }, s.deleteResourcePolicy),
			changes(s, "TagResource", delegable, func(in *TagResourceInput) about { return about{ids: one(in.ResourceID), tags: in.Tags} }, s.tagResource),
			changes(s, "UntagResource", delegable, func(in *UntagResourceInput) about { return about{ids: one(in.ResourceID), tagKeys: in.TagKeys} }, s.untagResource),
			looks(s, "ListTagsForResource", func(in *ListTagsForResourceInput) about { return about{ids: one(in.ResourceID)} }, s.listTagsForResource),
		},
	}
}

// one is a list of one id.
func one(id string) []string { return []string{id} }

// aboutInvitation names the invited account; one invited by email is not known
// yet.
func aboutInvitation(in *InviteAccountToOrganizationInput) about {
	id := "*"
	if in.Target.Type == kindAccount {
		id = in.Target.ID
	}
	return about{ids: one(id), tags: in.Tags}
}
