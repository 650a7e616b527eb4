package iam

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"tributary/internal/durable/catalog"
	"tributary/internal/pure/arn"
	"tributary/internal/pure/policy"
	"tributary/internal/service/api"
)

// A keyRecord is what is stored of an access key, in the record of its user or
// root user. Its secret is sealed, bound to its id.
type keyRecord struct {
	ID      string    `json:"id"`
	Sealed  []byte    `json:"sealed"`
	Status  string    `json:"status"`
	Created time.Time `json:"created"`
}

// The statuses of an access key.
const (
	active   = "Active"
	inactive = "Inactive"
)

const maxKeys = 2 // of a user

// A rootRecord is what is stored of an account's root user, under the account.
type rootRecord struct {
	Keys []keyRecord `json:"keys,omitzero"`
}

// A keyHolder is who has an access key. Stored under a key's id, it only says in
// whose record the key is to be looked for: the key exists if it is there. So
// whatever becomes of this second record, a key is made, changed and deleted by
// one write, that of its holder.
type keyHolder struct {
	Account arn.AccountID `json:"account"`
	User    string        `json:"user,omitzero"` // empty for the root user
}

func (h keyHolder) root() bool { return h.User == "" }

const rootUserName = "root"

// holderOf is the user of that name in the caller's account, or without a name
// the caller, who must then be a user or the root user.
func holderOf(call *api.Call, name string) (keyHolder, error) {
	h := keyHolder{Account: call.Account(), User: name}
	if name != "" {
		return h, nil
	}
	switch p := call.Caller.Principal; p.Kind {
	case policy.Root:
	case policy.User:
		h.User = lastName(p.ARN)
	default:
		return keyHolder{}, errNotAUser()
	}
	return h, nil
}

// name is how the holder is called in answers.
func (h keyHolder) name() string {
	if h.root() {
		return rootUserName
	}
	return h.User
}

// keysOf are the access keys of a user or root user; ok is false for a user who
// does not exist.
func (s *Service) keysOf(h keyHolder) (keys []keyRecord, ok bool) {
	if h.root() {
		r, _, _ := s.roots.Get(catalog.KeyOf(string(h.Account)))
		return r.Keys, true
	}
	u, ok := s.user(h.Account, h.User)
	return u.Keys, ok
}

// key is an access key of the holder.
func (s *Service) key(h keyHolder, id string) (keyRecord, bool) {
	keys, _ := s.keysOf(h)
	i := slices.IndexFunc(keys, func(k keyRecord) bool { return k.ID == id })
	if i < 0 {
		return keyRecord{}, false
	}
	return keys[i], true
}

// changeKeys replaces the access keys of a user or root user by what change
// makes of a copy of them.
func (s *Service) changeKeys(ctx context.Context, h keyHolder, change func([]keyRecord) ([]keyRecord, error)) error {
	if h.root() {
		_, err := s.roots.Update(ctx, catalog.KeyOf(string(h.Account)), func(r rootRecord, _ bool) (_ rootRecord, err error) {
			r.Keys, err = change(slices.Clone(r.Keys))
			return r, err
		})
		return err
	}
	return s.users.update(ctx, h.Account, h.User, func(u *userRecord) (err error) {
		u.Keys, err = change(slices.Clone(u.Keys))
		return err
	})
}

// changeKey changes one access key of a user or root user.
func (s *Service) changeKey(ctx context.Context, h keyHolder, id string, change func([]keyRecord, int) []keyRecord) error {
	return s.changeKeys(ctx, h, func(keys []keyRecord) ([]keyRecord, error) {
		i := slices.IndexFunc(keys, func(k keyRecord) bool { return k.ID == id })
		if i < 0 {
			return nil, errNoSuchKey(id)
		}
		return change(keys, i), nil
	})
}

// newKey makes an access key for a holder who has fewer than quota.
func (s *Service) newKey(ctx context.Context, h keyHolder, quota int) (k keyRecord, secret string, err error) {
	secret = newSecret()
	k = keyRecord{ID: "AKIA" + rand.Text()[:16], Status: active, Created: s.cfg.Now()}
	k.Sealed = s.secrets.Seal(k.ID, []byte(secret))
	if _, err := s.keys.Create(ctx, catalog.KeyOf(k.ID), keyHolder{Account: h.Account, User: lower(h.User)}); err != nil {
		return k, "", fmt.Errorf("create access key: %w", err)
	}
	err = s.changeKeys(ctx, h, func(keys []keyRecord) ([]keyRecord, error) {
		if len(keys) >= quota {
			return nil, errKeyQuota()
		}
		return append(keys, k), nil
	})
	if err != nil {
		if _, refused := api.AsException(err); refused {
			err = errors.Join(err, s.forgetKey(ctx, k.ID))
		}
		return k, "", err
	}
	return k, secret, nil
}

// newSecret is 240 random bits in the form of AWS's secrets.
func newSecret() string {
	var b [30]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.StdEncoding.EncodeToString(b[:])
}

// forgetKey removes what leads from a key id to its holder.
func (s *Service) forgetKey(ctx context.Context, id string) error {
	key := catalog.KeyOf(id)
	_, rev, ok := s.keys.Get(key)
	if !ok {
		return nil
	}
	if err := s.keys.Delete(ctx, key, rev); err != nil {
		return fmt.Errorf("forget access key %s: %w", id, err)
	}
	return nil
}

