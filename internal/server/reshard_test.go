package server_test

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tributary/internal/client"
	"tributary/internal/server/servertest"
	"tributary/test/ledger"
)

// TestDeliveryAcrossReshards sends log events through a subscription to a stream that is
// split, scaled and merged all the while. Read in the order of the shards, each parent
// before its children, every event is there once, those of a log stream in order.
func TestDeliveryAcrossReshards(t *testing.T) {
	const (
		account = "111111111111"
		stream  = "arn:aws:kinesis:us-east-1:" + account + ":stream/s"
		role    = "arn:aws:iam::" + account + ":role/r"
		writers = 6
	)
	s := servertest.Start(t)
	active := func() {
		t.Helper()
		eventually(t, "the stream is ACTIVE", func() bool {
			out := s.Must(account, "kinesis", "describe-stream-summary", "--stream-name", "s")
			return out["StreamDescriptionSummary"].(map[string]any)["StreamStatus"] == "ACTIVE"
		})
	}
	s.Must(account, "kinesis", "create-stream", "--stream-name", "s", "--shard-count", "1")
	active()
	s.Must(account, "iam", "create-role", "--role-name", "r", "--assume-role-policy-document",
		`{"Statement":{"Effect":"Allow","Principal":{"Service":"logs.amazonaws.com"},"Action":"sts:AssumeRole"}}`)
	s.Must(account, "iam", "put-role-policy", "--role-name", "r", "--policy-name", "p", "--policy-document",
		`{"Statement":{"Effect":"Allow","Action":"kinesis:PutRecord","Resource":"`+stream+`"}}`)
	s.Must(account, "logs", "create-log-group", "--log-group-name", "g")
	for i := range writers {
		s.Must(account, "logs", "create-log-stream", "--log-group-name", "g", "--log-stream-name", strconv.Itoa(i))
	}
	s.Must(account, "logs", "put-subscription-filter", "--log-group-name", "g", "--filter-name", "f", "--filter-pattern", "",
		"--destination-arn", stream, "--role-arn", role)

	var book ledger.Ledger
	var done atomic.Bool
	var load sync.WaitGroup
	for i := range writers {
		c, line := s.As(account), ledger.Line(strconv.Itoa(i))
		load.Go(func() {
			for !done.Load() {
				n := book.Send(line)
				if err := c.JSON(context.Background(), "logs", "Logs_20140328.PutLogEvents", map[string]any{
					"logGroupName": "g", "logStreamName": string(line),
					"logEvents": []any{map[string]any{"timestamp": time.Now().UnixMilli(), "message": strconv.Itoa(n)}},
				}, nil); err != nil {
					t.Error(err)
					return
				}
				book.Acked(line, n)
			}
		})
	}
	reshard := func(words ...string) {
		t.Helper()
		s.Must(account, append([]string{"kinesis", words[0], "--stream-name", "s"}, words[1:]...)...)
		active()
	}
	scale := func(n string) {
		t.Helper()
		reshard("update-shard-count", "--target-shard-count", n, "--scaling-type", "UNIFORM_SCALING")
	}
	reshard("split-shard", "--shard-to-split", "shardId-000000000000", "--new-starting-hash-key", "170141183460469231731687303715884105728")
	scale("4")
	scale("3")
	scale("5")
	scale("3")
	scale("2")
	scale("1")
	done.Store(true)
	load.Wait()

	var list struct{ Shards []struct{ ShardID string } }
	if err := s.As(account).JSON(t.Context(), "kinesis", "Kinesis_20131202.ListShards", map[string]any{"StreamName": "s"}, &list); err != nil {
		t.Fatal(err)
	}
	for i, sh := range list.Shards {
		last := i == len(list.Shards)-1 // the only open one
		it := s.Must(account, "kinesis", "get-shard-iterator", "--stream-name", "s", "--shard-id", sh.ShardID, "--shard-iterator-type", "TRIM_HORIZON")["ShardIterator"].(string)
		eventually(t, "the end of "+sh.ShardID, func() bool {
			it = readInto(t, s.As(account), it, &book)
			return it == "" || last && book.Complete()
		})
	}
	counts := book.Check()
	t.Log(len(list.Shards), "shards:", counts)
	if !counts.Clean() || counts.Seen != counts.Acked || counts.Acked == 0 {
		t.Errorf("got %v, want each event once and in order", counts)
	}
}

// readInto notes the events of one answer of GetRecords and returns the next iterator.
func readInto(t *testing.T, c *client.Client, iterator string, book *ledger.Ledger) (next string) {
	t.Helper()
	var out struct {
		NextShardIterator string
		Records           []struct{ Data []byte }
	}
	if err := c.JSON(t.Context(), "kinesis", "Kinesis_20131202.GetRecords", map[string]any{"ShardIterator": iterator}, &out); err != nil {
		t.Fatal(err)
	}
	for _, r := range out.Records {
		env, err := client.DecodeEnvelope(r.Data)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range env.LogEvents {
			if n, err := strconv.Atoi(e.Message); err == nil { // else the control message
				book.Seen(ledger.Line(env.LogStream), n)
			}
		}
	}
	return out.NextShardIterator
}
