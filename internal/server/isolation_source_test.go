package server_test

import (
	"errors"
	"net/http"
	"net/netip"
	"testing"

	"tributary/internal/client"
	"tributary/internal/server"
	"tributary/internal/server/servertest"
)

// withHeader adds a header to what is sent, as a proxy would, or somebody who plays
// one.
type withHeader struct {
	http.RoundTripper
	name, value string
}

func (w withHeader) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Header.Set(w.name, w.value)
	return w.RoundTripper.RoundTrip(r)
}

// TestSourceIPIsTheConnectionsOrATrustedProxys lets a user in from some addresses
// only, and lets the user say where it is.
func TestSourceIPIsTheConnectionsOrATrustedProxys(t *testing.T) {
	const within, outside = "203.0.113.7", "198.51.100.1"
	for _, c := range []struct {
		name    string
		proxies []netip.Prefix
		header  string
		allowed bool
	}{
		{"no proxy is trusted, nothing is said", nil, "", false},
		{"no proxy is trusted", nil, within, false},
		{"another proxy is trusted", []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, within, false},
		{"the proxy says it", []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, within, true},
		{"the proxy says another", []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, outside, false},
		{"the client says it, the proxy another", []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, within + ", " + outside, false},
		{"the client says another, the proxy it", []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, outside + ", " + within, true},
		{"the proxy says nothing", []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &scene{Server: servertest.StartWith(t, server.Config{TrustedProxies: c.proxies}), t: t}
			root := s.As(victimAccount)
			s.mustAs(root, "iam CreateUser", input{"UserName": "somewhere"})
			s.mustAs(root, "iam PutUserPolicy", input{
				"UserName": "somewhere", "PolicyName": "from-there",
				"PolicyDocument": `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}}}`,
			})
			user := s.administrator(victimAccount, "somewhere")
			if c.header != "" {
				user.HTTP = &http.Client{Transport: withHeader{http.DefaultTransport, "X-Forwarded-For", c.header}}
			}
			for _, operation := range []string{"logs DescribeLogGroups", "iam ListUsers"} {
				_, err := s.ask(user, operation, nil)
				if refusal, ok := errors.AsType[*client.Refusal](err); c.allowed != (err == nil) || err != nil && (!ok || refusal.Code != "AccessDenied" && refusal.Code != "AccessDeniedException") {
					t.Errorf("%s: got %v, want allowed: %v", operation, err, c.allowed)
				}
			}
		})
	}
}
