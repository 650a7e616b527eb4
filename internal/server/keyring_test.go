package server

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tributary/internal/durable/broker"
	"tributary/internal/durable/catalog"
	"tributary/internal/service/api"
)

// A ringRig is a key ring in a directory, with a clock and a count of how often
// stored secrets were sealed again.
type ringRig struct {
	*testing.T
	dir      string
	now      time.Time
	ring     *keyring
	resealed int
	fail     error  // of sealing again
	between  func() // happens while it is done, where it is not nil
}

func newRingRig(t *testing.T) *ringRig {
	r := &ringRig{T: t, dir: t.TempDir(), now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}
	r.open()
	return r
}

func (r *ringRig) open() {
	r.Helper()
	var err error
	r.ring, err = openKeyring(r.dir, func() time.Time { return r.now }, slog.New(slog.DiscardHandler))
	if err != nil {
		r.Fatal(err)
	}
}

func (r *ringRig) settle(want error) {
	r.Helper()
	err := r.ring.settle(context.Background(), func(context.Context) error {
		r.resealed++
		if r.between != nil {
			r.between()
		}
		return r.fail
	})
	if !errors.Is(err, want) {
		r.Fatalf("settle: got %v, want %v", err, want)
	}
}

func (r *ringRig) rotate() {
	r.Helper()
	if _, err := RotateKey(r.dir, r.now); err != nil {
		r.Fatal(err)
	}
}

// ids are the ids of the keys in the file.
func (r *ringRig) ids() (ids []uint32) {
	r.Helper()
	keys, err := Keys(r.dir)
	if err != nil {
		r.Fatal(err)
	}
	for _, k := range keys {
		ids = append(ids, k.ID)
	}
	return ids
}

func (r *ringRig) wantIDs(want ...uint32) {
	r.Helper()
	got := r.ids()
	if len(got) != len(want) {
		r.Fatalf("keys: got %v, want %v", got, want)
	}
	for i := range got {
		if got[i] != want[i] {
			r.Fatalf("keys: got %v, want %v", got, want)
		}
	}
}

func TestARunningServerTakesANewKeyIntoUse(t *testing.T) {
	r := newRingRig(t)
	seal := r.ring.sealer.For("test")
	before := seal.Seal("", []byte("before"))
	r.settle(nil)
	r.rotate()
	r.settle(nil)
	if seal.Current(before) {
		t.Error("the old key still seals")
	}
	if got, err := seal.Open("", before); err != nil || string(got) != "before" {
		t.Errorf("sealed before: got %q, %v", got, err)
	}
	r.settle(nil)
	if r.resealed != 2 { // at the start, and under the new key
		t.Errorf("stored secrets were sealed again %d times, want 2", r.resealed)
	}
	r.open() // a restart
	if got, err := r.ring.sealer.For("test").Open("", before); err != nil || string(got) != "before" {
		t.Errorf("after a restart: got %q, %v", got, err)
	}
}

func TestAKeyGoesWhenNothingNeedsIt(t *testing.T) {
	r := newRingRig(t)
	seal := r.ring.sealer.For("test")
	before := seal.Seal("", []byte("before"))
	r.rotate()
	r.settle(nil)
	r.wantIDs(1, 2)
	r.now = r.now.Add(keyAfterlife - time.Second)
	r.settle(nil)
	r.wantIDs(1, 2)
	r.now = r.now.Add(time.Second)
	r.settle(nil)
	r.wantIDs(2)
	r.settle(nil)
	if _, err := seal.Open("", before); !errors.Is(err, api.ErrNotSealed) {
		t.Errorf("sealed under a key that is gone: got %v, want ErrNotSealed", err)
	}
	if longest := 36 * time.Hour; keyAfterlife <= longest {
		t.Errorf("a key opens for %v after another has taken its place, and a session may last %v", keyAfterlife, longest)
	}
}

func TestAKeyStaysWhileStoredSecretsNeedIt(t *testing.T) {
	r := newRingRig(t)
	r.rotate()
	r.now = r.now.Add(2 * keyAfterlife)
	r.fail = errors.New("the disk is full")
	r.settle(r.fail)
	r.wantIDs(1, 2)
	r.fail = nil
	r.settle(nil)
	r.wantIDs(2)
}

