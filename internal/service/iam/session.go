package iam

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"tributary/internal/pure/arn"
	"tributary/internal/pure/policy"
	"tributary/internal/service/api"
)

// A session is temporary credentials and what they are good for. Nothing of it is
// stored: the caller carries it, sealed and bound to its key id, as the session
// token.
type session struct {
	Version int           `json:"v"`
	Kind    sessionKind   `json:"kind,omitzero"`
	Secret  string        `json:"secret"`
	Account arn.AccountID `json:"account"`
	// Role and RoleID are of the role as it was assumed.
	Role   string `json:"role,omitzero"`
	RoleID string `json:"roleId,omitzero"`
	// User and UserID are of the user who asked for the session, by the name of then;
	// empty where the root user did.
	User   string `json:"user,omitzero"`
	UserID string `json:"userId,omitzero"`
	// Name is that of a role session or of a federated user.
	Name string `json:"name,omitzero"`
	// Org is the organization by whose right a session of AssumeRoot was made.
	Org     string    `json:"org,omitzero"`
	Issued  time.Time `json:"issued"`
	Expires time.Time `json:"expires"`
	// Policy and PolicyARNs are the session policies: a text, and managed policies,
	// which count as they are at each request.
	Policy     string         `json:"policy,omitzero"`
	PolicyARNs []string       `json:"policyArns,omitzero"`
	Context    policy.Context `json:"context,omitzero"` // condition keys fixed when it began
}

// sessionKind says whose session it is.
type sessionKind string

const (
	ofRole      sessionKind = ""          // AssumeRole
	ofUser      sessionKind = "user"      // GetSessionToken: the user, or the root user
	ofFederated sessionKind = "federated" // GetFederationToken
	ofRoot      sessionKind = "root"      // AssumeRoot
)

// Sessions of version 1 are role sessions without PolicyARNs.
const sessionVersion = 2

// temporaryPrefix begins the key id of every session.
const temporaryPrefix = "ASIA"

