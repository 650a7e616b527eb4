package api

import (
	"bytes"
	"crypto/sha3"
	"encoding/hex"
	"testing"
)

// TestXAESVectors are the vectors of c2sp.org/XAES-256-GCM: one for each value of
// the top bit of the key's CMAC, and the hash over 10,000 random ones.
func TestXAESVectors(t *testing.T) {
	nonce, plain := []byte("ABCDEFGHIJKLMNOPQRSTUVWX"), []byte("XAES-256-GCM")
	for _, c := range []struct {
		key        byte
		additional string
		want       string
	}{
		{1, "", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"},
		{3, "c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"},
	} {
		x := newXAES([32]byte(bytes.Repeat([]byte{c.key}, 32)))
		sealed := x.seal(nil, nonce, plain, []byte(c.additional))
		if got := hex.EncodeToString(sealed); got != c.want {
			t.Errorf("key %d: got %s, want %s", c.key, got, c.want)
		}
		if got, err := x.open(nonce, sealed, []byte(c.additional)); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("key %d: opened to %q, %v", c.key, got, err)
		}
	}

	random, sum := sha3.NewSHAKE128(), sha3.NewSHAKE128()
	read := func(n int) []byte {
		b := make([]byte, n)
		_, _ = random.Read(b)
		return b
	}
	for range 10_000 {
		key, nonce := read(32), read(24)
		plain := read(int(read(1)[0]))
		additional := read(int(read(1)[0]))
		_, _ = sum.Write(newXAES([32]byte(key)).seal(nil, nonce, plain, additional))
	}
	got := make([]byte, 32)
	_, _ = sum.Read(got)
	if want := "e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939"; hex.EncodeToString(got) != want {
		t.Errorf("10,000 random texts: got %x, want %s", got, want)
	}
}
