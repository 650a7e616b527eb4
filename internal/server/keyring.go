package server

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"tributary/internal/service/api"
)

// The first word of the key file; its number is the version of the format
// (docs/formats/data-directory.md).
const (
	keyringHeader  = "tributary-keyring-2"
	keyringHeader1 = "tributary-keyring-1" // one key, without id and time
)

const (
	keyringName     = "keyring"
	keyringLockName = "keyring.lock"
	// keyringPause is how often a running server looks for a new key, unless
	// Config.KeyringChecks says otherwise.
	keyringPause = 10 * time.Second
	// keyAfterlife is how long a key opens after another has taken its place. No
	// session lasts as long.
	keyAfterlife = 48 * time.Hour
)

// A Key is one root key of an installation, without the key itself.
type Key struct {
	ID   uint32
	Made time.Time // zero for the key of an installation from before keys had times
	// Until is when the key is removed, if the server runs then; zero for the key
	// that seals.
	Until time.Time
}

// A heldKey is a line of the key file.
type heldKey struct {
	api.RootKey
	made time.Time
}

// A keyring is the root keys under which everything secret in the data directory
// is sealed, in a running server.
type keyring struct {
	dir    string
	now    func() time.Time
	log    *slog.Logger
	sealer *api.Sealer

	// For one goroutine.
	text     []byte    // of the file, when it was last read
	keys     []heldKey // oldest first; the last seals
	resealed bool      // what is stored is sealed under the last key
}

// catalogMark is a file that there is from when the catalog is made, which is after
// the keyring (docs/formats/data-directory.md).
const catalogMark = "catalog.mark"

// openKeyring reads the keys, and makes the first one when there is none. Where there
// is a catalog already there have been keys, and a new one would not open what it
// holds: then a keyring that is gone is errKeyring.
func openKeyring(dir string, now func() time.Time, log *slog.Logger) (*keyring, error) {
	k := &keyring{dir: dir, now: now, log: log, sealer: &api.Sealer{}}
	if _, err := os.Stat(filepath.Join(dir, keyringName)); errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(filepath.Join(dir, catalogMark)); err == nil {
			return nil, fmt.Errorf("%s is gone: %w", filepath.Join(dir, keyringName), errKeyring)
		}
		first := heldKey{api.RootKey{ID: 1, Secret: api.RandomKey()}, now()}
		if err := writeKeyring(dir, []heldKey{first}); err != nil {
			return nil, err
		}
	}
	return k, k.reload()
}

// reload reads the file again and takes its keys into use. What was sealed under a
// key that is still there can be opened throughout.
func (k *keyring) reload() error {
	path := filepath.Join(k.dir, keyringName)
	text, err := os.ReadFile(path)
	if err != nil || k.text != nil && bytes.Equal(text, k.text) {
		return err
	}
	k.text = text // one complaint about each text
	keys, err := parseKeyring(string(text))
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	roots := make([]api.RootKey, len(keys))
	for i := range keys {
		roots[i] = keys[i].RootKey
	}
	k.sealer.Use(roots)
	before := k.keys
	k.keys = keys
	if len(before) > 0 && newest(before) != newest(keys) {
		k.resealed = false
		k.log.Info("a new key seals from now on", "key", newest(keys))
	}
	return nil
}

func newest(keys []heldKey) uint32 { return keys[len(keys)-1].ID }

