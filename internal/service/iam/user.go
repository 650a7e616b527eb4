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

// A userRecord is what is stored of a user, under account and name.
type userRecord struct {
	Entity
	Keys []keyRecord `json:"keys,omitzero"` // at most two
}

func (u userRecord) arn() arn.ARN { return arn.New("iam", "", u.Account, "user"+u.Path+u.Name) }

func (s *Service) user(account arn.AccountID, name string) (userRecord, bool) {
	u, _, ok := s.users.Get(entityKey(account, name))
	return u, ok
}

// wire is the wire form of a user. Lists leave the tags out.
func (u userRecord) wire() User {
	return User{
		Path:       u.Path,
		UserName:   u.Name,
		UserID:     u.ID,
		ARN:        string(u.arn()),
		CreateDate: api.At(u.Created),
	}
}

// createUser makes a user without any permission. There are no managed policies
// yet, so a permissions boundary cannot be one of them and is refused.
func (s *Service) createUser(ctx context.Context, call *api.Call, in *CreateUserInput) (*CreateUserOutput, error) {
	if in.PermissionsBoundary != "" {
		return nil, errPolicyNotAttachable(in.PermissionsBoundary)
	}
	e, err := s.newEntity(call, "AIDA", in.Path, in.UserName, in.Tags)
	if err != nil {
		return nil, err
	}
	u := userRecord{Entity: e}
	if _, err := s.users.Create(ctx, entityKey(u.Account, u.Name), u); err != nil {
		if errors.Is(err, catalog.ErrExists) {
			return nil, errExists("User", in.UserName)
		}
		return nil, fmt.Errorf("create user: %w", err)
	}
	out := u.wire()
	out.Tags = u.wireTags()
	return &CreateUserOutput{User: &out}, nil
}

// getUser answers a user, or without a name whoever asks.
func (s *Service) getUser(_ context.Context, call *api.Call, in *GetUserInput) (*GetUserOutput, error) {
	h, err := holderOf(call, in.UserName)
	if err != nil {
		return nil, err
	}
	if h.root() {
		account, _ := s.cfg.Organizations.Account(h.Account)
		return &GetUserOutput{User: &User{
			Path:       "/",
			UserName:   rootUserName,
			UserID:     string(h.Account),
			ARN:        string(h.Account.Root()),
			CreateDate: api.At(account.Created),
		}}, nil
	}
	u, ok := s.user(h.Account, h.User)
	if !ok {
		return nil, errNoSuchUser(h.User)
	}
	out := u.wire()
	out.Tags = u.wireTags()
	return &GetUserOutput{User: &out}, nil
}

// deleteUser deletes a user who has neither access keys nor policies left.
func (s *Service) deleteUser(ctx context.Context, call *api.Call, in *DeleteUserInput) (*api.Void, error) {
	return nil, deleteChecked(ctx, s.users, entityKey(call.Account(), in.UserName), errNoSuchUser(in.UserName), func(u userRecord) error {
		switch {
		case len(u.Keys) > 0:
			return errDeleteConflict("access keys")
		case len(u.Policies) > 0:
			return errDeleteConflict("policies")
		}
		return nil
	})
}

// listUsers answers the account's users under a path, by name without regard to
// case.
func (s *Service) listUsers(_ context.Context, call *api.Call, in *ListUsersInput) (*ListUsersOutput, error) {
	p := pageRequest{call: call, list: in.PathPrefix, marker: in.Marker, maxItems: in.MaxItems}
	users, next, err := page(s, p, func(after string) iter.Seq2[string, userRecord] {
		return byName(s.users, call.Account(), after, func(u userRecord) bool { return strings.HasPrefix(u.Path, in.PathPrefix) })
	})
	if err != nil {
		return nil, err
	}
	out := &ListUsersOutput{Users: []User{}, Marker: next, IsTruncated: truncated(next)}
	for _, u := range users {
		out.Users = append(out.Users, u.wire())
	}
	return out, nil
}

// userResource is how policies name the user of that name in the caller's
// account. One that does not exist is named as if it had no path.
func (s *Service) userResource(call *api.Call, name string) (arn.ARN, policy.Context) {
	u, ok := s.user(call.Account(), name)
	if !ok {
		return arn.New("iam", "", call.Account(), "user/"+name), nil
	}
	return u.arn(), resourceTags(u.Tags)
}
