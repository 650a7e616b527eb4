package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"tributary/internal/client"
)

const (
	kinesisTarget = "Kinesis_20131202."
	smallRecord   = 1000
	fullBatch     = 500
)

// measureKinesis is what a stream's writers and readers get, without delivery.
func measureKinesis(ctx context.Context, binary string, length time.Duration) ([]row, error) {
	var rows []row
	for _, measure := range []func(context.Context, *child, time.Duration) ([]row, error){
		measurePutRecords, measurePutRecord, measureReaders, measureManyShards, measureFanout,
	} {
		more, err := onChild(ctx, binary, length, measure)
		if err != nil {
			return nil, err
		}
		rows = append(rows, more...)
	}
	return rows, nil
}

func onChild(ctx context.Context, binary string, length time.Duration, measure func(context.Context, *child, time.Duration) ([]row, error)) (rows []row, err error) {
	c, err := startChild(binary)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.stop()) }()
	return measure(ctx, c, length)
}

func (c *child) kinesis(ctx context.Context, operation string, in, out any) error {
	return c.client(recipient).JSON(ctx, "kinesis", kinesisTarget+operation, in, out)
}

// makeStream makes the stream bench and returns how long it took to be ACTIVE.
func makeStream(ctx context.Context, c *child, shards int) (time.Duration, error) {
	began := time.Now()
	if err := c.kinesis(ctx, "CreateStream", map[string]any{"StreamName": "bench", "ShardCount": shards}, nil); err != nil {
		return 0, err
	}
	err := waitActive(ctx, c.client(recipient))
	return time.Since(began), err
}

// recordsBody is a PutRecords of n records of smallRecord bytes, over all shards.
func recordsBody(n int) (json.RawMessage, error) {
	type record struct{ Data, PartitionKey string }
	data := make([]byte, smallRecord)
	for i := range data {
		data[i] = byte(i * 31)
	}
	records := make([]record, n)
	for i := range records {
		records[i] = record{base64.StdEncoding.EncodeToString(data), fmt.Sprint("key-", i)}
	}
	return json.Marshal(map[string]any{"StreamName": "bench", "Records": records})
}

// hammer lets so many writers send the same call for a time. It returns the number of
// calls, the time they took, and the CPU time of the server.
func hammer(ctx context.Context, c *child, writers int, length time.Duration, operation string, body json.RawMessage) (calls int64, wall, cpu time.Duration, err error) {
	before, err := c.cpu()
	if err != nil {
		return 0, 0, 0, err
	}
	began := time.Now()
	var count atomic.Int64
	errs := make([]error, writers)
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			kc := c.client(recipient)
			for errs[i] == nil && time.Since(began) < length {
				if errs[i] = kc.JSON(ctx, "kinesis", kinesisTarget+operation, body, nil); errs[i] == nil {
					count.Add(1)
				}
			}
		})
	}
	wg.Wait()
	wall = time.Since(began)
	after, err := c.cpu()
	return count.Load(), wall, after - before, errors.Join(append(errs, err)...)
}

