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

const maxFilters = 5 // of one log group

// putSubscriptionFilter makes a filter or changes the one of that name. The order
// of the checks is AWS's where it is known: the forms of destination and role,
// the log group, the pattern, the number of filters, the destination's consent,
// the test message.
//
// A filter that names a stream directly gets a test message; one that names a
// destination does not, because the destination has been tested. Lambda
// functions and Firehose streams do not exist here and are answered as absent.
func (s *Service) putSubscriptionFilter(ctx context.Context, call *api.Call, in *PutSubscriptionFilterInput) (*api.Void, error) {
	target, role, err := filterTarget(call, in)
	if err != nil {
		return nil, err
	}
	id := groupOf(call, in.LogGroupName)
	g, err := s.group(id)
	if err != nil {
		return nil, err
	}
	if g.Class == classInfrequentAccess || g.Class == classDelivery {
		return nil, errClassWithoutFilters(g.Class)
	}
	if err := checkFilterTexts(in); err != nil {
		return nil, err
	}
	if _, exists := findFilter(g.Filters, in.FilterName); !exists && len(g.Filters) >= maxFilters {
		return nil, errLimit()
	}
	if err := s.checkTarget(ctx, id, target, role); err != nil {
		return nil, err
	}
	r, err := s.useRegion(ctx, id.Region)
	if err != nil {
		return nil, err
	}
	return nil, s.changeGroup(ctx, id, func(g *group) error {
		i, exists := findFilter(g.Filters, in.FilterName)
		if !exists && len(g.Filters) >= maxFilters {
			return errLimit()
		}
		g.Filters = slices.Clone(g.Filters) // what is in the catalog is shared
		if !exists {
			g.Filters = slices.Insert(g.Filters, i, filter{Name: in.FilterName, Created: s.now(), From: r.ends()})
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
func filterTarget(call *api.Call, in *PutSubscriptionFilterInput) (target arn.Parts, role arn.ARN, err error) {
	target, err = arn.Parse(in.DestinationARN)
	if err != nil {
		return arn.Parts{}, "", errDestinationARN(shorten(in.DestinationARN))
	}
	switch target.Service {
	case "logs":
		id, ok := parseDestinationARN(arn.ARN(in.DestinationARN))
		if !ok {
			return arn.Parts{}, "", errDestinationARN(shorten(in.DestinationARN))
		}
		if id.Region != call.Region {
			return arn.Parts{}, "", errOtherRegion(id.Region, call.Region)
		}
	case "kinesis", "firehose":
		if in.RoleARN == "" {
			return arn.Parts{}, "", errVendorNeedsRole(target.Service)
		}
	case "lambda":
		if in.RoleARN != "" {
			return arn.Parts{}, "", errVendorTakesNoRole(target.Service)
		}
		if target.Account != call.Account() {
			return arn.Parts{}, "", errForeignLambda()
		}
	default:
		return arn.Parts{}, "", errVendor(shorten(target.Service))
	}
	if in.RoleARN == "" {
		return target, "", nil
	}
	role, account, ok := parseRoleARN(in.RoleARN)
	if !ok {
		return arn.Parts{}, "", errRole(shorten(in.RoleARN))
	}
	if account != call.Account() {
		return arn.Parts{}, "", errForeignRole()
	}
	return target, role, nil
}

// checkFilterTexts parses what the request says about which events to send.
func checkFilterTexts(in *PutSubscriptionFilterInput) error {
	if _, err := pattern.Parse(in.FilterPattern); err != nil {
		return errFilterPattern(syntaxReason(err))
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

// checkTarget asks whether events may be sent there.
func (s *Service) checkTarget(ctx context.Context, id groupID, target arn.Parts, role arn.ARN) error {
	sender := Sender{Account: id.Account, Region: id.Region, LogGroup: GroupARN(id.Region, id.Account, id.Name), Role: role}
	targetARN := arn.New(target.Service, target.Region, target.Account, target.Resource)
	switch target.Service {
	case "logs":
		return s.checkConsent(targetARN, sender)
	case "kinesis":
		return s.checkStream(ctx, targetARN, sender)
	case "firehose":
		return errTestFirehose()
	default:
		return errLambda()
	}
}

// checkConsent asks the destination. That there is none must look like one that
// does not admit the sender.
func (s *Service) checkConsent(dest arn.ARN, sender Sender) error {
	to, ok := s.Destination(dest)
	if !ok {
		return errNotAdmitted(sender.Account, dest)
	}
	switch c := s.Consent(to, sender); {
	case c.Admitted():
		return nil
	case c.Outcome == RoleMissing || c.Outcome == RoleNotTrusting:
		return errRoleNotAssumable()
	case c.RoleRequired:
		return errRoleRequired()
	}
	return errNotAdmitted(sender.Account, dest)
}

// checkStream sends a test message to a stream of the sender's own account.
func (s *Service) checkStream(ctx context.Context, streamARN arn.ARN, sender Sender) error {
	if !s.assumable(sender) {
		return errRoleNotAssumable()
	}
	if !isStreamARN(string(streamARN)) || streamARN.Account() != sender.Account {
		return errTestStream()
	}
	err := s.cfg.TestDelivery(ctx, TestTarget{
		Account: sender.Account, Region: sender.Region,
		TargetARN: streamARN, RoleARN: sender.Role, SourceARN: sender.LogGroup,
	})
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("test delivery: %w", err)
	}
	s.cfg.Log.Info("test message was not delivered", "group", sender.LogGroup, "stream", streamARN, "role", sender.Role, "cause", err)
	return errTestStream()
}

// syntaxReason is what a parser of patterns complains of.
func syntaxReason(err error) string {
	if e, ok := errors.AsType[*pattern.SyntaxError](err); ok {
		return e.Msg
	}
	return err.Error()
}
