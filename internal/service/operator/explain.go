package operator

import (
	"context"
	"strings"
	"time"

	"tributary/internal/delivery"
	"tributary/internal/pure/arn"
	"tributary/internal/service/api"
	"tributary/internal/service/iam"
	"tributary/internal/service/logs"
)

// The Explain operations answer why something is refused, or that it is not. They
// are for every account, not the management account alone: each is answered about
// its own things, and about the other side of a subscription what that side lets
// it see (explain_view.go).

// explainSubscriptionTarget asks about the log group where it is the caller's, else
// about the destination. Somebody who owns neither is refused as for any other
// foreign thing.
func explainSubscriptionTarget(call *api.Call, in *ExplainSubscriptionInput) ([]api.Access, error) {
	sender, to, err := subscriptionOf(call, in)
	if err != nil {
		return nil, err
	}
	resource := groupResource(sender)
	if sender.Account != call.Account() && to.Account() == call.Account() {
		resource = string(to)
	}
	return []api.Access{{Action: "tributary:ExplainSubscription", Resource: resource}}, nil
}

// explainSubscription walks the checks for a filter that need not be there.
func (s *Service) explainSubscription(ctx context.Context, call *api.Call, in *ExplainSubscriptionInput) (*Explanation, error) {
	sender, to, err := subscriptionOf(call, in)
	if err != nil {
		return nil, err
	}
	return s.explainFlow(ctx, call, sender, to)
}

// explainFlow walks the checks from a sender to a destination or stream.
func (s *Service) explainFlow(ctx context.Context, call *api.Call, sender logs.Sender, to arn.ARN) (*Explanation, error) {
	var assumed *api.Caller
	if sender.Account != call.Account() {
		// What a stranger may not know must not decide either.
		stranger := iam.AccountCaller(sender.Account)
		if sender.Role != "" {
			stranger = iam.StrangerOf(sender.Role, logs.SessionName)
		}
		assumed = &stranger
	}
	trace, err := s.cfg.Delivery.Trace(sender, to, assumed)
	if err != nil {
		return nil, err
	}
	v := view{s: s, call: call, trace: &trace}
	checks, err := v.checks(ctx)
	if err != nil {
		return nil, err
	}
	return &Explanation{Version: explanationVersion, Verdict: verdictOf(checks), Checks: checks}, nil
}

// explainDeliveryTarget asks for the right to see the filter as well, which is
// shown.
func explainDeliveryTarget(call *api.Call, in *ExplainDeliveryInput) ([]api.Access, error) {
	source, err := groupARN(call, in.LogGroupARN)
	if err != nil {
		return nil, err
	}
	resource := strings.TrimSuffix(string(source), ":*")
	accesses := []api.Access{{Action: "tributary:ExplainDelivery", Resource: resource}}
	if in.AccountPolicy != "" {
		return append(accesses, api.Access{Action: "logs:DescribeAccountPolicies", Resource: string(call.ARN("logs", "log-group::log-stream:"))}), nil
	}
	return append(accesses, api.Access{Action: "logs:DescribeSubscriptionFilters", Resource: resource + ":log-stream:"}), nil
}

// explainDelivery walks the checks for a filter that is there, as delivery does,
// and says what has become of its events.
func (s *Service) explainDelivery(ctx context.Context, call *api.Call, in *ExplainDeliveryInput) (*Explanation, error) {
	source, err := groupARN(call, in.LogGroupARN)
	if err != nil {
		return nil, err
	}
	name, accountLevel := in.FilterName, false
	switch {
	case in.AccountPolicy != "" && in.FilterName != "":
		return nil, errInvalid("Give filterName or accountPolicyName, not both.")
	case in.AccountPolicy != "":
		name, accountLevel = in.AccountPolicy, true
	case in.FilterName == "":
		return nil, errInvalid("Give filterName or accountPolicyName.")
	}
	parts := source.Parts()
	group := strings.TrimSuffix(strings.TrimPrefix(parts.Resource, "log-group:"), ":*")
	for _, f := range s.cfg.Logs.Filters(parts.Account, parts.Region, group) {
		if f.Name != name || f.AccountLevel != accountLevel {
			continue
		}
		e, err := s.explainFlow(ctx, call, f.Sender(), f.Destination)
		if err != nil {
			return nil, err
		}
		e.Filter = &ExplainedFilter{
			LogGroupARN: strings.TrimSuffix(string(source), ":*"), Name: f.Name, AccountLevel: f.AccountLevel,
			DestinationARN: string(f.Destination), RoleARN: string(f.Role), Distribution: string(f.Distribution),
		}
		e.Delivery = deliveryStateOf(s.cfg.Delivery.StatusOf(f))
		return e, nil
	}
	return nil, api.Refuse("ResourceNotFoundException", "The log group has no subscription filter %s.", name)
}

