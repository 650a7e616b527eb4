package operator_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tributary/internal/client"
	"tributary/internal/pure/sigv4"
	"tributary/internal/server/servertest"
	"tributary/internal/service/operator"
)

const (
	recipient   = "999999999999"
	sender      = "111111111111"
	stranger    = "333333333333"
	orgManager  = "555555555555"
	streamARN   = "arn:aws:kinesis:us-east-1:" + recipient + ":stream/s"
	roleARN     = "arn:aws:iam::" + recipient + ":role/r"
	destination = "arn:aws:logs:us-east-1:" + recipient + ":destination:d"
	groupARN    = "arn:aws:logs:us-east-1:" + sender + ":log-group:g"
	senderRole  = "arn:aws:iam::" + sender + ":role/CWLtoDestination"
	trustLogs   = `{"Statement":{"Effect":"Allow","Principal":{"Service":"logs.amazonaws.com"},"Action":"sts:AssumeRole"}}`
)

// A scene is a server with a recipient who has a stream, a role and a destination
// that admits nobody, and a sender who has a log group and a role.
type scene struct {
	*servertest.Server
	t testing.TB
}

func newScene(t testing.TB) *scene {
	t.Helper()
	s := &scene{servertest.Start(t), t}
	s.Must(recipient, "kinesis", "create-stream", "--stream-name", "s", "--shard-count", "1")
	s.eventually("the stream is ACTIVE", func() bool {
		out := s.Must(recipient, "kinesis", "describe-stream-summary", "--stream-name", "s")
		return out["StreamDescriptionSummary"].(map[string]any)["StreamStatus"] == "ACTIVE"
	})
	s.Must(recipient, "iam", "create-role", "--role-name", "r", "--assume-role-policy-document", trustLogs)
	s.allowPut()
	s.Must(recipient, "logs", "put-destination", "--destination-name", "d", "--target-arn", streamARN, "--role-arn", roleARN)
	s.Must(sender, "logs", "create-log-group", "--log-group-name", "g")
	s.Must(sender, "iam", "create-role", "--role-name", "CWLtoDestination", "--assume-role-policy-document", trustLogs)
	s.Must(sender, "iam", "put-role-policy", "--role-name", "CWLtoDestination", "--policy-name", "p", "--policy-document",
		`{"Statement":{"Effect":"Allow","Action":"logs:PutLogEvents","Resource":"`+groupARN+`:*"}}`)
	return s
}

func (s *scene) allowPut() {
	s.t.Helper()
	s.Must(recipient, "iam", "put-role-policy", "--role-name", "r", "--policy-name", "p", "--policy-document",
		`{"Statement":{"Sid":"Write","Effect":"Allow","Action":"kinesis:PutRecord","Resource":"`+streamARN+`"}}`)
}

func (s *scene) admit(policy string) {
	s.t.Helper()
	s.Must(recipient, "logs", "put-destination-policy", "--destination-name", "d", "--access-policy", policy, "--force-update")
}

func (s *scene) eventually(what string, holds func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); {
		if time.Now().After(deadline) {
			s.t.Fatalf("in vain waited for: %s", what)
		}
		<-time.After(2 * time.Millisecond)
	}
}

// raw asks an Explain operation and returns the bytes of the answer.
func (s *scene) raw(c *client.Client, operation string, in map[string]any) (json.RawMessage, error) {
	var answer json.RawMessage
	err := c.JSON(s.t.Context(), "tributary", "Tributary_20261121.Explain"+operation, in, &answer)
	return answer, err
}

func (s *scene) explain(c *client.Client, operation string, in map[string]any) explanation {
	s.t.Helper()
	answer, err := s.raw(c, operation, in)
	if err != nil {
		s.t.Fatalf("Explain%s: %v", operation, err)
	}
	var x explanation
	if err := json.Unmarshal(answer, &x); err != nil {
		s.t.Fatalf("%s: %v", answer, err)
	}
	return x
}

// An explanation is the answer without its times.
type explanation struct {
	Version  int
	Verdict  operator.Status
	Checks   []operator.Check
	Filter   *operator.ExplainedFilter
	Delivery *struct {
		State                          string
		ForwardedEvents, DroppedEvents int64
		LastError                      string
		RefusedSince                   float64
	}
}

