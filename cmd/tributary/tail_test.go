package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"tributary/internal/server/servertest"
)

// record is what a subscription would put into a stream.
func record(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := io.WriteString(w, text)
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

const recipient = "999999999999"

// awaitStream waits until the recipient's stream s is ACTIVE.
func awaitStream(t *testing.T, s *servertest.Server) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; <-time.After(2 * time.Millisecond) {
		out := s.Must(recipient, "kinesis", "describe-stream-summary", "--stream-name", "s")
		if out["StreamDescriptionSummary"].(map[string]any)["StreamStatus"] == "ACTIVE" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the stream does not become ACTIVE")
		}
	}
}

func TestTailPrintsEventsAndOnlyThose(t *testing.T) {
	s := servertest.Start(t)
	c := s.As(recipient)
	s.Must(recipient, "kinesis", "create-stream", "--stream-name", "s", "--shard-count", "2")
	awaitStream(t, s)
	for _, data := range [][]byte{
		record(t, `{"messageType":"CONTROL_MESSAGE","owner":"CloudwatchLogs","logEvents":[{"message":"check"}]}`),
		[]byte("something else"),
		record(t, `{"messageType":"DATA_MESSAGE","owner":"111111111111","logGroup":"g","logStream":"s","subscriptionFilters":["f"],"logEvents":[`+
			`{"id":"1","timestamp":1700000000123,"message":"\u001b[31mred\n"},{"id":"2","timestamp":1700000000124,"message":"last"}]}`),
	} {
		if err := c.JSON(t.Context(), "kinesis", "Kinesis_20131202.PutRecord", map[string]any{"StreamName": "s", "PartitionKey": "k", "Data": data}, nil); err != nil {
			t.Fatal(err)
		}
	}
	follow := func(o tailOptions, lines int) (got []string, notes string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		var said strings.Builder
		r, w := io.Pipe()
		done := make(chan error, 1)
		go func() {
			tl := tail{client: sdkKinesis(c), stream: "s", options: o, printer: eventPrinter{out: bufio.NewWriter(w), notes: &said}}
			done <- errors.Join(tl.settle(time.Now(), false), tl.run(ctx))
			_ = w.Close() // never fails
		}()
		for in := bufio.NewScanner(r); len(got) < lines && in.Scan(); {
			got = append(got, in.Text())
		}
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("%+v: tail ended with %v, want the end of its context", o, err)
		}
		if len(got) != lines {
			t.Fatalf("%+v: got lines %q, want %d", o, got, lines)
		}
		return got, said.String()
	}
	const red = `2023-11-14T22:13:20.123Z 111111111111 g s \u001b[31mred`
	lines, notes := follow(tailOptions{fromStart: true, text: true}, 2)
	if lines[0] != red {
		t.Errorf("text: got  %s\nwant %s", lines[0], red)
	}
	if want := "a record of 14 bytes is not printed: record is not from a subscription"; !strings.Contains(notes, want) {
		t.Errorf("notes: got %q, want %q", notes, want)
	}
	lines, _ = follow(tailOptions{fromStart: true, filter: "last"}, 1)
	var e tailEvent
	if err := json.Unmarshal([]byte(lines[0]), &e); err != nil || e.Message != "last" || e.Owner != "111111111111" || e.ID != "2" {
		t.Errorf("json, filtered: got %s, %v; want the last event", lines[0], err)
	}
	lines, _ = follow(tailOptions{since: "1h", poll: true, text: true}, 2)
	if lines[0] != red {
		t.Errorf("polled since an hour ago: got  %s\nwant %s", lines[0], red)
	}
	path := filepath.Join(t.TempDir(), "checkpoint")
	follow(tailOptions{fromStart: true, checkpoint: path, poll: true}, 2)
	data := record(t, `{"messageType":"DATA_MESSAGE","owner":"1","logEvents":[{"id":"3","message":"new"}]}`)
	if err := c.JSON(t.Context(), "kinesis", "Kinesis_20131202.PutRecord", map[string]any{"StreamName": "s", "PartitionKey": "k", "Data": data}, nil); err != nil {
		t.Fatal(err)
	}
	if lines, _ := follow(tailOptions{fromStart: true, checkpoint: path}, 1); !strings.Contains(lines[0], `"message":"new"`) {
		t.Errorf("after the checkpoint: got %s, want the new event", lines[0])
	}
}

