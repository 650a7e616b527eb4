package pattern

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// MaxSelectionLength is the greatest number of characters of a selection.
const MaxSelectionLength = 2000

// A Selection is a field selection criterion: which accounts and Regions the
// events of a filter come from. It is looked at before the pattern.
//
//	selection = [ or ] .                        // blank: everything
//	or        = and { "OR" and } .
//	and       = primary { "AND" primary } .     // binds tighter than OR
//	primary   = "(" or ")" | field ( "=" | "!=" ) string
//	                       | field [ "NOT" ] "IN" "[" string { "," string } "]" .
//	field     = "@aws.account" | "@aws.region" .
//	string    = `"` char { char } `"` .
//
// Blanks may stand between all parts. A Selection does not change.
type Selection struct {
	anyOf []selectionAll // empty: everything
}

// A selectionAll holds when all its parts do.
type selectionAll []selectionPart

// A selectionPart is a group in parentheses, or says whether a field is one of
// some values.
type selectionPart struct {
	group  []selectionAll
	field  selectionField
	values []string
	negate bool
}

type selectionField uint8

const (
	accountField selectionField = iota
	regionField
)

// ParseSelection reads a selection. The error is a *[SyntaxError].
func ParseSelection(text string) (*Selection, error) {
	if err := checkText(text, MaxSelectionLength); err != nil {
		return nil, err
	}
	p := selectionParser{lexer{text: text}}
	p.blanks()
	if p.atEnd() {
		return &Selection{}, nil
	}
	anyOf, err := p.anyOf()
	if err != nil {
		return nil, err
	}
	if !p.atEnd() {
		return nil, p.unexpected("")
	}
	return &Selection{anyOf: anyOf}, nil
}

// Match reports whether the selection takes the events of an account in a Region.
func (s *Selection) Match(account, region string) bool {
	return s.anyOf == nil || holdsAny(s.anyOf, account, region)
}

func holdsAny(anyOf []selectionAll, account, region string) bool {
	return slices.ContainsFunc(anyOf, func(all selectionAll) bool {
		return !slices.ContainsFunc(all, func(part selectionPart) bool {
			return !part.holds(account, region)
		})
	})
}

func (part selectionPart) holds(account, region string) bool {
	if part.group != nil {
		return holdsAny(part.group, account, region)
	}
	value := account
	if part.field == regionField {
		value = region
	}
	return slices.Contains(part.values, value) != part.negate
}

type selectionParser struct{ lexer }

func (p *selectionParser) anyOf() ([]selectionAll, *SyntaxError) {
	var anyOf []selectionAll
	for {
		var all selectionAll
		for {
			part, err := p.primary()
			if err != nil {
				return nil, err
			}
			all = append(all, part)
			p.blanks()
			if !p.word("AND") {
				break
			}
			p.blanks()
		}
		anyOf = append(anyOf, all)
		if !p.word("OR") {
			return anyOf, nil
		}
		p.blanks()
	}
}

func (p *selectionParser) primary() (part selectionPart, err *SyntaxError) {
	if p.accept("(") {
		p.blanks()
		if part.group, err = p.anyOf(); err != nil {
			return part, err
		}
		if !p.accept(")") {
			return part, p.unexpected("')'")
		}
		return part, nil
	}
	if part.field, err = p.field(); err != nil {
		return part, err
	}
	p.blanks()
	switch {
	case p.accept("!="):
		part.negate = true
	case p.accept("="):
	default:
		if part.negate = p.word("NOT"); part.negate {
			p.blanks()
		}
		if !p.word("IN") {
			return part, p.unexpected("an operator")
		}
		p.blanks()
		part.values, err = p.list()
		return part, err
	}
	p.blanks()
	value, err := p.string()
	part.values = []string{value}
	return part, err
}

func (p *selectionParser) field() (selectionField, *SyntaxError) {
	begin := p.pos
	name := p.run(func(r rune) bool { return isWordChar(r) || r == '@' || r == '.' })
	switch name {
	case "@aws.account":
		return accountField, nil
	case "@aws.region":
		return regionField, nil
	case "":
		return 0, p.unexpected("a system field")
	default:
		return 0, syntaxError(begin, "'"+name+"' is neither @aws.account nor @aws.region")
	}
}

func (p *selectionParser) list() (values []string, err *SyntaxError) {
	if !p.accept("[") {
		return nil, p.unexpected("'['")
	}
	for {
		p.blanks()
		value, err := p.string()
		if err != nil {
			return nil, err
		}
		values = append(values, value)
		p.blanks()
		if p.accept("]") {
			return values, nil
		}
		if !p.accept(",") {
			return nil, p.unexpected("',' or ']'")
		}
	}
}

func (p *selectionParser) string() (string, *SyntaxError) {
	if p.peek() != '"' {
		return "", p.unexpected("a quoted value")
	}
	return p.quoted()
}

// word reads an operator that is a word, if it comes next.
func (p *selectionParser) word(word string) bool {
	rest, found := strings.CutPrefix(p.text[p.pos:], word)
	if !found {
		return false
	}
	if r, _ := utf8.DecodeRuneInString(rest); rest != "" && isWordChar(r) {
		return false
	}
	p.pos += len(word)
	return true
}
