package gateway_test

import (
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"testing"
)

func TestJSONRoundTrip(t *testing.T) {
	w := newWire(t, nil)
	for name, c := range map[string]struct{ in, want string }{
		"all kinds": {
			`{"text":"<a&b> \u00e9\u2028\"","count":3,"at":1700000000.123,"data":"aGk=","flag":true,"names":["x","y"],"labels":{"h":"8","b":"2","e":"5","d":"4","c":"3","f":"6","g":"7","a":"1"},"inner":{"text":"i"},"things":[{"count":1},{}]}`,
			"{\"text\":\"<a&b> é\u2028\\\"\",\"count\":3,\"at\":1700000000.123,\"data\":\"aGk=\",\"flag\":true,\"names\":[\"x\",\"y\"],\"labels\":{\"a\":\"1\",\"b\":\"2\",\"c\":\"3\",\"d\":\"4\",\"e\":\"5\",\"f\":\"6\",\"g\":\"7\",\"h\":\"8\"},\"inner\":{\"text\":\"i\"},\"things\":[{\"count\":1},{}]}",
		},
		"whole seconds":   {`{"at":1700000000}`, `{"at":1700000000}`},
		"null members":    {`{"text":null,"names":[null,"x"]}`, `{"names":["x"]}`},
		"unknown members": {`{"DryRun":true,"text":"x","other":{"a":[1,2]}}`, `{"text":"x"}`},
		"empty":           {`{}`, `{}`},
		"white space":     {" {\n}\t", `{}`},
	} {
		w.want(name, w.do(jsonMessage("Logs_20140328.Echo", c.in)), 200, c.want)
	}
	w.want("no output members", w.do(jsonMessage("Logs_20140328.Void", `{}`)), 200, "")
	w.want("output that writes itself", w.do(jsonMessage("Logs_20140328.Hot", `{}`)), 200, `{"text":"by itself"}`)
	w.want("body that is scanned", w.do(jsonMessage("Logs_20140328.Scan", `{"logEvents": []}`)), 200, `{"length":17}`)
	w.want("empty body that is scanned", w.do(jsonMessage("Logs_20140328.Scan", ``)), 400, `{"__type":"SerializationException"}`)
	w.want("no body for no input", w.do(jsonMessage("Logs_20140328.NoInput", ``)), 200, `{"text":"x"}`)
}

func TestAnswersCarryWhatClientsLookFor(t *testing.T) {
	w := newWire(t, nil)
	uuid := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	for name, m := range map[string]message{
		"answer":  jsonMessage("Kinesis_20131202.Echo", `{}`),
		"refusal": jsonMessage("Kinesis_20131202.Refuse", `{}`),
		"failure": jsonMessage("Kinesis_20131202.Fail", `{}`),
		"unknown": jsonMessage("Kinesis_20131202.Nothing", `{}`),
	} {
		got := w.do(m)
		for header, want := range map[string]string{"Content-Type": "application/x-amz-json-1.1", "Date": "Sat, 21 Nov 2026 01:02:03 GMT"} {
			if got := got.header.Get(header); got != want {
				t.Errorf("%s: %s: got %q, want %q", name, header, got, want)
			}
		}
		if id := got.header.Get("x-amzn-RequestId"); !uuid.MatchString(id) {
			t.Errorf("%s: request id: got %q, want a UUID", name, id)
		}
		if id := got.header.Get("x-amz-id-2"); len(id) < 72 {
			t.Errorf("%s: x-amz-id-2: got %q, want a long one", name, id)
		}
	}
	if id := w.do(jsonMessage("Logs_20140328.Echo", `{}`)).header.Get("x-amz-id-2"); id != "" {
		t.Errorf("logs: x-amz-id-2: got %q, want none", id)
	}
}

func TestServicesSeeTheCall(t *testing.T) {
	w := newWire(t, nil)
	m := jsonMessage("AWSOrganizationsV20161128.Void", `{}`)
	m.region = "eu-test-7"
	m.headers.Set("User-Agent", "aws-cli/2.9.19")
	m.headers.Set("X-Forwarded-For", "192.0.2.1")
	got := w.do(m)
	c := w.lastCall()
	if c.Service != "organizations" || c.Operation != "Void" || c.Region != "eu-test-7" || c.Account() != "111111111111" ||
		c.Caller.AccessKeyID != keyID || c.UserAgent != "aws-cli/2.9.19" || c.Secure || !c.Time.Equal(now) ||
		c.SourceIP != netip.MustParseAddr("127.0.0.1") || c.RequestID != got.header.Get("x-amzn-RequestId") {
		t.Errorf("got %+v", c)
	}
}

