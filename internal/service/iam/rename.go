package iam

import (
	"context"
	"errors"
	"fmt"

	"tributary/internal/durable/catalog"
	"tributary/internal/service/api"
)

// rename gives a user or group another name and whatever else change changes.
//
// Records are stored under the name, so two writes are needed: the record under
// the new name, which says what it was called before, and the deletion of the old
// one. A crash between them leaves two records with the same unique id; Recover
// finishes what was begun. moved, which may be nil, is called between the two and
// repairs what leads to the old name.
func rename[R any](ctx context.Context, k *identityKind[R], call *api.Call, from, to string, change func(*R), moved func(context.Context, R) error) error {
	k.relations.Lock()
	defer k.relations.Unlock()
	if to == "" || lower(to) == lower(from) {
		return k.updateHeld(ctx, call.Account(), from, func(r *R) error {
			change(r)
			if to != "" {
				k.entity(r).Name = to
			}
			return nil
		})
	}
	r, err := k.get(call, from)
	if err != nil {
		return err
	}
	change(&r)
	id := k.identity(&r)
	id.Name, id.Renamed = to, from
	if _, err := k.Create(ctx, entityKey(id.Account, to), r); err != nil {
		if errors.Is(err, catalog.ErrExists) {
			return k.exists(to)
		}
		return fmt.Errorf("rename %s: %w", k.noun, err)
	}
	return finishRename(context.WithoutCancel(ctx), k, r, moved)
}

// finishRename removes what is left under the name that a record had before.
func finishRename[R any](ctx context.Context, k *identityKind[R], r R, moved func(context.Context, R) error) error {
	id := k.identity(&r)
	if id.Renamed == "" {
		return nil
	}
	key := entityKey(id.Account, id.Renamed)
	old, rev, ok := k.Get(key)
	if !ok || k.entity(&old).ID != id.ID {
		return nil
	}
	if moved != nil {
		if err := moved(ctx, r); err != nil {
			return err
		}
	}
	if err := k.Delete(ctx, key, rev); err != nil {
		return fmt.Errorf("rename %s: %w", k.noun, err)
	}
	return nil
}

// recoverNames finishes every rename of a kind that a crash interrupted.
func recoverNames[R any](ctx context.Context, k *identityKind[R], moved func(context.Context, R) error) error {
	for key := range k.Scan(catalog.KeyOf()) {
		r, _, ok := k.Get(key)
		if !ok {
			continue // was itself what another record had left behind
		}
		if err := finishRename(ctx, k, r, moved); err != nil {
			return err
		}
	}
	return nil
}
