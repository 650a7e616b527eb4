package policy

import "strings"

// A statement is compiled. What it does not have, an empty field says: a trust
// policy's statement has no resources and speaks of its role.
type statement struct {
	sid         string
	text        string // JSON, as it was written
	from, to    Position
	effect      Effect
	principals  *principals // nil in policies of identities
	actions     []pattern
	notAction   bool
	resources   []pattern
	notResource bool
	conditions  []condition
}

// match decides whether the statement speaks about the request, and how it names
// the caller: a statement without principals belongs to the caller, that is
// directly. The outcome is the first element that does not fit; with results,
// every condition is decided and noted.
func (st *statement) match(req *Request, results *[]ConditionResult) (grant, Outcome) {
	named := directly
	if st.principals != nil {
		if named = st.principals.naming(&req.Principal, st.effect); named == notNamed {
			return notNamed, PrincipalDiffers
		}
	}
	if st.coversAction(req.Action) == st.notAction {
		return notNamed, ActionDiffers
	}
	if len(st.resources) > 0 && st.coversResource(req) == st.notResource {
		return notNamed, ResourceDiffers
	}
	outcome := Matched
	for i := range st.conditions {
		c := &st.conditions[i]
		held := c.holds(req.Context)
		if results != nil {
			*results = append(*results, ConditionResult{
				Operator: c.operator, Key: c.key, Want: c.values, Got: req.Context[c.key], Held: held,
			})
		}
		if !held {
			outcome = ConditionFails
			if results == nil {
				break
			}
		}
	}
	if outcome != Matched {
		return notNamed, outcome
	}
	return named, Matched
}

func (st *statement) coversAction(action string) bool {
	for i := range st.actions {
		if st.actions[i].matchesFold(action) {
			return true
		}
	}
	return false
}

func (st *statement) coversResource(req *Request) bool {
	for i := range st.resources {
		if st.resources[i].matches(req.Context, string(req.Resource)) {
			return true
		}
	}
	return false
}

// view is the statement as it was written.
func (st *statement) view(index int) Statement {
	v := Statement{
		Index: index, From: st.from, To: st.to, Sid: st.sid, Effect: st.effect,
		Actions: texts(st.actions), NotAction: st.notAction,
		Resources: texts(st.resources), NotResource: st.notResource,
	}
	if st.principals != nil {
		v.Principals = append(v.Principals, st.principals.names...)
		v.NotPrincipal = st.principals.except
	}
	for i := range st.conditions {
		v.ConditionKeys = append(v.ConditionKeys, st.conditions[i].key)
	}
	v.ConditionKeys = sortedOnce(v.ConditionKeys)
	return v
}

func texts(patterns []pattern) []string {
	list := make([]string, len(patterns))
	for i := range patterns {
		list[i] = patterns[i].text
	}
	return list
}

// keyNames are the condition keys that the statements refer to, as they are
// written, each once in its first spelling.
func keyNames(statements []statement) []string {
	var names []string
	seen := map[string]bool{}
	for i := range statements {
		statements[i].eachKey(func(name string) {
			if lower := strings.ToLower(name); !seen[lower] {
				seen[lower] = true
				names = append(names, name)
			}
		})
	}
	return names
}

// eachKey calls use for every condition key that the statement refers to, in
// conditions and in policy variables, as it is written.
func (st *statement) eachKey(use func(name string)) {
	add := func(p *pattern) {
		for _, t := range p.tokens {
			if t.kind == variable {
				use(t.name)
			}
		}
	}
	for i := range st.resources {
		add(&st.resources[i])
	}
	for i := range st.conditions {
		use(st.conditions[i].name)
		switch t := st.conditions[i].test.(type) {
		case stringTest:
			for j := range t {
				add(&t[j])
			}
		case foldTest:
			for j := range t {
				add(&t[j])
			}
		case arnTest:
			for j := range t {
				if t[j].whole != nil {
					add(t[j].whole)
				}
				for k := range t[j].parts {
					add(&t[j].parts[k])
				}
			}
		}
	}
}
