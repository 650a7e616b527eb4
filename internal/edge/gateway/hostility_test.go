package gateway_test

import (
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestSlowHeadsAreCutOff opens many connections that send the beginning of a head, or
// of HTTP/2's preface, or nothing, and no more: all are closed within seconds, cost
// little, and keep nobody else waiting.
func TestSlowHeadsAreCutOff(t *testing.T) {
	const connections = 1000
	w := newWire(t, nil)
	good := w.request(jsonMessage("Kinesis_20131202.Echo", `{}`))
	var before, during runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	began := time.Now()
	var reading sync.WaitGroup
	for i := range connections {
		c, err := net.Dial("tcp", w.addr)
		if err != nil {
			t.Fatal(err)
		}
		text := [...]string{"", "P", "POST / HTTP/1.1\r\nHost: x\r\nX-A: ", "PRI * HTTP/2.0\r\n\r\nSM"}[i%4]
		if _, err := io.WriteString(c, text); err != nil {
			t.Fatal(err)
		}
		reading.Go(func() {
			defer func() { _ = c.Close() }()
			if err := c.SetReadDeadline(began.Add(20 * time.Second)); err != nil {
				t.Error(err)
			}
			if _, err := io.Copy(io.Discard, c); err != nil && strings.Contains(err.Error(), "timeout") {
				t.Errorf("a connection that began with %q is still open", text)
			}
		})
	}
	w.want("another client", w.send(good), 200, `{}`)
	runtime.ReadMemStats(&during)
	if got := (int64(during.Sys) - int64(before.Sys)) / connections; got > 64<<10 {
		t.Errorf("a slow connection takes %d bytes, both ends of it, want at most 64 KiB", got)
	}
	reading.Wait()
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("the last slow head was cut off after %v", took)
	}
}

func TestHeadsAreBounded(t *testing.T) {
	w := newWire(t, nil)
	for name, lines := range map[string]func(*strings.Builder){
		"10,000 lines": func(b *strings.Builder) {
			for i := range 10_000 {
				_, _ = fmt.Fprintf(b, "x%d: y\r\n", i)
			}
		},
		"one long line": func(b *strings.Builder) { _, _ = fmt.Fprintf(b, "x: %s\r\n", strings.Repeat("y", 100_000)) },
	} {
		var head strings.Builder
		head.WriteString("POST / HTTP/1.1\r\nHost: x\r\n")
		lines(&head)
		// Of what is sent beyond the bound the sender may learn that nobody reads it.
		answer, err := w.rawAnswer(head.String() + "\r\n")
		if !strings.HasPrefix(answer, "HTTP/1.1 431 ") && err == nil {
			t.Errorf("%s: got %q, want 431 or the connection closed", name, answer)
		}
	}
	if n := len(w.calls); n != 0 {
		t.Errorf("got %d calls, want none", n)
	}
}

// rawAnswer is raw for texts that the server need not read to their end.
func (w *wire) rawAnswer(text string) (string, error) {
	w.Helper()
	c, err := net.Dial("tcp", w.addr)
	if err != nil {
		w.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		w.Fatal(err)
	}
	if _, err := io.WriteString(c, text); err != nil {
		return "", err
	}
	answer, err := io.ReadAll(c)
	return string(answer), err
}
