package journal

import (
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"time"

	"github.com/klauspost/compress/s2"

	"tributary/internal/pure/scratch"
)

// A Block is what one commit wrote.
type Block struct {
	Number uint64
	Time   time.Time // UTC, whole milliseconds; never before that of the block before
	Lane   string    // of AppendFrom; empty for Append
	Mark   Position  // of AppendFrom; zero for Append
	// First is the index of Entries[0] in the stored block. It is not 0 only in the
	// first block of a Reader that began in the middle of one.
	First uint32
	// Entries are shared with other readers: they must not be changed.
	Entries [][]byte
}

// Position returns the position of Entries[i].
func (b Block) Position(i int) Position {
	return Position{Block: b.Number, Index: b.First + uint32(i)}
}

// End returns the position one past the block, which is the start of the next one.
func (b Block) End() Position { return Position{Block: b.Number + 1} }

// The stored form of a block, format 1. All numbers are little endian.
//
//	 0  4  "TRBJ"
//	 4  1  format, 1
//	 5  1  codec of the body: 0 none, 1 S2; 2 more: then encrypted
//	 6  2  length of the lane's name
//	 8  8  id of the journal
//	16  8  number of the block
//	24  8  time, milliseconds since 1970
//	32  8  mark: block
//	40  4  mark: index
//	44  4  number of entries, n
//	48  4  length of the body before compression
//	52     lane's name
//	       body: n lengths of 4 bytes, then the entries; compressed, then encrypted:
//	       nonce, AES-256-GCM of it with everything above as additional data, tag
//	end 4  CRC-32C of everything before
const (
	blockMagic  = "TRBJ"
	blockFormat = 1
	headerSize  = 52
	trailerSize = 4

	codecAt   = 5
	codecNone = 0
	codecS2   = 1
	// codecSealed is added to either when the body is encrypted.
	codecSealed = 2

	maxLane = math.MaxUint8
	// maxBody bounds what a decoder allocates.
	maxBody = MaxAppend
	// Below this size compressing is not tried; above it must save an eighth.
	minCompress = 4 << 10
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errNewer means that a block has been written by a release that knows more.
var errNewer = errors.New("block has a newer format")

// encode returns the stored form of a block and the block as readers will see it,
// whose entries are copies in one piece of memory. key is nil to leave it in the clear.
func encode(journal uint64, b Block, compress bool, key cipher.AEAD) (stored []byte, own Block) {
	size := 4 * len(b.Entries)
	for _, e := range b.Entries {
		size += len(e)
	}
	head := headerSize + len(b.Lane)
	stored = make([]byte, 0, head+size+trailerSize)
	stored = appendHeader(stored, journal, b, codecNone, size)
	for _, e := range b.Entries {
		stored = binary.LittleEndian.AppendUint32(stored, uint32(len(e)))
	}
	own = b
	own.Entries = make([][]byte, len(b.Entries))
	for i, e := range b.Entries {
		start := len(stored)
		stored = append(stored, e...)
		own.Entries[i] = stored[start:len(stored):len(stored)]
	}
	codec := byte(codecNone)
	if compress && size >= minCompress {
		if packed := pack(journal, b, stored[head:]); packed != nil {
			stored, codec = packed, codecS2
		}
	}
	if key != nil {
		plain := stored
		stored = encrypt(journal, b, codec, size, stored[head:], key)
		recycle(plain)
	}
	return seal(stored), own
}

// storedForms is memory for stored forms that are not their blocks' as well.
var storedForms scratch.Buffers

// recycle takes a stored form that encode has made and that nobody needs any more. The
// memory of one that is neither compressed nor encrypted belongs to the block as well.
func recycle(stored []byte) {
	if stored[codecAt] != codecNone {
		storedForms.Put(&stored)
	}
}

// encrypt returns the stored form, but for the checksum, with the body encrypted.
func encrypt(journal uint64, b Block, codec byte, size int, body []byte, key cipher.AEAD) []byte {
	head := headerSize + len(b.Lane)
	buf := *storedForms.Get(head + len(body) + sealOverhead + trailerSize)
	buf = appendHeader(buf, journal, b, codec|codecSealed, size)
	return key.Seal(buf, nil, body, buf)
}

// pack returns the stored form, but for the checksum, with the body compressed, or nil
// when that saves too little.
func pack(journal uint64, b Block, body []byte) []byte {
	head := headerSize + len(b.Lane)
	size := head + s2.MaxEncodedLen(len(body))
	buf := (*storedForms.Get(size + trailerSize))[:size]
	appendHeader(buf[:0], journal, b, codecS2, len(body))
	packed := s2.Encode(buf[head:], body)
	if len(packed) > len(body)-len(body)/8 {
		storedForms.Put(&buf)
		return nil
	}
	return buf[:head+len(packed)]
}

func appendHeader(buf []byte, journal uint64, b Block, codec byte, size int) []byte {
	buf = append(buf, blockMagic...)
	buf = append(buf, blockFormat, codec)
	buf = binary.LittleEndian.AppendUint16(buf, uint16(len(b.Lane)))
	buf = binary.LittleEndian.AppendUint64(buf, journal)
	buf = binary.LittleEndian.AppendUint64(buf, b.Number)
	buf = binary.LittleEndian.AppendUint64(buf, uint64(b.Time.UnixMilli()))
	buf = binary.LittleEndian.AppendUint64(buf, b.Mark.Block)
	buf = binary.LittleEndian.AppendUint32(buf, b.Mark.Index)
	buf = binary.LittleEndian.AppendUint32(buf, uint32(len(b.Entries)))
	buf = binary.LittleEndian.AppendUint32(buf, uint32(size))
	return append(buf, b.Lane...)
}

func seal(buf []byte) []byte {
	return binary.LittleEndian.AppendUint32(buf, crc32.Checksum(buf, castagnoli))
}

// decode reads a stored block of a journal. The entries share stored's memory when
// they are not compressed. It allocates no more than maxBody and 24 bytes for
// every entry, of which there are no more than a quarter of the body's bytes. key is
// that of the journal, nil without one.
func decode(journal uint64, stored []byte, key cipher.AEAD) (b Block, err error) {
	n := len(stored) - trailerSize
	if n < headerSize || string(stored[:4]) != blockMagic {
		return Block{}, errors.New("not a block")
	}
	if want, got := binary.LittleEndian.Uint32(stored[n:]), crc32.Checksum(stored[:n], castagnoli); want != got {
		return Block{}, fmt.Errorf("checksum is %08x, should be %08x", got, want)
	}
	if stored[4] != blockFormat {
		return Block{}, fmt.Errorf("%w: %d", errNewer, stored[4])
	}
	if id := binary.LittleEndian.Uint64(stored[8:]); id != journal {
		return Block{}, fmt.Errorf("block belongs to journal %d, not %d", id, journal)
	}
	b = Block{
		Number: binary.LittleEndian.Uint64(stored[16:]),
		Time:   time.UnixMilli(int64(binary.LittleEndian.Uint64(stored[24:]))).UTC(),
		Mark: Position{
			Block: binary.LittleEndian.Uint64(stored[32:]),
			Index: binary.LittleEndian.Uint32(stored[40:]),
		},
	}
	count := uint64(binary.LittleEndian.Uint32(stored[44:]))
	size := uint64(binary.LittleEndian.Uint32(stored[48:]))
	lane := int(binary.LittleEndian.Uint16(stored[6:]))
	if headerSize+lane > n {
		return Block{}, errors.New("lane's name is cut off")
	}
	b.Lane = string(stored[headerSize : headerSize+lane])
	if size > maxBody || count > size/4 {
		return Block{}, fmt.Errorf("body of %d bytes with %d entries", size, count)
	}
	head := headerSize + lane
	codec, body := stored[codecAt], stored[head:n:n]
	if codec&codecSealed != 0 {
		if body, err = decrypt(stored[:head], body, key); err != nil {
			return Block{}, err
		}
	}
	if body, err = unpack(codec&^codecSealed, body, int(size)); err != nil {
		return Block{}, err
	}
	b.Entries, err = split(body, int(count))
	return b, err
}

// decrypt returns the body before encryption, in memory of its own, since what the engine
// gave belongs to others as well.
func decrypt(head, sealed []byte, key cipher.AEAD) ([]byte, error) {
	if key == nil {
		return nil, ErrKeyNeeded
	}
	body, err := key.Open(nil, nil, sealed, head)
	if err != nil {
		return nil, errors.New("its encryption does not hold: it was changed, or encrypted with another key")
	}
	return body, nil
}

// unpack returns the body before compression, which must have the size that the
// header says.
func unpack(codec byte, body []byte, size int) ([]byte, error) {
	switch codec {
	case codecNone:
		if len(body) != size {
			return nil, fmt.Errorf("body has %d bytes, should have %d", len(body), size)
		}
		return body, nil
	case codecS2:
		n, err := s2.DecodedLen(body)
		if err != nil || n != size {
			return nil, fmt.Errorf("compressed body holds %d bytes, should hold %d: %w", n, size, err)
		}
		return s2.Decode(nil, body)
	}
	return nil, fmt.Errorf("%w: codec %d", errNewer, codec)
}

// split cuts a body into its entries; 4*count <= len(body).
func split(body []byte, count int) ([][]byte, error) {
	entries := make([][]byte, count)
	rest := body[4*count:]
	for i := range entries {
		n := uint64(binary.LittleEndian.Uint32(body[4*i:]))
		if n > uint64(len(rest)) {
			return nil, fmt.Errorf("entry %d is cut off", i)
		}
		entries[i], rest = rest[:n:n], rest[n:]
	}
	if len(rest) != 0 {
		return nil, fmt.Errorf("%d bytes follow the last entry", len(rest))
	}
	return entries, nil
}
