package iam

import (
	"context"
	"fmt"

	"tributary/internal/durable/catalog"
	"tributary/internal/pure/arn"
	"tributary/internal/service/api"
)

// Reseal seals every stored secret under the newest root key that is not sealed
// under it. When it has returned nil, no stored secret needs an older one. It may be
// interrupted and called again, and other requests may come between.
func (s *Service) Reseal(ctx context.Context) error {
	for {
		missed, err := s.resealOnce(ctx)
		if err != nil || !missed {
			return err
		}
	}
}

// resealOnce goes over all holders of keys once. missed is true if one of them
// was renamed or deleted meanwhile: only another round can tell which.
func (s *Service) resealOnce(ctx context.Context) (missed bool, err error) {
	for _, u := range s.users.Scan(catalog.KeyOf()) {
		m, err := s.resealKeys(ctx, keyHolder{Account: u.Account, User: u.Name}, u.Keys)
		if err != nil {
			return missed, err
		}
		missed = missed || m
	}
	for key, r := range s.roots.Scan(catalog.KeyOf()) {
		m, err := s.resealKeys(ctx, keyHolder{Account: arn.AccountID(key.Parts()[0])}, r.Keys)
		if err != nil {
			return missed, err
		}
		missed = missed || m
	}
	return missed, nil
}

// resealKeys seals the secrets among these keys of the holder that need it.
func (s *Service) resealKeys(ctx context.Context, h keyHolder, keys []keyRecord) (missed bool, err error) {
	for _, k := range keys {
		if s.secrets.Current(k.Sealed) {
			continue
		}
		secret, err := s.secrets.Open(k.ID, k.Sealed)
		if err != nil {
			return missed, fmt.Errorf("open the secret of access key %s: %w", k.ID, err)
		}
		err = s.changeKey(ctx, h, k.ID, func(keys []keyRecord, i int) []keyRecord {
			keys[i].Sealed = s.secrets.Seal(k.ID, secret)
			return keys
		})
		if _, gone := api.AsException(err); gone {
			missed = true
		} else if err != nil {
			return missed, fmt.Errorf("seal the secret of access key %s again: %w", k.ID, err)
		}
	}
	return missed, nil
}
