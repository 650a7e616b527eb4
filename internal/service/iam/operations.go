package iam

import (
	"slices"

	"tributary/internal/service/api"
)

// Table is the operations of IAM. All act in the caller's own account.
func (s *Service) Table() api.Service {
	return api.Service{
		Name:         "iam",
		Version:      "2010-05-08",
		XMLNamespace: "https://iam.amazonaws.com/doc/2010-05-08/",
		Protocol:     api.Query,
		Constraints:  constraints(),
		Operations: slices.Concat(
			s.userOperations(), s.groupOperations(), s.roleOperations(), s.policyOperations(), s.accountOperations(),
		),
	}
}

func constraints() api.ConstraintStyle {
	return api.ConstraintStyle{Code: "ValidationError", HideValues: true}
}

// STS is the operations of STS.
func (s *Service) STS() api.Service {
	return api.Service{
		Name:         "sts",
		Version:      "2011-06-15",
		XMLNamespace: "https://sts.amazonaws.com/doc/2011-06-15/",
		Protocol:     api.Query,
		Constraints:  stsConstraints(),
		Operations: []api.Operation{
			api.Define("GetCallerIdentity", unasked[GetCallerIdentityInput], s.getCallerIdentity),
			api.Define("AssumeRole", s.targetAssumeRole, s.assumeRole),
			api.WithoutSignature(api.Define("AssumeRoleWithWebIdentity", unasked[AssumeRoleWithWebIdentityInput], s.assumeRoleWithWebIdentity)),
			api.Define("AssumeRoot", s.targetAssumeRoot, s.assumeRoot),
			api.Define("GetSessionToken", unasked[GetSessionTokenInput], s.getSessionToken),
			api.Define("GetFederationToken", targetGetFederationToken, s.getFederationToken),
			api.Define("GetAccessKeyInfo", targetGetAccessKeyInfo, s.getAccessKeyInfo),
			api.Define("DecodeAuthorizationMessage", targetDecode, s.decodeAuthorizationMessage),
		},
	}
}

func stsConstraints() api.ConstraintStyle { return api.ConstraintStyle{Code: "ValidationError"} }

func (s *Service) userOperations() []api.Operation {
	return []api.Operation{
		api.Define("CreateUser",
			creating("user", func(in *CreateUserInput) string { return in.Path }, func(in *CreateUserInput) string { return in.UserName }, func(in *CreateUserInput) []Tag { return in.Tags }, newBoundary(func(in *CreateUserInput) string { return in.PermissionsBoundary })),
			s.createUser),
		api.Define("GetUser", onHolder(s, func(in *GetUserInput) string { return in.UserName }), s.getUser),
		api.Define("UpdateUser",
			renaming(s.users, func(in *UpdateUserInput) string { return in.UserName }, func(in *UpdateUserInput) string { return in.NewUserName }, func(in *UpdateUserInput) string { return in.NewPath }),
			s.updateUser),
		api.Define("DeleteUser", onUser(s, func(in *DeleteUserInput) string { return in.UserName }), s.deleteUser),
		api.Define("ListUsers", listed[ListUsersInput]("user"), s.listUsers),
		api.Define("TagUser",
			onUser(s, func(in *TagUserInput) string { return in.UserName }, tagging(func(in *TagUserInput) []Tag { return in.Tags })),
			s.tagUser),
		api.Define("UntagUser",
			onUser(s, func(in *UntagUserInput) string { return in.UserName }, untagging(func(in *UntagUserInput) []string { return in.TagKeys })),
			s.untagUser),
		api.Define("ListUserTags", onUser(s, func(in *ListUserTagsInput) string { return in.UserName }), s.listUserTags),
		api.Define("PutUserPolicy",
			onUser(s, func(in *PutUserPolicyInput) string { return in.UserName }, presentBoundary[PutUserPolicyInput]),
			s.putUserPolicy),
		api.Define("GetUserPolicy", onUser(s, func(in *GetUserPolicyInput) string { return in.UserName }), s.getUserPolicy),
		api.Define("DeleteUserPolicy",
			onUser(s, func(in *DeleteUserPolicyInput) string { return in.UserName }, presentBoundary[DeleteUserPolicyInput]),
			s.deleteUserPolicy),
		api.Define("ListUserPolicies", onUser(s, func(in *ListUserPoliciesInput) string { return in.UserName }), s.listUserPolicies),
		api.Define("AttachUserPolicy",
			onUser(s, func(in *AttachUserPolicyInput) string { return in.UserName }, policyARN(func(in *AttachUserPolicyInput) string { return in.PolicyARN }), presentBoundary[AttachUserPolicyInput]),
			s.attachUserPolicy),
		api.Define("DetachUserPolicy",
			onUser(s, func(in *DetachUserPolicyInput) string { return in.UserName }, policyARN(func(in *DetachUserPolicyInput) string { return in.PolicyARN }), presentBoundary[DetachUserPolicyInput]),
			s.detachUserPolicy),
		api.Define("ListAttachedUserPolicies",
			onUser(s, func(in *ListAttachedUserPoliciesInput) string { return in.UserName }),
			s.listAttachedUserPolicies),
		api.Define("PutUserPermissionsBoundary",
			onUser(s, func(in *PutUserPermissionsBoundaryInput) string { return in.UserName }, newBoundary(func(in *PutUserPermissionsBoundaryInput) string { return in.PermissionsBoundary })),
			s.putUserPermissionsBoundary),
		api.Define("DeleteUserPermissionsBoundary",
			onUser(s, func(in *DeleteUserPermissionsBoundaryInput) string { return in.UserName }, presentBoundary[DeleteUserPermissionsBoundaryInput]),
			s.deleteUserPermissionsBoundary),
		api.Define("CreateAccessKey", onHolder(s, func(in *CreateAccessKeyInput) string { return in.UserName }), s.createAccessKey),
		api.Define("ListAccessKeys", onHolder(s, func(in *ListAccessKeysInput) string { return in.UserName }), s.listAccessKeys),
		api.Define("UpdateAccessKey", onHolder(s, func(in *UpdateAccessKeyInput) string { return in.UserName }), s.updateAccessKey),
		api.Define("DeleteAccessKey", onHolder(s, func(in *DeleteAccessKeyInput) string { return in.UserName }), s.deleteAccessKey),
		api.Define("GetAccessKeyLastUsed", s.targetKeyLastUsed, s.getAccessKeyLastUsed),
		api.Define("ListGroupsForUser", onUser(s, func(in *ListGroupsForUserInput) string { return in.UserName }), s.listGroupsForUser),
	}
}

