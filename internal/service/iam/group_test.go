package iam_test

import (
	"fmt"
	"strings"
	"testing"

	"tributary/internal/service/api"
	"tributary/internal/service/iam"
)

// userNames and groupNames are the names in an answer, in its order.
func userNames(users []iam.User) string {
	var names []string
	for _, u := range users {
		names = append(names, u.UserName)
	}
	return strings.Join(names, " ")
}

func groupNames(groups []iam.Group) string {
	var names []string
	for _, g := range groups {
		names = append(names, g.GroupName)
	}
	return strings.Join(names, " ")
}

func TestLifeOfAGroup(t *testing.T) {
	w := newWorld(t, false)
	a := root(alpha)
	g := do[iam.CreateGroupOutput](w, a, "iam:CreateGroup", members{"GroupName": "Devs", "Path": "/eng/"}).Group
	equal(t, "ARN", g.ARN, "arn:aws:iam::111111111111:group/eng/Devs")
	equal(t, "id", g.GroupID[:4], "AGPA")
	w.refused(a, "iam:CreateGroup", members{"GroupName": "DEVS"}, "EntityAlreadyExists: Group with name DEVS already exists.")

	for _, name := range []string{"carol", "alice", "bob"} {
		w.done(a, "iam:CreateUser", members{"UserName": name})
		w.done(a, "iam:AddUserToGroup", members{"GroupName": "devs", "UserName": name})
	}
	w.done(a, "iam:AddUserToGroup", members{"GroupName": "devs", "UserName": "alice"}) // once more changes nothing
	w.restart()
	first := do[iam.GetGroupOutput](w, a, "iam:GetGroup", members{"GroupName": "devs", "MaxItems": api.Number("2")})
	second := do[iam.GetGroupOutput](w, a, "iam:GetGroup", members{"GroupName": "devs", "Marker": first.Marker})
	equal(t, "members", userNames(first.Users)+", "+userNames(second.Users), "alice bob, carol")
	equal(t, "truncated", fmt.Sprint(*first.IsTruncated, *second.IsTruncated), "true false")
	equal(t, "groups of a user", groupNames(do[iam.ListGroupsForUserOutput](w, a, "iam:ListGroupsForUser", members{"UserName": "bob"}).Groups), "Devs")

	w.done(a, "iam:CreateGroup", members{"GroupName": "admins"})
	equal(t, "groups", groupNames(do[iam.ListGroupsOutput](w, a, "iam:ListGroups", nil).Groups), "admins Devs")
	equal(t, "groups under a path", groupNames(do[iam.ListGroupsOutput](w, a, "iam:ListGroups", members{"PathPrefix": "/eng/"}).Groups), "Devs")
	equal(t, "another account's groups", groupNames(do[iam.ListGroupsOutput](w, root(beta), "iam:ListGroups", nil).Groups), "")

	w.done(a, "iam:PutGroupPolicy", members{"GroupName": "devs", "PolicyName": "p", "PolicyDocument": allow("logs:*", "*")})
	got := do[iam.GetGroupPolicyOutput](w, a, "iam:GetGroupPolicy", members{"GroupName": "devs", "PolicyName": "p"})
	equal(t, "policy of", got.GroupName+"/"+got.PolicyName, "Devs/p")
	equal(t, "policies", fmt.Sprint(do[iam.ListGroupPoliciesOutput](w, a, "iam:ListGroupPolicies", members{"GroupName": "devs"}).PolicyNames), "[p]")
	w.done(a, "iam:AttachGroupPolicy", members{"GroupName": "devs", "PolicyArn": awsPolicy("ReadOnlyAccess")})

	// What hangs on it keeps it from being deleted, member first.
	w.refused(a, "iam:DeleteUser", members{"UserName": "bob"}, "DeleteConflict: Cannot delete entity, must remove users from group first.")
	for _, step := range []struct {
		conflict, action string
		in               members
	}{
		{"remove users from group", "iam:RemoveUserFromGroup", members{"GroupName": "devs", "UserName": "alice"}},
		{"remove users from group", "iam:RemoveUserFromGroup", members{"GroupName": "devs", "UserName": "bob"}},
		{"remove users from group", "iam:RemoveUserFromGroup", members{"GroupName": "devs", "UserName": "carol"}},
		{"delete policies", "iam:DeleteGroupPolicy", members{"GroupName": "devs", "PolicyName": "p"}},
		{"detach all policies", "iam:DetachGroupPolicy", members{"GroupName": "devs", "PolicyArn": awsPolicy("ReadOnlyAccess")}},
	} {
		w.refused(a, "iam:DeleteGroup", members{"GroupName": "devs"}, "DeleteConflict: Cannot delete entity, must "+step.conflict+" first.")
		w.done(a, step.action, step.in)
	}
	w.done(a, "iam:DeleteGroup", members{"GroupName": "devs"})
	w.done(a, "iam:DeleteUser", members{"UserName": "bob"})
	w.refused(a, "iam:GetGroup", members{"GroupName": "devs"}, "NoSuchEntity: The group with name devs cannot be found.")
}

