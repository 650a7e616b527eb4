package iam_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tributary/internal/durable/catalog"
	"tributary/internal/pure/policy"
	"tributary/internal/service/api"
	"tributary/internal/service/iam"
)

func TestAccessKeysAreTwoAndShownOnce(t *testing.T) {
	w := newWorld(t, false)
	alice := w.user(alpha, "alice", allow("iam:*AccessKey*", "*"))
	if !strings.HasPrefix(alice.id, "AKIA") || len(alice.id) != 20 || len(alice.secret) != 40 {
		t.Fatalf("key %q, secret of %d characters", alice.id, len(alice.secret))
	}
	second := do[iam.CreateAccessKeyOutput](w, alice, "iam:CreateAccessKey", nil).AccessKey
	equal(t, "whose", second.UserName, "alice")
	w.refused(alice, "iam:CreateAccessKey", nil, "LimitExceeded: Cannot exceed quota for AccessKeysPerUser: 2")
	list := do[iam.ListAccessKeysOutput](w, alice, "iam:ListAccessKeys", nil).AccessKeyMetadata
	equal(t, "keys", len(list), 2)

	w.done(alice, "iam:UpdateAccessKey", members{"AccessKeyId": second.AccessKeyID, "Status": "Inactive"})
	_, err := w.call(credential{id: second.AccessKeyID, secret: second.SecretAccessKey}, "sts:GetCallerIdentity", nil)
	if !errors.Is(err, iam.ErrUnknownKey) {
		t.Fatalf("inactive key: got %v, want ErrUnknownKey", err)
	}
	w.done(alice, "iam:UpdateAccessKey", members{"AccessKeyId": second.AccessKeyID, "Status": "Active"})
	w.restart()
	w.done(credential{id: second.AccessKeyID, secret: second.SecretAccessKey}, "sts:GetCallerIdentity", nil)

	w.done(alice, "iam:DeleteAccessKey", members{"AccessKeyId": alice.id})
	if _, err := w.call(alice, "sts:GetCallerIdentity", nil); !errors.Is(err, iam.ErrUnknownKey) {
		t.Fatalf("deleted key: got %v, want ErrUnknownKey", err)
	}
}

func TestSecretsAreNotOnDisk(t *testing.T) {
	w := newWorld(t, false)
	alice := w.user(alpha, "alice", "")
	w.close()
	found := 0
	err := filepath.WalkDir(w.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if strings.Contains(string(data), alice.secret) {
			t.Errorf("%s holds the secret", path)
		}
		found += strings.Count(string(data), alice.id)
		return nil
	})
	must(t, err)
	if found == 0 {
		t.Fatal("not even the key id was found: the search is wrong")
	}
	w.open()
}

func TestCredentialsThatNobodyHas(t *testing.T) {
	w := newWorld(t, false)
	alice := w.user(alpha, "alice", "")
	strict := newWorld(t, true)
	for _, c := range []struct {
		name  string
		world *world
		id    string
		token string
		want  error
	}{
		{"unknown key", w, "AKIAAAAAAAAAAAAAAAAA", "", iam.ErrUnknownKey},
		{"user's key with a token", w, alice.id, "token", iam.ErrInvalidToken},
		{"key by rule with a token", w, alpha, "token", iam.ErrInvalidToken},
		{"session without a token", w, "ASIAAAAAAAAAAAAAAAAA", "", iam.ErrUnknownKey},
		{"session with another's token", w, "ASIAAAAAAAAAAAAAAAAA", "token", iam.ErrInvalidToken},
		{"eleven digits", w, "11111111111", "", iam.ErrUnknownKey},
		{"no keys by rule", strict, alpha, "", iam.ErrUnknownKey},
		{"no key test", strict, "test", "", iam.ErrUnknownKey},
		{"empty", strict, "", "", iam.ErrUnknownKey},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := c.world.iam.Credentials(context.Background(), c.id, c.token)
			if !errors.Is(err, c.want) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
		})
	}
}

func TestKeysByRuleAndGivenKeysAreRootKeys(t *testing.T) {
	w := newWorld(t, false)
	for id, want := range map[string]string{"test": "000000000000", alpha: alpha, "AKIAGIVEN": gamma} {
		_, caller, err := w.iam.Credentials(context.Background(), id, "")
		must(t, err)
		equal(t, id, string(caller.Principal.ARN), "arn:aws:iam::"+want+":root")
		equal(t, id, caller.Principal.Kind, policy.Root)
	}
}

func TestRootKeysOfAStrictInstallation(t *testing.T) {
	w := newWorld(t, true)
	ctx := context.Background()
	if _, _, err := w.iam.CreateRootKey(ctx, alpha); err == nil {
		t.Fatal("an account that does not exist got a root key")
	}
	must(t, w.orgs.EnsureAccount(ctx, alpha, "alpha", "alpha@example.com"))
	var last credential
	for range 3 { // a bootstrap that crashes makes another one
		id, secret, err := w.iam.CreateRootKey(ctx, alpha)
		must(t, err)
		last = credential{id: id, secret: secret}
	}
	w.restart()
	who := do[iam.GetCallerIdentityOutput](w, last, "sts:GetCallerIdentity", nil)
	equal(t, "who", who.ARN, "arn:aws:iam::111111111111:root")
	equal(t, "keys", len(do[iam.ListAccessKeysOutput](w, last, "iam:ListAccessKeys", nil).AccessKeyMetadata), 3)
	w.refused(last, "iam:CreateAccessKey", nil, "LimitExceeded: Cannot exceed quota for AccessKeysPerUser: 2")
	w.refused(last, "iam:CreateRole", members{"RoleName": "r", "AssumeRolePolicyDocument": trustOf(`{"AWS":"222222222222"}`, "")},
		`MalformedPolicyDocument: Invalid principal in policy: "AWS":"222222222222"`)
}

