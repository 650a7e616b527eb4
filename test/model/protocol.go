package model

import "slices"

// A Mistake is a rule that the protocol is explored without.
type Mistake int

// The rules, as they are broken.
const (
	NoMistake          Mistake = iota
	MarksIgnored               // a worker does not ask shards what they hold
	CursorLeads                // the cursor is saved before the batch is delivered
	PassedOverInBlock          // a shard gets a block without the events of a filter that is held up
	LeaveNotOnDisk             // a filter leaves in memory, and in the catalog later
	SentForgotten              // a filter leaves without noting what went out of the batch
	SharedLane                 // a detour appends on the lane of the shared cursor
	PositionLeads              // a detour's position is saved before its batch is delivered
	JoinBehind                 // a filter joins before it has caught up
	JoinNotOnDisk              // a filter joins in memory, and in the catalog later
	BackForgottenEarly         // what a filter joined at is forgotten before the saved cursor is past it
	NoGate                     // permission is asked before the append, not with it
	AnswerInDoubt              // a revocation is answered while an append may come yet
	NoBarrier                  // a mark is read while an append may come yet
	JoinWithoutTheTurn         // a filter joins while a batch is being carried
	JoinInReplay               // a filter joins before the cursor is past what was appended before a crash
	LeaveBlind                 // a filter leaves in that time knowing only of its batch what went out
	LineNotAsked               // after a reshard the marks of the shards before it are not asked
	LineNotNoted               // a filter leaves noting only what the present shards hold
	LineNotLookedUp            // what it noted of the shards before a reshard is not looked up
	mistakes
)

// A step is one way on from a state; what it is called is for the story of how
// something went wrong.
type step struct {
	name string
	next state
}

// steps are all ways on.
func (m Mistake) steps(s state) (all []step) {
	add := func(name string, next state) {
		next.judge()
		all = append(all, step{name, next})
	}
	m.environment(s, add)
	m.sharedSteps(s, add)
	for f := range filters {
		m.detourSteps(s, f, add)
	}
	return all
}

// sharedSteps are those of the shared cursor.
func (m Mistake) sharedSteps(s state, add func(string, state)) {
	if s.cursor != s.done {
		n := s
		n.cursor = s.done
		add("save the cursor", n)
	}
	if s.batch == 0 {
		for size := int8(1); size <= 2 && s.done+size <= s.end; size++ {
			n := s
			n.batch, n.admitted = s.done+size, !s.shutOut
			if m == CursorLeads {
				n.cursor = n.batch
			}
			add("take a batch", n)
		}
		return
	}
	left := false
	for shard := range shards {
		if len(m.wanting(&s, shard)) > 0 {
			left = true
			m.sharedAppend(s, shard, add)
		}
	}
	if !left {
		n := s
		n.done, n.batch = s.batch, 0
		for e := s.done; e < s.batch; e++ {
			if s.follows(1, e) && !s.has[1][e] {
				n.missed[e] = n.missed[e] || s.shutOut || m == NoGate && !s.admitted
			}
		}
		add("finish the batch", n)
	}
}

// An event is one of a filter.
type event struct{ filter, entry int }

// carries are the events of the batch for a shard that are not known to be there.
func (m Mistake) carries(s *state, shard int) (all []event) {
	for f := range filters {
		for e := s.done; e < s.batch; e++ {
			if s.home(f, int(e)) != shard || !s.follows(f, e) || s.armed[shard] && e < m.covered(s, f, int(e)) {
				continue
			}
			all = append(all, event{f, int(e)})
		}
	}
	return all
}

// wanting are those that may be delivered, as far as the worker knows.
func (m Mistake) wanting(s *state, shard int) []event {
	return slices.DeleteFunc(m.carries(s, shard), func(e event) bool { return !m.asked(s, e.filter) })
}

// covered is up to where the shards of an event have those of the shared lane.
func (m Mistake) covered(s *state, filter, entry int) int8 {
	if m == LineNotAsked {
		return s.known[s.home(filter, entry)]
	}
	most := int8(0)
	for _, shard := range s.line(filter, entry) {
		most = max(most, s.known[shard])
	}
	return most
}

