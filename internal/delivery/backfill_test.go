package delivery_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tributary/internal/client"
)

func (s *story) backfill(filter string, since time.Time) error {
	s.t.Helper()
	return s.As(sender).JSON(s.t.Context(), "tributary", "Tributary_20261121.BackfillSubscription",
		map[string]any{"logGroupName": "g", "filterName": filter, "since": float64(since.UnixMilli()) / 1000}, nil)
}

func TestBackfillComesInOrderBeforeWhatIsLiveAndNothingTwice(t *testing.T) {
	for _, restart := range []bool{false, true} {
		s := begin(t, 1)
		s.makeGroup("g", "a")
		s.putEach("g", "a", texts("too old", 3))
		<-time.After(20 * time.Millisecond)
		since := time.Now()
		<-time.After(20 * time.Millisecond)
		past := texts("past", 40)
		s.putEach("g", "a", past)
		s.subscribe("g", "f", "")
		live := texts("live", 5)
		s.putEach("g", "a", live)
		s.eventually("live events", func() bool { return len(s.messages("f")) == 5 })
		if err := s.backfill("f", since); err != nil {
			t.Fatal(err)
		}
		if restart {
			s.Restart()
		}
		later := texts("later", 5)
		s.putEach("g", "a", later)
		s.eventually("all events", func() bool { return len(s.messages("f")) >= 50 })
		s.eventually("f is live", s.isIn("f", "LIVE"))
		s.Restart()
		s.put("g", "a", "last")
		s.eventually("the last event", func() bool { return slices.Contains(s.messages("f"), "last") })
		if diff := cmp.Diff(slices.Concat(live, past, later, []string{"last"}), s.messages("f")); diff != "" {
			t.Errorf("restart %t (-want +got):\n%s", restart, diff)
		}
		refusal, ok := errors.AsType[*client.Refusal](s.backfill("f", since))
		if !ok || refusal.Code != "InvalidOperationException" {
			t.Errorf("a second backfill of the same: got %v, want InvalidOperationException", refusal)
		}
		if err := s.backfill("f", since.Add(-time.Minute)); err != nil {
			t.Fatal(err)
		}
		s.eventually("what lies before", func() bool { return len(s.messages("f")) >= 54 })
		if diff := cmp.Diff(texts("too old", 3), s.lastOf("f", 3)); diff != "" {
			t.Errorf("what lies before (-want +got):\n%s", diff)
		}
	}
}

func TestBackfillLeavesOutStreamsThatWereDeleted(t *testing.T) {
	s := begin(t, 1)
	s.makeGroup("g", "a", "b")
	s.put("g", "a", "deleted")
	s.Must(sender, "logs", "delete-log-stream", "--log-group-name", "g", "--log-stream-name", "a")
	s.Must(sender, "logs", "create-log-stream", "--log-group-name", "g", "--log-stream-name", "a")
	s.put("g", "b", "kept")
	s.subscribe("g", "f", "")
	if err := s.backfill("f", time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	s.eventually("f is live", func() bool { return s.isIn("f", "LIVE")() && len(s.messages("f")) > 0 })
	if got := s.messages("f"); !slices.Equal(got, []string{"kept"}) {
		t.Errorf("got %q, want only what is still there", got)
	}
}
