package iam_test

import (
	"context"
	"strings"
	"testing"

	"tributary/internal/pure/policy"
	"tributary/internal/service/api"
	"tributary/internal/service/iam"
	orgs "tributary/internal/service/organizations"
)

const listDenied = "AccessDenied: User: arn:aws:iam::111111111111:user/alice is not authorized to perform: iam:ListUsers on resource: arn:aws:iam::111111111111:user/ "

func TestPoliciesDecideAtTheNextRequest(t *testing.T) {
	w := newWorld(t, false)
	a := root(alpha)
	alice := w.user(alpha, "alice", "")
	w.refused(alice, "iam:ListUsers", nil, listDenied+"because no identity-based policy allows the iam:ListUsers action")
	put := func(name, text string) {
		w.done(a, "iam:PutUserPolicy", members{"UserName": "alice", "PolicyName": name, "PolicyDocument": text})
	}
	put("p", allow("iam:List*", "*"))
	w.done(alice, "iam:ListUsers", nil)
	put("q", `{"Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}`)
	w.refused(alice, "iam:ListUsers", nil, listDenied+"with an explicit deny in an identity-based policy")
	who := do[iam.GetCallerIdentityOutput](w, alice, "sts:GetCallerIdentity", nil) // needs no permission, whatever is denied
	equal(t, "who", who.ARN, "arn:aws:iam::111111111111:user/alice")
	equal(t, "account", who.Account, alpha)
	w.done(a, "iam:DeleteUserPolicy", members{"UserName": "alice", "PolicyName": "q"})
	w.done(alice, "iam:ListUsers", nil)
	w.done(a, "iam:DeleteUserPolicy", members{"UserName": "alice", "PolicyName": "p"})
	w.refused(alice, "iam:ListUsers", nil, listDenied+"because no identity-based policy allows the iam:ListUsers action")
}

func TestPolicyInTheNameOfAnotherAccountGivesNothing(t *testing.T) {
	w := newWorld(t, false)
	alice := w.user(alpha, "alice", allow("*", "arn:aws:iam::222222222222:*"))
	w.refused(alice, "iam:ListUsers", nil, listDenied+"because no identity-based policy allows the iam:ListUsers action")
	w.role(beta, "r", `{"AWS":"222222222222"}`)
	w.refused(alice, "sts:AssumeRole", members{"RoleArn": "arn:aws:iam::222222222222:role/r", "RoleSessionName": "s1"},
		"AccessDenied: User: arn:aws:iam::111111111111:user/alice is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::222222222222:role/r because no role trust policy allows the sts:AssumeRole action")
}

func TestTagsNeedAPermissionOfTheirOwn(t *testing.T) {
	w := newWorld(t, false)
	alice := w.user(alpha, "alice", allow("iam:CreateUser", "*"))
	w.done(alice, "iam:CreateUser", members{"UserName": "plain"})
	w.refused(alice, "iam:CreateUser", members{"UserName": "tagged", "Tags": []any{members{"Key": "a", "Value": "b"}}},
		"AccessDenied: User: arn:aws:iam::111111111111:user/alice is not authorized to perform: iam:TagUser on resource: arn:aws:iam::111111111111:user/tagged because no identity-based policy allows the iam:TagUser action")
}

// TestConditionKeys asks for each key whether a user, whom one policy lets act
// only if the key has that value, may act.
func TestConditionKeys(t *testing.T) {
	w := newWorld(t, false)
	org := w.organization(alpha)
	w.done(root(alpha), "iam:CreateUser", members{"UserName": "bob", "Path": "/x/", "Tags": []any{members{"Key": "Team", "Value": "logs"}}})
	k := do[iam.CreateAccessKeyOutput](w, root(alpha), "iam:CreateAccessKey", members{"UserName": "bob"}).AccessKey
	bob := credential{id: k.AccessKeyID, secret: k.SecretAccessKey}
	id := do[iam.GetUserOutput](w, root(alpha), "iam:GetUser", members{"UserName": "bob"}).User.UserID
	for _, c := range []struct {
		operator, key, value string
		want                 bool
	}{
		{"StringEquals", "aws:PrincipalArn", "arn:aws:iam::111111111111:user/x/bob", true},
		{"StringEquals", "aws:PrincipalAccount", alpha, true},
		{"StringEquals", "aws:PrincipalAccount", beta, false},
		{"StringEquals", "aws:PrincipalType", "User", true},
		{"StringEquals", "aws:userid", id, true},
		{"StringEquals", "aws:username", "bob", true},
		{"StringEquals", "aws:PrincipalOrgID", org.ID, true},
		{"ForAnyValue:StringLike", "aws:PrincipalOrgPaths", org.ID + "/r-*", true},
		{"Bool", "aws:PrincipalIsAWSService", "false", true},
		{"StringEquals", "aws:PrincipalTag/team", "logs", true},
		{"StringEquals", "aws:ResourceAccount", alpha, true},
		{"StringEquals", "aws:ResourceOrgID", org.ID, true},
		{"StringEquals", "aws:ResourceTag/Team", "logs", true},
		{"IpAddress", "aws:SourceIp", "192.0.2.0/24", true},
		{"IpAddress", "aws:SourceIp", "198.51.100.0/24", false},
		{"Bool", "aws:SecureTransport", "false", true},
		{"DateLessThan", "aws:CurrentTime", "2026-11-21T12:00:01Z", true},
		{"DateLessThan", "aws:CurrentTime", "2026-11-21T12:00:00Z", false},
		{"NumericEquals", "aws:EpochTime", "1795262400", true},
		{"StringEquals", "aws:RequestedRegion", "us-east-1", true},
		{"StringLike", "aws:UserAgent", "test/*", true},
		{"Null", "aws:SourceArn", "true", true},
		{"Null", "aws:TokenIssueTime", "true", true},
	} {
		t.Run(c.key+"="+c.value, func(t *testing.T) {
			w.t = t
			w.done(root(alpha), "iam:PutUserPolicy", members{
				"UserName": "bob", "PolicyName": "p",
				"PolicyDocument": `{"Statement":{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{"` + c.operator + `":{"` + c.key + `":"` + c.value + `"}}}}`,
			})
			_, err := w.call(bob, "iam:GetUser", nil)
			if _, refused := api.AsException(err); err != nil && !refused {
				t.Fatal(err)
			}
			equal(t, "allowed", err == nil, c.want)
		})
	}
}

