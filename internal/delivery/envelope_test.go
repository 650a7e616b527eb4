package delivery

import (
	"bytes"
	"compress/gzip"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"tributary/internal/pure/arn"
	"tributary/internal/pure/pattern"
	"tributary/internal/service/logs"
)

func TestEnvelopeIsCompactWithMembersInTheOrderOfCaptures(t *testing.T) {
	o := origin{owner: "111111111111", group: "CloudTrail/logs", stream: `s"1`, filter: "RecipientStream"}
	events := []event{
		{id: logs.NewEventID(1700000000000, 1700000001000, 0x0123456789abcdef, 3), timestamp: 1700000000000, message: []byte(`"a\u0041\n"`)},
		{timestamp: 1, message: []byte(`""`), fields: []pattern.Field{{Name: "ip", Value: `1.2"`}, {Name: "2", Value: "x"}}},
	}
	got := string(appendEnvelope(nil, o, events))
	want := `{"messageType":"DATA_MESSAGE","owner":"111111111111","logGroup":"CloudTrail/logs","logStream":"s\"1","subscriptionFilters":["RecipientStream"],"logEvents":[` +
		`{"id":"37911266837502059342665894958056015349785478306391326723","timestamp":1700000000000,"message":"a\u0041\n"},` +
		`{"id":"` + strings.Repeat("0", 56) + `","timestamp":1,"message":"","extractedFields":{"ip":"1.2\"","2":"x"}}]}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestControlMessageIsTheCapturedOne(t *testing.T) {
	got := string(appendControl(nil, 1510943004000))
	want := `{"messageType":"CONTROL_MESSAGE","owner":"CloudwatchLogs","logGroup":"","logStream":"","subscriptionFilters":[],"logEvents":[{"id":"","timestamp":1510943004000,"message":"CWL CONTROL MESSAGE: Checking health of destination Kinesis stream."}]}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestGzipHasTheHeaderOfCapturesAndExpandsToWhatWentIn(t *testing.T) {
	var c compressor
	plain := []byte(strings.Repeat("some text ", 1000))
	for _, level := range []int{fast, best, fast} {
		data, err := c.gzip(plain, level)
		if err != nil {
			t.Fatal(err)
		}
		if want := []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0}; !bytes.HasPrefix(data, want) {
			t.Errorf("level %d: header % x, want % x", level, data[:10], want)
		}
		r, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("level %d: expands to %d bytes, %v; want the %d that went in", level, len(got), err, len(plain))
		}
	}
}

func TestPartitionKeyOfAStreamIsTheCapturedOne(t *testing.T) {
	for _, c := range []struct{ owner, group, stream, want string }{
		{"231436140809", "/aws/lambda/pt-1488-DummyLogDataFunction-gnWXPvL6jJyG", "2022/11/10/[$LATEST]26b6a45d574f442ea28438923cbf7bf7", "da10bf66b1f54bff5d96eae99149ad1f"},
		{"111111111111", "CloudTrail/logs", "111111111111_CloudTrail/logs_us-east-1", "6027d0e30b7b8130e3df4b6acbed80d1"},
	} {
		if got := streamKey("", c.group, c.stream); got == c.want {
			t.Errorf("the key of %s does not depend on the owner", c.stream)
		}
		if got := streamKey(arn.AccountID(c.owner), c.group, c.stream); got != c.want {
			t.Errorf("key of %s = %s, want %s", c.stream, got, c.want)
		}
	}
}

// Records hold every event once and in order, and each fits the limit, however
// badly the events compress.
func TestRecordsAreSplitUntilEachFits(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	noise := func(n int) []byte {
		b := []byte{'"'}
		for range n {
			b = append(b, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_"[random.IntN(64)])
		}
		return append(b, '"')
	}
	const limit = 20_000
	p := &packet{origin: origin{owner: "111111111111", group: "g", stream: "s", filter: "f"}, key: "k"}
	for range 50 {
		p.events = append(p.events, event{message: noise(random.IntN(9000))})
	}
	p.events = append(p.events, event{message: noise(100_000)}) // fits no record
	var c compressor
	recs, lost, err := c.records(p, p.events, limit)
	if err != nil {
		t.Fatal(err)
	}
	if lost != 1 {
		t.Errorf("lost = %d, want 1", lost)
	}
	var all []byte
	for _, r := range recs {
		if n := len(r.Data) + len(r.PartitionKey); n > limit {
			t.Errorf("a record has %d bytes, want at most %d", n, limit)
		}
		zr, err := gzip.NewReader(bytes.NewReader(r.Data))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(zr)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, text...)
	}
	from := 0
	for i, e := range p.events[:50] {
		at := bytes.Index(all[from:], e.message)
		if at < 0 {
			t.Fatalf("event %d is missing or out of order", i)
		}
		from += at + len(e.message)
	}
}

// An event that fits no record as it is compressed normally gets the best that there is.
func TestAnEventThatHardlyFitsIsCompressedBetter(t *testing.T) {
	var text strings.Builder
	random := rand.New(rand.NewPCG(3, 4))
	text.WriteByte('"')
	for range 20_000 {
		text.WriteString([]string{"error ", "warning ", "the ", "request ", "of ", "user ", "failed "}[random.IntN(7)])
	}
	text.WriteByte('"')
	p := &packet{origin: origin{owner: "111111111111", group: "g", stream: "s", filter: "f"}, key: "k"}
	p.events = []event{{message: []byte(text.String())}}
	var c compressor
	plain := appendEnvelope(nil, p.origin, p.events)
	quick, err := c.gzip(plain, fast)
	if err != nil {
		t.Fatal(err)
	}
	small, err := c.gzip(plain, best)
	if err != nil {
		t.Fatal(err)
	}
	if len(small) >= len(quick) {
		t.Fatalf("the best level makes %d bytes, the fast one %d", len(small), len(quick))
	}
	for limit, want := range map[int]int{len(quick): 1, len(small): 1, len(small) - 1: 0} {
		recs, lost, err := c.records(p, p.events, limit+len(p.key))
		if err != nil || len(recs) != want || lost != 1-want {
			t.Errorf("limit %d: %d records, %d lost, %v; want %d", limit, len(recs), lost, err, want)
		}
	}
}
