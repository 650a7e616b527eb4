package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
)

// Harden returns ln for the server of [NewServer]: HTTP/1 on its connections is read
// strictly, and with a TLS configuration they are encrypted.
//
// HTTP/2 over TLS begins as the client likes: agreed on by ALPN, or without a word,
// as the asynchronous clients of older Java SDKs do. For that net/http is not told
// that there is TLS: it looks at the first bytes then, as on a clear connection.
func Harden(ln net.Listener, encryption *tls.Config) net.Listener {
	if encryption != nil {
		encryption = encryption.Clone()
		encryption.NextProtos = []string{"h2", "http/1.1"}
	}
	return &listener{ln, encryption}
}

type listener struct {
	net.Listener
	encryption *tls.Config // nil without TLS
}

func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if l.encryption == nil {
		return &conn{Conn: c}, nil
	}
	return &conn{Conn: tls.Server(c, l.encryption), secure: true}, nil
}

// A conn is a connection that is read strictly. The handshake of TLS happens when
// the first byte is read, within the time that a head may take.
type conn struct {
	net.Conn
	secure  bool
	framing framing // belongs to whoever reads: net/http, one goroutine at a time
	bad     bool
}

// errFraming makes net/http answer 400 and close.
var errFraming = errors.New("the bytes are not HTTP in the strict sense")

func (c *conn) Read(p []byte) (int, error) {
	if c.bad {
		return 0, errFraming
	}
	n, err := c.Conn.Read(p)
	good := c.framing.check(p[:n])
	if good == n {
		return n, err
	}
	c.bad = true
	if good == 0 {
		return 0, errFraming
	}
	return good, nil
}

// secureKey is the context key of a connection's being encrypted.
type secureKey struct{}

// connContext notes what a request has to know of its connection.
func connContext(ctx context.Context, c net.Conn) context.Context {
	if strict, ok := c.(*conn); ok && strict.secure {
		return context.WithValue(ctx, secureKey{}, true)
	}
	return ctx
}

// secure reports whether the request of this context came over TLS.
func secure(ctx context.Context) bool {
	yes, _ := ctx.Value(secureKey{}).(bool)
	return yes
}
