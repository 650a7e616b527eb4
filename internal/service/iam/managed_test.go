package iam_test

import (
	"fmt"
	"strings"
	"testing"

	"tributary/internal/service/api"
	"tributary/internal/service/iam"
)

// awsPolicy is the ARN of AWS's policy of that name, path included.
func awsPolicy(name string) string { return "arn:aws:iam::aws:policy/" + name }

// policy makes a managed policy and answers its ARN.
func (w *world) policy(account, name, text string) string {
	w.t.Helper()
	return do[iam.CreatePolicyOutput](w, root(account), "iam:CreatePolicy", members{"PolicyName": name, "PolicyDocument": text}).Policy.ARN
}

func versionIDs(versions []iam.PolicyVersion) string {
	var ids []string
	for _, v := range versions {
		id := v.VersionID
		if *v.IsDefaultVersion {
			id += "*"
		}
		ids = append(ids, id)
	}
	return strings.Join(ids, " ")
}

func TestLifeOfAManagedPolicy(t *testing.T) {
	w := newWorld(t, false)
	a := root(alpha)
	p := do[iam.CreatePolicyOutput](w, a, "iam:CreatePolicy", members{
		"PolicyName": "Send", "Path": "/logs/", "PolicyDocument": allow("logs:*", "*"), "Description": "sends",
		"Tags": []any{members{"Key": "a", "Value": "b"}},
	}).Policy
	equal(t, "ARN", p.ARN, "arn:aws:iam::111111111111:policy/logs/Send")
	equal(t, "id", p.PolicyID[:4], "ANPA")
	equal(t, "version", p.DefaultVersionID, "v1")
	w.refused(a, "iam:CreatePolicy", members{"PolicyName": "send", "PolicyDocument": allow("*", "*")},
		"EntityAlreadyExists: A policy called send already exists. Duplicate names are not allowed.")

	v2 := do[iam.CreatePolicyVersionOutput](w, a, "iam:CreatePolicyVersion", members{"PolicyArn": p.ARN, "PolicyDocument": allow("logs:Get*", "*")}).PolicyVersion
	equal(t, "second version", versionIDs([]iam.PolicyVersion{*v2}), "v2")
	for _, setDefault := range []bool{true, false, false} {
		w.done(a, "iam:CreatePolicyVersion", members{"PolicyArn": p.ARN, "PolicyDocument": allow("logs:Put*", "*"), "SetAsDefault": setDefault})
	}
	w.refused(a, "iam:CreatePolicyVersion", members{"PolicyArn": p.ARN, "PolicyDocument": allow("logs:*", "*")},
		"LimitExceeded: A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version.")
	first := do[iam.ListPolicyVersionsOutput](w, a, "iam:ListPolicyVersions", members{"PolicyArn": p.ARN, "MaxItems": api.Number("3")})
	second := do[iam.ListPolicyVersionsOutput](w, a, "iam:ListPolicyVersions", members{"PolicyArn": p.ARN, "Marker": first.Marker})
	equal(t, "versions", versionIDs(first.Versions)+", "+versionIDs(second.Versions), "v5 v4 v3*, v2 v1")
	w.refused(a, "iam:DeletePolicyVersion", members{"PolicyArn": p.ARN, "VersionId": "v3"}, "DeleteConflict: Cannot delete the default version of a policy.")
	w.done(a, "iam:DeletePolicyVersion", members{"PolicyArn": p.ARN, "VersionId": "v5"})
	w.refused(a, "iam:GetPolicyVersion", members{"PolicyArn": p.ARN, "VersionId": "v5"},
		"NoSuchEntity: Policy "+p.ARN+" version v5 does not exist or is not attachable.")
	v6 := do[iam.CreatePolicyVersionOutput](w, a, "iam:CreatePolicyVersion", members{"PolicyArn": p.ARN, "PolicyDocument": allow("logs:*", "*")}).PolicyVersion
	equal(t, "a number is not used again", v6.VersionID, "v6")

	w.restart()
	w.done(a, "iam:SetDefaultPolicyVersion", members{"PolicyArn": p.ARN, "VersionId": "v2"})
	got := do[iam.GetPolicyVersionOutput](w, a, "iam:GetPolicyVersion", members{"PolicyArn": p.ARN, "VersionId": "v2"}).PolicyVersion
	equal(t, "default", versionIDs([]iam.PolicyVersion{*got}), "v2*")
	equal(t, "document", got.Document, "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Action%22%3A%22logs%3AGet%2A%22%2C%22Resource%22%3A%22%2A%22%7D%5D%7D")

	w.role(alpha, "r", `"*"`)
	w.done(a, "iam:AttachRolePolicy", members{"RoleName": "r", "PolicyArn": p.ARN})
	whole := do[iam.GetPolicyOutput](w, a, "iam:GetPolicy", members{"PolicyArn": p.ARN}).Policy
	equal(t, "policy", fmt.Sprintf("%s %d %d %s %v", whole.Description, *whole.AttachmentCount, *whole.PermissionsBoundaryUsageCount, whole.DefaultVersionID, whole.Tags), "sends 1 0 v2 [{a b}]")

	w.refused(a, "iam:DeletePolicy", members{"PolicyArn": p.ARN}, "DeleteConflict: Cannot delete a policy attached to entities.")
	w.done(a, "iam:DetachRolePolicy", members{"RoleName": "r", "PolicyArn": p.ARN})
	w.done(a, "iam:PutRolePermissionsBoundary", members{"RoleName": "r", "PermissionsBoundary": p.ARN})
	w.refused(a, "iam:DeletePolicy", members{"PolicyArn": p.ARN}, "DeleteConflict: Cannot delete a policy attached to entities.")
	w.done(a, "iam:DeleteRolePermissionsBoundary", members{"RoleName": "r"})
	w.refused(a, "iam:DeletePolicy", members{"PolicyArn": p.ARN},
		"DeleteConflict: This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.")
	for _, v := range []string{"v1", "v3", "v4", "v6"} {
		w.done(a, "iam:DeletePolicyVersion", members{"PolicyArn": p.ARN, "VersionId": v})
	}
	w.done(a, "iam:DeletePolicy", members{"PolicyArn": p.ARN})
	w.refused(a, "iam:GetPolicy", members{"PolicyArn": p.ARN}, "NoSuchEntity: Policy "+p.ARN+" was not found.")
}

