package iam_test

import (
	"fmt"
	"sync"
	"testing"

	"tributary/internal/pure/arn"
	"tributary/internal/pure/policy"
	"tributary/internal/service/api"
	orgs "tributary/internal/service/organizations"
)

// BenchmarkAuthorizeAmongMany is a decision about a session of a role that has an
// inline policy, two managed policies and a boundary, in a member account under
// service control policies. The roles and accounts that there are besides cost
// nothing. The last is a user whose rights come from the last of ten groups.
func BenchmarkAuthorizeAmongMany(b *testing.B) {
	for _, roles := range []int{10, 1_000, 10_000} {
		b.Run(fmt.Sprintf("roles=%d/accounts=%d", roles, max(1, roles/10)), func(b *testing.B) {
			w := newWorld(b, false)
			w.organization(beta, alpha)
			w.enable(beta, "SERVICE_CONTROL_POLICY")
			w.fill(roles)
			r := w.role(alpha, "measured", `{"AWS":"111111111111"}`)
			a := root(alpha)
			w.done(a, "iam:PutRolePolicy", members{"RoleName": "measured", "PolicyName": "p", "PolicyDocument": allow("logs:*", "*")})
			for _, p := range []string{awsPolicy("AmazonKinesisReadOnlyAccess"), w.policy(alpha, "own", allow("iam:ListUsers", "*"))} {
				w.done(a, "iam:AttachRolePolicy", members{"RoleName": "measured", "PolicyArn": p})
			}
			w.done(a, "iam:PutRolePermissionsBoundary", members{"RoleName": "measured", "PermissionsBoundary": awsPolicy("ReadOnlyAccess")})
			w.measure(b, policy.Principal{
				Kind: policy.Session, Account: alpha, RoleARN: arn.ARN(r.ARN), ID: r.RoleID + ":s1",
				ARN: arn.New("sts", "", alpha, "assumed-role/measured/s1"),
			})
		})
	}
	b.Run("user of ten groups", func(b *testing.B) {
		w := newWorld(b, false)
		bob := w.user(alpha, "bob", "")
		for i := range 10 {
			group := fmt.Sprint("g", i)
			w.done(root(alpha), "iam:CreateGroup", members{"GroupName": group})
			w.done(root(alpha), "iam:AddUserToGroup", members{"GroupName": group, "UserName": "bob"})
			p := w.policy(alpha, fmt.Sprint("p", i), allow(fmt.Sprintf("iam:List%c*", 'L'+rune(i)), "*"))
			w.done(root(alpha), "iam:AttachGroupPolicy", members{"GroupName": group, "PolicyArn": p})
		}
		_, caller, err := w.iam.Credentials(b.Context(), bob.id, "")
		must(b, err)
		w.measure(b, caller.Principal)
	})
}

// fill makes that many roles, ten in each of as many accounts of the organization
// that beta manages, all with a managed policy.
func (w *world) fill(roles int) {
	w.t.Helper()
	var accounts []string
	for i := range (roles + 9) / 10 {
		status := do[orgs.CreateAccountOutput](w, root(beta), "organizations:CreateAccount", members{
			"AccountName": fmt.Sprint("account", i), "Email": fmt.Sprintf("a%d@example.com", i),
		}).CreateAccountStatus
		accounts = append(accounts, status.AccountID)
	}
	const writers = 32
	var wg sync.WaitGroup
	for writer := range writers {
		wg.Go(func() {
			for i := writer; i < roles; i += writers {
				account, name := root(accounts[i/10]), fmt.Sprint("role", i)
				_, err := w.call(account, "iam:CreateRole", members{"RoleName": name, "AssumeRolePolicyDocument": trustOf(`{"AWS":"111111111111"}`, "")})
				if err == nil {
					_, err = w.call(account, "iam:AttachRolePolicy", members{"RoleName": name, "PolicyArn": awsPolicy("ReadOnlyAccess")})
				}
				if err != nil {
					w.t.Errorf("make role %d: %v", i, err)
				}
			}
		})
	}
	wg.Wait()
}

// measure asks whether the principal may list users.
func (w *world) measure(b *testing.B, p policy.Principal) {
	call := &api.Call{
		Service: "iam", Operation: "ListUsers", Region: "us-east-1", Time: w.now,
		Caller: api.Caller{Principal: p, AccessKeyID: "ASIAMEASURED"},
	}
	access := api.Access{Action: "iam:ListUsers", Resource: "arn:aws:iam::111111111111:user/"}
	must(b, w.iam.Authorize(b.Context(), call, access))
	b.ReportAllocs()
	for b.Loop() {
		if err := w.iam.Authorize(b.Context(), call, access); err != nil {
			b.Fatal(err)
		}
	}
}
