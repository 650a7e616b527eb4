package logs

import (
	"bytes"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
)

// Ids of real events, from captures, and one that was made by hand.
var eventIDs = []struct {
	timestamp, ingestion int64
	batch                uint64
	index                int
	want                 string
}{
	{1668093027015, 1668093033631, 799808716153365681, 0, "37199717562907174288355125807040114704837640994633613312"},
	{1668093027024, 1668093033631, 799808716153365681, 1, "37199717563107880995141901415313936169291476248187437057"},
	{1498548236012, 1498548240836, 1790863938473721607, 0, "33418742379011144044923130086453437181614530551221780480"},
	{1432826855000, 1432827365364, 7375665077704597889, 0, "31953106606966983378809025079804211143289615424298221568"},
	{1700000000000, 1700000001000, 0x0123456789abcdef, 3, "37911266837502059342665894958056015349785478306391326723"},
	{0, 0, 0, 0, "00000000000000000000000000000000000000000000000000000000"},
}

func TestEventIDsAreAWSs(t *testing.T) {
	for _, c := range eventIDs {
		if got := NewEventID(c.timestamp, c.ingestion, c.batch, c.index).String(); got != c.want {
			t.Errorf("id of %d %d %d %d:\n got %s\nwant %s", c.timestamp, c.ingestion, c.batch, c.index, got, c.want)
		}
	}
}

func TestEventIDDigitsAreThoseOfTheNumber(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		id := EventID{random.Uint64N(1 << 58), random.Uint64(), random.Uint64()}
		if random.IntN(4) == 0 {
			id.mid = 0
		}
		n := new(big.Int).SetUint64(id.hi)
		n.Add(n.Lsh(n, 64), new(big.Int).SetUint64(id.mid))
		n.Add(n.Lsh(n, 64), new(big.Int).SetUint64(id.lo))
		want := n.String()
		for len(want) < eventIDDigits {
			want = "0" + want
		}
		if got := id.String(); got != want {
			t.Fatalf("digits of %v:\n got %s\nwant %s", id, got, want)
		}
		if next := id.next(); id.Compare(next) >= 0 || next.String() <= id.String() {
			t.Fatalf("%v is not before %v", id, next)
		}
	}
}

func testEntry(messages ...string) (Entry, []byte) {
	e := Entry{
		Account: sender, Region: home, Group: "/app/web", Stream: "i-1", StreamID: 0xfedcba9876543210,
		Ingestion: 1700000001000, Batch: 0x0123456789abcdef, First: 2,
	}
	var body []byte
	var events []scannedEvent
	for i, m := range messages {
		start := int32(len(body))
		body = append(body, m...)
		events = append(events, scannedEvent{1700000000000 + int64(i/2), start, int32(len(body))})
	}
	return e, appendEntry(nil, &e, body, events)
}

func TestEntriesComeBackAsTheyWere(t *testing.T) {
	messages := []string{`"a"`, `"b\n"`, `"é"`, `"\ud83d\ude00"`}
	want, raw := testEntry(messages...)
	got, err := DecodeEntry(raw)
	if err != nil {
		t.Fatal(err)
	}
	if got.Count != len(messages) {
		t.Errorf("got %d events, want %d", got.Count, len(messages))
	}
	i := 0
	for ev := range got.Events() {
		id := NewEventID(ev.Timestamp, want.Ingestion, want.Batch, want.First+i)
		if string(ev.Message) != messages[i] || ev.Timestamp != 1700000000000+int64(i/2) || got.EventID(ev) != id {
			t.Errorf("event %d: got %d %s %s", i, ev.Timestamp, ev.Message, got.EventID(ev))
		}
		i++
	}
	got.events, got.Count = nil, 0
	if got.Account != want.Account || got.Region != want.Region || got.Group != want.Group || got.Stream != want.Stream ||
		got.StreamID != want.StreamID || got.Ingestion != want.Ingestion || got.Batch != want.Batch || got.First != want.First {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// The bytes of version 1 must be read for ever.
func TestEntryFormatVersion1(t *testing.T) {
	_, got := testEntry(`"a"`)
	want := slices.Concat(
		[]byte{1, 12}, []byte(sender), []byte{9}, []byte(home), []byte{8}, []byte("/app/web"), []byte{3}, []byte("i-1"),
		[]byte{0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef},
		[]byte{0xe8, 0xd7, 0x95, 0xff, 0xbc, 0x31, 2, 1, 0x80, 0xd0, 0x95, 0xff, 0xbc, 0x31, 3}, []byte(`"a"`),
	)
	if !bytes.Equal(got, want) {
		t.Errorf("got  %x\nwant %x", got, want)
	}
}

func TestDamagedEntriesAreRefused(t *testing.T) {
	_, raw := testEntry(`"abc"`, `"d"`)
	for n := range raw {
		if _, err := DecodeEntry(raw[:n]); err == nil {
			t.Errorf("took the first %d of %d bytes", n, len(raw))
		}
	}
	if _, err := DecodeEntry(append(slices.Clone(raw), 0)); err == nil {
		t.Error("took an entry with a byte too many")
	}
	other := slices.Clone(raw)
	other[0] = 2
	if _, err := DecodeEntry(other); err == nil {
		t.Error("took another version")
	}
}

func FuzzDecodeEntry(f *testing.F) {
	_, one := testEntry(`"a"`)
	_, three := testEntry(`"abc"`, `"d"`, `"é\n"`)
	f.Add(one)
	f.Add(three)
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, err := DecodeEntry(raw)
		if err != nil {
			return
		}
		var body []byte
		var events []scannedEvent
		for ev := range e.Events() {
			start := int32(len(body))
			body = append(body, ev.Message...)
			events = append(events, scannedEvent{ev.Timestamp, start, int32(len(body))})
			if len(e.EventID(ev).String()) != eventIDDigits {
				t.Fatalf("id of event %d has not %d digits", ev.Index, eventIDDigits)
			}
		}
		again, err := DecodeEntry(appendEntry(nil, &e, body, events))
		if err != nil || again.Count != e.Count {
			t.Fatalf("written again it cannot be read: %v", err)
		}
	})
}

func BenchmarkEventID(b *testing.B) {
	id := NewEventID(1700000000000, 1700000001000, 0x0123456789abcdef, 3)
	buf := make([]byte, 0, 64)
	for b.Loop() {
		buf = id.Append(buf[:0])
	}
}
