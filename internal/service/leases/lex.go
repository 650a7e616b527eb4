package leases

import (
	"strings"
	"unicode/utf8"
)

// A word of an expression: a name, #name, :value, a number in brackets, an operator
// or a keyword, which is a name until the parser knows better.
type word struct {
	text string
	at   int // byte
}

// words cuts an expression.
func words(kind, text string) ([]word, error) {
	if len(text) > maxExpression {
		return nil, errExpression(kind, "Expression size has exceeded the maximum allowed size")
	}
	if !utf8.ValidString(text) {
		return nil, errExpression(kind, "Syntax error; it is not UTF-8")
	}
	var all []word
	for i := 0; i < len(text); {
		start := i
		switch c := text[i]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
			continue
		case c == '<' || c == '>':
			i++
			if i < len(text) && (text[i] == '=' || c == '<' && text[i] == '>') {
				i++
			}
		case strings.IndexByte("=(),+-", c) >= 0:
			i++
		case c == '#' || c == ':' || nameByte(c):
			for i++; i < len(text) && nameByte(text[i]); i++ {
				continue
			}
		default:
			return nil, errExpression(kind, `Syntax error; token: "%s", near: "%s"`, text[i:i+1], near(text, i))
		}
		all = append(all, word{text[start:i], start})
	}
	return all, nil
}

func nameByte(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// near is the text around a fault.
func near(text string, at int) string {
	return strings.ToValidUTF8(text[max(0, at-8):min(len(text), at+8)], "")
}

// A parser reads the words of one expression.
type parser struct {
	kind  string // ConditionExpression, as errors name it
	text  string
	words []word
	depth int
	*placeholders
}

func newParser(kind, text string, h *placeholders) (*parser, error) {
	h.parsed = true
	all, err := words(kind, text)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, errExpression(kind, "The expression can not be empty;")
	}
	return &parser{kind: kind, text: text, words: all, placeholders: h}, nil
}

// peek is the next word, "" at the end.
func (p *parser) peek() string {
	if len(p.words) == 0 {
		return ""
	}
	return p.words[0].text
}

func (p *parser) next() string {
	w := p.peek()
	if w != "" {
		p.words = p.words[1:]
	}
	return w
}

// keyword takes the next word if it is this keyword, in any case.
func (p *parser) keyword(k string) bool {
	if !strings.EqualFold(p.peek(), k) {
		return false
	}
	p.next()
	return true
}

func (p *parser) expect(w string) error {
	if p.peek() != w {
		return p.unexpected()
	}
	p.next()
	return nil
}

func (p *parser) unexpected() error {
	if len(p.words) == 0 {
		return errExpression(p.kind, `Syntax error; token: "<EOF>", near: "%s"`, near(p.text, len(p.text)))
	}
	return errExpression(p.kind, `Syntax error; token: "%s", near: "%s"`, p.peek(), near(p.text, p.words[0].at))
}

// keywords cannot be names without a # before them. DynamoDB reserves hundreds of
// words more; a client that works there uses none of them.
var keywords = []string{"AND", "OR", "NOT", "IN", "BETWEEN", "SET", "REMOVE", "ADD", "DELETE"}

// attribute reads the name of a top-level attribute.
func (p *parser) attribute() (string, error) {
	w := p.peek()
	switch {
	case w == "":
		return "", p.unexpected()
	case w[0] == '#':
		name, ok := p.names[w]
		if !ok {
			return "", errExpression(p.kind, "An expression attribute name used in the document path is not defined; attribute name: %s", w)
		}
		p.used[w] = true
		p.next()
		return name, nil
	case w[0] >= '0' && w[0] <= '9' || !nameByte(w[0]):
		return "", p.unexpected()
	}
	for _, k := range keywords {
		if strings.EqualFold(w, k) {
			return "", errExpression(p.kind, "Attribute name is a reserved keyword; reserved keyword: %s", w)
		}
	}
	return p.next(), nil
}

// given reads a :value.
func (p *parser) given() (value, error) {
	w := p.peek()
	if w == "" || w[0] != ':' {
		return value{}, p.unexpected()
	}
	v, ok := p.values[w]
	if !ok {
		return value{}, errExpression(p.kind, "An expression attribute value used in expression is not defined; attribute value: %s", w)
	}
	p.used[w] = true
	p.next()
	return v, nil
}
