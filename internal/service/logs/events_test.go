package logs

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"tributary/internal/durable/journal"
	"tributary/internal/pure/arn"
	"tributary/internal/service/api"
)

// messages are all events of a stream, read from its head.
func (r *rig) messages(u user, group, stream string) (list []string) {
	r.Helper()
	members := in{"logGroupName": group, "logStreamName": stream, "startFromHead": true}
	for range 1000 {
		out := ok[GetLogEventsOutput](r, u, "GetLogEvents", members)
		for _, ev := range out.Events {
			list = append(list, ev.Message)
		}
		if out.NextForwardToken == members["nextToken"] {
			return list
		}
		members["nextToken"] = out.NextForwardToken
	}
	r.Fatal("the forward token never stays the same")
	return nil
}

func texts(events []OutputLogEvent) string {
	var list []string
	for _, ev := range events {
		list = append(list, ev.Message)
	}
	return strings.Join(list, " ")
}

func TestPutLogEventsTellsOfWhatItLeavesOut(t *testing.T) {
	r := newRig(t)
	r.group(root(sender), "g", "s")
	const day = 24 * time.Hour
	out := r.put(root(sender), "g", "s",
		r.at(-20*day), "too old", r.at(-15*day), "too old", r.at(0), "a", r.at(time.Second), "b", r.at(3*time.Hour), "too new")
	if info := out.RejectedLogEventsInfo; info == nil || *info.TooOldLogEventEndIndex != 2 || *info.TooNewLogEventStartIndex != 4 || info.ExpiredLogEventEndIndex != nil {
		t.Errorf("got %+v, want too old to 2 and too new from 4", info)
	}
	if len(out.NextSequenceToken) != eventIDDigits {
		t.Errorf("got sequence token %q, want %d digits", out.NextSequenceToken, eventIDDigits)
	}
	if got, want := r.messages(root(sender), "g", "s"), []string{"a", "b"}; !slices.Equal(got, want) {
		t.Errorf("stored %q, want %q", got, want)
	}

	out = r.put(root(sender), "g", "s", r.at(-20*day), "x", r.at(5*time.Hour), "x")
	if info := out.RejectedLogEventsInfo; *info.TooOldLogEventEndIndex != 1 || *info.TooNewLogEventStartIndex != 1 || out.NextSequenceToken == "" {
		t.Errorf("all left out: got %+v and token %q", info, out.NextSequenceToken)
	}

	r.void(root(sender), "PutRetentionPolicy", in{"logGroupName": "g", "retentionInDays": 3})
	out = r.put(root(sender), "g", "s", r.at(-20*day), "x", r.at(-4*day), "x", r.at(0), "c")
	if info := out.RejectedLogEventsInfo; *info.TooOldLogEventEndIndex != 1 || *info.ExpiredLogEventEndIndex != 2 {
		t.Errorf("expired: got %+v, want too old to 1 and expired to 2", info)
	}
	// Just inside the bounds.
	out = r.put(root(sender), "g", "s", r.at(2*time.Hour), "d")
	if out.RejectedLogEventsInfo != nil {
		t.Errorf("two hours ahead: got %+v, want nothing", out.RejectedLogEventsInfo)
	}
	if got, want := r.messages(root(sender), "g", "s"), []string{"a", "c", "b", "d"}; !slices.Equal(got, want) {
		t.Errorf("stored %q, want %q", got, want)
	}
}

