package iam

import (
	"strings"

	"tributary/internal/pure/arn"
	"tributary/internal/pure/policy"
	"tributary/internal/service/api"
)

// explained is the name of the session that stands for a role.
const explained = "explain"

// CallerOf is the caller that the principal of an ARN would be: the root user of
// an account, a user, a session of a role, or a role, for which a session stands.
// ok is false where there is none.
func (s *Service) CallerOf(principal arn.ARN) (caller api.Caller, ok bool) {
	parts := principal.Parts()
	if principal == parts.Account.Root() {
		return rootCaller(parts.Account, ""), s.cfg.Organizations.AccountExists(parts.Account)
	}
	kind, rest, _ := strings.Cut(parts.Resource, "/")
	switch parts.Service + ":" + kind {
	case "iam:user":
		u, ok := s.user(parts.Account, lastName(principal))
		return api.Caller{
			Principal: policy.Principal{Kind: policy.User, Account: u.Account, ARN: u.arn(), ID: u.ID},
		}, ok && u.arn() == principal
	case "iam:role":
		r, _, ok := s.roleByARN(principal)
		return api.Caller{Principal: sessionPrincipal(&r, explained)}, ok
	case "sts:assumed-role":
		name, session, _ := strings.Cut(rest, "/")
		r, ok := s.role(parts.Account, name)
		return api.Caller{Principal: sessionPrincipal(&r, session)}, ok && session != ""
	}
	return api.Caller{}, false
}

// StrangerOf is what another account sees of a principal without being told
// whether it is there: its ARN and account, and the keys of the account's
// organization, but no tags and no unique id.
func StrangerOf(principal arn.ARN, sessionName string) api.Caller {
	const unknown = "unknown"
	parts := principal.Parts()
	p := policy.Principal{Kind: policy.User, Account: parts.Account, ARN: principal, ID: unknown}
	kind, rest, _ := strings.Cut(parts.Resource, "/")
	switch parts.Service + ":" + kind {
	case "iam:root":
		return AccountCaller(parts.Account)
	case "iam:role":
		p.Kind, p.RoleARN = policy.Session, principal
		p.ARN = arn.New("sts", "", parts.Account, "assumed-role/"+lastName(principal)+"/"+sessionName)
	case "sts:assumed-role":
		name, _, _ := strings.Cut(rest, "/")
		p.Kind, p.RoleARN = policy.Session, arn.New("iam", "", parts.Account, "role/"+name)
	}
	if p.Kind == policy.Session {
		p.ID = unknown + ":" + lastName(p.ARN)
	}
	return api.Caller{Principal: p}
}

// TrustOf is the trust policy of a role.
func (s *Service) TrustOf(role arn.ARN) (policy.Source, bool) {
	r, rev, ok := s.roleByARN(role)
	if !ok {
		return policy.Source{}, false
	}
	return s.trust(&r, rev).source, true
}
