package organizations

import (
	"context"

	"tributary/internal/durable/catalog"
	"tributary/internal/pure/policy"
	"tributary/internal/service/api"
)

// A door says which accounts of an organization an operation is for, whatever
// their own policies allow.
type door uint8

const (
	// managementOnly is for the management account.
	managementOnly door = iota + 1
	// delegable is also for accounts that the organization's resource policy
	// admits.
	delegable
	// readable is also for delegated administrators of any service.
	readable
)

// A handler answers a caller who came through a door of the organization.
type handler[In, Out any] func(context.Context, *api.Call, organizationRecord, *In) (*Out, error)

// looks defines an operation that only reads.
func looks[In, Out any](s *Service, name string, on subject[In], handle handler[In, Out]) api.Operation {
	return api.Define(name, on.accesses(s, readable), func(ctx context.Context, call *api.Call, in *In) (*Out, error) {
		org, err := enter(s, readable, on, call, in)
		if err != nil {
			return nil, err
		}
		return handle(ctx, call, org, in)
	})
}

// changes defines an operation that writes: from the door on it holds change.
func changes[In, Out any](s *Service, name string, d door, on subject[In], handle handler[In, Out]) api.Operation {
	return api.Define(name, on.accesses(s, d), func(ctx context.Context, call *api.Call, in *In) (*Out, error) {
		s.change.Lock()
		defer s.change.Unlock()
		org, err := enter(s, d, on, call, in)
		if err != nil {
			return nil, err
		}
		return handle(ctx, call, org, in)
	})
}

// enter is the organization of the caller, whom the door is for.
func enter[In any](s *Service, d door, on subject[In], call *api.Call, in *In) (organizationRecord, error) {
	a, org, ok := s.placeOf(call.Account())
	switch {
	case !ok:
		return org, errNotInUse()
	case org.Management == a.ID:
		return org, nil
	case d == readable && len(a.Member.Delegations) > 0:
		return org, nil
	case d != managementOnly && s.admits(call, org, on.of(s, org, call, in)):
		return org, nil
	}
	return org, errAccessDenied()
}

// admits reports whether the organization's resource policy lets a member do what
// is for the management account. The member's own policies have been asked by the
// Dispatcher.
func (s *Service) admits(call *api.Call, org organizationRecord, accesses []api.Access) bool {
	org, rev, ok := s.organizations.Get(catalog.KeyOf(org.ID)) // as of one revision with its policy
	if !ok || org.ResourcePolicy == nil || s.cfg.Admits == nil {
		return false
	}
	document := s.control.document(org.ID+"/"+org.ResourcePolicy.ID, rev, org.ResourcePolicy.Content, policy.Resource)
	for _, a := range accesses {
		a.ResourcePolicy = &policy.Source{Name: "resource policy of organization " + org.ID, Document: document}
		if !s.cfg.Admits(call, a) {
			return false
		}
	}
	return true
}
