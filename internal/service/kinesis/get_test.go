package kinesis

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tributary/internal/service/api"
)

func TestGetRecordsGivesWhatWasPut(t *testing.T) {
	r := newRig(t)
	r.create("s", 1)
	it := r.iterator("s", 0, iteratorLatest, nil)
	r.clock.advance(1234 * time.Millisecond)
	put := ok[PutRecordOutput](r, "PutRecord", in{"StreamName": "s", "PartitionKey": "ключ", "Data": []byte("\x00data\xff")})

	out := r.get(it)
	want := &recordsAnswer{
		Records: []Record{{
			SequenceNumber:              put.SequenceNumber,
			ApproximateArrivalTimestamp: api.At(testTime.Add(1234 * time.Millisecond)),
			Data:                        []byte("\x00data\xff"),
			PartitionKey:                "ключ",
		}},
		NextShardIterator:  out.NextShardIterator,
		MillisBehindLatest: new(int64),
	}
	if diff := cmp.Diff(want, out, cmpopts.IgnoreUnexported(recordsAnswer{})); diff != "" {
		t.Errorf("GetRecords (-want +got):\n%s", diff)
	}
	again := r.get(out.NextShardIterator)
	if len(again.Records) != 0 || *again.MillisBehindLatest != 0 || again.NextShardIterator == "" {
		t.Errorf("at the tip: %d records, %d ms behind, next iterator %q, want 0, 0, an iterator",
			len(again.Records), *again.MillisBehindLatest, again.NextShardIterator)
	}
}

