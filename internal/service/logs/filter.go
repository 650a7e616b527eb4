package logs

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"tributary/internal/durable/catalog"
	"tributary/internal/durable/journal"
	"tributary/internal/pure/arn"
	"tributary/internal/pure/pattern"
	"tributary/internal/service/api"
)

// A Distribution says how a filter's events are spread over the shards of a
// stream.
type Distribution string

// The distributions.
const (
	ByLogStream Distribution = "ByLogStream" // one log stream, one shard
	Random      Distribution = "Random"
)

// A filter is the stored form of a subscription filter, in the record of its log
// group.
type filter struct {
	Name               string       `json:"name"`
	Pattern            string       `json:"pattern"`
	Destination        arn.ARN      `json:"destination"` // a destination or a stream
	Role               arn.ARN      `json:"role,omitzero"`
	Distribution       Distribution `json:"distribution"`
	Created            int64        `json:"created"` // ms
	SystemFields       []string     `json:"systemFields,omitzero"`
	Selection          string       `json:"selection,omitzero"` // fieldSelectionCriteria
	ApplyOnTransformed bool         `json:"applyOnTransformed,omitzero"`
	// From is, for each ingest journal of the Region by number, the block with
	// which the journal went on when the filter was made: it sees nothing older.
	From []uint64 `json:"from"`
}

// A Filter is a subscription filter of a log group as delivery needs it. It does
// not change; when the record that it is from does, there are new ones.
type Filter struct {
	Account     arn.AccountID
	Region      arn.Region
	Group, Name string
	// AccountLevel is true when the filter is not the group's own, but what the
	// account's subscription filter policy, which Name then is of, is for the group.
	AccountLevel bool
	Destination  arn.ARN // of a destination, or of a stream of the same account
	Role         arn.ARN // empty when the filter has none
	Distribution Distribution

	pattern      *pattern.Pattern
	selection    *pattern.Selection // nil when there is none
	systemFields []string
	from         map[string]journal.Position
	record       string // all that was stored of it, to tell whether that has changed
}

// From is the position in an ingest journal of the Region at which the filter
// begins.
func (f *Filter) From(journal string) journal.Position { return f.from[journal] }

// Sender is who sends when the filter does.
func (f *Filter) Sender() Sender {
	return Sender{
		Account: f.Account, Region: f.Region, Source: GroupARN(f.Region, f.Account, f.Group),
		Role: f.Role, AccountLevel: f.AccountLevel,
	}
}

// Selects reports whether the filter's fieldSelectionCriteria, which are asked
// before the pattern, take events of the account and Region.
func (f *Filter) Selects(account arn.AccountID, region arn.Region) bool {
	return f.selection == nil || f.selection.Match(string(account), string(region))
}

// Match reports whether the pattern takes an event of the entry, and returns what
// to show as its extractedFields: the fields of a space-delimited pattern, then
// the system fields that the filter asks for. The event is passed as a
// [pattern.Event] so that all filters of a log group share what is found out about
// it.
func (f *Filter) Match(e *Entry, message *pattern.Event) (fields []pattern.Field, ok bool) {
	if fields, ok = f.pattern.ExtractEvent(message, nil); !ok {
		return nil, false
	}
	for _, name := range f.systemFields {
		value := e.Group
		switch name {
		case fieldAccount:
			value = string(e.Account)
		case fieldRegion:
			value = string(e.Region)
		}
		fields = append(fields, pattern.Field{Name: name, Value: value})
	}
	return fields, true
}

// The system fields.
const (
	fieldAccount = "@aws.account"
	fieldRegion  = "@aws.region"
	fieldSource  = "@source.log"
)

// Current reports whether the filter is still what it was when Filters returned
// it. It stays so when something else about its log group changes, so that nobody
// can hold up delivery by changing a group without end.
func (s *Service) Current(f *Filter) bool {
	return slices.ContainsFunc(s.Filters(f.Account, f.Region, f.Group), func(now *Filter) bool {
		return now.Name == f.Name && now.AccountLevel == f.AccountLevel && now.record == f.record
	})
}

