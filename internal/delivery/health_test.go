package delivery_test

import (
	"encoding/base64"
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
