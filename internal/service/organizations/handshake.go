package organizations

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"tributary/internal/durable/catalog"
	"tributary/internal/pure/arn"
	"tributary/internal/service/api"
)

// A handshakeRecord is what is stored of a handshake, under its id.
type handshakeRecord struct {
	ID string `json:"id"` // h-…
	// Action is INVITE, ENABLE_ALL_FEATURES or APPROVE_ALL_FEATURES; empty for the
	// first.
	Action string `json:"action,omitzero"`
	// Parent is the handshake that an approval belongs to.
	Parent     string        `json:"parent,omitzero"`
	Org        string        `json:"org"`
	Management arn.AccountID `json:"management"`
	TargetType string        `json:"targetType"` // ACCOUNT or EMAIL, ORGANIZATION of ENABLE_ALL_FEATURES
	Target     string        `json:"target"`
	Notes      string        `json:"notes,omitzero"`
	State      string        `json:"state"`
	Requested  time.Time     `json:"requested"`
	Expires    time.Time     `json:"expires"`
	Finished   time.Time     `json:"finished,omitzero"` // when State became final
	// Tags are given to the account that accepts.
	Tags map[string]string `json:"tags,omitzero"`
}

// The actions of handshakes.
const (
	invite     = "INVITE"
	enableAll  = "ENABLE_ALL_FEATURES"
	approveAll = "APPROVE_ALL_FEATURES"
)

func (h handshakeRecord) action() string { return cmp.Or(h.Action, invite) }

// partyOrganization is the type of a handshake's party or resource that is the
// organization.
const partyOrganization = "ORGANIZATION"

// The states of a handshake. All but the first two are final; the first is never
// stored.
const (
	requested = "REQUESTED" // accounts have to approve yet
	open      = "OPEN"
	accepted  = "ACCEPTED"
	declined  = "DECLINED"
	canceled  = "CANCELED"
	expired   = "EXPIRED"
)

const (
	handshakeLife  = 15 * 24 * time.Hour // to answer it
	handshakeShown = 30 * 24 * time.Hour // after it is finished
)

// state is the state of a handshake. Of one that is stored as open, what it is
// about knows better, and so does the clock: the account that joined by it, the
// organization that has all features, the handshake that an approval belongs to.
func (s *Service) state(h handshakeRecord) string {
	if h.State != open {
		return h.State
	}
	switch h.action() {
	case invite:
		if s.joinedBy(h) {
			return accepted
		}
	case enableAll:
		if org, _, _ := s.organizations.Get(catalog.KeyOf(h.Org)); org.FeatureSet == allFeatures {
			return accepted
		}
	case approveAll:
		parent, _, ok := s.handshakes.Get(catalog.KeyOf(h.Parent))
		if !ok || parent.State != open && parent.State != expired {
			return canceled
		}
	}
	if !s.cfg.Now().Before(h.Expires) {
		return expired
	}
	if h.action() == enableAll && s.awaitsApproval(h) {
		return requested
	}
	return open
}

