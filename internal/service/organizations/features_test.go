package organizations_test

import (
	"fmt"
	"testing"
	"time"

	"tributary/internal/pure/arn"
	"tributary/internal/service/organizations"
)

// billingOrganization is an organization that only shares bills.
func (w *world) billingOrganization(accounts ...arn.AccountID) *organizations.Organization {
	w.t.Helper()
	org := do[organizations.CreateOrganizationOutput](w, accounts[0], "CreateOrganization", members{"FeatureSet": "CONSOLIDATED_BILLING"}).Organization
	for _, a := range accounts[1:] {
		w.done(a, "AcceptHandshake", members{"HandshakeId": w.invite(accounts[0], a).ID})
	}
	return org
}

func (w *world) enableAllFeatures(account arn.AccountID) *organizations.Handshake {
	w.t.Helper()
	return do[organizations.EnableAllFeaturesOutput](w, account, "EnableAllFeatures", nil).Handshake
}

// handshakeState is the state of a handshake as an account sees it.
func (w *world) handshakeState(account arn.AccountID, id string) string {
	w.t.Helper()
	return do[organizations.DescribeHandshakeOutput](w, account, "DescribeHandshake", members{"HandshakeId": id}).Handshake.State
}

// approval is the handshake by which an account is asked to approve all features.
func (w *world) approval(account arn.AccountID, parent string) organizations.Handshake {
	w.t.Helper()
	list := do[organizations.ListHandshakesForAccountOutput](w, account, "ListHandshakesForAccount",
		members{"Filter": members{"ActionType": "APPROVE_ALL_FEATURES", "ParentHandshakeId": parent}}).Handshakes
	if len(list) != 1 {
		w.t.Fatalf("%s has %d approvals to give", account, len(list))
	}
	return list[0]
}

func (w *world) featureSet(account arn.AccountID) string {
	w.t.Helper()
	return do[organizations.DescribeOrganizationOutput](w, account, "DescribeOrganization", nil).Organization.FeatureSet
}

func TestBillingOrganizationHasNoPolicies(t *testing.T) {
	w := newWorld(t, false)
	org := w.billingOrganization(alpha)
	equal(t, "organization", fmt.Sprint(org.FeatureSet, " ", len(org.AvailablePolicyTypes)), "CONSOLIDATED_BILLING 0")
	const none = "PolicyTypeNotAvailableForOrganizationException"
	w.refused(alpha, "EnablePolicyType", members{"RootId": w.root(alpha), "PolicyType": scp}, none)
	w.refused(alpha, "CreatePolicy", members{"Type": scp, "Name": "n", "Description": "", "Content": denyKinesis}, none)
	const mode = "ConstraintViolationException ORGANIZATION_NOT_IN_ALL_FEATURES_MODE"
	w.refused(alpha, "EnableAWSServiceAccess", members{"ServicePrincipal": "sso.amazonaws.com"}, mode)
	w.refused(alpha, "DisableAWSServiceAccess", members{"ServicePrincipal": "sso.amazonaws.com"}, mode)
	w.refused(alpha, "ListAWSServiceAccessForOrganization", nil, mode)
	w.refused(alpha, "ListDelegatedAdministrators", nil, mode)
	w.refused(alpha, "ListDelegatedServicesForAccount", members{"AccountId": string(alpha)}, mode)
	w.refused(alpha, "RegisterDelegatedAdministrator", administrator(string(alpha), "sso.amazonaws.com"), mode)
}

func TestAllFeaturesAreEnabledWhenAllApprove(t *testing.T) {
	w := newWorld(t, false)
	org := w.billingOrganization(alpha, beta, gamma)
	w.done(alpha, "CreateAccount", members{"Email": "a@example.com", "AccountName": "a"}) // it has no say
	early := w.invite(alpha, "333333333333")

	parent := w.enableAllFeatures(alpha)
	equal(t, "handshake", fmt.Sprint(parent.Action, parent.State, parent.ARN, len(parent.Parties), parent.ExpirationTimestamp.Time),
		fmt.Sprint("ENABLE_ALL_FEATURES", "REQUESTED", "arn:aws:organizations::111111111111:handshake/"+org.ID+"/enable_all_features/"+parent.ID, 1, w.now.Add(90*24*time.Hour)))
	id := members{"HandshakeId": parent.ID}
	w.refused(alpha, "EnableAllFeatures", nil, "HandshakeConstraintViolationException ORGANIZATION_IS_ALREADY_PENDING_ALL_FEATURES_MIGRATION")
	w.refused(alpha, "InviteAccountToOrganization", invitation("ACCOUNT", "444444444444"), "HandshakeConstraintViolationException INVITE_DISABLED_DURING_ENABLE_ALL_FEATURES")
	w.refused("333333333333", "AcceptHandshake", members{"HandshakeId": early.ID}, "HandshakeConstraintViolationException INVITE_DISABLED_DURING_ENABLE_ALL_FEATURES")
	w.refused(alpha, "AcceptHandshake", id, "InvalidHandshakeTransitionException")
	w.refused(beta, "AcceptHandshake", id, "AccessDeniedException")

	b, g := w.approval(beta, parent.ID), w.approval(gamma, parent.ID)
	equal(t, "approval", b.Action+" "+b.State, "APPROVE_ALL_FEATURES OPEN")
	w.refused(gamma, "AcceptHandshake", members{"HandshakeId": b.ID}, "AccessDeniedException")
	w.done(beta, "AcceptHandshake", members{"HandshakeId": b.ID})
	w.restart()
	equal(t, "one approved", w.handshakeState(alpha, parent.ID), "REQUESTED")
	equal(t, "features", w.featureSet(beta), "CONSOLIDATED_BILLING")
	w.done(gamma, "AcceptHandshake", members{"HandshakeId": g.ID})
	equal(t, "all approved", w.handshakeState(alpha, parent.ID), "OPEN")
	w.done(alpha, "AcceptHandshake", id)
	w.restart()
	equal(t, "features", w.featureSet(beta), "ALL")
	equal(t, "accepted", w.handshakeState(alpha, parent.ID), "ACCEPTED")
	w.refused(alpha, "EnableAllFeatures", nil, "HandshakeConstraintViolationException ORGANIZATION_ALREADY_HAS_ALL_FEATURES")
	w.enable(alpha, scp)
	w.done("333333333333", "AcceptHandshake", members{"HandshakeId": early.ID})
}

