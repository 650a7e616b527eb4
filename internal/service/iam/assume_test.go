package iam_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"tributary/internal/pure/arn"
	"tributary/internal/pure/policy"
	"tributary/internal/service/api"
	"tributary/internal/service/iam"
)

func TestAssumedRoleIsWhoTheSessionIs(t *testing.T) {
	w := newWorld(t, false)
	alice := w.user(alpha, "alice", "")
	r := do[iam.CreateRoleOutput](w, root(alpha), "iam:CreateRole", members{
		"RoleName": "Ship", "Path": "/p/", "AssumeRolePolicyDocument": trustOf(`{"AWS":"arn:aws:iam::111111111111:user/alice"}`, ""),
	}).Role
	w.done(root(alpha), "iam:PutRolePolicy", members{"RoleName": "Ship", "PolicyName": "p", "PolicyDocument": allow("iam:ListUsers", "*")})
	out := do[iam.AssumeRoleOutput](w, alice, "sts:AssumeRole", members{"RoleArn": r.ARN, "RoleSessionName": "night"})
	equal(t, "ARN", out.AssumedRoleUser.ARN, "arn:aws:sts::111111111111:assumed-role/Ship/night")
	equal(t, "id", out.AssumedRoleUser.AssumedRoleID, r.RoleID+":night")
	equal(t, "end", out.Credentials.Expiration.Time, w.now.Add(time.Hour))
	who := do[iam.GetCallerIdentityOutput](w, sessionOf(out), "sts:GetCallerIdentity", nil)
	equal(t, "who", who.ARN, out.AssumedRoleUser.ARN)
	equal(t, "user id", who.UserID, r.RoleID+":night")
	w.done(sessionOf(out), "iam:ListUsers", nil)
	w.done(root(alpha), "iam:DeleteRolePolicy", members{"RoleName": "Ship", "PolicyName": "p"})
	if _, err := w.call(sessionOf(out), "iam:ListUsers", nil); err == nil {
		t.Fatal("the session acts by a policy that its role has no more")
	}
	w.refused(sessionOf(out), "iam:CreateAccessKey", nil, "ValidationError: Must specify userName when calling with non-User credentials")
}

