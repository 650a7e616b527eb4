package logs

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"tributary/internal/pure/pattern"
	"tributary/internal/service/iam"
	"tributary/internal/service/organizations"
)

const destinationARN = "arn:aws:logs:us-east-1:999999999999:destination:d"

func filterInput(name, destination string) in {
	return in{"logGroupName": "g", "filterName": name, "filterPattern": "", "destinationArn": destination}
}

// with is the members and some more.
func with(members in, more ...any) in {
	m := in{}
	for k, v := range members {
		m[k] = v
	}
	for i := 0; i < len(more); i += 2 {
		m[more[i].(string)] = more[i+1]
	}
	return m
}

const notAdmitted = "User with accountId: 111111111111 is not authorized to perform: logs:PutSubscriptionFilter on resource: " + destinationARN

func TestNobodyIsAdmittedWithoutAPolicy(t *testing.T) {
	r := newRig(t)
	r.group(root(sender), "g")
	r.group(root(recipient), "g")
	put := filterInput("f", destinationARN)
	r.refused(root(sender), "PutSubscriptionFilter", put, "AccessDeniedException", notAdmitted) // no destination
	r.destination("d")
	r.refused(root(sender), "PutSubscriptionFilter", put, "AccessDeniedException", notAdmitted) // no policy
	r.refused(root(recipient), "PutSubscriptionFilter", put, "AccessDeniedException", strings.ReplaceAll(notAdmitted, string(sender), string(recipient)))
	r.policy("d", accountPolicy("222222222222"), false)
	r.refused(root(sender), "PutSubscriptionFilter", put, "AccessDeniedException", notAdmitted)
	r.policy("d", accountPolicy("111111111111"), false)
	r.void(root(sender), "PutSubscriptionFilter", put)
	r.refused(root(recipient), "PutSubscriptionFilter", put, "AccessDeniedException", strings.ReplaceAll(notAdmitted, string(sender), string(recipient)))
}

func TestFilterIsShownAsAWSShowsIt(t *testing.T) {
	r := newRig(t)
	r.group(root(sender), "g")
	r.destination("d")
	r.policy("d", accountPolicy("111111111111"), false)
	r.void(root(sender), "PutSubscriptionFilter", filterInput("f", destinationARN))
	show := func() SubscriptionFilter {
		return ok[DescribeSubscriptionFiltersOutput](r, root(sender), "DescribeSubscriptionFilters", in{"logGroupName": "g"}).SubscriptionFilters[0]
	}
	f := show()
	if f.FilterName != "f" || f.LogGroupName != "g" || f.DestinationARN != destinationARN || f.RoleARN != "" || f.Distribution != "ByLogStream" ||
		*f.ApplyOnTransformedLogs || *f.CreationTime != testTime.UnixMilli() || f.EmitSystemFields != nil || f.FieldSelectionCriteria != "" {
		t.Errorf("got %+v", f)
	}
	change := with(filterInput("f", destinationARN), "distribution", "Random", "filterPattern", "{$.a = 1}")
	r.void(root(sender), "PutSubscriptionFilter", with(change, "emitSystemFields", []string{"@aws.region", "@source.log"}, "fieldSelectionCriteria", `@aws.region = "us-east-1"`))
	r.void(root(sender), "PutSubscriptionFilter", change) // leaves the system fields
	if f := show(); f.Distribution != "Random" || f.FilterPattern != "{$.a = 1}" || !slices.Equal(f.EmitSystemFields, []string{"@aws.region", "@source.log"}) {
		t.Errorf("after an update: got %+v", f)
	}
	r.void(root(sender), "PutSubscriptionFilter", with(change, "emitSystemFields", []string{}))
	if f := show(); len(f.EmitSystemFields) != 0 {
		t.Errorf("after clearing: got %+v", f)
	}
}

