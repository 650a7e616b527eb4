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
	NoFence                    // an append does not ask whether the lane has another writer
	JoinWithoutTheTurn         // a filter joins while a batch is being carried
	JoinInReplay               // a filter joins before the cursor is past what was appended before a crash
	LeaveInDoubt               // a filter leaves while an append that was not answered may come yet
	LeaveBlind                 // a filter leaves in that time knowing only of its batch what went out
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

// environment is what happens to the worker.
func (m Mistake) environment(s state, add func(string, state)) {
	if s.end < entries {
		n := s
		n.end++
		add("an event comes in", n)
	}
	if s.crashes > 0 {
		add("crash", m.restart(s))
	}
	if s.late.there {
		add("the late append comes, or never will", m.arrive(s))
	}
	for shard := range shards {
		n := s
		switch {
		case s.failing[shard]:
			n.failing[shard] = false
			add("a shard works again", n)
		case s.failures > 0:
			n.failing[shard] = true
			n.failures--
			add("a shard fails", n)
		}
	}
	if s.revocations > 0 {
		n := s
		n.shutOut = !s.shutOut
		n.revocations--
		add("filter 1 is shut out or admitted", n)
	}
}

func (s *state) allowed(filter int) bool { return filter == 0 || !s.shutOut }

// arrive is the late append, which the lane takes when nothing else has come since
// it was made. (What comes after a revocation like this is for the engine's
// timeout to prevent; here it comes without those events.)
func (m Mistake) arrive(s state) state {
	l := s.late
	s.late = late{}
	if l.fenced && m != NoFence {
		return s
	}
	for e := range entries {
		for f := range filters {
			if l.takes[f][e] && s.allowed(f) {
				s.put(f, e)
			}
		}
		s.missed[e] = s.missed[e] || l.refused[e] || l.takes[1][e] && s.shutOut
	}
	s.mark[l.shard] = max(s.mark[l.shard], l.to)
	s.stale[l.shard] = s.armed[l.shard]
	return s
}

// restart is what a crash leaves.
func (m Mistake) restart(s state) state {
	s.crashes--
	s.done, s.batch, s.armed, s.known, s.admitted = s.cursor, 0, [shards]bool{}, [shards]int8{}, false
	s.late, s.stale, s.doubted = late{}, [shards]bool{}, [shards]bool{}
	s.settled = s.end
	s.memory = s.records
	for f := range filters {
		s.at[f] = s.records[f].pos
	}
	return s
}

// follows reports whether the shared cursor carries an entry of a filter.
func (s *state) follows(filter int, entry int8) bool {
	r := s.memory[filter]
	return r.where == shared || r.where == back && entry >= r.pos
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
	open := false
	for shard := range shards {
		if len(s.wanting(m, shard)) == 0 {
			continue
		}
		open = true
		m.sharedAppend(s, shard, add)
	}
	if !open {
		n := s
		n.done, n.batch = s.batch, 0
		for f := range filters {
			for e := s.done; e < s.batch; e++ {
				if f == 1 && s.follows(f, e) && !s.has[f][e] {
					n.missed[e] = n.missed[e] || s.shutOut || m == NoGate && !s.admitted
				}
			}
		}
		add("finish the batch", n)
	}
}

// An event is one of a filter.
type event struct{ filter, entry int }

// wanting are the events of the batch that a shard does not have, as far as the
// worker knows.
func (s *state) wanting(m Mistake, shard int) (all []event) {
	for f := range filters {
		for e := s.done; e < s.batch; e++ {
			if shardOf(f, int(e)) != shard || !s.follows(f, e) || s.armed[shard] && e < s.known[shard] {
				continue
			}
			if m.asked(s, f) {
				all = append(all, event{f, int(e)})
			}
		}
	}
	return all
}

// asked is what the permission of a filter is taken to be.
func (m Mistake) asked(s *state, filter int) bool {
	if m == NoGate && filter == 1 {
		return s.admitted
	}
	return s.allowed(filter)
}

// sharedAppend reads the mark of a shard, appends to it, or lets the filters go that
// it holds up.
func (m Mistake) sharedAppend(s state, shard int, add func(string, state)) {
	if !s.armed[shard] {
		n := s
		n.armed[shard], n.known[shard] = true, s.mark[shard]
		if m == MarksIgnored {
			n.known[shard] = 0
		}
		add("read a mark", n)
		return
	}
	if s.failing[shard] {
		m.leave(s, shard, add)
		return
	}
	if s.failures > 0 && !s.late.there {
		n := s
		n.failures--
		n.armed[shard], n.stale[shard], n.doubted[shard] = false, false, true
		n.late = late{there: true, fenced: s.stale[shard], shard: int8(shard), to: s.batch}
		for e := max(s.done, s.known[shard]); e < s.batch; e++ {
			for f := range filters {
				if shardOf(f, int(e)) == shard && s.follows(f, e) {
					n.late.takes[f][e] = s.allowed(f)
					n.late.refused[e] = n.late.refused[e] || !s.allowed(f)
				}
			}
		}
		add("an append on the shared lane is not answered", n)
	}
	n := s
	if s.stale[shard] && m != NoFence {
		n.armed[shard], n.stale[shard] = false, false
		add("find that the lane has gone on", n)
		return
	}
	for _, e := range s.wanting(m, shard) {
		n.put(e.filter, e.entry)
	}
	for e := max(s.done, s.known[shard]); e < s.batch; e++ {
		if shardOf(1, int(e)) == shard && s.follows(1, e) && !m.asked(&s, 1) {
			n.missed[e] = true // refused
		}
	}
	n.mark[shard], n.known[shard], n.doubted[shard] = s.batch, s.batch, false
	n.late.fenced = n.late.there && (n.late.fenced || int(n.late.shard) == shard)
	add("append a block on the shared lane", n)
}

