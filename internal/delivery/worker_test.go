package delivery

import (
	"slices"
	"testing"

	"tributary/internal/durable/journal"
	"tributary/internal/service/logs"
)

// worker makes one on a new journal j of a few blocks.
func (d bare) worker(t *testing.T) *worker {
	t.Helper()
	j, err := d.journals.Create(t.Context(), "j")
	if err != nil {
		t.Fatal(err)
	}
	for range 4 {
		if _, _, err := j.Append(t.Context(), []byte("entry")); err != nil {
			t.Fatal(err)
		}
	}
	w := newWorker(d.Delivery, "us-east-1", j, journal.Position{})
	d.workers["j"] = w
	return w
}

var testKey = filterKey{account: "111111111111", region: "us-east-1", group: "g", filter: "f"}

// putAway puts a filter on a detour, in the catalog and in memory.
func (w *worker) putAway(t *testing.T, at journal.Position) *detour {
	t.Helper()
	r := detourRecord{Begin: journal.Position{Block: 1}, Position: at, Lane: "lane", Since: 1, Pending: 5}
	if err := w.d.putDetour(t.Context(), w.source.Name(), testKey, r); err != nil {
		t.Fatal(err)
	}
	d := w.newDetour(testKey, r)
	w.detours[testKey] = d
	return d
}

// stored is the detour of the catalog.
func (w *worker) stored() (r detourRecord, there bool) {
	all, _, _ := w.d.records.Get(testKey.catalogKey())
	r, there = all.Detours[w.source.Name()]
	return r, there
}

