package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"tributary/internal/durable/broker"
	"tributary/internal/durable/catalog"
)

// BenchmarkAppend compares our group commit with one JetStream message per append,
// both with an fsync before every acknowledgement.
func BenchmarkAppend(b *testing.B) {
	for _, writers := range []int{1, 64, 256} {
		b.Run(fmt.Sprintf("journal/writers=%d", writers), func(b *testing.B) {
			e := openEngine(b, b.TempDir())
			j, err := e.store.Create(b.Context(), "bench")
			if err != nil {
				b.Fatal(err)
			}
			entry := make([]byte, 1024)
			measure(b, writers, func(ctx context.Context) error {
				_, _, err := j.Append(ctx, entry)
				return err
			})
			b.ReportMetric(float64(b.N)/float64(j.End().Block-1), "appends/block")
		})
		b.Run(fmt.Sprintf("message/writers=%d", writers), func(b *testing.B) {
			e := openEngine(b, b.TempDir())
			s, err := e.broker.Create(b.Context(), broker.StreamConfig{Name: "B", Subjects: []string{"B.>"}})
			if err != nil {
				b.Fatal(err)
			}
			entry := make([]byte, 1024)
			measure(b, writers, func(context.Context) error {
				_, err := s.Publish("B.a", entry)
				return err
			})
		})
	}
}

// BenchmarkAppendLarge is about bytes: 128 KiB an append.
func BenchmarkAppendLarge(b *testing.B) {
	for _, compress := range []bool{false, true} {
		b.Run(fmt.Sprintf("compress=%v", compress), func(b *testing.B) {
			var opts []Option
			if compress {
				opts = append(opts, Compress())
			}
			j, err := openEngine(b, b.TempDir()).store.Create(b.Context(), "bench", opts...)
			if err != nil {
				b.Fatal(err)
			}
			entry := bytes.Repeat([]byte(`{"time":"2026-03-01T12:00:00Z","level":"info"}`), 128<<10/46)
			measure(b, 64, func(ctx context.Context) error {
				_, _, err := j.Append(ctx, entry)
				return err
			})
			b.SetBytes(128 << 10)
		})
	}
}

// BenchmarkRead reads entries of 1 KiB in blocks of 64, from memory or not.
func BenchmarkRead(b *testing.B) {
	e := openEngine(b, b.TempDir())
	j, err := e.store.Create(b.Context(), "bench")
	if err != nil {
		b.Fatal(err)
	}
	entries := make([][]byte, 64)
	for i := range entries {
		entries[i] = make([]byte, 1024)
	}
	for range 200 {
		if _, _, err := j.Append(b.Context(), entries...); err != nil {
			b.Fatal(err)
		}
	}
	for _, from := range []string{"memory", "engine"} {
		b.Run(from, func(b *testing.B) {
			if from == "engine" {
				e.store.recent.drop(j.id)
				e.store.fetched.limit = 0
			}
			b.SetBytes(1024)
			r := j.Reader(Position{})
			for n := 0; n < b.N; {
				block, ok, err := r.Poll(b.Context())
				if err != nil {
					b.Fatal(err)
				}
				if !ok {
					r = j.Reader(Position{})
				}
				n += len(block.Entries)
			}
		})
	}
}

// measure shares b.N calls of append among writers and reports calls and CPU time.
func measure(b *testing.B, writers int, append func(context.Context) error) {
	b.SetBytes(1024)
	var left atomic.Int64
	left.Store(int64(b.N))
	done := make(chan error, writers)
	before := cpu(b)
	b.ResetTimer()
	for range writers {
		go func() {
			for left.Add(-1) >= 0 {
				if err := append(b.Context()); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range writers {
		if err := <-done; err != nil {
			b.Error(err)
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "appends/s")
	b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(b.N), "cpu-µs/append")
}

func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// An engine is broker, catalog and journals on one directory.
type engine struct {
	broker  *broker.Broker
	catalog *catalog.Catalog
	store   *Store
}

// openEngine opens an engine and closes it when the test ends.
func openEngine(tb testing.TB, dir string) *engine {
	tb.Helper()
	e, err := openWithKey(tb, dir, nil)
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

// openWithKey is openEngine with an encryption key, and with the error of OpenStore.
func openWithKey(tb testing.TB, dir string, key *Key) (*engine, error) {
	tb.Helper()
	log := slog.New(slog.DiscardHandler)
	b, err := broker.Open(tb.Context(), broker.Config{Dir: dir, Log: log})
	if err != nil {
		tb.Fatal(err)
	}
	c, err := catalog.Open(tb.Context(), catalog.Config{Broker: b, Log: log})
	if err != nil {
		tb.Fatal(err)
	}
	s, err := OpenStore(tb.Context(), Config{Broker: b, Catalog: c, Key: key, Now: time.Now, Log: log})
	if err != nil {
		return nil, errors.Join(err, c.Close(context.Background()), b.Close(context.Background()))
	}
	if err := c.Ready(); err != nil {
		tb.Fatal(err)
	}
	e := &engine{b, c, s}
	tb.Cleanup(e.close)
	return e, nil
}

func (e *engine) close() {
	ctx := context.Background()
	_ = e.store.Close(ctx)
	_ = e.catalog.Close(ctx)
	_ = e.broker.Close(ctx)
}