func TestPutLogEventsRefusals(t *testing.T) {
	r := newRig(t)
	r.group(root(sender), "g", "s")
	put := func(group, stream string, events ...any) in {
		return in{"logGroupName": group, "logStreamName": stream, "logEvents": eventList(events)}
	}
	r.refused(root(sender), "PutLogEvents", put("h", "s", r.at(0), "m"), "ResourceNotFoundException", "The specified log group does not exist.")
	r.refused(root(sender), "PutLogEvents", put("g", "t", r.at(0), "m"), "ResourceNotFoundException", "The specified log stream does not exist.")
	r.refused(root(other), "PutLogEvents", put("g", "s", r.at(0), "m"), "ResourceNotFoundException", "The specified log group does not exist.")
	r.refused(root(sender), "PutLogEvents", put("g", "s", r.at(1), "m", r.at(-time.Millisecond), "m"), "InvalidParameterException", "Log events in a single PutLogEvents request must be in chronological order.")
	r.refused(root(sender), "PutLogEvents", put("g", "s", r.at(-24*time.Hour-time.Millisecond), "m", r.at(0), "m"), "InvalidParameterException",
		"The batch of log events in a single PutLogEvents request cannot span more than 24 hours.")
	if got := r.messages(root(sender), "g", "s"); len(got) != 0 {
		t.Errorf("refused calls stored %q", got)
	}
	r.put(root(sender), "g", "s", r.at(-20*24*time.Hour), "left out", r.at(-24*time.Hour), "a", r.at(0), "b") // the span is that of the others
	if got := r.messages(root(sender), "g", "s"); len(got) != 2 {
		t.Errorf("got %q, want a and b", got)
	}
}

