package iam_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"tributary/internal/service/api"
	"tributary/internal/service/iam"
)

// told is a result in one line: the decision, and what the others are for.
func told(decision string, statements []iam.Statement, missing []string) string {
	var b strings.Builder
	b.WriteString(decision)
	for _, st := range statements {
		fmt.Fprintf(&b, " %s(%s)%d:%d-%d:%d", st.SourcePolicyID, st.SourcePolicyType,
			*st.StartPosition.Line, *st.StartPosition.Column, *st.EndPosition.Line, *st.EndPosition.Column)
	}
	if len(missing) > 0 {
		fmt.Fprintf(&b, " missing %s", strings.Join(missing, ","))
	}
	return b.String()
}

func (w *world) simulateCustom(in members) []iam.EvaluationResult {
	w.t.Helper()
	return do[iam.SimulateCustomPolicyOutput](w, root(alpha), "iam:SimulateCustomPolicy", in).EvaluationResults
}

func TestSimulatedPolicies(t *testing.T) {
	w := newWorld(t, false)
	const (
		allowLogs = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"logs:*","Resource":"*"}]}`
		denyLogs  = `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"logs:Delete*","Resource":"*"}}`
		keys      = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"logs:*","Resource":"*","Condition":{"StringEquals":{"aws:SourceVpce":"x"},"StringLike":{"aws:PrincipalTag/Team":"${aws:UserName}"}}}]}`
		group     = "arn:aws:logs:us-east-1:111111111111:log-group:app"
	)
	entry := func(key, kind string, values ...any) members {
		return members{"ContextKeyName": key, "ContextKeyType": kind, "ContextKeyValues": values}
	}
	for _, c := range []struct {
		name, action string
		in           members
		want         string
	}{
		{"allowed", "logs:PutLogEvents", members{"PolicyInputList": []any{allowLogs}}, "allowed PolicyInputList.1(IAM Policy)1:38-1:89"},
		{"nothing allows", "kinesis:PutRecord", members{"PolicyInputList": []any{allowLogs}}, "implicitDeny"},
		{"only the denial is shown", "logs:DeleteLogGroup", members{"PolicyInputList": []any{allowLogs, denyLogs}}, "explicitDeny PolicyInputList.2(IAM Policy)1:37-1:93"},
		{"missing values", "logs:PutLogEvents", members{"PolicyInputList": []any{keys}}, "implicitDeny missing aws:SourceVpce,aws:PrincipalTag/Team,aws:UserName"},
		{"keys of other actions are not missing", "kinesis:PutRecord", members{"PolicyInputList": []any{keys}}, "implicitDeny"},
		{
			"values given", "logs:PutLogEvents",
			members{"PolicyInputList": []any{keys}, "ContextEntries": []any{entry("AWS:sourcevpce", "string", "x"), entry("aws:PrincipalTag/team", "string", "me"), entry("aws:username", "string", "me")}},
			"allowed PolicyInputList.1(IAM Policy)1:38-1:198",
		},
		{
			"a boundary that does not allow", "logs:PutLogEvents",
			members{"PolicyInputList": []any{allowLogs}, "PermissionsBoundaryPolicyInputList": []any{allow("kinesis:*", "*")}},
			"implicitDeny boundary false",
		},
		{
			"a boundary that allows", "logs:PutLogEvents",
			members{"PolicyInputList": []any{allowLogs}, "PermissionsBoundaryPolicyInputList": []any{allow("logs:*", "*")}},
			"allowed PolicyInputList.1(IAM Policy)1:38-1:89 boundary true",
		},
		{
			"an organization's policy that does not allow", "logs:PutLogEvents",
			members{"PolicyInputList": []any{allowLogs}, "OrderedOrganizationPolicyInputList": []any{members{"ServiceControlPolicyInputList": []any{allow("kinesis:*", "*")}}}},
			"implicitDeny organizations false",
		},
		{
			"one that allows", "logs:PutLogEvents",
			members{"PolicyInputList": []any{allowLogs}, "OrderedOrganizationPolicyInputList": []any{members{"ServiceControlPolicyInputList": []any{allow("*", "*")}}}},
			"allowed PolicyInputList.1(IAM Policy)1:38-1:89 organizations true",
		},
		{"assuming a role, by the caller's side", "sts:AssumeRole", members{"PolicyInputList": []any{allow("sts:AssumeRole", "*")}}, "allowed PolicyInputList.1(IAM Policy)1:38-1:97"},
		{"assuming a role, not allowed", "sts:AssumeRole", members{"PolicyInputList": []any{allowLogs}}, "implicitDeny"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w.t = t
			r := w.simulateCustom(with(c.in, members{"ActionNames": []any{c.action}}))[0]
			got := told(r.EvalDecision, r.MatchedStatements, r.MissingContextValues)
			if b := r.PermissionsBoundaryDecisionDetail; b != nil {
				got += fmt.Sprint(" boundary ", *b.AllowedByPermissionsBoundary)
			}
			if o := r.OrganizationsDecisionDetail; o != nil {
				got += fmt.Sprint(" organizations ", *o.AllowedByOrganizations)
			}
			equal(t, "result", got, c.want)
			equal(t, "resource", r.EvalResourceName, "*")
		})
	}
	w.t = t

	// Several resources: one result for the action, with one for each.
	r := w.simulateCustom(members{"PolicyInputList": []any{allow("logs:*", group)}, "ActionNames": []any{"logs:PutLogEvents"}, "ResourceArns": []any{group, group + "2"}})
	equal(t, "results", len(r), 1)
	equal(t, "whole", r[0].EvalDecision, "implicitDeny")
	for i, want := range []string{group + " allowed", group + "2 implicitDeny"} {
		one := r[0].ResourceSpecificResults[i]
		equal(t, "one", one.EvalResourceName+" "+one.EvalResourceDecision, want)
	}

	// Across accounts both sides are told.
	const theirs = "arn:aws:kinesis:us-east-1:222222222222:stream/s"
	for _, c := range []struct{ identity, resource, whole, own, other string }{
		{allow("kinesis:*", "*"), `"arn:aws:iam::111111111111:user/alice"`, "allowed", "allowed", "allowed"},
		{allow("kinesis:*", "*"), `"333333333333"`, "implicitDeny", "allowed", "implicitDeny"},
		{allow("logs:*", "*"), `"111111111111"`, "implicitDeny", "implicitDeny", "allowed"},
	} {
		one := w.simulateCustom(members{
			"PolicyInputList": []any{c.identity}, "ActionNames": []any{"kinesis:PutRecord"}, "ResourceArns": []any{theirs},
			"CallerArn":      "arn:aws:iam::111111111111:user/alice",
			"ResourcePolicy": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":` + c.resource + `},"Action":"kinesis:*","Resource":"*"}]}`,
		})[0].ResourceSpecificResults[0]
		got := []string{one.EvalResourceDecision, one.EvalDecisionDetails["IAM Policy"], one.EvalDecisionDetails["Resource Policy"]}
		if want := []string{c.whole, c.own, c.other}; !slices.Equal(got, want) {
			t.Errorf("%s and %s: got %v, want %v", c.identity, c.resource, got, want)
		}
	}
}