func TestSessionTokensAreNobodyElses(t *testing.T) {
	w := newWorld(t, false)
	alice := w.user(alpha, "alice", "")
	r := w.role(alpha, "r", `{"AWS":"arn:aws:iam::111111111111:user/alice"}`)
	ses := w.assume(alice, r.ARN, "one", nil)
	other := w.assume(alice, r.ARN, "two", nil)
	if !strings.HasPrefix(ses.id, "ASIA") || len(ses.id) != 20 {
		t.Fatalf("key id %q", ses.id)
	}
	w.done(ses, "sts:GetCallerIdentity", nil)

	try := func(id, token string) error {
		_, _, err := w.iam.Credentials(context.Background(), id, token)
		return err
	}
	if err := try(ses.id, other.token); !errors.Is(err, iam.ErrInvalidToken) {
		t.Errorf("token of another session: got %v, want ErrInvalidToken", err)
	}
	for i := range len(ses.token) {
		b := []byte(ses.token)
		b[i] ^= 1
		if err := try(ses.id, string(b)); !errors.Is(err, iam.ErrInvalidToken) {
			t.Fatalf("token with byte %d changed: got %v, want ErrInvalidToken", i, err)
		}
	}
	if err := try(ses.id, ses.token[:len(ses.token)-4]); !errors.Is(err, iam.ErrInvalidToken) {
		t.Errorf("token cut short: got %v, want ErrInvalidToken", err)
	}

	w.restart()
	if err := try(ses.id, ses.token); err != nil {
		t.Errorf("after a restart: %v", err)
	}
	key := w.key
	w.key = api.RandomKey()
	w.restart()
	if err := try(ses.id, ses.token); !errors.Is(err, iam.ErrInvalidToken) {
		t.Errorf("sealed by another installation: got %v, want ErrInvalidToken", err)
	}
	w.key = key
	w.restart()
	w.now = w.now.Add(time.Hour - time.Second)
	if err := try(ses.id, ses.token); err != nil {
		t.Errorf("a second before the end: %v", err)
	}
	w.now = w.now.Add(time.Second)
	if err := try(ses.id, ses.token); !errors.Is(err, iam.ErrExpiredToken) {
		t.Errorf("at the end: got %v, want ErrExpiredToken", err)
	}
}

// A crash can leave the id of a key behind that nobody has. The next start forgets it.
func TestAKeyThatLeadsNowhereIsForgotten(t *testing.T) {
	w := closedWorld(t, false)
	const orphan = "AKIAAAAAAAAAAAAAAAAA"
	w.store(map[string]map[catalog.Key]string{"iam/accesskey": {catalog.KeyOf(orphan): `{"account":"222222222222","user":"alice"}`}})
	w.open()
	t.Cleanup(func() { w.close() })
	w.refused(root(alpha), "sts:GetAccessKeyInfo", members{"AccessKeyId": orphan}, "ValidationError: The access key ID "+orphan+" is not valid")
	w.user(beta, "alice", "")
	if _, err := w.call(credential{id: orphan}, "sts:GetCallerIdentity", nil); !errors.Is(err, iam.ErrUnknownKey) {
		t.Errorf("got %v, want ErrUnknownKey", err)
	}
}

// Not even what needs no permission is answered to keys of a closed account.
func TestKeysOfAClosedAccountAreUnknown(t *testing.T) {
	w := newWorld(t, false)
	w.organization(alpha, beta)
	bob := w.user(beta, "bob", "")
	r := w.role(beta, "r", `{"AWS":"arn:aws:iam::222222222222:user/bob"}`)
	keys := map[string]credential{"root": root(beta), "user": bob, "session": w.assume(bob, r.ARN, "s1", nil)}
	for _, c := range keys {
		w.done(c, "sts:GetCallerIdentity", nil)
	}
	w.done(root(alpha), "organizations:CloseAccount", members{"AccountId": beta})
	for who, c := range keys {
		if _, err := w.call(c, "sts:GetCallerIdentity", nil); !errors.Is(err, iam.ErrUnknownKey) {
			t.Errorf("%s: got %v, want ErrUnknownKey", who, err)
		}
	}
}

func TestSessionEndsWithItsRole(t *testing.T) {
	w := newWorld(t, false)
	alice := w.user(alpha, "alice", "")
	r := w.role(alpha, "r", `{"AWS":"arn:aws:iam::111111111111:user/alice"}`)
	ses := w.assume(alice, r.ARN, "s1", nil)
	w.done(root(alpha), "iam:DeleteRole", members{"RoleName": "r"})
	if _, err := w.call(ses, "sts:GetCallerIdentity", nil); !errors.Is(err, iam.ErrInvalidToken) {
		t.Fatalf("role deleted: got %v, want ErrInvalidToken", err)
	}
	w.role(alpha, "r", `{"AWS":"arn:aws:iam::111111111111:user/alice"}`)
	if _, err := w.call(ses, "sts:GetCallerIdentity", nil); !errors.Is(err, iam.ErrInvalidToken) {
		t.Fatalf("role made again: got %v, want ErrInvalidToken", err)
	}
}
