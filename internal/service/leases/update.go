package leases

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// sizeOf is the operand size(attr).
func sizeOf(attr string) operand {
	return func(it item) *value {
		v, ok := it[attr]
		if !ok {
			return nil
		}
		n := 0
		switch v.kind() {
		case "S":
			n = utf8.RuneCountInString(*v.S)
		case "B":
			n = len(v.B)
		case "SS", "NS", "BS", "L", "M":
			n = len(v.SS) + len(v.NS) + len(v.BS) + len(v.L) + len(v.M)
		default:
			return nil
		}
		size := number(strconv.Itoa(n))
		return &size
	}
}

// A change of one attribute, made of the item as it was before the update.
type change struct {
	attribute string
	// apply returns the attribute's new value, nil to take it away. old is nil
	// where there is none.
	apply func(it item, old *value) (*value, error)
}

// parseUpdate reads an update expression: each clause at most once, in any order.
//
//	update = { SET name "=" sum { "," name "=" sum } | REMOVE name { "," name }
//	         | ADD name :value { "," … } | DELETE name :value { "," … } } .
//	sum    = term [ ( "+" | "-" ) term ] .
//	term   = name | :value | if_not_exists "(" name "," term ")" .
func (p *parser) parseUpdate() ([]change, error) {
	var all []change
	seen := map[string]bool{}
	for len(p.words) > 0 {
		clause := strings.ToUpper(p.peek())
		read, ok := map[string]func() (change, error){
			"SET": p.set, "REMOVE": p.remove, "ADD": p.add, "DELETE": p.deleteFrom,
		}[clause]
		if !ok {
			return nil, p.unexpected()
		}
		if seen[clause] {
			return nil, errExpression(p.kind, `The "%s" section can only be used once in an update expression;`, clause)
		}
		seen[clause] = true
		for more := true; more; more = p.peek() == "," {
			p.next() // the clause's name or a comma
			c, err := read()
			if err != nil {
				return nil, err
			}
			if slices.ContainsFunc(all, func(o change) bool { return o.attribute == c.attribute }) {
				return nil, errExpression(p.kind, "Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [%s], path two: [%s]", c.attribute, c.attribute)
			}
			all = append(all, c)
		}
	}
	return all, nil
}

func (p *parser) set() (change, error) {
	attr, err := p.attribute()
	if err == nil {
		err = p.expect("=")
	}
	if err != nil {
		return change{}, err
	}
	left, err := p.term()
	if err != nil {
		return change{}, err
	}
	sign := int64(0)
	switch p.peek() {
	case "+":
		sign = 1
	case "-":
		sign = -1
	default:
		return change{attr, func(it item, _ *value) (*value, error) { return present(left(it)) }}, nil
	}
	p.next()
	right, err := p.term()
	return change{attr, func(it item, _ *value) (*value, error) {
		a, err := present(left(it))
		if err != nil {
			return nil, err
		}
		b, err := present(right(it))
		if err != nil {
			return nil, err
		}
		return sum(a, b, sign)
	}}, err
}

func present(v *value) (*value, error) {
	if v == nil {
		return nil, errInvalid("The provided expression refers to an attribute that does not exist in the item")
	}
	return v, nil
}

func (p *parser) term() (operand, error) {
	if p.peek() != "if_not_exists" {
		return p.operand()
	}
	if p.depth++; p.depth > maxDepth {
		return nil, errExpression(p.kind, "The expression has exceeded the maximum nesting")
	}
	defer func() { p.depth-- }()
	p.next()
	err := p.expect("(")
	if err != nil {
		return nil, err
	}
	attr, err := p.attribute()
	if err == nil {
		err = p.expect(",")
	}
	if err != nil {
		return nil, err
	}
	otherwise, err := p.term()
	if err != nil {
		return nil, err
	}
	return func(it item) *value {
		if v, ok := it[attr]; ok {
			return &v
		}
		return otherwise(it)
	}, p.expect(")")
}

func (p *parser) remove() (change, error) {
	attr, err := p.attribute()
	return change{attr, func(item, *value) (*value, error) { return nil, nil }}, err
}

func (p *parser) add() (change, error) {
	attr, err := p.attribute()
	if err != nil {
		return change{}, err
	}
	v, err := p.given()
	return change{attr, func(_ item, old *value) (*value, error) { return added(old, &v) }}, err
}

func (p *parser) deleteFrom() (change, error) {
	attr, err := p.attribute()
	if err != nil {
		return change{}, err
	}
	v, err := p.given()
	return change{attr, func(_ item, old *value) (*value, error) { return without(old, &v) }}, err
}

func errOperandType(operator, kind string) error {
	return errInvalid("Invalid UpdateExpression: Incorrect operand type for operator or function; operator: %s, operand type: %s", operator, kind)
}

func sum(a, b *value, sign int64) (*value, error) {
	for _, v := range []*value{a, b} {
		if v.N == nil {
			return nil, errOperandType("+", v.kind())
		}
	}
	x, err := parseNumber(*a.N)
	if err != nil {
		return nil, err
	}
	y, err := parseNumber(*b.N)
	if err != nil {
		return nil, err
	}
	d, err := x.plus(y, sign)
	if err != nil {
		return nil, err
	}
	v := number(d.String())
	return &v, nil
}

// added is what ADD makes of an attribute: a sum, or a set with more members.
func added(old, v *value) (*value, error) {
	if old == nil && (v.N != nil || v.SS != nil || v.NS != nil) {
		return v, nil
	}
	switch {
	case old == nil:
	case old.N != nil && v.N != nil:
		return sum(old, v, 1)
	case old.SS != nil && v.SS != nil:
		return &value{SS: union(old.SS, v.SS)}, nil
	case old.NS != nil && v.NS != nil:
		return &value{NS: union(old.NS, v.NS)}, nil
	}
	return nil, errOperandType("ADD", v.kind())
}

func union(a, b []string) []string {
	all := append(slices.Clone(a), b...)
	slices.Sort(all)
	return slices.Compact(all)
}

// without is what DELETE with a value makes of a set.
func without(old, v *value) (*value, error) {
	minus := func(a, b []string) []string {
		return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
	}
	switch {
	case v.SS == nil && v.NS == nil:
		return nil, errOperandType("DELETE", v.kind())
	case old == nil:
		return nil, nil
	case old.SS != nil && v.SS != nil:
		if left := minus(old.SS, v.SS); len(left) > 0 {
			return &value{SS: left}, nil
		}
		return nil, nil
	case old.NS != nil && v.NS != nil:
		if left := minus(old.NS, v.NS); len(left) > 0 {
			return &value{NS: left}, nil
		}
		return nil, nil
	}
	return nil, errOperandType("DELETE", v.kind())
}