func TestEnablingAllFeaturesEndsOtherwise(t *testing.T) {
	for _, c := range []struct {
		name                string
		act                 func(w *world, parent, approval string)
		parent, approval    string
		migrationIsFinished bool
	}{
		{"declined by a member", func(w *world, _, approval string) {
			w.done(beta, "DeclineHandshake", members{"HandshakeId": approval})
		}, "REQUESTED", "DECLINED", false},
		{"canceled", func(w *world, parent, _ string) {
			w.done(alpha, "CancelHandshake", members{"HandshakeId": parent})
		}, "CANCELED", "CANCELED", true},
		{"expired", func(w *world, _, _ string) { w.now = w.now.Add(90 * 24 * time.Hour) }, "EXPIRED", "EXPIRED", true},
		{"the member left", func(w *world, _, _ string) {
			w.done(alpha, "RemoveAccountFromOrganization", members{"AccountId": string(beta)})
		}, "OPEN", "OPEN", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, false)
			w.billingOrganization(alpha, beta)
			parent := w.enableAllFeatures(alpha).ID
			approval := w.approval(beta, parent).ID
			c.act(w, parent, approval)
			for range 2 {
				equal(t, "parent", w.handshakeState(alpha, parent), c.parent)
				equal(t, "approval", w.handshakeState(alpha, approval), c.approval)
				w.restart()
			}
			if c.migrationIsFinished {
				w.enableAllFeatures(alpha)
			} else {
				w.refused(alpha, "EnableAllFeatures", nil, "HandshakeConstraintViolationException ORGANIZATION_IS_ALREADY_PENDING_ALL_FEATURES_MIGRATION")
			}
			equal(t, "features", w.featureSet(alpha), "CONSOLIDATED_BILLING")
		})
	}
}

func TestCrashWhileEnablingAllFeatures(t *testing.T) {
	w := newWorld(t, false)
	org := w.billingOrganization(alpha, beta)
	at := w.now.Format(time.RFC3339)
	w.close()
	// EnableAllFeatures wrote its own handshake and not the member's.
	w.write(map[[3]string]members{{"handshake", "h-parentparent"}: {
		"id": "h-parentparent", "action": "ENABLE_ALL_FEATURES", "org": org.ID, "management": string(alpha), "targetType": "ORGANIZATION", "target": org.ID,
		"state": "OPEN", "requested": at, "expires": w.now.Add(time.Hour).Format(time.RFC3339),
	}})
	w.leftAlone = true
	w.open()
	equal(t, "before repair", w.handshakeState(alpha, "h-parentparent"), "REQUESTED")
	w.leftAlone = false
	w.restart()
	w.restart()
	w.done(beta, "AcceptHandshake", members{"HandshakeId": w.approval(beta, "h-parentparent").ID})
	equal(t, "after repair", w.handshakeState(alpha, "h-parentparent"), "OPEN")
	w.close()
	// AcceptHandshake wrote the organization and not the handshake.
	w.write(map[[3]string]members{{"organization", org.ID}: {"featureSet": "ALL"}})
	w.leftAlone = true
	w.open()
	equal(t, "before repair", w.handshakeState(alpha, "h-parentparent"), "ACCEPTED")
	w.leftAlone = false
	w.restart()
	equal(t, "after repair", w.handshakeState(alpha, "h-parentparent"), "ACCEPTED")
}

func TestDeletedOrganizationTakesItsThingsAlong(t *testing.T) {
	w := newWorld(t, false)
	w.organization(alpha)
	root := w.enable(alpha, scp)
	unit := w.unit(alpha, root, "u")
	mine := w.policy(alpha, scp, "mine", denyKinesis)
	w.attach(alpha, mine, root)
	w.done(alpha, "DeleteOrganization", nil)
	w.organization(alpha)
	w.refused(alpha, "DescribeOrganizationalUnit", members{"OrganizationalUnitId": unit}, "OrganizationalUnitNotFoundException")
	w.refused(alpha, "DescribePolicy", members{"PolicyId": mine}, "PolicyNotFoundException")
	equal(t, "policy types", len(do[organizations.ListRootsOutput](w, alpha, "ListRoots", nil).Roots[0].PolicyTypes), 0)
}
