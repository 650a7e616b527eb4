package delivery_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tributary/internal/server"
	"tributary/internal/server/servertest"
)

// A clock is the time of day until it is stopped. While it stands, a shard whose
// throughput was exceeded stays so.
type clock struct {
	mu      sync.Mutex
	stopped time.Time // zero while it goes
	ahead   time.Duration
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.stopped.IsZero() {
		return c.stopped
	}
	return time.Now().Add(c.ahead)
}

func (c *clock) stop() {
	now := c.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopped = now
}

// jump moves a clock that stands.
func (c *clock) jump(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopped = c.stopped.Add(d)
}

// goOn lets the clock go again, from so long after where it stood.
func (c *clock) goOn(after time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead = time.Until(c.stopped.Add(after))
	c.stopped = time.Time{}
}

// beginSlow is begin on a server that holds shards to AWS's throughput, with a
// second destination whose stream nothing ails: filter "other" of log group g.
func beginSlow(t *testing.T, shards int) (*story, *clock) {
	c := &clock{}
	s := tell(t, servertest.StartWith(t, server.Config{Quotas: "aws", Now: c.Now}), shards)
	const other = "arn:aws:logs:us-east-1:" + recipient + ":destination:other"
	s.Must(recipient, "kinesis", "create-stream", "--stream-name", "t", "--shard-count", "1")
	s.eventually("stream t is ACTIVE", func() bool { return s.isActive("t") })
	s.allow("*")
	s.Must(recipient, "logs", "put-destination", "--destination-name", "other", "--target-arn", strings.TrimSuffix(streamARN, "s")+"t", "--role-arn", roleARN)
	s.Must(recipient, "logs", "put-destination-policy", "--destination-name", "other", "--access-policy",
		`{"Statement":{"Effect":"Allow","Principal":{"AWS":"`+sender+`"},"Action":"logs:PutSubscriptionFilter","Resource":"`+other+`"}}`)
	s.makeGroup("g", "a", "b")
	s.Must(sender, "logs", "put-subscription-filter", "--log-group-name", "g", "--filter-name", "other", "--filter-pattern", "", "--destination-arn", other)
	return s, c
}

// ballast is the partition key of records that only use up throughput.
const ballast = "ballast"

// exhaust uses all that the shards of stream s take in a second.
func (s *story) exhaust() {
	s.t.Helper()
	s.exhaustStream("s")
}

func (s *story) exhaustStream(name string) {
	s.t.Helper()
	s.exhaustShards(name, s.Must(recipient, "kinesis", "list-shards", "--stream-name", name)["Shards"].([]any))
}

func (s *story) exhaustShards(stream string, shards []any) {
	s.t.Helper()
	for _, sh := range shards {
		hash := sh.(map[string]any)["HashKeyRange"].(map[string]any)["StartingHashKey"].(string)
		one := map[string]any{"PartitionKey": ballast, "ExplicitHashKey": hash, "Data": ""}
		for failed := 0; failed == 0; {
			var out struct{ FailedRecordCount int }
			if err := s.As(recipient).JSON(s.t.Context(), "kinesis", "Kinesis_20131202.PutRecords",
				map[string]any{"StreamName": stream, "Records": slices.Repeat([]any{one}, 500)}, &out); err != nil {
				s.t.Fatal(err)
			}
			failed = out.FailedRecordCount
		}
	}
}

// status is what the sender is told of a filter.
func (s *story) status(filter string) map[string]any {
	s.t.Helper()
	var out struct{ Subscriptions []map[string]any }
	if err := s.As(sender).JSON(s.t.Context(), "tributary", "Tributary_20261121.ListSubscriptionStatus", struct{}{}, &out); err != nil {
		s.t.Fatal(err)
	}
	for _, one := range out.Subscriptions {
		if one["filterName"] == filter {
			return one
		}
	}
	return nil
}

func (s *story) isIn(filter, state string) func() bool {
	return func() bool { return s.status(filter)["state"] == state }
}

