package sigv4

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Algorithm is the only one that is accepted.
const Algorithm = "AWS4-HMAC-SHA256"

const (
	terminator = "aws4_request"
	dateLayout = "20060102"
	timeLayout = "20060102T150405Z"

	// maxExpires is AWS's longest life of a presigned request.
	maxExpires = 7 * 24 * time.Hour
)

// A Scope is what a derived key is good for.
type Scope struct {
	Date    string // YYYYMMDD, UTC
	Region  string
	Service string
}

// String is the scope as it stands in a string to sign.
func (s Scope) String() string {
	return s.Date + "/" + s.Region + "/" + s.Service + "/" + terminator
}

// An Authorization is what a request says of who signed it, and how. None of it
// is proven before Verify.
type Authorization struct {
	AccessKeyID   string
	Scope         Scope
	SignedHeaders []string // lower case, sorted, each once
	Signature     [32]byte
	Time          time.Time // X-Amz-Date, or Date without it
	SessionToken  string    // X-Amz-Security-Token, "" without
	// Presigned says that all this came from the query string, and Expires for
	// how long after Time the request is good.
	Presigned bool
	Expires   time.Duration
}

// A Fault says in which way a request is not signed as it must be.
type Fault uint8

// The faults.
const (
	Missing    Fault = iota + 1 // no credentials of this kind at all
	Incomplete                  // credentials that lack a part, or are malformed
	Invalid                     // credentials that are not good for this request or time
)

// An Error is a refusal, in the words that AWS uses for it.
type Error struct {
	Fault   Fault
	Message string
}

func (e *Error) Error() string { return e.Message }

