package gateway_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"tributary/internal/edge/gateway"
)

// encrypted is a wire with TLS, and how a client trusts it.
func encrypted(t *testing.T) (*wire, *tls.Config) {
	t.Helper()
	s := httptest.NewTLSServer(nil) // for its certificate
	defer s.Close()
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return newWireTLS(t, &tls.Config{Certificates: s.TLS.Certificates}, nil), &tls.Config{RootCAs: roots}
}

func TestTLS(t *testing.T) {
	w, trust := encrypted(t)
	onlyHTTP1 := new(http.Protocols)
	onlyHTTP1.SetHTTP1(true)
	transports := map[string]struct {
		*http.Transport
		scheme, proto string
	}{
		"HTTP/1.1 by ALPN": {&http.Transport{TLSClientConfig: trust, Protocols: onlyHTTP1}, "https", "HTTP/1.1"},
		"HTTP/2 by ALPN":   {&http.Transport{TLSClientConfig: trust, ForceAttemptHTTP2: true}, "https", "HTTP/2.0"},
		"HTTP/2 without ALPN": {&http.Transport{
			Protocols: http2Only().Protocols, // which believes that the connection is clear
			DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
				return (&tls.Dialer{Config: trust}).DialContext(ctx, network, addr)
			},
		}, "http", "HTTP/2.0"},
	}
	for name, transport := range transports {
		transport.DisableCompression = true
		r := w.request(jsonMessage("Kinesis_20131202.Echo", `{"text":"x"}`))
		r.URL.Scheme = transport.scheme
		got := w.sendBy(transport.Transport, r)
		transport.CloseIdleConnections()
		w.want(name, got, 200, `{"text":"x"}`)
		if got.proto != transport.proto {
			t.Errorf("%s: got %s, want %s", name, got.proto, transport.proto)
		}
		if !w.lastCall().Secure {
			t.Errorf("%s: the call is not secure", name)
		}
	}
}

func TestClearCallIsNotSecure(t *testing.T) {
	w := newWire(t, nil)
	m := jsonMessage("Kinesis_20131202.Echo", `{}`)
	m.headers.Set("X-Forwarded-Proto", "https")
	w.want("clear", w.do(m), 200, `{}`)
	if w.lastCall().Secure {
		t.Error("the call is secure")
	}
}

func TestClearTextIsNotAnsweredOverTLS(t *testing.T) {
	w, _ := encrypted(t)
	r := w.request(jsonMessage("Kinesis_20131202.Echo", `{}`))
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	res, err := transport.RoundTrip(r)
	if err == nil {
		t.Errorf("got %s, want no answer", res.Status)
		_ = res.Body.Close()
	}
	if n := len(w.calls); n != 0 {
		t.Errorf("got %d calls, want none", n)
	}
}

func TestSourceAddressIsNotTheClientsWord(t *testing.T) {
	local := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")}
	for _, c := range []struct {
		name    string
		proxies []netip.Prefix
		headers []string
		want    string
	}{
		{"nobody is trusted", nil, []string{"203.0.113.7"}, "127.0.0.1"},
		{"another is trusted", []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, []string{"203.0.113.7"}, "127.0.0.1"},
		{"no header", local, nil, "127.0.0.1"},
		{"one hop", local, []string{"203.0.113.7"}, "203.0.113.7"},
		{"the client adds one before", local, []string{"198.51.100.1, 203.0.113.7"}, "203.0.113.7"},
		{"the client sends a header of its own", local, []string{"198.51.100.1", "203.0.113.7"}, "203.0.113.7"},
		{"two trusted proxies", local, []string{"198.51.100.1, 203.0.113.7, 10.1.2.3"}, "203.0.113.7"},
		{"all are trusted", local, []string{"10.1.2.3"}, "10.1.2.3"},
		{"a name", local, []string{"203.0.113.7, unknown"}, "127.0.0.1"},
		{"IPv6", local, []string{"2001:db8::1"}, "2001:db8::1"},
		{"IPv4 in IPv6", local, []string{"203.0.113.7, ::ffff:10.1.2.3"}, "203.0.113.7"},
	} {
		w := newWire(t, func(config *gateway.Config) { config.TrustedProxies = c.proxies })
		m := jsonMessage("Kinesis_20131202.Echo", `{}`)
		m.headers["X-Forwarded-For"] = c.headers
		w.want(c.name, w.do(m), 200, `{}`)
		if got := w.lastCall().SourceIP.String(); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}
