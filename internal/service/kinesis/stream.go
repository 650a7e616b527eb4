package kinesis

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"tributary/internal/durable/catalog"
	"tributary/internal/pure/arn"
	"tributary/internal/service/api"
)

// A streamID names a stream.
type streamID struct {
	Account arn.AccountID
	Region  arn.Region
	Name    string
}

func (id streamID) key() catalog.Key {
	return catalog.KeyOf(string(id.Account), string(id.Region), id.Name)
}

func idOfKey(k catalog.Key) streamID {
	p := k.Parts()
	return streamID{arn.AccountID(p[0]), arn.Region(p[1]), p[2]}
}

func (id streamID) arn() arn.ARN {
	return arn.New("kinesis", id.Region, id.Account, "stream/"+id.Name)
}

// parseStreamARN reads the ARN of a stream. ok is false for every other text, the
// ARN of a stream's consumer too.
func parseStreamARN(text string) (id streamID, ok bool) {
	p, err := arn.Parse(text)
	if err != nil || p.Partition != "aws" || p.Service != "kinesis" {
		return streamID{}, false
	}
	name, ok := strings.CutPrefix(p.Resource, "stream/")
	if !ok || !validName(name) {
		return streamID{}, false
	}
	account, err := arn.ParseAccountID(string(p.Account))
	if err != nil {
		return streamID{}, false
	}
	region, err := arn.ParseRegion(string(p.Region))
	if err != nil {
		return streamID{}, false
	}
	return streamID{account, region, name}, true
}

