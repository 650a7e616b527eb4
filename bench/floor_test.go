package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestScanTellsJSONFromTheRest(t *testing.T) {
	for text, want := range map[string]bool{
		`{"a":["\"}",{}]}`: true,
		`{"a":1`:           false,
		"\"a\nb\"":         false,
		`[1]]`:             false,
	} {
		if got := scan([]byte(text)); got != want {
			t.Errorf("scan(%q) = %t, want %t", text, got, want)
		}
	}
}

func TestThePlainServerKeepsWhatItAnswersIfSynced(t *testing.T) {
	for _, synced := range []bool{true, false} {
		dir := t.TempDir()
		const body = `{"a":1}`
		l, err := plainAppends(dir, 2, 20*time.Millisecond, json.RawMessage(body), synced)
		if err != nil {
			t.Fatal(err)
		}
		kept, err := os.ReadFile(filepath.Join(dir, "plain"))
		if err != nil {
			t.Fatal(err)
		}
		want := 0
		if synced {
			want = int(l.calls) * len(body)
		}
		if l.calls == 0 || len(kept) != want {
			t.Errorf("synced %t: %d calls, %d bytes kept, want %d", synced, l.calls, len(kept), want)
		}
	}
	if _, err := plainAppends(t.TempDir(), 1, time.Hour, json.RawMessage(`{`), false); err == nil {
		t.Error("the plain server took what is not JSON")
	}
}

func TestEventsOfRecordsAreCounted(t *testing.T) {
	pack := func(envelope string) record {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		if _, err := z.Write([]byte(envelope)); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		data, err := json.Marshal(b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		return record{data}
	}
	got, err := eventsIn([]record{
		pack(`{"messageType":"CONTROL_MESSAGE","logEvents":[{"id":"","message":"x"}]}`),
		pack(`{"messageType":"DATA_MESSAGE","logEvents":[{"id":"1","message":"{\"id\":\"x\"}"},{"id":"2","message":"y"}]}`),
	})
	if err != nil || got != 2 {
		t.Errorf("eventsIn = %d, %v, want 2", got, err)
	}
	if _, err := eventsIn([]record{{json.RawMessage(`"eA=="`)}}); err == nil {
		t.Error("data that is not compressed was accepted")
	}
}
