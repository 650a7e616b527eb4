package organizations_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"tributary/internal/pure/policy"
	"tributary/internal/service/api"
)

// unguarded are the operations that an account may call without being let in by the
// management account.
var unguarded = []string{
	"CreateOrganization", "DescribeOrganization", "LeaveOrganization", "DescribeEffectivePolicy",
	"AcceptHandshake", "DeclineHandshake", "CancelHandshake", "DescribeHandshake", "ListHandshakesForAccount",
}

// inputs satisfy the constraints of every operation that has any.
var inputs = members{
	"AccountId": "222222222222", "AccountName": "n", "ChildId": "222222222222", "ChildType": "ACCOUNT",
	"Content": denyKinesis, "CreateAccountRequestId": "car-aaaaaaaa", "Description": "", "Email": "x@example.com",
	"HandshakeId": "h-aaaaaaaa", "Name": "n", "OrganizationalUnitId": "ou-none-aaaaaaaa", "ParentId": "r-none",
	"PolicyId": "p-FullAWSAccess", "PolicyType": "TAG_POLICY", "Type": scp, "ResourceId": "222222222222",
	"RootId": "r-none", "ServicePrincipal": "sso.amazonaws.com", "SourceParentId": "r-none",
	"DestinationParentId": "r-none", "TargetId": "222222222222", "TagKeys": []any{"a"}, "Tags": []any{},
	"Target": members{"Id": "222222222222", "Type": "ACCOUNT"},
}

// input is what an operation may be called with.
func input(op api.Operation) members {
	in := members{}
	for k, v := range inputs {
		in[k] = v
	}
	delete(in, "Filter")
	switch op.Name {
	case "ListPolicies", "ListPoliciesForTarget":
		in["Filter"] = scp
	}
	return in
}

func TestEveryOperationIsThere(t *testing.T) {
	w := newWorld(t, false)
	if n := len(w.orgs.Table().Operations); n != 54 {
		t.Errorf("%d operations, want 54", n)
	}
}

func TestDoors(t *testing.T) {
	w := newWorld(t, false)
	w.organization(alpha, beta)
	w.done(alpha, "EnableAWSServiceAccess", members{"ServicePrincipal": "config.amazonaws.com"})
	const administers = "333333333333"
	w.done(administers, "AcceptHandshake", members{"HandshakeId": w.invite(alpha, administers).ID})
	w.done(alpha, "RegisterDelegatedAdministrator", administrator(administers, "config.amazonaws.com"))
	for _, op := range w.orgs.Table().Operations {
		if slices.Contains(unguarded, op.Name) {
			continue
		}
		w.refused(beta, op.Name, input(op), "AccessDeniedException")
		w.refused(gamma, op.Name, input(op), "AWSOrganizationsNotInUseException")
		if !strings.HasPrefix(op.Name, "List") && !strings.HasPrefix(op.Name, "Describe") {
			w.refused(administers, op.Name, input(op), "AccessDeniedException")
			continue
		}
		_, err := w.call(administers, op.Name, input(op))
		if e, ok := api.AsException(err); ok && e.Code == "AccessDeniedException" {
			t.Errorf("%s is refused to a delegated administrator", op.Name)
		}
	}
}