// credentials are new credentials for the session.
func (s *Service) credentials(ses session) (*Credentials, error) {
	ses.Version, ses.Secret = sessionVersion, newSecret()
	id := newSessionKeyID(ses.Account)
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

// accountShift is where in the first six bytes of a temporary key id the account
// begins, as in AWS's: a one, 40 bits of account, 7 random bits.
const accountShift = 7

// newSessionKeyID is a random key id that tells its account to those who know how
// to look (GetAccessKeyInfo). It proves nothing: the token does.
func newSessionKeyID(account arn.AccountID) string {
	var raw [10]byte
	_, _ = rand.Read(raw[:])                                // never fails
	number, _ := strconv.ParseUint(string(account), 10, 40) // 12 digits
	head := binary.BigEndian.Uint64(raw[:8])
	head = 1<<63 | number<<(16+accountShift) | head&(1<<(16+accountShift)-1)
	binary.BigEndian.PutUint64(raw[:8], head)
	return temporaryPrefix + base32.StdEncoding.EncodeToString(raw[:])
}

// accountOfSessionKey is the account in a temporary key id.
func accountOfSessionKey(id string) (arn.AccountID, bool) {
	text, ok := strings.CutPrefix(id, temporaryPrefix)
	raw, err := base32.StdEncoding.DecodeString(text)
	if !ok || err != nil || len(raw) != 10 || raw[0]>>7 == 0 {
		return "", false
	}
	number := binary.BigEndian.Uint64(raw[:8]) &^ (1 << 63) >> (16 + accountShift)
	account, err := arn.ParseAccountID(fmt.Sprintf("%012d", number))
	return account, err == nil
}

// openSession is the session that a token holds, if it was made for this key id
// and is not over: ErrInvalidToken, ErrExpiredToken.
func (s *Service) openSession(keyID, token string) (session, error) {
	var ses session
	plain, err := s.sessions.OpenText(keyID, token)
	if errors.Is(err, api.ErrNotSealed) {
		return ses, ErrInvalidToken
	}
	if err != nil {
		return ses, err
	}
	if err := json.Unmarshal(plain, &ses); err != nil || ses.Version < 1 || ses.Version > sessionVersion {
		return ses, ErrInvalidToken // sealed by another release
	}
	if !s.cfg.Now().Before(ses.Expires) {
		return ses, ErrExpiredToken
	}
	return ses, nil
}

// sessionCredentials is Credentials for the key of a session. The role, user or
// membership behind it must still be the one that it was made for.
func (s *Service) sessionCredentials(keyID, sessionToken string) (string, api.Caller, error) {
	if sessionToken == "" {
		return "", api.Caller{}, ErrUnknownKey
	}
	ses, err := s.openSession(keyID, sessionToken)
	if err != nil {
		return "", api.Caller{}, err
	}
	who, ok := s.sessionCaller(&ses)
	if !ok {
		return "", api.Caller{}, ErrInvalidToken
	}
	return ses.Secret, api.Caller{
		AccessKeyID:     keyID,
		Principal:       who,
		SessionPolicies: s.sessionPolicies(&ses),
		SessionContext:  ses.Context,
	}, nil
}

// sessionCaller is the principal that a session makes of its bearer.
func (s *Service) sessionCaller(ses *session) (policy.Principal, bool) {
	if ses.Kind == ofRole {
		r, ok := s.role(ses.Account, ses.Role)
		if !ok || r.ID != ses.RoleID {
			return policy.Principal{}, false
		}
		return sessionPrincipal(&r, ses.Name), true
	}
	if ses.Kind == ofRoot {
		m, ok := s.cfg.Organizations.Membership(ses.Account)
		return rootCaller(ses.Account, "").Principal, ok && m.OrgID == ses.Org
	}
	maker := rootCaller(ses.Account, "").Principal
	if ses.User != "" {
		u, ok := s.userByID(ses.Account, ses.User, ses.UserID)
		if !ok {
			return policy.Principal{}, false
		}
		maker = policy.Principal{Kind: policy.User, Account: u.Account, ARN: u.arn(), ID: u.ID}
	}
	switch ses.Kind {
	case ofUser:
		return maker, true
	case ofFederated:
		return federatedPrincipal(&maker, ses.Name), true
	}
	return policy.Principal{}, false
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

// federatedPrincipal is the principal that a user, or the root user, makes by
// GetFederationToken.
func federatedPrincipal(maker *policy.Principal, name string) policy.Principal {
	return policy.Principal{
		Kind:    policy.Federated,
		Account: maker.Account,
		ARN:     arn.New("sts", "", maker.Account, "federated-user/"+name),
		UserARN: maker.ARN,
		ID:      string(maker.Account) + ":" + name,
	}
}

// sessionPolicies are the policies that limit a session. One that cannot be found
// or read denies.
func (s *Service) sessionPolicies(ses *session) []policy.Source {
	var list []policy.Source
	if ses.Policy != "" {
		src := policy.Source{Name: "session policy"}
		if doc, err := policy.Parse(ses.Policy, policy.ForSession); err == nil {
			src.Document = doc
		}
		list = append(list, src)
	}
	for _, a := range ses.PolicyARNs {
		src, ok := s.sessionManaged(ses.Account, a)
		if !ok {
			src = policy.Source{Name: "managed policy " + a + ", which is gone"}
		}
		list = append(list, src)
	}
	return list
}

// sessionManaged is a managed policy that may limit a session in an account: one of
// the account's own, or of AWS's.
func (s *Service) sessionManaged(account arn.AccountID, policyARN string) (policy.Source, bool) {
	p, rev, ok := s.policyByARN(policyARN)
	if !ok || p.Account != account && p.Account != awsAccount {
		return policy.Source{}, false
	}
	return policy.Source{Name: "managed policy " + policyARN, Document: s.managed(&p, rev).document}, true
}

// roleOf is the unique id of the role behind a session's id, AROA…:NAME.
func roleOf(id string) string {
	role, _, _ := strings.Cut(id, ":")
	return role
}
