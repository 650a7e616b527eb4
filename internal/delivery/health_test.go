package delivery_test

import (
	"encoding/base64"
	"fmt"
	"testing"
	"time"

	"tributary/internal/client"
	"tributary/internal/server"
	"tributary/internal/server/servertest"
)

// controlMessages counts those in stream s.
func (s *story) controlMessages() int {
	s.t.Helper()
	n := 0
	out := s.Must(recipient, "kinesis", "get-records", "--shard-iterator", s.iterator("TRIM_HORIZON"))
	for _, r := range out["Records"].([]any) {
		data, err := base64.StdEncoding.DecodeString(r.(map[string]any)["Data"].(string))
		if err != nil {
			s.t.Fatal(err)
		}
		if env, err := client.DecodeEnvelope(data); err == nil && env.MessageType == "CONTROL_MESSAGE" {
			n++
		}
	}
	return n
}

func TestDestinationsInUseAreCheckedAndTheirFailuresShown(t *testing.T) {
	s := tell(t, servertest.StartWith(t, server.Config{DestinationChecks: 10 * time.Millisecond}), 1)
	s.makeGroup("g", "a")
	const atCreation = 1
	<-time.After(100 * time.Millisecond)
	if n := s.controlMessages(); n != atCreation {
		t.Errorf("a destination that nobody subscribes to got %d control messages, want that of PutDestination", n)
	}
	s.subscribe("g", "f", "")
	s.eventually("control messages", func() bool { return s.controlMessages() > atCreation+2 })
	s.eventually("the check is shown", func() bool { return s.status("f")["destinationCheck"] != nil })
	if got := s.status("f")["destinationError"]; got != nil {
		t.Errorf("a destination in order: got the error %q", got)
	}
	s.Must(recipient, "iam", "delete-role-policy", "--role-name", "r", "--policy-name", "p")
	s.eventually("the failure is shown", func() bool { return s.status("f")["destinationError"] == "a control message did not arrive" })
	if n := s.status("f")["droppedEvents"]; n != 0.0 {
		t.Errorf("a check that fails dropped %v events", n)
	}
	s.allow(streamARN)
	s.eventually("the failure is over", func() bool { return s.status("f")["destinationError"] == nil })
}

// Whatever a foreign destination is that does not admit the sender, its status says
// the same, also where the sender's own side is broken.
func TestASenderWhoIsShutOutLearnsNothingOfTheDestination(t *testing.T) {
	s := tell(t, servertest.StartWith(t, server.Config{DestinationChecks: 10 * time.Millisecond}), 1)
	s.makeGroup("g", "a")
	const role = "arn:aws:iam::" + sender + ":role/own"
	s.Must(sender, "iam", "create-role", "--role-name", "own", "--assume-role-policy-document", trustAll)
	s.subscribe("g", "f", "", "--role-arn", role)
	s.subscribe("g", "plain", "")
	s.eventually("a check is shown", func() bool { return s.status("f")["destinationCheck"] != nil })

	dropped := 0.0
	told := func() string {
		t.Helper()
		s.put("g", "a", "m")
		dropped++
		s.eventually("the event is dropped", func() bool {
			return s.status("f")["droppedEvents"] == dropped && s.status("plain")["droppedEvents"] == dropped
		})
		var text string
		for _, name := range []string{"f", "plain"} {
			one := s.status(name)
			text += fmt.Sprintln(name, one["state"], one["lastError"], one["destinationError"], one["destinationCheck"])
		}
		return text
	}
	const absent = destination + " is not there or does not admit this sender"
	states := []struct {
		name string
		make func()
	}{
		{"admits another", func() { s.admit("222222222222") }},
		{"admits another and may not write", func() {
			s.Must(recipient, "iam", "delete-role-policy", "--role-name", "r", "--policy-name", "p")
		}},
		{"is gone", func() { s.Must(recipient, "logs", "delete-destination", "--destination-name", "d") }},
	}
	give := func() {
		s.allow(streamARN)
		s.Must(recipient, "logs", "put-destination", "--destination-name", "d", "--target-arn", streamARN, "--role-arn", roleARN)
	}
	refusal := "REFUSED refused by check access-policy: " + absent + " " + absent + " <nil>\n"
	want := "f " + refusal + "plain " + refusal
	for _, state := range states {
		state.make()
		if got := told(); got != want {
			t.Errorf("a destination that %s:\n%s\nwant\n%s", state.name, got, want)
		}
	}
	s.Must(sender, "iam", "delete-role", "--role-name", "own")
	give()
	want = "f REFUSED refused by check sender-role: role " + role + " does not exist " + absent + " <nil>\nplain " + refusal
	for _, state := range states {
		state.make()
		if got := told(); got != want {
			t.Errorf("without the sender's role, a destination that %s:\n%s\nwant\n%s", state.name, got, want)
		}
	}
}

func TestNumberOfFiltersOfALogGroupIsASetting(t *testing.T) {
	s := tell(t, servertest.StartWith(t, server.Config{FiltersPerLogGroup: 7}), 1)
	s.makeGroup("g", "a")
	names := []string{"1", "2", "3", "4", "5", "6", "7"}
	for _, name := range names {
		s.subscribe("g", name, "")
	}
	if _, err := s.Run(sender, "logs", "put-subscription-filter", "--log-group-name", "g", "--filter-name", "8", "--filter-pattern", "", "--destination-arn", destination); err == nil {
		t.Error("an eighth filter is accepted")
	}
	s.put("g", "a", "m")
	for _, name := range names {
		s.eventually("the event through "+name, func() bool { return len(s.messages(name)) == 1 })
	}
}
