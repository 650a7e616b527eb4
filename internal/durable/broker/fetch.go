package broker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
)

// ErrNoMessage means that there is no message of this sequence number or subject,
// or that the engine finds it damaged.
var ErrNoMessage = errors.New("no such message")

// fetchTimeout bounds the wait for all messages of a Fetch.
const fetchTimeout = 15 * time.Second

// MaxFile is the size in bytes of the files in which the engine keeps messages. One with a
// single message may be larger, and those of streams that were made before Create said so
// are of 8 MiB. To read a message the engine reads the file that it is in, whole, and has
// it in memory for a while.
const MaxFile = 4 << 20

// A Message is a stored message. Data belongs to whoever fetched it.
type Message struct {
	Seq     uint64
	Subject string
	Data    []byte
}

// getRequest is the engine's direct get request.
type getRequest struct {
	Seq      uint64 `json:"seq,omitempty"`
	Last     string `json:"last_by_subj,omitempty"`
	Batch    int    `json:"batch,omitempty"`
	MaxBytes int    `json:"max_bytes,omitempty"`
}

// Get returns the message of a sequence number: ErrNoMessage.
func (s Stream) Get(ctx context.Context, seq uint64) (Message, error) {
	m, err := s.one(ctx, getRequest{Seq: seq})
	if err != nil {
		return Message{}, fmt.Errorf("message %d of stream %s: %w", seq, s.name, err)
	}
	if m.Seq != seq {
		return Message{}, fmt.Errorf("message %d of stream %s: engine answers with number %d", seq, s.name, m.Seq)
	}
	return m, nil
}

// Last returns the last message of a subject: ErrNoMessage.
func (s Stream) Last(ctx context.Context, subject string) (Message, error) {
	m, err := s.one(ctx, getRequest{Last: subject})
	if err != nil {
		return Message{}, fmt.Errorf("last message of stream %s with subject %s: %w", s.name, subject, err)
	}
	return m, nil
}

// Fetch returns the stored messages from sequence number from on, ascending: at
// most limit of them, and no more after their sizes have reached maxBytes. Numbers
// that have no message are left out, so a caller that expects none missing checks.
// ErrNoMessage when there is nothing at from or after it.
func (s Stream) Fetch(ctx context.Context, from uint64, limit, maxBytes int) ([]Message, error) {
	var all []Message
	err := s.get(ctx, getRequest{Seq: from, Batch: limit, MaxBytes: maxBytes}, func(m Message) {
		all = append(all, m)
	})
	if err != nil {
		return nil, fmt.Errorf("messages of stream %s from %d: %w", s.name, from, err)
	}
	return all, nil
}

func (s Stream) one(ctx context.Context, req getRequest) (one Message, err error) {
	err = s.get(ctx, req, func(m Message) { one = m })
	return one, err
}

// get asks and passes each answer to yield: one without Batch, else until the
// engine says that it was the last.
func (s Stream) get(ctx context.Context, req getRequest, yield func(Message)) error {
	body, err := json.Marshal(req)
	if err != nil {
		return err
	}
	subject, answers := s.b.replies.expect(req.Batch + 1)
	defer s.b.replies.forget(subject)
	if err := s.b.read.PublishRequest("$JS.API.DIRECT.GET."+s.name, subject, body); err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	timeout := time.NewTimer(fetchTimeout)
	defer timeout.Stop()
	for {
		var m *nats.Msg
		select {
		case m = <-answers:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-timeout.C:
			return fmt.Errorf("%w: no answer in %v", ErrUnavailable, fetchTimeout)
		}
		if m == nil {
			return fmt.Errorf("%w: it was stopped before it answered", ErrUnavailable)
		}
		last, err := endOfAnswer(m)
		if last || err != nil {
			return err
		}
		msg, err := messageOf(m)
		if err != nil {
			return err
		}
		yield(msg)
		if req.Batch == 0 {
			return nil
		}
	}
}

// endOfAnswer reports whether m is not a message but the engine's status line.
func endOfAnswer(m *nats.Msg) (bool, error) {
	switch status := m.Header.Get("Status"); status {
	case "":
		return false, nil
	case "204": // end of batch
		return true, nil
	case "404":
		return true, ErrNoMessage
	case "503": // nobody answers for this stream
		return true, ErrNoStream
	default:
		return true, fmt.Errorf("engine answers %s %s", status, m.Header.Get("Description"))
	}
}

func messageOf(m *nats.Msg) (Message, error) {
	seq, err := strconv.ParseUint(m.Header.Get("Nats-Sequence"), 10, 64)
	if err != nil {
		return Message{}, fmt.Errorf("engine answers without sequence number: %w", err)
	}
	return Message{Seq: seq, Subject: m.Header.Get("Nats-Subject"), Data: m.Data}, nil
}
