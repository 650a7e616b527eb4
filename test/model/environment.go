package model

// environment is what happens to the worker.
func (m Mistake) environment(s state, add func(string, state)) {
	if s.end < entries {
		n := s
		n.end++
		add("an event comes in", n)
	}
	if s.crashes > 0 {
		add("crash", s.restarted())
	}
	if s.late.there {
		add("the late append comes", s.arrive())
		n := s
		n.settle()
		add("the late append never comes", n)
	}
	for shard := range shards {
		n := s
		switch {
		case s.failing[shard]:
			n.failing[shard] = false
			add("a shard works again", n)
		case s.failures > 0 && s.open(shard):
			n.failing[shard] = true
			n.failures--
			add("a shard fails", n)
		}
	}
	if s.revocations > 0 {
		n := s
		n.shutOut = !s.shutOut
		n.answered = !s.late.there || m == AnswerInDoubt
		n.revocations--
		add("filter 1 is shut out or admitted", n)
	}
	if s.planned != NoReshard {
		n := s
		n.reshard, n.planned = s.planned, NoReshard
		for shard := range 2 { // who was asked about them is asked again
			n.armed[shard] = n.armed[shard] && n.open(shard)
		}
		add("the stream is resharded", n)
	}
}

// open reports whether a shard takes records.
func (s *state) open(shard int) bool {
	switch s.reshard {
	case Merge:
		return shard == 2
	case Split:
		return shard > 0
	}
	return shard < 2
}

// arrive is the late append. What the lane's writer knows is out of date with it: that
// is the journal's to notice, since the lane has gone on.
func (s state) arrive() state {
	l := s.late
	for e := range entries {
		for f := range filters {
			if l.takes[f][e] {
				s.put(f, e)
			}
		}
		s.missed[e] = s.missed[e] || l.refused[e]
	}
	s.mark[l.lane][l.shard] = max(s.mark[l.lane][l.shard], l.to)
	if l.lane == sharedLane {
		s.armed[l.shard] = false
	}
	s.settle()
	return s
}

// settle ends the time in which something is in doubt: whoever waits for that is told.
func (s *state) settle() {
	s.late = late{}
	s.answered = true
}

// restarted is what a crash leaves. The engine ends with the process.
func (s state) restarted() state {
	s.crashes--
	s.done, s.batch, s.armed, s.known, s.admitted = s.cursor, 0, [shards]bool{}, [shards]int8{}, false
	s.settled = s.end
	s.memory = s.records
	for f := range filters {
		s.at[f] = s.records[f].pos
	}
	s.settle()
	return s
}
