// Package ledger judges a run: writers note what they sent and what was
// acknowledged, a reader notes what it saw, and Check says what was lost, doubled
// or out of order. The ledger is kept outside whatever is made to fail: in the
// memory of the process that tests.
package ledger

import (
	"fmt"
	"slices"
	"sync"
)

// A Line is the sequence of events that one writer sends to one log stream. They
// carry the numbers 1, 2, 3, … in the order sent.
type Line string

// A Ledger may be used by many goroutines. Its zero value is empty.
type Ledger struct {
	mu    sync.Mutex
	lines map[Line]*line
}

type line struct {
	sent  int
	acked map[int]bool
	seen  []int       // in the order seen
	times map[int]int // how often each was seen
	lost  int         // acknowledged and not seen
}

func (l *Ledger) line(name Line) *line {
	if l.lines == nil {
		l.lines = map[Line]*line{}
	}
	ln := l.lines[name]
	if ln == nil {
		ln = &line{acked: map[int]bool{}, times: map[int]int{}}
		l.lines[name] = ln
	}
	return ln
}

// Send notes that the line's next event is about to be sent and returns its
// number.
func (l *Ledger) Send(name Line) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	ln := l.line(name)
	ln.sent++
	return ln.sent
}

// Acked notes that event n was acknowledged. An event that is sent and never
// acknowledged is unknown: it may be seen once or not at all.
func (l *Ledger) Acked(name Line, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ln := l.line(name)
	if ln.acked[n] {
		return
	}
	ln.acked[n] = true
	if ln.times[n] == 0 {
		ln.lost++
	}
}

// Seen notes that the reader got event n.
func (l *Ledger) Seen(name Line, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ln := l.line(name)
	ln.seen = append(ln.seen, n)
	ln.times[n]++
	if ln.times[n] == 1 && ln.acked[n] {
		ln.lost--
	}
}

// Complete reports whether every acknowledged event has been seen.
func (l *Ledger) Complete() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, ln := range l.lines {
		if ln.lost > 0 {
			return false
		}
	}
	return true
}

// Missing lists the acknowledged events that have not been seen, ascending.
func (l *Ledger) Missing() map[Line][]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	missing := map[Line][]int{}
	for name, ln := range l.lines {
		for n := range ln.acked {
			if ln.times[n] == 0 {
				missing[name] = append(missing[name], n)
			}
		}
		slices.Sort(missing[name])
	}
	return missing
}

// All lists what has been seen, in the order seen.
func (l *Ledger) All() map[Line][]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := map[Line][]int{}
	for name, ln := range l.lines {
		all[name] = slices.Clone(ln.seen)
	}
	return all
}

// Counts are the numbers of a run.
type Counts struct {
	Sent       int `json:"sent"`
	Acked      int `json:"acknowledged"`
	Seen       int `json:"seen"`
	Lost       int `json:"lost"`
	Doubled    int `json:"doubled"`
	Disordered int `json:"out_of_order"`
	Invented   int `json:"never_sent"`
}

// Clean reports whether nothing was lost, doubled, disordered or invented.
func (c Counts) Clean() bool { return c.Lost+c.Doubled+c.Disordered+c.Invented == 0 }

func (c Counts) String() string {
	return fmt.Sprintf("%d sent, %d acknowledged, %d seen: %d lost, %d doubled, %d out of order, %d never sent",
		c.Sent, c.Acked, c.Seen, c.Lost, c.Doubled, c.Disordered, c.Invented)
}

// Check judges everything noted so far.
func (l *Ledger) Check() Counts {
	l.mu.Lock()
	defer l.mu.Unlock()
	var c Counts
	for _, ln := range l.lines {
		c.Sent += ln.sent
		c.Acked += len(ln.acked)
		c.Seen += len(ln.seen)
		c.Lost += ln.lost
		times, last := map[int]int{}, 0
		for _, n := range ln.seen {
			times[n]++
			switch {
			case n < 1 || n > ln.sent:
				c.Invented++
			case times[n] > 1:
				c.Doubled++
			case n < last:
				c.Disordered++
			}
			last = max(last, n)
		}
	}
	return c
}
