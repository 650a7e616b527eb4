package kinesis

import (
	"errors"
	"slices"
	"testing"

	"tributary/internal/durable/journal"
	"tributary/internal/pure/arn"
	"tributary/internal/service/api"
)

const streamS arn.ARN = "arn:aws:kinesis:us-east-1:111111111111:stream/s"

func openWriter(r *rig) *StreamWriter {
	r.Helper()
	w, err := r.service.OpenStream(streamS)
	if err != nil {
		r.Fatal(err)
	}
	return w
}

func TestWriterFindsWhatItHasWritten(t *testing.T) {
	r := newRig(t)
	r.create("s", 2)
	w := openWriter(r)
	const lane, key = "us-east-1/ingest-0", "a"
	id := w.Shard(key)
	if id != 0 || w.MaxRecordSize() != 1<<20 {
		t.Errorf("key %s belongs to %s, records up to %d, want %s, %d", key, id, w.MaxRecordSize(), ShardID(0), 1<<20)
	}
	if mark, marked, err := w.Covered(t.Context(), id, lane, key); marked || err != nil {
		t.Errorf("before the first append: mark %s, %v, %v, want none", mark, marked, err)
	}
	for i, text := range []string{"1", "2"} {
		mark := journal.Position{Block: uint64(10 * (i + 1)), Index: 3}
		if err := w.Append(t.Context(), id, lane, mark, []Record{{PartitionKey: key, Data: []byte(text)}, {PartitionKey: key, Data: []byte(text + "b")}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Append(t.Context(), id, "", journal.Position{}, []Record{{PartitionKey: key, Data: []byte("control")}}); err != nil {
		t.Fatal(err)
	}
	if got, want := texts(r.all("s", 0)), []string{"1", "1b", "2", "2b", "control"}; !slices.Equal(got, want) {
		t.Errorf("records are %q, want %q", got, want)
	}

	r.restart()
	w = openWriter(r)
	if err := w.Append(t.Context(), id, lane, journal.Position{Block: 99}, []Record{{PartitionKey: key, Data: []byte("x")}}); !errors.Is(err, journal.ErrFenced) {
		t.Errorf("append before asking what is covered: %v, want %v", err, journal.ErrFenced)
	}
	mark, marked, err := w.Covered(t.Context(), id, lane, key)
	if want := (journal.Position{Block: 20, Index: 3}); mark != want || !marked || err != nil {
		t.Errorf("after a restart: mark %s, %v, %v, want %s", mark, marked, err, want)
	}
	if mark, marked, err := w.Covered(t.Context(), id, "another lane", key); marked || err != nil {
		t.Errorf("another lane: mark %s, %v, %v, want none", mark, marked, err)
	}
}

func TestWriterLooksAtAncestorsOfAShard(t *testing.T) {
	r := newRig(t)
	r.create("s", 2)
	const lane = "lane"
	w := openWriter(r)
	for id, block := range map[ShardID]uint64{0: 7, 1: 9} {
		if _, _, err := w.Covered(t.Context(), id, lane, map[ShardID]string{0: "a", 1: "b"}[id]); err != nil {
			t.Fatal(err)
		}
		if err := w.Append(t.Context(), id, lane, journal.Position{Block: block}, nil); err != nil {
			t.Fatal(err)
		}
	}
	reshard(r)
	w = openWriter(r)
	for _, c := range []struct {
		key   string
		shard ShardID
		want  uint64
	}{
		{"a", 2, 7}, // hash 16955237001963240173058271559858726497: 0 → 2
		{"c", 4, 7}, // hash 98600083867152571098110219938906026552: 0 → 3 → 4
		{"b", 4, 9}, // hash 195289424170611159128911017612795795343: 1 → 4
	} {
		if got := w.Shard(c.key); got != c.shard {
			t.Errorf("key %s belongs to %s, want %s", c.key, got, c.shard)
		}
		mark, marked, err := w.Covered(t.Context(), c.shard, lane, c.key)
		if !marked || err != nil || mark != (journal.Position{Block: c.want}) {
			t.Errorf("key %s in %s: mark %s, %v, %v, want %d.0", c.key, c.shard, mark, marked, err, c.want)
		}
	}
}

func TestWriterOfAStreamThatIsNotThere(t *testing.T) {
	r := newRig(t)
	if _, err := r.service.OpenStream(streamS); !errors.Is(err, ErrStreamNotFound) {
		t.Errorf("no stream: %v, want %v", err, ErrStreamNotFound)
	}
	if _, err := r.service.OpenStream("arn:aws:sqs:us-east-1:111111111111:q"); !errors.Is(err, ErrStreamNotFound) {
		t.Errorf("no ARN of a stream: %v, want %v", err, ErrStreamNotFound)
	}
	before := r.service.Revision()
	ok[api.Void](r, "CreateStream", in{"StreamName": "s", "ShardCount": number(1)})
	if _, err := r.service.OpenStream(streamS); !errors.Is(err, ErrStreamNotActive) {
		t.Errorf("CREATING: %v, want %v", err, ErrStreamNotActive)
	}
	r.settle()
	w := openWriter(r)
	record := []Record{{PartitionKey: "k", Data: []byte("x")}}
	if err := w.Append(t.Context(), 0, "", journal.Position{}, []Record{{PartitionKey: "k", Data: make([]byte, 1<<20)}}); !errors.Is(err, ErrRecordTooLarge) {
		t.Errorf("too large: %v, want %v", err, ErrRecordTooLarge)
	}
	if err := w.Append(t.Context(), 5, "", journal.Position{}, record); err == nil {
		t.Error("append to a shard that the stream does not have: no error")
	}
	if _, _, err := w.Covered(t.Context(), 0, "lane", "k"); err != nil { // opens the journal
		t.Fatal(err)
	}
	ok[api.Void](r, "DeleteStream", in{"StreamName": "s"})
	r.settle()
	for _, lane := range []string{"", "lane"} {
		if err := w.Append(t.Context(), 0, lane, journal.Position{Block: 1}, record); !errors.Is(err, ErrStreamNotFound) {
			t.Errorf("deleted, lane %q: %v, want %v", lane, err, ErrStreamNotFound)
		}
	}
	r.create("s", 1)
	if err := w.Append(t.Context(), 0, "", journal.Position{}, record); !errors.Is(err, ErrStreamNotFound) {
		t.Errorf("deleted and made again: %v, want %v", err, ErrStreamNotFound)
	}
	if after := r.service.Revision(); after <= before {
		t.Errorf("revision is %d after changes, want more than %d", after, before)
	}
}
