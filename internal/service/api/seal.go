package api

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
)

// A Sealer makes what callers carry for us and must neither read nor change:
// shard iterators, page tokens, session tokens; and what lies on disk and must
// not be read there: secret access keys. It is XAES-256-GCM with a random nonce,
// under a key of its own for every purpose.
//
// The root keys can be changed while it is used ([Sealer.Use]): the newest seals,
// all of them open. docs/formats/sealed.md has the bytes.
type Sealer struct{ keys atomic.Pointer[[]RootKey] }

// A RootKey is one of the keys from which a Sealer derives those it uses.
type RootKey struct {
	// ID names the key in what it sealed. 0 is the key of an installation from
	// before keys had ids: it opens format 1 too.
	ID     uint32
	Secret [32]byte
}

// ErrNotSealed is returned for a text that this Sealer did not make for this
// purpose and binding, or whose root key is gone.
var ErrNotSealed = errors.New("not sealed by us for this purpose")

const (
	sealFormat = 2
	sealHeader = 1 + 4 // the format, the id of the root key
)

// NewSealer returns the Sealer of one root key, whose id is 1.
func NewSealer(root [32]byte) *Sealer {
	s := &Sealer{}
	s.Use([]RootKey{{ID: 1, Secret: root}})
	return s
}

// Use replaces the root keys. There must be one at least; the last seals. An id
// always means the same key.
func (s *Sealer) Use(keys []RootKey) {
	if len(keys) == 0 {
		panic("api: a Sealer without a key")
	}
	keys = append([]RootKey(nil), keys...)
	s.keys.Store(&keys)
}

// A Seal seals for one purpose.
type Seal struct {
	sealer  *Sealer
	purpose string

	mu      sync.RWMutex // guards derived; nothing is locked while it is held
	derived map[uint32]*derivedKey
}

// A derivedKey is what a root key gives for one purpose.
type derivedKey struct {
	xaes *xaes
	// format1 opens what was sealed before keys had ids; nil for keys that have one.
	format1 cipher.AEAD
}

// For returns the seal of a purpose, such as "kinesis/iterator".
func (s *Sealer) For(purpose string) *Seal {
	return &Seal{sealer: s, purpose: purpose, derived: map[uint32]*derivedKey{}}
}

// key is the purpose's own key under a root key.
func (s *Seal) key(root *RootKey) *derivedKey {
	s.mu.RLock()
	k, ok := s.derived[root.ID]
	s.mu.RUnlock()
	if ok {
		return k
	}
	k = derive(root, s.purpose)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.derived[root.ID] = k
	return k
}

func derive(root *RootKey, purpose string) *derivedKey {
	key, err := hkdf.Key(sha256.New, root.Secret[:], nil, purpose, 32)
	if err != nil {
		panic("api: derive key: " + err.Error()) // only for a length that HKDF cannot give
	}
	if root.ID != 0 {
		return &derivedKey{xaes: newXAES([32]byte(key))}
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		panic("api: " + err.Error()) // only for a wrong key length
	}
	format1, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic("api: " + err.Error())
	}
	// One key is for one cipher.
	second, err := hkdf.Key(sha256.New, root.Secret[:], nil, "2 "+purpose, 32)
	if err != nil {
		panic("api: derive key: " + err.Error())
	}
	return &derivedKey{xaes: newXAES([32]byte(second)), format1: format1}
}

// Seal returns plain sealed and bound to the given text (an account, a stream),
// which Open must be given again.
func (s *Seal) Seal(binding string, plain []byte) []byte {
	keys := *s.sealer.keys.Load()
	root := &keys[len(keys)-1]
	sealed := make([]byte, sealHeader+xaesNonce, sealHeader+xaesNonce+len(plain)+xaesOverhead)
	sealed[0] = sealFormat
	binary.BigEndian.PutUint32(sealed[1:], root.ID)
	nonce := sealed[sealHeader:]
	_, _ = rand.Read(nonce) // never fails
	return s.key(root).xaes.seal(sealed, nonce, plain, []byte(binding))
}

// Open returns what Seal was given, or ErrNotSealed.
func (s *Seal) Open(binding string, sealed []byte) ([]byte, error) {
	if root := s.rootOf(sealed); root != nil {
		nonce, rest := sealed[sealHeader:sealHeader+xaesNonce], sealed[sealHeader+xaesNonce:]
		if plain, err := s.key(root).xaes.open(nonce, rest, []byte(binding)); err == nil {
			return plain, nil
		}
	}
	// Format 1 has no header, and its nonce may look like one.
	if first := &(*s.sealer.keys.Load())[0]; first.ID == 0 {
		if plain, err := s.key(first).format1.Open(nil, nil, sealed, []byte(binding)); err == nil {
			return plain, nil
		}
	}
	return nil, ErrNotSealed
}

// rootOf is the root key that the header names, nil without one.
func (s *Seal) rootOf(sealed []byte) *RootKey {
	if len(sealed) < sealHeader+xaesNonce+xaesOverhead || sealed[0] != sealFormat {
		return nil
	}
	id := binary.BigEndian.Uint32(sealed[1:])
	keys := *s.sealer.keys.Load()
	for i := range keys {
		if keys[i].ID == id {
			return &keys[i]
		}
	}
	return nil
}

// Current reports whether the text is sealed under the newest root key, in the
// newest format: what lies on disk and is not should be sealed again.
func (s *Seal) Current(sealed []byte) bool {
	keys := *s.sealer.keys.Load()
	root := s.rootOf(sealed)
	return root != nil && root.ID == keys[len(keys)-1].ID
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

// RandomKey returns 32 random bytes for a RootKey.
func RandomKey() (key [32]byte) {
	_, _ = rand.Read(key[:]) // never fails
	return key
}
