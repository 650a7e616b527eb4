package api

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
)

// A Sealer makes what callers carry for us and must neither read nor change:
// shard iterators, page tokens, session tokens; and what lies on disk and must
// not be read there: secret access keys. It is AES-256-GCM with a random nonce,
// under a key of its own for every purpose.
type Sealer struct{ root [32]byte }

// ErrNotSealed is returned for a text that this Sealer did not make for this
// purpose and binding.
var ErrNotSealed = errors.New("not sealed by us for this purpose")

// NewSealer returns the Sealer of a root key.
func NewSealer(root [32]byte) *Sealer { return &Sealer{root: root} }

// A Seal seals for one purpose.
type Seal struct{ aead cipher.AEAD }

// For returns the seal of a purpose, such as "kinesis/iterator".
func (s *Sealer) For(purpose string) *Seal {
	key, err := hkdf.Key(sha256.New, s.root[:], nil, purpose, 32)
	if err != nil {
		panic("api: derive key: " + err.Error()) // only for a length that HKDF cannot give
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		panic("api: " + err.Error()) // only for a wrong key length
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic("api: " + err.Error())
	}
	return &Seal{aead}
}

// Seal returns plain sealed and bound to the given text (an account, a stream),
// which Open must be given again.
func (s *Seal) Seal(binding string, plain []byte) []byte {
	return s.aead.Seal(nil, nil, plain, []byte(binding))
}

// Open returns what Seal was given, or ErrNotSealed.
func (s *Seal) Open(binding string, sealed []byte) ([]byte, error) {
	plain, err := s.aead.Open(nil, nil, sealed, []byte(binding))
	if err != nil {
		return nil, ErrNotSealed
	}
	return plain, nil
}

// SealText is Seal in URL-safe base64 without padding.
func (s *Seal) SealText(binding string, plain []byte) string {
	return base64.RawURLEncoding.EncodeToString(s.Seal(binding, plain))
}

// OpenText opens what SealText made.
func (s *Seal) OpenText(binding, text string) ([]byte, error) {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || strings.ContainsAny(text, "\r\n") { // which the decoder skips
		return nil, ErrNotSealed
	}
	return s.Open(binding, sealed)
}

// RandomKey returns 32 random bytes for NewSealer.
func RandomKey() (key [32]byte) {
	_, _ = rand.Read(key[:]) // never fails
	return key
}
