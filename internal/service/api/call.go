package api

import (
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
}

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
