package pattern

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestParseRefusesWithTextAndPosition(t *testing.T) {
	for _, tt := range []struct {
		text string
		pos  int
		msg  string // a part of it
	}{
		{`email@x.com`, 5, `Invalid character(s) in term '@'`},
		{`?Status: timeout`, 7, `Invalid character(s) in term ':'`},
		{`(`, 0, `Invalid character(s) in term '('`},
		{`a\b`, 1, `Invalid character(s) in term '\'`},
		{`a"b"`, 1, `Invalid character(s) in term '"'`},
		{`"a""b"`, 3, `Invalid character(s) in term '"'`},
		{`é€`, 2, `Invalid character(s) in term '€'`},
		{`-`, 0, `Invalid character(s) in term '-'`},
		{`a ? b`, 2, `Invalid character(s) in term '?'`},
		{`--a`, 1, `Invalid character(s) in term '-'`},
		{`-?a`, 1, `Invalid character(s) in term '?'`},
		{`a-b`, 1, `Invalid character(s) in term '-'`},
		{`""`, 0, `Invalid character(s) in term '""'`},
		{`a "b`, 2, `no end`},
		{`"a\"`, 0, `no end`},
		{` {$.a=1} `, 1, `Invalid character(s) in term '{'`},
		{"a\x00", 1, "Invalid character(s) in term '\x00'"},
		{"a \xff", 2, `UTF-8`},
		{`{`, 1, `must end with '}'`},
		{`{ $.a = 1 } `, 12, `If a filter pattern starts with '{' it must end with '}'`},
		{`{}`, 1, `term '}'`},
		{`{ $.a = 1 }}`, 11, `term '}'`},
		{`{ $.a }`, 6, `term '}'`},
		{`{ $ = 1 }`, 3, `Invalid character(s) in term '$'`},
		{`{ $a = 1 }`, 3, `Invalid character(s) in term '$a'`},
		{`{ a = 1 }`, 2, `Invalid character(s) in term 'a'`},
		{`{ $. = 1 }`, 4, `Invalid character(s) in term '$.'`},
		{`{ $."sc-status" = 5* }`, 4, `Invalid character(s) in term '$."'`},
		{`{ $.a[b] = 1 }`, 6, `Invalid character(s) in term '$.a[b'`},
		{`{ $.a.[0] = 1 }`, 7, `Invalid character(s) in term '$.a.[0'`},
		{`{ $.a['b = 1 }`, 7, `Invalid character(s) in term '$.a['b'`},
		{`{ $.a[''] = 1 }`, 7, `Invalid character(s) in term '$.a['''`},
		{`{ $.a[99999999999] = 1 }`, 6, `index is greater`},
		{`{ $.a = 1, $.b = 2 }`, 9, `Invalid character(s) in term ','`},
		{`{ $.a == 1 }`, 7, `term '='`},
		{`{ $.a = 1 & $.b = 1 }`, 10, `term '&'`},
		{`{ $.a = 1 && }`, 13, `term '}'`},
		{`{ ($.a = 1 }`, 11, `term '}'`},
		{`{ $.a = 1) }`, 9, `term ')'`},
		{`{ $.a = arn:aws }`, 11, `Invalid character(s) in term ':'`},
		{`{ $.a = "b"cd }`, 11, `term 'cd'`},
		{`{ $.a = "" }`, 8, `term '""'`},
		{`{ $.x > abc }`, 8, `Invalid character(s) in term 'abc'`},
		{`{ $.x >= "123" }`, 9, `Invalid character(s) in term '"123"'`},
		{`{ $.x < %1% }`, 8, `Invalid character(s) in term '%1%'`},
		{`{ $.x > 1* }`, 8, `Invalid character(s) in term '1*'`},
		{`{ $.a IS NOT NULL }`, 9, `term 'NOT'`},
		{`{ $.a EXISTS }`, 6, `term 'EXISTS'`},
		{`{ $.a is null }`, 6, `term 'is'`},
		{`{ $.a IS null }`, 9, `term 'null'`},
		{`{ $.a IS }`, 9, `term '}'`},
		{`{ $.a ISNULL }`, 6, `term 'ISNULL'`},
		{`{ $.a IS"NULL" }`, 8, `term '"'`},
		{`{ $.a NOT NULL }`, 10, `term 'NULL'`},
		{`{ $.a.*.b.* = 1 }`, 9, `one wildcard`},
		{`{ $.a[*]=1 || $.b.*=1 || $.c[*]=1 || $.d[*]=1 }`, 40, `3 wildcard`},
		{`{ $.a=%a% && $.b=%b% && $.c=%c% }`, 28, `at most 2 regular`},
		{`[a, b`, 5, `must end with ']'`},
		{`[a, b] `, 7, `must end with ']'`},
		{`[a b]`, 3, `term 'b'`},
		{`[a]]`, 3, `term ']'`},
		{`[]]`, 2, `term ']'`},
		{`[..., a, ...]`, 9, `at most once`},
		{`[....]`, 4, `term '.'`},
		{`[a.b]`, 2, `term '.'`},
		{`[=1]`, 1, `term '='`},
		{`[a=]`, 3, `term ']'`},
		{`[a>x]`, 3, `term 'x'`},
		{`[a=1 && b=2]`, 8, `'a' names another field, 'b'`},
		{`[a=1 && 2]`, 8, `names another`},
		{`[a=1 && =2]`, 8, `term '='`},
		{`[a=(x)]`, 3, `term '('`},
		{`[a=%x%,b=%y%,c=%z%]`, 15, `at most 2 regular`},
		{`%a`, 0, `no end`},
		{`%%`, 0, `Invalid character(s) in term '%%'`},
		{`%a%b`, 3, `term 'b'`},
		{`%(a|b)c%`, 1, `Invalid character(s) in term '('`},
		{`x %\(a\)%`, 4, `Invalid character(s) in term '('`},
		{`%naïve%`, 3, `Invalid character(s) in term 'ï'`},
		{`%a!%`, 2, `term '!'`},
		{`%[abc%`, 1, `no end`},
		{`%[a-%`, 1, `no end`},
		{`%[%`, 1, `no end`},
		{`%[z-a]%`, 2, `range`},
		{`%[\d-z]%`, 2, `range`},
		{`%[[a]]%`, 2, `'['`},
		{`%*a%`, 1, `nothing before '*'`},
		{`%a|+%`, 3, `nothing before '+'`},
		{`%a**%`, 3, `cannot be repeated`},
		{`%a+{2}%`, 3, `cannot be repeated`},
		{`%^*a%`, 2, `anchor`},
		{`%a{%`, 2, `Braces`},
		{`%a{}%`, 2, `Braces`},
		{`%a{x}%`, 2, `Braces`},
		{`%a{3,2}%`, 2, `greater than its second`},
		{`%a{1001}%`, 2, `1000`},
		{`%a{99999999999999999999}%`, 2, `1000`},
		{`%a{1000}b{1000}%`, 1, `1024`},
		{`%a{1000}% %b{1000}%`, 10, `1024`},
		{`%\q%`, 1, `Invalid character(s) in term '\q'`},
		{`%a\%`, 2, `nothing after`},
		{`%\xg1%`, 1, `hexadecimal`},
		{`%\x1%`, 1, `hexadecimal`},
		{strings.Repeat("é", 1025), 2048, `less than or equal to 1024`},
	} {
		p, err := Parse(tt.text)
		var syntax *SyntaxError
		if !errors.As(err, &syntax) {
			t.Errorf("Parse(%q) = %v, %v, want a SyntaxError", tt.text, p, err)
			continue
		}
		if syntax.Pos != tt.pos || !strings.Contains(syntax.Msg, tt.msg) {
			t.Errorf("Parse(%q) fails at %d with %q, want %d, %q", tt.text, syntax.Pos, syntax.Msg, tt.pos, tt.msg)
		}
	}
}

