package organizations_test

import (
	"fmt"
	"testing"
	"time"

	"tributary/internal/service/organizations"
)

func TestAccountIsClosed(t *testing.T) {
	w := newWorld(t, false)
	w.organization(alpha, beta)
	w.refused(alpha, "CloseAccount", members{"AccountId": string(alpha)}, "ConstraintViolationException CANNOT_CLOSE_MANAGEMENT_ACCOUNT")
	w.refused(alpha, "CloseAccount", members{"AccountId": string(gamma)}, "AccountNotFoundException")
	equal(t, "suspended", w.orgs.Suspended(beta), false)
	w.done(alpha, "CloseAccount", members{"AccountId": string(beta)})
	w.restart()
	equal(t, "suspended", w.orgs.Suspended(beta), true)
	w.refused(alpha, "CloseAccount", members{"AccountId": string(beta)}, "AccountAlreadyClosedException")
	a := do[organizations.DescribeAccountOutput](w, alpha, "DescribeAccount", members{"AccountId": string(beta)}).Account
	equal(t, "account", a.Status+" "+a.State, "SUSPENDED SUSPENDED")
	w.done(alpha, "EnableAWSServiceAccess", members{"ServicePrincipal": "sso.amazonaws.com"})
	w.refused(alpha, "RegisterDelegatedAdministrator", administrator(string(beta), "sso.amazonaws.com"), "ConstraintViolationException CANNOT_REGISTER_SUSPENDED_ACCOUNT_AS_DELEGATED_ADMINISTRATOR")

	w.done(alpha, "RemoveAccountFromOrganization", members{"AccountId": string(beta)})
	equal(t, "still suspended", w.orgs.Suspended(beta), true)
	equal(t, "may do something", w.may(beta, "kinesis:PutRecord", gamma), false)
	w.refused(alpha, "InviteAccountToOrganization", invitation("ACCOUNT", string(beta)), "HandshakeConstraintViolationException TARGET_ACCOUNT_VALIDATION_FAILURE")
}

func TestOnlySoManyAccountsAreClosedInAMonth(t *testing.T) {
	w := newWorld(t, false)
	w.organization(alpha)
	close := func(i int) members {
		s := do[organizations.CreateAccountOutput](w, alpha, "CreateAccount", members{"Email": fmt.Sprintf("a%d@example.com", i), "AccountName": "a"})
		return members{"AccountId": s.CreateAccountStatus.AccountID}
	}
	for i := range 10 {
		w.done(alpha, "CloseAccount", close(i))
	}
	w.refused(alpha, "CloseAccount", close(10), "ConstraintViolationException CLOSE_ACCOUNT_QUOTA_EXCEEDED")
	w.now = w.now.Add(30 * 24 * time.Hour)
	w.done(alpha, "CloseAccount", close(11))

	for members, want := range map[int]int{1: 10, 109: 10, 110: 11, 9_999: 999, 10_000: 1000, 50_000: 1000} {
		equal(t, fmt.Sprint("of ", members), organizations.ClosureQuota(members), want)
	}
}

func TestTags(t *testing.T) {
	w := newWorld(t, false)
	w.organization(alpha, beta)
	root := w.root(alpha)
	unit := w.unit(alpha, root, "u")
	mine := w.policy(alpha, scp, "mine", denyKinesis)
	rp := do[organizations.PutResourcePolicyOutput](w, alpha, "PutResourcePolicy", members{
		"Content": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"222222222222"},"Action":"organizations:ListRoots","Resource":"*"}]}`,
	}).ResourcePolicy.ResourcePolicySummary.ID
	tag := func(key, value string) members { return members{"Key": key, "Value": value} }
	for _, id := range []string{root, unit, string(alpha), string(beta), mine, rp} {
		tags := func() string {
			return fmt.Sprint(do[organizations.ListTagsForResourceOutput](w, alpha, "ListTagsForResource", members{"ResourceId": id}).Tags)
		}
		equal(t, id, tags(), "[]")
		w.done(alpha, "TagResource", members{"ResourceId": id, "Tags": []any{tag("b", "1"), tag("a", "2")}})
		w.done(alpha, "TagResource", members{"ResourceId": id, "Tags": []any{tag("b", "3")}})
		equal(t, id, tags(), "[{a 2} {b 3}]")
		w.done(alpha, "UntagResource", members{"ResourceId": id, "TagKeys": []any{"a", "never"}})
		equal(t, id, tags(), "[{b 3}]")
		w.refused(alpha, "TagResource", members{"ResourceId": id, "Tags": []any{tag("x", "1"), tag("x", "2")}}, "InvalidInputException DUPLICATE_TAG_KEY")
		w.refused(alpha, "TagResource", members{"ResourceId": id, "Tags": []any{tag("AWS:x", "1")}}, "InvalidInputException INVALID_SYSTEM_TAGS_PARAMETER")
		many := []any{}
		for i := range 50 {
			many = append(many, tag(fmt.Sprint(i), ""))
		}
		w.refused(alpha, "TagResource", members{"ResourceId": id, "Tags": many}, "ConstraintViolationException MAX_TAG_LIMIT_EXCEEDED")
		w.done(alpha, "TagResource", members{"ResourceId": id, "Tags": many[1:]})
		w.done(alpha, "UntagResource", members{"ResourceId": id, "TagKeys": []any{"b"}})
	}
	w.restart()
	list := do[organizations.ListTagsForResourceOutput](w, alpha, "ListTagsForResource", members{"ResourceId": unit})
	rest := do[organizations.ListTagsForResourceOutput](w, alpha, "ListTagsForResource", members{"ResourceId": unit, "NextToken": list.NextToken})
	equal(t, "page", fmt.Sprint(len(list.Tags), len(rest.Tags)), "20 20")
	for _, name := range []string{"TagResource", "UntagResource", "ListTagsForResource"} {
		w.refused(alpha, name, members{"ResourceId": string(gamma), "Tags": []any{tag("a", "")}, "TagKeys": []any{"a"}}, "TargetNotFoundException")
	}
	equal(t, "state unharmed", w.path(beta), w.path(alpha))
}

func TestTagsComeWithInvitationAndCreation(t *testing.T) {
	w := newWorld(t, false)
	w.organization(alpha)
	in := invitation("ACCOUNT", string(beta))
	in["Tags"] = []any{members{"Key": "a", "Value": "b"}}
	h := do[organizations.InviteAccountToOrganizationOutput](w, alpha, "InviteAccountToOrganization", in).Handshake
	w.done(beta, "AcceptHandshake", members{"HandshakeId": h.ID})
	made := do[organizations.CreateAccountOutput](w, alpha, "CreateAccount", members{"Email": "a@example.com", "AccountName": "a", "Tags": in["Tags"]}).CreateAccountStatus
	for _, id := range []string{string(beta), made.AccountID} {
		tags := do[organizations.ListTagsForResourceOutput](w, alpha, "ListTagsForResource", members{"ResourceId": id}).Tags
		equal(t, "tags of "+id, fmt.Sprint(tags), "[{a b}]")
	}
	w.done(beta, "LeaveOrganization", nil)
	do[organizations.AcceptHandshakeOutput](w, beta, "AcceptHandshake", members{"HandshakeId": w.invite(alpha, beta).ID})
	tags := do[organizations.ListTagsForResourceOutput](w, alpha, "ListTagsForResource", members{"ResourceId": string(beta)}).Tags
	equal(t, "tags after coming back", len(tags), 0)
}
