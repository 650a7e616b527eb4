package catalog

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// formatVersion is the version of changeSet. Values have one of their own, the
// schema version of their table.
const formatVersion = 1

// A sum is the first eight bytes of a SHA-256.
type sum uint64

// A changeSet is one message of the log.
type changeSet struct {
	Format   int      `json:"format"`
	Revision Revision `json:"revision"` // the message's own number in the stream
	Previous string   `json:"previous"` // sum of the message before, in 16 hex digits
	Changes  []change `json:"changes"`
}

// A change gives a key a value or takes it away.
type change struct {
	Table string   `json:"table"`
	Key   []string `json:"key"`
	// Schema is the version of Value's shape.
	Schema int `json:"schema,omitzero"`
	// Written is the revision that wrote the value, when it is not this one: the
	// change only brings a value to the end of the log.
	Written Revision       `json:"written,omitzero"`
	Deleted bool           `json:"deleted,omitzero"`
	Value   jsontext.Value `json:"value,omitempty"`
}

// The end of every message: the sum of all bytes before it.
const (
	sumPrefix = `,"sum":"`
	sumSuffix = `"}`
	sumLength = len(sumPrefix) + 16 + len(sumSuffix)
)

// encode returns the message and its sum.
func (s *changeSet) encode() ([]byte, sum, error) {
	s.Format = formatVersion
	b, err := json.Marshal(s, json.Deterministic(true))
	if err != nil {
		return nil, 0, fmt.Errorf("encode change set: %w", err)
	}
	b = b[:len(b)-1] // the closing brace comes after the sum
	own := sumOf(b)
	return fmt.Appendf(b, sumPrefix+"%016x"+sumSuffix, uint64(own)), own, nil
}

// decodeChangeSet checks and reads the message that the stream holds under number n.
func decodeChangeSet(n Revision, msg []byte) (*changeSet, sum, error) {
	body, own, err := splitSum(msg)
	if err != nil {
		return nil, 0, fmt.Errorf("%w: revision %d: %w", ErrDamaged, n, err)
	}
	s := new(changeSet)
	if err := json.Unmarshal(append(body[:len(body):len(body)], '}'), s, json.RejectUnknownMembers(true)); err != nil {
		if s.Format > formatVersion {
			err = errNewer
		}
		return nil, 0, fmt.Errorf("revision %d: %w", n, err)
	}
	if s.Format != formatVersion {
		return nil, 0, fmt.Errorf("revision %d: %w", n, errNewer)
	}
	if s.Revision != n {
		return nil, 0, fmt.Errorf("%w: revision %d says that it is revision %d", ErrDamaged, n, s.Revision)
	}
	return s, own, nil
}

var errNewer = errors.New("written by a newer release")

// splitSum takes the sum off a message and checks it.
func splitSum(msg []byte) (body []byte, own sum, err error) {
	n := len(msg) - sumLength
	if n < 0 {
		return nil, 0, errors.New("too short")
	}
	body, end := msg[:n], string(msg[n:])
	hex := end[len(sumPrefix) : len(end)-len(sumSuffix)]
	stored, err := parseSum(hex)
	if err != nil || end != sumPrefix+hex+sumSuffix {
		return nil, 0, errors.New("has no checksum at its end")
	}
	if own = sumOf(body); own != stored {
		return nil, 0, fmt.Errorf("checksum is %s, should be %s", own, stored)
	}
	return body, own, nil
}

func sumOf(b []byte) sum {
	h := sha256.Sum256(b)
	return sum(binary.BigEndian.Uint64(h[:]))
}

func parseSum(hex string) (sum, error) {
	n, err := strconv.ParseUint(hex, 16, 64)
	return sum(n), err
}

func (s sum) String() string { return fmt.Sprintf("%016x", uint64(s)) }
