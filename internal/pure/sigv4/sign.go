package sigv4

import (
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Credentials are those of a client.
type Credentials struct {
	AccessKeyID     string
	SecretAccessKey string
	SessionToken    string // of temporary credentials, else ""
}

// Sign signs r, whose body has the given SHA-256, at the time now. It sets
// X-Amz-Date, X-Amz-Security-Token where there is one, and Authorization. Every
// header that r has by then is signed, but for those that proxies change; r
// must not be changed afterwards.
func Sign(r *http.Request, payloadHash [32]byte, c Credentials, region, service string, now time.Time) {
	now = now.UTC().Truncate(time.Second)
	r.Header.Set("X-Amz-Date", now.Format(timeLayout))
	if c.SessionToken != "" {
		r.Header.Set("X-Amz-Security-Token", c.SessionToken)
	}
	a := &Authorization{
		AccessKeyID:   c.AccessKeyID,
		Scope:         Scope{Date: now.Format(dateLayout), Region: region, Service: service},
		SignedHeaders: signable(r.Header),
		Time:          now,
	}
	signature := a.signClient(r, payloadHash, c.SecretAccessKey)
	r.Header.Set("Authorization", Algorithm+" Credential="+c.AccessKeyID+"/"+a.Scope.String()+
		", SignedHeaders="+strings.Join(a.SignedHeaders, ";")+", Signature="+signature)
}

// Presign signs r in its query string, good from now on for expires. The
// headers that r has are signed, so whoever sends the request must send them.
func Presign(r *http.Request, payloadHash [32]byte, c Credentials, region, service string, now time.Time, expires time.Duration) {
	now = now.UTC().Truncate(time.Second)
	a := &Authorization{
		AccessKeyID:   c.AccessKeyID,
		Scope:         Scope{Date: now.Format(dateLayout), Region: region, Service: service},
		SignedHeaders: signable(r.Header),
		Time:          now,
		Presigned:     true,
		Expires:       expires,
	}
	add := func(name, value string) {
		if r.URL.RawQuery != "" {
			r.URL.RawQuery += "&"
		}
		r.URL.RawQuery += name + "=" + string(appendEscaped(nil, value, false))
	}
	add("X-Amz-Algorithm", Algorithm)
	add("X-Amz-Credential", c.AccessKeyID+"/"+a.Scope.String())
	add("X-Amz-Date", now.Format(timeLayout))
	add("X-Amz-Expires", strconv.Itoa(int(expires/time.Second)))
	add("X-Amz-SignedHeaders", strings.Join(a.SignedHeaders, ";"))
	if c.SessionToken != "" {
		add("X-Amz-Security-Token", c.SessionToken)
	}
	add("X-Amz-Signature", a.signClient(r, payloadHash, c.SecretAccessKey))
}

func (a *Authorization) signClient(r *http.Request, payloadHash [32]byte, secret string) string {
	host := r.Host
	if host == "" {
		host = r.URL.Host
	}
	signed := &Request{
		Method:        r.Method,
		Path:          r.URL.EscapedPath(),
		RawQuery:      r.URL.RawQuery,
		Host:          host,
		Header:        r.Header,
		ContentLength: r.ContentLength,
		PayloadHash:   payloadHash,
	}
	path := signed.Path
	if path == "" {
		path = "/"
	}
	signature := a.sign(signed, DeriveKey(secret, a.Scope), cleanPath(path))
	return hex.EncodeToString(signature[:])
}

// signable are the names to sign, in order, the host's among them.
func signable(h http.Header) []string {
	names := []string{"host"}
	for name := range h {
		switch name {
		case "Authorization", "User-Agent", "X-Amzn-Trace-Id", "Accept-Encoding", "Connection", "Expect", "Te", "Transfer-Encoding", "Upgrade":
			continue
		}
		names = append(names, strings.ToLower(name))
	}
	slices.Sort(names)
	return names
}