func TestListOfPolicies(t *testing.T) {
	w := newWorld(t, false)
	a := root(alpha)
	w.policy(alpha, "b", allow("logs:*", "*"))
	attached := w.policy(alpha, "A", allow("logs:*", "*"))
	boundary := w.policy(alpha, "c", allow("logs:*", "*"))
	w.policy(beta, "strange", allow("logs:*", "*"))
	do[iam.CreatePolicyOutput](w, a, "iam:CreatePolicy", members{"PolicyName": "d", "Path": "/x/", "PolicyDocument": allow("logs:*", "*")})
	w.role(alpha, "r", `"*"`)
	w.done(a, "iam:AttachRolePolicy", members{"RoleName": "r", "PolicyArn": attached})
	w.done(a, "iam:AttachRolePolicy", members{"RoleName": "r", "PolicyArn": awsPolicy("ReadOnlyAccess")})
	w.done(a, "iam:PutRolePermissionsBoundary", members{"RoleName": "r", "PermissionsBoundary": boundary})

	names := func(in members) string {
		var names []string
		for _, p := range do[iam.ListPoliciesOutput](w, a, "iam:ListPolicies", in).Policies {
			names = append(names, p.PolicyName)
		}
		return strings.Join(names, " ")
	}
	equal(t, "local", names(members{"Scope": "Local"}), "A b c d")
	equal(t, "attached", names(members{"OnlyAttached": true}), "A c ReadOnlyAccess")
	equal(t, "under a path", names(members{"Scope": "Local", "PathPrefix": "/x/"}), "d")
	equal(t, "boundaries", names(members{"PolicyUsageFilter": "PermissionsBoundary"}), "c")
	equal(t, "no boundaries", names(members{"PolicyUsageFilter": "PermissionsPolicy", "Scope": "Local"}), "A b d")
	all := names(nil)
	if !strings.HasPrefix(all, "A b c d AWSDenyAll ") || !strings.Contains(all, " AdministratorAccess ") || strings.Contains(all, "strange") {
		t.Errorf("all policies: got %s", all)
	}

	// In pages of every size the list is the same.
	for size := range 6 {
		var paged []string
		in := members{"MaxItems": api.Number(fmt.Sprint(size + 1))}
		for {
			out := do[iam.ListPoliciesOutput](w, a, "iam:ListPolicies", in)
			for _, p := range out.Policies {
				paged = append(paged, p.PolicyName)
			}
			if !*out.IsTruncated {
				break
			}
			in["Marker"] = out.Marker
		}
		equal(t, fmt.Sprintf("in pages of %d", size+1), strings.Join(paged, " "), all)
	}
}

