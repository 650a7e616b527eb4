package operator

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"tributary/internal/delivery"
	"tributary/internal/pure/arn"
	"tributary/internal/pure/policy"
	"tributary/internal/service/api"
)

// A view is a trace as one caller may see it.
//
//   - What belongs to the caller's account is shown in full, if the caller has the
//     right to read it: nothing is shown here that an ordinary operation would
//     refuse to show.
//   - What belongs to the other account is not. A sender learns of a destination
//     whether it is admitted, in words that are the same for one that is not there
//     and one that does not admit it. A recipient learns of a sender what its own
//     policies see.
type view struct {
	s     *Service
	call  *api.Call
	trace *delivery.Trace
}

func (v *view) checks(ctx context.Context) ([]Check, error) {
	var shown []Check
	hidden := map[delivery.CheckName]bool{}
	for i := range v.trace.Checks {
		c := &v.trace.Checks[i]
		check, err := v.check(ctx, c, hidden)
		if err != nil {
			return nil, err
		}
		check.Name = string(c.Name)
		check.Owner = string(v.owner(c))
		hidden[c.Name] = check.Status == NotVisible
		shown = append(shown, check)
	}
	return shown, nil
}

// owner is the account whose the checked thing is.
func (v *view) owner(c *delivery.TracedCheck) arn.AccountID {
	if c.Recipient {
		return v.trace.Recipient
	}
	return v.trace.Sender.Account
}

func (v *view) check(ctx context.Context, c *delivery.TracedCheck, hidden map[delivery.CheckName]bool) (Check, error) {
	public := c.Name == delivery.CheckRegion || c.Name == delivery.CheckOwnStream // the ARNs tell
	if !public && v.owner(c) != v.call.Account() {
		return v.foreign(c), nil
	}
	if c.Name == delivery.CheckStream && v.streamIsForeign() {
		return Check{Status: NotVisible, Detail: fmt.Sprintf("account %s sees its own stream", v.trace.Stream.Account())}, nil
	}
	if right := v.right(c); right != nil {
		ok, err := v.s.allowed(ctx, v.call, *right)
		if err != nil {
			return Check{}, err
		}
		if !ok {
			return Check{Status: NotVisible, Detail: fmt.Sprintf("to see this you need %s on %s", right.Action, right.Resource)}, nil
		}
	}
	if c.Skipped {
		if slices.ContainsFunc(c.Needs, func(n delivery.CheckName) bool { return hidden[n] }) {
			return Check{Status: NotVisible, Detail: "it depends on a check that you cannot see"}, nil
		}
		return Check{Status: Skipped, Detail: "a check before it failed, so there is nothing to ask about"}, nil
	}
	return v.full(c), nil
}

// right is what a caller must be allowed to see a check of the own account: the
// operation of AWS that shows the same. Nil where the check shows nothing.
func (v *view) right(c *delivery.TracedCheck) *api.Access {
	t := v.trace
	switch c.Name {
	case delivery.CheckDestination, delivery.CheckAccessPolicy:
		return &api.Access{Action: "logs:DescribeDestinations", Resource: string(t.To)}
	case delivery.CheckSenderRole:
		return roleRight("iam:GetRole", t.Sender.Role)
	case delivery.CheckSenderPermission:
		return roleRight("iam:SimulatePrincipalPolicy", t.Sender.Role)
	case delivery.CheckDeliveryRole:
		return roleRight("iam:GetRole", t.Role)
	case delivery.CheckPutRecord:
		return roleRight("iam:SimulatePrincipalPolicy", t.Role)
	case delivery.CheckStream:
		if t.Stream == "" {
			return nil
		}
		return &api.Access{Action: "kinesis:DescribeStreamSummary", Resource: string(t.Stream)}
	}
	return nil
}

func roleRight(action string, role arn.ARN) *api.Access {
	if role == "" {
		return nil
	}
	return &api.Access{Action: action, Resource: string(role)}
}

// allowed asks whether the caller may make an access.
func (s *Service) allowed(ctx context.Context, call *api.Call, access api.Access) (bool, error) {
	err := s.cfg.IAM.Authorize(ctx, call, access)
	if _, denied := errors.AsType[*api.Denied](err); denied {
		return false, nil
	}
	return err == nil, err
}

// streamIsForeign reports whether the destination's stream is of a third account,
// which only its own policy can let the recipient's role write to.
func (v *view) streamIsForeign() bool {
	return v.trace.Stream != "" && v.trace.Stream.Account() != v.call.Account()
}

