package gateway_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tributary/internal/edge/gateway"
	"tributary/internal/pure/policy"
	"tributary/internal/service/api"
)

// now is the time on the gateway's clock unless a test sets another.
var now = time.Date(2026, 11, 21, 1, 2, 3, 0, time.UTC)

const (
	keyID  = "AKIDEXAMPLE"
	secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
)

// A wire is a gateway behind a real listener.
type wire struct {
	testing.TB
	addr    string
	gateway *gateway.Gateway
	log     *logBuffer

	mu       sync.Mutex // guards what follows
	now      time.Time
	calls    []api.Call
	observed []string
	lookups  int
}

// logBuffer is a log that tests read while the server writes it.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// newWire serves the given services, by default those of testServices.
func newWire(t *testing.T, change func(*gateway.Config), services ...api.Service) *wire {
	t.Helper()
	return newWireTLS(t, nil, change, services...)
}

// newWireTLS is newWire with TLS, unless encryption is nil.
func newWireTLS(t *testing.T, encryption *tls.Config, change func(*gateway.Config), services ...api.Service) *wire {
	t.Helper()
	return newWireFor(t, 0, encryption, change, services...)
}

// newWireFor is newWireTLS for at most so many connections and requests.
func newWireFor(t *testing.T, most int, encryption *tls.Config, change func(*gateway.Config), services ...api.Service) *wire {
	t.Helper()
	w := &wire{TB: t, now: now, log: &logBuffer{}}
	if services == nil {
		services = testServices(w)
	}
	config := gateway.Config{
		Dispatcher:  api.NewDispatcher(allowAll{}, services...),
		Credentials: w.credentials,
		Now: func() time.Time {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.now
		},
		Log: slog.New(slog.NewTextHandler(w.log, nil)),
		Observe: func(service, operation, code string, _ time.Duration) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.observed = append(w.observed, service+" "+operation+" "+code)
		},
	}
	if change != nil {
		change(&config)
	}
	w.gateway = gateway.New(config)
	server := gateway.NewServer(w.gateway, config.Log)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.addr = listener.Addr().String()
	done := make(chan error, 1)
	go func() { done <- server.Serve(gateway.Harden(listener, encryption, most)) }()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("serve: %v", err)
		}
	})
	return w
}

type allowAll struct{}

func (allowAll) Authorize(context.Context, *api.Call, api.Access) error { return nil }

// credentials knows a root key, the same with a session token, the root key of another
// account, one expired session and one key whose lookup fails.
func (w *wire) credentials(_ context.Context, id, token string) (string, api.Caller, error) {
	w.mu.Lock()
	w.lookups++
	w.mu.Unlock()
	switch {
	case id == "AKIDEXPIRED":
		return "", api.Caller{}, gateway.ErrExpiredToken
	case id == "AKIDBROKEN":
		return "", api.Caller{}, errors.New("catalog is on fire")
	case id == "AKIDOTHER":
		return secret, api.Caller{AccessKeyID: id, Principal: policy.Principal{Kind: policy.Root, Account: "222222222222"}}, nil
	case id != keyID:
		return "", api.Caller{}, gateway.ErrUnknownKey
	case token != "" && token != "tok":
		return "", api.Caller{}, gateway.ErrInvalidToken
	}
	return secret, api.Caller{
		AccessKeyID: id,
		Principal:   policy.Principal{Kind: policy.Root, Account: "111111111111", ARN: "arn:aws:iam::111111111111:root"},
	}, nil
}

func (w *wire) lastCall() api.Call {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.calls) == 0 {
		w.Fatal("no call reached a service")
	}
	return w.calls[len(w.calls)-1]
}

// A message is a request to be signed and sent.
type message struct {
	method  string // POST
	target  string // path and query, "/"
	host    string // the listener's address
	headers http.Header
	body    []byte
	service string
	region  string // us-east-1
	key     string // keyID
	secret  string
	time    time.Time // now
	// signed are further headers to sign beside host, x-amz-* and Content-Type.
	signed []string
	// after changes the message when it has been signed.
	after func(*http.Request)
}

func jsonMessage(target, body string) message {
	service := map[string]string{"Logs_20140328": "logs", "Kinesis_20131202": "kinesis", "AWSOrganizationsV20161128": "organizations"}
	prefix, _, _ := strings.Cut(target, ".")
	return message{
		service: service[prefix], body: []byte(body),
		headers: http.Header{"Content-Type": {"application/x-amz-json-1.1"}, "X-Amz-Target": {target}},
	}
}

