package broker

import (
	"fmt"
	"strconv"
	"sync"

	"github.com/nats-io/nats.go"
)

// replies hands the answers that arrive on one connection to whoever asked. One
// subscription for all requests, because making one for each costs ten times as
// much as the request.
type replies struct {
	prefix string

	mu      sync.Mutex // guards what follows
	last    uint64
	waiting map[string]chan *nats.Msg // by reply subject
}

func newReplies(nc *nats.Conn) (*replies, error) {
	r := &replies{prefix: nc.NewInbox() + ".", waiting: make(map[string]chan *nats.Msg)}
	sub, err := nc.Subscribe(r.prefix+"*", r.deliver)
	if err != nil {
		return nil, fmt.Errorf("subscribe to replies: %w", err)
	}
	// Each request bounds its answer; the client's own bound would drop a message.
	if err := sub.SetPendingLimits(-1, -1); err != nil {
		return nil, fmt.Errorf("subscribe to replies: %w", err)
	}
	return r, nil
}

// expect returns a reply subject and the channel on which at most n answers to it
// arrive. The channel is closed when the connection is lost.
func (r *replies) expect(n int) (subject string, answers <-chan *nats.Msg) {
	ch := make(chan *nats.Msg, n)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last++
	subject = r.prefix + strconv.FormatUint(r.last, 36)
	r.waiting[subject] = ch
	return subject, ch
}

// forget ends the wait for answers.
func (r *replies) forget(subject string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.waiting, subject)
}

func (r *replies) deliver(m *nats.Msg) {
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case r.waiting[m.Subject] <- m:
	default: // nobody waits any more, or the engine answers more than it was asked for
	}
}

// abandon tells everybody who waits that no answer will come.
func (r *replies) abandon() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for subject, ch := range r.waiting {
		close(ch)
		delete(r.waiting, subject)
	}
}
