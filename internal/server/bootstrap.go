package server

import (
	"context"
	"crypto/rand"
	"fmt"
	"math/big"
	"path/filepath"

	"tributary/internal/durable/catalog"
	"tributary/internal/pure/arn"
)

// FirstKey is the root access key of the management account.
type FirstKey struct {
	Account     arn.AccountID
	AccessKeyID string
	Secret      string
	File        string // where it was written, as an AWS shared-credentials file
}

// installation is the record of the first start, table server/installation.
type installation struct {
	ManagementAccount arn.AccountID `json:"managementAccount"`
	KeyWritten        bool          `json:"keyWritten"`
}

// devManagementAccount is the management account of a development server: the
// account of the key id test.
const devManagementAccount = arn.AccountID("000000000000")

// bootstrap makes the management account in the first start and returns it in
// every one. A crash before the key's file is on disk makes the next start write
// another key; the lost one was seen by nobody.
func (s *server) bootstrap(ctx context.Context, table *catalog.Table[installation]) (arn.AccountID, error) {
	key := catalog.KeyOf("installation")
	state, _, installed := table.Get(key)
	if s.cfg.Dev {
		if installed {
			return "", fmt.Errorf("%s was made without --dev: with it every account there would get a key that anyone can guess", s.cfg.Dir)
		}
		return devManagementAccount, nil
	}
	if state.KeyWritten {
		return state.ManagementAccount, nil
	}
	if state.ManagementAccount == "" {
		state.ManagementAccount = newAccountID()
		if _, err := table.Create(ctx, key, state); err != nil {
			return "", err
		}
	}
	account := state.ManagementAccount
	if err := s.orgs.EnsureAccount(ctx, account, "management", "root@management.invalid"); err != nil {
		return "", err
	}
	id, secret, err := s.iam.CreateRootKey(ctx, account)
	if err != nil {
		return "", err
	}
	file := filepath.Join(s.cfg.Dir, "credentials")
	text := fmt.Sprintf("[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n", id, secret)
	if err := writeFile(file, text); err != nil {
		return "", err
	}
	if _, err := table.Update(ctx, key, func(v installation, _ bool) (installation, error) {
		v.KeyWritten = true
		return v, nil
	}); err != nil {
		return "", err
	}
	s.firstKey = &FirstKey{Account: account, AccessKeyID: id, Secret: secret, File: file}
	return account, nil
}

// newAccountID is 12 random digits, the first not 0.
func newAccountID() arn.AccountID {
	const first = 100_000_000_000
	n, err := rand.Int(rand.Reader, big.NewInt(9*first))
	if err != nil {
		panic("server: random number: " + err.Error()) // the reader never fails
	}
	return arn.AccountID(fmt.Sprintf("%012d", n.Int64()+first))
}
