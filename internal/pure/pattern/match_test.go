package pattern

import (
	"slices"
	"strings"
	"testing"
)

// checkMatches runs patterns on events in every way that there is.
func checkMatches(t *testing.T, tests []matchTest) {
	t.Helper()
	for _, tt := range tests {
		p := mustParse(t, tt.pattern)
		if got := p.MatchText(tt.event); got != tt.want {
			t.Errorf("MatchText of %s with %q = %t, want %t", tt.pattern, tt.event, got, tt.want)
		}
		for _, literal := range literals(tt.event) {
			if got := p.Match([]byte(literal)); got != tt.want {
				t.Errorf("Match of %s with %s = %t, want %t", tt.pattern, literal, got, tt.want)
			}
		}
	}
}

type matchTest struct {
	pattern, event string
	want           bool
}

func TestBlankPatternMatchesEverything(t *testing.T) {
	for _, text := range []string{"", " ", "\t\n"} {
		p := mustParse(t, text)
		if !p.MatchesAll() || !p.Match([]byte(`""`)) || !p.Match([]byte(`"x"`)) || !p.MatchText("") {
			t.Errorf("%q does not match everything", text)
		}
	}
	if mustParse(t, "a").MatchesAll() {
		t.Error("the term a is said to match everything")
	}
}

func TestTermsAreSearched(t *testing.T) {
	many := strings.Repeat(`say "x" \n `, 20)
	checkMatches(t, []matchTest{
		{`ERROR`, "an ERRORCODE", true},
		{`ERROR`, "an error", false},
		{`a b`, "b and a", true},
		{`a b`, "b", false},
		{`-a`, "b", true},
		{`-a b`, "ab", false},
		{`?a ?b`, "xbx", true},
		{`?a ?b`, "x", false},
		// Beside others, "?" terms count for nothing.
		{`?a b`, "b", true},
		{`?a -b`, "x", true},
		{`?a -b`, "ab", false},
		{`"a b"`, "a  b", false},
		{`"a*b"`, "aab", false},
		{`"say \"x\""`, `say "x"`, true},
		{`"\d"`, `\d`, true},
		{`"\\d"`, `\d`, true},
		{`Überlauf`, "ein Überlauf", true},
		// Letters of escapes are not letters of the message.
		{`n`, "\n", false},
		{`n`, `\n`, true},
		{`u0001`, "\x01", false},
		{`"\n"`, "\n", false},
		{`"\n"`, `\\n`, true},
		{`t`, many, false},
		{`"x"`, many, true},
		{`"\" \n say"`, many, true},
		{`zzz`, many + "/", false},
		{`"/"`, many + "/", true},
		{`"/ä"`, many + "/ä", true},
		{`%a% %b%`, "b a", true},
		{`%a% %b%`, "a", false},
		{`?%a% ?%b%`, "b", true},
		{`?%a% ?b`, "c", false},
		{`-%a%`, "b", true},
		{`-%a%`, "a", false},
		{"\"\x01\"", "a\x01b", true},
		{"\"\x00\"", "a\x00b", true},
		{"\"\b\f\n\r\t\"", "a\b\f\n\r\tb", true},
		{"\"\b\f\n\r\t\"", "a\b\f\n\rtb", false},
	})
}

