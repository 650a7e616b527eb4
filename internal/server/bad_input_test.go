package server_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"tributary/internal/pure/sigv4"
	"tributary/internal/server/servertest"
)

// What is refused leaves nothing behind, and the server goes on.
func TestBadPutLogEventsStoresNothing(t *testing.T) {
	s := servertest.Start(t)
	s.Must("111111111111", "logs", "create-log-group", "--log-group-name", "g")
	s.Must("111111111111", "logs", "create-log-stream", "--log-group-name", "g", "--log-stream-name", "s")
	now := time.Now().UnixMilli()
	good := fmt.Sprintf(`{"timestamp":%d,"message":"m"}`, now)
	body := func(events string) string {
		return `{"logGroupName":"g","logStreamName":"s","logEvents":[` + events + `]}`
	}
	zipped := func(text string, cut int) string {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, _ = io.WriteString(w, text) // into memory
		_ = w.Close()
		return b.String()[:b.Len()-cut]
	}
	for _, c := range []struct {
		name, body, encoding string
		status               int
		code                 string
	}{
		{"cut off", strings.TrimSuffix(body(good), "]}"), "", 400, "SerializationException"},
		{"text behind it", body(good) + "x", "", 400, "SerializationException"},
		{"second event of a wrong type", body(good + `,{"timestamp":"soon","message":"m"}`), "", 400, "SerializationException"},
		{"second event empty", body(good + fmt.Sprintf(`,{"timestamp":%d,"message":""}`, now)), "", 400, "InvalidParameterException"},
		{"out of order", body(good + fmt.Sprintf(`,{"timestamp":%d,"message":"m"}`, now-1)), "", 400, "InvalidParameterException"},
		{"not UTF-8", body(strings.Replace(good, `"m"`, "\"\xff\"", 1)), "", 400, "SerializationException"},
		{"10,000 deep", `{"a":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + `,` + body(good)[1:], "", 400, "SerializationException"},
		{"gzip cut off", zipped(body(good), 5), "gzip", 400, "SerializationException"},
		{"too large", body(good + strings.Repeat(" ", 17<<20)), "", 413, "RequestEntityTooLarge"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL()+"/", strings.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/x-amz-json-1.1")
			r.Header.Set("X-Amz-Target", "Logs_20140328.PutLogEvents")
			if c.encoding != "" {
				r.Header.Set("Content-Encoding", c.encoding)
			}
			sigv4.Sign(r, sha256.Sum256([]byte(c.body)), sigv4.Credentials{AccessKeyID: "111111111111", SecretAccessKey: "test"}, "us-east-1", "logs", time.Now())
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = resp.Body.Close() }() // only read
			answer, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != c.status || !strings.Contains(string(answer), c.code) {
				t.Errorf("answer %d %s, want %d and %s", resp.StatusCode, answer, c.status, c.code)
			}
			out := s.Must("111111111111", "logs", "filter-log-events", "--log-group-name", "g")
			if events := out["events"].([]any); len(events) != 0 {
				t.Errorf("stored: %v", events)
			}
		})
	}
	http.DefaultClient.CloseIdleConnections()
}
