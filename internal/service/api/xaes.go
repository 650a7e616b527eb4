package api

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
)

// An xaes is a key of XAES-256-GCM (c2sp.org/XAES-256-GCM): half of the 24 bytes of
// nonce makes a key of AES-256-GCM for this one text. Nonces may be random
// for 2^80 texts under a key, where AES-GCM alone allows 2^32.
type xaes struct {
	block cipher.Block
	mask  [aes.BlockSize]byte // K1 of CMAC
}

const (
	xaesNonce    = 24
	xaesOverhead = 16 // the tag
)

func newXAES(key [32]byte) *xaes {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic("api: " + err.Error()) // only for a wrong key length
	}
	x := &xaes{block: block}
	// K1 = 2·E(0) in GF(2^128).
	block.Encrypt(x.mask[:], x.mask[:])
	carry := x.mask[0] >> 7
	for i := range x.mask {
		x.mask[i] <<= 1
		if i+1 < len(x.mask) {
			x.mask[i] |= x.mask[i+1] >> 7
		}
	}
	x.mask[len(x.mask)-1] ^= 0x87 * carry
	return x
}

// derived is the cipher for texts with this first half of the nonce.
func (x *xaes) derived(half []byte) cipher.AEAD {
	var key [2 * aes.BlockSize]byte
	for i := range 2 {
		counter := key[i*aes.BlockSize : (i+1)*aes.BlockSize]
		copy(counter, []byte{0, byte(i + 1), 'X', 0})
		copy(counter[4:], half)
		subtle.XORBytes(counter, counter, x.mask[:])
		x.block.Encrypt(counter, counter)
	}
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic("api: " + err.Error())
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic("api: " + err.Error())
	}
	return aead
}

// seal appends ciphertext and tag to dst. A nonce is used once.
func (x *xaes) seal(dst, nonce, plain, additional []byte) []byte {
	return x.derived(nonce[:xaesNonce/2]).Seal(dst, nonce[xaesNonce/2:], plain, additional)
}

func (x *xaes) open(nonce, sealed, additional []byte) ([]byte, error) {
	return x.derived(nonce[:xaesNonce/2]).Open(nil, nonce[xaesNonce/2:], sealed, additional)
}
