package sigv4

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
)

var (
	testTime    = time.Date(2026, 11, 21, 1, 2, 3, 0, time.UTC)
	testSecret  = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	testPayload = sha256.Sum256([]byte(`{"logGroupName":"g"}`))
)

// signedRequest is a request as a client of ours signs it.
func signedRequest(t *testing.T) *http.Request {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, "http://logs.example:4566/base/path?b=2&a=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "Logs_20140328.DescribeLogGroups")
	Sign(r, testPayload, Credentials{"AKIDEXAMPLE", testSecret, "token"}, "eu-west-1", "logs", testTime)
	return r
}

func received(r *http.Request) *Request {
	return &Request{
		Method: r.Method, Path: r.URL.EscapedPath(), RawQuery: r.URL.RawQuery, Host: r.URL.Host,
		Header: r.Header.Clone(), ContentLength: -1, PayloadHash: testPayload,
	}
}

func accepted(r *Request) (bool, error) {
	a, err := Read(r)
	if err != nil {
		return false, err
	}
	return a.Verify(r, DeriveKey(testSecret, a.Scope)), nil
}

func TestReadFindsWhatSignPut(t *testing.T) {
	a, err := Read(received(signedRequest(t)))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := a.Scope.String(), "20261121/eu-west-1/logs/aws4_request"; got != want {
		t.Errorf("scope: got %s, want %s", got, want)
	}
	if got, want := strings.Join(a.SignedHeaders, ";"), "content-type;host;x-amz-date;x-amz-security-token;x-amz-target"; got != want {
		t.Errorf("signed headers: got %s, want %s", got, want)
	}
	if a.AccessKeyID != "AKIDEXAMPLE" || a.SessionToken != "token" || !a.Time.Equal(testTime) || a.Presigned {
		t.Errorf("got %+v", a)
	}
}

