package journal

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"strconv"

	"tributary/internal/durable/catalog"
)

// Encryption at rest: with Config.Key the bodies of new blocks are sealed by
// AES-256-GCM, each journal under a key of its own, so that 2^32 blocks with random
// nonces are safe in each of them. What the header says is bound to the body by it and
// is not secret: numbers, times, lanes and sizes.
//
// A directory that was begun without a key may be given one: the blocks that are there
// stay as they are. From then on it opens with that key only.

var (
	// ErrKeyNeeded means that blocks are encrypted and no key was given.
	ErrKeyNeeded = errors.New("journals are encrypted, and no encryption key was given")
	// ErrWrongKey means that another key was given than the one that journals are
	// encrypted with.
	ErrWrongKey = errors.New("journals are encrypted with another key than the one that was given")
)

// A Key encrypts journals.
type Key [32]byte

// sealOverhead is by how much a sealed body is longer: nonce and tag.
const sealOverhead = 12 + 16

// cipher derives the cipher of a purpose; a nil key gives none.
func (k *Key) cipher(purpose string) cipher.AEAD {
	if k == nil {
		return nil
	}
	derived, err := hkdf.Key(sha256.New, k[:], nil, "tributary journal "+purpose, len(k))
	if err != nil {
		panic("journal: derive key: " + err.Error()) // only for a length that HKDF cannot give
	}
	block, err := aes.NewCipher(derived)
	if err != nil {
		panic("journal: " + err.Error()) // only for a wrong key length
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic("journal: " + err.Error())
	}
	return aead
}

func (k *Key) ofJournal(id uint64) cipher.AEAD { return k.cipher(strconv.FormatUint(id, 10)) }

// A keyCheck is what the catalog keeps to tell the right key: the value of the one key
// of the table journals/key.
type keyCheck struct {
	Sealed []byte `json:"sealed"` // no bytes, sealed
}

const keyTable = "journals/key"

// checkKey compares the key that was given with what the catalog says of it, and notes
// it there the first time.
func checkKey(ctx context.Context, table *catalog.Table[keyCheck], key *Key) error {
	row := catalog.KeyOf("check")
	noted, _, encrypted := table.Get(row)
	aead := key.cipher("check")
	switch {
	case aead == nil && encrypted:
		return ErrKeyNeeded
	case aead == nil:
		return nil
	case !encrypted:
		if _, err := table.Create(ctx, row, keyCheck{aead.Seal(nil, nil, nil, nil)}); err != nil {
			return fmt.Errorf("note the encryption key: %w", err)
		}
		return nil
	}
	if _, err := aead.Open(nil, nil, noted.Sealed, nil); err != nil {
		return ErrWrongKey
	}
	return nil
}
