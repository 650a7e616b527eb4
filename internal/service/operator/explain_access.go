package operator

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"tributary/internal/pure/arn"
	"tributary/internal/pure/policy"
	"tributary/internal/service/api"
	"tributary/internal/service/iam"
)

// explainAccessTarget asks for the right to simulate the principal's policies as
// well, which is AWS's right to see what they come to. Where the principal is of
// another account, the resource must be the caller's.
func explainAccessTarget(call *api.Call, in *ExplainAccessInput) ([]api.Access, error) {
	principal, resource, err := accessOf(in)
	if err != nil {
		return nil, err
	}
	if principal.Account() != call.Account() && resource.Account() == call.Account() {
		return []api.Access{{Action: "tributary:ExplainAccess", Resource: string(resource)}}, nil
	}
	return []api.Access{
		{Action: "tributary:ExplainAccess", Resource: string(principal)},
		{Action: "iam:SimulatePrincipalPolicy", Resource: string(principal)},
	}, nil
}

// accessOf reads what a request asks about.
func accessOf(in *ExplainAccessInput) (principal, resource arn.ARN, err error) {
	p, err := arn.Parse(in.PrincipalARN)
	if err != nil || p.Service != "iam" && p.Service != "sts" || len(p.Account) != 12 {
		return "", "", errInvalid("principalArn is not the ARN of a user, a role, a session or an account's root user.")
	}
	if in.ResourceARN == "*" {
		return arn.ARN(in.PrincipalARN), "*", nil
	}
	if _, err := arn.Parse(in.ResourceARN); err != nil {
		return "", "", errInvalid("resourceArn is neither an ARN nor *.")
	}
	return arn.ARN(in.PrincipalARN), arn.ARN(in.ResourceARN), nil
}

// explainAccess decides one access as the Dispatcher would and shows each type of
// policy's part in it. Policies of another account's principal or resource have no
// part: what they would say is not visible.
func (s *Service) explainAccess(ctx context.Context, call *api.Call, in *ExplainAccessInput) (*Explanation, error) {
	principal, resource, err := accessOf(in)
	if err != nil {
		return nil, err
	}
	a := accessView{s: s, call: call, principal: principal.Account(), owner: resource.Account()}
	if a.owner == "" {
		a.owner = a.principal // a resource without an account is the principal's affair
	}
	caller, known := iam.StrangerOf(principal, "explain"), true
	if a.principal == call.Account() {
		caller, known = s.cfg.IAM.CallerOf(principal)
	}
	if !known {
		return &Explanation{Version: explanationVersion, Verdict: Fail, Checks: []Check{{
			Name: "principal", Status: Fail, Owner: string(a.principal),
			Detail: string(principal) + " does not exist", Change: "Name a user, a role, a session of a role, or the root user of your account.",
		}}}, nil
	}
	access := api.Access{Action: in.Action, Resource: string(resource), Context: contextOf(in.Context)}
	rule := policy.Standard
	if isDestination(resource) && subscribes(in.Action) {
		rule = policy.ResourceOnly
	}
	if a.owner == call.Account() {
		if access.ResourcePolicy, err = s.resourcePolicy(ctx, call, &access); err != nil {
			return nil, err
		}
	}
	d := s.cfg.IAM.Explain(caller, call.Region, call.Time, access, rule)
	checks := a.checks(&d, &access)
	return &Explanation{Version: explanationVersion, Verdict: verdictOf(checks), Checks: checks}, nil
}

// contextOf are the condition keys of a request, as policies name them.
func contextOf(entries []ContextEntry) policy.Context {
	keys := policy.Context{}
	for _, e := range entries {
		keys[strings.ToLower(e.Key)] = e.Values
	}
	return keys
}