func TestVerifyRefusesEveryMutant(t *testing.T) {
	set := func(name, value string) func(*Request) {
		return func(r *Request) { r.Header.Set(name, value) }
	}
	replace := func(name, from, to string) func(*Request) {
		return func(r *Request) {
			v := r.Header.Get(name)
			if !strings.Contains(v, from) {
				panic("nothing to replace: " + from)
			}
			r.Header.Set(name, strings.Replace(v, from, to, 1))
		}
	}
	mutants := map[string]func(*Request){
		"method":                 func(r *Request) { r.Method = "PUT" },
		"path":                   func(r *Request) { r.Path = "/base/pathx" },
		"path escaped otherwise": func(r *Request) { r.Path = "/base/%70ath" },
		"query value":            func(r *Request) { r.RawQuery = "b=2&a=2" },
		"query parameter added":  func(r *Request) { r.RawQuery += "&c=3" },
		"query parameter gone":   func(r *Request) { r.RawQuery = "a=1" },
		"host":                   func(r *Request) { r.Host = "logs.example:4567" },
		"body":                   func(r *Request) { r.PayloadHash[31] ^= 1 },
		"signed header":          set("X-Amz-Target", "Logs_20140328.DeleteLogGroup"),
		"signed header gone":     func(r *Request) { r.Header.Del("X-Amz-Target") },
		"signed header twice":    func(r *Request) { r.Header.Add("X-Amz-Target", "x") },
		"content type":           set("Content-Type", "application/x-www-form-urlencoded"),
		"token":                  set("X-Amz-Security-Token", "tokeN"),
		"token twice":            func(r *Request) { r.Header.Add("X-Amz-Security-Token", "token") },
		"date":                   set("X-Amz-Date", "20261121T010204Z"),
		"date gone":              func(r *Request) { r.Header.Del("X-Amz-Date") },
		"date twice":             func(r *Request) { r.Header.Add("X-Amz-Date", "20261121T010203Z") },
		"date with fraction":     set("X-Amz-Date", "20261121T010203.0Z"),
		"unsigned x-amz header":  set("X-Amz-Acl", "x"),
		"authorization twice":    func(r *Request) { r.Header.Add("Authorization", r.Header.Get("Authorization")) },
		"query credentials too":  func(r *Request) { r.RawQuery += "&X-Amz-Algorithm=AWS4-HMAC-SHA256" },
		"the same, escaped":      func(r *Request) { r.RawQuery += "&X%2dAmz-Algorithm=AWS4-HMAC-SHA256" },
		"algorithm":              replace("Authorization", "AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"),
		"algorithm none":         replace("Authorization", "AWS4-HMAC-SHA256", "none"),
		"scope date":             replace("Authorization", "20261121", "20261122"),
		"scope region":           replace("Authorization", "eu-west-1", "eu-west-2"),
		"scope service":          replace("Authorization", "/logs/", "/kinesis/"),
		"scope terminator":       replace("Authorization", "aws4_request", "aws4_Request"),
		"signed headers order":   replace("Authorization", "content-type;host", "host;content-type"),
		"signed headers case":    replace("Authorization", "content-type", "Content-Type"),
		"signed header unlisted": replace("Authorization", "content-type;", ""),
		"signed header repeated": replace("Authorization", "host;", "host;host;"),
		"host unlisted":          replace("Authorization", "host;", ""),
		"listed but not there":   replace("Authorization", "host;", "host;x-absent;"),
		"parameter repeated":     replace("Authorization", "Credential=", "Credential=x, Credential="),
		"parameter unknown":      replace("Authorization", "Credential=", "Foo=x, Credential="),
		"signature shorter":      func(r *Request) { a := r.Header.Get("Authorization"); r.Header.Set("Authorization", a[:len(a)-1]) },
		"signature longer":       func(r *Request) { r.Header.Set("Authorization", r.Header.Get("Authorization")+"0") },
		"signature in capitals": func(r *Request) {
			head, signature, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")
			r.Header.Set("Authorization", head+"Signature="+strings.ToUpper(signature))
		},
	}
	signed := signedRequest(t)
	if ok, err := accepted(received(signed)); !ok {
		t.Fatalf("the request itself: got refused (%v), want accepted", err)
	}
	for name, mutate := range mutants {
		r := received(signed)
		mutate(r)
		if ok, _ := accepted(r); ok {
			t.Errorf("%s: got accepted, want refused", name)
		}
	}
	for i := range 64 {
		r := received(signed)
		a := []byte(r.Header.Get("Authorization"))
		at := len(a) - 64 + i
		if a[at]++; a[at] == '9'+1 || a[at] == 'g' {
			a[at] = 'a' + (a[at]+1)%5
		}
		r.Header.Set("Authorization", string(a))
		if ok, _ := accepted(r); ok {
			t.Errorf("digit %d of the signature: got accepted, want refused", i)
		}
	}
}

func TestVerifyAcceptsOtherSpellingsOfTheSame(t *testing.T) {
	for name, change := range map[string]func(*Request){
		"query in another order":     func(r *Request) { r.RawQuery = "a=1&b=2" },
		"query escaped":              func(r *Request) { r.RawQuery = "%61=1&b=%32" },
		"doubled slash":              func(r *Request) { r.Path = "/base//path" },
		"dot segments":               func(r *Request) { r.Path = "/base/x/../path" },
		"spaces around a value":      func(r *Request) { r.Header.Set("X-Amz-Target", "  Logs_20140328.DescribeLogGroups\t") },
		"a header proxies add":       func(r *Request) { r.Header.Set("X-Forwarded-For", "192.0.2.1") },
		"no spaces in Authorization": func(r *Request) { v := r.Header["Authorization"]; v[0] = strings.ReplaceAll(v[0], ", ", ",") },
	} {
		r := received(signedRequest(t))
		change(r)
		if ok, err := accepted(r); !ok {
			t.Errorf("%s: got refused (%v), want accepted", name, err)
		}
	}
}

