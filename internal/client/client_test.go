package client

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tributary/internal/pure/sigv4"
)

// answering is a client of a server that always gives this answer, and what it
// was sent last.
func answering(t *testing.T, status int, answer string) (c *Client, got *http.Request, body *bytes.Buffer) {
	t.Helper()
	got, body = &http.Request{}, &bytes.Buffer{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*got = *r
		body.Reset()
		_, _ = io.Copy(body, r.Body) // a short one is seen in the comparison
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(s.Close)
	return &Client{
		Endpoint: s.URL + "/", Region: "eu-central-1", HTTP: s.Client(),
		Now:         func() time.Time { return time.Unix(1700000000, 0) },
		Credentials: sigv4.Credentials{AccessKeyID: "K", SecretAccessKey: "s", SessionToken: "t"},
	}, got, body
}

func TestRequestsAreSignedForTheServiceAndRegion(t *testing.T) {
	c, got, body := answering(t, 200, `{"Name":"n"}`)
	var out struct{ Name string }
	if err := c.JSON(t.Context(), "kinesis", "Kinesis_20131202.Op", map[string]int{"n": 1}, &out); err != nil {
		t.Fatal(err)
	}
	if out.Name != "n" || body.String() != `{"n":1}` {
		t.Errorf("sent %s, got %+v", body, out)
	}
	if auth, want := got.Header.Get("Authorization"), "Credential=K/20231114/eu-central-1/kinesis/aws4_request"; !strings.Contains(auth, want) {
		t.Errorf("Authorization = %s, want it to have %s", auth, want)
	}
	for name, want := range map[string]string{"X-Amz-Target": "Kinesis_20131202.Op", "Content-Type": "application/x-amz-json-1.1", "X-Amz-Security-Token": "t"} {
		if v := got.Header.Get(name); v != want {
			t.Errorf("%s = %q, want %q", name, v, want)
		}
	}
	if got.URL.Path != "/" {
		t.Errorf("path = %s, want /", got.URL.Path)
	}
}

func TestQueryWritesAFormAndReadsXML(t *testing.T) {
	c, _, body := answering(t, 200, `<ListResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><ListResult>
<Users><member><UserName>a&amp;b</UserName></member><member><UserName>c</UserName></member></Users><IsTruncated>false</IsTruncated><Empty/>
</ListResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></ListResponse>`)
	got, err := c.Query(t.Context(), "iam", "2010-05-08", "List", map[string]any{
		"Path": "/a b/", "Names": []string{"x", "y"}, "Tags": []any{map[string]any{"Key": "k", "Value": 7}}, "Flag": true,
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"Users":       []any{map[string]any{"UserName": "a&b"}, map[string]any{"UserName": "c"}},
		"IsTruncated": "false", "Empty": "",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
	form, err := url.ParseQuery(body.String())
	if err != nil {
		t.Fatal(err)
	}
	wantForm := url.Values{
		"Action": {"List"}, "Version": {"2010-05-08"}, "Path": {"/a b/"}, "Flag": {"true"},
		"Names.member.1": {"x"}, "Names.member.2": {"y"}, "Tags.member.1.Key": {"k"}, "Tags.member.1.Value": {"7"},
	}
	if diff := cmp.Diff(wantForm, form); diff != "" {
		t.Errorf("form (-want +got):\n%s", diff)
	}
}

func TestRefusalsAreTheServersWords(t *testing.T) {
	type call func(c *Client) error
	asJSON := func(c *Client) error { return c.JSON(t.Context(), "logs", "Logs_20140328.Op", nil, nil) }
	asQuery := func(c *Client) error {
		_, err := c.Query(t.Context(), "iam", "2010-05-08", "Op", nil)
		return err
	}
	for _, tt := range []struct {
		name    string
		call    call
		status  int
		answer  string
		refusal *Refusal // nil for an error that is none
	}{
		{"JSON", asJSON, 400, `{"__type":"XException","message":"no"}`, &Refusal{"XException", "no", 400}},
		{"JSON of organizations", asJSON, 400, `{"__type":"XException","Message":"no"}`, &Refusal{"XException", "no", 400}},
		{"JSON without message", asJSON, 404, `{"__type":"XException"}`, &Refusal{"XException", "", 404}},
		{"JSON without type", asJSON, 500, `{}`, nil},
		{"not JSON", asJSON, 502, `<html>bad gateway</html>`, nil},
		{"XML", asQuery, 403, `<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>no &lt;b&gt;</Message></Error><RequestId>r</RequestId></ErrorResponse>`, &Refusal{"AccessDenied", "no <b>", 403}},
		{"XML without code", asQuery, 403, `<AccessDeniedException><Message>no</Message></AccessDeniedException>`, nil},
		{"not XML", asQuery, 502, `bad gateway`, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, _, _ := answering(t, tt.status, tt.answer)
			err := tt.call(c)
			if err == nil {
				t.Fatal("got no error")
			}
			got, ok := errors.AsType[*Refusal](err)
			if diff := cmp.Diff(tt.refusal, got); diff != "" || ok != (tt.refusal != nil) {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestErrorOfAnEndpointWhereNobodyListensNamesIt(t *testing.T) {
	s := httptest.NewServer(nil)
	s.Close()
	c := &Client{Endpoint: s.URL, Region: "us-east-1", HTTP: s.Client(), Now: time.Now}
	if err := c.JSON(t.Context(), "logs", "Logs_20140328.Op", nil, nil); err == nil || !strings.Contains(err.Error(), "no server answers at "+s.URL) {
		t.Errorf("got %v, want an error that says that no server answers at %s", err, s.URL)
	}
}

func TestRecordThatIsNoEnvelopeIsRefused(t *testing.T) {
	zip := func(text string) []byte {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, _ = io.WriteString(w, text) // into memory
		_ = w.Close()
		return b.Bytes()
	}
	whole := zip(`{"messageType":"DATA_MESSAGE","logEvents":[{"id":"1","message":"m","extractedFields":{"a":"b"}}]}`)
	got, err := DecodeEnvelope(whole)
	if err != nil || got.MessageType != "DATA_MESSAGE" || len(got.LogEvents) != 1 || got.LogEvents[0].ExtractedFields["a"] != "b" {
		t.Errorf("got %+v, %v", got, err)
	}
	for name, data := range map[string][]byte{"empty": nil, "plain": []byte("text"), "cut": whole[:len(whole)-9], "no JSON": zip("text")} {
		if got, err := DecodeEnvelope(data); err == nil {
			t.Errorf("%s: got %+v, want an error", name, got)
		}
	}
}
