package kinesis

import (
	"encoding/base64"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"tributary/internal/service/api"
)

var _ api.JSONAppender = (*recordsAnswer)(nil)

// A recordsAnswer is a GetRecordsOutput, with the same members, that knows which of its
// records are shared.
type recordsAnswer struct {
	Records            []Record     `json:"Records"`
	NextShardIterator  string       `json:"NextShardIterator,omitzero"`
	MillisBehindLatest *int64       `json:"MillisBehindLatest,omitzero"`
	ChildShards        []ChildShard `json:"ChildShards,omitzero"`

	runs []run `json:"-"`
}

// JSONSize is about how long the answer's JSON becomes.
func (out *recordsAnswer) JSONSize() int {
	const rest = 1024 // about what there is besides the records
	return rest + jsonSize(out.Records)
}

// AppendJSON appends the answer's JSON. It is written by hand because an answer
// has up to ten thousand records and 10 MiB of data, which an encoder would take
// through reflection and copy once more for its base64.
func (out *recordsAnswer) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"Records":`...)
	dst = appendRecords(dst, out.Records, out.runs)
	if out.NextShardIterator != "" {
		dst = append(dst, `,"NextShardIterator":"`...)
		dst = append(append(dst, out.NextShardIterator...), '"')
	}
	if out.MillisBehindLatest != nil {
		dst = append(dst, `,"MillisBehindLatest":`...)
		dst = strconv.AppendInt(dst, *out.MillisBehindLatest, 10)
	}
	return append(appendChildShards(dst, out.ChildShards), '}')
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

// appendChildShards appends the member ChildShards, if there are any.
func appendChildShards(dst []byte, children []ChildShard) []byte {
	if len(children) == 0 {
		return dst
	}
	dst = append(dst, `,"ChildShards":[`...)
	for i := range children {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = children[i].appendJSON(dst)
	}
	return append(dst, ']')
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