// TestWhoMayAssume tries callers with and without a policy of their own against
// trust policies, within the role's account and from another one.
func TestWhoMayAssume(t *testing.T) {
	w := newWorld(t, false)
	const target = "arn:aws:iam::999999999999:role/target"
	near, nearAllowed := w.user(gamma, "near", ""), w.user(gamma, "allowed", allow("sts:AssumeRole", target))
	far, farAllowed := w.user(alpha, "far", ""), w.user(alpha, "allowed", allow("sts:AssumeRole", target))
	w.role(gamma, "target", `{"Service":"logs.amazonaws.com"}`)
	denied := func(who, why string) string {
		return "AccessDenied: User: arn:aws:iam::" + who + " is not authorized to perform: sts:AssumeRole on resource: " + target + " " + why
	}
	const (
		noTrust  = "because no role trust policy allows the sts:AssumeRole action"
		noPolicy = "because no identity-based policy allows the sts:AssumeRole action"
	)
	for _, c := range []struct {
		name      string
		caller    credential
		principal string
		condition string
		more      members
		want      string // empty: may
	}{
		{name: "trust names the user", caller: near, principal: `{"AWS":"arn:aws:iam::999999999999:user/near"}`},
		{name: "trust names the account", caller: near, principal: `{"AWS":"999999999999"}`, want: denied("999999999999:user/near", noPolicy)},
		{name: "trust names the account, policy allows", caller: nearAllowed, principal: `{"AWS":"999999999999"}`},
		{name: "policy allows, trust does not", caller: nearAllowed, principal: `{"Service":"logs.amazonaws.com"}`, want: denied("999999999999:user/allowed", noTrust)},
		{name: "from afar, trust names the user, no policy", caller: far, principal: `{"AWS":"arn:aws:iam::111111111111:user/far"}`, want: denied("111111111111:user/far", noPolicy)},
		{name: "from afar, both", caller: farAllowed, principal: `{"AWS":"arn:aws:iam::111111111111:root"}`},
		{name: "from afar, trust names another account", caller: farAllowed, principal: `{"AWS":"222222222222"}`, want: denied("111111111111:user/allowed", noTrust)},
		{name: "external id right", caller: near, principal: `{"AWS":"arn:aws:iam::999999999999:user/near"}`, condition: `{"StringEquals":{"sts:ExternalId":"xy7"}}`, more: members{"ExternalId": "xy7"}},
		{name: "external id wrong", caller: near, principal: `{"AWS":"arn:aws:iam::999999999999:user/near"}`, condition: `{"StringEquals":{"sts:ExternalId":"xy7"}}`, more: members{"ExternalId": "xy8"}, want: denied("999999999999:user/near", noTrust)},
		{name: "external id absent", caller: near, principal: `{"AWS":"arn:aws:iam::999999999999:user/near"}`, condition: `{"StringEquals":{"sts:ExternalId":"xy7"}}`, want: denied("999999999999:user/near", noTrust)},
		{name: "session name", caller: near, principal: `{"AWS":"arn:aws:iam::999999999999:user/near"}`, condition: `{"StringEquals":{"sts:RoleSessionName":"other"}}`, want: denied("999999999999:user/near", noTrust)},
		{name: "root", caller: root(gamma), principal: `"*"`, want: "AccessDenied: Roles may not be assumed by root accounts."},
	} {
		t.Run(c.name, func(t *testing.T) {
			w.t = t
			w.done(root(gamma), "iam:UpdateAssumeRolePolicy", members{"RoleName": "target", "PolicyDocument": trustOf(c.principal, c.condition)})
			in := with(c.more, members{"RoleArn": target, "RoleSessionName": "s1"})
			if c.want == "" {
				do[iam.AssumeRoleOutput](w, c.caller, "sts:AssumeRole", in)
				return
			}
			w.refused(c.caller, "sts:AssumeRole", in, c.want)
			if !strings.HasSuffix(c.want, noTrust) {
				return
			}
			in["RoleArn"] = "arn:aws:iam::999999999999:role/absent"
			w.refused(c.caller, "sts:AssumeRole", in, strings.ReplaceAll(strings.ReplaceAll(c.want, "role/target", "role/absent"), noTrust, refusalOfAbsent(c.caller == nearAllowed || c.caller == near)))
		})
	}
}

// A role goes by its whole ARN: a name under a path that it does not have is nobody's.
func TestARoleUnderAnotherPathIsAbsent(t *testing.T) {
	w := newWorld(t, false)
	alice := w.user(alpha, "alice", allow("sts:AssumeRole", "*"))
	w.role(alpha, "r", `{"AWS":"111111111111"}`)
	for _, name := range []string{"p/r", "R"} {
		w.refused(alice, "sts:AssumeRole", members{"RoleArn": "arn:aws:iam::111111111111:role/" + name, "RoleSessionName": "s1"},
			"AccessDenied: User: arn:aws:iam::111111111111:user/alice is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::111111111111:role/"+name+" because no role trust policy allows the sts:AssumeRole action")
		if _, _, err := w.iam.AssumeForService(iam.ServiceAssumption{Role: arn.ARN("arn:aws:iam::111111111111:role/" + name), Service: "logs"}); !errors.Is(err, iam.ErrNoSuchRole) {
			t.Errorf("for a service: got %v, want ErrNoSuchRole", err)
		}
	}
}