func TestPutSubscriptionFilterRefusals(t *testing.T) {
	r := newRig(t)
	r.group(root(sender), "g")
	r.destination("d")
	r.policy("d", accountPolicy("111111111111"), false)
	const invalid, denied = "InvalidParameterException", "AccessDeniedException"
	const stream = "arn:aws:kinesis:us-east-1:111111111111:stream/s"
	role := r.role(sender, "CWLtoStream")
	good := filterInput("f", destinationARN)
	cases := []struct {
		members       in
		code, message string
	}{
		{with(good, "logGroupName", "h"), "ResourceNotFoundException", "The specified log group does not exist."},
		{with(good, "filterPattern", "{"), invalid, "Invalid filter pattern: If a filter pattern starts with '{' it must end with '}'"},
		{with(good, "emitSystemFields", []string{"@x"}), invalid, "Invalid system field @x: valid ones are @aws.account, @aws.region and @source.log"},
		{filterInput("f", stream), invalid, "destinationArn for vendor kinesis cannot be used without roleArn"},
		{filterInput("f", "arn:aws:firehose:us-east-1:111111111111:deliverystream/s"), invalid, "destinationArn for vendor firehose cannot be used without roleArn"},
		{with(filterInput("f", "arn:aws:lambda:us-east-1:111111111111:function:f"), "roleArn", role), invalid, "destinationArn for vendor lambda cannot be used with roleArn"},
		{filterInput("f", "arn:aws:lambda:us-east-1:111111111111:function:f"), invalid, "Could not execute the lambda function. Make sure you have given CloudWatch Logs permission to execute your function."},
		// Before the log group is looked up.
		{with(filterInput("f", "arn:aws:lambda:us-east-1:222222222222:function:f"), "logGroupName", "h"), denied, "Cross-account lambda invocation passing is not allowed. You must use DestinationPolicies to create cross account lambda triggers."},
		{filterInput("f", "arn:aws:s3:::bucket"), invalid, "PutSubscriptionFilter operation cannot work with destinationArn for vendor s3"},
		{filterInput("f", "x"), invalid, "destinationArn x is not a valid ARN."},
		{filterInput("f", "arn:aws:logs:eu-west-1:999999999999:destination:d"), invalid, "The destination is in Region eu-west-1 and the log group in Region us-east-1: both must be in the same Region."},
		{with(filterInput("f", stream), "roleArn", "arn:aws:iam::222222222222:role/r"), denied, "Cross-account pass role is not allowed."},
		{with(good, "roleArn", "arn:aws:iam::111111111111:role/missing"), "ValidationException", "Could not assume the role. Make sure you have given CloudWatch Logs permission to assume the provided role."},
		{with(filterInput("f", stream), "roleArn", "arn:aws:iam::111111111111:role/missing"), "ValidationException", "Could not assume the role. Make sure you have given CloudWatch Logs permission to assume the provided role."},
		{with(filterInput("f", "arn:aws:firehose:us-east-1:111111111111:deliverystream/s"), "roleArn", role), invalid, "Could not deliver test message to specified Firehose stream. Check if the given Firehose stream is in ACTIVE state."},
		{with(filterInput("f", "arn:aws:kinesis:us-east-1:222222222222:stream/s"), "roleArn", role), invalid, "Could not deliver test message to specified Kinesis stream. Check if the given kinesis stream is in ACTIVE state."},
		{with(good, "distribution", "Even"), invalid, "1 validation error detected: Value 'Even' at 'distribution' failed to satisfy constraint: Member must satisfy enum value set: [Random, ByLogStream]"},
	}
	for _, c := range cases {
		r.refused(root(sender), "PutSubscriptionFilter", c.members, c.code, c.message)
	}
	if len(r.service.Filters(sender, home, "g")) != 0 {
		t.Error("a refused filter is there")
	}
}

func TestFilterDirectlyToAStreamSendsATestMessage(t *testing.T) {
	r := newRig(t)
	r.group(root(sender), "g")
	role := r.role(sender, "CWLtoStream")
	const stream = "arn:aws:kinesis:us-east-1:111111111111:stream/s"
	put := with(filterInput("f", stream), "roleArn", role)
	r.refuse = func(TestTarget) error { return errors.New("not there") }
	r.refused(root(sender), "PutSubscriptionFilter", put, "InvalidParameterException", "Could not deliver test message to specified Kinesis stream. Check if the given kinesis stream is in ACTIVE state.")
	r.refuse, r.tested = nil, nil
	r.void(root(sender), "PutSubscriptionFilter", put)
	want := TestTarget{Account: sender, Region: home, TargetARN: stream, RoleARN: role, SourceARN: "arn:aws:logs:us-east-1:111111111111:log-group:g:*"}
	if len(r.tested) != 1 || r.tested[0] != want {
		t.Errorf("got %+v, want %+v", r.tested, want)
	}
}