// Filters returns the subscription filters of a log group by name and then that
// of the account's policy, none when there is no such group. As long as neither
// record changes, they are the same ones.
func (s *Service) Filters(account arn.AccountID, region arn.Region, name string) []*Filter {
	filters, exists := s.filters.get(groupID{account, region, name}.key())
	if !exists {
		return nil
	}
	if policy, _ := s.accountFilters.get(accountKey(account, region)); policy != nil {
		return filters.with(policy, name)
	}
	return filters.own
}

// deriveFilters parses the filters of a record. One that cannot be read, because
// an earlier release took a pattern that this one does not, matches nothing.
func (s *Service) deriveFilters(k catalog.Key, g group) *groupFilters {
	parts := k.Parts()
	account, region, name := arn.AccountID(parts[0]), arn.Region(parts[1]), parts[2]
	var list []*Filter
	for _, stored := range g.Filters {
		f := &Filter{
			Account: account, Region: region, Group: name, Name: stored.Name,
			Destination: stored.Destination, Role: stored.Role, Distribution: stored.Distribution,
			systemFields: stored.SystemFields,
			from:         positions(region, stored.From),
			record:       fmt.Sprintf("%#v", stored),
		}
		var err error
		if f.pattern, err = pattern.Parse(stored.Pattern); err == nil && stored.Selection != "" {
			f.selection, err = pattern.ParseSelection(stored.Selection)
		}
		if err != nil {
			s.cfg.Log.Error("stored subscription filter cannot be read: it delivers nothing", "group", k.String(), "filter", stored.Name, "error", err)
			continue
		}
		list = append(list, f)
	}
	return &groupFilters{own: list, subscribable: g.subscribable()}
}

// positions are the stored beginnings of a filter, by ingest journal.
func positions(region arn.Region, from []uint64) map[string]journal.Position {
	all := make(map[string]journal.Position, len(from))
	for i, block := range from {
		all[journalName(region, i)] = journal.Position{Block: block}
	}
	return all
}

// deleteSubscriptionFilter removes a filter; nothing is sent for it any more.
func (s *Service) deleteSubscriptionFilter(ctx context.Context, call *api.Call, in *DeleteSubscriptionFilterInput) (*api.Void, error) {
	return nil, s.changeGroup(ctx, groupOf(call, in.LogGroupName), func(g *group) error {
		i, exists := findFilter(g.Filters, in.FilterName)
		if !exists {
			return errNoFilter()
		}
		g.Filters = slices.Delete(slices.Clone(g.Filters), i, i+1)
		return nil
	})
}

// describeSubscriptionFilters lists the filters of a group by name.
func (s *Service) describeSubscriptionFilters(_ context.Context, call *api.Call, in *DescribeSubscriptionFiltersInput) (*DescribeSubscriptionFiltersOutput, error) {
	g, err := s.group(groupOf(call, in.LogGroupName))
	if err != nil {
		return nil, err
	}
	pages := s.pager(call, in.LogGroupName, in.FilterNamePrefix)
	after, err := pages.after(in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &DescribeSubscriptionFiltersOutput{SubscriptionFilters: []SubscriptionFilter{}}
	limit := pageSize(in.Limit)
	for i := range g.Filters {
		f := &g.Filters[i]
		if f.Name <= after && after != "" || !strings.HasPrefix(f.Name, in.FilterNamePrefix) {
			continue
		}
		if len(out.SubscriptionFilters) == limit {
			out.NextToken = pages.token(out.SubscriptionFilters[limit-1].FilterName)
			break
		}
		out.SubscriptionFilters = append(out.SubscriptionFilters, f.wire(in.LogGroupName))
	}
	return out, nil
}

// wire is the filter as the API shows it.
func (f *filter) wire(group string) SubscriptionFilter {
	return SubscriptionFilter{
		FilterName:             f.Name,
		LogGroupName:           group,
		FilterPattern:          f.Pattern,
		DestinationARN:         string(f.Destination),
		RoleARN:                string(f.Role),
		Distribution:           string(f.Distribution),
		ApplyOnTransformedLogs: &f.ApplyOnTransformed,
		CreationTime:           &f.Created,
		FieldSelectionCriteria: f.Selection,
		EmitSystemFields:       f.SystemFields,
	}
}