func TestJSONErrors(t *testing.T) {
	w := newWire(t, nil)
	w.want("refusal with members", w.do(jsonMessage("Logs_20140328.Refuse", `{}`)), 400,
		`{"__type":"TooManyTagsException","message":"no \"more\"","count":2,"resourceName":"r"}`)
	w.want("organizations", w.do(jsonMessage("AWSOrganizationsV20161128.Refuse", `{}`)), 400,
		`{"__type":"TooManyTagsException","Message":"no \"more\"","count":2,"resourceName":"r"}`)
	w.want("constraint", w.do(jsonMessage("Logs_20140328.Echo", `{"count":0}`)), 400,
		`{"__type":"InvalidParameterException","message":"1 validation error detected: Value '0' at 'count' failed to satisfy constraint: Member must have value greater than or equal to 1"}`)
	w.want("wrong type", w.do(jsonMessage("Logs_20140328.Echo", `{"count":"x"}`)), 400,
		`{"__type":"SerializationException","Message":"class java.lang.String can not be converted to an Long"}`)
	w.want("unavailable", w.do(jsonMessage("Logs_20140328.Unavailable", `{}`)), 503,
		`{"__type":"ServiceUnavailableException","message":"journal is read only"}`)
	for _, target := range []string{"Logs_20140328.Nothing", "Logs_20140328", "", "Kinesis_20131201.Echo", "Logs_20140328.Echo.Echo"} {
		w.want("target "+target, w.do(jsonMessage(target, `{}`)), 400, `{"__type":"UnknownOperationException"}`)
	}
}

func TestFailuresAreLoggedAndNotTold(t *testing.T) {
	const body = `{"__type":"InternalFailure","message":"The request processing has failed because of an unknown error, exception or failure."}`
	for operation, cause := range map[string]string{"Fail": `error="disk\nis full"`, "Panic": "a promise was broken"} {
		w := newWire(t, nil)
		got := w.do(jsonMessage("Logs_20140328."+operation, `{}`))
		w.want(operation, got, 500, body)
		log := w.log.String()
		for _, want := range []string{cause, got.header.Get("x-amzn-RequestId"), "operation=" + operation} {
			if !strings.Contains(log, want) {
				t.Errorf("%s: log lacks %q:\n%s", operation, want, log)
			}
		}
		if n := strings.Count(log, "\n"); n != 1 {
			t.Errorf("%s: got %d log lines, want 1:\n%s", operation, n, log)
		}
	}
	w := newWire(t, nil)
	w.do(jsonMessage("Logs_20140328.Echo", `{}`))
	w.do(jsonMessage("Logs_20140328.Refuse", `{}`))
	if log := w.log.String(); log != "" {
		t.Errorf("answered and refused: got log %s, want none", log)
	}
}

func TestMalformedJSON(t *testing.T) {
	w := newWire(t, nil)
	for name, body := range map[string]string{
		"nothing":              "",
		"word":                 "hello",
		"text":                 `"x"`,
		"null":                 "null",
		"cut off":              `{"text":"x"`,
		"two values":           `{}{}`,
		"trailing comma":       `{"text":"x",}`,
		"invalid UTF-8":        "{\"text\":\"\xff\"}",
		"lone surrogate":       `{"text":"\ud800"}`,
		"duplicate names":      `{"text":"x","text":"y"}`,
		"duplicate, escaped":   `{"text":"x","t\u0065xt":"y"}`,
		"101 deep":             strings.Repeat(`{"inner":`, 101) + "{}" + strings.Repeat("}", 101),
		"10,000 arrays deep":   strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000),
		"a million deep":       strings.Repeat(`{"a":`, 1_000_000),
		"many values":          `{"names":[` + strings.Repeat("1,", 300_000) + "1]}",
		"single quotes":        `{'text':'x'}`,
		"number with plus":     `{"count":+1}`,
		"control in text":      "{\"text\":\"\x01\"}",
		"byte order mark":      "\ufeff{}",
		"not a number":         `{"count":NaN}`,
		"unknown member, bad":  `{"other":[1,2}`,
		"NUL after the object": "{}\x00",
	} {
		w.want(name, w.do(jsonMessage("Logs_20140328.Echo", body)), 400, `{"__type":"SerializationException"}`)
	}
	w.want("array", w.do(jsonMessage("Logs_20140328.Echo", "[]")), 400,
		`{"__type":"SerializationException","Message":"Start of list found where not expected"}`)
	deep := strings.Repeat(`{"inner":`, 99) + "{}" + strings.Repeat("}", 99)
	w.want("100 deep", w.do(jsonMessage("Logs_20140328.Echo", deep)), 200, deep)
}

