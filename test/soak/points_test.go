package soak_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"tributary/test/process"
)

// Every fsync, rename and unlink of the story is a point to die at. CI takes one from each
// of so many equal parts of them; the soak takes all.
func TestCrashAtEveryPointOfAStory(t *testing.T) {
	r := begin(t, "points", 1, sizes{ci: 60, soak: 2000})
	p := rigged(t)
	all := r.tellStory(p, 0)
	r.counts["points"] = all.points
	r.goal = min(r.goal, all.points)
	order := r.random.Perm(r.goal) // a soak that ends early has been everywhere
	for r.more() {
		n := 1 + (order[r.done-1]*all.points+r.random.IntN(all.points))/r.goal
		if o := r.tellStory(p, n); o.doubled > 0 {
			t.Errorf("after the crash at point %d of %d, %d events were delivered twice", n, all.points, o.doubled)
		}
	}
}

func TestPointsFindAWorkerThatForgetsItsMarks(t *testing.T) {
	takesLong(t)
	r := begin(t, "points", unlimited, sizes{ci: 40, soak: 100})
	p := faulty(t, withoutMarks)
	points := r.tellStory(p, 0).points
	for r.more() {
		// From the middle of the story on there is something to deliver.
		if o := r.tellStory(p, points/2+r.random.IntN(points/2)); o.doubled > 0 {
			r.counts["doubled"] = o.doubled
			return
		}
	}
	t.Errorf("%d crashes doubled nothing; want some doubled", r.done)
}

// An outcome is what a story came to.
type outcome struct {
	points  int // that it passed
	doubled int // events
}

// tellStory tells the story on an empty directory to its end, with a server that
// dies at the n-th point; 0 for one that does not.
func (r *rig) tellStory(p program, n int) outcome {
	r.Helper()
	control := newRemote(r.T)
	data := filepath.Join(r.TempDir(), "data")
	s := &story{world: newWorld(func() (*process.Server, error) {
		return p.start(data, control.env())
	})}
	s.shards = 2
	control.dieAt(n)
	ctx, cancel := context.WithTimeout(r.Context(), 2*patience)
	defer cancel()
	err := s.start()
	if err != nil && n > 0 { // it died before it was ready
		control.dieAt(0)
		err = s.start()
	}
	if err != nil {
		r.Fatal(err)
	}
	defer s.kill(r)
	tr := &traffic{world: s.world, t: r, ctx: ctx}
	tr.read()
	err = s.tell(ctx)
	points := control.points()
	if err != nil && n > 0 && !errors.Is(err, errNotDelivered) {
		control.dieAt(0)
		server, _ := s.current()
		<-server.Exited() // it has died, or is about to
		if s.start() == nil {
			err = s.tell(ctx)
		}
	}
	if err == nil {
		err = s.ending(ctx)
	}
	tr.reading()
	tr.readers.Wait()
	v := verdict{s.inOrder.Check(), s.spread.Check()}
	v.Spread.Disordered = 0 // none is promised
	if err != nil || v.Ordered.Lost+v.Spread.Lost+v.Ordered.Disordered+v.Ordered.Invented > 0 {
		server, _ := s.current()
		r.Errorf("crash at point %d: %v; %v\n%s", n, err, v, server.Log())
	}
	return outcome{points, v.Ordered.Doubled + v.Spread.Doubled}
}
