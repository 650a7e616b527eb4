package iam

import (
	"context"

	"tributary/internal/pure/arn"
)

// SetQuotas lets an account have only so many users, roles and managed policies each.
func (s *Service) SetQuotas(n int) {
	s.users.quota, s.roles.quota, s.policies.quota = n, n, n
}

// BeginRename does the first of the two writes that give a user and a group
// another name, as before a crash.
func (s *Service) BeginRename(ctx context.Context, account arn.AccountID, from, to string) error {
	u, _ := s.users.find(account, from)
	u.Name, u.Renamed = to, from
	if _, err := s.users.Create(ctx, entityKey(account, to), u); err != nil {
		return err
	}
	g, _ := s.groups.find(account, from)
	g.Name, g.Renamed = to, from
	_, err := s.groups.Create(ctx, entityKey(account, to), g)
	return err
}
