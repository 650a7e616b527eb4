package gateway_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"tributary/internal/edge/gateway"
)

func compressed(t testing.TB, text string) []byte {
	t.Helper()
	var buf bytes.Buffer
	zw := gzip.NewWriter(&buf)
	if _, err := io.WriteString(zw, text); err != nil {
		t.Fatal(err)
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func gzipMessage(target string, body []byte) message {
	m := jsonMessage(target, "")
	m.body = body
	m.headers.Set("Content-Encoding", "gzip")
	return m
}

func TestGzipBodies(t *testing.T) {
	w := newWire(t, func(c *gateway.Config) { c.MaxBody, c.MaxExpandedBody = 1<<20, 2<<20 })
	body := `{"text":"` + strings.Repeat("x", 300_000) + `"}`
	w.want("tree", w.do(gzipMessage("Logs_20140328.Echo", compressed(t, body))), 200, body)
	w.want("scanned", w.do(gzipMessage("Logs_20140328.Scan", compressed(t, body))), 200, `{"length":300011}`)
	w.want("small", w.do(gzipMessage("Logs_20140328.Scan", compressed(t, `{}`))), 200, `{"length":2}`)
	w.want("two members", w.do(gzipMessage("Logs_20140328.Scan", append(compressed(t, `{`), compressed(t, `}`)...))), 200, `{"length":2}`)
	full := `"` + strings.Repeat("x", 2<<20-2) + `"`
	w.want("exactly the limit", w.do(gzipMessage("Logs_20140328.Scan", compressed(t, full))), 200, `{"length":2097152}`)
	w.want("one more", w.do(gzipMessage("Logs_20140328.Scan", compressed(t, full+" "))), 413,
		`{"__type":"RequestEntityTooLargeException","message":"Request is too large"}`)

	m := formMessage("iam", "")
	m.body = compressed(t, "Action=Echo&Version=2010-05-08&text=x")
	m.headers.Set("Content-Encoding", "gzip")
	w.wantPrefix("form", w.do(m), 200, "<EchoResponse")

	good := compressed(t, body)
	for name, bad := range map[string][]byte{
		"not gzip":       []byte(`{}`),
		"empty":          {},
		"cut off":        good[:len(good)-9],
		"no trailer":     good[:len(good)-8],
		"checksum wrong": flip(good, len(good)-8),
		"data damaged":   flip(good, len(good)/2),
		"rubbish behind": append(bytes.Clone(good), "rubbish"...),
	} {
		w.wantPrefix(name, w.do(gzipMessage("Logs_20140328.Scan", bad)), 400, `{"__type":"SerializationException"`)
	}
	for _, encoding := range []string{"deflate", "br", "gzip, gzip", "aws-chunked"} {
		m := jsonMessage("Logs_20140328.Echo", `{}`)
		m.headers.Set("Content-Encoding", encoding)
		w.want(encoding, w.do(m), 400, `{"__type":"SerializationException","Message":"Content-Encoding must be gzip or identity."}`)
	}
	m = jsonMessage("Logs_20140328.Echo", `{}`)
	m.headers.Set("Content-Encoding", "identity")
	w.want("identity", w.do(m), 200, `{}`)
}

func flip(b []byte, at int) []byte {
	c := bytes.Clone(b)
	c[at] ^= 0x10
	return c
}

// TestGzipBomb: 32 MiB in 32 KiB is refused at the price of the largest good body.
func TestGzipBomb(t *testing.T) {
	var buf bytes.Buffer
	zw, err := gzip.NewWriterLevel(&buf, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	for range 32 {
		if _, err := zw.Write(make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	w := newWire(t, func(c *gateway.Config) { c.MaxExpandedBody = 1 << 20 })
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	w.wantPrefix("bomb", w.do(gzipMessage("Logs_20140328.Scan", buf.Bytes())), 413, `{"__type":"RequestEntityTooLargeException"`)
	runtime.ReadMemStats(&after)
	if got, most := after.TotalAlloc-before.TotalAlloc, uint64(12<<20); got > most {
		t.Errorf("a bomb of 32 MiB cost %d bytes, want at most %d", got, most)
	}
}

// Clients that announce much and send little would otherwise keep the garbage collector
// busy.
func TestBodyTakesMemoryAsItComes(t *testing.T) {
	w := newWire(t, nil)
	head := w.rawText(jsonMessage("Logs_20140328.Echo", ""), "Content-Length: 16000000")
	const clients = 10
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range clients {
		c, err := net.Dial("tcp", w.addr)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(c, head+"{"); err != nil {
			t.Fatal(err)
		}
		if err := c.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if answer, err := io.ReadAll(c); err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 400 ") {
			t.Errorf("got %s, %v, want 400", answer, err)
		}
		_ = c.Close() // all has been read
	}
	runtime.ReadMemStats(&after)
	if got, most := after.TotalAlloc-before.TotalAlloc, uint64(clients<<20); got > most {
		t.Errorf("a byte of %d bodies of 16 MB cost %d bytes, want at most %d", clients, got, most)
	}
}

// Buffers grow on the way, at these sizes and around them.
func TestBodiesOfAnySizeArriveWhole(t *testing.T) {
	w := newWire(t, nil)
	for _, size := range []int{64 << 10, 256 << 10, 1 << 20, 4 << 20, 5_000_000} {
		for _, n := range []int{size - 1, size, size + 1} {
			// That all of it has come the signature says.
			const text = `{"text":"x"}`
			body := strings.Repeat(" ", n-len(text)) + text
			w.want(fmt.Sprintf("a body of %d bytes", n), w.do(jsonMessage("Logs_20140328.Echo", body)), 200, text)
		}
	}
}

func TestBodyLimits(t *testing.T) {
	w := newWire(t, func(c *gateway.Config) { c.MaxBody = 100_000 })
	body := func(n int) string { return `{"text":"` + strings.Repeat("x", n-11) + `"}` }
	const tooLarge = `{"__type":"RequestEntityTooLargeException","message":"Request is too large"}`
	chunked := func(r *http.Request) { r.ContentLength = -1 }
	for _, c := range []struct {
		name   string
		size   int
		after  func(*http.Request)
		status int
	}{
		{"8 KiB", 8192, nil, 200},
		{"8 KiB and one", 8193, nil, 200},
		{"the limit", 100_000, nil, 200},
		{"one more", 100_001, nil, 413},
		{"small, chunked", 11, chunked, 200},
		{"first buffer, chunked", 65536, chunked, 200},
		{"first buffer and one, chunked", 65537, chunked, 200},
		{"the limit, chunked", 100_000, chunked, 200},
		{"one more, chunked", 100_001, chunked, 413},
	} {
		m := jsonMessage("Logs_20140328.Echo", body(c.size))
		m.after = c.after
		want := tooLarge
		if c.status == 200 {
			want = body(c.size)
			if c.size == 11 {
				want = `{}`
			}
		}
		w.want(c.name, w.do(m), c.status, want)
	}
	m := formMessage("sts", strings.Repeat("x", 100_001))
	w.wantPrefix("form", w.do(m), 413, `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>RequestEntityTooLarge</Code>`)
}
