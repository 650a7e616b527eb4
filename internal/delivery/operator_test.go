package delivery_test

import (
	"errors"
	"testing"
	"time"

	"tributary/internal/client"
	"tributary/internal/pure/sigv4"
)

// What the operations about subscriptions ask for: each of the permissions alone is
// not enough, and both are.
func TestStatusAndBackfillNeedBothOfTheirPermissions(t *testing.T) {
	s := begin(t, 1)
	s.makeGroup("g", "a")
	s.put("g", "a", "m")
	s.subscribe("g", "f", "")
	s.Must(sender, "iam", "create-user", "--user-name", "u")
	key := s.Must(sender, "iam", "create-access-key", "--user-name", "u")["AccessKey"].(map[string]any)
	user := s.As(sender)
	user.Credentials = sigv4.Credentials{AccessKeyID: key["AccessKeyId"].(string), SecretAccessKey: key["SecretAccessKey"].(string)}
	const group = "arn:aws:logs:us-east-1:" + sender + ":log-group:"
	for _, c := range []struct {
		operation      string
		input          map[string]any
		own, ownOn     string
		theirs, theirO string
	}{
		{
			"ListSubscriptionStatus",
			map[string]any{},
			"tributary:ListSubscriptionStatus", "*", "logs:DescribeSubscriptionFilters", "*",
		},
		{
			"BackfillSubscription",
			map[string]any{"logGroupName": "g", "filterName": "f", "since": float64(time.Now().Add(-time.Hour).Unix())},
			"tributary:BackfillSubscription", group + "g", "logs:PutSubscriptionFilter", group + "g:*",
		},
	} {
		allow := func(action, resource string) string {
			return `{"Effect":"Allow","Action":"` + action + `","Resource":"` + resource + `"}`
		}
		own, theirs := allow(c.own, c.ownOn), allow(c.theirs, c.theirO)
		for _, p := range []struct {
			statements string
			allowed    bool
		}{{own, false}, {theirs, false}, {own + "," + theirs, true}} {
			s.Must(sender, "iam", "put-user-policy", "--user-name", "u", "--policy-name", "p", "--policy-document", `{"Version":"2012-10-17","Statement":[`+p.statements+`]}`)
			err := user.JSON(t.Context(), "tributary", "Tributary_20261121."+c.operation, c.input, nil)
			refusal, _ := errors.AsType[*client.Refusal](err)
			if denied := refusal != nil && refusal.Code == "AccessDeniedException"; denied == p.allowed {
				t.Errorf("%s with %s: got %v, want allowed %t", c.operation, p.statements, err, p.allowed)
			}
		}
	}
}

// The subscriptions of another account are nobody else's to see or to backfill.
func TestStatusAndBackfillAreOfTheCallersAccount(t *testing.T) {
	s := begin(t, 1)
	s.makeGroup("g", "a")
	s.put("g", "a", "m")
	s.subscribe("g", "f", "")
	var out struct{ Subscriptions []any }
	if err := s.As(recipient).JSON(t.Context(), "tributary", "Tributary_20261121.ListSubscriptionStatus", struct{}{}, &out); err != nil || len(out.Subscriptions) > 0 {
		t.Errorf("the recipient sees %v, %v, want nothing", out.Subscriptions, err)
	}
	err := s.As(recipient).JSON(t.Context(), "tributary", "Tributary_20261121.BackfillSubscription",
		map[string]any{"logGroupName": "g", "filterName": "f", "since": 0.0}, nil)
	if refusal, ok := errors.AsType[*client.Refusal](err); !ok || refusal.Code != "ResourceNotFoundException" {
		t.Errorf("backfill by the recipient: got %v, want ResourceNotFoundException", err)
	}
}

func TestStatusOfAnAccountPolicyIsOverAllGroups(t *testing.T) {
	s := begin(t, 1)
	s.admitPolicies()
	s.makeGroup("g", "a")
	s.makeGroup("h", "a")
	s.subscribeAll("")
	s.put("g", "a", "m")
	s.put("h", "a", "m", "n")
	s.eventually("the events are counted", func() bool { return s.status("p")["deliveredEvents"] == 3.0 })
	got := s.status("p")
	if got["policyLevel"] != "ACCOUNT_LEVEL_POLICY" || got["logGroupName"] != nil {
		t.Errorf("got %v, want the policy without a log group", got)
	}
}
