package kinesis

import (
	"math"
	"math/bits"
	"time"

	"tributary/internal/durable/journal"
)

// A sequence is what a sequence number says. The number is decimal for 47
// hexadecimal digits, whose layout was found in real numbers:
//
//	2 CCCCCCCCC L NNNNNNNNNNNNNNNN 00 TTTTTTTTT SSSSSSSS 2
//
//	C  when the shard was created, seconds
//	L  the low digit of S
//	N  a counter that grows with every record: here the position in the journal,
//	   block<<24 | index
//	T  when the record arrived, seconds
//	S  the shard's number
//
// AWS shares a counter among five shards; we do not. Only that numbers grow
// within a shard is promised, there as here: C never changes in a shard, and N
// stands before T, so the clock has no say.
type sequence struct {
	created int64 // C
	counter uint64
	at      int64 // T
	shard   ShardID
}

const (
	indexBits = 24
	// Where a shard starts and where a closed one ends; no position has these
	// counters, because blocks count from 1 and are fewer than 2^39-1.
	firstCounter = 0
	lastCounter  = math.MaxInt64

	secondsMask = 1<<36 - 1
)

// counterOf is the counter of the record at p. A block has far fewer than 2^24
// entries, and a journal fewer than 2^39 blocks.
func counterOf(p journal.Position) uint64 {
	if p.Index >= 1<<indexBits || p.Block >= 1<<(63-indexBits)-1 {
		panic("kinesis: position " + p.String() + " does not fit a sequence number")
	}
	return p.Block<<indexBits | uint64(p.Index)
}

// position is where the record with this number stands.
func (s sequence) position() journal.Position {
	return journal.Position{Block: s.counter >> indexBits, Index: uint32(s.counter & (1<<indexBits - 1))}
}

// words are the 188 bits of the number, least significant first.
func (s sequence) words() [3]uint64 {
	c, t := uint64(s.created)&secondsMask, uint64(s.at)&secondsMask
	return [3]uint64{
		t<<36 | uint64(s.shard)<<4 | 2,
		s.counter<<16 | t>>28,
		2<<56 | c<<20 | uint64(s.shard&0xf)<<16 | s.counter>>48,
	}
}

// decimals is the greatest power of ten in a word, and its digits.
const (
	decimalUnit   = 1e19
	decimalDigits = 19
	sequenceLen   = 56 // of every number from the year 1970 to 4147
)

// append appends the number in decimal: three divisions instead of big.Int,
// because GetRecords writes one for each of ten thousand records.
func (s sequence) append(dst []byte) []byte {
	w := s.words()
	var text [3 * decimalDigits]byte
	for chunk := 2; chunk >= 0; chunk-- {
		var rest uint64
		for i := 2; i >= 0; i-- {
			w[i], rest = bits.Div64(rest, w[i], decimalUnit)
		}
		for i := decimalDigits - 1; i >= 0; i-- {
			text[chunk*decimalDigits+i] = '0' + byte(rest%10)
			rest /= 10
		}
	}
	return append(dst, text[len(text)-sequenceLen:]...)
}

func (s sequence) String() string { return string(s.append(make([]byte, 0, sequenceLen))) }

// parseSequence reads a sequence number of the layout above; ok is false for any
// other number.
func parseSequence(text string) (s sequence, ok bool) {
	if len(text) != sequenceLen {
		return sequence{}, false
	}
	var w [3]uint64
	for i := range len(text) {
		digit := uint64(text[i] - '0')
		if digit > 9 {
			return sequence{}, false
		}
		carry := digit
		for j := range w {
			hi, lo := bits.Mul64(w[j], 10)
			lo, c := bits.Add64(lo, carry, 0)
			w[j], carry = lo, hi+c
		}
	}
	s = sequence{
		created: int64(w[2] >> 20 & secondsMask),
		counter: w[2]<<48 | w[1]>>16,
		at:      int64((w[1]<<28 | w[0]>>36) & secondsMask),
		shard:   ShardID(w[0] >> 4),
	}
	// Everything that the fields do not hold must be as we write it.
	return s, s.counter <= lastCounter && s.shard <= maxShardID && s.words() == w
}

// sequenceOf is the number of the record at p of a shard, written at that time.
func (sh *shard) sequenceOf(p journal.Position, at time.Time) sequence {
	return sequence{created: sh.Stamp, counter: counterOf(p), at: at.Unix(), shard: sh.ID}
}

// firstSequence is the number at which the shard starts, before every record.
func (sh *shard) firstSequence() sequence {
	return sequence{created: sh.Stamp, counter: firstCounter, at: sh.Stamp, shard: sh.ID}
}

// lastSequence is the number at which a closed shard ends, after every record.
func (sh *shard) lastSequence() sequence {
	return sequence{created: sh.Stamp, counter: lastCounter, at: sh.Closed.Unix(), shard: sh.ID}
}
