package kinesis

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// recordVersion begins every entry of a shard journal; the format is described in
// docs/formats/shard-journal.md.
const recordVersion = 1

// errRecordFormat is returned for an entry that is not a record of ours.
var errRecordFormat = errors.New("entry of a shard journal has another format")

// recordOverhead is the most that an entry has besides the partition key and data.
const recordOverhead = 1 + binary.MaxVarintLen32

// entries are records in the form of a shard journal, in one piece of memory.
type entries struct {
	buf  []byte
	list [][]byte
}

// newEntries makes room for n records with that many bytes of partition keys and
// data.
func newEntries(n, size int) *entries {
	return &entries{make([]byte, 0, n*recordOverhead+size), make([][]byte, 0, n)}
}

func (e *entries) add(partitionKey string, data []byte) {
	start := len(e.buf)
	e.buf = appendRecord(e.buf, partitionKey, data)
	e.list = append(e.list, e.buf[start:len(e.buf):len(e.buf)])
}

// appendRecord appends the entry for a record.
func appendRecord(dst []byte, partitionKey string, data []byte) []byte {
	dst = append(dst, recordVersion)
	dst = binary.AppendUvarint(dst, uint64(len(partitionKey)))
	dst = append(dst, partitionKey...)
	return append(dst, data...)
}

// decodeRecord reads an entry. data is a part of it.
func decodeRecord(entry []byte) (partitionKey string, data []byte, err error) {
	if len(entry) == 0 {
		return "", nil, fmt.Errorf("%w: it is empty", errRecordFormat)
	}
	if entry[0] != recordVersion {
		return "", nil, fmt.Errorf("%w: version %d", errRecordFormat, entry[0])
	}
	n, read := binary.Uvarint(entry[1:])
	if read <= 0 || n > uint64(len(entry)-1-read) {
		return "", nil, fmt.Errorf("%w: length of partition key", errRecordFormat)
	}
	rest := entry[1+read:]
	return string(rest[:n]), rest[n:], nil
}
