package api

import (
	"errors"
	"net/netip"
	"time"

	"tributary/internal/pure/arn"
	"tributary/internal/pure/policy"
)

// A Call is everything known about an authenticated request besides its input.
type Call struct {
	Service   string // signing name
	Operation string
	Region    arn.Region // from the credential scope; empty without a signature
	Caller    Caller
	RequestID string
	Time      time.Time // when the request was authenticated, UTC
	SourceIP  netip.Addr
	Secure    bool // over TLS
	UserAgent string
	// Room, if not nil, is what MakeRoom asks.
	Room func(bytes int64) bool
}

// ErrNoRoom means that there is no memory for an answer at the moment. The client is
// asked to come again.
var ErrNoRoom = errors.New("no room for the answer")

// MakeRoom reserves memory for so many bytes of data that the answer is to have, as an
// operation does whose answer may be large. The first time it may wait for some to become
// free. It is false where there is none now: what has room is the answer then, and
// without anything ErrNoRoom.
func (c *Call) MakeRoom(bytes int64) bool { return c.Room == nil || c.Room(bytes) }

// Account is the account the call acts in: the caller's own.
func (c *Call) Account() arn.AccountID { return c.Caller.Principal.Account }

// ARN names a resource of the caller's account in the call's Region.
func (c *Call) ARN(service, resource string) arn.ARN {
	return arn.New(service, c.Region, c.Account(), resource)
}

// A Caller is who signed a request, and with what.
type Caller struct {
	Principal   policy.Principal
	AccessKeyID string
	// Session policies given when the credentials were made, nil for long-term
	// keys.
	SessionPolicies []policy.Source
	// SessionContext are condition keys fixed when the session began
	// (aws:tokenissuetime, aws:federatedprovider, tags).
	SessionContext policy.Context
}

// Nobody is the caller of a request without a signature. Only operations made by
// [WithoutSignature] are called so.
func Nobody() Caller { return Caller{Principal: policy.Principal{Kind: policy.Anonymous}} }

// Timestamp is a point in time on the wire: epoch seconds with a fraction in
// JSON, ISO 8601 in XML, tagged milliseconds in CBOR. The zero value is absent.
type Timestamp struct{ time.Time }

// At is the wire form of t, cut to milliseconds.
func At(t time.Time) Timestamp { return Timestamp{t.UTC().Truncate(time.Millisecond)} }
