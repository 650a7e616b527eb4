package gateway

import (
	"errors"
)

// What the parts of a tree take, about: bytes of a body may take fifty times as many in
// its tree.
const (
	valueSize  = 64  // a value, in its array or object
	objectSize = 288 // an object with members, further
)

// maxValues is how many values a tree may have. PutRecords has 2,000.
const maxValues = 200_000

var (
	errTooMany = errors.New("too many values")
	errNoRoom  = errors.New("no room for the values")
)

// A room is what the tree of one body may take, beside a copy of its texts.
type room struct {
	values int   // how many more there may be
	spare  int64 // bytes that need not be reserved, or have been
	held   *hold // nil where nobody counts them
	most   int64 // bytes that held may become
}

// anyRoom is for a tree that is thrown away at once.
func anyRoom() *room { return &room{values: maxValues} }

// value makes room for a value.
func (r *room) value() error {
	if r.values--; r.values < 0 {
		return errTooMany
	}
	return r.take(valueSize)
}

// object makes room for the members of an object, beside what they are.
func (r *room) object() error { return r.take(objectSize) }

func (r *room) take(size int64) error {
	if r.spare -= size; r.spare >= 0 || r.held == nil {
		return nil
	}
	if r.held.size+largeBuffer > r.most {
		return errTooMany
	}
	if !r.held.extend(largeBuffer) {
		return errNoRoom
	}
	r.spare += largeBuffer
	return nil
}

// room is the room for the tree of the call's body. The texts of a large one are
// reserved at once, unless they have been with the body.
func (x *exchange) room(b *body) (*room, error) {
	if more := 2*int64(b.len()) - b.held.size; b.len() > smallBody && more > 0 && !b.held.extend(more) {
		return nil, x.busy()
	}
	r := newRoom(b.held)
	r.spare = smallBody
	return r, nil
}

// valuesOfLarge is what the values of a body may take that has more than a share itself.
const valuesOfLarge = 4 << 20

// newRoom is the room for a tree that may take an account's share, with what is held
// already.
func newRoom(held *hold) *room {
	return &room{values: maxValues, held: held, most: max(held.from.share, held.size+valuesOfLarge)}
}
