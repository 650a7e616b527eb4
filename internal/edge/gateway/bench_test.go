package gateway_test

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"tributary/internal/edge/gateway"
	"tributary/internal/service/api"
)

// BenchmarkSignedRequest is a whole request without the network: read, hashed,
// verified, decoded, answered. Its floor is one SHA-256 of the body.
func BenchmarkSignedRequest(b *testing.B) {
	w := &wire{TB: b, addr: "localhost:4566"}
	g := gateway.New(gateway.Config{
		Dispatcher:  api.NewDispatcher(allowAll{}, quietServices()...),
		Credentials: w.credentials,
		Now:         func() time.Time { return now },
		Log:         slog.New(slog.DiscardHandler),
	})
	for _, operation := range []string{"Scan", "Void"} {
		for _, size := range []int{1 << 10, 1 << 20} {
			b.Run(operation+"/"+strconv.Itoa(size), func(b *testing.B) {
				m := jsonMessage("Logs_20140328."+operation, `{"text":"`+strings.Repeat("x", size-11)+`"}`)
				r := w.request(m)
				r.RemoteAddr = "127.0.0.1:1"
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					r.Body = io.NopCloser(bytes.NewReader(m.body))
					out := discard{http.Header{}}
					g.ServeHTTP(&out, r)
				}
			})
		}
	}
}

type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }

func (d *discard) WriteHeader(status int) {
	if status != http.StatusOK {
		panic("status " + strconv.Itoa(status))
	}
}

// quietServices are operations that do nothing.
func quietServices() []api.Service {
	w := &wire{}
	scan := api.WithScanner(define(w, "Scan", func(*scanned) (*api.Void, error) { w.calls = w.calls[:0]; return nil, nil }),
		func([]byte) (*scanned, error) { return &scanned{}, nil })
	void := define(w, "Void", func(*thing) (*api.Void, error) { w.calls = w.calls[:0]; return nil, nil })
	return []api.Service{{Name: "logs", TargetPrefix: "Logs_20140328", Protocol: api.JSON, Operations: []api.Operation{scan, void}}}
}
