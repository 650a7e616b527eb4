package iam_test

import (
	"fmt"
	"strings"
	"testing"

	"tributary/internal/service/api"
	"tributary/internal/service/iam"
)

func TestUserLivesAndDies(t *testing.T) {
	w := newWorld(t, false)
	a := root(alpha)
	made := do[iam.CreateUserOutput](w, a, "iam:CreateUser", members{
		"UserName": "Alice", "Path": "/staff/", "Tags": []any{members{"Key": "team", "Value": "logs"}},
	}).User
	equal(t, "ARN", made.ARN, "arn:aws:iam::111111111111:user/staff/Alice")
	if !strings.HasPrefix(made.UserID, "AIDA") || len(made.UserID) != 21 {
		t.Fatalf("user id %q", made.UserID)
	}
	w.refused(a, "iam:CreateUser", members{"UserName": "aLICE"}, "EntityAlreadyExists: User with name aLICE already exists.")
	w.restart()
	got := do[iam.GetUserOutput](w, a, "iam:GetUser", members{"UserName": "alice"}).User
	equal(t, "tag", fmt.Sprint(got.Tags), "[{team logs}]")
	equal(t, "unique id", got.UserID, made.UserID)
	equal(t, "created", got.CreateDate.Time, w.now)

	w.refused(root(beta), "iam:GetUser", members{"UserName": "Alice"}, "NoSuchEntity: The user with name Alice cannot be found.")
	equal(t, "whoever asks", do[iam.GetUserOutput](w, a, "iam:GetUser", nil).User.ARN, "arn:aws:iam::111111111111:root")

	w.done(a, "iam:PutUserPolicy", members{"UserName": "Alice", "PolicyName": "p", "PolicyDocument": allow("logs:*", "*")})
	w.refused(a, "iam:DeleteUser", members{"UserName": "Alice"}, "DeleteConflict: Cannot delete entity, must delete policies first.")
	w.done(a, "iam:DeleteUserPolicy", members{"UserName": "Alice", "PolicyName": "p"})
	k := do[iam.CreateAccessKeyOutput](w, a, "iam:CreateAccessKey", members{"UserName": "Alice"}).AccessKey
	w.refused(a, "iam:DeleteUser", members{"UserName": "Alice"}, "DeleteConflict: Cannot delete entity, must delete access keys first.")
	w.done(a, "iam:DeleteAccessKey", members{"UserName": "Alice", "AccessKeyId": k.AccessKeyID})
	w.done(a, "iam:DeleteUser", members{"UserName": "Alice"})
	w.refused(a, "iam:DeleteUser", members{"UserName": "Alice"}, "NoSuchEntity: The user with name Alice cannot be found.")
}