func (s *Service) groupOperations() []api.Operation {
	return []api.Operation{
		api.Define("CreateGroup",
			creating("group", func(in *CreateGroupInput) string { return in.Path }, func(in *CreateGroupInput) string { return in.GroupName }, func(*CreateGroupInput) []Tag { return nil }),
			s.createGroup),
		api.Define("GetGroup", onGroup(s, func(in *GetGroupInput) string { return in.GroupName }), s.getGroup),
		api.Define("UpdateGroup",
			renaming(s.groups, func(in *UpdateGroupInput) string { return in.GroupName }, func(in *UpdateGroupInput) string { return in.NewGroupName }, func(in *UpdateGroupInput) string { return in.NewPath }),
			s.updateGroup),
		api.Define("DeleteGroup", onGroup(s, func(in *DeleteGroupInput) string { return in.GroupName }), s.deleteGroup),
		api.Define("ListGroups", listed[ListGroupsInput]("group"), s.listGroups),
		api.Define("PutGroupPolicy", onGroup(s, func(in *PutGroupPolicyInput) string { return in.GroupName }), s.putGroupPolicy),
		api.Define("GetGroupPolicy", onGroup(s, func(in *GetGroupPolicyInput) string { return in.GroupName }), s.getGroupPolicy),
		api.Define("DeleteGroupPolicy", onGroup(s, func(in *DeleteGroupPolicyInput) string { return in.GroupName }), s.deleteGroupPolicy),
		api.Define("ListGroupPolicies", onGroup(s, func(in *ListGroupPoliciesInput) string { return in.GroupName }), s.listGroupPolicies),
		api.Define("AttachGroupPolicy",
			onGroup(s, func(in *AttachGroupPolicyInput) string { return in.GroupName }, policyARN(func(in *AttachGroupPolicyInput) string { return in.PolicyARN })),
			s.attachGroupPolicy),
		api.Define("DetachGroupPolicy",
			onGroup(s, func(in *DetachGroupPolicyInput) string { return in.GroupName }, policyARN(func(in *DetachGroupPolicyInput) string { return in.PolicyARN })),
			s.detachGroupPolicy),
		api.Define("ListAttachedGroupPolicies",
			onGroup(s, func(in *ListAttachedGroupPoliciesInput) string { return in.GroupName }),
			s.listAttachedGroupPolicies),
		api.Define("AddUserToGroup", onGroup(s, func(in *AddUserToGroupInput) string { return in.GroupName }), s.addUserToGroup),
		api.Define("RemoveUserFromGroup", onGroup(s, func(in *RemoveUserFromGroupInput) string { return in.GroupName }), s.removeUserFromGroup),
	}
}

