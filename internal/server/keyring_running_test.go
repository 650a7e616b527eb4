package server_test

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tributary/internal/client"
	"tributary/internal/pure/sigv4"
	"tributary/internal/server"
	"tributary/internal/server/servertest"
)

// TestRootKeysAreRotatedUnderARunningServer rotates while requests are made: none
// fails, what callers have goes on working, and in the end, when the first key is
// removed, no stored secret needs it.
func TestRootKeysAreRotatedUnderARunningServer(t *testing.T) {
	const account = "111111111111"
	var ahead atomic.Int64 // of the calendar
	now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	s := servertest.StartWith(t, server.Config{KeyringChecks: 2 * time.Millisecond, Now: now})
	as := func(credentials map[string]any) *client.Client {
		c := s.As(account)
		c.HTTP = http.DefaultClient
		c.Credentials = sigv4.Credentials{AccessKeyID: credentials["AccessKeyId"].(string), SecretAccessKey: credentials["SecretAccessKey"].(string)}
		c.Credentials.SessionToken, _ = credentials["SessionToken"].(string)
		return c
	}
	s.Must(account, "iam", "create-user", "--user-name", "ann")
	key := s.Must(account, "iam", "create-access-key", "--user-name", "ann")["AccessKey"].(map[string]any)
	token := func() map[string]any {
		t.Helper()
		out, err := as(key).Query(t.Context(), "sts", "2011-06-15", "GetSessionToken", nil)
		if err != nil {
			t.Fatal(err)
		}
		return out["Credentials"].(map[string]any)
	}
	who := func(ctx context.Context, credentials map[string]any) error {
		_, err := as(credentials).Query(ctx, "sts", "2011-06-15", "GetCallerIdentity", nil)
		return err
	}
	// sealedUnder is the id of the root key of a new token.
	sealedUnder := func() uint32 {
		t.Helper()
		sealed, err := base64.RawURLEncoding.DecodeString(token()["SessionToken"].(string))
		if err != nil || len(sealed) < 5 {
			t.Fatalf("session token: %v", err)
		}
		return binary.BigEndian.Uint32(sealed[1:])
	}
	before := token()

	traffic, stop := context.WithCancel(t.Context())
	var callers sync.WaitGroup
	for _, credentials := range []map[string]any{key, before} {
		callers.Go(func() {
			for traffic.Err() == nil {
				if err := who(traffic, credentials); err != nil && traffic.Err() == nil {
					t.Errorf("while keys are rotated: %v", err)
					return
				}
			}
		})
	}
	for want := uint32(2); want <= 4; want++ {
		if k, err := server.RotateKey(s.Dir(), now()); err != nil || k.ID != want {
			t.Fatalf("rotate: got key %d, %v, want %d", k.ID, err, want)
		}
		eventually(t, "the new key seals", func() bool { return sealedUnder() == want })
	}
	stop()
	callers.Wait()
	s.Restart()
	for name, credentials := range map[string]map[string]any{"access key": key, "session token": before} {
		if err := who(t.Context(), credentials); err != nil {
			t.Errorf("%s after a restart: %v", name, err)
		}
	}

	// Two days on, the old keys are gone.
	ahead.Store(int64(49 * time.Hour))
	eventually(t, "the old keys are removed", func() bool {
		keys, err := server.Keys(s.Dir())
		return err == nil && len(keys) == 1 && keys[0].ID == 4
	})
	s.Restart()
	if err := who(t.Context(), key); err != nil {
		t.Errorf("access key without the root key that it was made under: %v", err)
	}
	if err := who(t.Context(), before); err == nil {
		t.Error("a session token outlived its time and its key")
	}
}
