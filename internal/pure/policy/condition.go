package policy

import (
	"fmt"
	"strings"
)

// quantifier says how a condition treats a key with several values.
type quantifier uint8

const (
	single quantifier = iota // no prefix: it is enough that one value matches
	forAll                   // ForAllValues: every value must match
	forAny                   // ForAnyValue: one value must match
)

// A condition is one key under one operator. It holds or does not; a statement
// needs all of its conditions to hold.
type condition struct {
	operator string   // as written
	key      string   // in lower case
	name     string   // the key as written
	values   []string // as written

	quantifier quantifier
	negated    bool // a value matches where the test fails
	ifExists   bool // holds where the key is absent
	test       test
}

// A test compares one value of the request with all values of the policy: it
// succeeds if one of them fits.
type test interface {
	succeeds(ctx Context, value string) bool
}

// holds decides the condition. A key without values counts as absent: then
// ...IfExists and ForAllValues hold, ForAnyValue does not, and for the rest a
// positive operator does not hold and a negated one does.
func (c *condition) holds(ctx Context) bool {
	values := ctx[c.key]
	if n, ok := c.test.(nullTest); ok {
		return n.holds(len(values) > 0)
	}
	if len(values) == 0 {
		switch {
		case c.ifExists || c.quantifier == forAll:
			return true
		case c.quantifier == forAny:
			return false
		default:
			return c.negated
		}
	}
	switch c.quantifier {
	case forAll:
		for _, v := range values {
			if c.test.succeeds(ctx, v) == c.negated {
				return false
			}
		}
		return true
	case forAny:
		for _, v := range values {
			if c.test.succeeds(ctx, v) != c.negated {
				return true
			}
		}
		return false
	default:
		for _, v := range values {
			if c.test.succeeds(ctx, v) {
				return !c.negated
			}
		}
		return c.negated
	}
}

// An operator is the name of a condition operator, taken apart.
type operator struct {
	quantifier quantifier
	base       string // the name without prefix and suffix
	ifExists   bool
}

// parseOperator takes apart the name of an operator. Case counts. Null knows
// neither quantifier nor IfExists.
func parseOperator(name string) (operator, bool) {
	var op operator
	op.base = name
	if rest, ok := strings.CutPrefix(name, "ForAllValues:"); ok {
		op.quantifier, op.base = forAll, rest
	} else if rest, ok := strings.CutPrefix(name, "ForAnyValue:"); ok {
		op.quantifier, op.base = forAny, rest
	}
	op.base, op.ifExists = strings.CutSuffix(op.base, "IfExists")
	if op.base == "Null" {
		return op, op.quantifier == single && !op.ifExists
	}
	_, known := kindOf(op.base)
	return op, known
}

// testKind says how the values of an operator are read and compared.
type testKind struct {
	make    func(values []string, o order, withVariables bool) (test, error)
	order   order // of numbers and dates
	negated bool
}

// kindOf is the table of operators.
func kindOf(base string) (testKind, bool) {
	switch base {
	case "StringEquals":
		return testKind{make: newStringTest}, true
	case "StringNotEquals":
		return testKind{make: newStringTest, negated: true}, true
	case "StringEqualsIgnoreCase":
		return testKind{make: newFoldTest}, true
	case "StringNotEqualsIgnoreCase":
		return testKind{make: newFoldTest, negated: true}, true
	case "StringLike":
		return testKind{make: newLikeTest}, true
	case "StringNotLike":
		return testKind{make: newLikeTest, negated: true}, true
	case "NumericEquals":
		return testKind{make: newNumberTest, order: equal}, true
	case "NumericNotEquals":
		return testKind{make: newNumberTest, order: equal, negated: true}, true
	case "NumericLessThan":
		return testKind{make: newNumberTest, order: less}, true
	case "NumericLessThanEquals":
		return testKind{make: newNumberTest, order: less | equal}, true
	case "NumericGreaterThan":
		return testKind{make: newNumberTest, order: greater}, true
	case "NumericGreaterThanEquals":
		return testKind{make: newNumberTest, order: greater | equal}, true
	case "DateEquals":
		return testKind{make: newDateTest, order: equal}, true
	case "DateNotEquals":
		return testKind{make: newDateTest, order: equal, negated: true}, true
	case "DateLessThan":
		return testKind{make: newDateTest, order: less}, true
	case "DateLessThanEquals":
		return testKind{make: newDateTest, order: less | equal}, true
	case "DateGreaterThan":
		return testKind{make: newDateTest, order: greater}, true
	case "DateGreaterThanEquals":
		return testKind{make: newDateTest, order: greater | equal}, true
	case "Bool":
		return testKind{make: newBoolTest}, true
	case "BinaryEquals":
		return testKind{make: newBinaryTest}, true
	case "IpAddress":
		return testKind{make: newIPTest}, true
	case "NotIpAddress":
		return testKind{make: newIPTest, negated: true}, true
	case "ArnEquals", "ArnLike":
		return testKind{make: newARNTest}, true
	case "ArnNotEquals", "ArnNotLike":
		return testKind{make: newARNTest, negated: true}, true
	}
	return testKind{}, false
}

func compileCondition(t conditionTree, withVariables bool) (condition, error) {
	op, ok := parseOperator(t.operator)
	if !ok {
		panic(fmt.Sprintf("policy: operator %q passed the grammar", t.operator))
	}
	c := condition{
		operator: t.operator, key: strings.ToLower(t.key), name: t.key, values: t.values,
		quantifier: op.quantifier, ifExists: op.ifExists,
	}
	var err error
	if op.base == "Null" {
		c.test, err = newNullTest(t.values)
		return c, err
	}
	kind, _ := kindOf(op.base)
	c.negated = kind.negated
	c.test, err = kind.make(t.values, kind.order, withVariables)
	return c, err
}
