package iam

import (
	"context"
	"iter"
	"slices"

	"tributary/internal/pure/arn"
	"tributary/internal/service/api"
)

// A groupRecord is what is stored of a group, under account and name. Who is in
// it is in the records of its members, by its unique id.
type groupRecord struct {
	Identity
}

const maxGroups = 10 // of a user

func (g groupRecord) arn() arn.ARN { return g.named("group") }

func (g groupRecord) wire() Group {
	return Group{
		Path:       g.Path,
		GroupName:  g.Name,
		GroupID:    g.ID,
		ARN:        string(g.arn()),
		CreateDate: api.At(g.Created),
	}
}

// in reports whether the user is a member of the group with that unique id.
func (u *userRecord) in(groupID string) bool {
	_, found := slices.BinarySearch(u.Groups, groupID)
	return found
}

// groupsOf are the groups of a user, by name.
func (s *Service) groupsOf(u *userRecord) func(after string) iter.Seq2[string, groupRecord] {
	return s.groups.inAccount(u.Account, func(g *Identity) bool { return u.in(g.ID) })
}

// createGroup makes a group without members and policies.
func (s *Service) createGroup(ctx context.Context, call *api.Call, in *CreateGroupInput) (*CreateGroupOutput, error) {
	i, err := s.newIdentity(call, "AGPA", in.Path, in.GroupName, nil, "")
	if err != nil {
		return nil, err
	}
	g := groupRecord{Identity: i}
	if err := s.groups.create(ctx, g, nil); err != nil {
		return nil, err
	}
	out := g.wire()
	return &CreateGroupOutput{Group: &out}, nil
}

// getGroup answers a group and a part of its members.
func (s *Service) getGroup(_ context.Context, call *api.Call, in *GetGroupInput) (*GetGroupOutput, error) {
	g, err := s.groups.get(call, in.GroupName)
	if err != nil {
		return nil, err
	}
	p := pageRequest{call: call, list: g.ID, marker: in.Marker, maxItems: in.MaxItems}
	users, next, err := page(s, p, s.usersOf(&g))
	if err != nil {
		return nil, err
	}
	out := g.wire()
	return &GetGroupOutput{Group: &out, Users: wireUsers(users), Marker: next, IsTruncated: truncated(next)}, nil
}

// updateGroup gives a group another name or path. Its members stay.
func (s *Service) updateGroup(ctx context.Context, call *api.Call, in *UpdateGroupInput) (*api.Void, error) {
	return nil, rename(ctx, s.groups, call, in.GroupName, in.NewGroupName, func(g *groupRecord) {
		if in.NewPath != "" {
			g.Path = in.NewPath
		}
	}, nil)
}

// deleteGroup deletes a group that has neither members nor policies.
func (s *Service) deleteGroup(ctx context.Context, call *api.Call, in *DeleteGroupInput) (*api.Void, error) {
	return nil, s.groups.remove(ctx, call, in.GroupName, func(g *groupRecord) error {
		for range s.usersOf(g)("") {
			return errDeleteConflict("remove users from group")
		}
		return g.removable()
	})
}

// listGroups answers the account's groups under a path, by name without regard to
// case.
func (s *Service) listGroups(_ context.Context, call *api.Call, in *ListGroupsInput) (*ListGroupsOutput, error) {
	p := pageRequest{call: call, list: in.PathPrefix, marker: in.Marker, maxItems: in.MaxItems}
	groups, next, err := page(s, p, s.groups.inAccount(call.Account(), under(in.PathPrefix)))
	if err != nil {
		return nil, err
	}
	return &ListGroupsOutput{Groups: wireGroups(groups), Marker: next, IsTruncated: truncated(next)}, nil
}

func wireGroups(groups []groupRecord) []Group {
	list := []Group{}
	for _, g := range groups {
		list = append(list, g.wire())
	}
	return list
}

// addUserToGroup makes a user a member of a group. One who is a member stays so.
func (s *Service) addUserToGroup(ctx context.Context, call *api.Call, in *AddUserToGroupInput) (*api.Void, error) {
	return nil, s.changeMember(ctx, call, in.GroupName, in.UserName, func(u *userRecord, g *groupRecord) error {
		at, found := slices.BinarySearch(u.Groups, g.ID)
		if found {
			return nil
		}
		if len(u.Groups) >= maxGroups {
			return errQuota("GroupsPerUser", maxGroups)
		}
		u.Groups = slices.Insert(slices.Clone(u.Groups), at, g.ID) // stored values are shared
		return nil
	})
}

// removeUserFromGroup ends a membership. What the group allowed is refused from
// the next request on. It is no error that the user was no member.
func (s *Service) removeUserFromGroup(ctx context.Context, call *api.Call, in *RemoveUserFromGroupInput) (*api.Void, error) {
	return nil, s.changeMember(ctx, call, in.GroupName, in.UserName, func(u *userRecord, g *groupRecord) error {
		if at, found := slices.BinarySearch(u.Groups, g.ID); found {
			u.Groups = slices.Delete(slices.Clone(u.Groups), at, at+1)
		}
		return nil
	})
}

// changeMember changes a user with regard to a group, which exists until the
// change is made.
func (s *Service) changeMember(ctx context.Context, call *api.Call, group, user string, change func(*userRecord, *groupRecord) error) error {
	return s.users.update(ctx, call.Account(), user, func(u *userRecord) error {
		g, err := s.groups.get(call, group)
		if err != nil {
			return err
		}
		return change(u, &g)
	})
}

// listGroupsForUser answers the groups of a user, by name.
func (s *Service) listGroupsForUser(_ context.Context, call *api.Call, in *ListGroupsForUserInput) (*ListGroupsForUserOutput, error) {
	u, err := s.users.get(call, in.UserName)
	if err != nil {
		return nil, err
	}
	p := pageRequest{call: call, list: u.ID, marker: in.Marker, maxItems: in.MaxItems}
	groups, next, err := page(s, p, s.groupsOf(&u))
	if err != nil {
		return nil, err
	}
	return &ListGroupsForUserOutput{Groups: wireGroups(groups), Marker: next, IsTruncated: truncated(next)}, nil
}

// groupNames are the names of a user's groups.
func (s *Service) groupNames(u *userRecord) []string {
	var names []string
	for _, g := range s.groupsOf(u)("") {
		names = append(names, g.Name)
	}
	return names
}
