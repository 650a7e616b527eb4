package iam_test

import (
	"strings"
	"testing"

	"tributary/internal/pure/arn"
	"tributary/internal/pure/policy"
	"tributary/internal/service/api"
	"tributary/internal/service/iam"
	orgs "tributary/internal/service/organizations"
)

// may reports whether the credential may make a call; a refusal must be
// AccessDenied.
func (w *world) may(c credential, action string, in members) bool {
	w.t.Helper()
	_, err := w.call(c, action, in)
	if e, refused := api.AsException(err); refused && e.Code == "AccessDenied" {
		return false
	}
	if err != nil {
		w.t.Fatalf("%s: %v", action, err)
	}
	return true
}

// A step changes something and says whether ListUsers is allowed at the next
// request.
type step struct {
	action string
	in     members
	want   bool
}

// walk takes the steps as the root user of an account and looks after each.
func (w *world) walk(account string, who credential, steps []step) {
	w.t.Helper()
	for _, s := range steps {
		before := w.iam.Revision()
		w.done(root(account), s.action, s.in)
		if w.iam.Revision() == before {
			w.t.Errorf("%s did not change the revision", s.action)
		}
		if got := w.may(who, "iam:ListUsers", nil); got != s.want {
			w.t.Fatalf("ListUsers after %s %v: allowed is %t, want %t", s.action, s.in, got, s.want)
		}
	}
}

func TestGroupsAndManagedPoliciesDecideAtTheNextRequest(t *testing.T) {
	w := newWorld(t, false)
	bob := w.user(alpha, "bob", "")
	p := w.policy(alpha, "p", allow("iam:List*", "*"))
	nothing := allow("logs:*", "*")
	w.walk(alpha, bob, []step{
		{"iam:CreateGroup", members{"GroupName": "g"}, false},
		{"iam:AttachGroupPolicy", members{"GroupName": "g", "PolicyArn": p}, false},
		{"iam:AddUserToGroup", members{"GroupName": "g", "UserName": "bob"}, true},
		{"iam:UpdateGroup", members{"GroupName": "g", "NewGroupName": "h", "NewPath": "/x/"}, true},
		{"iam:CreatePolicyVersion", members{"PolicyArn": p, "PolicyDocument": nothing}, true},
		{"iam:SetDefaultPolicyVersion", members{"PolicyArn": p, "VersionId": "v2"}, false},
		{"iam:SetDefaultPolicyVersion", members{"PolicyArn": p, "VersionId": "v1"}, true},
		{"iam:CreatePolicyVersion", members{"PolicyArn": p, "PolicyDocument": nothing, "SetAsDefault": true}, false},
		{"iam:PutGroupPolicy", members{"GroupName": "h", "PolicyName": "i", "PolicyDocument": allow("iam:*", "*")}, true},
		{"iam:RemoveUserFromGroup", members{"GroupName": "h", "UserName": "bob"}, false},
		{"iam:AddUserToGroup", members{"GroupName": "h", "UserName": "bob"}, true},
		{"iam:DeleteGroupPolicy", members{"GroupName": "h", "PolicyName": "i"}, false},
		{"iam:AttachUserPolicy", members{"UserName": "bob", "PolicyArn": awsPolicy("IAMReadOnlyAccess")}, true},
		{"iam:DetachUserPolicy", members{"UserName": "bob", "PolicyArn": awsPolicy("IAMReadOnlyAccess")}, false},
		{"iam:AttachGroupPolicy", members{"GroupName": "h", "PolicyArn": awsPolicy("AdministratorAccess")}, true},
		{"iam:AttachUserPolicy", members{"UserName": "bob", "PolicyArn": awsPolicy("AWSDenyAll")}, false},
		{"iam:DetachUserPolicy", members{"UserName": "bob", "PolicyArn": awsPolicy("AWSDenyAll")}, true},
		{"iam:DetachGroupPolicy", members{"GroupName": "h", "PolicyArn": awsPolicy("AdministratorAccess")}, false},
	})
}