// TestMultiFactorAuthPresentIsOfTemporaryCredentials holds AWS's pitfall too: without
// IfExists, a condition that the key is false spares long-term keys.
func TestMultiFactorAuthPresentIsOfTemporaryCredentials(t *testing.T) {
	w := newWorld(t, false)
	alice := w.user(alpha, "alice", "")
	r := w.role(alpha, "r", `{"AWS":"111111111111"}`)
	if_ := func(operator, value string) string {
		return `{"Statement":{"Effect":"Allow","Action":["organizations:ListRoots","sts:*"],"Resource":"*","Condition":{"` + operator + `":{"aws:MultiFactorAuthPresent":"` + value + `"}}}}`
	}
	give := func(document string) {
		w.done(root(alpha), "iam:PutUserPolicy", members{"UserName": "alice", "PolicyName": "p", "PolicyDocument": document})
		w.done(root(alpha), "iam:PutRolePolicy", members{"RoleName": "r", "PolicyName": "p", "PolicyDocument": document})
	}
	give(allow("*", "*"))
	role := w.assume(alice, r.ARN, "s1", nil)
	c := do[iam.GetSessionTokenOutput](w, alice, "sts:GetSessionToken", nil).Credentials
	token := credential{c.AccessKeyID, c.SecretAccessKey, c.SessionToken}
	for _, c := range []struct {
		operator, value      string
		key, session, ofRole bool
	}{
		{"Bool", "true", false, false, false},
		{"Bool", "false", false, true, true},
		{"BoolIfExists", "true", true, false, false},
		{"BoolIfExists", "false", true, true, true},
		{"Null", "true", true, false, false},
		{"Null", "false", false, true, true},
	} {
		give(if_(c.operator, c.value))
		for name, one := range map[string]struct {
			who  credential
			want bool
		}{"a long-term key": {alice, c.key}, "a session token": {token, c.session}, "a session of a role": {role, c.ofRole}} {
			_, err := w.call(one.who, "organizations:ListRoots", nil)
			e, _ := api.AsException(err)
			if allowed := e == nil || e.Code != "AccessDeniedException" || !strings.Contains(e.Message, "is not authorized to perform"); allowed != one.want {
				t.Errorf("%s %s: %s is allowed: %t, want %t (%v)", c.operator, c.value, name, allowed, one.want, err)
			}
		}
	}
}

func TestMembershipIsJudgedAtTheTimeOfTheRequest(t *testing.T) {
	w := newWorld(t, false)
	org := w.organization(alpha, beta)
	text := `{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalOrgID":"` + org.ID + `"}}}}`
	bob := w.user(beta, "bob", text)
	r := w.role(beta, "r", `{"AWS":"arn:aws:iam::222222222222:user/bob"}`)
	w.done(root(beta), "iam:PutRolePolicy", members{"RoleName": "r", "PolicyName": "p", "PolicyDocument": text})
	ses := w.assume(bob, r.ARN, "s1", nil)
	w.done(bob, "iam:ListUsers", nil)
	w.done(ses, "iam:ListUsers", nil)

	before := w.iam.Revision()
	w.done(root(beta), "organizations:LeaveOrganization", nil)
	if w.iam.Revision() == before {
		t.Error("leaving did not change the revision")
	}
	for name, c := range map[string]credential{"user": bob, "session": ses} {
		if _, err := w.call(c, "iam:ListUsers", nil); err == nil {
			t.Errorf("%s of an account that left acts as a member", name)
		}
	}
}

