package gateway_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tributary/internal/edge/gateway"
	"tributary/internal/pure/policy"
	"tributary/internal/pure/sigv4"
	"tributary/internal/service/api"
)

// presign signs r for a minute from now on.
func presign(r *http.Request, service string) {
	sigv4.Presign(r, sha256.Sum256(nil), sigv4.Credentials{AccessKeyID: keyID, SecretAccessKey: secret}, "us-east-1", service, now, time.Minute)
}

func http2Only() *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Transport{Protocols: protocols, DisableCompression: true}
}

func TestClearTextHTTP2(t *testing.T) {
	w := newWire(t, nil)
	transport := http2Only()
	defer transport.CloseIdleConnections()
	for _, name := range []string{"host", ":authority"} {
		m := jsonMessage("Kinesis_20131202.Echo", `{"text":"x"}`)
		m.signed = []string{name}
		got := w.sendBy(transport, w.request(m))
		w.want("signed "+name, got, 200, `{"text":"x"}`)
		if got.proto != "HTTP/2.0" {
			t.Errorf("got protocol %s, want HTTP/2.0", got.proto)
		}
		m.after = func(r *http.Request) { r.Host = "other:4566" }
		w.wantPrefix("another authority", w.sendBy(transport, w.request(m)), 400, `{"__type":"InvalidSignatureException"`)
	}
	large := `{"text":"` + strings.Repeat("x", 2<<20) + `"}`
	w.want("large body", w.sendBy(transport, w.request(jsonMessage("Kinesis_20131202.Echo", large))), 200, large)
}

// raw sends text as it is and returns the first line of the answer and what
// follows, read until the server closes the connection.
func (w *wire) raw(text string) string {
	w.Helper()
	c, err := net.Dial("tcp", w.addr)
	if err != nil {
		w.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		w.Fatal(err)
	}
	if _, err := io.WriteString(c, text); err != nil {
		w.Fatal(err)
	}
	answer, err := io.ReadAll(c)
	if err != nil {
		w.Fatalf("%v after %q", err, answer)
	}
	return string(answer)
}

// rawText is a signed request as text, with lines to add to its head.
func (w *wire) rawText(m message, lines ...string) string {
	r := w.request(m)
	var sb strings.Builder
	fmt.Fprintf(&sb, "%s / HTTP/1.1\r\nHost: %s\r\n", r.Method, r.Host)
	for name, values := range r.Header {
		for _, v := range values {
			fmt.Fprintf(&sb, "%s: %s\r\n", name, v)
		}
	}
	for _, line := range lines {
		sb.WriteString(line + "\r\n")
	}
	return sb.String() + "\r\n" + string(m.body)
}

func TestAmbiguousHeadsAreRefusedAndTheConnectionClosed(t *testing.T) {
	w := newWire(t, nil)
	m := jsonMessage("Logs_20140328.Echo", `{}`)
	for name, line := range map[string]string{
		"second X-Amz-Target":   "X-Amz-Target: Logs_20140328.Void",
		"second X-Amz-Date":     "X-Amz-Date: 20261121T010203Z",
		"second Authorization":  "Authorization: x",
		"second Content-Type":   "Content-Type: application/x-www-form-urlencoded",
		"second Host":           "Host: other",
		"second Content-Length": "Content-Length: 3",
	} {
		answer := w.raw(w.rawText(m, "Content-Length: 2", line))
		if !strings.HasPrefix(answer, "HTTP/1.1 400 ") || strings.Count(answer, "HTTP/1.1 ") != 1 {
			t.Errorf("%s: got\n%s\nwant one 400 and the connection closed", name, answer)
		}
	}
	if answer := w.raw(w.rawText(m, "Content-Length: 2", "Connection: close")); !strings.HasPrefix(answer, "HTTP/1.1 200 ") {
		t.Errorf("the request itself: got\n%s", answer)
	}
	if n := len(w.calls); n != 1 {
		t.Errorf("got %d calls, want 1", n)
	}
}

