package iam

import (
	"tributary/internal/pure/arn"
	"tributary/internal/pure/policy"
	"tributary/internal/service/api"
)

// Table is the operations of IAM. All act in the caller's own account.
func (s *Service) Table() api.Service {
	return api.Service{
		Name:         "iam",
		Version:      "2010-05-08",
		XMLNamespace: "https://iam.amazonaws.com/doc/2010-05-08/",
		Protocol:     api.Query,
		Constraints:  api.ConstraintStyle{Code: "ValidationError", HideValues: true},
		Operations: []api.Operation{
			api.Define("CreateUser", targetCreateUser, s.createUser),
			api.Define("GetUser", onHolder(s, func(in *GetUserInput) string { return in.UserName }), s.getUser),
			api.Define("DeleteUser", onUser(s, func(in *DeleteUserInput) string { return in.UserName }), s.deleteUser),
			api.Define("ListUsers", listed[ListUsersInput]("user/"), s.listUsers),

			api.Define("CreateAccessKey", onHolder(s, func(in *CreateAccessKeyInput) string { return in.UserName }), s.createAccessKey),
			api.Define("ListAccessKeys", onHolder(s, func(in *ListAccessKeysInput) string { return in.UserName }), s.listAccessKeys),
			api.Define("UpdateAccessKey", onHolder(s, func(in *UpdateAccessKeyInput) string { return in.UserName }), s.updateAccessKey),
			api.Define("DeleteAccessKey", onHolder(s, func(in *DeleteAccessKeyInput) string { return in.UserName }), s.deleteAccessKey),

			api.Define("PutUserPolicy", onUser(s, func(in *PutUserPolicyInput) string { return in.UserName }), s.putUserPolicy),
			api.Define("GetUserPolicy", onUser(s, func(in *GetUserPolicyInput) string { return in.UserName }), s.getUserPolicy),
			api.Define("DeleteUserPolicy", onUser(s, func(in *DeleteUserPolicyInput) string { return in.UserName }), s.deleteUserPolicy),
			api.Define("ListUserPolicies", onUser(s, func(in *ListUserPoliciesInput) string { return in.UserName }), s.listUserPolicies),

			api.Define("CreateRole", targetCreateRole, s.createRole),
			api.Define("GetRole", onRole(s, func(in *GetRoleInput) string { return in.RoleName }), s.getRole),
			api.Define("DeleteRole", onRole(s, func(in *DeleteRoleInput) string { return in.RoleName }), s.deleteRole),
			api.Define("ListRoles", listed[ListRolesInput]("role/"), s.listRoles),
			api.Define("UpdateAssumeRolePolicy", onRole(s, func(in *UpdateAssumeRolePolicyInput) string { return in.RoleName }), s.updateAssumeRolePolicy),

			api.Define("PutRolePolicy", onRole(s, func(in *PutRolePolicyInput) string { return in.RoleName }), s.putRolePolicy),
			api.Define("GetRolePolicy", onRole(s, func(in *GetRolePolicyInput) string { return in.RoleName }), s.getRolePolicy),
			api.Define("DeleteRolePolicy", onRole(s, func(in *DeleteRolePolicyInput) string { return in.RoleName }), s.deleteRolePolicy),
			api.Define("ListRolePolicies", onRole(s, func(in *ListRolePoliciesInput) string { return in.RoleName }), s.listRolePolicies),
			api.Define("ListAttachedRolePolicies", onRole(s, func(in *ListAttachedRolePoliciesInput) string { return in.RoleName }), s.listAttachedRolePolicies),
			api.Define("ListInstanceProfilesForRole", onRole(s, func(in *ListInstanceProfilesForRoleInput) string { return in.RoleName }), s.listInstanceProfilesForRole),
		},
	}
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
		},
	}
}

func stsConstraints() api.ConstraintStyle { return api.ConstraintStyle{Code: "ValidationError"} }

// unasked is the target of an operation for which AWS asks no permission.
func unasked[In any](*api.Call, *In) ([]api.Access, error) { return nil, nil }

// access is the one access of an operation, under the operation's own name.
func access(call *api.Call, resource arn.ARN, keys policy.Context) []api.Access {
	return []api.Access{{Action: "iam:" + call.Operation, Resource: string(resource), Context: keys}}
}

// listed is the target of operations on all of an account's users or roles.
func listed[In any](kind string) func(*api.Call, *In) ([]api.Access, error) {
	return func(call *api.Call, _ *In) ([]api.Access, error) {
		return access(call, arn.New("iam", "", call.Account(), kind), nil), nil
	}
}

func targetCreateUser(call *api.Call, in *CreateUserInput) ([]api.Access, error) {
	return accessNew(call, "user", in.Path, in.UserName, in.Tags), nil
}

func targetCreateRole(call *api.Call, in *CreateRoleInput) ([]api.Access, error) {
	return accessNew(call, "role", in.Path, in.RoleName, in.Tags), nil
}

// accessNew is the access of an operation that makes a user or role. Tags need a
// permission of their own.
func accessNew(call *api.Call, kind, path, name string, tags []Tag) []api.Access {
	if path == "" {
		path = "/"
	}
	resource := arn.New("iam", "", call.Account(), kind+path+name)
	accesses := access(call, resource, requestTags(nil, tags))
	if len(tags) > 0 {
		tag := accesses[0]
		tag.Action = map[string]string{"user": "iam:TagUser", "role": "iam:TagRole"}[kind]
		accesses = append(accesses, tag)
	}
	return accesses
}

func onUser[In any](s *Service, name func(*In) string) func(*api.Call, *In) ([]api.Access, error) {
	return func(call *api.Call, in *In) ([]api.Access, error) {
		resource, keys := s.userResource(call, name(in))
		return access(call, resource, keys), nil
	}
}

// onHolder is onUser for operations that without a name are on the caller.
func onHolder[In any](s *Service, name func(*In) string) func(*api.Call, *In) ([]api.Access, error) {
	return func(call *api.Call, in *In) ([]api.Access, error) {
		h, err := holderOf(call, name(in))
		if err != nil {
			return nil, err
		}
		if h.root() {
			return access(call, h.Account.Root(), nil), nil
		}
		resource, keys := s.userResource(call, h.User)
		return access(call, resource, keys), nil
	}
}

func onRole[In any](s *Service, name func(*In) string) func(*api.Call, *In) ([]api.Access, error) {
	return func(call *api.Call, in *In) ([]api.Access, error) {
		resource, keys := s.roleResource(call, name(in))
		return access(call, resource, keys), nil
	}
}
