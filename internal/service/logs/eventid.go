package logs

import (
	"cmp"
	"math/bits"
)

// An EventID is the identity of a log event, an unsigned number of which AWS
// shows 56 decimal digits:
//
//	timestamp<<144 | ingestion<<80 | batch<<16 | index
//
// with both times in milliseconds, a batch id of 64 random bits for each
// PutLogEvents call and the event's index in the call. The order of ids is
// therefore the order in which FilterLogEvents answers: event time, ingestion
// time, request, place in the request.
type EventID struct{ hi, mid, lo uint64 }

// maxTimestamp is the latest time in milliseconds (May 2109) whose ids still
// have 56 digits. No event is accepted so far ahead of the clock.
const maxTimestamp = 1<<42 - 1

// eventIDDigits is how many decimal digits an id has, with leading zeros.
const eventIDDigits = 56

// NewEventID builds an id. Both times are milliseconds since 1970, from 0 to
// the year 2109; index is below 65,536.
func NewEventID(timestamp, ingestion int64, batch uint64, index int) EventID {
	ts, in := uint64(timestamp), uint64(ingestion)
	return EventID{
		hi:  ts<<16 | in>>48,
		mid: in<<16 | batch>>48,
		lo:  batch<<16 | uint64(index)&0xffff,
	}
}

// Compare returns -1, 0 or +1, as in cmp.Compare.
func (id EventID) Compare(other EventID) int {
	if c := cmp.Compare(id.hi, other.hi); c != 0 {
		return c
	}
	if c := cmp.Compare(id.mid, other.mid); c != 0 {
		return c
	}
	return cmp.Compare(id.lo, other.lo)
}

// Timestamp is the time of the event in milliseconds.
func (id EventID) Timestamp() int64 { return int64(id.hi >> 16) }

// Append appends the 56 digits of the id.
func (id EventID) Append(dst []byte) []byte {
	// Two divisions by 10^19, the greatest power of ten in a word, cut the number
	// into 18, 19 and 19 digits.
	const e19 = 10_000_000_000_000_000_000
	q, r := bits.Div64(id.hi%e19, id.mid, e19)
	q0, low := bits.Div64(r, id.lo, e19)
	high, middle := bits.Div64(q%e19, q0, e19)
	dst = appendDigits(dst, high, 18)
	dst = appendDigits(dst, middle, 19)
	return appendDigits(dst, low, 19)
}

// String returns the 56 digits.
func (id EventID) String() string { return string(id.Append(nil)) }

// appendDigits appends the last width decimal digits of n, two at a time.
func appendDigits(dst []byte, n uint64, width int) []byte {
	start := len(dst)
	dst = append(dst, zeros[:width]...)
	i := start + width
	for ; i-2 >= start; i -= 2 {
		pair := n % 100 * 2
		n /= 100
		dst[i-2], dst[i-1] = pairs[pair], pairs[pair+1]
	}
	if i > start {
		dst[start] = byte('0' + n%10)
	}
	return dst
}

const zeros = "00000000000000000000"

// pairs are the numbers from 00 to 99.
const pairs = "00010203040506070809" +
	"10111213141516171819" +
	"20212223242526272829" +
	"30313233343536373839" +
	"40414243444546474849" +
	"50515253545556575859" +
	"60616263646566676869" +
	"70717273747576777879" +
	"80818283848586878889" +
	"90919293949596979899"

// next is the smallest id after id.
func (id EventID) next() EventID {
	lo, carry := bits.Add64(id.lo, 1, 0)
	mid, carry := bits.Add64(id.mid, 0, carry)
	return EventID{hi: id.hi + carry, mid: mid, lo: lo}
}

// reversed orders ids the other way round.
func (id EventID) reversed() EventID { return EventID{^id.hi, ^id.mid, ^id.lo} }
