package server_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tributary/internal/client"
	"tributary/internal/durable/journal"
	"tributary/internal/pure/sigv4"
	"tributary/internal/server"
)

// serveDev runs a --dev server with a configuration until use returns, and gives the error
// of its start or stop.
func serveDev(t *testing.T, cfg server.Config, use func(*client.Client)) error {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	ready, done := make(chan server.Info, 1), make(chan error, 1)
	cfg.Listen, cfg.Dev, cfg.Now = "127.0.0.1:0", true, time.Now
	cfg.Ready = func(i server.Info) { ready <- i }
	go func() { done <- server.Run(ctx, cfg) }()
	select {
	case err := <-done:
		return err
	case info := <-ready:
		use(&client.Client{
			Endpoint: info.URL(), Region: "us-east-1", Now: time.Now, HTTP: http.DefaultClient,
			Credentials: sigv4.Credentials{AccessKeyID: "111111111111", SecretAccessKey: "test"},
		})
		stop()
		return <-done
	}
}

// TestEncryptedDirectory puts a log event and a record, looks for them on the disk, and
// starts again with the right key, with another and with none.
func TestEncryptedDirectory(t *testing.T) {
	dir := t.TempDir()
	keyFile := func(name string, content []byte) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	key := bytes.Repeat([]byte{7}, 32)
	right := keyFile("key", key)
	sameInHex := keyFile("hex", []byte(hex.EncodeToString(key)+"\n"))
	another := keyFile("another", bytes.Repeat([]byte{8}, 32))
	short := keyFile("short", []byte("secret"))
	data := filepath.Join(dir, "data")
	const canary = "canary-that-must-not-lie-on-the-disk"

	call := func(c *client.Client, service, target string, in map[string]any, out any) {
		t.Helper()
		if err := c.JSON(t.Context(), service, target, in, out); err != nil {
			t.Fatalf("%s: %v", target, err)
		}
	}
	if err := serveDev(t, server.Config{Dir: data, EncryptionKeyFile: right}, func(c *client.Client) {
		call(c, "kinesis", "Kinesis_20131202.CreateStream", map[string]any{"StreamName": "s", "ShardCount": 1}, nil)
		call(c, "logs", "Logs_20140328.CreateLogGroup", map[string]any{"logGroupName": "g"}, nil)
		call(c, "logs", "Logs_20140328.CreateLogStream", map[string]any{"logGroupName": "g", "logStreamName": "s"}, nil)
		call(c, "logs", "Logs_20140328.PutLogEvents", map[string]any{
			"logGroupName": "g", "logStreamName": "s",
			"logEvents": []map[string]any{{"timestamp": time.Now().UnixMilli(), "message": canary}},
		}, nil)
		put := func() error {
			return c.JSON(t.Context(), "kinesis", "Kinesis_20131202.PutRecord", map[string]any{"StreamName": "s", "PartitionKey": "k", "Data": []byte(canary)}, nil)
		}
		err := put()
		for notYet := new(client.Refusal); errors.As(err, &notYet) && notYet.Code == "ResourceNotFoundException"; err = put() {
			continue // the stream is CREATING for some milliseconds
		}
		if err != nil {
			t.Fatal(err)
		}
	}); err != nil {
		t.Fatal(err)
	}
	if err := filepath.WalkDir(data, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(name)
		if bytes.Contains(content, []byte(canary)) || bytes.Contains(content, key) {
			t.Errorf("%s holds the event, the record or the key", name)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}

	for name, c := range map[string]struct {
		file string
		want error
	}{"another key": {another, journal.ErrWrongKey}, "no key": {"", journal.ErrKeyNeeded}} {
		err := serveDev(t, server.Config{Dir: data, EncryptionKeyFile: c.file}, func(*client.Client) {})
		if !errors.Is(err, c.want) {
			t.Errorf("start with %s: %v, want %v", name, err, c.want)
		}
	}
	for _, file := range []string{short, filepath.Join(dir, "absent")} {
		if err := serveDev(t, server.Config{Dir: data, EncryptionKeyFile: file}, func(*client.Client) {}); err == nil || !strings.Contains(err.Error(), "encryption key") {
			t.Errorf("start with the file %s: %v, want a refusal that speaks of the encryption key", filepath.Base(file), err)
		}
	}
	if err := serveDev(t, server.Config{Dir: data, EncryptionKeyFile: sameInHex}, func(c *client.Client) {
		var it struct{ ShardIterator string }
		call(c, "kinesis", "Kinesis_20131202.GetShardIterator", map[string]any{"StreamName": "s", "ShardId": "0", "ShardIteratorType": "TRIM_HORIZON"}, &it)
		var records struct{ Records []struct{ Data string } }
		call(c, "kinesis", "Kinesis_20131202.GetRecords", map[string]any{"ShardIterator": it.ShardIterator}, &records)
		if want := base64.StdEncoding.EncodeToString([]byte(canary)); len(records.Records) != 1 || records.Records[0].Data != want {
			t.Errorf("records after the restart are %v, want %s", records.Records, want)
		}
		var events struct{ Events []struct{ Message string } }
		call(c, "logs", "Logs_20140328.GetLogEvents", map[string]any{"logGroupName": "g", "logStreamName": "s"}, &events)
		if len(events.Events) != 1 || events.Events[0].Message != canary {
			t.Errorf("events after the restart are %v, want %s", events.Events, canary)
		}
	}); err != nil {
		t.Fatal(err)
	}
}

func TestQuotasHaveNames(t *testing.T) {
	err := serveDev(t, server.Config{Dir: t.TempDir(), Quotas: "some"}, func(*client.Client) {})
	if err == nil || !strings.Contains(err.Error(), `"some"`) {
		t.Errorf("quotas that do not exist: %v, want a refusal that names them", err)
	}
	if err := serveDev(t, server.Config{Dir: t.TempDir(), Quotas: "aws"}, func(c *client.Client) {
		limits := func() error {
			return c.JSON(t.Context(), "kinesis", "Kinesis_20131202.DescribeLimits", map[string]any{}, nil)
		}
		var last error
		for range 20 {
			last = errors.Join(last, limits())
		}
		if refusal := new(client.Refusal); !errors.As(last, &refusal) || refusal.Code != "LimitExceededException" {
			t.Errorf("20 calls at once: %v, want LimitExceededException after some", last)
		}
	}); err != nil {
		t.Error(err)
	}
}
