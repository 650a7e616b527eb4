package logs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"tributary/internal/pure/arn"
	"tributary/internal/pure/pattern"
	"tributary/internal/service/api"
)

// defaultFilters is how many filters a log group may have in AWS. It is also how many
// with a regular expression AWS lets it have, so these need no count of their own.
const defaultFilters = 5

// putSubscriptionFilter makes a filter or changes the one of that name. The order
// of the checks is AWS's where it is known: the forms of destination and role,
// the log group, the pattern, the number of filters, the destination's consent,
// the test message.
//
// A filter that names a stream directly gets a test message; one that names a
// destination does not, because the destination has been tested. Lambda
// functions and Firehose streams do not exist here and are answered as absent.
func (s *Service) putSubscriptionFilter(ctx context.Context, call *api.Call, in *PutSubscriptionFilterInput) (*api.Void, error) {
	target, role, err := filterTarget(call, in.DestinationARN, in.RoleARN)
	if err != nil {
		return nil, err
	}
	id := groupOf(call, in.LogGroupName)
	g, err := s.group(id)
	if err != nil {
		return nil, err
	}
	if !g.subscribable() {
		return nil, errClassWithoutFilters(g.Class)
	}
	if err := checkFilterTexts(in); err != nil {
		return nil, err
	}
	if _, exists := findFilter(g.Filters, in.FilterName); !exists && len(g.Filters) >= s.cfg.FiltersPerGroup {
		return nil, errLimit()
	}
	sender := Sender{Account: id.Account, Region: id.Region, Source: GroupARN(id.Region, id.Account, id.Name), Role: role}
	if err := s.checkTarget(ctx, call, sender, target); err != nil {
		return nil, err
	}
	r, err := s.useRegion(ctx, id.Region)
	if err != nil {
		return nil, err
	}
	return nil, s.changeGroup(ctx, id, func(g *group) error {
		i, exists := findFilter(g.Filters, in.FilterName)
		if !exists && len(g.Filters) >= s.cfg.FiltersPerGroup {
			return errLimit()
		}
		g.Filters = slices.Clone(g.Filters) // what is in the catalog is shared
		if !exists {
			ends, err := r.ends()
			if err != nil {
				return err
			}
			g.Filters = slices.Insert(g.Filters, i, filter{Name: in.FilterName, Created: s.now(), From: ends})
		}
		f := &g.Filters[i]
		f.Pattern, f.Destination, f.Role = in.FilterPattern, arn.ARN(in.DestinationARN), role
		f.Selection = in.FieldSelectionCriteria
		f.ApplyOnTransformed = in.ApplyOnTransformedLogs != nil && *in.ApplyOnTransformedLogs
		f.Distribution = ByLogStream
		if in.Distribution != "" {
			f.Distribution = Distribution(in.Distribution)
		}
		if in.EmitSystemFields != nil { // leaving it out keeps what there is, [] clears it
			f.SystemFields = in.EmitSystemFields
		}
		return nil
	})
}

// findFilter is the index of the filter of that name, or the one it would have.
func findFilter(filters []filter, name string) (int, bool) {
	return slices.BinarySearchFunc(filters, name, func(f filter, name string) int { return strings.Compare(f.Name, name) })
}

// filterTarget checks that destination and role of a request go together, and
// returns the parts of the destination's ARN and the role.
func filterTarget(call *api.Call, destinationARN, roleARN string) (target arn.Parts, role arn.ARN, err error) {
	target, err = arn.Parse(destinationARN)
	if err != nil {
		return arn.Parts{}, "", errDestinationARN(shorten(destinationARN))
	}
	switch target.Service {
	case "logs":
		id, ok := parseDestinationARN(arn.ARN(destinationARN))
		if !ok {
			return arn.Parts{}, "", errDestinationARN(shorten(destinationARN))
		}
		if id.Region != call.Region {
			return arn.Parts{}, "", errOtherRegion(id.Region, call.Region)
		}
	case "kinesis", "firehose":
		if roleARN == "" {
			return arn.Parts{}, "", errVendorNeedsRole(target.Service)
		}
	case "lambda":
		if roleARN != "" {
			return arn.Parts{}, "", errVendorTakesNoRole(target.Service)
		}
		if target.Account != call.Account() {
			return arn.Parts{}, "", errForeignLambda()
		}
	default:
		return arn.Parts{}, "", errVendor(call.Operation, shorten(target.Service))
	}
	if roleARN == "" {
		return target, "", nil
	}
	role, account, ok := parseRoleARN(roleARN)
	if !ok {
		return arn.Parts{}, "", errRole(shorten(roleARN))
	}
	if account != call.Account() {
		return arn.Parts{}, "", errForeignRole()
	}
	return target, role, nil
}