func TestSimulatedPrincipal(t *testing.T) {
	w := newWorld(t, false)
	w.user(alpha, "alice", allow("logs:PutLogEvents", "*"))
	w.done(root(alpha), "iam:CreateGroup", members{"GroupName": "staff"})
	w.done(root(alpha), "iam:AddUserToGroup", members{"GroupName": "staff", "UserName": "alice"})
	w.done(root(alpha), "iam:PutGroupPolicy", members{"GroupName": "staff", "PolicyName": "streams", "PolicyDocument": allow("kinesis:*", "*")})
	w.done(root(alpha), "iam:AttachUserPolicy", members{"UserName": "alice", "PolicyArn": "arn:aws:iam::aws:policy/IAMReadOnlyAccess"})
	const alice, staff = "arn:aws:iam::111111111111:user/alice", "arn:aws:iam::111111111111:group/staff"
	decisions := func(in members) (all []string) {
		t.Helper()
		for _, r := range do[iam.SimulatePrincipalPolicyOutput](w, root(alpha), "iam:SimulatePrincipalPolicy", in).EvaluationResults {
			text := r.EvalActionName + " " + r.EvalDecision
			for _, st := range r.MatchedStatements {
				text += " " + st.SourcePolicyID
			}
			all = append(all, text)
		}
		return all
	}
	check := func(what string, got []string, want ...string) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("%s:\n got %q\nwant %q", what, got, want)
		}
	}
	actions := []any{"logs:PutLogEvents", "kinesis:PutRecord", "iam:ListUsers", "iam:CreateUser"}
	in := members{"PolicySourceArn": alice, "ActionNames": actions}
	check("user", decisions(in),
		"logs:PutLogEvents allowed user_alice_p", "kinesis:PutRecord allowed group_staff_streams", "iam:ListUsers allowed IAMReadOnlyAccess", "iam:CreateUser implicitDeny")
	check("group", decisions(members{"PolicySourceArn": staff, "ActionNames": actions[:2]}),
		"logs:PutLogEvents implicitDeny", "kinesis:PutRecord allowed group_staff_streams")
	check("with another policy", decisions(with(in, members{"PolicyInputList": []any{allow("iam:CreateUser", "*")}}))[3:], "iam:CreateUser allowed PolicyInputList.1")
	check("without one", decisions(with(in, members{"PolicyExclusionList": []any{members{"PolicyArn": "arn:aws:iam::aws:policy/IAMReadOnlyAccess"}}}))[2:3], "iam:ListUsers implicitDeny")

	w.done(root(alpha), "iam:PutUserPermissionsBoundary", members{"UserName": "alice", "PermissionsBoundary": "arn:aws:iam::aws:policy/IAMReadOnlyAccess"})
	check("within the boundary", decisions(in)[:3], "logs:PutLogEvents implicitDeny", "kinesis:PutRecord implicitDeny", "iam:ListUsers allowed IAMReadOnlyAccess")

	check("without the boundary", decisions(with(in, members{"PolicyExclusionList": []any{members{"PolicyArn": "arn:aws:iam::aws:policy/IAMReadOnlyAccess"}}}))[:3],
		"logs:PutLogEvents allowed user_alice_p", "kinesis:PutRecord allowed group_staff_streams", "iam:ListUsers implicitDeny")

	// The policies of a simulation decide requests in the same way.
	page := do[iam.SimulatePrincipalPolicyOutput](w, root(alpha), "iam:SimulatePrincipalPolicy", with(in, members{"MaxItems": api.Number("3")}))
	equal(t, "first page", len(page.EvaluationResults), 3)
	rest := do[iam.SimulatePrincipalPolicyOutput](w, root(alpha), "iam:SimulatePrincipalPolicy", with(in, members{"Marker": page.Marker}))
	equal(t, "second page", len(rest.EvaluationResults), 1)
	equal(t, "last", rest.EvaluationResults[0].EvalActionName, "iam:CreateUser")
	equal(t, "truncated", *page.IsTruncated && !*rest.IsTruncated, true)

	r := w.role(alpha, "worker", `{"Service":"logs.amazonaws.com"}`)
	w.done(root(alpha), "iam:PutRolePolicy", members{"RoleName": "worker", "PolicyName": "put", "PolicyDocument": allow("kinesis:PutRecord", "*")})
	check("role", decisions(members{"PolicySourceArn": r.ARN, "ActionNames": actions[1:2]}), "kinesis:PutRecord allowed role_worker_put")
}

