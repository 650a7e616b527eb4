package broker

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
)

// MarkSize is the number of bytes that a mark can hold.
const MarkSize = 56

// slotSize is a mark with its length and checksum. It divides a disk sector, so
// that a slot is never torn by a power cut on a disk that writes whole sectors.
const slotSize = 64

// Marks is a file of small numbered records in the data directory, beside the
// engine's files and in no way dependent on them: the second place in which it is
// written how far a stream reached, so that a stream that lost its end is found out.
//
// A mark survives the end of the process as soon as Write has returned, and a power
// cut as soon as Sync has. Writes of one slot must not overlap; different slots may.
type Marks struct {
	f *os.File
}

// OpenMarks opens the file of this name, or makes it.
func (b *Broker) OpenMarks(name string) (*Marks, error) {
	path := filepath.Join(b.cfg.Dir, name)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open marks: %w", err)
	}
	if err := syncPath(b.cfg.Dir); err != nil {
		return nil, errors.Join(fmt.Errorf("open marks: %w", err), f.Close())
	}
	return &Marks{f: f}, nil
}

// Read returns the mark in a slot; ok is false when nothing has been written there
// or when it does not agree with its checksum.
func (m *Marks) Read(slot int) (mark []byte, ok bool, err error) {
	var buf [slotSize]byte
	n, err := m.f.ReadAt(buf[:], int64(slot)*slotSize)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, false, fmt.Errorf("read mark: %w", err)
	}
	size := binary.LittleEndian.Uint32(buf[4:])
	if n < slotSize || size == 0 || size > MarkSize || binary.LittleEndian.Uint32(buf[:]) != slotSum(&buf) {
		return nil, false, nil
	}
	return buf[8 : 8+size], true, nil
}

// Write replaces the mark in a slot. It is one system call that waits for no disk.
func (m *Marks) Write(slot int, mark []byte) error {
	if len(mark) == 0 || len(mark) > MarkSize {
		panic(fmt.Sprintf("broker: a mark has 1 to %d bytes, not %d", MarkSize, len(mark)))
	}
	var buf [slotSize]byte
	binary.LittleEndian.PutUint32(buf[4:], uint32(len(mark)))
	copy(buf[8:], mark)
	binary.LittleEndian.PutUint32(buf[:], slotSum(&buf))
	if _, err := m.f.WriteAt(buf[:], int64(slot)*slotSize); err != nil {
		return fmt.Errorf("write mark: %w", err)
	}
	return nil
}

// Sync makes the marks written so far survive a power cut.
func (m *Marks) Sync() error {
	if err := m.f.Sync(); err != nil {
		return fmt.Errorf("sync marks: %w", err)
	}
	return nil
}

// Close closes the file.
func (m *Marks) Close() error { return m.f.Close() }

func slotSum(buf *[slotSize]byte) uint32 {
	return crc32.Checksum(buf[4:], crc32.MakeTable(crc32.Castagnoli))
}
