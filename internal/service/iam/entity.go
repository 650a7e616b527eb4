package iam

import (
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"tributary/internal/durable/catalog"
	"tributary/internal/pure/arn"
	"tributary/internal/service/api"
)

// An Entity is what users and roles have in common.
type Entity struct {
	Account arn.AccountID     `json:"account"`
	Name    string            `json:"name"`
	Path    string            `json:"path"` // begins and ends with a slash
	ID      string            `json:"id"`   // AIDA… or AROA…, never used again
	Created time.Time         `json:"created"`
	Tags    map[string]string `json:"tags,omitzero"`
	// Policies are the inline policies: name to text, as it was given.
	Policies map[string]string `json:"policies,omitzero"`
}

// newEntity is an entity as an account asks for it. prefix is that of its
// unique id.
func (s *Service) newEntity(call *api.Call, prefix, path, name string, tags []Tag) (Entity, error) {
	if path == "" {
		path = "/"
	}
	if err := checkTags(tags); err != nil {
		return Entity{}, err
	}
	return Entity{
		Account: call.Account(),
		Name:    name,
		Path:    path,
		ID:      prefix + rand.Text()[:17],
		Created: s.cfg.Now(),
		Tags:    tagMap(tags),
	}, nil
}

// checkTags refuses keys that differ in nothing but case, and AWS's own.
func checkTags(tags []Tag) error {
	seen := map[string]bool{}
	for _, t := range tags {
		key := strings.ToLower(t.Key)
		if strings.HasPrefix(key, "aws:") {
			return errInvalidInput("Tag keys beginning with aws: are reserved.")
		}
		if seen[key] {
			return errInvalidInput("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
		seen[key] = true
	}
	return nil
}

func tagMap(tags []Tag) map[string]string {
	if len(tags) == 0 {
		return nil
	}
	m := map[string]string{}
	for _, t := range tags {
		m[t.Key] = t.Value
	}
	return m
}

// wireTags are the entity's tags, by key.
func (e Entity) wireTags() []Tag {
	var tags []Tag
	for _, key := range slices.Sorted(maps.Keys(e.Tags)) {
		tags = append(tags, Tag{Key: key, Value: e.Tags[key]})
	}
	return tags
}

// entityKey is where the user or role of that name is stored.
func entityKey(account arn.AccountID, name string) catalog.Key {
	return catalog.KeyOf(string(account), strings.ToLower(name))
}

// lastName is the name at the end of the ARN of a user or role.
func lastName(a arn.ARN) string { return string(a[strings.LastIndexByte(string(a), '/')+1:]) }

// deleteChecked deletes a record that check lets go, also when another write
// comes between. missing is answered when there is none.
func deleteChecked[V any](ctx context.Context, t *catalog.Table[V], key catalog.Key, missing error, check func(V) error) error {
	for {
		v, rev, ok := t.Get(key)
		if !ok {
			return missing
		}
		if err := check(v); err != nil {
			return err
		}
		if err := t.Delete(ctx, key, rev); !errors.Is(err, catalog.ErrConflict) {
			return err
		}
	}
}