func TestRefusedInputs(t *testing.T) {
	w := newWorld(t, false)
	a := root(alpha)
	w.done(a, "iam:CreateUser", members{"UserName": "u"})
	w.role(alpha, "r", `{"Service":"logs.amazonaws.com"}`)
	trust := trustOf(`{"Service":"logs.amazonaws.com"}`, "")
	long := strings.Repeat("a", 3000)
	for _, c := range []struct {
		name, action string
		in           members
		want         string
	}{
		{"name", "iam:CreateUser", members{"UserName": "a b"}, "ValidationError: 1 validation error detected: Value at 'userName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]+"},
		{"tags differ in case", "iam:CreateUser", members{"UserName": "x", "Tags": []any{members{"Key": "a", "Value": ""}, members{"Key": "A", "Value": ""}}}, "InvalidInput: Duplicate tag keys found. Please note that Tag keys are case insensitive."},
		{"AWS's tag", "iam:CreateRole", members{"RoleName": "x", "AssumeRolePolicyDocument": trust, "Tags": []any{members{"Key": "aws:x", "Value": ""}}}, "InvalidInput: Tag keys beginning with aws: are reserved."},
		{"boundary of a user", "iam:CreateUser", members{"UserName": "x", "PermissionsBoundary": "arn:aws:iam::111111111111:policy/b"}, "NoSuchEntity: Policy arn:aws:iam::111111111111:policy/b does not exist or is not attachable."},
		{"boundary of a role", "iam:CreateRole", members{"RoleName": "x", "AssumeRolePolicyDocument": trust, "PermissionsBoundary": "arn:aws:iam::111111111111:policy/b"}, "NoSuchEntity: Policy arn:aws:iam::111111111111:policy/b does not exist or is not attachable."},
		{"trust without JSON", "iam:CreateRole", members{"RoleName": "x", "AssumeRolePolicyDocument": "{bad"}, "MalformedPolicyDocument: This policy contains invalid Json"},
		{"trust with a resource", "iam:CreateRole", members{"RoleName": "x", "AssumeRolePolicyDocument": `{"Statement":{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole","Resource":"*"}}`}, "MalformedPolicyDocument: Has prohibited field Resource."},
		{"trust in an absent user", "iam:CreateRole", members{"RoleName": "x", "AssumeRolePolicyDocument": trustOf(`{"AWS":"arn:aws:iam::222222222222:user/nobody"}`, "")}, `MalformedPolicyDocument: Invalid principal in policy: "AWS":"arn:aws:iam::222222222222:user/nobody"`},
		{"trust in an absent role's session", "iam:CreateRole", members{"RoleName": "x", "AssumeRolePolicyDocument": trustOf(`{"AWS":"arn:aws:sts::222222222222:assumed-role/none/s"}`, "")}, `MalformedPolicyDocument: Invalid principal in policy: "AWS":"arn:aws:sts::222222222222:assumed-role/none/s"`},
		{"trust in a unique id", "iam:CreateRole", members{"RoleName": "x", "AssumeRolePolicyDocument": trustOf(`{"AWS":"AIDAABCDEFGHIJKLMNOPQ"}`, "")}, `MalformedPolicyDocument: Invalid principal in policy: "AWS":"AIDAABCDEFGHIJKLMNOPQ"`},
		{"trust too long", "iam:UpdateAssumeRolePolicy", members{"RoleName": "r", "PolicyDocument": trustOf(`{"Service":"`+long+`.amazonaws.com"}`, "")}, "LimitExceeded: Cannot exceed quota for ACLSizePerRole: 2048"},
		{"trust of an absent role", "iam:UpdateAssumeRolePolicy", members{"RoleName": "none", "PolicyDocument": trust}, "NoSuchEntity: The role with name none cannot be found."},
		{"policy with a principal", "iam:PutUserPolicy", members{"UserName": "u", "PolicyName": "p", "PolicyDocument": `{"Statement":{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}}`}, "MalformedPolicyDocument: Policy document should not specify a principal."},
		{"policy of an absent user", "iam:PutUserPolicy", members{"UserName": "none", "PolicyName": "p", "PolicyDocument": allow("*", "*")}, "NoSuchEntity: The user with name none cannot be found."},
		{"policy of an absent role", "iam:PutRolePolicy", members{"RoleName": "none", "PolicyName": "p", "PolicyDocument": allow("*", "*")}, "NoSuchEntity: The role with name none cannot be found."},
		{"user policies too long", "iam:PutUserPolicy", members{"UserName": "u", "PolicyName": "p", "PolicyDocument": allow("logs:"+long, "*")}, "LimitExceeded: Maximum policy size of 2048 bytes exceeded for user u"},
		{"role policies too long", "iam:PutRolePolicy", members{"RoleName": "r", "PolicyName": "p", "PolicyDocument": allow("logs:"+strings.Repeat(long, 4), "*")}, "LimitExceeded: Maximum policy size of 10240 bytes exceeded for role r"},
		{"absent policy of a user", "iam:GetUserPolicy", members{"UserName": "u", "PolicyName": "p"}, "NoSuchEntity: The user policy with name p cannot be found."},
		{"absent policy of a role", "iam:DeleteRolePolicy", members{"RoleName": "r", "PolicyName": "p"}, "NoSuchEntity: The role policy with name p cannot be found."},
		{"absent key", "iam:DeleteAccessKey", members{"UserName": "u", "AccessKeyId": "AKIAAAAAAAAAAAAAAAAA"}, "NoSuchEntity: The Access Key with id AKIAAAAAAAAAAAAAAAAA cannot be found."},
		{"key of an absent user", "iam:CreateAccessKey", members{"UserName": "none"}, "NoSuchEntity: The user with name none cannot be found."},
		{"keys of an absent user", "iam:ListAccessKeys", members{"UserName": "none"}, "NoSuchEntity: The user with name none cannot be found."},
		{"status", "iam:UpdateAccessKey", members{"UserName": "u", "AccessKeyId": "AKIAAAAAAAAAAAAAAAAA", "Status": "Expired"}, "ValidationError: 1 validation error detected: Value at 'status' failed to satisfy constraint: Member must satisfy enum value set"},
		{"marker", "iam:ListUsers", members{"Marker": "AAAA"}, "ValidationError: Invalid Marker."},
		{"attached policies of an absent role", "iam:ListAttachedRolePolicies", members{"RoleName": "none"}, "NoSuchEntity: The role with name none cannot be found."},
		{"profiles of an absent role", "iam:ListInstanceProfilesForRole", members{"RoleName": "none"}, "NoSuchEntity: The role with name none cannot be found."},
	} {
		t.Run(c.name, func(t *testing.T) {
			w.t = t
			w.refused(a, c.action, c.in, c.want)
		})
	}
}

