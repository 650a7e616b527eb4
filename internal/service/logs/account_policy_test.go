package logs

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"tributary/internal/pure/arn"
	"tributary/internal/service/organizations"
)

const accountDocumentText = `{"DestinationArn":"` + destinationARN + `","FilterPattern":"ERROR"}`

func policyInput(name, document string) in {
	return in{"policyName": name, "policyType": "SUBSCRIPTION_FILTER_POLICY", "policyDocument": document}
}

func policyNamed(name string) in {
	return in{"policyName": name, "policyType": "SUBSCRIPTION_FILTER_POLICY"}
}

// admitAccountPolicies is an access policy for filters and policies of the sender.
func admitAccountPolicies(actions ...string) string {
	return `{"Statement":{"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":["` + strings.Join(actions, `","`) + `"],"Resource":"` + destinationARN + `"}}`
}

// admittingRig has a destination that takes account policies of the sender.
func admittingRig(t *testing.T) *rig {
	r := newRig(t)
	r.destination("d")
	r.policy("d", admitAccountPolicies("logs:PutSubscriptionFilter", "logs:PutAccountPolicy"), false)
	return r
}

func TestAccountPolicyIsShownAsItWasPut(t *testing.T) {
	r := admittingRig(t)
	document := `{ "FilterPattern" : "", "Distribution":"Random","DestinationArn":"` + destinationARN + `"}`
	put := with(policyInput("p", document), "scope", "ALL", "selectionCriteria", `LogGroupName NOT IN ["a"]`)
	made := ok[PutAccountPolicyOutput](r, root(sender), "PutAccountPolicy", put).AccountPolicy
	show := func(u user, more ...any) []AccountPolicy {
		return ok[DescribeAccountPoliciesOutput](r, u, "DescribeAccountPolicies", with(in{"policyType": "SUBSCRIPTION_FILTER_POLICY"}, more...)).AccountPolicies
	}
	want := AccountPolicy{
		PolicyName: "p", PolicyDocument: document, PolicyType: "SUBSCRIPTION_FILTER_POLICY", Scope: "ALL",
		SelectionCriteria: `LogGroupName NOT IN ["a"]`, AccountID: "111111111111",
	}
	shown := show(root(sender), "policyName", "p", "accountIdentifiers", []string{"111111111111"})
	if len(shown) != 1 {
		t.Fatalf("got %d policies, want 1", len(shown))
	}
	for _, got := range []AccountPolicy{*made, shown[0]} {
		if got.LastUpdatedTime == nil || *got.LastUpdatedTime != testTime.UnixMilli() {
			t.Errorf("lastUpdatedTime: got %v, want %d", got.LastUpdatedTime, testTime.UnixMilli())
		}
		if got.LastUpdatedTime = nil; got != want {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
	}
	// Replaced as a whole.
	r.clock.move(1e9)
	again := ok[PutAccountPolicyOutput](r, root(sender), "PutAccountPolicy", policyInput("p", accountDocumentText)).AccountPolicy
	if again.SelectionCriteria != "" || again.PolicyDocument != accountDocumentText || *again.LastUpdatedTime != testTime.UnixMilli()+1000 {
		t.Errorf("after an update: got %+v", again)
	}
	for what, list := range map[string][]AccountPolicy{
		"of another name":                  show(root(sender), "policyName", "q"),
		"of another account":               show(root(other)),
		"of an account that is not linked": show(root(sender), "accountIdentifiers", []string{"222222222222"}),
		"of another Region":                show(root(sender).in(away)),
	} {
		if list == nil || len(list) != 0 {
			t.Errorf("policies %s: got %v, want an empty list", what, list)
		}
	}
	r.refused(root(sender), "DescribeAccountPolicies", with(in{"policyType": "SUBSCRIPTION_FILTER_POLICY"}, "nextToken", "x"),
		"InvalidParameterException", "The specified nextToken is invalid.")
}

func TestAccountPolicyIsDeletedByItsName(t *testing.T) {
	r := admittingRig(t)
	r.group(root(sender), "g")
	const missing = "The specified account policy does not exist."
	r.refused(root(sender), "DeleteAccountPolicy", policyNamed("p"), "ResourceNotFoundException", missing)
	r.void(root(sender), "PutAccountPolicy", policyInput("p", accountDocumentText))
	r.refused(root(sender), "DeleteAccountPolicy", policyNamed("q"), "ResourceNotFoundException", missing)
	r.refused(root(other), "DeleteAccountPolicy", policyNamed("p"), "ResourceNotFoundException", missing)
	r.refused(root(sender).in(away), "DeleteAccountPolicy", policyNamed("p"), "ResourceNotFoundException", missing)
	f := r.service.Filters(sender, home, "g")[0]
	r.void(root(sender), "DeleteAccountPolicy", policyNamed("p"))
	if r.service.Current(f) || len(r.service.Filters(sender, home, "g")) != 0 {
		t.Error("the filter outlived its policy")
	}
	r.refused(root(sender), "DeleteAccountPolicy", policyNamed("p"), "ResourceNotFoundException", missing)
	r.void(root(sender), "PutAccountPolicy", policyInput("q", accountDocumentText))
}

func TestOneAccountPolicyAndNoMore(t *testing.T) {
	r := admittingRig(t)
	var callers sync.WaitGroup
	var made atomic.Int32
	for i := range 8 {
		callers.Go(func() {
			_, err := r.do(root(sender), "PutAccountPolicy", policyInput(fmt.Sprint("p", i), accountDocumentText))
			switch {
			case err == nil:
				made.Add(1)
			case err.Error() != "LimitExceededException: Resource limit exceeded.":
				t.Errorf("policy %d: %v", i, err)
			}
		})
	}
	callers.Wait()
	if n := made.Load(); n != 1 {
		t.Errorf("%d calls made a policy of another name each, want 1", n)
	}
	list := ok[DescribeAccountPoliciesOutput](r, root(sender), "DescribeAccountPolicies", in{"policyType": "SUBSCRIPTION_FILTER_POLICY"}).AccountPolicies
	if len(list) != 1 {
		t.Fatalf("got %d policies, want 1", len(list))
	}
	r.void(root(sender), "PutAccountPolicy", policyInput(list[0].PolicyName, accountDocumentText)) // an update is no second
	r.refused(root(sender), "PutAccountPolicy", policyInput("new", accountDocumentText), "LimitExceededException", "Resource limit exceeded.")
}

func TestPutAccountPolicyRefusals(t *testing.T) {
	r := admittingRig(t)
	const invalid, denied = "InvalidParameterException", "AccessDeniedException"
	role := r.role(sender, "CWLtoStream")
	to := func(destination string, role arn.ARN) in {
		return policyInput("p", fmt.Sprintf(`{"DestinationArn":%q,"RoleArn":%q,"FilterPattern":""}`, destination, role))
	}
	good := policyInput("p", accountDocumentText)
	const stream = "arn:aws:kinesis:us-east-1:111111111111:stream/s"
	cases := []struct {
		members       in
		code, message string
	}{
		{with(good, "policyType", "RETENTION_POLICY"), invalid, "There are no account policies of type RETENTION_POLICY here: the type must be SUBSCRIPTION_FILTER_POLICY."},
		{with(good, "policyType", "X"), invalid, "1 validation error detected: Value 'X' at 'policyType' failed to satisfy constraint: Member must satisfy enum value set: [DATA_PROTECTION_POLICY, SUBSCRIPTION_FILTER_POLICY, FIELD_INDEX_POLICY, TRANSFORMER_POLICY, METRIC_EXTRACTION_POLICY, RETENTION_POLICY]"},
		{with(good, "scope", "SOME"), invalid, "1 validation error detected: Value 'SOME' at 'scope' failed to satisfy constraint: Member must satisfy enum value set: [ALL]"},
		{with(good, "dryRun", true), invalid, "dryRun cannot be used with policyType SUBSCRIPTION_FILTER_POLICY."},
		{with(good, "policyName", ""), invalid, "1 validation error detected: Value at 'policyName' failed to satisfy constraint: Member must have length greater than or equal to 1"},
		{with(good, "policyName", strings.Repeat("é", 513)), invalid, "1 validation error detected: Value at 'policyName' failed to satisfy constraint: Member must have length less than or equal to 512"},
		{with(good, "policyName", "aws/p"), invalid, "policyName must not start with aws/."},
		{with(good, "policyDocument", accountDocumentText+strings.Repeat(" ", maxAccountDocument)), invalid, "1 validation error detected: Value at 'policyDocument' failed to satisfy constraint: Member must have length less than or equal to 30720"},
		{with(good, "selectionCriteria", strings.Repeat(" ", maxGroupSelection+1)), invalid, "1 validation error detected: Value at 'selectionCriteria' failed to satisfy constraint: Member must have length less than or equal to 25600"},
		{with(good, "selectionCriteria", `LogGroupName IN ["a"]`), invalid, `Invalid selectionCriteria: they must have the form LogGroupName NOT IN ["name", "name"].`},
		{with(good, "policyDocument", "{"), invalid, "Error occurred while parsing policyDocument: it is not a JSON object of strings, each of them there once."},
		{with(good, "policyDocument", strings.Replace(accountDocumentText, "ERROR", "{", 1)), invalid, "Invalid filter pattern: If a filter pattern starts with '{' it must end with '}'"},

		// Destination and role, as for a filter.
		{to("x", ""), invalid, "destinationArn x is not a valid ARN."},
		{to("arn:aws:s3:::bucket", ""), invalid, "PutAccountPolicy operation cannot work with destinationArn for vendor s3"},
		{to(stream, ""), invalid, "destinationArn for vendor kinesis cannot be used without roleArn"},
		{to("arn:aws:logs:eu-west-1:999999999999:destination:d", ""), invalid, "The destination is in Region eu-west-1 and the log group in Region us-east-1: both must be in the same Region."},
		{to(stream, "arn:aws:iam::222222222222:role/r"), denied, "Cross-account pass role is not allowed."},
		{to(stream, "arn:aws:iam::111111111111:role/missing"), "ValidationException", "Could not assume the role. Make sure you have given CloudWatch Logs permission to assume the provided role."},
		{to("arn:aws:kinesis:us-east-1:222222222222:stream/s", role), invalid, "Could not deliver test message to specified Kinesis stream. Check if the given kinesis stream is in ACTIVE state."},
		{to("arn:aws:logs:us-east-1:999999999999:destination:e", ""), denied, strings.Replace(notAdmitted, "destination:d", "destination:e", 1)},
	}
	for _, c := range cases {
		r.refused(root(sender), "PutAccountPolicy", c.members, c.code, c.message)
	}
	if _, _, there := r.service.policies.Get(accountKey(sender, home)); there {
		t.Error("a refused policy is there")
	}
	for _, op := range []string{"DescribeAccountPolicies", "DeleteAccountPolicy"} {
		r.refused(root(sender), op, with(policyNamed("p"), "policyType", "TRANSFORMER_POLICY"), invalid,
			"There are no account policies of type TRANSFORMER_POLICY here: the type must be SUBSCRIPTION_FILTER_POLICY.")
	}
	r.refused(root(sender), "DeleteAccountPolicy", with(policyNamed("p"), "dryRun", true), invalid, "dryRun cannot be used with policyType SUBSCRIPTION_FILTER_POLICY.")
	// At the limits.
	longest := strings.Repeat(" ", maxAccountDocument-len(accountDocumentText)) + accountDocumentText
	criteria := `LogGroupName NOT IN ["a"]`
	criteria += strings.Repeat(" ", maxGroupSelection-len(criteria))
	r.void(root(sender), "PutAccountPolicy", with(policyInput(strings.Repeat("é", 512), longest), "selectionCriteria", criteria))
}

func TestAccountPolicyNeedsTwoPermissionsOfTheDestination(t *testing.T) {
	r := newRig(t)
	r.destination("d")
	r.group(root(sender), "g")
	put := policyInput("p", accountDocumentText)
	r.refused(root(sender), "PutAccountPolicy", put, "AccessDeniedException", notAdmitted) // no policy
	r.policy("d", admitAccountPolicies("logs:PutAccountPolicy"), false)
	r.refused(root(sender), "PutAccountPolicy", put, "AccessDeniedException", notAdmitted)
	r.policy("d", admitAccountPolicies("logs:PutSubscriptionFilter"), false)
	r.refused(root(sender), "PutAccountPolicy", put, "AccessDeniedException",
		strings.Replace(notAdmitted, "logs:PutSubscriptionFilter", "logs:PutAccountPolicy", 1))
	r.void(root(sender), "PutSubscriptionFilter", filterInput("f", destinationARN)) // needs one
	r.policy("d", admitAccountPolicies("logs:PutSubscriptionFilter", "logs:PutAccountPolicy"), false)
	r.void(root(sender), "PutAccountPolicy", put)

	// Asked again for every delivery.
	r.policy("d", admitAccountPolicies("logs:PutSubscriptionFilter"), false)
	to, _ := r.service.Destination(destinationARN)
	for _, f := range r.service.Filters(sender, home, "g") {
		speaker, _, err := r.service.Speaker(f.Sender(), false)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.service.Admits(to, f.Sender(), speaker, false); got.Allowed() == f.AccountLevel {
			t.Errorf("%s, of account level %t: got allowed %t for %s", f.Name, f.AccountLevel, got.Allowed(), got.Action)
		}
	}
}

func TestAccountPolicyForAnOrganizationNeedsARoleThatTrustsForAllGroups(t *testing.T) {
	r := newRig(t)
	r.destination("d")
	org := ok[organizations.CreateOrganizationOutput](r, root(sender), "organizations:CreateOrganization", in{}).Organization.ID
	r.policy("d", strings.Replace(organizationPolicy(org), "logs:PutSubscriptionFilter", "logs:Put*", 1), false)
	role := r.role(sender, "CWLtoDestination")
	put := policyInput("p", `{"DestinationArn":"`+destinationARN+`","RoleArn":"`+string(role)+`","FilterPattern":""}`)
	r.refused(root(sender), "PutAccountPolicy", policyInput("p", accountDocumentText), "InvalidParameterException",
		"Role ARN is required when creating subscription filter against destination with Organization access policy")
	trust := func(source string) {
		r.void(root(sender), "iam:UpdateAssumeRolePolicy", in{
			"RoleName":       "CWLtoDestination",
			"PolicyDocument": `{"Statement":{"Effect":"Allow","Principal":{"Service":"logs.amazonaws.com"},"Action":"sts:AssumeRole","Condition":{"StringLike":{"aws:SourceArn":"` + source + `"}}}}`,
		})
	}
	trust("arn:aws:logs:us-east-1:111111111111:log-group:g:*")
	r.refused(root(sender), "PutAccountPolicy", put, "ValidationException", "Could not assume the role. Make sure you have given CloudWatch Logs permission to assume the provided role.")
	trust("arn:aws:logs:us-east-1:111111111111:*")
	r.void(root(sender), "PutAccountPolicy", put)
}

func TestAccountPolicyOnAStreamSendsATestMessage(t *testing.T) {
	r := newRig(t)
	role := r.role(sender, "CWLtoStream")
	const stream = "arn:aws:kinesis:us-east-1:111111111111:stream/s"
	put := policyInput("p", `{"DestinationArn":"`+stream+`","RoleArn":"`+string(role)+`","FilterPattern":""}`)
	r.refuse = func(TestTarget) error { return errors.New("not there") }
	r.refused(root(sender), "PutAccountPolicy", put, "InvalidParameterException", "Could not deliver test message to specified Kinesis stream. Check if the given kinesis stream is in ACTIVE state.")
	r.refuse, r.tested = nil, nil
	r.void(root(sender), "PutAccountPolicy", put)
	want := TestTarget{Account: sender, Region: home, TargetARN: stream, RoleARN: role, SourceARN: "arn:aws:logs:us-east-1:111111111111:*"}
	if len(r.tested) != 1 || r.tested[0] != want {
		t.Errorf("got %+v, want %+v", r.tested, want)
	}
}

func TestAccountPolicyIsAFilterOfEveryGroupItSelects(t *testing.T) {
	r := admittingRig(t)
	r.group(root(sender), "g")
	r.group(root(sender), "excluded")
	r.group(root(other), "g")
	r.void(root(sender), "CreateLogGroup", in{"logGroupName": "infrequent", "logGroupClass": "INFREQUENT_ACCESS"})
	r.void(root(sender), "PutSubscriptionFilter", filterInput("p", destinationARN)) // of the same name
	r.void(root(sender), "PutAccountPolicy", with(policyInput("p", accountDocumentText), "selectionCriteria", `LogGroupName NOT IN ["excluded"]`))
	r.group(root(sender), "later")
	names := func(account arn.AccountID, region arn.Region, group string) string {
		var list []string
		for _, f := range r.service.Filters(account, region, group) {
			list = append(list, fmt.Sprint(f.Group, "/", f.Name, "/", f.AccountLevel))
		}
		return strings.Join(list, " ")
	}
	for _, c := range []struct {
		account arn.AccountID
		region  arn.Region
		group   string
		want    string
	}{
		{sender, home, "g", "g/p/false g/p/true"},
		{sender, home, "later", "later/p/true"},
		{sender, home, "excluded", ""},
		{sender, home, "infrequent", ""},
		{sender, home, "missing", ""},
		{sender, away, "g", ""},
		{other, home, "g", ""},
	} {
		if got := names(c.account, c.region, c.group); got != c.want {
			t.Errorf("%s in %s, %s: got %q, want %q", c.account, c.region, c.group, got, c.want)
		}
	}
	// It counts for no group's limit and is not shown among a group's filters.
	if list := ok[DescribeSubscriptionFiltersOutput](r, root(sender), "DescribeSubscriptionFilters", in{"logGroupName": "later"}).SubscriptionFilters; len(list) != 0 {
		t.Errorf("got filters %v, want none", list)
	}
	for i := range defaultFilters {
		r.void(root(sender), "PutSubscriptionFilter", with(filterInput(fmt.Sprint("f", i), destinationARN), "logGroupName", "later"))
	}
	if n := len(r.service.Filters(sender, home, "later")); n != defaultFilters+1 {
		t.Errorf("got %d filters, want %d", n, defaultFilters+1)
	}
	before := names(sender, home, "g")
	r.restart()
	if got := names(sender, home, "g"); got != before {
		t.Errorf("after a restart: got %q, want %q", got, before)
	}
}

func TestAccountPolicyBeginsWhereItWasMade(t *testing.T) {
	r := admittingRig(t)
	r.group(root(sender), "g", "s")
	r.put(root(sender), "g", "s", r.at(0), "before")
	r.void(root(sender), "PutAccountPolicy", policyInput("p", accountDocumentText))
	first := r.service.Filters(sender, home, "g")[0]
	for _, j := range r.service.IngestJournals(home) {
		if got := first.From(j.Name()); got != j.End() {
			t.Errorf("%s: begins at %v, want %v", j.Name(), got, j.End())
		}
	}
	r.put(root(sender), "g", "s", r.at(0), "after")
	r.group(root(sender), "h")
	if again := r.service.Filters(sender, home, "g"); !slices.Equal(again, []*Filter{first}) || !r.service.Current(first) {
		t.Error("the filter is another one although nothing changed")
	}
	change := func(what string, stays bool, do func()) {
		before := r.service.Filters(sender, home, "g")
		do()
		after := r.service.Filters(sender, home, "g")
		if got := r.service.Current(before[0]); len(after) == 0 || got != stays {
			t.Fatalf("%s: the policy's filter is current: %v, want %v", what, got, stays)
		}
		for _, f := range after {
			for _, j := range r.service.IngestJournals(home) {
				if f.AccountLevel && f.From(j.Name()) != first.From(j.Name()) {
					t.Errorf("%s: %s: the change moved the beginning", what, j.Name())
				}
			}
		}
	}
	change("another pattern", false, func() {
		r.void(root(sender), "PutAccountPolicy", policyInput("p", strings.Replace(accountDocumentText, "ERROR", "WARN", 1)))
	})
	change("a filter of the group beside it", true, func() {
		r.void(root(sender), "PutSubscriptionFilter", filterInput("f", destinationARN))
	})
}

func TestAccountPolicyAsksForPermissionToSubscribe(t *testing.T) {
	r := admittingRig(t)
	role := r.role(sender, "CWLtoDestination")
	u := r.user(sender, "u")
	allow := func(actions ...string) {
		r.void(root(sender), "iam:PutUserPolicy", in{
			"UserName": "u", "PolicyName": "p",
			"PolicyDocument": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["` + strings.Join(actions, `","`) + `"],"Resource":"*"}]}`,
		})
	}
	denied := func(op string, members in, action, resource string) {
		t.Helper()
		r.refused(u, op, members, "AccessDeniedException", "User: arn:aws:iam::111111111111:user/u is not authorized to perform: "+action+
			" on resource: "+resource+" because no identity-based policy allows the "+action+" action")
	}
	const groups = "arn:aws:logs:us-east-1:111111111111:log-group::log-stream:"
	put := policyInput("p", `{"DestinationArn":"`+destinationARN+`","RoleArn":"`+string(role)+`","FilterPattern":""}`)
	denied("PutAccountPolicy", put, "logs:PutAccountPolicy", groups)
	allow("logs:*AccountPolic*")
	denied("PutAccountPolicy", put, "logs:PutSubscriptionFilter", groups)
	denied("DescribeAccountPolicies", in{"policyType": "SUBSCRIPTION_FILTER_POLICY"}, "logs:DescribeSubscriptionFilters", groups)
	denied("DeleteAccountPolicy", policyNamed("p"), "logs:DeleteSubscriptionFilter", groups)
	allow("logs:*")
	denied("PutAccountPolicy", put, "iam:PassRole", string(role))
	allow("logs:*", "iam:PassRole")
	r.void(u, "PutAccountPolicy", put)
	r.void(u, "DeleteAccountPolicy", policyNamed("p"))
}
