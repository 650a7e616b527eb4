package gateway_test

import (
	"net/http"
	"strings"
	"testing"

	"tributary/internal/pure/policy"
)

// unsigned takes the credentials from a message.
func unsigned(m message) message {
	m.after = func(r *http.Request) {
		r.Header.Del("Authorization")
		r.Header.Del("X-Amz-Date")
	}
	return m
}

func TestAnOperationWithoutSignatureIsAnswered(t *testing.T) {
	w := newWire(t, nil)
	get := unsigned(message{method: "GET", target: "/?Action=Open&Version=2011-06-15&text=x", service: "sts", headers: http.Header{}})
	for name, m := range map[string]message{
		"form":   unsigned(formMessage("sts", "Action=Open&Version=2011-06-15&text=x")),
		"query":  get,
		"signed": formMessage("sts", "Action=Open&Version=2011-06-15&text=x"),
	} {
		w.wantPrefix(name, w.do(m), 200, `<OpenResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><OpenResult><text>x</text>`)
		who := w.lastCall().Caller.Principal
		if anonymous := who.Kind == policy.Anonymous; anonymous == (name == "signed") || anonymous && who.Account != "" {
			t.Errorf("%s: called by %+v", name, who)
		}
	}
	// Its constraints hold as for everybody.
	w.wantPrefix("constraint", w.do(unsigned(formMessage("sts", "Action=Open&Version=2011-06-15&count=0"))), 400, `<ErrorResponse`)
}

func TestNothingElseIsAnsweredWithoutSignature(t *testing.T) {
	w := newWire(t, nil)
	open := func(change func(*http.Request)) message {
		m := formMessage("sts", "Action=Open&Version=2011-06-15")
		m.after = change
		return m
	}
	gzipped := unsigned(formMessage("sts", "Action=Open&Version=2011-06-15"))
	gzipped.headers.Set("Content-Encoding", "gzip")
	for name, m := range map[string]message{
		"another operation":           unsigned(formMessage("sts", "Action=Echo&Version=2011-06-15")),
		"another service's version":   unsigned(formMessage("sts", "Action=Open&Version=2010-05-08")),
		"no version":                  unsigned(formMessage("sts", "Action=Open")),
		"an action that is none":      unsigned(formMessage("sts", "Action=Nothing&Version=2011-06-15")),
		"an action that is a list":    unsigned(formMessage("sts", "Action.member.1=Open&Version=2011-06-15")),
		"an action given twice":       unsigned(formMessage("sts", "Action=Open&Action=Open&Version=2011-06-15")),
		"nothing":                     unsigned(formMessage("sts", "")),
		"a body that is not small":    unsigned(formMessage("sts", "Action=Open&Version=2011-06-15&text="+strings.Repeat("x", 8<<10))),
		"a compressed body":           gzipped,
		"another operation, as query": unsigned(message{method: "GET", target: "/?Action=Echo&Version=2011-06-15", service: "sts", headers: http.Header{}}),
	} {
		got := w.do(m)
		if got.status != 403 || !strings.Contains(got.body, "<Code>MissingAuthenticationToken</Code>") {
			t.Errorf("%s: got %d %s, want 403 MissingAuthenticationToken", name, got.status, got.body)
		}
	}
	// Credentials that are no good are not taken for none.
	for name, change := range map[string]func(*http.Request){
		"a wrong signature":     func(r *http.Request) { r.Header.Set("Authorization", r.Header.Get("Authorization")+"0") },
		"an empty header":       func(r *http.Request) { r.Header.Set("Authorization", "") },
		"credentials in a form": func(r *http.Request) { r.Header.Del("Authorization"); r.URL.RawQuery = "X-Amz-Credential=a" },
	} {
		if got := w.do(open(change)); got.status == 200 {
			t.Errorf("%s: got %d %s, want a refusal", name, got.status, got.body)
		}
	}
	w.wantPrefix("JSON", w.do(unsigned(jsonMessage("Logs_20140328.Open", "{}"))), 400, `{"__type":"UnknownOperationException"`)
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.calls) > 0 {
		t.Errorf("a service was called: %+v", w.calls)
	}
}