// The policies of an organization limit the simulation of its members' principals as
// they limit their requests. What they say is the management account's: neither
// their statements nor their keys are shown.
func TestSimulatedPrincipalOfAMember(t *testing.T) {
	w := newWorld(t, false)
	w.organization(beta, alpha)
	w.enable(beta, "SERVICE_CONTROL_POLICY")
	w.controlPolicy(beta, "guard", "SERVICE_CONTROL_POLICY",
		`{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"kinesis:*","Resource":"*","Condition":{"StringNotEquals":{"aws:SourceVpce":"x"}}}}`, alpha)
	var users []string
	for _, account := range []string{alpha, beta, gamma} {
		w.user(account, "ann", allow("kinesis:*", "*"))
		users = append(users, "arn:aws:iam::"+account+":user/ann")
	}
	w.done(root(alpha), "iam:TagUser", members{"UserName": "ann", "Tags": []any{members{"Key": "Team", "Value": "logs"}}})
	w.done(root(alpha), "iam:PutUserPolicy", members{"UserName": "ann", "PolicyName": "tagged", "PolicyDocument": `{"Statement":{"Effect":"Allow","Action":"logs:*","Resource":"*",` +
		`"Condition":{"StringEquals":{"aws:PrincipalTag/Team":"logs"}}}}`})
	linked := do[iam.CreateServiceLinkedRoleOutput](w, root(alpha), "iam:CreateServiceLinkedRole", members{"AWSServiceName": "config.amazonaws.com"}).Role.ARN
	for _, c := range []struct{ account, source, action, want string }{
		{alpha, users[0], "kinesis:PutRecord", "explicitDeny organizations false"},
		{alpha, users[0], "logs:PutLogEvents", "allowed user_ann_tagged(IAM Policy)1:14-1:127 organizations true"},
		{beta, users[1], "kinesis:PutRecord", "allowed user_ann_p(IAM Policy)1:38-1:92 organizations true"},
		{gamma, users[2], "kinesis:PutRecord", "allowed user_ann_p(IAM Policy)1:38-1:92"},
		{alpha, linked, "kinesis:PutRecord", "allowed PolicyInputList.1(IAM Policy)1:38-1:92 organizations true"},
	} {
		in := members{"PolicySourceArn": c.source, "ActionNames": []any{c.action}}
		if c.source == linked {
			in["PolicyInputList"] = []any{allow("kinesis:*", "*")}
		}
		r := do[iam.SimulatePrincipalPolicyOutput](w, root(c.account), "iam:SimulatePrincipalPolicy", in).EvaluationResults[0]
		got := told(r.EvalDecision, r.MatchedStatements, r.MissingContextValues)
		if o := r.OrganizationsDecisionDetail; o != nil {
			got += fmt.Sprint(" organizations ", *o.AllowedByOrganizations)
		}
		equal(t, c.source+" "+c.action, got, c.want)
	}
}

