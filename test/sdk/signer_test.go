package sdk

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// signable are the parts of the requests that all signers sign; see test/signers.
type signable struct {
	Paths   []string
	Queries [][][2]string
	Headers []map[string]string
	Bodies  []string
}

// each makes the requests: all pairs of paths and queries.
func (s *signable) each(make func(target string, headers map[string]string, body string)) {
	for i, path := range s.Paths {
		for j, query := range s.Queries {
			var parameters []string
			for _, p := range query {
				parameters = append(parameters, escape(p[0])+"="+escape(p[1]))
			}
			target := path
			if len(parameters) > 0 {
				target += "?" + strings.Join(parameters, "&")
			}
			make(target, s.Headers[(i+j)%len(s.Headers)], s.Bodies[(3*i+j)%len(s.Bodies)])
		}
	}
}

func escape(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }

// TestTheSDKsSignerIsAccepted signs requests with odd paths, queries, headers and bodies
// by the SDK's own signer, and the same with one byte more in the body.
func TestTheSDKsSignerIsAccepted(t *testing.T) {
	start(t)
	text, err := os.ReadFile(filepath.Join("..", "signers", "parts.json"))
	if err != nil {
		t.Fatal(err)
	}
	var parts signable
	if err := json.Unmarshal(text, &parts); err != nil {
		t.Fatal(err)
	}
	sent := 0
	parts.each(func(target string, headers map[string]string, body string) {
		sent++
		if status, answer := signAndSend(t, target, headers, body, ""); status != http.StatusOK {
			t.Errorf("%s %v %q: got %d %s, want accepted", target, headers, body, status, answer)
		}
		if status, answer := signAndSend(t, target, headers, body, " "); status != http.StatusBadRequest || !strings.Contains(answer, "InvalidSignatureException") {
			t.Errorf("%s %v %q, then changed: got %d %s, want refused", target, headers, body, status, answer)
		}
	})
	if sent < 300 {
		t.Errorf("%d requests, want some hundreds", sent)
	}
}

// signAndSend signs a request and sends it with more behind its body.
func signAndSend(t *testing.T, target string, headers map[string]string, body, more string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, os.Getenv("AWS_ENDPOINT_URL")+target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "Logs_20140328.DescribeLogGroups")
	hash := sha256.Sum256([]byte(body))
	key := aws.Credentials{AccessKeyID: firstID, SecretAccessKey: "test"}
	if err := v4.NewSigner().SignHTTP(t.Context(), key, r, hex.EncodeToString(hash[:]), "logs", region, time.Now()); err != nil {
		t.Fatal(err)
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader([]byte(body+more))), int64(len(body)+len(more))
	if more != "" && r.Header.Get("Content-Length") != "" {
		r.Header.Set("Content-Length", fmt.Sprint(r.ContentLength))
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(answer)
}
