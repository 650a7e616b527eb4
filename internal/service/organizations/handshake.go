package organizations

import (
	"context"
	"fmt"
	"strings"
	"time"

	"tributary/internal/durable/catalog"
	"tributary/internal/pure/arn"
	"tributary/internal/service/api"
)

// A handshakeRecord is what is stored of an invitation, under its id.
type handshakeRecord struct {
	ID         string        `json:"id"` // h-…
	Org        string        `json:"org"`
	Management arn.AccountID `json:"management"`
	TargetType string        `json:"targetType"` // ACCOUNT or EMAIL
	Target     string        `json:"target"`
	Notes      string        `json:"notes,omitzero"`
	State      string        `json:"state"`
	Requested  time.Time     `json:"requested"`
	Expires    time.Time     `json:"expires"`
	Finished   time.Time     `json:"finished,omitzero"` // when State became final
}

// The states of a handshake. All but open are final.
const (
	open     = "OPEN"
	accepted = "ACCEPTED"
	declined = "DECLINED"
	canceled = "CANCELED"
	expired  = "EXPIRED"
)

const (
	handshakeLife  = 15 * 24 * time.Hour // to answer it
	handshakeShown = 30 * 24 * time.Hour // after it is finished
)

// state is the state of a handshake. Of one that is stored as open, the account
// that joined by it knows better, and so does the clock.
func (s *Service) state(h handshakeRecord) string {
	if h.State != open {
		return h.State
	}
	if s.joinedBy(h) {
		return accepted
	}
	if !s.cfg.Now().Before(h.Expires) {
		return expired
	}
	return open
}

// joinedBy reports whether an account is a member by this handshake.
func (s *Service) joinedBy(h handshakeRecord) bool {
	if h.TargetType == "ACCOUNT" {
		a, _, _ := s.accounts.Get(catalog.KeyOf(h.Target))
		return a.Member != nil && a.Member.Handshake == h.ID
	}
	for a := range s.Accounts() {
		if a.Member != nil && a.Member.Handshake == h.ID {
			return true
		}
	}
	return false
}

// shown reports whether anybody may still see the handshake.
func (s *Service) shown(h handshakeRecord) bool {
	if !s.exists(h.Org) {
		return false
	}
	end := h.Finished
	if end.IsZero() {
		end = h.Expires
	}
	return s.cfg.Now().Before(end.Add(handshakeShown))
}

// invites reports whether this account is the one invited.
func (s *Service) invites(h handshakeRecord, account arn.AccountID) bool {
	if h.TargetType == "ACCOUNT" {
		return h.Target == string(account)
	}
	return strings.EqualFold(h.Target, s.email(account))
}

// email is the account's address, also of an account that exists by rule.
func (s *Service) email(account arn.AccountID) string {
	a, _, ok := s.accounts.Get(accountKey(account))
	if !ok && s.cfg.AccountsByRule {
		return emailByRule(account)
	}
	return a.Email
}

// handshake is a handshake that may still be seen.
func (s *Service) handshake(id string) (handshakeRecord, error) {
	h, _, ok := s.handshakes.Get(catalog.KeyOf(id))
	if !ok || !s.shown(h) {
		return handshakeRecord{}, errHandshakeNotFound()
	}
	return h, nil
}

// inviteAccountToOrganization offers an account a place in the caller's
// organization, which it manages. An email is taken as it is: whether an account
// has it shows when that account accepts.
func (s *Service) inviteAccountToOrganization(ctx context.Context, call *api.Call, in *InviteAccountToOrganizationInput) (*InviteAccountToOrganizationOutput, error) {
	s.change.Lock()
	defer s.change.Unlock()
	org, err := s.managedBy(call.Account())
	if err != nil {
		return nil, err
	}
	if err := s.checkTarget(org, in.Target); err != nil {
		return nil, err
	}
	now := s.cfg.Now()
	h := handshakeRecord{
		ID:         newID("h-", 20),
		Org:        org.ID,
		Management: org.Management,
		TargetType: in.Target.Type,
		Target:     in.Target.ID,
		Notes:      in.Notes,
		State:      open,
		Requested:  now,
		Expires:    now.Add(handshakeLife),
	}
	for _, other := range s.handshakes.Scan(catalog.KeyOf()) {
		if other.Org == h.Org && other.TargetType == h.TargetType && strings.EqualFold(other.Target, h.Target) && s.state(other) == open {
			return nil, errDuplicateHandshake()
		}
	}
	if _, err := s.handshakes.Create(ctx, catalog.KeyOf(h.ID), h); err != nil {
		return nil, fmt.Errorf("create handshake: %w", err)
	}
	return &InviteAccountToOrganizationOutput{Handshake: s.wireHandshake(h)}, nil
}