// resourcePolicy is the policy of a resource of the caller's account that has a
// part in the access, if there is one. A stream's tags go into the access. A caller who may not read it is refused:
// without it the answer would be wrong.
func (s *Service) resourcePolicy(ctx context.Context, call *api.Call, access *api.Access) (*policy.Source, error) {
	resource, right := arn.ARN(access.Resource), ""
	var source *policy.Source
	switch p := resource.Parts(); {
	case isDestination(resource) && subscribes(access.Action):
		right = "logs:DescribeDestinations"
		if to, ok := s.cfg.Logs.Destination(resource); ok && to.Policy != nil {
			source = &policy.Source{Name: "access policy of " + access.Resource, Document: to.Policy}
		}
	case p.Service == "kinesis" && strings.HasPrefix(p.Resource, "stream/") && strings.HasPrefix(access.Action, "kinesis:"):
		right = "kinesis:GetResourcePolicy"
		stream := s.cfg.Kinesis.AccessTo(strings.TrimPrefix(access.Action, "kinesis:"), resource)
		source = stream.ResourcePolicy
		maps.Copy(access.Context, stream.Context)
	case p.Service == "iam" && strings.HasPrefix(p.Resource, "role/") && strings.HasPrefix(access.Action, "sts:"):
		right = "iam:GetRole"
		if trust, ok := s.cfg.IAM.TrustOf(resource); ok {
			source = &trust
		}
	}
	if right == "" {
		return nil, nil
	}
	if err := s.cfg.IAM.Authorize(ctx, call, api.Access{Action: right, Resource: access.Resource}); err != nil {
		if denied, ok := errors.AsType[*api.Denied](err); ok {
			return nil, api.Refuse("AccessDeniedException", "%s", denied.Error())
		}
		return nil, err
	}
	return source, nil
}

func isDestination(a arn.ARN) bool {
	p := a.Parts()
	return p.Service == "logs" && strings.HasPrefix(p.Resource, "destination:")
}

// subscribes reports whether an action is one that a destination's access policy
// decides.
func subscribes(action string) bool {
	return strings.EqualFold(action, "logs:PutSubscriptionFilter") || strings.EqualFold(action, "logs:PutAccountPolicy")
}

// An accessView shows a decision to a caller who owns the principal, the resource,
// or both.
type accessView struct {
	s                *Service
	call             *api.Call
	principal, owner arn.AccountID
}

// parts are the types of policy in the order in which they are shown, with the name
// of the check and whether it is the resource's account that answers for them.
var parts = []struct {
	by       policy.PolicyType
	name     string
	resource bool
}{
	{policy.ServiceControlPolicy, "service-control-policies", false},
	{policy.ResourceControlPolicy, "resource-control-policies", true},
	{policy.ResourcePolicy, "resource-policy", true},
	{policy.TrustPolicy, "trust-policy", true},
	{policy.IdentityPolicy, "identity-policies", false},
	{policy.PermissionsBoundary, "permissions-boundary", false},
	{policy.SessionPolicy, "session-policies", false},
}

func (a *accessView) checks(d *policy.Decision, access *api.Access) []Check {
	var checks []Check
	for _, part := range parts {
		owner := a.principal
		if part.resource {
			owner = a.owner
		}
		if owner != a.call.Account() {
			if part.by == policy.ResourcePolicy || part.by == policy.IdentityPolicy {
				checks = append(checks, Check{
					Name: part.name, Status: NotVisible, Owner: string(owner),
					Detail: fmt.Sprintf("account %s sees what its own policies say", owner),
				})
			}
			continue
		}
		if c, ok := a.part(d, part.by, access); ok {
			c.Name, c.Owner = part.name, string(owner)
			checks = append(checks, c)
		}
	}
	return append(checks, a.decision(d, access))
}

