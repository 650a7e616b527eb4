package kinesis

import (
	"encoding/binary"
	"errors"
	"fmt"

	"tributary/internal/durable/journal"
	"tributary/internal/service/api"
)

// The version begins every entry of a shard journal; the format is described in
// docs/formats/shard-journal.md. The two differ only in what they say.
const (
	recordVersion = 1
	// recordVersionKMS says that the stream's encryption was on.
	recordVersionKMS = 2
)

// What the API calls stream encryption.
const (
	encryptionNone = "NONE"
	encryptionKMS  = "KMS"
)

// errRecordFormat is returned for an entry that is not a record of ours.
var errRecordFormat = errors.New("entry of a shard journal has another format")

// recordOverhead is the most that an entry has besides the partition key and data.
const recordOverhead = 1 + binary.MaxVarintLen32

// entries are records in the form of a shard journal, in one piece of memory.
type entries struct {
	version byte
	buf     []byte
	list    [][]byte
}

// newEntries makes room for n records with that many bytes of partition keys and
// data.
func (st *stream) newEntries(n, size int) *entries {
	version := byte(recordVersion)
	if st.KeyID != "" {
		version = recordVersionKMS
	}
	return &entries{version, make([]byte, 0, n*recordOverhead+size), make([][]byte, 0, n)}
}

func (e *entries) add(partitionKey string, data []byte) {
	start := len(e.buf)
	e.buf = appendRecord(e.buf, e.version, partitionKey, data)
	e.list = append(e.list, e.buf[start:len(e.buf):len(e.buf)])
}

// appendRecord appends the entry for a record.
func appendRecord(dst []byte, version byte, partitionKey string, data []byte) []byte {
	dst = append(dst, version)
	dst = binary.AppendUvarint(dst, uint64(len(partitionKey)))
	dst = append(dst, partitionKey...)
	return append(dst, data...)
}

// record is a record of a block of the shard's journal, as GetRecords shows it.
func (sh *shard) record(b *journal.Block, i int) (Record, error) {
	at := b.Position(i)
	record, err := decodeRecord(b.Entries[i])
	if err != nil {
		return Record{}, fmt.Errorf("record at %s: %w", at, err)
	}
	record.SequenceNumber = sh.sequenceOf(at, b.Time).String()
	record.ApproximateArrivalTimestamp = api.At(b.Time)
	return record, nil
}

// decodeRecord reads an entry: partition key, data, which is a part of the entry, and
// the type of encryption as GetRecords shows it, empty for none.
func decodeRecord(entry []byte) (Record, error) {
	if len(entry) == 0 {
		return Record{}, fmt.Errorf("%w: it is empty", errRecordFormat)
	}
	if entry[0] != recordVersion && entry[0] != recordVersionKMS {
		return Record{}, fmt.Errorf("%w: version %d", errRecordFormat, entry[0])
	}
	n, read := binary.Uvarint(entry[1:])
	if read <= 0 || n > uint64(len(entry)-1-read) {
		return Record{}, fmt.Errorf("%w: length of partition key", errRecordFormat)
	}
	rest := entry[1+read:]
	r := Record{PartitionKey: string(rest[:n]), Data: rest[n:]}
	if entry[0] == recordVersionKMS {
		r.EncryptionType = encryptionKMS
	}
	return r, nil
}