// The tags of another account's role are no business of the caller's policies, which
// would tell them by the words of the refusal, unless the trust policy speaks of tags.
func TestTagsOfAnotherAccountsRoleAreSeenOnlyWhereItSpeaksOfThem(t *testing.T) {
	w := newWorld(t, false)
	r := do[iam.CreateRoleOutput](w, root(beta), "iam:CreateRole", members{
		"RoleName": "r", "Tags": []any{members{"Key": "Team", "Value": "logs"}}, "AssumeRolePolicyDocument": trustOf(`{"AWS":"111111111111"}`, ""),
	}).Role
	alice := w.user(alpha, "alice", `{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/Team":"logs"}}}}`)
	in := members{"RoleArn": r.ARN, "RoleSessionName": "s1"}
	equal(t, "unspoken of", w.may(alice, "sts:AssumeRole", in), false)
	w.done(root(beta), "iam:UpdateAssumeRolePolicy", members{"RoleName": "r", "PolicyDocument": trustOf(`{"AWS":"111111111111"}`, `{"StringLike":{"iam:ResourceTag/Team":"*"}}`)})
	equal(t, "spoken of", w.may(alice, "sts:AssumeRole", in), true)
}

// refusalOfAbsent is why an absent role is refused to a caller whose policy does
// not speak of it: within the account for want of trust, from afar for want of a
// policy, as for a role that is there.
func refusalOfAbsent(near bool) string {
	if near {
		return "because no role trust policy allows the sts:AssumeRole action"
	}
	return "because no identity-based policy allows the sts:AssumeRole action"
}

