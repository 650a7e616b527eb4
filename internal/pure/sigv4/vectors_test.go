package sigv4

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestPublishedExample is the example of AWS's documentation (IAM ListUsers).
func TestPublishedExample(t *testing.T) {
	r := &Request{
		Method: "GET", Path: "/", RawQuery: "Action=ListUsers&Version=2010-05-08", Host: "iam.amazonaws.com",
		Header: http.Header{
			"Content-Type": {"application/x-www-form-urlencoded; charset=utf-8"},
			"X-Amz-Date":   {"20150830T123600Z"},
			"Authorization": {"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, " +
				"SignedHeaders=content-type;host;x-amz-date, Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"},
		},
		PayloadHash: sha256.Sum256(nil),
	}
	a, err := Read(r)
	if err != nil {
		t.Fatal(err)
	}
	key := DeriveKey("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", a.Scope)
	if got, want := hex.EncodeToString(key[:]), "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"; got != want {
		t.Errorf("derived key: got %s, want %s", got, want)
	}
	if !a.Verify(r, key) {
		t.Error("signature: got refused, want accepted")
	}
}

func TestCanonicalPath(t *testing.T) {
	for path, want := range map[string]string{
		"/": "/", "//": "/", "/./": "/", "/a/..": "/", "/a/b/../..": "/", "/..": "/", "/./a": "/a",
		"//a//": "/a/", "/a/./b/": "/a/b/", "/.a/b": "/.a/b", "/a/../../b": "/b", "": "/",
	} {
		if got := cleanPath(path); got != want {
			t.Errorf("%q: got %q, want %q", path, got, want)
		}
	}
	if got, want := string(appendEscaped(nil, "/a%20b/ሴ~", true)), "/a%2520b/%E1%88%B4~"; got != want {
		t.Errorf("escaped: got %s, want %s", got, want)
	}
}

func TestHeaderValuesAreSqueezedAndJoined(t *testing.T) {
	r := &Request{Header: http.Header{"A": {"  x   y\t z ", "", "w"}, "B": {"plain text"}}, ContentLength: 12}
	for name, want := range map[string]string{"a": "x y z,,w", "b": "plain text", "content-length": "12"} {
		if got, ok := r.value(name); got != want || !ok {
			t.Errorf("%s: got %q %v, want %q", name, got, ok, want)
		}
	}
	if _, ok := r.value("c"); ok {
		t.Error("absent header: got a value")
	}
}

// A vector is a case of the public signing test suite.
type vector struct {
	Name    string
	Context struct {
		Credentials struct {
			ID     string `json:"access_key_id"`
			Secret string `json:"secret_access_key"`
			Token  string `json:"token"`
		}
		Normalize        bool
		OmitSessionToken bool `json:"omit_session_token"`
		SignBody         bool `json:"sign_body"` // header signing adds X-Amz-Content-Sha256
		Region, Service  string
		Timestamp        time.Time
		Expires          int `json:"expiration_in_seconds"`
	}
	Request                string
	HeaderCanonicalRequest string `json:"header_canonical_request"`
	HeaderStringToSign     string `json:"header_string_to_sign"`
	HeaderSignature        string `json:"header_signature"`
	HeaderSignedRequest    string `json:"header_signed_request"`
	QueryCanonicalRequest  string `json:"query_canonical_request"`
	QueryStringToSign      string `json:"query_string_to_sign"`
	QuerySignature         string `json:"query_signature"`
	QuerySignedRequest     string `json:"query_signed_request"`
}

func TestVectors(t *testing.T) {
	var file struct{ Cases []vector }
	if err := json.Unmarshal(sharedFile(t, "cases/sigv4_cases.json"), &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) < 38 {
		t.Fatalf("got %d vectors, want 38", len(file.Cases))
	}
	for _, v := range file.Cases {
		t.Run(v.Name+"/header", func(t *testing.T) {
			v.check(t, v.HeaderSignedRequest, v.HeaderCanonicalRequest, v.HeaderStringToSign, v.HeaderSignature)
		})
		t.Run(v.Name+"/query", func(t *testing.T) {
			v.check(t, v.QuerySignedRequest, v.QueryCanonicalRequest, v.QueryStringToSign, v.QuerySignature)
		})
		t.Run(v.Name+"/sign", v.sign)
	}
}

func (v *vector) check(t *testing.T, text, canonical, toSign, signature string) {
	r := parseRequest(text)
	if v.Context.OmitSessionToken {
		// The token joins the request after it was signed, which some services
		// allow. Here what is not signed does not count, so it is refused.
		if a, err := Read(r); err == nil && a.Verify(r, DeriveKey(v.Context.Credentials.Secret, a.Scope)) {
			t.Error("unsigned session token: got accepted, want refused")
		}
		r.Header.Del("X-Amz-Security-Token")
		r.RawQuery = strings.Replace(r.RawQuery, "&X-Amz-Security-Token="+url.QueryEscape(v.Context.Credentials.Token), "", 1)
	}
	a, err := Read(r)
	if err != nil {
		t.Fatal(err)
	}
	path := r.Path
	if v.Context.Normalize {
		path = cleanPath(path)
	}
	got := r.appendCanonical(nil, a, path)
	if string(got) != canonical {
		t.Errorf("canonical request:\ngot\n%s\nwant\n%s", got, canonical)
	}
	if got := a.stringToSign(got); got != toSign {
		t.Errorf("string to sign:\ngot\n%s\nwant\n%s", got, toSign)
	}
	if got := hex.EncodeToString(a.Signature[:]); got != signature {
		t.Errorf("signature read: got %s, want %s", got, signature)
	}
	if !a.Verify(r, DeriveKey(v.Context.Credentials.Secret, a.Scope)) {
		t.Error("got refused, want accepted")
	}
}

