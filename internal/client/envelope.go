package client

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
)

// An Envelope is what a record of a subscription holds, decoded.
type Envelope struct {
	MessageType         string   `json:"messageType"` // DATA_MESSAGE or CONTROL_MESSAGE
	Owner               string   `json:"owner"`
	LogGroup            string   `json:"logGroup"`
	LogStream           string   `json:"logStream"`
	SubscriptionFilters []string `json:"subscriptionFilters"`
	LogEvents           []Event  `json:"logEvents"`
	PolicyLevel         string   `json:"policyLevel,omitempty"` // ACCOUNT_LEVEL_POLICY, else absent
}

// An Event is one log event of an Envelope.
type Event struct {
	ID              string            `json:"id"`
	Timestamp       int64             `json:"timestamp"` // ms since the epoch
	Message         string            `json:"message"`
	ExtractedFields map[string]string `json:"extractedFields,omitempty"`
}

// maxEnvelope bounds what a record may expand to.
const maxEnvelope = 256 << 20

// DecodeEnvelope reads the data of one record: gzip, then JSON.
func DecodeEnvelope(data []byte) (Envelope, error) {
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return Envelope{}, fmt.Errorf("record is not gzip: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(r, maxEnvelope))
	if err != nil {
		return Envelope{}, fmt.Errorf("expand record: %w", err)
	}
	var e Envelope
	if err := json.Unmarshal(text, &e); err != nil {
		return Envelope{}, fmt.Errorf("record holds no envelope: %w", err)
	}
	return e, nil
}