func (x explanation) statuses() map[string]operator.Status {
	all := map[string]operator.Status{}
	for _, c := range x.Checks {
		all[c.Name] = c.Status
	}
	return all
}

func (x explanation) check(t testing.TB, name string) operator.Check {
	t.Helper()
	for _, c := range x.Checks {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("there is no check %s among %v", name, x.statuses())
	return operator.Check{}
}

func subscription(more ...string) map[string]any {
	in := map[string]any{"logGroupArn": groupARN, "destinationArn": destination}
	for i := 0; i < len(more); i += 2 {
		in[more[i]] = more[i+1]
	}
	return in
}

func accountPolicyFor(account string) string {
	return `{"Statement":[{"Sid":"AllowSender","Effect":"Allow","Principal":{"AWS":"` + account + `"},"Action":"logs:PutSubscriptionFilter","Resource":"` + destination + `"}]}`
}

func orgPolicyFor(org string) string {
	return `{"Statement":[{"Sid":"AllowOrg","Effect":"Allow","Principal":"*","Action":"logs:PutSubscriptionFilter","Resource":"` + destination +
		`","Condition":{"StringEquals":{"aws:PrincipalOrgID":["` + org + `"]}}}]}`
}

// join makes an organization of the manager's and lets an account join.
func (s *scene) organization() string {
	s.t.Helper()
	out := s.Must(orgManager, "organizations", "create-organization")
	return out["Organization"].(map[string]any)["Id"].(string)
}

func (s *scene) join(account string) {
	s.t.Helper()
	out := s.Must(orgManager, "organizations", "invite-account-to-organization", "--target", `{"Id":"`+account+`","Type":"ACCOUNT"}`)
	s.Must(account, "organizations", "accept-handshake", "--handshake-id", out["Handshake"].(map[string]any)["Id"].(string))
}

const (
	pass    = operator.Pass
	fail    = operator.Fail
	advice  = operator.Advice
	skipped = operator.Skipped
	unseen  = operator.NotVisible
)

func TestEachSideSeesItsOwnHalfOfASubscription(t *testing.T) {
	s := newScene(t)
	s.admit(accountPolicyFor(sender))
	got := s.explain(s.As(sender), "Subscription", subscription("roleArn", senderRole))
	want := map[string]operator.Status{
		"log-group": pass, "destination": unseen, "region": pass, "sender-role": pass, "sender-permission": pass,
		"access-policy": pass, "delivery-role": unseen, "put-record": unseen, "stream": unseen,
	}
	if diff := cmp.Diff(want, got.statuses()); diff != "" || got.Verdict != unseen {
		t.Errorf("the sender: verdict %s (-want +got):\n%s", got.Verdict, diff)
	}
	got = s.explain(s.As(recipient), "Subscription", subscription("roleArn", senderRole))
	want = map[string]operator.Status{
		"log-group": unseen, "destination": pass, "region": pass, "sender-role": unseen, "sender-permission": unseen,
		"access-policy": pass, "delivery-role": pass, "put-record": pass, "stream": pass,
	}
	if diff := cmp.Diff(want, got.statuses()); diff != "" || got.Verdict != unseen {
		t.Errorf("the recipient: verdict %s (-want +got):\n%s", got.Verdict, diff)
	}
	_, err := s.raw(s.As(stranger), "Subscription", subscription())
	if want := "AccessDeniedException: User: arn:aws:iam::" + stranger + ":root is not authorized to perform: tributary:ExplainSubscription on resource: " + groupARN +
		" because no resource-based policy allows the tributary:ExplainSubscription action"; err == nil || err.Error() != want {
		t.Errorf("a stranger:\n got %v\nwant %s", err, want)
	}
}

func TestRecipientIsToldTheStatementAndTheChange(t *testing.T) {
	s := newScene(t)
	org := s.organization()
	trustOther := strings.Replace(trustLogs, `"Action"`, `"Condition":{"StringLike":{"aws:SourceArn":"arn:aws:logs:us-east-1:`+recipient+`:*"}},"Action"`, 1)
	for _, c := range []struct {
		name, check          string
		status               operator.Status
		break_               func()
		detail, why, changes string
	}{
		{
			"no policy", "access-policy", fail, func() {},
			"has no access policy, so it admits nobody", "", `{"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"logs:PutSubscriptionFilter","Resource":"` + destination + `"}`,
		},
		{
			"another account", "access-policy", fail, func() { s.admit(accountPolicyFor("222222222222")) },
			"does not allow logs:PutSubscriptionFilter", "its Principal does not name the caller", "Let the access policy have",
		},
		{
			"another destination", "access-policy", fail,
			func() { s.admit(strings.ReplaceAll(accountPolicyFor(sender), ":d\"", ":e\"")) },
			"does not allow", "its Resource does not cover " + destination, "Let the access policy have",
		},
		{
			"by organization, without a role", "access-policy", fail, func() { s.admit(orgPolicyFor(org)) },
			"does not allow", `StringEquals aws:principalorgid wants "` + org + `", the request has none`, "give the subscription filter a roleArn",
		},
		{
			"denied", "access-policy", fail, func() {
				s.admit(`{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"},{"Sid":"No","Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}]}`)
			},
			"does not allow", "denies it", `Take out or narrow statement 2 ("No") of access policy of ` + destination,
		},
		{
			"admitted", "access-policy", pass, func() { s.admit(accountPolicyFor(sender)) },
			"allows logs:PutSubscriptionFilter", "allows it", "",
		},
		{
			"role does not trust for the sender", "delivery-role", fail, func() {
				s.Must(recipient, "iam", "update-assume-role-policy", "--role-name", "r", "--policy-document", trustOther)
			},
			"does not trust the Logs service for " + groupARN + ":*",
			`StringLike aws:sourcearn wants "arn:aws:logs:us-east-1:` + recipient + `:*", the request has "` + groupARN + `:*"`,
			`{"StringLike":{"aws:SourceArn":"` + groupARN + `:*"}}`,
		},
		{
			"what rests on the role is skipped", "put-record", skipped, func() {}, "nothing to ask about", "", "",
		},
		{
			"role may not write", "put-record", fail, func() {
				s.Must(recipient, "iam", "update-assume-role-policy", "--role-name", "r", "--policy-document", trustLogs)
				s.Must(recipient, "iam", "put-role-policy", "--role-name", "r", "--policy-name", "p", "--policy-document",
					`{"Statement":{"Sid":"Other","Effect":"Allow","Action":"kinesis:PutRecord","Resource":"`+streamARN+`2"}}`)
			},
			"because no identity-based policy allows the kinesis:PutRecord action", "its Resource does not cover " + streamARN,
			`{"Effect":"Allow","Action":"kinesis:PutRecord","Resource":"` + streamARN + `"}`,
		},
		{
			"stream gone", "stream", fail, func() {
				s.allowPut()
				s.Must(recipient, "kinesis", "delete-stream", "--stream-name", "s")
				s.eventually("the stream is gone", func() bool {
					_, err := s.Run(recipient, "kinesis", "describe-stream-summary", "--stream-name", "s")
					return err != nil
				})
			},
			streamARN + " does not exist", "", "CreateStream",
		},
		{
			"role gone", "delivery-role", fail, func() {
				s.Must(recipient, "iam", "delete-role-policy", "--role-name", "r", "--policy-name", "p")
				s.Must(recipient, "iam", "delete-role", "--role-name", "r")
			},
			roleARN + " does not exist", "", "CreateRole",
		},
		{
			"destination gone", "destination", fail,
			func() { s.Must(recipient, "logs", "delete-destination", "--destination-name", "d") },
			destination + " does not exist", "", "PutDestination",
		},
	} {
		c.break_()
		got := s.explain(s.As(recipient), "Subscription", subscription()).check(t, c.check)
		if got.Status != c.status {
			t.Errorf("%s: %s is %s, want %s", c.name, c.check, got.Status, c.status)
		}
		if !strings.Contains(got.Detail, c.detail) {
			t.Errorf("%s: detail %q, want it to have %q", c.name, got.Detail, c.detail)
		}
		if !strings.Contains(got.Change, c.changes) || (c.changes == "") != (got.Change == "") {
			t.Errorf("%s: change %q, want it to have %q", c.name, got.Change, c.changes)
		}
		switch {
		case c.why == "" && len(got.Statements) != 0:
			t.Errorf("%s: statements %+v, want none", c.name, got.Statements)
		case c.why != "" && (len(got.Statements) != 1 || !strings.Contains(got.Statements[0].Why, c.why) || !strings.HasPrefix(got.Statements[0].Text, `{"`)):
			t.Errorf("%s: statements %+v, want one that %q", c.name, got.Statements, c.why)
		}
	}
}

// A sender must not learn whether a foreign destination is there, nor anything of
// its policy, role and stream. Byte for byte the same answers prove it.
func TestAbsentAndForbiddenDestinationsAreExplainedAlike(t *testing.T) {
	s := newScene(t)
	org := s.organization()
	s.join(sender)
	states := []struct {
		name string
		make func()
	}{
		{"there, without a policy", func() {}},
		{"admits another account", func() { s.admit(accountPolicyFor("222222222222")) }},
		{"admits another organization", func() { s.admit(orgPolicyFor("o-aaaaaaaaaa")) }},
		{"denies", func() {
			s.admit(`{"Statement":[{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}]}`)
		}},
		{"its role is gone", func() {
			s.Must(recipient, "iam", "delete-role-policy", "--role-name", "r", "--policy-name", "p")
			s.Must(recipient, "iam", "delete-role", "--role-name", "r")
		}},
		{"its stream is gone", func() { s.Must(recipient, "kinesis", "delete-stream", "--stream-name", "s") }},
		{"absent", func() { s.Must(recipient, "logs", "delete-destination", "--destination-name", "d") }},
	}
	questions := map[string]map[string]any{
		"without a role":    subscription(),
		"with a role":       subscription("roleArn", senderRole),
		"with another role": subscription("roleArn", senderRole+"2"),
		"account level":     {"logGroupArn": groupARN, "destinationArn": destination, "accountLevel": true},
		"no log group":      subscription("logGroupArn", groupARN+"2"),
	}
	first := map[string]string{}
	for _, state := range states {
		state.make()
		for name, in := range questions {
			answer, err := s.raw(s.As(sender), "Subscription", in)
			if err != nil {
				t.Fatal(err)
			}
			if first[name] == "" {
				first[name] = string(answer)
			}
			if first[name] != string(answer) {
				t.Errorf("%s, %s:\n%s\ndiffers from the first state:\n%s", state.name, name, answer, first[name])
			}
			for _, secret := range []string{"role/r\"", "stream/s", "222222222222", "o-aaaaaaaaaa", "AllowSender"} {
				if strings.Contains(string(answer), secret) {
					t.Errorf("%s, %s: the answer tells %s:\n%s", state.name, name, secret, answer)
				}
			}
		}
	}
	// The check can fail: an admitted sender is told so.
	x := s.explain(s.As(sender), "Subscription", subscription("roleArn", senderRole))
	if got := x.check(t, "access-policy"); got.Status != fail || !cmp.Equal(got.Facts[2:], []operator.Fact{
		{Name: "aws:PrincipalOrgID", Value: org}, {Name: "aws:PrincipalOrgPaths", Value: got.Facts[len(got.Facts)-1].Value},
	}) {
		t.Errorf("the sender sees %+v of itself, want its organization %s", got, org)
	}
}

// A recipient must not learn of a sender's role, nor of an organization that its
// own policy does not name.
func TestSendersSideIsExplainedAlikeWhateverItIs(t *testing.T) {
	s := newScene(t)
	org := s.organization()
	s.admit(orgPolicyFor("o-aaaaaaaaaa"))
	ask := func(role string) string {
		t.Helper()
		answer, err := s.raw(s.As(recipient), "Subscription", subscription("roleArn", role))
		if err != nil {
			t.Fatal(err)
		}
		return strings.ReplaceAll(string(answer), role+"\"", "ROLE\"")
	}
	first := ask(senderRole)
	compare := func(state, answer string) {
		t.Helper()
		if answer != first {
			t.Errorf("%s:\n%s\ndiffers from:\n%s", state, answer, first)
		}
		if strings.Contains(answer, org) {
			t.Errorf("%s: the answer tells the organization:\n%s", state, answer)
		}
	}
	compare("a role that is not there", ask(senderRole+"2"))
	s.join(sender)
	compare("a member of an organization", ask(senderRole))
	s.Must(sender, "iam", "delete-role-policy", "--role-name", "CWLtoDestination", "--policy-name", "p")
	s.Must(sender, "iam", "delete-role", "--role-name", "CWLtoDestination")
	s.Must(sender, "iam", "create-role", "--role-name", "CWLtoDestination", "--assume-role-policy-document", trustLogs,
		"--tags", `[{"Key":"team","Value":"secret"}]`)
	compare("a role with tags", ask(senderRole))
	s.Must(sender, "logs", "delete-log-group", "--log-group-name", "g")
	compare("a log group that is not there", ask(senderRole))

	s.admit(orgPolicyFor(org))
	x := s.explain(s.As(recipient), "Subscription", subscription("roleArn", senderRole))
	if got := x.check(t, "access-policy"); got.Status != pass || !strings.Contains(fmt.Sprint(got.Facts), org) {
		t.Errorf("an organization that the policy names: got %+v, want a pass that shows %s", got, org)
	}
	s.admit(strings.Replace(orgPolicyFor(org), `"StringEquals":{"aws:PrincipalOrgID":["`+org+`"]}`, `"StringEquals":{"aws:PrincipalTag/team":"secret"}`, 1))
	x = s.explain(s.As(recipient), "Subscription", subscription("roleArn", senderRole))
	if got := x.check(t, "access-policy"); got.Status != unseen {
		t.Errorf("a policy that asks for the sender's tags: got %s, want %s", got.Status, unseen)
	}
}

// Nothing is shown that the caller may not read by other means.
func TestExplanationsNeedTheRightsToReadWhatTheyShow(t *testing.T) {
	s := newScene(t)
	s.admit(accountPolicyFor(sender))
	s.Must(recipient, "iam", "create-user", "--user-name", "ann")
	key := s.Must(recipient, "iam", "create-access-key", "--user-name", "ann")["AccessKey"].(map[string]any)
	ann := s.As(recipient)
	ann.Credentials = sigv4.Credentials{AccessKeyID: key["AccessKeyId"].(string), SecretAccessKey: key["SecretAccessKey"].(string)}
	allow := func(actions ...string) {
		t.Helper()
		list, _ := json.Marshal(actions)
		s.Must(recipient, "iam", "put-user-policy", "--user-name", "ann", "--policy-name", "p", "--policy-document",
			`{"Statement":{"Effect":"Allow","Action":`+string(list)+`,"Resource":"*"}}`)
	}
	allow("logs:*", "iam:*", "kinesis:*")
	_, err := s.raw(ann, "Subscription", subscription())
	if refusal, ok := errors.AsType[*client.Refusal](err); !ok || refusal.Code != "AccessDeniedException" {
		t.Errorf("without tributary:ExplainSubscription: got %v, want AccessDeniedException", err)
	}
	for _, c := range []struct {
		rights []string
		want   map[string]operator.Status
	}{
		{nil, map[string]operator.Status{"destination": unseen, "access-policy": unseen, "delivery-role": unseen, "put-record": unseen, "stream": unseen}},
		{[]string{"logs:DescribeDestinations"}, map[string]operator.Status{"destination": pass, "access-policy": pass, "delivery-role": unseen, "put-record": unseen, "stream": unseen}},
		{[]string{"iam:GetRole"}, map[string]operator.Status{"destination": unseen, "access-policy": unseen, "delivery-role": pass, "put-record": unseen, "stream": unseen}},
		{[]string{"iam:SimulatePrincipalPolicy"}, map[string]operator.Status{"destination": unseen, "access-policy": unseen, "delivery-role": unseen, "put-record": pass, "stream": unseen}},
		{[]string{"kinesis:DescribeStreamSummary"}, map[string]operator.Status{"destination": unseen, "access-policy": unseen, "delivery-role": unseen, "put-record": unseen, "stream": pass}},
	} {
		allow(append(c.rights, "tributary:Explain*")...)
		got := s.explain(ann, "Subscription", subscription()).statuses()
		for name, want := range c.want {
			if got[name] != want {
				t.Errorf("with %v: %s is %s, want %s", c.rights, name, got[name], want)
			}
		}
	}
}
