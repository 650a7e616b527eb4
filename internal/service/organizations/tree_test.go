package organizations_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"tributary/internal/pure/arn"
	"tributary/internal/service/api"
	"tributary/internal/service/organizations"
)

// root is the id of the root of the organization that an account manages.
func (w *world) root(account arn.AccountID) string {
	w.t.Helper()
	return do[organizations.ListRootsOutput](w, account, "ListRoots", nil).Roots[0].ID
}

// unit makes an organizational unit and returns its id.
func (w *world) unit(account arn.AccountID, parent, name string) string {
	w.t.Helper()
	return do[organizations.CreateOrganizationalUnitOutput](w, account, "CreateOrganizationalUnit",
		members{"ParentId": parent, "Name": name}).OrganizationalUnit.ID
}

func (w *world) move(account, child arn.AccountID, from, to string) {
	w.t.Helper()
	w.done(account, "MoveAccount", members{"AccountId": string(child), "SourceParentId": from, "DestinationParentId": to})
}

func (w *world) path(account arn.AccountID) string {
	w.t.Helper()
	m, ok := w.orgs.Membership(account)
	if !ok {
		w.t.Fatalf("%s is no member", account)
	}
	return m.Path
}

func TestUnitLivesAndDies(t *testing.T) {
	w := newWorld(t, false)
	org := w.organization(alpha, beta)
	root := w.root(alpha)
	u := do[organizations.CreateOrganizationalUnitOutput](w, alpha, "CreateOrganizationalUnit", members{
		"ParentId": root, "Name": "Senders", "Tags": []any{members{"Key": "a", "Value": "b"}},
	}).OrganizationalUnit
	if !regexp.MustCompile(`^ou-` + root[2:] + `-[a-z0-9]{8,32}$`).MatchString(u.ID) {
		t.Errorf("id %q does not carry the root's %q", u.ID, root)
	}
	equal(t, "ARN", u.ARN, "arn:aws:organizations::111111111111:ou/"+org.ID+"/"+u.ID)
	equal(t, "path", u.Path, org.ID+"/"+root+"/"+u.ID+"/")
	equal(t, "tags", fmt.Sprint(do[organizations.ListTagsForResourceOutput](w, alpha, "ListTagsForResource", members{"ResourceId": u.ID}).Tags), "[{a b}]")
	inner := w.unit(alpha, u.ID, "Senders") // the same name in another parent

	w.refused(alpha, "CreateOrganizationalUnit", members{"ParentId": root, "Name": "Senders"}, "DuplicateOrganizationalUnitException")
	w.refused(alpha, "CreateOrganizationalUnit", members{"ParentId": "ou-none-aaaaaaaa", "Name": "X"}, "ParentNotFoundException")
	w.refused(alpha, "CreateOrganizationalUnit", members{"ParentId": "r-none", "Name": "X"}, "ParentNotFoundException")
	w.unit(alpha, root, "Others")
	w.refused(alpha, "UpdateOrganizationalUnit", members{"OrganizationalUnitId": u.ID, "Name": "Others"}, "DuplicateOrganizationalUnitException")
	w.refused(alpha, "UpdateOrganizationalUnit", members{"OrganizationalUnitId": "ou-none-aaaaaaaa", "Name": "Y"}, "OrganizationalUnitNotFoundException")
	w.done(alpha, "UpdateOrganizationalUnit", members{"OrganizationalUnitId": u.ID, "Name": "Renamed"})
	w.done(alpha, "UpdateOrganizationalUnit", members{"OrganizationalUnitId": u.ID})
	w.restart()
	got := do[organizations.DescribeOrganizationalUnitOutput](w, alpha, "DescribeOrganizationalUnit", members{"OrganizationalUnitId": u.ID}).OrganizationalUnit
	equal(t, "renamed", got.Name+" "+got.Path, "Renamed "+u.Path)

	w.refused(alpha, "DeleteOrganizationalUnit", members{"OrganizationalUnitId": u.ID}, "OrganizationalUnitNotEmptyException")
	w.done(alpha, "DeleteOrganizationalUnit", members{"OrganizationalUnitId": inner})
	w.move(alpha, beta, root, u.ID)
	w.refused(alpha, "DeleteOrganizationalUnit", members{"OrganizationalUnitId": u.ID}, "OrganizationalUnitNotEmptyException")
	w.move(alpha, beta, u.ID, root)
	w.done(alpha, "DeleteOrganizationalUnit", members{"OrganizationalUnitId": u.ID})
	for _, name := range []string{"DescribeOrganizationalUnit", "DeleteOrganizationalUnit"} {
		w.refused(alpha, name, members{"OrganizationalUnitId": u.ID}, "OrganizationalUnitNotFoundException")
	}
}

