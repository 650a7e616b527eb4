// Package organizations knows which accounts there are, which organization each
// belongs to, where in it, and which policies limit it, and speaks the AWS
// Organizations protocol.
//
//	account ── Member{Org, Parent} ──▶ organization{Management, Root}
//	   ▲                                  ▲    ▲
//	   └── target ── handshake ── Org ────┘    ├── unit{Parent}
//	                                           ├── policy{Type, Content}
//	root, unit, Member: Attached, Tags         └── creation: one CreateAccount
//
// Reading order: organization.go and account.go (who belongs where), handshake.go
// (how accounts come in), unit.go and tree.go (where they are), policykind.go,
// policy.go, target.go and attachment.go (what limits them), control.go (how the
// rest of the program learns of it), operations.go with door.go (who may call
// what) and subject.go (what policies are asked about).
//
// # What decides
//
// Whether an account belongs to an organization is one catalog value, the
// account's own: it names the organization, and counts only while that
// organization exists. So each change is one write:
//
//	CreateOrganization   the management account's record (the organization's,
//	                     written before it, belongs to nobody until then)
//	AcceptHandshake      the invited account's record, or the organization's
//	                     where it enables all features
//	CreateAccount        the new account's record
//	Leave, Remove        the account's record
//	MoveAccount          the account's record
//	CloseAccount         the account's record
//	DeleteOrganization   the organization's record
//	EnablePolicyType,    the organization's record
//	DisablePolicyType
//	Attach-, DetachPolicy  the record of the target
//
// What is attached to a thing and what tags it has are in its own record, so that
// they come and go with it. To enable a type of policy writes the id of this
// enabling into the organization's record; a target's list of policies names the
// enabling it was made for, and while a target has no such list it has AWS's own
// policy of the type. So one write attaches FullAWSAccess to everything, and one
// write detaches everything.
//
// What else these operations write follows from the deciding write, is worked
// out by readers while it is missing, and is made up for by [Service.Recover]
// after a crash.
package organizations