func TestSyntaxErrorTellsThePosition(t *testing.T) {
	_, err := Parse("a:b")
	if got, want := err.Error(), "Invalid character(s) in term ':' (at byte 1)"; got != want {
		t.Errorf("the error of a:b is %q, want %q", got, want)
	}
}

func TestStringIsCanonical(t *testing.T) {
	for text, want := range map[string]string{
		"  ":                                  ``,
		" a \t-\"b\" ?\"c d\"":                `a -b ?"c d"`,
		`"a\"\\b\c"`:                          `"a\"\b\c"`,
		`"a\\"`:                               `"a\\"`,
		`"\\\\"`:                              `"\\\\"`,
		`"\\\""`:                              `"\\\""`,
		`%a b%`:                               `%a b%`,
		`{ $.a = 1 }`:                         `{$.a=1}`,
		`{ (($.a = 1)) }`:                     `{$.a=1}`,
		`{ $.a = "x" && ( $.b != "1" ) }`:     `{$.a=x&&$.b!="1"}`,
		`{ ($.a=1 && $.b=1) && $.c=1 }`:       `{$.a=1&&$.b=1&&$.c=1}`,
		`{ ($.a=1 || $.b=1) || $.c=1 }`:       `{$.a=1||$.b=1||$.c=1}`,
		`{ ($.a=1 || $.b=1) && $.c=1 }`:       `{($.a=1||$.b=1)&&$.c=1}`,
		`{ ($.a=1 && $.b=1) || $.c=1 }`:       `{$.a=1&&$.b=1||$.c=1}`,
		`{ $['a'].['b c'][007].* = "*" }`:     `{$.a['b c'][7].*=*}`,
		`{ $.a IS  NULL || $['b c']IS TRUE }`: `{$.a IS NULL||$['b c']IS TRUE}`,
		`{ $.* NOT EXISTS }`:                  `{$.*NOT EXISTS}`,
		`{ $.a >= +1e3 }`:                     `{$.a>=+1e3}`,
		`[ ]`:                                 `[]`,
		`[...]`:                               `[]`,
		`[ a , b = "x" , , ... ]`:             `[a,b=x,,...]`,
		`[ ... , a ]`:                         `[...,a]`,
		`[a=1 && a!="2" || a=3]`:              `[a=1&&a!="2"||a=3]`,
	} {
		p, err := Parse(text)
		if err != nil {
			t.Errorf("Parse(%s) fails with %v", text, err)
			continue
		}
		if got := p.String(); got != want {
			t.Errorf("String of %s = %s, want %s", text, got, want)
		}
	}
}

