package journal

import (
	"cmp"
	"encoding/binary"
	"fmt"
)

// A Position is where an entry stands in its journal. Positions of one journal
// are ordered; the zero Position is before every entry.
type Position struct {
	Block uint64 // from 1, contiguous
	Index uint32 // from 0, in the block
}

// Compare returns -1, 0 or +1, as in cmp.Compare.
func (p Position) Compare(q Position) int {
	if c := cmp.Compare(p.Block, q.Block); c != 0 {
		return c
	}
	return cmp.Compare(p.Index, q.Index)
}

// IsZero reports whether p is the position before everything.
func (p Position) IsZero() bool { return p == Position{} }

// Next returns the position after the entry at p, in the same block; reading
// from it goes on with the following block when p was the last of its block.
func (p Position) Next() Position { return Position{p.Block, p.Index + 1} }

// String returns BLOCK.INDEX in decimal.
func (p Position) String() string { return fmt.Sprintf("%d.%d", p.Block, p.Index) }

// PositionSize is the length of an encoded Position in bytes.
const PositionSize = 12

// AppendBinary appends the PositionSize bytes of p, big endian, so that the
// order of the bytes is the order of positions.
func (p Position) AppendBinary(b []byte) ([]byte, error) {
	b = binary.BigEndian.AppendUint64(b, p.Block)
	return binary.BigEndian.AppendUint32(b, p.Index), nil
}

// MarshalBinary is AppendBinary to nothing.
func (p Position) MarshalBinary() ([]byte, error) { return p.AppendBinary(nil) }

// UnmarshalBinary reads what AppendBinary wrote.
func (p *Position) UnmarshalBinary(b []byte) error {
	if len(b) != PositionSize {
		return fmt.Errorf("journal: position has %d bytes, not %d", len(b), PositionSize)
	}
	*p = Position{binary.BigEndian.Uint64(b), binary.BigEndian.Uint32(b[8:])}
	return nil
}
