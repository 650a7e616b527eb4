package policy

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// The tree that readSyntax returns: the document with its grammar checked and
// nothing else.
type (
	tree struct {
		version    string // empty where absent
		id         string
		list       bool // Statement is a list
		statements []statementTree
	}
	statementTree struct {
		offset                  int64
		text                    string // as it was written
		from, to                Position
		sid, effect             string
		principal, notPrincipal *principalTree
		// A nil list means that the element is absent.
		action, notAction     []string
		resource, notResource []string
		conditions            []conditionTree
	}
	principalTree struct{ names []PrincipalName }
	conditionTree struct {
		operator, key string
		values        []string
		offset        int64
	}
)

// at is the JSON pointer of an element of statement i.
func (t *tree) at(i int, element string) string {
	where := "/Statement"
	if t.list {
		where += "/" + strconv.Itoa(i)
	}
	if element != "" {
		where += "/" + element
	}
	return where
}

// actions are those of Action or NotAction: a statement has only one of them.
func (st *statementTree) actions() []string {
	if st.notAction != nil {
		return st.notAction
	}
	return st.action
}

// resources are those of Resource or NotResource.
func (st *statementTree) resources() []string {
	if st.notResource != nil {
		return st.notResource
	}
	return st.resource
}

// A syntaxReader reads the tree from JSON tokens. It only ever reads a token of a
// kind that the grammar has at that place, so depth costs nothing: the first
// bracket too many ends it.
type syntaxReader struct {
	dec   *jsontext.Decoder
	input string // what dec reads
	usage Usage

	// The last position that was asked for, and its byte.
	at     Position
	atByte int
}

// position is the place of a byte that is not before the last one asked for.
func (r *syntaxReader) position(offset int) Position {
	between := r.input[r.atByte:offset]
	if lines := strings.Count(between, "\n"); lines > 0 {
		r.at.Line += int32(lines)
		r.at.Column = 1
		between = between[strings.LastIndexByte(between, '\n')+1:]
	}
	r.at.Column += int32(utf8.RuneCountInString(between))
	r.atByte = offset
	return r.at
}

func readSyntax(text string, usage Usage) (*tree, *ParseError) {
	if len(text) > MaxSize {
		return nil, &ParseError{Reason: syntaxErrors, Detail: fmt.Sprintf("%d bytes, the limit is %d", len(text), MaxSize)}
	}
	r := syntaxReader{dec: jsontext.NewDecoder(strings.NewReader(text)), input: text, usage: usage, at: Position{1, 1}}
	t, err := r.document()
	if err == nil {
		if _, err = r.dec.ReadToken(); errors.Is(err, io.EOF) {
			return t, nil
		}
		if err == nil {
			err = r.notJSON(errors.New("something follows the document"))
		}
	}
	var perr *ParseError
	if !errors.As(err, &perr) {
		perr = r.notJSON(err)
	}
	return nil, perr
}

