package server_test

import (
	"bytes"
	"crypto/sha256"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tributary/internal/pure/sigv4"
	"tributary/internal/server"
	"tributary/internal/server/servertest"
)

// A loudLog keeps everything that is logged, at every level.
type loudLog struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (l *loudLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *loudLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// TestSecretsAreNowhere makes keys and sessions, uses them well and badly, and then
// looks for their secrets and tokens in the log, the metrics, the answers to others and
// every file of the data directory.
func TestSecretsAreNowhere(t *testing.T) {
	log := &loudLog{}
	s := &scene{Server: servertest.StartWith(t, server.Config{
		Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}), t: t}
	s.makeAdministrator(victimAccount, "owner")
	owner := s.administrator(victimAccount, "owner")
	session := s.session(owner, victimAccount, "owner", nil)
	federated := s.mustAs(owner, "sts GetFederationToken", input{"Name": "guest", "Policy": allowAll})
	token := s.mustAs(owner, "sts GetSessionToken", nil)
	secrets := map[string]string{
		"secret of a key":            owner.Credentials.SecretAccessKey,
		"secret of a session":        session.SecretAccessKey,
		"token of a session":         session.SessionToken,
		"secret of a federated user": s.text(federated, "Credentials", "SecretAccessKey"),
		"token of a federated user":  s.text(federated, "Credentials", "SessionToken"),
		"secret of a session token":  s.text(token, "Credentials", "SecretAccessKey"),
		"session token":              s.text(token, "Credentials", "SessionToken"),
	}
	wrong := session
	wrong.SecretAccessKey = "wrong"
	stolen := owner.Credentials
	stolen.SessionToken = session.SessionToken
	unknown := session
	unknown.AccessKeyID = "ASIAUNKNOWNUNKNOWNAA"
	answers := s.use(t, map[string]sigv4.Credentials{
		"key": owner.Credentials, "session": session, "wrong secret": wrong, "another's token": stolen, "unknown key": unknown,
	})
	answers["metrics"] = s.get(t, "/metrics")
	s.Stop()
	places := map[string]string{"the log": log.String()}
	if !strings.Contains(places["the log"], "InvalidSignatureException") {
		t.Errorf("the log does not tell of refusals: this test looks at the wrong one:\n%s", places["the log"])
	}
	for name, text := range answers {
		places["the answer to "+name] = text
	}
	files := 0
	err := filepath.WalkDir(s.Dir(), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		places[path], files = string(text), files+1
		return err
	})
	if err != nil || files < 3 {
		t.Fatalf("%d files in the data directory: %v", files, err)
	}
	found := false
	for place, text := range places {
		found = found || strings.HasPrefix(place, s.Dir()) && strings.Contains(text, owner.Credentials.AccessKeyID)
		for name, secret := range secrets {
			if strings.Contains(text, secret) {
				t.Errorf("%s has the %s", place, name)
			}
		}
	}
	if !found {
		t.Error("not even the id of the key is on disk: this test looks in the wrong place")
	}
}

// use sends requests of all kinds with these credentials, sound and unsound, and
// answers what came back.
func (s *scene) use(t *testing.T, all map[string]sigv4.Credentials) map[string]string {
	t.Helper()
	answers := map[string]string{}
	for name, c := range all {
		for how, change := range map[string]func(*http.Request){
			"":                    func(*http.Request) {},
			", an hour ago":       nil,
			", changed body":      func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader(`{"limit":2}`)) },
			", half a header":     func(r *http.Request) { r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=x") },
			", twice":             func(r *http.Request) { r.Header.Add("X-Amz-Date", r.Header.Get("X-Amz-Date")) },
			", no such operation": func(r *http.Request) { r.Header.Set("X-Amz-Target", "Logs_20140328.Nothing") },
		} {
			const body = `{"limit":1}`
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL()+"/", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/x-amz-json-1.1")
			r.Header.Set("X-Amz-Target", "Logs_20140328.DescribeLogGroups")
			at := time.Now()
			if change == nil {
				at = at.Add(-time.Hour)
			}
			sigv4.Sign(r, sha256.Sum256([]byte(body)), c, "us-east-1", "logs", at)
			if change != nil {
				change(r)
			}
			answers[name+how] = s.send(t, r)
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL()+"/?Action=GetCallerIdentity&Version=2011-06-15", nil)
		if err != nil {
			t.Fatal(err)
		}
		sigv4.Presign(r, sha256.Sum256(nil), c, "us-east-1", "sts", time.Now(), time.Minute)
		answers[name+", presigned"] = s.send(t, r)
	}
	return answers
}

func (s *scene) get(t *testing.T, path string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s.send(t, r)
}

func (s *scene) send(t *testing.T, r *http.Request) string {
	t.Helper()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return string(text)
}
