package model

const (
	entries = 3 // of the ingest journal
	shards  = 2
	filters = 2
)

// shardOf is where an event of a filter goes: it depends on the event alone.
func shardOf(filter, entry int) int {
	if filter == 0 {
		return entry % shards
	}
	return 0
}

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

// A state is everything that decides what can come next. What a crash leaves is
// first.
type state struct {
	has      [filters][entries]bool // is in its shard
	mark     [shards]int8           // of the shared lane: up to, exclusive
	laneMark [filters][shards]int8  // of the filters' own
	end      int8                   // of the ingest journal
	cursor   int8                   // saved
	records  [filters]record
	failing  [shards]bool
	shutOut  bool // filter 1
	// What a crash takes away.
	done     int8            // the shared cursor
	settled  int8            // where the journal ended when the worker began
	batch    int8            // end of the batch that is being carried; 0 for none
	memory   [filters]record // of records
	at       [filters]int8   // of the detours
	armed    [shards]bool    // the worker has read the mark of the shared lane
	stale    [shards]bool    // something has come on the lane since
	doubted  [shards]bool    // an append was not answered, and nothing was appended since
	late     late            // that append
	known    [shards]int8    // that mark
	admitted bool            // what filter 1 was told when the batch was begun

	// What the environment has left to do.
	crashes, failures, revocations int8

	// What was broken, for the explorer.
	broken Violation
	// missed are events that were dropped because their filter was shut out.
	missed [entries]bool
}

// A late append is one that was given up without an answer and may still come.
type late struct {
	there   bool
	fenced  bool // another block has come on the lane since it was made
	shard   int8
	to      int8 // its mark
	takes   [filters][entries]bool
	refused [entries]bool // of filter 1, which was shut out
}

// A Violation says what must not be.
type Violation string

// The violations.
const (
	Doubled     Violation = "an event is in its shard twice"
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
	case filter == 1 && s.shutOut:
		s.broken = AfterTheEnd
	}
	for later := entry + 1; later < entries; later++ {
		if s.has[filter][later] && shardOf(filter, later) == shardOf(filter, entry) {
			s.broken = OutOfOrder
		}
	}
	s.has[filter][entry] = true
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
