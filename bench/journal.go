package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"tributary/internal/durable/broker"
	"tributary/internal/durable/catalog"
	"tributary/internal/durable/journal"
)

// measureJournal is the rate of 64 writers of 1 KiB with an fsync before every
// acknowledgement: our group commit beside one JetStream message for each append.
func measureJournal(ctx context.Context, length time.Duration) (rows []row, err error) {
	dir, err := os.MkdirTemp("", "tributary-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	log := slog.New(slog.DiscardHandler)
	b, err := broker.Open(ctx, broker.Config{Dir: dir, Log: log})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.Close(ctx)) }()
	c, err := catalog.Open(ctx, catalog.Config{Broker: b, Log: log})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.Close(ctx)) }()
	store, err := journal.OpenStore(ctx, journal.Config{Broker: b, Catalog: c, Now: time.Now, Log: log})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, store.Close(ctx)) }()
	if err := c.Ready(); err != nil {
		return nil, err
	}
	j, err := store.Create(ctx, "bench")
	if err != nil {
		return nil, err
	}
	s, err := b.Create(ctx, broker.StreamConfig{Name: "bench", Subjects: []string{"bench.>"}})
	if err != nil {
		return nil, err
	}
	entry := make([]byte, 1<<10)
	group, err := rate(length, func() error {
		_, _, err := j.Append(ctx, entry)
		return err
	})
	if err != nil {
		return nil, err
	}
	single, err := rate(length, func() error {
		_, err := s.Publish("bench.a", entry)
		return err
	})
	return []row{{
		what: "journal: 64 writers of 1 KiB, fsync before each acknowledgement", measured: fmt.Sprintf("%.0f/s", group),
		floor: fmt.Sprintf("%.0f/s, a message each", single), ratio: fmt.Sprintf("%.0f", group/single), aim: ">= 20",
	}}, err
}

// rate is how often a second 64 writers together get work done.
func rate(length time.Duration, work func() error) (float64, error) {
	const writers = 64
	began := time.Now()
	var done atomic.Int64
	errs := make([]error, writers)
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			for errs[i] == nil && time.Since(began) < length {
				errs[i] = work()
				done.Add(1)
			}
		})
	}
	wg.Wait()
	return float64(done.Load()) / time.Since(began).Seconds(), errors.Join(errs...)
}
