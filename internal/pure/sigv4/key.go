package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
)

// A Key is a secret access key narrowed to one scope. Who has it can sign for
// that day, Region and service, so it is as secret as what it came from.
type Key [32]byte

// DeriveKey narrows a secret access key to a scope.
func DeriveKey(secret string, s Scope) Key {
	k := mac([]byte("AWS4"+secret), s.Date)
	k = mac(k[:], s.Region)
	k = mac(k[:], s.Service)
	return mac(k[:], terminator)
}

func mac(key []byte, text string) (sum [32]byte) {
	h := hmac.New(sha256.New, key)
	_, _ = h.Write([]byte(text)) // never fails
	h.Sum(sum[:0])
	return sum
}

// Verify reports whether the signature is that of r under key. It takes the
// same time wherever the two differ.
//
// Clients disagree on whether dot segments and doubled slashes of a path are
// signed as they are or removed first (the Python and JavaScript SDKs remove
// them, the Go SDK does not), so a path that has any is tried both ways. A
// server that gives such paths different meanings must not rely on Verify to
// tell them apart.
func (a *Authorization) Verify(r *Request, key Key) bool {
	path := r.Path
	if path == "" {
		path = "/"
	}
	clean := cleanPath(path)
	want := a.sign(r, key, clean)
	ok := subtle.ConstantTimeCompare(want[:], a.Signature[:]) == 1
	if !ok && path != clean {
		want = a.sign(r, key, path)
		ok = subtle.ConstantTimeCompare(want[:], a.Signature[:]) == 1
	}
	return ok
}

func (a *Authorization) sign(r *Request, key Key, path string) [32]byte {
	var buf [2048]byte
	canonical := r.appendCanonical(buf[:0], a, path)
	return mac(key[:], a.stringToSign(canonical))
}

func (a *Authorization) stringToSign(canonical []byte) string {
	sum := sha256.Sum256(canonical)
	return Algorithm + "\n" + a.Time.UTC().Format(timeLayout) + "\n" + a.Scope.String() + "\n" + hex.EncodeToString(sum[:])
}