// delivered is how many events of a filter have been delivered since the start.
func (s *story) delivered(filter string) int {
	return int(s.status(filter)["deliveredEvents"].(float64))
}

func texts(prefix string, n int) []string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("%s %03d", prefix, i))
	}
	return all
}

func (s *story) putEach(group, stream string, messages []string) {
	s.t.Helper()
	for _, m := range messages {
		s.put(group, stream, m)
	}
}

// A stream that throttles holds up neither the other filter of the log group nor
// anybody else, and gets everything once and in order when it takes records again,
// also when the server was started again in between.
func TestThrottledStreamHoldsUpNobodyAndGetsAllInOrder(t *testing.T) {
	for _, restart := range []bool{false, true} {
		t.Run(fmt.Sprintf("restart %t", restart), func(t *testing.T) {
			s, c := beginSlow(t, 2)
			s.subscribe("g", "f", "")
			s.subscribe("g", "r", "", "--distribution", "Random")
			live := texts("live", 5)
			s.putEach("g", "a", live)
			s.eventually("live events", func() bool { return len(s.messages("f")) == 5 && len(s.messages("r")) == 5 })
			c.stop()
			s.exhaust()
			late := texts("late", 30)
			s.putEach("g", "a", late)
			s.eventually("the other filter's events", func() bool { return s.delivered("other") == 35 })
			s.eventually("f is on a detour", s.isIn("f", "RETRYING"))
			s.eventually("r is on a detour", s.isIn("r", "RETRYING"))
			if got := s.delivered("f"); got != 5 {
				t.Fatalf("a stream that is exhausted took %d events of f", got-5)
			}
			if n := s.status("f")["throttledEvents"].(float64); n == 0 {
				t.Error("no throttling is counted")
			}
			if n := s.status("f")["lagEvents"].(float64); n == 0 {
				t.Error("f has no lag")
			}
			if restart {
				s.Restart()
			}
			c.goOn(3 * time.Second)
			end := texts("end", 5)
			s.putEach("g", "a", end)
			want := slices.Concat(live, late, end)
			s.eventually("all events", func() bool { return len(s.messages("f")) >= 40 && len(s.messages("r")) >= 40 })
			s.eventually("f is live again", s.isIn("f", "LIVE"))
			s.eventually("r is live again", s.isIn("r", "LIVE"))
			last := texts("last", 3)
			s.putEach("g", "a", last)
			s.Restart()
			want = append(want, last...)
			s.eventually("the last events", func() bool { return len(s.messages("f")) >= 43 && len(s.messages("r")) >= 43 })
			if diff := cmp.Diff(want, s.messages("f")); diff != "" {
				t.Errorf("by log stream (-want +got):\n%s", diff)
			}
			got := s.messages("r")
			slices.Sort(got)
			slices.Sort(want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("random, sorted (-want +got):\n%s", diff)
			}
		})
	}
}

// losses are those of a filter, without places and times.
func (s *story) losses(filter string) (events float64, reasons []string) {
	list, _ := s.status(filter)["losses"].([]any)
	all := map[string]bool{}
	for _, one := range list {
		l := one.(map[string]any)
		events += l["events"].(float64)
		all[l["reason"].(string)] = true
	}
	return events, slices.Sorted(maps.Keys(all))
}

func TestEventsAreTriedFor24HoursAndThenDroppedWithARecord(t *testing.T) {
	// An attempt that is under way while the clock jumps a day may still deliver what
	// was young when it began, so one of three jumps has to meet none.
	for range 3 {
		if lost := expire(t); lost == 20 {
			return
		}
	}
	t.Error("no event of the two log streams expired together with the others, three times")
}

