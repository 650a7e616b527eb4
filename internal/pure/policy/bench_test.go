package policy

import (
	"fmt"
	"strings"
	"testing"
)

// mustParse parses a document that a test knows to be good.
func mustParse(tb testing.TB, text string, usage Usage) *Document {
	tb.Helper()
	d, err := Parse(text, usage)
	if err != nil {
		tb.Fatalf("Parse(%s): %v", text, err)
	}
	return d
}

// tenPolicies are ten policies of five statements with conditions, of which one
// statement in the middle of the last allows the request.
func tenPolicies(tb testing.TB) (Request, Policies) {
	const statement = `{"Effect":"Allow","Action":["logs:Put*","kinesis:%s"],"Resource":["arn:aws:kinesis:*:999999999999:stream/%s","arn:aws:kinesis:us-east-1:111111111111:stream/${aws:username}-*"],
	 "Condition":{"StringEquals":{"aws:PrincipalOrgID":["o-1234567890","o-0987654321"]},"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:user/*"},"Bool":{"aws:SecureTransport":"true"}}}`
	var p Policies
	for i := range 10 {
		var statements []string
		for j := range 5 {
			action, stream := "DescribeStream", fmt.Sprint("s", i, j)
			if i == 9 && j == 2 {
				action = "PutRecord"
			}
			statements = append(statements, fmt.Sprintf(statement, action, stream))
		}
		text := `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
		p.Identity = append(p.Identity, Source{Name: fmt.Sprint("policy ", i), Document: mustParse(tb, text, Managed)})
	}
	return Request{
		Principal: Principal{Kind: User, Account: "111111111111", ARN: "arn:aws:iam::111111111111:user/alice", ID: "AIDAALICE00000000000"},
		Action:    "kinesis:PutRecord", Resource: "arn:aws:kinesis:us-east-1:111111111111:stream/alice-1", ResourceAccount: "111111111111",
		Context: Context{
			"aws:principalorgid": {"o-1234567890"}, "aws:principalarn": {"arn:aws:iam::111111111111:user/alice"},
			"aws:securetransport": {"true"}, "aws:username": {"alice"},
		},
	}, p
}

func BenchmarkEvaluateTenPolicies(b *testing.B) {
	req, p := tenPolicies(b)
	b.ReportAllocs()
	for b.Loop() {
		if d := Evaluate(req, p, Standard); !d.Allowed() {
			b.Fatal(d)
		}
	}
}

func BenchmarkEvaluateDestination(b *testing.B) {
	d := mustParse(b, `{"Version":"2012-10-17","Statement":[{"Sid":"","Effect":"Allow","Principal":"*","Action":"logs:PutSubscriptionFilter",
	 "Resource":"arn:aws:logs:us-east-1:999999999999:destination:d","Condition":{"StringEquals":{"aws:PrincipalOrgID":["o-1234567890"]}}}]}`, Resource)
	req := Request{
		Principal: Principal{Kind: User, Account: "111111111111", ARN: "arn:aws:iam::111111111111:user/alice"},
		Action:    "logs:PutSubscriptionFilter", Resource: "arn:aws:logs:us-east-1:999999999999:destination:d", ResourceAccount: "999999999999",
		Context: Context{"aws:principalorgid": {"o-1234567890"}},
	}
	p := Policies{Resource: &Source{Name: "destination", Document: d}}
	b.ReportAllocs()
	for b.Loop() {
		if d := Evaluate(req, p, ResourceOnly); !d.Allowed() {
			b.Fatal(d)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	const text = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["logs:Put*","kinesis:PutRecord"],"Resource":"*","Condition":{"StringEquals":{"a:b":["c"]}}}]}`
	b.ReportAllocs()
	for b.Loop() {
		mustParse(b, text, Managed)
	}
}

func TestAnAllowingDecisionAllocatesNothing(t *testing.T) {
	req, p := tenPolicies(t)
	var d Decision
	if n := testing.AllocsPerRun(100, func() { d = Evaluate(req, p, Standard) }); n != 0 || !d.Allowed() {
		t.Errorf("got %v allocations and %v, want 0 and allowed", n, d.Effect)
	}
}
