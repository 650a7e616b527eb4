package journal

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEncryptedBlockRoundTrip(t *testing.T) {
	key := (&Key{1}).ofJournal(3)
	for _, compress := range []bool{false, true} {
		b := sampleBlock()
		stored, own := encode(3, b, compress, key)
		if diff := cmp.Diff(b, own); diff != "" {
			t.Errorf("compress %v: what readers see at once: want -, got +:\n%s", compress, diff)
		}
		if bytes.Contains(stored, []byte("two two")) || !bytes.Contains(stored, []byte("ingest/3")) {
			t.Errorf("compress %v: want the entries hidden and the lane not: %q", compress, stored)
		}
		got, err := decode(3, stored, key)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(b, got); diff != "" {
			t.Errorf("compress %v: want -, got +:\n%s", compress, diff)
		}
		again, _ := encode(3, b, compress, key)
		if bytes.Equal(stored, again) {
			t.Errorf("compress %v: the same block is encrypted the same way twice", compress)
		}
	}
}

// TestEncryptedBlockIsBoundToItsPlace changes what is outside the encryption and mends
// the checksum, as somebody does who wants one block to pass for another.
func TestEncryptedBlockIsBoundToItsPlace(t *testing.T) {
	key := (&Key{1}).ofJournal(3)
	stored, _ := encode(3, sampleBlock(), false, key)
	for name, at := range map[string]int{"number": 16, "time": 24, "mark": 32, "entries": 44, "lane": headerSize, "body": headerSize + 40} {
		changed := bytes.Clone(stored[:len(stored)-trailerSize])
		changed[at] ^= 1
		if got, err := decode(3, seal(changed), key); err == nil {
			t.Errorf("changed %s: decoded as %v", name, got)
		}
	}
	if _, err := decode(3, stored, (&Key{1}).ofJournal(4)); err == nil {
		t.Error("a block can be read with the key of another journal")
	}
	if _, err := decode(3, stored, nil); !errors.Is(err, ErrKeyNeeded) {
		t.Errorf("without a key: %v, want %v", err, ErrKeyNeeded)
	}
}

func TestDirectoryOpensWithItsKeyOnly(t *testing.T) {
	dir := t.TempDir()
	e := openEngine(t, dir)
	mustAppend(t, mustCreate(t, e, "j"), "before the key")
	e.close()

	e, err := openWithKey(t, dir, &Key{1})
	if err != nil {
		t.Fatal(err)
	}
	const secret = "canary in an encrypted block"
	mustAppend(t, mustOpen(t, e, "j"), secret)
	compressed, err := e.store.Create(t.Context(), "compressed", Compress())
	if err != nil {
		t.Fatal(err)
	}
	mustAppend(t, compressed, strings.Repeat(secret, 1000))
	e.close()

	if _, err := openWithKey(t, dir, nil); !errors.Is(err, ErrKeyNeeded) {
		t.Errorf("without a key: %v, want %v", err, ErrKeyNeeded)
	}
	if _, err := openWithKey(t, dir, &Key{2}); !errors.Is(err, ErrWrongKey) {
		t.Errorf("with another key: %v, want %v", err, ErrWrongKey)
	}
	if e, err = openWithKey(t, dir, &Key{1}); err != nil {
		t.Fatal(err)
	}
	got, err := readAll(t, mustOpen(t, e, "j"), Position{})
	if want := []string{"1.0=before the key", "2.0=" + secret}; err != nil || !slices.Equal(got, want) {
		t.Errorf("read %q, %v, want %q", got, err, want)
	}
	got, err = readAll(t, mustOpen(t, e, "compressed"), Position{})
	if want := []string{"1.0=" + strings.Repeat(secret, 1000)}; err != nil || !slices.Equal(got, want) {
		t.Errorf("read %d entries, %v, want what was appended", len(got), err)
	}
	e.close()

	err = filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(name)
		if bytes.Contains(content, []byte(secret)) {
			t.Errorf("%s shows an entry", name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
