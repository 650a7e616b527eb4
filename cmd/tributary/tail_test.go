package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
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

func TestTailPrintsEventsAndOnlyThose(t *testing.T) {
	const account = "999999999999"
	s := servertest.Start(t)
	c := s.As(account)
	s.Must(account, "kinesis", "create-stream", "--stream-name", "s", "--shard-count", "2")
	for deadline := time.Now().Add(20 * time.Second); ; <-time.After(2 * time.Millisecond) {
		out := s.Must(account, "kinesis", "describe-stream-summary", "--stream-name", "s")
		if out["StreamDescriptionSummary"].(map[string]any)["StreamStatus"] == "ACTIVE" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the stream does not become ACTIVE")
		}
	}
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
	for _, asJSON := range []bool{false, true} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		var notes strings.Builder
		r, w := io.Pipe()
		done := make(chan error, 1)
		go func() {
			tl := tail{client: c, stream: "s", out: bufio.NewWriter(w), notes: &notes, asJSON: asJSON}
			done <- tl.run(ctx, true)
			_ = w.Close() // never fails
		}()
		var lines []string
		for in := bufio.NewScanner(r); len(lines) < 2 && in.Scan(); {
			lines = append(lines, in.Text())
		}
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("tail ended with %v, want the end of its context", err)
		}
		if len(lines) != 2 {
			t.Fatalf("got lines %q, want 2", lines)
		}
		if asJSON {
			var e tailEvent
			if err := json.Unmarshal([]byte(lines[1]), &e); err != nil || e.Message != "last" || e.Owner != "111111111111" || e.ID != "2" {
				t.Errorf("got %s, %v; want the last event", lines[1], err)
			}
		} else if want := `2023-11-14T22:13:20.123Z 111111111111 g s \u001b[31mred`; lines[0] != want {
			t.Errorf("got  %s\nwant %s", lines[0], want)
		}
		if got := notes.String(); !strings.Contains(got, "a record of 14 bytes is not from a subscription") {
			t.Errorf("notes: got %q, want that one record is no subscription's", got)
		}
	}
}
