package iam

import (
	"context"
	"fmt"
	"strings"

	"tributary/internal/durable/catalog"
	"tributary/internal/pure/arn"
	"tributary/internal/service/api"
)

// A roleRecord is what is stored of a role, under account and name.
type roleRecord struct {
	Identity
	Description string      `json:"description,omitzero"`
	MaxSession  int32       `json:"maxSession"` // seconds
	Trust       trustRecord `json:"trust"`
}

const defaultMaxSession = 3600 // seconds

func (r roleRecord) arn() arn.ARN { return r.named("role") }

func (s *Service) role(account arn.AccountID, name string) (roleRecord, bool) {
	return s.roles.find(account, name)
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

// wire is the wire form of a role. Lists leave tags, boundary and last use out.
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

// wireWholeRole is the wire form of a role with everything.
func (s *Service) wireWholeRole(r roleRecord) *Role {
	out := s.wireRole(r)
	out.Tags, out.PermissionsBoundary, out.RoleLastUsed = r.wireTags(), r.boundary(), s.uses.role(r.ID)
	return &out
}

// createRole makes a role without any permission, which those may assume whom
// its trust policy admits. The path of service-linked roles is AWS's.
func (s *Service) createRole(ctx context.Context, call *api.Call, in *CreateRoleInput) (*CreateRoleOutput, error) {
	if strings.HasPrefix(in.Path, serviceRolePath) {
		return nil, errInvalidInput("Path " + serviceRolePath + " is reserved for service-linked roles.")
	}
	i, err := s.newIdentity(call, "AROA", in.Path, in.RoleName, in.Tags, in.PermissionsBoundary)
	if err != nil {
		return nil, err
	}
	r := roleRecord{Identity: i, Description: in.Description, MaxSession: defaultMaxSession}
	if in.MaxSessionDuration != nil {
		r.MaxSession = *in.MaxSessionDuration
	}
	if r.Trust, err = s.newTrust(in.AssumeRolePolicyDocument); err != nil {
		return nil, err
	}
	if err := s.roles.create(ctx, r, s.boundaryCheck(&i)); err != nil {
		return nil, err
	}
	out := s.wireRole(r)
	out.Tags, out.PermissionsBoundary = r.wireTags(), r.boundary()
	return &CreateRoleOutput{Role: &out}, nil
}

// CreateAccessRole makes the role through which the management account of an
// organization enters an account that it created: it may do everything there.
// A role of that name that exists stays as it is.
func (s *Service) CreateAccessRole(ctx context.Context, account, management arn.AccountID, roleName string) error {
	e, err := s.newEntity(account, "AROA", "/", roleName, nil)
	if err != nil {
		return err
	}
	r := roleRecord{Identity: Identity{Entity: e}, MaxSession: defaultMaxSession}
	r.Policies = map[string]string{
		"AdministratorAccess": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`,
	}
	r.Trust.Text = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` +
		string(management.Root()) + `"},"Action":"sts:AssumeRole"}]}`
	if err := s.roles.create(ctx, r, nil); err != nil && !alreadyExists(err) {
		return fmt.Errorf("create access role in account %s: %w", account, err)
	}
	return nil
}

// getRole answers a role.
func (s *Service) getRole(_ context.Context, call *api.Call, in *GetRoleInput) (*GetRoleOutput, error) {
	r, err := s.roles.get(call, in.RoleName)
	if err != nil {
		return nil, err
	}
	return &GetRoleOutput{Role: s.wireWholeRole(r)}, nil
}

// updateRole changes a role's description, where one is given, and the longest
// duration of its sessions, which is an hour where none is given. Sessions that
// exist already go on.
func (s *Service) updateRole(ctx context.Context, call *api.Call, in *UpdateRoleInput) (*UpdateRoleOutput, error) {
	err := s.roles.update(ctx, call.Account(), in.RoleName, func(r *roleRecord) error {
		if in.Description != "" {
			r.Description = in.Description
		}
		r.MaxSession = defaultMaxSession
		if in.MaxSessionDuration != nil {
			r.MaxSession = *in.MaxSessionDuration
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &UpdateRoleOutput{}, nil
}

// updateRoleDescription changes a role's description, also to an empty one.
func (s *Service) updateRoleDescription(ctx context.Context, call *api.Call, in *UpdateRoleDescriptionInput) (*UpdateRoleDescriptionOutput, error) {
	var out Role
	err := s.roles.update(ctx, call.Account(), in.RoleName, func(r *roleRecord) error {
		r.Description = in.Description
		out = s.wireRole(*r)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &UpdateRoleDescriptionOutput{Role: &out}, nil
}

// updateAssumeRolePolicy replaces a role's trust policy. Sessions that exist
// already go on.
func (s *Service) updateAssumeRolePolicy(ctx context.Context, call *api.Call, in *UpdateAssumeRolePolicyInput) (*api.Void, error) {
	if _, err := s.roles.get(call, in.RoleName); err != nil {
		return nil, err
	}
	t, err := s.newTrust(in.PolicyDocument)
	if err != nil {
		return nil, err
	}
	return nil, s.roles.update(ctx, call.Account(), in.RoleName, func(r *roleRecord) error {
		r.Trust = t
		return nil
	})
}

// deleteRole deletes a role that has no policies left. Its sessions end with it.
func (s *Service) deleteRole(ctx context.Context, call *api.Call, in *DeleteRoleInput) (*api.Void, error) {
	return nil, s.roles.remove(ctx, call, in.RoleName, func(r *roleRecord) error {
		if err := lockedRole(r); err != nil {
			return err
		}
		return r.removable()
	})
}

// listRoles answers the account's roles under a path, by name without regard to
// case.
func (s *Service) listRoles(_ context.Context, call *api.Call, in *ListRolesInput) (*ListRolesOutput, error) {
	p := pageRequest{call: call, list: in.PathPrefix, marker: in.Marker, maxItems: in.MaxItems}
	roles, next, err := page(s, p, s.roles.inAccount(call.Account(), under(in.PathPrefix)))
	if err != nil {
		return nil, err
	}
	out := &ListRolesOutput{Roles: []Role{}, Marker: next, IsTruncated: truncated(next)}
	for _, r := range roles {
		out.Roles = append(out.Roles, s.wireRole(r))
	}
	return out, nil
}

// listInstanceProfilesForRole answers that there are none: nothing here runs
// instances. Terraform asks before it deletes a role.
func (s *Service) listInstanceProfilesForRole(_ context.Context, call *api.Call, in *ListInstanceProfilesForRoleInput) (*ListInstanceProfilesForRoleOutput, error) {
	if _, err := s.roles.get(call, in.RoleName); err != nil {
		return nil, err
	}
	return &ListInstanceProfilesForRoleOutput{InstanceProfiles: []InstanceProfile{}, IsTruncated: truncated("")}, nil
}

// UpdateRoleOutput is what UpdateRole answers. It has no members, but other than
// the answers of most changes it is there.
type UpdateRoleOutput struct{}