func TestGroupMadeAgainHasNoMembers(t *testing.T) {
	w := newWorld(t, false)
	a := root(alpha)
	w.done(a, "iam:CreateGroup", members{"GroupName": "g"})
	bob := w.user(alpha, "bob", "")
	w.done(a, "iam:AddUserToGroup", members{"GroupName": "g", "UserName": "bob"})
	w.done(a, "iam:RemoveUserFromGroup", members{"GroupName": "g", "UserName": "bob"})
	w.done(a, "iam:DeleteGroup", members{"GroupName": "g"})
	w.done(a, "iam:CreateGroup", members{"GroupName": "g"})
	w.done(a, "iam:PutGroupPolicy", members{"GroupName": "g", "PolicyName": "p", "PolicyDocument": allow("*", "*")})
	equal(t, "members", len(do[iam.GetGroupOutput](w, a, "iam:GetGroup", members{"GroupName": "g"}).Users), 0)
	w.refused(bob, "iam:ListUsers", nil,
		"AccessDenied: User: arn:aws:iam::111111111111:user/bob is not authorized to perform: iam:ListUsers on resource: arn:aws:iam::111111111111:user/ because no identity-based policy allows the iam:ListUsers action")
}

func TestUserIsInAtMostTenGroups(t *testing.T) {
	w := newWorld(t, false)
	a := root(alpha)
	w.done(a, "iam:CreateUser", members{"UserName": "bob"})
	for i := range 11 {
		w.done(a, "iam:CreateGroup", members{"GroupName": fmt.Sprint("g", i)})
		in := members{"GroupName": fmt.Sprint("g", i), "UserName": "bob"}
		if i < 10 {
			w.done(a, "iam:AddUserToGroup", in)
			continue
		}
		w.refused(a, "iam:AddUserToGroup", in, "LimitExceeded: Cannot exceed quota for GroupsPerUser: 10")
	}
	first := do[iam.ListGroupsForUserOutput](w, a, "iam:ListGroupsForUser", members{"UserName": "bob", "MaxItems": api.Number("9")})
	second := do[iam.ListGroupsForUserOutput](w, a, "iam:ListGroupsForUser", members{"UserName": "bob", "Marker": first.Marker})
	equal(t, "groups", groupNames(first.Groups)+", "+groupNames(second.Groups), "g0 g1 g2 g3 g4 g5 g6 g7 g8, g9")
}

func TestGroupsOfAnAccountHaveAQuota(t *testing.T) {
	w := newWorld(t, false)
	for i := range 300 {
		w.done(root(alpha), "iam:CreateGroup", members{"GroupName": fmt.Sprint("g", i)})
	}
	w.refused(root(alpha), "iam:CreateGroup", members{"GroupName": "more"}, "LimitExceeded: Cannot exceed quota for GroupsPerAccount: 300")
	w.done(root(beta), "iam:CreateGroup", members{"GroupName": "more"}) // an account for itself
	w.done(root(alpha), "iam:DeleteGroup", members{"GroupName": "g7"})
	w.done(root(alpha), "iam:CreateGroup", members{"GroupName": "more"})
}

func TestRefusalsOfGroups(t *testing.T) {
	w := newWorld(t, false)
	a := root(alpha)
	w.done(a, "iam:CreateGroup", members{"GroupName": "g"})
	w.done(a, "iam:CreateUser", members{"UserName": "u"})
	noGroup, noUser := "NoSuchEntity: The group with name none cannot be found.", "NoSuchEntity: The user with name none cannot be found."
	for _, c := range []struct {
		action string
		in     members
		want   string
	}{
		{"iam:AddUserToGroup", members{"GroupName": "none", "UserName": "u"}, noGroup},
		{"iam:AddUserToGroup", members{"GroupName": "g", "UserName": "none"}, noUser},
		{"iam:RemoveUserFromGroup", members{"GroupName": "none", "UserName": "u"}, noGroup},
		{"iam:RemoveUserFromGroup", members{"GroupName": "g", "UserName": "none"}, noUser},
		{"iam:ListGroupsForUser", members{"UserName": "none"}, noUser},
		{"iam:UpdateGroup", members{"GroupName": "none", "NewGroupName": "x"}, noGroup},
		{"iam:UpdateGroup", members{"GroupName": "none", "NewPath": "/x/"}, noGroup},
		{"iam:DeleteGroup", members{"GroupName": "none"}, noGroup},
		{"iam:PutGroupPolicy", members{"GroupName": "none", "PolicyName": "p", "PolicyDocument": allow("*", "*")}, noGroup},
		{"iam:GetGroupPolicy", members{"GroupName": "g", "PolicyName": "p"}, "NoSuchEntity: The group policy with name p cannot be found."},
		{"iam:DeleteGroupPolicy", members{"GroupName": "g", "PolicyName": "p"}, "NoSuchEntity: The group policy with name p cannot be found."},
		{"iam:ListGroupPolicies", members{"GroupName": "none"}, noGroup},
		{"iam:ListAttachedGroupPolicies", members{"GroupName": "none"}, noGroup},
		{"iam:PutGroupPolicy", members{"GroupName": "g", "PolicyName": "p", "PolicyDocument": allow("logs:"+strings.Repeat("x", 5200), "*")}, "LimitExceeded: Maximum policy size of 5120 bytes exceeded for group g"},
		{"iam:PutGroupPolicy", members{"GroupName": "g", "PolicyName": "p", "PolicyDocument": "{"}, "MalformedPolicyDocument: Syntax errors in policy."},
	} {
		t.Run(strings.TrimPrefix(c.action, "iam:")+" "+c.want[:20], func(t *testing.T) {
			w.t = t
			w.refused(a, c.action, c.in, c.want)
		})
	}
}
