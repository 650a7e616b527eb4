package broker

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"path/filepath"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

const (
	// apiTimeout bounds the calls that make, describe, purge and remove streams.
	apiTimeout = 10 * time.Second
	// startTimeout bounds the recovery of all streams at start.
	startTimeout = 5 * time.Minute
)

// options are the server's. What is not here is the server's default.
func (b *Broker) options() *server.Options {
	return &server.Options{
		ServerName: "tributary",
		DontListen: true, // reachable through InProcessConn and in no other way
		NoSigs:     true, // signals are the program's

		JetStream:              true,
		StoreDir:               b.cfg.Dir,
		SyncAlways:             !b.cfg.noSync, // fsync before every acknowledgement
		DisableJetStreamBanner: true,
		// The engine's own limit would disable all of JetStream when it is reached;
		// space is watched in health.go instead.
		JetStreamMaxStore:  math.MaxInt64 / 4,
		JetStreamMaxMemory: 64 << 20, // no stream of ours is kept in memory

		MaxPayload:    32 << 20,
		MaxPending:    1 << 30, // of one connection; Fetch bounds what it asks for
		WriteDeadline: time.Minute,
		// Both ends are this process: no need to ask whether the other one is alive.
		PingInterval: time.Hour,
	}
}

// startServer starts a server on the directory and waits until it has recovered
// all streams.
func (b *Broker) startServer(ctx context.Context) (*server.Server, error) {
	if err := syncTree(b.cfg.Dir); err != nil {
		return nil, fmt.Errorf("sync %s: %w", b.cfg.Dir, err)
	}
	srv, err := server.NewServer(b.options())
	if err != nil {
		return nil, fmt.Errorf("configure engine: %w", err)
	}
	log := &engineLog{log: b.log, health: &b.health}
	srv.SetLoggerV2(log, false, false, false)
	srv.Start()
	if !srv.ReadyForConnections(startTimeout) || !srv.JetStreamEnabled() {
		err := fmt.Errorf("start engine in %s: %w", filepath.Join(b.cfg.Dir, server.JetStreamStoreDir), log.lastError())
		return nil, errors.Join(err, stopServer(ctx, srv))
	}
	return srv, nil
}

// stopServer closes all files of the server's streams and waits for its end.
func stopServer(ctx context.Context, srv *server.Server) error {
	if srv == nil {
		return nil
	}
	done := make(chan struct{})
	go func() {
		srv.Shutdown()
		srv.WaitForShutdown()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("stop engine: %w", context.Cause(ctx))
	}
}

// InProcessConn makes a connection to the current server. It is there for the
// NATS client, which calls it again when the server has been replaced.
func (b *Broker) InProcessConn() (net.Conn, error) {
	srv := b.currentServer()
	if srv == nil || !srv.Running() {
		return nil, errors.New("engine is not running")
	}
	return srv.InProcessConn()
}

func (b *Broker) currentServer() *server.Server {
	b.serverMu.Lock()
	defer b.serverMu.Unlock()
	return b.server
}

func (b *Broker) setServer(srv *server.Server) {
	b.serverMu.Lock()
	defer b.serverMu.Unlock()
	b.server = srv
}
