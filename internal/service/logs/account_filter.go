package logs

import (
	"fmt"
	"slices"
	"sync/atomic"

	"tributary/internal/durable/catalog"
	"tributary/internal/pure/arn"
	"tributary/internal/pure/pattern"
)

// An accountFilter is an account policy as it is applied to log groups.
type accountFilter struct {
	filter    Filter // without a Group
	selection groupSelection
}

// deriveAccountFilter parses the record of a policy. One that cannot be read,
// because an earlier release took what this one does not, is nil: it is applied to
// no group.
func (s *Service) deriveAccountFilter(k catalog.Key, p policyRecord) *accountFilter {
	parts := k.Parts()
	account, region := arn.AccountID(parts[0]), arn.Region(parts[1])
	doc, err := parseAccountDocument(p.Document)
	a := &accountFilter{filter: Filter{
		Account: account, Region: region, Name: p.Name, AccountLevel: true,
		Destination: arn.ARN(doc.Destination), Role: doc.role(), Distribution: doc.Distribution,
		from:   positions(region, p.From),
		record: fmt.Sprintf("%#v", p),
	}}
	if err == nil {
		a.filter.pattern, err = pattern.Parse(doc.Pattern)
	}
	if err == nil && p.Selection != "" {
		a.selection, err = parseGroupSelection(p.Selection)
	}
	if err != nil {
		s.cfg.Log.Error("stored account policy cannot be read: it delivers nothing", "account", account, "region", region, "policy", p.Name, "error", err)
		return nil
	}
	return a
}

// on is the policy as a filter of one log group.
func (a *accountFilter) on(group string) *Filter {
	f := a.filter
	f.Group = group
	return &f
}

// groupFilters are the filters of one state of a log group, and together with
// them the account's policy.
type groupFilters struct {
	own []*Filter
	// subscribable is false for a group of a class that has no filters, also not by
	// a policy.
	subscribable bool
	// covered is what with last returned. Whoever asks again gets the same filters,
	// which is how a change is told from none.
	covered atomic.Pointer[coveredFilters]
}

type coveredFilters struct {
	by      *accountFilter
	filters []*Filter
}

// with returns the group's own filters and after them that of the policy, if it is
// for this group.
func (g *groupFilters) with(a *accountFilter, group string) []*Filter {
	if !g.subscribable || !a.selection.covers(group) {
		return g.own
	}
	last := g.covered.Load()
	if last == nil || last.by != a {
		last = &coveredFilters{a, append(slices.Clip(g.own), a.on(group))}
		g.covered.Store(last)
	}
	return last.filters
}