// sign signs the vector's request as a client; paths that have something to
// normalize we always do.
func (v *vector) sign(t *testing.T) {
	if !v.Context.Normalize && cleanPath(parseRequest(v.Request).Path) != parseRequest(v.Request).Path {
		t.Skip("for S3")
	}
	c := Credentials{v.Context.Credentials.ID, v.Context.Credentials.Secret, v.Context.Credentials.Token}
	if v.Context.OmitSessionToken {
		c.SessionToken = ""
	}
	raw := parseRequest(v.Request)
	client := func() *http.Request {
		u := &url.URL{Host: raw.Host, Path: raw.Path, RawQuery: raw.RawQuery}
		return &http.Request{Method: raw.Method, URL: u, Header: raw.Header.Clone()}
	}
	if strings.ContainsAny(raw.Path, " ሴ") {
		t.Skip("a path that must be escaped before it can be sent")
	}
	r := client()
	if v.Context.SignBody {
		r.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(raw.PayloadHash[:]))
	}
	Sign(r, raw.PayloadHash, c, v.Context.Region, v.Context.Service, v.Context.Timestamp)
	if got := r.Header.Get("Authorization"); !strings.HasSuffix(got, "Signature="+v.HeaderSignature) {
		t.Errorf("got %s, want signature %s", got, v.HeaderSignature)
	}
	r = client()
	Presign(r, raw.PayloadHash, c, v.Context.Region, v.Context.Service, v.Context.Timestamp, time.Duration(v.Context.Expires)*time.Second)
	if got := r.URL.RawQuery; !strings.HasSuffix(got, "X-Amz-Signature="+v.QuerySignature) {
		t.Errorf("got %s, want signature %s", got, v.QuerySignature)
	}
}

// parseRequest reads the text of a request as the suite writes it: raw
// characters in the path, values without a space before them, folded lines.
func parseRequest(text string) *Request {
	head, body, _ := strings.Cut(text, "\n\n")
	lines := strings.Split(strings.ReplaceAll(strings.TrimSuffix(head, "\n"), "\n ", " "), "\n")
	method, rest, _ := strings.Cut(lines[0], " ")
	target := strings.TrimSuffix(rest, " HTTP/1.1")
	path, query, _ := strings.Cut(target, "?")
	r := &Request{Method: method, Path: path, RawQuery: query, Header: http.Header{}, ContentLength: -1, PayloadHash: sha256.Sum256([]byte(body))}
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ":")
		if strings.EqualFold(name, "host") {
			r.Host = value
			continue
		}
		r.Header.Add(name, value)
	}
	return r
}

// TestCapturedClients recomputes the signatures of requests that the SDKs of Go,
// JavaScript and Python and the AWS CLI sent.
func TestCapturedClients(t *testing.T) {
	const secret = "s" // what the capture used
	checked := map[string]int{}
	for line := range strings.Lines(string(sharedFile(t, "cases/wire-samples.jsonl"))) {
		var s struct {
			Client, Body, Host, Method, URI string
			Length                          int64 `json:"cl"`
			Headers                         []string
		}
		if err := json.Unmarshal([]byte(line), &s); err != nil {
			t.Fatal(err)
		}
		r := &Request{Method: s.Method, Path: s.URI, Host: s.Host, Header: http.Header{}, ContentLength: s.Length, PayloadHash: sha256.Sum256([]byte(s.Body))}
		for _, h := range s.Headers {
			name, value, _ := strings.Cut(h, ":")
			r.Header.Add(name, strings.TrimSpace(value))
		}
		if int64(len(s.Body)) != s.Length { // the capture cut the body short; its hash may be in a header
			sum := r.Header.Get("X-Amz-Content-Sha256")
			if sum == "" {
				continue
			}
			if _, err := hex.Decode(r.PayloadHash[:], []byte(sum)); err != nil {
				t.Fatal(err)
			}
		}
		a, err := Read(r)
		if err != nil {
			t.Errorf("%s: %v", s.Client, err)
			continue
		}
		if !a.Verify(r, DeriveKey(secret, a.Scope)) {
			t.Errorf("%s, signed headers %q: got refused, want accepted", s.Client, a.SignedHeaders)
		}
		checked[s.Client]++
	}
	if len(checked) < 7 {
		t.Errorf("got clients %v, want all seven", checked)
	}
	t.Logf("checked %v", checked)
}

// sharedFile reads a file of the folder beside the repository that holds public
// case collections, and skips the test where there is none.
func sharedFile(t *testing.T, name string) []byte {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the test")
		}
		dir = filepath.Dir(dir)
	}
	b, err := os.ReadFile(filepath.Join(dir, "..", "shared", name))
	if os.IsNotExist(err) {
		t.Skipf("no ../shared/%s beside the repository", name)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}
