package iam

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"tributary/internal/durable/catalog"
	"tributary/internal/pure/arn"
	"tributary/internal/service/api"
)

// A kind is one of users, groups, roles and managed policies: the table of its
// records, and in what they differ where they are otherwise treated alike.
//
// The record of an entity holds everything about it that can be changed: its
// policies, memberships, keys, tags. So each change is one write.
type kind[R any] struct {
	*catalog.Table[R]
	noun   string // user, as in ARNs
	entity func(*R) *Entity
	absent func(name string) *api.Exception
	exists func(name string) *api.Exception
	quota  int    // of an account
	counts string // what the quota is called: UsersPerAccount
	// locked refuses a change of a record that nobody but AWS may change; nil
	// where there is no such record.
	locked func(*R) error
	// relations is the Service's.
	relations *sync.RWMutex
}

// An identityKind is a kind that policies are given to.
type identityKind[R any] struct {
	kind[R]
	identity func(*R) *Identity
	inline   int    // how many characters the inline policies may have together
	attached string // what the quota of attached policies is called: PoliciesPerUser
}

// find is the entity of that name in the account.
func (k *kind[R]) find(account arn.AccountID, name string) (R, bool) {
	r, _, ok := k.Get(entityKey(account, name))
	return r, ok
}

// get is find for operations: an absent entity is an error.
func (k *kind[R]) get(call *api.Call, name string) (R, error) {
	r, ok := k.find(call.Account(), name)
	if !ok {
		return r, k.absent(name)
	}
	return r, nil
}

// arn is the ARN of a record.
func (k *kind[R]) arn(r R) arn.ARN { return k.entity(&r).named(k.noun) }

// create stores a new entity that check, which may be nil, lets be. Entities that
// are created at the same time may together exceed the quota by their number.
func (k *kind[R]) create(ctx context.Context, r R, check func() error) error {
	k.relations.RLock()
	defer k.relations.RUnlock()
	e := k.entity(&r)
	if k.full(e.Account) {
		return errQuota(k.counts, k.quota)
	}
	if check != nil {
		if err := check(); err != nil {
			return err
		}
	}
	_, err := k.Create(ctx, entityKey(e.Account, e.Name), r)
	if errors.Is(err, catalog.ErrExists) {
		return k.exists(e.Name)
	}
	if err != nil {
		return fmt.Errorf("create %s: %w", k.noun, err)
	}
	return nil
}

// full reports whether the account has as many as it may. Nothing is counted
// while all accounts together have fewer.
func (k *kind[R]) full(account arn.AccountID) bool {
	return k.Len() >= k.quota && k.count(account) >= k.quota
}

func (k *kind[R]) count(account arn.AccountID) (n int) {
	for range k.Scan(catalog.KeyOf(string(account))) {
		n++
	}
	return n
}

// update changes the entity of that name in the account. change works on a copy,
// but what the copy points to is shared, and it may be called again.
func (k *kind[R]) update(ctx context.Context, account arn.AccountID, name string, change func(*R) error) error {
	k.relations.RLock()
	defer k.relations.RUnlock()
	return k.updateHeld(ctx, account, name, func(r *R) error {
		if k.locked != nil {
			if err := k.locked(r); err != nil {
				return err
			}
		}
		return change(r)
	})
}

// updateHeld is update for who holds relations already, and also for records that
// are locked.
func (k *kind[R]) updateHeld(ctx context.Context, account arn.AccountID, name string, change func(*R) error) error {
	_, err := k.Update(ctx, entityKey(account, name), func(r R, exists bool) (R, error) {
		if !exists {
			return r, k.absent(name)
		}
		return r, change(&r)
	})
	return err
}

// remove deletes the entity of that name in the caller's account if check lets it
// go, also when another write comes between. Nothing begins to refer to it
// meanwhile.
func (k *kind[R]) remove(ctx context.Context, call *api.Call, name string, check func(*R) error) error {
	k.relations.Lock()
	defer k.relations.Unlock()
	key := entityKey(call.Account(), name)
	for {
		r, rev, ok := k.Get(key)
		if !ok {
			return k.absent(name)
		}
		if err := check(&r); err != nil {
			return err
		}
		if err := k.Delete(ctx, key, rev); !errors.Is(err, catalog.ErrConflict) {
			return err
		}
	}
}

func lower(name string) string { return strings.ToLower(name) }

// lastName is the name at the end of the ARN of an entity.
func lastName(a arn.ARN) string { return string(a[strings.LastIndexByte(string(a), '/')+1:]) }
