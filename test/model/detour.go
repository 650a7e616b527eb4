package model

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

// laneOf is the lane on which a detour appends.
func (m Mistake) laneOf(filter int) int {
	if m == SharedLane {
		return sharedLane
	}
	return 1 + filter
}

// missing are the entries of a detour's batch that go to a shard and are not there, as
// its lane's marks and what it noted when it left say; ok is false while a shard does
// not tell.
func (m Mistake) missing(s *state, f, shard int, end int8) (all []int, ok bool) {
	for e := s.at[f]; e < end; e++ {
		if s.home(f, int(e)) != shard {
			continue
		}
		have := int8(0)
		for i, one := range s.line(f, int(e)) {
			if !m.tells(s, one) {
				return nil, false
			}
			if m != MarksIgnored && (i == 0 || m != LineNotAsked) {
				have = max(have, s.mark[m.laneOf(f)][one])
			}
			if i == 0 || m != LineNotLookedUp {
				have = max(have, s.memory[f].sent[one])
			}
		}
		if e >= have {
			all = append(all, int(e))
		}
	}
	return all, true
}

// detourBatch appends what is missing of a batch of a detour to one shard, or moves
// the detour when nothing is.
func (m Mistake) detourBatch(s state, f int, end int8, add func(string, state)) {
	for shard := range shards {
		missing, ok := m.missing(&s, f, shard, end)
		if !ok {
			return
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
		if s.late.there && int(s.late.shard) == shard {
			return
		}
		lane := m.laneOf(f)
		if s.failures > 0 && !s.late.there {
			n := s
			n.failures--
			n.late = late{there: true, lane: int8(lane), shard: int8(shard), to: end}
			for _, e := range missing {
				n.late.takes[f][e] = true
			}
			add("an append on a lane of its own is not answered", n)
		}
		n := s
		for _, e := range missing {
			n.put(f, e)
		}
		n.mark[lane][shard] = max(n.mark[lane][shard], end)
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
