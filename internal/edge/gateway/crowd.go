package gateway

import (
	"container/list"
	"sync"
	"time"
)

// grace is how long a connection has at least to say who is there, from when somebody
// listens to it: on a busy machine that may be long after it has come. While everybody in
// a full crowd is as new as that, further ones wait.
const grace = 500 * time.Millisecond

// A crowd is the connections of one listener and the requests under way on them, and
// may have only so many of both together: each takes memory, a connection a file as
// well. Whoever comes too many takes the place of another, who is shown out:
//
//   - the stranger who has been there longest: a connection on which nobody has proved
//     yet who they are. Those who have not asked for anything yet go first, since what
//     has been asked for may only be waiting for us;
//   - else the connection with the most requests under way;
//   - else the one that has been idle longest.
//
// So a client that says who it is gets its answer, however many there are that only
// hold on to a connection. Behind a proxy a connection is known once one of its clients
// is.
type crowd struct {
	most int // 0 for no bound

	mu      sync.Mutex // guards what follows, and place of each connection; a leaf
	changed sync.Cond  // when somebody may go or has gone; its lock is mu
	size    int
	turn    uint64    // counts ends of requests
	unheard list.List // of *conn: strangers to whom nobody has listened yet
	silent  list.List // the others without a request under way, those whose grace has ended first
	asking  list.List // those with one, in the order in which they began
	known   map[*conn]struct{}
}

// A place is what a connection has in the crowd.
type place struct {
	gone     bool
	among    *list.List    // of strangers
	stranger *list.Element // there, nil once known
	ripe     *time.Timer   // ends the grace, nil before it begins
	due      bool          // the grace has ended
	running  int           // requests
	idle     uint64        // the turn at which the last one ended
}

// size is what the place counts for: of several requests, one is the connection's own.
func (p *place) size() int { return max(1, p.running) }

func newCrowd(most int) *crowd {
	c := &crowd{most: most, known: map[*conn]struct{}{}}
	c.changed.L = &c.mu
	return c
}

// join adds a connection, once there is room for it.
func (c *crowd) join(newcomer *conn) {
	c.mu.Lock()
	out := c.tooMany(1)
	for c.full(1) && c.strangers() > 0 {
		c.changed.Wait()
		out = append(out, c.tooMany(1)...)
	}
	c.size++
	p := &newcomer.place
	p.among, p.stranger = &c.unheard, c.unheard.PushBack(newcomer)
	c.mu.Unlock()
	showOut(out)
}

// hear notes, once, that somebody listens to a connection from now on.
func (c *crowd) hear(of *conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := &of.place
	if p.gone {
		return
	}
	c.move(of, &c.silent)
	p.ripe = time.AfterFunc(grace, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		p.due = true
		c.changed.Signal()
	})
}

// leave takes a connection out, once.
func (c *crowd) leave(of *conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remove(of)
}

// begin adds a request of a connection; what it returns is called at its end.
func (c *crowd) begin(of *conn) (end func()) {
	c.mu.Lock()
	c.resize(of, 1)
	out := c.tooMany(0)
	c.mu.Unlock()
	showOut(out)
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.turn++
		of.place.idle = c.turn
		c.resize(of, -1)
	}
}

// know notes that somebody on the connection has proved who they are.
func (c *crowd) know(of *conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if of.place.stranger == nil || of.place.gone {
		return
	}
	c.notStranger(&of.place)
	of.place.stranger = nil
	c.known[of] = struct{}{}
}

// The rest is called with mu locked.

func (c *crowd) resize(of *conn, by int) {
	before := of.place.size()
	of.place.running += by
	if of.place.gone {
		return
	}
	c.size += of.place.size() - before
	if of.place.stranger != nil {
		c.sort(of)
	}
}

// sort puts a stranger among the silent ones or among those who ask.
func (c *crowd) sort(of *conn) {
	p, among := &of.place, &c.silent
	if p.running > 0 {
		among = &c.asking
	}
	if among == p.among {
		return
	}
	c.move(of, among)
	if among == &c.silent && p.due {
		among.MoveToFront(p.stranger) // those behind may have their grace still
	}
}

// move puts a stranger at the end of a list.
func (c *crowd) move(of *conn, among *list.List) {
	p := &of.place
	p.among.Remove(p.stranger)
	p.among, p.stranger = among, among.PushBack(of)
}

func (c *crowd) strangers() int { return c.unheard.Len() + c.silent.Len() + c.asking.Len() }

func (c *crowd) remove(of *conn) {
	p := &of.place
	if p.gone {
		return
	}
	p.gone = true
	c.size -= p.size()
	if p.stranger != nil {
		c.notStranger(p)
	}
	delete(c.known, of)
	c.changed.Signal()
}

func (c *crowd) notStranger(p *place) {
	if p.ripe != nil {
		p.ripe.Stop()
	}
	p.among.Remove(p.stranger)
	c.changed.Signal()
}

// full reports whether so many more are too many.
func (c *crowd) full(more int) bool { return c.most > 0 && c.size+more > c.most }

// tooMany takes out who must go for so many more.
func (c *crowd) tooMany(more int) (out []*conn) {
	for c.full(more) {
		next := c.next()
		if next == nil {
			break
		}
		c.remove(next)
		out = append(out, next)
	}
	return out
}

// next is who must go next, nil for nobody: when there are strangers with some time
// left, or everybody has just one request under way.
func (c *crowd) next() (worst *conn) {
	for _, strangers := range [...]*list.List{&c.silent, &c.asking} {
		if first := strangers.Front(); first != nil && first.Value.(*conn).place.due {
			return first.Value.(*conn)
		}
	}
	if c.strangers() > 0 {
		return nil
	}
	for k := range c.known {
		if k.place.running != 1 && (worst == nil || k.place.goesBefore(&worst.place)) {
			worst = k
		}
	}
	return worst
}

func (p *place) goesBefore(other *place) bool {
	if p.running != other.running {
		return p.running > other.running
	}
	return p.idle < other.idle
}

// showOut closes connections. What is under way on them fails; SDKs try again.
func showOut(out []*conn) {
	for _, c := range out {
		_ = c.clear.Close() // not c: the farewell of TLS would have to wait for the client
	}
}