func TestPutLogEventsTakesValuesAsWellAsABody(t *testing.T) {
	r := newRig(t)
	r.group(root(sender), "g", "s")
	op, _ := r.dispatch.Operation("logs", "PutLogEvents")
	call := &api.Call{Service: "logs", Operation: "PutLogEvents", Region: home, Caller: root(sender).caller, Time: testTime}
	members := map[string]any{"logGroupName": "g", "logStreamName": "s", "-": "AAAA", "logEvents": []any{
		map[string]any{"timestamp": api.Number(strconv.FormatInt(r.at(0), 10)), "message": "say \"é\"\n"},
	}}
	// "-" is how the fields that only the scanner sets are tagged: no member, so ignored.
	if _, err := r.dispatch.Do(t.Context(), op, call, api.Input{Tree: members}); err != nil {
		t.Fatal(err)
	}
	if got, want := r.messages(root(sender), "g", "s"), []string{"say \"é\"\n"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestGetLogEventsPages(t *testing.T) {
	r := newRig(t)
	r.group(root(sender), "g", "s")
	for i := range 10 {
		r.put(root(sender), "g", "s", r.at(time.Duration(i)*time.Second), strconv.Itoa(i))
	}
	get := func(members in) *GetLogEventsOutput {
		members["logGroupName"], members["logStreamName"] = "g", "s"
		return ok[GetLogEventsOutput](r, root(sender), "GetLogEvents", members)
	}
	cases := []struct {
		members in
		want    string
	}{
		{in{}, "0 1 2 3 4 5 6 7 8 9"},
		{in{"limit": 3}, "7 8 9"},
		{in{"limit": 3, "startFromHead": true}, "0 1 2"},
		{in{"startTime": r.at(2 * time.Second), "endTime": r.at(5 * time.Second)}, "2 3 4"},
		{in{"startTime": r.at(2 * time.Second), "endTime": r.at(2 * time.Second)}, ""},
		{in{"endTime": r.at(5 * time.Second), "limit": 2}, "3 4"},
		{in{"startTime": r.at(time.Hour)}, ""},
		{in{"endTime": 0}, ""},
	}
	for _, c := range cases {
		asked := fmt.Sprint(c.members)
		out := get(c.members)
		if got := texts(out.Events); got != c.want {
			t.Errorf("%s: got %q, want %q", asked, got, c.want)
		}
		for _, token := range []string{"f" + out.NextForwardToken[1:58], "b" + out.NextBackwardToken[1:58]} {
			if _, err := strconv.ParseUint(token[2:20], 10, 64); err != nil || token[1] != '/' {
				t.Errorf("%s: token begins %q, want a direction and digits", asked, token)
			}
		}
	}

	// Backward through everything, to the end, where the token stays.
	var pages []string
	out := get(in{"limit": 4})
	for {
		pages = append(pages, texts(out.Events))
		next := get(in{"limit": 4, "nextToken": out.NextBackwardToken})
		if next.NextBackwardToken == out.NextBackwardToken {
			if len(next.Events) != 0 {
				t.Errorf("the token stays although there are events: %q", texts(next.Events))
			}
			break
		}
		out = next
	}
	if got, want := strings.Join(pages, "|"), "6 7 8 9|2 3 4 5|0 1"; got != want {
		t.Errorf("backward: got %q, want %q", got, want)
	}
	// And forward again from there.
	if got := texts(get(in{"limit": 3, "nextToken": out.NextForwardToken}).Events); got != "2 3 4" {
		t.Errorf("forward from the oldest page: got %q, want 2 3 4", got)
	}
}

func TestForwardTokenFollowsTheEnd(t *testing.T) {
	r := newRig(t)
	r.group(root(sender), "g", "s")
	for _, head := range []bool{false, true} { // at first the stream is empty
		get := func(token string) *GetLogEventsOutput {
			members := in{"logGroupName": "g", "logStreamName": "s", "startFromHead": head}
			if token != "" {
				members["nextToken"] = token
			}
			return ok[GetLogEventsOutput](r, root(sender), "GetLogEvents", members)
		}
		token := get("").NextForwardToken
		for range 2 {
			out := get(token)
			if len(out.Events) != 0 || out.NextForwardToken != token {
				t.Fatalf("nothing new: got %q, token the same: %t", texts(out.Events), out.NextForwardToken == token)
			}
		}
		// Two calls in one millisecond, with the same time: none may be passed over.
		for i := range 5 {
			message := fmt.Sprint(head, i)
			r.put(root(sender), "g", "s", r.at(0), message)
			out := get(token)
			if texts(out.Events) != message {
				t.Fatalf("got %q, want %q", texts(out.Events), message)
			}
			token = out.NextForwardToken
		}
	}
}

func TestTokensOfEventsAreOfNoUseElsewhere(t *testing.T) {
	r := newRig(t)
	for _, account := range []arn.AccountID{sender, other} {
		r.group(root(account), "g", "s", "t")
		r.put(root(account), "g", "s", r.at(0), "m")
	}
	out := ok[GetLogEventsOutput](r, root(sender), "GetLogEvents", in{"logGroupName": "g", "logStreamName": "s"})
	token := out.NextForwardToken
	refused := func(u user, stream, token string) {
		t.Helper()
		r.refused(u, "GetLogEvents", in{"logGroupName": "g", "logStreamName": stream, "nextToken": token}, "InvalidParameterException", "The specified nextToken is invalid.")
	}
	refused(root(other), "s", token)
	refused(root(sender), "t", token)
	refused(root(sender), "s", "b"+token[1:])
	refused(root(sender), "s", "f/"+strings.Repeat("0", 56)+token[58:])
	for i := range token {
		refused(root(sender), "s", token[:i]+string(token[i]^1)+token[i+1:])
		refused(root(sender), "s", token[:i]+"-"+token[i:])
	}
	r.refused(root(sender), "FilterLogEvents", in{"logGroupName": "g", "nextToken": token}, "InvalidParameterException", "The specified nextToken is invalid.")
	r.clock.move(23 * time.Hour)
	ok[GetLogEventsOutput](r, root(sender), "GetLogEvents", in{"logGroupName": "g", "logStreamName": "s", "nextToken": token})
	r.clock.move(2 * time.Hour)
	refused(root(sender), "s", token)
}

func TestFilterLogEventsInterleavesStreams(t *testing.T) {
	r := newRig(t)
	streams := []string{"a", "b", "c/1", "c/2"}
	r.group(root(sender), "g", streams...)
	r.group(root(sender), "h", "a")
	r.put(root(sender), "h", "a", r.at(0), "of another group")
	for i := range 12 {
		level := "INFO"
		if i%3 == 0 {
			level = "ERROR"
		}
		r.put(root(sender), "g", streams[i%4], r.at(time.Duration(i)*time.Second), fmt.Sprint(level, " ", i))
	}
	filter := func(members in) (list []string, pages int) {
		members["logGroupName"] = "g"
		last := ""
		for {
			out := ok[FilterLogEventsOutput](r, root(sender), "FilterLogEvents", members)
			for _, ev := range out.Events {
				list = append(list, strings.Fields(ev.Message)[1])
				if head := members["startFromHead"]; (head == nil || head == true) && ev.EventID <= last {
					t.Errorf("id %s comes after %s", ev.EventID, last)
				}
				last = ev.EventID
			}
			if pages++; out.NextToken == "" {
				return list, pages
			}
			members["nextToken"] = out.NextToken
		}
	}
	cases := []struct {
		members in
		want    string
		pages   int
	}{
		{in{}, "0 1 2 3 4 5 6 7 8 9 10 11", 1},
		{in{"limit": 5}, "0 1 2 3 4 5 6 7 8 9 10 11", 3},
		{in{"limit": 1, "filterPattern": "ERROR"}, "0 3 6 9", 4},
		{in{"logStreamNames": []string{"a", "c/1"}}, "0 2 4 6 8 10", 1},
		{in{"logStreamNamePrefix": "c/", "limit": 4}, "2 3 6 7 10 11", 2},
		{in{"logStreamNamePrefix": "z"}, "", 1},
		{in{"startTime": r.at(2 * time.Second), "endTime": r.at(4 * time.Second)}, "2 3 4", 1}, // the end is included
		{in{"startFromHead": false, "startTime": r.at(3 * time.Second), "limit": 5}, "7 8 9 10 11 3 4 5 6", 2},
	}
	for _, c := range cases {
		asked := fmt.Sprint(c.members)
		if got, pages := filter(c.members); strings.Join(got, " ") != c.want || pages != c.pages {
			t.Errorf("%s: got %v in %d pages, want %s in %d", asked, got, pages, c.want, c.pages)
		}
	}
	const g, invalid = "logGroupName", "InvalidParameterException"
	r.refused(root(sender), "FilterLogEvents", in{g: "g", "filterPattern": "{"}, invalid, "Invalid filter pattern")
	r.refused(root(sender), "FilterLogEvents", in{g: "g", "startFromHead": false, "startTime": int64(earliestTail - 1)}, invalid, "startFromHead can be false only with a startTime of 2024-01-01T00:00:00Z or later.")
	r.refused(root(sender), "FilterLogEvents", in{g: "g", "logStreamNames": []string{"a"}, "logStreamNamePrefix": "a"}, invalid, "logStreamNames and logStreamNamePrefix are mutually exclusive parameters.")
	r.refused(root(sender), "FilterLogEvents", in{g: "g", "logStreamNames": []string{"z"}}, "ResourceNotFoundException", "The specified log stream does not exist.")
}

func TestEventsHaveTheirOwnIDs(t *testing.T) {
	r := newRig(t)
	r.group(root(sender), "g", "s")
	for range 3 { // the clock stands still
		r.put(root(sender), "g", "s", r.at(0), "m", r.at(0), "m")
	}
	seen := map[string]bool{}
	for _, ev := range ok[FilterLogEventsOutput](r, root(sender), "FilterLogEvents", in{"logGroupName": "g"}).Events {
		seen[ev.EventID] = true
	}
	if len(seen) != 6 {
		t.Errorf("got %d ids, want 6", len(seen))
	}
}

func TestReadsSeeWhatWasAcknowledged(t *testing.T) {
	r := newRig(t)
	r.group(root(sender), "g", "a", "b", "c", "d")
	var writers sync.WaitGroup
	for _, stream := range []string{"a", "b", "c", "d"} {
		writers.Go(func() {
			for i := range 40 {
				message := fmt.Sprintf("%s%d", stream, i)
				r.put(root(sender), "g", stream, r.at(0), message)
				out := ok[GetLogEventsOutput](r, root(sender), "GetLogEvents", in{"logGroupName": "g", "logStreamName": stream, "limit": 1})
				if texts(out.Events) != message {
					t.Errorf("after %s was acknowledged: the last event is %q", message, texts(out.Events))
				}
			}
		})
	}
	writers.Wait()
	r.restart()
	for _, stream := range []string{"a", "b", "c", "d"} {
		if got := r.messages(root(sender), "g", stream); len(got) != 40 || got[39] != stream+"39" {
			t.Errorf("after a restart: got %d events, want 40", len(got))
		}
	}
}

func TestPagesStopAtAMegabyte(t *testing.T) {
	r := newRig(t)
	r.group(root(sender), "g", "s")
	large := strings.Repeat("x", 600_000)
	for i := range 4 {
		r.put(root(sender), "g", "s", r.at(time.Duration(i)*time.Second), fmt.Sprint(i, large))
	}
	var sizes []int
	members := in{"logGroupName": "g"}
	for {
		out := ok[FilterLogEventsOutput](r, root(sender), "FilterLogEvents", members)
		sizes = append(sizes, len(out.Events))
		if out.NextToken == "" {
			break
		}
		members["nextToken"] = out.NextToken
	}
	if want := []int{1, 1, 1, 1}; !slices.Equal(sizes, want) {
		t.Errorf("events on each page: got %v, want %v", sizes, want)
	}
}

func TestExpiredEventsAreNotShown(t *testing.T) {
	r := newRig(t)
	r.group(root(sender), "g", "s")
	r.put(root(sender), "g", "s", r.at(-30*time.Hour), "old", r.at(-10*time.Hour), "new")
	r.void(root(sender), "PutRetentionPolicy", in{"logGroupName": "g", "retentionInDays": 1})
	if got, want := r.messages(root(sender), "g", "s"), []string{"new"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestIngestJournalsAreTrimmedBehindDelivery(t *testing.T) {
	var mu sync.Mutex
	delivered := map[string]journal.Position{}
	r := newRig(t, func(r *rig) {
		r.delivered = func(_ arn.Region, name string) journal.Position {
			mu.Lock()
			defer mu.Unlock()
			return delivered[name]
		}
	})
	r.group(root(sender), "g", "s")
	r.put(root(sender), "g", "s", r.at(0), "old")
	r.clock.move(26 * time.Hour)
	r.put(root(sender), "g", "s", r.at(0), "new")

	trim := func(want ...string) {
		t.Helper()
		if err := r.service.TrimIngest(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := r.messages(root(sender), "g", "s"); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	trim("old", "new") // nothing has been delivered
	mu.Lock()
	for _, j := range r.service.IngestJournals(home) {
		delivered[j.Name()] = j.End()
	}
	mu.Unlock()
	trim("new")
	r.restart()
	trim("new")
	s := ok[DescribeLogStreamsOutput](r, root(sender), "DescribeLogStreams", in{"logGroupName": "g"}).LogStreams[0]
	if *s.FirstEventTimestamp != r.at(0) {
		t.Errorf("first event: got %d, want %d", *s.FirstEventTimestamp, r.at(0))
	}
}

func TestClockThatGoesBackLosesNothing(t *testing.T) {
	r := newRig(t)
	r.group(root(sender), "g", "s")
	var want []string
	for i := range 6 {
		r.clock.move(time.Duration(1-2*(i%2)) * time.Hour)
		r.put(root(sender), "g", "s", testTime.UnixMilli(), fmt.Sprint(i))
		want = append(want, fmt.Sprint(i))
	}
	if got := r.messages(root(sender), "g", "s"); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := len(ok[FilterLogEventsOutput](r, root(sender), "FilterLogEvents", in{"logGroupName": "g"}).Events); got != 6 {
		t.Errorf("FilterLogEvents: got %d events, want 6", got)
	}
}

// The memory in which calls are encoded serves many of them, one after the other.
func TestCallsThatShareMemoryAreNotMixedUp(t *testing.T) {
	const writers, calls = 8, 6
	r := newRig(t)
	want := func(writer, call int) string {
		return strings.Repeat(fmt.Sprintf("%d/%d ", writer, call), 18_000+4_000*call) // more than the smallest that is kept
	}
	for w := range writers {
		r.group(root(sender), "g"+strconv.Itoa(w), "s")
	}
	errs := make([]error, writers)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for c := 0; c < calls && errs[w] == nil; c++ {
				_, errs[w] = r.do(root(sender), "PutLogEvents", in{
					"logGroupName": "g" + strconv.Itoa(w), "logStreamName": "s", "logEvents": eventList([]any{r.at(0), want(w, c)}),
				})
			}
		})
	}
	wg.Wait()
	r.restart() // what is read is what was stored
	for w, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
		got := r.messages(root(sender), "g"+strconv.Itoa(w), "s")
		if len(got) != calls {
			t.Fatalf("writer %d: got %d events, want %d", w, len(got), calls)
		}
		for c := range got {
			if got[c] != want(w, c) {
				t.Fatalf("writer %d, call %d: another text is stored, beginning %.20q", w, c, got[c])
			}
		}
	}
}
