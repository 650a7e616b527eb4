// Package iam knows who may do what: users, their access keys, roles, policies
// and role sessions. It speaks the IAM and STS protocols, tells the gateway whose
// key signed a request, and answers the Dispatcher's question whether a request
// is allowed.
//
//	key id ──Credentials──▶ secret, Caller ──▶ Dispatcher ──Authorize──▶ policy.Evaluate
//	                                                            ▲
//	     user, role: inline policies ── parsed once ────────────┤
//	     organizations: membership ──── condition keys ─────────┘
//
// Reading order: entity.go (what users and roles share), user.go, role.go,
// inline.go and trust.go (their policies), accesskey.go and session.go (what is
// signed with), credentials.go, authorize.go and conditionkeys.go (the
// decision), assume.go (AssumeRole, and services that assume roles).
//
// # Revocation
//
// Nothing is cached that a change of the catalog does not put out of date: a
// session is good while the role it was made for exists under its unique id, and
// what it may do is read from the role at every request. A key, user, role or
// policy that is gone is gone for the next request.
//
// # Names
//
// Names of users and roles are unique without regard to case: the catalog key
// holds the name in lower case, the record as it was given.
package iam
