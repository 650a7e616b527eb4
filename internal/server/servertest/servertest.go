// Package servertest runs a whole server inside a test: real files in a temporary
// directory, a real listener on a free loopback port, real signatures.
package servertest

import (
	"context"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"tributary/internal/client"
	"tributary/internal/pure/sigv4"
	"tributary/internal/server"
)

// A Server is a running development server: every account's key is its id.
type Server struct {
	server.Info
	t    testing.TB
	cfg  server.Config
	dir  string
	stop context.CancelFunc
	done chan error
}

// Start starts a server that is stopped at the end of the test.
func Start(t testing.TB) *Server {
	t.Helper()
	return StartWith(t, server.Config{})
}

// StartWith is Start with settings. Its clients go by the server's clock.
func StartWith(t testing.TB, cfg server.Config) *Server {
	t.Helper()
	s := &Server{t: t, cfg: cfg, dir: filepath.Join(t.TempDir(), "data")}
	if s.cfg.Now == nil {
		s.cfg.Now = time.Now
	}
	s.start()
	t.Cleanup(s.Stop)
	return s
}

func (s *Server) start() {
	s.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	ready := make(chan server.Info, 1)
	s.stop, s.done = stop, make(chan error, 1)
	go func() {
		cfg := s.cfg
		cfg.Dir, cfg.Listen, cfg.Dev = s.dir, "127.0.0.1:0", true
		cfg.Ready = func(i server.Info) { ready <- i }
		s.done <- server.Run(ctx, cfg)
	}()
	select {
	case s.Info = <-ready:
	case err := <-s.done:
		s.done <- nil
		s.t.Fatalf("start server: %v", err)
	}
}

// Stop stops the server and waits for it.
func (s *Server) Stop() {
	s.t.Helper()
	s.stop()
	if err := <-s.done; err != nil {
		s.t.Errorf("stop server: %v", err)
	}
	s.done <- nil // Stop may be called again
}

// Dir is the data directory.
func (s *Server) Dir() string { return s.dir }

// Resume starts a server that was stopped, on the same data.
func (s *Server) Resume() {
	s.t.Helper()
	s.start()
}

// Restart stops the server and starts it again on the same data, on another port.
func (s *Server) Restart() {
	s.t.Helper()
	s.Stop()
	s.start()
}

// As is a client that acts as the root user of an account, in us-east-1.
func (s *Server) As(account string) *client.Client {
	return &client.Client{
		Endpoint: s.URL(), Region: "us-east-1", Now: s.cfg.Now, HTTP: http.DefaultClient,
		Credentials: sigv4.Credentials{AccessKeyID: account, SecretAccessKey: "test"},
	}
}

// Run runs a command of the AWS CLI as an account's root user and returns its
// answer or the server's refusal.
func (s *Server) Run(account string, words ...string) (map[string]any, error) {
	s.t.Helper()
	return s.As(account).Run(s.t.Context(), s.Dispatcher, words)
}

// Must is Run for a command that has to succeed.
func (s *Server) Must(account string, words ...string) map[string]any {
	s.t.Helper()
	out, err := s.Run(account, words...)
	if err != nil {
		s.t.Fatalf("%s $ %s: %v", account, client.Command(words), err)
	}
	return out
}
