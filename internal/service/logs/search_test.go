package logs

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"tributary/internal/durable/journal"
	"tributary/internal/service/api"
)

// However coarse the index is, however little a search may look at and whatever
// the size of a page: reading page after page gives every event once, in order,
// in both directions.
func TestPagesHaveNoGapAndNoOverlap(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { checkPages(t, rand.New(rand.NewPCG(seed, 7)), seed%2 == 0) })
	}
}

func checkPages(t *testing.T, random *rand.Rand, coarse bool) {
	r := newRig(t)
	names := []string{"a", "b", "c"}
	r.group(root(sender), "g", names...)
	if coarse {
		for _, p := range r.service.regions.get(home).partitions {
			p.index.limit = 4
		}
	}
	for i := range 60 {
		start := time.Duration(random.IntN(20)) * time.Second
		var events []any
		for j := range 1 + random.IntN(4) {
			start += time.Duration(random.IntN(3)) * time.Second
			events = append(events, r.at(start), fmt.Sprint(i, ".", j))
		}
		r.put(root(sender), "g", names[random.IntN(len(names))], events...)
	}
	g, err := r.service.group(groupID{sender, home, "g"})
	r.must(err)
	for range 30 {
		q := search{
			from:     r.at(time.Duration(random.IntN(10)) * time.Second),
			to:       r.at(time.Duration(10+random.IntN(15)) * time.Second),
			limit:    1 + random.IntN(40),
			budget:   random.IntN(2000),
			backward: random.IntN(2) == 0,
			match:    func([]byte) bool { return true },
			place:    func(e *Entry, ev Event, _ journal.Position) EventID { return e.EventID(ev) },
		}
		if q.backward {
			q.boundary = endOfTime
		}
		streams, err := r.service.selectStreams(groupID{sender, home, "g"}, g, &FilterLogEventsInput{}, &q)
		r.must(err)
		got, short := readAll(r, q, streams)
		all := q
		all.limit, all.budget = 1<<20, 1<<30
		want, _ := readAll(r, all, streams)
		if !slices.Equal(got, want) {
			t.Fatalf("limit %d, budget %d, backward %t:\n got %v\nwant %v", q.limit, q.budget, q.backward, got, want)
		}
		if len(want) == 0 || !slices.IsSorted(want) && !q.backward {
			t.Fatalf("events in one page: %v", want)
		}
		if q.budget < 100 && !short {
			t.Errorf("budget %d: no page was short", q.budget)
		}
	}
}

// readAll follows the boundaries until there is nothing more, and reports whether
// any page was short.
func readAll(r *rig, q search, streams []streamName) (ids []string, short bool) {
	r.Helper()
	for range 10_000 {
		page := q
		f, err := r.service.searchStreams(r.Context(), &page, streams)
		r.must(err)
		if q.backward {
			slices.Reverse(f.hits)
		}
		for _, h := range f.hits {
			ids = append(ids, h.id.String())
		}
		if !f.more {
			return ids, short
		}
		short = short || len(f.hits) < q.limit
		before := q.boundary
		if q.boundary = f.last; q.backward {
			q.boundary = f.first
		}
		if q.boundary == before {
			r.Fatalf("no progress at %v", before)
		}
	}
	r.Fatal("no end")
	return nil, false
}

