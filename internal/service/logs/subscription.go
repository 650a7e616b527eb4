package logs

import (
	"iter"

	"tributary/internal/durable/catalog"
	"tributary/internal/pure/arn"
	"tributary/internal/service/api"
)

// Subscriptions yields the subscription filters of all log groups of an account, or
// of all accounts if it is empty, and then the accounts' policies, as filters
// without a Group.
func (s *Service) Subscriptions(account arn.AccountID) iter.Seq[*Filter] {
	prefix := catalog.Key{}
	if account != "" {
		prefix = catalog.KeyOf(string(account))
	}
	return func(yield func(*Filter) bool) {
		for k, g := range s.groups.Scan(prefix) {
			if len(g.Filters) == 0 {
				continue
			}
			filters, _ := s.filters.get(k)
			if filters == nil {
				continue // deleted meanwhile
			}
			for _, f := range filters.own {
				if !yield(f) {
					return
				}
			}
		}
		for k := range s.policies.Scan(prefix) {
			if policy, _ := s.accountFilters.get(k); policy != nil && !yield(policy.on("")) {
				return
			}
		}
	}
}

// Holds reports whether the log stream that an entry was written to is still
// there: not one that was made later under its name.
func (s *Service) Holds(e *Entry) bool {
	_, st, err := s.find(groupID{e.Account, e.Region, e.Group}.stream(e.Stream))
	return err == nil && st.ID == e.StreamID
}

// PutFilterAccess is what putting a subscription filter on a log group of the caller
// asks for, without a role.
func (s *Service) PutFilterAccess(call *api.Call, group string) api.Access {
	return s.accessGroup("PutSubscriptionFilter", groupOf(call, group))
}
