package policy

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzParse: a document is refused with a ParseError, or can be shown and
// evaluated in every way.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		allowAll, denyAll, rcpFull, rcpDeny, trusts(`{"AWS":"111111111111","Service":["logs.amazonaws.com"]}`), names(`"*"`),
		identity(`"NotAction":["a:b"],"NotResource":"arn:aws:s3:::${aws:username, 'x'}/*","Condition":{"ForAnyValue:StringLikeIfExists":{"a":["b*",1,true]},"Null":{"c":"true"}}`),
		identity(`"Action":"a:b","Resource":"*","Condition":{"IpAddress":{"a":"10.0.0.0/8"},"DateLessThan":{"b":"2020-01-01T00:00:00Z"},"NumericEquals":{"c":1},"BinaryEquals":{"d":"aGVsbG8="},"ArnLike":{"e":"arn:aws:*:*:*:${f}"},"Bool":{"g":false}}`),
		`{"Statement":[]}`, `[[[[`, ``,
	} {
		for usage := Identity; usage <= RCP; usage++ {
			f.Add(seed, uint8(usage))
		}
	}
	f.Fuzz(func(t *testing.T, text string, usage uint8) {
		u := Usage(usage)
		d, err := Parse(text, u)
		if err != nil {
			var perr *ParseError
			if !errors.As(err, &perr) || perr.Reason == "" || perr.Detail == "" || d != nil {
				t.Fatalf("Parse(%q) = %v, %#v", text, d, err)
			}
			return
		}
		if !utf8.ValidString(text) {
			t.Fatalf("Parse took text that is not UTF-8: %q", text)
		}
		if len(d.Statements()) == 0 {
			t.Fatalf("Parse(%q) has no statement", text)
		}
		src := Source{Document: d}
		ctx := Context{}
		for _, key := range d.ContextKeys() {
			ctx[key] = []string{"a", "10"}
			if len(key)%2 == 0 {
				ctx[key] = []string{"arn:aws:iam::111111111111:user/alice"}
			}
		}
		for _, who := range []Principal{alice, ship, root, fed, logs, anon, saml} {
			req := Request{Principal: who, Action: "sts:AssumeRole", Resource: "arn:aws:iam::111111111111:role/R", ResourceAccount: own, Context: ctx}
			for _, p := range []Policies{
				{Identity: []Source{src}},
				{Boundary: &src},
				{Session: []Source{src}},
				{Resource: &src},
				{SCPs: [][]Source{{src}}},
				{RCPs: [][]Source{{src}}},
			} {
				got, explained := Evaluate(req, p, Standard), Explain(req, p, Standard)
				if got.Effect != explained.Effect || got.By != explained.By {
					t.Fatalf("%q: Evaluate %v, Explain %v", text, got, explained)
				}
				for _, r := range explained.Reasons {
					_ = r.String()
				}
			}
		}
	})
}

// FuzzConditionValues: whatever is in the policy and in the request, a condition
// and its negation are opposites where the key has one value.
func FuzzConditionValues(f *testing.F) {
	for _, seed := range [][2]string{
		{"a", "a"}, {"10", "9.5"}, {"2020-01-01", "0"}, {"10.0.0.0/8", "10.1.2.3"}, {"arn:aws:a:b:c:*", "arn:aws:a:b:c:d"}, {"${x}", "${x"}, {"-", "+.0"},
	} {
		f.Add(seed[0], seed[1])
	}
	pairs := map[string]string{
		"StringEquals": "StringNotEquals", "StringEqualsIgnoreCase": "StringNotEqualsIgnoreCase", "StringLike": "StringNotLike",
		"NumericEquals": "NumericNotEquals", "DateEquals": "DateNotEquals", "IpAddress": "NotIpAddress", "ArnLike": "ArnNotLike",
	}
	f.Fuzz(func(t *testing.T, want, got string) {
		ctx := Context{"k": {got}, "x": {"y"}}
		for positive, negative := range pairs {
			p, err := compileCondition(conditionTree{operator: positive, key: "K", values: []string{want}}, true)
			n, err2 := compileCondition(conditionTree{operator: negative, key: "K", values: []string{want}}, true)
			if (err == nil) != (err2 == nil) {
				t.Fatalf("%s takes %q: %v, %s: %v", positive, want, err, negative, err2)
			}
			if err == nil && p.holds(ctx) == n.holds(ctx) {
				t.Fatalf("%s and %s of %q on %q are both %v", positive, negative, want, got, p.holds(ctx))
			}
		}
		// A number is exactly one of less, equal and greater.
		if d, ok := parseDecimal(want); ok {
			if e, ok := parseDecimal(got); ok && d.compare(e) != -e.compare(d) {
				t.Fatalf("%q and %q: %d and %d", want, got, d.compare(e), e.compare(d))
			}
		}
		// Without variables and wildcards a pattern is the text itself.
		if p, err := compilePattern(want, 0); err != nil || p.matches(nil, got) != (want == got) || !p.matches(nil, want) {
			t.Fatalf("the plain pattern %q on %q: %v", want, got, err)
		}
		if !strings.ContainsAny(got, "*?") {
			if p, err := compilePattern(got, wildcards); err != nil || !p.matches(nil, got) {
				t.Fatalf("%q does not match itself: %v", got, err)
			}
		}
	})
}
