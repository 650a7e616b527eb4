package consumer_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tributary/consumer"
)

func zipped(t testing.TB, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write([]byte(text))
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestDecodeReadsEveryMember(t *testing.T) {
	got, err := consumer.Decode(zipped(t, `{"messageType":"DATA_MESSAGE","owner":"111111111111","logGroup":"g","logStream":"s",`+
		`"subscriptionFilters":["p"],"logEvents":[{"id":"007","timestamp":1700000000123,"message":"m","extractedFields":`+
		`{"@aws.account":"111111111111","@aws.region":"us-east-1","@source.log":"g","ip":"10.0.0.1"}}],`+
		`"policyLevel":"ACCOUNT_LEVEL_POLICY","aMemberOfTheFuture":{}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := consumer.Envelope{
		MessageType: consumer.DataMessage, Owner: "111111111111", LogGroup: "g", LogStream: "s",
		SubscriptionFilters: []string{"p"}, PolicyLevel: "ACCOUNT_LEVEL_POLICY",
		LogEvents: []consumer.Event{{ID: "007", Timestamp: 1700000000123, Message: "m", ExtractedFields: map[string]string{
			"@aws.account": "111111111111", "@aws.region": "us-east-1", "@source.log": "g", "ip": "10.0.0.1",
		}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("envelope (-want +got):\n%s", diff)
	}
	if !got.AccountLevel() || got.Control() {
		t.Errorf("got account level %v, control %v; want true, false", got.AccountLevel(), got.Control())
	}
	e := &got.LogEvents[0]
	if fields, want := e.SystemFields(), (consumer.SystemFields{Account: "111111111111", Region: "us-east-1", SourceLog: "g"}); fields != want {
		t.Errorf("system fields: got %+v, want %+v", fields, want)
	}
	if e.Time().UnixMilli() != e.Timestamp {
		t.Errorf("time: got %v, want that of %d", e.Time(), e.Timestamp)
	}
}

func TestDecodeTellsWhatIsNoEnvelope(t *testing.T) {
	cut := zipped(t, strings.Repeat("x", 1000))
	for _, c := range []struct {
		name string
		data []byte
		want error
	}{
		{"nothing", nil, consumer.ErrNotEnvelope},
		{"text", []byte("hello"), consumer.ErrNotEnvelope},
		{"cut gzip", cut[:len(cut)-9], consumer.ErrNotEnvelope},
		{"no JSON", zipped(t, "hello"), consumer.ErrNotEnvelope},
		{"other JSON", zipped(t, `{"a":1}`), consumer.ErrNotEnvelope},
		{"a list", zipped(t, `[]`), consumer.ErrNotEnvelope},
		{"a bomb", zipped(t, strings.Repeat(" ", consumer.MaxExpanded+1)), consumer.ErrTooLarge},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := consumer.Decode(c.data); !errors.Is(err, c.want) {
				t.Errorf("got error %v, want %v", err, c.want)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(zipped(f, `{"messageType":"CONTROL_MESSAGE","owner":"CloudwatchLogs","logEvents":[{}]}`))
	f.Add([]byte("\x1f\x8b"))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := consumer.Decode(data)
		if err == nil && e.MessageType != consumer.DataMessage && e.MessageType != consumer.ControlMessage {
			t.Errorf("got message type %q without an error", e.MessageType)
		}
	})
}