func TestEntitiesForPolicy(t *testing.T) {
	w := newWorld(t, false)
	a := root(alpha)
	p := w.policy(alpha, "p", allow("logs:*", "*"))
	w.done(a, "iam:CreateGroup", members{"GroupName": "g"})
	w.done(a, "iam:CreateUser", members{"UserName": "u"})
	w.done(a, "iam:CreateUser", members{"UserName": "bound", "Path": "/x/", "PermissionsBoundary": p})
	w.role(alpha, "r", `"*"`)
	w.done(a, "iam:AttachGroupPolicy", members{"GroupName": "g", "PolicyArn": p})
	w.done(a, "iam:AttachUserPolicy", members{"UserName": "u", "PolicyArn": p})
	w.done(a, "iam:AttachRolePolicy", members{"RoleName": "r", "PolicyArn": p})
	entities := func(in members) (string, *iam.ListEntitiesForPolicyOutput) {
		out := do[iam.ListEntitiesForPolicyOutput](w, a, "iam:ListEntitiesForPolicy", with(in, members{"PolicyArn": p}))
		var names []string
		for _, e := range out.PolicyGroups {
			names = append(names, "group "+e.GroupName)
		}
		for _, e := range out.PolicyUsers {
			names = append(names, "user "+e.UserName)
		}
		for _, e := range out.PolicyRoles {
			names = append(names, "role "+e.RoleName)
		}
		return strings.Join(names, ", "), out
	}
	for _, c := range []struct {
		in   members
		want string
	}{
		{nil, "group g, user bound, user u, role r"},
		{members{"EntityFilter": "User"}, "user bound, user u"},
		{members{"EntityFilter": "Group"}, "group g"},
		{members{"EntityFilter": "Role"}, "role r"},
		{members{"EntityFilter": "AWSManagedPolicy"}, ""},
		{members{"PolicyUsageFilter": "PermissionsBoundary"}, "user bound"},
		{members{"PolicyUsageFilter": "PermissionsPolicy"}, "group g, user u, role r"},
		{members{"PathPrefix": "/x/"}, "user bound"},
	} {
		got, _ := entities(c.in)
		equal(t, fmt.Sprint(c.in), got, c.want)
	}
	first, out := entities(members{"MaxItems": api.Number("3")})
	second, _ := entities(members{"Marker": out.Marker})
	equal(t, "in pages", first+"; "+second, "group g, user bound, user u; role r")
}

func TestAWSPoliciesAreThereAndCannotBeChanged(t *testing.T) {
	w := newWorld(t, false)
	a := root(alpha)
	for _, name := range []string{
		"AdministratorAccess", "PowerUserAccess", "ReadOnlyAccess", "IAMFullAccess", "IAMReadOnlyAccess", "CloudWatchLogsFullAccess",
		"CloudWatchLogsReadOnlyAccess", "AmazonKinesisFullAccess", "AmazonKinesisReadOnlyAccess", "AWSOrganizationsFullAccess",
		"AWSOrganizationsReadOnlyAccess", "job-function/ViewOnlyAccess", "service-role/AWSLambdaBasicExecutionRole",
	} {
		p := do[iam.GetPolicyOutput](w, a, "iam:GetPolicy", members{"PolicyArn": awsPolicy(name)}).Policy
		equal(t, "ARN", p.ARN, awsPolicy(name))
		doc := do[iam.GetPolicyVersionOutput](w, a, "iam:GetPolicyVersion", members{"PolicyArn": p.ARN, "VersionId": "v1"}).PolicyVersion.Document
		if !strings.Contains(doc, "Statement") {
			t.Errorf("%s: document is %s", name, doc)
		}
	}
	outside := "AccessDenied: Policy is outside your own account."
	for action, in := range map[string]members{
		"iam:DeletePolicy":            nil,
		"iam:CreatePolicyVersion":     {"PolicyDocument": allow("*", "*")},
		"iam:DeletePolicyVersion":     {"VersionId": "v1"},
		"iam:SetDefaultPolicyVersion": {"VersionId": "v1"},
		"iam:TagPolicy":               {"Tags": []any{members{"Key": "a", "Value": "b"}}},
		"iam:UntagPolicy":             {"TagKeys": []any{"a"}},
	} {
		w.refused(a, action, with(in, members{"PolicyArn": awsPolicy("AdministratorAccess")}), outside)
	}
	equal(t, "tags", len(do[iam.ListPolicyTagsOutput](w, a, "iam:ListPolicyTags", members{"PolicyArn": awsPolicy("ReadOnlyAccess")}).Tags), 0)
}