// notJSON is the error for text that is not JSON as we want it.
func (r *syntaxReader) notJSON(err error) *ParseError {
	reason := syntaxErrors
	if r.usage == Trust {
		reason = invalidJSON
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return &ParseError{
		Reason: reason, Detail: err.Error(), NotJSON: true,
		Pointer: string(r.dec.StackPointer()), Offset: r.dec.InputOffset(),
	}
}

// wrong is the error for JSON that is not a policy.
func (r *syntaxReader) wrong(format string, args ...any) error {
	return &ParseError{
		Reason: syntaxErrors, Detail: fmt.Sprintf(format, args...),
		Pointer: string(r.dec.StackPointer()), Offset: r.dec.InputOffset(),
	}
}

// expect returns the next token if it is of the kind.
func (r *syntaxReader) expect(kind jsontext.Kind, what string) (jsontext.Token, error) {
	if got := r.dec.PeekKind(); got != kind && got != jsontext.KindInvalid {
		return jsontext.Token{}, r.wrong("%s is not a JSON %s", what, kind)
	}
	tok, err := r.dec.ReadToken()
	if err != nil {
		return jsontext.Token{}, err
	}
	return tok, nil
}

func (r *syntaxReader) text(what string) (string, error) {
	tok, err := r.expect(jsontext.KindString, what)
	if err != nil {
		return "", err
	}
	return tok.String(), nil
}

// members calls member for each name of an object, with the value still to read.
func (r *syntaxReader) members(what string, member func(name string) error) error {
	if _, err := r.expect(jsontext.KindBeginObject, what); err != nil {
		return err
	}
	for r.dec.PeekKind() != jsontext.KindEndObject {
		name, err := r.dec.ReadToken()
		if err != nil {
			return err
		}
		if err := member(name.String()); err != nil {
			return err
		}
	}
	_, err := r.dec.ReadToken()
	return err
}

// elements calls element for each element of a list.
func (r *syntaxReader) elements(what string, element func() error) error {
	if _, err := r.expect(jsontext.KindBeginArray, what); err != nil {
		return err
	}
	for r.dec.PeekKind() != jsontext.KindEndArray {
		if err := element(); err != nil {
			return err
		}
	}
	_, err := r.dec.ReadToken()
	return err
}

// texts reads a string or a list of strings. The result is not nil.
func (r *syntaxReader) texts(what string) ([]string, error) {
	if r.dec.PeekKind() != jsontext.KindBeginArray {
		s, err := r.text(what)
		return []string{s}, err
	}
	list := []string{}
	err := r.elements(what, func() error {
		s, err := r.text("an element of " + what)
		list = append(list, s)
		return err
	})
	return list, err
}

func (r *syntaxReader) document() (*tree, error) {
	t := &tree{}
	err := r.members("the document", func(name string) (err error) {
		switch name {
		case "Version":
			t.version, err = r.text(name)
			if err == nil && t.version != version2008 && t.version != Version2012 {
				err = r.wrong("Version %q is not known", t.version)
			}
		case "Id":
			t.id, err = r.text(name)
		case "Statement":
			err = r.statements(t)
		default:
			err = r.wrong("%q is not an element of a policy", name)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(t.statements) == 0 {
		return nil, r.wrong("there is no statement")
	}
	return t, nil
}

func (r *syntaxReader) statements(t *tree) error {
	one := func() error {
		st, err := r.statement()
		t.statements = append(t.statements, st)
		return err
	}
	if r.dec.PeekKind() != jsontext.KindBeginArray {
		return one()
	}
	t.list = true
	return r.elements("Statement", one)
}

func (r *syntaxReader) statement() (statementTree, error) {
	st := statementTree{offset: r.dec.InputOffset()}
	hasEffect := false
	err := r.members("a statement", func(name string) (err error) {
		switch name {
		case "Sid":
			st.sid, err = r.text(name)
		case "Effect":
			hasEffect = true
			st.effect, err = r.text(name)
		case "Principal":
			st.principal, err = r.principal(name)
		case "NotPrincipal":
			st.notPrincipal, err = r.principal(name)
		case "Action":
			st.action, err = r.texts(name)
		case "NotAction":
			st.notAction, err = r.texts(name)
		case "Resource":
			st.resource, err = r.texts(name)
		case "NotResource":
			st.notResource, err = r.texts(name)
		case "Condition":
			st.conditions, err = r.conditions()
		default:
			err = r.wrong("%q is not an element of a statement", name)
		}
		return err
	})
	// What the decoder has passed before the first bracket belongs to no statement.
	end := r.dec.InputOffset()
	st.text = strings.TrimLeft(r.input[st.offset:end], " \t\r\n,:")
	before := r.input[st.offset : int(end)-len(st.text)]
	st.from = r.position(int(st.offset) + strings.LastIndexAny(before, ",:") + 1)
	st.to = r.position(int(end))
	switch {
	case err != nil:
		return st, err
	case !hasEffect:
		return st, r.wrong("a statement has no Effect")
	case st.action != nil && st.notAction != nil:
		return st, r.wrong("a statement has both Action and NotAction")
	case st.resource != nil && st.notResource != nil:
		return st, r.wrong("a statement has both Resource and NotResource")
	case st.principal != nil && st.notPrincipal != nil:
		return st, r.wrong("a statement has both Principal and NotPrincipal")
	}
	return st, nil
}

func (r *syntaxReader) principal(element string) (*principalTree, error) {
	p := &principalTree{}
	if r.dec.PeekKind() == jsontext.KindString {
		s, err := r.text(element)
		p.names = []PrincipalName{{Value: s}}
		return p, err
	}
	err := r.members(element, func(name string) error {
		switch name {
		case "AWS", "Service", "Federated", "CanonicalUser":
		default:
			return r.wrong("%q is not a type of principal", name)
		}
		values, err := r.texts(name)
		for _, v := range values {
			p.names = append(p.names, PrincipalName{Type: name, Value: v})
		}
		return err
	})
	return p, err
}

func (r *syntaxReader) conditions() ([]conditionTree, error) {
	var list []conditionTree
	err := r.members("Condition", func(operator string) error {
		if _, ok := parseOperator(operator); !ok {
			return r.wrong("%q is not a condition operator", operator)
		}
		seen := map[string]bool{}
		return r.members(operator, func(key string) error {
			lower := strings.ToLower(key)
			if seen[lower] {
				return r.wrong("condition key %q occurs twice under %s", key, operator)
			}
			seen[lower] = true
			values, err := r.conditionValues(key)
			list = append(list, conditionTree{operator: operator, key: key, values: values, offset: r.dec.InputOffset()})
			return err
		})
	})
	return list, err
}

// conditionValues reads one value or a list of them: strings, and as IAM allows,
// numbers and Booleans, which stand for their text.
func (r *syntaxReader) conditionValues(key string) ([]string, error) {
	list := []string{}
	one := func() error {
		switch r.dec.PeekKind() {
		case jsontext.KindString, jsontext.KindNumber, jsontext.KindTrue, jsontext.KindFalse, jsontext.KindInvalid:
			tok, err := r.dec.ReadToken()
			if err == nil {
				list = append(list, tok.String())
			}
			return err
		default:
			return r.wrong("a value of condition key %q is not a string", key)
		}
	}
	if r.dec.PeekKind() != jsontext.KindBeginArray {
		return list, one()
	}
	err := r.elements(key, one)
	return list, err
}