func TestBoundaryLimitsFromTheNextRequest(t *testing.T) {
	w := newWorld(t, false)
	bob := w.user(alpha, "bob", allow("iam:*", "*"))
	narrow := w.policy(alpha, "narrow", allow("logs:*", "*"))
	wide := w.policy(alpha, "wide", allow("iam:List*", "*"))
	w.walk(alpha, bob, []step{
		{"iam:PutUserPermissionsBoundary", members{"UserName": "bob", "PermissionsBoundary": narrow}, false},
		{"iam:PutUserPermissionsBoundary", members{"UserName": "bob", "PermissionsBoundary": wide}, true},
		{"iam:CreatePolicyVersion", members{"PolicyArn": wide, "PolicyDocument": allow("logs:*", "*"), "SetAsDefault": true}, false},
		{"iam:DeleteUserPermissionsBoundary", members{"UserName": "bob"}, true},
	})
	w.done(root(alpha), "iam:PutUserPermissionsBoundary", members{"UserName": "bob", "PermissionsBoundary": narrow})
	w.refused(bob, "iam:ListUsers", nil,
		"AccessDenied: User: arn:aws:iam::111111111111:user/bob is not authorized to perform: iam:ListUsers on resource: arn:aws:iam::111111111111:user/ because no permissions boundary allows the iam:ListUsers action")

	// A boundary gives nothing by itself, also to the sessions of a role.
	r := do[iam.CreateRoleOutput](w, root(alpha), "iam:CreateRole", members{
		"RoleName": "r", "AssumeRolePolicyDocument": trustOf(`{"AWS":"arn:aws:iam::111111111111:user/bob"}`, ""), "PermissionsBoundary": awsPolicy("IAMFullAccess"),
	}).Role
	equal(t, "boundary", r.PermissionsBoundary.PermissionsBoundaryARN, awsPolicy("IAMFullAccess"))
	w.done(root(alpha), "iam:DeleteUserPermissionsBoundary", members{"UserName": "bob"})
	ses := w.assume(bob, r.ARN, "s1", nil)
	equal(t, "by the boundary alone", w.may(ses, "iam:ListUsers", nil), false)
	w.walk(alpha, ses, []step{
		{"iam:AttachRolePolicy", members{"RoleName": "r", "PolicyArn": awsPolicy("AdministratorAccess")}, true},
		{"iam:PutRolePermissionsBoundary", members{"RoleName": "r", "PermissionsBoundary": narrow}, false},
		{"iam:DeleteRolePermissionsBoundary", members{"RoleName": "r"}, true},
		{"iam:DetachRolePolicy", members{"RoleName": "r", "PolicyArn": awsPolicy("AdministratorAccess")}, false},
	})
}

// controlPolicy makes a policy of an organization and attaches it.
func (w *world) controlPolicy(management, name, kind, content, target string) string {
	w.t.Helper()
	id := do[orgs.CreatePolicyOutput](w, root(management), "organizations:CreatePolicy", members{
		"Name": name, "Description": "", "Type": kind, "Content": content,
	}).Policy.PolicySummary.ID
	w.done(root(management), "organizations:AttachPolicy", members{"PolicyId": id, "TargetId": target})
	return id
}

func (w *world) enable(management, kind string) {
	w.t.Helper()
	r := do[orgs.ListRootsOutput](w, root(management), "organizations:ListRoots", nil).Roots[0]
	w.done(root(management), "organizations:EnablePolicyType", members{"RootId": r.ID, "PolicyType": kind})
}