// TestSoundSignaturesOfUnsoundRequests: the owner of a key may sign anything,
// but a request must still have one meaning.
func TestSoundSignaturesOfUnsoundRequests(t *testing.T) {
	for name, c := range map[string]struct {
		signed []string
		want   string // in the refusal
	}{
		"in order":      {[]string{"content-type", "host", "x-amz-date"}, ""},
		"authority":     {[]string{":authority", "content-type", "x-amz-date"}, ""},
		"no content":    {[]string{"host", "x-amz-date"}, ""},
		"out of order":  {[]string{"host", "content-type", "x-amz-date"}, "in order"},
		"twice":         {[]string{"host", "host", "x-amz-date"}, "each once"},
		"capitals":      {[]string{"Content-Type", "host", "x-amz-date"}, "lower-case"},
		"empty name":    {[]string{"", "host", "x-amz-date"}, "lower-case"},
		"none":          {nil, "requires 'SignedHeaders'"},
		"no host":       {[]string{"content-type", "x-amz-date"}, "'Host' or ':authority' must be"},
		"no date":       {[]string{"content-type", "host"}, "'X-Amz-Date' must be"},
		"absent header": {[]string{"host", "x-amz-date", "x-none"}, "is not in the request"},
	} {
		r := &Request{Method: "POST", Path: "/", Host: "h", Header: http.Header{"X-Amz-Date": {"20261121T010203Z"}, "Content-Type": {"text/plain"}}}
		a := &Authorization{Scope: Scope{"20261121", "r", "s"}, SignedHeaders: c.signed, Time: testTime}
		sum := a.sign(r, DeriveKey(testSecret, a.Scope), "/")
		r.Header.Set("Authorization", Algorithm+" Credential=k/"+a.Scope.String()+", SignedHeaders="+strings.Join(c.signed, ";")+", Signature="+hex.EncodeToString(sum[:]))
		ok, err := accepted(r)
		if c.want == "" && !ok {
			t.Errorf("%s: got refused (%v), want accepted", name, err)
		}
		if c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: got %v, want a refusal with %q", name, err, c.want)
		}
	}
}

func TestReadNamesWhatIsWrong(t *testing.T) {
	const lacksAll = "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. " +
		"Authorization header requires 'SignedHeaders' parameter. "
	for name, c := range map[string]struct {
		header  http.Header
		query   string
		fault   Fault
		message string
	}{
		"nothing": {fault: Missing, message: "Missing Authentication Token"},
		"a word": {
			header: http.Header{"Authorization": {"a"}}, fault: Incomplete,
			message: lacksAll + "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. Authorization=a",
		},
		"one parameter lacking": {
			header: http.Header{"Authorization": {"AWS4- Signature=b, Credential=a"}, "Date": {"a"}}, fault: Incomplete,
			message: "Authorization header requires 'SignedHeaders' parameter. Authorization=AWS4- Signature=b, Credential=a",
		},
		"header and query": {
			header: http.Header{"Authorization": {"X"}}, query: "X-Amz-Algorithm", fault: Invalid,
			message: "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.",
		},
		"query without algorithm": {query: "X-Amz-Credential=a&X-Amz-Signature=b", fault: Missing, message: "Missing Authentication Token"},
		"query with one parameter": {
			query: "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=a&X-Amz-Signature=b&X-Amz-SignedHeaders=host&X-Amz-Expires=1", fault: Incomplete,
			message: "AWS query-string parameters must include 'X-Amz-Date'. Re-examine the query-string parameters.",
		},
		"query with a parameter twice": {
			query: "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=a&X-Amz-Credential=a", fault: Incomplete,
			message: "The query-string parameter 'X-Amz-Credential' is given more than once.",
		},
		"another algorithm": {
			header: http.Header{"Authorization": {"AWS4-HMAC-SHA1 Credential=a, SignedHeaders=b, Signature=c"}, "Date": {"a"}}, fault: Incomplete,
			message: "Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA1'.",
		},
		"date of another day": {
			header: http.Header{
				"Authorization": {Algorithm + " Credential=a/20261120/r/s/aws4_request, SignedHeaders=host;x-amz-date, Signature=" + strings.Repeat("0", 64)},
				"X-Amz-Date":    {"20261121T000000Z"},
			}, fault: Invalid,
			message: "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20261120' != '20261121', from '20261121T000000Z'.",
		},
	} {
		_, err := Read(&Request{Method: "POST", Path: "/", RawQuery: c.query, Host: "h", Header: c.header})
		got, ok := errors.AsType[*Error](err)
		if !ok {
			t.Errorf("%s: got error %v, want *Error", name, err)
			continue
		}
		if got.Fault != c.fault || got.Message != c.message {
			t.Errorf("%s:\ngot  %d %s\nwant %d %s", name, got.Fault, got.Message, c.fault, c.message)
		}
	}
}

