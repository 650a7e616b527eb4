package broker

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	// ErrNoSpace means that the file system of the data directory is full, or so
	// nearly that nothing more is written. It passes when there is space.
	ErrNoSpace outage = "no space left for data"
	// ErrUnavailable means that the engine cannot write: the disk has failed, or
	// the engine is being started or stopped.
	ErrUnavailable outage = "engine is unavailable"
	// ErrUnknownOutcome means that a message may or may not have been stored.
	ErrUnknownOutcome outage = "outcome of write is unknown"
)

// An outage is an error that is nobody's mistake and passes: the same may well
// succeed later. Rooms above, which do not know the engine, know it by Unavailable.
type outage string

func (o outage) Error() string { return string(o) }

// Unavailable is true; it tells an outage from other errors.
func (o outage) Unavailable() bool { return true }

// healInterval is how often a full disk is looked at.
const healInterval = 250 * time.Millisecond

// health is what is known about the engine's ability to write.
type health struct {
	mu     sync.Mutex // guards what follows
	err    error      // why writes fail; nil while they do not
	failed chan struct{}
}

// fail makes all writes fail, those in flight too, until recover.
func (h *health) fail(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.err != nil {
		return
	}
	h.err = err
	close(h.failed)
}

func (h *health) recover() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.err != nil {
		h.err = nil
		h.failed = make(chan struct{})
	}
}

// state returns a channel that is closed when writes begin to fail, and why they do.
func (h *health) state() (failed <-chan struct{}, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.failed, h.err
}

// Health returns nil while writes can be made durable, and else ErrNoSpace or
// ErrUnavailable with the cause.
func (b *Broker) Health() error {
	if _, err := b.health.state(); err != nil {
		return fmt.Errorf("%w: %w", kindOf(err), err)
	}
	return b.checkSpace()
}

// kindOf tells a full disk from a failed one.
func kindOf(err error) error {
	if outOfSpace(err) {
		return ErrNoSpace
	}
	return ErrUnavailable
}

// outOfSpace goes by the text, because the text is all that the engine gives.
func outOfSpace(err error) bool {
	return strings.Contains(err.Error(), syscall.ENOSPC.Error())
}

// checkSpace refuses writes while there is still a little space, because the
// engine must be started again when it has met the end itself. One system call.
func (b *Broker) checkSpace() error {
	free, total, err := b.cfg.freeBytes(b.cfg.Dir)
	if err != nil {
		return fmt.Errorf("%w: free space: %w", ErrUnavailable, err)
	}
	if free < reserve(total) {
		return fmt.Errorf("%w: %d bytes are free in %s, %d are kept free", ErrNoSpace, free, b.cfg.Dir, reserve(total))
	}
	return nil
}

// reserve is the space that is never used: a sixteenth of a small file system,
// 128 MiB of a large one, enough for a block in flight on each of several journals.
func reserve(total uint64) uint64 { return min(total/16, 128<<20) }

// heal starts the engine again after it has met a full disk, once there is space.
// Other failures of a disk it leaves alone; see the package comment.
func (b *Broker) heal(ctx context.Context) {
	for {
		failed, _ := b.health.state()
		select {
		case <-ctx.Done():
			return
		case <-failed:
		}
		_, err := b.health.state()
		if !outOfSpace(err) {
			b.log.Error("writes have stopped until the process is started again", "cause", err)
			return
		}
		b.log.Error("writes have stopped until there is space", "cause", err)
		if !b.waitForSpace(ctx) {
			return
		}
		if err := b.restart(ctx); err != nil {
			b.log.Error("start engine again after a full disk", "error", err)
			continue
		}
		b.log.Warn("writes go on: there is space again")
		b.health.recover()
		b.cfg.healed()
	}
}

// waitForSpace returns when there is space, or false when ctx has ended.
func (b *Broker) waitForSpace(ctx context.Context) bool {
	tick := time.NewTicker(healInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
			if b.checkSpace() == nil {
				return true
			}
		}
	}
}

// restart replaces the server; the connections find the new one by InProcessConn.
func (b *Broker) restart(ctx context.Context) error {
	connected := make([]chan nats.Status, 0, 2)
	for _, nc := range []*nats.Conn{b.write, b.read} {
		ch := nc.StatusChanged(nats.CONNECTED)
		defer nc.RemoveStatusListener(ch)
		connected = append(connected, ch)
	}
	if err := stopServer(ctx, b.currentServer()); err != nil {
		return err
	}
	srv, err := b.startServer(ctx)
	if err != nil {
		return err
	}
	b.setServer(srv)
	for _, ch := range connected {
		select {
		case <-ch:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// freeBytes asks the file system.
func freeBytes(dir string) (free, total uint64, err error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, 0, err
	}
	size := uint64(st.Bsize)
	return st.Bavail * size, st.Blocks * size, nil
}
