package leases

import (
	"maps"
	"slices"
	"strings"
)

// A condition is true or false of an item; nil is an item that is not there.
type condition func(item) bool

// An operand is a value that an expression speaks of; nil where the item has none.
type operand func(item) *value

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// parseCondition reads a condition:
//
//	or        = and { OR and } .
//	and       = not { AND not } .
//	not       = NOT not | primary .
//	primary   = "(" or ")" | test | operand compare operand
//	          | operand BETWEEN operand AND operand | operand IN "(" operand { "," operand } ")" .
//	test      = ( attribute_exists | attribute_not_exists ) "(" name ")"
//	          | ( attribute_type | begins_with | contains ) "(" name "," operand ")" .
//	operand   = name | :value | size "(" name ")" .
//	compare   = "=" | "<>" | "<" | "<=" | ">" | ">=" .
func (p *parser) parseCondition() (condition, error) {
	c, err := p.or()
	if err == nil && len(p.words) > 0 {
		err = p.unexpected()
	}
	return c, err
}

func (p *parser) or() (condition, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, errExpression(p.kind, "The expression has exceeded the maximum nesting")
	}
	defer func() { p.depth-- }()
	left, err := p.and()
	for err == nil && p.keyword("OR") {
		var right condition
		a := left
		right, err = p.and()
		left = func(it item) bool { return a(it) || right(it) }
	}
	return left, err
}

func (p *parser) and() (condition, error) {
	left, err := p.not()
	for err == nil && p.keyword("AND") {
		var right condition
		a := left
		right, err = p.not()
		left = func(it item) bool { return a(it) && right(it) }
	}
	return left, err
}

func (p *parser) not() (condition, error) {
	negated := false
	for p.keyword("NOT") {
		negated = !negated
	}
	c, err := p.primary()
	if err != nil || !negated {
		return c, err
	}
	return func(it item) bool { return !c(it) }, nil
}

func (p *parser) primary() (condition, error) {
	if p.peek() == "(" {
		p.next()
		c, err := p.or()
		if err != nil {
			return nil, err
		}
		return c, p.expect(")")
	}
	if len(p.words) > 1 && p.words[1].text == "(" && p.peek() != "size" {
		return p.test()
	}
	left, err := p.operand()
	if err != nil {
		return nil, err
	}
	switch {
	case p.keyword("BETWEEN"):
		return p.between(left)
	case p.keyword("IN"):
		return p.in(left)
	}
	op := p.peek()
	holds, ok := comparisons[op]
	if !ok {
		return nil, p.unexpected()
	}
	p.next()
	right, err := p.operand()
	return func(it item) bool { return holds(left(it), right(it)) }, err
}

// comparisons of two operands. A missing value fulfils none but <>.
var comparisons = map[string]func(a, b *value) bool{
	"=":  func(a, b *value) bool { return a != nil && b != nil && a.equal(b) },
	"<>": func(a, b *value) bool { return a == nil || b == nil || !a.equal(b) },
	"<":  ordered(func(order int) bool { return order < 0 }),
	"<=": ordered(func(order int) bool { return order <= 0 }),
	">":  ordered(func(order int) bool { return order > 0 }),
	">=": ordered(func(order int) bool { return order >= 0 }),
}

func ordered(holds func(order int) bool) func(a, b *value) bool {
	return func(a, b *value) bool {
		if a == nil || b == nil {
			return false
		}
		order, ok := a.compare(b)
		return ok && holds(order)
	}
}

func (p *parser) between(v operand) (condition, error) {
	low, err := p.operand()
	if err != nil {
		return nil, err
	}
	if !p.keyword("AND") {
		return nil, p.unexpected()
	}
	high, err := p.operand()
	return func(it item) bool {
		return comparisons[">="](v(it), low(it)) && comparisons["<="](v(it), high(it))
	}, err
}

func (p *parser) in(v operand) (condition, error) {
	if err := p.expect("("); err != nil {
		return nil, err
	}
	var list []operand
	for {
		o, err := p.operand()
		if err != nil {
			return nil, err
		}
		list = append(list, o)
		if p.peek() != "," {
			break
		}
		p.next()
	}
	return func(it item) bool {
		return slices.ContainsFunc(list, func(o operand) bool { return comparisons["="](v(it), o(it)) })
	}, p.expect(")")
}

// test reads a function that is true or false.
func (p *parser) test() (condition, error) {
	name := p.next()
	p.next() // the parenthesis
	switch name {
	case "attribute_exists", "attribute_not_exists":
		attr, err := p.attribute()
		if err != nil {
			return nil, err
		}
		wanted := name == "attribute_exists"
		return func(it item) bool { _, ok := it[attr]; return ok == wanted }, p.expect(")")
	case "attribute_type", "begins_with", "contains":
		attr, err := p.attribute()
		if err == nil {
			err = p.expect(",")
		}
		if err != nil {
			return nil, err
		}
		o, err := p.operand()
		if err != nil {
			return nil, err
		}
		holds := tests[name]
		return func(it item) bool {
			v, ok := it[attr]
			w := o(it)
			return ok && w != nil && holds(&v, w)
		}, p.expect(")")
	}
	return nil, errExpression(p.kind, "Invalid function name; function: %s", name)
}

var tests = map[string]func(v, w *value) bool{
	"attribute_type": func(v, w *value) bool { return w.S != nil && v.kind() == *w.S },
	"begins_with": func(v, w *value) bool {
		return v.S != nil && w.S != nil && strings.HasPrefix(*v.S, *w.S) ||
			v.B != nil && w.B != nil && strings.HasPrefix(string(v.B), string(w.B))
	},
	"contains": contains,
}

func contains(v, w *value) bool {
	switch {
	case v.S != nil && w.S != nil:
		return strings.Contains(*v.S, *w.S)
	case v.SS != nil && w.S != nil:
		return slices.Contains(v.SS, *w.S)
	case v.NS != nil && w.N != nil:
		return slices.Contains(v.NS, *w.N)
	}
	return slices.ContainsFunc(v.L, func(e value) bool { return e.equal(w) })
}

func (p *parser) operand() (operand, error) {
	switch w := p.peek(); {
	case strings.HasPrefix(w, ":"):
		v, err := p.given()
		return func(item) *value { return &v }, err
	case w == "size" && len(p.words) > 1 && p.words[1].text == "(":
		p.words = p.words[2:]
		attr, err := p.attribute()
		if err != nil {
			return nil, err
		}
		return sizeOf(attr), p.expect(")")
	}
	attr, err := p.attribute()
	return func(it item) *value {
		v, ok := it[attr]
		if !ok {
			return nil
		}
		return &v
	}, err
}
