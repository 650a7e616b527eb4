package soak_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tributary/test/process"
)

const (
	cellSize = 256 << 20
	// slowestHead is when a client that does not get on with its head must be gone.
	slowestHead = 5 * time.Second
	witnesses   = 30
	// slowestCall is what 99 of 100 calls of a good client may take.
	slowestCall = time.Second
	// longestCall is when a good client gives up.
	longestCall = 30 * time.Second
)

// TestHostileClientsHarmNobodyElse lets clients do their worst to a server in 256 MiB,
// all at the same time and over and over, while others put and get.
func TestHostileClientsHarmNobodyElse(t *testing.T) {
	r := begin(t, "hostile", 1, sizes{ci: 2, soak: 40})
	s := r.besiege(build(t), attacks)
	for _, complaint := range r.judgeSiege(s) {
		t.Error(complaint)
	}
}

func TestHostileFindsAServerWithoutBounds(t *testing.T) {
	r := begin(t, "hostile", unlimited, sizes{ci: 1, soak: 1})
	s := r.besiege(faulty(t, withoutBounds), attacks)
	// At the edge of its memory the kernel may kill it, or let it stand still while it
	// reads its own program from the disk over and over.
	if complaints := r.judgeSiege(s); s.kills == 0 && s.deaf == nil && len(s.good.errors) == 0 {
		t.Errorf("a server without bounds was not killed for want of memory, and answered everybody; complaints: %q", complaints)
	}
}

func TestHostileFindsAServerThatWaitsForHeads(t *testing.T) {
	r := begin(t, "hostile", unlimited, sizes{ci: 1, soak: 1})
	s := r.besiege(faulty(t, withoutHeadTimeout), nil)
	if complaints := r.judgeSiege(s); s.slowestHead() != 0 {
		t.Errorf("slow heads were cut off after %v at most, by a server that should not; complaints: %q", s.slowestHead(), complaints)
	}
}

// roundTime is how long a round of a siege lasts.
const roundTime = 30 * time.Second

// A siege is a server in a cell, under attack.
type siege struct {
	*world
	cell   *cell
	target target

	good goodClients
	// What the witnesses saw, who are slow heads that look at the clock, and what the
	// attackers saw.
	witnessed notebook
	seen      sightings

	before, after standing
	deaf          error // why it is not known what it has open afterwards
	peak          int64 // bytes, of the process
	kills         int64 // for want of memory
}

// A standing is what a server has open.
type standing struct{ sockets, fds, goroutines int }

// besiege lets attacks go on against a server for as long as the rig may, or the
// server lives.
func (r *rig) besiege(p program, attacks []attack) *siege {
	r.Helper()
	r.mayOpen(12_000)
	s := &siege{cell: newCell(r.T, cellSize)}
	s.world = on(s.cell.confine(r.T, p), filepath.Join(r.TempDir(), "data"))
	if err := s.start(); err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { s.kill(r.T) })
	server, _ := s.current()
	s.target.Addr = strings.TrimPrefix(server.Endpoint, "http://")
	if err := errors.Join(s.setUp(r.Context()), s.setUpAttacks(r.Context())); err != nil {
		r.Fatal(err)
	}
	connections.CloseIdleConnections()
	var err error
	if s.before, err = standingAfter(server, nil); err != nil {
		r.Fatal(err)
	}

	ctx, stop := context.WithCancel(r.Context())
	defer stop()
	var attacking *attackers
	if attacks != nil {
		attacking = r.attack(s.target)
	}
	var everybody sync.WaitGroup
	s.good.begin(ctx, s.world, &everybody)
	for i := range witnesses {
		// They are in this process, which does not have to wait for the processor as the
		// attackers have.
		everybody.Go(func() {
			for ctx.Err() == nil {
				slowHead(ctx, s.target, &s.witnessed, i)
			}
		})
	}
	for alive := true; alive && r.more(); {
		select {
		case <-time.After(roundTime):
		case <-server.Exited():
			alive = false
		}
	}
	stop()
	everybody.Wait()
	r.lift(s, server, attacking)
	return s
}

