package gateway_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"tributary/internal/edge/gateway"
)

// A proxy is a program of Debian's in front of a wire, with the configuration that
// docs/behind-a-proxy.md recommends.
type proxy struct {
	addr  string
	trust *x509.CertPool
}

// proxies are how each is started. Files are in dir.
var proxies = map[string]struct {
	// config puts the recommended one in its place.
	config  func(dir, recommended string) string
	command func(file string) []string
}{
	"nginx": {
		func(dir, recommended string) string {
			paths := ""
			for _, what := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
				paths += fmt.Sprintf("%s_temp_path %s;\n", what, filepath.Join(dir, what))
			}
			return fmt.Sprintf("user root;\ndaemon off;\nworker_processes 1;\npid %s;\nevents {}\nhttp {\naccess_log off;\n%s%s}\n", filepath.Join(dir, "pid"), paths, recommended)
		},
		func(file string) []string { return []string{"-e", "stderr", "-c", file} },
	},
	"haproxy": {
		func(_, recommended string) string { return "global\n    nbthread 1\n" + recommended },
		func(file string) []string { return []string{"-db", "-f", file} },
	},
}

// eachProxy runs a test behind each proxy.
func eachProxy(t *testing.T, test func(t *testing.T, name string)) {
	for name := range proxies {
		t.Run(name, func(t *testing.T) {
			if _, err := exec.LookPath(programOf(name)); err != nil {
				if os.Getenv("CI") == "true" {
					t.Fatal(err)
				}
				t.Skipf("there is no %s here; scripts/install-test-tools installs it", name)
			}
			t.Parallel()
			test(t, name)
		})
	}
}

// programOf is where Debian puts it, which is not in everybody's PATH.
func programOf(name string) string { return "/usr/sbin/" + name }

// startProxy starts the proxy in front of a wire.
func startProxy(t *testing.T, name string, w *wire) *proxy {
	t.Helper()
	dir := t.TempDir()
	p := &proxy{addr: freeAddress(t), trust: x509.NewCertPool()}
	certificate, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	p.makeCertificate(t, certificate, key)
	recommended := strings.NewReplacer(
		"127.0.0.1:4566", w.addr,
		"listen 443", "listen "+p.addr, "bind :443", "bind "+p.addr,
		"/etc/ssl/tributary.pem", certificate, "/etc/ssl/tributary.key", key,
	).Replace(recommendation(t, name))
	file := filepath.Join(dir, "config")
	if err := os.WriteFile(file, []byte(proxies[name].config(dir, recommended)), 0o600); err != nil {
		t.Fatal(err)
	}
	var said logBuffer
	cmd := exec.Command(programOf(name), proxies[name].command(file)...)
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt) // it may have ended
		_ = cmd.Wait()                       // by a signal
	})
	for deadline := time.Now().Add(10 * time.Second); ; {
		c, err := net.Dial("tcp", p.addr)
		if err == nil {
			_ = c.Close()
			return p
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not listen: %v\n%s", name, err, said.String())
		}
		<-time.After(10 * time.Millisecond)
	}
}

// recommendation is the block of the documentation for the proxy.
func recommendation(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("../../../docs/behind-a-proxy.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, ok := strings.Cut(string(text), "```"+name+"\n")
	block, _, closed := strings.Cut(after, "```")
	if !ok || !closed {
		t.Fatalf("docs/behind-a-proxy.md has no block for %s", name)
	}
	return block
}

// makeCertificate writes a certificate with its key, which HAProxy wants in one file
// and nginx in two.
func (p *proxy) makeCertificate(t *testing.T, certificate, key string) {
	t.Helper()
	s := httptest.NewTLSServer(nil) // for its certificate
	defer s.Close()
	p.trust.AddCert(s.Certificate())
	der, err := x509.MarshalPKCS8PrivateKey(s.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	private := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	public := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := errors.Join(os.WriteFile(certificate, append(public, private...), 0o600), os.WriteFile(key, private, 0o600)); err != nil {
		t.Fatal(err)
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	return ln.Addr().String()
}

// clientAddress is where the clients of proxies call from.
var clientAddress = netip.MustParseAddr("127.0.0.9")

// transport speaks one version of HTTP with the proxy.
func (p *proxy) transport(http2 bool) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(!http2)
	protocols.SetHTTP2(http2)
	return &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: p.trust}, Protocols: protocols, DisableCompression: true,
		DialContext: (&net.Dialer{LocalAddr: &net.TCPAddr{IP: clientAddress.AsSlice()}}).DialContext,
	}
}

// through turns a request for the wire into one for the proxy.
func (p *proxy) through(w *wire, m message) *http.Request {
	m.host = p.addr
	r := w.request(m)
	r.URL.Scheme, r.URL.Host = "https", p.addr
	return r
}

func trustProxy(c *gateway.Config) {
	c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
}