func measurePutRecords(ctx context.Context, c *child, length time.Duration) ([]row, error) {
	if _, err := makeStream(ctx, c, 4); err != nil {
		return nil, err
	}
	body, err := recordsBody(fullBatch)
	if err != nil {
		return nil, err
	}
	calls, wall, cpu, err := hammer(ctx, c, 4, length, "PutRecords", body)
	if err != nil {
		return nil, err
	}
	mb := float64(calls) * fullBatch * smallRecord / 1e6
	floor, err := putFloor(body, c.dir, 300*time.Millisecond)
	if err != nil {
		return nil, err
	}
	perMB, floorMB := milliseconds(cpu)/mb, milliseconds(floor)/(fullBatch*smallRecord/1e6)
	return []row{
		{what: "PutRecords of 500 x 1 KB into 4 shards, 4 writers", measured: fmt.Sprintf("%.1f MB/s", mb/wall.Seconds())},
		{
			what: "  CPU of the server per MB", measured: fmt.Sprintf("%.1f ms", perMB),
			floor: fmt.Sprintf("%.1f ms", floorMB), ratio: fmt.Sprintf("%.2f", perMB/floorMB),
		},
	}, nil
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// putFloor is the CPU time that a PutRecords costs whoever implements it: hash the body,
// scan it, decode its base64, and append the records to a file with fsync.
func putFloor(body []byte, dir string, length time.Duration) (each time.Duration, err error) {
	f, err := os.Create(filepath.Join(dir, "floor"))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	text := []byte(base64.StdEncoding.EncodeToString(make([]byte, smallRecord)))
	records := make([]byte, fullBatch*smallRecord)
	began, n := used(), 0
	for used()-began < length {
		_ = sha256.Sum256(body)
		if !scan(body) {
			return 0, errors.New("the body is not JSON")
		}
		for i := range fullBatch {
			if _, err := base64.StdEncoding.Decode(records[i*smallRecord:], text); err != nil {
				return 0, err
			}
		}
		if _, err := f.Write(records); err != nil {
			return 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, err
		}
		n++
	}
	return (used() - began) / time.Duration(n), nil
}

func measurePutRecord(ctx context.Context, c *child, length time.Duration) ([]row, error) {
	if _, err := makeStream(ctx, c, 4); err != nil {
		return nil, err
	}
	body, err := json.Marshal(map[string]any{"StreamName": "bench", "PartitionKey": "k", "Data": make([]byte, smallRecord)})
	if err != nil {
		return nil, err
	}
	calls, wall, cpu, err := hammer(ctx, c, 256, length, "PutRecord", body)
	if err != nil {
		return nil, err
	}
	return []row{
		{what: "PutRecord of 1 KB, 256 clients, one shard", measured: fmt.Sprintf("%.0f records/s", float64(calls)/wall.Seconds())},
		{what: "  CPU of the server per record", measured: (cpu / time.Duration(max(calls, 1))).Round(time.Microsecond).String()},
	}, nil
}

// readBytes is how much data the readers find, about three full answers of GetRecords.
const readBytes = 30 << 20

func measureReaders(ctx context.Context, c *child, _ time.Duration) ([]row, error) {
	if _, err := makeStream(ctx, c, 1); err != nil {
		return nil, err
	}
	body, err := recordsBody(fullBatch)
	if err != nil {
		return nil, err
	}
	writer := c.client(recipient)
	for range readBytes / (fullBatch * smallRecord) {
		if err := writer.JSON(ctx, "kinesis", kinesisTarget+"PutRecords", body, nil); err != nil {
			return nil, err
		}
	}
	full, fullCPU, err := readAll(ctx, c, 1, 10_000)
	if err != nil {
		return nil, err
	}
	// Twenty full answers at once are more than an account may have in transit.
	_, oneCPU, err := readAll(ctx, c, 1, 1000)
	if err != nil {
		return nil, err
	}
	_, twentyCPU, err := readAll(ctx, c, 20, 1000)
	if err != nil {
		return nil, err
	}
	floor := getFloor(300 * time.Millisecond)
	mb := float64(readBytes) / 1e6
	// An answer is read and decoded by this process on the same processors, so the rate
	// is that of both.
	return []row{
		{
			what: "GetRecords of 10 MB, one reader, client included", measured: fmt.Sprintf("%.0f MB/s", mb/full.Seconds()),
		},
		{
			what: "  CPU of the server per MB", measured: fmt.Sprintf("%.1f ms", milliseconds(fullCPU)/mb),
			floor: fmt.Sprintf("%.1f ms", milliseconds(floor)), ratio: fmt.Sprintf("%.2f", milliseconds(fullCPU)/mb/milliseconds(floor)),
		},
		{
			what: "  of 20 readers of the same shard at once, answers of 1 MB", measured: fmt.Sprintf("%.1f ms each", milliseconds(twentyCPU)/mb/20),
			ratio: fmt.Sprintf("%.1f times one", float64(twentyCPU)/float64(oneCPU)), aim: "< 20 times",
		},
	}, nil
}

// readAll lets readers read the shard from its start to its tip, all at once, in answers
// of so many records at most.
func readAll(ctx context.Context, c *child, readers, limit int) (wall, cpu time.Duration, err error) {
	before, err := c.cpu()
	if err != nil {
		return 0, 0, err
	}
	began := time.Now()
	errs := make([]error, readers)
	var wg sync.WaitGroup
	for i := range readers {
		wg.Go(func() { errs[i] = readToTip(ctx, c.client(recipient), limit) })
	}
	wg.Wait()
	wall = time.Since(began)
	after, err := c.cpu()
	return wall, after - before, errors.Join(append(errs, err)...)
}

func readToTip(ctx context.Context, c *client.Client, limit int) error {
	var it struct{ ShardIterator string }
	err := c.JSON(ctx, "kinesis", kinesisTarget+"GetShardIterator", map[string]any{"StreamName": "bench", "ShardId": "0", "ShardIteratorType": "TRIM_HORIZON"}, &it)
	for err == nil {
		var out struct {
			NextShardIterator  string
			MillisBehindLatest int64
		}
		err = c.JSON(ctx, "kinesis", kinesisTarget+"GetRecords", map[string]any{"ShardIterator": it.ShardIterator, "Limit": limit}, &out)
		if out.MillisBehindLatest == 0 {
			return err
		}
		it.ShardIterator = out.NextShardIterator
	}
	return err
}

// getFloor is the CPU time of encoding 1 MB in base64 and writing it to a file.
func getFloor(length time.Duration) time.Duration {
	data := make([]byte, 1e6)
	var text bytes.Buffer
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		panic("bench: " + err.Error()) // it is there
	}
	defer func() { _ = null.Close() }()
	began, n := used(), 0
	for used()-began < length {
		text.Reset()
		enc := base64.NewEncoder(base64.StdEncoding, &text)
		_, _ = enc.Write(data) // into memory
		_ = enc.Close()
		_, _ = io.Copy(null, &text)
		n++
	}
	return (used() - began) / time.Duration(n)
}

func measureManyShards(ctx context.Context, c *child, _ time.Duration) ([]row, error) {
	const shards = 1000
	before, err := c.residentMiB()
	if err != nil {
		return nil, err
	}
	took, err := makeStream(ctx, c, shards)
	if err != nil {
		return nil, err
	}
	after, err := c.residentMiB()
	if err != nil {
		return nil, err
	}
	var pages []time.Duration
	token := ""
	for {
		in := map[string]any{"MaxResults": 100}
		if in["StreamName"] = "bench"; token != "" {
			delete(in, "StreamName")
			in["NextToken"] = token
		}
		var out struct{ NextToken string }
		began := time.Now()
		if err := c.kinesis(ctx, "ListShards", in, &out); err != nil {
			return nil, err
		}
		pages = append(pages, time.Since(began))
		if token = out.NextToken; token == "" {
			break
		}
	}
	slices.Sort(pages)
	return []row{
		{what: "a stream of 1,000 shards: CreateStream to ACTIVE", measured: took.Round(time.Millisecond).String()},
		{what: "  memory of the server", measured: fmt.Sprintf("%.0f MiB more", after-before)},
		{what: fmt.Sprintf("  ListShards, %d pages of 100, the middle one", len(pages)), measured: pages[len(pages)/2].Round(10 * time.Microsecond).String()},
	}, nil
}
