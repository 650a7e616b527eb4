package operator_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tributary/internal/delivery"
	"tributary/internal/durable/journal"
	"tributary/internal/service/api"
	"tributary/internal/service/operator"
)

func TestDeliveryIsExplainedWithWhatBecameOfTheEvents(t *testing.T) {
	s := newScene(t)
	s.admit(accountPolicyFor(sender))
	s.Must(sender, "logs", "put-subscription-filter", "--log-group-name", "g", "--filter-name", "f", "--filter-pattern", "", "--destination-arn", destination)
	s.Must(sender, "logs", "create-log-stream", "--log-group-name", "g", "--log-stream-name", "a")
	put := func() {
		s.Must(sender, "logs", "put-log-events", "--log-group-name", "g", "--log-stream-name", "a",
			"--log-events", fmt.Sprintf(`[{"timestamp":%d,"message":"m"}]`, time.Now().UnixMilli()))
	}
	question := map[string]any{"logGroupArn": "g", "filterName": "f"}
	ask := func() explanation {
		t.Helper()
		return s.explain(s.As(sender), "Delivery", question)
	}
	put()
	s.eventually("an event is delivered", func() bool { return ask().Delivery.ForwardedEvents == 1 })
	if x := ask(); x.Verdict != unseen || x.Filter.Name != "f" || x.Filter.LogGroupARN != groupARN || x.Filter.DestinationARN != destination {
		t.Errorf("a filter that delivers: %+v, filter %+v", x, x.Filter)
	}
	// The recipient's side breaks: the sender sees that events are lost, not why.
	s.Must(recipient, "iam", "delete-role-policy", "--role-name", "r", "--policy-name", "p")
	put()
	s.eventually("an event is dropped", func() bool { return ask().Delivery.DroppedEvents == 1 })
	x := ask()
	if want := "refused on the recipient's side of " + destination + "; its owner sees why"; x.Delivery.LastError != want || x.Delivery.State != "REFUSED" || x.Delivery.RefusedSince == 0 {
		t.Errorf("%s since %v, last error:\n got %s\nwant %s", x.Delivery.State, x.Delivery.RefusedSince, x.Delivery.LastError, want)
	}
	s.admit(accountPolicyFor("222222222222"))
	put()
	s.eventually("another is dropped", func() bool { return ask().Delivery.DroppedEvents == 2 })
	x = ask()
	if want := "refused by check access-policy: " + destination + " is not there or does not admit this sender"; x.Delivery.LastError != want || x.Verdict != fail {
		t.Errorf("last error:\n got %s\nwant %s", x.Delivery.LastError, want)
	}
	for name, in := range map[string]map[string]any{
		"ResourceNotFoundException: The log group has no subscription filter x.":          {"logGroupArn": "g", "filterName": "x"},
		"ValidationException: Give filterName or accountPolicyName.":                      {"logGroupArn": "g"},
		"ValidationException: Give filterName or accountPolicyName, not both.":            {"logGroupArn": "g", "filterName": "f", "accountPolicyName": "p"},
		"ValidationException: logGroupArn is not the ARN of a log group.":                 {"logGroupArn": "arn:aws:logs:us-east-1:" + sender + ":destination:d", "filterName": "f"},
		"ResourceNotFoundException: The log group has no subscription filter g's filter.": {"logGroupArn": "nowhere", "filterName": "g's filter"},
	} {
		if _, err := s.raw(s.As(sender), "Delivery", in); err == nil || err.Error() != name {
			t.Errorf("%v:\n got %v\nwant %s", in, err, name)
		}
	}
}

// An account's policy is explained as it is for one log group: it needs a second
// permission of the destination.
func TestAnAccountPolicyIsExplainedAsItIsForALogGroup(t *testing.T) {
	s := newScene(t)
	admit := func(actions string) {
		s.admit(`{"Statement":{"Effect":"Allow","Principal":{"AWS":"` + sender + `"},"Action":` + actions + `,"Resource":"` + destination + `"}}`)
	}
	admit(`["logs:PutSubscriptionFilter","logs:PutAccountPolicy"]`)
	document, err := json.Marshal(map[string]string{"DestinationArn": destination, "FilterPattern": ""})
	if err != nil {
		t.Fatal(err)
	}
	s.Must(sender, "logs", "put-account-policy", "--policy-name", "p", "--policy-type", "SUBSCRIPTION_FILTER_POLICY", "--policy-document", string(document))
	s.Must(sender, "logs", "create-log-stream", "--log-group-name", "g", "--log-stream-name", "a")
	put := func() {
		s.Must(sender, "logs", "put-log-events", "--log-group-name", "g", "--log-stream-name", "a",
			"--log-events", fmt.Sprintf(`[{"timestamp":%d,"message":"m"}]`, time.Now().UnixMilli()))
	}
	question := map[string]any{"logGroupArn": "g", "accountPolicyName": "p"}
	ask := func() explanation {
		t.Helper()
		return s.explain(s.As(sender), "Delivery", question)
	}
	put()
	s.eventually("an event is delivered", func() bool { return ask().Delivery.ForwardedEvents == 1 })
	x := ask()
	want := operator.ExplainedFilter{LogGroupARN: groupARN, Name: "p", AccountLevel: true, DestinationARN: destination, Distribution: x.Filter.Distribution}
	if x.Verdict != unseen || *x.Filter != want || x.Delivery.State != "LIVE" {
		t.Errorf("a policy that delivers: verdict %s, %s, filter %+v, want %+v", x.Verdict, x.Delivery.State, x.Filter, want)
	}
	admit(`"logs:PutSubscriptionFilter"`)
	put()
	s.eventually("an event is dropped", func() bool { return ask().Delivery.DroppedEvents == 1 })
	if got := ask().check(t, "access-policy"); got.Status != fail {
		t.Errorf("without logs:PutAccountPolicy: got %s, want %s", got.Status, fail)
	}
	if got := s.explain(s.As(recipient), "Subscription", map[string]any{"logGroupArn": groupARN, "destinationArn": destination}).check(t, "access-policy"); got.Status != pass {
		t.Errorf("a filter of the group: got %s, want %s", got.Status, pass)
	}
	question["accountPolicyName"] = "q"
	if _, err := s.raw(s.As(sender), "Delivery", question); err == nil || err.Error() != "ResourceNotFoundException: The log group has no subscription filter q." {
		t.Errorf("a policy that is not there: got %v", err)
	}
}

// What was given up stands in an explanation with where it was and why.
func TestLossesAreInTheExplanation(t *testing.T) {
	at := time.UnixMilli(1_700_000_000_123)
	got := operator.DeliveryStateOf(delivery.Status{
		State: delivery.Refused,
		Tally: delivery.Tally{DeliveryErrors: 7, ExpiredEvents: 4, RefusedNow: true, RefusedSince: at},
		Losses: []delivery.Loss{
			{Journal: "j", From: journal.Position{Block: 1, Index: 2}, To: journal.Position{Block: 3}, FromTime: at.UnixMilli(), Events: -1, Reason: "why"},
		},
	})
	want := &operator.DeliveryState{
		State: "REFUSED", DroppedEvents: 7, ExpiredEvents: 4, RefusedSince: api.At(at),
		Losses: []operator.LostRange{{Journal: "j", From: "1.2", To: "3.0", FromTime: api.At(at), Events: -1, Reason: "why"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
