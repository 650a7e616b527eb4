package logs

import (
	"context"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tributary/internal/pure/policy"
	"tributary/internal/service/api"
)

// A recorder allows everything and keeps what it was asked.
type recorder struct {
	mu    sync.Mutex
	asked []api.Access
}

func (r *recorder) Authorize(_ context.Context, _ *api.Call, a api.Access) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = append(r.asked, a)
	return nil
}

const (
	groupStreams = "arn:aws:logs:us-east-1:111111111111:log-group:g:log-stream:"
	allGroupsARN = "arn:aws:logs:us-east-1:111111111111:log-group::log-stream:"
	ownDest      = "arn:aws:logs:us-east-1:111111111111:destination:d"
	groupItself  = "arn:aws:logs:us-east-1:111111111111:log-group:g"
	ownRole      = "arn:aws:iam::111111111111:role/r"
)

// accesses are what each operation must be authorized for: the resources of AWS's
// Service Authorization Reference and its condition keys. The log group g has the
// tag Team=red, the destination d the tag Stage=prod.
var accesses = map[string]struct {
	input in
	want  []api.Access
}{
	"CreateLogGroup": {in{"logGroupName": "new", "tags": in{"Cost": "1"}}, []api.Access{
		{Action: "logs:CreateLogGroup", Resource: "arn:aws:logs:us-east-1:111111111111:log-group:new:log-stream:", Context: setCost(nil)},
		{Action: "logs:TagResource", Resource: "arn:aws:logs:us-east-1:111111111111:log-group:new", Context: setCost(nil)},
	}},
	"DeleteLogGroup":        {in{"logGroupName": "g"}, onG("DeleteLogGroup")},
	"DescribeLogGroups":     {in{}, []api.Access{{Action: "logs:DescribeLogGroups", Resource: allGroupsARN}}},
	"PutRetentionPolicy":    {in{"logGroupName": "g", "retentionInDays": 1}, onG("PutRetentionPolicy")},
	"DeleteRetentionPolicy": {in{"logGroupName": "g"}, onG("DeleteRetentionPolicy")},

	"CreateLogStream":    {in{"logGroupName": "g", "logStreamName": "s"}, onS("CreateLogStream")},
	"DeleteLogStream":    {in{"logGroupName": "g", "logStreamName": "s"}, onS("DeleteLogStream")},
	"DescribeLogStreams": {in{"logGroupIdentifier": groupItself}, onG("DescribeLogStreams")},
	"PutLogEvents":       {in{"logGroupName": "g", "logStreamName": "s", "logEvents": []in{{"timestamp": 1, "message": "m"}}}, onS("PutLogEvents")},
	"GetLogEvents":       {in{"logGroupIdentifier": "g", "logStreamName": "s"}, onS("GetLogEvents")},
	"FilterLogEvents":    {in{"logGroupName": "g"}, onG("FilterLogEvents")},

	"PutDestination": {in{"destinationName": "d", "targetArn": "arn:aws:kinesis:us-east-1:111111111111:stream/s", "roleArn": ownRole, "tags": in{"Cost": "1"}}, []api.Access{
		{Action: "logs:PutDestination", Resource: ownDest, Context: setCost(destTags())},
		{Action: "logs:TagResource", Resource: ownDest, Context: setCost(destTags())},
		passed(ownDest),
	}},
	"PutDestinationPolicy": {in{"destinationName": "d", "accessPolicy": "{}"}, onD("PutDestinationPolicy")},
	"DescribeDestinations": {in{}, []api.Access{{Action: "logs:DescribeDestinations", Resource: "arn:aws:logs:us-east-1:111111111111:destination:*"}}},
	"DeleteDestination":    {in{"destinationName": "d"}, onD("DeleteDestination")},

	"PutSubscriptionFilter": {
		in{"logGroupName": "g", "filterName": "f", "filterPattern": "", "destinationArn": destinationARN, "roleArn": ownRole},
		append(onG("PutSubscriptionFilter"), passed(groupItself)),
	},
	"DescribeSubscriptionFilters": {in{"logGroupName": "g"}, onG("DescribeSubscriptionFilters")},
	"DeleteSubscriptionFilter":    {in{"logGroupName": "g", "filterName": "f"}, onG("DeleteSubscriptionFilter")},

	"PutAccountPolicy": {
		policyInput("p", `{"DestinationArn":"`+destinationARN+`","RoleArn":"`+ownRole+`","FilterPattern":""}`),
		append(onAll("PutAccountPolicy", "PutSubscriptionFilter"), passed("arn:aws:logs:us-east-1:111111111111:*")),
	},
	"DescribeAccountPolicies": {in{"policyType": subscriptionPolicy}, onAll("DescribeAccountPolicies", "DescribeSubscriptionFilters")},
	"DeleteAccountPolicy":     {in{"policyType": subscriptionPolicy, "policyName": "p"}, onAll("DeleteAccountPolicy", "DeleteSubscriptionFilter")},

	"TestMetricFilter": {in{"filterPattern": "", "logEventMessages": []string{"m"}}, []api.Access{{Action: "logs:TestMetricFilter", Resource: "*"}}},

	"TagResource": {in{"resourceArn": groupItself, "tags": in{"Cost": "1"}}, []api.Access{
		{Action: "logs:TagResource", Resource: groupItself, Context: setCost(groupTags())},
	}},
	"UntagResource": {in{"resourceArn": ownDest, "tagKeys": []string{"Cost"}}, []api.Access{
		{Action: "logs:UntagResource", Resource: ownDest, Context: cut(destTags())},
	}},
	"ListTagsForResource": {in{"resourceArn": ownDest}, onD("ListTagsForResource")},
	"TagLogGroup": {in{"logGroupName": "g", "tags": in{"Cost": "1"}}, []api.Access{
		{Action: "logs:TagLogGroup", Resource: groupStreams, Context: setCost(groupTags())},
	}},
	"UntagLogGroup": {in{"logGroupName": "g", "tags": []string{"Cost"}}, []api.Access{
		{Action: "logs:UntagLogGroup", Resource: groupStreams, Context: cut(groupTags())},
	}},
	"ListTagsLogGroup": {in{"logGroupName": "g"}, onG("ListTagsLogGroup")},
}

