package iam_test

import (
	"encoding/base64"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"tributary/internal/service/api"
	"tributary/internal/service/iam"
	"tributary/internal/service/organizations"
)

func TestSessionTokenIsTheUser(t *testing.T) {
	w := newWorld(t, false)
	alice := w.user(alpha, "alice", allow("logs:*", "*"))
	out := do[iam.GetSessionTokenOutput](w, alice, "sts:GetSessionToken", nil)
	equal(t, "end", out.Credentials.Expiration.Time, w.now.Add(12*time.Hour))
	ses := credential{out.Credentials.AccessKeyID, out.Credentials.SecretAccessKey, out.Credentials.SessionToken}
	who := do[iam.GetCallerIdentityOutput](w, ses, "sts:GetCallerIdentity", nil)
	equal(t, "who", who.ARN, "arn:aws:iam::111111111111:user/alice")
	equal(t, "same id", who.UserID, do[iam.GetCallerIdentityOutput](w, alice, "sts:GetCallerIdentity", nil).UserID)

	// Policies may allow as they will: IAM is closed to it, and most of STS.
	w.done(root(alpha), "iam:PutUserPolicy", members{"UserName": "alice", "PolicyName": "p", "PolicyDocument": allow("*", "*")})
	w.refused(ses, "iam:ListUsers", nil, "InvalidClientTokenId: The security token included in the request is invalid")
	w.refused(ses, "sts:GetSessionToken", nil, "AccessDenied: Cannot call GetSessionToken with session credentials")
	w.refused(ses, "sts:GetFederationToken", members{"Name": "fed"}, "AccessDenied: Cannot call GetFederationToken with session credentials")
	w.refused(ses, "sts:GetAccessKeyInfo", members{"AccessKeyId": alice.id}, "AccessDenied: Cannot call GetAccessKeyInfo with session credentials")
	r := w.role(alpha, "r", `{"AWS":"arn:aws:iam::111111111111:user/alice"}`)
	w.assume(ses, r.ARN, "s1", nil)

	// It goes with the user, not with the key.
	w.done(root(alpha), "iam:DeleteAccessKey", members{"UserName": "alice", "AccessKeyId": alice.id})
	w.done(ses, "sts:GetCallerIdentity", nil)
	w.done(root(alpha), "iam:DeleteUserPolicy", members{"UserName": "alice", "PolicyName": "p"})
	w.done(root(alpha), "iam:DeleteUser", members{"UserName": "alice"})
	if _, err := w.call(ses, "sts:GetCallerIdentity", nil); !errors.Is(err, iam.ErrInvalidToken) {
		t.Errorf("user deleted: got %v, want ErrInvalidToken", err)
	}
	w.user(alpha, "alice", "")
	if _, err := w.call(ses, "sts:GetCallerIdentity", nil); !errors.Is(err, iam.ErrInvalidToken) {
		t.Errorf("user made again: got %v, want ErrInvalidToken", err)
	}
}

func TestLengthsOfTokens(t *testing.T) {
	w := newWorld(t, false)
	alice := w.user(alpha, "alice", allow("sts:*", "*"))
	for _, c := range []struct {
		name string
		who  credential
		ask  api.Number
		want time.Duration
	}{
		{"user", alice, "", 12 * time.Hour},
		{"user, shortest", alice, "900", 15 * time.Minute},
		{"user, longest", alice, "129600", 36 * time.Hour},
		{"root user", root(alpha), "", time.Hour},
		{"root user, more than an hour", root(alpha), "7200", time.Hour},
		{"root user, less", root(alpha), "900", 15 * time.Minute},
	} {
		in := members{}
		if c.ask != "" {
			in["DurationSeconds"] = c.ask
		}
		equal(t, c.name, do[iam.GetSessionTokenOutput](w, c.who, "sts:GetSessionToken", in).Credentials.Expiration.Sub(w.now), c.want)
		in["Name"] = "fed"
		equal(t, c.name+", federated", do[iam.GetFederationTokenOutput](w, c.who, "sts:GetFederationToken", in).Credentials.Expiration.Sub(w.now), c.want)
	}
	w.refused(alice, "sts:GetSessionToken", members{"DurationSeconds": api.Number("129601")},
		"ValidationError: 1 validation error detected: Value '129601' at 'durationSeconds' failed to satisfy constraint: Member must have value less than or equal to 129600")
	w.refused(alice, "sts:GetSessionToken", members{"SerialNumber": "arn:aws:iam::111111111111:mfa/alice", "TokenCode": "123456"},
		"AccessDenied: MultiFactorAuthentication failed with invalid MFA one time pass code.")
}

