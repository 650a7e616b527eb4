package iam_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"tributary/internal/service/api"
	"tributary/internal/service/iam"
)

func TestAUserStaysTheSameUnderAnotherName(t *testing.T) {
	w := newWorld(t, false)
	a := root(alpha)
	bob := w.user(alpha, "bob", allow("iam:*", "*"))
	w.done(a, "iam:CreateGroup", members{"GroupName": "g"})
	w.done(a, "iam:AddUserToGroup", members{"GroupName": "g", "UserName": "bob"})
	r := w.role(alpha, "r", `{"AWS":"arn:aws:iam::111111111111:user/bob"}`)
	id := do[iam.GetUserOutput](w, bob, "iam:GetUser", nil).User.UserID

	w.done(a, "iam:UpdateUser", members{"UserName": "bob", "NewUserName": "Robert", "NewPath": "/x/"})
	w.refused(a, "iam:GetUser", members{"UserName": "bob"}, "NoSuchEntity: The user with name bob cannot be found.")
	check := func(name string) {
		t.Helper()
		u := do[iam.GetUserOutput](w, bob, "iam:GetUser", nil).User // signed with the key that bob had
		equal(t, "user", u.ARN+" "+u.UserID, "arn:aws:iam::111111111111:user/x/"+name+" "+id)
		equal(t, "members", userNames(do[iam.GetGroupOutput](w, a, "iam:GetGroup", members{"GroupName": "g"}).Users), name)
		equal(t, "keys", do[iam.ListAccessKeysOutput](w, a, "iam:ListAccessKeys", members{"UserName": name}).AccessKeyMetadata[0].AccessKeyID, bob.id)
		w.assume(bob, r.ARN, "s1", nil) // the role trusts the user, not the name
	}
	check("Robert")
	w.restart()
	check("Robert")
	w.done(a, "iam:UpdateUser", members{"UserName": "robert", "NewUserName": "ROBERT"}) // only the case
	check("ROBERT")

	// Somebody else of the old name is somebody else.
	other := w.user(alpha, "bob", allow("*", "*"))
	equal(t, "a new bob assumes the role", w.may(other, "sts:AssumeRole", members{"RoleArn": r.ARN, "RoleSessionName": "s1"}), false)
	w.refused(a, "iam:UpdateUser", members{"UserName": "bob", "NewUserName": "robert"}, "EntityAlreadyExists: User with name robert already exists.")
	w.done(a, "iam:UpdateUser", members{"UserName": "bob"}) // nothing
	w.done(a, "iam:UpdateUser", members{"UserName": "ROBERT", "NewUserName": "rob"})
	w.done(a, "iam:UpdateUser", members{"UserName": "rob", "NewUserName": "ROBERT"}) // there and back
	w.restart()
	check("ROBERT")
}

// TestSessionsOfAUserOutliveTheName holds also that they do not go over to somebody
// else who is given the old name, and that they end with the user.
func TestSessionsOfAUserOutliveTheName(t *testing.T) {
	w := newWorld(t, false)
	bob := w.user(alpha, "bob", allow("sts:*", "*"))
	token := do[iam.GetSessionTokenOutput](w, bob, "sts:GetSessionToken", nil).Credentials
	federated := do[iam.GetFederationTokenOutput](w, bob, "sts:GetFederationToken", members{
		"Name": "fed", "Policy": allow("organizations:*", "*"),
	}).Credentials
	sessions := map[string]credential{
		"arn:aws:iam::111111111111:user/":              {token.AccessKeyID, token.SecretAccessKey, token.SessionToken},
		"arn:aws:sts::111111111111:federated-user/fed": {federated.AccessKeyID, federated.SecretAccessKey, federated.SessionToken},
	}
	check := func(name string) {
		t.Helper()
		for want, c := range sessions {
			if strings.HasSuffix(want, "/") {
				want += name
			}
			who := do[iam.GetCallerIdentityOutput](w, c, "sts:GetCallerIdentity", nil)
			equal(t, "who", who.ARN, want)
		}
	}
	check("bob")
	w.done(root(alpha), "iam:UpdateUser", members{"UserName": "bob", "NewUserName": "robert"})
	check("robert")
	w.user(alpha, "bob", "") // somebody else
	check("robert")
	w.restart()
	check("robert")

	w.done(root(alpha), "iam:DeleteUserPolicy", members{"UserName": "robert", "PolicyName": "p"})
	w.done(root(alpha), "iam:DeleteAccessKey", members{"UserName": "robert", "AccessKeyId": bob.id})
	w.done(root(alpha), "iam:DeleteUser", members{"UserName": "robert"})
	for who, c := range sessions {
		if _, _, err := w.iam.Credentials(context.Background(), c.id, c.token); !errors.Is(err, iam.ErrInvalidToken) {
			t.Errorf("%s after the user was deleted: got %v, want %v", who, err, iam.ErrInvalidToken)
		}
	}
}