func groupTags() policy.Context { return policy.Context{"aws:resourcetag/team": {"red"}} }
func destTags() policy.Context  { return policy.Context{"aws:resourcetag/stage": {"prod"}} }

// setCost are the keys of a request that sets the tag Cost=1, besides others.
func setCost(besides policy.Context) policy.Context {
	keys := cut(besides)
	keys["aws:requesttag/cost"] = []string{"1"}
	return keys
}

// cut are the keys of a request that removes the tag Cost.
func cut(besides policy.Context) policy.Context {
	if besides == nil {
		besides = policy.Context{}
	}
	besides["aws:tagkeys"] = []string{"Cost"}
	return besides
}

func onG(operation string) []api.Access {
	return []api.Access{{Action: "logs:" + operation, Resource: groupStreams, Context: groupTags()}}
}

func onS(operation string) []api.Access {
	return []api.Access{{Action: "logs:" + operation, Resource: groupStreams + "s", Context: groupTags()}}
}

func onD(operation string) []api.Access {
	return []api.Access{{Action: "logs:" + operation, Resource: ownDest, Context: destTags()}}
}

func onAll(operations ...string) []api.Access {
	var list []api.Access
	for _, operation := range operations {
		list = append(list, api.Access{Action: "logs:" + operation, Resource: allGroupsARN})
	}
	return list
}

func passed(resource string) api.Access {
	return api.Access{Action: "iam:PassRole", Resource: ownRole, Context: policy.Context{
		"iam:passedtoservice": {"logs.amazonaws.com"}, "iam:associatedresourcearn": {resource},
	}}
}