func TestServiceControlPolicyLimitsMembersAtTheNextRequest(t *testing.T) {
	const scp = "SERVICE_CONTROL_POLICY"
	deny := `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"iam:ListUsers","Resource":"*"}}`
	w := newWorld(t, false)
	w.organization(alpha, beta)
	bob := w.user(beta, "bob", allow("*", "*"))
	manager := w.user(alpha, "manager", allow("*", "*"))
	w.enable(alpha, scp)
	equal(t, "with FullAWSAccess", w.may(bob, "iam:ListUsers", nil), true)

	before := w.iam.Revision()
	id := w.controlPolicy(alpha, "no users", scp, deny, beta)
	if w.iam.Revision() == before {
		t.Error("an SCP did not change the revision")
	}
	w.refused(bob, "iam:ListUsers", nil,
		"AccessDenied: User: arn:aws:iam::222222222222:user/bob is not authorized to perform: iam:ListUsers on resource: arn:aws:iam::222222222222:user/ with an explicit deny in a service control policy")
	equal(t, "other operations", w.may(bob, "iam:ListRoles", nil), true)
	equal(t, "the member's root user", w.may(root(beta), "iam:ListUsers", nil), false)
	equal(t, "the management account", w.may(manager, "iam:ListUsers", nil), true)
	w.done(root(alpha), "organizations:DetachPolicy", members{"PolicyId": id, "TargetId": beta})
	equal(t, "after DetachPolicy", w.may(bob, "iam:ListUsers", nil), true)

	// A control policy with a condition sees the keys of the request.
	w.controlPolicy(alpha, "not bob", scp,
		`{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"iam:*","Resource":"*","Condition":{"StringEquals":{"aws:username":"bob"}}}}`, beta)
	equal(t, "denied by a condition", w.may(bob, "iam:ListUsers", nil), false)
	equal(t, "root user, who has no user name", w.may(root(beta), "iam:ListUsers", nil), true)
	w.done(root(beta), "organizations:LeaveOrganization", nil)
	equal(t, "after leaving", w.may(bob, "iam:ListUsers", nil), true)
}

func TestServiceControlPoliciesSpareServiceLinkedRoles(t *testing.T) {
	w := newWorld(t, false)
	w.organization(alpha, beta)
	w.enable(alpha, "SERVICE_CONTROL_POLICY")
	linked := do[iam.CreateServiceLinkedRoleOutput](w, root(beta), "iam:CreateServiceLinkedRole", members{"AWSServiceName": "organizations.amazonaws.com"}).Role
	plain := w.role(beta, "plain", `"*"`)
	text := `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"iam:CreateServiceLinkedRole","Resource":"*"}}`
	w.done(root(beta), "iam:AttachRolePolicy", members{"RoleName": "plain", "PolicyArn": awsPolicy("AdministratorAccess")})
	w.controlPolicy(alpha, "no roles", "SERVICE_CONTROL_POLICY", text, beta)
	for _, c := range []struct {
		role *iam.Role
		want bool
	}{{linked, true}, {plain, false}} {
		session := policy.Principal{
			Kind: policy.Session, Account: beta, ARN: arn.New("sts", "", beta, "assumed-role/"+c.role.RoleName+"/s1"),
			RoleARN: arn.ARN(c.role.ARN), ID: c.role.RoleID + ":s1",
		}
		d := w.iam.Decide(api.Caller{Principal: session}, "us-east-1", w.now, api.Access{Action: "iam:CreateServiceLinkedRole", Resource: plain.ARN}, policy.Standard)
		equal(t, "allowed to "+c.role.RoleName, d.Allowed(), c.want)
	}
}

func TestResourceControlPolicyLimitsWhoActsOnAMembersRole(t *testing.T) {
	const rcp = "RESOURCE_CONTROL_POLICY"
	w := newWorld(t, false)
	w.organization(alpha, beta)
	bob := w.user(gamma, "bob", allow("*", "*"))
	r := w.role(beta, "r", `{"AWS":"999999999999"}`)
	in := members{"RoleArn": r.ARN, "RoleSessionName": "s1"}
	equal(t, "before", w.may(bob, "sts:AssumeRole", in), true)
	w.enable(alpha, rcp)
	equal(t, "with RCPFullAWSAccess", w.may(bob, "sts:AssumeRole", in), true)
	w.controlPolicy(alpha, "perimeter", rcp, `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":"sts:AssumeRole","Resource":"*","Condition":{"StringNotEqualsIfExists":{"aws:PrincipalAccount":"222222222222"}}}}`, beta)
	_, err := w.call(bob, "sts:AssumeRole", in)
	if err == nil || !strings.Contains(err.Error(), "with an explicit deny in a resource control policy") {
		t.Errorf("AssumeRole: got %v, want a denial by the resource control policy", err)
	}
	// Things of IAM and Organizations are beyond resource control policies.
	w.controlPolicy(alpha, "all of both", rcp, `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":["iam:*","organizations:*"],"Resource":"*"}}`, beta)
	w.done(root(beta), "iam:ListUsers", nil)
	w.done(root(beta), "organizations:DescribeOrganization", nil)
}

