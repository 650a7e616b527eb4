package iam

import (
	"context"
	"strings"

	"tributary/internal/pure/policy"
	"tributary/internal/service/api"
)

// getContextKeysForCustomPolicy answers the condition keys that the given policies
// refer to, in conditions and in variables.
func (s *Service) getContextKeysForCustomPolicy(_ context.Context, _ *api.Call, in *GetContextKeysForCustomPolicyInput) (*GetContextKeysForCustomPolicyOutput, error) {
	var keys keyNames
	if err := keys.addGiven(in.PolicyInputList); err != nil {
		return nil, err
	}
	return &GetContextKeysForCustomPolicyOutput{ContextKeyNames: keys.list()}, nil
}

// getContextKeysForPrincipalPolicy answers the condition keys that the policies of
// a user, group or role refer to, and those of the user's groups, and the ones
// given besides.
func (s *Service) getContextKeysForPrincipalPolicy(_ context.Context, call *api.Call, in *GetContextKeysForPrincipalPolicyInput) (*GetContextKeysForPrincipalPolicyOutput, error) {
	source, err := s.policySource(call, in.PolicySourceARN)
	if err != nil {
		return nil, err
	}
	var keys keyNames
	for i := range source.policies {
		keys.add(source.policies[i].source(policy.Identity).Document)
	}
	if err := keys.addGiven(in.PolicyInputList); err != nil {
		return nil, err
	}
	return &GetContextKeysForPrincipalPolicyOutput{ContextKeyNames: keys.list()}, nil
}

// keyNames collects condition keys, each in its first spelling.
type keyNames struct {
	names []string
	seen  map[string]bool
}

func (k *keyNames) addGiven(texts []string) error {
	sources, err := parseList("PolicyInputList", texts, policy.Identity)
	for _, src := range sources {
		k.add(src.Document)
	}
	return err
}

func (k *keyNames) add(doc *policy.Document) {
	if doc == nil {
		return // a policy that nobody can read
	}
	if k.seen == nil {
		k.seen = map[string]bool{}
	}
	for _, name := range doc.ContextKeyNames() {
		if key := strings.ToLower(name); !k.seen[key] {
			k.seen[key] = true
			k.names = append(k.names, name)
		}
	}
}

func (k *keyNames) list() []string {
	if k.names == nil {
		return []string{}
	}
	return k.names
}