// foreign is a check of the other account.
func (v *view) foreign(c *delivery.TracedCheck) Check {
	t := v.trace
	if !c.Recipient {
		return Check{Status: NotVisible, Detail: fmt.Sprintf("account %s sees this of its own log group and role", t.Sender.Account)}
	}
	switch c.Name {
	case delivery.CheckDestination:
		return Check{Status: NotVisible, Detail: "only its owner sees whether it is there"}
	case delivery.CheckAccessPolicy:
		return v.admission(c)
	}
	return Check{Status: NotVisible, Detail: fmt.Sprintf("account %s sees its own role and stream", t.Recipient)}
}

// admission is what a sender learns of a foreign destination. Nothing in it may
// depend on whether the destination is there, nor on what its policy says.
func (v *view) admission(c *delivery.TracedCheck) Check {
	t := v.trace
	if slices.ContainsFunc(t.Checks, func(c delivery.TracedCheck) bool { return c.Name == delivery.CheckSenderRole && !c.Passed }) {
		return Check{Status: Skipped, Detail: "the sender's role cannot be assumed, so nobody asks the destination"}
	}
	facts := v.senderFacts()
	if c.Passed {
		return Check{Status: Pass, Detail: "the destination admits this sender", Facts: facts}
	}
	change := fmt.Sprintf("Ask account %s whether the destination is there and whether its access policy allows %s to account %s; "+
		"`tributary explain subscription` tells that account more.", t.Recipient, strings.Join(actions(t), " and "), t.Sender.Account)
	if t.Sender.Role == "" {
		change += " No roleArn is given: a policy that admits by organization does not see yours without one."
	}
	return Check{
		Status: Fail, Facts: facts, Change: change,
		Detail: "the destination is not there or does not admit this sender; AWS tells a sender no more",
	}
}

func actions(t *delivery.Trace) []string {
	list := []string{"logs:PutSubscriptionFilter"}
	if t.Sender.AccountLevel {
		list = append(list, "logs:PutAccountPolicy")
	}
	return list
}

// senderFacts are what an access policy sees of the sender.
func (v *view) senderFacts() []Fact {
	p := v.trace.Speaker.Principal
	who := Fact{"aws:PrincipalArn", string(p.ARN)}
	if p.Kind == policy.Session {
		who.Value = string(p.RoleARN)
	}
	facts := []Fact{who, {"aws:PrincipalAccount", string(p.Account)}}
	if v.trace.Sender.Role == "" {
		return append(facts, Fact{"aws:PrincipalOrgID", "none: a sender without a role is an account, which has no organization keys"})
	}
	return append(facts, v.organization("aws:PrincipalOrgID", "aws:PrincipalOrgPaths")...)
}

// organization is the sender's, under the names of two condition keys.
func (v *view) organization(id, paths string) []Fact {
	if !v.knowsOrganization() {
		return []Fact{{id, "not one that your account belongs to or your policy names"}}
	}
	m, ok := v.s.cfg.Organizations.Membership(v.trace.Sender.Account)
	if !ok {
		return []Fact{{id, "none: the account belongs to no organization"}}
	}
	return []Fact{{id, m.OrgID}, {paths, m.Path}}
}

// knowsOrganization reports whether the caller may see which organization the
// sender belongs to: it is the caller's own, or one that a policy of the caller's
// names, which thereby decides by it.
func (v *view) knowsOrganization() bool {
	sender := v.trace.Sender.Account
	if sender == v.call.Account() {
		return true
	}
	theirs, ok := v.s.cfg.Organizations.Membership(sender)
	if !ok {
		return false
	}
	if ours, ok := v.s.cfg.Organizations.Membership(v.call.Account()); ok && ours.OrgID == theirs.OrgID {
		return true
	}
	return slices.ContainsFunc(v.trace.Checks, func(c delivery.TracedCheck) bool {
		return c.Recipient && c.Decision != nil && slices.ContainsFunc(c.Decision.Reasons, func(r policy.Reason) bool {
			return (r.By == policy.ResourcePolicy || r.By == policy.TrustPolicy) && strings.Contains(r.Text, theirs.OrgID)
		})
	})
}

// hides reports whether the value of a condition key is not for the caller.
func (v *view) hides(key string) bool {
	if v.trace.Sender.Account == v.call.Account() {
		return false
	}
	switch key {
	case "aws:principalorgid", "aws:principalorgpaths":
		return v.trace.Sender.Role != "" && !v.knowsOrganization() // without a role there is none
	case "aws:sourceorgid", "aws:sourceorgpaths":
		return !v.knowsOrganization()
	}
	return key == "aws:userid" || strings.HasPrefix(key, "aws:principaltag/")
}

