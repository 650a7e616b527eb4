package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/klauspost/compress/gzip"

	"tributary/internal/client"
)

const (
	recipient = "999999999999"
	sender    = "111111111111"
)

// measureStart is the time from exec to ready and the memory of an idle server,
// the median of several starts.
func measureStart(binary string) ([]row, error) {
	var starts []time.Duration
	var resident float64
	for range 5 {
		c, err := startChild(binary)
		if err != nil {
			return nil, err
		}
		starts = append(starts, c.started)
		if resident, err = c.residentMiB(); err != nil {
			return nil, err
		}
		if err := c.stop(); err != nil {
			return nil, err
		}
	}
	slices.Sort(starts)
	return []row{
		{what: "start to ready, median of 5", measured: starts[2].Round(time.Millisecond).String(), aim: "150ms"},
		{what: "memory when idle", measured: fmt.Sprintf("%.0f MiB", resident), aim: "64 MiB"},
	}, nil
}

// subscribeAll makes a stream, a destination, and a log group whose events all go
// there, with one log stream for each writer.
func subscribeAll(ctx context.Context, c *child, writers, shards int) error {
	const (
		stream = "arn:aws:kinesis:us-east-1:" + recipient + ":stream/bench"
		role   = "arn:aws:iam::" + recipient + ":role/bench"
		dest   = "arn:aws:logs:us-east-1:" + recipient + ":destination:bench"
	)
	rc, sc := c.client(recipient), c.client(sender)
	iam := func(action string, in map[string]any) error {
		_, err := rc.Query(ctx, "iam", "2010-05-08", action, in)
		return err
	}
	steps := []func() error{
		func() error {
			return rc.JSON(ctx, "kinesis", "Kinesis_20131202.CreateStream", map[string]any{"StreamName": "bench", "ShardCount": shards}, nil)
		},
		func() error { return waitActive(ctx, rc) },
		func() error {
			return iam("CreateRole", map[string]any{"RoleName": "bench", "AssumeRolePolicyDocument": `{"Statement":{"Effect":"Allow","Principal":{"Service":"logs.us-east-1.amazonaws.com"},"Action":"sts:AssumeRole"}}`})
		},
		func() error {
			return iam("PutRolePolicy", map[string]any{"RoleName": "bench", "PolicyName": "put", "PolicyDocument": `{"Statement":{"Effect":"Allow","Action":"kinesis:PutRecord","Resource":"` + stream + `"}}`})
		},
		func() error {
			return rc.JSON(ctx, "logs", "Logs_20140328.PutDestination", map[string]any{"destinationName": "bench", "targetArn": stream, "roleArn": role}, nil)
		},
		func() error {
			return rc.JSON(ctx, "logs", "Logs_20140328.PutDestinationPolicy", map[string]any{"destinationName": "bench", "accessPolicy": `{"Statement":{"Effect":"Allow","Principal":{"AWS":"` + sender + `"},"Action":"logs:PutSubscriptionFilter","Resource":"` + dest + `"}}`}, nil)
		},
		func() error {
			return sc.JSON(ctx, "logs", "Logs_20140328.CreateLogGroup", map[string]any{"logGroupName": "bench"}, nil)
		},
		func() error {
			return sc.JSON(ctx, "logs", "Logs_20140328.PutSubscriptionFilter", map[string]any{"logGroupName": "bench", "filterName": "bench", "filterPattern": "", "destinationArn": dest}, nil)
		},
	}
	for i := range writers {
		steps = append(steps, func() error {
			return sc.JSON(ctx, "logs", "Logs_20140328.CreateLogStream", map[string]any{"logGroupName": "bench", "logStreamName": streamName(i)}, nil)
		})
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func streamName(i int) string { return fmt.Sprintf("writer-%02d", i) }

func waitActive(ctx context.Context, c *client.Client) error {
	for {
		var out struct {
			StreamDescriptionSummary struct{ StreamStatus string }
		}
		if err := c.JSON(ctx, "kinesis", "Kinesis_20131202.DescribeStreamSummary", map[string]any{"StreamName": "bench"}, &out); err != nil {
			return err
		}
		if out.StreamDescriptionSummary.StreamStatus == "ACTIVE" {
			return nil
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func put(ctx context.Context, c *client.Client, stream string, body json.RawMessage) error {
	return c.JSON(ctx, "logs", "Logs_20140328.PutLogEvents", body, nil)
}

type logEvent struct {
	Timestamp int64  `json:"timestamp"`
	Message   string `json:"message"`
}

func putBody(stream string, messages []string) (json.RawMessage, error) {
	events := make([]logEvent, len(messages))
	for i, m := range messages {
		events[i] = logEvent{time.Now().UnixMilli(), m}
	}
	return json.Marshal(map[string]any{"logGroupName": "bench", "logStreamName": stream, "logEvents": events})
}

// measureLatency is the time from the answer of PutLogEvents to the moment when
// GetRecords answers with the event, on an idle server.
func measureLatency(ctx context.Context, binary string) (rows []row, err error) {
	c, err := startChild(binary)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.stop()) }()
	if err := subscribeAll(ctx, c, 1, 1); err != nil {
		return nil, err
	}
	rc, sc := c.client(recipient), c.client(sender)
	var it struct{ ShardIterator string }
	if err := rc.JSON(ctx, "kinesis", "Kinesis_20131202.GetShardIterator", map[string]any{"StreamName": "bench", "ShardId": "shardId-000000000000", "ShardIteratorType": "LATEST"}, &it); err != nil {
		return nil, err
	}
	const rounds = 500
	var took []time.Duration
	for i := range rounds {
		body, err := putBody(streamName(0), []string{fmt.Sprintf("event %d", i)})
		if err != nil {
			return nil, err
		}
		if err := put(ctx, sc, streamName(0), body); err != nil {
			return nil, err
		}
		acknowledged := time.Now()
		for seen := false; !seen; {
			var out struct {
				NextShardIterator string
				Records           []json.RawMessage
			}
			if err := rc.JSON(ctx, "kinesis", "Kinesis_20131202.GetRecords", map[string]any{"ShardIterator": it.ShardIterator}, &out); err != nil {
				return nil, err
			}
			it.ShardIterator, seen = out.NextShardIterator, len(out.Records) > 0
		}
		took = append(took, time.Since(acknowledged))
	}
	slices.Sort(took)
	return []row{
		{what: "PutLogEvents answered to readable by GetRecords, p50 of 500", measured: took[rounds/2].Round(10 * time.Microsecond).String(), aim: "3ms"},
		{what: "  p99", measured: took[rounds*99/100].Round(10 * time.Microsecond).String(), aim: "20ms"},
	}, nil
}

// measurePut is the rate of PutLogEvents with everything delivered to a stream,
// in batches of 1 MB and in single events.
func measurePut(ctx context.Context, binary string, lines []string, length time.Duration) ([]row, error) {
	var rows []row
	for _, load := range []struct {
		name    string
		bytes   int // of messages in a call
		writers int
	}{{"PutLogEvents of 1 MB", 1_000_000, 4}, {"PutLogEvents of one event", 1, 64}} {
		more, err := measureLoad(ctx, binary, lines, length, load.name, load.bytes, load.writers)
		if err != nil {
			return nil, err
		}
		rows = append(rows, more...)
	}
	return rows, nil
}

func measureLoad(ctx context.Context, binary string, lines []string, length time.Duration, name string, size, writers int) (rows []row, err error) {
	c, err := startChild(binary)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.stop()) }()
	if err := subscribeAll(ctx, c, writers, 4); err != nil {
		return nil, err
	}
	messages, bytesPerCall := fill(lines, size)
	before, err := c.cpu()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	var calls atomic.Int64
	var wg sync.WaitGroup
	errs := make([]error, writers)
	for i := range writers {
		wg.Go(func() {
			sc := c.client(sender)
			body, err := putBody(streamName(i), messages)
			for err == nil && time.Since(began) < length {
				if err = put(ctx, sc, streamName(i), body); err == nil {
					calls.Add(1)
				}
			}
			errs[i] = err
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	wall := time.Since(began)
	idle(c)
	after, err := c.cpu()
	if err != nil {
		return nil, err
	}
	body, err := putBody(streamName(0), messages)
	if err != nil {
		return nil, err
	}
	mb := float64(calls.Load()) * float64(bytesPerCall) / 1e6
	perMB := float64(after-before) / float64(time.Millisecond) / mb
	floorMB := float64(floor(body, 200*time.Millisecond)) / float64(time.Millisecond) / (float64(bytesPerCall) / 1e6)
	events := float64(calls.Load()) * float64(len(messages))
	return []row{
		{what: name + ", delivered", measured: fmt.Sprintf("%.1f MB/s, %.0f events/s", mb/wall.Seconds(), events/wall.Seconds())},
		{
			what: "  CPU of the server per MB", measured: fmt.Sprintf("%.1f ms", perMB),
			floor: fmt.Sprintf("%.1f ms", floorMB), ratio: fmt.Sprintf("%.2f", perMB/floorMB), aim: "< 2.5 for 1 MB",
		},
	}, nil
}

// idle waits until the server has delivered what it took: its CPU time stands
// still.
func idle(c *child) {
	last := time.Duration(-1)
	for {
		now, err := c.cpu()
		if err != nil || now-last <= clockTick {
			return
		}
		last = now
		time.Sleep(200 * time.Millisecond)
	}
}

// fill takes lines until they have size bytes, at least one.
func fill(lines []string, size int) (messages []string, bytes int) {
	for i := 0; len(messages) == 0 || bytes < size && len(messages) < 10_000; i++ {
		line := lines[i%len(lines)]
		if len(messages) > 0 && bytes+len(line)+26*len(messages) > size {
			break
		}
		messages = append(messages, line)
		bytes += len(line)
	}
	return messages, bytes
}

// floor is the CPU time that it takes to do to a body what no implementation can
// leave out: hash it, scan it once, compress it once.
func floor(body []byte, length time.Duration) time.Duration {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	if err != nil {
		panic("bench: " + err.Error()) // the level exists
	}
	began := used()
	n := 0
	for used()-began < length {
		_ = sha256.Sum256(body)
		if !scan(body) {
			panic("bench: the body is not JSON") // it is ours
		}
		out.Reset()
		w.Reset(&out)
		_, _ = w.Write(body) // into memory
		_ = w.Close()
		n++
	}
	return (used() - began) / time.Duration(n)
}

// used is the CPU time of this process.
func used() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic("bench: " + err.Error()) // the arguments are right
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// scan goes over JSON once as the plainest scanner does: it tells strings from the
// rest, steps over escapes, refuses control bytes in strings, and counts brackets.
func scan(body []byte) bool {
	depth := 0
	for i := 0; i < len(body); i++ {
		switch body[i] {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case '"':
			for i++; i < len(body) && body[i] != '"'; i++ {
				if body[i] < ' ' {
					return false
				}
				if body[i] == '\\' {
					i++
				}
			}
		}
	}
	return depth == 0
}

// readLines reads the input file, or makes lines like those of a web server.
func readLines(name string) ([]string, error) {
	var lines []string
	if name == "" {
		for i := range 5000 {
			lines = append(lines, fmt.Sprintf(`10.0.%d.%d - - "GET /item/%d?session=%x HTTP/1.1" %d %d "Mozilla/5.0"`, i%256, i*7%256, i*31, i*2654435761, 200+i%5*100, i*97%100000))
		}
		return lines, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read
	s := bufio.NewScanner(f)
	for s.Scan() {
		if line := strings.ToValidUTF8(s.Text(), "?"); line != "" {
			lines = append(lines, line)
		}
	}
	return lines, s.Err()
}