// A key that is made while stored secrets are sealed under the one before it does not
// make that one old, not even if it was made by a clock that was behind.
func TestAKeyMadeMeanwhileWaitsForTheNextTurn(t *testing.T) {
	r := newRingRig(t)
	r.rotate()
	r.now = r.now.Add(keyAfterlife)
	r.between = func() {
		if _, err := RotateKey(r.dir, r.now.Add(-2*keyAfterlife)); err != nil {
			t.Fatal(err)
		}
	}
	r.settle(nil)
	r.wantIDs(1, 2, 3)
	r.between = nil
	r.settle(nil)
	r.wantIDs(3)
}

func TestKeysMadeAtOnceAreAllThere(t *testing.T) {
	r := newRingRig(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if _, err := RotateKey(r.dir, r.now); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	r.wantIDs(1, 2, 3, 4, 5, 6, 7, 8, 9)
}

func TestAKeyringOfTheFirstFormatIsRead(t *testing.T) {
	r := newRingRig(t)
	path := filepath.Join(r.dir, "keyring")
	text := keyringHeader1 + " " + strings.Repeat("0f", 32) + "\n"
	if err := writeFile(path, text); err != nil {
		t.Fatal(err)
	}
	r.open()
	r.settle(nil)
	if got, err := os.ReadFile(path); err != nil || string(got) != text {
		t.Errorf("the file changed without need: %q, %v", got, err)
	}
	before := r.ring.sealer.For("test").Seal("", []byte("before"))
	r.rotate()
	r.wantIDs(0, 1)
	r.open()
	if got, err := r.ring.sealer.For("test").Open("", before); err != nil || string(got) != "before" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestADamagedKeyringIsRefused(t *testing.T) {
	key := strings.Repeat("0f", 32)
	for name, text := range map[string]string{
		"empty":         "",
		"other version": "tributary-keyring-3\n1 2026-11-21T12:00:00Z " + key + "\n",
		"no key":        keyringHeader + "\n",
		"cut":           keyringHeader + "\n1 2026-11-21T12:00:00Z " + key,
		"short key":     keyringHeader + "\n1 2026-11-21T12:00:00Z " + key[2:] + "\n",
		"no time":       keyringHeader + "\n1 yesterday " + key + "\n",
		"same id twice": keyringHeader + "\n1 2026-11-21T12:00:00Z " + key + "\n1 2026-11-21T12:00:00Z " + key + "\n",
		"blank line":    keyringHeader + "\n\n1 2026-11-21T12:00:00Z " + key + "\n",
		"format 1, cut": keyringHeader1 + " " + key[1:] + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			r := newRingRig(t)
			seal := r.ring.sealer.For("test")
			before := seal.Seal("", nil)
			if err := writeFile(filepath.Join(r.dir, "keyring"), text); err != nil {
				t.Fatal(err)
			}
			r.settle(errKeyring)
			if _, err := seal.Open("", before); err != nil {
				t.Errorf("the running server lost its keys: %v", err)
			}
			if _, err := RotateKey(r.dir, r.now); !errors.Is(err, errKeyring) {
				t.Errorf("rotate: got %v, want %v", err, errKeyring)
			}
			if _, err := openKeyring(r.dir, time.Now, slog.New(slog.DiscardHandler)); !errors.Is(err, errKeyring) {
				t.Errorf("open: got %v, want %v", err, errKeyring)
			}
		})
	}
}

// A new key in the place of a lost one would hide that stored secrets cannot be opened.
func TestAKeyringThatIsLostIsNotMadeAgain(t *testing.T) {
	dir, log := t.TempDir(), slog.New(slog.DiscardHandler)
	b, err := broker.Open(t.Context(), broker.Config{Dir: dir, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	c, err := catalog.Open(t.Context(), catalog.Config{Broker: b, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.Ready(), c.Close(t.Context()), b.Close(t.Context())); err != nil {
		t.Fatal(err)
	}
	if _, err := openKeyring(dir, time.Now, log); !errors.Is(err, errKeyring) {
		t.Errorf("got %v, want %v", err, errKeyring)
	}
}

func TestOnlyTheOwnerReadsTheKeyring(t *testing.T) {
	r := newRingRig(t)
	r.rotate()
	info, err := os.Stat(filepath.Join(r.dir, "keyring"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v, want mode 0600", info.Mode(), err)
	}
	if _, err := RotateKey(t.TempDir(), r.now); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a directory without a key ring: got %v, want ErrNotExist", err)
	}
}
