package kinesis

import (
	"encoding/base64"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"tributary/internal/service/api"
)

var _ api.JSONAppender = (*GetRecordsOutput)(nil)

// AppendJSON appends the output's JSON. It is written by hand because an answer
// has up to ten thousand records and 10 MiB of data, which an encoder would take
// through reflection and copy once more for its base64.
func (out *GetRecordsOutput) AppendJSON(dst []byte) []byte {
	dst = slices.Grow(dst, out.jsonSize())
	dst = append(dst, `{"Records":[`...)
	for i := range out.Records {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = out.Records[i].appendJSON(dst)
	}
	dst = append(dst, ']')
	if out.NextShardIterator != "" {
		dst = append(dst, `,"NextShardIterator":"`...)
		dst = append(append(dst, out.NextShardIterator...), '"')
	}
	if out.MillisBehindLatest != nil {
		dst = append(dst, `,"MillisBehindLatest":`...)
		dst = strconv.AppendInt(dst, *out.MillisBehindLatest, 10)
	}
	if len(out.ChildShards) > 0 {
		dst = append(dst, `,"ChildShards":[`...)
		for i := range out.ChildShards {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = out.ChildShards[i].appendJSON(dst)
		}
		dst = append(dst, ']')
	}
	return append(dst, '}')
}

// jsonSize is about how long the JSON becomes: growing by doubling would copy a large
// answer once more.
func (out *GetRecordsOutput) jsonSize() int {
	const ends, record = 1024, 200 // names, numbers and times
	size := ends
	for i := range out.Records {
		size += record + len(out.Records[i].PartitionKey) + base64.StdEncoding.EncodedLen(len(out.Records[i].Data))
	}
	return size
}

func (r *Record) appendJSON(dst []byte) []byte {
	dst = append(dst, `{"SequenceNumber":"`...)
	dst = append(append(dst, r.SequenceNumber...), '"')
	if t := r.ApproximateArrivalTimestamp; !t.IsZero() {
		dst = append(dst, `,"ApproximateArrivalTimestamp":`...)
		dst = strconv.AppendFloat(dst, float64(t.UnixMilli())/1000, 'f', -1, 64)
	}
	dst = append(dst, `,"Data":"`...)
	dst = base64.StdEncoding.AppendEncode(dst, r.Data)
	dst = append(dst, '"')
	if r.PartitionKey != "" {
		dst = append(dst, `,"PartitionKey":`...)
		dst = appendText(dst, r.PartitionKey)
	}
	if r.EncryptionType != "" {
		dst = append(dst, `,"EncryptionType":`...)
		dst = appendText(dst, r.EncryptionType)
	}
	return append(dst, '}')
}

func (c *ChildShard) appendJSON(dst []byte) []byte {
	dst = append(dst, `{"ShardId":`...)
	dst = appendText(dst, c.ShardID)
	dst = append(dst, `,"ParentShards":[`...)
	for i, p := range c.ParentShards {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendText(dst, p)
	}
	dst = append(dst, `],"HashKeyRange":{"StartingHashKey":`...)
	dst = appendText(dst, c.HashKeyRange.StartingHashKey)
	dst = append(dst, `,"EndingHashKey":`...)
	dst = appendText(dst, c.HashKeyRange.EndingHashKey)
	return append(dst, `}}`...)
}

// appendText appends s as a JSON string.
func appendText(dst []byte, s string) []byte {
	dst, _ = jsontext.AppendQuote(dst, s) // the error tells of invalid UTF-8, which is replaced
	return dst
}