// AWS lets a log group have five filters with a regular expression: as many as
// filters at all.
func TestEachOfFiveFiltersMayHaveARegularExpression(t *testing.T) {
	r := newRig(t)
	r.group(root(sender), "g")
	r.destination("d")
	r.policy("d", accountPolicy("111111111111"), false)
	put := func(name string) in {
		return with(filterInput(name, destinationARN), "filterPattern", `{ $.a = %^x% && $.b = %y$% }`)
	}
	for i := range 5 {
		r.void(root(sender), "PutSubscriptionFilter", put(fmt.Sprint("f", i)))
	}
	r.void(root(sender), "PutSubscriptionFilter", put("f4"))
	r.refused(root(sender), "PutSubscriptionFilter", put("f5"), "LimitExceededException", "Resource limit exceeded.")
	third := with(put("f4"), "filterPattern", `{ $.a = %^x% && $.b = %y$% && $.c = %z% }`)
	_, err := r.do(root(sender), "PutSubscriptionFilter", third)
	if err == nil || !strings.HasPrefix(err.Error(), "InvalidParameterException: Invalid filter pattern: ") {
		t.Errorf("three regular expressions in a pattern: got %v", err)
	}
}

func TestFiveFiltersAndNoMore(t *testing.T) {
	r := newRig(t)
	r.group(root(sender), "g")
	r.destination("d")
	r.policy("d", accountPolicy("111111111111"), false)
	var callers sync.WaitGroup
	for i := range 12 {
		callers.Go(func() {
			_, err := r.do(root(sender), "PutSubscriptionFilter", filterInput(fmt.Sprint("f", i), destinationARN))
			if err != nil && err.Error() != "LimitExceededException: Resource limit exceeded." {
				t.Errorf("filter %d: %v", i, err)
			}
		})
	}
	callers.Wait()
	filters := r.service.Filters(sender, home, "g")
	if len(filters) != defaultFilters {
		t.Fatalf("got %d filters, want %d", len(filters), defaultFilters)
	}
	r.void(root(sender), "PutSubscriptionFilter", filterInput(filters[0].Name, destinationARN)) // an update is no sixth
	r.refused(root(sender), "PutSubscriptionFilter", filterInput("new", destinationARN), "LimitExceededException", "Resource limit exceeded.")

	var names []string
	members := in{"logGroupName": "g", "limit": 2}
	for {
		out := ok[DescribeSubscriptionFiltersOutput](r, root(sender), "DescribeSubscriptionFilters", members)
		for _, f := range out.SubscriptionFilters {
			names = append(names, f.FilterName)
		}
		if out.NextToken == "" {
			break
		}
		members["nextToken"] = out.NextToken
	}
	if len(names) != defaultFilters || !slices.IsSorted(names) {
		t.Errorf("in pages of two: got %v", names)
	}
	remove := in{"logGroupName": "g", "filterName": names[0]}
	r.void(root(sender), "DeleteSubscriptionFilter", remove)
	r.refused(root(sender), "DeleteSubscriptionFilter", remove, "ResourceNotFoundException", "The specified subscription filter does not exist.")
	r.void(root(sender), "PutSubscriptionFilter", filterInput("new", destinationARN))
}

func TestFilterBeginsWhereItWasMade(t *testing.T) {
	r := newRig(t)
	r.group(root(sender), "g", "s")
	r.destination("d")
	r.policy("d", accountPolicy("111111111111"), false)
	r.put(root(sender), "g", "s", r.at(0), "before")
	r.void(root(sender), "PutSubscriptionFilter", filterInput("f", destinationARN))
	first := r.service.Filters(sender, home, "g")[0]
	for _, j := range r.service.IngestJournals(home) {
		if got := first.From(j.Name()); got != j.End() {
			t.Errorf("%s: begins at %v, want %v", j.Name(), got, j.End())
		}
	}
	if again := r.service.Filters(sender, home, "g")[0]; again != first || !r.service.Current(first) {
		t.Error("the filter is another one although nothing changed")
	}
	r.put(root(sender), "g", "s", r.at(0), "after")
	r.void(root(sender), "PutSubscriptionFilter", with(filterInput("f", destinationARN), "filterPattern", "x"))
	second := r.service.Filters(sender, home, "g")[0]
	if second == first || r.service.Current(first) {
		t.Error("the filter is the same although it was changed")
	}
	for _, j := range r.service.IngestJournals(home) {
		if second.From(j.Name()) != first.From(j.Name()) {
			t.Errorf("%s: an update moved the beginning", j.Name())
		}
	}
	r.void(root(sender), "DeleteLogGroup", in{"logGroupName": "g"})
	if r.service.Current(second) || len(r.service.Filters(sender, home, "g")) != 0 {
		t.Error("the filter outlived its log group")
	}
}

