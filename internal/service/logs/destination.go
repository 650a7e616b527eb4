package logs

import (
	"context"
	"fmt"
	"maps"

	"tributary/internal/durable/catalog"
	"tributary/internal/pure/arn"
	"tributary/internal/pure/policy"
	"tributary/internal/service/api"
)

// A destination is the stored record of a destination: the value of its key in
// the table logs/destination.
type destination struct {
	Target  arn.ARN           `json:"target"` // a Kinesis stream, of any Region
	Role    arn.ARN           `json:"role"`
	Policy  string            `json:"policy,omitzero"` // as it was given; empty until then
	Created int64             `json:"created"`         // ms
	Tags    map[string]string `json:"tags,omitzero"`
}

// An Address is a destination as delivery needs it.
type Address struct {
	ARN     arn.ARN
	Account arn.AccountID
	Region  arn.Region
	Name    string
	// TargetARN is the stream, RoleARN the role that the Logs service assumes to
	// write to it.
	TargetARN, RoleARN arn.ARN
	// Policy is the access policy; nil when there is none, or one that cannot be
	// read: then nobody is admitted.
	Policy *policy.Document
}

// Destination returns the destination of that ARN. Its parts are shared.
func (s *Service) Destination(of arn.ARN) (Address, bool) {
	id, ok := parseDestinationARN(of)
	if !ok {
		return Address{}, false
	}
	return s.addresses.get(id.key())
}

// deriveAddress parses the policy of a record.
func (s *Service) deriveAddress(k catalog.Key, d destination) Address {
	parts := k.Parts()
	id := destinationID{arn.AccountID(parts[0]), arn.Region(parts[1]), parts[2]}
	dest := Address{
		ARN: id.arn(), Account: id.Account, Region: id.Region, Name: id.Name,
		TargetARN: d.Target, RoleARN: d.Role,
	}
	if d.Policy == "" {
		return dest
	}
	doc, err := policy.Parse(d.Policy, policy.Resource)
	if err != nil {
		s.cfg.Log.Error("stored access policy cannot be read: nobody is admitted", "destination", id.arn(), "error", err)
		return dest
	}
	dest.Policy = doc
	return dest
}

// AuthorityRevision is the revision of the last change in the tables that decide
// who may send where: destinations, log groups with their filters, and account
// policies.
func (s *Service) AuthorityRevision() catalog.Revision {
	return max(s.destinations.Revision(), s.groups.Revision(), s.policies.Revision())
}

// putDestination makes a destination or changes its target and role. Before
// anything is stored, the Logs service assumes the role for the destination and
// writes a test message to the stream; every reason why that may fail is told
// in the same words. An access policy stays when a destination is changed.
// Whether the caller may pass the role has been asked; the role must be of the
// caller's account.
func (s *Service) putDestination(ctx context.Context, call *api.Call, in *PutDestinationInput) (*PutDestinationOutput, error) {
	role, account, ok := parseRoleARN(in.RoleARN)
	if !ok {
		return nil, errRole(shorten(in.RoleARN))
	}
	if account != call.Account() {
		return nil, errForeignRole()
	}
	if !isStreamARN(in.TargetARN) {
		return nil, errTarget(shorten(in.TargetARN))
	}
	id := destinationOf(call, in.DestinationName)
	target := TestTarget{
		Account: id.Account, Region: id.Region,
		TargetARN: arn.ARN(in.TargetARN), RoleARN: role, SourceARN: id.arn(),
	}
	if err := s.cfg.TestDelivery(ctx, target); err != nil {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("test delivery: %w", err)
		}
		s.cfg.Log.Info("test message was not delivered", "requestID", call.RequestID, "destination", id.arn(), "stream", target.TargetARN, "role", role, "cause", err)
		return nil, errTestMessage()
	}
	var stored destination
	_, err := s.destinations.Update(ctx, id.key(), func(d destination, exists bool) (destination, error) {
		if !exists {
			d.Created = s.now()
		}
		d.Target, d.Role = target.TargetARN, role
		if len(in.Tags) > 0 {
			tags := map[string]string{}
			maps.Copy(tags, d.Tags)
			maps.Copy(tags, in.Tags)
			if len(tags) > maxTags {
				return d, errTooManyTags(id.arn())
			}
			d.Tags = tags
		}
		stored = d
		return d, nil
	})
	if err != nil {
		return nil, aborted(err)
	}
	item := stored.wire(id)
	return &PutDestinationOutput{Destination: &item}, nil
}

// isStreamARN reports whether the text is the ARN of a Kinesis stream.
func isStreamARN(text string) bool {
	p, err := arn.Parse(text)
	if err != nil || p.Partition != "aws" || p.Service != "kinesis" || len(p.Account) != 12 {
		return false
	}
	_, err = arn.ParseRegion(string(p.Region))
	const kind = "stream/"
	return err == nil && len(p.Resource) > len(kind) && p.Resource[:len(kind)] == kind
}

// changeDestination changes the record of a destination that exists.
func (s *Service) changeDestination(ctx context.Context, id destinationID, change func(*destination) error) error {
	_, err := s.destinations.Update(ctx, id.key(), func(d destination, exists bool) (destination, error) {
		if !exists {
			return destination{}, errNoDestination()
		}
		err := change(&d)
		return d, err
	})
	return aborted(err)
}

// deleteDestination removes a destination. Filters that name it stay, and deliver
// nothing until there is a destination of the name again.
func (s *Service) deleteDestination(ctx context.Context, call *api.Call, in *DeleteDestinationInput) (*api.Void, error) {
	id := destinationOf(call, in.DestinationName)
	defer s.addresses.forget(id.key())
	return nil, remove(ctx, s.destinations, id.key(), errNoDestination, func(destination) error { return nil })
}

// describeDestinations lists the caller's destinations by name.
func (s *Service) describeDestinations(_ context.Context, call *api.Call, in *DescribeDestinationsInput) (*DescribeDestinationsOutput, error) {
	pages := s.pager(call, in.DestinationNamePrefix)
	after, err := pages.after(in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &DescribeDestinationsOutput{Destinations: []Destination{}}
	limit := pageSize(in.Limit)
	for name, d := range beginning(s.destinations, in.DestinationNamePrefix, after, string(call.Account()), string(call.Region)) {
		if len(out.Destinations) == limit {
			out.NextToken = pages.token(out.Destinations[limit-1].DestinationName)
			break
		}
		out.Destinations = append(out.Destinations, d.wire(destinationOf(call, name)))
	}
	return out, nil
}

// wire is the destination as the API shows it.
func (d *destination) wire(id destinationID) Destination {
	return Destination{
		DestinationName: id.Name,
		TargetARN:       string(d.Target),
		RoleARN:         string(d.Role),
		AccessPolicy:    d.Policy,
		ARN:             string(id.arn()),
		CreationTime:    &d.Created,
	}
}