// TestOrderOfChecks: AWS tells of a malformed body before an unknown target, of
// that before authentication, and of types and constraints only then.
func TestOrderOfChecks(t *testing.T) {
	w := newWire(t, nil)
	unsigned := func(target, body string) message {
		m := jsonMessage(target, body)
		m.after = func(r *http.Request) { r.Header.Del("Authorization") }
		return m
	}
	const (
		serialization = `{"__type":"SerializationException"}`
		unknown       = `{"__type":"UnknownOperationException"}`
		missing       = `{"__type":"MissingAuthenticationTokenException","message":"Missing Authentication Token"}`
	)
	for _, c := range []struct {
		name string
		m    message
		want string
	}{
		{"malformed, unsigned", unsigned("Logs_20140328.Echo", "hello"), serialization},
		{"malformed, unknown, unsigned", unsigned("Logs_20140328.Nothing", "hello"), serialization},
		{"empty, unsigned", unsigned("Logs_20140328.Echo", ""), serialization},
		{"empty, unknown, unsigned", unsigned("Logs_20140328.Nothing", ""), unknown},
		{"unknown, unsigned", unsigned("Logs_20140328.Nothing", "{}"), unknown},
		{"wrong type, unsigned", unsigned("Logs_20140328.Echo", `{"count":"x"}`), missing},
		{"large and malformed, unsigned", unsigned("Logs_20140328.Echo", strings.Repeat("x", 100_000)), missing},
	} {
		w.want(c.name, w.do(c.m), 400, c.want)
	}
	m := jsonMessage("Logs_20140328.Echo", "hello")
	m.secret = "wrong"
	w.want("malformed, wrong signature", w.do(m), 400, serialization)
	if n := w.lookups; n != 1 {
		t.Errorf("got %d lookups of credentials, want 1: unsigned requests have none", n)
	}
}

func TestContentTypeThatNobodyReads(t *testing.T) {
	w := newWire(t, nil)
	const denied = "<AccessDeniedException>\n  <Message>Unable to determine service/operation name to be authorized</Message>\n</AccessDeniedException>\n"
	for _, c := range []struct {
		name, method, contentType, target string
		unsigned                          bool
		status                            int
		want                              string
	}{
		{"none, no target", "POST", "", "", false, 403, denied},
		{"text, no target", "POST", "text/plain", "", false, 403, denied},
		{"text, target", "POST", "text/plain", "Logs_20140328.Echo", false, 404, "<UnknownOperationException/>\n"},
		{"JSON 1.0", "POST", "application/x-amz-json-1.0", "Logs_20140328.Echo", false, 404, "<UnknownOperationException/>\n"},
		{"PUT", "PUT", "application/x-amz-json-1.1", "Logs_20140328.Echo", false, 403, denied},
		{"GET", "GET", "", "", false, 403, denied},
		{"GET, unsigned", "GET", "", "", true, 403, "<MissingAuthenticationTokenException>\n  <Message>Missing Authentication Token</Message>\n</MissingAuthenticationTokenException>\n"},
	} {
		m := message{method: c.method, service: "logs", headers: http.Header{}}
		if c.contentType != "" {
			m.headers.Set("Content-Type", c.contentType)
		}
		if c.target != "" {
			m.headers.Set("X-Amz-Target", c.target)
		}
		m.after = func(r *http.Request) {
			if c.unsigned {
				r.Header.Del("Authorization")
			}
		}
		got := w.do(m)
		w.want(c.name, got, c.status, c.want)
		if ct, ok := got.header["Content-Type"]; ok {
			t.Errorf("%s: Content-Type: got %q, want none", c.name, ct)
		}
	}
	m := jsonMessage("Logs_20140328.Echo", "{}")
	m.headers.Set("Content-Type", "application/x-amz-json-1.1; charset=utf-8")
	w.want("charset", w.do(m), 200, "{}")
}

func TestObserve(t *testing.T) {
	w := newWire(t, nil)
	w.do(jsonMessage("Logs_20140328.Echo", `{}`))
	w.do(jsonMessage("Logs_20140328.Echo", `{"count":0}`))
	w.do(jsonMessage("Logs_20140328.Fail", `{}`))
	w.do(jsonMessage("Kinesis_20131202.Whatever", `{}`))
	w.do(formMessage("sts", "Action=NoInput&Version=2011-06-15"))
	w.do(formMessage("sts", "Action=Whatever&Version=2011-06-15"))
	w.do(message{headers: http.Header{}})
	w.mu.Lock()
	defer w.mu.Unlock()
	got, want := strings.Join(w.observed, "\n"), strings.Join([]string{
		"logs Echo OK", "logs Echo InvalidParameterException", "logs Fail InternalFailure",
		"kinesis  UnknownOperationException", "sts NoInput OK", "sts  InvalidAction", "  AccessDeniedException",
	}, "\n")
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
