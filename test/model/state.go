package model

const (
	entries = 3 // of the ingest journal
	shards  = 4 // two at the beginning, and two that a reshard may open
	filters = 2
)

// Where a filter is, as the catalog has it.
const (
	shared = iota // no record: on the shared cursor
	away          // on a detour
	back          // on the shared cursor from pos on
)

// A record is the catalog's of a filter.
type record struct {
	where, pos int8
	// sent is up to where each shard had events of the shared lane when it left.
	sent [shards]int8
}

// sharedLane is the lane of the shared cursor; that of filter f is 1+f.
const (
	sharedLane = 0
	lanes      = 1 + filters
)

// A state is everything that decides what can come next. What a crash leaves is
// first.
type state struct {
	has     [filters][entries]bool // is in a shard
	mark    [lanes][shards]int8    // up to, exclusive
	end     int8                   // of the ingest journal
	cursor  int8                   // saved
	records [filters]record
	failing [shards]bool
	reshard Reshard // what has been done, not what may come
	shutOut bool    // filter 1
	// What a crash takes away.
	done     int8            // the shared cursor
	settled  int8            // where the journal ended when the worker began
	batch    int8            // end of the batch that is being carried; 0 for none
	memory   [filters]record // of records
	at       [filters]int8   // of the detours
	armed    [shards]bool    // the worker has read the marks of the shared lane
	known    [shards]int8    // them
	late     late
	admitted bool // what filter 1 was told when the batch was begun
	answered bool // who shut filter 1 out has been told that it is done

	// What the environment has left to do.
	crashes, failures, revocations int8
	planned                        Reshard

	// What was broken, for the explorer.
	broken Violation
	// missed are events that were dropped because their filter was shut out.
	missed [entries]bool
}

// A late append is one that the worker has stopped waiting for. It may still come.
type late struct {
	there       bool
	lane, shard int8
	to          int8 // its mark
	takes       [filters][entries]bool
	refused     [entries]bool // of filter 1, which was shut out
}

// A Reshard is a change of the stream's shards while events flow.
type Reshard int8

// The reshards.
const (
	NoReshard Reshard = iota
	Merge             // shards 0 and 1 become shard 2
	Split             // shard 0 becomes shards 2 and 3
)

// String names the reshard.
func (r Reshard) String() string { return [...]string{"none", "merge", "split"}[r] }

// first is where an event of a filter goes before a reshard: it depends on the event
// alone. Filter 0 spreads its events, filter 1 sends all of them to one shard.
func first(filter, entry int) int {
	if filter == 0 {
		return entry % 2
	}
	return 0
}

// after is where an event goes when the reshard has been done.
func (r Reshard) after(filter, entry int) int {
	from := first(filter, entry)
	switch {
	case r == Merge:
		return 2
	case r == Split && from == 0 && filter == 0 && entry > 0:
		return 3
	case r == Split && from == 0:
		return 2
	}
	return from
}

// home is where an event goes now.
func (s *state) home(filter, entry int) int { return s.reshard.after(filter, entry) }

// line is where an event may be: in the shard to which it goes, or in the one from
// which that came.
func (s *state) line(filter, entry int) []int {
	home, from := s.home(filter, entry), first(filter, entry)
	if home == from {
		return []int{home}
	}
	return []int{home, from}
}

// inOrder reports whether a consumer may rely on the order of two events of a filter:
// wherever the shards are cut, they are in the same one.
func inOrder(filter, entry, other int) bool {
	for _, r := range []Reshard{NoReshard, Merge, Split} {
		if r.after(filter, entry) != r.after(filter, other) {
			return false
		}
	}
	return true
}

// A Violation says what must not be.
type Violation string

// The violations.
const (
	Doubled     Violation = "an event is in its shards twice"
	OutOfOrder  Violation = "events of a filter are in a shard out of order"
	AfterTheEnd Violation = "an event was appended after its filter was shut out"
	Lost        Violation = "an event is missing that counts as delivered"
	Stuck       Violation = "delivery does not go on although every shard works"
	noViolation Violation = ""
)

// put appends an event to its shard.
func (s *state) put(filter, entry int) {
	switch {
	case s.has[filter][entry]:
		s.broken = Doubled
	case filter == 1 && s.shutOut && s.answered:
		s.broken = AfterTheEnd
	}
	for later := entry + 1; later < entries; later++ {
		if s.has[filter][later] && inOrder(filter, entry, later) {
			s.broken = OutOfOrder
		}
	}
	s.has[filter][entry] = true
}

func (s *state) allowed(filter int) bool { return filter == 0 || !s.shutOut }

// follows reports whether the shared cursor carries an entry of a filter.
func (s *state) follows(filter int, entry int8) bool {
	r := s.memory[filter]
	return r.where == shared || r.where == back && entry >= r.pos
}

// delivered is up to where a filter's events count as delivered.
func (s *state) delivered(filter int) int8 {
	if s.memory[filter].where == away {
		return s.at[filter]
	}
	return s.done
}

// judge looks for what is missing.
func (s *state) judge() {
	if s.broken != noViolation {
		return
	}
	for f := range filters {
		for e := range s.delivered(f) {
			if !s.has[f][e] && !(f == 1 && s.missed[e]) {
				s.broken = Lost
			}
		}
	}
}

// finished reports whether everything has been delivered and every filter is on
// the shared cursor.
func (s *state) finished() bool {
	for f := range filters {
		if s.memory[f].where == away {
			return false
		}
	}
	return s.done == s.end
}