func TestUnsignedClientCannotMakeUsReadALargeBody(t *testing.T) {
	w := newWire(t, nil)
	for name, m := range map[string]message{
		"unsigned":    {after: func(r *http.Request) { r.Header.Del("Authorization") }},
		"unknown key": {key: "AKIDNOBODY"},
		"too old":     {time: now.Add(-time.Hour)},
	} {
		full := jsonMessage("Logs_20140328.Echo", "")
		full.after, full.key, full.time = m.after, m.key, m.time
		// The body never comes: an answer shows that nobody waits for it.
		answer := w.raw(w.rawText(full, "Content-Length: 16000000", "Connection: close"))
		if !strings.HasPrefix(answer, "HTTP/1.1 400 ") {
			t.Errorf("%s: got\n%s\nwant 400", name, answer)
		}
	}
	full := jsonMessage("Logs_20140328.Echo", "")
	answer := w.raw(w.rawText(full, "Content-Length: 17000000", "Connection: close"))
	if !strings.HasPrefix(answer, "HTTP/1.1 413 ") || !strings.Contains(answer, `{"__type":"RequestEntityTooLargeException"`) {
		t.Errorf("too large: got\n%s\nwant 413", answer)
	}
}

func TestBodyThatEndsEarlyIsRefused(t *testing.T) {
	w := newWire(t, nil)
	m := jsonMessage("Logs_20140328.Echo", `{}`)
	c, err := net.Dial("tcp", w.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if _, err := io.WriteString(c, w.rawText(m, "Content-Length: 5")); err != nil {
		t.Fatal(err)
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != 400 {
		t.Errorf("got %s, want 400", res.Status)
	}
	if n := len(w.calls); n != 0 {
		t.Errorf("got %d calls, want none", n)
	}
}

// A sample is a request that a real client sent.
type sample struct {
	Client, Op, Body, Host, Method, Proto, URI string
	Length                                     int `json:"cl"`
	Headers                                    []string
}

// TestCapturedRequests plays what SDKs and the AWS CLI sent, byte for byte.
func TestCapturedRequests(t *testing.T) {
	samples := readSamples(t)
	byService := map[string][]api.Operation{}
	var w *wire
	seen := map[string]bool{}
	for _, s := range samples {
		service, operation := s.operation()
		if !seen[service+operation] {
			seen[service+operation] = true
			byService[service] = append(byService[service], define(&wire{}, operation, func(*nothing) (*api.Void, error) { return nil, nil }))
		}
	}
	services := testServices(nil)
	for i := range services {
		services[i].Operations = byService[services[i].Name]
	}
	w = newWire(t, func(c *gateway.Config) {
		c.Credentials = func(_ context.Context, id, _ string) (string, api.Caller, error) {
			return "s", api.Caller{AccessKeyID: id, Principal: policy.Principal{Account: "111111111111"}}, nil
		}
	}, services...)
	http2, http1 := http2Only(), &http.Transport{DisableCompression: true}
	defer http2.CloseIdleConnections()
	defer http1.CloseIdleConnections()
	played := map[string]int{}
	for _, s := range samples {
		if len(s.Body) != s.Length {
			continue // the capture cut it short
		}
		r, err := http.NewRequest(s.Method, "http://"+w.addr+s.URI, strings.NewReader(s.Body))
		if err != nil {
			t.Fatal(err)
		}
		r.Host = s.Host
		for _, h := range s.Headers {
			name, value, _ := strings.Cut(h, ":")
			r.Header.Add(name, strings.TrimSpace(value))
		}
		at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
		if err != nil {
			t.Fatal(err)
		}
		w.mu.Lock()
		w.now = at
		w.mu.Unlock()
		transport := http1
		if s.Proto == "HTTP/2.0" {
			transport = http2
		}
		if got := w.sendBy(transport, r); got.status != 200 {
			t.Errorf("%s %s: got %d %s, want 200", s.Client, s.Op, got.status, got.body)
		}
		played[s.Client]++
	}
	t.Logf("played %v", played)
}

func (s sample) operation() (service, operation string) {
	if action, ok := strings.CutPrefix(s.Op, "Action="); ok {
		for _, h := range s.Headers {
			if strings.Contains(h, "/sts/aws4_request") {
				return "sts", action
			}
		}
		return "iam", action
	}
	prefix, operation, _ := strings.Cut(s.Op, ".")
	return map[string]string{"Logs_20140328": "logs", "Kinesis_20131202": "kinesis", "AWSOrganizationsV20161128": "organizations"}[prefix], operation
}

func readSamples(t *testing.T) (samples []sample) {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for !fileExists(filepath.Join(dir, "go.mod")) && dir != filepath.Dir(dir) {
		dir = filepath.Dir(dir)
	}
	file := filepath.Join(dir, "..", "shared", "cases", "wire-samples.jsonl")
	if !fileExists(file) {
		t.Skip("no ../shared/cases/wire-samples.jsonl beside the repository")
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var s sample
		if err := json.Unmarshal([]byte(line), &s); err != nil {
			t.Fatal(err)
		}
		samples = append(samples, s)
	}
	return samples
}

func fileExists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}