func TestStatusOfRefusals(t *testing.T) {
	w := newWorld(t, false)
	w.done(root(alpha), "iam:CreateUser", members{"UserName": "u"})
	for _, c := range []struct {
		action string
		in     members
		want   int
	}{
		{"iam:GetUser", members{"UserName": "none"}, 404},
		{"iam:CreateUser", members{"UserName": "u"}, 409},
		{"iam:PutUserPolicy", members{"UserName": "u", "PolicyName": "p", "PolicyDocument": "{"}, 400},
	} {
		_, err := w.call(root(alpha), c.action, c.in)
		e, ok := api.AsException(err)
		if !ok || e.Status != c.want {
			t.Errorf("%s: got %v, want status %d", c.action, err, c.want)
		}
	}
	_, err := w.call(w.user(alpha, "poor", ""), "iam:ListUsers", nil)
	if e, ok := api.AsException(err); !ok || e.Status != 403 {
		t.Errorf("without permission: got %v, want status 403", err)
	}
}

func TestRoleKeepsItsDocuments(t *testing.T) {
	w := newWorld(t, false)
	a := root(alpha)
	r := w.role(alpha, "Deliver", `{"Service":"logs.amazonaws.com"}`)
	equal(t, "maximum session", *r.MaxSessionDuration, int32(3600))
	text := `{"Version":"2012-10-17", "Statement":[{"Effect":"Allow","Action":"kinesis:PutRecord","Resource":"*"}]}`
	w.done(a, "iam:PutRolePolicy", members{"RoleName": "deliver", "PolicyName": "put", "PolicyDocument": text})
	w.restart()
	got := do[iam.GetRolePolicyOutput](w, a, "iam:GetRolePolicy", members{"RoleName": "deliver", "PolicyName": "put"})
	equal(t, "role name", got.RoleName, "Deliver")
	equal(t, "document", got.PolicyDocument, "%7B%22Version%22%3A%222012-10-17%22%2C%20%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Action%22%3A%22kinesis%3APutRecord%22%2C%22Resource%22%3A%22%2A%22%7D%5D%7D")
	equal(t, "names", fmt.Sprint(do[iam.ListRolePoliciesOutput](w, a, "iam:ListRolePolicies", members{"RoleName": "Deliver"}).PolicyNames), "[put]")
	equal(t, "attached", len(do[iam.ListAttachedRolePoliciesOutput](w, a, "iam:ListAttachedRolePolicies", members{"RoleName": "Deliver"}).AttachedPolicies), 0)
	equal(t, "profiles", len(do[iam.ListInstanceProfilesForRoleOutput](w, a, "iam:ListInstanceProfilesForRole", members{"RoleName": "Deliver"}).InstanceProfiles), 0)

	w.refused(a, "iam:CreateRole", members{"RoleName": "DELIVER", "AssumeRolePolicyDocument": trustOf(`"*"`, "")}, "EntityAlreadyExists: Role with name DELIVER already exists.")
	w.refused(a, "iam:DeleteRole", members{"RoleName": "Deliver"}, "DeleteConflict: Cannot delete entity, must delete policies first.")
	w.done(a, "iam:DeleteRolePolicy", members{"RoleName": "Deliver", "PolicyName": "put"})
	w.done(a, "iam:DeleteRole", members{"RoleName": "Deliver"})
	w.refused(a, "iam:GetRole", members{"RoleName": "Deliver"}, "NoSuchEntity: The role with name Deliver cannot be found.")
}

