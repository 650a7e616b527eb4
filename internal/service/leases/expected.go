package leases

// expected is the condition that a map of expected values states. This older form
// is what the Kinesis Client Library sends for its leases.
func expected(all map[string]expectedValue, operator string) (condition, error) {
	var list []condition
	for _, name := range sortedKeys(all) {
		e := all[name]
		c, err := e.condition(name)
		if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	any := operator == "OR"
	return func(it item) bool {
		for _, c := range list {
			if c(it) == any {
				return any
			}
		}
		return !any
	}, nil
}

func (e *expectedValue) condition(name string) (condition, error) {
	if e.ComparisonOperator != "" {
		return e.comparison(name)
	}
	there := e.Exists == nil || *e.Exists
	switch {
	case there && e.Value == nil:
		return nil, errParameters("Value must be provided when Exists is true for Attribute: %s", name)
	case !there && e.Value != nil:
		return nil, errParameters("Value cannot be used when Exists is false for Attribute: %s", name)
	case !there:
		return func(it item) bool { _, ok := it[name]; return !ok }, nil
	}
	if err := e.Value.check(0); err != nil {
		return nil, err
	}
	return compared(name, "=", e.Value), nil
}

func compared(name, operator string, want *value) condition {
	return func(it item) bool {
		v, ok := it[name]
		return ok && comparisons[operator](&v, want)
	}
}

var legacyOperators = map[string]string{"EQ": "=", "LT": "<", "LE": "<=", "GT": ">", "GE": ">="}

func (e *expectedValue) comparison(name string) (condition, error) {
	list := e.AttributeValueList
	if e.Value != nil {
		list = []value{*e.Value}
	}
	for i := range list {
		if err := list[i].check(0); err != nil {
			return nil, err
		}
	}
	op := e.ComparisonOperator
	switch op {
	case "NULL":
		return func(it item) bool { _, ok := it[name]; return !ok }, nil
	case "NOT_NULL":
		return func(it item) bool { _, ok := it[name]; return ok }, nil
	}
	if len(list) != 1 {
		return nil, errParameters("Invalid number of argument(s) for the %s ComparisonOperator", op)
	}
	switch op {
	case "NE":
		return func(it item) bool { v, ok := it[name]; return !ok || !v.equal(&list[0]) }, nil
	case "BEGINS_WITH", "CONTAINS":
		test := tests[map[string]string{"BEGINS_WITH": "begins_with", "CONTAINS": "contains"}[op]]
		return func(it item) bool { v, ok := it[name]; return ok && test(&v, &list[0]) }, nil
	}
	operator, ok := legacyOperators[op]
	if !ok {
		return nil, errInvalid("ComparisonOperator %s is not supported here", op)
	}
	return compared(name, operator, &list[0]), nil
}

// attributeUpdates is what a map of updates asks for.
func attributeUpdates(all map[string]valueUpdate) ([]change, error) {
	var changes []change
	for _, name := range sortedKeys(all) {
		u := all[name]
		if u.Value != nil {
			if err := u.Value.check(0); err != nil {
				return nil, err
			}
		} else if u.Action != "DELETE" {
			return nil, errParameters("Only DELETE action is allowed when no attribute value is specified")
		}
		c := change{attribute: name}
		switch u.Action {
		case "ADD":
			c.apply = func(_ item, old *value) (*value, error) { return added(old, u.Value) }
		case "DELETE":
			c.apply = func(_ item, old *value) (*value, error) {
				if u.Value == nil {
					return nil, nil
				}
				return without(old, u.Value)
			}
		default:
			c.apply = func(item, *value) (*value, error) { return u.Value, nil }
		}
		changes = append(changes, c)
	}
	return changes, nil
}
