package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// runKey runs tributary key with these arguments.
func runKey(t *testing.T, args ...string) (string, error) {
	t.Helper()
	cmd := root()
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SetArgs(append([]string{"key"}, args...))
	err := cmd.ExecuteContext(t.Context())
	return out.String(), err
}

func TestKeyRotateMakesAKeyBesideTheOld(t *testing.T) {
	dir := t.TempDir()
	secret := strings.Repeat("0f", 32)
	if err := os.WriteFile(filepath.Join(dir, "keyring"), []byte("tributary-keyring-2\n1 2026-11-21T12:00:00Z "+secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := runKey(t, "rotate", "--data", dir)
	if err != nil || out != "key 2 was made\n" {
		t.Fatalf("got %q, %v", out, err)
	}
	out, err = runKey(t, "list", "--data", dir)
	if err != nil || strings.Contains(out, secret) ||
		!regexp.MustCompile(`^KEY +MADE +STATE\n1 +2026-11-21T12:00:00Z +opens until \S+Z\n2 +\S+Z +seals\n$`).MatchString(out) {
		t.Errorf("got %v\n%s", err, out)
	}
}

func TestKeyCommandsNeedADataDirectory(t *testing.T) {
	for _, name := range []string{"rotate", "list"} {
		if out, err := runKey(t, name, "--data", t.TempDir()); err == nil {
			t.Errorf("%s: got %q, want an error", name, out)
		}
	}
}
