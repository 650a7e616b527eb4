package iam

import (
	"tributary/internal/durable/catalog"
	"tributary/internal/pure/arn"
	"tributary/internal/pure/policy"
)

// grants are what a user or role may do by policies of its own. They do not
// change: another revision of what they were made of makes others.
type grants struct {
	sources  []policy.Source // inline, attached, and those of the user's groups
	boundary *policy.Source
	context  bool // one of them refers to keys of the request context
	tags     map[string]string
	// linked is true for a service-linked role, which no control policy limits.
	linked bool

	// The records besides the user's or role's own that they were made of.
	groups, policies []seen
}

// seen is a record and the revision at which it was read.
type seen struct {
	key catalog.Key
	rev catalog.Revision
}

// A compiled policy is a document and whether it refers to keys of the request
// context. One that cannot be read has no document, and denies.
type compiled struct {
	document *policy.Document
	context  bool
}

func compile(text string, usage policy.Usage) compiled {
	doc, err := policy.Parse(text, usage)
	if err != nil {
		return compiled{}
	}
	return compiled{document: doc, context: len(doc.ContextKeys()) > 0}
}

// grantsOf are those of the user, or of the role behind the session. A root user,
// and a federated user whom the root user made, have none and need none; somebody
// who no longer exists has none and gets nothing. Another federated user has those of
// the user who made the session, within the session's policies.
func (s *Service) grantsOf(p *policy.Principal) *grants {
	switch p.Kind {
	case policy.User:
		u, rev, ok := s.users.Get(entityKey(p.Account, lastName(p.ARN)))
		if ok && u.ID == p.ID {
			return s.userGrants(&u, rev)
		}
	case policy.Federated:
		u, rev, ok := s.users.Get(entityKey(p.Account, lastName(p.UserARN)))
		if ok && u.arn() == p.UserARN {
			return s.userGrants(&u, rev)
		}
	case policy.Session:
		r, rev, ok := s.roles.Get(entityKey(p.Account, lastName(p.RoleARN)))
		if ok && r.ID == roleOf(p.ID) {
			return s.roleGrants(&r, rev)
		}
	}
	return &grants{}
}

func (s *Service) userGrants(u *userRecord, rev catalog.Revision) *grants {
	return s.cachedGrants(&u.Identity, rev, func(g *grants) {
		s.addPolicies(g, &u.Identity, "user")
		for _, member := range s.groupsOf(u)("") {
			// Read again, for the revision.
			key := entityKey(member.Account, member.Name)
			group, rev, _ := s.groups.Get(key)
			g.groups = append(g.groups, seen{key, rev})
			if rev != 0 && group.ID == member.ID {
				s.addPolicies(g, &group.Identity, "group")
			}
		}
	})
}

func (s *Service) roleGrants(r *roleRecord, rev catalog.Revision) *grants {
	return s.cachedGrants(&r.Identity, rev, func(g *grants) {
		s.addPolicies(g, &r.Identity, "role")
		g.linked = r.linked()
	})
}

// cachedGrants are those of an identity as of its revision and of the present
// revisions of its groups and managed policies. fill makes them where there are
// none or where one of these has changed.
func (s *Service) cachedGrants(i *Identity, rev catalog.Revision, fill func(*grants)) *grants {
	if g, ok := s.identities.peek(i.ID, rev); ok && s.hold(g) {
		return g
	}
	g := &grants{tags: i.Tags}
	fill(g)
	if i.Boundary != "" {
		g.boundary = new(policy.Source)
		*g.boundary = s.managedSource(g, i.Boundary, "permissions boundary "+i.Boundary)
	}
	s.identities.put(i.ID, rev, g)
	return g
}

// hold reports whether nothing has changed that the grants were made of.
func (s *Service) hold(g *grants) bool {
	for _, r := range g.policies {
		if _, rev, _ := s.policies.Get(r.key); rev != r.rev {
			return false
		}
	}
	for _, r := range g.groups {
		if _, rev, _ := s.groups.Get(r.key); rev != r.rev {
			return false
		}
	}
	return true
}

// addPolicies adds the inline and attached policies of an identity.
func (s *Service) addPolicies(g *grants, i *Identity, noun string) {
	of := " of " + noun + " " + i.Name
	for name := range i.policyNames("") {
		c := compile(i.Policies[name], policy.Identity)
		g.context = g.context || c.context
		g.sources = append(g.sources, policy.Source{Name: "inline policy " + name + of, Document: c.document})
	}
	for _, policyARN := range i.Attached {
		g.sources = append(g.sources, s.managedSource(g, policyARN, "managed policy "+policyARN+of))
	}
}

// managedSource is a managed policy under a name for reasons.
func (s *Service) managedSource(g *grants, policyARN, name string) policy.Source {
	p, rev, ok := s.policyByARN(policyARN)
	if p.Account != awsAccount {
		key := entityKey(arn.ARN(policyARN).Account(), lastName(arn.ARN(policyARN)))
		g.policies = append(g.policies, seen{key, rev})
	}
	if !ok {
		return policy.Source{Name: name}
	}
	c := s.managed(&p, rev)
	g.context = g.context || c.context
	return policy.Source{Name: name, Document: c.document}
}
