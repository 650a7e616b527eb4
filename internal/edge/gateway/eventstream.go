package gateway

import (
	"encoding/binary"
	"hash/crc32"
)

// eventStreamType is AWS's framing of events, application/vnd.amazon.eventstream:
//
//	total length   4    big endian, of everything from here to the last byte
//	headers length 4
//	CRC-32         4    of the eight bytes before
//	headers             name length 1, name, type 1 (7: text), value length 2, value
//	payload
//	CRC-32         4    of everything before
const eventStreamType = "application/vnd.amazon.eventstream"

const (
	textHeader = 7 // the type of every header that we send
	// messageRest is more than a message has besides its payload.
	messageRest = 256
)

// A header of an event. Ours are short texts.
type header struct{ name, value string }

// beginMessage appends the head of a message, whose lengths endMessage fills in; the
// payload is what is appended between the two.
func beginMessage(dst []byte, headers ...header) []byte {
	start := len(dst)
	dst = append(dst, make([]byte, 12)...)
	for _, h := range headers {
		dst = append(append(dst, byte(len(h.name))), h.name...)
		dst = append(dst, textHeader)
		dst = binary.BigEndian.AppendUint16(dst, uint16(len(h.value)))
		dst = append(dst, h.value...)
	}
	binary.BigEndian.PutUint32(dst[start+4:], uint32(len(dst)-start-12))
	return dst
}

// endMessage ends the message that begins at start.
func endMessage(dst []byte, start int) []byte {
	message := dst[start:]
	binary.BigEndian.PutUint32(message, uint32(len(message)+4))
	binary.BigEndian.PutUint32(message[8:], crc32.ChecksumIEEE(message[:8]))
	return binary.BigEndian.AppendUint32(dst, crc32.ChecksumIEEE(dst[start:]))
}