// TestConditionKeysOfOperations lets an administrator do one thing only with
// conditions on the keys that AWS documents for it.
func TestConditionKeysOfOperations(t *testing.T) {
	w := newWorld(t, false)
	a := root(alpha)
	bound := w.policy(alpha, "bound", allow("*", "*"))
	other := w.policy(alpha, "other", allow("*", "*"))
	admin := w.user(alpha, "admin", "")
	w.done(a, "iam:CreateUser", members{"UserName": "u", "PermissionsBoundary": bound, "Tags": []any{members{"Key": "Team", "Value": "logs"}}})
	w.done(a, "iam:CreateUser", members{"UserName": "free"})
	w.role(alpha, "r", `"*"`)
	tags := []any{members{"Key": "Team", "Value": "logs"}}
	otherTags := []any{members{"Key": "Team", "Value": "other"}}
	doc := allow("logs:*", "*")
	for _, c := range []struct {
		condition, action string
		good, bad         members
	}{
		{`"ArnEquals":{"iam:PolicyARN":"` + bound + `"}`, "iam:AttachUserPolicy", members{"UserName": "u", "PolicyArn": bound}, members{"UserName": "u", "PolicyArn": other}},
		{`"ArnEquals":{"iam:PolicyARN":"` + bound + `"}`, "iam:AttachRolePolicy", members{"RoleName": "r", "PolicyArn": bound}, members{"RoleName": "r", "PolicyArn": other}},
		{`"StringEquals":{"iam:PermissionsBoundary":"` + bound + `"}`, "iam:CreateUser", members{"UserName": "n1", "PermissionsBoundary": bound}, members{"UserName": "n2"}},
		{`"StringEquals":{"iam:PermissionsBoundary":"` + bound + `"}`, "iam:PutUserPermissionsBoundary", members{"UserName": "u", "PermissionsBoundary": bound}, members{"UserName": "u", "PermissionsBoundary": other}},
		{`"StringEquals":{"iam:PermissionsBoundary":"` + bound + `"}`, "iam:PutUserPolicy", members{"UserName": "u", "PolicyName": "p", "PolicyDocument": doc}, members{"UserName": "free", "PolicyName": "p", "PolicyDocument": doc}},
		{`"StringEquals":{"iam:PermissionsBoundary":"` + bound + `"}`, "iam:AttachUserPolicy", members{"UserName": "u", "PolicyArn": other}, members{"UserName": "free", "PolicyArn": other}},
		{`"StringEquals":{"aws:RequestTag/Team":"logs"}`, "iam:TagUser", members{"UserName": "u", "Tags": tags}, members{"UserName": "u", "Tags": otherTags}},
		{`"StringEquals":{"aws:RequestTag/Team":"logs"}`, "iam:TagPolicy", members{"PolicyArn": bound, "Tags": tags}, members{"PolicyArn": bound, "Tags": otherTags}},
		{`"StringEquals":{"iam:ResourceTag/Team":"logs"}`, "iam:GetUser", members{"UserName": "u"}, members{"UserName": "free"}},
		{`"StringEquals":{"aws:ResourceTag/Team":"logs"}`, "iam:GetPolicy", members{"PolicyArn": bound}, members{"PolicyArn": other}},
		{`"ForAllValues:StringEquals":{"aws:TagKeys":"x"}`, "iam:UntagRole", members{"RoleName": "r", "TagKeys": []any{"x"}}, members{"RoleName": "r", "TagKeys": []any{"y"}}},
		{`"StringEquals":{"iam:AWSServiceName":"organizations.amazonaws.com"}`, "iam:CreateServiceLinkedRole", members{"AWSServiceName": "organizations.amazonaws.com"}, members{"AWSServiceName": "config.amazonaws.com"}},
	} {
		t.Run(c.action+" "+c.condition, func(t *testing.T) {
			w.t = t
			w.done(a, "iam:PutUserPolicy", members{
				"UserName": "admin", "PolicyName": "p",
				"PolicyDocument": `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"` + c.action + `","Resource":"*","Condition":{` + c.condition + `}}}`,
			})
			equal(t, "allowed as the condition wants it", w.may(admin, c.action, c.good), true)
			equal(t, "allowed otherwise", w.may(admin, c.action, c.bad), false)
		})
	}
}

