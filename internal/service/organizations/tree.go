package organizations

import (
	"context"

	"tributary/internal/durable/catalog"
	"tributary/internal/pure/arn"
	"tributary/internal/service/api"
)

// accountsIn are the accounts directly in the root or in a unit, by id, those
// after the given one.
func (s *Service) accountsIn(org organizationRecord, parent, after string) rows[AccountRecord] {
	return pick(s.members(org, after), func(a AccountRecord) (AccountRecord, bool) {
		return a, org.parent(a) == parent
	})
}

// unitsIn are the units directly in the root or in another, by id, those after the
// given one.
func (s *Service) unitsIn(org organizationRecord, parent, after string) rows[unitRecord] {
	return func(yield func(string, unitRecord) bool) {
		for _, u := range s.units.ScanFrom(catalog.KeyOf(org.ID), catalog.KeyOf(org.ID, after)) {
			if u.Parent == parent && !yield(u.ID, u) {
				return
			}
		}
	}
}

// listParents answers the one parent of an account or a unit.
func (s *Service) listParents(_ context.Context, call *api.Call, org organizationRecord, in *ListParentsInput) (*ListParentsOutput, error) {
	child, ok := s.target(org, in.ChildID)
	if !ok {
		return nil, errChildNotFound()
	}
	parent := Parent{ID: child.parent, Type: kindUnit}
	if child.parent == org.Root {
		parent.Type = kindRoot
	}
	parents, next, err := page(s, pageRequest{call, in.ChildID, in.NextToken, in.MaxResults},
		listed([]Parent{parent}, func(p Parent) string { return p.ID }))
	if err != nil {
		return nil, err
	}
	return &ListParentsOutput{Parents: parents, NextToken: next}, nil
}

// listChildren answers the accounts or the units directly in the root or in a
// unit, by id.
func (s *Service) listChildren(_ context.Context, call *api.Call, org organizationRecord, in *ListChildrenInput) (*ListChildrenOutput, error) {
	if !s.isContainer(org, in.ParentID) {
		return nil, errParentNotFound()
	}
	children, next, err := page(s, pageRequest{call, in.ParentID + " " + in.ChildType, in.NextToken, in.MaxResults}, func(after string) rows[Child] {
		if in.ChildType == kindUnit {
			return pick(s.unitsIn(org, in.ParentID, after), func(u unitRecord) (Child, bool) {
				return Child{ID: u.ID, Type: kindUnit}, true
			})
		}
		return pick(s.accountsIn(org, in.ParentID, after), func(a AccountRecord) (Child, bool) {
			return Child{ID: string(a.ID), Type: kindAccount}, true
		})
	})
	if err != nil {
		return nil, err
	}
	return &ListChildrenOutput{Children: children, NextToken: next}, nil
}

// listAccountsForParent answers the accounts directly in the root or in a unit, by
// id.
func (s *Service) listAccountsForParent(_ context.Context, call *api.Call, org organizationRecord, in *ListAccountsForParentInput) (*ListAccountsForParentOutput, error) {
	if !s.isContainer(org, in.ParentID) {
		return nil, errParentNotFound()
	}
	accounts, next, err := page(s, pageRequest{call, in.ParentID, in.NextToken, in.MaxResults}, func(after string) rows[Account] {
		return pick(s.accountsIn(org, in.ParentID, after), func(a AccountRecord) (Account, bool) {
			return *s.wireAccount(org, a), true
		})
	})
	if err != nil {
		return nil, err
	}
	return &ListAccountsForParentOutput{Accounts: accounts, NextToken: next}, nil
}

// moveAccount puts an account into another unit, or into the root. From then on
// the policies of its new place apply, and its requests carry its new path.
func (s *Service) moveAccount(ctx context.Context, _ *api.Call, org organizationRecord, in *MoveAccountInput) (*api.Void, error) {
	a, ok := s.member(org, arn.AccountID(in.AccountID))
	switch {
	case !ok:
		return nil, errAccountNotFound()
	case !s.isContainer(org, in.SourceParentID):
		return nil, api.Refuse("SourceParentNotFoundException", "You specified a source parent that doesn't exist.")
	case !s.isContainer(org, in.DestinationParentID):
		return nil, api.Refuse("DestinationParentNotFoundException", "You specified a destination parent that doesn't exist.")
	case org.parent(a) == in.DestinationParentID:
		return nil, api.Refuse("DuplicateAccountException", "The specified account is already present in the specified destination.")
	case org.parent(a) != in.SourceParentID:
		return nil, errAccountNotFound()
	}
	parent := in.DestinationParentID
	if parent == org.Root {
		parent = ""
	}
	return nil, s.updateMember(ctx, org, a.ID, func(m Member) (Member, error) {
		m.Parent = parent
		return m, nil
	})
}