// full is a check of the caller's own account.
func (v *view) full(c *delivery.TracedCheck) Check {
	check := Check{Status: Pass, Detail: v.detail(c)}
	if c.Decision != nil {
		if v.sendersMatter(c) {
			return Check{Status: NotVisible, Detail: "it depends on the sender's role or its account's own policies, which are not visible to you"}
		}
		check.Statements = statementsOf(c.Decision, c.Access.Action, c.Access.Resource, v.hides)
		if c.Name == delivery.CheckPutRecord && v.streamIsForeign() {
			check.Statements = slices.DeleteFunc(check.Statements, func(s Statement) bool { return s.PolicyType == policy.ResourcePolicy.String() })
		}
		check.Facts = v.facts(c)
	}
	if c.Passed {
		return check
	}
	check.Status, check.Detail = Fail, c.Reason
	if c.Advisory {
		check.Status = Advice
	}
	if c.Decision != nil && c.Decision.By != 0 && c.Name != delivery.CheckAccessPolicy {
		check.Detail += " " + c.Decision.DenialPhrase(c.Access.Action)
	}
	check.Change = v.change(c, check.Statements)
	return check
}

// sendersMatter reports whether an answer to a recipient rests on what only the
// sender's account knows: tags or unique id of its role, or policies of its own.
func (v *view) sendersMatter(c *delivery.TracedCheck) bool {
	if c.Name != delivery.CheckAccessPolicy || v.trace.Sender.Account == v.call.Account() {
		return false
	}
	switch c.Decision.By {
	case policy.IdentityPolicy, policy.PermissionsBoundary, policy.SessionPolicy, policy.ServiceControlPolicy:
		return true
	}
	if v.trace.Sender.Role == "" {
		return false // an account as a whole has neither
	}
	return slices.ContainsFunc(c.Decision.Reasons, func(r policy.Reason) bool {
		return slices.ContainsFunc(r.Conditions, func(c policy.ConditionResult) bool {
			return c.Key == "aws:userid" || strings.HasPrefix(c.Key, "aws:principaltag/")
		})
	})
}

// detail says what a check found when it passed.
func (v *view) detail(c *delivery.TracedCheck) string {
	t := v.trace
	switch c.Name {
	case delivery.CheckLogGroup:
		return groupResource(t.Sender) + " is there"
	case delivery.CheckDestination:
		return fmt.Sprintf("%s is there and sends to %s in role %s", t.To, t.Stream, t.Role)
	case delivery.CheckRegion:
		return "log group and destination are in " + string(t.Sender.Region)
	case delivery.CheckSenderRole:
		if t.Sender.Role == "" {
			return "no role is given: the sender is its account as a whole, without an organization"
		}
		return "the Logs service may assume " + string(t.Sender.Role)
	case delivery.CheckSenderPermission:
		if t.Sender.Role == "" {
			return "no role is given"
		}
		return fmt.Sprintf("%s allows %s", t.Sender.Role, c.Access.Action)
	case delivery.CheckAccessPolicy:
		return fmt.Sprintf("the access policy allows %s", strings.Join(actions(t), " and "))
	case delivery.CheckOwnStream:
		return "the stream is of the log group's account"
	case delivery.CheckDeliveryRole:
		return fmt.Sprintf("the Logs service may assume %s for this sender", t.Role)
	case delivery.CheckPutRecord:
		return fmt.Sprintf("%s may kinesis:PutRecord on %s", t.Role, t.Stream)
	case delivery.CheckStream:
		return fmt.Sprintf("%s is there, in %s, and takes records", t.Stream, t.Stream.Parts().Region)
	}
	return ""
}

// facts are what the policies of a check saw.
func (v *view) facts(c *delivery.TracedCheck) []Fact {
	t := v.trace
	switch c.Name {
	case delivery.CheckSenderRole, delivery.CheckDeliveryRole:
		facts := []Fact{
			{"service", fmt.Sprintf("logs.%s.amazonaws.com, logs.amazonaws.com", t.Sender.Region)},
			{"aws:SourceArn", string(t.Sender.Source)},
			{"aws:SourceAccount", string(t.Sender.Account)},
		}
		return append(facts, v.organization("aws:SourceOrgID", "aws:SourceOrgPaths")...)
	case delivery.CheckAccessPolicy:
		return v.senderFacts()
	}
	return []Fact{{"action", c.Access.Action}, {"resource", c.Access.Resource}}
}
