package iam

import (
	"context"

	"tributary/internal/service/api"
)

// putBoundary makes a managed policy the permissions boundary of a user or role:
// from the next request on it may do what both its policies and this one allow.
func putBoundary[R any](ctx context.Context, s *Service, k *identityKind[R], call *api.Call, name, policyARN string) error {
	return k.update(ctx, call.Account(), name, func(r *R) error {
		if err := s.attachable(call.Account(), policyARN); err != nil {
			return err
		}
		k.identity(r).Boundary = policyARN
		return nil
	})
}

// deleteBoundary takes the permissions boundary from a user or role. It is no
// error that there is none.
func deleteBoundary[R any](ctx context.Context, k *identityKind[R], call *api.Call, name string) error {
	return k.update(ctx, call.Account(), name, func(r *R) error {
		k.identity(r).Boundary = ""
		return nil
	})
}

// boundaryCheck is what an identity with this boundary is created under.
func (s *Service) boundaryCheck(i *Identity) func() error {
	return func() error {
		if i.Boundary == "" {
			return nil
		}
		return s.attachable(i.Account, i.Boundary)
	}
}

func (s *Service) putUserPermissionsBoundary(ctx context.Context, call *api.Call, in *PutUserPermissionsBoundaryInput) (*api.Void, error) {
	return nil, putBoundary(ctx, s, s.users, call, in.UserName, in.PermissionsBoundary)
}

func (s *Service) deleteUserPermissionsBoundary(ctx context.Context, call *api.Call, in *DeleteUserPermissionsBoundaryInput) (*api.Void, error) {
	return nil, deleteBoundary(ctx, s.users, call, in.UserName)
}

func (s *Service) putRolePermissionsBoundary(ctx context.Context, call *api.Call, in *PutRolePermissionsBoundaryInput) (*api.Void, error) {
	return nil, putBoundary(ctx, s, s.roles, call, in.RoleName, in.PermissionsBoundary)
}

func (s *Service) deleteRolePermissionsBoundary(ctx context.Context, call *api.Call, in *DeleteRolePermissionsBoundaryInput) (*api.Void, error) {
	return nil, deleteBoundary(ctx, s.roles, call, in.RoleName)
}