// checkFilterTexts parses what the request says about which events to send.
func checkFilterTexts(in *PutSubscriptionFilterInput) error {
	if err := checkPattern(in.FilterPattern); err != nil {
		return err
	}
	if in.FieldSelectionCriteria != "" {
		if _, err := pattern.ParseSelection(in.FieldSelectionCriteria); err != nil {
			return errSelection(syntaxReason(err))
		}
	}
	for _, name := range in.EmitSystemFields {
		if name != fieldAccount && name != fieldRegion && name != fieldSource {
			return errSystemField(name)
		}
	}
	return nil
}

func checkPattern(text string) error {
	if _, err := pattern.Parse(text); err != nil {
		return errFilterPattern(syntaxReason(err))
	}
	return nil
}

// checkTarget asks whether events may be sent there.
func (s *Service) checkTarget(ctx context.Context, call *api.Call, sender Sender, target arn.Parts) error {
	targetARN := arn.New(target.Service, target.Region, target.Account, target.Resource)
	switch target.Service {
	case "logs":
		return s.checkConsent(call, targetARN, sender)
	case "kinesis":
		return s.checkStream(ctx, call, targetARN, sender)
	case "firehose":
		return errTestFirehose()
	default:
		return errLambda()
	}
}

// checkConsent asks the destination. That there is none must look like one that
// does not admit the sender; the server's log tells them apart.
func (s *Service) checkConsent(call *api.Call, dest arn.ARN, sender Sender) error {
	refused := func(check string, err error) error {
		s.cfg.Log.Info("subscription is refused", "requestID", call.RequestID, "source", sender.Source, "role", sender.Role,
			"destination", dest, "check", check)
		return err
	}
	// The role first: whether it can be assumed must not depend on there being a
	// destination, or a role that cannot would tell which destinations exist.
	speaker, trust, err := s.Speaker(sender, false)
	if err != nil || !trust.Allowed() {
		return refused("sender-role", errRoleNotAssumable())
	}
	to, ok := s.Destination(dest)
	if !ok {
		return refused("destination", errNotAdmitted(sender.Account, subscribeAction, dest))
	}
	a := s.Admits(to, sender, speaker, false)
	switch {
	case a.Allowed():
		return nil
	case a.RoleRequired:
		return refused("access-policy", errRoleRequired())
	}
	return refused("access-policy", errNotAdmitted(sender.Account, a.Action, dest))
}

// checkStream sends a test message to a stream of the sender's own account.
func (s *Service) checkStream(ctx context.Context, call *api.Call, streamARN arn.ARN, sender Sender) error {
	if !s.assumable(sender) {
		return errRoleNotAssumable()
	}
	if !isStreamARN(string(streamARN)) || streamARN.Account() != sender.Account {
		return errTestStream()
	}
	err := s.cfg.TestDelivery(ctx, TestTarget{
		Account: sender.Account, Region: sender.Region,
		TargetARN: streamARN, RoleARN: sender.Role, SourceARN: sender.Source,
	})
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("test delivery: %w", err)
	}
	s.cfg.Log.Info("test message was not delivered", "requestID", call.RequestID, "source", sender.Source, "stream", streamARN, "role", sender.Role, "cause", err)
	return errTestStream()
}

// syntaxReason is what a parser of patterns complains of.
func syntaxReason(err error) string {
	if e, ok := errors.AsType[*pattern.SyntaxError](err); ok {
		return e.Msg
	}
	return err.Error()
}