func TestPatternOfGreatestLength(t *testing.T) {
	text := strings.Repeat("é", MaxLength)
	if p := mustParse(t, text); p.String() != text {
		t.Errorf("a word of %d characters changes", MaxLength)
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{
		``, ` `, `ERROR -WARN ?"a \"b\" \\"`, `%^a[b-d]{2,3}\x41|e$% -%\d%`,
		`{ ($.a.b[0] = "x*" || $['c d'][*] != 1.5e3) && $.e IS NULL && $.f NOT EXISTS && $.g = %x%}`,
		`[..., ip = 10.* || ip != "x", , size > 10 && size <= 1e3]`, `{`, `[`, `{ $.a = `, "\xff", `%{,}%`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Parse(text)
		if err != nil {
			if pos := err.(*SyntaxError).Pos; pos < 0 || pos > len(text) {
				t.Errorf("Parse(%q): position %d is outside", text, pos)
			}
			return
		}
		printed := p.String()
		if utf8.RuneCountInString(printed) > utf8.RuneCountInString(text) {
			t.Errorf("%q is printed longer: %q", text, printed)
		}
		q, err := Parse(printed)
		if err != nil {
			t.Fatalf("%q is printed as %q, and then %v", text, printed, err)
		}
		if !reflect.DeepEqual(p.node, q.node) {
			t.Errorf("%q is printed as %q, which is another pattern", text, printed)
		}
		p.MatchText(text)
		p.MatchText(`{"a":{"b":[1,"x"]},"a":1}`)
	})
}
