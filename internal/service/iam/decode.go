package iam

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"tributary/internal/pure/arn"
	"tributary/internal/pure/policy"
	"tributary/internal/service/api"
)

// A denial carries a message that says more than its text: who asked for what,
// with which condition keys, and which statements deny. It is sealed, because
// the one who is refused need not be one who may know; whoever may do
// sts:DecodeAuthorizationMessage in the caller's account can read it. The other
// account's side is not in it: neither its policies nor what its resource is like.

// maxDecoded bounds a message, so that encoded it fits in a header and in
// EncodedMessage. What is left out are conditions of the request, the longest first.
const maxDecoded = 4096

// The JSON of a decoded message is AWS's.
type (
	decodedMessage struct {
		Allowed           bool                    `json:"allowed"`
		ExplicitDeny      bool                    `json:"explicitDeny"`
		MatchedStatements items[decodedStatement] `json:"matchedStatements"`
		Failures          items[string]           `json:"failures"`
		Context           decodedContext          `json:"context"`
	}
	decodedStatement struct {
		StatementID     string                  `json:"statementId"`
		Effect          string                  `json:"effect"`
		Principals      items[decodedValue]     `json:"principals"`
		PrincipalGroups items[string]           `json:"principalGroups"`
		Actions         items[decodedValue]     `json:"actions"`
		Resources       items[decodedValue]     `json:"resources"`
		Conditions      items[decodedCondition] `json:"conditions"`
	}
	decodedContext struct {
		Principal  decodedPrincipal        `json:"principal"`
		Action     string                  `json:"action"`
		Resource   string                  `json:"resource"`
		Conditions items[decodedCondition] `json:"conditions"`
	}
	decodedPrincipal struct {
		ID   string  `json:"id"`
		Name string  `json:"name,omitempty"`
		ARN  arn.ARN `json:"arn"`
	}
	decodedCondition struct {
		Key    string              `json:"key"`
		Values items[decodedValue] `json:"values"`
	}
	decodedValue struct {
		Value string `json:"value"`
	}
)

// items is how AWS writes a list.
type items[T any] struct {
	Items []T `json:"items"`
}

func itemsOf[S, T any](list []S, of func(S) T) items[T] {
	all := items[T]{Items: make([]T, 0, len(list))}
	for _, s := range list {
		all.Items = append(all.Items, of(s))
	}
	return all
}

func values(list []string) items[decodedValue] {
	return itemsOf(list, func(s string) decodedValue { return decodedValue{s} })
}

// encodeDenial is the encoded message of a denial, empty where the caller has no
// account that could read it.
func (s *Service) encodeDenial(q *question) string {
	account := q.caller.Principal.Account
	if account == "" {
		return ""
	}
	req, policies := s.gather(q)
	if req.Context == nil {
		req.Context = s.conditionKeys(q, nil)
	}
	d := policy.Explain(req, policies, policy.Standard)
	m := decodedMessage{
		ExplicitDeny:      d.Effect == policy.ExplicitDeny,
		MatchedStatements: items[decodedStatement]{Items: []decodedStatement{}},
		Failures:          items[string]{Items: []string{}},
		Context: decodedContext{
			Principal: decodedPrincipal{ID: req.Principal.ID, ARN: req.Principal.ARN},
			Action:    req.Action,
			Resource:  string(req.Resource),
		},
	}
	if req.Principal.Kind == policy.User {
		m.Context.Principal.Name = lastName(req.Principal.ARN)
	}
	own := req.ResourceAccount == account || req.Resource == "*"
	for i := range d.Reasons {
		if r := &d.Reasons[i]; r.Outcome == policy.Matched && r.Effect == policy.ExplicitDeny && visible(r.By, own) {
			m.MatchedStatements.Items = append(m.MatchedStatements.Items, decodedDenial(r, string(req.Principal.ARN)))
		}
	}
	m.Context.Conditions = decodedKeys(req.Context, own)
	return s.messages.SealText(string(account), fitting(&m))
}

// visible reports whether the caller's account may see a policy that denies. Those
// of the organization belong to its management account, and the resource's to its
// owner.
func visible(by policy.PolicyType, own bool) bool {
	switch by {
	case policy.IdentityPolicy, policy.PermissionsBoundary, policy.SessionPolicy:
		return true
	case policy.ResourcePolicy, policy.TrustPolicy:
		return own
	}
	return false
}

// decodedDenial is a statement that denies.
func decodedDenial(r *policy.Reason, principal string) decodedStatement {
	st, _ := r.View()
	return decodedStatement{
		StatementID:     r.Sid,
		Effect:          "DENY",
		Principals:      values([]string{principal}),
		PrincipalGroups: items[string]{Items: []string{}},
		Actions:         values(st.Actions),
		Resources:       values(st.Resources),
		Conditions: itemsOf(r.Conditions, func(c policy.ConditionResult) decodedCondition {
			return decodedCondition{c.Key, values(c.Want)}
		}),
	}
}

// decodedKeys are the condition keys of a request, by name. Those that say
// something about another account's resource are left out.
func decodedKeys(keys policy.Context, own bool) items[decodedCondition] {
	all := items[decodedCondition]{Items: []decodedCondition{}}
	for key, list := range keys {
		if strings.Contains(key, " ") || !own && strings.Contains(key, ":resource") { // a key of our own, or theirs
			continue
		}
		all.Items = append(all.Items, decodedCondition{key, values(list)})
	}
	slices.SortFunc(all.Items, func(a, b decodedCondition) int { return strings.Compare(a.Key, b.Key) })
	return all
}

// fitting is the message as JSON, without the longest conditions and then without
// statements if it were too long with them.
func fitting(m *decodedMessage) []byte {
	for {
		text, err := json.Marshal(m)
		if err != nil {
			panic("iam: " + err.Error()) // only for types that have no JSON
		}
		conditions, statements := m.Context.Conditions.Items, m.MatchedStatements.Items
		switch {
		case len(text) <= maxDecoded:
			return text
		case len(conditions) > 0:
			longest := 0
			for i := range conditions {
				if conditions[i].length() > conditions[longest].length() {
					longest = i
				}
			}
			m.Context.Conditions.Items = slices.Delete(conditions, longest, longest+1)
		case len(statements) > 0:
			m.MatchedStatements.Items = statements[:len(statements)-1]
		default:
			return text // an action and a resource, which have bounds of their own
		}
	}
}

func (c *decodedCondition) length() int {
	n := len(c.Key)
	for _, v := range c.Values.Items {
		n += len(v.Value)
	}
	return n
}

// targetDecode asks for the permission alone: the operation is on no resource.
func targetDecode(*api.Call, *DecodeAuthorizationMessageInput) ([]api.Access, error) {
	return []api.Access{{Action: "sts:DecodeAuthorizationMessage", Resource: "*"}}, nil
}

// decodeAuthorizationMessage opens a message that a denial in the caller's account
// carried.
func (s *Service) decodeAuthorizationMessage(_ context.Context, call *api.Call, in *DecodeAuthorizationMessageInput) (*DecodeAuthorizationMessageOutput, error) {
	text, err := s.messages.OpenText(string(call.Account()), in.EncodedMessage)
	if err != nil {
		return nil, api.Refuse("InvalidAuthorizationMessageException", "The authorization message is not valid.")
	}
	return &DecodeAuthorizationMessageOutput{DecodedMessage: string(text)}, nil
}
