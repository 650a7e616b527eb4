package pattern

import "strings"

// columns reads a space-delimited pattern.
func (p *parser) columns() (node, *SyntaxError) {
	if !strings.HasSuffix(p.text, "]") {
		return nil, syntaxError(len(p.text), "If a filter pattern starts with '[' it must end with ']'")
	}
	p.pos++
	p.blanks()
	if p.accept("]") {
		if !p.atEnd() {
			return nil, p.unexpected("")
		}
		return columnsNode{ellipsis: 0}, nil
	}
	n := columnsNode{ellipsis: -1}
	for {
		p.blanks()
		at := p.pos
		if p.accept("...") {
			if n.ellipsis >= 0 {
				return nil, syntaxError(at, "A pattern holds '...' at most once")
			}
			n.ellipsis = len(n.columns)
		} else {
			c, err := p.column()
			if err != nil {
				return nil, err
			}
			n.columns = append(n.columns, c)
		}
		p.blanks()
		if !p.accept(",") {
			break
		}
	}
	if !p.accept("]") || !p.atEnd() {
		return nil, p.unexpected("',' or ']'")
	}
	return n, nil
}

func (p *parser) column() (column, *SyntaxError) {
	c := column{name: p.run(isNameChar)}
	if c.name == "" {
		return c, nil
	}
	p.blanks()
	if p.peek() == ',' || p.peek() == ']' {
		return c, nil
	}
	all := []comparison(nil)
	for {
		p.blanks()
		cmp, err := p.comparison(",]")
		if err != nil {
			return c, err
		}
		all = append(all, cmp)
		p.blanks()
		switch {
		case p.accept("&&"):
		case p.accept("||"):
			c.anyOf = append(c.anyOf, all)
			all = nil
		default:
			c.anyOf = append(c.anyOf, all)
			return c, nil
		}
		p.blanks()
		at := p.pos
		if name := p.run(isNameChar); name != c.name {
			if name == "" {
				return c, p.unexpected("the field's name")
			}
			return c, syntaxError(at, "A condition of the field '"+c.name+"' names another field, '"+name+"'")
		}
	}
}
