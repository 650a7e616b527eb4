package iam

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"tributary/internal/pure/arn"
	"tributary/internal/pure/policy"
	"tributary/internal/service/api"
)

// A session is a role session. Nothing of it is stored: the caller carries it,
// sealed and bound to its key id, as the session token.
type session struct {
	Version int            `json:"v"`
	Secret  string         `json:"secret"`
	Account arn.AccountID  `json:"account"`
	Role    string         `json:"role"`
	RoleID  string         `json:"roleId"` // of the role as it was assumed
	Name    string         `json:"name"`
	Issued  time.Time      `json:"issued"`
	Expires time.Time      `json:"expires"`
	Policy  string         `json:"policy,omitzero"`
	Context policy.Context `json:"context,omitzero"` // condition keys fixed when it began
}

const sessionVersion = 1

// temporaryPrefix begins the key id of every session.
const temporaryPrefix = "ASIA"

// credentials are new credentials for the session.
func (s *Service) credentials(ses session) (*Credentials, error) {
	ses.Version, ses.Secret = sessionVersion, newSecret()
	id := temporaryPrefix + rand.Text()[:16]
	plain, err := json.Marshal(ses)
	if err != nil {
		return nil, fmt.Errorf("encode session: %w", err)
	}
	return &Credentials{
		AccessKeyID:     id,
		SecretAccessKey: ses.Secret,
		SessionToken:    s.sessions.SealText(id, plain),
		Expiration:      api.At(ses.Expires),
	}, nil
}

// openSession is the session that a token holds, if it was made for this key id,
// is not over, and its role is still the one that was assumed: ErrInvalidToken,
// ErrExpiredToken.
func (s *Service) openSession(keyID, token string) (session, roleRecord, error) {
	var ses session
	plain, err := s.sessions.OpenText(keyID, token)
	if errors.Is(err, api.ErrNotSealed) {
		return ses, roleRecord{}, ErrInvalidToken
	}
	if err != nil {
		return ses, roleRecord{}, err
	}
	if err := json.Unmarshal(plain, &ses); err != nil || ses.Version != sessionVersion {
		return ses, roleRecord{}, ErrInvalidToken // sealed by another release
	}
	if !s.cfg.Now().Before(ses.Expires) {
		return ses, roleRecord{}, ErrExpiredToken
	}
	r, ok := s.role(ses.Account, ses.Role)
	if !ok || r.ID != ses.RoleID {
		return ses, roleRecord{}, ErrInvalidToken
	}
	return ses, r, nil
}

// sessionPrincipal is the principal of a session of the role.
func sessionPrincipal(r *roleRecord, name string) policy.Principal {
	return policy.Principal{
		Kind:    policy.Session,
		Account: r.Account,
		ARN:     arn.New("sts", "", r.Account, "assumed-role/"+r.Name+"/"+name),
		RoleARN: r.arn(),
		ID:      r.ID + ":" + name,
	}
}

// sessionPolicies are the policies that limit the session.
func (ses session) policies() []policy.Source {
	if ses.Policy == "" {
		return nil
	}
	src := policy.Source{Name: "session policy"}
	if doc, err := policy.Parse(ses.Policy, policy.ForSession); err == nil {
		src.Document = doc
	}
	return []policy.Source{src} // one that cannot be read denies
}

// roleOf is the unique id of the role behind a session's id, AROA…:NAME.
func roleOf(id string) string {
	role, _, _ := strings.Cut(id, ":")
	return role
}