func TestFilterMatchesAndNamesFields(t *testing.T) {
	r := newRig(t)
	r.group(root(sender), "g")
	r.destination("d")
	r.policy("d", accountPolicy("111111111111"), false)
	r.void(root(sender), "PutSubscriptionFilter", with(filterInput("f", destinationARN),
		"filterPattern", "[ip, status=4*]", "emitSystemFields", []string{"@aws.account", "@source.log"}, "fieldSelectionCriteria", `@aws.account != "222222222222"`))
	f := r.service.Filters(sender, home, "g")[0]
	e := Entry{Account: sender, Region: home, Group: "g"}
	var event pattern.Event
	event.Reset([]byte(`"1.2.3.4 404"`))
	fields, ok := f.Match(&e, &event)
	if want := "[{ip 1.2.3.4} {status 404} {@aws.account 111111111111} {@source.log g}]"; !ok || fmt.Sprint(fields) != want {
		t.Errorf("got %v %t, want %s", fields, ok, want)
	}
	event.Reset([]byte(`"1.2.3.4 200"`))
	if _, ok := f.Match(&e, &event); ok {
		t.Error("200 matches 4*")
	}
	if !f.Selects(sender, home) || f.Selects(other, home) {
		t.Error("the selection takes the wrong account")
	}
}

func TestOrganizationPolicyAdmitsMembersWithARole(t *testing.T) {
	r := newRig(t)
	r.group(root(sender), "g")
	r.destination("d")
	org := ok[organizations.CreateOrganizationOutput](r, root(other), "organizations:CreateOrganization", in{}).Organization.ID
	r.policy("d", organizationPolicy(org), false)
	role := r.role(sender, "CWLtoDestination")
	plain, assumed := filterInput("f", destinationARN), with(filterInput("f", destinationARN), "roleArn", role)

	// Not a member: a role does not help, and nothing tells that members need one.
	r.refused(root(sender), "PutSubscriptionFilter", assumed, "AccessDeniedException", notAdmitted)
	r.refused(root(sender), "PutSubscriptionFilter", plain, "AccessDeniedException", notAdmitted)
	handshake := ok[organizations.InviteAccountToOrganizationOutput](r, root(other), "organizations:InviteAccountToOrganization",
		in{"Target": in{"Id": string(sender), "Type": "ACCOUNT"}}).Handshake.ID
	r.refused(root(sender), "PutSubscriptionFilter", assumed, "AccessDeniedException", notAdmitted)
	ok[organizations.AcceptHandshakeOutput](r, root(sender), "organizations:AcceptHandshake", in{"HandshakeId": handshake})

	// A member: the account alone carries no organization.
	r.refused(root(sender), "PutSubscriptionFilter", plain, "InvalidParameterException",
		"Role ARN is required when creating subscription filter against destination with Organization access policy")
	r.void(root(sender), "PutSubscriptionFilter", assumed)

	f := r.service.Filters(sender, home, "g")[0]
	const admitted, notAdmittedNow, notTrusting, roleMissing = "admitted", "not admitted", "role not trusting", "role missing"
	consent := func() string {
		to, found := r.service.Destination(f.Destination)
		if !found {
			t.Fatal("the destination is gone")
		}
		speaker, trust, err := r.service.Speaker(f.Sender(), false)
		switch {
		case errors.Is(err, iam.ErrNoSuchRole):
			return roleMissing
		case err != nil:
			t.Fatal(err)
		case !trust.Allowed():
			return notTrusting
		case r.service.Admits(to, f.Sender(), speaker, false).Allowed():
			return admitted
		}
		return notAdmittedNow
	}
	steps := []struct {
		what string
		do   func()
		want string
	}{
		{"as it was made", func() {}, admitted},
		{"trust removed", func() {
			r.void(root(sender), "iam:UpdateAssumeRolePolicy", in{
				"RoleName":       "CWLtoDestination",
				"PolicyDocument": `{"Statement":{"Effect":"Allow","Principal":{"Service":"logs.amazonaws.com"},"Action":"sts:AssumeRole","Condition":{"StringLike":{"aws:SourceArn":"arn:aws:logs:us-east-1:111111111111:log-group:other:*"}}}}`,
			})
		}, notTrusting},
		{"trust for this group", func() {
			r.void(root(sender), "iam:UpdateAssumeRolePolicy", in{
				"RoleName":       "CWLtoDestination",
				"PolicyDocument": `{"Statement":{"Effect":"Allow","Principal":{"Service":"logs.amazonaws.com"},"Action":"sts:AssumeRole","Condition":{"StringLike":{"aws:SourceArn":"arn:aws:logs:us-east-1:111111111111:log-group:g:*"},"StringEquals":{"aws:SourceAccount":"111111111111"}}}}`,
			})
		}, admitted},
		{"left the organization", func() { r.void(root(sender), "organizations:LeaveOrganization", in{}) }, notAdmittedNow},
		{"admitted by account", func() { r.policy("d", accountPolicy("111111111111"), false) }, admitted},
		{"policy about something else", func() {
			r.policy("d", strings.ReplaceAll(accountPolicy("111111111111"), "destination:d", "destination:e"), false)
		}, notAdmittedNow},
		{"everybody but the sender", func() {
			r.policy("d", `{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"},{"Effect":"Deny","Principal":{"AWS":"111111111111"},"Action":"*","Resource":"*"}]}`, false)
		}, notAdmittedNow},
		{"role gone", func() { r.void(root(sender), "iam:DeleteRole", in{"RoleName": "CWLtoDestination"}) }, roleMissing},
	}
	for _, step := range steps {
		step.do()
		if got := consent(); got != step.want {
			t.Errorf("%s: got %q, want %q", step.what, got, step.want)
		}
	}
}