func TestAssumeRoleInputs(t *testing.T) {
	w := newWorld(t, false)
	alice := w.user(alpha, "alice", allow("sts:*", "*"))
	r := do[iam.CreateRoleOutput](w, root(alpha), "iam:CreateRole", members{
		"RoleName": "r", "MaxSessionDuration": api.Number("7200"), "AssumeRolePolicyDocument": trustOf(`{"AWS":"111111111111"}`, ""),
	}).Role
	w.done(root(alpha), "iam:PutRolePolicy", members{"RoleName": "r", "PolicyName": "p", "PolicyDocument": allow("*", "*")})
	ses := w.assume(alice, r.ARN, "first", members{"DurationSeconds": api.Number("7200")})
	for _, c := range []struct {
		name   string
		caller credential
		in     members
		want   string
	}{
		{"role ARN", alice, members{"RoleArn": "nothing-valid-in-here"}, "ValidationError: nothing-valid-in-here is invalid"},
		{"ARN of a user", alice, members{"RoleArn": "arn:aws:iam::111111111111:user/alice"}, "ValidationError: arn:aws:iam::111111111111:user/alice is invalid"},
		{"session name", alice, members{"RoleSessionName": "Session1:2"}, `ValidationError: 1 validation error detected: Value 'Session1:2' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]*`},
		{"longer than the role lets", alice, members{"DurationSeconds": api.Number("7201")}, "ValidationError: The requested DurationSeconds exceeds the MaxSessionDuration set for this role."},
		{"chained for more than an hour", ses, members{"DurationSeconds": api.Number("3601")}, "ValidationError: The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"},
		{"session policy without JSON", alice, members{"Policy": "{"}, "MalformedPolicyDocument: Syntax errors in policy."},
		{"managed policy", alice, members{"PolicyArns": []any{members{"arn": "arn:aws:iam::aws:policy/NoSuchPolicy"}}}, "NoSuchEntity: Policy arn:aws:iam::aws:policy/NoSuchPolicy does not exist or is not attachable."},
		{"MFA", alice, members{"SerialNumber": "arn:aws:iam::111111111111:mfa/x", "TokenCode": "123456"}, "AccessDenied: MultiFactorAuthentication failed with invalid MFA one time pass code."},
		{"tags that the trust policy does not let pass", alice, members{"Tags": []any{members{"Key": "a", "Value": "b"}}}, "AccessDenied: User: arn:aws:iam::111111111111:user/alice is not authorized to perform: sts:TagSession on resource: arn:aws:iam::111111111111:role/r because no role trust policy allows the sts:TagSession action"},
		{"source identity likewise", alice, members{"SourceIdentity": "me"}, "AccessDenied: User: arn:aws:iam::111111111111:user/alice is not authorized to perform: sts:SetSourceIdentity on resource: arn:aws:iam::111111111111:role/r because no role trust policy allows the sts:SetSourceIdentity action"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w.t = t
			w.refused(c.caller, "sts:AssumeRole", with(members{"RoleArn": r.ARN, "RoleSessionName": "s1"}, c.in), c.want)
		})
	}
	long := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"logs:*","Resource":"` + strings.Repeat("*", 2048) + `"}]}`
	if _, err := w.call(alice, "sts:AssumeRole", members{"RoleArn": r.ARN, "RoleSessionName": "s1", "Policy": long}); err == nil {
		t.Error("a session policy of more than 2048 characters was taken")
	}
}

func TestSessionPolicyLimits(t *testing.T) {
	w := newWorld(t, false)
	alice := w.user(alpha, "alice", "")
	r := w.role(alpha, "r", `{"AWS":"arn:aws:iam::111111111111:user/alice"}`)
	w.done(root(alpha), "iam:PutRolePolicy", members{"RoleName": "r", "PolicyName": "p", "PolicyDocument": allow("iam:ListUsers", "*")})
	in := members{"RoleArn": r.ARN, "RoleSessionName": "s1", "Policy": allow("iam:ListRoles", "*")}
	out := do[iam.AssumeRoleOutput](w, alice, "sts:AssumeRole", in)
	if p := *out.PackedPolicySize; p < 1 || p > 10 {
		t.Errorf("packed policy size %d %%", p)
	}
	w.refused(sessionOf(out), "iam:ListUsers", nil, "AccessDenied: User: arn:aws:sts::111111111111:assumed-role/r/s1 is not authorized to perform: iam:ListUsers on resource: arn:aws:iam::111111111111:user/ because no session policy allows the iam:ListUsers action")
	if _, err := w.call(sessionOf(out), "iam:ListRoles", nil); err == nil {
		t.Error("a session policy gave what the role has not")
	}
	in["Policy"] = allow("iam:*", "*")
	w.done(sessionOf(do[iam.AssumeRoleOutput](w, alice, "sts:AssumeRole", in)), "iam:ListUsers", nil)
}

func TestTransitiveTagsGoOnToSessionsOfTheSession(t *testing.T) {
	w := newWorld(t, false)
	alice := w.user(alpha, "alice", allow("sts:*", "*"))
	trust := `{"Statement":{"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]}}`
	tagged := `{"Statement":[{"Effect":"Allow","Action":"sts:*","Resource":"*"},{"Effect":"Allow","Action":"iam:ListUsers","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/team":"logs","aws:SourceIdentity":"me"}}},` +
		`{"Effect":"Allow","Action":"iam:ListRoles","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/other":"x"}}}]}`
	for _, name := range []string{"one", "two"} {
		w.done(root(alpha), "iam:CreateRole", members{"RoleName": name, "AssumeRolePolicyDocument": trust})
		w.done(root(alpha), "iam:PutRolePolicy", members{"RoleName": name, "PolicyName": "p", "PolicyDocument": tagged})
	}
	tag := func(k, v string) members { return members{"Key": k, "Value": v} }
	first := w.assume(alice, "arn:aws:iam::111111111111:role/one", "s1", members{
		"Tags": []any{tag("Team", "logs"), tag("other", "x")}, "TransitiveTagKeys": []any{"team"}, "SourceIdentity": "me",
	})
	w.done(first, "iam:ListUsers", nil)
	w.done(first, "iam:ListRoles", nil)
	second := w.assume(first, "arn:aws:iam::111111111111:role/two", "s2", nil)
	w.done(second, "iam:ListUsers", nil)
	if _, err := w.call(second, "iam:ListRoles", nil); err == nil {
		t.Error("a tag that is not transitive went on")
	}
	again := members{"RoleArn": "arn:aws:iam::111111111111:role/one", "RoleSessionName": "s3"}
	w.refused(alice, "sts:AssumeRole", with(again, members{"Tags": []any{tag("a", "b")}, "TransitiveTagKeys": []any{"A", "c"}}),
		"InvalidParameterValue: The specified transitive tag key must be included in the requested tags.")
	w.refused(second, "sts:AssumeRole", with(again, members{"Tags": []any{tag("TEAM", "other")}}),
		"InvalidParameterValue: One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.")
	w.refused(second, "sts:AssumeRole", with(again, members{"SourceIdentity": "you"}),
		"AccessDenied: The SourceIdentity of the calling session cannot be changed.")
}

// A session tag counts in place of the role's own tag, whatever its case.
func TestSessionTagsGoBeforeTagsOfTheRole(t *testing.T) {
	w := newWorld(t, false)
	alice := w.user(alpha, "alice", allow("sts:*", "*"))
	w.done(root(alpha), "iam:CreateRole", members{
		"RoleName": "r", "Tags": []any{members{"Key": "Team", "Value": "Roles"}},
		"AssumeRolePolicyDocument": `{"Statement":{"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":["sts:AssumeRole","sts:TagSession"]}}`,
	})
	lists := func(team string) string {
		return `{"Effect":"Allow","Action":"iam:List` + team + `","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/Team":"` + team + `"}}}`
	}
	w.done(root(alpha), "iam:PutRolePolicy", members{"RoleName": "r", "PolicyName": "p", "PolicyDocument": `{"Statement":[` + lists("Roles") + `,` + lists("Users") + `]}`})
	const r = "arn:aws:iam::111111111111:role/r"
	for _, c := range []struct {
		name         string
		tags         members
		roles, users bool
	}{
		{"without a session tag", nil, true, false},
		{"with one", members{"Tags": []any{members{"Key": "team", "Value": "Users"}}}, false, true},
	} {
		ses := w.assume(alice, r, "s1", c.tags)
		equal(t, c.name+", the role's", w.may(ses, "iam:ListRoles", nil), c.roles)
		equal(t, c.name+", the session's", w.may(ses, "iam:ListUsers", nil), c.users)
	}
}

// A source identity goes on to the sessions of a session, and each role on the way
// must let it: by its trust policy, which sees it under both of its names.
func TestSourceIdentityGoesOnOnlyWhereTheNextRoleLetsIt(t *testing.T) {
	w := newWorld(t, false)
	alice := w.user(alpha, "alice", allow("sts:*", "*"))
	both := `{"Statement":{"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":["sts:AssumeRole","sts:SetSourceIdentity"]}}`
	for _, r := range []struct{ name, trust string }{
		{"first", both},
		{"silent", trustOf(`{"AWS":"111111111111"}`, "")},
		{"open", both},
		{"choosy", `{"Statement":{"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":["sts:AssumeRole","sts:SetSourceIdentity"],` +
			`"Condition":{"StringEquals":{"sts:SourceIdentity":"me","aws:SourceIdentity":"me"}}}}`},
	} {
		w.done(root(alpha), "iam:CreateRole", members{"RoleName": r.name, "AssumeRolePolicyDocument": r.trust})
		w.done(root(alpha), "iam:PutRolePolicy", members{"RoleName": r.name, "PolicyName": "p", "PolicyDocument": allow("sts:*", "*")})
	}
	of := func(name string) members {
		return members{"RoleArn": "arn:aws:iam::111111111111:role/" + name, "RoleSessionName": "s1"}
	}
	first := w.assume(alice, "arn:aws:iam::111111111111:role/first", "s1", members{"SourceIdentity": "me"})
	for _, name := range []string{"open", "choosy"} {
		out := do[iam.AssumeRoleOutput](w, first, "sts:AssumeRole", of(name))
		equal(t, "source identity in "+name, out.SourceIdentity, "me")
	}
	w.refused(first, "sts:AssumeRole", of("silent"), "AccessDenied: User: arn:aws:sts::111111111111:assumed-role/first/s1 is not authorized to perform: sts:SetSourceIdentity on resource: arn:aws:iam::111111111111:role/silent because no role trust policy allows the sts:SetSourceIdentity action")
	// Without one nothing is asked.
	plain := w.assume(alice, "arn:aws:iam::111111111111:role/first", "s1", nil)
	equal(t, "no source identity", do[iam.AssumeRoleOutput](w, plain, "sts:AssumeRole", of("silent")).SourceIdentity, "")
}

func TestTokenIssueTimeRevokesSessions(t *testing.T) {
	w := newWorld(t, false)
	alice := w.user(alpha, "alice", "")
	r := w.role(alpha, "r", `{"AWS":"arn:aws:iam::111111111111:user/alice"}`)
	w.done(root(alpha), "iam:PutRolePolicy", members{"RoleName": "r", "PolicyName": "p", "PolicyDocument": allow("*", "*")})
	old := w.assume(alice, r.ARN, "s1", nil)
	w.now = w.now.Add(time.Minute)
	w.done(root(alpha), "iam:PutRolePolicy", members{"RoleName": "r", "PolicyName": "AWSRevokeOlderSessions", "PolicyDocument": `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":["*"],"Resource":["*"],"Condition":{"DateLessThan":{"aws:TokenIssueTime":"` + w.now.Format(time.RFC3339) + `"}}}]}`})
	fresh := w.assume(alice, r.ARN, "s2", nil)
	w.done(fresh, "iam:ListUsers", nil)
	if _, err := w.call(old, "iam:ListUsers", nil); err == nil {
		t.Error("an older session still acts")
	}
}

func TestTrustMeansTheUserThatWasThere(t *testing.T) {
	w := newWorld(t, false)
	alice := w.user(beta, "alice", allow("sts:AssumeRole", "*"))
	id := do[iam.GetCallerIdentityOutput](w, alice, "sts:GetCallerIdentity", nil).UserID
	r := w.role(alpha, "r", `{"AWS":["arn:aws:iam::222222222222:user/alice","111111111111"]}`)
	in := members{"RoleArn": r.ARN, "RoleSessionName": "s1"}
	do[iam.AssumeRoleOutput](w, alice, "sts:AssumeRole", in)
	document := func() string {
		text, err := url.QueryUnescape(do[iam.GetRoleOutput](w, root(alpha), "iam:GetRole", members{"RoleName": "r"}).Role.AssumeRolePolicyDocument)
		must(t, err)
		return text
	}
	equal(t, "document", document(), trustOf(`{"AWS":["arn:aws:iam::222222222222:user/alice","111111111111"]}`, ""))

	for _, step := range []struct {
		action string
		in     members
	}{
		{"iam:DeleteUserPolicy", members{"UserName": "alice", "PolicyName": "p"}},
		{"iam:DeleteAccessKey", members{"UserName": "alice", "AccessKeyId": alice.id}},
		{"iam:DeleteUser", members{"UserName": "alice"}},
	} {
		w.done(root(beta), step.action, step.in)
	}
	equal(t, "document without alice", document(), trustOf(`{"AWS":["`+id+`","111111111111"]}`, ""))
	namesake := w.user(beta, "alice", allow("sts:AssumeRole", "*"))
	w.refused(namesake, "sts:AssumeRole", in, "AccessDenied: User: arn:aws:iam::222222222222:user/alice is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::111111111111:role/r because no role trust policy allows the sts:AssumeRole action")
	equal(t, "document with a namesake", document(), trustOf(`{"AWS":["`+id+`","111111111111"]}`, ""))
}

func TestDocumentKeepsItsOtherText(t *testing.T) {
	w := newWorld(t, false)
	w.user(alpha, "gone", "")
	const shape = `{ "Version": "2012-10-17",
  "Statement": [
    {"Sid":"arn","Effect":"Allow","Principal":{"AWS":%s, "Service":"logs.amazonaws.com"},"Action":"sts:AssumeRole",
     "Condition":{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::111111111111:user/gone"}}} ] }`
	id := do[iam.GetUserOutput](w, root(alpha), "iam:GetUser", members{"UserName": "gone"}).User.UserID
	text := strings.ReplaceAll(shape, "%s", `"arn:aws:iam::111111111111:user\/gone"`)
	w.done(root(alpha), "iam:CreateRole", members{"RoleName": "r", "AssumeRolePolicyDocument": text})
	for _, k := range do[iam.ListAccessKeysOutput](w, root(alpha), "iam:ListAccessKeys", members{"UserName": "gone"}).AccessKeyMetadata {
		w.done(root(alpha), "iam:DeleteAccessKey", members{"UserName": "gone", "AccessKeyId": k.AccessKeyID})
	}
	w.done(root(alpha), "iam:DeleteUser", members{"UserName": "gone"})
	shown, err := url.QueryUnescape(do[iam.GetRoleOutput](w, root(alpha), "iam:GetRole", members{"RoleName": "r"}).Role.AssumeRolePolicyDocument)
	must(t, err)
	equal(t, "document", shown, strings.ReplaceAll(shape, "%s", `"`+id+`"`))
}

// TestServiceAssumesRole is the recipient's role of the log-sharing story: its
// trust policy lists the accounts for which the Logs service may act.
func TestServiceAssumesRole(t *testing.T) {
	w := newWorld(t, false)
	org := w.organization(alpha)
	const role = "arn:aws:iam::999999999999:role/CWLtoKinesisRole"
	logs := `{"Service":"logs.us-east-1.amazonaws.com"}`
	both := `{"StringLike":{"aws:SourceArn":["arn:aws:logs:us-east-1:111111111111:*","arn:aws:logs:us-east-1:999999999999:*"]}}`
	own := `{"StringLike":{"aws:SourceArn":["arn:aws:logs:us-east-1:999999999999:*"]}}`
	w.role(gamma, "CWLtoKinesisRole", logs)
	for _, c := range []struct {
		name, principal, condition string
		source                     arn.AccountID
		want                       bool
	}{
		{"no condition", logs, "", alpha, true},
		{"without Region", `{"Service":"logs.amazonaws.com"}`, "", alpha, true},
		{"another Region", `{"Service":"logs.eu-west-1.amazonaws.com"}`, "", alpha, false},
		{"another service", `{"Service":"firehose.amazonaws.com"}`, "", alpha, false},
		{"an account is no service", `{"AWS":"999999999999"}`, "", gamma, false},
		{"both listed, sender", logs, both, alpha, true},
		{"both listed, recipient", logs, both, gamma, true},
		{"both listed, a third", logs, both, beta, false},
		{"only the recipient listed, sender", logs, own, alpha, false},
		{"only the recipient listed, recipient", logs, own, gamma, true},
		{"account listed", logs, `{"StringEquals":{"aws:SourceAccount":"111111111111"}}`, alpha, true},
		{"another account listed", logs, `{"StringEquals":{"aws:SourceAccount":"111111111111"}}`, beta, false},
		{"organization, member", logs, `{"StringEquals":{"aws:SourceOrgID":"` + org.ID + `"}}`, alpha, true},
		{"organization, no member", logs, `{"StringEquals":{"aws:SourceOrgID":"` + org.ID + `"}}`, beta, false},
		{"a service has no organization", logs, `{"StringEquals":{"aws:PrincipalOrgID":"` + org.ID + `"}}`, alpha, false},
		{"is a service", logs, `{"Bool":{"aws:PrincipalIsAWSService":"true"}}`, alpha, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			w.t = t
			w.done(root(gamma), "iam:UpdateAssumeRolePolicy", members{"RoleName": "CWLtoKinesisRole", "PolicyDocument": trustOf(c.principal, c.condition)})
			caller, d, err := w.iam.AssumeForService(iam.ServiceAssumption{
				Role: role, Service: "logs", Region: "us-east-1", SessionName: "CloudWatchLogs",
				SourceARN: arn.New("logs", "us-east-1", c.source, "log-group:app:*"), SourceAccount: c.source,
			})
			must(t, err)
			equal(t, "allowed", d.Allowed(), c.want)
			if c.want {
				equal(t, "who", string(caller.Principal.ARN), "arn:aws:sts::999999999999:assumed-role/CWLtoKinesisRole/CloudWatchLogs")
			} else {
				equal(t, "nobody", caller.Principal.Kind, 0)
			}
		})
	}
}

