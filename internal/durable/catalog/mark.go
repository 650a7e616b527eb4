package catalog

import (
	"encoding/binary"
	"fmt"

	"tributary/internal/durable/broker"
)

// markFile is the name of the mark's file in the data directory.
const markFile = "catalog.mark"

// A mark says what the log must hold at least. It is written and synced after every
// change set and before the writers return.
type mark struct {
	generation uint64   // ascends by one with every write
	first      Revision // what lies before is history and may be gone
	last       Revision
	sum        sum // of the message last
}

const markVersion = 1

// readMark returns the newest of the two copies; ok is false when there is none.
func readMark(marks *broker.Marks) (newest mark, ok bool, err error) {
	for slot := range 2 {
		b, found, err := marks.Read(slot)
		if err != nil {
			return mark{}, false, err
		}
		if !found {
			continue
		}
		m, err := decodeMark(b)
		if err != nil {
			return mark{}, false, err
		}
		if !ok || m.generation > newest.generation {
			newest, ok = m, true
		}
	}
	return newest, ok, nil
}

// write puts the mark over the older of the two copies: a write that a crash
// interrupts leaves the other.
func (m mark) write(marks *broker.Marks) error {
	b := []byte{markVersion}
	b = binary.LittleEndian.AppendUint64(b, m.generation)
	b = binary.LittleEndian.AppendUint64(b, uint64(m.first))
	b = binary.LittleEndian.AppendUint64(b, uint64(m.last))
	b = binary.LittleEndian.AppendUint64(b, uint64(m.sum))
	if err := marks.Write(int(m.generation%2), b); err != nil {
		return err
	}
	return marks.Sync()
}

func decodeMark(b []byte) (mark, error) {
	if len(b) != 1+4*8 || b[0] != markVersion {
		return mark{}, fmt.Errorf("%s: %w", markFile, errNewer)
	}
	return mark{
		generation: binary.LittleEndian.Uint64(b[1:]),
		first:      Revision(binary.LittleEndian.Uint64(b[9:])),
		last:       Revision(binary.LittleEndian.Uint64(b[17:])),
		sum:        sum(binary.LittleEndian.Uint64(b[25:])),
	}, nil
}
