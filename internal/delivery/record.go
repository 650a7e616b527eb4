package delivery

import (
	"tributary/internal/service/kinesis"
)

// recordBytes is how much text a record holds at most before compression. It
// bounds what a consumer must expand; compressed, a record of it nearly always
// fits a shard's limit of 1 MiB.
const recordBytes = 1 << 20

// eventOverhead is what an event adds to an envelope besides its message.
const eventOverhead = 110

// records encodes events of a packet as records that each fit limit (data and
// key). An event that fits no record even alone is left out and counted in lost.
func (c *compressor) records(p *packet, events []event, limit int) (recs []kinesis.Record, lost int, err error) {
	for len(events) > 0 {
		n, size := 0, 0
		for n < len(events) && (n == 0 || size+len(events[n].message)+eventOverhead <= recordBytes) {
			size += len(events[n].message) + eventOverhead
			n++
		}
		recs, lost, err = c.split(recs, lost, p, events[:n], limit-len(p.key))
		if err != nil {
			return nil, 0, err
		}
		events = events[n:]
	}
	return recs, lost, nil
}

// split encodes events as one record, or halves them until each half fits.
func (c *compressor) split(recs []kinesis.Record, lost int, p *packet, events []event, limit int) ([]kinesis.Record, int, error) {
	plain := c.envelope(p.origin, events)
	defer c.recycle(plain)
	data, err := c.gzip(*plain, fast)
	if err != nil {
		return nil, 0, err
	}
	if len(data) <= limit {
		return append(recs, kinesis.Record{PartitionKey: p.key, Data: data}), lost, nil
	}
	if len(events) == 1 {
		if data, err = c.gzip(*plain, best); err != nil {
			return nil, 0, err
		}
		if len(data) <= limit {
			return append(recs, kinesis.Record{PartitionKey: p.key, Data: data}), lost, nil
		}
		return recs, lost + 1, nil
	}
	half := len(events) / 2
	if recs, lost, err = c.split(recs, lost, p, events[:half], limit); err != nil {
		return nil, 0, err
	}
	return c.split(recs, lost, p, events[half:], limit)
}

// envelope returns the JSON of a record in memory that recycle takes back.
func (c *compressor) envelope(o origin, events []event) *[]byte {
	buf, ok := c.plain.Get().(*[]byte)
	if !ok {
		buf = new([]byte)
	}
	*buf = appendEnvelope((*buf)[:0], o, events)
	return buf
}

func (c *compressor) recycle(buf *[]byte) { c.plain.Put(buf) }
