// Package ledger judges a run: writers note what they sent and what was
// acknowledged, a reader notes what it saw, and Check says what was lost, doubled
// or out of order. The ledger is kept outside whatever is made to fail.
package ledger

import (
	"fmt"
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
	seen  []int
}

func (l *Ledger) line(name Line) *line {
	if l.lines == nil {
		l.lines = map[Line]*line{}
	}
	ln := l.lines[name]
	if ln == nil {
		ln = &line{acked: map[int]bool{}}
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
	l.line(name).acked[n] = true
}

// Seen notes that the reader got event n.
func (l *Ledger) Seen(name Line, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ln := l.line(name)
	ln.seen = append(ln.seen, n)
}

// Complete reports whether every acknowledged event has been seen.
func (l *Ledger) Complete() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, ln := range l.lines {
		if len(ln.lost()) > 0 {
			return false
		}
	}
	return true
}

// Counts are the numbers of a run.
type Counts struct{ Sent, Acked, Seen, Lost, Doubled, Disordered, Invented int }

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
		c.Lost += len(ln.lost())
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

func (ln *line) lost() []int {
	seen := make(map[int]bool, len(ln.seen))
	for _, n := range ln.seen {
		seen[n] = true
	}
	var lost []int
	for n := range ln.acked {
		if !seen[n] {
			lost = append(lost, n)
		}
	}
	return lost
}