// leave lets one filter go that a shard holds up.
func (m Mistake) leave(s state, shard int, add func(string, state)) {
	for _, e := range s.wanting(m, shard) {
		n := s
		if m == PassedOverInBlock {
			// The others of the shard go on; the filter stays for another attempt.
			n.known[shard], n.mark[shard] = s.batch, s.batch
			add("append a block without what is held up", n)
			continue
		}
		// What went out can only be noted when it is known. While it is replayed what
		// was perhaps appended before a crash, it may be more than of this batch.
		replay := s.done < s.settled && m != LeaveBlind
		unknown := false
		for other := range shards {
			if !s.armed[other] && (replay || s.sends(e.filter, other)) {
				n.armed[other], n.known[other] = true, s.mark[other]
				unknown = true
			}
		}
		if unknown {
			add("read the marks of the other shards", n)
			continue
		}
		if doubted := slices.Index(s.doubted[:], true); doubted >= 0 && m != LeaveInDoubt {
			m.shutOut(s, doubted, add)
			continue
		}
		r := record{where: away, pos: s.done}
		for other := range shards {
			if s.armed[other] && m != SentForgotten {
				r.sent[other] = s.known[other]
			}
			if m == LeaveBlind {
				r.sent[other] = min(r.sent[other], s.batch)
			}
		}
		n.memory[e.filter], n.at[e.filter] = r, s.done
		if m != LeaveNotOnDisk {
			n.records[e.filter] = r
		}
		add("a filter leaves", n)
	}
}

// shutOut appends an empty block, after which an append that was not answered never
// comes. As long as the shard takes none, nobody leaves.
func (m Mistake) shutOut(s state, shard int, add func(string, state)) {
	switch {
	case s.failing[shard]:
	case s.stale[shard]:
		s.armed[shard], s.stale[shard] = false, false
		add("find that the lane has gone on", s)
	default:
		s.doubted[shard] = false
		s.late.fenced = s.late.there && (s.late.fenced || int(s.late.shard) == shard)
		add("append an empty block", s)
	}
}

// sends reports whether events of a filter in the batch go to a shard.
func (s *state) sends(filter, shard int) bool {
	for e := s.done; e < s.batch; e++ {
		if shardOf(filter, int(e)) == shard {
			return true
		}
	}
	return false
}

// detourSteps are those of a filter that has left.
func (m Mistake) detourSteps(s state, f int, add func(string, state)) {
	r := s.memory[f]
	switch r.where {
	case shared:
		return
	case back:
		if s.records[f] != r { // JoinNotOnDisk
			n := s
			n.records[f] = r
			add("write down that a filter has joined", n)
			return
		}
		if r.pos <= s.cursor || m == BackForgottenEarly {
			n := s
			n.memory[f], n.records[f] = record{}, record{}
			add("forget that a filter was away", n)
		}
		return
	}
	if s.records[f].where != away { // LeaveNotOnDisk
		n := s
		n.records[f] = r
		add("write down that a filter has left", n)
	} else if s.records[f].pos < s.at[f] {
		n := s
		n.records[f].pos, n.memory[f].pos = s.at[f], s.at[f]
		add("save the position of a detour", n)
	}
	for size := int8(1); size <= 2 && s.at[f]+size <= s.done; size++ {
		m.detourBatch(s, f, s.at[f]+size, add)
	}
	if s.done < s.settled && m != JoinInReplay {
		return
	}
	if (s.batch == 0 || m == JoinWithoutTheTurn) && (s.at[f] == s.done || m == JoinBehind) {
		n := s
		n.memory[f] = record{where: back, pos: s.done}
		if m == JoinWithoutTheTurn && s.batch > 0 {
			n.memory[f].pos = s.batch
		}
		if m != JoinNotOnDisk {
			n.records[f] = n.memory[f]
		}
		add("a filter joins", n)
	}
}

// detourBatch appends what is missing of a batch of a detour to one shard, or moves
// the detour when nothing is.
func (m Mistake) detourBatch(s state, f int, end int8, add func(string, state)) {
	for shard := range shards {
		mark := s.laneMark[f][shard]
		if m == SharedLane {
			mark = s.mark[shard]
		}
		if m == MarksIgnored {
			mark = 0
		}
		var missing []int
		for e := s.at[f]; e < end; e++ {
			if shardOf(f, int(e)) == shard && e >= mark && e >= s.memory[f].sent[shard] {
				missing = append(missing, int(e))
			}
		}
		if len(missing) == 0 || !s.allowed(f) {
			continue
		}
		if s.failing[shard] {
			if m == PositionLeads {
				n := s
				n.records[f].pos, n.memory[f].pos = end, end
				add("save the position of a detour that was held up", n)
			}
			return
		}
		n := s
		for _, e := range missing {
			n.put(f, e)
		}
		if m == SharedLane {
			n.mark[shard] = max(n.mark[shard], end)
		} else {
			n.laneMark[f][shard] = end
		}
		if m == MarksIgnored {
			n.at[f] = end
		}
		add("append a block on a lane of its own", n)
		return
	}
	n := s
	n.at[f] = end
	for e := s.at[f]; e < end; e++ {
		n.missed[e] = n.missed[e] || f == 1 && s.shutOut && !s.has[f][e]
	}
	add("a detour moves", n)
}

// String names the rule that is broken.
func (m Mistake) String() string {
	return [mistakes]string{
		"none", "marks ignored", "cursor leads", "passed over in a block", "leave not on disk", "sent forgotten",
		"shared lane", "position leads", "join behind", "join not on disk", "back forgotten early", "no gate", "no fence",
		"join without the turn", "join in replay", "leave in doubt", "leave blind",
	}[m]
}