// TestForeignPolicies: another account's policy is refused alike whether it is
// there or not, whoever asks.
func TestForeignPolicies(t *testing.T) {
	w := newWorld(t, false)
	there := w.policy(beta, "there", allow("*", "*"))
	absent := "arn:aws:iam::222222222222:policy/absent"
	for _, who := range []credential{root(alpha), w.user(alpha, "admin", allow("*", "*"))} {
		for action, in := range map[string]members{
			"iam:GetPolicy": nil, "iam:DeletePolicy": nil, "iam:ListPolicyVersions": nil, "iam:ListEntitiesForPolicy": nil, "iam:ListPolicyTags": nil,
			"iam:GetPolicyVersion":        {"VersionId": "v1"},
			"iam:SetDefaultPolicyVersion": {"VersionId": "v1"},
			"iam:CreatePolicyVersion":     {"PolicyDocument": allow("*", "*")},
		} {
			_, err := w.call(who, action, with(in, members{"PolicyArn": there}))
			_, other := w.call(who, action, with(in, members{"PolicyArn": absent}))
			if err == nil || other == nil {
				t.Fatalf("%s on another account's policy: got %v, on an absent one %v", action, err, other)
			}
			equal(t, action, strings.ReplaceAll(err.Error(), "there", "absent"), other.Error())
			if e, ok := api.AsException(err); !ok || e.Code != "AccessDenied" {
				t.Errorf("%s: got %v, want AccessDenied", action, err)
			}
		}
		for _, p := range []string{there, absent} {
			w.refused(root(alpha), "iam:CreateUser", members{"UserName": "x", "PermissionsBoundary": p}, "NoSuchEntity: Policy "+p+" does not exist or is not attachable.")
			w.refused(root(alpha), "iam:AttachUserPolicy", members{"UserName": "admin", "PolicyArn": p}, "NoSuchEntity: Policy "+p+" does not exist or is not attachable.")
		}
	}
}

func TestRefusalsOfPolicies(t *testing.T) {
	w := newWorld(t, false)
	a := root(alpha)
	w.done(a, "iam:CreateUser", members{"UserName": "u"})
	own := w.policy(alpha, "own", allow("*", "*"))
	absent := "arn:aws:iam::111111111111:policy/absent"
	for _, c := range []struct {
		name, action string
		in           members
		want         string
	}{
		{"too long", "iam:CreatePolicy", members{"PolicyName": "p", "PolicyDocument": allow("logs:"+strings.Repeat("x", 6200), "*")}, "LimitExceeded: Cannot exceed quota for PolicySize: 6144"},
		{"next version too long", "iam:CreatePolicyVersion", members{"PolicyArn": own, "PolicyDocument": allow("logs:"+strings.Repeat("x", 6200), "*")}, "LimitExceeded: Cannot exceed quota for PolicySize: 6144"},
		{"no JSON", "iam:CreatePolicy", members{"PolicyName": "p", "PolicyDocument": "{"}, "MalformedPolicyDocument: Syntax errors in policy."},
		{"old language", "iam:CreatePolicy", members{"PolicyName": "p", "PolicyDocument": `{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`}, "MalformedPolicyDocument: Policy document must be version 2012-10-17 or greater."},
		{"absent", "iam:GetPolicy", members{"PolicyArn": absent}, "NoSuchEntity: Policy " + absent + " was not found."},
		{"absent version", "iam:SetDefaultPolicyVersion", members{"PolicyArn": own, "VersionId": "v9"}, "NoSuchEntity: Policy " + own + " version v9 does not exist or is not attachable."},
		{"path differs", "iam:GetPolicy", members{"PolicyArn": "arn:aws:iam::111111111111:policy/x/own"}, "NoSuchEntity: Policy arn:aws:iam::111111111111:policy/x/own was not found."},
		{"no ARN", "iam:GetPolicy", members{"PolicyArn": "this is not an ARN at all"}, "ValidationError: Invalid ARN:  Could not be parsed!"},
		{"ARN of something else", "iam:GetPolicy", members{"PolicyArn": "arn:aws:iam::111111111111:user/u"}, "InvalidInput: ARN arn:aws:iam::111111111111:user/u is not valid."},
		{"attach absent", "iam:AttachUserPolicy", members{"UserName": "u", "PolicyArn": absent}, "NoSuchEntity: Policy " + absent + " does not exist or is not attachable."},
		{"attach to absent", "iam:AttachUserPolicy", members{"UserName": "none", "PolicyArn": own}, "NoSuchEntity: The user with name none cannot be found."},
		{"attach no ARN", "iam:AttachUserPolicy", members{"UserName": "u", "PolicyArn": "this is not an ARN at all"}, "ValidationError: Invalid ARN:  Could not be parsed!"},
		{"attach a service's", "iam:AttachUserPolicy", members{"UserName": "u", "PolicyArn": awsPolicy("aws-service-role/AWSOrganizationsServiceTrustPolicy")}, "PolicyNotAttachable: Cannot attach a Service Role Policy to a Customer Role."},
		{"detach what is not attached", "iam:DetachUserPolicy", members{"UserName": "u", "PolicyArn": own}, "NoSuchEntity: Policy " + own + " was not found."},
		{"detach from absent", "iam:DetachRolePolicy", members{"RoleName": "none", "PolicyArn": own}, "NoSuchEntity: The role with name none cannot be found."},
		{"boundary absent", "iam:PutUserPermissionsBoundary", members{"UserName": "u", "PermissionsBoundary": absent}, "NoSuchEntity: Policy " + absent + " does not exist or is not attachable."},
		{"boundary of absent", "iam:PutRolePermissionsBoundary", members{"RoleName": "none", "PermissionsBoundary": own}, "NoSuchEntity: The role with name none cannot be found."},
		{"list of absent", "iam:ListAttachedUserPolicies", members{"UserName": "none"}, "NoSuchEntity: The user with name none cannot be found."},
		{"versions of absent", "iam:ListPolicyVersions", members{"PolicyArn": absent}, "NoSuchEntity: Policy " + absent + " was not found."},
		{"entities for absent", "iam:ListEntitiesForPolicy", members{"PolicyArn": absent}, "NoSuchEntity: Policy " + absent + " was not found."},
		{"marker of another list", "iam:ListPolicies", members{"Marker": "AAAA"}, "ValidationError: Invalid Marker."},
		{"scope", "iam:ListPolicies", members{"Scope": "Mine"}, "ValidationError: 1 validation error detected: Value at 'scope' failed to satisfy constraint: Member must satisfy enum value set"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w.t = t
			w.refused(a, c.action, c.in, c.want)
		})
	}
}