// lift ends the siege and looks at what is left.
func (r *rig) lift(s *siege, server *process.Server, attacking *attackers) {
	r.Helper()
	var err error
	if attacking != nil {
		if s.seen, err = attacking.end(); err != nil {
			r.Fatal(err)
		}
	}
	connections.CloseIdleConnections()
	if s.kills, err = s.cell.kills(); err != nil {
		r.Fatal(err)
	}
	select {
	case <-server.Exited():
		r.Logf("the server ended under attack\n%s", server.Log())
		return
	default:
	}
	if s.peak, err = peakRSS(server.PID()); err != nil {
		r.Fatal(err)
	}
	s.after, s.deaf = standingAfter(server, &s.before)
}

// slowestHead is the longest that a slow head was let live, 0 if none was cut off.
func (s *siege) slowestHead() time.Duration { return s.witnessed.seen.SlowestHead }

// judgeSiege says what does not hold in the end.
func (r *rig) judgeSiege(s *siege) (complaints []string) {
	r.Helper()
	complain := func(format string, args ...any) { complaints = append(complaints, fmt.Sprintf(format, args...)) }
	most, err := s.cell.most()
	if err != nil {
		r.Fatal(err)
	}
	p99, calls := percentile(s.good.took, 99), len(s.good.took)
	errs := s.good.errors
	// A machine that is busy with others lets everybody wait, this process as well: a call
	// goes from one process to the other and back, and the disk has a turn or two.
	late, latest := percentile(s.good.late, 99), percentile(s.good.late, 100)
	callTime, headTime := slowestCall+4*late, slowestHead+latest
	if os.Getenv("RIGS") == "ci" {
		// Two processors that builds and other tests use as well are not where a second
		// is judged: there it is memory, errors, and that nobody is shut out.
		callTime, headTime = 2*callTime, 2*headTime
	}
	r.counts["killed for memory"], r.counts["peak RSS MiB"], r.counts["peak of the cell MiB"] = s.kills, s.peak>>20, most>>20
	r.counts["good calls"], r.counts["good errors"] = calls, len(errs)
	r.counts["good p99 ms"], r.counts["good slowest ms"] = p99.Milliseconds(), percentile(s.good.took, 100).Milliseconds()
	r.counts["timers late p99 ms"], r.counts["timers latest ms"] = late.Milliseconds(), latest.Milliseconds()
	r.counts["slowest head ms"] = s.slowestHead().Milliseconds()
	r.counts["sockets"], r.counts["fds"] = pair(s.before.sockets, s.after.sockets), pair(s.before.fds, s.after.fds)
	r.counts["goroutines"] = pair(s.before.goroutines, s.after.goroutines)
	r.counts["attacks"] = s.seen.Outcomes
	if s.kills > 0 || s.peak == 0 || s.peak >= cellSize {
		complain("killed for memory %d times, the process has had %d MiB; want never, and less than %d", s.kills, s.peak>>20, cellSize>>20)
	}
	if len(errs) > 0 || p99 >= callTime || calls < 100 {
		complain("good clients: %d calls, p99 %v, %d errors: %q; want many calls, p99 below %v and no errors", calls, p99, len(errs), errs[:min(5, len(errs))], callTime)
	}
	if slowest := s.slowestHead(); slowest > headTime || slowest == 0 {
		complain("a slow head was cut off after %v, want at most %v", slowest, headTime)
	}
	if s.deaf != nil {
		complain("long after the siege: %v", s.deaf)
	} else if !s.after.asBefore(s.before) {
		complain("open before the siege: %+v, long after it: %+v", s.before, s.after)
	}
	for _, a := range attacks {
		if len(s.seen.Outcomes[a.name]) == 0 {
			complain("%s: none came to its end: the rig has shown nothing of it", a.name)
		}
	}
	return complaints
}

func pair(before, after int) string { return fmt.Sprintf("%d before, %d after", before, after) }

// mayOpen lets this process, and those that it starts, have so many files and sockets
// open.
func (r *rig) mayOpen(want uint64) {
	r.Helper()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		r.Fatal(err)
	}
	if limit.Cur < want {
		limit.Cur, limit.Max = want, max(limit.Max, want)
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
			r.Skipf("THIS RIG CANNOT RUN HERE: %d open files are wanted: %v", want, err)
		}
	}
	r.counts["files that may be open"] = limit.Cur
}

