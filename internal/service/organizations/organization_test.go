package organizations_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tributary/internal/pure/arn"
	"tributary/internal/service/api"
	"tributary/internal/service/organizations"
)

func TestOrganizationLivesAndDies(t *testing.T) {
	w := newWorld(t, false)
	w.refused(alpha, "DescribeOrganization", nil, "AWSOrganizationsNotInUseException")
	org := w.organization(alpha)
	for name, c := range map[string][2]string{
		"id":         {org.ID, `^o-[a-z0-9]{10}$`},
		"ARN":        {org.ARN, `^arn:aws:organizations::111111111111:organization/o-[a-z0-9]{10}$`},
		"management": {org.MasterAccountARN, `^arn:aws:organizations::111111111111:account/o-[a-z0-9]{10}/111111111111$`},
		"email":      {org.MasterAccountEmail, `^.+@.+$`},
		"features":   {org.FeatureSet, `^ALL$`},
	} {
		if !regexp.MustCompile(c[1]).MatchString(c[0]) {
			t.Errorf("%s %q does not match %s", name, c[0], c[1])
		}
	}
	m, ok := w.orgs.Membership(alpha)
	if !ok || m.OrgID != org.ID || !m.Management || m.Path != org.ID+"/"+m.RootID+"/" {
		t.Fatalf("membership of the management account: %+v, %v", m, ok)
	}
	r := do[organizations.ListRootsOutput](w, alpha, "ListRoots", nil).Roots
	equal(t, "root", fmt.Sprint(len(r), r[0].ID, r[0].Name, r[0].ARN), fmt.Sprint(1, m.RootID, "Root", "arn:aws:organizations::111111111111:root/"+org.ID+"/"+m.RootID))

	w.refused(alpha, "CreateOrganization", nil, "AlreadyInOrganizationException")
	w.restart()
	equal(t, "after a restart", do[organizations.DescribeOrganizationOutput](w, alpha, "DescribeOrganization", nil).Organization.ID, org.ID)
	do[organizations.AcceptHandshakeOutput](w, beta, "AcceptHandshake", members{"HandshakeId": w.invite(alpha, beta).ID})
	equal(t, "a member may look", do[organizations.DescribeOrganizationOutput](w, beta, "DescribeOrganization", nil).Organization.ID, org.ID)
	w.refused(alpha, "DeleteOrganization", nil, "OrganizationNotEmptyException")
	w.refused(beta, "DeleteOrganization", nil, "AccessDeniedException")
	w.done(beta, "LeaveOrganization", nil)
	w.done(alpha, "DeleteOrganization", nil)
	w.refused(alpha, "DescribeOrganization", nil, "AWSOrganizationsNotInUseException")
	equal(t, "member of", w.member(alpha), "")
	if again := w.organization(alpha); again.ID == org.ID {
		t.Error("an organization id was used twice")
	}
}

func TestMembersComeAndGo(t *testing.T) {
	w := newWorld(t, false)
	org := w.organization(alpha, beta)
	m, ok := w.orgs.Membership(beta)
	if !ok || m.OrgID != org.ID || m.Management {
		t.Fatalf("membership of a member: %+v, %v", m, ok)
	}
	a := do[organizations.DescribeAccountOutput](w, alpha, "DescribeAccount", members{"AccountId": string(beta)}).Account
	equal(t, "account", fmt.Sprint(a.ID, a.ARN, a.Status, a.State, a.JoinedMethod, a.Paths),
		fmt.Sprint(beta, "arn:aws:organizations::111111111111:account/"+org.ID+"/222222222222", "ACTIVE", "ACTIVE", "INVITED", []string{m.Path + "222222222222/"}))
	w.refused(alpha, "DescribeAccount", members{"AccountId": string(gamma)}, "AccountNotFoundException")
	w.refused(alpha, "RemoveAccountFromOrganization", members{"AccountId": string(gamma)}, "AccountNotFoundException")
	w.refused(alpha, "RemoveAccountFromOrganization", members{"AccountId": string(alpha)}, "MasterCannotLeaveOrganizationException")
	w.refused(alpha, "LeaveOrganization", nil, "MasterCannotLeaveOrganizationException")
	w.refused(gamma, "LeaveOrganization", nil, "AWSOrganizationsNotInUseException")

	other := w.organization(gamma)
	w.refused(alpha, "DescribeAccount", members{"AccountId": string(gamma)}, "AccountNotFoundException")
	w.refused(alpha, "RemoveAccountFromOrganization", members{"AccountId": string(gamma)}, "AccountNotFoundException")
	w.refused(gamma, "RemoveAccountFromOrganization", members{"AccountId": string(beta)}, "AccountNotFoundException")
	equal(t, "the other organization's", w.member(gamma), other.ID)

	before := w.orgs.Revision()
	w.done(beta, "LeaveOrganization", nil)
	equal(t, "after leaving", w.member(beta), "")
	if w.orgs.Revision() == before {
		t.Error("leaving did not change the revision")
	}
	w.refused(alpha, "DescribeAccount", members{"AccountId": string(beta)}, "AccountNotFoundException")
	do[organizations.AcceptHandshakeOutput](w, beta, "AcceptHandshake", members{"HandshakeId": w.invite(alpha, beta).ID})
	equal(t, "after coming back", w.member(beta), org.ID)
	w.done(alpha, "RemoveAccountFromOrganization", members{"AccountId": string(beta)})
	equal(t, "after removal", w.member(beta), "")
	w.restart()
	equal(t, "after a restart", w.member(beta), "")
}