func TestFederatedUserMayWhatUserAndPolicyBothAllow(t *testing.T) {
	w := newWorld(t, false)
	alice := w.user(alpha, "alice", allow("sts:GetFederationToken", "*"))
	w.done(root(alpha), "iam:PutUserPolicy", members{"UserName": "alice", "PolicyName": "orgs", "PolicyDocument": allow("organizations:Describe*", "*")})
	out := do[iam.GetFederationTokenOutput](w, alice, "sts:GetFederationToken", members{"Name": "fed", "Policy": allow("organizations:*", "*")})
	equal(t, "id", out.FederatedUser.FederatedUserID, "111111111111:fed")
	equal(t, "ARN", out.FederatedUser.ARN, "arn:aws:sts::111111111111:federated-user/fed")
	if out.PackedPolicySize == nil || *out.PackedPolicySize < 1 || *out.PackedPolicySize > 10 {
		t.Errorf("packed: got %v, want a few percent", out.PackedPolicySize)
	}
	ses := credential{out.Credentials.AccessKeyID, out.Credentials.SecretAccessKey, out.Credentials.SessionToken}
	equal(t, "who", do[iam.GetCallerIdentityOutput](w, ses, "sts:GetCallerIdentity", nil).ARN, out.FederatedUser.ARN)
	w.organization(alpha)
	w.done(ses, "organizations:DescribeOrganization", nil)
	// Not what the user may not, nor what the policy does not give.
	w.refused(ses, "organizations:ListAccounts", nil, "AccessDeniedException: User: arn:aws:sts::111111111111:federated-user/fed is not authorized to perform: organizations:ListAccounts on resource: * because no identity-based policy allows the organizations:ListAccounts action")
	none := do[iam.GetFederationTokenOutput](w, alice, "sts:GetFederationToken", members{"Name": "none"})
	bare := credential{none.Credentials.AccessKeyID, none.Credentials.SecretAccessKey, none.Credentials.SessionToken}
	w.refused(bare, "organizations:DescribeOrganization", nil, "AccessDeniedException: User: arn:aws:sts::111111111111:federated-user/none is not authorized to perform: organizations:DescribeOrganization on resource: * because no session policy allows the organizations:DescribeOrganization action")
	w.refused(ses, "iam:ListUsers", nil, "InvalidClientTokenId: The security token included in the request is invalid")
	r := w.role(alpha, "r", `{"AWS":"*"}`)
	w.refused(ses, "sts:AssumeRole", members{"RoleArn": r.ARN, "RoleSessionName": "s1"},
		"AccessDenied: User: arn:aws:sts::111111111111:federated-user/fed is not authorized to perform: sts:AssumeRole on resource: "+r.ARN)

	// What is taken from the user is taken from the federated user.
	w.done(root(alpha), "iam:DeleteUserPolicy", members{"UserName": "alice", "PolicyName": "orgs"})
	w.refused(ses, "organizations:DescribeOrganization", nil, "AccessDeniedException: User: arn:aws:sts::111111111111:federated-user/fed is not authorized to perform: organizations:DescribeOrganization on resource: * because no identity-based policy allows the organizations:DescribeOrganization action")

	bob := w.user(alpha, "bob", "")
	w.refused(bob, "sts:GetFederationToken", members{"Name": "fed"}, "AccessDenied: User: arn:aws:iam::111111111111:user/bob is not authorized to perform: sts:GetFederationToken on resource: arn:aws:sts::111111111111:federated-user/fed because no identity-based policy allows the sts:GetFederationToken action")
}