func TestUnitsLieFiveDeep(t *testing.T) {
	w := newWorld(t, false)
	w.organization(alpha, beta)
	root := w.root(alpha)
	parent, path := root, w.path(beta)
	for i := range 5 {
		parent = w.unit(alpha, parent, fmt.Sprint("level ", i+1))
		path += parent + "/"
	}
	w.refused(alpha, "CreateOrganizationalUnit", members{"ParentId": parent, "Name": "six"}, "ConstraintViolationException OU_DEPTH_LIMIT_EXCEEDED")
	w.move(alpha, beta, root, parent)
	equal(t, "path of an account five deep", w.path(beta), path)
	a := do[organizations.DescribeAccountOutput](w, alpha, "DescribeAccount", members{"AccountId": string(beta)}).Account
	equal(t, "Paths", fmt.Sprint(a.Paths), fmt.Sprint([]string{path + string(beta) + "/"}))
}

func TestOnlySoManyUnitsAndPolicies(t *testing.T) {
	w := newWorld(t, false)
	w.organization(alpha)
	w.organization(gamma)
	w.orgs.SetQuotas(2)
	root := w.root(alpha)
	first := w.unit(alpha, root, "first")
	w.unit(alpha, first, "second")
	third := members{"ParentId": root, "Name": "third"}
	w.refused(alpha, "CreateOrganizationalUnit", third, "ConstraintViolationException OU_NUMBER_LIMIT_EXCEEDED")
	w.unit(gamma, w.root(gamma), "of another organization")

	one := w.policy(alpha, scp, "one", denyKinesis)
	w.policy(alpha, scp, "two", denyKinesis)
	w.refused(alpha, "CreatePolicy", members{"Type": scp, "Name": "three", "Description": "", "Content": denyKinesis}, "ConstraintViolationException POLICY_NUMBER_LIMIT_EXCEEDED")
	w.policy(alpha, rcp, "of another type", denyKinesisRCP)
	w.policy(gamma, scp, "of another organization", denyKinesis)
	w.done(alpha, "DeletePolicy", members{"PolicyId": one})
	w.policy(alpha, scp, "three", denyKinesis)
}

func TestAccountsMove(t *testing.T) {
	w := newWorld(t, false)
	w.organization(alpha, beta)
	root := w.root(alpha)
	one, two := w.unit(alpha, root, "one"), w.unit(alpha, root, "two")
	for _, c := range []struct{ account, from, to, want string }{
		{string(gamma), root, one, "AccountNotFoundException"},
		{string(beta), "r-none", one, "SourceParentNotFoundException"},
		{string(beta), root, "ou-none-aaaaaaaa", "DestinationParentNotFoundException"},
		{string(beta), one, two, "AccountNotFoundException"},
		{string(beta), one, root, "DuplicateAccountException"},
	} {
		w.refused(alpha, "MoveAccount", members{"AccountId": c.account, "SourceParentId": c.from, "DestinationParentId": c.to}, c.want)
	}
	before := w.orgs.Revision()
	atRoot := w.path(beta)
	w.move(alpha, beta, root, one)
	if w.orgs.Revision() == before {
		t.Error("a move did not change the revision")
	}
	equal(t, "path", w.path(beta), atRoot+one+"/")
	w.move(alpha, beta, one, two)
	w.restart()
	equal(t, "path after a restart", w.path(beta), atRoot+two+"/")
	parent := do[organizations.ListParentsOutput](w, alpha, "ListParents", members{"ChildId": string(beta)}).Parents
	equal(t, "parents", fmt.Sprint(parent), fmt.Sprint([]organizations.Parent{{ID: two, Type: "ORGANIZATIONAL_UNIT"}}))
	parent = do[organizations.ListParentsOutput](w, alpha, "ListParents", members{"ChildId": two}).Parents
	equal(t, "parents of a unit", fmt.Sprint(parent), fmt.Sprint([]organizations.Parent{{ID: root, Type: "ROOT"}}))
	w.refused(alpha, "ListParents", members{"ChildId": string(gamma)}, "ChildNotFoundException")

	w.done(beta, "LeaveOrganization", nil)
	do[organizations.AcceptHandshakeOutput](w, beta, "AcceptHandshake", members{"HandshakeId": w.invite(alpha, beta).ID})
	equal(t, "path after coming back", w.path(beta), atRoot)
}