func TestCreatedAccountBelongsAndHasItsRole(t *testing.T) {
	w := newWorld(t, true)
	must(t, w.orgs.EnsureAccount(context.Background(), alpha, "alpha", "alpha@example.com"))
	org := w.organization(alpha)
	s := do[organizations.CreateAccountOutput](w, alpha, "CreateAccount", members{"Email": "new@example.com", "AccountName": "New"}).CreateAccountStatus
	if s.State != "SUCCEEDED" || !regexp.MustCompile(`^car-[a-z0-9]{8,32}$`).MatchString(s.ID) || s.CompletedTimestamp.IsZero() {
		t.Fatalf("status %+v", s)
	}
	equal(t, "role", strings.Join(w.roles, ";"), s.AccountID+"/OrganizationAccountAccessRole by 111111111111")
	equal(t, "member", w.member(arn.AccountID(s.AccountID)), org.ID)
	equal(t, "exists", w.orgs.AccountExists(arn.AccountID(s.AccountID)), true)
	a := do[organizations.DescribeAccountOutput](w, alpha, "DescribeAccount", members{"AccountId": s.AccountID}).Account
	equal(t, "account", a.Name+" "+a.Email+" "+a.JoinedMethod, "New new@example.com CREATED")

	second := do[organizations.CreateAccountOutput](w, alpha, "CreateAccount", members{"Email": "NEW@example.com", "AccountName": "Other"}).CreateAccountStatus
	equal(t, "same email", second.State+" "+second.FailureReason+second.AccountID, "FAILED EMAIL_ALREADY_EXISTS")
	do[organizations.CreateAccountOutput](w, alpha, "CreateAccount", members{"Email": "third@example.com", "AccountName": "Third", "RoleName": "Door"})
	if !strings.Contains(w.roles[1], "/Door by") {
		t.Errorf("roles %v", w.roles)
	}
	w.crashes = true
	broken := do[organizations.CreateAccountOutput](w, alpha, "CreateAccount", members{"Email": "fourth@example.com", "AccountName": "Fourth"}).CreateAccountStatus
	equal(t, "without role", broken.State+" "+broken.FailureReason+broken.AccountID, "FAILED INTERNAL_FAILURE")

	w.restart()
	got := do[organizations.DescribeCreateAccountStatusOutput](w, alpha, "DescribeCreateAccountStatus", members{"CreateAccountRequestId": s.ID}).CreateAccountStatus
	equal(t, "status later", fmt.Sprint(got.State, got.AccountID), fmt.Sprint(s.State, s.AccountID))
	w.refused(alpha, "DescribeCreateAccountStatus", members{"CreateAccountRequestId": "car-aaaaaaaa"}, "CreateAccountStatusNotFoundException")
	all := do[organizations.ListCreateAccountStatusOutput](w, alpha, "ListCreateAccountStatus", nil).CreateAccountStatuses
	failed := do[organizations.ListCreateAccountStatusOutput](w, alpha, "ListCreateAccountStatus", members{"States": []any{"FAILED"}}).CreateAccountStatuses
	equal(t, "statuses", fmt.Sprint(len(all), len(failed)), "4 2")
}

func TestAccountsComeInPages(t *testing.T) {
	w := newWorld(t, true)
	must(t, w.orgs.EnsureAccount(context.Background(), alpha, "alpha", "alpha@example.com"))
	w.organization(alpha)
	for i := range 24 {
		do[organizations.CreateAccountOutput](w, alpha, "CreateAccount", members{"Email": fmt.Sprintf("a%d@example.com", i), "AccountName": "a"})
	}
	for _, limit := range []int{0, 1, 7, 20} {
		var ids []string
		token := ""
		for {
			in := members{}
			if limit > 0 {
				in["MaxResults"] = api.Number(fmt.Sprint(limit))
			}
			if token != "" {
				in["NextToken"] = token
			}
			out := do[organizations.ListAccountsOutput](w, alpha, "ListAccounts", in)
			if n := len(out.Accounts); n == 0 || limit > 0 && n > limit || n > 20 {
				t.Fatalf("limit %d: a page of %d", limit, n)
			}
			for _, a := range out.Accounts {
				ids = append(ids, a.ID)
			}
			if token = out.NextToken; token == "" {
				break
			}
		}
		if len(ids) != 25 || !slices.IsSorted(ids) || len(slices.Compact(ids)) != 25 {
			t.Errorf("limit %d: %d accounts, sorted %v", limit, len(ids), slices.IsSorted(ids))
		}
	}
	w.refused(alpha, "ListAccounts", members{"NextToken": "!"}, "InvalidInputException INVALID_NEXT_TOKEN")
	w.refused(alpha, "ListRoots", members{"NextToken": "AAAA"}, "InvalidInputException INVALID_NEXT_TOKEN")
}