func TestSessionsCarryOnlySoMuch(t *testing.T) {
	w := newWorld(t, false)
	alice := w.user(alpha, "alice", allow("sts:*", "*"))
	r := w.role(alpha, "r", `{"AWS":"arn:aws:iam::111111111111:user/alice"}`)
	long := strings.Repeat("x", 256)
	var tags []any
	for i := range 20 {
		tags = append(tags, members{"Key": "k" + strconv.Itoa(i), "Value": long})
	}
	w.refused(alice, "sts:GetFederationToken", members{"Name": "fed", "Tags": tags},
		"PackedPolicyTooLarge: Packed size of session tags consumes 126% of allotted space.")
	trust := `{"Statement":{"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":["sts:AssumeRole","sts:TagSession"]}}`
	w.done(root(alpha), "iam:UpdateAssumeRolePolicy", members{"RoleName": "r", "PolicyDocument": trust})
	w.refused(alice, "sts:AssumeRole", members{"RoleArn": r.ARN, "RoleSessionName": "s1", "Tags": tags},
		"PackedPolicyTooLarge: Packed size of session tags consumes 126% of allotted space.")
	missing := []any{members{"arn": "arn:aws:iam::111111111111:policy/gone"}}
	w.refused(alice, "sts:AssumeRole", members{"RoleArn": r.ARN, "RoleSessionName": "s1", "PolicyArns": missing},
		"NoSuchEntity: Policy arn:aws:iam::111111111111:policy/gone does not exist or is not attachable.")
	w.refused(alice, "sts:GetFederationToken", members{"Name": "fed", "Policy": `{"Statement":[]}`},
		"MalformedPolicyDocument: Syntax errors in policy.")
}

func TestManagementActsAsRootOfAMember(t *testing.T) {
	w := newWorld(t, false)
	w.organization(alpha, beta)
	admin := w.user(alpha, "admin", allow("sts:AssumeRoot", "*"))
	const audit, remove = "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials", "arn:aws:iam::aws:policy/root-task/IAMDeleteRootUserCredentials"
	in := func(target, task string) members {
		return members{"TargetPrincipal": target, "TaskPolicyArn": members{"arn": task}}
	}
	enter := func(target, task string) credential {
		out := do[iam.AssumeRootOutput](w, admin, "sts:AssumeRoot", in(target, task))
		equal(t, "end", out.Credentials.Expiration.Sub(w.now), 15*time.Minute)
		return credential{out.Credentials.AccessKeyID, out.Credentials.SecretAccessKey, out.Credentials.SessionToken}
	}
	ses := enter(beta, audit)
	who := do[iam.GetCallerIdentityOutput](w, ses, "sts:GetCallerIdentity", nil)
	equal(t, "who", who.ARN, "arn:aws:iam::222222222222:root")
	do[iam.ListAccessKeysOutput](w, ses, "iam:ListAccessKeys", nil)
	w.refused(ses, "iam:CreateAccessKey", nil, "AccessDenied: User: arn:aws:iam::222222222222:root is not authorized to perform: iam:CreateAccessKey on resource: arn:aws:iam::222222222222:root because no session policy allows the iam:CreateAccessKey action")
	w.refused(ses, "sts:GetSessionToken", nil, "AccessDenied: Cannot call GetSessionToken with session credentials")
	do[iam.ListAccessKeysOutput](w, enter("arn:aws:iam::222222222222:root", remove), "iam:ListAccessKeys", nil)

	denied := func(who credential, account, target, reason string) {
		t.Helper()
		w.refused(who, "sts:AssumeRoot", in(target, audit),
			"AccessDenied: User: arn:aws:iam::"+account+":user/admin is not authorized to perform: sts:AssumeRoot on resource: arn:aws:iam::"+target+":root because no "+reason+" policy allows the sts:AssumeRoot action")
	}
	denied(admin, alpha, gamma, "resource-based") // no member
	h := do[organizations.InviteAccountToOrganizationOutput](w, root(alpha), "organizations:InviteAccountToOrganization",
		members{"Target": members{"Id": gamma, "Type": "ACCOUNT"}}).Handshake
	do[organizations.AcceptHandshakeOutput](w, root(gamma), "organizations:AcceptHandshake", members{"HandshakeId": h.ID})
	other := w.user(beta, "admin", allow("sts:AssumeRoot", "*"))
	denied(other, beta, gamma, "resource-based")
	w.done(root(alpha), "organizations:EnableAWSServiceAccess", members{"ServicePrincipal": "iam.amazonaws.com"})
	w.done(root(alpha), "organizations:RegisterDelegatedAdministrator", members{"AccountId": beta, "ServicePrincipal": "iam.amazonaws.com"})
	do[iam.AssumeRootOutput](w, other, "sts:AssumeRoot", in(gamma, audit))
	denied(other, beta, alpha, "resource-based") // not of the management account
	w.done(root(alpha), "iam:PutUserPolicy", members{"UserName": "admin", "PolicyName": "p", "PolicyDocument": allow("sts:GetCallerIdentity", "*")})
	denied(admin, alpha, beta, "identity-based")
	w.done(root(alpha), "iam:PutUserPolicy", members{"UserName": "admin", "PolicyName": "p", "PolicyDocument": allow("sts:AssumeRoot", "*")})

	w.refused(admin, "sts:AssumeRoot", in("not-an-account", audit), "ValidationError: not-an-account is invalid")
	w.refused(admin, "sts:AssumeRoot", in(beta, "arn:aws:iam::aws:policy/AdministratorAccess"),
		"InvalidParameterValue: The task policy arn:aws:iam::aws:policy/AdministratorAccess is not valid.")
	w.refused(root(alpha), "sts:AssumeRoot", in(beta, audit), "AccessDenied: Root of a member account may not be assumed by root accounts.")
}