func TestTenPoliciesCanBeAttached(t *testing.T) {
	w := newWorld(t, false)
	a := root(alpha)
	w.done(a, "iam:CreateUser", members{"UserName": "x"})
	w.done(a, "iam:CreateGroup", members{"GroupName": "x"})
	w.role(alpha, "x", `"*"`)
	var policies []string
	for i := range 11 {
		policies = append(policies, w.policy(alpha, fmt.Sprintf("p%02d", i), allow("logs:*", "*")))
	}
	for _, noun := range []string{"User", "Group", "Role"} {
		in := func(policyARN string) members { return members{noun + "Name": "x", "PolicyArn": policyARN} }
		for _, p := range policies[:10] {
			w.done(a, "iam:Attach"+noun+"Policy", in(p))
		}
		w.done(a, "iam:Attach"+noun+"Policy", in(policies[3])) // is attached already
		w.refused(a, "iam:Attach"+noun+"Policy", in(policies[10]), "LimitExceeded: Cannot exceed quota for PoliciesPer"+noun+": 10")
		w.done(a, "iam:Detach"+noun+"Policy", in(policies[0]))
		w.done(a, "iam:Attach"+noun+"Policy", in(policies[10]))
	}
	first := do[iam.ListAttachedUserPoliciesOutput](w, a, "iam:ListAttachedUserPolicies", members{"UserName": "x", "MaxItems": api.Number("8")})
	second := do[iam.ListAttachedUserPoliciesOutput](w, a, "iam:ListAttachedUserPolicies", members{"UserName": "x", "Marker": first.Marker})
	var names []string
	for _, p := range append(first.AttachedPolicies, second.AttachedPolicies...) {
		names = append(names, p.PolicyName)
	}
	equal(t, "attached", strings.Join(names, " "), "p01 p02 p03 p04 p05 p06 p07 p08 p09 p10")
	if n := len(first.Marker); n > 320 {
		t.Errorf("marker has %d characters, which the input does not take", n)
	}
	equal(t, "to the group", len(do[iam.ListAttachedGroupPoliciesOutput](w, a, "iam:ListAttachedGroupPolicies", members{"GroupName": "x"}).AttachedPolicies), 10)
	equal(t, "under a path", len(do[iam.ListAttachedRolePoliciesOutput](w, a, "iam:ListAttachedRolePolicies", members{"RoleName": "x", "PathPrefix": "/none/"}).AttachedPolicies), 0)
	equal(t, "count", *do[iam.GetPolicyOutput](w, a, "iam:GetPolicy", members{"PolicyArn": policies[1]}).Policy.AttachmentCount, int32(3))
	w.refused(a, "iam:DeleteUser", members{"UserName": "x"}, "DeleteConflict: Cannot delete entity, must detach all policies first.")
	w.refused(a, "iam:DeleteRole", members{"RoleName": "x"}, "DeleteConflict: Cannot delete entity, must detach all policies first.")
}
