package organizations

import (
	"context"
	"time"

	"tributary/internal/pure/arn"
	"tributary/internal/service/api"
)

// How many accounts may be closed in 30 days: a tenth of the members, within these
// bounds.
const (
	closurePeriod = 30 * 24 * time.Hour
	minClosures   = 10
	maxClosures   = 1000
)

// closeAccount suspends a member for good: from the next request on nobody in it
// may do anything, and nobody may do anything to what it has. It stays in the
// organization. AWS takes some minutes in PENDING_CLOSURE, and 90 days later the
// account leaves the organization; here it stays SUSPENDED.
func (s *Service) closeAccount(ctx context.Context, _ *api.Call, org organizationRecord, in *CloseAccountInput) (*api.Void, error) {
	a, ok := s.member(org, arn.AccountID(in.AccountID))
	switch {
	case !ok:
		return nil, errAccountNotFound()
	case a.ID == org.Management:
		return nil, errConstraint("CANNOT_CLOSE_MANAGEMENT_ACCOUNT", "You can't close the management account of an organization.")
	case !a.Closed.IsZero():
		return nil, errAlreadyClosed()
	case len(a.Member.Delegations) > 0:
		return nil, errIsDelegatedAdministrator()
	}
	members, closures := 0, 0
	for _, m := range s.members(org, "") {
		members++
		if !m.Closed.IsZero() && s.cfg.Now().Sub(m.Closed) < closurePeriod {
			closures++
		}
	}
	if closures >= closureQuota(members) {
		return nil, errConstraint("CLOSE_ACCOUNT_QUOTA_EXCEEDED", "You have exceeded close account quota for the past 30 days.")
	}
	_, err := s.accounts.Update(ctx, accountKey(a.ID), func(stored AccountRecord, _ bool) (AccountRecord, error) {
		if !stored.Closed.IsZero() {
			return stored, errAlreadyClosed()
		}
		stored.Closed = s.cfg.Now()
		return stored, nil
	})
	return nil, err
}

// closureQuota is how many accounts an organization of so many may close in
// closurePeriod.
func closureQuota(members int) int { return min(max(minClosures, members/10), maxClosures) }

func errAlreadyClosed() *api.Exception {
	return api.Refuse("AccountAlreadyClosedException", "The provided account is already closed.")
}