func (s *Service) roleOperations() []api.Operation {
	return []api.Operation{
		api.Define("CreateRole",
			creating("role", func(in *CreateRoleInput) string { return in.Path }, func(in *CreateRoleInput) string { return in.RoleName }, func(in *CreateRoleInput) []Tag { return in.Tags }, newBoundary(func(in *CreateRoleInput) string { return in.PermissionsBoundary })),
			s.createRole),
		api.Define("GetRole", onRole(s, func(in *GetRoleInput) string { return in.RoleName }), s.getRole),
		api.Define("UpdateRole", onRole(s, func(in *UpdateRoleInput) string { return in.RoleName }), s.updateRole),
		api.Define("UpdateRoleDescription", onRole(s, func(in *UpdateRoleDescriptionInput) string { return in.RoleName }), s.updateRoleDescription),
		api.Define("UpdateAssumeRolePolicy", onRole(s, func(in *UpdateAssumeRolePolicyInput) string { return in.RoleName }), s.updateAssumeRolePolicy),
		api.Define("DeleteRole", onRole(s, func(in *DeleteRoleInput) string { return in.RoleName }), s.deleteRole),
		api.Define("ListRoles", listed[ListRolesInput]("role"), s.listRoles),
		api.Define("TagRole",
			onRole(s, func(in *TagRoleInput) string { return in.RoleName }, tagging(func(in *TagRoleInput) []Tag { return in.Tags })),
			s.tagRole),
		api.Define("UntagRole",
			onRole(s, func(in *UntagRoleInput) string { return in.RoleName }, untagging(func(in *UntagRoleInput) []string { return in.TagKeys })),
			s.untagRole),
		api.Define("ListRoleTags", onRole(s, func(in *ListRoleTagsInput) string { return in.RoleName }), s.listRoleTags),
		api.Define("PutRolePolicy",
			onRole(s, func(in *PutRolePolicyInput) string { return in.RoleName }, presentBoundary[PutRolePolicyInput]),
			s.putRolePolicy),
		api.Define("GetRolePolicy", onRole(s, func(in *GetRolePolicyInput) string { return in.RoleName }), s.getRolePolicy),
		api.Define("DeleteRolePolicy",
			onRole(s, func(in *DeleteRolePolicyInput) string { return in.RoleName }, presentBoundary[DeleteRolePolicyInput]),
			s.deleteRolePolicy),
		api.Define("ListRolePolicies", onRole(s, func(in *ListRolePoliciesInput) string { return in.RoleName }), s.listRolePolicies),
		api.Define("AttachRolePolicy",
			onRole(s, func(in *AttachRolePolicyInput) string { return in.RoleName }, policyARN(func(in *AttachRolePolicyInput) string { return in.PolicyARN }), presentBoundary[AttachRolePolicyInput]),
			s.attachRolePolicy),
		api.Define("DetachRolePolicy",
			onRole(s, func(in *DetachRolePolicyInput) string { return in.RoleName }, policyARN(func(in *DetachRolePolicyInput) string { return in.PolicyARN }), presentBoundary[DetachRolePolicyInput]),
			s.detachRolePolicy),
		api.Define("ListAttachedRolePolicies",
			onRole(s, func(in *ListAttachedRolePoliciesInput) string { return in.RoleName }),
			s.listAttachedRolePolicies),
		api.Define("PutRolePermissionsBoundary",
			onRole(s, func(in *PutRolePermissionsBoundaryInput) string { return in.RoleName }, newBoundary(func(in *PutRolePermissionsBoundaryInput) string { return in.PermissionsBoundary })),
			s.putRolePermissionsBoundary),
		api.Define("DeleteRolePermissionsBoundary",
			onRole(s, func(in *DeleteRolePermissionsBoundaryInput) string { return in.RoleName }, presentBoundary[DeleteRolePermissionsBoundaryInput]),
			s.deleteRolePermissionsBoundary),
		api.Define("ListInstanceProfilesForRole",
			onRole(s, func(in *ListInstanceProfilesForRoleInput) string { return in.RoleName }),
			s.listInstanceProfilesForRole),
		api.Define("CreateServiceLinkedRole", targetCreateLinkedRole, s.createServiceLinkedRole),
		api.Define("DeleteServiceLinkedRole", onRole(s, func(in *DeleteServiceLinkedRoleInput) string { return in.RoleName }), s.deleteServiceLinkedRole),
		api.Define("GetServiceLinkedRoleDeletionStatus", targetDeletionTask, s.getServiceLinkedRoleDeletionStatus),
	}
}

