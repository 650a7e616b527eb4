package consumer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/klauspost/compress/gzip"
)

// The types of message, Envelope.MessageType.
const (
	// DataMessage is the type of an envelope with log events.
	DataMessage = "DATA_MESSAGE"
	// ControlMessage is the type of an envelope that only tests whether the stream
	// can be written to. It carries nothing for the reader.
	ControlMessage = "CONTROL_MESSAGE"
)

// An Envelope is what one record of a subscription holds: events of one log
// stream that matched one subscription filter.
type Envelope struct {
	MessageType string `json:"messageType"` // DataMessage or ControlMessage
	// Owner is the account that owns the log group, 12 digits; of a control message
	// it is the word CloudwatchLogs.
	Owner     string `json:"owner"`
	LogGroup  string `json:"logGroup"`
	LogStream string `json:"logStream"`
	// SubscriptionFilters are the names of the filters that matched; of a record
	// that an account-level policy delivered, the policy's name.
	SubscriptionFilters []string `json:"subscriptionFilters"`
	LogEvents           []Event  `json:"logEvents"`
	// PolicyLevel is ACCOUNT_LEVEL_POLICY where an account-level policy delivered
	// the events, and empty where a log group's own filter did.
	PolicyLevel string `json:"policyLevel,omitempty"`
}

// Control reports whether the envelope is a control message, which readers skip.
func (e *Envelope) Control() bool { return e.MessageType == ControlMessage }

// AccountLevel reports whether an account-level policy delivered the events.
func (e *Envelope) AccountLevel() bool { return e.PolicyLevel == "ACCOUNT_LEVEL_POLICY" }

// An Event is one log event.
type Event struct {
	// ID identifies the event: the same event of the same log group has the same id
	// in every delivery, so that ids tell repetitions.
	ID        string `json:"id"`
	Timestamp int64  `json:"timestamp"` // ms since the epoch, as its writer gave it
	Message   string `json:"message"`   // unchanged
	// ExtractedFields are the fields of a space-delimited filter pattern, by their
	// names without $, and the system fields that the filter asks for (see
	// [Event.SystemFields]).
	ExtractedFields map[string]string `json:"extractedFields,omitempty"`
}

// Time is the event's timestamp.
func (e *Event) Time() time.Time { return time.UnixMilli(e.Timestamp) }

// SystemFields say where an event comes from. Each is empty unless the filter's
// emitSystemFields names it.
type SystemFields struct {
	Account   string // @aws.account
	Region    string // @aws.region
	SourceLog string // @source.log, the log group
}

// SystemFields returns the system fields among the extracted ones.
func (e *Event) SystemFields() SystemFields {
	return SystemFields{
		Account:   e.ExtractedFields["@aws.account"],
		Region:    e.ExtractedFields["@aws.region"],
		SourceLog: e.ExtractedFields["@source.log"],
	}
}

// MaxExpanded bounds what a record may expand to, in bytes. A record of 10 MiB,
// the largest there is, holds less than this unless it was made to do harm.
const MaxExpanded = 256 << 20

// ErrNotEnvelope marks a record that no subscription made: it is not gzip, not
// JSON, or not an object with a messageType that is known.
var ErrNotEnvelope = errors.New("record is not from a subscription")

// ErrTooLarge marks a record that expands to more than MaxExpanded.
var ErrTooLarge = errors.New("record expands to too much")

// Decode reads the data of one record: gzip, then JSON. The error wraps
// ErrNotEnvelope or ErrTooLarge.
func Decode(data []byte) (Envelope, error) {
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return Envelope{}, fmt.Errorf("%w: %w", ErrNotEnvelope, err)
	}
	text, err := io.ReadAll(io.LimitReader(r, MaxExpanded+1))
	if err != nil {
		return Envelope{}, fmt.Errorf("%w: expand it: %w", ErrNotEnvelope, err)
	}
	if len(text) > MaxExpanded {
		return Envelope{}, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, MaxExpanded)
	}
	var e Envelope
	if err := json.Unmarshal(text, &e); err != nil {
		return Envelope{}, fmt.Errorf("%w: %w", ErrNotEnvelope, err)
	}
	if e.MessageType != DataMessage && e.MessageType != ControlMessage {
		return Envelope{}, fmt.Errorf("%w: messageType is %q", ErrNotEnvelope, e.MessageType)
	}
	return e, nil
}
