package kinesis

import (
	"bytes"
	"crypto/md5"
	"fmt"
	"math/big"
)

// A hashKey is a point on the ring 0 … 2^128-1, of which every open shard owns a
// range. It is big endian, so that MD5 sums are hash keys as they are.
type hashKey [16]byte

// hashOf is the hash key of a partition key.
func hashOf(partitionKey string) hashKey { return md5.Sum([]byte(partitionKey)) }

// parseHashKey reads decimal digits; ok is false for 2^128 and above.
func parseHashKey(text string) (k hashKey, ok bool) {
	n, ok := new(big.Int).SetString(text, 10)
	if !ok || n.Sign() < 0 || n.BitLen() > 8*len(k) {
		return hashKey{}, false
	}
	n.FillBytes(k[:])
	return k, true
}

func (k hashKey) compare(o hashKey) int { return bytes.Compare(k[:], o[:]) }

// next and previous are the neighbours on the ring, which wraps round.
func (k hashKey) next() hashKey {
	for i := len(k) - 1; i >= 0; i-- {
		if k[i]++; k[i] != 0 {
			break
		}
	}
	return k
}

func (k hashKey) previous() hashKey {
	for i := len(k) - 1; i >= 0; i-- {
		if k[i]--; k[i] != 0xff {
			break
		}
	}
	return k
}

// String is the key in decimal, as the API writes it.
func (k hashKey) String() string { return new(big.Int).SetBytes(k[:]).String() }

// MarshalText is String, for the stored form.
func (k hashKey) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (k *hashKey) UnmarshalText(text []byte) error {
	v, ok := parseHashKey(string(text))
	if !ok {
		return fmt.Errorf("%q is not a hash key", text)
	}
	*k = v
	return nil
}

// A hashRange is a part of the ring, both ends included.
type hashRange struct {
	First hashKey `json:"first"`
	Last  hashKey `json:"last"`
}

func (r hashRange) contains(k hashKey) bool {
	return r.First.compare(k) <= 0 && k.compare(r.Last) <= 0
}

// meets reports whether the next range begins where this one ends.
func (r hashRange) meets(next hashRange) bool {
	return r.First.compare(next.First) < 0 && r.Last.next() == next.First
}

func (r hashRange) wire() *HashKeyRange {
	return &HashKeyRange{StartingHashKey: r.First.String(), EndingHashKey: r.Last.String()}
}

// divideRing cuts the ring into n ranges as AWS does: each is floor(2^128/n)
// long, but the last, which ends where the ring ends.
func divideRing(n int) []hashRange {
	size := new(big.Int).Lsh(big.NewInt(1), 128)
	end := new(big.Int).Sub(size, big.NewInt(1))
	size.Div(size, big.NewInt(int64(n)))

	ranges := make([]hashRange, n)
	first, last := new(big.Int), new(big.Int)
	for i := range ranges {
		last.Add(first, size)
		last.Sub(last, big.NewInt(1))
		if i == n-1 {
			last = end
		}
		first.FillBytes(ranges[i].First[:])
		last.FillBytes(ranges[i].Last[:])
		first.Add(first, size)
	}
	return ranges
}