// What acts for a user of then is given nothing by a user of the same name.
func TestANamesakeGivesNothing(t *testing.T) {
	w := newWorld(t, false)
	was := w.user(alpha, "alice", allow("*", "*"))
	_, caller, err := w.iam.Credentials(t.Context(), was.id, "")
	must(t, err)
	may := func() bool {
		access := api.Access{Action: "logs:CreateLogGroup", Resource: "arn:aws:logs:us-east-1:111111111111:log-group:g:*"}
		return w.iam.Decide(caller, "us-east-1", w.now, access, policy.Standard).Allowed()
	}
	equal(t, "alice", may(), true)
	w.done(root(alpha), "iam:DeleteAccessKey", members{"UserName": "alice", "AccessKeyId": was.id})
	w.done(root(alpha), "iam:DeleteUserPolicy", members{"UserName": "alice", "PolicyName": "p"})
	w.done(root(alpha), "iam:DeleteUser", members{"UserName": "alice"})
	equal(t, "nobody", may(), false)
	w.user(alpha, "alice", allow("*", "*"))
	equal(t, "a namesake", may(), false)
}

func TestDecideKnowsAccountsWithoutOrganizationKeys(t *testing.T) {
	w := newWorld(t, false)
	org := w.organization(alpha)
	destination := "arn:aws:logs:us-east-1:999999999999:destination:d"
	decide := func(caller api.Caller, principal, condition string) bool {
		doc, err := policy.Parse(`{"Statement":{"Effect":"Allow","Principal":`+principal+`,"Action":"logs:PutSubscriptionFilter","Resource":"`+destination+`","Condition":`+condition+`}}`, policy.Resource)
		must(t, err)
		return w.iam.Decide(caller, "us-east-1", w.now, api.Access{
			Action: "logs:PutSubscriptionFilter", Resource: destination,
			ResourcePolicy: &policy.Source{Name: "policy", Document: doc},
		}, policy.ResourceOnly).Allowed()
	}
	inOrg := `{"StringEquals":{"aws:PrincipalOrgID":"` + org.ID + `"}}`
	_, asRoot, err := w.iam.Credentials(context.Background(), alpha, "")
	must(t, err)
	equal(t, "root of a member", decide(asRoot, `"*"`, inOrg), true)
	equal(t, "the account as a whole", decide(iam.AccountCaller(alpha), `"*"`, inOrg), false)
	equal(t, "the account by number", decide(iam.AccountCaller(alpha), `{"AWS":"111111111111"}`, `{"StringEquals":{"aws:PrincipalAccount":"111111111111"}}`), true)
	equal(t, "another by number", decide(iam.AccountCaller(beta), `{"AWS":"111111111111"}`, `{}`), false)
	equal(t, "no address", decide(asRoot, `"*"`, `{"Null":{"aws:SourceIp":"true","aws:SecureTransport":"true"}}`), true)
}

// organization makes an organization of these accounts; the first manages it.
func (w *world) organization(accounts ...string) *orgs.Organization {
	w.t.Helper()
	org := do[orgs.CreateOrganizationOutput](w, root(accounts[0]), "organizations:CreateOrganization", nil).Organization
	for _, a := range accounts[1:] {
		h := do[orgs.InviteAccountToOrganizationOutput](w, root(accounts[0]), "organizations:InviteAccountToOrganization",
			members{"Target": members{"Id": a, "Type": "ACCOUNT"}}).Handshake
		do[orgs.AcceptHandshakeOutput](w, root(a), "organizations:AcceptHandshake", members{"HandshakeId": h.ID})
	}
	return org
}

func BenchmarkAuthorize(b *testing.B) {
	for _, c := range []struct{ name, policy string }{
		{"root", ""},
		{"user with one policy", allow("logs:*", "arn:aws:logs:*:*:log-group:app/*")},
		{"user with a condition", `{"Statement":{"Effect":"Allow","Action":"logs:*","Resource":"*","Condition":{"StringEquals":{"aws:RequestedRegion":"us-east-1"}}}}`},
	} {
		b.Run(c.name, func(b *testing.B) {
			w := newWorld(b, false)
			signed := root(alpha)
			if c.policy != "" {
				signed = w.user(alpha, "alice", c.policy)
			}
			_, caller, err := w.iam.Credentials(context.Background(), signed.id, "")
			must(b, err)
			call := &api.Call{Service: "logs", Operation: "PutLogEvents", Region: "us-east-1", Caller: caller, Time: w.now}
			access := api.Access{Action: "logs:PutLogEvents", Resource: "arn:aws:logs:us-east-1:111111111111:log-group:app/web:log-stream:s"}
			b.ReportAllocs()
			for b.Loop() {
				if err := w.iam.Authorize(context.Background(), call, access); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCredentials(b *testing.B) {
	w := newWorld(b, false)
	alice := w.user(alpha, "alice", "")
	r := w.role(alpha, "r", `{"AWS":"arn:aws:iam::111111111111:user/alice"}`)
	for name, c := range map[string]credential{"root": root(alpha), "user": alice, "session": w.assume(alice, r.ARN, "s1", nil)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := w.iam.Credentials(context.Background(), c.id, c.token); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
