package server_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"tributary/internal/server"
	"tributary/internal/server/servertest"
)

// TestOnlyTheOperatorsListenerShowsTenants: what anybody may read has no account id and
// no name that a tenant gave.
func TestOnlyTheOperatorsListenerShowsTenants(t *testing.T) {
	const account, group = "111111111111", "a-telling-name"
	s := servertest.StartWith(t, server.Config{MetricsListen: "127.0.0.1:0"})
	s.Must(account, "logs", "create-log-group", "--log-group-name", group)
	s.Must(account, "logs", "create-log-stream", "--log-group-name", group, "--log-stream-name", "s")
	if err := s.As(account).JSON(t.Context(), "logs", "Logs_20140328.PutLogEvents", map[string]any{
		"logGroupName": group, "logStreamName": "s",
		"logEvents": []map[string]any{{"timestamp": time.Now().UnixMilli(), "message": "0123456789"}},
	}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Run(account, "logs", "delete-log-group", "--log-group-name", "a-telling-name-too"); err == nil {
		t.Fatal("a group that is not there was deleted")
	}

	node := body(t, s.URL()+"/metrics")
	for _, secret := range []string{account, "telling"} {
		if strings.Contains(node, secret) {
			t.Errorf("the unsigned metrics show %q", secret)
		}
	}
	all := body(t, "http://"+s.Metrics.String()+"/metrics")
	for _, want := range []string{
		`tributary_incoming_log_events_total{account="111111111111",log_group="a-telling-name",region="us-east-1"} 1`,
		`tributary_incoming_bytes_total{account="111111111111",log_group="a-telling-name",region="us-east-1"} 10`,
		`tributary_requests_total{code="ResourceNotFoundException",operation="DeleteLogGroup",service="logs"} 1`,
		"tributary_catalog_healthy 1",
	} {
		if !strings.Contains(all, want+"\n") {
			t.Errorf("the operator's metrics lack %s", want)
		}
	}
}

func body(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: status %d, %v", url, resp.StatusCode, err)
	}
	_ = resp.Body.Close() // it has been read
	return string(text)
}