func TestReadingInPortionsSeesEachRecordOnce(t *testing.T) {
	r := newRig(t)
	r.create("s", 1)
	var want []string
	for i := range 20 { // blocks of 1, 2, 3, … records
		var records []any
		for range i + 1 {
			want = append(want, fmt.Sprint(len(want)))
			records = append(records, in{"PartitionKey": "k", "Data": []byte(want[len(want)-1])})
		}
		ok[PutRecordsOutput](r, "PutRecords", in{"StreamName": "s", "Records": records})
		r.clock.advance(time.Second)
	}
	for _, limit := range []int{1, 7, 210, 211} {
		var got []string
		it := r.iterator("s", 0, iteratorTrimHorizon, nil)
		for {
			out := ok[recordsAnswer](r, "GetRecords", in{"ShardIterator": it, "Limit": number(limit)})
			got = append(got, texts(out.Records)...)
			it = out.NextShardIterator
			if done := len(got) == len(want); done != (*out.MillisBehindLatest == 0) {
				t.Fatalf("limit %d: after %d of %d records %d ms behind", limit, len(got), len(want), *out.MillisBehindLatest)
			} else if done {
				break
			}
			if len(out.Records) != limit {
				t.Fatalf("limit %d: got %d records", limit, len(out.Records))
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("limit %d: read %v, want %v", limit, got, want)
		}
	}
}

func TestReaderLearnsHowFarItIsBehind(t *testing.T) {
	r := newRig(t)
	r.create("s", 1)
	r.put("s", "k", "1")
	r.put("s", "k", "2")
	one := func() int64 {
		out := ok[recordsAnswer](r, "GetRecords", in{"ShardIterator": r.iterator("s", 0, iteratorTrimHorizon, nil), "Limit": number(1)})
		return *out.MillisBehindLatest
	}
	if got := one(); got != 1 {
		t.Errorf("with a record of the same millisecond left: %d ms behind, want 1", got)
	}
	r.clock.advance(90 * time.Second)
	if got := one(); got != 90_000 {
		t.Errorf("90 s later: %d ms behind, want 90000", got)
	}
}

func TestAnswerHoldsAtMostTenMebibytes(t *testing.T) {
	r := newRig(t)
	r.create("s", 1)
	half := make([]byte, 1<<19)
	for range 5 {
		records := slices.Repeat([]any{in{"PartitionKey": "k", "Data": half}}, 10)
		ok[PutRecordsOutput](r, "PutRecords", in{"StreamName": "s", "Records": records})
	}
	it, got := r.iterator("s", 0, iteratorTrimHorizon, nil), []int{}
	for range 3 {
		out := r.get(it)
		got = append(got, len(out.Records))
		it = out.NextShardIterator
	}
	if want := []int{19, 19, 12}; !slices.Equal(got, want) { // 20 keys are too many for 10 MiB
		t.Errorf("answers of %v records, want %v", got, want)
	}
}

// Where memory is short an answer has fewer records, and where there is none the caller
// is told so; nothing is passed over. Room is made before a block is read, and what is
// kept of it is what the block and the JSON of its records take.
func TestAnswerHoldsWhatThereIsRoomFor(t *testing.T) {
	r := newRig(t)
	r.create("s", 1)
	const size, whole = 10_000, 3 * 10_000
	for i := range 6 { // a block each
		r.put("s", "k", strconv.Itoa(i)+strings.Repeat("x", size))
	}
	it, got := r.iterator("s", 0, iteratorTrimHorizon, nil), []string{}
	for range 2 {
		held := int64(0)
		r.room = func(bytes int64) bool {
			if held+bytes > 4*whole-1 {
				return false
			}
			held += bytes
			return true
		}
		out := r.get(it)
		for _, text := range texts(out.Records) {
			got = append(got, text[:1])
		}
		if behind := *out.MillisBehindLatest; len(out.Records) != 3 || (behind > 0) != (len(got) < 6) {
			t.Errorf("got %d records, %d ms behind; want three", len(out.Records), behind)
		}
		if held < 3*whole || held > 3*whole+3_000 {
			t.Errorf("held are %d bytes for three records, want about %d", held, 3*whole)
		}
		it = out.NextShardIterator
	}
	if want := "012345"; strings.Join(got, "") != want {
		t.Errorf("got %v, want %s", got, want)
	}
	r.room = func(int64) bool { return false }
	if _, err := r.do(alice, region, "GetRecords", in{"ShardIterator": it}); err != nil {
		t.Errorf("nothing to read, and no room: got %v, want an empty answer", err)
	}
	it = r.iterator("s", 0, iteratorTrimHorizon, nil)
	if _, err := r.do(alice, region, "GetRecords", in{"ShardIterator": it}); !errors.Is(err, api.ErrNoRoom) {
		t.Errorf("no room: got %v, want ErrNoRoom", err)
	}
	records := slices.Repeat([]any{in{"PartitionKey": "k", "Data": []byte("x")}}, 100)
	if _, err := r.do(alice, region, "PutRecords", in{"StreamName": "s", "Records": records}); !errors.Is(err, api.ErrNoRoom) {
		t.Errorf("no room for the results of PutRecords: got %v, want ErrNoRoom", err)
	}
	r.room = nil
	if n := len(r.all("s", 0)); n != 6 {
		t.Errorf("the stream has %d records, want the 6 of before", n)
	}
}

// What has expired is gone when the next block is read, so a reader that has come by some
// asks like one who has just begun.
func TestRoomIsGivenBackForWhatHasExpired(t *testing.T) {
	r := newRig(t)
	r.create("s", 1)
	r.put("s", "k", "old")
	r.clock.advance(25 * time.Hour)
	r.put("s", "k", "new")
	held := int64(0)
	r.room = func(bytes int64) bool {
		if bytes > 0 && held > 0 {
			t.Errorf("%d more bytes were asked for, with %d held for nothing", bytes, held)
		}
		held += bytes
		return true
	}
	if got := texts(r.get(r.iterator("s", 0, iteratorTrimHorizon, nil)).Records); !slices.Equal(got, []string{"new"}) {
		t.Errorf("got %q, want the new record", got)
	}
}

// Only what a reader takes of a block has JSON.
func TestRoomForAFewRecordsOfALargeBlock(t *testing.T) {
	r := newRig(t)
	r.create("s", 1)
	records := slices.Repeat([]any{in{"PartitionKey": "k", "Data": make([]byte, 100_000)}}, 10)
	ok[PutRecordsOutput](r, "PutRecords", in{"StreamName": "s", "Records": records})
	held := int64(0)
	r.room = func(bytes int64) bool { held += bytes; return true }
	it := r.iterator("s", 0, iteratorTrimHorizon, nil)
	ok[recordsAnswer](r, "GetRecords", in{"ShardIterator": it, "Limit": number(1)})
	if want := int64(1_000_000 + 2*100_000); held < want || held > want+5_000 {
		t.Errorf("held are %d bytes, want about %d: the block, and one record of ten in JSON", held, want)
	}
}

func TestRecordsPastRetentionAreNotShown(t *testing.T) {
	for _, trimmed := range []bool{false, true} {
		t.Run(fmt.Sprint("trimmed=", trimmed), func(t *testing.T) {
			r := newRig(t)
			r.create("s", 1)
			first := r.put("s", "k", "old 1")
			r.put("s", "k", "old 2")
			r.clock.advance(24*time.Hour - time.Second)
			r.put("s", "k", "kept")
			if got, want := texts(r.all("s", 0)), []string{"old 1", "old 2", "kept"}; !slices.Equal(got, want) {
				t.Errorf("before 24 h: %q, want %q", got, want)
			}
			horizon := r.iterator("s", 0, iteratorTrimHorizon, nil)
			old := r.iterator("s", 0, iteratorAfterSequence, in{"StartingSequenceNumber": first.SequenceNumber})

			r.clock.advance(2 * time.Second)
			if trimmed {
				if err := r.service.TrimExpired(t.Context()); err != nil {
					t.Fatal(err)
				}
				st, _, _ := r.service.streams.Get(streamID{alice, region, "s"}.key())
				j, err := r.journals.Open(t.Context(), st.journal(0))
				if err != nil {
					t.Fatal(err)
				}
				if got := j.Start().Block; got != 3 {
					t.Errorf("journal starts with block %d after trimming, want 3", got)
				}
			}
			for name, it := range map[string]string{
				"iterator of the trim horizon":  horizon,
				"iterator of an expired record": old,
				"sequence number of an expired record": r.iterator("s", 0, iteratorAtSequence,
					in{"StartingSequenceNumber": first.SequenceNumber}),
				"time before": r.iterator("s", 0, iteratorAtTimestamp, in{"Timestamp": seconds(testTime)}),
			} {
				if got := texts(r.get(it).Records); !slices.Equal(got, []string{"kept"}) {
					t.Errorf("%s: %q, want only kept", name, got)
				}
			}
		})
	}
}

func TestShardWhoseRecordsHaveAllExpiredIsEmpty(t *testing.T) {
	r := newRig(t)
	r.create("s", 1)
	r.put("s", "k", "old")
	r.clock.advance(25 * time.Hour)
	if err := r.service.TrimExpired(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := r.all("s", 0); len(got) != 0 {
		t.Errorf("got %q, want nothing", texts(got))
	}
	r.put("s", "k", "new")
	if got := texts(r.all("s", 0)); !slices.Equal(got, []string{"new"}) {
		t.Errorf("got %q, want only new", got)
	}
}

func TestForeignEntryInAJournalFailsTheRead(t *testing.T) {
	r := newRig(t)
	r.create("s", 1)
	r.put("s", "k", "before")
	st, _, _ := r.service.streams.Get(streamID{alice, region, "s"}.key())
	j, err := r.journals.Open(t.Context(), st.journal(0))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := j.Append(t.Context(), []byte("\xffnot a record")); err != nil {
		t.Fatal(err)
	}
	r.put("s", "k", "after")
	out, err := r.do(alice, region, "GetRecords", in{"ShardIterator": r.iterator("s", 0, iteratorTrimHorizon, nil)})
	if _, refused := api.AsException(err); err == nil || refused {
		t.Errorf("GetRecords = %v, %v, want an error of ours", out, err)
	}
}

func TestRestartKeepsEverything(t *testing.T) {
	r := newRig(t)
	r.create("s", 2)
	r.put("s", "a", "1")
	at := ok[recordsAnswer](r, "GetRecords", in{"ShardIterator": r.iterator("s", 0, iteratorTrimHorizon, nil)}).NextShardIterator
	before := ok[DescribeStreamOutput](r, "DescribeStream", in{"StreamName": "s"})
	want := r.all("s", 0)

	r.restart()
	if diff := cmp.Diff(before, ok[DescribeStreamOutput](r, "DescribeStream", in{"StreamName": "s"})); diff != "" {
		t.Errorf("DescribeStream (-before +after):\n%s", diff)
	}
	if diff := cmp.Diff(want, r.all("s", 0)); diff != "" {
		t.Errorf("records (-before +after):\n%s", diff)
	}
	next := r.put("s", "a", "2")
	if next.SequenceNumber <= want[0].SequenceNumber {
		t.Errorf("number after the restart is %s, want more than %s", next.SequenceNumber, want[0].SequenceNumber)
	}
	if got := texts(r.get(at).Records); !slices.Equal(got, []string{"2"}) {
		t.Errorf("iterator from before the restart reads %q, want 2", got)
	}
}
