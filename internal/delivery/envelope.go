package delivery

import (
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"tributary/internal/durable/journal"
	"tributary/internal/pure/arn"
	"tributary/internal/pure/pattern"
	"tributary/internal/service/logs"
)

// An origin is what all events of one record share.
type origin struct {
	owner  arn.AccountID
	group  string
	stream string
	filter string
	// accountLevel is true when filter is the name of an account's policy.
	accountLevel bool
}

// An event is one matched log event, ready to be put into a record.
type event struct {
	at        journal.Position // of its entry in the ingest journal
	ingested  int64            // ms since the epoch
	id        logs.EventID
	timestamp int64 // ms since the epoch
	// message is the event's text as a JSON string literal, with its quotes; it is
	// copied through as it came.
	message []byte
	fields  []pattern.Field // extractedFields, in order; nil for none
}

// appendEnvelope appends the JSON that stands inside a record: compact, its
// members in the order that captured records have.
func appendEnvelope(dst []byte, o origin, events []event) []byte {
	dst = append(dst, `{"messageType":"DATA_MESSAGE","owner":"`...)
	dst = append(dst, o.owner...)
	dst = append(dst, `","logGroup":`...)
	dst = appendQuoted(dst, o.group)
	dst = append(dst, `,"logStream":`...)
	dst = appendQuoted(dst, o.stream)
	dst = append(dst, `,"subscriptionFilters":[`...)
	dst = appendQuoted(dst, o.filter)
	dst = append(dst, `],"logEvents":[`...)
	for i := range events {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendEvent(dst, &events[i])
	}
	dst = append(dst, ']')
	if o.accountLevel {
		dst = append(dst, `,"policyLevel":"ACCOUNT_LEVEL_POLICY"`...)
	}
	return append(dst, '}')
}

func appendEvent(dst []byte, e *event) []byte {
	dst = append(dst, `{"id":"`...)
	dst = e.id.Append(dst)
	dst = append(dst, `","timestamp":`...)
	dst = strconv.AppendInt(dst, e.timestamp, 10)
	dst = append(dst, `,"message":`...)
	dst = append(dst, e.message...)
	if e.fields != nil {
		dst = append(dst, `,"extractedFields":{`...)
		for i, f := range e.fields {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendQuoted(dst, f.Name)
			dst = append(dst, ':')
			dst = appendQuoted(dst, f.Value)
		}
		dst = append(dst, '}')
	}
	return append(dst, '}')
}

// appendControl appends the JSON of the message that tests a destination.
func appendControl(dst []byte, timestamp int64) []byte {
	dst = append(dst, `{"messageType":"CONTROL_MESSAGE","owner":"CloudwatchLogs","logGroup":"","logStream":"","subscriptionFilters":[],"logEvents":[{"id":"","timestamp":`...)
	dst = strconv.AppendInt(dst, timestamp, 10)
	return append(dst, `,"message":"CWL CONTROL MESSAGE: Checking health of destination Kinesis stream."}]}`...)
}

// appendQuoted appends s as a JSON string; bytes that are not UTF-8 become the
// replacement character.
func appendQuoted(dst []byte, s string) []byte {
	dst, _ = jsontext.AppendQuote(dst, s) // the error only tells of replaced bytes
	return dst
}