// expire makes 20 events expire behind an exhausted shard, and ten more come through.
// It returns how many were lost.
func expire(t *testing.T) (lost float64) {
	s, c := beginSlow(t, 1)
	s.subscribe("g", "f", "")
	c.stop()
	s.exhaust()
	// Set back, the clock leaves the shard exhausted.
	c.jump(-2 * time.Minute)
	s.putEach("g", "a", texts("expired", 10))
	s.putEach("g", "b", texts("expired", 10))
	s.eventually("f is on a detour", s.isIn("f", "RETRYING"))
	c.jump(2 * time.Minute)
	s.putEach("g", "a", texts("kept", 10))
	s.eventually("the other filter's events", func() bool { return s.delivered("other") == 30 })
	c.goOn(24*time.Hour - time.Minute)
	s.eventually("f is live again", func() bool {
		events, _ := s.losses("f")
		return s.isIn("f", "LIVE")() && int(events)+len(s.messages("f")) >= 30
	})
	if diff := cmp.Diff(texts("kept", 10), s.lastOf("f", 10)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	events, reasons := s.losses("f")
	if int(events)+len(s.messages("f")) != 30 {
		t.Errorf("%v events are noted as lost and %d were delivered, want 30 together", events, len(s.messages("f")))
	}
	if want := []string{"not delivered within 24 hours of ingestion"}; events > 0 && !slices.Equal(reasons, want) {
		t.Errorf("reasons: got %q, want %q", reasons, want)
	}
	s.Restart()
	if again, _ := s.losses("f"); again != events {
		t.Errorf("after a restart %v events are noted as lost, want %v", again, events)
	}
	return events
}

// lastOf are the last messages of a filter.
func (s *story) lastOf(filter string, n int) []string {
	all := s.messages(filter)
	return all[max(0, len(all)-n):]
}

func TestBacklogOfARevokedSenderIsWithheld(t *testing.T) {
	s, c := beginSlow(t, 1)
	s.subscribe("g", "f", "")
	c.stop()
	s.exhaust()
	s.putEach("g", "a", texts("backlog", 20))
	s.eventually("f is on a detour", s.isIn("f", "RETRYING"))
	before := s.delivered("f")
	s.admit("222222222222")
	c.goOn(3 * time.Second)
	s.eventually("the loss is noted", func() bool { n, _ := s.losses("f"); return int(n) == 20-before })
	s.admit(sender)
	s.put("g", "a", "next")
	s.eventually("the next event", func() bool { return slices.Contains(s.messages("f"), "next") })
	if got := s.messages("f"); len(got) != before+1 {
		t.Errorf("got %q, want nothing of the backlog", got[before:])
	}
}

// What remains of a stream's journal after it was lost cannot take records. The
// filter waits with its events, the others of the ingest journal do not.
func TestLostShardHoldsUpNobody(t *testing.T) {
	c := &clock{}
	server := servertest.StartWith(t, server.Config{Now: c.Now})
	before := journals(t, server.Dir())
	s := tell(t, server, 1)
	gone := slices.DeleteFunc(journals(t, server.Dir()), func(j string) bool { return slices.Contains(before, j) })
	s.makeGroup("g", "a")
	s.subscribe("g", "f", "")
	s.Must(recipient, "kinesis", "create-stream", "--stream-name", "t", "--shard-count", "1")
	s.eventually("stream t is ACTIVE", func() bool {
		out := s.Must(recipient, "kinesis", "describe-stream-summary", "--stream-name", "t")
		return out["StreamDescriptionSummary"].(map[string]any)["StreamStatus"] == "ACTIVE"
	})
	s.allow("*")
	s.Must(recipient, "logs", "create-log-group", "--log-group-name", "own")
	s.Must(recipient, "logs", "create-log-stream", "--log-group-name", "own", "--log-stream-name", "a")
	s.Must(recipient, "logs", "put-subscription-filter", "--log-group-name", "own", "--filter-name", "healthy",
		"--filter-pattern", "", "--destination-arn", strings.TrimSuffix(streamARN, "s")+"t", "--role-arn", roleARN)
	s.Stop()
	if len(gone) != 1 {
		t.Fatalf("stream s has journals %q, want one", gone)
	}
	if err := os.RemoveAll(gone[0]); err != nil {
		t.Fatal(err)
	}
	s.Resume()
	for i := range 8 { // over all ingest journals
		name := fmt.Sprint("s", i)
		s.Must(sender, "logs", "create-log-stream", "--log-group-name", "g", "--log-stream-name", name)
		s.put("g", name, "waits")
		s.Must(recipient, "logs", "create-log-stream", "--log-group-name", "own", "--log-stream-name", name)
		s.Must(recipient, "logs", "put-log-events", "--log-group-name", "own", "--log-stream-name", name,
			"--log-events", fmt.Sprintf(`[{"timestamp":%d,"message":"m"}]`, nowMs()))
	}
	s.eventually("the healthy filter's events", func() bool { return len(s.messagesIn("t", "healthy")) == 8 })
	s.eventually("f is on a detour", s.isIn("f", "RETRYING"))
	if got := s.status("f")["lastError"]; got != "a shard cannot be written to" {
		t.Errorf("last error: got %q", got)
	}
}

// journals are the folders of all journals.
func journals(t *testing.T, dir string) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, "jetstream", "*", "streams", "J*"))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestStatusIsForgottenWithItsFilter(t *testing.T) {
	s := begin(t, 1)
	s.makeGroup("g", "a")
	s.subscribe("g", "f", "ERROR")
	messages := append(slices.Repeat([]string{"ERROR"}, 2000), "fine")
	s.put("g", "a", messages...)
	// They are matched, as the sender is told, when all of them have been dealt with.
	s.eventually("the events are counted", func() bool { return s.status("f")["matchedEvents"] == 2000.0 })
	got := s.status("f")
	for member, want := range map[string]any{
		"logGroupName": "g", "state": "LIVE", "deliveredEvents": 2000.0, "deliveredRecords": 1.0, "droppedEvents": 0.0,
		"lagEvents": 0.0, "destinationArn": destination,
	} {
		if got[member] != want {
			t.Errorf("%s: got %v, want %v", member, got[member], want)
		}
	}
	if got["deliveredBytes"].(float64) <= 0 || got["lastDelivery"] == nil {
		t.Errorf("got %v, want bytes and a time of delivery", got)
	}
	s.Must(sender, "logs", "delete-subscription-filter", "--log-group-name", "g", "--filter-name", "f")
	if got := s.status("f"); got != nil {
		t.Errorf("a deleted filter has the status %v", got)
	}
}

