package iam

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"tributary/internal/pure/policy"
)

// conditionKeys are the keys of a request's context and their values: what the
// session and the access bring along, and the global keys, which nothing can
// override. A key without a value in this request is absent.
func (s *Service) conditionKeys(q *question, tags map[string]string) policy.Context {
	k := keySet{
		context: make(policy.Context, 24),
		room:    make([]string, 0, 24),
	}
	for key, value := range tags {
		k.set(principalTag(key), value)
	}
	maps.Copy(k.context, q.caller.SessionContext)
	s.accessKeys(&k, q)
	s.principalKeys(&k, &q.caller.Principal)
	s.resourceKeys(&k, q)
	requestKeys(&k, q)
	return k.context
}

// accessKeys are what the access brings along. The tags of another account's
// resource are among them only where that resource's own policy speaks of tags:
// otherwise nothing but conditions in the caller's policies would read them, and
// the words of the refusal would tell whether they held.
func (s *Service) accessKeys(k *keySet, q *question) {
	hidden := s.owner(q) != q.caller.Principal.Account && !speaksOfTags(q.access.ResourcePolicy)
	for key, values := range q.access.Context {
		if hidden && isResourceTag(key) {
			continue
		}
		k.context[key] = values
	}
}

func isResourceTag(key string) bool {
	return strings.HasPrefix(key, "aws:resourcetag/") || strings.HasPrefix(key, "iam:resourcetag/")
}

// speaksOfTags reports whether a policy refers to the tags of its resource.
func speaksOfTags(src *policy.Source) bool {
	return src != nil && src.Document != nil && slices.ContainsFunc(src.Document.ContextKeys(), isResourceTag)
}

// principalKeys say who asks.
func (s *Service) principalKeys(k *keySet, p *policy.Principal) {
	k.set("aws:principalisawsservice", strconv.FormatBool(p.Kind == policy.Service))
	switch p.Kind {
	case policy.Service:
		k.set("aws:principalservicename", p.Services[0])
		k.context["aws:principalservicenameslist"] = p.Services
		return
	case policy.Root:
		k.set("aws:principaltype", "Account")
		k.set("aws:principalarn", string(p.ARN))
	case policy.User:
		k.set("aws:principaltype", "User")
		k.set("aws:principalarn", string(p.ARN))
		k.set("aws:username", lastName(p.ARN))
	case policy.Session:
		k.set("aws:principaltype", "AssumedRole")
		k.set("aws:principalarn", string(p.RoleARN))
	case policy.Federated:
		k.set("aws:principaltype", "FederatedUser")
		k.set("aws:principalarn", string(p.ARN))
	default:
		return
	}
	k.set("aws:principalaccount", string(p.Account))
	if p.ID == "" {
		return // an account as a whole
	}
	k.set("aws:userid", p.ID)
	if m, ok := s.cfg.Organizations.Membership(p.Account); ok {
		k.set("aws:principalorgid", m.OrgID)
		k.set("aws:principalorgpaths", m.Path)
	}
}

// resourceKeys say whose resource it is.
func (s *Service) resourceKeys(k *keySet, q *question) {
	if q.access.Resource == "*" {
		return
	}
	account := s.owner(q)
	k.set("aws:resourceaccount", string(account))
	if m, ok := s.cfg.Organizations.Membership(account); ok {
		k.set("aws:resourceorgid", m.OrgID)
		k.set("aws:resourceorgpaths", m.Path)
	}
}

// requestKeys say when, and where a request exists, how it came.
func requestKeys(k *keySet, q *question) {
	k.set("aws:currenttime", q.at.UTC().Format("2006-01-02T15:04:05Z"))
	k.set("aws:epochtime", strconv.FormatInt(q.at.Unix(), 10))
	k.set("aws:requestedregion", string(q.region))
	k.set("aws:viaawsservice", "false")
	if q.call == nil {
		return
	}
	if q.call.SourceIP.IsValid() {
		k.set("aws:sourceip", q.call.SourceIP.Unmap().String())
	}
	if strings.HasPrefix(q.caller.AccessKeyID, temporaryPrefix) {
		// Absent for long-term keys, as in AWS. There are no devices, so no session
		// began with one.
		k.set("aws:multifactorauthpresent", "false")
	}
	k.set("aws:securetransport", strconv.FormatBool(q.call.Secure))
	if q.call.UserAgent != "" {
		k.set("aws:useragent", q.call.UserAgent)
	}
}

// A keySet collects condition keys; the values of all of them lie in one array.
type keySet struct {
	context policy.Context
	room    []string
}

func (k *keySet) set(key, value string) {
	k.room = append(k.room, value)
	n := len(k.room)
	k.context[key] = k.room[n-1 : n : n]
}

// resourceTags are the condition keys of a resource with these tags.
func resourceTags(tags map[string]string) policy.Context {
	c := policy.Context{}
	for name, value := range tags {
		key := strings.ToLower(name)
		c["aws:resourcetag/"+key] = []string{value}
		c["iam:resourcetag/"+key] = []string{value}
	}
	return c
}

// requestTags adds the condition keys of a request that sets these tags.
func requestTags(c policy.Context, tags []Tag) policy.Context {
	if len(tags) == 0 {
		return c
	}
	if c == nil {
		c = policy.Context{}
	}
	for _, t := range tags {
		c["aws:requesttag/"+strings.ToLower(t.Key)] = []string{t.Value}
		c["aws:tagkeys"] = append(c["aws:tagkeys"], t.Key)
	}
	return c
}