func TestTreeIsListedInPages(t *testing.T) {
	w := newWorld(t, false)
	w.organization(alpha)
	root := w.root(alpha)
	top := w.unit(alpha, root, "top")
	var units, accounts []string
	for i := range 23 {
		units = append(units, w.unit(alpha, top, fmt.Sprint(i)))
		s := do[organizations.CreateAccountOutput](w, alpha, "CreateAccount", members{"Email": fmt.Sprintf("a%d@example.com", i), "AccountName": "a"})
		id := s.CreateAccountStatus.AccountID
		w.move(alpha, arn.AccountID(id), root, top)
		accounts = append(accounts, id)
	}
	slices.Sort(units)
	slices.Sort(accounts)
	lists := []struct {
		name string
		in   members
		want []string
		page func(members) ([]string, string)
	}{
		{"ListOrganizationalUnitsForParent", members{"ParentId": top}, units, func(in members) (ids []string, next string) {
			out := do[organizations.ListOrganizationalUnitsForParentOutput](w, alpha, "ListOrganizationalUnitsForParent", in)
			for _, u := range out.OrganizationalUnits {
				ids = append(ids, u.ID)
			}
			return ids, out.NextToken
		}},
		{"ListAccountsForParent", members{"ParentId": top}, accounts, func(in members) (ids []string, next string) {
			out := do[organizations.ListAccountsForParentOutput](w, alpha, "ListAccountsForParent", in)
			for _, a := range out.Accounts {
				ids = append(ids, a.ID)
			}
			return ids, out.NextToken
		}},
		{"ListChildren", members{"ParentId": top, "ChildType": "ACCOUNT"}, accounts, func(in members) (ids []string, next string) {
			out := do[organizations.ListChildrenOutput](w, alpha, "ListChildren", in)
			for _, c := range out.Children {
				ids = append(ids, c.ID)
			}
			return ids, out.NextToken
		}},
		{"ListChildren", members{"ParentId": top, "ChildType": "ORGANIZATIONAL_UNIT"}, units, func(in members) (ids []string, next string) {
			out := do[organizations.ListChildrenOutput](w, alpha, "ListChildren", in)
			for _, c := range out.Children {
				ids = append(ids, c.ID)
			}
			return ids, out.NextToken
		}},
	}
	for _, l := range lists {
		for _, limit := range []int{0, 1, 20} {
			var got []string
			token := ""
			for first := true; first || token != ""; first = false {
				in := members{"NextToken": token}
				for k, v := range l.in {
					in[k] = v
				}
				if limit > 0 {
					in["MaxResults"] = api.Number(fmt.Sprint(limit))
				}
				var ids []string
				ids, token = l.page(in)
				if len(ids) > 20 || limit > 0 && len(ids) > limit {
					t.Fatalf("%s: a page of %d with limit %d", l.name, len(ids), limit)
				}
				got = append(got, ids...)
			}
			equal(t, l.name, strings.Join(got, " "), strings.Join(l.want, " "))
		}
		elsewhere := members{"ParentId": "r-none", "ChildType": "ACCOUNT"}
		w.refused(alpha, l.name, elsewhere, "ParentNotFoundException")
	}
}

func TestPageTokensAreBoundToTheirList(t *testing.T) {
	w := newWorld(t, false)
	w.organization(alpha, beta)
	root := w.root(alpha)
	one, two := w.unit(alpha, root, "one"), w.unit(alpha, root, "two")
	for i := range 3 {
		w.unit(alpha, one, fmt.Sprint(i))
		w.unit(alpha, two, fmt.Sprint(i))
	}
	token := do[organizations.ListOrganizationalUnitsForParentOutput](w, alpha, "ListOrganizationalUnitsForParent",
		members{"ParentId": one, "MaxResults": api.Number("1")}).NextToken
	if token == "" {
		t.Fatal("no token")
	}
	w.done(alpha, "ListOrganizationalUnitsForParent", members{"ParentId": one, "NextToken": token})
	w.restart()
	w.done(alpha, "ListOrganizationalUnitsForParent", members{"ParentId": one, "NextToken": token})
	w.refused(alpha, "ListOrganizationalUnitsForParent", members{"ParentId": two, "NextToken": token}, "InvalidInputException INVALID_NEXT_TOKEN")
	w.refused(alpha, "ListChildren", members{"ParentId": one, "ChildType": "ORGANIZATIONAL_UNIT", "NextToken": token}, "InvalidInputException INVALID_NEXT_TOKEN")

	// And to the account: a token of the same list, asked for by somebody else.
	w.done(alpha, "EnableAWSServiceAccess", members{"ServicePrincipal": "config.amazonaws.com"})
	w.done(alpha, "RegisterDelegatedAdministrator", administrator(string(beta), "config.amazonaws.com"))
	w.done(beta, "ListOrganizationalUnitsForParent", members{"ParentId": one})
	w.refused(beta, "ListOrganizationalUnitsForParent", members{"ParentId": one, "NextToken": token}, "InvalidInputException INVALID_NEXT_TOKEN")
}

func TestUnitNamesStayUniqueUnderConcurrency(t *testing.T) {
	w := newWorld(t, false)
	w.organization(alpha)
	root := w.root(alpha)
	var made atomic.Int32
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			if _, err := w.call(alpha, "CreateOrganizationalUnit", members{"ParentId": root, "Name": "same"}); err == nil {
				made.Add(1)
			}
		})
	}
	callers.Wait()
	equal(t, "units made", made.Load(), 1)
}
