package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"runtime"
	"sync"
	"syscall"
	"time"
)

const (
	// readBytes is how much data the readers find in a shard, about three full answers of
	// GetRecords.
	readBytes = 30 << 20
	// manyReaders are the readers at once, and smallAnswer how many records each asks for:
	// that many full answers are more than an account may have in transit.
	manyReaders, smallAnswer = 20, 1000
	// coldShards are read by one reader, one after the other. A single one would take few
	// ticks of the clock that CPU time is told by, and to read it again would be cheaper.
	coldShards = 3
)

// measureReaders is the cost of reading a shard: full answers, beside their floor, and
// many readers at once, beside one and beside what writing to so many sockets costs,
// which no reader can share with another.
func measureReaders(ctx context.Context, _ *settings, c *child) ([]row, error) {
	const shards = 2*coldShards + 1
	if _, err := c.makeStream(ctx, recipient, "bench", shards); err != nil {
		return nil, err
	}
	for shard := range shards {
		if err := c.fillShard(ctx, shard, shards); err != nil {
			return nil, err
		}
	}
	full, fullCPU, err := c.readAll(ctx, 1, 0, coldShards, 10_000)
	if err != nil {
		return nil, err
	}
	_, oneCPU, err := c.readAll(ctx, 1, coldShards, coldShards, smallAnswer)
	if err != nil {
		return nil, err
	}
	_, manyCPU, err := c.readAll(ctx, manyReaders, 2*coldShards, 1, smallAnswer)
	if err != nil {
		return nil, err
	}
	floor, err := getFloor()
	if err != nil {
		return nil, err
	}
	written, err := writeFloor()
	if err != nil {
		return nil, err
	}
	const mb = float64(readBytes) / 1e6
	one, many, least := milliseconds(oneCPU)/mb/coldShards, milliseconds(manyCPU)/mb, manyReaders*milliseconds(written)
	rate, perMB, floorMB := mb*coldShards/full.Seconds(), milliseconds(fullCPU)/mb/coldShards, milliseconds(floor)
	// An answer is read and decoded by this process on the same processors, so the rate
	// is that of both.
	return []row{
		{
			what: "GetRecords of 10 MB, one reader, client included", measured: fmt.Sprintf("%.0f MB/s", rate),
			beside: fmt.Sprintf("%.0f MB/s in base64, written", 1000/floorMB), ratio: times(rate, 1000/floorMB),
		},
		{
			what: "  CPU of the server per MB", measured: fmt.Sprintf("%.1f ms", perMB),
			beside: fmt.Sprintf("%.1f ms", floorMB), ratio: times(perMB, floorMB),
		},
		{
			what: fmt.Sprintf("  of %d readers of the shard at once, answers of 1 MB", manyReaders), measured: fmt.Sprintf("%.1f ms all together", many),
			beside: fmt.Sprintf("%.1f ms of one", one), ratio: times(many, one), aim: "< 10",
		},
		{
			what: "  the same", measured: fmt.Sprintf("%.1f ms all together", many),
			beside: fmt.Sprintf("%.1f ms, written to %d sockets", least, manyReaders), ratio: times(many, least),
		},
	}, nil
}

// fillShard puts readBytes into one of so many shards.
func (c *child) fillShard(ctx context.Context, shard, shards int) error {
	start := new(big.Int).Lsh(big.NewInt(int64(shard)), 128)
	start.Div(start, big.NewInt(int64(shards))).Add(start, big.NewInt(1))
	body, err := recordsBody(fullBatch, start.String())
	if err != nil {
		return err
	}
	for range readBytes / (fullBatch * smallRecord) {
		if err := c.kinesis(ctx, "PutRecords", body, nil); err != nil {
			return err
		}
	}
	return nil
}

// readAll lets readers read some shards from their start to their tip, one shard after
// the other and all readers at once, in answers of so many records at most.
func (c *child) readAll(ctx context.Context, readers, first, shards, limit int) (wall, cpu time.Duration, err error) {
	m, err := c.meter()
	if err != nil {
		return 0, 0, err
	}
	for shard := first; shard < first+shards; shard++ {
		if err := inParallel(readers, readers, func(int) error {
			r, err := c.readShard(ctx, shard, "TRIM_HORIZON")
			if err != nil {
				return err
			}
			r.limit = limit
			for r.behind = 1; r.behind > 0; {
				if _, err := r.next(ctx); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return 0, 0, err
		}
	}
	return m.read()
}

// writeFloor is the CPU time of writing 1 MB, in base64, to a connection over loopback.
// It is that of a thread: whoever reads at the other end is not counted.
func writeFloor() (each time.Duration, err error) {
	var reading sync.WaitGroup
	defer reading.Wait()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, ln.Close()) }()
	reading.Go(func() {
		conn, err := ln.Accept()
		if err != nil {
			return // the writer is told
		}
		_, _ = io.Copy(io.Discard, conn) // until the writer closes
		_ = conn.Close()                 // which has been read to its end
	})
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	text := make([]byte, base64.StdEncoding.EncodedLen(1e6))
	const writes = 200
	began := usedByThread()
	for range writes {
		if _, err := conn.Write(text); err != nil {
			return 0, err
		}
	}
	return (usedByThread() - began) / writes, nil
}

// usedByThread is the CPU time of the thread that calls.
func usedByThread() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_THREAD, &u); err != nil {
		panic("bench: " + err.Error()) // the arguments are right
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