func TestEveryOperationAsksForTheDocumentedPermissions(t *testing.T) {
	r := newRig(t)
	role := r.role(sender, "r")
	known := map[string]bool{}
	for _, op := range r.service.Table().Operations {
		known[op.Name] = true
		t.Run(op.Name, func(t *testing.T) {
			row, ok := accesses[op.Name]
			if !ok {
				t.Fatal("the operation has no row in accesses: say what it must be authorized for")
			}
			// What an operation before this one removed is there again.
			r.dispatch = api.NewDispatcher(r.iam, r.service.Table(), r.iam.Table())
			_, _ = r.do(root(sender), "CreateLogGroup", in{"logGroupName": "g"})
			r.void(root(sender), "TagLogGroup", in{"logGroupName": "g", "tags": in{"Team": "red"}})
			r.void(root(sender), "PutDestination", in{
				"destinationName": "d", "targetArn": "arn:aws:kinesis:us-east-1:111111111111:stream/s", "roleArn": role, "tags": in{"Stage": "prod"},
			})
			_, _ = r.do(root(sender), "UntagResource", in{"resourceArn": ownDest, "tagKeys": []string{"Cost"}})
			_, _ = r.do(root(sender), "UntagLogGroup", in{"logGroupName": "g", "tags": []string{"Cost"}})

			asked := &recorder{}
			r.dispatch = api.NewDispatcher(asked, r.service.Table(), r.iam.Table())
			_, _ = r.do(root(sender), op.Name, row.input) // whatever comes of it
			if diff := cmp.Diff(row.want, asked.asked); diff != "" {
				t.Errorf("accesses (-want +got):\n%s", diff)
			}
		})
	}
	for name := range accesses {
		if !known[name] {
			t.Errorf("there is no operation %s", name)
		}
	}
}

func TestTagsOfAResourceAndOfARequestDecide(t *testing.T) {
	r := newRig(t)
	r.void(root(sender), "CreateLogGroup", in{"logGroupName": "red", "tags": in{"Team": "red"}})
	r.void(root(sender), "CreateLogGroup", in{"logGroupName": "blue", "tags": in{"team": "blue"}})
	ann := r.user(sender, "ann")
	r.void(root(sender), "iam:PutUserPolicy", in{"UserName": "ann", "PolicyName": "p", "PolicyDocument": `{"Statement":[
		{"Effect":"Allow","Action":"logs:*","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"red"}}},
		{"Effect":"Allow","Action":["logs:CreateLogGroup","logs:TagResource"],"Resource":"*","Condition":{"StringEquals":{"aws:RequestTag/team":"red"},"ForAllValues:StringEquals":{"aws:TagKeys":["team"]}}}]}`})
	for _, c := range []struct {
		operation string
		input     in
		allowed   bool
	}{
		{"CreateLogStream", in{"logGroupName": "red", "logStreamName": "s"}, true},
		{"CreateLogStream", in{"logGroupName": "blue", "logStreamName": "s"}, false},
		{"CreateLogGroup", in{"logGroupName": "more", "tags": in{"team": "red"}}, true},
		{"CreateLogGroup", in{"logGroupName": "less", "tags": in{"team": "blue"}}, false},
		{"CreateLogGroup", in{"logGroupName": "none"}, false},
		{"CreateLogGroup", in{"logGroupName": "two", "tags": in{"team": "red", "cost": "1"}}, false},
	} {
		_, err := r.do(ann, c.operation, c.input)
		if (err == nil) != c.allowed {
			t.Errorf("%s %v: got %v, want allowed %t", c.operation, c.input, err, c.allowed)
		}
	}
}

// The words of a refusal must not tell what tags another account's resource has.
func TestTagsOfAForeignResourceAreNotSeen(t *testing.T) {
	r := newRig(t)
	r.void(root(other), "CreateLogGroup", in{"logGroupName": "g", "tags": in{"team": "red"}})
	ann := r.user(sender, "ann")
	r.void(root(sender), "iam:PutUserPolicy", in{
		"UserName": "ann", "PolicyName": "p",
		"PolicyDocument": `{"Statement":{"Effect":"Allow","Action":"logs:*","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"red"}}}}`,
	})
	foreign := func(group string) string { return "arn:aws:logs:us-east-1:" + string(other) + ":log-group:" + group }
	for _, group := range []string{"g", "absent"} {
		r.refused(ann, "ListTagsForResource", in{"resourceArn": foreign(group)}, "AccessDeniedException",
			"User: arn:aws:iam::111111111111:user/ann is not authorized to perform: logs:ListTagsForResource on resource: "+foreign(group)+
				" because no identity-based policy allows the logs:ListTagsForResource action")
	}
}
