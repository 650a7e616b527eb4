package iam

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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
	cfg   Config
	users *catalog.Table[userRecord]
	roles *catalog.Table[roleRecord]
	roots *catalog.Table[rootRecord]
	keys  *catalog.Table[keyHolder]
	given map[string]DevCredential // DevCredentials by key id

	secrets  *api.Seal // of stored secret access keys, bound to the key id
	sessions *api.Seal // of session tokens, bound to the key id
	markers  *api.Seal // of page markers, bound to account and list

	identities parsed[grants]
	trusts     parsed[*trust]
}

// New returns the service on its catalog tables. It writes nothing.
func New(cfg Config) (*Service, error) {
	if cfg.Catalog == nil || cfg.Organizations == nil || cfg.Sealer == nil || cfg.Now == nil || cfg.Log == nil {
		return nil, errors.New("iam: Catalog, Organizations, Sealer, Now and Log are required")
	}
	s := &Service{
		cfg:      cfg,
		users:    catalog.NewTable[userRecord](cfg.Catalog, "iam/user"),
		roles:    catalog.NewTable[roleRecord](cfg.Catalog, "iam/role"),
		roots:    catalog.NewTable[rootRecord](cfg.Catalog, "iam/root"),
		keys:     catalog.NewTable[keyHolder](cfg.Catalog, "iam/accesskey"),
		given:    map[string]DevCredential{},
		secrets:  cfg.Sealer.For("iam/secret"),
		sessions: cfg.Sealer.For("iam/session"),
		markers:  cfg.Sealer.For("iam/marker"),
	}
	for _, c := range cfg.DevCredentials {
		if _, err := arn.ParseAccountID(string(c.Account)); err != nil || c.KeyID == "" || c.Secret == "" {
			return nil, fmt.Errorf("iam: credential %q needs a key id, a secret and a 12-digit account", c.KeyID)
		}
		s.given[c.KeyID] = c
	}
	return s, nil
}

// Revision is that of the last change of anything that bears on a decision: a
// user, a role, an account's membership. While it stays, Decide answers the same
// question the same way, except for conditions on the time.
func (s *Service) Revision() catalog.Revision {
	return max(s.users.Revision(), s.roles.Revision(), s.cfg.Organizations.Revision())
}

// Recover clears away what a crash left behind: key ids that lead to no key. It
// is called once, before requests are answered; nothing depends on it.
func (s *Service) Recover(ctx context.Context) error {
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
