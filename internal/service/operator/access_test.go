package operator_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tributary/internal/pure/policy"
	"tributary/internal/service/api"
	"tributary/internal/service/operator"
)

// A denyLast allows all accesses but the last that is wanted, so that the operation
// itself does nothing, and keeps what it was asked.
type denyLast struct {
	wanted int
	asked  []api.Access
}

func (d *denyLast) Authorize(_ context.Context, call *api.Call, a api.Access) error {
	d.asked = append(d.asked, a)
	if len(d.asked) < d.wanted {
		return nil
	}
	return &api.Denied{Caller: call.Caller.Principal, Access: a}
}

// explainRows are what the operations that explain must be authorized for, asked by
// the sender's root user.
var explainRows = map[string]struct {
	input map[string]any
	want  []api.Access
}{
	"ExplainSubscription": {
		map[string]any{"logGroupArn": groupARN + ":*", "destinationArn": destination},
		[]api.Access{{Action: "tributary:ExplainSubscription", Resource: groupARN}},
	},
	"ExplainDelivery": {
		map[string]any{"logGroupArn": "g", "filterName": "f"},
		[]api.Access{
			{Action: "tributary:ExplainDelivery", Resource: groupARN},
			{Action: "logs:DescribeSubscriptionFilters", Resource: groupARN + ":log-stream:"},
		},
	},
	"ExplainAccess": {
		map[string]any{"principalArn": senderRole, "action": "a:b", "resourceArn": "*"},
		[]api.Access{
			{Action: "tributary:ExplainAccess", Resource: senderRole},
			{Action: "iam:SimulatePrincipalPolicy", Resource: senderRole},
		},
	},
}

func TestEveryExplanationAsksForItsPermissions(t *testing.T) {
	table := operator.New(operator.Config{}).Table()
	ask := func(name string, input map[string]any, wanted int) ([]api.Access, error) {
		asked := &denyLast{wanted: wanted}
		doors := api.NewDispatcher(asked, table)
		op, ok := doors.Operation("tributary", name)
		if !ok {
			t.Fatalf("there is no operation %s", name)
		}
		_, err := doors.Do(t.Context(), op, &api.Call{
			Service: "tributary", Operation: name, Region: "us-east-1",
			Caller: api.Caller{Principal: policy.Principal{Kind: policy.Root, Account: sender, ARN: "arn:aws:iam::" + sender + ":root"}},
		}, api.Input{Tree: input})
		return asked.asked, err
	}
	for name, row := range explainRows {
		got, err := ask(name, row.input, len(row.want))
		if diff := cmp.Diff(row.want, got); diff != "" {
			t.Errorf("%s: accesses (-want +got):\n%s\nanswer: %v", name, diff, err)
		}
	}
	// Where only the other end is the caller's, it is asked about.
	for name, row := range map[string]struct {
		input map[string]any
		want  api.Access
	}{
		"ExplainSubscription": {
			map[string]any{"logGroupArn": "arn:aws:logs:us-east-1:" + stranger + ":log-group:x", "destinationArn": "arn:aws:logs:us-east-1:" + sender + ":destination:own"},
			api.Access{Action: "tributary:ExplainSubscription", Resource: "arn:aws:logs:us-east-1:" + sender + ":destination:own"},
		},
		"ExplainAccess": {
			map[string]any{"principalArn": "arn:aws:iam::" + stranger + ":root", "action": "a:b", "resourceArn": groupARN},
			api.Access{Action: "tributary:ExplainAccess", Resource: groupARN},
		},
	} {
		got, _ := ask(name, row.input, 1)
		if diff := cmp.Diff([]api.Access{row.want}, got); diff != "" {
			t.Errorf("%s from the other end (-want +got):\n%s", name, diff)
		}
	}
}
