package gateway_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"tributary/internal/edge/gateway"
)

// largeAnswer is more than the kernel takes off our hands when the other end does
// not read.
const largeAnswer = 8 << 20

// A lingerer is a client that has asked for something and reads the head of the
// answer only.
type lingerer struct {
	conn   net.Conn
	answer *http.Response
}

func (w *wire) linger(m message) *lingerer {
	w.Helper()
	conn, err := net.Dial("tcp", w.addr)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = conn.Close() })
	if err := conn.(*net.TCPConn).SetReadBuffer(128 << 10); err != nil {
		w.Fatal(err)
	}
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		w.Fatal(err)
	}
	if _, err := io.WriteString(conn, w.rawText(m, "Content-Length: 2", "Connection: close")); err != nil {
		w.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReaderSize(conn, 16), nil)
	if err != nil {
		w.Fatal(err)
	}
	if answer.StatusCode != 200 {
		w.Fatalf("status of an answer that is read slowly: got %d, want 200", answer.StatusCode)
	}
	return &lingerer{conn, answer}
}

// finish reads the rest, after which the server has let go of the answer.
func (l *lingerer) finish(w *wire) {
	w.Helper()
	n, err := io.Copy(io.Discard, l.answer.Body)
	if err != nil || n < largeAnswer {
		w.Fatalf("rest of the answer: got %d bytes, %v; want more than %d", n, err, largeAnswer)
	}
	if _, err := io.ReadAll(l.conn); err != nil { // until the server is done with it
		w.Fatal(err)
	}
}

// What a large body has done is answered, however little memory there is: whoever is told
// to come again does it twice.
func TestAnswerToALargeBodyHasRoom(t *testing.T) {
	const size = 12 << 20
	calls := 0
	w := &wire{TB: t}
	services := testServices(w)
	for i := range services {
		services[i].Operations = append(services[i].Operations, define(w, "Act", func(*thing) (*thing, error) {
			calls++
			return &thing{Text: strings.Repeat("x", 20<<10)}, nil
		}))
	}
	w = newWire(t, func(c *gateway.Config) { c.MaxHeld = 256 << 20 / 5 }, services...)
	m := jsonMessage("Kinesis_20131202.Act", `{`+strings.Repeat(" ", size)+`}`)
	for range 2 {
		w.want("large body", w.do(m), 200, `{"text":"`+strings.Repeat("x", 20<<10)+`"}`)
	}
	if calls != 2 {
		t.Errorf("the operation was called %d times for two requests", calls)
	}
}

// Clients that ask for much and read slowly would otherwise make the server hold as
// many answers as there are connections.
func TestLargeAnswersOfOneAccountAreBounded(t *testing.T) {
	w := newWire(t, func(c *gateway.Config) {
		c.MaxBody = 64 << 10
		c.MaxHeld = 4 * 5 * largeAnswer // two answers for each account, in buffers that have doubled
	})
	m := jsonMessage("Kinesis_20131202.Large", `{}`)
	first, second := w.linger(m), w.linger(m)
	w.wantPrefix("a third answer while nobody reads two", w.send(w.request(m)), 503, `{"__type":"ServiceUnavailableException"`)
	other := m
	other.key = "AKIDOTHER"
	w.wantPrefix("another account's", w.send(w.request(other)), 200, `{"text":"`)
	w.want("a small answer meanwhile", w.send(w.request(jsonMessage("Kinesis_20131202.Echo", `{"text":"x"}`))), 200, `{"text":"x"}`)
	first.finish(w)
	w.want("when one has been read", w.send(w.request(m)), 200, `{"text":"`+strings.Repeat("x", largeAnswer)+`"}`)
	second.finish(w)
}
