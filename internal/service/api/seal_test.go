package api_test

import (
	"bytes"
	"errors"
	"testing"

	"tributary/internal/service/api"
)

func TestSealOpensOnlyWhatItSealed(t *testing.T) {
	root := [32]byte{1}
	plain := []byte("stream/x 123456")
	seal := api.NewSealer(root).For("kinesis/iterator")
	sealed := seal.Seal("111111111111", plain)
	if bytes.Contains(sealed, plain[:6]) {
		t.Error("the sealed text shows what it holds")
	}
	// The same root key makes the same seal, in another process too.
	got, err := api.NewSealer(root).For("kinesis/iterator").Open("111111111111", sealed)
	if err != nil || !bytes.Equal(got, plain) {
		t.Errorf("got %q %v, want %q", got, err, plain)
	}
	for name, open := range map[string]func() ([]byte, error){
		"other binding": func() ([]byte, error) { return seal.Open("222222222222", sealed) },
		"other purpose": func() ([]byte, error) { return api.NewSealer(root).For("logs/token").Open("111111111111", sealed) },
		"other root key": func() ([]byte, error) {
			return api.NewSealer([32]byte{2}).For("kinesis/iterator").Open("111111111111", sealed)
		},
		"cut":    func() ([]byte, error) { return seal.Open("111111111111", sealed[:len(sealed)-1]) },
		"longer": func() ([]byte, error) { return seal.Open("111111111111", append(bytes.Clone(sealed), 0)) },
		"short":  func() ([]byte, error) { return seal.Open("111111111111", sealed[:5]) },
		"empty":  func() ([]byte, error) { return seal.Open("111111111111", nil) },
	} {
		if got, err := open(); !errors.Is(err, api.ErrNotSealed) || got != nil {
			t.Errorf("%s: got %q %v, want ErrNotSealed", name, got, err)
		}
	}
	for i := range len(sealed) * 8 {
		forged := bytes.Clone(sealed)
		forged[i/8] ^= 1 << (i % 8)
		if _, err := seal.Open("111111111111", forged); !errors.Is(err, api.ErrNotSealed) {
			t.Errorf("bit %d flipped: got %v, want ErrNotSealed", i, err)
		}
	}
	if again := seal.Seal("111111111111", plain); bytes.Equal(again, sealed) {
		t.Error("sealed twice: got the same text, want another nonce")
	}
}

func TestOlderRootKeysStillOpen(t *testing.T) {
	first := api.RootKey{ID: 1, Secret: api.RandomKey()}
	second := api.RootKey{ID: 2, Secret: api.RandomKey()}
	sealer := api.NewSealer(first.Secret)
	seal, other := sealer.For("iam/session"), sealer.For("kinesis/iterator")
	before := seal.Seal("a", []byte("before"))
	open := func(sealed []byte, want error) {
		t.Helper()
		if _, err := seal.Open("a", sealed); !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
	}
	if !seal.Current(before) {
		t.Error("sealed just now and not under the newest key")
	}

	sealer.Use([]api.RootKey{first, second})
	after := seal.Seal("a", []byte("after"))
	open(before, nil)
	open(after, nil)
	if _, err := other.Open("a", after); !errors.Is(err, api.ErrNotSealed) {
		t.Errorf("another purpose: got %v, want ErrNotSealed", err)
	}
	if seal.Current(before) || !seal.Current(after) {
		t.Errorf("under the newest key: before %v, after %v, want false and true", seal.Current(before), seal.Current(after))
	}
	// A text that names another key than its own.
	forged := bytes.Clone(before)
	copy(forged[:5], after[:5])
	open(forged, api.ErrNotSealed)

	sealer.Use([]api.RootKey{second})
	open(before, api.ErrNotSealed)
	open(after, nil)
}

// TestFormat1Opens holds that secrets sealed by the first release can be read. The
// text was made by it, under the key 00 01 ... 1f.
func TestFormat1Opens(t *testing.T) {
	var root api.RootKey
	for i := range root.Secret {
		root.Secret[i] = byte(i)
	}
	const text = "5KHnaPzgMdzzdXsFpeGAlHKEvdC4jTa3YY-U90TiySZFA_eF2HrNv9xkHGZT_g"
	sealer := api.NewSealer(api.RandomKey())
	seal := sealer.For("iam/secret")
	if _, err := seal.OpenText("AKIAEXAMPLE", text); !errors.Is(err, api.ErrNotSealed) {
		t.Errorf("another key: got %v, want ErrNotSealed", err)
	}
	sealer.Use([]api.RootKey{root, {ID: 1, Secret: api.RandomKey()}})
	if got, err := seal.OpenText("AKIAEXAMPLE", text); err != nil || string(got) != "a secret of before" {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := seal.OpenText("AKIAOTHER", text); !errors.Is(err, api.ErrNotSealed) {
		t.Errorf("another binding: got %v, want ErrNotSealed", err)
	}
	// A key with an id is not one of the first release.
	sealer.Use([]api.RootKey{{ID: 7, Secret: root.Secret}})
	if _, err := seal.OpenText("AKIAEXAMPLE", text); !errors.Is(err, api.ErrNotSealed) {
		t.Errorf("the key under an id: got %v, want ErrNotSealed", err)
	}
}

func TestSealedTextHasOneSpelling(t *testing.T) {
	seal := api.NewSealer(api.RandomKey()).For("logs/token")
	text := seal.SealText("", []byte("ab"))
	if got, err := seal.OpenText("", text); err != nil || string(got) != "ab" {
		t.Fatalf("got %q %v, want ab", got, err)
	}
	for _, forged := range []string{text + "=", text + "\n", " " + text, "", "?", text[:len(text)-1]} {
		if _, err := seal.OpenText("", forged); !errors.Is(err, api.ErrNotSealed) {
			t.Errorf("%q: got %v, want ErrNotSealed", forged, err)
		}
	}
}

// FuzzOpenText holds that nothing but what was sealed opens.
func FuzzOpenText(f *testing.F) {
	seal := api.NewSealer([32]byte{3}).For("fuzz")
	f.Add(api.NewSealer([32]byte{4}).For("fuzz").SealText("a", []byte("x")))
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		if got, err := seal.OpenText("a", text); err == nil {
			t.Fatalf("%q opened to %q", text, got)
		}
	})
}
