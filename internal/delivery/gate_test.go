package delivery

import (
	"bytes"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tributary/internal/pure/arn"
)

// A stopper is a clock that lets somebody wait: whoever asks for the time first from
// within certain functions. It goes on by answerAge each time it is asked, so that every
// permission is asked for anew.
type stopper struct {
	reached, goOn chan struct{}

	mu     sync.Mutex
	now    time.Time // guarded by mu
	within []string  // functions; none while nobody is to be stopped; guarded by mu
}

func newStopper() *stopper {
	return &stopper{
		reached: make(chan struct{}), goOn: make(chan struct{}),
		now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC),
	}
}

func (s *stopper) Now() time.Time {
	now, stops := s.ask()
	if stops {
		close(s.reached)
		<-s.goOn
	}
	return now
}

func (s *stopper) ask() (now time.Time, stops bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(answerAge)
	if len(s.within) > 0 && calledFrom(s.within) {
		s.within, stops = nil, true
	}
	return s.now, stops
}

// stop stops who asks for the time from within all of these functions.
func (s *stopper) stop(within ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.within = within
}

// calledFrom reports whether all functions whose names end like these are on the stack.
func calledFrom(functions []string) bool {
	callers := make([]uintptr, 64)
	frames := runtime.CallersFrames(callers[:runtime.Callers(0, callers)])
	missing := slices.Clone(functions)
	for more := true; more && len(missing) > 0; {
		var f runtime.Frame
		f, more = frames.Next()
		missing = slices.DeleteFunc(missing, func(name string) bool { return strings.Contains(f.Function, name) })
	}
	return len(missing) == 0
}

// aChangeWaits reports whether a change of the catalog waits for somebody to let the
// gate go.
func aChangeWaits() bool {
	var stacks bytes.Buffer
	_ = pprof.Lookup("goroutine").WriteTo(&stacks, 2) // a buffer takes everything
	for one := range strings.SplitSeq(stacks.String(), "\n\n") {
		if strings.Contains(one, "sync.(*RWMutex).Lock(") && strings.Contains(one, "catalog.(*Catalog).commitNext(") {
			return true
		}
	}
	return false
}

// change is an operation of the recipient's.
type change struct {
	op    string
	input in
}

// during makes changes while somebody is stopped who sends. It returns an iterator from
// where the shard ended when the last change was answered.
//
// As long as the gate is held, the changes wait, and who sends goes on first.
func (r *rig) during(s *stopper, send func() error, changes ...change) (after string) {
	r.t.Helper()
	var running sync.WaitGroup
	running.Go(func() {
		if err := send(); err != nil {
			r.t.Errorf("send: %v", err)
		}
	})
	r.eventually("the sender is stopped", func() bool { return isClosed(s.reached) })
	answered := make(chan struct{})
	running.Go(func() {
		defer close(answered)
		for _, c := range changes {
			if _, err := r.call(recipient, c.op, c.input); err != nil {
				r.t.Errorf("%s: %v", c.op, err)
			}
		}
	})
	r.eventually("the changes are answered, or wait for the gate", func() bool { return isClosed(answered) || aChangeWaits() })
	if isClosed(answered) {
		after = r.iterator(r.shards()[0].ShardID, "LATEST")
		close(s.goOn)
	} else {
		close(s.goOn)
		<-answered
		after = r.iterator(r.shards()[0].ShardID, "LATEST")
	}
	running.Wait()
	return after
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// Whatever is on its way when a permission is taken away, an event or a control message,
// and whether it has been asked about already or is being appended: nothing is appended
// after the answer of who took it.
func TestNothingOnItsWayIsAppendedAfterARevocation(t *testing.T) {
	const appending = "journal.(*Journal).write"
	const nobody arn.AccountID = "222222222222"
	var (
		event   = func(r *rig, w *worker, b batch) error { return w.carryShared(r.t.Context(), b) }
		control = func(r *rig, _ *worker, _ batch) error { r.CheckDestinations(r.t.Context()); return nil }

		test = func(r *rig, _ *worker, _ batch) error {
			r.do(recipient, "logs:PutDestination", in{"destinationName": "d", "targetArn": streamARN, "roleArn": roleARN("r")})
			return nil
		}

		another = change{"logs:PutDestinationPolicy", admission(nobody)}
		gone    = change{"logs:DeleteDestination", in{"destinationName": "d"}}
		role    = change{"iam:DeleteRolePolicy", in{"RoleName": "r", "PolicyName": "p"}}
		trust   = change{"iam:UpdateAssumeRolePolicy", in{
			"RoleName":       "r",
			"PolicyDocument": `{"Statement":{"Effect":"Deny","Principal":{"Service":"logs.us-east-1.amazonaws.com"},"Action":"sts:AssumeRole"}}`,
		}}
	)
	for _, c := range []struct {
		name   string
		within []string // is the sender when the permission is taken away
		send   func(*rig, *worker, batch) error
		take   change
		want   int // messages appended
	}{
		{"an event is asked about", []string{"delivery.(*carrier).ship", "delivery.(*walk).askAccessPolicy"}, event, another, 1},
		{"an event is appended", []string{"delivery.(*carrier).ship", appending}, event, another, 1},
		{"a control message is asked about", []string{"delivery.(*Delivery).sendControl", "delivery.(*walk).assumeRole"}, control, trust, 1},
		{"a control message is appended", []string{"delivery.(*Delivery).sendControl", appending}, control, role, 1},
		{"a destination is about to be checked that is removed", []string{"delivery.(*Delivery).checkOne"}, control, gone, 0},
		{"a destination is about to be checked that shuts its subscriber out", []string{"delivery.(*Delivery).checkOne"}, control, another, 0},
		{"a test of a destination", []string{"delivery.(*Delivery).sendControl", appending}, test, role, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStopper()
			r := newRig(t, 1, s.Now)
			r.put("a", "m")
			w := r.worker()
			b := r.next(w)
			whole := r.iterator(r.shards()[0].ShardID, "LATEST")
			s.stop(c.within...)
			after := r.during(s, func() error { return c.send(r, w, b) }, c.take)
			if got := r.read(whole); len(got) != c.want {
				t.Errorf("appended: got %q, want %d messages", got, c.want)
			}
			if got := r.read(after); len(got) > 0 {
				t.Errorf("appended after the permission was taken away: %q", got)
			}
		})
	}
}

// What a delivery needs may be exchanged for another that does as well, and be removed
// then. At no time is anything forbidden, so nothing is dropped, also not where the
// question was asked in the midst of it.
func TestNoEventIsDroppedWhileARoleIsExchanged(t *testing.T) {
	s := newStopper()
	r := newRig(t, 1, s.Now)
	r.makeRole("another")
	r.put("a", "m")
	w := r.worker()
	b := r.next(w)
	s.stop("delivery.(*carrier).prepare", "delivery.(*walk).askAccessPolicy")
	r.during(s, func() error { return w.carryShared(t.Context(), b) },
		change{"logs:PutDestination", in{"destinationName": "d", "targetArn": streamARN, "roleArn": roleARN("another")}},
		change{"iam:DeleteRolePolicy", in{"RoleName": "r", "PolicyName": "p"}},
		change{"iam:DeleteRole", in{"RoleName": "r"}},
	)
	if got := r.events()[r.shards()[0].ShardID]; !slices.Equal(got, []string{"m"}) {
		t.Errorf("delivered: got %q, want the event", got)
	}
}