func TestIndexForgetsNothingWhenItGetsCoarser(t *testing.T) {
	fine, coarse := newIndex(1<<20), newIndex(8)
	random := rand.New(rand.NewPCG(3, 4))
	for n := uint64(1); n <= 500; n++ {
		var entries [][]byte
		for range 1 + random.IntN(3) {
			e := Entry{Account: sender, Region: home, Group: "g", Stream: "s", StreamID: StreamID(random.IntN(3)), Ingestion: int64(n)}
			entries = append(entries, appendEntry(nil, &e, []byte(`"m"`), []scannedEvent{{random.Int64N(1000), 0, 3}}))
		}
		for _, x := range []*index{fine, coarse} {
			if err := x.add(journal.Block{Number: n, Entries: entries}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if coarse.chunks > 12 || coarse.shift == 0 {
		t.Errorf("coarse index has %d chunks of 1<<%d blocks", coarse.chunks, coarse.shift)
	}
	for id := range StreamID(3) {
		if f, c := fine.summary(id), coarse.summary(id); f != c {
			t.Errorf("stream %d: fine index says %+v, coarse one %+v", id, f, c)
		}
		covered := map[uint64]bool{}
		p := &partition{index: coarse}
		for _, src := range p.sources(map[StreamID]string{id: "s"}, 0, maxTimestamp) {
			for b := src.first; b <= src.last; b++ {
				covered[b] = true
			}
			if src.last > 500 {
				t.Errorf("source reaches to block %d", src.last)
			}
		}
		p.index = fine
		for _, src := range p.sources(map[StreamID]string{id: "s"}, 0, maxTimestamp) {
			if !covered[src.first] {
				t.Errorf("block %d is not covered any more", src.first)
			}
		}
	}
	coarse.trim(400)
	if got := coarse.summary(0); !got.events || got.bytes >= fine.summary(0).bytes {
		t.Errorf("after trimming: got %+v of %+v", got, fine.summary(0))
	}
	coarse.trim(1 << 20)
	if len(coarse.streams) != 0 || coarse.chunks != 0 {
		t.Errorf("after everything was trimmed: %d streams, %d chunks", len(coarse.streams), coarse.chunks)
	}
}

func TestReadsFailWhileTheIndexCannotGoOn(t *testing.T) {
	x := newIndex(10)
	broken := fmt.Errorf("%w: for a test", errEntry)
	x.fail(broken)
	if err := x.wait(t.Context(), 5); err == nil {
		t.Error("waited for a block that will not come, and did not fail")
	}
	if err := x.add(journal.Block{Number: 4}); err != nil {
		t.Fatal(err)
	}
	if err := x.wait(t.Context(), 5); err != nil {
		t.Errorf("after the follower went on: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := x.wait(ctx, 6); err == nil {
		t.Error("waited although the caller has gone")
	}
	if err := x.add(journal.Block{Number: 5, Entries: [][]byte{{9}}}); err == nil {
		t.Error("took an entry of an unknown version")
	}
}

func TestDamagedJournalMakesItsStreamsUnavailable(t *testing.T) {
	r := newRig(t)
	r.group(root(sender), "g", "a", "b", "c", "d")
	broken := r.service.regions.get(home).partitions[0]
	broken.err = journal.ErrQuarantined
	failed := 0
	for _, name := range []string{"a", "b", "c", "d"} {
		_, put := r.do(root(sender), "PutLogEvents", in{"logGroupName": "g", "logStreamName": name, "logEvents": eventList([]any{r.at(0), "m"})})
		_, get := r.do(root(sender), "GetLogEvents", in{"logGroupName": "g", "logStreamName": name})
		if (put == nil) != (get == nil) {
			t.Errorf("stream %s: put %v, get %v", name, put, get)
		}
		if e, ok := api.AsException(put); put != nil && (!ok || e.Status != 503) {
			t.Errorf("stream %s: got %v, want 503", name, put)
		}
		if put != nil {
			failed++
		}
	}
	if failed == 0 || failed == 4 {
		t.Errorf("%d of 4 streams failed, want those of one of two journals", failed)
	}
}

func TestARegionKeepsItsNumberOfJournals(t *testing.T) {
	r := newRig(t)
	r.group(root(sender), "g", "s")
	regions, more := r.service.Regions()
	if len(regions) != 1 || len(r.service.IngestJournals(home)) != 2 {
		t.Fatalf("got Regions %v with %d journals, want one with 2", regions, len(r.service.IngestJournals(home)))
	}
	r.group(root(sender).in(away), "g")
	select {
	case <-more:
	case <-time.After(10 * time.Second):
		t.Fatal("nobody was told of the second Region")
	}
	var names []string
	for _, j := range r.service.IngestJournals(away) {
		names = append(names, j.Name())
	}
	if got := strings.Join(names, " "); got != "ingest-eu-west-1-0 ingest-eu-west-1-1" {
		t.Errorf("got journals %s", got)
	}
	r.ingest = 7
	r.restart()
	if got := len(r.service.IngestJournals(home)); got != 2 {
		t.Errorf("another number is configured: got %d journals, want 2", got)
	}
	r.group(root(sender).in("ap-southeast-2"), "g")
	if got := len(r.service.IngestJournals("ap-southeast-2")); got != 7 {
		t.Errorf("a new Region: got %d journals, want 7", got)
	}
	r.refused(root(sender).in("one-too-many"), "CreateLogGroup", in{"logGroupName": "g"}, "LimitExceededException", "This installation serves no further Region.")
}