// joinedBy reports whether an account is a member by this handshake.
func (s *Service) joinedBy(h handshakeRecord) bool {
	if h.TargetType == kindAccount {
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

// asks reports whether this account is the one that is to accept.
func (s *Service) asks(h handshakeRecord, account arn.AccountID) bool {
	switch {
	case h.action() == enableAll:
		return h.Management == account
	case h.TargetType == kindAccount:
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
func (s *Service) inviteAccountToOrganization(ctx context.Context, _ *api.Call, org organizationRecord, in *InviteAccountToOrganizationInput) (*InviteAccountToOrganizationOutput, error) {
	if _, ok := s.migration(org); ok {
		return nil, errMigrating()
	}
	tags, err := withTags(nil, in.Tags)
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
		Tags:       tags,
	}
	for _, other := range s.handshakes.Scan(catalog.KeyOf()) {
		if other.action() == invite && other.Org == h.Org && other.TargetType == h.TargetType && strings.EqualFold(other.Target, h.Target) && s.state(other) == open {
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
	case kindAccount:
		id, err := arn.ParseAccountID(target.ID)
		if err != nil {
			return errPattern("INVALID_PATTERN_TARGET_ID")
		}
		if !s.AccountExists(id) || s.Suspended(id) {
			return errNoSuchTarget()
		}
	case "EMAIL":
		if local, domain, ok := strings.Cut(target.ID, "@"); !ok || local == "" || !strings.Contains(domain, ".") {
			return errInvalidInput("INVALID_EMAIL_ADDRESS_TARGET", "You specified an invalid email address for the invited account owner.")
		}
	default:
		return errInvalidInput("INVALID_PARTY_TYPE_TARGET", "You specified the wrong type of entity as a party to a handshake.")
	}
	for _, a := range s.members(org, "") {
		if target.ID == string(a.ID) || strings.EqualFold(target.ID, a.Email) {
			return errInvitedIsMember()
		}
	}
	return nil
}

// acceptHandshake agrees to what a handshake asks of the caller's account: to join
// the organization that invites it, to approve that its organization enables all
// features, or, for the management account, to enable them.
func (s *Service) acceptHandshake(ctx context.Context, call *api.Call, in *AcceptHandshakeInput) (*AcceptHandshakeOutput, error) {
	s.change.Lock()
	defer s.change.Unlock()
	h, err := s.answerable(in.HandshakeID, call.Account(), accepted)
	if err != nil {
		return nil, err
	}
	switch h.action() {
	case enableAll:
		_, err = s.updateOrganization(ctx, h.Org, func(o organizationRecord) (organizationRecord, error) {
			o.FeatureSet = allFeatures
			return o, nil
		})
	case invite:
		err = s.acceptInvitation(ctx, call.Account(), h)
	}
	if err != nil {
		return nil, err
	}
	if err := s.finish(context.WithoutCancel(ctx), h.ID, accepted); err != nil {
		return nil, err
	}
	h.State = accepted
	return &AcceptHandshakeOutput{Handshake: s.wireHandshake(h)}, nil
}

// acceptInvitation brings an account into the organization that invited it.
func (s *Service) acceptInvitation(ctx context.Context, account arn.AccountID, h handshakeRecord) error {
	org, ok := s.organizationOf(h.Management)
	if !ok || org.ID != h.Org {
		return errHandshakeNotFound()
	}
	if _, ok := s.migration(org); ok {
		return errMigrating()
	}
	if err := s.ensureByRule(ctx, account); err != nil {
		return err
	}
	member := Member{Org: h.Org, Joined: s.cfg.Now(), Method: invited, Handshake: h.ID, Tags: h.Tags}
	return s.join(ctx, account, member, errInvitedIsMember())
}

// declineHandshake refuses what a handshake asks of the caller's account.
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

// cancelHandshake takes back a handshake of the organization that the caller
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
	case s.asks(h, account):
		return h, transition(s.state(h), to)
	case s.seen(h, account):
		return h, errAccessDenied()
	}
	return h, errHandshakeNotFound()
}

// transition refuses what the state does not allow: a handshake that awaits
// approvals may only be taken back.
func transition(from, to string) error {
	switch from {
	case open:
		return nil
	case requested:
		if to == canceled {
			return nil
		}
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
	if s.asks(h, account) {
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

// listHandshakesForAccount answers the handshakes that ask something of the
// caller's account, by id.
func (s *Service) listHandshakesForAccount(_ context.Context, call *api.Call, in *ListHandshakesForAccountInput) (*ListHandshakesForAccountOutput, error) {
	list, next, err := page(s, pageRequest{call, in.Filter.scope(), in.NextToken, in.MaxResults},
		s.shownHandshakes(in.Filter, func(h handshakeRecord) bool { return s.asks(h, call.Account()) }))
	if err != nil {
		return nil, err
	}
	return &ListHandshakesForAccountOutput{Handshakes: list, NextToken: next}, nil
}

// listHandshakesForOrganization answers the handshakes of the organization, by id.
func (s *Service) listHandshakesForOrganization(_ context.Context, call *api.Call, org organizationRecord, in *ListHandshakesForOrganizationInput) (*ListHandshakesForOrganizationOutput, error) {
	list, next, err := page(s, pageRequest{call, in.Filter.scope(), in.NextToken, in.MaxResults},
		s.shownHandshakes(in.Filter, func(h handshakeRecord) bool { return h.Org == org.ID }))
	if err != nil {
		return nil, err
	}
	return &ListHandshakesForOrganizationOutput{Handshakes: list, NextToken: next}, nil
}

// scope tells lists with different filters apart.
func (f *HandshakeFilter) scope() string {
	if f == nil {
		return ""
	}
	return f.ActionType + " " + f.ParentHandshakeID
}

// admits reports whether the filter lets a handshake through.
func (f *HandshakeFilter) admits(h handshakeRecord) bool {
	return f == nil || (f.ActionType == "" || f.ActionType == h.action()) && (f.ParentHandshakeID == "" || f.ParentHandshakeID == h.Parent)
}

// shownHandshakes are the handshakes that may be seen and that filter and keep let
// through.
func (s *Service) shownHandshakes(filter *HandshakeFilter, keep func(handshakeRecord) bool) func(after string) rows[Handshake] {
	return func(after string) rows[Handshake] {
		return func(yield func(string, Handshake) bool) {
			for _, h := range s.handshakes.ScanFrom(catalog.KeyOf(), catalog.KeyOf(after)) {
				if !s.shown(h) || !filter.admits(h) || !keep(h) {
					continue
				}
				if !yield(h.ID, *s.wireHandshake(h)) {
					return
				}
			}
		}
	}
}

// wireHandshake is the wire form of a handshake.
func (s *Service) wireHandshake(h handshakeRecord) *Handshake {
	org, _, _ := s.organizations.Get(catalog.KeyOf(h.Org))
	management, _, _ := s.accounts.Get(accountKey(h.Management))
	resources := []HandshakeResource{
		{Type: partyOrganization, Value: h.Org, Resources: []HandshakeResource{
			{Type: "MASTER_EMAIL", Value: management.Email},
			{Type: "MASTER_NAME", Value: management.Name},
			{Type: "ORGANIZATION_FEATURE_SET", Value: org.FeatureSet},
		}},
	}
	if h.TargetType != partyOrganization {
		resources = append(resources, HandshakeResource{Type: h.TargetType, Value: h.Target})
	}
	if h.Parent != "" {
		resources = append(resources, HandshakeResource{Type: "PARENT_HANDSHAKE", Value: h.Parent})
	}
	if h.Notes != "" {
		resources = append(resources, HandshakeResource{Type: "NOTES", Value: h.Notes})
	}
	parties := []HandshakeParty{{ID: h.Org, Type: partyOrganization}}
	if h.TargetType != partyOrganization {
		parties = append(parties, HandshakeParty{ID: h.Target, Type: h.TargetType})
	}
	return &Handshake{
		ID:                  h.ID,
		ARN:                 h.arn(),
		Parties:             parties,
		State:               s.state(h),
		RequestedTimestamp:  api.At(h.Requested),
		ExpirationTimestamp: api.At(h.Expires),
		Action:              h.action(),
		Resources:           resources,
	}
}

// arn names the handshake.
func (h handshakeRecord) arn() string {
	action := strings.ToLower(h.action())
	return string(arn.New("organizations", "", h.Management, "handshake/"+h.Org+"/"+action+"/"+h.ID))
}
