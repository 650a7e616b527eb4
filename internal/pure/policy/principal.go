package policy

import (
	"slices"
	"strings"

	"tributary/internal/pure/arn"
)

// A PrincipalName is one principal as a policy writes it.
type PrincipalName struct {
	// Type is AWS, Service, Federated or CanonicalUser; empty for the bare "*",
	// which is the same as AWS "*".
	Type string
	// Value is "*", an account id, an ARN, a unique id (AIDA…, AROA…) or the name
	// of a service or provider.
	Value string
}

// Account returns the account that the name stands for as a whole: a 12-digit
// id, or the ARN of an account's root.
func (n PrincipalName) Account() (arn.AccountID, bool) {
	if n.Type != "AWS" {
		return "", false
	}
	if a, err := arn.ParseAccountID(n.Value); err == nil {
		return a, true
	}
	account := arn.ARN(n.Value).Account()
	if _, err := arn.ParseAccountID(string(account)); err != nil || arn.ARN(n.Value) != account.Root() {
		return "", false
	}
	return account, true
}

// IsARN reports whether the name is the ARN of one user, role or session, rather
// than of an account.
func (n PrincipalName) IsARN() bool {
	_, account := n.Account()
	return n.Type == "AWS" && strings.HasPrefix(n.Value, "arn:") && !account
}

// invalid is IAM's complaint about the name.
func (n *PrincipalName) invalid() string {
	if n.Type == "" {
		return `Invalid principal in policy: "` + n.Value + `"`
	}
	return `Invalid principal in policy: "` + strings.ToUpper(n.Type) + `":"` + n.Value + `"`
}

// principals is the Principal or NotPrincipal of a statement, compiled.
type principals struct {
	names     []PrincipalName // as written
	except    bool            // NotPrincipal
	anyone    bool
	accounts  []arn.AccountID
	arns      []arn.ARN // of users, roles, sessions and federated users
	ids       []string  // unique ids
	services  []string
	providers []string
}

// compilePrincipals compiles the names, or returns the one that is none. With
// anyText, an AWS principal may be any text without colons or wildcards.
func compilePrincipals(names []PrincipalName, anyText bool) (*principals, *PrincipalName) {
	p := &principals{names: names}
	for i := range names {
		if !p.add(names[i], anyText) {
			return nil, &names[i]
		}
	}
	return p, nil
}

func (p *principals) add(n PrincipalName, anyText bool) bool {
	account, isAccount := n.Account()
	switch {
	case n.Value == "*" && (n.Type == "" || n.Type == "AWS"):
		p.anyone = true
	case n.Type == "" || n.Value == "" || strings.ContainsAny(n.Value, "*? \t\r\n"):
		// Wildcards other than "*" are not possible in principals.
		return false
	case isAccount:
		p.accounts = append(p.accounts, account)
	case n.Type == "Service":
		p.services = append(p.services, n.Value)
		return strings.Contains(n.Value, ".") && !strings.Contains(n.Value, ":")
	case n.Type == "Federated":
		p.providers = append(p.providers, n.Value)
	case n.Type == "CanonicalUser":
		// An identity of S3. Nobody here has one.
	case principalARN(n.Value):
		p.arns = append(p.arns, arn.ARN(n.Value))
	case uniqueID(n.Value) || anyText && !strings.Contains(n.Value, ":"):
		p.ids = append(p.ids, n.Value)
	default:
		return false
	}
	return true
}

// principalARN reports whether s is the ARN of a user, a role, an assumed-role
// session or a federated user (or, in another partition, of an account).
func principalARN(s string) bool {
	p, err := arn.Parse(s)
	if _, noAccount := arn.ParseAccountID(string(p.Account)); err != nil || noAccount != nil || p.Region != "" {
		return false
	}
	kind, name, _ := strings.Cut(p.Resource, "/")
	switch p.Service + ":" + kind {
	case "iam:root":
		return name == "" && p.Partition != "aws"
	case "iam:user", "iam:role":
		return name != "" && !strings.HasSuffix(name, "/")
	case "sts:assumed-role":
		role, session, ok := strings.Cut(name, "/")
		return ok && role != "" && session != "" && !strings.Contains(session, "/")
	case "sts:federated-user":
		return name != "" && !strings.Contains(name, "/")
	}
	return false
}

