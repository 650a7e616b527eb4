package organizations

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"sync"
	"time"

	"tributary/internal/durable/catalog"
	"tributary/internal/pure/arn"
	"tributary/internal/service/api"
)

// Config is what the service needs.
type Config struct {
	Catalog *catalog.Catalog
	// AccountsByRule says that every account id exists, as on a development
	// server; an account gets its record when an organization needs one.
	AccountsByRule bool
	// CreateAccessRole makes the role through which the management account may
	// enter an account that it created. It is called before the account exists.
	CreateAccessRole func(ctx context.Context, account, management arn.AccountID, roleName string) error
	// Admits reports whether the resource policy in an access, and it alone, lets
	// the caller make it. Without Admits resource policies admit nobody.
	Admits func(call *api.Call, access api.Access) bool
	// Sealer seals page tokens. Without one they are good until the process ends.
	Sealer *api.Sealer
	Now    func() time.Time
	Log    *slog.Logger
}

// A Service is the AWS Organizations of one installation.
type Service struct {
	cfg           Config
	accounts      *catalog.Table[AccountRecord]
	organizations *catalog.Table[organizationRecord]
	handshakes    *catalog.Table[handshakeRecord]
	creations     *catalog.Table[creationRecord]
	units         *catalog.Table[unitRecord]
	policies      *catalog.Table[policyRecord]

	tokens  *api.Seal // of page tokens, bound to account, operation and list
	control controlCache

	// How many an organization may have; tests set less.
	unitsQuota    int
	policiesQuota func(*policyKind) int

	// change is held by an operation that changes who belongs where, from its
	// first look to its last write. It keeps two such operations of this process
	// from deciding on the same picture. What it cannot prevent (a crash, another
	// process) leaves a state that readers understand; see the package comment.
	change sync.Mutex
}

// New returns the service on its catalog tables. It writes nothing.
func New(cfg Config) (*Service, error) {
	if cfg.Catalog == nil || cfg.CreateAccessRole == nil || cfg.Now == nil || cfg.Log == nil {
		return nil, errors.New("organizations: Catalog, CreateAccessRole, Now and Log are required")
	}
	sealer := cfg.Sealer
	if sealer == nil {
		sealer = api.NewSealer(api.RandomKey())
	}
	return &Service{
		tokens:        sealer.For("organizations/token"),
		unitsQuota:    maxUnits,
		policiesQuota: func(k *policyKind) int { return k.maxPolicies },
		cfg:           cfg,
		accounts:      catalog.NewTable[AccountRecord](cfg.Catalog, "organizations/account"),
		organizations: catalog.NewTable[organizationRecord](cfg.Catalog, "organizations/organization"),
		handshakes:    catalog.NewTable[handshakeRecord](cfg.Catalog, "organizations/handshake"),
		creations:     catalog.NewTable[creationRecord](cfg.Catalog, "organizations/creation"),
		units:         catalog.NewTable[unitRecord](cfg.Catalog, "organizations/unit"),
		policies:      catalog.NewTable[policyRecord](cfg.Catalog, "organizations/policy"),
	}, nil
}

// Revision is that of the last change of an account, an organization, its tree or
// its policies: while it stays, so does every answer of Membership,
// ControlPolicies, Suspended and AccountExists.
func (s *Service) Revision() catalog.Revision {
	return max(s.accounts.Revision(), s.organizations.Revision(), s.units.Revision(), s.policies.Revision())
}

// A Membership is where an account stands in its organization.
type Membership struct {
	OrgID  string // o-…
	RootID string // r-…
	// Path is the account's place in the form of aws:PrincipalOrgPaths, from the
	// organization down to the account's parent: o-…/r-…/ou-…/.
	Path       string
	Management bool // it is the management account
}

// Membership is the organization an account belongs to; ok is false for an
// account that stands alone or does not exist.
func (s *Service) Membership(account arn.AccountID) (m Membership, ok bool) {
	a, org, ok := s.placeOf(account)
	if !ok {
		return Membership{}, false
	}
	return Membership{
		OrgID:      org.ID,
		RootID:     org.Root,
		Path:       s.path(org, org.parent(a)),
		Management: org.Management == account,
	}, true
}

// organizationOf is the organization an account belongs to.
func (s *Service) organizationOf(account arn.AccountID) (organizationRecord, bool) {
	_, org, ok := s.placeOf(account)
	return org, ok
}

// placeOf is an account's record, which is that of a member, and the organization
// it belongs to.
func (s *Service) placeOf(account arn.AccountID) (AccountRecord, organizationRecord, bool) {
	a, _, ok := s.accounts.Get(accountKey(account))
	if !ok || a.Member == nil {
		return a, organizationRecord{}, false
	}
	org, _, ok := s.organizations.Get(catalog.KeyOf(a.Member.Org))
	return a, org, ok
}

// Suspended reports whether the account was closed. Nobody in it may do anything;
// ControlPolicies says so too.
func (s *Service) Suspended(account arn.AccountID) bool {
	a, _, _ := s.accounts.Get(accountKey(account))
	return !a.Closed.IsZero()
}

// AccountExists reports whether there is such an account.
func (s *Service) AccountExists(id arn.AccountID) bool {
	if s.cfg.AccountsByRule {
		_, err := arn.ParseAccountID(string(id))
		return err == nil
	}
	_, _, ok := s.accounts.Get(accountKey(id))
	return ok
}

// Account is an account's record. With AccountsByRule an account may exist and
// have none.
func (s *Service) Account(id arn.AccountID) (AccountRecord, bool) {
	a, _, ok := s.accounts.Get(accountKey(id))
	return a, ok
}

// Accounts are all accounts that have a record, by id. With AccountsByRule the
// others have none.
func (s *Service) Accounts() iter.Seq[AccountRecord] {
	return func(yield func(AccountRecord) bool) {
		for _, a := range s.accounts.Scan(catalog.KeyOf()) {
			if !yield(a) {
				return
			}
		}
	}
}
