package iam

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"tributary/internal/durable/catalog"
	"tributary/internal/pure/arn"
	"tributary/internal/service/api"
	"tributary/internal/service/organizations"
)

// Config is what the service needs.
type Config struct {
	Catalog       *catalog.Catalog
	Organizations *organizations.Service
	Sealer        *api.Sealer
	// RootKeysByRule gives every account a root access key: its id is the account
	// id, or test for account 000000000000, its secret test.
	RootKeysByRule bool
	// DevCredentials are root access keys besides.
	DevCredentials []DevCredential
	Now            func() time.Time
	Log            *slog.Logger
}

// A DevCredential is a root access key that is given from outside.
type DevCredential struct {
	KeyID   string
	Secret  string
	Account arn.AccountID
}

// A Service is the IAM and STS of one installation.
type Service struct {
	cfg      Config
	users    *identityKind[userRecord]
	groups   *identityKind[groupRecord]
	roles    *identityKind[roleRecord]
	policies *kind[policyRecord]
	accounts *catalog.Table[accountRecord]
	roots    *catalog.Table[rootRecord]
	keys     *catalog.Table[keyHolder]

	given       map[string]DevCredential // DevCredentials by key id
	awsPolicies map[string]policyRecord  // AWS's managed policies by ARN

	// relations guards that what a record refers to exists. Whoever changes an
	// entity holds it for reading, since the change may refer to another; whoever
	// deletes or renames one, for writing. It is taken before the catalog is
	// written to and never under the catalog's gate.
	relations sync.RWMutex

	secrets  *api.Seal // of stored secret access keys, bound to the key id
	sessions *api.Seal // of session tokens, bound to the key id
	markers  *api.Seal // of page markers, bound to account and list
	messages *api.Seal // of what denials carry, bound to the caller's account

	identities parsed[*grants]
	documents  parsed[compiled] // of managed policies' default versions
	trusts     parsed[*trust]
	uses       uses
}

// New returns the service on its catalog tables. It writes nothing.
func New(cfg Config) (*Service, error) {
	if cfg.Catalog == nil || cfg.Organizations == nil || cfg.Sealer == nil || cfg.Now == nil || cfg.Log == nil {
		return nil, errors.New("iam: Catalog, Organizations, Sealer, Now and Log are required")
	}
	s := &Service{
		cfg:      cfg,
		accounts: catalog.NewTable[accountRecord](cfg.Catalog, "iam/account"),
		roots:    catalog.NewTable[rootRecord](cfg.Catalog, "iam/root"),
		keys:     catalog.NewTable[keyHolder](cfg.Catalog, "iam/accesskey"),
		given:    map[string]DevCredential{},
		secrets:  cfg.Sealer.For("iam/secret"),
		sessions: cfg.Sealer.For("iam/session"),
		markers:  cfg.Sealer.For("iam/marker"),
		messages: cfg.Sealer.For("iam/denial"),
	}
	s.registerKinds()
	var err error
	if s.awsPolicies, err = readAWSPolicies(); err != nil {
		return nil, fmt.Errorf("iam: %w", err)
	}
	for _, c := range cfg.DevCredentials {
		if _, err := arn.ParseAccountID(string(c.Account)); err != nil || c.KeyID == "" || c.Secret == "" {
			return nil, fmt.Errorf("iam: credential %q needs a key id, a secret and a 12-digit account", c.KeyID)
		}
		s.given[c.KeyID] = c
	}
	return s, nil
}

// How many of each kind an account may have. Roles and policies are AWS's default
// and what AWS raises it to on request.
const (
	usersQuota    = 5000
	groupsQuota   = 300
	rolesQuota    = 10_000
	policiesQuota = 10_000
)

// registerKinds makes the tables of entities. Users and roles have version 2
// since they have managed policies, boundaries and groups.
func (s *Service) registerKinds() {
	exists := func(title string) func(string) *api.Exception {
		return func(name string) *api.Exception {
			return errAlreadyExists("%s with name %s already exists.", title, name)
		}
	}
	absent := func(noun string) func(string) *api.Exception {
		return func(name string) *api.Exception { return errAbsent(noun, name) }
	}
	s.users = &identityKind[userRecord]{
		kind: kind[userRecord]{
			Table: catalog.NewTable[userRecord](s.cfg.Catalog, "iam/user", catalog.Schema(2)),
			noun:  "user", entity: func(u *userRecord) *Entity { return &u.Entity },
			absent: absent("user"), exists: exists("User"), quota: usersQuota, counts: "UsersPerAccount",
			relations: &s.relations,
		},
		identity: func(u *userRecord) *Identity { return &u.Identity },
		inline:   maxUserPolicies, attached: "PoliciesPerUser",
	}
	s.groups = &identityKind[groupRecord]{
		kind: kind[groupRecord]{
			Table: catalog.NewTable[groupRecord](s.cfg.Catalog, "iam/group"),
			noun:  "group", entity: func(g *groupRecord) *Entity { return &g.Entity },
			absent: absent("group"), exists: exists("Group"), quota: groupsQuota, counts: "GroupsPerAccount",
			relations: &s.relations,
		},
		identity: func(g *groupRecord) *Identity { return &g.Identity },
		inline:   maxGroupPolicies, attached: "PoliciesPerGroup",
	}
	s.roles = &identityKind[roleRecord]{
		kind: kind[roleRecord]{
			Table: catalog.NewTable[roleRecord](s.cfg.Catalog, "iam/role", catalog.Schema(2)),
			noun:  "role", entity: func(r *roleRecord) *Entity { return &r.Entity },
			absent: absent("role"), exists: exists("Role"), quota: rolesQuota, counts: "RolesPerAccount",
			locked: lockedRole, relations: &s.relations,
		},
		identity: func(r *roleRecord) *Identity { return &r.Identity },
		inline:   maxRolePolicies, attached: "PoliciesPerRole",
	}
	s.policies = &kind[policyRecord]{
		Table: catalog.NewTable[policyRecord](s.cfg.Catalog, "iam/policy"),
		noun:  "policy", entity: func(p *policyRecord) *Entity { return &p.Entity },
		absent: absent("policy"), exists: errPolicyExists, quota: policiesQuota, counts: "PoliciesPerAccount",
		relations: &s.relations,
	}
}

// Revision is that of the last change of anything that bears on a decision: a
// user, group, role or managed policy, an account's membership, an organization's
// policies. While it stays, Decide answers the same question the same way, except
// for conditions on the time.
func (s *Service) Revision() catalog.Revision {
	return max(s.users.Revision(), s.groups.Revision(), s.roles.Revision(), s.policies.Revision(),
		s.cfg.Organizations.Revision())
}

// Recover finishes what a crash interrupted: changes of names, and key ids that
// lead to no key. It is called once, before requests are answered.
func (s *Service) Recover(ctx context.Context) error {
	if err := recoverNames(ctx, s.users, s.moveKeys); err != nil {
		return err
	}
	if err := recoverNames(ctx, s.groups, nil); err != nil {
		return err
	}
	for key, holder := range s.keys.Scan(catalog.KeyOf()) {
		id := key.Parts()[0]
		if _, ok := s.key(holder, id); ok {
			continue
		}
		if err := s.forgetKey(ctx, id); err != nil {
			return err
		}
	}
	return nil
}
