// Package organizations knows which accounts there are and which organization
// each belongs to, and speaks the AWS Organizations protocol.
//
//	account ──── Member{Org} ────▶ organization{Management, Root}
//	   ▲                                ▲
//	   └── target ── handshake ── Org ──┘      creation: one CreateAccount
//
// # What decides
//
// Whether an account belongs to an organization is one catalog value, the
// account's own: it names the organization, and counts only while that
// organization exists. So each change is one write:
//
//	CreateOrganization   the management account's record (the organization's,
//	                     written before it, belongs to nobody until then)
//	AcceptHandshake      the invited account's record
//	CreateAccount        the new account's record
//	Leave, Remove        the account's record
//	DeleteOrganization   the organization's record
//
// What else these operations write follows from the deciding write, is worked
// out by readers while it is missing, and is made up for by [Service.Recover]
// after a crash.
package organizations
