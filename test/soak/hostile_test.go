package soak_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	cellSize = 256 << 20
	// slowestHead is when a client that does not get on with its head must be gone.
	slowestHead = 5 * time.Second
	witnesses   = 30
	// slowestCall is what 99 of 100 calls of a good client may take.
	slowestCall = time.Second
)

// TestHostileClientsHarmNobodyElse lets clients do their worst to a server in 256 MiB,
// all at the same time and over and over, while others put and get.
func TestHostileClientsHarmNobodyElse(t *testing.T) {
	r := begin(t, "hostile", 1, sizes{ci: 1, soak: 40})
	s := r.besiege(build(t))
	r.judgeSiege(s)
}

// roundTime is how long a round of a siege lasts.
const roundTime = 30 * time.Second

// A siege is a server in a cell, under attack.
type siege struct {
	*world
	cell   *cell
	target target

	good   goodClients
	// What the witnesses saw, who are slow heads that look at the clock.
	witnessed notebook
	seen   sightings
	before standing
	after  standing
	peak   int64 // bytes
}

// A standing is what a server has open when nobody asks anything of it.
type standing struct{ sockets, fds, goroutines int }

// besiege lets all attacks go on against a server for as long as the rig may.
func (r *rig) besiege(p program) *siege {
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
	s.before = r.standing(s, standing{})

	ctx, stop := context.WithCancel(r.Context())
	defer stop()
	against := r.attack(s.target)
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
	for r.more() {
		select {
		case <-time.After(roundTime):
		case <-server.Exited():
			r.Fatalf("the server ended under attack\n%s", server.Log())
		}
	}
	stop()
	everybody.Wait()
	seen, err := against.end()
	if err != nil {
		r.Fatal(err)
	}
	s.seen = seen
	connections.CloseIdleConnections()
	peak, err := peakRSS(server.PID())
	if err != nil {
		r.Fatal(err)
	}
	s.peak = peak
	s.after = r.standing(s, s.before)
	return s
}

// judgeSiege says what must hold in the end.
func (r *rig) judgeSiege(s *siege) {
	r.Helper()
	kills, err := s.cell.kills()
	if err != nil {
		r.Fatal(err)
	}
	most, err := s.cell.most()
	if err != nil {
		r.Fatal(err)
	}
	slowest := s.witnessed.seen.SlowestHead
	p99, calls := s.good.percentile(99)
	r.counts["killed for memory"] = kills
	r.counts["peak RSS MiB"], r.counts["peak of the cell MiB"] = s.peak>>20, most>>20
	r.counts["good calls"], r.counts["good errors"] = calls, len(s.good.errors)
	r.counts["good p99 ms"], r.counts["good slowest ms"] = p99.Milliseconds(), s.good.slowest().Milliseconds()
	r.counts["slowest head ms"] = slowest.Milliseconds()
	r.counts["sockets"], r.counts["fds"], r.counts["goroutines"] = pair(s.before.sockets, s.after.sockets), pair(s.before.fds, s.after.fds), pair(s.before.goroutines, s.after.goroutines)
	r.counts["attacks"] = s.seen.Outcomes
	if kills > 0 || s.peak >= cellSize {
		r.Errorf("killed for memory %d times, the process has had %d MiB; want never, and less than %d", kills, s.peak>>20, cellSize>>20)
	}
	if len(s.good.errors) > 0 || p99 >= slowestCall || calls < 100 {
		r.Errorf("good clients: %d calls, p99 %v, %d errors: %q; want many calls, p99 below %v and no errors", calls, p99, len(s.good.errors), s.good.errors[:min(5, len(s.good.errors))], slowestCall)
	}
	if slowest > slowestHead || slowest == 0 {
		r.Errorf("a slow head was cut off after %v, want at most %v", slowest, slowestHead)
	}
	if !s.after.asBefore(s.before) {
		r.Errorf("open before the siege: %+v, long after it: %+v", s.before, s.after)
	}
	for _, a := range attacks {
		if a.pause > 0 && len(s.seen.Outcomes[a.name]) == 0 {
			r.Errorf("%s: none came to its end: the rig has shown nothing of it", a.name)
		}
	}
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

// asBefore reports whether hardly more is open than before: a file more for what has been
// written since, a goroutine more for work in the background.
func (s standing) asBefore(before standing) bool {
	return s.sockets <= before.sockets+1 && s.fds <= before.fds+4 && s.goroutines <= before.goroutines+8
}

// standing waits until the server has no more open than before, and says what it has.
func (r *rig) standing(s *siege, before standing) (now standing) {
	r.Helper()
	server, _ := s.current()
	for deadline := time.Now().Add(2 * time.Minute); ; {
		var err error
		if now, err = standingOf(server.PID(), server.Endpoint); err != nil {
			r.Fatal(err)
		}
		if before == (standing{}) || now.asBefore(before) || time.Now().After(deadline) {
			return now
		}
		<-time.After(200 * time.Millisecond)
	}
}

func standingOf(pid int, endpoint string) (now standing, err error) {
	if now.sockets, err = sockets(pid); err != nil {
		return now, err
	}
	again := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
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
			to.HTTP = &http.Client{Transport: transport}
			from.HTTP = to.HTTP
			for n := 0; ctx.Err() == nil; n++ {
				g.round(context.WithoutCancel(ctx), i, n, to, from)
			}
		})
	}
}

// round makes each kind of call once.
func (g *goodClients) round(ctx context.Context, i, n int, to, from caller) {
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
		began := time.Now()
		err := call.do()
		g.note(call.name, time.Since(began), err)
		<-time.After(20 * time.Millisecond)
	}
}

func (g *goodClients) note(call string, took time.Duration, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.took = append(g.took, took)
	if err != nil {
		g.errors = append(g.errors, call+": "+err.Error())
	}
}

func (g *goodClients) percentile(p int) (took time.Duration, calls int) {
	return percentile(g.took, p), len(g.took)
}

func (g *goodClients) slowest() time.Duration { return percentile(g.took, 100) }