// A permission may end by the clock, without a change of any policy.
func TestAPermissionThatEndsByTheClockEnds(t *testing.T) {
	c := &clock{}
	s := tell(t, servertest.StartWith(t, server.Config{Now: c.Now}), 1)
	s.makeGroup("g", "a")
	s.subscribe("g", "f", "")
	until := c.Now().Add(10 * time.Minute)
	s.Must(recipient, "logs", "put-destination-policy", "--destination-name", "d", "--access-policy",
		`{"Statement":{"Effect":"Allow","Principal":{"AWS":"`+sender+`"},"Action":"logs:PutSubscriptionFilter","Resource":"`+destination+`",
		  "Condition":{"DateLessThan":{"aws:CurrentTime":"`+until.UTC().Format(time.RFC3339)+`"}}}}`)
	s.put("g", "a", "in time")
	s.eventually("the event in time", func() bool { return slices.Equal(s.messages("f"), []string{"in time"}) })
	c.stop()
	c.goOn(11 * time.Minute)
	s.put("g", "a", "too late")
	s.eventually("f is refused", s.isIn("f", "REFUSED"))
	if got := s.messages("f"); !slices.Equal(got, []string{"in time"}) {
		t.Errorf("got %q, want only what came in time", got)
	}
	s.admit(sender)
	s.put("g", "a", "again")
	s.eventually("f is live again", func() bool { return s.isIn("f", "LIVE")() && len(s.messages("f")) == 2 })
}