// A membership that ends takes with it what it gave.
func TestRootSessionsEndWithTheMembership(t *testing.T) {
	w := newWorld(t, false)
	w.organization(alpha, beta)
	admin := w.user(alpha, "admin", allow("sts:AssumeRoot", "*"))
	enter := func() credential {
		out := do[iam.AssumeRootOutput](w, admin, "sts:AssumeRoot", members{
			"TargetPrincipal": beta, "TaskPolicyArn": members{"arn": "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials"},
		})
		return credential{out.Credentials.AccessKeyID, out.Credentials.SecretAccessKey, out.Credentials.SessionToken}
	}
	gone := func(what string, ses credential) {
		t.Helper()
		if _, err := w.call(ses, "iam:ListAccessKeys", nil); !errors.Is(err, iam.ErrInvalidToken) {
			t.Errorf("%s: got %v, want ErrInvalidToken", what, err)
		}
	}
	ses := enter()
	w.done(ses, "iam:ListAccessKeys", nil)
	w.done(root(beta), "organizations:LeaveOrganization", nil)
	gone("left", ses)
	w.done(root(alpha), "organizations:DeleteOrganization", nil)
	w.organization(gamma, beta)
	gone("in another organization", ses)
}

func TestWebIdentityHasNoProvider(t *testing.T) {
	w := newWorld(t, false)
	part := base64.RawURLEncoding.EncodeToString
	token := func(head, claims string) string {
		return part([]byte(head)) + "." + part([]byte(claims)) + "." + part([]byte("signature"))
	}
	const invalid = "InvalidIdentityToken: The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
	for _, c := range []struct{ token, want string }{
		{token(`{"alg":"RS256"}`, `{"iss":"https://idp.example.com","sub":"x"}`), "InvalidIdentityToken: No OpenIDConnect provider found in your account for https://idp.example.com"},
		{token(`{"alg":"RS256"}`, `{"sub":"x"}`), invalid},
		{token(`{}`, `{"iss":"https://idp.example.com"}`), invalid},
		{"garbage", invalid},
		{"a.b.c", invalid},
	} {
		w.refused(root(alpha), "sts:AssumeRoleWithWebIdentity", members{
			"RoleArn": "arn:aws:iam::111111111111:role/r", "RoleSessionName": "s1", "WebIdentityToken": c.token,
		}, c.want)
	}
	for _, role := range []string{"arn:aws:iam::111111111111:user/r", "arn:aws:s3:::not-a-role-at-all", "twenty characters and more"} {
		w.refused(root(alpha), "sts:AssumeRoleWithWebIdentity", members{"RoleArn": role, "RoleSessionName": "s1", "WebIdentityToken": "garbage"},
			"ValidationError: Request ARN is invalid")
	}
}

