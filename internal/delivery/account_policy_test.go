package delivery_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// admitPolicies is admit with what account-level policies need besides.
func (s *story) admitPolicies() {
	s.t.Helper()
	s.Must(recipient, "logs", "put-destination-policy", "--destination-name", "d", "--access-policy",
		`{"Statement":{"Effect":"Allow","Principal":{"AWS":"`+sender+`"},"Action":["logs:PutSubscriptionFilter","logs:PutAccountPolicy"],"Resource":"`+destination+`"}}`)
}

// subscribeAll puts the sender's account-level policy p.
func (s *story) subscribeAll(pattern string, more ...string) {
	s.t.Helper()
	document, err := json.Marshal(map[string]string{"DestinationArn": destination, "FilterPattern": pattern})
	if err != nil {
		s.t.Fatal(err)
	}
	s.Must(sender, append([]string{
		"logs", "put-account-policy", "--policy-name", "p", "--policy-type", "SUBSCRIPTION_FILTER_POLICY", "--policy-document", string(document),
	}, more...)...)
}

func (s *story) unsubscribeAll() {
	s.t.Helper()
	s.Must(sender, "logs", "delete-account-policy", "--policy-name", "p", "--policy-type", "SUBSCRIPTION_FILTER_POLICY")
}

const onlyShard = "shardId-000000000000"

func (s *story) iterator(kind string) string {
	s.t.Helper()
	return s.Must(recipient, "kinesis", "get-shard-iterator", "--stream-name", "s", "--shard-id", onlyShard, "--shard-iterator-type", kind)["ShardIterator"].(string)
}

// texts are the envelopes of the only shard's records from the iterator to the
// end, as they were written. Control messages are left out.
func (s *story) texts(iterator string) []string {
	s.t.Helper()
	var texts []string
	for {
		out := s.Must(recipient, "kinesis", "get-records", "--shard-iterator", iterator)
		records := out["Records"].([]any)
		for _, r := range records {
			data, err := base64.StdEncoding.DecodeString(r.(map[string]any)["Data"].(string))
			if err != nil {
				s.t.Fatal(err)
			}
			plain, err := gzip.NewReader(bytes.NewReader(data))
			if err != nil {
				s.t.Fatal(err)
			}
			text, err := io.ReadAll(plain)
			if err != nil {
				s.t.Fatal(err)
			}
			if !bytes.HasPrefix(text, []byte(`{"messageType":"CONTROL_MESSAGE"`)) {
				texts = append(texts, string(text))
			}
		}
		if iterator = out["NextShardIterator"].(string); len(records) == 0 {
			return texts
		}
	}
}

const accountLevel = `],"policyLevel":"ACCOUNT_LEVEL_POLICY"}`

func TestAccountPolicyDeliversFromGroupsOfNowAndLater(t *testing.T) {
	s := begin(t, 1)
	s.admitPolicies()
	s.makeGroup("now", "a")
	s.makeGroup("excluded", "a")
	s.put("now", "a", "ERROR before the policy")
	// What the policy leaves out is decided on together with what this filter takes:
	// when the one event has come, the other is not on its way.
	s.subscribe("excluded", "proof", "")
	s.subscribe("now", "p", "of its own") // a filter of the policy's name
	s.subscribeAll("ERROR", "--selection-criteria", `LogGroupName NOT IN ["excluded"]`)
	s.makeGroup("later", "a")
	want := map[string][]string{"now": {"ERROR of its own"}}
	s.put("now", "a", "ERROR of its own", "nothing")
	for i := range 10 {
		for _, group := range []string{"now", "later"} {
			m := fmt.Sprint("ERROR ", i)
			s.put(group, "a", m, "nothing")
			want[group] = append(want[group], m)
		}
		if i == 4 {
			s.Restart()
		}
	}
	s.put("excluded", "a", "ERROR")
	s.eventually("the proof", func() bool { return len(s.messages("proof")) == 1 })

	got := func() map[string][]string {
		byGroup := map[string][]string{}
		for _, text := range s.texts(s.iterator("TRIM_HORIZON")) {
			if !strings.HasSuffix(text, accountLevel) {
				continue
			}
			var e struct {
				LogGroup            string
				SubscriptionFilters []string
				LogEvents           []struct{ Message string }
			}
			if err := json.Unmarshal([]byte(text), &e); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(e.SubscriptionFilters, []string{"p"}) {
				t.Fatalf("subscriptionFilters: got %q, want the policy's name", e.SubscriptionFilters)
			}
			for _, ev := range e.LogEvents {
				byGroup[e.LogGroup] = append(byGroup[e.LogGroup], ev.Message)
			}
		}
		return byGroup
	}
	s.eventually("all events", func() bool { return len(got()["now"]) >= len(want["now"]) && len(got()["later"]) >= len(want["later"]) })
	if diff := cmp.Diff(want, got()); diff != "" {
		t.Errorf("events of the policy (-want +got):\n%s", diff)
	}
	own := 0
	for _, text := range s.texts(s.iterator("TRIM_HORIZON")) {
		if strings.Contains(text, `"subscriptionFilters":["p"]`) && !strings.Contains(text, "policyLevel") {
			own += strings.Count(text, `"message":`)
		}
	}
	if own != 1 {
		t.Errorf("the group's own filter p delivered %d events, want 1", own)
	}
}

// Whatever ends an account-level policy ends it before the call returns, with
// events on their way, and leaves the filters of the groups alone.
func TestAccountPolicyEndsAtOnce(t *testing.T) {
	const trials = 5
	s := begin(t, 1)
	s.admitPolicies()
	s.makeGroup("g", "a", "b")
	s.subscribe("g", "proof", "")
	s.subscribeAll("")
	ctx, cancel := context.WithCancel(t.Context())
	var load sync.WaitGroup
	defer load.Wait()
	defer cancel()
	writer := s.As(sender)
	load.Go(func() {
		for ctx.Err() == nil {
			err := writer.JSON(ctx, "logs", "Logs_20140328.PutLogEvents", map[string]any{
				"logGroupName": "g", "logStreamName": "b",
				"logEvents": []any{map[string]any{"timestamp": nowMs(), "message": "m"}},
			}, nil)
			if err != nil && ctx.Err() == nil {
				t.Errorf("put log events: %v", err)
				return
			}
		}
	})
	isAccountLevel := func(text string) bool { return strings.HasSuffix(text, accountLevel) }
	for _, c := range []struct {
		name       string
		end, begin func()
	}{
		{"the policy is deleted", s.unsubscribeAll, func() { s.subscribeAll("") }},
		{
			"the group is left out",
			func() { s.subscribeAll("", "--selection-criteria", `LogGroupName NOT IN ["g"]`) },
			func() { s.subscribeAll("") },
		},
		{"the destination takes filters of groups only", func() { s.admit(sender) }, s.admitPolicies},
	} {
		t.Run(c.name, func(t *testing.T) {
			for i := range trials {
				flowing := s.iterator("LATEST")
				s.eventually("events flow", func() bool { return slices.ContainsFunc(s.texts(flowing), isAccountLevel) })
				c.end()
				after := s.iterator("LATEST")
				m := fmt.Sprint(c.name, i)
				s.put("g", "a", m)
				s.eventually("the proof", func() bool {
					return slices.ContainsFunc(s.texts(after), func(text string) bool { return strings.Contains(text, m) && !isAccountLevel(text) })
				})
				if slices.ContainsFunc(s.texts(after), isAccountLevel) {
					t.Fatalf("trial %d: a record was appended for the policy after its end", i)
				}
				c.begin()
			}
		})
	}
}