// TestTailFollowsReshards: what is written to the children comes after what was written
// to their parents, with and without a registered consumer, also when nothing was open
// any more of what there was at the beginning.
func TestTailFollowsReshards(t *testing.T) {
	for _, poll := range []bool{false, true} {
		s := servertest.Start(t)
		c := s.As(recipient)
		s.Must(recipient, "kinesis", "create-stream", "--stream-name", "s", "--shard-count", "1")
		awaitStream(t, s)
		put := func(id string) {
			t.Helper()
			data := record(t, `{"messageType":"DATA_MESSAGE","owner":"111111111111","logEvents":[{"id":"`+id+`","message":"m"}]}`)
			if err := c.JSON(t.Context(), "kinesis", "Kinesis_20131202.PutRecord", map[string]any{"StreamName": "s", "PartitionKey": "k", "Data": data}, nil); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
		r, w := io.Pipe()
		done := make(chan error, 1)
		go func() {
			tl := tail{client: sdkKinesis(c), stream: "s", options: tailOptions{fromStart: true, poll: poll}, printer: eventPrinter{out: bufio.NewWriter(w), notes: io.Discard}}
			done <- errors.Join(tl.settle(time.Now(), false), tl.run(ctx))
			_ = w.Close() // never fails
		}()
		lines := bufio.NewScanner(r)
		printed := func(id string) {
			t.Helper()
			var e tailEvent
			if !lines.Scan() {
				t.Fatalf("poll %v: tail ended before event %s", poll, id)
			}
			if err := json.Unmarshal(lines.Bytes(), &e); err != nil || e.ID != id {
				t.Errorf("poll %v: got %s, %v, want event %s", poll, lines.Text(), err, id)
			}
		}
		put("1")
		printed("1")
		for i, words := range [][]string{
			{"split-shard", "--shard-to-split", "shardId-000000000000", "--new-starting-hash-key", "170141183460469231731687303715884105728"},
			{"merge-shards", "--shard-to-merge", "shardId-000000000001", "--adjacent-shard-to-merge", "shardId-000000000002"},
		} {
			before, after := strconv.Itoa(2*i+2), strconv.Itoa(2*i+3)
			put(before)
			s.Must(recipient, append([]string{"kinesis", words[0], "--stream-name", "s"}, words[1:]...)...)
			awaitStream(t, s)
			put(after)
			printed(before)
			printed(after)
		}
		cancel()
		go func() { _, _ = io.Copy(io.Discard, r) }() // so that what is left to print holds nobody up
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("poll %v: tail ended with %v, want the end of its context", poll, err)
		}
	}
}

func TestTailColoursOnlyForATerminal(t *testing.T) {
	for _, c := range []struct {
		o        tailOptions
		terminal bool
		noColor  string
		want     format
	}{
		{tailOptions{}, true, "", formatColor},
		{tailOptions{}, true, "1", formatText},
		{tailOptions{}, false, "", formatJSON},
		{tailOptions{text: true}, false, "", formatText},
		{tailOptions{text: true}, true, "", formatColor},
		{tailOptions{json: true}, true, "", formatJSON},
	} {
		t.Setenv("NO_COLOR", c.noColor)
		if got := c.o.format(c.terminal); got != c.want {
			t.Errorf("%+v, terminal %v, NO_COLOR=%q: got format %d, want %d", c.o, c.terminal, c.noColor, got, c.want)
		}
	}
}

func TestTailRefusesOptionsThatMeanNothing(t *testing.T) {
	for _, o := range []tailOptions{{since: "yesterday"}, {since: "-5m"}, {filter: "{ $.a = "}} {
		if err := (&tail{options: o}).settle(time.Now(), false); err == nil {
			t.Errorf("%+v: got no error", o)
		}
	}
}