func TestACrashDuringANewNameIsFinishedAtTheNextStart(t *testing.T) {
	w := newWorld(t, false)
	a := root(alpha)
	key := w.user(alpha, "old", allow("iam:*", "*"))
	w.done(a, "iam:CreateGroup", members{"GroupName": "old"})
	w.done(a, "iam:AddUserToGroup", members{"GroupName": "old", "UserName": "old"})
	must(t, w.iam.BeginRename(context.Background(), alpha, "old", "new"))
	w.restart()
	equal(t, "users", userNames(do[iam.ListUsersOutput](w, a, "iam:ListUsers", nil).Users), "new")
	equal(t, "groups", groupNames(do[iam.ListGroupsOutput](w, a, "iam:ListGroups", nil).Groups), "new")
	equal(t, "members", userNames(do[iam.GetGroupOutput](w, a, "iam:GetGroup", members{"GroupName": "new"}).Users), "new")
	equal(t, "whose key", do[iam.GetUserOutput](w, key, "iam:GetUser", nil).User.UserName, "new")
	w.restart()
	equal(t, "users", userNames(do[iam.ListUsersOutput](w, a, "iam:ListUsers", nil).Users), "new")
}

// TestRelationsHoldWhileManyChange attaches, joins and bounds while policies and
// groups are deleted: whatever an identity refers to in the end exists.
func TestRelationsHoldWhileManyChange(t *testing.T) {
	w := newWorld(t, false)
	a := root(alpha)
	const rounds = 20
	for i := range 4 {
		w.done(a, "iam:CreateUser", members{"UserName": fmt.Sprint("u", i)})
	}
	try := func(action string, in members) {
		_, err := w.call(a, action, in)
		if _, refused := api.AsException(err); err != nil && !refused {
			t.Errorf("%s: %v", action, err)
		}
	}
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			user := fmt.Sprint("u", i)
			for range rounds {
				try("iam:AttachUserPolicy", members{"UserName": user, "PolicyArn": "arn:aws:iam::111111111111:policy/p"})
				try("iam:PutUserPermissionsBoundary", members{"UserName": user, "PermissionsBoundary": "arn:aws:iam::111111111111:policy/p"})
				try("iam:AddUserToGroup", members{"UserName": user, "GroupName": "g"})
				try("iam:DetachUserPolicy", members{"UserName": user, "PolicyArn": "arn:aws:iam::111111111111:policy/p"})
				try("iam:DeleteUserPermissionsBoundary", members{"UserName": user})
				try("iam:RemoveUserFromGroup", members{"UserName": user, "GroupName": "g"})
			}
		})
	}
	wg.Go(func() {
		for range rounds * 4 {
			try("iam:CreatePolicy", members{"PolicyName": "p", "PolicyDocument": allow("*", "*")})
			try("iam:CreateGroup", members{"GroupName": "g"})
			try("iam:UpdateGroup", members{"GroupName": "g", "NewGroupName": "h"})
			try("iam:DeletePolicy", members{"PolicyArn": "arn:aws:iam::111111111111:policy/p"})
			try("iam:DeleteGroup", members{"GroupName": "h"})
		}
	})
	wg.Wait()
	for _, u := range do[iam.GetAccountAuthorizationDetailsOutput](w, a, "iam:GetAccountAuthorizationDetails", nil).UserDetailList {
		for _, p := range u.AttachedManagedPolicies {
			w.done(a, "iam:GetPolicy", members{"PolicyArn": p.PolicyARN})
		}
		if u.PermissionsBoundary != nil {
			w.done(a, "iam:GetPolicy", members{"PolicyArn": u.PermissionsBoundary.PermissionsBoundaryARN})
		}
	}
	// A user whose groups all exist can be emptied and deleted.
	for i := range 4 {
		user := fmt.Sprint("u", i)
		for _, g := range []string{"g", "h"} {
			try("iam:RemoveUserFromGroup", members{"UserName": user, "GroupName": g})
		}
		try("iam:DetachUserPolicy", members{"UserName": user, "PolicyArn": "arn:aws:iam::111111111111:policy/p"})
		w.done(a, "iam:DeleteUser", members{"UserName": user})
	}
}
