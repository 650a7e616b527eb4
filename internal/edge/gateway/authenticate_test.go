package gateway_test

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

const mismatch = "The request signature we calculated does not match the signature you provided. " +
	"Check your AWS Secret Access Key and signing method. Consult the service documentation for details."

func TestRefusedSignatures(t *testing.T) {
	w := newWire(t, nil)
	header := func(name, value string) func(*message) {
		return func(m *message) { m.after = func(r *http.Request) { r.Header.Set(name, value) } }
	}
	for name, c := range map[string]struct {
		change      func(*message)
		json, query string
		status      int // of the Query service
		message     string
	}{
		"no credentials": {
			func(m *message) { m.after = func(r *http.Request) { r.Header.Del("Authorization") } },
			"MissingAuthenticationTokenException", "MissingAuthenticationToken", 403, "Missing Authentication Token",
		},
		"a word for credentials": {
			header("Authorization", "a"),
			"IncompleteSignatureException", "IncompleteSignature", 400, "Authorization header requires 'Credential' parameter. " +
				"Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. Authorization=a",
		},
		"unknown key": {
			func(m *message) { m.key = "AKIDNOBODY" },
			"UnrecognizedClientException", "InvalidClientTokenId", 403, "The security token included in the request is invalid.",
		},
		"token of another": {
			func(m *message) { m.headers.Set("X-Amz-Security-Token", "stolen") },
			"UnrecognizedClientException", "InvalidClientTokenId", 403, "The security token included in the request is invalid.",
		},
		"expired token": {
			func(m *message) { m.key = "AKIDEXPIRED" },
			"ExpiredTokenException", "ExpiredToken", 403, "The security token included in the request is expired",
		},
		"wrong secret": {
			func(m *message) { m.secret = "wrong" },
			"InvalidSignatureException", "SignatureDoesNotMatch", 403, mismatch,
		},
		"header changed": {
			header("Content-Type", ""), // set per protocol below
			"InvalidSignatureException", "SignatureDoesNotMatch", 403, mismatch,
		},
		"host changed": {
			func(m *message) { m.after = func(r *http.Request) { r.Host = "other:4566" } },
			"InvalidSignatureException", "SignatureDoesNotMatch", 403, mismatch,
		},
		"path changed": {
			func(m *message) { m.after = func(r *http.Request) { r.URL.Path = "/x" } },
			"InvalidSignatureException", "SignatureDoesNotMatch", 403, mismatch,
		},
		"query added": {
			func(m *message) { m.after = func(r *http.Request) { r.URL.RawQuery = "x=1" } },
			"InvalidSignatureException", "SignatureDoesNotMatch", 403, mismatch,
		},
		"header added that must be signed": {
			header("X-Amz-Acl", "x"),
			"InvalidSignatureException", "SignatureDoesNotMatch", 403, "'X-Amz-Acl' must be a 'SignedHeader' in the AWS Authorization.",
		},
		"signed six minutes ago": {
			func(m *message) { m.time = now.Add(-6 * time.Minute) },
			"InvalidSignatureException", "SignatureDoesNotMatch", 403,
			"Signature expired: 20261121T005603Z is now earlier than 20261121T005703Z (20261121T010203Z - 5 min.)",
		},
		"signed in six minutes": {
			func(m *message) { m.time = now.Add(6 * time.Minute) },
			"InvalidSignatureException", "SignatureDoesNotMatch", 403,
			"Signature not yet current: 20261121T010803Z is still later than 20261121T010703Z (20261121T010203Z + 5 min.)",
		},
		"region that is none": {
			func(m *message) { m.region = "US_EAST" },
			"InvalidSignatureException", "SignatureDoesNotMatch", 403, "Credential should be scoped to a valid region.",
		},
		"header and query": {
			func(m *message) { m.target = "/?X-Amz-Algorithm=AWS4-HMAC-SHA256" },
			"InvalidSignatureException", "SignatureDoesNotMatch", 403,
			"Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.",
		},
		"hash of another body": {
			func(m *message) { m.headers.Set("X-Amz-Content-Sha256", strings.Repeat("0", 64)) },
			"InvalidSignatureException", "SignatureDoesNotMatch", 403,
			"The value of X-Amz-Content-Sha256 must be the SHA-256 of the body; unsigned and streaming payloads are not supported.",
		},
		"payload not signed": {
			func(m *message) { m.headers.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD") },
			"InvalidSignatureException", "SignatureDoesNotMatch", 403,
			"The value of X-Amz-Content-Sha256 must be the SHA-256 of the body; unsigned and streaming payloads are not supported.",
		},
		"two dates": {
			func(m *message) {
				m.after = func(r *http.Request) { r.Header.Add("X-Amz-Date", "20261121T010203Z") }
			},
			"IncompleteSignatureException", "IncompleteSignature", 400, "The header 'X-Amz-Date' is given more than once.",
		},
		"two authorizations": {
			func(m *message) {
				m.after = func(r *http.Request) { r.Header.Add("Authorization", r.Header.Get("Authorization")) }
			},
			"IncompleteSignatureException", "IncompleteSignature", 400, "The header 'Authorization' is given more than once.",
		},
		"two tokens": {
			func(m *message) {
				m.headers.Set("X-Amz-Security-Token", "tok")
				m.after = func(r *http.Request) { r.Header.Add("X-Amz-Security-Token", "tok") }
			},
			"IncompleteSignatureException", "IncompleteSignature", 400, "The header 'X-Amz-Security-Token' is given more than once.",
		},
		"two targets": {
			func(m *message) {
				m.headers["X-Amz-Target"] = []string{"Logs_20140328.Echo", "Logs_20140328.Void"}
			},
			"IncompleteSignatureException", "IncompleteSignature", 400, "The header 'X-Amz-Target' is given more than once.",
		},
	} {
		forJSON, forQuery := jsonMessage("Logs_20140328.Echo", `{"text":"x"}`), formMessage("iam", "Action=Echo&Version=2010-05-08")
		c.change(&forJSON)
		c.change(&forQuery)
		if name == "header changed" {
			forJSON.after = func(r *http.Request) { r.Header.Set("Content-Type", "application/x-amz-json-1.1 ;x=y") }
			forQuery.after = func(r *http.Request) {
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-9")
			}
		}
		w.want(name+", JSON", w.do(forJSON), 400, `{"__type":"`+c.json+`","message":"`+c.message+`"}`)
		got := w.do(forQuery)
		w.wantPrefix(name+", Query", got, c.status, "<ErrorResponse")
		if want := "<Error><Type>Sender</Type><Code>" + c.query + "</Code><Message>" + c.message + "</Message></Error><RequestId>" +
			got.header.Get("x-amzn-RequestId") + "</RequestId></ErrorResponse>\n"; !strings.HasSuffix(got.body, want) {
			t.Errorf("%s, Query:\ngot  %s\nwant …%s", name, got.body, want)
		}
	}
	if n := len(w.calls); n != 0 {
		t.Errorf("got %d calls, want none", n)
	}
}

func TestFlippedBitsAreRefused(t *testing.T) {
	w := newWire(t, nil)
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	const body = `{"text":"0000"}`
	for i := range len(body) * 8 {
		m := jsonMessage("Logs_20140328.Echo", body)
		r := w.request(m)
		flipped := []byte(body)
		flipped[i/8] ^= 1 << (i % 8)
		r.Body = io.NopCloser(bytes.NewReader(flipped))
		if got := w.sendBy(transport, r); got.status != 400 {
			t.Errorf("bit %d of the body: got %d %s, want refused", i, got.status, got.body)
		}
	}
	for i := range 64 {
		r := w.request(jsonMessage("Logs_20140328.Echo", body))
		a := []byte(r.Header.Get("Authorization"))
		at := len(a) - 1 - i
		if a[at] == '0' {
			a[at] = '1'
		} else {
			a[at] = '0'
		}
		r.Header.Set("Authorization", string(a))
		w.want("digit of the signature", w.sendBy(transport, r), 400, `{"__type":"InvalidSignatureException","message":"`+mismatch+`"}`)
	}
	if n := len(w.calls); n != 0 {
		t.Errorf("got %d calls, want none", n)
	}
}

func TestAcceptedSignatures(t *testing.T) {
	w := newWire(t, nil)
	for name, change := range map[string]func(*message){
		"plain":              func(*message) {},
		"session token":      func(m *message) { m.headers.Set("X-Amz-Security-Token", "tok") },
		"base path":          func(m *message) { m.target = "/aws/logs/" },
		"escaped base path":  func(m *message) { m.target = "/a%20b/" },
		"query string":       func(m *message) { m.target = "/?a=1&b=2" },
		"host with prefix":   func(m *message) { m.host = "streaming-localhost:4566" },
		"authority":          func(m *message) { m.signed = []string{":authority"} },
		"signed length":      func(m *message) { m.headers.Set("Content-Length", "12"); m.signed = []string{"content-length"} },
		"five minutes old":   func(m *message) { m.time = now.Add(-5 * time.Minute) },
		"five minutes early": func(m *message) { m.time = now.Add(5 * time.Minute) },
		"agents' headers": func(m *message) {
			m.headers.Set("X-Amzn-Logs-Format", "json/emf")
			m.headers.Set("X-Amz-Agent-Stats", "x")
		},
		"trace header, unsigned": func(m *message) { m.after = func(r *http.Request) { r.Header.Set("X-Amzn-Trace-Id", "Root=1") } },
		"any region":             func(m *message) { m.region = "mars-north-1" },
	} {
		m := jsonMessage("Logs_20140328.Echo", `{"text":"x"}`)
		change(&m)
		w.want(name, w.do(m), 200, `{"text":"x"}`)
	}
}

// TestCredentialsAreLookedUpWhenTheBodyIsThere: a key that goes while a large
// body is under way is good for nothing, and a large body is read only for a
// key that exists.
func TestCredentialsAreLookedUpWhenTheBodyIsThere(t *testing.T) {
	w := newWire(t, nil)
	body := `{"text":"` + strings.Repeat("x", 9000) + `"}`
	w.want("large body", w.do(jsonMessage("Logs_20140328.Echo", body)), 200, body)
	if w.lookups != 2 {
		t.Errorf("large body: got %d lookups, want 2", w.lookups)
	}
	w.lookups = 0
	w.want("small body", w.do(jsonMessage("Logs_20140328.Echo", `{}`)), 200, `{}`)
	if w.lookups != 1 {
		t.Errorf("small body: got %d lookups, want 1", w.lookups)
	}
}

func TestFailingLookupIsOurFault(t *testing.T) {
	w := newWire(t, nil)
	m := jsonMessage("Logs_20140328.Echo", `{}`)
	m.key = "AKIDBROKEN"
	w.wantPrefix("broken lookup", w.do(m), 500, `{"__type":"InternalFailure"`)
	if log := w.log.String(); !strings.Contains(log, "catalog is on fire") {
		t.Errorf("log lacks the cause: %s", log)
	}
}

func TestSecretsStayOutOfTheLog(t *testing.T) {
	w := newWire(t, nil)
	m := jsonMessage("Logs_20140328.Fail", `{}`)
	m.headers.Set("X-Amz-Security-Token", "tok")
	r := w.request(m)
	w.send(r)
	_, signature, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")
	for _, s := range []string{secret, "tok", signature} {
		if strings.Contains(strings.ReplaceAll(w.log.String(), "token", ""), s) {
			t.Errorf("the log has %q: %s", s, w.log.String())
		}
	}
}

func TestServiceOfTheScopeMustBeTheTargets(t *testing.T) {
	w := newWire(t, nil)
	m := jsonMessage("Logs_20140328.Echo", `{}`)
	m.service = "kinesis"
	w.want("kinesis for logs", w.do(m), 400,
		`{"__type":"InvalidSignatureException","message":"Credential should be scoped to correct service: 'logs'."}`)
	for _, service := range []string{"logs", "s3"} {
		m = formMessage(service, "Action=Echo&Version=2010-05-08")
		w.wantPrefix(service+" for a form", w.do(m), 403, "<ErrorResponse><Error><Type>Sender</Type><Code>SignatureDoesNotMatch</Code><Message>Credential should be scoped to correct service.</Message>")
	}
}

func TestGetRequests(t *testing.T) {
	w := newWire(t, nil)
	get := func(service, query string) message {
		return message{method: "GET", service: service, target: "/?" + query, headers: http.Header{}}
	}
	const ok = `<NoInputResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><NoInputResult><text>x</text></NoInputResult>`
	w.wantPrefix("signed in the header", w.do(get("sts", "Action=NoInput&Version=2011-06-15")), 200, ok)

	presignedAs := func(method, service, query string) *http.Request {
		r, err := http.NewRequest(method, "http://"+w.addr+"/?"+query, nil)
		if err != nil {
			t.Fatal(err)
		}
		if method == http.MethodPost {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		presign(r, service)
		return r
	}
	presigned := func(service, query string) *http.Request { return presignedAs(http.MethodGet, service, query) }
	w.wantPrefix("presigned", w.send(presigned("sts", "Action=NoInput&Version=2011-06-15")), 200, ok)
	w.wantPrefix("presigned for IAM", w.send(presigned("iam", "Action=NoInput&Version=2010-05-08")), 403, "<ErrorResponse")
	got := w.send(presignedAs(http.MethodPost, "sts", "Action=NoInput&Version=2011-06-15"))
	w.wantPrefix("presigned POST", got, 403, "<ErrorResponse")
	if !strings.Contains(got.body, "<Code>MissingAuthenticationToken</Code>") {
		t.Errorf("presigned POST: got %s", got.body)
	}

	r := presigned("sts", "Action=NoInput&Version=2011-06-15")
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		t.Fatal(err)
	}
	q.Set("Action", "Void")
	r.URL.RawQuery = q.Encode()
	w.wantPrefix("presigned, other action", w.send(r), 403, "<ErrorResponse")

	w.mu.Lock()
	w.now = now.Add(61 * time.Second)
	w.mu.Unlock()
	got = w.send(presigned("sts", "Action=NoInput&Version=2011-06-15"))
	w.wantPrefix("presigned, over", got, 403, "<ErrorResponse")
	if !strings.Contains(got.body, "Signature expired: 20261121T010203Z") {
		t.Errorf("presigned, over: got %s", got.body)
	}
}
