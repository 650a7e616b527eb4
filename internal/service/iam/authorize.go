package iam

import (
	"context"
	"strings"
	"time"

	"tributary/internal/durable/catalog"
	"tributary/internal/pure/arn"
	"tributary/internal/pure/policy"
	"tributary/internal/service/api"
)

// Authorize answers the Dispatcher: nil when the policies that bear on the
// access allow it, otherwise an *api.Denied.
func (s *Service) Authorize(_ context.Context, call *api.Call, access api.Access) error {
	q := question{caller: &call.Caller, access: &access, region: call.Region, at: call.Time, call: call}
	d := s.decide(&q, policy.Standard)
	if d.Allowed() {
		return nil
	}
	return &api.Denied{Caller: call.Caller.Principal, Access: access, Decision: d}
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

// A question is one access that somebody wants to make, and in what
// circumstances.
type question struct {
	caller *api.Caller
	access *api.Access
	region arn.Region
	at     time.Time
	call   *api.Call // nil where a service asks of its own accord
}

// decide puts the question to every policy that bears on it. The request context
// is made only when one of them has something to read there.
func (s *Service) decide(q *question, rule policy.Rule) policy.Decision {
	g := s.grantsOf(&q.caller.Principal)
	req := policy.Request{
		Principal:       q.caller.Principal,
		Action:          q.access.Action,
		Resource:        arn.ARN(q.access.Resource),
		ResourceAccount: s.owner(q),
	}
	if g.context || len(q.caller.SessionPolicies) > 0 || q.access.ResourcePolicy != nil {
		req.Context = s.conditionKeys(q, g.tags)
	}
	return policy.Evaluate(req, policy.Policies{
		Identity: g.sources,
		Session:  q.caller.SessionPolicies,
		Resource: q.access.ResourcePolicy,
	}, rule)
}

// owner is the account whose resource the access is on.
func (s *Service) owner(q *question) arn.AccountID {
	service, account := ownerParts(q.access.Resource)
	if account == "" || service == "organizations" {
		// Things of an organization are named by its management account, whoever's
		// they are; which of them an account may touch is the service's own check.
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

// grants are what a user or role may do by policies of its own.
type grants struct {
	sources []policy.Source
	context bool // one of them refers to keys of the request context
	tags    map[string]string
}

// grantsOf are those of the user, or of the role behind the session. A root user
// has none and needs none; somebody who no longer exists has none and gets
// nothing.
func (s *Service) grantsOf(p *policy.Principal) grants {
	switch p.Kind {
	case policy.User:
		u, rev, ok := s.users.Get(entityKey(p.Account, lastName(p.ARN)))
		if !ok || u.ID != p.ID {
			return grants{}
		}
		return s.grants(&u.Entity, rev, "user ")
	case policy.Session:
		r, rev, ok := s.roles.Get(entityKey(p.Account, lastName(p.RoleARN)))
		if !ok || r.ID != roleOf(p.ID) {
			return grants{}
		}
		return s.grants(&r.Entity, rev, "role ")
	}
	return grants{}
}

// grants are those of a record as of its revision.
func (s *Service) grants(e *Entity, rev catalog.Revision, kind string) grants {
	return s.identities.get(e.ID, rev, func() grants {
		g := grants{tags: e.Tags}
		for name := range e.policyNames("") {
			src := policy.Source{Name: "inline policy " + name + " of " + kind + e.Name}
			doc, err := policy.Parse(e.Policies[name], policy.Identity)
			if err == nil { // one that cannot be read denies
				src.Document = doc
				g.context = g.context || len(doc.ContextKeys()) > 0
			}
			g.sources = append(g.sources, src)
		}
		return g
	})
}