// subscriptionOf reads the subscription that a request asks about.
func subscriptionOf(call *api.Call, in *ExplainSubscriptionInput) (sender logs.Sender, to arn.ARN, err error) {
	source, err := groupARN(call, in.LogGroupARN)
	if err != nil {
		return sender, "", err
	}
	p, err := arn.Parse(in.DestinationARN)
	destination := p.Service == "logs" && strings.HasPrefix(p.Resource, "destination:")
	stream := p.Service == "kinesis" && strings.HasPrefix(p.Resource, "stream/")
	if err != nil || !destination && !stream || len(p.Account) != 12 {
		return sender, "", errInvalid("destinationArn is not the ARN of a destination or a stream.")
	}
	to = arn.ARN(in.DestinationARN)
	sender = logs.Sender{
		Account: source.Account(), Region: source.Parts().Region, Source: source,
		AccountLevel: in.AccountLevel != nil && *in.AccountLevel,
	}
	if in.RoleARN == "" {
		if stream {
			return sender, "", errInvalid("A subscription that names a stream needs a roleArn.")
		}
		return sender, to, nil
	}
	role, err := arn.Parse(in.RoleARN)
	if err != nil || role.Service != "iam" || !strings.HasPrefix(role.Resource, "role/") {
		return sender, "", errInvalid("roleArn is not the ARN of a role.")
	}
	if role.Account != sender.Account {
		return sender, "", errInvalid("The role must be of the log group's account.")
	}
	sender.Role = arn.ARN(in.RoleARN)
	return sender, to, nil
}

// groupARN is the ARN, with ":*", of the log group that a request names by an ARN
// with or without it, or by its name alone.
func groupARN(call *api.Call, text string) (arn.ARN, error) {
	if !strings.HasPrefix(text, "arn:") {
		text = string(call.ARN("logs", "log-group:"+text))
	}
	p, err := arn.Parse(strings.TrimSuffix(text, ":*"))
	name, isGroup := strings.CutPrefix(p.Resource, "log-group:")
	if err != nil || p.Service != "logs" || !isGroup || name == "" || strings.ContainsAny(name, ":*") || len(p.Account) != 12 {
		return "", errInvalid("logGroupArn is not the ARN of a log group.")
	}
	return logs.GroupARN(p.Region, p.Account, name), nil
}

// groupResource is how a policy names the log group of a sender.
func groupResource(s logs.Sender) string { return strings.TrimSuffix(string(s.Source), ":*") }

func errInvalid(message string) error { return api.Refuse("ValidationException", "%s", message) }

// deliveryStateOf is what has become of a filter's events. Its texts are made for the
// sender's eyes.
func deliveryStateOf(t delivery.Status) *DeliveryState {
	d := &DeliveryState{
		State: string(t.State), MatchedEvents: t.MatchedEvents,
		ForwardedEvents: t.ForwardedEvents, ForwardedRecords: t.ForwardedRecords, ForwardedBytes: t.ForwardedBytes,
		DroppedEvents: t.DeliveryErrors, ExpiredEvents: t.ExpiredEvents,
		LastError: t.LastError, LastErrorAt: api.At(t.LastErrorAt), LastForwarded: api.At(t.LastForwarded),
		LagEvents: t.LagEvents, LagSeconds: t.Lag.Seconds(),
	}
	if t.RefusedNow {
		d.RefusedSince = api.At(t.RefusedSince)
	}
	for _, l := range t.Losses {
		d.Losses = append(d.Losses, LostRange{
			Journal: l.Journal, From: l.From.String(), To: l.To.String(), FromTime: moment(l.FromTime), ToTime: moment(l.ToTime),
			Events: l.Events, Reason: l.Reason,
		})
	}
	return d
}

// moment is a time in milliseconds, absent when it is 0.
func moment(ms int64) api.Timestamp {
	if ms == 0 {
		return api.Timestamp{}
	}
	return api.At(time.UnixMilli(ms))
}