func TestAccessKeysTellTheirAccount(t *testing.T) {
	w := newWorld(t, false)
	alice := w.user(beta, "alice", allow("sts:GetAccessKeyInfo", "*"))
	r := w.role(gamma, "r", `{"AWS":"222222222222"}`)
	w.done(root(beta), "iam:PutUserPolicy", members{"UserName": "alice", "PolicyName": "a", "PolicyDocument": allow("sts:AssumeRole", "*")})
	ses := w.assume(alice, r.ARN, "s1", nil)
	bob := w.user(alpha, "bob", "")
	for id, want := range map[string]string{alice.id: beta, ses.id: gamma, bob.id: alpha} {
		equal(t, id, do[iam.GetAccessKeyInfoOutput](w, alice, "sts:GetAccessKeyInfo", members{"AccessKeyId": id}).Account, want)
	}
	for _, id := range []string{"AKIAAAAAAAAAAAAAAAAA", "ASIAAAAAAAAAAAAAAAAA", "ASIA7777777777777777", "ASIAQ!"} {
		if _, err := w.call(alice, "sts:GetAccessKeyInfo", members{"AccessKeyId": id}); err == nil {
			t.Errorf("%s: got an account", id)
		}
	}
	w.refused(bob, "sts:GetAccessKeyInfo", members{"AccessKeyId": bob.id}, "AccessDenied: User: arn:aws:iam::111111111111:user/bob is not authorized to perform: sts:GetAccessKeyInfo on resource: * because no identity-based policy allows the sts:GetAccessKeyInfo action")
}

func TestSessionsAreLimitedByManagedPolicies(t *testing.T) {
	w := newWorld(t, false)
	alice := w.user(alpha, "alice", "")
	r := w.role(alpha, "r", `{"AWS":"arn:aws:iam::111111111111:user/alice"}`)
	w.done(root(alpha), "iam:PutRolePolicy", members{"RoleName": "r", "PolicyName": "p", "PolicyDocument": allow("iam:*", "*")})
	own := do[iam.CreatePolicyOutput](w, root(alpha), "iam:CreatePolicy", members{"PolicyName": "list", "PolicyDocument": allow("iam:ListUsers", "*")}).Policy.ARN
	other := do[iam.CreatePolicyOutput](w, root(beta), "iam:CreatePolicy", members{"PolicyName": "list", "PolicyDocument": allow("iam:*", "*")}).Policy.ARN
	ses := w.assume(alice, r.ARN, "s1", members{"PolicyArns": []any{members{"arn": own}}})
	w.done(ses, "iam:ListUsers", nil)
	const denied = "AccessDenied: User: arn:aws:sts::111111111111:assumed-role/r/s1 is not authorized to perform: iam:ListRoles on resource: arn:aws:iam::111111111111:role/ because no session policy allows the iam:ListRoles action"
	w.refused(ses, "iam:ListRoles", nil, denied)
	w.done(w.assume(alice, r.ARN, "s2", members{"PolicyArns": []any{members{"arn": own}, members{"arn": "arn:aws:iam::aws:policy/IAMReadOnlyAccess"}}}), "iam:ListRoles", nil)
	w.refused(alice, "sts:AssumeRole", members{"RoleArn": r.ARN, "RoleSessionName": "s3", "PolicyArns": []any{members{"arn": other}}},
		"NoSuchEntity: Policy "+other+" does not exist or is not attachable.")

	ten := slices.Repeat([]any{members{"arn": own}}, 10)
	w.done(w.assume(alice, r.ARN, "s4", members{"PolicyArns": ten}), "iam:ListUsers", nil)
	w.refused(alice, "sts:AssumeRole", members{"RoleArn": r.ARN, "RoleSessionName": "s5", "PolicyArns": append(ten, members{"arn": own})},
		"ValidationError: Number of policy ARNs exceeds the limit of 10")

	// A policy counts as it is now, and one that is gone denies.
	w.done(root(alpha), "iam:CreatePolicyVersion", members{"PolicyArn": own, "PolicyDocument": allow("iam:ListRoles", "*"), "SetAsDefault": true})
	w.done(ses, "iam:ListRoles", nil)
	w.done(root(alpha), "iam:DeletePolicyVersion", members{"PolicyArn": own, "VersionId": "v1"})
	w.done(root(alpha), "iam:DeletePolicy", members{"PolicyArn": own})
	if _, err := w.call(ses, "iam:ListRoles", nil); err == nil {
		t.Error("the session still acts after its policy is gone")
	}
}