func TestCursorsAreSavedAndDetoursWithThem(t *testing.T) {
	d := withoutServices(t)
	w := d.worker(t)
	w.finished = journal.Position{Block: 3}
	if err := d.save(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := d.Delivered("us-east-1", "j"); got != w.finished {
		t.Errorf("the saved cursor is %v, want %v", got, w.finished)
	}
	one := w.putAway(t, journal.Position{Block: 1})
	w.move(one, journal.Position{Block: 2}, []*packet{{events: make([]event, 2)}})
	if err := d.saveDetours(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if got, _ := w.stored(); got.Position != (journal.Position{Block: 2}) || got.Pending != 3 || got.Back {
		t.Errorf("the saved detour is %+v, want it at 2.0 with 3 events pending", got)
	}
}

// What waits behind a filter that does not get on at all is counted across a restart.
func TestWhatWaitsIsSavedAlsoWhereNothingMoves(t *testing.T) {
	d := withoutServices(t)
	w := d.worker(t)
	one := w.putAway(t, journal.Position{Block: 1})
	w.account(nil, []*packet{{filter: &logs.Filter{Account: testKey.account, Region: testKey.region, Group: testKey.group, Name: testKey.filter}, count: 4}}, nil)
	for _, c := range []struct {
		counts  bool
		pending int64
	}{{false, 5}, {true, 9}, {true, 9}} { // the last time there is nothing to write
		if err := d.saveDetours(t.Context(), c.counts); err != nil {
			t.Fatal(err)
		}
		if got, _ := w.stored(); got.Pending != c.pending || got.Position != one.at {
			t.Errorf("the saved detour is %+v, want %d events pending at %v", got, c.pending, one.at)
		}
	}
}

// A filter joins exactly where the shared cursor stands, and what it joined at is
// known until the saved cursor is past it: before that a restart reads it again.
func TestAFilterJoinsAtTheCursorAndThatIsKnownUntilTheCursorIsSaved(t *testing.T) {
	d := withoutServices(t)
	w := d.worker(t)
	one := w.putAway(t, journal.Position{Block: 4})
	w.finished = journal.Position{Block: 4}
	if err := w.join(t.Context(), []*detour{one}); err != nil {
		t.Fatal(err)
	}
	if got, _ := w.stored(); !got.Back || got.Position != w.finished || one.record.Position != w.finished {
		t.Errorf("the filter is back %t from %v on, in memory from %v; want from the cursor %v", got.Back, got.Position, one.record.Position, w.finished)
	}
	for _, c := range []struct {
		saved journal.Position
		known bool
	}{{journal.Position{}, true}, {journal.Position{Block: 3, Index: 9}, true}, {journal.Position{Block: 4}, false}} {
		if err := w.saveDetours(t.Context(), c.saved, false); err != nil {
			t.Fatal(err)
		}
		_, there := w.stored()
		if inMemory := w.detours[testKey] != nil; there != c.known || inMemory != c.known {
			t.Errorf("with the cursor saved at %v it is in the catalog %t, in memory %t; want %t", c.saved, there, inMemory, c.known)
		}
	}
}

func TestNobodyJoinsWhileTheCursorReadsAgain(t *testing.T) {
	w := withoutServices(t).worker(t)
	defer w.stopTimers()
	w.finished = journal.Position{Block: 3} // the journal ended at 5 when the worker was made
	one := w.putAway(t, w.finished)
	s := sweeper{w: w, active: []*detour{one}}
	s.join(t.Context())
	if one.record.Back || len(s.active) > 0 || one.timer == nil {
		t.Errorf("the filter is back %t, active %d; want it to wait", one.record.Back, len(s.active))
	}
	w.finished = w.settled
	w.move(one, w.settled, nil)
	s.active = []*detour{one}
	s.join(t.Context())
	if !one.record.Back {
		t.Error("the filter has not joined although the cursor is past what was appended before")
	}
}

func TestWhatIsKeptOfAFilterGoesWithIt(t *testing.T) {
	d := withoutServices(t)
	w := d.worker(t)
	w.putAway(t, journal.Position{Block: 1})
	d.tallies.all[testKey] = &Tally{}
	for _, gone := range []bool{false, true} {
		is := func(filterKey) bool { return gone }
		d.tallies.forget(is)
		if err := d.forgetFilters(t.Context(), is); err != nil {
			t.Fatal(err)
		}
		_, there := w.stored()
		if counted := d.tallies.all[testKey] != nil; there == gone || counted == gone {
			t.Errorf("gone %t: in the catalog %t, counted %t", gone, there, counted)
		}
	}
}

// A filter was deleted and another of its name was held up, too, before the sweeper came
// to the first one's detour: that ends, and the other's does not.
func TestTheDetourOfADeletedFilterEndsWithoutThatOfItsSuccessor(t *testing.T) {
	w := withoutServices(t).worker(t)
	first := w.putAway(t, journal.Position{Block: 2})
	successor := w.putAway(t, journal.Position{Block: 3})
	s := sweeper{w: w, active: []*detour{successor, first}}
	if s.takeReady(); !slices.Equal(s.active, []*detour{successor}) {
		t.Errorf("active are %d detours, want the successor's alone", len(s.active))
	}
	s.active = []*detour{first, successor} // it came after the sweeper had looked
	s.forget(t.Context(), first)
	if got, there := w.stored(); !there || got.Position.Block != 3 || w.detours[testKey] != successor || len(s.active) != 1 {
		t.Errorf("in the catalog is %+v, %t; %d are active; want the successor's", got, there, len(s.active))
	}
	s.forget(t.Context(), successor)
	if got, there := w.stored(); there || len(w.detours) > 0 || len(s.active) > 0 {
		t.Errorf("in the catalog is %+v, in memory are %d, active %d; want nothing", got, len(w.detours), len(s.active))
	}
}

// What a batch leaves for those after it holds nothing of its messages, and is not much
// larger than what it is taken for.
func TestSpareEvents(t *testing.T) {
	var s spare
	again := false
	for range 20 { // the race detector lets a pool forget
		p := &packet{events: s.grow(nil, 5*fewEvents)}
		for _, e := range p.events[:cap(p.events)] {
			if e.message != nil {
				t.Fatal("a message of an earlier batch is held")
			}
		}
		for range 5 * fewEvents {
			p.events = append(p.events, event{message: []byte("text")})
		}
		first := &p.events[0]
		few, many := &packet{events: make([]event, fewEvents-1)}, &packet{events: make([]event, manyEvents+1)}
		s.put([]*packet{p, few, many})
		if p.events != nil || few.events == nil || many.events == nil {
			t.Fatal("only the 5000 events are to be taken")
		}
		small, large := s.grow(nil, fewEvents)[:1], s.grow(nil, 3*fewEvents)[:1]
		if &small[0] == first {
			t.Fatal("memory of 5000 events is taken for 1000")
		}
		again = again || &large[0] == first
	}
	if !again {
		t.Error("memory of 5000 events is not taken for 3000")
	}
}
