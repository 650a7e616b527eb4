package delivery_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tributary/internal/client"
)

func TestOnlyMatchingEventsAfterTheFilterArriveOnceInOrder(t *testing.T) {
	s := begin(t, 2)
	s.makeGroup("g", "a")
	s.put("g", "a", "ERROR before the filter")
	s.subscribe("g", "f", "ERROR -ignored")
	var want []string
	for i := range 50 {
		s.put("g", "a", fmt.Sprintf("ERROR %d", i), "fine", "ERROR ignored")
		want = append(want, fmt.Sprintf("ERROR %d", i))
	}
	s.eventually("all events", func() bool { return len(s.messages("f")) >= len(want) })
	if diff := cmp.Diff(want, s.messages("f")); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestRestartDeliversWhatWasAcknowledgedAndNothingTwice(t *testing.T) {
	s := begin(t, 2)
	s.makeGroup("g", "a")
	s.subscribe("g", "f", "")
	s.subscribe("g", "r", "", "--distribution", "Random")
	var want []string
	for round := range 4 {
		for i := range 20 {
			m := fmt.Sprintf("%d.%02d", round, i)
			s.put("g", "a", m)
			want = append(want, m)
		}
		s.Restart()
	}
	s.eventually("all events", func() bool { return len(s.messages("f")) >= len(want) && len(s.messages("r")) >= len(want) })
	if diff := cmp.Diff(want, s.messages("f")); diff != "" {
		t.Errorf("by log stream (-want +got):\n%s", diff)
	}
	got := s.messages("r")
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("random, sorted (-want +got):\n%s", diff)
	}
}

func TestRandomDistributionUsesAllShardsAndByLogStreamOne(t *testing.T) {
	s := begin(t, 4)
	s.makeGroup("g", "a")
	s.subscribe("g", "f", "")
	s.subscribe("g", "r", "", "--distribution", "Random")
	for i := range 64 {
		s.put("g", "a", strconv.Itoa(i))
	}
	s.eventually("all events", func() bool { return len(s.messages("f")) >= 64 && len(s.messages("r")) >= 64 })
	shards := map[string]map[string]bool{"f": {}, "r": {}}
	for _, d := range s.read() {
		shards[d.SubscriptionFilters[0]][d.shard] = true
	}
	if n := len(shards["f"]); n != 1 {
		t.Errorf("ByLogStream used %d shards, want 1", n)
	}
	if n := len(shards["r"]); n != 4 {
		t.Errorf("Random used %d shards, want 4", n)
	}
}

func TestExtractedFieldsAndSystemFieldsAreInTheRecord(t *testing.T) {
	s := begin(t, 1)
	s.makeGroup("g", "a")
	s.subscribe("g", "f", "[ip, status = 4*]", "--emit-system-fields", "@aws.account", "@aws.region", "@source.log")
	s.put("g", "a", "10.0.0.1 404", "10.0.0.2 200")
	s.eventually("the event", func() bool { return len(s.messages("f")) > 0 })
	e := s.read()[0].LogEvents[0]
	want := map[string]string{"ip": "10.0.0.1", "status": "404", "@aws.account": sender, "@aws.region": "us-east-1", "@source.log": "g"}
	if diff := cmp.Diff(want, e.ExtractedFields); diff != "" {
		t.Errorf("extractedFields (-want +got):\n%s", diff)
	}
}

func TestEventsThatCompressBadlyAreSplitToFitTheShard(t *testing.T) {
	s := begin(t, 1)
	s.makeGroup("g", "a")
	s.subscribe("g", "f", "")
	random := rand.NewChaCha8([32]byte{1})
	noise := make([]byte, 150_000)
	var want []string
	for range 5 {
		_, _ = random.Read(noise)
		want = append(want, base64.StdEncoding.EncodeToString(noise))
	}
	s.put("g", "a", want...)
	s.eventually("all events", func() bool { return len(s.messages("f")) >= len(want) })
	if got := s.messages("f"); !slices.Equal(got, want) {
		t.Error("the events did not arrive as they were sent")
	}
	for _, d := range s.read() {
		if d.size > 1<<20 {
			t.Errorf("a record has %d bytes, want at most 1 MiB", d.size)
		}
	}
}

func TestFilterOnAStreamOfTheOwnAccountNeedsNoDestination(t *testing.T) {
	s := begin(t, 1)
	s.Must(recipient, "logs", "create-log-group", "--log-group-name", "own")
	s.Must(recipient, "logs", "create-log-stream", "--log-group-name", "own", "--log-stream-name", "a")
	s.Must(recipient, "logs", "put-subscription-filter", "--log-group-name", "own", "--filter-name", "f",
		"--filter-pattern", "", "--destination-arn", streamARN, "--role-arn", roleARN)
	s.Must(recipient, "logs", "put-log-events", "--log-group-name", "own", "--log-stream-name", "a",
		"--log-events", fmt.Sprintf(`[{"timestamp":%d,"message":"m"}]`, nowMs()))
	s.eventually("the event", func() bool { return len(s.messages("f")) == 1 })
}

