package organizations

import (
	"sync"

	"tributary/internal/durable/catalog"
	"tributary/internal/pure/arn"
	"tributary/internal/pure/policy"
)

// ControlPolicies are an account's service control policies and resource control
// policies: one list for each level, from the organization's root down to the
// account, as [policy.Policies] takes them. Nil means that none apply.
type ControlPolicies struct {
	SCPs, RCPs [][]policy.Source
}

// ControlPolicies are those that apply to an account: its SCPs limit what its
// principals may do, its RCPs what may be done to its resources. None apply to an
// account that stands alone and to a management account, and those of a type that
// is not enabled on the root do not apply. To a closed account a level applies
// that allows nothing, wherever the account is.
//
// The result is shared and must not be changed. It is computed once for each
// [Service.Revision].
func (s *Service) ControlPolicies(account arn.AccountID) ControlPolicies {
	rev := s.Revision() // before reading, so that what is kept is never older than it says
	if c, ok := s.control.get(rev, account); ok {
		return c
	}
	c := s.controlPolicies(account)
	s.control.put(rev, account, c)
	return c
}

func (s *Service) controlPolicies(account arn.AccountID) ControlPolicies {
	a, org, ok := s.placeOf(account)
	if !a.Closed.IsZero() {
		nothing := [][]policy.Source{{}}
		return ControlPolicies{SCPs: nothing, RCPs: nothing}
	}
	if !ok || org.Management == account {
		return ControlPolicies{}
	}
	levels := s.levels(org, a)
	return ControlPolicies{
		SCPs: s.sources(org, levels, serviceControl),
		RCPs: s.sources(org, levels, resourceControl),
	}
}

// sources are the parsed policies of a type on each level, nil when the type is
// not enabled. A policy that cannot be found or read has no document, and so
// denies.
func (s *Service) sources(org organizationRecord, levels []target, kind *policyKind) [][]policy.Source {
	if !org.enabled(kind) {
		return nil
	}
	list := make([][]policy.Source, len(levels))
	for i, level := range levels {
		for _, id := range org.attached(level.attached, kind) {
			p, rev, _ := s.policy(org, id)
			list[i] = append(list[i], policy.Source{
				Name:     kind.noun + " " + p.Name + " (" + id + ") of " + level.String(),
				Document: s.control.document(org.ID+"/"+id, rev, p.Content, kind.usage),
			})
		}
	}
	return list
}

// A controlCache holds the control policies of accounts as of one revision, and
// the documents of policies, resource policies among them, as of theirs.
type controlCache struct {
	mu        sync.RWMutex // guards what follows; nothing else is locked while it is held
	rev       catalog.Revision
	accounts  map[arn.AccountID]ControlPolicies
	documents map[string]controlDocument
}

type controlDocument struct {
	rev      catalog.Revision
	document *policy.Document
}

// maxDocuments bounds the documents. What is thrown away is parsed again at need.
const maxDocuments = 20_000

func (c *controlCache) get(rev catalog.Revision, account arn.AccountID) (ControlPolicies, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.rev != rev {
		return ControlPolicies{}, false
	}
	found, ok := c.accounts[account]
	return found, ok
}

// put keeps what was computed when rev was the revision, unless a newer one is
// kept.
func (c *controlCache) put(rev catalog.Revision, account arn.AccountID, computed ControlPolicies) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rev > rev {
		return
	}
	if c.rev < rev || c.accounts == nil {
		c.rev, c.accounts = rev, map[arn.AccountID]ControlPolicies{}
	}
	c.accounts[account] = computed
}

// document is the parsed form of a policy's content as of its revision, nil where
// it cannot be read.
func (c *controlCache) document(key string, rev catalog.Revision, content string, usage policy.Usage) *policy.Document {
	c.mu.RLock()
	d, ok := c.documents[key]
	c.mu.RUnlock()
	if ok && d.rev == rev {
		return d.document
	}
	d = controlDocument{rev: rev}
	if parsed, err := policy.Parse(content, usage); err == nil {
		d.document = parsed
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.documents == nil || len(c.documents) >= maxDocuments {
		c.documents = map[string]controlDocument{}
	}
	c.documents[key] = d
	return d.document
}