func TestANewNameNeedsThePermissionOnBothNames(t *testing.T) {
	w := newWorld(t, false)
	a := root(alpha)
	w.done(a, "iam:CreateUser", members{"UserName": "old"})
	w.done(a, "iam:CreateGroup", members{"GroupName": "old"})
	admin := w.user(alpha, "admin", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:Update*","Resource":["arn:aws:iam::111111111111:user/*old","arn:aws:iam::111111111111:group/*old"]}}`)
	equal(t, "user to a name outside", w.may(admin, "iam:UpdateUser", members{"UserName": "old", "NewUserName": "new"}), false)
	equal(t, "group to a name outside", w.may(admin, "iam:UpdateGroup", members{"GroupName": "old", "NewGroupName": "new"}), false)
	equal(t, "user to a path inside", w.may(admin, "iam:UpdateUser", members{"UserName": "old", "NewPath": "/x/"}), true)
}

// What is parsed is kept: to decide by long policies takes no more memory than to
// decide by short ones. Without that it shows at once: to read a statement takes
// dozens of allocations.
func TestPoliciesAreParsedOncePerRevision(t *testing.T) {
	w := newWorld(t, false)
	w.organization(beta, alpha)
	w.enable(beta, "SERVICE_CONTROL_POLICY")
	a, b := root(alpha), root(beta)
	bob := w.user(alpha, "bob", allow("iam:*", "*"))
	w.done(a, "iam:CreateGroup", members{"GroupName": "g"})
	w.done(a, "iam:AddUserToGroup", members{"GroupName": "g", "UserName": "bob"})
	own := w.policy(alpha, "own", allow("iam:*", "*"))
	w.done(a, "iam:AttachUserPolicy", members{"UserName": "bob", "PolicyArn": own})
	w.done(a, "iam:PutUserPermissionsBoundary", members{"UserName": "bob", "PermissionsBoundary": own})
	scp := w.controlPolicy(beta, "scp", "SERVICE_CONTROL_POLICY", allow("*", "*"), alpha)
	r := w.role(alpha, "r", `{"Service":"logs.amazonaws.com"}`)

	_, caller, err := w.iam.Credentials(t.Context(), bob.id, "")
	must(t, err)
	call := &api.Call{Service: "iam", Operation: "ListUsers", Region: "us-east-1", Time: w.now, Caller: caller}
	list := func() {
		must(t, w.iam.Authorize(t.Context(), call, api.Access{Action: "iam:ListUsers", Resource: "arn:aws:iam::111111111111:user/"}))
	}
	assume := func() {
		_, d, err := w.iam.AssumeForService(iam.ServiceAssumption{Role: arn.ARN(r.ARN), Service: "logs", Region: "us-east-1", SourceAccount: alpha})
		must(t, err)
		equal(t, "assumed", d.Allowed(), true)
	}
	statements := func(one string) string {
		return `{"Version":"2012-10-17","Statement":[` + strings.Repeat(one+",", 19) + one + `]}`
	}
	long := statements(`{"Effect":"Allow","Action":["iam:*","sts:*"],"Resource":"*"}`)
	for _, c := range []struct {
		who    credential
		action string
		in     members
		decide func()
	}{
		{a, "iam:PutUserPolicy", members{"UserName": "bob", "PolicyName": "p", "PolicyDocument": long}, list},
		{a, "iam:PutGroupPolicy", members{"GroupName": "g", "PolicyName": "p", "PolicyDocument": long}, list},
		{a, "iam:CreatePolicyVersion", members{"PolicyArn": own, "PolicyDocument": long, "SetAsDefault": true}, list},
		{b, "organizations:UpdatePolicy", members{"PolicyId": scp, "Content": long}, list},
		{a, "iam:UpdateAssumeRolePolicy", members{"RoleName": "r", "PolicyDocument": statements(`{"Effect":"Allow","Principal":{"Service":"logs.amazonaws.com"},"Action":"sts:AssumeRole"}`)}, assume},
	} {
		c.decide() // parses
		short := testing.AllocsPerRun(20, c.decide)
		w.done(c.who, c.action, c.in)
		c.decide()
		if got := testing.AllocsPerRun(20, c.decide); got > short+2 {
			t.Errorf("after %s: %v allocations for a decision, %v with a short policy", c.action, got, short)
		}
	}
}