// asBefore reports whether hardly more is open than before: some files for what has been
// written since, some goroutines for work in the background.
func (s standing) asBefore(before standing) bool {
	return s.sockets <= before.sockets+1 && s.fds <= before.fds+8 && s.goroutines <= before.goroutines+8
}

// standingAfter is what the server has open, in the end: once that is no more than before,
// or has not become so for long.
func standingAfter(server *process.Server, before *standing) (standing, error) {
	for deadline := time.Now().Add(2 * time.Minute); ; {
		now, err := standingOf(server.PID(), server.Endpoint)
		if err != nil || before == nil || now.asBefore(*before) || time.Now().After(deadline) {
			return now, err
		}
		<-time.After(200 * time.Millisecond)
	}
}

func standingOf(pid int, endpoint string) (now standing, err error) {
	if now.sockets, err = sockets(pid); err != nil {
		return now, err
	}
	again := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: longestCall}
	resp, err := again.Get(endpoint + "/metrics")
	if err != nil {
		return now, err
	}
	defer func() { _ = resp.Body.Close() }() // only read
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return now, err
	}
	fds, err := field(text, "process_open_fds")
	goroutines, e := field(text, "go_goroutines")
	now.fds, now.goroutines = int(fds), int(goroutines)
	return now, errors.Join(err, e)
}

// goodClients put and get like anybody else.
type goodClients struct {
	mu     sync.Mutex // guards what follows
	took   []time.Duration
	late   []time.Duration // how late timers were
	errors []string
}

const goodClientCount = 4

// begin starts the clients, of which one makes a new connection for every call.
func (g *goodClients) begin(ctx context.Context, w *world, until *sync.WaitGroup) {
	for i := range goodClientCount {
		until.Go(func() {
			transport := &http.Transport{DisableKeepAlives: i == 0}
			defer transport.CloseIdleConnections()
			to, from := w.as(recipient), w.as(sender)
			to.HTTP = &http.Client{Transport: transport, Timeout: longestCall}
			from.HTTP = to.HTTP
			for n := 0; ctx.Err() == nil; n++ {
				g.round(ctx, i, n, to, from)
			}
		})
	}
}

// round makes each kind of call once, as long as the siege lasts; a call that was begun
// is waited for.
func (g *goodClients) round(siege context.Context, i, n int, to, from caller) {
	ctx := context.WithoutCancel(siege)
	text := strings.Repeat("x", 6<<10)
	var iterator struct{ ShardIterator string }
	for _, call := range []struct {
		name string
		do   func() error
	}{
		{"PutLogEvents", func() error {
			return from.logs(ctx, "PutLogEvents", object{
				"logGroupName": "g", "logStreamName": string(lineOf(i)),
				"logEvents": []object{{"timestamp": time.Now().UnixMilli(), "message": strconv.Itoa(n) + text}},
			}, nil)
		}},
		{"PutRecord", func() error {
			return to.kinesis(ctx, "PutRecord", object{"StreamName": "s", "PartitionKey": strconv.Itoa(n), "Data": []byte(strings.Repeat(text, 3))}, nil)
		}},
		{"GetShardIterator", func() error {
			return to.kinesis(ctx, "GetShardIterator", object{
				"StreamName": "s", "ShardId": fmt.Sprintf("shardId-%012d", n%3), "ShardIteratorType": "AT_TIMESTAMP",
				"Timestamp": float64(time.Now().Add(-time.Second).UnixMilli()) / 1000,
			}, &iterator)
		}},
		{"GetRecords", func() error {
			return to.kinesis(ctx, "GetRecords", object{"ShardIterator": iterator.ShardIterator, "Limit": 20}, nil)
		}},
	} {
		if siege.Err() != nil {
			return
		}
		began := time.Now()
		err := call.do()
		took := time.Since(began)
		const pause = 20 * time.Millisecond
		began = time.Now()
		<-time.After(pause)
		g.note(call.name, took, time.Since(began)-pause, err)
	}
}

func (g *goodClients) note(call string, took, late time.Duration, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.took, g.late = append(g.took, took), append(g.late, late)
	if err != nil {
		g.errors = append(g.errors, call+": "+err.Error())
	}
}