func TestPoliciesAreAskedAboutEveryThing(t *testing.T) {
	w := newWorld(t, false)
	org := w.organization(alpha, beta)
	root := w.enable(alpha, scp)
	unit := w.unit(alpha, root, "u")
	mine := w.policy(alpha, scp, "mine", denyKinesis)
	w.done(alpha, "TagResource", members{"ResourceId": mine, "Tags": []any{members{"Key": "Team", "Value": "a"}}})
	w.done(alpha, "TagResource", members{"ResourceId": unit, "Tags": []any{members{"Key": "Team", "Value": "b"}}})
	arn := func(rest string) string { return "arn:aws:organizations::111111111111:" + rest }
	in := func(kind, id string) string { return arn(kind + "/" + org.ID + "/" + id) }
	policyARN := in("policy", "service_control_policy/"+mine)
	for _, c := range []struct {
		op      string
		in      members
		want    []string
		context policy.Context // of the last access
	}{
		{"AttachPolicy", members{"PolicyId": mine, "TargetId": unit}, []string{policyARN, in("ou", unit)}, policy.Context{
			"organizations:policytype": {scp}, "aws:resourcetag/team": {"b"},
		}},
		{"DeletePolicy", members{"PolicyId": mine}, []string{policyARN}, policy.Context{"organizations:policytype": {scp}, "aws:resourcetag/team": {"a"}}},
		{"DeletePolicy", members{"PolicyId": "p-aaaaaaaaaa"}, []string{in("policy", "*/p-aaaaaaaaaa")}, policy.Context{}},
		{
			"DetachPolicy",
			members{"PolicyId": "p-FullAWSAccess", "TargetId": string(beta)},
			[]string{"arn:aws:organizations::aws:policy/service_control_policy/p-FullAWSAccess", in("account", string(beta))},
			policy.Context{"organizations:policytype": {scp}},
		},
		{"EnablePolicyType", members{"RootId": root, "PolicyType": rcp}, []string{in("root", root)}, policy.Context{"organizations:policytype": {rcp}}},
		{"ListPolicies", members{"Filter": rcp}, []string{"*"}, policy.Context{"organizations:policytype": {rcp}}},
		{"CreateOrganizationalUnit", members{"ParentId": root, "Name": "n", "Tags": []any{members{"Key": "Team", "Value": "c"}}}, []string{in("root", root)}, policy.Context{
			"aws:requesttag/team": {"c"}, "aws:tagkeys": {"Team"},
		}},
		{"MoveAccount", members{"AccountId": string(beta), "SourceParentId": root, "DestinationParentId": unit}, []string{in("account", string(beta)), in("root", root), in("ou", unit)}, policy.Context{"aws:resourcetag/team": {"b"}}},
		{
			"RegisterDelegatedAdministrator", administrator(string(beta), "sso.amazonaws.com"),
			[]string{in("account", string(beta))},
			policy.Context{"organizations:serviceprincipal": {"sso.amazonaws.com"}},
		},
		{"UntagResource", members{"ResourceId": root, "TagKeys": []any{"a", "b"}}, []string{in("root", root)}, policy.Context{"aws:tagkeys": {"a", "b"}}},
		{"PutResourcePolicy", members{"Content": "x"}, []string{in("resourcepolicy", "rp-*")}, policy.Context{}},
		{"CloseAccount", members{"AccountId": string(gamma)}, []string{in("account", string(gamma))}, policy.Context{}},
		{"ListRoots", nil, []string{"*"}, policy.Context{}},
	} {
		w.asks()
		_, _ = w.call(alpha, c.op, c.in)
		var want []string
		for _, resource := range c.want {
			want = append(want, "organizations:"+c.op+" "+resource)
		}
		equal(t, c.op, w.asks(), strings.Join(want, "\n"))
		got := policy.Context{}
		for k, v := range w.context {
			if len(v) > 0 {
				got[k] = v
			}
		}
		equal(t, c.op+" context", fmt.Sprint(got), fmt.Sprint(c.context))
	}
	w.asks()
	_, _ = w.call(gamma, "DescribePolicy", members{"PolicyId": mine})
	equal(t, "from outside", w.asks(), "organizations:DescribePolicy arn:aws:organizations::999999999999:policy/*/*/"+mine)
}

// A member writes its own policies. What these are asked must not depend on things
// that the member may not see: it could tell by which refusal it gets.
func TestPoliciesOfMembersDoNotSeeBehindTheDoor(t *testing.T) {
	w := newWorld(t, false)
	org := w.organization(alpha, beta)
	unit := w.unit(alpha, w.enable(alpha, scp), "u")
	mine := w.policy(alpha, scp, "mine", denyKinesis)
	for _, id := range []string{unit, mine} {
		w.done(alpha, "TagResource", members{"ResourceId": id, "Tags": []any{members{"Key": "Team", "Value": "a"}}})
	}
	unitARN, policyARN := "arn:aws:organizations::111111111111:ou/"+org.ID+"/"+unit, "arn:aws:organizations::111111111111:policy/"+org.ID+"/"
	asked := func(what, op string, in members, resource string, tagged bool) {
		t.Helper()
		w.asks()
		_, _ = w.call(beta, op, in)
		equal(t, what, w.asks(), "organizations:"+op+" "+resource)
		_, tag := w.context["aws:resourcetag/team"]
		equal(t, what+", tagged", tag, tagged)
		_, kind := w.context["organizations:policytype"]
		equal(t, what+", type of policy", kind, tagged && in["PolicyId"] != nil)
	}
	describeUnit, describePolicy := members{"OrganizationalUnitId": unit}, members{"PolicyId": mine}
	rename := members{"OrganizationalUnitId": unit, "Name": "v"}
	asked("member reads a unit", "DescribeOrganizationalUnit", describeUnit, unitARN, false)
	asked("member reads a policy", "DescribePolicy", describePolicy, policyARN+"*/"+mine, false)
	asked("member changes a policy", "UpdatePolicy", describePolicy, policyARN+"*/"+mine, false)

	w.done(alpha, "PutResourcePolicy", members{"Content": `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"222222222222"},"Action":"organizations:UpdatePolicy","Resource":"*"}}`})
	asked("admitted member changes a policy", "UpdatePolicy", describePolicy, policyARN+"service_control_policy/"+mine, true)
	asked("which admits it to nothing else", "DescribePolicy", describePolicy, policyARN+"*/"+mine, false)

	w.done(alpha, "EnableAWSServiceAccess", members{"ServicePrincipal": "config.amazonaws.com"})
	w.done(alpha, "RegisterDelegatedAdministrator", administrator(string(beta), "config.amazonaws.com"))
	asked("delegated administrator reads a unit", "DescribeOrganizationalUnit", describeUnit, unitARN, true)
	asked("delegated administrator reads a policy", "DescribePolicy", describePolicy, policyARN+"service_control_policy/"+mine, true)
	asked("delegated administrator changes a unit", "UpdateOrganizationalUnit", rename, unitARN, false)
}
