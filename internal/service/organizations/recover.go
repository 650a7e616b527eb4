package organizations

import (
	"context"
	"fmt"

	"tributary/internal/durable/catalog"
)

// Recover completes what a crash interrupted and clears away what no longer
// counts. It is called once, after everything is built and before requests are
// answered. Until then, and without it, every answer is right all the same,
// except that a creation that was interrupted stays IN_PROGRESS, and that
// accounts may lack the handshakes by which they approve all features.
func (s *Service) Recover(ctx context.Context) error {
	s.change.Lock()
	defer s.change.Unlock()
	for _, h := range s.handshakes.Scan(catalog.KeyOf()) {
		state := s.state(h)
		if h.State != state && state != requested {
			if err := s.finish(ctx, h.ID, state); err != nil {
				return err
			}
		}
	}
	for _, org := range s.organizations.Scan(catalog.KeyOf()) {
		if h, ok := s.migration(org); ok {
			if err := s.askForApproval(ctx, org, h); err != nil {
				return err
			}
		}
	}
	for _, c := range s.creations.Scan(catalog.KeyOf()) {
		if c.State == inProgress {
			if _, err := s.settle(ctx, c); err != nil {
				return err
			}
		}
	}
	return s.sweep(ctx)
}

// sweep removes organizations that nobody manages, memberships of organizations
// that are gone, and the handshakes, creations, units and policies of either; and
// handshakes that are too old to be shown. None of these counts any more, so that it does
// not matter when they go.
func (s *Service) sweep(ctx context.Context) error {
	for key, org := range s.organizations.Scan(catalog.KeyOf()) {
		a, _, _ := s.accounts.Get(accountKey(org.Management))
		if a.Member == nil || a.Member.Org != org.ID {
			if err := remove(ctx, s.organizations, key); err != nil {
				return err
			}
		}
	}
	for a := range s.Accounts() {
		if a.Member != nil && !s.exists(a.Member.Org) {
			if err := s.leave(ctx, a.ID, a.Member.Org); err != nil {
				return fmt.Errorf("end the membership of account %s: %w", a.ID, err)
			}
		}
	}
	if err := s.removeOrphans(ctx); err != nil {
		return err
	}
	return removeWhere(ctx, s.handshakes, func(h handshakeRecord) bool { return !s.shown(h) })
}

// removeOrphans removes what belonged to organizations that are gone.
func (s *Service) removeOrphans(ctx context.Context) error {
	if err := removeWhere(ctx, s.creations, func(c creationRecord) bool { return !s.exists(c.Org) }); err != nil {
		return err
	}
	if err := removeWhere(ctx, s.units, func(u unitRecord) bool { return !s.exists(u.Org) }); err != nil {
		return err
	}
	return removeWhere(ctx, s.policies, func(p policyRecord) bool { return !s.exists(p.Org) })
}

func (s *Service) exists(org string) bool {
	_, _, ok := s.organizations.Get(catalog.KeyOf(org))
	return ok
}

func removeWhere[V any](ctx context.Context, t *catalog.Table[V], gone func(V) bool) error {
	for key, v := range t.Scan(catalog.KeyOf()) {
		if !gone(v) {
			continue
		}
		if err := remove(ctx, t, key); err != nil {
			return err
		}
	}
	return nil
}

func remove[V any](ctx context.Context, t *catalog.Table[V], key catalog.Key) error {
	_, rev, ok := t.Get(key)
	if !ok {
		return nil
	}
	if err := t.Delete(ctx, key, rev); err != nil {
		return fmt.Errorf("clear away %q: %w", key.Parts(), err)
	}
	return nil
}