// run looks for new keys after each pause and takes them into use until ctx ends: it
// seals what is stored under the newest, by reseal, and removes keys whose time is
// over.
func (k *keyring) run(ctx context.Context, pause time.Duration, reseal func(context.Context) error) error {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		if err := k.settle(ctx, reseal); err != nil && ctx.Err() == nil {
			k.log.Error("the key ring could not be brought up to date", "cause", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (k *keyring) settle(ctx context.Context, reseal func(context.Context) error) error {
	if err := k.reload(); err != nil {
		return err
	}
	if !k.resealed {
		if err := reseal(ctx); err != nil {
			return err
		}
		k.resealed = true
	}
	if expired(k.keys, k.now()) == 0 {
		return nil
	}
	// Nothing that is stored needs the older keys any more: reseal has seen to it.
	return withKeyringLocked(k.dir, func(keys []heldKey) ([]heldKey, error) {
		if newest(keys) != newest(k.keys) {
			return keys, nil // a key was made just now: at the next turn
		}
		return keys[expired(keys, k.now()):], nil
	})
}

// expired is how many keys, counted from the oldest, have outlived everything that
// they sealed.
func expired(keys []heldKey, now time.Time) int {
	n := 0
	for n+1 < len(keys) && !now.Before(keys[n+1].made.Add(keyAfterlife)) {
		n++
	}
	return n
}

// RotateKey makes a new root key in the data directory. A server that runs there
// takes it into use within seconds, any other when it starts. The older keys still
// open what they sealed; they are removed when nothing can need them any more.
func RotateKey(dir string, now time.Time) (made Key, err error) {
	err = withKeyringLocked(dir, func(keys []heldKey) ([]heldKey, error) {
		k := heldKey{api.RootKey{ID: newest(keys) + 1, Secret: api.RandomKey()}, now}
		made = Key{ID: k.ID, Made: k.made}
		return append(keys, k), nil
	})
	return made, err
}

// Keys are the root keys of the data directory, oldest first; the last seals.
func Keys(dir string) ([]Key, error) {
	held, err := readKeyring(dir)
	if err != nil {
		return nil, err
	}
	keys := make([]Key, len(held))
	for i, h := range held {
		keys[i] = Key{ID: h.ID, Made: h.made}
		if i+1 < len(held) {
			keys[i].Until = held[i+1].made.Add(keyAfterlife)
		}
	}
	return keys, nil
}

// withKeyringLocked replaces the keys in the file by what change makes of them. No
// other process changes them in between.
func withKeyringLocked(dir string, change func([]heldKey) ([]heldKey, error)) (err error) {
	if _, err := os.Stat(filepath.Join(dir, keyringName)); err != nil {
		return err // not a data directory, or one that was never used
	}
	lock, err := os.OpenFile(filepath.Join(dir, keyringLockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }() // gives the lock back
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("lock %s: %w", lock.Name(), err)
	}
	keys, err := readKeyring(dir)
	if err != nil {
		return err
	}
	keys, err = change(keys)
	if err != nil {
		return err
	}
	return writeKeyring(dir, keys)
}

func readKeyring(dir string) ([]heldKey, error) {
	path := filepath.Join(dir, keyringName)
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	keys, err := parseKeyring(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return keys, nil
}

var errKeyring = errors.New("damaged or of another version: without it sealed secrets cannot be read")

// parseKeyring reads the text of the file. The keys are in the order of their ids.
func parseKeyring(text string) ([]heldKey, error) {
	if digits, ok := strings.CutPrefix(text, keyringHeader1+" "); ok {
		secret, err := parseSecret(strings.TrimSuffix(digits, "\n"))
		return []heldKey{{RootKey: api.RootKey{Secret: secret}}}, err
	}
	body, ok := strings.CutPrefix(text, keyringHeader+"\n")
	if !ok || !strings.HasSuffix(body, "\n") {
		return nil, errKeyring
	}
	var keys []heldKey
	for line := range strings.Lines(body) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), " ")
		if len(f) != 3 {
			return nil, errKeyring
		}
		id, errID := strconv.ParseUint(f[0], 10, 32)
		made, errMade := time.Parse(time.RFC3339, f[1])
		secret, errSecret := parseSecret(f[2])
		if errors.Join(errID, errMade, errSecret) != nil || len(keys) > 0 && uint32(id) <= newest(keys) {
			return nil, errKeyring
		}
		keys = append(keys, heldKey{api.RootKey{ID: uint32(id), Secret: secret}, made})
	}
	if len(keys) == 0 {
		return nil, errKeyring
	}
	return keys, nil
}

func parseSecret(digits string) (secret [32]byte, err error) {
	raw, err := hex.DecodeString(digits)
	if err != nil || len(raw) != len(secret) {
		return secret, errKeyring
	}
	return [32]byte(raw), nil
}

func writeKeyring(dir string, keys []heldKey) error {
	var b strings.Builder
	b.WriteString(keyringHeader + "\n")
	for _, k := range keys {
		fmt.Fprintf(&b, "%d %s %s\n", k.ID, k.made.UTC().Format(time.RFC3339), hex.EncodeToString(k.Secret[:]))
	}
	return writeFile(filepath.Join(dir, keyringName), b.String())
}

// writeFile writes a file that is there whole or not at all: a crash leaves the
// old state or the new one, and when writeFile has returned the new one is on
// disk. The file is readable by its owner only.
func writeFile(path, text string) (err error) {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.WriteString(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
