package iam

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"tributary/internal/durable/catalog"
	"tributary/internal/pure/arn"
	"tributary/internal/pure/policy"
	"tributary/internal/service/api"
)

// A roleRecord is what is stored of a role, under account and name.
type roleRecord struct {
	Entity
	Description string      `json:"description,omitzero"`
	MaxSession  int32       `json:"maxSession"` // seconds
	Trust       trustRecord `json:"trust"`
}

const defaultMaxSession = 3600 // seconds

func (r roleRecord) arn() arn.ARN { return arn.New("iam", "", r.Account, "role"+r.Path+r.Name) }

func (s *Service) role(account arn.AccountID, name string) (roleRecord, bool) {
	r, _, ok := s.roles.Get(entityKey(account, name))
	return r, ok
}

// roleByARN is the role that an ARN names, path included.
func (s *Service) roleByARN(a arn.ARN) (r roleRecord, rev catalog.Revision, ok bool) {
	p := a.Parts()
	if p.Service != "iam" || !strings.HasPrefix(p.Resource, "role/") {
		return roleRecord{}, 0, false
	}
	r, rev, ok = s.roles.Get(entityKey(p.Account, lastName(a)))
	if !ok || r.arn() != a {
		return roleRecord{}, 0, false
	}
	return r, rev, true
}

// RoleExists reports whether there is a role with this ARN.
func (s *Service) RoleExists(a arn.ARN) bool {
	_, _, ok := s.roleByARN(a)
	return ok
}

// wire is the wire form of a role. Lists leave the tags out.
func (s *Service) wireRole(r roleRecord) Role {
	return Role{
		Path:                     r.Path,
		RoleName:                 r.Name,
		RoleID:                   r.ID,
		ARN:                      string(r.arn()),
		CreateDate:               api.At(r.Created),
		AssumeRolePolicyDocument: percentEncode(s.trustText(r.Trust)),
		Description:              r.Description,
		MaxSessionDuration:       &r.MaxSession,
	}
}

// createRole makes a role without any permission, which those may assume whom
// its trust policy admits. There are no managed policies yet, so a permissions
// boundary cannot be one of them and is refused.
func (s *Service) createRole(ctx context.Context, call *api.Call, in *CreateRoleInput) (*CreateRoleOutput, error) {
	if in.PermissionsBoundary != "" {
		return nil, errPolicyNotAttachable(in.PermissionsBoundary)
	}
	e, err := s.newEntity(call, "AROA", in.Path, in.RoleName, in.Tags)
	if err != nil {
		return nil, err
	}
	r := roleRecord{Entity: e, Description: in.Description, MaxSession: defaultMaxSession}
	if in.MaxSessionDuration != nil {
		r.MaxSession = *in.MaxSessionDuration
	}
	if r.Trust, err = s.newTrust(in.AssumeRolePolicyDocument); err != nil {
		return nil, err
	}
	if _, err := s.roles.Create(ctx, entityKey(r.Account, r.Name), r); err != nil {
		if errors.Is(err, catalog.ErrExists) {
			return nil, errExists("Role", in.RoleName)
		}
		return nil, fmt.Errorf("create role: %w", err)
	}
	out := s.wireRole(r)
	out.Tags = r.wireTags()
	return &CreateRoleOutput{Role: &out}, nil
}

