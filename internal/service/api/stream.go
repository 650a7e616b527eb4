package api

import (
	"context"
	"reflect"
)

// An EventStream is the answer of an operation that goes on telling for as long as
// its client listens. It is for one goroutine.
type EventStream interface {
	// Ready waits until Next has something to tell. It keeps no event in memory, so
	// that who pays for an event can make room for it first. Its error is that of ctx.
	Ready(ctx context.Context) error
	// Next returns the next event without waiting for one. Its error is io.EOF when
	// the stream has come to its end, an *Exception that the client is told of inside
	// the stream, or something of ours. After an error there is no further event.
	Next(ctx context.Context) (Event, error)
	// Close gives back what the stream holds. It is called once, whatever happened.
	Close()
}

// An Event is one message of an EventStream.
type Event struct {
	Name    string // of the union's member, such as SubscribeToShardEvent
	Payload any    // a struct, encoded like an output
}

// DefineStream is [Define] for an operation that answers an event stream. open
// returns when the stream has begun, with what must be refused before it does.
// MaxEvent is about how many bytes of memory one event may take.
func DefineStream[In any](
	name string,
	maxEvent int64,
	target func(*Call, *In) ([]Access, error),
	open func(context.Context, *Call, *In) (EventStream, error),
) Operation {
	in := reflect.TypeFor[In]()
	return Operation{
		Name:     name,
		input:    in,
		shape:    shapeOf(in),
		maxEvent: maxEvent,
		target:   func(c *Call, v any) ([]Access, error) { return target(c, v.(*In)) },
		handle: func(ctx context.Context, c *Call, v any) (any, error) {
			return open(ctx, c, v.(*In))
		},
	}
}

// MaxEvent is about how many bytes of memory one event of the operation's stream may
// take, 0 for an operation that answers no stream.
func (o *Operation) MaxEvent() int64 { return o.maxEvent }

// A Stream is what Dispatcher.Do returns for an operation of [DefineStream]: the
// stream behind the same question that let it begin.
type Stream struct {
	events EventStream
	// allowed asks the policies whether a caller may still have what the input names.
	allowed func(context.Context, *Call) error
}

// Ready waits until Next has something to tell.
func (s *Stream) Ready(ctx context.Context) error { return s.events.Ready(ctx) }

// Next returns the next event, if its caller may still have it: again proves once
// more who calls, as of now, and every permission is asked for again. So what is
// revoked ends the stream before it tells anything more.
func (s *Stream) Next(ctx context.Context, again func() (*Call, error)) (Event, error) {
	event, err := s.events.Next(ctx)
	if err != nil {
		return Event{}, err
	}
	call, err := again()
	if err != nil {
		return Event{}, err
	}
	if err := s.allowed(ctx, call); err != nil {
		return Event{}, err
	}
	return event, nil
}

// Close gives back what the stream holds.
func (s *Stream) Close() { s.events.Close() }
