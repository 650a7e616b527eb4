package organizations_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tributary/internal/pure/arn"
	"tributary/internal/service/organizations"
)

func TestInvitationIsAccepted(t *testing.T) {
	w := newWorld(t, false)
	org := w.organization(alpha)
	h := w.invite(alpha, beta)
	equal(t, "handshake", fmt.Sprint(h.State, h.Action, h.ARN, h.Parties),
		fmt.Sprint("OPEN", "INVITE", "arn:aws:organizations::111111111111:handshake/"+org.ID+"/invite/"+h.ID,
			[]organizations.HandshakeParty{{ID: org.ID, Type: "ORGANIZATION"}, {ID: string(beta), Type: "ACCOUNT"}}))
	equal(t, "end", h.ExpirationTimestamp.Time, w.now.Add(15*24*time.Hour))
	equal(t, "notes", h.Resources[2].Value, "come")
	w.refused(alpha, "InviteAccountToOrganization", invitation("ACCOUNT", string(beta)), "DuplicateHandshakeException")

	id := members{"HandshakeId": h.ID}
	for _, account := range []arn.AccountID{alpha, beta} {
		equal(t, "seen by "+string(account), do[organizations.DescribeHandshakeOutput](w, account, "DescribeHandshake", id).Handshake.State, "OPEN")
	}
	for _, name := range []string{"DescribeHandshake", "AcceptHandshake", "DeclineHandshake", "CancelHandshake"} {
		w.refused(gamma, name, id, "HandshakeNotFoundException")
		w.refused(beta, name, members{"HandshakeId": "h-aaaaaaaa"}, "HandshakeNotFoundException")
	}
	w.refused(alpha, "AcceptHandshake", id, "AccessDeniedException")
	w.refused(alpha, "DeclineHandshake", id, "AccessDeniedException")
	w.refused(beta, "CancelHandshake", id, "AccessDeniedException")
	equal(t, "not yet", w.member(beta), "")

	equal(t, "accepted", do[organizations.AcceptHandshakeOutput](w, beta, "AcceptHandshake", id).Handshake.State, "ACCEPTED")
	equal(t, "member", w.member(beta), org.ID)
	w.restart()
	w.refused(beta, "AcceptHandshake", id, "HandshakeAlreadyInStateException")
	w.refused(beta, "DeclineHandshake", id, "InvalidHandshakeTransitionException")
	w.refused(alpha, "CancelHandshake", id, "InvalidHandshakeTransitionException")
	w.refused(alpha, "InviteAccountToOrganization", invitation("ACCOUNT", string(beta)), "HandshakeConstraintViolationException ALREADY_IN_AN_ORGANIZATION")

	w.done(beta, "LeaveOrganization", nil)
	w.refused(beta, "AcceptHandshake", id, "HandshakeAlreadyInStateException")
	equal(t, "after leaving", w.member(beta), "")
}

func TestInvitationIsNotAccepted(t *testing.T) {
	w := newWorld(t, false)
	w.organization(alpha)
	h := w.invite(alpha, beta)
	id := members{"HandshakeId": h.ID}
	equal(t, "declined", do[organizations.DeclineHandshakeOutput](w, beta, "DeclineHandshake", id).Handshake.State, "DECLINED")
	w.refused(beta, "DeclineHandshake", id, "HandshakeAlreadyInStateException")
	w.refused(beta, "AcceptHandshake", id, "InvalidHandshakeTransitionException")

	h = w.invite(alpha, beta)
	id = members{"HandshakeId": h.ID}
	equal(t, "canceled", do[organizations.CancelHandshakeOutput](w, alpha, "CancelHandshake", id).Handshake.State, "CANCELED")
	w.refused(alpha, "CancelHandshake", id, "HandshakeAlreadyInStateException")
	w.refused(beta, "AcceptHandshake", id, "InvalidHandshakeTransitionException")

	h = w.invite(alpha, beta)
	id = members{"HandshakeId": h.ID}
	w.now = w.now.Add(15 * 24 * time.Hour)
	equal(t, "expired", do[organizations.DescribeHandshakeOutput](w, beta, "DescribeHandshake", id).Handshake.State, "EXPIRED")
	w.refused(beta, "AcceptHandshake", id, "InvalidHandshakeTransitionException")
	w.restart()
	equal(t, "expired later", do[organizations.DescribeHandshakeOutput](w, alpha, "DescribeHandshake", id).Handshake.State, "EXPIRED")
	equal(t, "member", w.member(beta), "")
	w.now = w.now.Add(30 * 24 * time.Hour)
	w.refused(alpha, "DescribeHandshake", id, "HandshakeNotFoundException")
	equal(t, "listed", len(do[organizations.ListHandshakesForAccountOutput](w, beta, "ListHandshakesForAccount", nil).Handshakes), 0)
	w.invite(alpha, beta)
}

func TestWhomOneCannotInvite(t *testing.T) {
	w := newWorld(t, true)
	for _, a := range []arn.AccountID{alpha, beta} {
		must(t, w.orgs.EnsureAccount(context.Background(), a, "a", string(a)+"@example.com"))
	}
	w.organization(alpha)
	for _, c := range []struct{ kind, id, want string }{
		{"ACCOUNT", "12", "InvalidInputException INVALID_PATTERN_TARGET_ID"},
		{"ACCOUNT", string(gamma), "HandshakeConstraintViolationException TARGET_ACCOUNT_VALIDATION_FAILURE"},
		{"ACCOUNT", string(alpha), "HandshakeConstraintViolationException ALREADY_IN_AN_ORGANIZATION"},
		{"EMAIL", "111111111111@EXAMPLE.com", "HandshakeConstraintViolationException ALREADY_IN_AN_ORGANIZATION"},
		{"EMAIL", "nobody", "InvalidInputException INVALID_EMAIL_ADDRESS_TARGET"},
		{"ORGANIZATION", "o-aaaaaaaaaa", "InvalidInputException INVALID_PARTY_TYPE_TARGET"},
		{"PERSON", "x", "InvalidInputException INVALID_ENUM"},
	} {
		w.refused(alpha, "InviteAccountToOrganization", invitation(c.kind, c.id), c.want)
	}
}

