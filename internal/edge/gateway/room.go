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
	if r.held.size+largeBuffer > r.held.from.most {
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
	r := &room{values: maxValues, spare: smallBody, held: b.held}
	if b.len() <= smallBody {
		return r, nil
	}
	if more := 2*int64(b.len()) - b.held.size; more > 0 && !b.held.extend(more) {
		return nil, x.busy()
	}
	return r, nil
}