func TestListsComeInPages(t *testing.T) {
	w := newWorld(t, false)
	a := root(alpha)
	for _, name := range []string{"delta", "Bravo", "alpha", "charlie", "Echo"} {
		path := "/"
		if name == "Echo" {
			path = "/other/"
		}
		w.done(a, "iam:CreateUser", members{"UserName": name, "Path": path})
	}
	w.done(root(beta), "iam:CreateUser", members{"UserName": "stranger"})

	var names []string
	marker := ""
	for pages := 1; ; pages++ {
		in := members{"MaxItems": api.Number("2")}
		if marker != "" {
			in["Marker"] = marker
		}
		out := do[iam.ListUsersOutput](w, a, "iam:ListUsers", in)
		for _, u := range out.Users {
			names = append(names, u.UserName)
		}
		equal(t, "truncated", *out.IsTruncated, out.Marker != "")
		if marker = out.Marker; marker == "" {
			equal(t, "pages", pages, 3)
			break
		}
		if len(marker) > 320 {
			t.Fatalf("marker has %d characters, which the input does not take", len(marker))
		}
		w.refused(root(beta), "iam:ListUsers", members{"Marker": marker}, "ValidationError: Invalid Marker.")
		w.refused(a, "iam:ListRoles", members{"Marker": marker}, "ValidationError: Invalid Marker.")
	}
	equal(t, "names", strings.Join(names, " "), "alpha Bravo charlie delta Echo")
	equal(t, "under a path", len(do[iam.ListUsersOutput](w, a, "iam:ListUsers", members{"PathPrefix": "/other/"}).Users), 1)
	equal(t, "exactly one page", do[iam.ListUsersOutput](w, a, "iam:ListUsers", members{"MaxItems": api.Number("5")}).Marker, "")

	for _, name := range []string{"b", "c", "a"} {
		w.done(a, "iam:PutUserPolicy", members{"UserName": "alpha", "PolicyName": name, "PolicyDocument": allow("logs:*", "*")})
	}
	first := do[iam.ListUserPoliciesOutput](w, a, "iam:ListUserPolicies", members{"UserName": "alpha", "MaxItems": api.Number("2")})
	second := do[iam.ListUserPoliciesOutput](w, a, "iam:ListUserPolicies", members{"UserName": "alpha", "Marker": first.Marker})
	equal(t, "policies", fmt.Sprint(first.PolicyNames, second.PolicyNames), "[a b] [c]")

	w.role(alpha, "r2", `"*"`)
	w.role(alpha, "r1", `"*"`)
	roles := do[iam.ListRolesOutput](w, a, "iam:ListRoles", nil).Roles
	equal(t, "roles", roles[0].RoleName+" "+roles[1].RoleName, "r1 r2")
}
