package journal

import (
	"bytes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"hash/crc32"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func sampleBlock() Block {
	return Block{
		Number: 42, Time: time.UnixMilli(1700000000123).UTC(), Lane: "ingest/3", Mark: Position{7, 9},
		Entries: [][]byte{[]byte("one"), {}, []byte(strings.Repeat("two ", 3000))},
	}
}

func TestBlockRoundTrip(t *testing.T) {
	plain := Block{Number: 1, Time: time.UnixMilli(0).UTC(), Entries: [][]byte{[]byte("x")}}
	for name, b := range map[string]Block{"lane": sampleBlock(), "plain": plain, "no entries": {Number: 2, Time: plain.Time, Lane: "l"}} {
		for _, compress := range []bool{false, true} {
			stored, own := encode(3, b, compress, nil)
			got, err := decode(3, stored, nil)
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if len(b.Entries) == 0 {
				b.Entries = [][]byte{}
			}
			if diff := cmp.Diff(b, got); diff != "" {
				t.Errorf("%s: want -, got +:\n%s", name, diff)
			}
			if diff := cmp.Diff(b, own); diff != "" {
				t.Errorf("%s: what readers see at once: want -, got +:\n%s", name, diff)
			}
		}
	}
}

// TestBlockBytes pins the bytes of format 1: docs/formats/journal.md shows them.
func TestBlockBytes(t *testing.T) {
	got, _ := encode(2, Block{
		Number: 3, Time: time.UnixMilli(4), Lane: "ab", Mark: Position{5, 6},
		Entries: [][]byte{[]byte("x"), []byte("yz")},
	}, true, nil)
	want := "TRBJ\x01\x00" + // magic, format, codec
		"\x02\x00" + // lane's length
		"\x02\x00\x00\x00\x00\x00\x00\x00" + // journal
		"\x03\x00\x00\x00\x00\x00\x00\x00" + // number
		"\x04\x00\x00\x00\x00\x00\x00\x00" + // time
		"\x05\x00\x00\x00\x00\x00\x00\x00\x06\x00\x00\x00" + // mark
		"\x02\x00\x00\x00" + // entries
		"\x0b\x00\x00\x00" + // body's length
		"ab" + "\x01\x00\x00\x00\x02\x00\x00\x00" + "xyz"
	if diff := cmp.Diff([]byte(want), got[:len(got)-trailerSize]); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
	if sum := binary.LittleEndian.Uint32(got[len(got)-trailerSize:]); sum != crc32.Checksum([]byte(want), castagnoli) {
		t.Errorf("checksum is %08x", sum)
	}
}

func TestEveryFlippedBitAndEveryCutIsNoticed(t *testing.T) {
	for _, compress := range []bool{false, true} {
		b := sampleBlock()
		b.Entries[2] = b.Entries[2][:5000]
		stored, _ := encode(3, b, compress, nil)
		for bit := range 8 * len(stored) {
			stored[bit/8] ^= 1 << (bit % 8)
			if got, err := decode(3, stored, nil); err == nil {
				t.Fatalf("compress=%v: bit %d flipped is read as %+v", compress, bit, got)
			}
			stored[bit/8] ^= 1 << (bit % 8)
		}
		for n := range stored {
			if _, err := decode(3, stored[:n], nil); err == nil {
				t.Fatalf("compress=%v: cut at %d is read", compress, n)
			}
		}
	}
}

func TestEntriesDoNotShareTheCallersMemory(t *testing.T) {
	entry := []byte("mine")
	_, own := encode(1, Block{Number: 1, Entries: [][]byte{entry, entry}}, false, nil)
	copy(entry, "XXXX")
	_ = append(own.Entries[0], "XXXX"...) // must not reach the neighbour
	if got := string(bytes.Join(own.Entries, []byte(" "))); got != "mine mine" {
		t.Errorf("entries are %q", got)
	}
}

// FuzzDecodeBlock gives the decoder blocks whose checksum is right and whose content
// need not be.
func FuzzDecodeBlock(f *testing.F) {
	key := (&Key{1}).ofJournal(3)
	for _, compress := range []bool{false, true} {
		stored, _ := encode(3, sampleBlock(), compress, nil)
		f.Add(stored[:len(stored)-trailerSize])
		stored, _ = encode(3, sampleBlock(), compress, key)
		f.Add(stored[:len(stored)-trailerSize])
	}
	f.Add([]byte(blockMagic + "\x01\x01" + strings.Repeat("\xff", 60)))
	f.Add(appendHeader(nil, 3, Block{Entries: make([][]byte, 1<<20)}, codecNone, 4<<20))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := decode(3, seal(b), key)
		if err != nil {
			return
		}
		size := 0
		for _, e := range got.Entries {
			size += len(e)
		}
		if size > maxBody || len(got.Entries) > maxBody/4 {
			t.Errorf("%d bytes became %d entries of %d bytes", len(b), len(got.Entries), size)
		}
		stored, _ := encode(3, got, false, key)
		again, err := decode(3, stored, key)
		if err != nil || !cmp.Equal(got, again) {
			t.Errorf("encoded again: %v", err)
		}
	})
}

// What encode gave and nobody needs any more is written over by later blocks; what the
// block shares with its readers never is.
func TestMemoryOfAStoredFormIsUsedAgainButNotThatOfItsBlock(t *testing.T) {
	noise := make([]byte, 128<<10-headerSize-4-trailerSize) // with which a plain form is as large as a buffer
	if _, err := rand.Read(noise); err != nil {
		t.Fatal(err)
	}
	half := append(bytes.Repeat([]byte("text "), 20_000), noise...)
	key := (&Key{1}).ofJournal(3)
	for name, c := range map[string]struct {
		entry    []byte
		compress bool
		key      cipher.AEAD
		again    bool
	}{
		"plain":                    {noise, false, nil, false},
		"compressed":               {half, true, nil, true},
		"compressed in vain":       {noise, true, nil, false},
		"encrypted":                {noise, false, key, true},
		"compressed and encrypted": {half, true, key, true},
	} {
		again := false
		for range 20 { // the race detector lets a pool forget
			stored, own := encode(3, Block{Number: 1, Entries: [][]byte{c.entry}}, c.compress, c.key)
			recycle(stored)
			for range 4 {
				b := *storedForms.Get(cap(stored))
				b = b[:cap(b)]
				again = again || &b[0] == &stored[0]
				for i := range b {
					b[i] = 0xff
				}
			}
			if !bytes.Equal(own.Entries[0], c.entry) {
				t.Fatalf("%s: the block has been written over", name)
			}
		}
		if again != c.again {
			t.Errorf("%s: used again: %v, want %v", name, again, c.again)
		}
	}
}