func TestSignedRequestsPassProxies(t *testing.T) {
	eachProxy(t, func(t *testing.T, name string) {
		w := newWire(t, trustProxy)
		p := startProxy(t, name, w)
		for proto, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2.0": true} {
			transport := p.transport(http2)
			defer transport.CloseIdleConnections()
			got := w.sendBy(transport, p.through(w, jsonMessage("Kinesis_20131202.Echo", `{"text":"x"}`)))
			w.want(proto, got, 200, `{"text":"x"}`)
			if got.proto != proto {
				t.Errorf("got %s, want %s", got.proto, proto)
			}
			large := `{"text":"` + strings.Repeat("x", 14<<20) + `"}`
			w.want(proto+" with a large body", w.sendBy(transport, p.through(w, jsonMessage("Logs_20140328.Scan", large))), 200, fmt.Sprintf(`{"length":%d}`, len(large)))
			m := jsonMessage("Kinesis_20131202.Echo", `{}`)
			m.headers.Set("X-Amz-Security-Token", "tok")
			m.after = func(r *http.Request) { r.Header.Set("X-Forwarded-For", "203.0.113.7") }
			w.want(proto+" with a token", w.sendBy(transport, p.through(w, m)), 200, `{}`)
			if got := w.lastCall().SourceIP; got != clientAddress {
				t.Errorf("%s: the call came from %v, want %v", proto, got, clientAddress)
			}
			form := formMessage("iam", "Action=Echo&Version=2010-05-08&text=x")
			w.wantPrefix(proto+" form", w.sendBy(transport, p.through(w, form)), 200, "<EchoResponse")
		}
	})
}

// TestEventStreamsPassProxies: each event arrives before the next is there.
func TestEventStreamsPassProxies(t *testing.T) {
	eachProxy(t, func(t *testing.T, name string) {
		for proto, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2.0": true} {
			from := newSource()
			w := newWire(t, trustProxy, from.services(&wire{TB: t})...)
			p := startProxy(t, name, w)
			transport := p.transport(http2)
			defer transport.CloseIdleConnections()
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			res, err := transport.RoundTrip(p.through(w, jsonMessage("Kinesis_20131202.Stream", `{}`)).WithContext(ctx))
			if err != nil {
				t.Fatalf("%s: %v", proto, err)
			}
			if res.StatusCode != 200 || res.Proto != proto {
				t.Fatalf("got %s in %s, want 200 in %s", res.Status, res.Proto, proto)
			}
			for i := range 3 {
				from.fed <- nil
				if err := readEvent(res.Body); err != nil {
					t.Fatalf("%s: event %d: %v", proto, i, err)
				}
			}
			from.fed <- io.EOF
			if rest := received(t, res.Body); len(rest) != 0 {
				t.Errorf("%s: behind the last event came %q", proto, rest)
			}
			if err := res.Body.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

// TestProxiesAreNotTalkedInto sends the corpus through proxies, with a good signed
// request hidden behind each. The proxies refuse most of it and mend some. Whatever they
// make of it: nobody else gets an answer to it, and what the gateway has answered has
// come to the sender.
func TestProxiesAreNotTalkedInto(t *testing.T) {
	eachProxy(t, func(t *testing.T, name string) {
		w := newWire(t, trustProxy)
		p := startProxy(t, name, w)
		m := jsonMessage("Logs_20140328.Echo", `{}`)
		m.host = p.addr
		hidden := w.rawText(m, "Content-Length: 2", "Connection: close")
		_, signed, _ := strings.Cut(strings.TrimSuffix(w.rawText(m), "\r\n{}"), "\r\n")
		victim := p.transport(false)
		defer victim.CloseIdleConnections()
		counts := map[string]int{}
		for attack, text := range corpus(t) {
			before := w.called()
			reached := func() int { return w.called() - before }
			text = strings.NewReplacer("{signed}", signed, "{host}", p.addr).Replace(text)
			answered := p.send(t, text+hidden, reached, counts)
			own := fmt.Sprintf(`{"text":%q}`, attack)
			w.want("the victim of "+attack, w.sendBy(victim, p.through(w, jsonMessage("Logs_20140328.Echo", own))), 200, own)
			if got := reached() - 1; got != answered {
				t.Errorf("%s: the gateway answered %d requests with 200, their sender got %d such answers", attack, got, answered)
			}
		}
		t.Logf("answers by status: %v", counts)
	})
}

func (w *wire) called() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.calls)
}

// send sends bytes to the proxy and returns how many answers with status 200 came
// before it closed the connection or had no more to say: when nothing comes for a
// moment, although so many as reached the gateway have been answered.
func (p *proxy) send(t *testing.T, text string, reached func() int, counts map[string]int) (answered int) {
	t.Helper()
	c, err := tls.Dial("tcp", p.addr, &tls.Config{RootCAs: p.trust, NextProtos: []string{"http/1.1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_, _ = io.WriteString(c, text) // it may be refused before its end
	var got logBuffer
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		_, _ = io.Copy(&got, c) // until one side closes
	}()
	const moment = 150 * time.Millisecond
	for end, quiet := time.Now().Add(10*time.Second), 0; quiet < 2 && time.Now().Before(end); {
		before := got.String()
		select {
		case <-closed:
			end = time.Time{}
		case <-time.After(moment):
		}
		answered = strings.Count(got.String(), "HTTP/1.1 200 ")
		if quiet++; got.String() != before || answered < reached() {
			quiet = 0
		}
	}
	for _, status := range statusLine.FindAllStringSubmatch(got.String(), -1) {
		counts[status[1]]++
	}
	return answered
}

// statusLine is the beginning of an answer, which no body of this test has in it.
var statusLine = regexp.MustCompile(`HTTP/1\.1 (\d{3}) `)

// readEvent reads the initial response or an event of a stream, and no more.
func readEvent(from io.Reader) error {
	var length [4]byte
	if _, err := io.ReadFull(from, length[:]); err != nil {
		return err
	}
	n := int(length[0])<<24 | int(length[1])<<16 | int(length[2])<<8 | int(length[3])
	message := make([]byte, n-len(length))
	if _, err := io.ReadFull(from, message); err != nil {
		return err
	}
	if bytes.Contains(message, []byte("initial-response")) {
		return readEvent(from)
	}
	return nil
}
