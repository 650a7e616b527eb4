package operator_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tributary/internal/pure/policy"
	"tributary/internal/server/servertest"
	"tributary/internal/service/api"
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

// accessRows are what each operation must be authorized for, asked by the sender's
// root user.
var accessRows = map[string]struct {
	input map[string]any
	want  []api.Access
}{
	"CreateAccount": {
		map[string]any{"name": "n", "email": "n@example.com"},
		[]api.Access{{Action: "tributary:CreateAccount", Resource: "*"}},
	},
	"ListAccounts": {
		map[string]any{},
		[]api.Access{{Action: "tributary:ListAccounts", Resource: "*"}},
	},
	"ListSubscriptionStatus": {
		map[string]any{},
		[]api.Access{
			{Action: "tributary:ListSubscriptionStatus", Resource: "arn:aws:logs:us-east-1:" + sender + ":log-group::log-stream:"},
			{Action: "logs:DescribeSubscriptionFilters", Resource: "arn:aws:logs:us-east-1:" + sender + ":log-group::log-stream:"},
		},
	},
	"BackfillSubscription": {
		map[string]any{"logGroupName": "g", "filterName": "f", "since": api.Number("1")},
		[]api.Access{
			{Action: "tributary:BackfillSubscription", Resource: groupARN, Context: tagged},
			{Action: "logs:PutSubscriptionFilter", Resource: groupARN + ":log-stream:", Context: tagged},
		},
	},
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

// tagged are the condition keys of the log group's tags.
var tagged = policy.Context{"aws:resourcetag/team": {"t"}}

func TestEveryOperationAsksForItsPermissions(t *testing.T) {
	server := servertest.Start(t)
	server.Must(sender, "logs", "create-log-group", "--log-group-name", "g", "--tags", `{"Team":"t"}`)
	table, ok := server.Dispatcher.Service("tributary")
	if !ok {
		t.Fatal("there is no service tributary")
	}
	ask := func(name string, input map[string]any, wanted int) ([]api.Access, error) {
		asked := &denyLast{wanted: wanted}
		doors := api.NewDispatcher(asked, *table)
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
	for i := range table.Operations {
		if name := table.Operations[i].Name; accessRows[name].input == nil {
			t.Errorf("%s has no row among accessRows", name)
		}
	}
	for name, row := range accessRows {
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
