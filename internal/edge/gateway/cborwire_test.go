package gateway_test

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
)

// cborMessage is a request in AWS CBOR 1.1, given in hexadecimal with blanks.
func cborMessage(t *testing.T, target, dump string) message {
	t.Helper()
	body, err := hex.DecodeString(strings.Join(strings.Fields(dump), ""))
	if err != nil {
		t.Fatal(err)
	}
	m := jsonMessage(target, string(body))
	m.headers.Set("Content-Type", "application/x-amz-cbor-1.1")
	return m
}

func TestCBORRequestIsAnsweredInCBOR(t *testing.T) {
	w := newWire(t, nil)
	got := w.do(cborMessage(t, "Kinesis_20131202.Echo",
		"bf 64 74657874 61 78 64 64617461 43 000aff 62 6174 c1 1b 0000018bcfe5687b 65 6e616d6573 9f 61 61 ff ff"))
	// text, at, data, names in the order of the struct; the list with its length.
	w.want("echo", got, 200, string(mustHex(t,
		"bf 64 74657874 61 78 62 6174 c1 1b 0000018bcfe5687b 64 64617461 43 000aff 65 6e616d6573 81 61 61 ff")))
	if got := got.header.Get("Content-Type"); got != "application/x-amz-cbor-1.1" {
		t.Errorf("got Content-Type %q", got)
	}
	w.want("without output", w.do(cborMessage(t, "Kinesis_20131202.Void", "a0")), 200, "")
}

func mustHex(t *testing.T, dump string) []byte {
	t.Helper()
	return cborMessage(t, "Kinesis_20131202.X", dump).body
}

func TestCBORRefusalsAreCBOR(t *testing.T) {
	w := newWire(t, nil)
	unsigned := cborMessage(t, "Kinesis_20131202.Echo", "a0")
	unsigned.key = "AKIDNOBODY"
	for name, c := range map[string]struct {
		m      message
		status int
		want   map[string]any
	}{
		"of the service": {cborMessage(t, "Kinesis_20131202.Refuse", "a0"), 400, map[string]any{
			"__type": "TooManyTagsException", "message": `no "more"`, "resourceName": "r", "count": uint64(2),
		}},
		"wrong type": {cborMessage(t, "Kinesis_20131202.Echo", "a1 65 636f756e74 61 78"), 400, map[string]any{
			"__type": "SerializationException", "Message": "class java.lang.String can not be converted to an Long",
		}},
		"constraint": {cborMessage(t, "Kinesis_20131202.Echo", "a1 65 636f756e74 00"), 400, map[string]any{
			"__type": "ValidationException", "message": "1 validation error detected: Value '0' at 'count' failed to satisfy constraint: Member must have value greater than or equal to 1",
		}},
		"malformed":           {cborMessage(t, "Kinesis_20131202.Echo", "bf 61"), 400, map[string]any{"__type": "SerializationException"}},
		"JSON":                {cborMessage(t, "Kinesis_20131202.Echo", hex.EncodeToString([]byte(`{}`))), 400, map[string]any{"__type": "SerializationException"}},
		"unknown operation":   {cborMessage(t, "Kinesis_20131202.CreateChannel", "a0"), 400, map[string]any{"__type": "UnknownOperationException"}},
		"a service without":   {cborMessage(t, "Logs_20140328.Echo", "a0"), 400, map[string]any{"__type": "UnknownOperationException"}},
		"unknown key":         {unsigned, 400, map[string]any{"__type": "UnrecognizedClientException", "message": "The security token included in the request is invalid."}},
		"of ours":             {cborMessage(t, "Kinesis_20131202.Fail", "a0"), 500, map[string]any{"__type": "InternalFailure", "message": "The request processing has failed because of an unknown error, exception or failure."}},
		"service unavailable": {cborMessage(t, "Kinesis_20131202.Unavailable", "a0"), 503, map[string]any{"__type": "ServiceUnavailableException", "message": "journal is read only"}},
	} {
		got := w.do(c.m)
		body := map[string]any{}
		if err := cbor.Unmarshal([]byte(got.body), &body); err != nil {
			t.Errorf("%s: %v in %x", name, err, got.body)
			continue
		}
		if got.status != c.status || !equal(body, c.want) || got.header.Get("Content-Type") != "application/x-amz-cbor-1.1" {
			t.Errorf("%s: got %d %v as %s\nwant %d %v", name, got.status, body, got.header.Get("Content-Type"), c.status, c.want)
		}
	}
}

func equal(a, b map[string]any) bool {
	for k := range a {
		if a[k] != b[k] {
			return false
		}
	}
	return len(a) == len(b)
}

// TestNewOperationsAreNotKnown: what AWS has added and is not here answers as in a
// Region that does not have it.
func TestNewOperationsAreNotKnown(t *testing.T) {
	w := newWire(t, nil)
	for _, name := range []string{"CreateChannel", "UpdateChannel", "DeleteChannel", "DescribeChannel", "ListChannels"} {
		w.want(name, w.do(jsonMessage("Kinesis_20131202."+name, `{}`)), 400, `{"__type":"UnknownOperationException"}`)
	}
}