// CreateAccessRole makes the role through which the management account of an
// organization enters an account that it created: it may do everything there.
// A role of that name that exists stays as it is.
func (s *Service) CreateAccessRole(ctx context.Context, account, management arn.AccountID, roleName string) error {
	call := &api.Call{Caller: api.Caller{Principal: policy.Principal{Account: account}}}
	e, err := s.newEntity(call, "AROA", "/", roleName, nil)
	if err != nil {
		return err
	}
	e.Policies = map[string]string{
		"AdministratorAccess": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`,
	}
	r := roleRecord{Entity: e, MaxSession: defaultMaxSession}
	r.Trust.Text = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` +
		string(management.Root()) + `"},"Action":"sts:AssumeRole"}]}`
	if _, err := s.roles.Create(ctx, entityKey(account, roleName), r); err != nil && !errors.Is(err, catalog.ErrExists) {
		return fmt.Errorf("create access role in account %s: %w", account, err)
	}
	return nil
}

// getRole answers a role.
func (s *Service) getRole(_ context.Context, call *api.Call, in *GetRoleInput) (*GetRoleOutput, error) {
	r, ok := s.role(call.Account(), in.RoleName)
	if !ok {
		return nil, errNoSuchRole(in.RoleName)
	}
	out := s.wireRole(r)
	out.Tags, out.RoleLastUsed = r.wireTags(), &RoleLastUsed{}
	return &GetRoleOutput{Role: &out}, nil
}

// updateAssumeRolePolicy replaces a role's trust policy. Sessions that exist
// already go on.
func (s *Service) updateAssumeRolePolicy(ctx context.Context, call *api.Call, in *UpdateAssumeRolePolicyInput) (*api.Void, error) {
	if _, ok := s.role(call.Account(), in.RoleName); !ok {
		return nil, errNoSuchRole(in.RoleName)
	}
	t, err := s.newTrust(in.PolicyDocument)
	if err != nil {
		return nil, err
	}
	return nil, s.updateRole(ctx, call, in.RoleName, func(r *roleRecord) error {
		r.Trust = t
		return nil
	})
}

// updateRole changes the stored role of that name.
func (s *Service) updateRole(ctx context.Context, call *api.Call, name string, change func(*roleRecord) error) error {
	_, err := s.roles.Update(ctx, entityKey(call.Account(), name), func(r roleRecord, exists bool) (roleRecord, error) {
		if !exists {
			return r, errNoSuchRole(name)
		}
		return r, change(&r)
	})
	return err
}

// deleteRole deletes a role that has no policies left. Its sessions end with it.
func (s *Service) deleteRole(ctx context.Context, call *api.Call, in *DeleteRoleInput) (*api.Void, error) {
	return nil, deleteChecked(ctx, s.roles, entityKey(call.Account(), in.RoleName), errNoSuchRole(in.RoleName), func(r roleRecord) error {
		if len(r.Policies) > 0 {
			return errDeleteConflict("policies")
		}
		return nil
	})
}

// listRoles answers the account's roles under a path, by name without regard to
// case.
func (s *Service) listRoles(_ context.Context, call *api.Call, in *ListRolesInput) (*ListRolesOutput, error) {
	p := pageRequest{call: call, list: in.PathPrefix, marker: in.Marker, maxItems: in.MaxItems}
	roles, next, err := page(s, p, func(after string) iter.Seq2[string, roleRecord] {
		return byName(s.roles, call.Account(), after, func(r roleRecord) bool { return strings.HasPrefix(r.Path, in.PathPrefix) })
	})
	if err != nil {
		return nil, err
	}
	out := &ListRolesOutput{Roles: []Role{}, Marker: next, IsTruncated: truncated(next)}
	for _, r := range roles {
		out.Roles = append(out.Roles, s.wireRole(r))
	}
	return out, nil
}

// listAttachedRolePolicies answers that the role has none: there are no managed
// policies yet.
func (s *Service) listAttachedRolePolicies(_ context.Context, call *api.Call, in *ListAttachedRolePoliciesInput) (*ListAttachedRolePoliciesOutput, error) {
	if _, ok := s.role(call.Account(), in.RoleName); !ok {
		return nil, errNoSuchRole(in.RoleName)
	}
	return &ListAttachedRolePoliciesOutput{AttachedPolicies: []AttachedPolicy{}, IsTruncated: truncated("")}, nil
}

// listInstanceProfilesForRole answers that there are none: nothing here runs
// instances. Terraform asks before it deletes a role.
func (s *Service) listInstanceProfilesForRole(_ context.Context, call *api.Call, in *ListInstanceProfilesForRoleInput) (*ListInstanceProfilesForRoleOutput, error) {
	if _, ok := s.role(call.Account(), in.RoleName); !ok {
		return nil, errNoSuchRole(in.RoleName)
	}
	return &ListInstanceProfilesForRoleOutput{InstanceProfiles: []InstanceProfile{}, IsTruncated: truncated("")}, nil
}

// roleResource is how policies name the role of that name in the caller's
// account. One that does not exist is named as if it had no path.
func (s *Service) roleResource(call *api.Call, name string) (arn.ARN, policy.Context) {
	r, ok := s.role(call.Account(), name)
	if !ok {
		return arn.New("iam", "", call.Account(), "role/"+name), nil
	}
	return r.arn(), resourceTags(r.Tags)
}