func incomplete(format string, args ...any) *Error {
	return &Error{Incomplete, fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) *Error {
	return &Error{Invalid, fmt.Sprintf(format, args...)}
}

// Read reads the credentials of a request, from the Authorization header or
// from the query string, and checks all that needs neither clock nor secret.
// The error is an *Error.
func Read(r *Request) (*Authorization, error) {
	for _, name := range [...]string{"Authorization", "X-Amz-Date", "Date", "X-Amz-Security-Token"} {
		if len(r.Header[name]) > 1 {
			return nil, incomplete("The header '%s' is given more than once.", name)
		}
	}
	query, err := parseQuery(r.RawQuery)
	if err != nil {
		return nil, incomplete("The query string is malformed: %v.", err)
	}
	header, inHeader := r.Header["Authorization"]
	switch inQuery := query.values("X-Amz-Algorithm") != nil; {
	case inQuery && inHeader:
		return nil, invalid("Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.")
	case inQuery:
		return readQuery(r, query)
	case inHeader:
		return readHeader(r, header[0])
	default:
		return nil, &Error{Missing, "Missing Authentication Token"}
	}
}

func readHeader(r *Request, header string) (*Authorization, error) {
	date := r.Header.Get("X-Amz-Date")
	if date == "" {
		date = r.Header.Get("Date")
	}
	f, err := parseHeader(header, date != "")
	if err != nil {
		return nil, err
	}
	a := &Authorization{SessionToken: r.Header.Get("X-Amz-Security-Token")}
	if a.Time, err = parseTime(date); err != nil {
		return nil, incomplete("Date must be in ISO-8601 'basic format'. Got '%s'. See http://en.wikipedia.org/wiki/ISO_8601", date)
	}
	return a, a.fill(r, f)
}

func readQuery(r *Request, query parameters) (*Authorization, error) {
	var f fields
	var date, expires, missing string
	a := &Authorization{Presigned: true}
	for _, p := range []struct {
		name     string
		to       *string
		optional bool
	}{
		{"X-Amz-Algorithm", &f.algorithm, false},
		{"X-Amz-Credential", &f.credential, false},
		{"X-Amz-Signature", &f.signature, false},
		{"X-Amz-SignedHeaders", &f.signedHeaders, false},
		{"X-Amz-Date", &date, false},
		{"X-Amz-Expires", &expires, false},
		{"X-Amz-Security-Token", &a.SessionToken, true},
	} {
		values := query.values(p.name)
		if len(values) > 1 {
			return nil, incomplete("The query-string parameter '%s' is given more than once.", p.name)
		}
		if len(values) == 1 {
			*p.to = values[0]
		}
		if *p.to == "" && !p.optional {
			missing += "AWS query-string parameters must include '" + p.name + "'. "
		}
	}
	if missing != "" {
		return nil, incomplete("%sRe-examine the query-string parameters.", missing)
	}
	if f.algorithm != Algorithm {
		return nil, incomplete("Unsupported AWS 'algorithm': '%s'.", f.algorithm)
	}
	var err error
	if len(date) != len(timeLayout) {
		return nil, incomplete("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
	}
	if a.Time, err = parseTime(date); err != nil {
		return nil, incomplete("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
	}
	seconds, err := strconv.ParseUint(expires, 10, 32)
	a.Expires = time.Duration(seconds) * time.Second
	if err != nil || seconds == 0 || a.Expires > maxExpires {
		return nil, incomplete("X-Amz-Expires must be a number of seconds from 1 to %d", maxExpires/time.Second)
	}
	return a, a.fill(r, f)
}

// fields are the four parts of credentials, not yet looked into.
type fields struct {
	algorithm, credential, signedHeaders, signature string
}

// parseHeader splits an Authorization header: the algorithm, then parameters
// separated by commas, spaces or both, in any order. dated says whether the
// request has a date, because AWS names all that is missing at once.
func parseHeader(header string, dated bool) (fields, error) {
	algorithm, rest, _ := strings.Cut(header, " ")
	f := fields{algorithm: algorithm}
	params := map[string]*string{"Credential": &f.credential, "SignedHeaders": &f.signedHeaders, "Signature": &f.signature}
	for part := range strings.FieldsFuncSeq(rest, func(c rune) bool { return c == ',' || c == ' ' }) {
		name, value, ok := strings.Cut(part, "=")
		to := params[name]
		if !ok {
			return f, incomplete("'%s' not a valid key=value pair (missing equal-sign) in Authorization header: '%s'.", part, header)
		}
		if to == nil {
			return f, incomplete("Authorization header has the unknown parameter '%s'. Authorization=%s", name, header)
		}
		if *to != "" {
			return f, incomplete("Authorization header has the parameter '%s' more than once. Authorization=%s", name, header)
		}
		*to = value
	}
	var missing string
	for _, name := range [...]string{"Credential", "Signature", "SignedHeaders"} {
		if *params[name] == "" {
			missing += "Authorization header requires '" + name + "' parameter. "
		}
	}
	if !dated {
		missing += "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. "
	}
	if missing != "" {
		return f, incomplete("%sAuthorization=%s", missing, header)
	}
	if algorithm != Algorithm {
		return f, incomplete("Unsupported AWS 'algorithm': '%s'.", algorithm)
	}
	return f, nil
}

// parseTime reads the basic ISO 8601 form or, as Date headers have it, an HTTP
// date.
func parseTime(s string) (time.Time, error) {
	if len(s) == len(timeLayout) { // time.Parse alone would let a fraction pass
		return time.Parse(timeLayout, s)
	}
	return http.ParseTime(s)
}

// fill takes the fields apart. It returns an error, not an *Error, so that no
// nil *Error becomes an error that is not nil.
func (a *Authorization) fill(r *Request, f fields) error {
	c := strings.Split(f.credential, "/")
	if len(c) != 5 {
		return incomplete("Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '%s'", f.credential)
	}
	a.AccessKeyID, a.Scope = c[0], Scope{Date: c[1], Region: c[2], Service: c[3]}
	if c[4] != terminator {
		return invalid("Credential should be scoped with a valid terminator: '%s', not '%s'.", terminator, c[4])
	}
	if a.AccessKeyID == "" || len(a.AccessKeyID) > 128 || a.Scope.Region == "" || a.Scope.Service == "" {
		return incomplete("Credential must name an access key, a date, a Region and a service, got '%s'", f.credential)
	}
	if date := a.Time.Format(dateLayout); a.Scope.Date != date {
		return invalid("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '%s' != '%s', from '%s'.",
			a.Scope.Date, date, a.Time.Format(timeLayout))
	}
	if n, err := hex.Decode(a.Signature[:], signatureBytes(f.signature)); err != nil || n != len(a.Signature) {
		return invalid("Signature must be 64 lower-case hexadecimal digits.")
	}
	if err := a.readSignedHeaders(f.signedHeaders); err != nil {
		return err
	}
	return a.checkSignedHeaders(r)
}

// signatureBytes is s if it is 64 lower-case digits, else something that is not
// hexadecimal: one signature has one spelling.
func signatureBytes(s string) []byte {
	if len(s) != 64 || strings.ContainsAny(s, "ABCDEF") {
		return []byte("-")
	}
	return []byte(s)
}

func (a *Authorization) readSignedHeaders(list string) error {
	a.SignedHeaders = strings.Split(list, ";")
	for i, name := range a.SignedHeaders {
		if name == "" || name != strings.ToLower(name) || i > 0 && a.SignedHeaders[i-1] >= name {
			return invalid("SignedHeaders must be lower-case names in order, each once, got '%s'.", list)
		}
	}
	return nil
}

// checkSignedHeaders holds the rule of what must be signed: the host, the date
// and every x-amz-* header. Content-Type need not be: widely used clients (the
// AWS SDK for JavaScript v2, aws4fetch) leave it out.
func (a *Authorization) checkSignedHeaders(r *Request) error {
	if !a.signs("host") && !a.signs(":authority") {
		return invalid("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
	}
	if _, ok := r.Header["X-Amz-Date"]; !a.Presigned && !ok && !a.signs("date") {
		return invalid("'Date' must be a 'SignedHeader' in the AWS Authorization.")
	}
	for name := range r.Header {
		lower := strings.ToLower(name)
		if strings.HasPrefix(lower, "x-amz-") && !a.signs(lower) {
			return invalid("'%s' must be a 'SignedHeader' in the AWS Authorization.", name)
		}
	}
	for _, name := range a.SignedHeaders {
		if _, ok := r.value(name); !ok {
			return invalid("The signed header '%s' is not in the request.", name)
		}
	}
	return nil
}

func (a *Authorization) signs(header string) bool {
	for _, name := range a.SignedHeaders {
		if name == header {
			return true
		}
	}
	return false
}

// CheckTime refuses a request that was signed more than skew before or after
// now, or whose presigned time is over. The error is an *Error.
func (a *Authorization) CheckTime(now time.Time, skew time.Duration) error {
	end, allowed := a.Time.Add(skew), skew
	if a.Presigned {
		end, allowed = a.Time.Add(a.Expires), a.Expires
	}
	at := func(t time.Time) string { return t.UTC().Format(timeLayout) }
	if now.After(end) {
		return invalid("Signature expired: %s is now earlier than %s (%s - %s.)",
			at(a.Time), at(now.Add(-allowed)), at(now), span(allowed))
	}
	if a.Time.After(now.Add(skew)) {
		return invalid("Signature not yet current: %s is still later than %s (%s + %s.)",
			at(a.Time), at(now.Add(skew)), at(now), span(skew))
	}
	return nil
}

func span(d time.Duration) string {
	if d%time.Minute == 0 {
		return strconv.Itoa(int(d/time.Minute)) + " min"
	}
	return strconv.Itoa(int(d/time.Second)) + " sec"
}

// parameters are those of a query string, decoded, in the order received.
type parameters []parameter

type parameter struct{ name, value string }

// parseQuery takes '+' for a space, as forms do, so that two query strings of
// one meaning have one signature.
func parseQuery(raw string) (parameters, error) {
	var all parameters
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		name, err := url.QueryUnescape(name)
		if err != nil {
			return nil, err
		}
		value, err = url.QueryUnescape(value)
		if err != nil {
			return nil, err
		}
		all = append(all, parameter{name, value})
	}
	return all, nil
}

func (p parameters) values(name string) (found []string) {
	for _, x := range p {
		if x.name == name {
			found = append(found, x.value)
		}
	}
	return found
}