// uniqueID reports whether s looks like the unique id of a user or role.
func uniqueID(s string) bool {
	if len(s) < 16 || len(s) > 128 || !startsWithAny(s, "AIDA", "AROA") {
		return false
	}
	for i := range len(s) {
		if (s[i] < 'A' || s[i] > 'Z') && (s[i] < '0' || s[i] > '9') {
			return false
		}
	}
	return true
}

// grant says how a resource policy names the caller, which decides what else
// must allow. The order is that of strength.
type grant uint8

const (
	notNamed grant = iota
	// byAccount: through the account. Within the account this only delegates: the
	// identity's own policies decide.
	byAccount
	// byRole: through the role behind a session (or the user behind a federated
	// user). No identity policy is needed, but boundary and session policy limit.
	byRole
	// directly: the user, the session, the service, or anybody at all. Nothing
	// else is needed within the account.
	directly
)

// naming reports how a statement with these principals speaks of who.
func (p *principals) naming(who *Principal, effect Effect) grant {
	account, behind, exact := p.match(who)
	if !p.except {
		switch {
		case p.anyone || exact:
			return directly
		case behind:
			return byRole
		case account:
			return byAccount
		default:
			return notNamed
		}
	}
	// NotPrincipal. IAM looks at the account, then the role, then the session:
	// a denial spares the caller only if all of them are listed, and an allowance
	// leaves the caller out if any of them is.
	if effect == Allow {
		if p.anyone || account || behind || exact {
			return notNamed
		}
		return directly
	}
	spared := exact
	switch who.Kind {
	case Root:
		spared = account
	case User:
		spared = account && exact
	case Session:
		spared = account && behind && exact
	case Federated:
		spared = account && exact
	}
	if p.anyone || spared {
		return notNamed
	}
	return directly
}

// match reports whether the account of who is listed, whether the role (or user)
// behind who is, and whether who is, by ARN, unique id or name.
func (p *principals) match(who *Principal) (account, behind, exact bool) {
	switch who.Kind {
	case Service:
		for _, name := range who.Services {
			exact = exact || slices.Contains(p.services, name)
		}
		return false, false, exact
	case WebIdentity:
		return false, false, who.Provider != "" && slices.Contains(p.providers, who.Provider)
	case Root, User, Session, Federated:
	default:
		return false, false, false
	}
	account = who.Account != "" && slices.Contains(p.accounts, who.Account)
	if who.Kind == Root {
		// In other partitions an account is listed by ARN.
		return account || who.ARN != "" && slices.Contains(p.arns, who.ARN), false, false
	}
	exact = who.ARN != "" && slices.Contains(p.arns, who.ARN)
	switch who.Kind {
	case User:
		exact = exact || who.ID != "" && slices.Contains(p.ids, who.ID)
	case Session:
		role, _, _ := strings.Cut(who.ID, ":")
		behind = who.RoleARN != "" && slices.Contains(p.arns, who.RoleARN) || role != "" && slices.Contains(p.ids, role)
	case Federated:
		behind = who.UserARN != "" && slices.Contains(p.arns, who.UserARN)
	}
	return account, behind, exact
}

// resolve returns a copy in which ARNs of users and roles are unique ids.
func (p *principals) resolve(id func(arn.ARN) string) *principals {
	q := *p
	q.arns, q.ids = nil, slices.Clone(p.ids)
	for _, a := range p.arns {
		if unique := resolvable(a, id); unique != "" {
			q.ids = append(q.ids, unique)
		} else {
			q.arns = append(q.arns, a)
		}
	}
	return &q
}

func resolvable(a arn.ARN, id func(arn.ARN) string) string {
	if a.Parts().Service != "iam" {
		return ""
	}
	return id(a)
}
