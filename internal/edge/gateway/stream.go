package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"tributary/internal/pure/arn"
	"tributary/internal/pure/sigv4"
	"tributary/internal/service/api"
)

// longAgo is a deadline that has passed.
var longAgo = time.Unix(1, 0)

// headStart is how long the answer to an HTTP/1 request waits before its stream begins.
// The AWS SDK for Go closes the body of a request when the answer's header is there; a
// transport that has sent the body, but not yet looked whether there is more of it, then
// takes the request for broken and cuts the connection (safeWriteToReadCloser of smithy-go
// 1.28). Over a network no answer is fast enough for that; over loopback it is.
const headStart = 20 * time.Millisecond

// streams are the event streams under way, which a server that stops must end: by
// themselves they would go on for minutes.
type streams struct {
	mu      sync.Mutex // guards what follows; a leaf
	stopped bool
	cancels map[*exchange]context.CancelFunc
}

// begin registers a stream; what it returns is called at the stream's end.
func (s *streams) begin(x *exchange, cancel context.CancelFunc) (end func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		cancel()
	}
	if s.cancels == nil {
		s.cancels = map[*exchange]context.CancelFunc{}
	}
	s.cancels[x] = cancel
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.cancels, x)
	}
}

// EndStreams ends all event streams, those under way and those that come. Clients
// see a stream that has come to its end and subscribe again, elsewhere or later. It
// is for http.Server.RegisterOnShutdown.
func (g *Gateway) EndStreams() {
	g.streams.mu.Lock()
	defer g.streams.mu.Unlock()
	g.streams.stopped = true
	for _, cancel := range g.streams.cancels {
		cancel()
	}
}

// answerStream answers with events until the stream or the connection ends. What
// goes wrong from here on is told inside the stream: its status was 200.
func (x *exchange) answerStream(call *api.Call, auth *sigv4.Authorization, stream *api.Stream) error {
	defer stream.Close()
	ctx, cancel := context.WithCancel(x.r.Context())
	defer cancel()
	defer x.streams.begin(x, cancel)()

	out := &eventWriter{x: x, control: http.NewResponseController(x.w)}
	// The deadlines of a request are not those of a stream.
	if err := errors.Join(out.control.SetReadDeadline(time.Time{}), out.control.SetWriteDeadline(time.Time{})); err != nil {
		return fmt.Errorf("extend the deadlines of a stream: %w", err)
	}
	if x.r.ProtoMajor == 1 {
		select {
		case <-time.After(headStart):
		case <-ctx.Done():
			return nil
		}
	}
	x.w.Header().Set("Content-Type", eventStreamType)
	x.w.WriteHeader(http.StatusOK)
	x.observe("OK")
	out.event(x.held.none(call.Account()), "initial-response", jsonType, struct{}{})
	again := func() (*api.Call, error) {
		_, caller, err := x.credentials(auth)
		if err != nil {
			return nil, err
		}
		now := *call
		now.Caller, now.Time = caller, x.config.Now().UTC()
		return &now, nil
	}
	for {
		if err := stream.Ready(ctx); err != nil {
			return nil // the client has gone, or the server goes
		}
		if !x.tellNext(ctx, out, call.Account(), stream, again) {
			return nil
		}
	}
}

// tellNext tells one event, in memory that has been reserved for it; more is false
// when it was the last.
func (x *exchange) tellNext(ctx context.Context, out *eventWriter, account arn.AccountID, stream *api.Stream, again func() (*api.Call, error)) (more bool) {
	held := x.held.reserve(ctx, account, min(x.operation.MaxEvent(), x.held.share))
	if held == nil {
		return false
	}
	defer held.release()
	event, err := stream.Next(ctx, again)
	switch {
	case errors.Is(err, io.EOF), err != nil && ctx.Err() != nil:
		return false
	case err != nil:
		out.exception(err)
		return false
	}
	out.event(held, event.Name, "application/json", event.Payload)
	return true
}

// An eventWriter writes the messages of one stream.
type eventWriter struct {
	x       *exchange
	control *http.ResponseController
}

// event writes an event. While the client takes it, held is what it is then, also where
// that is more than was reserved for it.
func (o *eventWriter) event(held *hold, name, contentType string, payload any) {
	size := smallBody
	if large, ok := payload.(api.JSONAppender); ok {
		size = messageRest + large.JSONSize()
	}
	buf := o.x.buffers.get(size)
	defer func() { o.x.reuse(buf) }()
	message := beginMessage((*buf)[:0],
		header{":message-type", "event"}, header{":event-type", name}, header{":content-type", contentType})
	message, err := appendJSON(message, payload)
	if err != nil {
		o.exception(err)
		return
	}
	*buf = endMessage(message, 0)
	held.become(charge(cap(*buf)))
	o.write(*buf)
}

// exception writes the message that tells of an error and is the last one.
func (o *eventWriter) exception(err error) {
	e, ok := api.AsException(err)
	if !ok {
		o.x.logFailure(err)
		e = api.Refuse("InternalFailureException", "Internal Service Failure.")
	}
	message := beginMessage(nil,
		header{":message-type", "exception"}, header{":exception-type", e.Code}, header{":content-type", "application/json"})
	message = append(appendText(append(message, `{"message":`...), e.Message), '}')
	o.write(endMessage(message, 0))
}

// write sends a message. A client that does not take it in time, or has gone, ends
// the request where it stands: the connection is cut, so that nobody takes the stream
// for one that has come to its end.
func (o *eventWriter) write(message []byte) {
	if err := o.x.sendWithin(o.x.config.StreamWrite, message); err != nil {
		o.x.cutOff = true
		o.x.config.Log.Debug("event stream cut off", "requestID", o.x.id, "client", o.x.r.RemoteAddr, "error", err)
		panic(http.ErrAbortHandler)
	}
}

// sendWithin sends bytes of the answer to a client that must take them in time. After
// an error nothing more can be sent.
func (x *exchange) sendWithin(patience time.Duration, b []byte) error {
	control := http.NewResponseController(x.w)
	late := make(chan struct{})
	timer := time.AfterFunc(patience, func() {
		defer close(late)
		_ = control.SetWriteDeadline(longAgo) // a connection that has none is gone
	})
	_, err := x.w.Write(b)
	if err == nil {
		err = control.Flush()
	}
	if !timer.Stop() {
		<-late
		err = errors.Join(err, errors.New("the client does not read"))
	}
	return err
}