// validName is the model's pattern for stream names.
func validName(name string) bool {
	if name == "" || len(name) > 128 {
		return false
	}
	for i := range len(name) {
		c := name[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '.' && c != '-' {
			return false
		}
	}
	return true
}

// named is the stream that a request means by StreamName, StreamARN or both,
// which is how AWS lets every operation name one. A name alone is a stream of the
// caller's account and Region. An ARN may name any stream; whether the caller may
// touch that is for policies to say.
func named(call *api.Call, name, streamARN string) (streamID, error) {
	id := streamID{call.Account(), call.Region, name}
	if streamARN == "" {
		if name == "" {
			return streamID{}, errNoStreamNamed()
		}
		return id, nil
	}
	byARN, ok := parseStreamARN(streamARN)
	if !ok {
		return streamID{}, errInvalidARN(streamARN)
	}
	if name != "" && name != byARN.Name {
		return streamID{}, errNameAndARNDiffer(name, streamARN)
	}
	return byARN, nil
}

// sameStream refuses the ARN of another stream than the one that an iterator or page
// token is of. No ARN is no objection.
func sameStream(id streamID, streamARN string) error {
	if streamARN == "" {
		return nil
	}
	byARN, ok := parseStreamARN(streamARN)
	switch {
	case !ok:
		return errInvalidARN(streamARN)
	case byARN != id:
		return errNameAndARNDiffer(id.Name, streamARN)
	}
	return nil
}

// Status of a stream, as the API writes it.
const (
	statusCreating = "CREATING"
	statusActive   = "ACTIVE"
	statusUpdating = "UPDATING"
	statusDeleting = "DELETING"
)

// Capacity modes.
const (
	modeOnDemand    = "ON_DEMAND"
	modeProvisioned = "PROVISIONED"
)

// distributionAuto spreads records without a partition key over all shards.
const distributionAuto = "AUTO"

// A stream is the stored record of a stream: the value of its key in the table
// kinesis/stream.
type stream struct {
	// Generation is random. It tells a stream from an earlier one of the same name,
	// in the names of journals and in iterators.
	Generation     string    `json:"generation"`
	Status         string    `json:"status"`
	Created        time.Time `json:"created"`
	Mode           string    `json:"mode"`
	RetentionHours int32     `json:"retentionHours"`
	MaxRecordKiB   int32     `json:"maxRecordKiB"`
	Distribution   string    `json:"distribution,omitzero"`
	// WarmMiBps is stored and shown; throughput is not bounded here.
	WarmMiBps int32             `json:"warmMiBps,omitzero"`
	Tags      map[string]string `json:"tags,omitzero"`
	Shards    []shard           `json:"shards"` // ascending by ID
	// Consumers are those registered for enhanced fan-out, ascending by name.
	Consumers []consumer `json:"consumers,omitzero"`
	// Resharding is what is being done while the stream is UPDATING.
	Resharding *resharding `json:"resharding,omitzero"`
	// Floor is before every record that may be shown: what a shorter retention has
	// expired does not come back with a longer one.
	Floor time.Time `json:"floor,omitzero"`
	// Policy says which other accounts may use the stream.
	Policy resourcePolicy `json:"policy,omitzero"`
	// KeyID is that of StartStreamEncryption, empty while encryption is off.
	KeyID string `json:"keyId,omitzero"`
	// Metrics are those of EnableEnhancedMonitoring, ascending; kept and shown.
	Metrics []string `json:"metrics,omitzero"`
	// When UpdateShardCount and UpdateStreamMode took effect, and StartStreamEncryption
	// with another key, in the last 24 hours.
	Scalings    []time.Time `json:"scalings,omitzero"`
	ModeChanges []time.Time `json:"modeChanges,omitzero"`
	KeyChanges  []time.Time `json:"keyChanges,omitzero"`
}

const (
	generationLen     = 16
	defaultRetention  = 24   // hours
	defaultRecordKiB  = 1024 // data and partition key of one record
	onDemandShards    = 4
	distributionByKey = "USER_PARTITION_KEY"
)

func newGeneration() string {
	var b [generationLen / 2]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// journal is the name of the journal behind a shard.
func (st *stream) journal(id ShardID) string {
	return "shard-" + st.Generation + "-" + strings.TrimPrefix(id.String(), "shardId-")
}

// usable reports whether records may be put and read.
func (st *stream) usable() bool { return st.Status == statusActive || st.Status == statusUpdating }

// maxRecord is how many bytes the data and partition key of a record may have.
func (st *stream) maxRecord() int { return int(st.MaxRecordKiB) << 10 }

func (st *stream) retention() time.Duration { return time.Duration(st.RetentionHours) * time.Hour }

// horizon is before every record that may be shown at a time of [Service.expiryClock].
func (st *stream) horizon(now time.Time) time.Time {
	if h := now.Add(-st.retention()); h.After(st.Floor) {
		return h
	}
	return st.Floor
}

// lookup returns the caller's stream in whatever state. Streams of other Regions
// than the one that the request was signed for are not there, nor are those of
// other accounts: this is the last line behind the authorization that has already
// refused them.
func (s *Service) lookup(call *api.Call, id streamID) (stream, catalog.Revision, error) {
	if id.Account != call.Account() {
		return stream{}, 0, errStreamNotFound(id)
	}
	return s.inRegion(call, id)
}

// lookupShared is lookup for the sharedActions, which a stream's policy can open to
// other accounts. What the policy says the authorization has asked; without one there
// is nothing to open.
func (s *Service) lookupShared(call *api.Call, id streamID) (stream, catalog.Revision, error) {
	st, rev, err := s.inRegion(call, id)
	if err == nil && id.Account != call.Account() && st.Policy.IsZero() {
		return stream{}, 0, errStreamNotFound(id)
	}
	return st, rev, err
}

// inRegion returns a stream of any account in the call's Region.
func (s *Service) inRegion(call *api.Call, id streamID) (stream, catalog.Revision, error) {
	if id.Region != call.Region {
		return stream{}, 0, errStreamNotFound(id)
	}
	st, rev, ok := s.streams.Get(id.key())
	if !ok {
		return stream{}, 0, errStreamNotFound(id)
	}
	return st, rev, nil
}

// change gives a stream of the caller's that is ACTIVE another record. apply gets a
// copy of the present one, whose slices and maps are shared with everybody: it
// replaces them and does not write into them.
func (s *Service) change(ctx context.Context, call *api.Call, id streamID, apply func(*stream) error) error {
	if _, _, err := s.lookup(call, id); err != nil {
		return err
	}
	_, err := s.streams.Update(ctx, id.key(), func(st stream, exists bool) (stream, error) {
		switch {
		case !exists:
			return st, errStreamNotFound(id)
		case st.Status != statusActive:
			return st, errStreamNotActive(id, st.Status)
		}
		err := apply(&st)
		return st, err
	})
	if err != nil {
		return fmt.Errorf("change stream: %w", err)
	}
	return nil
}

// lookupUsable is lookupShared for the operations on records: a stream that is not
// ACTIVE or UPDATING behaves as if it was not there.
func (s *Service) lookupUsable(call *api.Call, id streamID) (stream, error) {
	st, _, err := s.lookupShared(call, id)
	if err == nil && !st.usable() {
		err = errStreamNotFound(id)
	}
	return st, err
}
