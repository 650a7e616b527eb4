package iam

import (
	"slices"
	"strings"

	"tributary/internal/pure/arn"
	"tributary/internal/pure/policy"
	"tributary/internal/service/api"
)

// A policySource is a user, group or role whose policies are looked at, with those
// of the user's groups.
type policySource struct {
	principal policy.Principal
	policies  []heldPolicy
	boundary  *heldPolicy
	tags      map[string]string
	linked    bool // a service-linked role
}

// A heldPolicy is a policy that an identity has.
type heldPolicy struct {
	name string // of the inline or managed policy
	arn  string // of a managed policy
	noun string // user, group or role: what has it
	of   string // its name
	text string
}

// id is what the simulator calls the policy.
func (p *heldPolicy) id() string {
	if p.arn != "" {
		return p.name
	}
	return p.noun + "_" + p.of + "_" + p.name
}

// source is the policy ready for decisions. One that cannot be read denies.
func (p *heldPolicy) source(usage policy.Usage) policy.Source {
	return policy.Source{Name: p.id(), Document: compile(p.text, usage).document}
}

// excluded reports whether the policy is to be left out of a simulation.
func (p *heldPolicy) excluded(list []PolicyIdentifier) bool {
	return slices.ContainsFunc(list, func(x PolicyIdentifier) bool {
		if p.arn != "" {
			return x.PolicyARN == p.arn
		}
		inline := x.InlinePolicyIdentifier
		return inline != nil && inline.PolicyName == p.name && inline.AttachmentName == p.of &&
			strings.EqualFold(inline.AttachmentType, p.noun)
	})
}

// policySource is the user, group or role of that ARN in the caller's account:
// InvalidInput, NoSuchEntity.
func (s *Service) policySource(call *api.Call, sourceARN string) (policySource, error) {
	a := arn.ARN(sourceARN)
	p := a.Parts()
	noun, _, _ := strings.Cut(p.Resource, "/")
	if p.Service != "iam" || p.Account != call.Account() {
		return policySource{}, errInvalidInput("Invalid Entity Arn: " + sourceARN + " does not clearly define entity type and name.")
	}
	switch noun {
	case "user":
		u, ok := s.user(p.Account, lastName(a))
		if !ok || u.arn() != a {
			return policySource{}, errNoSuchUser(lastName(a))
		}
		return s.sourceOfUser(&u), nil
	case "group":
		g, ok := s.groups.find(p.Account, lastName(a))
		if !ok || g.arn() != a {
			return policySource{}, errAbsent("group", lastName(a))
		}
		src := policySource{principal: policy.Principal{Kind: policy.User, Account: p.Account}}
		s.addHeld(&src, &g.Identity, noun)
		return src, nil
	case "role":
		r, _, ok := s.roleByARN(a)
		if !ok {
			return policySource{}, errAbsent("role", lastName(a))
		}
		src := policySource{principal: sessionPrincipal(&r, "simulation"), tags: r.Tags, linked: r.linked()}
		s.addHeld(&src, &r.Identity, noun)
		return src, nil
	}
	return policySource{}, errInvalidInput("Invalid Entity Arn: " + sourceARN + " does not clearly define entity type and name.")
}

func (s *Service) sourceOfUser(u *userRecord) policySource {
	src := policySource{
		principal: policy.Principal{Kind: policy.User, Account: u.Account, ARN: u.arn(), ID: u.ID},
		tags:      u.Tags,
	}
	s.addHeld(&src, &u.Identity, "user")
	for _, g := range s.groupsOf(u)("") {
		s.addHeld(&src, &g.Identity, "group")
	}
	return src
}

// addHeld adds the policies of an identity, and its boundary.
func (s *Service) addHeld(src *policySource, i *Identity, noun string) {
	for name := range i.policyNames("") {
		src.policies = append(src.policies, heldPolicy{name: name, noun: noun, of: i.Name, text: i.Policies[name]})
	}
	for _, policyARN := range i.Attached {
		src.policies = append(src.policies, s.heldManaged(policyARN))
	}
	if i.Boundary != "" {
		boundary := s.heldManaged(i.Boundary)
		src.boundary = &boundary
	}
}

func (s *Service) heldManaged(policyARN string) heldPolicy {
	p, _, _ := s.policyByARN(policyARN) // without a text where there is none, and so denies
	return heldPolicy{name: lastName(arn.ARN(policyARN)), arn: policyARN, text: p.version(p.Default).Text}
}

// onSource is the target of operations on the policies of a user, group or role.
func onSource[In any](s *Service, source name[In]) target[In] {
	return func(call *api.Call, in *In) ([]api.Access, error) {
		a := arn.ARN(source(in))
		noun, _, _ := strings.Cut(a.Parts().Resource, "/")
		var tags map[string]string
		switch noun {
		case "user":
			u, _ := s.user(call.Account(), lastName(a))
			tags = u.Tags
		case "role":
			r, _ := s.role(call.Account(), lastName(a))
			tags = r.Tags
		}
		return access(call, a, resourceTags(tags)), nil
	}
}
