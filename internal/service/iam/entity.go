package iam

import (
	"crypto/rand"
	"time"

	"tributary/internal/durable/catalog"
	"tributary/internal/pure/arn"
	"tributary/internal/service/api"
)

// An Entity is what everything with a name and a path has in common: users,
// groups, roles and managed policies.
type Entity struct {
	Account arn.AccountID     `json:"account"`
	Name    string            `json:"name"`
	Path    string            `json:"path"` // begins and ends with a slash
	ID      string            `json:"id"`   // AIDA…, AGPA…, AROA…, ANPA…, never used again
	Created time.Time         `json:"created"`
	Tags    map[string]string `json:"tags,omitzero"`
}

// An Identity is an entity that policies are given to: a user, group or role.
type Identity struct {
	Entity
	// Policies are the inline policies: name to text, as it was given.
	Policies map[string]string `json:"policies,omitzero"`
	// Attached are the ARNs of the managed policies, sorted. Each exists, since a
	// policy that is attached cannot be deleted.
	Attached []string `json:"attached,omitzero"`
	// Boundary is the ARN of the managed policy that is the permissions boundary,
	// empty without one. A group has none.
	Boundary string `json:"boundary,omitzero"`
	// Renamed is the name before the last change of the name; see rename.
	Renamed string `json:"renamed,omitzero"`
}

// newEntity is an entity as an account asks for it. prefix is that of its
// unique id.
func (s *Service) newEntity(account arn.AccountID, prefix, path, name string, tags []Tag) (Entity, error) {
	if path == "" {
		path = "/"
	}
	if err := checkTags(tags); err != nil {
		return Entity{}, err
	}
	return Entity{
		Account: account,
		Name:    name,
		Path:    path,
		ID:      prefix + rand.Text()[:17],
		Created: s.cfg.Now(),
		Tags:    tagMap(tags),
	}, nil
}

// newIdentity is an identity as an account asks for it. The boundary is an ARN,
// or empty; whether it can be one is for whoever stores the identity.
func (s *Service) newIdentity(call *api.Call, prefix, path, name string, tags []Tag, boundary string) (Identity, error) {
	e, err := s.newEntity(call.Account(), prefix, path, name, tags)
	return Identity{Entity: e, Boundary: boundary}, err
}

// named is the ARN of an entity; noun is its kind there.
func (e *Entity) named(noun string) arn.ARN {
	return arn.New("iam", "", e.Account, noun+e.Path+e.Name)
}

// entityKey is where the entity of that name is stored.
func entityKey(account arn.AccountID, name string) catalog.Key {
	return catalog.KeyOf(string(account), lower(name))
}

// boundary is the wire form of the permissions boundary, nil without one. AWS's
// answers say Policy, although its model lists PermissionsBoundaryPolicy.
func (i *Identity) boundary() *AttachedPermissionsBoundary {
	if i.Boundary == "" {
		return nil
	}
	return &AttachedPermissionsBoundary{PermissionsBoundaryType: "Policy", PermissionsBoundaryARN: i.Boundary}
}