// What the recipient takes away stops the flow; what it gives back starts it with
// the next event.
func TestEveryCheckIsMadeAtDelivery(t *testing.T) {
	s := begin(t, 1)
	s.makeGroup("g", "a")
	s.subscribe("g", "f", "")
	// A second filter needs nothing of what is taken away. Both are decided on
	// together, so when its event has come, the first one's is not on its way.
	const other = "arn:aws:logs:us-east-1:" + recipient + ":destination:other"
	s.Must(recipient, "iam", "create-role", "--role-name", "other", "--assume-role-policy-document", trustAll)
	s.Must(recipient, "iam", "put-role-policy", "--role-name", "other", "--policy-name", "p", "--policy-document",
		`{"Statement":{"Effect":"Allow","Action":"kinesis:PutRecord","Resource":"*"}}`)
	s.Must(recipient, "logs", "put-destination", "--destination-name", "other", "--target-arn", streamARN, "--role-arn", "arn:aws:iam::"+recipient+":role/other")
	s.Must(recipient, "logs", "put-destination-policy", "--destination-name", "other", "--access-policy",
		`{"Statement":{"Effect":"Allow","Principal":{"AWS":"`+sender+`"},"Action":"logs:PutSubscriptionFilter","Resource":"`+other+`"}}`)
	s.Must(sender, "logs", "put-subscription-filter", "--log-group-name", "g", "--filter-name", "proof", "--filter-pattern", "", "--destination-arn", other)
	for i, c := range []struct {
		name       string
		take, back func()
	}{
		{"access policy", func() { s.admit("222222222222") }, func() { s.admit(sender) }},
		{
			"trust in the sender's account",
			func() {
				s.Must(recipient, "iam", "update-assume-role-policy", "--role-name", "r", "--policy-document", trust(recipient))
			},
			func() {
				s.Must(recipient, "iam", "update-assume-role-policy", "--role-name", "r", "--policy-document", trust(recipient, sender))
			},
		},
		{
			"permission of the role",
			func() { s.Must(recipient, "iam", "delete-role-policy", "--role-name", "r", "--policy-name", "p") },
			func() { s.allow(streamARN) },
		},
		{
			"destination",
			func() { s.Must(recipient, "logs", "delete-destination", "--destination-name", "d") },
			func() {
				s.Must(recipient, "logs", "put-destination", "--destination-name", "d", "--target-arn", streamARN, "--role-arn", roleARN)
				s.admit(sender)
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			taken, given := fmt.Sprintf("%d taken away", i), fmt.Sprintf("%d given back", i)
			c.take()
			s.put("g", "a", taken)
			s.eventually("the proof", func() bool { return slices.Contains(s.messages("proof"), taken) })
			c.back()
			s.put("g", "a", given)
			s.eventually("the later event", func() bool { return slices.Contains(s.messages("f"), given) })
			if slices.Contains(s.messages("f"), taken) {
				t.Error("an event was delivered that must not be")
			}
		})
	}
}

func trust(accounts ...string) string {
	var arns []string
	for _, a := range accounts {
		arns = append(arns, `"arn:aws:logs:us-east-1:`+a+`:*"`)
	}
	return `{"Statement":{"Effect":"Allow","Principal":{"Service":"logs.us-east-1.amazonaws.com"},"Action":"sts:AssumeRole","Condition":{"StringLike":{"aws:SourceArn":[` + strings.Join(arns, ",") + `]}}}}`
}

func TestTrustMustListBothAccounts(t *testing.T) {
	s := begin(t, 1)
	s.Must(recipient, "iam", "update-assume-role-policy", "--role-name", "r", "--policy-document", trust(sender))
	_, err := s.Run(recipient, "logs", "put-destination", "--destination-name", "d2", "--target-arn", streamARN, "--role-arn", roleARN)
	refusal, ok := errors.AsType[*client.Refusal](err)
	if want := "Could not deliver test message to specified destination. Check if the destination is valid."; !ok || refusal.Message != want {
		t.Errorf("only the sender is trusted: PutDestination answers %v, want %q", err, want)
	}
	s.Must(recipient, "iam", "update-assume-role-policy", "--role-name", "r", "--policy-document", trust(recipient))
	s.Must(recipient, "logs", "put-destination", "--destination-name", "d2", "--target-arn", streamARN, "--role-arn", roleARN)
}

// revocations is how often a sender is shut out under load. One in a hundred that
// slips through would be found with a probability of 26 in 100 here, and of 99.9
// in the soak.
const revocations = 30

// After PutDestinationPolicy has answered, nothing of the sender that it shuts
// out is appended, however much is on its way.
func TestNothingIsAppendedAfterTheSenderWasShutOut(t *testing.T) {
	s := begin(t, 1)
	s.makeGroup("g", "a", "b", "c", "d")
	s.subscribe("g", "f", "")
	ctx, cancel := context.WithCancel(t.Context())
	var load sync.WaitGroup
	defer load.Wait()
	defer cancel()
	for _, stream := range []string{"a", "b", "c", "d"} {
		c := s.As(sender)
		load.Go(func() {
			for ctx.Err() == nil {
				err := c.JSON(ctx, "logs", "Logs_20140328.PutLogEvents", map[string]any{
					"logGroupName": "g", "logStreamName": stream,
					"logEvents": []any{map[string]any{"timestamp": nowMs(), "message": "m"}},
				}, nil)
				if err != nil && ctx.Err() == nil {
					t.Errorf("put log events: %v", err)
					return
				}
			}
		})
	}
	const shard = "shardId-000000000000"
	latest := func() string {
		return s.Must(recipient, "kinesis", "get-shard-iterator", "--stream-name", "s", "--shard-id", shard, "--shard-iterator-type", "LATEST")["ShardIterator"].(string)
	}
	for i := range revocations {
		flowing := latest()
		s.eventually("events flow", func() bool {
			out := s.Must(recipient, "kinesis", "get-records", "--shard-iterator", flowing)
			return len(out["Records"].([]any)) > 0
		})
		s.admit("222222222222")
		after := latest()
		// More is accepted, and would be delivered if it could be.
		for range 20 {
			s.put("g", "a", "after")
		}
		s.admit("222222222222")
		if out := s.Must(recipient, "kinesis", "get-records", "--shard-iterator", after); len(out["Records"].([]any)) != 0 {
			t.Fatalf("trial %d: %d records were appended after the sender was shut out", i, len(out["Records"].([]any)))
		}
		s.admit(sender)
	}
}
