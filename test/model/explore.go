package model

import "slices"

// A Budget is how much may go wrong in one run.
type Budget struct {
	Crashes, Failures, Revocations int
	// Reshard may happen once.
	Reshard Reshard
}

// A Finding is a violation and the steps that lead to it, of the shortest such run.
type Finding struct {
	Violation Violation
	Steps     []string
}

// maxStates is where the explorer gives up; a run that reaches it proves nothing.
const maxStates = 4_000_000

// Explore takes every run of the protocol with a mistake, or without, in which no
// more goes wrong than the budget allows. It returns the number of states, and what
// it found first, nil when there is nothing to find.
func Explore(m Mistake, b Budget) (states int, found *Finding) {
	start := state{crashes: int8(b.Crashes), failures: int8(b.Failures), revocations: int8(b.Revocations), planned: b.Reshard, answered: true}
	x := explorer{index: map[state]int32{start: 0}, all: []visit{{state: start, from: -1}}}
	for i := 0; i < len(x.all) && i < maxStates; i++ {
		s := x.all[i].state
		going := false
		for _, next := range m.steps(s) {
			if next.next.broken != noViolation {
				return len(x.all), x.finding(next.next.broken, int32(i), next.name)
			}
			going = going || next.next.ahead(&s)
			x.add(next, int32(i))
		}
		if !going && !s.finished() && s.failing == [shards]bool{} && !s.late.there {
			return len(x.all), x.finding(Stuck, int32(i), "nothing")
		}
	}
	return len(x.all), nil
}

// ahead reports whether a step is the protocol's own, not the environment's.
func (s *state) ahead(before *state) bool {
	return s.crashes == before.crashes && s.failures == before.failures && s.revocations == before.revocations &&
		s.failing == before.failing && s.late.there == before.late.there && s.end == before.end && s.planned == before.planned
}

// An explorer goes through states in the order of their distance from the start.
type explorer struct {
	index map[state]int32
	all   []visit
}

type visit struct {
	state state
	from  int32
	name  string
}

func (x *explorer) add(next step, from int32) {
	if _, known := x.index[next.next]; known {
		return
	}
	x.index[next.next] = int32(len(x.all))
	x.all = append(x.all, visit{next.next, from, next.name})
}

func (x *explorer) finding(v Violation, from int32, last string) *Finding {
	steps := []string{last}
	for i := from; x.all[i].from >= 0; i = x.all[i].from {
		steps = append(steps, x.all[i].name)
	}
	slices.Reverse(steps)
	return &Finding{v, steps}
}
