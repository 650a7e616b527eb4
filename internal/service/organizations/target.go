package organizations

import (
	"slices"
	"strings"

	"tributary/internal/durable/catalog"
	"tributary/internal/pure/arn"
)

// The kinds of target, as on the wire.
const (
	kindRoot    = "ROOT"
	kindUnit    = "ORGANIZATIONAL_UNIT"
	kindAccount = "ACCOUNT"
)

// A target is a thing of an organization that policies are attached to: the root,
// an organizational unit, an account.
type target struct {
	kind     string
	id       string
	name     string
	parent   string // empty for the root
	attached attachments
	tags     map[string]string
}

// String is how reasons speak of the target.
func (t target) String() string {
	switch t.kind {
	case kindRoot:
		return "root " + t.id
	case kindUnit:
		return "organizational unit " + t.id
	}
	return "account " + t.id
}

// Attachments are the policies of a target by type.
type attachments map[string]attachedPolicies

// AttachedPolicies are the policies of one type. They count while the type is
// enabled as it was then: to disable a type is to detach all its policies.
type attachedPolicies struct {
	Enabled  string   `json:"enabled"` // the enabling of the type, see organizationRecord
	Policies []string `json:"policies"`
}

// with is a copy in which these are the policies of a type.
func (a attachments) with(kind *policyKind, p attachedPolicies) attachments {
	changed := attachments{}
	for name, old := range a {
		changed[name] = old
	}
	changed[kind.name] = p
	return changed
}

// enabled reports whether a type is enabled on the root.
func (o organizationRecord) enabled(kind *policyKind) bool { return o.PolicyTypes[kind.name] != "" }

// attached are the ids of the policies of a type that a target has. Where nobody
// has changed them since the type was enabled, it is AWS's own policy.
func (o organizationRecord) attached(a attachments, kind *policyKind) []string {
	enabling := o.PolicyTypes[kind.name]
	if enabling == "" {
		return nil
	}
	if p, ok := a[kind.name]; ok && p.Enabled == enabling {
		return p.Policies
	}
	if kind.managed != nil {
		return []string{kind.managed.ID}
	}
	return nil
}

func (o organizationRecord) rootTarget() target {
	return target{kind: kindRoot, id: o.Root, name: "Root", attached: o.Attached, tags: o.Tags}
}

func (u unitRecord) target() target {
	return target{kind: kindUnit, id: u.ID, name: u.Name, parent: u.Parent, attached: u.Attached, tags: u.Tags}
}

// target is a member as a target of the organization that it belongs to.
func (o organizationRecord) accountTarget(a AccountRecord) target {
	return target{kind: kindAccount, id: string(a.ID), name: a.Name, parent: o.parent(a), attached: a.Member.Attached, tags: a.Member.Tags}
}

// parent is the id of the root or organizational unit that a member is in.
func (o organizationRecord) parent(a AccountRecord) string {
	if a.Member.Parent == "" {
		return o.Root
	}
	return a.Member.Parent
}

// target is the root, organizational unit or member with that id.
func (s *Service) target(org organizationRecord, id string) (target, bool) {
	if id == org.Root {
		return org.rootTarget(), true
	}
	if u, ok := s.unit(org, id); ok {
		return u.target(), true
	}
	if a, ok := s.member(org, arn.AccountID(id)); ok {
		return org.accountTarget(a), true
	}
	return target{}, false
}

// unit is the organizational unit of the organization with that id.
func (s *Service) unit(org organizationRecord, id string) (unitRecord, bool) {
	u, _, ok := s.units.Get(catalog.KeyOf(org.ID, id))
	return u, ok
}

// member is the account of the organization with that id.
func (s *Service) member(org organizationRecord, id arn.AccountID) (AccountRecord, bool) {
	a, _, ok := s.accounts.Get(accountKey(id))
	return a, ok && a.Member != nil && a.Member.Org == org.ID
}

// lineage are the organizational units from the one below the root down to the one
// with that id; none for the root.
func (s *Service) lineage(org organizationRecord, id string) []unitRecord {
	var units []unitRecord
	for len(units) < maxDepth {
		u, ok := s.unit(org, id)
		if !ok {
			break
		}
		units = append(units, u)
		id = u.Parent
	}
	slices.Reverse(units)
	return units
}

// targets are the root, the units and the accounts of an organization, each kind by
// id, those after the given one.
func (s *Service) targets(org organizationRecord, after string) rows[target] {
	return func(yield func(string, target) bool) {
		// A key tells the kinds apart in this order.
		kind, id, _ := strings.Cut(after, " ")
		if kind < "1" && !yield("1 "+org.Root, org.rootTarget()) {
			return
		}
		if kind < "3" {
			from := ""
			if kind == "2" {
				from = id
			}
			for _, u := range s.units.ScanFrom(catalog.KeyOf(org.ID), catalog.KeyOf(org.ID, from)) {
				if !yield("2 "+u.ID, u.target()) {
					return
				}
			}
			id = ""
		}
		for _, a := range s.members(org, id) {
			if !yield("3 "+string(a.ID), org.accountTarget(a)) {
				return
			}
		}
	}
}

// levels are the targets from the root down to a member.
func (s *Service) levels(org organizationRecord, a AccountRecord) []target {
	levels := []target{org.rootTarget()}
	for _, u := range s.lineage(org, org.parent(a)) {
		levels = append(levels, u.target())
	}
	return append(levels, org.accountTarget(a))
}

// path is the place of what is directly in the root or organizational unit with
// that id, in the form of aws:PrincipalOrgPaths: o-…/r-…/ou-…/.
func (s *Service) path(org organizationRecord, parent string) string {
	path := org.ID + "/" + org.Root + "/"
	for _, u := range s.lineage(org, parent) {
		path += u.ID + "/"
	}
	return path
}