// A batch goes to its shards one by one. When one of them holds it up, what the others
// have taken of it already is not sent again.
func TestAFilterThatLeavesKnowsWhatOtherShardsHaveTaken(t *testing.T) {
	s, c := beginSlow(t, 2)
	filters := []string{"r1", "r2", "r3", "r4"}
	for _, name := range filters {
		s.subscribe("g", name, "", "--distribution", "Random")
	}
	c.stop()
	s.exhaustShards("s", s.Must(recipient, "kinesis", "list-shards", "--stream-name", "s")["Shards"].([]any)[:1])
	// Calls at once share blocks, so that a batch has events for both shards.
	want := texts("m", 60)
	var calls sync.WaitGroup
	for _, m := range want {
		calls.Go(func() {
			err := s.As(sender).JSON(t.Context(), "logs", "Logs_20140328.PutLogEvents", map[string]any{
				"logGroupName": "g", "logStreamName": "a",
				"logEvents": []any{map[string]any{"timestamp": c.Now().UnixMilli(), "message": m}},
			}, nil)
			if err != nil {
				t.Error(err)
			}
		})
	}
	calls.Wait()
	for _, name := range filters {
		s.eventually(name+" is on a detour", s.isIn(name, "RETRYING"))
	}
	c.goOn(3 * time.Second)
	for _, name := range filters {
		s.eventually(name+" is live again", func() bool { return s.isIn(name, "LIVE")() && len(s.messages(name)) >= len(want) })
		got := s.messages(name)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s, sorted (-want +got):\n%s", name, diff)
		}
	}
}

// A stream is split while filters are on detours and merged while they are on others:
// what a shard had of a batch before is known where its children take the rest.
func TestAReshardDuringADetourLosesAndDoublesNothing(t *testing.T) {
	s, c := beginSlow(t, 2)
	s.subscribe("g", "f", "")
	s.subscribe("g", "r", "", "--distribution", "Random")
	var want []string
	put := func(prefix string, n int) {
		t.Helper()
		want = append(want, texts(prefix, n)...)
		s.putEach("g", "a", texts(prefix, n))
	}
	reshard := func(words ...string) {
		t.Helper()
		s.Must(recipient, append([]string{"kinesis", words[0], "--stream-name", "s"}, words[1:]...)...)
		s.eventually("the stream is ACTIVE again", func() bool { return s.isActive("s") })
	}
	arrive := func() {
		t.Helper()
		c.goOn(3 * time.Second)
		for _, name := range []string{"f", "r"} {
			s.eventually(name+" has everything", func() bool { return s.isIn(name, "LIVE")() && len(s.messages(name)) >= len(want) })
		}
	}
	put("0 live", 5)
	s.eventually("live events", func() bool { return len(s.messages("f")) == 5 && len(s.messages("r")) == 5 })
	c.stop()
	s.exhaust()
	put("1 on a detour", 10)
	s.eventually("r is on a detour", s.isIn("r", "RETRYING"))
	reshard("split-shard", "--shard-to-split", "shardId-000000000000", "--new-starting-hash-key", "85070591730234615865843651857942052864")
	put("2 split", 10)
	s.Restart()
	arrive()
	c.stop()
	s.exhaust()
	put("3 on a detour", 10)
	reshard("merge-shards", "--shard-to-merge", "shardId-000000000002", "--adjacent-shard-to-merge", "shardId-000000000003")
	put("4 merged", 10)
	arrive()
	s.Restart()
	put("5 last", 3)
	s.eventually("the last events", func() bool { return len(s.messages("f")) >= len(want) && len(s.messages("r")) >= len(want) })
	if diff := cmp.Diff(want, s.messages("f")); diff != "" {
		t.Errorf("by log stream (-want +got):\n%s", diff)
	}
	got := s.messages("r")
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("random, sorted (-want +got):\n%s", diff)
	}
}