// asked is what the permission of a filter is taken to be.
func (m Mistake) asked(s *state, filter int) bool {
	if m == NoGate && filter == 1 {
		return s.admitted
	}
	return s.allowed(filter)
}

// tells reports whether a shard's journal tells its marks: not while an append may come
// that was not answered.
func (m Mistake) tells(s *state, shard int) bool {
	return !s.late.there || int(s.late.shard) != shard || m == NoBarrier
}

// sharedAppend reads the marks of a shard, appends to it, or lets the filters go that
// it holds up.
func (m Mistake) sharedAppend(s state, shard int, add func(string, state)) {
	if !s.armed[shard] {
		m.arm(s, shard, add)
		return
	}
	if s.failing[shard] {
		m.leave(s, shard, add)
		return
	}
	if s.late.there && int(s.late.shard) == shard {
		return // the engine takes one after the other
	}
	block := m.wanting(&s, shard)
	refused := slices.DeleteFunc(m.carries(&s, shard), func(e event) bool { return m.asked(&s, e.filter) })
	if s.failures > 0 && !s.late.there {
		n := s
		n.failures--
		n.armed[shard] = false
		n.late = late{there: true, lane: sharedLane, shard: int8(shard), to: s.batch}
		for _, e := range block {
			n.late.takes[e.filter][e.entry] = true
		}
		for _, e := range refused {
			n.late.refused[e.entry] = true
		}
		add("an append on the shared lane is not answered", n)
	}
	n := s
	for _, e := range block {
		n.put(e.filter, e.entry)
	}
	for _, e := range refused {
		n.missed[e.entry] = true
	}
	n.mark[sharedLane][shard], n.known[shard] = s.batch, s.batch
	add("append a block on the shared lane", n)
}

// arm reads the marks of a shard and of those it came from.
func (m Mistake) arm(s state, shard int, add func(string, state)) {
	n := s
	n.armed[shard] = true
	for f := range filters {
		for e := range entries {
			if s.home(f, e) != shard {
				continue
			}
			for _, one := range s.line(f, e) {
				if !m.tells(&s, one) {
					return
				}
				n.known[one] = s.mark[sharedLane][one]
				if m == MarksIgnored {
					n.known[one] = 0
				}
			}
		}
	}
	add("read the marks of a shard", n)
}

// leave lets one filter go that a shard holds up.
func (m Mistake) leave(s state, shard int, add func(string, state)) {
	for _, e := range m.wanting(&s, shard) {
		n := s
		if m == PassedOverInBlock {
			// The others of the shard go on; the filter stays for another attempt.
			n.known[shard], n.mark[sharedLane][shard] = s.batch, s.batch
			add("append a block without what is held up", n)
			continue
		}
		r := record{where: away, pos: s.done}
		known := true
		for other := range shards {
			if !m.mayHold(&s, e.filter, other) {
				continue
			}
			known = known && m.tells(&s, other)
			if mark := s.mark[sharedLane][other]; mark > s.done && m != SentForgotten {
				r.sent[other] = mark
			}
		}
		if !known {
			continue // what went out can only be noted when it is known
		}
		n.memory[e.filter], n.at[e.filter] = r, s.done
		if m != LeaveNotOnDisk {
			n.records[e.filter] = r
		}
		add("a filter leaves", n)
	}
}

// mayHold reports whether a shard may have events of a filter from the shared cursor
// on: it is one of the batch, or, while what was perhaps appended before a crash is
// read again, any.
func (m Mistake) mayHold(s *state, filter, shard int) bool {
	if s.done < s.settled && m != LeaveBlind {
		return true
	}
	for e := s.done; e < s.batch; e++ {
		if s.home(filter, int(e)) == shard || m != LineNotNoted && slices.Contains(s.line(filter, int(e)), shard) {
			return true
		}
	}
	return false
}

// String names the rule that is broken.
func (m Mistake) String() string {
	return [mistakes]string{
		"none", "marks ignored", "cursor leads", "passed over in a block", "leave not on disk", "sent forgotten",
		"shared lane", "position leads", "join behind", "join not on disk", "back forgotten early", "no gate",
		"answer in doubt", "no barrier", "join without the turn", "join in replay", "leave blind",
		"line not asked", "line not noted", "line not looked up",
	}[m]
}