func TestBadSimulations(t *testing.T) {
	w := newWorld(t, false)
	w.user(alpha, "alice", "")
	good := members{"PolicyInputList": []any{allow("*", "*")}, "ActionNames": []any{"logs:PutLogEvents"}}
	many := make([]any, 5001)
	for i := range many {
		many[i] = "logs:PutLogEvents"
	}
	for _, c := range []struct {
		name string
		more members
		want string
	}{
		{"no policy", members{"PolicyInputList": []any{`{"Statement":[]}`}}, "InvalidInput: PolicyInputList.1: Syntax errors in policy."},
		{"wildcard in an action", members{"ActionNames": []any{"logs:*"}}, "InvalidInput: Invalid action name: logs:*"},
		{"action without service", members{"ActionNames": []any{"PutLogEvents"}}, "InvalidInput: Invalid action name: PutLogEvents"},
		{"no action", members{"ActionNames": []any{}}, "InvalidInput: ActionNames must name an action."},
		{
			"no action with a resource policy",
			members{"ActionNames": []any{}, "CallerArn": "arn:aws:iam::111111111111:user/alice", "ResourcePolicy": `{"Statement":{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}}`},
			"InvalidInput: ActionNames must name an action.",
		},
		{"no ARN", members{"ResourceArns": []any{"app"}}, "InvalidInput: Invalid resource ARN: app"},
		{"two boundaries", members{"PermissionsBoundaryPolicyInputList": []any{allow("*", "*"), allow("*", "*")}}, "InvalidInput: PermissionsBoundaryPolicyInputList can have one policy only."},
		{"caller is a role", members{"CallerArn": "arn:aws:iam::111111111111:role/r"}, "InvalidInput: CallerArn must be the ARN of an IAM user."},
		{"resource policy without a caller", members{"ResourcePolicy": `{"Statement":{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}}`}, "InvalidInput: CallerArn is required with ResourcePolicy unless PolicySourceArn is the ARN of an IAM user."},
		{"owner is no account", members{"ResourceOwner": "me"}, "InvalidInput: ResourceOwner must be an account ID or the ARN of an account."},
		{"key twice", members{"ContextEntries": []any{members{"ContextKeyName": "aws:x", "ContextKeyType": "string"}, members{"ContextKeyName": "AWS:X", "ContextKeyType": "string"}}}, "InvalidInput: Context key AWS:X is empty or given twice."},
		{"too much", members{"ActionNames": many}, "InvalidInput: A simulation can have 5000 combinations of action and resource at most."},
		{
			"too much together",
			members{"ActionNames": many[:101], "ResourceArns": slices.Repeat([]any{"arn:aws:s3:::b"}, 50)},
			"InvalidInput: A simulation can have 5000 combinations of action and resource at most.",
		},
		{"marker", members{"Marker": "garbage"}, "ValidationError: Invalid Marker."},
	} {
		t.Run(c.name, func(t *testing.T) {
			w.t = t
			w.refused(root(alpha), "iam:SimulateCustomPolicy", with(good, c.more), c.want)
		})
	}
	w.t = t
	w.refused(root(alpha), "iam:SimulatePrincipalPolicy", with(good, members{"PolicySourceArn": "arn:aws:iam::111111111111:user/bob"}), "NoSuchEntity: The user with name bob cannot be found.")
	w.refused(root(alpha), "iam:SimulatePrincipalPolicy", with(good, members{"PolicySourceArn": "arn:aws:iam::111111111111:user/path/alice"}), "NoSuchEntity: The user with name alice cannot be found.")
	for _, source := range []string{"arn:aws:sts::111111111111:user/alice", "arn:aws:iam:::user/alice", "arn:aws:iam::111111111111:policy/alice", "arn:aws:iam::111111111111:root"} {
		w.refused(root(alpha), "iam:SimulatePrincipalPolicy", with(good, members{"PolicySourceArn": source}), "InvalidInput: Invalid Entity Arn: "+source+" does not clearly define entity type and name.")
	}
	// Another account's users answer alike, whether they are there or not.
	w.user(beta, "carol", "")
	for _, name := range []string{"carol", "dave"} {
		w.refused(root(alpha), "iam:GetContextKeysForPrincipalPolicy", members{"PolicySourceArn": "arn:aws:iam::222222222222:user/" + name},
			"AccessDenied: User: arn:aws:iam::111111111111:root is not authorized to perform: iam:GetContextKeysForPrincipalPolicy on resource: arn:aws:iam::222222222222:user/"+name+" because no resource-based policy allows the iam:GetContextKeysForPrincipalPolicy action")
	}
}