func TestDateHeaderStandsInForXAmzDate(t *testing.T) {
	for _, date := range []string{"20261121T010203Z", "Sat, 21 Nov 2026 01:02:03 GMT"} {
		r := &Request{Method: "GET", Path: "/", Host: "h", Header: http.Header{"Date": {date}}}
		a := &Authorization{Scope: Scope{"20261121", "r", "s"}, SignedHeaders: []string{"date", "host"}, Time: testTime}
		sum := a.sign(r, DeriveKey(testSecret, a.Scope), "/")
		r.Header.Set("Authorization", Algorithm+" Credential=k/"+a.Scope.String()+", SignedHeaders=date;host, Signature="+hex.EncodeToString(sum[:]))
		if ok, err := accepted(r); !ok {
			t.Errorf("%s: got refused (%v), want accepted", date, err)
		}
		r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "date;", "", 1))
		if _, err := Read(r); err == nil || !strings.Contains(err.Error(), "'Date' must be") {
			t.Errorf("%s, not signed: got %v, want a refusal", date, err)
		}
	}
}

func TestCheckTime(t *testing.T) {
	const skew = 5 * time.Minute
	for name, c := range map[string]struct {
		auth Authorization
		now  time.Duration
		want string
	}{
		"now":              {Authorization{}, 0, ""},
		"five minutes old": {Authorization{}, skew, ""},
		"older": {
			Authorization{},
			skew + time.Second,
			"Signature expired: 20261121T010203Z is now earlier than 20261121T010204Z (20261121T010704Z - 5 min.)",
		},
		"five minutes early": {Authorization{}, -skew, ""},
		"earlier": {
			Authorization{},
			-skew - time.Second,
			"Signature not yet current: 20261121T010203Z is still later than 20261121T010202Z (20261121T005702Z + 5 min.)",
		},
		"presigned, in time": {Authorization{Presigned: true, Expires: time.Hour}, time.Hour, ""},
		"presigned, over": {
			Authorization{Presigned: true, Expires: 90 * time.Second},
			91 * time.Second,
			"Signature expired: 20261121T010203Z is now earlier than 20261121T010204Z (20261121T010334Z - 90 sec.)",
		},
		"presigned, early": {
			Authorization{Presigned: true, Expires: time.Hour},
			-skew - time.Second,
			"Signature not yet current: 20261121T010203Z is still later than 20261121T010202Z (20261121T005702Z + 5 min.)",
		},
	} {
		c.auth.Time = testTime
		got := ""
		if err := c.auth.CheckTime(testTime.Add(c.now), skew); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, c.want)
		}
	}
}

