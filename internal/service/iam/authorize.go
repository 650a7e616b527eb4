package iam

import (
	"context"
	"strings"
	"time"

	"tributary/internal/pure/arn"
	"tributary/internal/pure/policy"
	"tributary/internal/service/api"
)

// Authorize answers the Dispatcher: nil when the policies that bear on the
// access allow it, otherwise an *api.Denied.
func (s *Service) Authorize(_ context.Context, call *api.Call, access api.Access) error {
	s.uses.note(call)
	if err := checkToken(call); err != nil {
		return err
	}
	q := question{caller: &call.Caller, access: &access, region: call.Region, at: call.Time, call: call}
	d := s.decide(&q, policy.Standard)
	if d.Allowed() {
		return nil
	}
	return &api.Denied{Caller: call.Caller.Principal, Access: access, Decision: d, Encoded: s.encodeDenial(&q)}
}

// Decide answers whether a caller may make an access at this time, for what a
// service does of its own accord. There is no request, so there is no source
// address, no transport and no user agent among the condition keys.
//
// The caller may be a service (see [Service.AssumeForService]) or a whole account
// ([AccountCaller]).
func (s *Service) Decide(caller api.Caller, region arn.Region, now time.Time, access api.Access, rule policy.Rule) policy.Decision {
	q := question{caller: &caller, access: &access, region: region, at: now}
	return s.decide(&q, rule)
}

// AccountCaller stands for an account as a whole, where a service acts for it
// without a principal of its own: a log group that sends its events without a
// role. Policies that admit the account admit it; it has no unique id and no
// organization keys.
func AccountCaller(account arn.AccountID) api.Caller {
	return api.Caller{Principal: policy.Principal{Kind: policy.Root, Account: account, ARN: account.Root()}}
}

// RoleCaller stands for a role of an account, whichever, for the question whether one
// would be admitted where the account as a whole is not. Policies that name roles do
// not name this one.
func RoleCaller(account arn.AccountID) api.Caller {
	return api.Caller{Principal: policy.Principal{
		Kind:    policy.Session,
		Account: account,
		ARN:     arn.New("sts", "", account, "assumed-role//"),
		RoleARN: arn.New("iam", "", account, "role/"),
		ID:      "AROA:", // of no role
	}}
}

// A question is one access that somebody wants to make, and in what
// circumstances.
type question struct {
	caller *api.Caller
	access *api.Access
	region arn.Region
	at     time.Time
	call   *api.Call // nil where a service asks of its own accord
}

// Explain is Decide with the Reasons: every statement of every policy that bears
// on the access.
func (s *Service) Explain(caller api.Caller, region arn.Region, now time.Time, access api.Access, rule policy.Rule) policy.Decision {
	q := question{caller: &caller, access: &access, region: region, at: now}
	req, policies := s.gather(&q)
	return policy.Explain(req, policies, rule)
}

// decide puts the question to every policy that bears on it.
func (s *Service) decide(q *question, rule policy.Rule) policy.Decision {
	req, policies := s.gather(q)
	return policy.Evaluate(req, policies, rule)
}

// gather is the question as policies are asked it, and all policies that bear on
// it. The request context is made only when one of them has something to read
// there.
func (s *Service) gather(q *question) (policy.Request, policy.Policies) {
	g := s.grantsOf(&q.caller.Principal)
	req := policy.Request{
		Principal:       q.caller.Principal,
		Action:          q.access.Action,
		Resource:        arn.ARN(q.access.Resource),
		ResourceAccount: s.owner(q),
	}
	p := policy.Policies{
		Identity: g.sources,
		Boundary: g.boundary,
		Session:  q.caller.SessionPolicies,
		Resource: q.access.ResourcePolicy,
	}
	s.addControls(&p, q, g, req.ResourceAccount)
	if g.context || p.Session != nil || p.Resource != nil || p.SCPs != nil || p.RCPs != nil {
		req.Context = s.conditionKeys(q, g.tags)
	}
	return req, p
}

// addControls adds the service control policies of the principal's account and
// the resource control policies of the resource's. As in AWS, a service-linked
// role is subject to neither, and what is done to things of IAM and Organizations
// is not subject to the latter.
func (s *Service) addControls(p *policy.Policies, q *question, g *grants, owner arn.AccountID) {
	if g.linked {
		return
	}
	if account := q.caller.Principal.Account; account != "" {
		p.SCPs = s.cfg.Organizations.ControlPolicies(account).SCPs
	}
	service, _, _ := strings.Cut(q.access.Action, ":")
	if owner != "" && service != "iam" && service != "organizations" {
		p.RCPs = s.cfg.Organizations.ControlPolicies(owner).RCPs
	}
}

// owner is the account whose resource the access is on.
func (s *Service) owner(q *question) arn.AccountID {
	service, account := ownerParts(q.access.Resource)
	if account == "" || account == awsAccount || service == "organizations" {
		// Things of an organization are named by its management account, whoever's
		// they are; which of them an account may touch is the service's own check.
		// AWS's managed policies are everybody's.
		return q.caller.Principal.Account
	}
	return account
}

// ownerParts are the service and the account of an ARN, without allocating.
func ownerParts(resource string) (service string, account arn.AccountID) {
	rest := resource
	var part [5]string
	for i := range part {
		head, tail, ok := strings.Cut(rest, ":")
		if !ok {
			return "", ""
		}
		part[i], rest = head, tail
	}
	return part[2], arn.AccountID(part[4])
}