func TestInvitationByEmail(t *testing.T) {
	w := newWorld(t, true)
	for _, a := range []arn.AccountID{alpha, beta, gamma} {
		must(t, w.orgs.EnsureAccount(context.Background(), a, "a", string(a)+"@example.com"))
	}
	org := w.organization(alpha)
	h := do[organizations.InviteAccountToOrganizationOutput](w, alpha, "InviteAccountToOrganization", invitation("EMAIL", "222222222222@example.com")).Handshake
	w.refused(gamma, "AcceptHandshake", members{"HandshakeId": h.ID}, "HandshakeNotFoundException")
	do[organizations.AcceptHandshakeOutput](w, beta, "AcceptHandshake", members{"HandshakeId": h.ID})
	equal(t, "member", w.member(beta), org.ID)
}

// Also an account that nobody has used yet has its email to itself.
func TestEmailsByRuleAreTaken(t *testing.T) {
	w := newWorld(t, false)
	w.organization(alpha)
	for email, want := range map[string]string{
		"account-333333333333@example.com": "FAILED",
		"Account-333333333333@EXAMPLE.com": "FAILED",
		"account-333333333333@example.org": "SUCCEEDED",
		"account-three@example.com":        "SUCCEEDED",
	} {
		s := do[organizations.CreateAccountOutput](w, alpha, "CreateAccount", members{"Email": email, "AccountName": "a"}).CreateAccountStatus
		equal(t, email, s.State, want)
	}
}

func TestAnAccountBelongsToOneOrganization(t *testing.T) {
	w := newWorld(t, false)
	first := w.organization(alpha)
	w.organization(gamma)
	one, two := w.invite(alpha, beta), w.invite(gamma, beta)
	do[organizations.AcceptHandshakeOutput](w, beta, "AcceptHandshake", members{"HandshakeId": one.ID})
	w.refused(beta, "AcceptHandshake", members{"HandshakeId": two.ID}, "HandshakeConstraintViolationException ALREADY_IN_AN_ORGANIZATION")
	equal(t, "member", w.member(beta), first.ID)
	w.refused(beta, "CreateOrganization", nil, "AlreadyInOrganizationException")
	equal(t, "of the other organization", len(do[organizations.ListHandshakesForOrganizationOutput](w, gamma, "ListHandshakesForOrganization", nil).Handshakes), 1)
}

func TestHandshakesAreListedToTheirParties(t *testing.T) {
	w := newWorld(t, false)
	w.organization(alpha)
	for i := range 3 {
		w.invite(alpha, arn.AccountID(fmt.Sprintf("33333333333%d", i)))
	}
	w.invite(alpha, beta)
	count := func(account arn.AccountID, in members) int {
		return len(do[organizations.ListHandshakesForAccountOutput](w, account, "ListHandshakesForAccount", in).Handshakes)
	}
	equal(t, "of the organization", len(do[organizations.ListHandshakesForOrganizationOutput](w, alpha, "ListHandshakesForOrganization", nil).Handshakes), 4)
	equal(t, "of the invited", count(beta, nil), 1)
	equal(t, "of a stranger", count(gamma, nil), 0)
	equal(t, "of the inviting account", count(alpha, nil), 0)
	equal(t, "invitations", count(beta, members{"Filter": members{"ActionType": "INVITE"}}), 1)
	equal(t, "other actions", count(beta, members{"Filter": members{"ActionType": "ENABLE_ALL_FEATURES"}}), 0)
	equal(t, "of a parent", count(beta, members{"Filter": members{"ParentHandshakeId": "h-aaaaaaaa"}}), 0)
}

func TestInvitationsEndWithTheOrganization(t *testing.T) {
	w := newWorld(t, false)
	w.organization(alpha)
	h := w.invite(alpha, beta)
	w.done(alpha, "DeleteOrganization", nil)
	w.refused(beta, "AcceptHandshake", members{"HandshakeId": h.ID}, "HandshakeNotFoundException")
	equal(t, "listed", len(do[organizations.ListHandshakesForAccountOutput](w, beta, "ListHandshakesForAccount", nil).Handshakes), 0)
}

// TestOneOfManyInvitationsIsAccepted accepts the invitations of eight
// organizations at the same time: the account belongs to one in the end.
func TestOneOfManyInvitationsIsAccepted(t *testing.T) {
	w := newWorld(t, false)
	var ids []string
	for i := range 8 {
		management := arn.AccountID(fmt.Sprintf("33333333333%d", i))
		w.organization(management)
		ids = append(ids, w.invite(management, beta).ID)
	}
	var accepted atomic.Int32
	var all sync.WaitGroup
	for _, id := range ids {
		all.Go(func() {
			if _, err := w.call(beta, "AcceptHandshake", members{"HandshakeId": id}); err == nil {
				accepted.Add(1)
			}
		})
	}
	all.Wait()
	equal(t, "accepted", accepted.Load(), 1)
	if w.member(beta) == "" {
		t.Error("belongs to none")
	}
}
