package organizations

import (
	"strings"

	"tributary/internal/durable/catalog"
	"tributary/internal/pure/policy"
	"tributary/internal/service/api"
)

// About is what an operation on an organization touches, as policies see it.
type about struct {
	// ids are the roots, organizational units, accounts, policies and resource
	// policies; none for operations for which AWS knows no resource.
	ids        []string
	policyType string // organizations:PolicyType; that of a policy among ids goes before
	service    string // organizations:ServicePrincipal
	tags       []Tag  // aws:RequestTag and aws:TagKeys
	tagKeys    []string
}

// A subject tells from the input what the operation touches. Nil is nothing in
// particular.
type subject[In any] func(*In) about

// accesses is the target of the operation for the Dispatcher. Outside an
// organization there is nothing of that kind, and the handler will say so. To whom
// the door is closed the handler says that: until then his own policies, which he
// may write as he likes, must not tell him what there is behind it.
func (on subject[In]) accesses(s *Service, d door) func(*api.Call, *In) ([]api.Access, error) {
	return func(call *api.Call, in *In) ([]api.Access, error) {
		org, ok := s.organizationOf(call.Account())
		if !ok {
			return on.named(organizationRecord{ID: "*", Management: call.Account()}, call, in), nil
		}
		if _, err := enter(s, d, on, call, in); err != nil {
			return on.named(org, call, in), nil
		}
		return on.of(s, org, call, in), nil
	}
}

// of are the accesses within this organization: one for every id, or one to "*".
func (on subject[In]) of(s *Service, org organizationRecord, call *api.Call, in *In) []api.Access {
	a := on.about(in)
	for _, id := range a.ids {
		if p, _, ok := s.policy(org, id); ok {
			a.policyType = p.Type
		}
	}
	return a.accesses(call, func(id string) (string, map[string]string) { return s.arnOf(org, id), s.tagsOf(org, id) })
}

// named is of by the ids alone, whatever they are the ids of.
func (on subject[In]) named(org organizationRecord, call *api.Call, in *In) []api.Access {
	return on.about(in).accesses(call, func(id string) (string, map[string]string) { return org.arnOf(id), nil })
}

func (on subject[In]) about(in *In) about {
	if on == nil {
		return about{}
	}
	return on(in)
}

// accesses are one for every id, whose ARN and tags thing tells, or one to "*".
func (a about) accesses(call *api.Call, thing func(id string) (arn string, tags map[string]string)) []api.Access {
	action := "organizations:" + call.Operation
	if len(a.ids) == 0 {
		return []api.Access{{Action: action, Resource: "*", Context: a.context(nil)}}
	}
	list := make([]api.Access, len(a.ids))
	for i, id := range a.ids {
		name, tags := thing(id)
		list[i] = api.Access{Action: action, Resource: name, Context: a.context(tags)}
	}
	return list
}

// context holds the condition keys of an access to a thing with these tags.
func (a about) context(resource map[string]string) policy.Context {
	c := policy.Context{}
	if a.policyType != "" {
		c["organizations:policytype"] = []string{a.policyType}
	}
	if a.service != "" {
		c["organizations:serviceprincipal"] = []string{a.service}
	}
	for _, t := range a.tags {
		c["aws:requesttag/"+strings.ToLower(t.Key)] = []string{t.Value}
		c["aws:tagkeys"] = append(c["aws:tagkeys"], t.Key)
	}
	c["aws:tagkeys"] = append(c["aws:tagkeys"], a.tagKeys...)
	for key, value := range resource {
		c["aws:resourcetag/"+strings.ToLower(key)] = []string{value}
	}
	return c
}

// arnOf is the ARN of what has this id. One that the organization does not have
// is named as if it had.
func (s *Service) arnOf(org organizationRecord, id string) string {
	if p, _, ok := s.policy(org, id); ok {
		return p.arn(org)
	}
	return org.arnOf(id)
}

// arnOf is the ARN of what has this id, as far as the id tells it: not the type of
// a policy.
func (o organizationRecord) arnOf(id string) string {
	prefix, _, _ := strings.Cut(id, "-")
	switch prefix {
	case "r":
		return o.arn("root", id)
	case "ou":
		return o.arn("ou", id)
	case "rp":
		return o.arn("resourcepolicy", id)
	case "p":
		return o.arn("policy", "*/"+id)
	}
	return o.arn("account", id)
}

// tagsOf are the tags of what has this id.
func (s *Service) tagsOf(org organizationRecord, id string) map[string]string {
	if t, ok := s.target(org, id); ok {
		return t.tags
	}
	if p, _, ok := s.policy(org, id); ok {
		return p.Tags
	}
	if r := org.ResourcePolicy; r != nil && r.ID == id {
		return r.Tags
	}
	return nil
}

// onHandshake is the target of operations on a handshake. One that the caller
// may not see is named as if it were the caller's own, so that a refusal tells
// nothing of it.
func onHandshake[In any](s *Service, handshake func(*In) string) func(*api.Call, *In) ([]api.Access, error) {
	return func(call *api.Call, in *In) ([]api.Access, error) {
		id := handshake(in)
		h, _, ok := s.handshakes.Get(catalog.KeyOf(id))
		if !ok || !s.seen(h, call.Account()) {
			h = handshakeRecord{ID: id, Management: call.Account(), Org: "*"}
		}
		return []api.Access{{Action: "organizations:" + call.Operation, Resource: h.arn()}}, nil
	}
}

// anything is the target of operations that also those may call who belong to no
// organization.
func anything[In any](call *api.Call, _ *In) ([]api.Access, error) {
	return []api.Access{{Action: "organizations:" + call.Operation, Resource: "*"}}, nil
}