func TestPresignedRequest(t *testing.T) {
	r, err := http.NewRequest(http.MethodGet, "http://sts.example/?Action=GetCallerIdentity&Version=2011-06-15", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-K8s-Aws-Id", "cluster")
	Presign(r, testPayload, Credentials{"AKIDEXAMPLE", testSecret, "to/ken+"}, "us-east-1", "sts", testTime, time.Minute)

	a, err := Read(received(r))
	if err != nil {
		t.Fatal(err)
	}
	if !a.Presigned || a.Expires != time.Minute || a.SessionToken != "to/ken+" {
		t.Errorf("got %+v", a)
	}
	if ok, err := accepted(received(r)); !ok {
		t.Errorf("got refused (%v), want accepted", err)
	}
	week := r.Clone(t.Context())
	week.URL.RawQuery = "Action=GetCallerIdentity"
	Presign(week, testPayload, Credentials{"AKIDEXAMPLE", testSecret, ""}, "us-east-1", "sts", testTime, 7*24*time.Hour+time.Second)
	if _, err := Read(received(week)); err == nil || !strings.Contains(err.Error(), "from 1 to 604800") {
		t.Errorf("a week and a second: got %v, want refused", err)
	}
	for name, mutate := range map[string]func(*Request){
		"action":         func(r *Request) { r.RawQuery = strings.Replace(r.RawQuery, "GetCaller", "GetSession", 1) },
		"expiry":         func(r *Request) { r.RawQuery = strings.Replace(r.RawQuery, "Expires=60", "Expires=61", 1) },
		"expiry, longer": func(r *Request) { r.RawQuery = strings.Replace(r.RawQuery, "Expires=60", "Expires=604801", 1) },
		"header gone":    func(r *Request) { r.Header.Del("X-K8s-Aws-Id") },
		"twice":          func(r *Request) { r.RawQuery += "&X-Amz-Date=20261121T010203Z" },
		"two signatures": func(r *Request) { r.RawQuery += "&X-Amz-Signature=" + strings.Repeat("0", 64) },
		"malformed":      func(r *Request) { r.RawQuery += "&a=%zz" },
	} {
		m := received(r)
		mutate(m)
		if ok, _ := accepted(m); ok {
			t.Errorf("%s: got accepted, want refused", name)
		}
	}
}

// FuzzRead holds that Read never panics and that what it accepts is unambiguous.
func FuzzRead(f *testing.F) {
	valid := Algorithm + " Credential=AKID/20261121/us-east-1/logs/aws4_request, SignedHeaders=host;x-amz-date, Signature=" + strings.Repeat("0a", 32)
	f.Add(valid, "20261121T010203Z", "")
	f.Add("a", "", "X-Amz-Algorithm=AWS4-HMAC-SHA256")
	f.Add("AWS4-HMAC-SHA256 Credential=,SignedHeaders==,,Signature", "20261121T010203.5Z", "%")
	f.Add("", "", "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=A%2F20261121%2Fr%2Fs%2Faws4_request&X-Amz-Date=20261121T010203Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature="+strings.Repeat("0a", 32))
	f.Fuzz(func(t *testing.T, authorization, date, query string) {
		r := &Request{Method: "POST", Path: "/", RawQuery: query, Host: "h", Header: http.Header{}}
		if authorization != "" {
			r.Header.Set("Authorization", authorization)
		}
		if date != "" {
			r.Header.Set("X-Amz-Date", date)
		}
		a, err := Read(r)
		if err != nil {
			if _, ok := errors.AsType[*Error](err); !ok {
				t.Fatalf("got %T, want *Error", err)
			}
			return
		}
		if a.Scope.Date != a.Time.Format(dateLayout) {
			t.Errorf("date %s of scope is not that of %v", a.Scope.Date, a.Time)
		}
		if !a.signs("host") && !a.signs(":authority") {
			t.Error("accepted without a signed host")
		}
		for i, name := range a.SignedHeaders {
			if i > 0 && a.SignedHeaders[i-1] >= name {
				t.Errorf("signed headers %q not in order", a.SignedHeaders)
			}
		}
		if a.Verify(r, DeriveKey("secret", a.Scope)) {
			t.Error("a signature out of nothing was accepted")
		}
	})
}
