package gateway_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"

	"tributary/internal/edge/gateway"
	"tributary/internal/pure/policy"
	"tributary/internal/service/api"
)

// A source is an event stream that a test feeds.
type source struct {
	fed    chan error // what Next is to return: an event for nil
	text   string     // of every event
	closed chan struct{}

	next error
}

func newSource() *source {
	return &source{fed: make(chan error, 8), text: "x", closed: make(chan struct{})}
}

func (s *source) Ready(ctx context.Context) error {
	select {
	case s.next = <-s.fed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *source) Next(context.Context) (api.Event, error) {
	if s.next != nil {
		return api.Event{}, s.next
	}
	return api.Event{Name: "ThingHappened", Payload: &thing{Text: s.text}}, nil
}

func (s *source) Close() { close(s.closed) }

// services has one operation that answers with the source.
func (s *source) services(w *wire) []api.Service {
	services := testServices(w)
	services[1].Operations = append(services[1].Operations, api.DefineStream("Stream", 4<<20,
		func(*api.Call, *nothing) ([]api.Access, error) {
			return []api.Access{{Action: "kinesis:Stream", Resource: "*"}}, nil
		},
		func(context.Context, *api.Call, *nothing) (api.EventStream, error) { return s, nil }))
	return services
}

// received reads a stream to its end: each message as its type and payload.
func received(t *testing.T, body io.Reader) (messages []string) {
	t.Helper()
	decoder := eventstream.NewDecoder()
	for {
		m, err := decoder.Decode(body, nil)
		if errors.Is(err, io.EOF) {
			return messages
		}
		if err != nil {
			return append(messages, "cut off: "+err.Error())
		}
		name := m.Headers.Get(":message-type").String()
		for _, h := range []string{":event-type", ":exception-type", ":content-type"} {
			if v := m.Headers.Get(h); v != nil {
				name += " " + v.String()
			}
		}
		messages = append(messages, name+" "+string(m.Payload))
	}
}

func (w *wire) stream(transport *http.Transport) *http.Response {
	w.Helper()
	res, err := transport.RoundTrip(w.request(jsonMessage("Kinesis_20131202.Stream", `{}`)))
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = res.Body.Close() })
	if got := res.Header.Get("Content-Type"); res.StatusCode != 200 || got != "application/vnd.amazon.eventstream" {
		w.Fatalf("got %s %s, want 200 and an event stream", res.Status, got)
	}
	return res
}

const (
	first = "event initial-response application/x-amz-json-1.1 {}"
	event = `event ThingHappened application/json {"text":"x"}`
)

func TestEventsAreStreamed(t *testing.T) {
	for name, transport := range map[string]*http.Transport{"HTTP/1.1": {}, "HTTP/2": http2Only()} {
		t.Run(name, func(t *testing.T) {
			defer transport.CloseIdleConnections()
			s := newSource()
			w := newWire(t, nil, s.services(&wire{})...)
			body := w.stream(transport).Body
			// The first message is there before anything has happened.
			decoder := eventstream.NewDecoder()
			if m, err := decoder.Decode(body, nil); err != nil || m.Headers.Get(":event-type").String() != "initial-response" {
				t.Fatalf("got %v %v, want the initial response", m.Headers, err)
			}
			s.fed <- nil
			if m, err := decoder.Decode(body, nil); err != nil || string(m.Payload) != `{"text":"x"}` {
				t.Fatalf("got %s %v, want the event", m.Payload, err)
			}
			s.fed <- nil
			s.fed <- io.EOF
			if got, want := received(t, body), []string{event}; !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
			<-s.closed
			if got, want := w.observed, []string{"kinesis Stream OK"}; !slices.Equal(got, want) {
				t.Errorf("observed %q, want %q", got, want)
			}
		})
	}
}

func TestWhatEndsAStreamIsToldInIt(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{api.Refuse("ResourceNotFoundException", `no "such" stream`), `exception ResourceNotFoundException application/json {"message":"no \"such\" stream"}`},
		{errors.New("disk is on fire"), `exception InternalFailureException application/json {"message":"Internal Service Failure."}`},
	} {
		s := newSource()
		w := newWire(t, nil, s.services(&wire{})...)
		s.fed <- c.err
		transport := &http.Transport{}
		if got, want := received(t, w.stream(transport).Body), []string{first, c.want}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		<-s.closed
		transport.CloseIdleConnections()
	}
}

// A door is the authorizer and the credentials of a test that takes them back.
type door struct {
	mu             sync.Mutex
	denied, noKey  bool
	w              *wire
	lastAuthorized time.Time
}

func (d *door) Authorize(_ context.Context, c *api.Call, a api.Access) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lastAuthorized = c.Time
	if d.denied {
		return &api.Denied{Caller: c.Caller.Principal, Access: a, Decision: policy.Decision{}}
	}
	return nil
}

func (d *door) credentials(ctx context.Context, id, token string) (string, api.Caller, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.noKey {
		return "", api.Caller{}, gateway.ErrUnknownKey
	}
	return d.w.credentials(ctx, id, token)
}

