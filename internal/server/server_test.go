package server_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tributary/internal/client"
	"tributary/internal/pure/sigv4"
	"tributary/internal/server"
	"tributary/internal/server/servertest"
	"tributary/test/ledger"
)

// A server that has stopped leaves nothing behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// run starts a server without --dev and returns what it said, and how to stop it.
func run(t *testing.T, dir string) (info server.Info, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan server.Info, 1), make(chan error, 1)
	go func() {
		done <- server.Run(ctx, server.Config{Dir: dir, Listen: "127.0.0.1:0", Now: time.Now, Ready: func(i server.Info) { ready <- i }})
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	select {
	case info = <-ready:
		t.Cleanup(stop)
	case err := <-done:
		cancel()
		t.Fatalf("start: %v", err)
	}
	return info, stop
}

// account is whose credentials these are, as sts says.
func account(t *testing.T, info server.Info, creds sigv4.Credentials) (string, error) {
	t.Helper()
	c := client.Client{Endpoint: info.URL(), Region: "us-east-1", Credentials: creds, HTTP: http.DefaultClient, Now: time.Now}
	out, err := c.Query(t.Context(), "sts", "2011-06-15", "GetCallerIdentity", nil)
	if err != nil {
		return "", err
	}
	return fmt.Sprint(out["Account"]), nil
}

func TestFirstStartShowsTheManagementAccountsKeyThisOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	first, stop := run(t, dir)
	key := first.FirstKey
	if key == nil {
		t.Fatal("the first start shows no key")
	}
	creds := sigv4.Credentials{AccessKeyID: key.AccessKeyID, SecretAccessKey: key.Secret}
	if got, err := account(t, first, creds); err != nil || got != string(key.Account) {
		t.Errorf("the key is of account %s, %v; want %s", got, err, key.Account)
	}
	if _, err := account(t, first, sigv4.Credentials{AccessKeyID: "111111111111", SecretAccessKey: "test"}); err == nil {
		t.Error("a development key is accepted without --dev")
	}
	stat, err := os.Stat(key.File)
	if err != nil {
		t.Fatal(err)
	}
	if got := stat.Mode().Perm(); got != 0o600 {
		t.Errorf("%s has mode %o, want 600", key.File, got)
	}
	inFile, err := client.FindCredentials("default", func(name string) string {
		return map[string]string{"AWS_SHARED_CREDENTIALS_FILE": key.File}[name]
	})
	if err != nil || inFile != creds {
		t.Errorf("the file holds %v, %v; want the key that was shown", inFile, err)
	}
	stop()

	second, _ := run(t, dir)
	if second.FirstKey != nil {
		t.Error("the second start shows a key")
	}
	if got, err := account(t, second, creds); err != nil || got != string(key.Account) {
		t.Errorf("in the second start the key is of account %s, %v; want %s", got, err, key.Account)
	}
}

func TestDevelopmentKeysAreNotForAccountsMadeWithoutThem(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	_, stop := run(t, dir)
	stop()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err := server.Run(ctx, server.Config{
		Dir: dir, Listen: "127.0.0.1:0", Dev: true, Now: time.Now,
		Ready: func(server.Info) { cancel() }, // it must not come to this
	})
	if err == nil || !strings.Contains(err.Error(), "was made without --dev") {
		t.Errorf("start with Dev: %v, want a refusal", err)
	}
}

func TestDevelopmentKeysAreNotForOtherMachines(t *testing.T) {
	for _, listen := range []string{"0.0.0.0:0", ":0", "[::]:0", "192.0.2.1:0", "example.com:0", "127.0.0.1"} {
		err := server.Run(t.Context(), server.Config{Dir: t.TempDir(), Listen: listen, Dev: true})
		if err == nil || errors.Is(err, syscall.EADDRNOTAVAIL) {
			t.Errorf("%s: got %v, want a refusal", listen, err)
		}
	}
}

func TestUsedPortAndUsedDirectoryAreRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	first, _ := run(t, dir)
	for _, c := range []struct {
		name string
		cfg  server.Config
		want string
	}{
		{"port", server.Config{Dir: t.TempDir(), Listen: first.Addr.String()}, "is in use by another program"},
		{"directory", server.Config{Dir: dir, Listen: "127.0.0.1:0"}, "in use by another process"},
		{"foreign directory", server.Config{Dir: "..", Listen: "127.0.0.1:0"}, "not Tributary's"},
		{"no directory", server.Config{Listen: "127.0.0.1:0"}, "no data directory"},
	} {
		if err := server.Run(t.Context(), c.cfg); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want an error with %q", c.name, err, c.want)
		}
	}
}