func TestContextKeys(t *testing.T) {
	w := newWorld(t, false)
	one := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"logs:*","Resource":"arn:aws:logs:*:*:log-group:${aws:UserName}","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}}]}`
	two := `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"logs:*","Resource":"*","Condition":{"Null":{"AWS:PRINCIPALORGID":"true","sts:ExternalId":"true"}}}]}`
	custom := do[iam.GetContextKeysForCustomPolicyOutput](w, root(alpha), "iam:GetContextKeysForCustomPolicy", members{"PolicyInputList": []any{one, two}}).ContextKeyNames
	if want := []string{"aws:UserName", "aws:PrincipalOrgID", "sts:ExternalId"}; !slices.Equal(custom, want) {
		t.Errorf("custom: got %q, want %q", custom, want)
	}
	w.user(alpha, "alice", two)
	own := do[iam.GetContextKeysForPrincipalPolicyOutput](w, root(alpha), "iam:GetContextKeysForPrincipalPolicy",
		members{"PolicySourceArn": "arn:aws:iam::111111111111:user/alice", "PolicyInputList": []any{one}}).ContextKeyNames
	if want := []string{"AWS:PRINCIPALORGID", "sts:ExternalId", "aws:UserName"}; !slices.Equal(own, want) {
		t.Errorf("principal: got %q, want %q", own, want)
	}
	w.refused(root(alpha), "iam:GetContextKeysForCustomPolicy", members{"PolicyInputList": []any{"{"}}, "InvalidInput: PolicyInputList.1: Syntax errors in policy.")
}