func TestRegexesSearchTheWholeText(t *testing.T) {
	long := strings.Repeat("a", 70)
	checkMatches(t, []matchTest{
		{`%a{3}%`, "aa", false},
		{`%^a{3}$%`, "aaaa", false},
		{`%^a{,2}$%`, "aaa", false},
		{`%^a{,2}$%`, "", true},
		{`%^a{2,}$%`, "aaaa", true},
		{`%^a{70}b%`, long + "b", true},
		{`%^a{70}b%`, long[1:] + "b", false},
		{`%^a{71}%`, long, false},
		{`%xa{0,70}y%`, "x" + long + "y", true},
		{`%xa{0,69}y%`, "x" + long + "y", false},
		{`%^a{60}b?c?d?e?f?g?h?$%`, long[:60] + "h", true},
		{`%^a{60}b?c?d?e?f?g?h?$%`, long[:60] + "hb", false},
		{`%^$%`, "", true},
		{`%^$%`, "a", false},
		{`%a^b%`, "ab", false},
		{`%a*^b%`, "b", true},
		{`%a$b%`, "ab", false},
		{`%a$b*%`, "ab", false},
		{`%a$b*%`, "a", true},
		{`%a|b|%`, "x", true},
		{`%^.$%`, "é", true},
		{`%^.$%`, "€", true},
		{`%^.$%`, "\n", false},
		{`%^[^a]$%`, "😀", true},
		{`%\xe9%`, "é", true},
		{`%^\S\W\D$%`, "äöü", true},
		{`%\x41\x2e%`, "A.", true},
		{`%[\x30-\x32]%`, "1", true},
		{`%[a\-z]%`, "-", true},
		{`%[]]%`, "]", true},
		{`%a*?b%`, "b", true},
		{`%\\%`, `\`, true},
	})
}

func TestJSONComparisons(t *testing.T) {
	checkMatches(t, []matchTest{
		{`{$.a=1}`, `{"a":1}`, true},
		{`{$.a=1}`, " \n{\"a\":1.0}\t", true},
		{`{$.a=1}`, `{"a":"1"}`, true},
		{`{$.a=1}`, `{"a":"1.0"}`, false},
		{`{$.a="1"}`, `{"a":1}`, true},
		{`{$.a="1"}`, `{"a":1.0}`, false},
		{`{$.a!="1"}`, `{"a":1.0}`, true},
		{`{$.a=1*}`, `{"a":123}`, true},
		{`{$.a=%^1.3$%}`, `{"a":123}`, true},
		{`{$.a!=%^1.3$%}`, `{"a":"124"}`, true},
		{`{$.a>1}`, `{"a":"2"}`, false},
		{`{$.a=0}`, `{"a":-0}`, true},
		{`{$.a=-0}`, `{"a":0e5}`, true},
		{`{$.a>1e400}`, `{"a":1e401}`, true},
		{`{$.a=1e400}`, `{"a":1e401}`, false},
		{`{$.a<-1e400}`, `{"a":-1e401}`, true},
		{`{$.a>0.1}`, `{"a":0.10000000000000000000000000000001}`, true},
		{`{$.a<0.11}`, `{"a":0.1}`, true},
		{`{$.a<1.25}`, `{"a":1.2}`, true},
		{`{$.a>=9007199254740993}`, `{"a":9007199254740992}`, false},
		{`{$.a>1e99999999999999999999}`, `{"a":1}`, false},
		{`{$.a=true}`, `{"a":true}`, false},
		{`{$.a!=x}`, `{"a":true}`, false},
		{`{$.a!=x}`, `{"a":null}`, false},
		{`{$.a!=x}`, `{"a":[]}`, false},
		{`{$.a!=x}`, `{"b":1}`, false},
		{`{$.a=*}`, `{"a":""}`, true},
		{`{$.a=x}`, `{"a":"\u0078"}`, true},
		{`{$.a="xyz"}`, `{"a":"\u0078yz"}`, true},
		{`{$.a="x/z"}`, `{"a":"x\/z"}`, true},
		{`{$.a="*ab"}`, `{"a":"abab"}`, false},
		{`{$.a="a*"}`, `{"a":"\ud83d"}`, false},
		{"{$.a=\"\uFFFD\"}", `{"a":"\ud83d"}`, true},
	})
}

func TestJSONSelectors(t *testing.T) {
	checkMatches(t, []matchTest{
		{`{$.a.b=1}`, `{"a":{"b":1}}`, true},
		{`{$['a.b']=1}`, `{"a.b":1}`, true},
		{`{$.['a b'][1].c-d=1}`, `{"a b":[0,{"c-d":1}]}`, true},
		{`{$[0]=1}`, `[1]`, true},
		{`{$.a=1}`, `{"\u0061":1}`, true},
		{`{$.0=1}`, `[1]`, false},
		{`{$[0]=1}`, `{"0":1}`, false},
		{`{$.a[*].b=1}`, `{"a":[{"b":2},{"b":1},{"b":3},{}]}`, true},
		{`{$.*=1}`, `{"x":[1],"y":1}`, true},
		{`{$.a[*]!=1}`, `{"a":[1,2]}`, true},
		{`{$.a[*]!=1}`, `{"a":[1,1]}`, false},
		{`{$.a[*] NOT EXISTS}`, `{"a":[]}`, true},
		{`{$.a[*]=2&&$.a[0]=1}`, `{"a":[1,2]}`, true},
		{`{$.*[0]=2&&$.a[*]=1}`, `{"a":[2,1]}`, true},
		{`{$.a IS NULL}`, `{"a":null}`, true},
		{`{$.a IS NULL}`, `{"a":0}`, false},
		{`{$.a IS NULL}`, `{}`, false},
		{`{$.a IS TRUE}`, `{"a":true}`, true},
		{`{$.a IS TRUE}`, `{"a":"true"}`, false},
		{`{$.a IS FALSE}`, `{"a":false}`, true},
		{`{$.a NOT EXISTS}`, `{"a":null}`, false},
		{`{$.a NOT EXISTS}`, `{"a":{}}`, false},
		{`{$.a NOT EXISTS}`, `{"b":1}`, true},
		{`{$.a.b NOT EXISTS}`, `{"a":1}`, true},
		{`{$.a NOT EXISTS}`, `12`, true},
		{`{$.a=1||$.b=1&&$.c=1}`, `{"a":1}`, true},
		{`{($.a=1||$.b=1)&&$.c=1}`, `{"a":1}`, false},
		// The last of several members with one name counts.
		{`{$.a=1}`, `{"a":1,"a":2}`, false},
		{`{$.a=2}`, `{"a":1,"a":2}`, true},
		{`{$.a=1}`, `{"a":1,"a":null}`, false},
		{`{$.a NOT EXISTS}`, `{"a":1,"a":2}`, false},
		{`{$.a.b NOT EXISTS}`, `{"a":{"b":1},"a":{}}`, true},
		{`{$.a[*]=1}`, `{"a":[1],"a":[]}`, false},
		{`{$.a[*].b=1}`, `{"a":[{"b":1},{"b":2,"b":3}]}`, true},
		{`{$.a[*].b=1}`, `{"a":[{"b":1,"b":2}]}`, false},
		{`{$.*=1}`, `{"a":1,"a":2}`, true},
	})
}

func TestOnlyJSONMatchesJSONPatterns(t *testing.T) {
	deep := strings.Repeat("[", 100) + strings.Repeat("]", 100)
	mixed := strings.Repeat(`{"a":[`, 70) + strings.Repeat("]}", 70)
	for _, tt := range []struct {
		event string
		want  bool
	}{
		{`{}`, true},
		{`{"x":[1,-0,0.5,1e5,1E+5,2e-3,true,false,null,"é\n\u00e9",{},[]]}`, true},
		{`"text"`, true},
		{deep, true},
		{mixed, true},
		{``, false},
		{`text`, false},
		{`{} {}`, false},
		{`{}x`, false},
		{`{`, false},
		{`{"x"}`, false},
		{`{"x":}`, false},
		{`{"x":1,}`, false},
		{`{x:1}`, false},
		{`{"x":1 "y":2}`, false},
		{`{"x":01}`, false},
		{`{"x":-}`, false},
		{`{"x":1.}`, false},
		{`{"x":.5}`, false},
		{`{"x":+1}`, false},
		{`{"x":1e}`, false},
		{`{"x":tru}`, false},
		{`{"x":True}`, false},
		{`{"x":NaN}`, false},
		{`{"x":"a`, false},
		{`{"x":"\x"}`, false},
		{`{"x":"\u12g4"}`, false},
		{`{"x":"\u123"}`, false},
		{"{\"x\":\"a\nb\"}", false},
		{`{"x":[1,]}`, false},
		{`{"x":[1}}`, false},
		{`{"x":[,]}`, false},
		{"\uFEFF{}", false},
		{"\v{}", false},
		{deep[1:], false},
		{deep[:len(deep)-1], false},
		{strings.Replace(mixed, "]}]}", "]]}}", 1), false},
	} {
		for _, pattern := range []string{`{$.none NOT EXISTS}`, `{$.x.none NOT EXISTS}`, `{$.x[*].none NOT EXISTS}`} {
			checkMatches(t, []matchTest{{pattern, tt.event, tt.want}})
		}
	}
}

func TestSpaceDelimitedFields(t *testing.T) {
	checkMatches(t, []matchTest{
		{`[]`, "", true},
		{`[]`, "a b", true},
		{`[a]`, "", false},
		{`[a]`, " \t\n", false},
		{`[a,b]`, "x", false},
		{`[a,b]`, "x y z", true},
		{`[a,b=y]`, "x y z", false},
		{`[a,b="y z"]`, "x y z  ", true},
		{`[a,b=y,...]`, "x y z", true},
		{`[a=x,...,b=z]`, "x z", true},
		{`[a=x,...,b=z]`, "x", false},
		{`[...,b=y,]`, "x y z", true},
		{`[a=404]`, "404.0", true},
		{`[a="404"]`, "404.0", false},
		{`[a>100]`, "+404", true},
		{`[a>100]`, "many", false},
		{`[a<=100]`, "many", false},
		{`[a!=1]`, "x", true},
		{`[a=x||a=y&&a!=y]`, "x", true},
		{`[a=x||a=y&&a!=y]`, "y", false},
		{`[a="x y",b=z]`, "[x y] z", true},
		{`[a="x y",b=z]`, `"x y" z`, true},
		{`[a="[x",b]`, "[x y", true},
		{`[a="(x",b]`, "(x y)", true},
		{`[a=x,b=y]`, `"x"y`, true},
		{`[a,b="\"x y\" z"]`, `1 "x y" z`, true},
		{`[a,b="x y"]`, `1 "x y"`, true},
	})
}

func TestExtractNamesFields(t *testing.T) {
	const access = `127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534`
	for _, tt := range []struct {
		pattern, event string
		want           []Field
		fields         []string
	}{
		{`[]`, "x [y z]", []Field{{"1", "x"}, {"2", "y z"}}, []string{}},
		{
			`[..., request=*.html*, status_code=4*,]`, access,
			[]Field{
				{"1", "127.0.0.1"},
				{"2", "-"},
				{"3", "frank"},
				{"4", "10/Oct/2000:13:25:15 -0700"},
				{"request", "GET /index.html HTTP/1.0"},
				{"status_code", "404"},
				{"7", "1534"},
			},
			[]string{"request", "status_code"},
		},
		{`[ip,...]`, "a b c", []Field{{"ip", "a"}, {"2", "b"}, {"3", "c"}}, []string{"ip"}},
		{`[ip,...]`, "a", []Field{{"ip", "a"}}, []string{"ip"}},
		{`[t,m]`, "1\thello {\"k\": 1} \"x\"\n", []Field{{"t", "1"}, {"m", `hello {"k": 1} "x"`}}, []string{"t", "m"}},
		{`[a,a]`, "1 2", []Field{{"a", "2"}}, []string{"a"}},
		{`[,1]`, "x y", []Field{{"1", "y"}}, []string{"1"}},
		{`a`, "a", nil, nil},
	} {
		p := mustParse(t, tt.pattern)
		if got := p.Fields(); !slices.Equal(got, tt.fields) || (got == nil) != (tt.fields == nil) {
			t.Errorf("Fields of %s = %q, want %q", tt.pattern, got, tt.fields)
		}
		dst := []Field{{"before", ""}}
		for _, literal := range literals(tt.event) {
			got, ok := p.Extract([]byte(literal), dst)
			if !ok || !slices.Equal(got[1:], tt.want) || got[0] != dst[0] {
				t.Errorf("Extract of %s with %s = %q, %t, want %q after dst", tt.pattern, literal, got, ok, tt.want)
			}
		}
		if got, ok := p.ExtractText(tt.event, nil); !ok || !slices.Equal(got, tt.want) {
			t.Errorf("ExtractText of %s with %q = %q, %t, want %q", tt.pattern, tt.event, got, ok, tt.want)
		}
	}
	if got, ok := mustParse(t, `[a,b=x]`).ExtractText("1 2", nil); ok || len(got) > 0 {
		t.Errorf("an event that does not match gives %q", got)
	}
}

func TestRegexCount(t *testing.T) {
	for text, want := range map[string]int{
		``: 0, `a`: 0, `%a% -%b% ?%c%`: 3, `{$.a=%a%&&($.b=1||$.c!=%b%)}`: 2, `[a=%x%&&a=%y%]`: 2,
	} {
		if got := mustParse(t, text).RegexCount(); got != want {
			t.Errorf("RegexCount of %s = %d, want %d", text, got, want)
		}
	}
}
