package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tributary/internal/pure/arn"
)

// identity wraps the members of a statement into an identity policy.
func identity(members string) string {
	return `{"Version":"2012-10-17","Statement":{"Effect":"Allow",` + members + `}}`
}

func TestParseAccepts(t *testing.T) {
	for _, tt := range []struct {
		name  string
		usage Usage
		text  string
	}{
		{"a statement that is no list", Managed, identity(`"Action":"logs:*","Resource":"*"`)},
		{"a list of statements", Managed, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`},
		{"no version, inline", Identity, `{"Statement":{"Effect":"Allow","Action":["logs:*"],"Resource":["*"]}}`},
		{"the old version, inline", Identity, `{"Version":"2008-10-17","Id":"x","Statement":{"Effect":"Deny","NotAction":"logs:*","NotResource":"*"}}`},
		{"an empty condition block", Identity, identity(`"Action":"a:b","Resource":"*","Condition":{}`)},
		{"an operator without keys", Identity, identity(`"Action":"a:b","Resource":"*","Condition":{"Bool":{}}`)},
		{"a key without values", Identity, identity(`"Action":"a:b","Resource":"*","Condition":{"StringEquals":{"a":[]}}`)},
		{"Booleans and numbers as values", Identity, identity(`"Action":"a:b","Resource":"*","Condition":{"Bool":{"a":true},"NumericEquals":{"n":[1,2.5]}}`)},
		{"quantifier and IfExists", Identity, identity(`"Action":"a:b","Resource":"*","Condition":{"ForAnyValue:StringLikeIfExists":{"a":"b"}}`)},
		{"an ARN with parts left off", Identity, identity(`"Action":"a:b","Resource":"arn:aws:logs:*"`)},
		{"a wildcard partition", Identity, identity(`"Action":"a:b","Resource":"arn:*:s3:::b"`)},
		{"equal empty Sids", Managed, `{"Version":"2012-10-17","Statement":[{"Sid":"","Effect":"Allow","Action":"*","Resource":"*"},{"Sid":"","Effect":"Allow","Action":"*","Resource":"*"}]}`},
		{"a default with odd characters", Identity, identity(`"Action":"a:b","Resource":"arn:aws:s3:::b/${aws:username, 'no, one*'}"`)},
		{"an unfinished variable in the old version", Identity, `{"Statement":{"Effect":"Allow","Action":"a:b","Resource":"arn:aws:s3:::${x"}}`},
		{"a Sid with blanks in a resource policy", Resource, `{"Statement":{"Sid":"a b","Effect":"Allow","Principal":"*","Action":"a:b","Resource":"*"}}`},
		{"a principal that is none in a resource policy", Resource, `{"Statement":{"Effect":"Allow","Principal":{"AWS":"logs.amazonaws.com"},"Action":"a:b","Resource":"arn:aws:kinesis:us-east-1:111111111111:stream/s"}}`},
		{"a trust policy", Trust, `{"Statement":{"Effect":"Allow","Principal":{"Service":"logs.us-east-1.amazonaws.com"},"Action":"sts:AssumeRole"}}`},
		{"all principals of a trust policy", Trust, `{"Statement":{"Effect":"Allow","Principal":{"AWS":["111111111111","arn:aws:iam::111111111111:root","arn:aws:iam::111111111111:role/p/r","arn:aws:iam::111111111111:user/u","arn:aws:sts::111111111111:assumed-role/r/s","arn:aws:sts::111111111111:federated-user/f","AROA0123456789ABCDEF","arn:aws-cn:iam::111111111111:root"],"Federated":"accounts.google.com","CanonicalUser":"x"},"Action":["sts:assumerole","sts:TagSession"]}}`},
		{"a service control policy", SCP, identity(`"NotAction":"iam:*","Resource":"*"`)},
		{"RCPFullAWSAccess", RCP, identity(`"Principal":"*","Action":"*","Resource":"*"`)},
		{"a resource control policy that denies", RCP, `{"Statement":{"Effect":"Deny","Principal":{"AWS":"*"},"Action":"logs:*","Resource":"*","Condition":{"Bool":{"a":"true"}}}}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Parse(tt.text, tt.usage); err != nil {
				t.Errorf("Parse(%s): %v", tt.text, err)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	const good = `"Action":"a:b","Resource":"*"`
	trust := func(members string) string {
		return `{"Statement":{"Effect":"Allow","Principal":"*",` + members + `}}`
	}
	for _, tt := range []struct {
		name, text string
		usage      Usage
		reason     string
		pointer    string // "-": not checked
	}{
		{"nothing", ``, Managed, syntaxErrors, ""},
		{"text that is not JSON", `{bad`, Managed, syntaxErrors, "-"},
		{"a trust policy that is not JSON", `{bad`, Trust, invalidJSON, "-"},
		{"half a document", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow"`, Trust, invalidJSON, "-"},
		{"a list", `[]`, Managed, syntaxErrors, ""},
		{"null", `null`, Managed, syntaxErrors, ""},
		{"two documents", identity(good) + `{}`, Managed, syntaxErrors, "-"},
		{"a byte order mark", "\ufeff" + identity(good), Managed, syntaxErrors, "-"},
		{"text that is not UTF-8", identity(`"Sid":"` + "\xff" + `",` + good), Managed, syntaxErrors, "-"},
		{"half a surrogate pair", identity(`"Sid":"\ud800",` + good), Managed, syntaxErrors, "-"},
		{"a name twice", `{"Version":"2012-10-17","Version":"2012-10-17","Statement":{"Effect":"Allow",` + good + `}}`, Managed, syntaxErrors, "-"},
		{"a name twice, once escaped", identity(good + `,"\u0041ction":"*"`), Managed, syntaxErrors, "-"},
		{"a condition key twice in two cases", identity(good + `,"Condition":{"Bool":{"a:B":"true","A:b":"false"}}`), Managed, syntaxErrors, "/Statement/Condition/Bool/A:b"},
		{"an unknown element", `{"Version":"2012-10-17","Statements":[]}`, Managed, syntaxErrors, "/Statements"},
		{"an element in the wrong case", `{"version":"2012-10-17","Statement":{"Effect":"Allow",` + good + `}}`, Managed, syntaxErrors, "/version"},
		{"an unknown element of a statement", identity(good + `,"Effects":"x"`), Managed, syntaxErrors, "/Statement/Effects"},
		{"a statement element in the wrong case", identity(good + `,"condition":{}`), Managed, syntaxErrors, "/Statement/condition"},
		{"no statement", `{"Version":"2012-10-17"}`, Managed, syntaxErrors, "-"},
		{"an empty list of statements", `{"Version":"2012-10-17","Statement":[]}`, Managed, syntaxErrors, "-"},
		{"a statement that is a string", `{"Version":"2012-10-17","Statement":["x"]}`, Managed, syntaxErrors, "-"},
		{"statements in a list in a list", `{"Version":"2012-10-17","Statement":[[]]}`, Managed, syntaxErrors, "-"},
		{"an unknown version", `{"Version":"2013-10-17","Statement":{"Effect":"Allow",` + good + `}}`, Identity, syntaxErrors, "/Version"},
		{"a version that is a number", `{"Version":2012,"Statement":{"Effect":"Allow",` + good + `}}`, Identity, syntaxErrors, "-"},
		{"no version in a managed policy", `{"Statement":{"Effect":"Allow",` + good + `}}`, Managed, oldVersion, "/Version"},
		{"the old version in a managed policy", `{"Version":"2008-10-17","Statement":{"Effect":"Allow",` + good + `}}`, Managed, oldVersion, "/Version"},
		{"no effect", `{"Statement":{` + good + `}}`, Identity, syntaxErrors, "-"},
		{"an effect in the wrong case", `{"Statement":{"Effect":"allow",` + good + `}}`, Identity, legacyParsing, "/Statement/Effect"},
		{"no actions", identity(`"Resource":"*"`), Managed, noActions, "/Statement"},
		{"an empty list of actions", identity(`"Action":[],"Resource":"*"`), Managed, noActions, "/Statement"},
		{"neither actions nor resources", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow"}]}`, Managed, noActions, "/Statement/0"},
		{"no resources", identity(`"Action":"a:b"`), Managed, noResources, "/Statement"},
		{"an empty list of resources", identity(`"Action":"a:b","Resource":[]`), Managed, noResources, "/Statement"},
		{"Action and NotAction", identity(good + `,"NotAction":"x:y"`), Managed, syntaxErrors, "-"},
		{"Resource and NotResource", identity(good + `,"NotResource":[]`), Managed, syntaxErrors, "-"},
		{"an action that is an object", identity(`"Action":{},"Resource":"*"`), Managed, syntaxErrors, "-"},
		{"an action in two lists", identity(`"Action":[["a:b"]],"Resource":"*"`), Managed, syntaxErrors, "-"},
		{"an action that is null", identity(`"Action":null,"Resource":"*"`), Managed, syntaxErrors, "-"},
		{"an action without a service", identity(`"Action":"PutLogEvents","Resource":"*"`), Managed, noVendor, "/Statement/Action"},
		{"an action with two colons", identity(`"Action":"a:b:c","Resource":"*"`), Managed, twoColons, "/Statement/Action"},
		{"a service with a blank", identity(`"Action":"a a:b","Resource":"*"`), Managed, "Vendor a a is not valid", "/Statement/Action"},
		{"a service with a wildcard", identity(`"NotAction":"lo*:b","Resource":"*"`), Managed, "Vendor lo* is not valid", "/Statement/NotAction"},
		{"a resource that is no ARN", identity(`"Action":"a:b","Resource":"bucket"`), Managed, `Resource bucket must be in ARN format or "*".`, "/Statement/Resource"},
		{"a resource before an action", identity(`"Action":"b","Resource":"bucket"`), Managed, `Resource bucket must be in ARN format or "*".`, "/Statement/Resource"},
		{"an unknown partition", identity(`"Action":"a:b","Resource":"arn:b:cadfsdf"`), Managed, `Partition "b" is not valid for resource "arn:b:cadfsdf:*:*:*".`, "/Statement/Resource"},
		{"an ARN that ends early", identity(`"Action":"a:b","NotResource":"arn:aws"`), Managed, resourceVendor, "/Statement/NotResource"},
		{"an ARN without a service", identity(`"Action":"a:b","Resource":"arn:aws::::x"`), Managed, legacyParsing, "/Statement/Resource"},
		{"an ARN whose parts cannot be told apart", identity(`"Action":"a:b","Resource":"arn:aws:s3::x"`), Managed, legacyParsing, "/Statement/Resource"},
		{"an IAM resource with a Region", identity(`"Action":"a:b","Resource":"arn:aws:iam:us-east-1::user/x"`), Managed, "IAM resource arn:aws:iam:us-east-1::user/x cannot contain region information.", "/Statement/Resource"},
		{"an IAM resource of no kind", identity(`"Action":"a:b","Resource":"arn:aws:iam:::x"`), Managed, iamResourcePath, "/Statement/Resource"},
		{"a variable without an end", identity(`"Action":"a:b","Resource":"arn:aws:s3:::${x"`), Managed, legacyParsing, "/Statement/Resource"},
		{"a variable without a name", identity(`"Action":"a:b","Resource":"arn:aws:s3:::${}"`), Managed, legacyParsing, "/Statement/Resource"},
		{"a default without quotes", identity(`"Action":"a:b","Resource":"arn:aws:s3:::${x, y}"`), Managed, legacyParsing, "/Statement/Resource"},
		{"a default without an end", identity(`"Action":"a:b","Resource":"arn:aws:s3:::${x, 'y}"`), Managed, legacyParsing, "/Statement/Resource"},
		{"a variable in a variable", identity(`"Action":"a:b","Resource":"arn:aws:s3:::${x${y}}"`), Managed, legacyParsing, "/Statement/Resource"},
		{"two equal Sids", `{"Version":"2012-10-17","Statement":[{"Sid":"a","Effect":"Allow",` + good + `},{"Sid":"a","Effect":"Deny"}]}`, Managed, sidNotUnique, "/Statement/1/Sid"},
		{"a Sid with a hyphen", identity(`"Sid":"a-b",` + good), Managed, sidCharacters, "/Statement/Sid"},
		{"a principal in an identity policy", identity(`"Principal":"*",` + good), Identity, hasPrincipal, "/Statement/Principal"},
		{"a principal in a service control policy", identity(`"NotPrincipal":"*",` + good), SCP, hasPrincipal, "/Statement/NotPrincipal"},
		{"no principal in a resource policy", identity(good), Resource, lacksPrincipal, "/Statement"},
		{"no principal in a trust policy", `{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole"}}`, Trust, lacksPrincipal, "/Statement"},
		{"a resource in a trust policy", trust(`"Action":"sts:AssumeRole","Resource":"*"`), Trust, hasResource, "/Statement/Resource"},
		{"another action in a trust policy", trust(`"Action":"s3:GetObject"`), Trust, notAssumeRole, "/Statement/Action"},
		{"another STS action in a trust policy", trust(`"Action":["sts:AssumeRole","sts:GetCallerIdentity"]`), Trust, notAssumeRole, "/Statement/Action"},
		{"every action in a trust policy", trust(`"Action":"*"`), Trust, notAssumeRole, "/Statement/Action"},
		{"no operator", identity(good + `,"Condition":{"a:b":"c"}`), Managed, syntaxErrors, "-"},
		{"an unknown operator", identity(good + `,"Condition":{"StringMatches":{"a":"b"}}`), Managed, syntaxErrors, "/Statement/Condition/StringMatches"},
		{"an operator in the wrong case", identity(good + `,"Condition":{"stringEquals":{"a":"b"}}`), Managed, syntaxErrors, "-"},
		{"an unknown operator without keys", identity(good + `,"Condition":{"x":{}}`), Managed, syntaxErrors, "-"},
		{"two colons after the quantifier", identity(good + `,"Condition":{"ForAnyValue::StringEquals":{"a":"b"}}`), Managed, syntaxErrors, "-"},
		{"two quantifiers", identity(good + `,"Condition":{"ForAnyValue:ForAllValues:StringEquals":{"a":"b"}}`), Managed, syntaxErrors, "-"},
		{"IfExists twice", identity(good + `,"Condition":{"StringEqualsIfExistsIfExists":{"a":"b"}}`), Managed, syntaxErrors, "-"},
		{"NullIfExists", identity(good + `,"Condition":{"NullIfExists":{"a":"true"}}`), Managed, syntaxErrors, "-"},
		{"ForAnyValue:Null", identity(good + `,"Condition":{"ForAnyValue:Null":{"a":"true"}}`), Managed, syntaxErrors, "-"},
		{"a condition that is a list", identity(good + `,"Condition":[]`), Managed, syntaxErrors, "-"},
		{"a value that is an object", identity(good + `,"Condition":{"Bool":{"a":{}}}`), Managed, syntaxErrors, "-"},
		{"a value that is null", identity(good + `,"Condition":{"Bool":{"a":null}}`), Managed, syntaxErrors, "-"},
		{"a value in two lists", identity(good + `,"Condition":{"Bool":{"a":[["true"]]}}`), Managed, syntaxErrors, "-"},
		{"a number that is none", identity(good + `,"Condition":{"NumericEquals":{"a":"1e3"}}`), Managed, legacyParsing, "/Statement/Condition/NumericEquals/a"},
		{"a date that is none", identity(good + `,"Condition":{"DateGreaterThan":{"a":"234-13"}}`), Managed, legacyParsing, "/Statement/Condition/DateGreaterThan/a"},
		{"a date out of range", identity(good + `,"Condition":{"DateLessThan":{"a":"9223372036854775808"}}`), Managed, legacyParsing, "-"},
		{"a Boolean that is none", identity(good + `,"Condition":{"Bool":{"a/b":"yes"}}`), Managed, legacyParsing, "/Statement/Condition/Bool/a~1b"},
		{"a Null that is none", identity(good + `,"Condition":{"Null":{"a":""}}`), Managed, legacyParsing, "-"},
		{"an address that is none", identity(good + `,"Condition":{"IpAddress":{"a":"203.0.113.0/33"}}`), Managed, legacyParsing, "-"},
		{"an address with a zone", identity(good + `,"Condition":{"IpAddress":{"a":"fe80::1%eth0"}}`), Managed, legacyParsing, "-"},
		{"base64 that is none", identity(good + `,"Condition":{"BinaryEquals":{"a":"a"}}`), Managed, legacyParsing, "-"},
		{"a variable without an end in a condition", identity(good + `,"Condition":{"StringEquals":{"a":"${b"}}`), Managed, legacyParsing, "-"},
		{"a resource control policy that allows", identity(`"Principal":"*",` + good), RCP, unmetForType, "/Statement/Effect"},
		{"a resource control policy with NotAction", `{"Statement":{"Effect":"Deny","Principal":"*","NotAction":"logs:*","Resource":"*"}}`, RCP, unmetForType, "/Statement/NotAction"},
		{"a resource control policy for one account", `{"Statement":{"Effect":"Deny","Principal":{"AWS":"111111111111"},` + good + `}}`, RCP, unmetForType, "/Statement/Principal"},
		{"text beyond the limit", `{"Id":"` + strings.Repeat("x", MaxSize) + `"}`, Identity, syntaxErrors, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, err := Parse(tt.text, tt.usage)
			var perr *ParseError
			if !errors.As(err, &perr) {
				t.Fatalf("got %v, %v; want a ParseError", d, err)
			}
			if perr.Reason != tt.reason || tt.pointer != "-" && perr.Pointer != tt.pointer {
				t.Errorf("got  %q at %q (%s)\nwant %q at %q", perr.Reason, perr.Pointer, perr.Detail, tt.reason, tt.pointer)
			}
		})
	}
}

func TestParseRefusesWhatIsNoPrincipal(t *testing.T) {
	for _, tt := range []struct{ principal, reason string }{
		{`"111111111111"`, `Invalid principal in policy: "111111111111"`},
		{`"arn:aws:iam::111111111111:root"`, `Invalid principal in policy: "arn:aws:iam::111111111111:root"`},
		{`{"AWS":"arn:aws:iam::111111111111:user/*"}`, `Invalid principal in policy: "AWS":"arn:aws:iam::111111111111:user/*"`},
		{`{"AWS":"arn:aws:iam::*:root"}`, `Invalid principal in policy: "AWS":"arn:aws:iam::*:root"`},
		{`{"AWS":"arn:aws:iam::111111111111:group/g"}`, `Invalid principal in policy: "AWS":"arn:aws:iam::111111111111:group/g"`},
		{`{"AWS":"arn:aws:iam:::root"}`, `Invalid principal in policy: "AWS":"arn:aws:iam:::root"`},
		{`{"AWS":"arn:aws:iam::aws:root"}`, `Invalid principal in policy: "AWS":"arn:aws:iam::aws:root"`},
		{`{"AWS":"arn:aws:iam:us-east-1:111111111111:user/u"}`, `Invalid principal in policy: "AWS":"arn:aws:iam:us-east-1:111111111111:user/u"`},
		{`{"AWS":"arn:aws:iam::111111111111:user/"}`, `Invalid principal in policy: "AWS":"arn:aws:iam::111111111111:user/"`},
		{`{"AWS":"arn:aws:sts::111111111111:assumed-role/r"}`, `Invalid principal in policy: "AWS":"arn:aws:sts::111111111111:assumed-role/r"`},
		{`{"AWS":"arn:aws:sts::111111111111:assumed-role/r/*"}`, `Invalid principal in policy: "AWS":"arn:aws:sts::111111111111:assumed-role/r/*"`},
		{`{"AWS":"logs.amazonaws.com"}`, `Invalid principal in policy: "AWS":"logs.amazonaws.com"`},
		{`{"AWS":""}`, `Invalid principal in policy: "AWS":""`},
		{`{"Service":"*"}`, `Invalid principal in policy: "SERVICE":"*"`},
		{`{"Service":"logs"}`, `Invalid principal in policy: "SERVICE":"logs"`},
		{`{"Federated":"*"}`, `Invalid principal in policy: "FEDERATED":"*"`},
		{`{"aws":"*"}`, syntaxErrors},
		{`{}`, syntaxErrors},
		{`{"AWS":[]}`, syntaxErrors},
		{`["*"]`, syntaxErrors},
		{`null`, syntaxErrors},
	} {
		text := `{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":` + tt.principal + `}}`
		_, err := Parse(text, Trust)
		var perr *ParseError
		if !errors.As(err, &perr) || perr.Reason != tt.reason {
			t.Errorf("Principal %s\ngot  %v\nwant %q", tt.principal, err, tt.reason)
		}
	}
}

// Depth and size must cost no more than the text is long.
func TestHostileDocumentsAreRefusedCheaply(t *testing.T) {
	deep := func(open, middle, closing string) string {
		n := (MaxSize - len(middle)) / (len(open) + len(closing))
		return strings.Repeat(open, n) + middle + strings.Repeat(closing, n)
	}
	manyKeys := func() string {
		var b strings.Builder
		for i := 0; b.Len() < MaxSize-200; i++ {
			fmt.Fprintf(&b, `"k%d":"v",`, i)
		}
		return identity(`"Action":"a:b","Resource":"*","Condition":{"StringEquals":{` + b.String() + `"x":1},"Bool":{"x":"no"}}`)
	}
	for name, text := range map[string]string{
		"lists":       deep("[", "", "]"),
		"objects":     deep(`{"Statement":`, "1", "}"),
		"conditions":  identity(`"Condition":` + deep(`{"Bool":`, "1", "}")[:MaxSize-200]),
		"many keys":   manyKeys(),
		"white space": strings.Repeat(" ", MaxSize),
		"beyond":      strings.Repeat("[", 10*MaxSize),
	} {
		begin := time.Now()
		if d, err := Parse(text, Identity); err == nil {
			t.Errorf("%s: got %v, want an error", name, d)
		}
		// A generous bound: what is quadratic in 128 KiB takes minutes.
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("%s: took %v", name, took)
		}
	}
}

func TestStatementsShowTheDocument(t *testing.T) {
	d := mustParse(t, `{"Version":"2012-10-17","Id":"doc","Statement":[
	 {"Sid":"one","Effect":"Allow","Principal":{"AWS":["111111111111","arn:aws:iam::222222222222:root"]},"Action":"logs:PutSubscriptionFilter","Resource":"*"},
	 {"Effect":"Deny","NotPrincipal":"*","NotAction":["a:b"],"NotResource":["arn:aws:s3:::${aws:PrincipalTag/Team}"],
	  "Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-1"},"StringLike":{"AWS:principalorgid":"${aws:UserId}","aws:SourceArn":"x"}}}]}`, Resource)
	want := []Statement{
		{
			Index: 0, From: Position{1, 49}, To: Position{2, 156}, Sid: "one", Effect: Allow,
			Principals: []PrincipalName{{"AWS", "111111111111"}, {"AWS", "arn:aws:iam::222222222222:root"}},
			Actions:    []string{"logs:PutSubscriptionFilter"}, Resources: []string{"*"},
		},
		{
			Index: 1, From: Position{2, 157}, To: Position{4, 134}, Effect: ExplicitDeny, Principals: []PrincipalName{{"", "*"}}, NotPrincipal: true,
			Actions: []string{"a:b"}, NotAction: true, Resources: []string{"arn:aws:s3:::${aws:PrincipalTag/Team}"}, NotResource: true,
			ConditionKeys: []string{"aws:principalorgid", "aws:sourcearn"},
		},
	}
	if diff := cmp.Diff(want, d.Statements()); diff != "" {
		t.Errorf("Statements (-want +got):\n%s", diff)
	}
	if got := d.Statements()[1]; !got.HasConditionKey("aws:PrincipalOrgID") || got.HasConditionKey("aws:PrincipalOrgPaths") {
		t.Errorf("HasConditionKey is wrong for %v", got.ConditionKeys)
	}
	if got, want := d.ConditionKeys(), []string{"aws:principalorgid", "aws:sourcearn"}; !slices.Equal(got, want) {
		t.Errorf("ConditionKeys = %v, want %v", got, want)
	}
	if got, want := d.ContextKeys(), []string{"aws:principalorgid", "aws:principaltag/team", "aws:sourcearn", "aws:userid"}; !slices.Equal(got, want) {
		t.Errorf("ContextKeys = %v, want %v", got, want)
	}
	if !d.HasCondition("AWS:SourceArn") || d.HasCondition("aws:userid") {
		t.Error("HasCondition is wrong")
	}
	if d.ID() != "doc" || d.Version() != Version2012 || d.Usage() != Resource {
		t.Errorf("got %q %q %v", d.ID(), d.Version(), d.Usage())
	}
	if d := mustParse(t, `{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`, Identity); d.Version() != "2008-10-17" {
		t.Errorf("Version without one = %q, want 2008-10-17", d.Version())
	}
}

func TestPrincipalNamesTellAccountsFromARNs(t *testing.T) {
	for _, tt := range []struct {
		name    PrincipalName
		account arn.AccountID
		isARN   bool
	}{
		{PrincipalName{"AWS", "111111111111"}, "111111111111", false},
		{PrincipalName{"AWS", "arn:aws:iam::111111111111:root"}, "111111111111", false},
		{PrincipalName{"AWS", "arn:aws:iam::111111111111:user/root"}, "", true},
		{PrincipalName{"AWS", "AROA0123456789ABCDEF"}, "", false},
		{PrincipalName{"AWS", "*"}, "", false},
		{PrincipalName{"", "*"}, "", false},
		{PrincipalName{"Service", "111111111111"}, "", false},
	} {
		account, ok := tt.name.Account()
		if account != tt.account || ok != (tt.account != "") || tt.name.IsARN() != tt.isARN {
			t.Errorf("%v: Account %q %v, IsARN %v; want %q, %v", tt.name, account, ok, tt.name.IsARN(), tt.account, tt.isARN)
		}
	}
}

func TestReasonsCarryTheStatementAsItWasWritten(t *testing.T) {
	const (
		first  = "{ \"Effect\":\"Allow\",\n \"Action\":\"a:b\", \"Resource\":\"*\"}"
		second = `{"Sid":"two","Effect":"Deny","Action":"a:c","Resource":["*","arn:aws:s3:::x,:"]}`
	)
	for _, text := range []string{
		`{"Statement":[ ` + first + " ,\n\t" + second + `],"Version":"2012-10-17"}`,
		`{"Version":"2012-10-17", "Statement" : ` + first + `}`,
	} {
		doc, err := Parse(text, Identity)
		if err != nil {
			t.Fatal(err)
		}
		d := Explain(Request{Action: "a:b", Resource: "*"}, Policies{Identity: []Source{{Name: "p", Document: doc}}}, Standard)
		for i, want := range []string{first, second}[:len(doc.Statements())] {
			if got := d.Reasons[i].Text; got != want {
				t.Errorf("statement %d of %s\n got %s\nwant %s", i, text, got, want)
			}
		}
	}
}

func TestStatementsKnowTheirPlace(t *testing.T) {
	const statement = `{"Effect":"Allow","Action":"a:b","Resource":"*"}` // 48 characters
	for _, c := range []struct {
		text string
		want []Position // from, to, from, to...
	}{
		{`{"Version":"2012-10-17","Statement":[` + statement + `]}`, []Position{{1, 38}, {1, 86}}},
		{`{"Statement" : ` + statement + `}`, []Position{{1, 15}, {1, 64}}},
		{
			"{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n    " + statement + ",\r\n    " + statement + "\n  ]\n}",
			[]Position{{3, 17}, {4, 53}, {4, 54}, {5, 53}},
		},
	} {
		var got []Position
		for _, st := range mustParse(t, c.text, Identity).Statements() {
			got = append(got, st.From, st.To)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s\ngot  %v\nwant %v", c.text, got, c.want)
		}
	}
	// Characters count, not bytes.
	text := `{"Id":"éé","Statement":[{"Effect":"Allow","Action":"a:b","Resource":"*"}]}`
	if got := mustParse(t, text, Identity).Statements()[0].From; got != (Position{1, 25}) {
		t.Errorf("behind two letters of two bytes: got %v, want 1, 25", got)
	}
}

func TestContextKeysAsTheyAreWritten(t *testing.T) {
	d := mustParse(t, `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"a:b","Resource":"arn:aws:s3:::${aws:UserName, 'x'}/*","Condition":{"StringLike":{"aws:PrincipalOrgID":"${aws:PrincipalTag/Team}"},"ArnLike":{"aws:SourceArn":"arn:aws:s3:::${aws:Username}"}}},
		{"Effect":"Deny","Action":"a:b","Resource":"*","Condition":{"Null":{"AWS:PRINCIPALORGID":"true"}}}]}`, Identity)
	want := []string{"aws:UserName", "aws:PrincipalOrgID", "aws:PrincipalTag/Team", "aws:SourceArn"}
	if got := d.ContextKeyNames(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	lower := []string{"aws:principalorgid", "aws:principaltag/team", "aws:sourcearn", "aws:username"}
	if got := d.ContextKeys(); !slices.Equal(got, lower) {
		t.Errorf("got %q, want %q", got, lower)
	}
}
