package server

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"tributary/internal/client"
	"tributary/internal/durable/broker"
	"tributary/internal/durable/catalog"
	"tributary/internal/pure/sigv4"
)

// start runs a development server until the test ends or stop is called.
func start(t *testing.T, dir string, dev bool) (info Info, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan Info, 1), make(chan error, 1)
	go func() {
		done <- Run(ctx, Config{Dir: dir, Listen: "127.0.0.1:0", Dev: dev, Ready: func(i Info) { ready <- i }})
	}()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("stop: %v", err)
		}
	}
	select {
	case info = <-ready:
		t.Cleanup(stop)
	case err := <-done:
		cancel()
		t.Fatalf("start: %v", err)
	}
	return info, stop
}

func readiness(t *testing.T, info Info) (int, string) {
	t.Helper()
	resp, err := http.Get(info.URL() + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// A crash between the new key and the note that its file is written makes the next
// start write another key of the same account.
func TestCrashBeforeTheKeyIsNotedMakesAnother(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	first, stop := start(t, dir, false)
	lost := first.FirstKey
	stop()
	forgetKey(t, dir)
	if err := os.Remove(lost.File); err != nil {
		t.Fatal(err)
	}
	second, _ := start(t, dir, false)
	key := second.FirstKey
	if key == nil {
		t.Fatal("the start after the crash shows no key")
	}
	if key.Account != lost.Account || key.AccessKeyID == lost.AccessKeyID {
		t.Errorf("got key %s of account %s, want another than %s of account %s", key.AccessKeyID, key.Account, lost.AccessKeyID, lost.Account)
	}
	creds, err := client.FindCredentials("default", func(name string) string {
		return map[string]string{"AWS_SHARED_CREDENTIALS_FILE": key.File}[name]
	})
	if want := (sigv4.Credentials{AccessKeyID: key.AccessKeyID, SecretAccessKey: key.Secret}); err != nil || creds != want {
		t.Errorf("the file holds %v, %v; want the key that was shown", creds, err)
	}
}

// forgetKey takes back the last step of the first start.
func forgetKey(t *testing.T, dir string) {
	t.Helper()
	ctx, log := t.Context(), slog.New(slog.DiscardHandler)
	b, err := broker.Open(ctx, broker.Config{Dir: dir, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	c, err := catalog.Open(ctx, catalog.Config{Broker: b, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	table := catalog.NewTable[installation](c, "server/installation")
	_, err = table.Update(ctx, catalog.KeyOf("installation"), func(v installation, exists bool) (installation, error) {
		if !exists || !v.KeyWritten {
			return v, errors.New("the first start has not noted its key")
		}
		v.KeyWritten = false
		return v, nil
	})
	if err := errors.Join(err, c.Close(ctx), b.Close(ctx)); err != nil {
		t.Fatal(err)
	}
}

func TestServerIsNotReadyWhenTheCatalogCannotBeWritten(t *testing.T) {
	s := &server{cfg: Config{Dir: filepath.Join(t.TempDir(), "data"), Dev: true}}
	if err := s.cfg.check(); err != nil {
		t.Fatal(err)
	}
	if err := s.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	}()
	for _, want := range []struct {
		status int
		text   string
	}{{http.StatusOK, "ok\n"}, {http.StatusServiceUnavailable, "the catalog cannot be written any more\n"}} {
		w := httptest.NewRecorder()
		s.ready(w)
		if w.Code != want.status || w.Body.String() != want.text {
			t.Errorf("got %d %q, want %d %q", w.Code, w.Body, want.status, want.text)
		}
		if err := errors.Join(s.journals.Close(t.Context()), s.catalog.Close(t.Context())); err != nil {
			t.Fatal(err)
		}
	}
}

func TestServerIsNotReadyWhenAJournalIsDamaged(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	first, stop := start(t, dir, true)
	if status, text := readiness(t, first); status != http.StatusOK {
		t.Fatalf("at first: got %d %s, want 200", status, text)
	}
	c := client.Client{Endpoint: first.URL(), Region: "us-east-1", HTTP: http.DefaultClient, Now: time.Now, Credentials: sigv4.Credentials{AccessKeyID: "111111111111", SecretAccessKey: "test"}}
	put(t, &c)
	stop()
	blocks, err := filepath.Glob(filepath.Join(dir, "jetstream", "*", "streams", "J*"))
	if err != nil || len(blocks) == 0 {
		t.Fatalf("no journals in the directory: %v", err)
	}
	for _, journal := range blocks {
		if err := os.RemoveAll(journal); err != nil {
			t.Fatal(err)
		}
	}
	second, _ := start(t, dir, true)
	if status, text := readiness(t, second); status != http.StatusServiceUnavailable || !strings.HasPrefix(text, "damaged journals: ") {
		t.Errorf("got %d %s, want 503 and how many", status, text)
	}
}

// put makes a log group if there is none and writes an event.
func put(t *testing.T, c *client.Client) {
	t.Helper()
	for _, call := range []struct {
		operation string
		in        map[string]any
	}{
		{"CreateLogGroup", map[string]any{"logGroupName": "g"}},
		{"CreateLogStream", map[string]any{"logGroupName": "g", "logStreamName": "s"}},
	} {
		err := c.JSON(t.Context(), "logs", "Logs_20140328."+call.operation, call.in, nil)
		if refusal, ok := errors.AsType[*client.Refusal](err); err != nil && (!ok || refusal.Code != "ResourceAlreadyExistsException") {
			t.Fatal(err)
		}
	}
	if err := putEvent(t, c); err != nil {
		t.Fatal(err)
	}
}

func putEvent(t *testing.T, c *client.Client) error {
	return c.JSON(t.Context(), "logs", "Logs_20140328.PutLogEvents", map[string]any{
		"logGroupName": "g", "logStreamName": "s",
		"logEvents": []any{map[string]any{"timestamp": time.Now().UnixMilli(), "message": "m"}},
	}, nil)
}

// A full disk is told to clients in a way that makes them try again, and is over
// when there is space. It needs a file system of its own, so it is run by root only.
func TestFullDiskIsUnavailableAndPasses(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64m"); err != nil {
		t.Skipf("cannot mount a small file system: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	info, stop := start(t, filepath.Join(dir, "data"), true)
	defer stop() // before the file system goes
	c := client.Client{Endpoint: info.URL(), Region: "us-east-1", HTTP: http.DefaultClient, Now: time.Now, Credentials: sigv4.Credentials{AccessKeyID: "111111111111", SecretAccessKey: "test"}}
	put(t, &c)

	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 61<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, call := range map[string]func() error{
		"PutLogEvents": func() error { return putEvent(t, &c) },
		"CreateLogGroup": func() error {
			return c.JSON(t.Context(), "logs", "Logs_20140328.CreateLogGroup", map[string]any{"logGroupName": "h"}, nil)
		},
		"CreateStream": func() error {
			return c.JSON(t.Context(), "kinesis", "Kinesis_20131202.CreateStream", map[string]any{"StreamName": "s", "ShardCount": 1}, nil)
		},
		"CreateUser": func() error {
			_, err := c.Query(t.Context(), "iam", "2010-05-08", "CreateUser", map[string]any{"UserName": "u"})
			return err
		},
	} {
		refusal, ok := errors.AsType[*client.Refusal](call())
		if !ok || refusal.Status != http.StatusServiceUnavailable || !strings.HasPrefix(refusal.Code, "ServiceUnavailable") {
			t.Errorf("%s on a full disk: got %v, want ServiceUnavailable with status 503", name, refusal)
		}
	}
	if status, text := readiness(t, info); status != http.StatusServiceUnavailable || !strings.Contains(text, "no space") {
		t.Errorf("readiness on a full disk: got %d %s, want 503 and why", status, text)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	put(t, &c)
	if status, text := readiness(t, info); status != http.StatusOK {
		t.Errorf("readiness when there is space again: got %d %s, want 200", status, text)
	}
}
