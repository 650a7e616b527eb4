package server_test

import (
	"strings"
	"testing"

	"tributary/internal/client"
	"tributary/internal/pure/sigv4"
	"tributary/internal/server/servertest"
)

const (
	manager   = "111111111111"
	limited   = "222222222222"
	bystander = "333333333333"
)

// A company is an organization with two members, and what the tests of control
// policies do in it.
type company struct {
	*servertest.Server
	t    *testing.T
	root string
	// user is the client of a user with every permission in the account limited.
	user *client.Client
}

func newCompany(t *testing.T) *company {
	t.Helper()
	c := &company{Server: servertest.Start(t), t: t}
	c.Must(manager, "organizations", "create-organization")
	for _, member := range []string{limited, bystander} {
		h := c.Must(manager, "organizations", "invite-account-to-organization", "--target", `{"Type":"ACCOUNT","Id":"`+member+`"}`)
		c.Must(member, "organizations", "accept-handshake", "--handshake-id", text(t, h, "Handshake", "Id"))
	}
	roots := c.Must(manager, "organizations", "list-roots")
	c.root = text(t, roots["Roots"].([]any)[0].(map[string]any), "Id")
	c.Must(limited, "iam", "create-user", "--user-name", "ann")
	c.Must(limited, "iam", "put-user-policy", "--user-name", "ann", "--policy-name", "all", "--policy-document",
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`)
	key := c.Must(limited, "iam", "create-access-key", "--user-name", "ann")
	c.user = c.As(limited)
	c.user.Credentials = sigv4.Credentials{
		AccessKeyID: text(t, key, "AccessKey", "AccessKeyId"), SecretAccessKey: text(t, key, "AccessKey", "SecretAccessKey"),
	}
	return c
}

// text is the string at a path of members.
func text(t *testing.T, tree map[string]any, path ...string) string {
	t.Helper()
	var v any = tree
	for _, name := range path {
		v = v.(map[string]any)[name]
	}
	s, ok := v.(string)
	if !ok {
		t.Fatalf("no text at %v of %v", path, tree)
	}
	return s
}

// policy enables a type, makes a policy of it and returns its id.
func (c *company) policy(kind, content string) string {
	c.t.Helper()
	c.Must(manager, "organizations", "enable-policy-type", "--root-id", c.root, "--policy-type", kind)
	p := c.Must(manager, "organizations", "create-policy", "--type", kind, "--name", "mine", "--description", "d", "--content", content)
	return text(c.t, p, "Policy", "PolicySummary", "Id")
}

func (c *company) attach(verb, policy, target string) {
	c.t.Helper()
	c.Must(manager, "organizations", verb, "--policy-id", policy, "--target-id", target)
}

// as runs a command and fails the test unless it is refused as want says; want is
// empty for a command that must succeed.
func (c *company) as(who *client.Client, want string, words ...string) {
	c.t.Helper()
	_, err := who.Run(c.t.Context(), c.Dispatcher, words)
	switch {
	case want == "" && err != nil:
		c.t.Fatalf("%s: got %v, want success", client.Command(words), err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		c.t.Fatalf("%s: got %v, want %s", client.Command(words), err, want)
	}
}

func TestServiceControlPolicyLimitsTheNextRequest(t *testing.T) {
	c := newCompany(t)
	deny := c.policy("SERVICE_CONTROL_POLICY", `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":["kinesis:*","logs:PutSubscriptionFilter"],"Resource":"*"}}`)
	c.Must(limited, "logs", "create-log-group", "--log-group-name", "g")
	subscribe := []string{
		"logs", "put-subscription-filter", "--log-group-name", "g", "--filter-name", "f", "--filter-pattern", "",
		"--destination-arn", "arn:aws:logs:us-east-1:333333333333:destination:none",
	}
	const explicit = "with an explicit deny in a service control policy"
	c.as(c.user, "", "kinesis", "list-streams")

	c.attach("attach-policy", deny, limited)
	for _, who := range []*client.Client{c.user, c.As(limited)} {
		c.as(who, explicit, "kinesis", "list-streams")
		c.as(who, explicit, subscribe...)
		c.as(who, "", "logs", "describe-log-groups")
	}
	c.as(c.As(bystander), "", "kinesis", "list-streams")
	c.attach("attach-policy", deny, manager)
	c.as(c.As(manager), "", "kinesis", "list-streams")

	c.attach("detach-policy", deny, limited)
	c.as(c.user, "", "kinesis", "list-streams")

	unit := c.Must(manager, "organizations", "create-organizational-unit", "--parent-id", c.root, "--name", "u")
	id := text(t, unit, "OrganizationalUnit", "Id")
	c.attach("attach-policy", deny, id)
	c.Must(manager, "organizations", "move-account", "--account-id", limited, "--source-parent-id", c.root, "--destination-parent-id", id)
	c.as(c.user, explicit, "kinesis", "list-streams")
	c.Restart()
	c.user.Endpoint = c.URL()
	c.as(c.user, explicit, "kinesis", "list-streams")
	c.Must(limited, "organizations", "leave-organization")
	c.as(c.user, "", "kinesis", "list-streams")
}

func TestResourceControlPolicyLimitsTheNextRequest(t *testing.T) {
	c := newCompany(t)
	deny := c.policy("RESOURCE_CONTROL_POLICY", `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":"kinesis:DescribeStream","Resource":"*"}}`)
	c.Must(limited, "kinesis", "create-stream", "--stream-name", "s", "--shard-count", "1")
	describe := []string{"kinesis", "describe-stream", "--stream-name", "s"}
	c.as(c.user, "", describe...)
	c.attach("attach-policy", deny, limited)
	c.as(c.user, "with an explicit deny in a resource control policy", describe...)
	c.attach("detach-policy", deny, limited)
	c.as(c.user, "", describe...)
}

func TestClosedAccountIsRefusedAtOnce(t *testing.T) {
	c := newCompany(t)
	c.as(c.user, "", "sts", "get-caller-identity")
	c.Must(manager, "organizations", "close-account", "--account-id", limited)
	for _, words := range [][]string{{"sts", "get-caller-identity"}, {"kinesis", "list-streams"}} {
		for _, who := range []*client.Client{c.user, c.As(limited)} {
			if _, err := who.Run(t.Context(), c.Dispatcher, words); err == nil {
				t.Errorf("%s: a closed account is answered", client.Command(words))
			}
		}
	}
}

func TestResourcePolicyDelegatesToAMember(t *testing.T) {
	c := newCompany(t)
	list := []string{"organizations", "list-accounts"}
	const denied = "AccessDeniedException"
	c.as(c.user, denied, list...)
	c.Must(manager, "organizations", "put-resource-policy", "--content",
		`{"Version":"2012-10-17","Statement":{"Sid":"a","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::222222222222:user/ann"},"Action":"organizations:List*","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalAccount":"222222222222"}}}}`)
	c.as(c.user, "", list...)
	c.as(c.As(limited), denied, list...) // the root user is not ann
	c.as(c.As(bystander), denied, list...)
	c.Must(limited, "iam", "delete-user-policy", "--user-name", "ann", "--policy-name", "all")
	c.as(c.user, "no identity-based policy allows", list...) // her own policies must allow it too
	c.Must(manager, "organizations", "delete-resource-policy")
	c.as(c.user, denied, list...)
}
