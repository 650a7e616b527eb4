package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"tributary/internal/durable/broker"
	"tributary/internal/durable/catalog"
	"tributary/internal/durable/journal"
)

// measureJournal is the rate of 64 writers of 1 KiB with an fsync before every
// acknowledgement: our group commit beside one JetStream message for each append.
func measureJournal(ctx context.Context, s *settings) (rows []row, err error) {
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
	messages, err := b.Create(ctx, broker.StreamConfig{Name: "bench", Subjects: []string{"bench.>"}})
	if err != nil {
		return nil, err
	}
	const writers = 64
	entry := make([]byte, 1<<10)
	group, err := hammer(writers, s.length, func(int, int) error {
		_, _, err := j.Append(ctx, entry)
		return err
	})
	if err != nil {
		return nil, err
	}
	single, err := hammer(writers, s.length, func(int, int) error {
		_, err := messages.Publish("bench.a", entry)
		return err
	})
	return []row{{
		what: "journal: 64 writers of 1 KiB, fsync before each answer", measured: fmt.Sprintf("%.0f/s", group.rate()),
		beside: fmt.Sprintf("%.0f/s, one JetStream message each", single.rate()), ratio: times(group.rate(), single.rate()), aim: ">= 20",
	}}, err
}
