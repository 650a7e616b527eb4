package logs

import (
	"errors"
	"slices"

	"tributary/internal/pure/arn"
	"tributary/internal/pure/policy"
	"tributary/internal/service/api"
	"tributary/internal/service/iam"
)

// A Sender is a log group that wants to send to a destination, or an account that
// wants to for all of its log groups.
type Sender struct {
	Account arn.AccountID
	Region  arn.Region
	Source  arn.ARN // the log group with ":*" at its end; arn:aws:logs:REGION:ACCOUNT:* for all
	Role    arn.ARN // of the subscription filter; empty when it has none
	// AccountLevel is true when the filter is an account's policy, which needs
	// more of a destination.
	AccountLevel bool
}

// actions are what a destination must allow to a sender.
func (s Sender) actions() []string {
	if s.AccountLevel {
		return []string{subscribeAction, accountAction}
	}
	return []string{subscribeAction}
}

// A Consent is what a destination answers to a sender.
type Consent struct {
	// Outcome says whether the sender is admitted and, if not, at which step it
	// failed.
	Outcome ConsentOutcome
	// Action is what the access policy does not allow, when it was asked.
	Action string
	// Decision is that of the access policy, or of the role's trust policy when
	// the role could not be assumed.
	Decision policy.Decision
	// RoleRequired is true when a sender without a role is not admitted by a
	// policy that admits by organization.
	RoleRequired bool
}

// ConsentOutcome says how far a sender came.
type ConsentOutcome uint8

// The outcomes.
const (
	// NotAdmitted: the access policy does not allow the sender, or there is none.
	NotAdmitted ConsentOutcome = iota
	// RoleMissing: the sender's role does not exist.
	RoleMissing
	// RoleNotTrusting: the sender's role does not let the Logs service assume it
	// for this log group.
	RoleNotTrusting
	// Admitted: the access policy allows the sender.
	Admitted
)

// String names the outcome.
func (o ConsentOutcome) String() string {
	switch o {
	case Admitted:
		return "admitted"
	case RoleMissing:
		return "role missing"
	case RoleNotTrusting:
		return "role not trusting"
	default:
		return "not admitted"
	}
}

// Admitted reports whether the sender may send.
func (c Consent) Admitted() bool { return c.Outcome == Admitted }

const (
	subscribeAction = "logs:PutSubscriptionFilter"
	accountAction   = "logs:PutAccountPolicy"
)

// Consent decides whether a destination admits a sender. It is asked when a
// filter is made and again at every delivery, so that what is revoked is revoked.
//
// The access policy alone decides, also inside one account: without a policy
// nobody is admitted. A filter with a role speaks as a session of that role,
// which the Logs service must be able to assume for the log group; a filter
// without one speaks as the root of its account, and without keys of an
// organization, because AWS attaches those to IAM principals only. That the
// sender's role allows logs:PutLogEvents on the log group, as AWS's guide asks,
// is not checked.
func (s *Service) Consent(to Address, from Sender) Consent {
	if from.Role == "" {
		// An account as a whole has no organization keys.
		c := s.consentTo(iam.AccountCaller(from.Account), to, from)
		c.RoleRequired = !c.Admitted() && to.Policy != nil && slices.ContainsFunc(to.Policy.Statements(), admitsByOrganization)
		return c
	}
	session, trust, err := s.assume(from)
	switch {
	case errors.Is(err, iam.ErrNoSuchRole):
		return Consent{Outcome: RoleMissing}
	case err != nil || !trust.Allowed():
		return Consent{Outcome: RoleNotTrusting, Decision: trust}
	}
	return s.consentTo(session, to, from)
}

// sessionName is what the Logs service calls its sessions.
const sessionName = "CloudWatchLogs"

// assume takes the sender's role for its log group.
func (s *Service) assume(from Sender) (api.Caller, policy.Decision, error) {
	return s.cfg.IAM.AssumeForService(iam.ServiceAssumption{
		Role: from.Role, Service: "logs", Region: from.Region,
		SourceARN: from.Source, SourceAccount: from.Account, SessionName: sessionName,
	})
}

// assumable reports whether the Logs service can take the sender's role.
func (s *Service) assumable(from Sender) bool {
	_, trust, err := s.assume(from)
	return err == nil && trust.Allowed()
}

// consentTo asks the access policy about each action of the sender, who speaks as
// caller. The first that is not allowed decides.
func (s *Service) consentTo(caller api.Caller, to Address, from Sender) Consent {
	if to.Policy == nil {
		return Consent{Action: subscribeAction}
	}
	source := &policy.Source{Name: "access policy of " + string(to.ARN), Document: to.Policy}
	c := Consent{Outcome: Admitted}
	for _, action := range from.actions() {
		access := api.Access{Action: action, Resource: string(to.ARN), ResourcePolicy: source}
		c.Decision = s.cfg.IAM.Decide(caller, from.Region, s.cfg.Now(), access, policy.ResourceOnly)
		if !c.Decision.Allowed() {
			return Consent{Action: action, Decision: c.Decision}
		}
	}
	return c
}
