package logs

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"unsafe"

	"tributary/internal/pure/arn"
)

// A StreamID tells a log stream from every other that ever had its name.
type StreamID uint64

// An Entry is one accepted PutLogEvents call as an ingest journal holds it
// (docs/formats/ingest-journal.md). A decoded Entry refers to the bytes it was
// decoded from; whoever keeps a part of it beyond them clones that part.
type Entry struct {
	Account   arn.AccountID
	Region    arn.Region
	Group     string
	Stream    string
	StreamID  StreamID
	Ingestion int64  // ms since 1970
	Batch     uint64 // random for each call
	// First is the index in the call of the first event: events before it were
	// too old to be accepted.
	First  int
	Count  int // events
	events []byte
}

// An Event is one log event of an entry.
type Event struct {
	Index     int   // in the call
	Timestamp int64 // ms since 1970
	// Message is the text as the JSON string literal in which it was sent, with
	// its quotes.
	Message []byte
}

const entryVersion = 1

// The longest of each part that a decoder takes. They are far above what the
// API admits.
const (
	maxEntryName   = 4096
	maxEntryEvents = 1 << 16
)

// appendEntry appends the head of the entry and these events, whose times
// ascend; e.Count and e.events are not looked at. Messages are cut from body.
func appendEntry(dst []byte, e *Entry, body []byte, events []scannedEvent) []byte {
	dst = append(dst, entryVersion)
	for _, name := range [...]string{string(e.Account), string(e.Region), e.Group, e.Stream} {
		dst = binary.AppendUvarint(dst, uint64(len(name)))
		dst = append(dst, name...)
	}
	dst = binary.BigEndian.AppendUint64(dst, uint64(e.StreamID))
	dst = binary.BigEndian.AppendUint64(dst, e.Batch)
	dst = binary.AppendUvarint(dst, uint64(e.Ingestion))
	dst = binary.AppendUvarint(dst, uint64(e.First))
	dst = binary.AppendUvarint(dst, uint64(len(events)))
	before := int64(0)
	for i := range events {
		ev := &events[i]
		dst = binary.AppendUvarint(dst, uint64(ev.Timestamp-before))
		before = ev.Timestamp
		dst = binary.AppendUvarint(dst, uint64(ev.End-ev.Start))
		dst = append(dst, body[ev.Start:ev.End]...)
	}
	return dst
}

var errEntry = errors.New("not an ingest entry")

// DecodeEntry reads an entry without copying it. An entry that was decoded is
// sound throughout: iterating over its events cannot fail.
func DecodeEntry(b []byte) (Entry, error) {
	d := entryDecoder{rest: b}
	if v := d.byte(); v != entryVersion {
		return Entry{}, fmt.Errorf("%w: version %d", errEntry, v)
	}
	e := Entry{
		Account:   arn.AccountID(d.text()),
		Region:    arn.Region(d.text()),
		Group:     d.text(),
		Stream:    d.text(),
		StreamID:  StreamID(d.uint64()),
		Batch:     d.uint64(),
		Ingestion: int64(d.uvarint(maxTimestamp)),
		First:     int(d.uvarint(maxEntryEvents)),
		Count:     int(d.uvarint(maxEntryEvents)),
	}
	if e.First+e.Count > maxEntryEvents {
		d.failed = true
	}
	e.events = d.rest
	timestamp := uint64(0)
	for range e.Count {
		timestamp += d.uvarint(maxTimestamp)
		message := d.bytes(uint64(len(d.rest)))
		n := len(message)
		if d.failed || timestamp > maxTimestamp || n < 2 || message[0] != '"' || message[n-1] != '"' {
			return Entry{}, fmt.Errorf("%w: malformed event", errEntry)
		}
	}
	if d.failed || len(d.rest) > 0 {
		return Entry{}, fmt.Errorf("%w: malformed", errEntry)
	}
	return e, nil
}

// Events yields the events in order.
func (e *Entry) Events() iter.Seq[Event] {
	return func(yield func(Event) bool) {
		d := entryDecoder{rest: e.events}
		timestamp := int64(0)
		for i := range e.Count {
			timestamp += int64(d.uvarint(maxTimestamp))
			if !yield(Event{Index: e.First + i, Timestamp: timestamp, Message: d.bytes(uint64(len(d.rest)))}) {
				return
			}
		}
	}
}

// EventID is the id of one of the entry's events.
func (e *Entry) EventID(ev Event) EventID {
	return NewEventID(ev.Timestamp, e.Ingestion, e.Batch, ev.Index)
}

// An entryDecoder takes values from the front of rest. After the first that is
// not there it only returns zeros.
type entryDecoder struct {
	rest   []byte
	failed bool
}

func (d *entryDecoder) byte() byte {
	if len(d.rest) == 0 {
		d.failed = true
		return 0
	}
	b := d.rest[0]
	d.rest = d.rest[1:]
	return b
}

func (d *entryDecoder) uint64() uint64 {
	if len(d.rest) < 8 {
		d.failed, d.rest = true, nil
		return 0
	}
	n := binary.BigEndian.Uint64(d.rest)
	d.rest = d.rest[8:]
	return n
}

// uvarint takes a number that is not above limit.
func (d *entryDecoder) uvarint(limit uint64) uint64 {
	n, size := binary.Uvarint(d.rest)
	if size <= 0 || n > limit {
		d.failed, d.rest = true, nil
		return 0
	}
	d.rest = d.rest[size:]
	return n
}

// bytes takes a length, not above limit, and so many bytes.
func (d *entryDecoder) bytes(limit uint64) []byte {
	n := d.uvarint(limit)
	if n > uint64(len(d.rest)) {
		d.failed, d.rest = true, nil
		return nil
	}
	b := d.rest[:n:n]
	d.rest = d.rest[n:]
	return b
}

// text takes a name without copying it: a journal's blocks are never written to
// once they have been read.
func (d *entryDecoder) text() string {
	b := d.bytes(maxEntryName)
	return unsafe.String(unsafe.SliceData(b), len(b))
}
