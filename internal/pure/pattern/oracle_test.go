package pattern

import (
	"encoding/json"
	"math/big"
	"math/rand/v2"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The oracle is a second matcher that is obvious and slow: it decodes the event,
// builds trees, splits with a regular expression, and compares numbers as
// fractions. It shares nothing with the package: patterns are made up together
// with what they mean, and written out as text for the real one to parse.

// A meaning says whether an event matches, and what is extracted from it.
type meaning func(event string) (match bool, fields []Field)

// TestOracleAgrees compares both matchers on random patterns and events.
// PATTERN_PAIRS sets how many (default 30,000), PATTERN_SEED from where.
func TestOracleAgrees(t *testing.T) {
	pairs := numberFromEnv(t, "PATTERN_PAIRS", 30000)
	seed := numberFromEnv(t, "PATTERN_SEED", 1)
	g := &generator{Rand: rand.New(rand.NewPCG(uint64(seed), 0))}
	const eventsPerPattern = 20
	matched, refused := 0, 0
	for done := 0; done < pairs && !t.Failed(); {
		text, mean, event := g.pattern()
		p, err := Parse(text)
		if err != nil {
			// The generator may go over the limits of a pattern, and over nothing else.
			if msg := err.(*SyntaxError).Msg; !strings.Contains(msg, "at most") && !strings.Contains(msg, "length less") {
				t.Fatalf("Parse(%q) fails with %v", text, err)
			}
			refused++
			if refused > pairs {
				t.Fatal("nearly all patterns are refused")
			}
			continue
		}
		checkPrint(t, p)
		var e Event
		for range eventsPerPattern {
			done++
			literal := g.literal(event())
			var decoded string
			if err := json.Unmarshal([]byte(literal), &decoded); err != nil {
				t.Fatalf("the generator made %s: %v", literal, err)
			}
			want, wantFields := mean(decoded)
			if want {
				matched++
			}
			if got := p.Match([]byte(literal)); got != want {
				t.Errorf("Match of %s with literal %s = %t, want %t", text, literal, got, want)
			}
			if got := p.MatchText(decoded); got != want {
				t.Errorf("MatchText of %s with %q = %t, want %t", text, decoded, got, want)
			}
			e.Reset([]byte(literal))
			if g.IntN(2) == 0 {
				e.Text() // as after another pattern
			}
			if got := p.MatchEvent(&e); got != want {
				t.Errorf("MatchEvent of %s with literal %s = %t, want %t", text, literal, got, want)
			}
			fields, got := p.Extract([]byte(literal), nil)
			if got != want || !slices.Equal(fields, wantFields) {
				t.Errorf("Extract of %s with %s = %q, %t, want %q, %t", text, literal, fields, got, wantFields, want)
			}
		}
	}
	t.Logf("%d pairs, %d matches, %d patterns over a limit, seed %d", pairs, matched, refused, seed)
	// Of events that (nearly) all match or all do not, little is learnt.
	if matched < pairs/10 || matched > pairs*9/10 {
		t.Errorf("%d of %d pairs match", matched, pairs)
	}
}

// checkPrint checks that a pattern's text is read as the same pattern.
func checkPrint(t *testing.T, p *Pattern) {
	t.Helper()
	q, err := Parse(p.String())
	if err != nil {
		t.Fatalf("Parse of the printed pattern %q fails with %v", p, err)
	}
	if !reflect.DeepEqual(p.node, q.node) || p.String() != q.String() {
		t.Fatalf("the printed pattern %q is read as %q", p, q)
	}
}

func numberFromEnv(t *testing.T, name string, otherwise int) int {
	t.Helper()
	value := os.Getenv(name)
	if value == "" {
		return otherwise
	}
	n, err := strconv.Atoi(value)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

func (g *generator) terms() (string, meaning) {
	type part struct {
		sign  string
		found *regexp.Regexp
	}
	var parts []part
	text := g.space()
	onlyOptional := true
	signs := g.pick("", "?", "-", "", " ", " ")
	for n := g.IntN(4); n >= 0; n-- {
		p := part{sign: signs}
		if signs == " " {
			p.sign = g.pick("", "?", "-", "")
		}
		text += p.sign
		switch g.IntN(4) {
		case 0:
			word := g.pick("ERROR", "a", "ab", "12", "RR", "é", "u0061", "n")
			text += word
			p.found = regexp.MustCompile(regexp.QuoteMeta(word))
		case 1, 2:
			phrase := g.pick("a b", "ERROR", `"`, `\`, `\n`, "\n", "/", " ", "a/b", "€", "\t", "[1", "*", `\"`, `n`, "aab ")
			text += g.quoted(phrase)
			p.found = regexp.MustCompile(regexp.QuoteMeta(phrase))
		case 3:
			var expression string
			expression, p.found = g.regex()
			text += expression
		}
		onlyOptional = onlyOptional && p.sign == "?"
		parts = append(parts, p)
		text += g.pick(" ", "  ", "\t")
	}
	return text, func(event string) (bool, []Field) {
		if onlyOptional {
			for _, p := range parts {
				if p.found.MatchString(event) {
					return true, nil
				}
			}
			return false, nil
		}
		for _, p := range parts {
			if p.sign != "?" && p.found.MatchString(event) != (p.sign == "") {
				return false, nil
			}
		}
		return true, nil
	}
}

// A subject is what a comparison is about: a text that may also be a number.
type subject struct {
	text   string
	number *big.Rat
}

// comparison returns the text of an operator with its value, and what it means.
func (g *generator) comparison() (string, func(subject) bool) {
	if g.IntN(3) == 0 {
		op := g.pick("<", "<=", ">", ">=")
		number := g.number()
		return g.space() + op + g.space() + number, func(s subject) bool {
			if s.number == nil {
				return false
			}
			order := s.number.Cmp(rat(number))
			return order < 0 && op[0] == '<' || order > 0 && op[0] == '>' || order == 0 && len(op) == 2
		}
	}
	op := g.pick("=", "!=")
	var value string
	var equal func(subject) bool
	switch g.IntN(5) {
	case 0:
		number := g.number()
		value = number
		equal = func(s subject) bool {
			if s.number == nil {
				return s.text == number
			}
			return s.number.Cmp(rat(number)) == 0
		}
	case 1:
		expression, re := g.regex()
		value = expression
		equal = func(s subject) bool { return re.MatchString(s.text) }
	case 2:
		bare := g.pick("*", "a*", "*b", "ab", "a*b", "ERROR", "1*", "*0", "*ab*", "é*", "4-0", "a**", "ab*ab", "1.2.3")
		value = bare
		equal = func(s subject) bool { return globOracle(bare, s.text) }
	default:
		quoted := g.pick("*", "a b", "12", "404", "4.0", `a"b`, `\*`, "a", "ab", "aab", "*ab", "abab", "a/b*", "1 ab", "*,]*")
		value = g.quoted(quoted)
		equal = func(s subject) bool { return globOracle(quoted, s.text) }
	}
	return g.space() + op + g.space() + value, func(s subject) bool { return equal(s) == (op == "=") }
}

// globOracle finds piece after piece, each where it is first.
func globOracle(glob, text string) bool {
	pieces := strings.Split(glob, "*")
	for i, piece := range pieces {
		at := strings.Index(text, piece)
		if at < 0 || i == 0 && at > 0 {
			return false
		}
		text = text[at+len(piece):]
	}
	return text == "" || len(pieces) > 1 && pieces[len(pieces)-1] == ""
}

// rat returns a number as a fraction.
func rat(number string) *big.Rat {
	r, ok := new(big.Rat).SetString(number)
	if !ok {
		panic("not a number: " + number)
	}
	return r
}

var numberSyntax = regexp.MustCompile(`^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$`)

// A jsonTree is a decoded JSON value that keeps members of the same name.
type jsonTree struct {
	token    json.Token // json.Delim, string, json.Number, bool or nil
	names    []string
	children []jsonTree
}

func readTree(d *json.Decoder) jsonTree {
	token, err := d.Token()
	if err != nil {
		panic(err)
	}
	tree := jsonTree{token: token}
	delim, ok := token.(json.Delim)
	if !ok {
		return tree
	}
	for d.More() {
		if delim == '{' {
			tree.names = append(tree.names, readTree(d).token.(string))
		}
		tree.children = append(tree.children, readTree(d))
	}
	if _, err := d.Token(); err != nil {
		panic(err)
	}
	return tree
}

// follow returns what a selector finds.
func (tree jsonTree) follow(path []step) []jsonTree {
	if len(path) == 0 {
		return []jsonTree{tree}
	}
	var found []jsonTree
	rest := path[1:]
	isObject := tree.token == json.Delim('{')
	isArray := tree.token == json.Delim('[')
	for i, child := range tree.children {
		switch s := path[0]; s.kind {
		case memberStep:
			if isObject && tree.names[i] == s.name {
				found = child.follow(rest) // the last of the name
			}
		case anyMemberStep:
			if isObject {
				found = append(found, child.follow(rest)...)
			}
		case elementStep:
			if isArray && i == s.index {
				found = child.follow(rest)
			}
		case anyElementStep:
			if isArray {
				found = append(found, child.follow(rest)...)
			}
		}
	}
	return found
}

func (g *generator) condition() (string, func(jsonTree) bool) {
	text, path := g.selector()
	if g.IntN(4) == 0 {
		word, token := "NULL", json.Token(nil)
		switch g.IntN(4) {
		case 0:
			return text + " NOT  EXISTS", func(tree jsonTree) bool { return len(tree.follow(path)) == 0 }
		case 1:
			word, token = "TRUE", true
		case 2:
			word, token = "FALSE", false
		}
		return text + " IS\n" + word, func(tree jsonTree) bool {
			for _, found := range tree.follow(path) {
				if found.token == token {
					return true
				}
			}
			return false
		}
	}
	comparison, holds := g.comparison()
	return text + comparison, func(tree jsonTree) bool {
		for _, found := range tree.follow(path) {
			switch token := found.token.(type) {
			case string:
				if holds(subject{text: token}) {
					return true
				}
			case json.Number:
				if holds(subject{text: token.String(), number: rat(token.String())}) {
					return true
				}
			}
		}
		return false
	}
}

// expression returns conditions joined somehow. tight says that the text must
// hold together beside "&&".
func (g *generator) expression(depth int, tight bool) (string, func(jsonTree) bool) {
	kind := g.IntN(4)
	if depth == 0 || kind == 0 {
		text, holds := g.condition()
		if g.IntN(4) == 0 {
			text = "(" + g.space() + text + g.space() + ")"
		}
		return text, holds
	}
	all := kind < 3
	left, leftHolds := g.expression(depth-1, all)
	right, rightHolds := g.expression(depth-1, all)
	if all {
		return left + g.space() + "&&" + g.space() + right, func(t jsonTree) bool { return leftHolds(t) && rightHolds(t) }
	}
	text := left + g.space() + "||" + g.space() + right
	if tight {
		text = "(" + text + ")"
	}
	return text, func(t jsonTree) bool { return leftHolds(t) || rightHolds(t) }
}

func (g *generator) json() (string, meaning) {
	text, holds := g.expression(2, false)
	return "{" + g.space() + text + g.space() + "}", func(event string) (bool, []Field) {
		if !json.Valid([]byte(event)) {
			return false, nil
		}
		d := json.NewDecoder(strings.NewReader(event))
		d.UseNumber()
		return holds(readTree(d)), nil
	}
}

func (g *generator) columns() (string, meaning) {
	type field struct {
		name  string
		holds func(subject) bool
	}
	var fields []field
	var texts []string
	ellipsis := -1
	for n := g.IntN(6); n > 0; n-- {
		if ellipsis < 0 && g.IntN(6) == 0 {
			ellipsis = len(fields)
			texts = append(texts, "...")
			continue
		}
		f := field{name: g.pick("a", "b", "ip", "w-1", "é", "", "", "2"), holds: func(subject) bool { return true }}
		text := f.name
		if f.name != "" && g.IntN(3) == 0 {
			comparison, holds := g.comparison()
			text, f.holds = text+comparison, holds
			if g.IntN(3) == 0 {
				comparison, more := g.comparison()
				if g.IntN(2) == 0 {
					text += g.space() + "&&"
					f.holds = func(s subject) bool { return holds(s) && more(s) }
				} else {
					text += g.space() + "||"
					f.holds = func(s subject) bool { return holds(s) || more(s) }
				}
				text += g.space() + f.name + comparison
			}
		}
		fields = append(fields, f)
		texts = append(texts, text)
	}
	if len(texts) == 1 && texts[0] == "" {
		fields, texts = nil, nil // one field without a name cannot be written
	}
	if len(texts) == 0 {
		ellipsis = 0
	}
	var b strings.Builder
	for i, text := range texts {
		if i > 0 {
			b.WriteString("," + g.space())
		}
		b.WriteString(text + g.space())
	}
	return "[" + g.space() + b.String() + "]", func(event string) (bool, []Field) {
		event = strings.Trim(event, " \t\r\n")
		spans := tokenSyntax.FindAllStringIndex(event, -1)
		if len(spans) < len(fields) {
			return false, nil
		}
		if ellipsis < 0 && len(spans) > len(fields) {
			spans[len(fields)-1][1] = len(event)
		}
		var extracted []Field
		for i := 0; i < len(spans) && (ellipsis >= 0 || i < len(fields)); i++ {
			token := event[spans[i][0]:spans[i][1]]
			rest := ellipsis < 0 && i == len(fields)-1 && len(spans) > len(fields)
			if n := len(token); !rest && n > 1 && (token[0] == '[' && token[n-1] == ']' && strings.IndexByte(token, ']') == n-1 ||
				token[0] == '"' && strings.IndexByte(token[1:], '"') == n-2) {
				token = token[1 : n-1]
			}
			// Which field is it, if any?
			index := i
			if ellipsis >= 0 && i >= ellipsis {
				index = i - (len(spans) - len(fields))
				if index < ellipsis {
					extracted = append(extracted, Field{strconv.Itoa(i + 1), token})
					continue
				}
			}
			s := subject{text: token}
			if numberSyntax.MatchString(token) {
				s.number = rat(token)
			}
			if !fields[index].holds(s) {
				return false, nil
			}
			name := fields[index].name
			if name == "" {
				name = strconv.Itoa(i + 1)
			}
			extracted = append(extracted, Field{name, token})
		}
		return true, lastOfEachName(extracted)
	}
}

var tokenSyntax = regexp.MustCompile(`\[[^\]]*\]|"[^"]*"|[^ \t]+`)

func lastOfEachName(fields []Field) []Field {
	var kept []Field
	for i, f := range fields {
		last := true
		for _, later := range fields[i+1:] {
			last = last && later.Name != f.Name
		}
		if last {
			kept = append(kept, f)
		}
	}
	return kept
}
