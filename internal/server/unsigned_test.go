package server_test

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"tributary/internal/server/servertest"
	"tributary/internal/service/api"
)

// Of all operations, only that one needs no signature which is for callers who have
// no key yet.
func TestOnlyAssumeRoleWithWebIdentityNeedsNoSignature(t *testing.T) {
	s := servertest.Start(t)
	const token = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL2lkcC5leGFtcGxlLmNvbSIsInN1YiI6IngifQ.c2lnbmF0dXJl"
	form := url.Values{
		"RoleArn": {"arn:aws:iam::111111111111:role/r"}, "RoleSessionName": {"session"}, "WebIdentityToken": {token},
	}
	answered := 0
	for _, svc := range s.Dispatcher.Services() {
		for i := range svc.Operations {
			name := svc.Operations[i].Name
			form.Set("Action", name)
			form.Set("Version", svc.Version)
			want := "MissingAuthenticationToken"
			if svc.Name+" "+name == "sts AssumeRoleWithWebIdentity" {
				want = "No OpenIDConnect provider found in your account for https://idp.example.com"
				answered++
			}
			posted := post(t, s, svc, name, form)
			if !strings.Contains(posted, want) {
				t.Errorf("%s %s without a signature: got %s, want %s", svc.Name, name, posted, want)
			}
			if svc.Protocol != api.Query {
				continue
			}
			r, err := http.NewRequest(http.MethodGet, s.URL()+"/?"+form.Encode(), http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			if got := bodyOf(t, r); !strings.Contains(got, want) {
				t.Errorf("%s %s as a URL without a signature: got %s, want %s", svc.Name, name, got, want)
			}
		}
	}
	if answered != 1 {
		t.Errorf("there are %d operations AssumeRoleWithWebIdentity, want 1", answered)
	}
}

// post sends an unsigned request for an operation and returns the answer's body.
func post(t *testing.T, s *servertest.Server, svc *api.Service, operation string, form url.Values) string {
	t.Helper()
	body, kind := "{}", "application/x-amz-json-1.1"
	if svc.Protocol == api.Query {
		body, kind = form.Encode(), "application/x-www-form-urlencoded"
	} else if svc.JSON10 {
		kind = "application/x-amz-json-1.0"
	}
	r, err := http.NewRequest(http.MethodPost, s.URL()+"/", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", kind)
	if svc.Protocol == api.JSON {
		r.Header.Set("X-Amz-Target", svc.TargetPrefix+"."+operation)
	}
	return bodyOf(t, r)
}

// bodyOf sends a request and returns the body of the answer.
func bodyOf(t *testing.T, r *http.Request) string {
	t.Helper()
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	if err := errors.Join(err, res.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return string(body)
}