// checkTarget refuses what cannot be invited.
func (s *Service) checkTarget(org organizationRecord, target *HandshakeParty) error {
	switch target.Type {
	case "ACCOUNT":
		id, err := arn.ParseAccountID(target.ID)
		if err != nil {
			return errInvalidInput("INVALID_PATTERN_TARGET_ID", "You provided a value that does not match the required pattern.")
		}
		if !s.AccountExists(id) {
			return errNoSuchTarget()
		}
	case "EMAIL":
		if local, domain, ok := strings.Cut(target.ID, "@"); !ok || local == "" || !strings.Contains(domain, ".") {
			return errInvalidInput("INVALID_EMAIL_ADDRESS_TARGET", "You specified an invalid email address for the invited account owner.")
		}
	default:
		return errInvalidInput("INVALID_PARTY_TYPE_TARGET", "You specified the wrong type of entity as a party to a handshake.")
	}
	for _, a := range s.members(org.ID, "") {
		if target.ID == string(a.ID) || strings.EqualFold(target.ID, a.Email) {
			return errInvitedIsMember()
		}
	}
	return nil
}

// acceptHandshake brings the caller's account into the organization that
// invited it.
func (s *Service) acceptHandshake(ctx context.Context, call *api.Call, in *AcceptHandshakeInput) (*AcceptHandshakeOutput, error) {
	s.change.Lock()
	defer s.change.Unlock()
	h, err := s.answerable(in.HandshakeID, call.Account(), accepted)
	if err != nil {
		return nil, err
	}
	if _, ok := s.organizationOf(call.Account()); ok {
		return nil, errInvitedIsMember()
	}
	if err := s.ensureByRule(ctx, call.Account()); err != nil {
		return nil, err
	}
	member := Member{Org: h.Org, Joined: s.cfg.Now(), Method: invited, Handshake: h.ID}
	if err := s.join(ctx, call.Account(), member, errInvitedIsMember()); err != nil {
		return nil, err
	}
	if err := s.finish(context.WithoutCancel(ctx), h.ID, accepted); err != nil {
		return nil, err
	}
	h.State = accepted
	return &AcceptHandshakeOutput{Handshake: s.wireHandshake(h)}, nil
}

// declineHandshake refuses an invitation of the caller's account.
func (s *Service) declineHandshake(ctx context.Context, call *api.Call, in *DeclineHandshakeInput) (*DeclineHandshakeOutput, error) {
	s.change.Lock()
	defer s.change.Unlock()
	h, err := s.answerable(in.HandshakeID, call.Account(), declined)
	if err != nil {
		return nil, err
	}
	if err := s.finish(ctx, h.ID, declined); err != nil {
		return nil, err
	}
	h.State = declined
	return &DeclineHandshakeOutput{Handshake: s.wireHandshake(h)}, nil
}

// cancelHandshake takes back an invitation of the organization that the caller
// manages.
func (s *Service) cancelHandshake(ctx context.Context, call *api.Call, in *CancelHandshakeInput) (*CancelHandshakeOutput, error) {
	s.change.Lock()
	defer s.change.Unlock()
	h, err := s.handshake(in.HandshakeID)
	if err != nil {
		return nil, err
	}
	switch account := call.Account(); {
	case h.Management == account:
	case s.seen(h, account):
		return nil, errAccessDenied()
	default:
		return nil, errHandshakeNotFound()
	}
	if err := transition(s.state(h), canceled); err != nil {
		return nil, err
	}
	if err := s.finish(ctx, h.ID, canceled); err != nil {
		return nil, err
	}
	h.State = canceled
	return &CancelHandshakeOutput{Handshake: s.wireHandshake(h)}, nil
}

// answerable is a handshake that the account is invited by and that may go to
// the given state.
func (s *Service) answerable(id string, account arn.AccountID, to string) (handshakeRecord, error) {
	h, err := s.handshake(id)
	switch {
	case err != nil:
		return h, err
	case s.invites(h, account):
		return h, transition(s.state(h), to)
	case s.seen(h, account):
		return h, errAccessDenied()
	}
	return h, errHandshakeNotFound()
}

func transition(from, to string) error {
	switch from {
	case open:
		return nil
	case to:
		return errHandshakeAlreadyInState()
	}
	return errInvalidTransition()
}

// finish records the final state of a handshake. A state that is already final
// stays.
func (s *Service) finish(ctx context.Context, id, state string) error {
	_, err := s.handshakes.Update(ctx, catalog.KeyOf(id), func(h handshakeRecord, exists bool) (handshakeRecord, error) {
		if !exists {
			return h, errHandshakeNotFound()
		}
		if h.State != open {
			return h, nil
		}
		h.State, h.Finished = state, s.cfg.Now()
		if state == expired {
			h.Finished = h.Expires
		}
		return h, nil
	})
	return err
}

