package operator

import (
	"cmp"
	"context"
	"slices"
	"time"

	"tributary/internal/delivery"
	"tributary/internal/service/api"
)

// ListSubscriptionStatusInput is what ListSubscriptionStatus takes.
type ListSubscriptionStatusInput struct{}

// ListSubscriptionStatusOutput is what ListSubscriptionStatus answers.
type ListSubscriptionStatusOutput struct {
	Subscriptions []SubscriptionStatus `json:"subscriptions"`
}

// A SubscriptionStatus is one subscription filter, or an account's policy over all
// log groups, and what has become of its events since the server started.
type SubscriptionStatus struct {
	LogGroupName   string `json:"logGroupName,omitzero"` // absent for an account's policy
	FilterName     string `json:"filterName"`
	PolicyLevel    string `json:"policyLevel,omitzero"` // ACCOUNT_LEVEL_POLICY
	DestinationARN string `json:"destinationArn"`
	State          string `json:"state"` // LIVE, BACKFILLING, RETRYING, REFUSED, STOPPED

	MatchedEvents    int64 `json:"matchedEvents"`
	DeliveredEvents  int64 `json:"deliveredEvents"`
	DeliveredRecords int64 `json:"deliveredRecords"`
	DeliveredBytes   int64 `json:"deliveredBytes"`  // after compression
	DroppedEvents    int64 `json:"droppedEvents"`   // the expired ones among them
	ExpiredEvents    int64 `json:"expiredEvents"`   // tried for 24 hours
	ThrottledEvents  int64 `json:"throttledEvents"` // each time
	LagEvents        int64 `json:"lagEvents"`       // matching ones that wait
	LagSeconds       int64 `json:"lagSeconds"`      // age of the oldest that waits

	LastDelivery     *api.Timestamp `json:"lastDelivery,omitzero"`
	LastError        string         `json:"lastError,omitzero"`
	LastErrorTime    *api.Timestamp `json:"lastErrorTime,omitzero"`
	DestinationCheck *api.Timestamp `json:"destinationCheck,omitzero"` // of the last control message
	DestinationError string         `json:"destinationError,omitzero"`
	Losses           []Loss         `json:"losses,omitzero"`
}

// A Loss is a range of events that were dropped while the filter's destination did
// not take them.
type Loss struct {
	Journal string `json:"journal"`
	From    string `json:"from"` // positions in the journal, the second exclusive
	To      string `json:"to"`
	// FromTime and ToTime are ingestion times, absent when they are not known.
	FromTime *api.Timestamp `json:"fromTime,omitzero"`
	ToTime   *api.Timestamp `json:"toTime,omitzero"`
	Events   int64          `json:"events"` // -1 when it is not known
	Reason   string         `json:"reason"`
	Time     *api.Timestamp `json:"time"` // when the last were dropped
}

// statusTarget asks for the right to list filters as well, since that is shown.
func statusTarget(call *api.Call, _ *ListSubscriptionStatusInput) ([]api.Access, error) {
	all := string(call.ARN("logs", "log-group::log-stream:"))
	return []api.Access{
		{Action: "tributary:ListSubscriptionStatus", Resource: all},
		{Action: "logs:DescribeSubscriptionFilters", Resource: all},
	}, nil
}

// listSubscriptionStatus answers for every subscription of the caller's account in
// the Region, by log group and name.
func (s *Service) listSubscriptionStatus(_ context.Context, call *api.Call, _ *ListSubscriptionStatusInput) (*ListSubscriptionStatusOutput, error) {
	out := &ListSubscriptionStatusOutput{Subscriptions: []SubscriptionStatus{}}
	for one := range s.cfg.Delivery.Statuses(call.Account()) {
		if one.Region == call.Region {
			out.Subscriptions = append(out.Subscriptions, statusOf(one))
		}
	}
	slices.SortFunc(out.Subscriptions, func(a, b SubscriptionStatus) int {
		return cmp.Or(cmp.Compare(a.LogGroupName, b.LogGroupName), cmp.Compare(a.FilterName, b.FilterName))
	})
	return out, nil
}

func statusOf(one delivery.Status) SubscriptionStatus {
	s := SubscriptionStatus{
		LogGroupName: one.Group, FilterName: one.Filter, DestinationARN: string(one.Destination), State: string(one.State),
		MatchedEvents: one.MatchedEvents, DeliveredEvents: one.ForwardedEvents, DeliveredRecords: one.ForwardedRecords,
		DeliveredBytes: one.ForwardedBytes, DroppedEvents: one.DeliveryErrors, ExpiredEvents: one.ExpiredEvents,
		ThrottledEvents: one.DeliveryThrottling, LagEvents: one.LagEvents, LagSeconds: int64(one.Lag.Seconds()),
		LastDelivery: maybe(one.LastForwarded), LastError: one.LastError, LastErrorTime: maybe(one.LastErrorAt),
		DestinationCheck: maybe(one.Checked), DestinationError: one.CheckError,
	}
	if one.AccountLevel {
		s.PolicyLevel = "ACCOUNT_LEVEL_POLICY"
	}
	for _, l := range one.Losses {
		s.Losses = append(s.Losses, Loss{
			Journal: l.Journal, From: l.From.String(), To: l.To.String(), FromTime: inMillis(l.FromTime), ToTime: inMillis(l.ToTime),
			Events: l.Events, Reason: l.Reason, Time: inMillis(l.At),
		})
	}
	return s
}

// maybe is a time, nil for none.
func maybe(t time.Time) *api.Timestamp {
	if t.IsZero() {
		return nil
	}
	at := api.At(t)
	return &at
}

func inMillis(ms int64) *api.Timestamp {
	if ms == 0 {
		return nil
	}
	return maybe(time.UnixMilli(ms))
}
