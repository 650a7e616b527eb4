package broker

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// ErrConflict means that a message was not stored because IfLast or
// IfLastOfSubject did not hold.
var ErrConflict = errors.New("stream has changed meanwhile")

// publishTimeout is when an acknowledgement is given up. A slow disk takes
// hundreds of milliseconds; a failed one is known at once (engineLog).
const publishTimeout = 15 * time.Second

// A Condition says when a message may be stored.
type Condition func(*nats.Msg)

// IfLast lets a message be stored only as the one after sequence number last.
func IfLast(last uint64) Condition {
	return header(jetstream.ExpectedLastSeqHeader, last)
}

// IfLastOfSubject lets a message be stored only if the last one with its subject
// has this sequence number; 0 if there is none.
func IfLastOfSubject(last uint64) Condition {
	return header(jetstream.ExpectedLastSubjSeqHeader, last)
}

func header(name string, n uint64) Condition {
	return func(m *nats.Msg) { m.Header.Set(name, strconv.FormatUint(n, 10)) }
}

// Publish stores a message and returns its sequence number when it has been
// fsynced. The caller must not change data until Publish has returned.
//
// It takes no context: once it is on its way a message cannot be called back, and
// a caller that stopped waiting would not know what it may do next. It waits for
// the acknowledgement, for the engine's failure, or 15 seconds.
//
// Errors: ErrConflict, ErrNoSpace, ErrUnavailable and ErrNoStream, after which the
// message is not stored and never will be; ErrUnknownOutcome, after which it may be.
func (s Stream) Publish(subject string, data []byte, conditions ...Condition) (seq uint64, err error) {
	failed, failure := s.b.health.state()
	if failure != nil {
		return 0, fmt.Errorf("publish to %s: %w: %w", s.name, kindOf(failure), failure)
	}
	if err := s.b.checkSpace(); err != nil {
		return 0, fmt.Errorf("publish to %s: %w", s.name, err)
	}
	m := &nats.Msg{Subject: subject, Data: data, Header: make(nats.Header, len(conditions))}
	for _, c := range conditions {
		c(m)
	}
	ack, err := s.b.js.PublishMsgAsync(m, jetstream.WithRetryAttempts(0))
	if err != nil {
		return 0, fmt.Errorf("publish to %s: %w: %w", s.name, ErrUnavailable, err)
	}
	timeout := time.NewTimer(s.b.cfg.patience)
	defer timeout.Stop()
	select {
	case ok := <-ack.Ok():
		if ok.Stream != s.name {
			return 0, fmt.Errorf("publish to %s: subject belongs to stream %s", s.name, ok.Stream)
		}
		return ok.Sequence, nil
	case err := <-ack.Err():
		return 0, fmt.Errorf("publish to %s: %w", s.name, publishError(err))
	case <-failed:
		_, failure := s.b.health.state()
		return 0, fmt.Errorf("publish to %s: %w: %w", s.name, ErrUnknownOutcome, failure)
	case <-timeout.C:
		return 0, fmt.Errorf("publish to %s: %w: not acknowledged in %v", s.name, ErrUnknownOutcome, s.b.cfg.patience)
	}
}

// Barrier returns when every message that was published to the stream before has been
// stored or never will be, also one whose Publish has stopped waiting. Then State says
// what became of it. After an error nothing is known. subject is any that the stream
// stores; nothing is stored.
//
// The engine takes the messages of a stream one after the other, so its answer to a
// message that it has to refuse comes when all before it are decided on.
func (s Stream) Barrier(subject string) error {
	seq, err := s.Publish(subject, nil, IfLast(math.MaxInt64))
	switch {
	case errors.Is(err, ErrConflict):
		return nil
	case err != nil:
		return fmt.Errorf("barrier: %w", err)
	}
	return fmt.Errorf("barrier: stream %s has stored it as %d", s.name, seq)
}

// publishError sorts what came instead of an acknowledgement.
func publishError(err error) error {
	var api *jetstream.APIError
	switch {
	case errors.As(err, &api) && api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence:
		return fmt.Errorf("%w: %s", ErrConflict, api.Description)
	case errors.As(err, &api):
		return fmt.Errorf("%w: %w", ErrUnavailable, err) // refused by the engine
	case errors.Is(err, jetstream.ErrNoStreamResponse):
		return ErrNoStream // nobody stores this subject
	}
	return fmt.Errorf("%w: %w", ErrUnknownOutcome, err)
}
