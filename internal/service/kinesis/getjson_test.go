package kinesis

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tributary/internal/service/api"
)

// TestGetRecordsJSONIsWhatTheTagsSay compares the output's own JSON with what
// encoding/json makes of the tags. Timestamps differ by design and are compared as
// text apart.
func TestGetRecordsJSONIsWhatTheTagsSay(t *testing.T) {
	behind := int64(17)
	for name, out := range map[string]*recordsAnswer{
		"nothing": {Records: []Record{}},
		"records": {
			Records: []Record{
				{SequenceNumber: "1", Data: []byte("x"), PartitionKey: "ключ\u2028<\"\\\x01>"},
				{SequenceNumber: "2", Data: []byte{}, EncryptionType: "KMS"},
				{SequenceNumber: "3", Data: []byte{0xff, 0xfe}, PartitionKey: "k"},
			},
			NextShardIterator: "AAAAAAAAAAE+/=", MillisBehindLatest: &behind,
		},
		"end of a shard": {
			Records: []Record{}, MillisBehindLatest: new(int64),
			ChildShards: []ChildShard{
				{ShardID: "shardId-1", ParentShards: []string{"shardId-0", "shardId-9"}, HashKeyRange: &HashKeyRange{"0", "9"}},
				{ShardID: "shardId-2", ParentShards: []string{"shardId-0"}, HashKeyRange: &HashKeyRange{"10", "19"}},
			},
		},
	} {
		got := out.AppendJSON([]byte("before"))
		if !bytes.HasPrefix(got, []byte("before")) {
			t.Fatalf("%s: AppendJSON lost what was there: %s", name, got)
		}
		want, err := json.Marshal(out)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(decoded(t, want), decoded(t, got[len("before"):])); diff != "" {
			t.Errorf("%s: AppendJSON differs from the tags (-want +got):\n%s", name, diff)
		}
	}
}

func TestArrivalTimestampIsSecondsWithMilliseconds(t *testing.T) {
	for _, c := range []struct {
		ms   int64
		want string
	}{
		{1700000000123, "1700000000.123"}, {1700000000100, "1700000000.1"}, {1700000000000, "1700000000"},
	} {
		r := Record{ApproximateArrivalTimestamp: api.At(time.UnixMilli(c.ms))}
		got := string(r.appendJSON(nil))
		want := `{"SequenceNumber":"","ApproximateArrivalTimestamp":` + c.want + `,"Data":""}`
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func decoded(t *testing.T, text []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// What is announced of an answer's JSON is not less than it becomes, whatever stands in a
// partition key.
func TestJSONIsNotLargerThanAnnounced(t *testing.T) {
	for _, key := range []string{"k", strings.Repeat("k", 256), strings.Repeat("\x01", 256), strings.Repeat(`"`, 256), strings.Repeat("\xff", 256), strings.Repeat("é", 128)} {
		record := Record{SequenceNumber: strings.Repeat("9", 56), PartitionKey: key, Data: []byte("data")}
		out := &recordsAnswer{Records: slices.Repeat([]Record{record}, 100), MillisBehindLatest: new(int64)}
		if got, announced := len(out.AppendJSON(nil)), out.JSONSize(); got > announced {
			t.Errorf("key %.5q…: the JSON has %d bytes, announced were %d", key, got, announced)
		}
	}
}
