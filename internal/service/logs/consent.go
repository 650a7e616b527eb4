package logs

import (
	"slices"
	"strings"

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

const (
	subscribeAction = "logs:PutSubscriptionFilter"
	accountAction   = "logs:PutAccountPolicy"
)

// Two questions decide whether a destination admits a sender: as whom the Logs
// service speaks for the sender (Speaker), and whether the access policy admits
// that (Admits). They are asked when a filter is made, again at every delivery,
// so that what is revoked is revoked, and by explain, which wants the Reasons.

// SessionName is what the Logs service calls its sessions of roles.
const SessionName = "CloudWatchLogs"

// Speaker is as whom the Logs service speaks for a sender. A filter with a role
// speaks as a session of that role, which the Logs service must be able to assume
// for the log group: if it cannot, the decision is not Allowed, or the error is
// iam.ErrNoSuchRole. A filter without one speaks as its account as a whole, and
// without keys of an organization, because AWS attaches those to IAM principals
// only.
//
// That the sender's role allows logs:PutLogEvents on the log group, as AWS's guide
// asks, decides nothing; explanations advise on it.
func (s *Service) Speaker(from Sender, explain bool) (api.Caller, policy.Decision, error) {
	if from.Role == "" {
		return iam.AccountCaller(from.Account), policy.Decision{Effect: policy.Allow}, nil
	}
	return s.cfg.IAM.AssumeForService(iam.ServiceAssumption{
		Role: from.Role, Service: "logs", Region: from.Region,
		SourceARN: from.Source, SourceAccount: from.Account, SessionName: SessionName,
		Explain: explain,
	})
}

// assumable reports whether the Logs service can take the sender's role.
func (s *Service) assumable(from Sender) bool {
	_, trust, err := s.Speaker(from, false)
	return err == nil && trust.Allowed()
}

// An Admission is a destination's answer to a sender.
type Admission struct {
	// Action is the one that Decision is about: of several the first that the
	// access policy does not allow, or the last.
	Action   string
	Decision policy.Decision
	// RoleRequired is true when a sender without a role is not admitted by a
	// policy that admits by organization, and would be with a role. To an account
	// outside of the organization the destination is as if it were not there.
	RoleRequired bool
}

// Allowed reports whether the sender may send.
func (a Admission) Allowed() bool { return a.Decision.Allowed() }

// Admits asks the access policy of a destination about a sender for whom the Logs
// service speaks as this caller. The access policy alone decides, also inside one
// account: without a policy nobody is admitted.
func (s *Service) Admits(to Address, from Sender, as api.Caller, explain bool) Admission {
	if to.Policy == nil {
		return Admission{Action: subscribeAction}
	}
	decide := s.cfg.IAM.Decide
	if explain {
		decide = s.cfg.IAM.Explain
	}
	source := &policy.Source{Name: "access policy of " + string(to.ARN), Document: to.Policy}
	var a Admission
	for _, action := range from.actions() {
		access := api.Access{Action: action, Resource: string(to.ARN), ResourcePolicy: source}
		a = Admission{Action: action, Decision: decide(as, from.Region, s.cfg.Now(), access, policy.ResourceOnly)}
		if !a.Allowed() {
			a.RoleRequired = from.Role == "" && slices.ContainsFunc(to.Policy.Statements(), admitsByOrganization) &&
				decide(iam.RoleCaller(from.Account), from.Region, s.cfg.Now(), access, policy.ResourceOnly).Allowed()
			return a
		}
	}
	return a
}

// A GroupState says whether a log group can have subscription filters.
type GroupState uint8

// The states.
const (
	GroupMissing GroupState = iota
	GroupOfOtherClass
	GroupSubscribable
)

// Subscribable says whether the log group of that ARN, which ends with ":*", is
// there and of a class that has subscription filters.
func (s *Service) Subscribable(source arn.ARN) GroupState {
	id, ok := parseGroupARN(strings.TrimSuffix(string(source), ":*"))
	if !ok {
		return GroupMissing
	}
	g, _, ok := s.groups.Get(id.key())
	switch {
	case !ok:
		return GroupMissing
	case !g.subscribable():
		return GroupOfOtherClass
	}
	return GroupSubscribable
}
