// Package iam knows who may do what: users, groups, roles, their policies, access
// keys and sessions. It speaks the IAM and STS protocols, tells the gateway whose
// key signed a request, and answers the Dispatcher's question whether a request
// is allowed.
//
//	key id ──Credentials──▶ secret, Caller ──▶ Dispatcher ──Authorize──▶ policy.Evaluate
//	                                                            ▲
//	     user, its groups, role: inline and managed policies ───┤ parsed once
//	     permissions boundary ──────────────────────────────────┤
//	     organizations: control policies ───────────────────────┤
//	     organizations: membership ──── condition keys ─────────┘
//
// Reading order: entity.go and kind.go (what users, groups, roles and managed
// policies share), user.go, group.go, role.go, managed.go and version.go; what
// identities are given: inline.go, attachment.go, boundary.go, tag.go, trust.go;
// accesskey.go and session.go (what is signed with), credentials.go; target.go
// (what an operation is on), authorize.go, grants.go and conditionkeys.go (the
// decision); assume.go (AssumeRole, and services that assume roles).
//
// # Relations
//
// Everything that can be changed of an entity is in its one record: a user's
// record has its keys and the unique ids of its groups, an identity's record the
// ARNs of its managed policies. So a change is one write, and Service.relations
// keeps what is referred to from being deleted meanwhile. Only a new name takes
// two writes; see rename.
//
// # Revocation
//
// Nothing is cached that a change of the catalog does not put out of date: what
// was parsed is kept with the revisions of the records that it was made of, which
// every decision compares. A session is good while the user or role it was made
// for exists under its unique id, and what it may do is read at every request. A
// key, user, group, role or policy that is gone is gone for the next request.
//
// # Names
//
// Names are unique without regard to case: the catalog key holds the name in
// lower case, the record as it was given.
package iam
