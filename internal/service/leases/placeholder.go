package leases

// Placeholders are what the #names and :values in the expressions of a request stand
// for, and which of them its expressions have used.
type placeholders struct {
	names  map[string]string
	values item
	used   map[string]bool
	parsed bool // there is an expression
}

// newPlaceholders checks the values, in place.
func newPlaceholders(names map[string]string, values item) (*placeholders, error) {
	if err := checkItem(values, 0); err != nil {
		return nil, err
	}
	return &placeholders{names: names, values: values, used: map[string]bool{}}, nil
}

// checkUsed refuses names and values that stand in no expression, as DynamoDB does. All
// expressions of the request have been parsed.
func (h *placeholders) checkUsed() error {
	for _, m := range []struct {
		what  string
		words []string
	}{
		{"ExpressionAttributeNames", sortedKeys(h.names)},
		{"ExpressionAttributeValues", sortedKeys(h.values)},
	} {
		if len(m.words) > 0 && !h.parsed {
			return errInvalid("%s can only be specified when using expressions", m.what)
		}
		for _, w := range m.words {
			if !h.used[w] {
				return errInvalid("Value provided in %s unused in expressions: keys: {%s}", m.what, w)
			}
		}
	}
	return nil
}
