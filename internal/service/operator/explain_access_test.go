package operator_test

import (
	"strings"
	"testing"

	"tributary/internal/service/operator"
)

func TestAccessIsExplainedByPolicyType(t *testing.T) {
	s := newScene(t)
	s.Must(sender, "iam", "create-user", "--user-name", "ann")
	const ann = "arn:aws:iam::" + sender + ":user/ann"
	ask := func(in map[string]any) explanation {
		t.Helper()
		return s.explain(s.As(sender), "Access", in)
	}
	question := map[string]any{"principalArn": ann, "action": "logs:PutDestination", "resourceArn": "*"}
	x := ask(question)
	if c := x.check(t, "identity-policies"); x.Verdict != fail || c.Status != fail || !strings.Contains(c.Change, `{"Effect":"Allow","Action":"logs:PutDestination","Resource":"*"}`) {
		t.Errorf("without a policy: verdict %s, %+v", x.Verdict, c)
	}
	s.Must(sender, "iam", "put-user-policy", "--user-name", "ann", "--policy-name", "p", "--policy-document",
		`{"Statement":{"Sid":"Home","Effect":"Allow","Action":"logs:*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}}}`)
	x = ask(question)
	if c := x.check(t, "identity-policies"); c.Status != fail || len(c.Statements) != 1 || c.Statements[0].Sid != "Home" || c.Statements[0].Decided ||
		c.Statements[0].Why != `its Condition does not hold: IpAddress aws:sourceip wants "10.0.0.0/8", the request has none` {
		t.Errorf("without the key: %+v", c)
	}
	question["context"] = []any{map[string]any{"key": "aws:SourceIp", "values": []any{"10.1.2.3"}}}
	x = ask(question)
	if c := x.check(t, "identity-policies"); x.Verdict != pass || c.Status != pass || !c.Statements[0].Decided {
		t.Errorf("with the key: verdict %s, %+v", x.Verdict, c)
	}
	// Another account's destination: its policy is not visible, whatever it is.
	foreign := map[string]any{"principalArn": "arn:aws:iam::" + sender + ":root", "action": "logs:PutSubscriptionFilter", "resourceArn": destination}
	before, err := s.raw(s.As(sender), "Access", foreign)
	if err != nil {
		t.Fatal(err)
	}
	s.admit(accountPolicyFor(sender))
	after, err := s.raw(s.As(sender), "Access", foreign)
	if err != nil || string(before) != string(after) {
		t.Errorf("the answer tells of a foreign policy: %v\n%s\n%s", err, before, after)
	}
	x = s.explain(s.As(recipient), "Access", foreign)
	if c := x.check(t, "resource-policy"); c.Status != pass || c.Statements[0].Sid != "AllowSender" {
		t.Errorf("the owner of the destination: %+v", c)
	}
	if x := ask(map[string]any{"principalArn": ann + "2", "action": "a:b", "resourceArn": "*"}); x.Verdict != fail || x.Checks[0].Name != "principal" {
		t.Errorf("nobody: %+v", x)
	}
}

// The types of policy that an organization and a boundary bring along have rows of
// their own, and what an organization's policies say is not shown to a member.
func TestLimitsAreRowsOfAnExplainedAccess(t *testing.T) {
	s := newScene(t)
	s.organization()
	s.join(sender)
	root := s.Must(orgManager, "organizations", "list-roots")["Roots"].([]any)[0].(map[string]any)["Id"].(string)
	control := func(kind, content string) {
		t.Helper()
		s.Must(orgManager, "organizations", "enable-policy-type", "--root-id", root, "--policy-type", kind)
		p := s.Must(orgManager, "organizations", "create-policy", "--type", kind, "--name", "mine", "--description", "d", "--content", content)
		id := p["Policy"].(map[string]any)["PolicySummary"].(map[string]any)["Id"].(string)
		s.Must(orgManager, "organizations", "attach-policy", "--policy-id", id, "--target-id", sender)
	}
	s.Must(sender, "iam", "create-user", "--user-name", "ann")
	s.Must(sender, "iam", "put-user-policy", "--user-name", "ann", "--policy-name", "p", "--policy-document",
		`{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`)
	const ownStream = "arn:aws:kinesis:us-east-1:" + sender + ":stream/own"
	ask := func(action string) explanation {
		t.Helper()
		return s.explain(s.As(sender), "Access", map[string]any{
			"principalArn": "arn:aws:iam::" + sender + ":user/ann", "action": action, "resourceArn": ownStream,
		})
	}
	if x := ask("kinesis:PutRecord"); x.Verdict != pass {
		t.Fatalf("before: %+v", x)
	}
	steps := []struct {
		row, action string
		denies      string // its Detail
		limit       func()
		shown       bool // the statement's text
	}{
		{"permissions-boundary", "kinesis:ListShards", "a permissions boundary denies it", func() {
			p := s.Must(sender, "iam", "create-policy", "--policy-name", "b", "--policy-document",
				`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Sid":"NoList","Effect":"Deny","Action":"kinesis:ListShards","Resource":"*"}]}`)
			s.Must(sender, "iam", "put-user-permissions-boundary", "--user-name", "ann", "--permissions-boundary", p["Policy"].(map[string]any)["Arn"].(string))
		}, true},
		{"service-control-policies", "kinesis:GetRecords", "a service control policy denies it", func() {
			control("SERVICE_CONTROL_POLICY", `{"Version":"2012-10-17","Statement":[{"Sid":"OrgSecret","Effect":"Deny","Action":"kinesis:GetRecords","Resource":"*"}]}`)
		}, false},
		{"resource-control-policies", "kinesis:DescribeStream", "a resource control policy denies it", func() {
			control("RESOURCE_CONTROL_POLICY", `{"Version":"2012-10-17","Statement":[{"Sid":"OrgSecret","Effect":"Deny","Principal":"*","Action":"kinesis:DescribeStream","Resource":"*"}]}`)
		}, false},
	}
	for _, c := range steps {
		c.limit()
		x := ask(c.action)
		got := x.check(t, c.row)
		if x.Verdict != fail || got.Status != fail || got.Change == "" || got.Detail != c.denies {
			t.Errorf("%s: verdict %s, %+v, want a failure, %q, with a change", c.row, x.Verdict, got, c.denies)
		}
		if len(got.Statements) == 0 || !got.Statements[0].Decided || (got.Statements[0].Text != "") != c.shown || strings.Contains(got.Statements[0].Sid, "OrgSecret") {
			t.Errorf("%s: statements %+v, want the one that decides, its text shown: %t", c.row, got.Statements, c.shown)
		}
		if got := x.check(t, "identity-policies"); got.Status != pass || got.Detail != "an identity-based policy allows it" {
			t.Errorf("%s: the row of identity policies is %+v, want that an identity-based policy allows it", c.row, got)
		}
		if got := x.check(t, "decision"); got.Status != fail || !strings.Contains(got.Detail, "explicit deny") {
			t.Errorf("%s: the decision is %+v, want a denial", c.row, got)
		}
	}
	// What no limit is about is allowed, and each has a row that says so.
	x := ask("kinesis:PutRecord")
	for _, c := range steps {
		if got := x.check(t, c.row); got.Status != pass {
			t.Errorf("%s of what it lets be: got %+v, want a pass", c.row, got)
		}
	}
}

