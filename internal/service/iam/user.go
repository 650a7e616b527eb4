package iam

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"tributary/internal/durable/catalog"
	"tributary/internal/pure/arn"
	"tributary/internal/service/api"
)

// A userRecord is what is stored of a user, under account and name.
type userRecord struct {
	Identity
	Keys []keyRecord `json:"keys,omitzero"` // at most two
	// Groups are the unique ids of the user's groups, sorted. Each exists, since a
	// group that has members cannot be deleted.
	Groups []string `json:"groups,omitzero"`
}

func (u userRecord) arn() arn.ARN { return u.named("user") }

func (s *Service) user(account arn.AccountID, name string) (userRecord, bool) {
	return s.users.find(account, name)
}

// userByID is the user of a unique id, who had this name at some time. Who has been
// given another since is looked for among all users of the account.
func (s *Service) userByID(account arn.AccountID, name, id string) (userRecord, bool) {
	if u, ok := s.user(account, name); ok && u.ID == id {
		return u, true
	}
	for _, u := range s.users.Scan(catalog.KeyOf(string(account))) {
		if u.ID == id {
			return u, true
		}
	}
	return userRecord{}, false
}

// wire is the wire form of a user. Lists leave tags and boundary out.
func (u userRecord) wire() User {
	return User{
		Path:       u.Path,
		UserName:   u.Name,
		UserID:     u.ID,
		ARN:        string(u.arn()),
		CreateDate: api.At(u.Created),
	}
}

// wireWhole is the wire form of a user with everything.
func (u userRecord) wireWhole() *User {
	out := u.wire()
	out.Tags, out.PermissionsBoundary = u.wireTags(), u.boundary()
	return &out
}

// createUser makes a user without any permission.
func (s *Service) createUser(ctx context.Context, call *api.Call, in *CreateUserInput) (*CreateUserOutput, error) {
	i, err := s.newIdentity(call, "AIDA", in.Path, in.UserName, in.Tags, in.PermissionsBoundary)
	if err != nil {
		return nil, err
	}
	u := userRecord{Identity: i}
	if err := s.users.create(ctx, u, s.boundaryCheck(&i)); err != nil {
		return nil, err
	}
	return &CreateUserOutput{User: u.wireWhole()}, nil
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
	u, err := s.users.get(call, h.User)
	if err != nil {
		return nil, err
	}
	return &GetUserOutput{User: u.wireWhole()}, nil
}

// updateUser gives a user another name or path. The user stays the same: keys,
// groups, policies, and the trust of roles that name the user.
func (s *Service) updateUser(ctx context.Context, call *api.Call, in *UpdateUserInput) (*api.Void, error) {
	return nil, rename(ctx, s.users, call, in.UserName, in.NewUserName, func(u *userRecord) {
		if in.NewPath != "" {
			u.Path = in.NewPath
		}
	}, s.moveKeys)
}

// moveKeys lets the ids of a user's access keys lead to the user's present name.
func (s *Service) moveKeys(ctx context.Context, u userRecord) error {
	for _, k := range u.Keys {
		_, err := s.keys.Update(ctx, catalog.KeyOf(k.ID), func(keyHolder, bool) (keyHolder, error) {
			return keyHolder{Account: u.Account, User: lower(u.Name)}, nil
		})
		if err != nil {
			return fmt.Errorf("move access key %s: %w", k.ID, err)
		}
	}
	return nil
}

// deleteUser deletes a user who has nothing left: no access keys, policies and
// groups.
func (s *Service) deleteUser(ctx context.Context, call *api.Call, in *DeleteUserInput) (*api.Void, error) {
	return nil, s.users.remove(ctx, call, in.UserName, func(u *userRecord) error {
		switch {
		case len(u.Keys) > 0:
			return errDeleteConflict("delete access keys")
		case len(u.Groups) > 0:
			return errDeleteConflict("remove users from group")
		}
		return u.removable()
	})
}

// removable refuses to let an identity go that has policies.
func (i *Identity) removable() error {
	switch {
	case len(i.Policies) > 0:
		return errDeleteConflict("delete policies")
	case len(i.Attached) > 0:
		return errDeleteConflict("detach all policies")
	}
	return nil
}

// listUsers answers the account's users under a path, by name without regard to
// case.
func (s *Service) listUsers(_ context.Context, call *api.Call, in *ListUsersInput) (*ListUsersOutput, error) {
	p := pageRequest{call: call, list: in.PathPrefix, marker: in.Marker, maxItems: in.MaxItems}
	users, next, err := page(s, p, s.users.inAccount(call.Account(), under(in.PathPrefix)))
	if err != nil {
		return nil, err
	}
	return &ListUsersOutput{Users: wireUsers(users), Marker: next, IsTruncated: truncated(next)}, nil
}

func wireUsers(users []userRecord) []User {
	list := []User{}
	for _, u := range users {
		list = append(list, u.wire())
	}
	return list
}

// under lets identities through whose path begins so.
func under(prefix string) func(*Identity) bool {
	return func(i *Identity) bool { return strings.HasPrefix(i.Path, prefix) }
}

// usersOf are the members of a group, by name.
func (s *Service) usersOf(g *groupRecord) func(after string) iter.Seq2[string, userRecord] {
	return func(after string) iter.Seq2[string, userRecord] {
		return byName(s.users.Table, g.Account, after, func(u userRecord) bool { return u.in(g.ID) })
	}
}