func TestWhatIsRevokedEndsAStream(t *testing.T) {
	for name, c := range map[string]struct {
		revoke func(*door)
		want   string
	}{
		"the permission": {func(d *door) { d.denied = true }, "exception AccessDeniedException application/json {\"message\":\"User: arn:aws:iam::111111111111:root is not authorized to perform: kinesis:Stream on resource: * "},
		"the key":        {func(d *door) { d.noKey = true }, `exception UnrecognizedClientException application/json {"message":"The security token included in the request is invalid."}`},
	} {
		t.Run(name, func(t *testing.T) {
			s, d := newSource(), &door{}
			services := s.services(&wire{})
			w := newWire(t, func(config *gateway.Config) {
				config.Dispatcher = api.NewDispatcher(d, services...)
				config.Credentials = d.credentials
			}, services...)
			d.w = w
			transport := &http.Transport{}
			defer transport.CloseIdleConnections()
			body := w.stream(transport).Body
			s.fed <- nil
			decoder := eventstream.NewDecoder()
			for range 2 {
				if _, err := decoder.Decode(body, nil); err != nil {
					t.Fatal(err)
				}
			}
			w.mu.Lock()
			w.now = now.Add(time.Minute)
			w.mu.Unlock()
			d.mu.Lock()
			c.revoke(d)
			d.mu.Unlock()
			s.fed <- nil
			got := received(t, body)
			if len(got) != 1 || !strings.HasPrefix(got[0], c.want) {
				t.Errorf("got %q, want %q…", got, c.want)
			}
			if d.denied && !d.lastAuthorized.Equal(now.Add(time.Minute)) {
				t.Errorf("permission was asked for as of %v, want the time of the event", d.lastAuthorized)
			}
			<-s.closed
		})
	}
}

func TestSubscriberThatDoesNotReadIsCutOff(t *testing.T) {
	s := newSource()
	s.text = strings.Repeat("x", 2<<20)
	w := newWire(t, func(config *gateway.Config) { config.StreamWrite = 50 * time.Millisecond }, s.services(&wire{})...)
	c, err := net.Dial("tcp", w.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if _, err := io.WriteString(c, w.rawText(jsonMessage("Kinesis_20131202.Stream", `{}`), "Content-Length: 2")); err != nil {
		t.Fatal(err)
	}
	told := 0
	for over := false; !over; {
		select {
		case s.fed <- nil: // as much as the stream takes
			told++
		case <-s.closed:
			over = true
		}
	}
	// What the sockets hold and not more was made for nobody.
	if told > 64 {
		t.Errorf("%d events of 2 MiB were made for a client that reads none", told)
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, res.Body); err == nil {
		t.Error("the stream seems to have come to its end, want it cut off")
	}
}

// An event counts as what it is while a subscriber takes it, also where that is more than
// what was reserved for it.
func TestEventCountsWhileItIsSent(t *testing.T) {
	s := newSource()
	s.text = strings.Repeat("x", largeAnswer)
	w := newWire(t, func(config *gateway.Config) {
		config.MaxBody = 64 << 10
		config.MaxHeld = 4 * 3 * largeAnswer // for each account one answer, in a buffer that has doubled
		config.StreamWrite = 20 * time.Second
	}, s.services(&wire{})...)
	subscriber := w.linger(jsonMessage("Kinesis_20131202.Stream", `{}`))
	large := jsonMessage("Kinesis_20131202.Large", `{}`)
	w.wantPrefix("a large answer before the event", w.send(w.request(large)), 200, `{"text":"`)
	s.fed <- nil
	// The event is made some time after that. Once refused may be for the answer before.
	until := time.Now().Add(10 * time.Second)
	for refused := 0; refused < 3; refused++ {
		if w.send(w.request(large)).status == 200 {
			refused = -1
		}
		if time.Now().After(until) {
			t.Fatal("an event that nobody reads takes no room")
		}
	}
	s.fed <- io.EOF
	subscriber.finish(w)
	w.wantPrefix("a large answer when the event has been read", w.send(w.request(large)), 200, `{"text":"`)
}

func TestSubscriberThatGoesIsForgotten(t *testing.T) {
	for name, transport := range map[string]*http.Transport{"HTTP/1.1": {}, "HTTP/2": http2Only()} {
		s := newSource()
		w := newWire(t, nil, s.services(&wire{})...)
		if err := w.stream(transport).Body.Close(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		<-s.closed
		transport.CloseIdleConnections()
	}
}

func TestServerThatStopsEndsStreams(t *testing.T) {
	s := newSource()
	w := newWire(t, nil, s.services(&wire{})...)
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	body := w.stream(transport).Body
	w.gateway.EndStreams()
	if got, want := received(t, body), []string{first}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	<-s.closed
}

func TestStreamThatCannotBeginIsRefusedBefore(t *testing.T) {
	s, d := newSource(), &door{denied: true}
	services := s.services(&wire{})
	w := newWire(t, func(config *gateway.Config) { config.Dispatcher = api.NewDispatcher(d, services...) }, services...)
	w.wantPrefix("denied", w.do(jsonMessage("Kinesis_20131202.Stream", `{}`)), 400, `{"__type":"AccessDeniedException"`)
}
