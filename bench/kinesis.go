package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

const (
	kinesisTarget = "Kinesis_20131202."
	smallRecord   = 1000
	fullBatch     = 500
)

// recordsBody is a PutRecords of n records of smallRecord bytes, over all shards or, with
// a hash key, into its shard.
func recordsBody(n int, hashKey string) (json.RawMessage, error) {
	type record struct {
		Data, PartitionKey string
		ExplicitHashKey    string `json:",omitempty"`
	}
	data := make([]byte, smallRecord)
	for i := range data {
		data[i] = byte(i * 31)
	}
	records := make([]record, n)
	for i := range records {
		records[i] = record{base64.StdEncoding.EncodeToString(data), fmt.Sprint("key-", i), hashKey}
	}
	return json.Marshal(map[string]any{"StreamName": "bench", "Records": records})
}

// measurePutRecords is the rate of full batches, beside their floor.
func measurePutRecords(ctx context.Context, s *settings, c *child) ([]row, error) {
	if _, err := c.makeStream(ctx, recipient, "bench", 4); err != nil {
		return nil, err
	}
	body, err := recordsBody(fullBatch, "")
	if err != nil {
		return nil, err
	}
	m, err := c.meter()
	if err != nil {
		return nil, err
	}
	l, err := hammer(4, s.length, func(int, int) error { return c.kinesis(ctx, "PutRecords", body, nil) })
	if err != nil {
		return nil, err
	}
	_, cpu, err := m.read()
	if err != nil {
		return nil, err
	}
	floor, err := putFloor(body, c.dir)
	if err != nil {
		return nil, err
	}
	const mb = fullBatch * smallRecord / 1e6
	rate := l.rate() * mb
	perMB, floorMB := milliseconds(cpu)/(float64(l.calls)*mb), milliseconds(floor)/mb
	return []row{
		{
			what: "PutRecords of 500 x 1 KB into 4 shards, 4 writers", measured: fmt.Sprintf("%.1f MB/s", rate),
			beside: fmt.Sprintf("%.0f MB/s, the floor on a core", 1000/floorMB), ratio: times(rate, 1000/floorMB),
		},
		{
			what: "  CPU of the server per MB", measured: fmt.Sprintf("%.1f ms", perMB),
			beside: fmt.Sprintf("%.1f ms hashed, scanned, decoded, fsynced", floorMB), ratio: times(perMB, floorMB),
		},
	}, nil
}

// measurePutRecord is the rate of single records from many clients, beside that of a
// plain server which fsyncs each.
func measurePutRecord(ctx context.Context, s *settings, c *child) ([]row, error) {
	const clients = 256
	if _, err := c.makeStream(ctx, recipient, "bench", 4); err != nil {
		return nil, err
	}
	body, err := json.Marshal(map[string]any{"StreamName": "bench", "PartitionKey": "k", "Data": make([]byte, smallRecord)})
	if err != nil {
		return nil, err
	}
	m, err := c.meter()
	if err != nil {
		return nil, err
	}
	l, err := hammer(clients, s.length, func(int, int) error { return c.kinesis(ctx, "PutRecord", json.RawMessage(body), nil) })
	if err != nil {
		return nil, err
	}
	_, cpu, err := m.read()
	if err != nil {
		return nil, err
	}
	plain, err := plainAppends(c.dir, clients, plainTime, body, true)
	if err != nil {
		return nil, err
	}
	return []row{
		{
			what: "PutRecord of 1 KB, 256 clients, one shard", measured: fmt.Sprintf("%.0f records/s", l.rate()),
			beside: fmt.Sprintf("%.0f/s, plain HTTP with an fsync each", plain.rate()), ratio: times(l.rate(), plain.rate()),
		},
		{what: "  answered after", measured: spread(l.took), beside: spread(plain.took), ratio: times(float64(percentile(l.took, 50)), float64(percentile(plain.took, 50))) + " (p50)"},
		{what: "  CPU of the server per record", measured: fmt.Sprintf("%.0f µs", 1000*milliseconds(cpu)/float64(l.calls))},
	}, nil
}

// measureManyShards is what a stream of very many shards costs, beside one of one.
func measureManyShards(ctx context.Context, s *settings, c *child) ([]row, error) {
	shards := s.scaled(1000, 10)
	one, err := c.makeStream(ctx, recipient, "one", 1)
	if err != nil {
		return nil, err
	}
	before, err := c.residentMiB()
	if err != nil {
		return nil, err
	}
	many, err := c.makeStream(ctx, recipient, "bench", shards)
	if err != nil {
		return nil, err
	}
	after, err := c.residentMiB()
	if err != nil {
		return nil, err
	}
	single, err := c.listShards(ctx, "one")
	if err != nil {
		return nil, err
	}
	pages, err := c.listShards(ctx, "bench")
	if err != nil {
		return nil, err
	}
	page, least := percentile(pages, 50), percentile(single, 50)
	return []row{
		{
			what: fmt.Sprintf("a stream of %d shards, CreateStream to ACTIVE", shards), measured: short(many),
			beside: short(one) + " with one shard", ratio: times(float64(many), float64(one)),
		},
		{what: "  memory of the server", measured: fmt.Sprintf("%.0f MiB more", after-before), beside: fmt.Sprintf("%.0f MiB before", before), ratio: times(after, before)},
		{
			what: fmt.Sprintf("  ListShards, %d pages of 100, the middle one", len(pages)), measured: short(page),
			beside: short(least) + " for one shard", ratio: times(float64(page), float64(least)),
		},
	}, nil
}

// listShards lists a stream's shards by the hundred and returns the time of each page,
// ascending.
func (c *child) listShards(ctx context.Context, stream string) ([]time.Duration, error) {
	var pages []time.Duration
	in := map[string]any{"StreamName": stream, "MaxResults": 100}
	for {
		var out struct{ NextToken string }
		began := time.Now()
		if err := c.kinesis(ctx, "ListShards", in, &out); err != nil {
			return nil, err
		}
		pages = append(pages, time.Since(began))
		if out.NextToken == "" {
			slices.Sort(pages)
			return pages, nil
		}
		in = map[string]any{"NextToken": out.NextToken, "MaxResults": 100}
	}
}
