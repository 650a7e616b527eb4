package organizations

import (
	"errors"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
)

// Settings are the tree of a policy that is merged with those above it (tag
// policies, backup policies and the like). A value stands below an operator:
//
//	{"tags": {"team": {"tag_key": {"@@assign": "Team"}, "tag_value": {"@@append": ["a"]}}}}
type settings = map[string]any

// The operators.
const (
	opAssign  = "@@assign"
	opAppend  = "@@append"
	opRemove  = "@@remove"
	opAllowed = "@@operators_allowed_for_child_policies"
)

var errNotSettings = errors.New("not a tree of settings")

// parseSettings reads such a policy: one JSON object, with operators that there
// are, on values that they can work on.
func parseSettings(text string) (settings, error) {
	var tree any
	if err := json.Unmarshal([]byte(text), &tree); err != nil {
		return nil, errNotSettings
	}
	object, ok := tree.(settings)
	if !ok || len(object) == 0 || !isSettings(object) {
		return nil, errNotSettings
	}
	return object, nil
}

func isSettings(tree settings) bool {
	for key, value := range tree {
		ok := true
		switch key {
		case opAssign:
			ok = isValue(value)
		case opAppend, opRemove:
			_, one := value.(string)
			ok = one || isStrings(value)
		case opAllowed:
			ok = isStrings(value) && !slices.ContainsFunc(strs(value), func(op string) bool {
				return !slices.Contains([]string{"@@all", "@@none", opAssign, opAppend, opRemove}, op)
			})
		default:
			below, nested := value.(settings)
			ok = nested && !strings.HasPrefix(key, "@@") && isSettings(below)
		}
		if !ok {
			return false
		}
	}
	return true
}

func isValue(v any) bool {
	switch v.(type) {
	case string, bool, float64:
		return true
	}
	return isStrings(v)
}

func isStrings(v any) bool {
	list, ok := v.([]any)
	return ok && !slices.ContainsFunc(list, func(item any) bool {
		_, ok := item.(string)
		return !ok
	})
}

// strs is a string, or a list of them, as a list.
func strs(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		list := make([]string, 0, len(v))
		for _, item := range v {
			if text, ok := item.(string); ok {
				list = append(list, text)
			}
		}
		return list
	}
	return nil
}

// A settingsMerge merges policies from the root down. The zero value has none.
type settingsMerge struct{ root *setting }

// A setting is a place in the merged tree: it has a value, or settings below it.
type setting struct {
	value any // nil, a scalar, or []string
	below map[string]*setting
	// refused are the operators that policies further down may not use here, and
	// next those that are refused from the level below on.
	refused, next []string
}

// add merges one policy of the present level.
func (m *settingsMerge) add(tree settings) {
	if m.root == nil {
		m.root = &setting{}
	}
	m.root.merge(tree)
}

// descend ends a level: what its policies forbid to policies further down counts
// from now on.
func (m *settingsMerge) descend() {
	if m.root != nil {
		m.root.descend()
	}
}

func (s *setting) descend() {
	s.refused = append(s.refused, s.next...)
	s.next = nil
	for _, below := range s.below {
		below.descend()
	}
}

func (s *setting) merge(tree settings) {
	s.apply(tree)
	for key, value := range tree {
		below, ok := value.(settings)
		if !ok {
			continue
		}
		if s.below == nil {
			s.below = map[string]*setting{}
		}
		// What is refused here is refused below too.
		if s.below[key] == nil {
			s.below[key] = &setting{refused: slices.Clone(s.refused), next: slices.Clone(s.next)}
		}
		s.below[key].merge(below)
	}
}

// apply uses the operators that stand here, in a fixed order, since an object has
// none.
func (s *setting) apply(tree settings) {
	for _, op := range []string{opAssign, opAppend, opRemove} {
		given, ok := tree[op]
		if !ok || slices.Contains(s.refused, op) {
			continue
		}
		list := isStrings(given)
		present, _ := s.value.([]string)
		switch {
		case op == opAssign && list:
			s.value = strs(given)
		case op == opAssign:
			s.value = given
		case op == opAppend:
			for _, item := range strs(given) {
				if !slices.Contains(present, item) {
					present = append(present, item)
				}
			}
			s.value = present
		case op == opRemove && s.value != nil:
			s.value = slices.DeleteFunc(present, func(item string) bool { return slices.Contains(strs(given), item) })
		}
	}
	allowed, ok := tree[opAllowed]
	if !ok || slices.Contains(strs(allowed), "@@all") {
		return
	}
	for _, op := range []string{opAssign, opAppend, opRemove} {
		if !slices.Contains(strs(allowed), op) {
			s.refuse(op)
		}
	}
}

// refuse keeps policies further down from using an operator here and below.
func (s *setting) refuse(op string) {
	s.next = append(s.next, op)
	for _, below := range s.below {
		below.refuse(op)
	}
}

// content is the merged policy as JSON; ok is false where there is none.
func (m *settingsMerge) content() (text string, ok bool) {
	if m.root == nil {
		return "", false
	}
	out, err := json.Marshal(m.root.plain(), json.Deterministic(true))
	if err != nil {
		panic("organizations: settings cannot be written: " + err.Error()) // they came from JSON
	}
	return string(out), true
}

// plain is the setting without operators.
func (s *setting) plain() any {
	if s.value != nil {
		return s.value
	}
	tree := map[string]any{}
	for key, below := range s.below {
		tree[key] = below.plain()
	}
	return tree
}