// A destination may write to a stream of a third account. Its owner sees what its own
// role may, and nothing of the stream and its policy.
func TestAStreamOfAThirdAccountIsNotShown(t *testing.T) {
	s := newScene(t)
	const theirs = "arn:aws:kinesis:us-east-1:" + stranger + ":stream/theirs"
	s.Must(stranger, "kinesis", "create-stream", "--stream-name", "theirs", "--shard-count", "1")
	s.eventually("the stream is ACTIVE", func() bool {
		out := s.Must(stranger, "kinesis", "describe-stream-summary", "--stream-name", "theirs")
		return out["StreamDescriptionSummary"].(map[string]any)["StreamStatus"] == "ACTIVE"
	})
	lend := func(sid string) {
		s.Must(stranger, "kinesis", "put-resource-policy", "--resource-arn", theirs, "--policy",
			`{"Version":"2012-10-17","Statement":[{"Sid":"`+sid+`","Effect":"Allow","Principal":{"AWS":"`+roleARN+`"},"Action":"kinesis:PutRecord","Resource":"`+theirs+`"}]}`)
	}
	lend("TheirSecret")
	s.Must(recipient, "iam", "put-role-policy", "--role-name", "r", "--policy-name", "p", "--policy-document",
		`{"Statement":{"Sid":"Write","Effect":"Allow","Action":"kinesis:PutRecord","Resource":"*"}}`)
	s.Must(recipient, "logs", "put-destination", "--destination-name", "d", "--target-arn", theirs, "--role-arn", roleARN)
	s.admit(accountPolicyFor(sender))
	ask := func() (explanation, string) {
		t.Helper()
		answer, err := s.raw(s.As(recipient), "Subscription", subscription())
		if err != nil {
			t.Fatal(err)
		}
		return s.explain(s.As(recipient), "Subscription", subscription()), string(answer)
	}
	x, text := ask()
	if got := x.check(t, "stream"); got.Status != unseen || got.Detail != "account "+stranger+" sees its own stream" {
		t.Errorf("the stream: %+v", got)
	}
	if got := x.check(t, "put-record"); got.Status != pass || x.Verdict != unseen {
		t.Errorf("the role that may: verdict %s, %+v", x.Verdict, got)
	}
	if strings.Contains(text, "TheirSecret") {
		t.Errorf("the stream's policy shows: %s", text)
	}
	s.Must(stranger, "kinesis", "delete-resource-policy", "--resource-arn", theirs)
	x, text = ask()
	if got := x.check(t, "put-record"); got.Status != fail {
		t.Errorf("without the stream's consent: %+v, want %s", got, operator.Fail)
	}
	// A stream that does not consent and one that is not there look the same.
	s.Must(stranger, "kinesis", "delete-stream", "--stream-name", "theirs")
	s.eventually("the stream is gone", func() bool {
		_, err := s.Run(stranger, "kinesis", "describe-stream-summary", "--stream-name", "theirs")
		return err != nil
	})
	if _, gone := ask(); gone != text {
		t.Errorf("a stream that is gone:\n%s\ndiffers from one that does not consent:\n%s", gone, text)
	}
}