// part is what one type of policy says; ok is false where there is none of it and
// none is missing.
func (a *accessView) part(d *policy.Decision, by policy.PolicyType, access *api.Access) (Check, bool) {
	mine := policy.Decision{Effect: policy.ImplicitDeny, By: by, Statement: -1}
	for _, r := range d.Reasons {
		if r.By != by {
			continue
		}
		if r.Outcome == policy.Matched {
			r.Decided = true // of its own type
			if r.Effect == policy.ExplicitDeny || mine.Effect == policy.ImplicitDeny {
				mine.Effect = r.Effect
			}
		}
		if r.Outcome == policy.RootUser {
			mine.Effect = policy.Allow
		}
		mine.Reasons = append(mine.Reasons, r)
	}
	if len(mine.Reasons) == 0 {
		return Check{}, false
	}
	c := Check{Status: Pass, Statements: statementsOf(&mine, access.Action, access.Resource, a.hides)}
	switch {
	case mine.Effect == policy.ExplicitDeny:
		c.Status, c.Detail = Fail, indefinite(by.String())+" denies it"
		c.Change = denialIn(&mine, denials(c.Statements))
	case d.By == by && d.Effect == policy.ImplicitDeny:
		c.Status, c.Detail = Fail, fmt.Sprintf("no %s allows it", by)
		c.Change = a.change(by, access)
	case mine.Effect == policy.Allow && len(c.Statements) == 0:
		c.Detail = "the root user of the account needs no policy"
	case mine.Effect == policy.Allow:
		c.Detail = indefinite(by.String()) + " allows it"
	default:
		c.Detail = "says nothing about it, which is not what decides"
	}
	return c, true
}

func denials(all []Statement) []Statement {
	for i := range all {
		if all[i].Why == "denies it" {
			return all[i:]
		}
	}
	return all
}

func (a *accessView) change(by policy.PolicyType, access *api.Access) string {
	d := policy.Decision{By: by}
	if change := denialIn(&d, nil); change != "" {
		return change
	}
	stmt := allowance{Action: list{access.Action}}
	switch by {
	case policy.IdentityPolicy:
		stmt.Resource = access.Resource
		return "Give the principal a policy with: " + statementText(stmt)
	case policy.SessionPolicy:
		return "The session was made with a policy that leaves this out: make it with a wider one."
	case policy.ResourcePolicy:
		stmt.Principal, stmt.Resource = map[string]string{"AWS": string(a.principal)}, access.Resource
	case policy.TrustPolicy:
		stmt.Principal = map[string]string{"AWS": string(a.principal)}
	}
	return fmt.Sprintf("Let the %s have: %s", by, statementText(stmt))
}

// decision is the last check: what all parts come to, as far as they are visible.
func (a *accessView) decision(d *policy.Decision, access *api.Access) Check {
	c := Check{Name: "decision", Status: Pass, Owner: string(a.principal), Detail: "the access is allowed"}
	visible := a.principal == a.call.Account() && a.owner == a.call.Account()
	switch {
	case d.Allowed() && visible:
	case !visible && !a.decides(d):
		c.Status, c.Detail = NotVisible, "it depends on the other account's policies too"
	case !d.Allowed():
		c.Status = Fail
		c.Detail = fmt.Sprintf("%s is denied %s", access.Action, d.DenialPhrase(access.Action))
	default:
		c.Status, c.Detail = NotVisible, "it depends on the other account's policies too"
	}
	return c
}

// decides reports whether a denial is by a type of policy that the caller's account
// answers for, so that no other policy can change it.
func (a *accessView) decides(d *policy.Decision) bool {
	for _, part := range parts {
		if part.by != d.By || d.Allowed() {
			continue
		}
		if part.resource {
			return a.owner == a.call.Account()
		}
		return a.principal == a.call.Account()
	}
	return false
}

// hides reports whether the value of a condition key is not for the caller.
func (a *accessView) hides(key string) bool {
	if a.principal == a.call.Account() {
		return false
	}
	return strings.HasPrefix(key, "aws:principalorg") || strings.HasPrefix(key, "aws:principaltag/") || key == "aws:userid"
}