// CreateRootKey makes another access key for an account's root user, whatever
// number there is already. Its secret is shown this once.
func (s *Service) CreateRootKey(ctx context.Context, account arn.AccountID) (id, secret string, err error) {
	if !s.cfg.Organizations.AccountExists(account) {
		return "", "", fmt.Errorf("create root access key: account %s does not exist", account)
	}
	return s.CreateFirstRootKey(ctx, account)
}

// CreateFirstRootKey is CreateRootKey for an account that is about to be made, so
// that it never exists without a key. The account's id must be new.
func (s *Service) CreateFirstRootKey(ctx context.Context, account arn.AccountID) (id, secret string, err error) {
	k, secret, err := s.newKey(ctx, keyHolder{Account: account}, 1<<20)
	if err != nil {
		return "", "", err
	}
	return k.ID, secret, nil
}

// createAccessKey makes an access key of a user, at most two, and shows its
// secret this once.
func (s *Service) createAccessKey(ctx context.Context, call *api.Call, in *CreateAccessKeyInput) (*CreateAccessKeyOutput, error) {
	h, err := holderOf(call, in.UserName)
	if err != nil {
		return nil, err
	}
	if _, ok := s.keysOf(h); !ok {
		return nil, errNoSuchUser(h.User)
	}
	k, secret, err := s.newKey(ctx, h, maxKeys)
	if err != nil {
		return nil, err
	}
	return &CreateAccessKeyOutput{AccessKey: &AccessKey{
		UserName:        h.name(),
		AccessKeyID:     k.ID,
		Status:          k.Status,
		SecretAccessKey: secret,
		CreateDate:      api.At(k.Created),
	}}, nil
}

// updateAccessKey makes a key usable or unusable. AWS's Expired is a state that
// a key gets into, not one to ask for.
func (s *Service) updateAccessKey(ctx context.Context, call *api.Call, in *UpdateAccessKeyInput) (*api.Void, error) {
	h, err := holderOf(call, in.UserName)
	if err != nil {
		return nil, err
	}
	if in.Status != active && in.Status != inactive {
		return nil, errValidation("1 validation error detected: Value at 'status' failed to satisfy constraint: Member must satisfy enum value set")
	}
	return nil, s.changeKey(ctx, h, in.AccessKeyID, func(keys []keyRecord, i int) []keyRecord {
		keys[i].Status = in.Status
		return keys
	})
}

// deleteAccessKey deletes a key. What it signs from now on is refused.
func (s *Service) deleteAccessKey(ctx context.Context, call *api.Call, in *DeleteAccessKeyInput) (*api.Void, error) {
	h, err := holderOf(call, in.UserName)
	if err != nil {
		return nil, err
	}
	err = s.changeKey(ctx, h, in.AccessKeyID, func(keys []keyRecord, i int) []keyRecord {
		return slices.Delete(keys, i, i+1)
	})
	if err != nil {
		return nil, err
	}
	return nil, s.forgetKey(context.WithoutCancel(ctx), in.AccessKeyID)
}

// listAccessKeys answers the keys of a user, by id.
func (s *Service) listAccessKeys(_ context.Context, call *api.Call, in *ListAccessKeysInput) (*ListAccessKeysOutput, error) {
	h, err := holderOf(call, in.UserName)
	if err != nil {
		return nil, err
	}
	keys, ok := s.keysOf(h)
	if !ok {
		return nil, errNoSuchUser(h.User)
	}
	p := pageRequest{call: call, list: lower(h.User), marker: in.Marker, maxItems: in.MaxItems}
	keys, next, err := page(s, p, func(after string) iter.Seq2[string, keyRecord] {
		return sorted(keys, after, func(k keyRecord) string { return k.ID })
	})
	if err != nil {
		return nil, err
	}
	out := &ListAccessKeysOutput{AccessKeyMetadata: []AccessKeyMetadata{}, Marker: next, IsTruncated: truncated(next)}
	for _, k := range keys {
		out.AccessKeyMetadata = append(out.AccessKeyMetadata, AccessKeyMetadata{
			UserName: h.name(), AccessKeyID: k.ID, Status: k.Status, CreateDate: api.At(k.Created),
		})
	}
	return out, nil
}

// getAccessKeyLastUsed answers whose a key of the account is and when it was used
// last since the server started, to the minute. A key of another account is as
// one that does not exist.
func (s *Service) getAccessKeyLastUsed(_ context.Context, call *api.Call, in *GetAccessKeyLastUsedInput) (*GetAccessKeyLastUsedOutput, error) {
	h, ok := s.holderOfKey(call, in.AccessKeyID)
	if !ok {
		return nil, errNoSuchKey(in.AccessKeyID)
	}
	name := rootUserName
	if u, ok := s.user(h.Account, h.User); ok {
		name = u.Name
	}
	return &GetAccessKeyLastUsedOutput{UserName: name, AccessKeyLastUsed: s.uses.key(in.AccessKeyID)}, nil
}

// holderOfKey is who has a key of the caller's account.
func (s *Service) holderOfKey(call *api.Call, id string) (keyHolder, bool) {
	h, _, ok := s.keys.Get(catalog.KeyOf(id))
	if !ok || h.Account != call.Account() {
		return keyHolder{}, false
	}
	_, ok = s.key(h, id)
	return h, ok
}