func TestServiceActsByTheRolesPolicies(t *testing.T) {
	w := newWorld(t, false)
	w.role(gamma, "r", `{"Service":"logs.amazonaws.com"}`)
	assumption := iam.ServiceAssumption{Role: "arn:aws:iam::999999999999:role/r", Service: "logs", Region: "us-east-1", SessionName: "s", SourceAccount: gamma}
	caller, _, err := w.iam.AssumeForService(assumption)
	must(t, err)
	put := api.Access{Action: "kinesis:PutRecord", Resource: "arn:aws:kinesis:us-east-1:999999999999:stream/s"}
	allowed := func() bool { return w.iam.Decide(caller, "us-east-1", w.now, put, policy.Standard).Allowed() }
	equal(t, "without a policy", allowed(), false)
	w.done(root(gamma), "iam:PutRolePolicy", members{"RoleName": "r", "PolicyName": "p", "PolicyDocument": allow("kinesis:PutRecord", put.Resource)})
	equal(t, "with one", allowed(), true)
	w.done(root(gamma), "iam:DeleteRolePolicy", members{"RoleName": "r", "PolicyName": "p"})
	equal(t, "no more", allowed(), false)
	w.done(root(gamma), "iam:PutRolePolicy", members{"RoleName": "r", "PolicyName": "p", "PolicyDocument": allow("kinesis:PutRecord", put.Resource)})
	w.done(root(gamma), "iam:DeleteRolePolicy", members{"RoleName": "r", "PolicyName": "p"})
	w.done(root(gamma), "iam:DeleteRole", members{"RoleName": "r"})
	equal(t, "role exists", w.iam.RoleExists(assumption.Role), false)
	if _, _, err := w.iam.AssumeForService(assumption); !errors.Is(err, iam.ErrNoSuchRole) {
		t.Fatalf("deleted role: got %v, want ErrNoSuchRole", err)
	}
	w.role(gamma, "r", `{"Service":"logs.amazonaws.com"}`)
	w.done(root(gamma), "iam:PutRolePolicy", members{"RoleName": "r", "PolicyName": "p", "PolicyDocument": allow("kinesis:PutRecord", put.Resource)})
	equal(t, "the session of the old role", allowed(), false)
}

func TestManagementEntersCreatedAccounts(t *testing.T) {
	w := newWorld(t, false)
	w.organization(alpha)
	must(t, w.iam.CreateAccessRole(context.Background(), beta, alpha, "Access"))
	must(t, w.iam.CreateAccessRole(context.Background(), beta, alpha, "Access")) // again, after a crash
	admin := w.user(alpha, "admin", allow("sts:AssumeRole", "arn:aws:iam::222222222222:role/Access"))
	ses := w.assume(admin, "arn:aws:iam::222222222222:role/Access", "in", nil)
	w.done(ses, "iam:CreateUser", members{"UserName": "made-from-outside"})
	do[iam.GetUserOutput](w, root(beta), "iam:GetUser", members{"UserName": "made-from-outside"})
}
