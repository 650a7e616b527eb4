package pattern

import (
	"strconv"
	"strings"
)

// A node is a parsed pattern: a blank, a termList, an expr in braces or columns.
// Two texts with equal nodes mean the same.
//
//sumtype:decl
type node interface {
	isNode()
	// write appends the pattern in its canonical form, which is never longer
	// than any text that parses to it.
	write(b *strings.Builder)
}

type (
	blankNode struct{}

	termsNode struct{ terms []term }

	jsonNode struct{ expr expr }

	columnsNode struct {
		columns []column
		// ellipsis is the index in columns before which "..." stands, or -1.
		ellipsis int
	}
)

// A term is one word, phrase or regular expression of a list of terms.
type term struct {
	sign byte   // '-', '?' or 0
	text string // of a word or phrase
	re   *regex // nil for a word or phrase
}

// A column is one field of a space-delimited pattern.
type column struct {
	name string // "" for a field called by its position
	// anyOf holds the conditions: one of the lists must hold, and a list holds
	// when all in it do. nil means no condition.
	anyOf [][]comparison
}

// An expr is a condition, or several joined: an allExpr, an anyExpr or a *condition.
// The parts of an allExpr are never allExprs, nor those of an anyExpr anyExprs.
//
//sumtype:decl
type expr interface{ isExpr() }

type (
	allExpr []expr
	anyExpr []expr

	// A condition is a comparison of what a selector finds.
	condition struct {
		selector []step
		comparison
	}
)

func (allExpr) isExpr()    {}
func (anyExpr) isExpr()    {}
func (*condition) isExpr() {}

// A step leads from a JSON value to one inside it.
type step struct {
	kind  stepKind
	name  string // of a memberStep
	index int    // of an elementStep
}

type stepKind uint8

const (
	memberStep stepKind = iota
	anyMemberStep
	elementStep
	anyElementStep
)

// A comparison is an operator and what stands to its right.
type comparison struct {
	op    operator
	value value // of the operators that have one
}

type operator uint8

const (
	equal operator = iota
	notEqual
	less
	lessEqual
	greater
	greaterEqual
	isNull
	isTrue
	isFalse
	notExists
)

var operatorText = [...]string{
	equal: "=", notEqual: "!=", less: "<", lessEqual: "<=", greater: ">", greaterEqual: ">=",
	isNull: "IS NULL", isTrue: "IS TRUE", isFalse: "IS FALSE", notExists: "NOT EXISTS",
}

// relational reports whether the operator compares by size.
func (op operator) relational() bool { return less <= op && op <= greaterEqual }

// A value is the right side of a comparison.
type value struct {
	kind    valueKind
	text    string // as written, without quotes and escapes; "" of a regexValue
	number  decimal
	glob    glob
	re      *regex
	machine *machine // of re
}

type valueKind uint8

const (
	textValue valueKind = iota
	numberValue
	regexValue
)

func (blankNode) isNode()   {}
func (termsNode) isNode()   {}
func (jsonNode) isNode()    {}
func (columnsNode) isNode() {}

func (blankNode) write(*strings.Builder) {}

func (n termsNode) write(b *strings.Builder) {
	for i, t := range n.terms {
		if i > 0 {
			b.WriteByte(' ')
		}
		if t.sign != 0 {
			b.WriteByte(t.sign)
		}
		switch {
		case t.re != nil:
			t.re.write(b)
		case consistsOf(t.text, isWordChar):
			b.WriteString(t.text)
		default:
			writeQuoted(b, t.text)
		}
	}
}

func (n jsonNode) write(b *strings.Builder) {
	b.WriteByte('{')
	writeExpr(b, n.expr, false)
	b.WriteByte('}')
}

func (n columnsNode) write(b *strings.Builder) {
	b.WriteByte('[')
	separator := ""
	for i, c := range n.columns {
		if i == n.ellipsis {
			b.WriteString(separator + "...")
			separator = ","
		}
		b.WriteString(separator)
		separator = ","
		c.write(b)
	}
	if n.ellipsis == len(n.columns) && n.ellipsis > 0 {
		b.WriteString(",...")
	}
	b.WriteByte(']')
}

func (c column) write(b *strings.Builder) {
	if c.anyOf == nil {
		b.WriteString(c.name)
	}
	for i, all := range c.anyOf {
		if i > 0 {
			b.WriteString("||")
		}
		for j, cmp := range all {
			if j > 0 {
				b.WriteString("&&")
			}
			b.WriteString(c.name)
			cmp.write(b)
		}
	}
}

func writeExpr(b *strings.Builder, e expr, inAll bool) {
	switch e := e.(type) {
	case *condition:
		b.WriteByte('$')
		for _, s := range e.selector {
			s.write(b)
		}
		// A keyword would read as part of a name just before it.
		if e.op >= isNull && e.selector[len(e.selector)-1].printsAsName() {
			b.WriteByte(' ')
		}
		e.comparison.write(b)
	case allExpr:
		for i, part := range e {
			if i > 0 {
				b.WriteString("&&")
			}
			writeExpr(b, part, true)
		}
	case anyExpr:
		if inAll {
			b.WriteByte('(')
		}
		for i, part := range e {
			if i > 0 {
				b.WriteString("||")
			}
			writeExpr(b, part, false)
		}
		if inAll {
			b.WriteByte(')')
		}
	}
}

func (s step) printsAsName() bool { return s.kind == memberStep && consistsOf(s.name, isNameChar) }

func (s step) write(b *strings.Builder) {
	switch s.kind {
	case memberStep:
		if s.printsAsName() {
			b.WriteString("." + s.name)
		} else {
			b.WriteString("['" + s.name + "']")
		}
	case anyMemberStep:
		b.WriteString(".*")
	case elementStep:
		b.WriteString("[" + strconv.Itoa(s.index) + "]")
	case anyElementStep:
		b.WriteString("[*]")
	}
}

func (c comparison) write(b *strings.Builder) {
	b.WriteString(operatorText[c.op])
	if c.op < isNull {
		c.value.write(b)
	}
}

func (v value) write(b *strings.Builder) {
	switch v.kind {
	case numberValue:
		b.WriteString(v.text)
	case regexValue:
		v.re.write(b)
	case textValue:
		if _, looksLikeNumber := parseDecimal([]byte(v.text)); !looksLikeNumber && consistsOf(v.text, isBareChar) {
			b.WriteString(v.text)
		} else {
			writeQuoted(b, v.text)
		}
	}
}

// writeQuoted escapes only what would otherwise be read differently, so that
// the result is not longer than what was parsed.
func writeQuoted(b *strings.Builder, s string) {
	b.WriteByte('"')
	for i := 0; i < len(s); i++ {
		last := i == len(s)-1
		if s[i] == '"' || s[i] == '\\' && (last || s[i+1] == '"' || s[i+1] == '\\') {
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	b.WriteByte('"')
}
