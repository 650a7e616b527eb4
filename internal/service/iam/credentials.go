package iam

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"tributary/internal/durable/catalog"
	"tributary/internal/pure/arn"
	"tributary/internal/pure/policy"
	"tributary/internal/service/api"
)

// Why Credentials refuses a key.
var (
	ErrUnknownKey   = errors.New("no such access key, or not an active one")
	ErrInvalidToken = errors.New("the session token is not ours, not for this key, or its role is gone")
	ErrExpiredToken = errors.New("the session is over")
)

// Credentials is the secret of an access key and who has it, for the gateway to
// verify a signature with: ErrUnknownKey, ErrInvalidToken, ErrExpiredToken. The
// token is that of the request, empty without one; only keys of sessions go with
// one. The keys of an account that was closed are unknown.
func (s *Service) Credentials(_ context.Context, accessKeyID, sessionToken string) (secret string, caller api.Caller, err error) {
	secret, caller, err = s.holder(accessKeyID, sessionToken)
	if err == nil && s.cfg.Organizations.Suspended(caller.Principal.Account) {
		return "", api.Caller{}, ErrUnknownKey
	}
	return secret, caller, err
}

// holder is Credentials, also in an account that was closed.
func (s *Service) holder(accessKeyID, sessionToken string) (secret string, caller api.Caller, err error) {
	if strings.HasPrefix(accessKeyID, temporaryPrefix) {
		return s.sessionCredentials(accessKeyID, sessionToken)
	}
	if secret, account, ok := s.ruledKey(accessKeyID); ok {
		if sessionToken != "" {
			return "", api.Caller{}, ErrInvalidToken
		}
		return secret, rootCaller(account, accessKeyID), nil
	}
	holder, _, ok := s.keys.Get(catalog.KeyOf(accessKeyID))
	if !ok {
		return "", api.Caller{}, ErrUnknownKey
	}
	return s.storedCredentials(holder, accessKeyID, sessionToken)
}

// ruledKey is the secret and account of a root key that is not stored: one given
// in the Config, or one by rule.
func (s *Service) ruledKey(id string) (secret string, account arn.AccountID, ok bool) {
	if c, ok := s.given[id]; ok {
		return c.Secret, c.Account, true
	}
	if !s.cfg.RootKeysByRule {
		return "", "", false
	}
	if id == "test" {
		return "test", "000000000000", true
	}
	account, err := arn.ParseAccountID(id)
	return "test", account, err == nil
}

func rootCaller(account arn.AccountID, keyID string) api.Caller {
	return api.Caller{
		AccessKeyID: keyID,
		Principal:   policy.Principal{Kind: policy.Root, Account: account, ARN: account.Root(), ID: string(account)},
	}
}

func (s *Service) storedCredentials(h keyHolder, keyID, sessionToken string) (string, api.Caller, error) {
	caller := rootCaller(h.Account, keyID)
	if !h.root() {
		u, ok := s.user(h.Account, h.User)
		if !ok {
			return "", api.Caller{}, ErrUnknownKey
		}
		caller.Principal = policy.Principal{Kind: policy.User, Account: u.Account, ARN: u.arn(), ID: u.ID}
	}
	k, ok := s.key(h, keyID)
	if !ok || k.Status != active {
		return "", api.Caller{}, ErrUnknownKey
	}
	if sessionToken != "" {
		return "", api.Caller{}, ErrInvalidToken
	}
	secret, err := s.secrets.Open(keyID, k.Sealed)
	if err != nil {
		return "", api.Caller{}, fmt.Errorf("open the secret of access key %s: %w", keyID, err)
	}
	return string(secret), caller, nil
}
