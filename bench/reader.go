package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/klauspost/compress/gzip"

	"tributary/internal/client"
)

// A shardReader reads a shard of the recipient's stream bench with GetRecords.
type shardReader struct {
	client   *client.Client
	iterator string
	limit    int // records of an answer
	behind   int64
}

// A record is what GetRecords answers, with its data still in base64 and quotes.
type record struct{ Data json.RawMessage }

// readShard is a reader from a kind of position on, LATEST or TRIM_HORIZON.
func (c *child) readShard(ctx context.Context, shard int, from string) (*shardReader, error) {
	r := &shardReader{client: c.client(recipient), limit: 10_000}
	var out struct{ ShardIterator string }
	in := map[string]any{"StreamName": "bench", "ShardId": fmt.Sprint(shard), "ShardIteratorType": from}
	err := r.client.JSON(ctx, "kinesis", kinesisTarget+"GetShardIterator", in, &out)
	r.iterator = out.ShardIterator
	return r, err
}

// next is one call of GetRecords.
func (r *shardReader) next(ctx context.Context) ([]record, error) {
	var out struct {
		NextShardIterator  string
		MillisBehindLatest int64
		Records            []record
	}
	in := map[string]any{"ShardIterator": r.iterator, "Limit": r.limit}
	err := r.client.JSON(ctx, "kinesis", kinesisTarget+"GetRecords", in, &out)
	r.iterator, r.behind = out.NextShardIterator, out.MillisBehindLatest
	return out.Records, err
}

// follow reads until it finds nothing more after done has been closed. It returns the
// records, and when it had the last of them.
func (r *shardReader) follow(ctx context.Context, done <-chan struct{}) (all []record, last time.Time, err error) {
	for {
		ended := false
		select {
		case <-done:
			ended = true
		default:
		}
		records, err := r.next(ctx)
		if err != nil {
			return nil, last, err
		}
		if len(records) > 0 {
			all, last = append(all, records...), time.Now()
			continue
		}
		if ended {
			return all, last, nil
		}
		time.Sleep(time.Millisecond) // a reader that asks without pause is a load of its own
	}
}

// eventsIn counts the log events in the envelopes of records.
func eventsIn(records []record) (events int64, err error) {
	for _, one := range records {
		data, err := base64.StdEncoding.AppendDecode(nil, bytes.Trim(one.Data, `"`))
		if err != nil {
			return 0, err
		}
		z, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return 0, err
		}
		envelope, err := io.ReadAll(z)
		if err != nil {
			return 0, err
		}
		// Quotes inside a message are escaped, so this is the beginning of an event and
		// nothing else. A control message has one too.
		if !bytes.Contains(envelope, []byte(`"messageType":"CONTROL_MESSAGE"`)) {
			events += int64(bytes.Count(envelope, []byte(`{"id":"`)))
		}
	}
	return events, nil
}
