package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// MaxMessage is the size in bytes that a message must not exceed. The engine's files
// hold no record of more than 32 MiB, which includes subject and conditions.
const MaxMessage = 31 << 20

// Config says where the data lies.
type Config struct {
	// Dir is the data directory. It is made, mode 0700, when it does not exist.
	Dir string
	// Log receives what the engine reports. Required.
	Log *slog.Logger

	// noSync leaves out fsync: only for the test that shows what would be lost.
	noSync bool
	// patience replaces publishTimeout, in tests.
	patience time.Duration
	// freeBytes replaces the question how much space the file system has, in tests.
	freeBytes func(dir string) (free, total uint64, err error)
	// healed is called when writes go on after a full disk, in tests.
	healed func()
}

var errClosed = errors.New("broker is closed")

// A Broker is an open engine. Its methods may be called from any goroutine.
type Broker struct {
	cfg  Config
	log  *slog.Logger
	lock *os.File

	write, read *nats.Conn
	js          jetstream.JetStream // on write
	replies     *replies            // on read

	health health

	// serverMu guards server, which changes only when the engine is started again
	// after the disk was full. It is not held during that start.
	serverMu sync.Mutex
	server   *server.Server

	stop    context.CancelFunc
	stopped sync.WaitGroup
	closing sync.Once
}

// Open claims the directory and starts the engine on it; when it returns, streams
// can be written and read. It fails with ErrInUse, ErrForeign or ErrUnwritable,
// or with what the engine says.
//
// Open starts goroutines; Close ends them.
func Open(ctx context.Context, cfg Config) (*Broker, error) {
	if cfg.freeBytes == nil {
		cfg.freeBytes = freeBytes
	}
	if cfg.patience == 0 {
		cfg.patience = publishTimeout
	}
	if cfg.healed == nil {
		cfg.healed = func() {}
	}
	lock, err := claim(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("open broker: %w", err)
	}
	b := &Broker{cfg: cfg, log: cfg.Log, lock: lock}
	b.health.failed = make(chan struct{})
	if err := b.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open broker: %w", err), b.shutdown(context.WithoutCancel(ctx)))
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	b.stop = stop
	b.stopped.Go(func() { b.heal(run) })
	return b, nil
}

// Dir returns the data directory, in which catalog and journal keep a file each
// beside the engine's.
func (b *Broker) Dir() string { return b.cfg.Dir }

// Close stops the engine and gives the directory back. Everything that Publish
// has acknowledged is on the disk already, so an error here loses nothing; a
// Publish still waiting gets an error. Close what writes before the broker. Closing
// again does nothing.
func (b *Broker) Close(ctx context.Context) (err error) {
	b.closing.Do(func() {
		b.stop()
		b.stopped.Wait()
		b.health.fail(errClosed)
		err = b.shutdown(ctx)
	})
	if err != nil {
		return fmt.Errorf("close broker: %w", err)
	}
	return nil
}

// start starts the server and connects.
func (b *Broker) start(ctx context.Context) error {
	srv, err := b.startServer(ctx)
	if err != nil {
		return err
	}
	b.setServer(srv)
	if b.write, err = b.connect("write"); err != nil {
		return err
	}
	if b.read, err = b.connect("read"); err != nil {
		return err
	}
	if b.replies, err = newReplies(b.read); err != nil {
		return err
	}
	b.read.SetDisconnectErrHandler(func(*nats.Conn, error) { b.replies.abandon() })
	b.read.SetClosedHandler(func(*nats.Conn) { b.replies.abandon() })
	b.js, err = jetstream.New(b.write,
		jetstream.WithPublishAsyncMaxPending(1<<20), // each journal has one block in flight at most
		jetstream.WithDefaultTimeout(apiTimeout))
	return err
}

// connect opens a connection to whichever server is the current one.
func (b *Broker) connect(name string) (*nats.Conn, error) {
	nc, err := nats.Connect("",
		nats.InProcessServer(b), nats.Name(name),
		nats.MaxReconnects(-1), nats.ReconnectWait(10*time.Millisecond), nats.ReconnectJitter(0, 0),
		nats.ReconnectBufSize(-1), // a Publish without a server fails; it is not kept for later
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			b.log.Error("broker connection", "connection", name, "error", err)
		}))
	if err != nil {
		return nil, fmt.Errorf("connect in process: %w", err)
	}
	return nc, nil
}

// shutdown stops what start has started, in the order in which nothing is lost:
// connections first, so that no message arrives at a server that is going away.
func (b *Broker) shutdown(ctx context.Context) error {
	for _, nc := range []*nats.Conn{b.write, b.read} {
		if nc != nil {
			nc.Close()
		}
	}
	err := stopServer(ctx, b.currentServer())
	return errors.Join(err, b.lock.Close())
}