// get makes an unsigned request.
func get(t *testing.T, method, url string) (status int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func TestOnlyFourPathsAreUnsignedAndTheyShowNoAccountsData(t *testing.T) {
	s := servertest.Start(t)
	s.Must("111111111111", "logs", "create-log-group", "--log-group-name", "confidential")
	if _, err := s.Run("111111111111", "logs", "create-log-stream", "--log-group-name", "confidential-too", "--log-stream-name", "s"); err == nil {
		t.Fatal("a stream of no group was made")
	}
	for path, want := range map[string]string{
		"/livez": "ok\n", "/readyz": "ok\n", "/_localstack/health": `"logs":"running"`,
		"/metrics": `tributary_requests_total{code="OK",operation="CreateLogGroup",service="logs"} 1`,
	} {
		status, body := get(t, http.MethodGet, s.URL()+path)
		if status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: got %d %s, want 200 with %s", path, status, body, want)
		}
		for _, data := range []string{"confidential", "111111111111"} {
			if strings.Contains(body, data) {
				t.Errorf("%s shows %s", path, data)
			}
		}
		if status, _ := get(t, http.MethodPost, s.URL()+path); status == http.StatusOK {
			t.Errorf("POST %s: got 200, want a refusal", path)
		}
	}
	for _, path := range []string{"/", "/metrics/", "/metrics/x", "//metrics", "/debug/pprof/", "/?Action=GetCallerIdentity&Version=2011-06-15", "/x"} {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodOptions} {
			if status, body := get(t, method, s.URL()+path); status < 400 {
				t.Errorf("%s %s unsigned: got %d %s, want a refusal", method, path, status, body)
			}
		}
	}
}

// A stop by ctx, as SIGTERM makes it, comes in the midst of requests: each is
// answered or was never taken, and what was acknowledged is delivered once.
func TestStopUnderLoadLosesNothing(t *testing.T) {
	const (
		sender, recipient = "111111111111", "999999999999"
		stream            = "arn:aws:kinesis:us-east-1:" + sender + ":stream/s"
		role              = "arn:aws:iam::" + sender + ":role/r"
		writers           = 8
		stops             = 4
	)
	s := servertest.Start(t)
	s.Must(sender, "kinesis", "create-stream", "--stream-name", "s", "--shard-count", "1")
	eventually(t, "the stream is ACTIVE", func() bool {
		out := s.Must(sender, "kinesis", "describe-stream-summary", "--stream-name", "s")
		return out["StreamDescriptionSummary"].(map[string]any)["StreamStatus"] == "ACTIVE"
	})
	s.Must(sender, "iam", "create-role", "--role-name", "r", "--assume-role-policy-document",
		`{"Statement":{"Effect":"Allow","Principal":{"Service":"logs.amazonaws.com"},"Action":"sts:AssumeRole"}}`)
	s.Must(sender, "iam", "put-role-policy", "--role-name", "r", "--policy-name", "p", "--policy-document",
		`{"Statement":{"Effect":"Allow","Action":"kinesis:PutRecord","Resource":"`+stream+`"}}`)
	s.Must(sender, "logs", "create-log-group", "--log-group-name", "g")
	for i := range writers {
		s.Must(sender, "logs", "create-log-stream", "--log-group-name", "g", "--log-stream-name", strconv.Itoa(i))
	}
	s.Must(sender, "logs", "put-subscription-filter", "--log-group-name", "g", "--filter-name", "f", "--filter-pattern", "",
		"--destination-arn", stream, "--role-arn", role)

	var book ledger.Ledger
	for range stops {
		var load sync.WaitGroup
		acks := make(chan struct{}, 1000)
		for i := range writers {
			c, line := s.As(sender), ledger.Line(strconv.Itoa(i))
			load.Go(func() {
				for {
					n := book.Send(line)
					err := c.JSON(context.Background(), "logs", "Logs_20140328.PutLogEvents", map[string]any{
						"logGroupName": "g", "logStreamName": string(line),
						"logEvents": []any{map[string]any{"timestamp": time.Now().UnixMilli(), "message": strconv.Itoa(n)}},
					}, nil)
					if refusal, ok := errors.AsType[*client.Refusal](err); ok {
						t.Errorf("a request was refused while the server stopped: %v", refusal)
					}
					if err != nil {
						return
					}
					book.Acked(line, n)
					select {
					case acks <- struct{}{}:
					default:
					}
				}
			})
		}
		for range 200 {
			select {
			case <-acks:
			case <-time.After(20 * time.Second):
				t.Fatal("nothing is acknowledged")
			}
		}
		s.Restart()
		load.Wait()
	}
	shard := s.Must(sender, "kinesis", "get-shard-iterator", "--stream-name", "s", "--shard-id", "shardId-000000000000", "--shard-iterator-type", "TRIM_HORIZON")["ShardIterator"].(string)
	eventually(t, "every acknowledged event", func() bool {
		var out struct {
			NextShardIterator string
			Records           []struct{ Data []byte }
		}
		if err := s.As(sender).JSON(t.Context(), "kinesis", "Kinesis_20131202.GetRecords", map[string]any{"ShardIterator": shard}, &out); err != nil {
			t.Fatal(err)
		}
		shard = out.NextShardIterator
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
		return len(out.Records) == 0 && book.Complete()
	})
	counts := book.Check()
	t.Log(counts)
	if !counts.Clean() || counts.Acked == 0 {
		t.Errorf("got %v, want some acknowledged, none lost, doubled or out of order", counts)
	}
	if counts.Seen != counts.Acked {
		t.Errorf("%d events were taken and not acknowledged: their requests were cut off", counts.Seen-counts.Acked)
	}
}

// eventually waits for what happens without being asked.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); {
		if time.Now().After(deadline) {
			t.Fatalf("in vain waited for: %s", what)
		}
		<-time.After(2 * time.Millisecond)
	}
}