func (s *Service) policyOperations() []api.Operation {
	return []api.Operation{
		api.Define("CreatePolicy",
			creating("policy", func(in *CreatePolicyInput) string { return in.Path }, func(in *CreatePolicyInput) string { return in.PolicyName }, func(in *CreatePolicyInput) []Tag { return in.Tags }),
			s.createPolicy),
		api.Define("GetPolicy", onPolicy(s, func(in *GetPolicyInput) string { return in.PolicyARN }), s.getPolicy),
		api.Define("DeletePolicy", onPolicy(s, func(in *DeletePolicyInput) string { return in.PolicyARN }), s.deletePolicy),
		api.Define("ListPolicies", targetListPolicies, s.listPolicies),
		api.Define("CreatePolicyVersion", onPolicy(s, func(in *CreatePolicyVersionInput) string { return in.PolicyARN }), s.createPolicyVersion),
		api.Define("GetPolicyVersion", onPolicy(s, func(in *GetPolicyVersionInput) string { return in.PolicyARN }), s.getPolicyVersion),
		api.Define("DeletePolicyVersion", onPolicy(s, func(in *DeletePolicyVersionInput) string { return in.PolicyARN }), s.deletePolicyVersion),
		api.Define("ListPolicyVersions", onPolicy(s, func(in *ListPolicyVersionsInput) string { return in.PolicyARN }), s.listPolicyVersions),
		api.Define("SetDefaultPolicyVersion",
			onPolicy(s, func(in *SetDefaultPolicyVersionInput) string { return in.PolicyARN }),
			s.setDefaultPolicyVersion),
		api.Define("ListEntitiesForPolicy", onPolicy(s, func(in *ListEntitiesForPolicyInput) string { return in.PolicyARN }), s.listEntitiesForPolicy),
		api.Define("TagPolicy",
			onPolicy(s, func(in *TagPolicyInput) string { return in.PolicyARN }, tagging(func(in *TagPolicyInput) []Tag { return in.Tags })),
			s.tagPolicy),
		api.Define("UntagPolicy",
			onPolicy(s, func(in *UntagPolicyInput) string { return in.PolicyARN }, untagging(func(in *UntagPolicyInput) []string { return in.TagKeys })),
			s.untagPolicy),
		api.Define("ListPolicyTags", onPolicy(s, func(in *ListPolicyTagsInput) string { return in.PolicyARN }), s.listPolicyTags),
	}
}

func (s *Service) accountOperations() []api.Operation {
	return []api.Operation{
		api.Define("CreateAccountAlias", anywhere[CreateAccountAliasInput], s.createAccountAlias),
		api.Define("DeleteAccountAlias", anywhere[DeleteAccountAliasInput], s.deleteAccountAlias),
		api.Define("ListAccountAliases", anywhere[ListAccountAliasesInput], s.listAccountAliases),
		api.Define("GetAccountSummary", anywhere[GetAccountSummaryInput], s.getAccountSummary),
		api.Define("GetAccountAuthorizationDetails", anywhere[GetAccountAuthorizationDetailsInput], s.getAccountAuthorizationDetails),
		api.Define("SimulateCustomPolicy", anywhere[SimulateCustomPolicyInput], s.simulateCustomPolicy),
		api.Define("SimulatePrincipalPolicy", onSource(s, func(in *SimulatePrincipalPolicyInput) string { return in.PolicySourceARN }), s.simulatePrincipalPolicy),
		api.Define("GetContextKeysForCustomPolicy", anywhere[GetContextKeysForCustomPolicyInput], s.getContextKeysForCustomPolicy),
		api.Define("GetContextKeysForPrincipalPolicy", onSource(s, func(in *GetContextKeysForPrincipalPolicyInput) string { return in.PolicySourceARN }), s.getContextKeysForPrincipalPolicy),
	}
}