// seen reports whether the account may look at the handshake: the one invited,
// and every member of the organization that invites.
func (s *Service) seen(h handshakeRecord, account arn.AccountID) bool {
	if s.invites(h, account) {
		return true
	}
	org, ok := s.organizationOf(account)
	return ok && org.ID == h.Org
}

// describeHandshake answers a handshake to its parties. To anybody else it is
// not there.
func (s *Service) describeHandshake(_ context.Context, call *api.Call, in *DescribeHandshakeInput) (*DescribeHandshakeOutput, error) {
	h, err := s.handshake(in.HandshakeID)
	if err != nil {
		return nil, err
	}
	if !s.seen(h, call.Account()) {
		return nil, errHandshakeNotFound()
	}
	return &DescribeHandshakeOutput{Handshake: s.wireHandshake(h)}, nil
}

// listHandshakesForAccount answers the handshakes by which the caller's account
// is invited, by id.
func (s *Service) listHandshakesForAccount(_ context.Context, call *api.Call, in *ListHandshakesForAccountInput) (*ListHandshakesForAccountOutput, error) {
	list, next, err := s.list(in.Filter, in.NextToken, in.MaxResults, func(h handshakeRecord) bool {
		return s.invites(h, call.Account())
	})
	if err != nil {
		return nil, err
	}
	return &ListHandshakesForAccountOutput{Handshakes: list, NextToken: next}, nil
}

// listHandshakesForOrganization answers the handshakes of the organization that
// the caller manages, by id.
func (s *Service) listHandshakesForOrganization(_ context.Context, call *api.Call, in *ListHandshakesForOrganizationInput) (*ListHandshakesForOrganizationOutput, error) {
	org, err := s.managedBy(call.Account())
	if err != nil {
		return nil, err
	}
	list, next, err := s.list(in.Filter, in.NextToken, in.MaxResults, func(h handshakeRecord) bool {
		return h.Org == org.ID
	})
	if err != nil {
		return nil, err
	}
	return &ListHandshakesForOrganizationOutput{Handshakes: list, NextToken: next}, nil
}

// list is a page of the handshakes that may be seen and that keep lets through.
// The only action there is is INVITE, and no handshake has a parent.
func (s *Service) list(filter *HandshakeFilter, token string, maxResults *int32, keep func(handshakeRecord) bool) ([]Handshake, string, error) {
	after, err := openToken(token)
	if err != nil {
		return nil, "", err
	}
	if filter != nil && (filter.ParentHandshakeID != "" || filter.ActionType != "" && filter.ActionType != "INVITE") {
		return nil, "", nil
	}
	var found []handshakeRecord
	for _, h := range s.handshakes.ScanFrom(catalog.KeyOf(), catalog.KeyOf(after)) {
		if s.shown(h) && keep(h) {
			found = append(found, h)
		}
	}
	found, next := firstPage(found, maxResults, func(h handshakeRecord) string { return h.ID })
	var list []Handshake
	for _, h := range found {
		list = append(list, *s.wireHandshake(h))
	}
	return list, next, nil
}

// wireHandshake is the wire form of a handshake.
func (s *Service) wireHandshake(h handshakeRecord) *Handshake {
	org, _, _ := s.organizations.Get(catalog.KeyOf(h.Org))
	management, _, _ := s.accounts.Get(accountKey(h.Management))
	resources := []HandshakeResource{
		{Type: "ORGANIZATION", Value: h.Org, Resources: []HandshakeResource{
			{Type: "MASTER_EMAIL", Value: management.Email},
			{Type: "MASTER_NAME", Value: management.Name},
			{Type: "ORGANIZATION_FEATURE_SET", Value: org.FeatureSet},
		}},
		{Type: h.TargetType, Value: h.Target},
	}
	if h.Notes != "" {
		resources = append(resources, HandshakeResource{Type: "NOTES", Value: h.Notes})
	}
	return &Handshake{
		ID:  h.ID,
		ARN: handshakeARN(h.Management, h.Org, h.ID),
		Parties: []HandshakeParty{
			{ID: h.Org, Type: "ORGANIZATION"},
			{ID: h.Target, Type: h.TargetType},
		},
		State:               s.state(h),
		RequestedTimestamp:  api.At(h.Requested),
		ExpirationTimestamp: api.At(h.Expires),
		Action:              "INVITE",
		Resources:           resources,
	}
}

func handshakeARN(management arn.AccountID, org, id string) string {
	return string(arn.New("organizations", "", management, "handshake/"+org+"/invite/"+id))
}
