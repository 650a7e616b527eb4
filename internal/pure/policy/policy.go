package policy

import "tributary/internal/pure/arn"

// A Kind says what a principal is.
type Kind uint8

// The kinds of principal.
const (
	Root      Kind = iota + 1 // the root user of an account
	User                      // an IAM user
	Session                   // an assumed-role session
	Federated                 // a federated user (GetFederationToken)
	Service                   // an AWS service acting for itself or for a resource
	Anonymous                 // nobody: an unsigned request
	// WebIdentity is somebody for whom an identity provider vouches, before any
	// role is assumed (AssumeRoleWithWebIdentity, AssumeRoleWithSAML).
	WebIdentity
)

// A Principal is who makes a request.
type Principal struct {
	Kind    Kind
	Account arn.AccountID // empty for Service and Anonymous
	// ARN is arn:aws:iam::A:root, arn:aws:iam::A:user/PATH/NAME,
	// arn:aws:sts::A:assumed-role/ROLE/SESSION or arn:aws:sts::A:federated-user/NAME;
	// empty for Service and Anonymous.
	ARN arn.ARN
	// RoleARN is the role behind a Session, arn:aws:iam::A:role/PATH/NAME.
	RoleARN arn.ARN
	// UserARN is the user who made a Federated session, or the account's root ARN
	// where the root user did.
	UserARN arn.ARN
	// ID is the unique id: the account id of a root user, AIDA… of a user,
	// AROA…:SESSION of a session, ACCOUNT:NAME of a federated user.
	ID string
	// Services are all the names under which a Service is recognised, such as
	// logs.us-east-1.amazonaws.com and logs.amazonaws.com.
	Services []string
	// Provider is the name under which trust policies list the provider of a
	// WebIdentity: the ARN of a SAML or OIDC provider, or a host name.
	Provider string
}

// A Context holds the condition keys of a request and their values. Names are in
// lower case ("aws:sourcearn"). A key that is not there is absent; a key with an
// empty list counts as absent too, as in AWS.
type Context map[string][]string

// A Request is the question that policies answer.
type Request struct {
	Principal Principal
	Action    string  // service:Operation
	Resource  arn.ARN // "*" for actions without a resource
	// ResourceAccount owns the resource. Empty means another account than the
	// principal's, except where Resource is "*": then it is the principal's.
	ResourceAccount arn.AccountID
	Context         Context
}

// A Source is a parsed policy and the name under which reasons speak of it. A
// Source without a Document, or with one that was parsed for another usage than
// its place asks for, is a policy that nobody can read: it denies the request.
type Source struct {
	Name     string // "inline policy deliver of role CWLtoKinesis"
	Document *Document
}

// Policies are all the policies that bear on one request. A nil or empty member
// means that there is no policy of that type.
type Policies struct {
	Identity []Source // of the user and its groups, or of the role
	Boundary *Source  // the permissions boundary of the user or role
	// Session are the session policies (AssumeRole Policy, PolicyArns). Without
	// any, a Session has all rights of its role, and a Federated user none but
	// those that resource policies give to it by name.
	Session  []Source
	Resource *Source // of the resource: a destination, a stream, a role's trust policy
	// SCPs and RCPs hold one list for each level from the organization's root
	// down to the account; every level must allow, an empty one does not. SCPs are
	// those of the principal's account, RCPs those of the resource's; the caller
	// leaves them out for the management account. Service principals, providers
	// and anonymous callers are not subject to SCPs, whatever is here.
	SCPs [][]Source
	RCPs [][]Source
}

// Rule says which sides must allow a request.
type Rule uint8

// The rules of combination.
const (
	// Standard: same account, identity or resource policy; other account, both. A
	// role's trust policy must allow in every case.
	Standard Rule = iota
	// ResourceOnly: only the resource policy can allow, and it must: a
	// destination's access policy, a role's trust policy for a service. Denials
	// in other policies still count, and so do SCPs and RCPs.
	ResourceOnly
)
