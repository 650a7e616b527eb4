package kinesis

import (
	"strconv"

	"tributary/internal/service/api"
)

var _ api.JSONAppender = (*shardEvent)(nil)

// A shardEvent is a SubscribeToShardEvent that knows which of its records are shared.
type shardEvent struct {
	SubscribeToShardEvent
	runs []run
}

// JSONSize is about how long the event's JSON becomes.
func (e *shardEvent) JSONSize() int {
	const rest = 512 // about what there is besides the records
	return rest + jsonSize(e.Records)
}

// AppendJSON appends the event's JSON, by hand for the reason of GetRecords' answers.
// A ContinuationSequenceNumber of "" is null.
func (e *shardEvent) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"Records":`...)
	dst = appendRecords(dst, e.Records, e.runs)
	dst = append(dst, `,"ContinuationSequenceNumber":`...)
	if e.ContinuationSequenceNumber == "" {
		dst = append(dst, `null`...)
	} else {
		dst = append(dst, '"')
		dst = append(append(dst, e.ContinuationSequenceNumber...), '"')
	}
	dst = append(dst, `,"MillisBehindLatest":`...)
	dst = strconv.AppendInt(dst, e.MillisBehindLatest, 10)
	return append(appendChildShards(dst, e.ChildShards), '}')
}
