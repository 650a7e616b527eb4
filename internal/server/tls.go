package server

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// TLS says how connections are encrypted; the zero value leaves them clear.
type TLS struct {
	// Cert and Key are PEM files: a certificate, with those between it and its root,
	// and its private key. They are read again when they have changed.
	Cert, Key string
	// Dev has a certificate made for this machine's names, in the data directory.
	Dev bool
}

func (t TLS) check() error {
	switch {
	case t.Dev && (t.Cert != "" || t.Key != ""):
		return errors.New("a certificate is either given by files or made for development, not both")
	case (t.Cert == "") != (t.Key == ""):
		return errors.New("TLS takes both the file of a certificate and that of its key")
	}
	return nil
}

func (t TLS) on() bool { return t.Dev || t.Cert != "" }

// encryption is the TLS configuration of the listener, nil without TLS. listen is the
// address that it will have.
func (c *Config) encryption(listen string) (_ *tls.Config, ca string, err error) {
	if !c.TLS.on() {
		return nil, "", nil
	}
	certificate := &certificate{cert: c.TLS.Cert, key: c.TLS.Key, log: c.Log}
	if c.TLS.Dev {
		dir := filepath.Join(c.Dir, "tls")
		if ca, err = makeDevCertificate(dir, listen, c.Now()); err != nil {
			return nil, "", fmt.Errorf("make a certificate for development: %w", err)
		}
		certificate.cert, certificate.key = filepath.Join(dir, certFile), filepath.Join(dir, keyFile)
	}
	if _, err := certificate.current(nil); err != nil {
		return nil, "", err
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: certificate.current}, ca, nil
}

// A certificate is read from its files again when one of them has changed.
type certificate struct {
	cert, key string
	log       *slog.Logger

	mu      sync.Mutex // guards what follows
	loaded  *tls.Certificate
	version [2]version // of the two files
}

// A version tells a file from what it was.
type version struct {
	changed time.Time
	size    int64
}

// current is the certificate for a new connection. Files that cannot be read, which
// may be about to be written, leave the last good one in use.
func (c *certificate) current(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, err := c.versions()
	if err == nil && (c.loaded == nil || now != c.version) {
		var pair tls.Certificate
		if pair, err = tls.LoadX509KeyPair(c.cert, c.key); err == nil {
			c.loaded, c.version = &pair, now
		}
	}
	if err != nil && c.loaded == nil {
		return nil, fmt.Errorf("TLS certificate: %w", err)
	}
	if err != nil {
		c.log.Warn("new TLS certificate cannot be read", "file", c.cert, "error", err)
	}
	return c.loaded, nil
}

func (c *certificate) versions() (v [2]version, err error) {
	for i, name := range []string{c.cert, c.key} {
		info, err := os.Stat(name)
		if err != nil {
			return v, err
		}
		v[i] = version{info.ModTime(), info.Size()}
	}
	return v, nil
}
