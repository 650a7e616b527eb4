package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
)

// Harden returns ln for the server of [NewServer]: HTTP/1 on its connections is read
// strictly, and with a TLS configuration they are encrypted. Of connections and
// requests under way it has at most so many together, 0 for any number: connections on
// which nobody has proved who they are make room for others.
//
// HTTP/2 over TLS begins as the client likes: agreed on by ALPN, or without a word,
// as the asynchronous clients of older Java SDKs do. For that net/http is not told
// that there is TLS: it looks at the first bytes then, as on a clear connection.
func Harden(ln net.Listener, encryption *tls.Config, most int) net.Listener {
	if encryption != nil {
		encryption = encryption.Clone()
		encryption.NextProtos = []string{"h2", "http/1.1"}
	}
	return &listener{ln, encryption, newCrowd(most)}
}

type listener struct {
	net.Listener
	encryption *tls.Config // nil without TLS
	crowd      *crowd
}

func (l *listener) Accept() (net.Conn, error) {
	clear, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: clear, clear: clear, crowd: l.crowd}
	if l.encryption != nil {
		c.Conn, c.secure = tls.Server(clear, l.encryption), true
	}
	l.crowd.join(c)
	return c, nil
}

// A conn is a connection that is read strictly. The handshake of TLS happens when
// the first byte is read, within the time that a head may take.
type conn struct {
	net.Conn
	clear   net.Conn // what is below TLS
	secure  bool
	crowd   *crowd
	place   place   // in the crowd, which guards it
	framing framing // this and the rest belong to whoever reads: net/http, one goroutine at a time
	bad     bool
	heard   bool // somebody listens
}

// errFraming makes net/http answer 400 and close.
var errFraming = errors.New("the bytes are not HTTP in the strict sense")

func (c *conn) Read(p []byte) (int, error) {
	if c.bad {
		return 0, errFraming
	}
	if !c.heard {
		c.heard = true
		c.crowd.hear(c)
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

// Close closes the connection and gives up its place.
func (c *conn) Close() error {
	c.crowd.leave(c)
	return c.Conn.Close()
}

// connKey is the context key of a request's *conn.
type connKey struct{}

// connContext notes what a request has to know of its connection.
func connContext(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// connOf is the connection that a request came on, nil for one that did not come
// through [Harden].
func connOf(ctx context.Context) *conn {
	c, _ := ctx.Value(connKey{}).(*conn)
	return c
}

// secure reports whether the request of this context came over TLS.
func secure(ctx context.Context) bool {
	c := connOf(ctx)
	return c != nil && c.secure
}

// known notes that the request of this context was signed by whom it says.
func known(ctx context.Context) {
	if c := connOf(ctx); c != nil {
		c.crowd.know(c)
	}
}

// counted counts the requests of a handler among the crowd.
func counted(handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c := connOf(r.Context()); c != nil {
			defer c.crowd.begin(c)()
		}
		handler.ServeHTTP(w, r)
	})
}
