package iam_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tributary/internal/service/api"
	"tributary/internal/service/iam"
)

func TestAccountAlias(t *testing.T) {
	w := newWorld(t, false)
	a := root(alpha)
	aliases := func(c credential) string {
		return fmt.Sprint(do[iam.ListAccountAliasesOutput](w, c, "iam:ListAccountAliases", nil).AccountAliases)
	}
	equal(t, "at first", aliases(a), "[]")
	w.done(a, "iam:CreateAccountAlias", members{"AccountAlias": "my-logs"})
	w.refused(root(beta), "iam:CreateAccountAlias", members{"AccountAlias": "my-logs"}, "EntityAlreadyExists: The account alias my-logs already exists.")
	w.done(a, "iam:CreateAccountAlias", members{"AccountAlias": "our-logs"}) // in place of the other
	w.done(root(beta), "iam:CreateAccountAlias", members{"AccountAlias": "my-logs"})
	w.restart()
	equal(t, "aliases", aliases(a)+aliases(root(beta)), "[our-logs][my-logs]")
	w.refused(a, "iam:DeleteAccountAlias", members{"AccountAlias": "my-logs"}, "NoSuchEntity: The account alias my-logs does not exist.")
	w.done(a, "iam:DeleteAccountAlias", members{"AccountAlias": "our-logs"})
	equal(t, "after deletion", aliases(a), "[]")
	for _, alias := range []string{"-abc", "abc-", "a--b", "Abc", "a_b"} {
		w.refused(a, "iam:CreateAccountAlias", members{"AccountAlias": alias},
			`ValidationError: 1 validation error detected: Value at 'accountAlias' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$`)
	}
	w.refused(a, "iam:CreateAccountAlias", members{"AccountAlias": "ab"},
		"ValidationError: 1 validation error detected: Value at 'accountAlias' failed to satisfy constraint: Member must have length greater than or equal to 3")
}

func TestAccountSummaryCounts(t *testing.T) {
	w := newWorld(t, false)
	a := root(alpha)
	w.user(alpha, "u1", "")
	w.user(alpha, "u2", "")
	w.user(beta, "stranger", "")
	w.done(a, "iam:CreateGroup", members{"GroupName": "g"})
	w.role(alpha, "r", `"*"`)
	p := w.policy(alpha, "p", allow("*", "*"))
	w.done(a, "iam:CreatePolicyVersion", members{"PolicyArn": p, "PolicyDocument": allow("*", "*")})
	w.done(a, "iam:CreateAccessKey", nil)
	m := do[iam.GetAccountSummaryOutput](w, a, "iam:GetAccountSummary", nil).SummaryMap
	for key, want := range map[string]int32{
		"Users": 2, "Groups": 1, "Roles": 1, "Policies": 1, "PolicyVersionsInUse": 2, "AccountAccessKeysPresent": 1,
		"AttachedPoliciesPerRoleQuota": 10, "VersionsPerPolicyQuota": 5, "UserPolicySizeQuota": 2048, "MFADevices": 0,
	} {
		got, ok := m[key]
		if !ok || got != want {
			t.Errorf("%s: got %d (%t), want %d", key, got, ok, want)
		}
	}
}

// The numbers that the quotas really are stand in the summary above.
func TestUsersRolesAndPoliciesOfAnAccountHaveQuotas(t *testing.T) {
	w := newWorld(t, false)
	const quota = 2
	w.iam.SetQuotas(quota)
	for _, c := range []struct {
		create, remove, counts string
		in                     func(name string) members
		of                     func(name string) members
	}{
		{
			"CreateUser", "DeleteUser", "UsersPerAccount: 2",
			func(name string) members { return members{"UserName": name} },
			func(name string) members { return members{"UserName": name} },
		},
		{
			"CreateRole", "DeleteRole", "RolesPerAccount: 2",
			func(name string) members {
				return members{"RoleName": name, "AssumeRolePolicyDocument": trustOf(`{"AWS":"111111111111"}`, "")}
			},
			func(name string) members { return members{"RoleName": name} },
		},
		{
			"CreatePolicy", "DeletePolicy", "PoliciesPerAccount: 2",
			func(name string) members { return members{"PolicyName": name, "PolicyDocument": allow("*", "*")} },
			func(name string) members { return members{"PolicyArn": "arn:aws:iam::111111111111:policy/" + name} },
		},
	} {
		w.done(root(alpha), "iam:"+c.create, c.in("a"))
		w.done(root(alpha), "iam:"+c.create, c.in("b"))
		w.refused(root(alpha), "iam:"+c.create, c.in("more"), "LimitExceeded: Cannot exceed quota for "+c.counts)
		w.done(root(beta), "iam:"+c.create, c.in("more")) // an account for itself
		w.done(root(alpha), "iam:"+c.remove, c.of("a"))
		w.done(root(alpha), "iam:"+c.create, c.in("more"))
	}
}

