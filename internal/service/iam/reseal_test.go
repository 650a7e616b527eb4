package iam_test

import (
	"context"
	"errors"
	"testing"

	"tributary/internal/service/api"
	"tributary/internal/service/iam"
)

// TestSecretsOutliveTheirRootKey holds that after Reseal nothing that is stored
// needs an older root key, and that sessions need theirs for as long as they last.
func TestSecretsOutliveTheirRootKey(t *testing.T) {
	w := newWorld(t, false)
	ctx := context.Background()
	alice := w.user(alpha, "alice", "")
	bob := w.user(beta, "Bob", "")
	rootKey, rootSecret, err := w.iam.CreateRootKey(ctx, gamma)
	must(t, err)
	gammaRoot := credential{id: rootKey, secret: rootSecret}
	r := w.role(alpha, "r", `{"AWS":"arn:aws:iam::111111111111:user/alice"}`)
	ses := w.assume(alice, r.ARN, "s1", nil)

	first, second := api.RootKey{ID: 1, Secret: w.key}, api.RootKey{ID: 2, Secret: api.RandomKey()}
	w.sealer.Use([]api.RootKey{first, second})
	for _, c := range []credential{alice, bob, gammaRoot, ses} {
		w.done(c, "sts:GetCallerIdentity", nil)
	}
	must(t, w.iam.Reseal(ctx))
	w.sealer.Use([]api.RootKey{second})
	for _, c := range []credential{alice, bob, gammaRoot} {
		w.done(c, "sts:GetCallerIdentity", nil)
	}
	if _, err := w.call(ses, "sts:GetCallerIdentity", nil); !errors.Is(err, iam.ErrInvalidToken) {
		t.Errorf("session of a key that is gone: got %v, want ErrInvalidToken", err)
	}
	w.done(w.assume(alice, r.ARN, "s2", nil), "sts:GetCallerIdentity", nil)
}

func TestResealTellsWhatItCannotRead(t *testing.T) {
	w := newWorld(t, false)
	w.user(alpha, "alice", "")
	w.sealer.Use([]api.RootKey{{ID: 2, Secret: api.RandomKey()}})
	if err := w.iam.Reseal(context.Background()); !errors.Is(err, api.ErrNotSealed) {
		t.Errorf("got %v, want ErrNotSealed", err)
	}
}