func TestPassRoleAndOwnPoliciesAreAsked(t *testing.T) {
	r := newRig(t)
	r.group(root(sender), "g")
	role := r.role(sender, "CWLtoStream")
	u := r.user(sender, "u")
	allow := func(actions string) {
		r.void(root(sender), "iam:PutUserPolicy", in{
			"UserName": "u", "PolicyName": "p",
			"PolicyDocument": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":[` + actions + `],"Resource":"*"}]}`,
		})
	}
	put := with(filterInput("f", "arn:aws:kinesis:us-east-1:111111111111:stream/s"), "roleArn", role)
	const user = "User: arn:aws:iam::111111111111:user/u is not authorized to perform: "
	r.refused(u, "PutSubscriptionFilter", put, "AccessDeniedException",
		user+"logs:PutSubscriptionFilter on resource: arn:aws:logs:us-east-1:111111111111:log-group:g:log-stream: because no identity-based policy allows the logs:PutSubscriptionFilter action")
	allow(`"logs:*"`)
	r.refused(u, "PutSubscriptionFilter", put, "AccessDeniedException",
		user+"iam:PassRole on resource: "+string(role)+" because no identity-based policy allows the iam:PassRole action")
	allow(`"logs:*","iam:PassRole"`)
	r.void(u, "PutSubscriptionFilter", put)
	r.void(root(sender), "iam:PutUserPolicy", in{
		"UserName": "u", "PolicyName": "p",
		"PolicyDocument": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["logs:PutLogEvents","logs:DescribeLogStreams"],"Resource":"arn:aws:logs:us-east-1:111111111111:log-group:g:*"}]}`,
	})
	r.refused(u, "PutLogEvents", in{"logGroupName": "g", "logStreamName": "s", "logEvents": eventList([]any{r.at(0), "m"})}, "ResourceNotFoundException", "The specified log stream does not exist.")
	ok[DescribeLogStreamsOutput](r, u, "DescribeLogStreams", in{"logGroupName": "g"})
	if _, err := r.do(u, "CreateLogStream", in{"logGroupName": "g", "logStreamName": "s"}); err == nil {
		t.Error("an action that no policy allows was done")
	}
}