func formMessage(service, body string) message {
	return message{service: service, body: []byte(body), headers: http.Header{"Content-Type": {"application/x-www-form-urlencoded; charset=utf-8"}}}
}

// request signs m. The signature is computed here, step by step as AWS
// describes it, and not by the package that checks it.
func (w *wire) request(m message) *http.Request {
	w.Helper()
	r, err := http.NewRequest(or(m.method, "POST"), "http://"+w.addr+or(m.target, "/"), bytes.NewReader(m.body))
	if err != nil {
		w.Fatal(err)
	}
	r.Host = or(m.host, w.addr)
	for name, values := range m.headers {
		r.Header[name] = slices.Clone(values)
	}
	at := m.time
	if at.IsZero() {
		at = now
	}
	stamp := at.Format("20060102T150405Z")
	r.Header.Set("X-Amz-Date", stamp)

	lines := map[string]string{"host": r.Host}
	for name, values := range r.Header {
		lower := strings.ToLower(name)
		if strings.HasPrefix(lower, "x-amz-") || lower == "content-type" || slices.Contains(m.signed, lower) {
			lines[lower] = strings.Join(values, ",")
		}
	}
	if slices.Contains(m.signed, ":authority") {
		delete(lines, "host")
		lines[":authority"] = r.Host
	}
	var names []string
	for name := range lines {
		names = append(names, name)
	}
	slices.Sort(names)
	path, query, _ := strings.Cut(or(m.target, "/"), "?")
	path = strings.ReplaceAll(path, "%", "%25") // an escape is escaped once more
	canonical := r.Method + "\n" + path + "\n" + query + "\n"
	for _, name := range names {
		canonical += name + ":" + lines[name] + "\n"
	}
	bodyHash, canonicalHash := sha256.Sum256(m.body), [32]byte{}
	canonical += "\n" + strings.Join(names, ";") + "\n" + hex.EncodeToString(bodyHash[:])
	canonicalHash = sha256.Sum256([]byte(canonical))
	scope := stamp[:8] + "/" + or(m.region, "us-east-1") + "/" + m.service + "/aws4_request"
	key := []byte("AWS4" + or(m.secret, secret))
	for part := range strings.SplitSeq(scope, "/") {
		key = sum(key, part)
	}
	signature := sum(key, "AWS4-HMAC-SHA256\n"+stamp+"\n"+scope+"\n"+hex.EncodeToString(canonicalHash[:]))
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+or(m.key, keyID)+"/"+scope+
		", SignedHeaders="+strings.Join(names, ";")+", Signature="+hex.EncodeToString(signature))
	if m.after != nil {
		m.after(r)
	}
	return r
}

func sum(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	_, _ = h.Write([]byte(text))
	return h.Sum(nil)
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// A reply is what came back.
type reply struct {
	status int
	header http.Header
	body   string
	proto  string
}

func (w *wire) send(r *http.Request) reply {
	w.Helper()
	transport := &http.Transport{DisableCompression: true}
	defer transport.CloseIdleConnections()
	return w.sendBy(transport, r)
}

func (w *wire) sendBy(transport *http.Transport, r *http.Request) reply {
	w.Helper()
	res, err := transport.RoundTrip(r)
	if err != nil {
		w.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		w.Fatal(err)
	}
	if err := res.Body.Close(); err != nil {
		w.Fatal(err)
	}
	return reply{res.StatusCode, res.Header, string(body), res.Proto}
}

func (w *wire) do(m message) reply {
	w.Helper()
	return w.send(w.request(m))
}

// want checks a reply's status and whole body.
func (w *wire) want(name string, got reply, status int, body string) {
	w.Helper()
	if got.status != status || got.body != body {
		w.Errorf("%s:\ngot  %d %s\nwant %d %s", name, got.status, got.body, status, body)
	}
}

// wantPrefix checks a reply's status and how its body begins.
func (w *wire) wantPrefix(name string, got reply, status int, body string) {
	w.Helper()
	if got.status != status || !strings.HasPrefix(got.body, body) {
		w.Errorf("%s:\ngot  %d %s\nwant %d %s…", name, got.status, got.body, status, body)
	}
}