func TestAuthorizationDetails(t *testing.T) {
	w := newWorld(t, false)
	a := root(alpha)
	p := w.policy(alpha, "local", allow("logs:*", "*"))
	w.done(a, "iam:CreateGroup", members{"GroupName": "g"})
	w.done(a, "iam:AttachGroupPolicy", members{"GroupName": "g", "PolicyArn": awsPolicy("ReadOnlyAccess")})
	w.done(a, "iam:CreateUser", members{"UserName": "u", "PermissionsBoundary": p, "Tags": tagsOf("a", "b")})
	w.done(a, "iam:PutUserPolicy", members{"UserName": "u", "PolicyName": "in", "PolicyDocument": allow("logs:*", "*")})
	w.done(a, "iam:AddUserToGroup", members{"UserName": "u", "GroupName": "g"})
	w.role(alpha, "r", `"*"`)
	w.user(beta, "stranger", "")

	out := do[iam.GetAccountAuthorizationDetailsOutput](w, a, "iam:GetAccountAuthorizationDetails", nil)
	u := out.UserDetailList[0]
	equal(t, "user", fmt.Sprintf("%s %v %s %s %v", u.UserName, u.GroupList, u.UserPolicyList[0].PolicyName, u.PermissionsBoundary.PermissionsBoundaryARN, u.Tags), "u [g] in "+p+" [{a b}]")
	equal(t, "group", fmt.Sprintf("%s %v", out.GroupDetailList[0].GroupName, out.GroupDetailList[0].AttachedManagedPolicies), "g [{ReadOnlyAccess arn:aws:iam::aws:policy/ReadOnlyAccess}]")
	equal(t, "trust", strings.Contains(out.RoleDetailList[0].AssumeRolePolicyDocument, "sts%3AAssumeRole"), true)
	equal(t, "policies", out.Policies[0].PolicyName+" "+out.Policies[1].PolicyName, "local ReadOnlyAccess")
	equal(t, "boundary of", *out.Policies[0].PermissionsBoundaryUsageCount, int32(1))
	equal(t, "versions", versionIDs(out.Policies[0].PolicyVersionList), "v1*")

	// One at a time, in the same order.
	count := func(o *iam.GetAccountAuthorizationDetailsOutput) string {
		return fmt.Sprint(len(o.UserDetailList), len(o.GroupDetailList), len(o.RoleDetailList), len(o.Policies))
	}
	var pages []string
	in := members{"MaxItems": api.Number("1")}
	for {
		o := do[iam.GetAccountAuthorizationDetailsOutput](w, a, "iam:GetAccountAuthorizationDetails", in)
		pages = append(pages, count(o))
		if !*o.IsTruncated {
			break
		}
		in["Marker"] = o.Marker
	}
	equal(t, "pages", strings.Join(pages, ", "), "1 0 0 0, 0 1 0 0, 0 0 1 0, 0 0 0 1, 0 0 0 1")
	for filter, want := range map[string]string{"User": "1 0 0 0", "Group": "0 1 0 0", "Role": "0 0 1 0", "LocalManagedPolicy": "0 0 0 1", "AWSManagedPolicy": "0 0 0 1"} {
		equal(t, filter, count(do[iam.GetAccountAuthorizationDetailsOutput](w, a, "iam:GetAccountAuthorizationDetails", members{"Filter": []any{filter}})), want)
	}
}

func TestLastUse(t *testing.T) {
	w := newWorld(t, false)
	a := root(alpha)
	bob := w.user(alpha, "bob", allow("*", "*"))
	r := w.role(alpha, "r", `{"AWS":"arn:aws:iam::111111111111:user/bob"}`)
	start := w.now
	last := func(id string) string {
		out := do[iam.GetAccessKeyLastUsedOutput](w, a, "iam:GetAccessKeyLastUsed", members{"AccessKeyId": id})
		u := out.AccessKeyLastUsed
		return fmt.Sprintf("%s %s %s %v", out.UserName, u.ServiceName, u.Region, u.LastUsedDate.Sub(start))
	}
	out := do[iam.GetAccessKeyLastUsedOutput](w, a, "iam:GetAccessKeyLastUsed", members{"AccessKeyId": bob.id})
	equal(t, "before", fmt.Sprintf("%s %s %t", out.UserName, out.AccessKeyLastUsed.ServiceName, out.AccessKeyLastUsed.LastUsedDate.IsZero()), "bob N/A true")
	equal(t, "role before", do[iam.GetRoleOutput](w, a, "iam:GetRole", members{"RoleName": "r"}).Role.RoleLastUsed.LastUsedDate.IsZero(), true)
	do[iam.GetCallerIdentityOutput](w, bob, "sts:GetCallerIdentity", nil)
	equal(t, "GetCallerIdentity", last(bob.id), "bob sts us-east-1 0s")
	w.now = w.now.Add(30 * time.Second) // another service is noted at once
	w.done(bob, "iam:ListUsers", nil)
	equal(t, "ListUsers", last(bob.id), "bob iam us-east-1 30s")
	ses := w.assume(bob, r.ARN, "s1", nil)
	equal(t, "ListUsers by the role", w.may(ses, "iam:ListUsers", nil), false)
	equal(t, "role after", do[iam.GetRoleOutput](w, a, "iam:GetRole", members{"RoleName": "r"}).Role.RoleLastUsed.LastUsedDate.Equal(w.now), true)
	// A use of the same kind is noted again a minute after the last that was.
	for _, step := range []struct {
		after time.Duration
		want  string
	}{{0, "bob sts us-east-1 30s"}, {59 * time.Second, "bob sts us-east-1 30s"}, {time.Second, "bob sts us-east-1 1m30s"}} {
		w.now = w.now.Add(step.after)
		do[iam.GetCallerIdentityOutput](w, bob, "sts:GetCallerIdentity", nil)
		equal(t, "GetCallerIdentity again", last(bob.id), step.want)
	}

	absent := "NoSuchEntity: The Access Key with id AKIAAAAAAAAAAAAAAAAA cannot be found."
	w.refused(a, "iam:GetAccessKeyLastUsed", members{"AccessKeyId": "AKIAAAAAAAAAAAAAAAAA"}, absent)
	w.refused(root(beta), "iam:GetAccessKeyLastUsed", members{"AccessKeyId": bob.id}, strings.ReplaceAll(absent, "AKIAAAAAAAAAAAAAAAAA", bob.id))
}