func nothingMore(context.Context, arn.AccountID) error { return nil }

func TestAnAccountIsNotMadeWithoutWhatItNeeds(t *testing.T) {
	w := newWorld(t, true)
	var prepared arn.AccountID
	dies := func(_ context.Context, account arn.AccountID) error {
		prepared = account
		equal(t, "exists before it is prepared", w.orgs.AccountExists(account), false)
		return errors.New("the power went")
	}
	if _, err := w.orgs.CreateStandaloneAccount(context.Background(), "one", "one@example.com", dies); err == nil {
		t.Fatal("the account was made")
	}
	w.restart()
	equal(t, "exists", w.orgs.AccountExists(prepared), false)
	_, err := w.orgs.CreateStandaloneAccount(context.Background(), "one", "one@example.com", nothingMore)
	must(t, err)
}

func TestAccountsThatStandAlone(t *testing.T) {
	w := newWorld(t, true)
	ctx := context.Background()
	a, err := w.orgs.CreateStandaloneAccount(ctx, "one", "one@example.com", nothingMore)
	must(t, err)
	if _, err := arn.ParseAccountID(string(a.ID)); err != nil {
		t.Error(err)
	}
	if _, err := w.orgs.CreateStandaloneAccount(ctx, "two", "ONE@example.com", nothingMore); !errors.Is(err, organizations.ErrEmailInUse) {
		t.Errorf("same email: got %v, want ErrEmailInUse", err)
	}
	must(t, w.orgs.EnsureAccount(ctx, a.ID, "other", "other@example.com"))
	w.restart()
	got, ok := w.orgs.Account(a.ID)
	equal(t, "account", fmt.Sprintln(ok, got.Name, got.Email), "true one one@example.com\n")
	equal(t, "no such account", w.orgs.AccountExists(beta), false)
	equal(t, "accounts", len(slices.Collect(w.orgs.Accounts())), 1)
	equal(t, "by rule", newWorld(t, false).orgs.AccountExists(beta), true)
}

func TestPoliciesAreAskedAboutTheRightThing(t *testing.T) {
	w := newWorld(t, false)
	org := w.organization(alpha)
	w.asks()
	h := w.invite(alpha, beta)
	equal(t, "invite", w.asks(), "organizations:InviteAccountToOrganization arn:aws:organizations::111111111111:account/"+org.ID+"/222222222222")
	for account, want := range map[arn.AccountID]string{
		beta:  "organizations:DescribeHandshake " + h.ARN,
		gamma: "organizations:DescribeHandshake arn:aws:organizations::999999999999:handshake/*/invite/" + h.ID,
	} {
		_, _ = w.call(account, "DescribeHandshake", members{"HandshakeId": h.ID})
		equal(t, "describe by "+string(account), w.asks(), want)
	}
	_, _ = w.call(alpha, "DescribeAccount", members{"AccountId": string(gamma)})
	equal(t, "account", w.asks(), "organizations:DescribeAccount arn:aws:organizations::111111111111:account/"+org.ID+"/999999999999")
}

func TestConstraintsAreRefusedByTheirSort(t *testing.T) {
	w := newWorld(t, false)
	w.organization(alpha)
	list := func(tags ...any) members { return members{"ResourceId": string(alpha), "Tags": tags} }
	for _, c := range []struct {
		op     string
		in     members
		reason string
	}{
		{"DescribeAccount", nil, "INPUT_REQUIRED"},
		{"DescribeAccount", members{"AccountId": "1"}, "INVALID_PATTERN"},
		{"DescribeAccount", members{"AccountId": "arn:aws:organizations::111111111111:account/o-x/1"}, "MAX_LENGTH_EXCEEDED"},
		{"CreateOrganization", members{"FeatureSet": "SOME"}, "INVALID_ENUM"},
		{"ListAccounts", members{"MaxResults": api.Number("0")}, "MIN_VALUE_EXCEEDED"},
		{"ListAccounts", members{"MaxResults": api.Number("21")}, "MAX_VALUE_EXCEEDED"},
		{"CreateAccount", members{"AccountName": "a", "Email": "a@b.c"}, "MIN_LENGTH_EXCEEDED"},
		{"ListCreateAccountStatus", members{"States": []any{"DONE"}}, "INVALID_LIST_MEMBER"},
		{"TagResource", list(members{"Key": "a"}), "INPUT_REQUIRED"},
	} {
		w.refused(alpha, c.op, c.in, "InvalidInputException "+c.reason)
	}
	_, err := w.call(alpha, "DescribeAccount", members{"AccountId": "1"})
	equal(t, "words", err.Error(), "InvalidInputException: You provided a value that does not match the required pattern.")
}
