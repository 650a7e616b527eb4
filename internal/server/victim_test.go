package server_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tributary/internal/client"
	"tributary/internal/pure/sigv4"
	"tributary/internal/server"
	"tributary/internal/server/servertest"
)

const (
	victimAccount = "111111111111"
	// canary is part of every name that the victim gives and of all that it stores:
	// wherever it shows up in somebody else's answer, something has leaked.
	canary = "canary7f3a"
)

// An input is what an attempt sends.
type input = map[string]any

// A prey is the names, ids and tokens that attempts are made with, each under a word
// of this test: those of the victim's things, or as many that nothing has. An answer
// must not tell which of the two it was.
type prey map[string]string

func (p prey) arn(service, resource string) string {
	region := "us-east-1"
	if service == "iam" {
		region = ""
	}
	return "arn:aws:" + service + ":" + region + ":" + victimAccount + ":" + resource
}

func (p prey) groupARN() string       { return p.arn("logs", "log-group:"+p["group"]) }
func (p prey) destinationARN() string { return p.arn("logs", "destination:"+p["destination"]) }
func (p prey) streamARN() string      { return p.arn("kinesis", "stream/"+p["kinesis"]) }
func (p prey) tableARN() string       { return p.arn("dynamodb", "table/"+p["table"]) }
func (p prey) userARN() string        { return p.arn("iam", "user/"+p["user"]) }
func (p prey) roleARN() string        { return p.arn("iam", "role/"+p["role"]) }
func (p prey) policyARN() string      { return p.arn("iam", "policy/"+p["policy"]) }

// A scene is a server with a victim.
type scene struct {
	*servertest.Server
	t      testing.TB
	victim prey
	ghost  prey // as victim, and nothing of it exists
	owner  *client.Client
	// expired are credentials of an administrator of the victim whose time is over.
	expired sigv4.Credentials
}

// newScene starts a server and gives the victim one of everything, and a second of
// what lists answer in pages.
func newScene(t testing.TB) *scene {
	var ahead atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	ahead.Store(int64(-2 * time.Hour))
	s := &scene{Server: servertest.StartWith(t, server.Config{Now: now}), t: t, victim: prey{}}
	s.makeAdministrator(victimAccount, "owner")
	s.expired = s.session(s.administrator(victimAccount, "owner"), victimAccount, "owner", nil)
	ahead.Store(0)

	s.owner = s.administrator(victimAccount, "owner")
	v := s.victim
	for _, noun := range []string{
		"group", "stream", "filter", "destination", "kinesis", "consumer", "table",
		"user", "iamgroup", "role", "policy", "inline", "alias", "unitname", "scpname",
	} {
		v[noun] = canary + "-" + noun + "-a"
	}
	s.makeOrganization()
	s.makeIdentities()
	s.makeStreams()
	s.makeLogs()
	s.makeTables()
	s.must("iam CreateUser", input{"UserName": "denied"})
	denied := &principal{account: victimAccount, client: s.administrator(victimAccount, "denied")}
	v["denial"] = denied.ask(s, &attempt{operation: "logs DescribeLogGroups", in: func(prey) input { return input{} }}, v).denial
	s.ghost = s.makeGhost()
	return s
}

// second is the name of the second thing of a sort.
func second(name string) string { return strings.TrimSuffix(name, "a") + "b" }

// must asks as the victim's owner for what has to succeed.
func (s *scene) must(operation string, in input) input { return s.mustAs(s.owner, operation, in) }

func (s *scene) mustAs(c *client.Client, operation string, in input) input {
	s.t.Helper()
	out, err := s.ask(c, operation, in)
	if err != nil {
		s.t.Fatalf("%s %v: %v", operation, in, err)
	}
	return out
}

// ask calls an operation in the wire form of its service.
func (s *scene) ask(c *client.Client, operation string, in input) (input, error) {
	service, name, _ := strings.Cut(operation, " ")
	svc, ok := s.Dispatcher.Service(service)
	if !ok {
		s.t.Fatalf("no service %s", service)
	}
	if svc.TargetPrefix == "" {
		return c.Query(s.t.Context(), service, svc.Version, name, in)
	}
	if in == nil {
		in = input{}
	}
	var out input
	err := c.JSON(s.t.Context(), service, svc.TargetPrefix+"."+name, in, &out)
	return out, err
}

// text is a member of an answer, by its path.
func (s *scene) text(out input, path ...string) string {
	s.t.Helper()
	var at any = out
	for _, name := range path {
		m, _ := at.(input)
		at = m[name]
	}
	text, ok := at.(string)
	if !ok || text == "" {
		s.t.Fatalf("no %s in %v", strings.Join(path, "."), out)
	}
	return text
}

const (
	allowAll  = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`
	trustLogs = `{"Statement":{"Effect":"Allow","Principal":{"Service":"logs.amazonaws.com"},"Action":"sts:AssumeRole"}}`
	admin     = "arn:aws:iam::aws:policy/AdministratorAccess"
)

// trustAccount is a trust policy for the principals of an account.
func trustAccount(account string) string {
	return `{"Statement":{"Effect":"Allow","Principal":{"AWS":"` + account + `"},"Action":"sts:AssumeRole"}}`
}

// makeAdministrator makes a user and a role of that name who may do everything.
func (s *scene) makeAdministrator(account, name string) {
	s.t.Helper()
	root := s.As(account)
	s.mustAs(root, "iam CreateUser", input{"UserName": name})
	s.mustAs(root, "iam AttachUserPolicy", input{"UserName": name, "PolicyArn": admin})
	s.mustAs(root, "iam CreateRole", input{"RoleName": name, "AssumeRolePolicyDocument": trustAccount(account)})
	s.mustAs(root, "iam AttachRolePolicy", input{"RoleName": name, "PolicyArn": admin})
}

// administrator is a client with a new key of a user.
func (s *scene) administrator(account, user string) *client.Client {
	s.t.Helper()
	key := s.mustAs(s.As(account), "iam CreateAccessKey", input{"UserName": user})
	return s.with(account, sigv4.Credentials{
		AccessKeyID: s.text(key, "AccessKey", "AccessKeyId"), SecretAccessKey: s.text(key, "AccessKey", "SecretAccessKey"),
	})
}

func (s *scene) with(account string, c sigv4.Credentials) *client.Client {
	as := s.As(account)
	as.Credentials = c
	return as
}

// session are the credentials of a session of a role.
func (s *scene) session(by *client.Client, account, role string, more input) sigv4.Credentials {
	s.t.Helper()
	in := input{"RoleArn": "arn:aws:iam::" + account + ":role/" + role, "RoleSessionName": "session", "DurationSeconds": 3600}
	maps.Copy(in, more)
	out := s.mustAs(by, "sts AssumeRole", in)
	return sigv4.Credentials{
		AccessKeyID: s.text(out, "Credentials", "AccessKeyId"), SecretAccessKey: s.text(out, "Credentials", "SecretAccessKey"),
		SessionToken: s.text(out, "Credentials", "SessionToken"),
	}
}

// makeOrganization makes the victim the management account of an organization with
// units, members, policies, a delegated administrator and invitations.
func (s *scene) makeOrganization() {
	s.t.Helper()
	v := s.victim
	for _, account := range []string{"133333333331", "133333333332"} {
		s.mustAs(s.As(account), "organizations CreateOrganization", nil)
		out := s.mustAs(s.As(account), "organizations InviteAccountToOrganization", input{"Target": input{"Id": victimAccount, "Type": "ACCOUNT"}, "Notes": canary})
		v["invitation"] = s.text(out, "Handshake", "Id")
	}
	v["org"] = s.text(s.must("organizations CreateOrganization", input{"FeatureSet": "ALL"}), "Organization", "Id")
	roots := s.must("organizations ListRoots", nil)["Roots"].([]any)
	v["root"] = roots[0].(input)["Id"].(string)
	for _, kind := range []string{scp, "TAG_POLICY"} {
		s.must("organizations EnablePolicyType", input{"RootId": v["root"], "PolicyType": kind})
	}
	settings := s.must("organizations CreatePolicy", input{"Name": canary, "Description": canary, "Type": "TAG_POLICY", "Content": `{"tags":{"` + canary + `":{"tag_key":{"@@assign":"` + canary + `"}}}}`})
	s.must("organizations AttachPolicy", input{"PolicyId": s.text(settings, "Policy", "PolicySummary", "Id"), "TargetId": v["root"]})
	for i, name := range []string{v["unitname"], second(v["unitname"])} {
		out := s.must("organizations CreateOrganizationalUnit", input{"ParentId": v["root"], "Name": name, "Tags": tags()})
		v[fmt.Sprint("unit", i)] = s.text(out, "OrganizationalUnit", "Id")
		s.must("organizations CreateOrganizationalUnit", input{"ParentId": v["unit0"], "Name": "inner-" + name})
		out = s.must("organizations CreatePolicy", input{"Content": allowAll, "Description": canary, "Name": []string{v["scpname"], second(v["scpname"])}[i], "Type": scp, "Tags": tags()})
		v[fmt.Sprint("scp", i)] = s.text(out, "Policy", "PolicySummary", "Id")
		s.must("organizations AttachPolicy", input{"PolicyId": v[fmt.Sprint("scp", i)], "TargetId": v["unit0"]})
		out = s.must("organizations CreateAccount", input{"Email": fmt.Sprintf("%s-%d@example.com", canary, i), "AccountName": canary})
		status := s.text(out, "CreateAccountStatus", "Id")
		v["creation"] = status
		v[fmt.Sprint("member", i)] = s.created(status)
		s.must("organizations MoveAccount", input{"AccountId": v[fmt.Sprint("member", i)], "SourceParentId": v["root"], "DestinationParentId": v["unit0"]})
		s.must("organizations AttachPolicy", input{"PolicyId": v["scp0"], "TargetId": v[fmt.Sprint("member", i)]})
		service := []string{"config.amazonaws.com", "cloudtrail.amazonaws.com"}[i]
		s.must("organizations EnableAWSServiceAccess", input{"ServicePrincipal": service})
		for j := range i + 1 {
			s.must("organizations RegisterDelegatedAdministrator", input{"AccountId": v[fmt.Sprint("member", j)], "ServicePrincipal": service})
		}
	}
	s.must("organizations RegisterDelegatedAdministrator", input{"AccountId": v["member1"], "ServicePrincipal": "config.amazonaws.com"})
	s.must("organizations PutResourcePolicy", input{"Content": `{"Version":"2012-10-17","Statement":{"Sid":"` + canary +
		`","Effect":"Allow","Principal":{"AWS":"` + v["member0"] + `"},"Action":"organizations:DescribePolicy","Resource":"*"}}`})
	for _, account := range []string{"122222222221", "122222222222"} {
		out := s.must("organizations InviteAccountToOrganization", input{"Target": input{"Id": account, "Type": "ACCOUNT"}, "Notes": canary})
		v["handshake"] = s.text(out, "Handshake", "Id")
	}
}

const scp = "SERVICE_CONTROL_POLICY"

func tags() []any {
	return []any{input{"Key": canary, "Value": "1"}, input{"Key": canary + "2", "Value": "2"}}
}

// created waits for an account and answers its id.
func (s *scene) created(status string) string {
	s.t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		out := s.must("organizations DescribeCreateAccountStatus", input{"CreateAccountRequestId": status})["CreateAccountStatus"].(input)
		if id, ok := out["AccountId"].(string); ok {
			return id
		}
		if out["State"] == "FAILED" || time.Now().After(deadline) {
			s.t.Fatalf("account is not made: %v", out)
		}
	}
}

// join makes an account a member of the victim's organization, and lets it leave again
// unless it is to stay.
func (s *scene) join(account string, stay bool) {
	s.t.Helper()
	out := s.must("organizations InviteAccountToOrganization", input{"Target": input{"Id": account, "Type": "ACCOUNT"}})
	s.mustAs(s.As(account), "organizations AcceptHandshake", input{"HandshakeId": s.text(out, "Handshake", "Id")})
	if !stay {
		s.mustAs(s.As(account), "organizations LeaveOrganization", nil)
	}
}

// toMembers is what a statement of a resource's policy says to admit the members of
// the victim's organization, but nobody of the victim's own account.
func (s *scene) toMembers() string {
	return `"Effect":"Allow","Principal":"*","Condition":{"StringEquals":{"aws:PrincipalOrgID":"` + s.victim["org"] +
		`"},"StringNotEquals":{"aws:PrincipalAccount":"` + victimAccount + `"}}`
}

func (s *scene) makeIdentities() {
	s.t.Helper()
	v := s.victim
	s.must("iam CreateAccountAlias", input{"AccountAlias": v["alias"]})
	for i, end := range []func(string) string{func(name string) string { return name }, second} {
		user, group, role, inline := end(v["user"]), end(v["iamgroup"]), end(v["role"]), end(v["inline"])
		out := s.must("iam CreatePolicy", input{"PolicyName": end(v["policy"]), "PolicyDocument": allowAll, "Description": canary, "Tags": tags()})
		policy := s.text(out, "Policy", "Arn")
		s.must("iam CreatePolicyVersion", input{"PolicyArn": policy, "PolicyDocument": allowAll})
		s.must("iam CreateUser", input{"UserName": user, "Tags": tags(), "PermissionsBoundary": v.policyARN()})
		s.must("iam CreateGroup", input{"GroupName": group})
		s.must("iam CreateRole", input{
			"RoleName": role, "Tags": tags(), "PermissionsBoundary": v.policyARN(), "Description": canary,
			"AssumeRolePolicyDocument": `{"Statement":[{` + s.toMembers() + `,"Action":"sts:AssumeRole"},{"Effect":"Allow","Principal":{"AWS":"` + s.userARN("owner") + `"},"Action":"sts:AssumeRole"}]}`,
		})
		if i == 0 {
			for range 2 {
				key := s.must("iam CreateAccessKey", input{"UserName": user})
				v["key"] = s.text(key, "AccessKey", "AccessKeyId")
			}
		}
		for _, of := range []input{{"UserName": v["user"]}, {"GroupName": v["iamgroup"]}, {"RoleName": v["role"]}} {
			s.must("iam Attach"+holderOf(of)+"Policy", with(of, "PolicyArn", policy))
			s.must("iam Put"+holderOf(of)+"Policy", with(with(of, "PolicyName", inline), "PolicyDocument", allowAll))
		}
	}
	for _, pair := range [][2]string{{v["user"], v["iamgroup"]}, {v["user"], second(v["iamgroup"])}, {second(v["user"]), v["iamgroup"]}} {
		s.must("iam AddUserToGroup", input{"UserName": pair[0], "GroupName": pair[1]})
	}
	s.must("iam CreateRole", input{"RoleName": "own", "AssumeRolePolicyDocument": trustLogs})
	s.must("iam PutRolePolicy", input{"RoleName": "own", "PolicyName": "all", "PolicyDocument": allowAll})
	s.must("iam CreateServiceLinkedRole", input{"AWSServiceName": "autoscaling.amazonaws.com", "CustomSuffix": canary})
	out := s.must("iam DeleteServiceLinkedRole", input{"RoleName": "AWSServiceRoleForAutoScaling_" + canary})
	v["task"] = s.text(out, "DeletionTaskId")
	s.must("iam CreateServiceLinkedRole", input{"AWSServiceName": "lex.amazonaws.com", "CustomSuffix": canary})
	v["linked"] = "AWSServiceRoleForLexBots_" + canary
}

func (s *scene) userARN(name string) string { return s.victim.arn("iam", "user/"+name) }

// holderOf is the noun of the holder of policies that an input names.
func holderOf(in input) string {
	for _, noun := range []string{"User", "Group", "Role"} {
		if in[noun+"Name"] != nil {
			return noun
		}
	}
	return ""
}

func with(in input, name string, value any) input {
	out := maps.Clone(in)
	if out == nil {
		out = input{}
	}
	out[name] = value
	return out
}

func (s *scene) makeStreams() {
	s.t.Helper()
	v := s.victim
	for _, name := range []string{v["kinesis"], second(v["kinesis"])} {
		s.makeStream(s.owner, name, 4)
	}
	s.must("kinesis AddTagsToStream", input{"StreamName": v["kinesis"], "Tags": input{canary: "1"}})
	s.must("kinesis PutResourcePolicy", input{
		"ResourceARN": v.streamARN(),
		"Policy":      `{"Version":"2012-10-17","Statement":{"Sid":"` + canary + `",` + s.toMembers() + `,"Action":"kinesis:DescribeStreamSummary","Resource":"` + v.streamARN() + `"}}`,
	})
	for _, name := range []string{second(v["consumer"]), v["consumer"]} {
		out := s.must("kinesis RegisterStreamConsumer", input{"StreamARN": v.streamARN(), "ConsumerName": name})
		v["consumerARN"] = s.text(out, "Consumer", "ConsumerARN")
	}
	put := s.must("kinesis PutRecord", input{"StreamName": v["kinesis"], "PartitionKey": canary, "Data": []byte(canary)})
	v["shard"], v["sequence"] = s.text(put, "ShardId"), s.text(put, "SequenceNumber")
	v["iterator"] = s.text(s.must("kinesis GetShardIterator", input{
		"StreamName": v["kinesis"], "ShardId": v["shard"], "ShardIteratorType": "TRIM_HORIZON",
	}), "ShardIterator")
}

func (s *scene) makeStream(c *client.Client, name string, shards int) {
	s.t.Helper()
	s.mustAs(c, "kinesis CreateStream", input{"StreamName": name, "ShardCount": shards})
	deadline := time.Now().Add(10 * time.Second)
	for {
		out := s.mustAs(c, "kinesis DescribeStreamSummary", input{"StreamName": name})
		if out["StreamDescriptionSummary"].(input)["StreamStatus"] == "ACTIVE" {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("stream %s does not become ACTIVE", name)
		}
	}
}

func (s *scene) makeLogs() {
	s.t.Helper()
	v := s.victim
	for _, name := range []string{v["destination"], second(v["destination"])} {
		s.must("logs PutDestination", input{
			"destinationName": name, "targetArn": v.streamARN(), "roleArn": v.arn("iam", "role/own"), "tags": input{canary: "1"},
		})
	}
	s.must("logs PutDestinationPolicy", input{"destinationName": v["destination"], "accessPolicy": `{"Statement":[
		{"Sid":"` + canary + `","Effect":"Allow","Principal":{"AWS":"` + victimAccount + `"},"Action":["logs:PutSubscriptionFilter","logs:PutAccountPolicy"],"Resource":"*"},
		{` + s.toMembers() + `,"Action":["logs:PutSubscriptionFilter","logs:PutAccountPolicy"],"Resource":"*"}]}`})
	for _, name := range []string{v["group"], second(v["group"])} {
		s.must("logs CreateLogGroup", input{"logGroupName": name, "tags": input{canary: "1"}})
		s.must("logs PutRetentionPolicy", input{"logGroupName": name, "retentionInDays": 3})
	}
	for _, name := range []string{v["stream"], second(v["stream"])} {
		s.must("logs CreateLogStream", input{"logGroupName": v["group"], "logStreamName": name})
	}
	var events []input
	for range 3 {
		events = append(events, input{"timestamp": time.Now().UnixMilli(), "message": "a " + canary})
	}
	s.must("logs PutLogEvents", input{"logGroupName": v["group"], "logStreamName": v["stream"], "logEvents": events})
	for _, name := range []string{v["filter"], second(v["filter"])} { // after the events: nothing is delivered while the test looks
		s.must("logs PutSubscriptionFilter", input{
			"logGroupName": v["group"], "filterName": name, "filterPattern": "", "destinationArn": v.destinationARN(),
		})
	}
	s.must("logs PutAccountPolicy", input{"policyType": accountPolicyType, "policyName": v["filter"], "policyDocument": accountDocument(v, "")})
}

const accountPolicyType = "SUBSCRIPTION_FILTER_POLICY"

// accountDocument is an account policy that sends to the prey's destination.
func accountDocument(p prey, role string) string {
	if role != "" {
		role = `"RoleArn":"` + role + `",`
	}
	return `{` + role + `"DestinationArn":"` + p.destinationARN() + `","FilterPattern":""}`
}

func (s *scene) makeTables() {
	s.t.Helper()
	s.makeTable(s.owner, s.victim["table"], canary)
}

func (s *scene) makeTable(c *client.Client, name, value string) {
	s.t.Helper()
	s.mustAs(c, "dynamodb CreateTable", input{
		"TableName": name, "BillingMode": "PAY_PER_REQUEST",
		"AttributeDefinitions": []input{{"AttributeName": "k", "AttributeType": "S"}},
		"KeySchema":            []input{{"AttributeName": "k", "KeyType": "HASH"}},
	})
	for _, key := range []string{"a", "b"} {
		s.mustAs(c, "dynamodb PutItem", input{"TableName": name, "Item": input{"k": input{"S": key}, "v": input{"S": value}}})
	}
}

// makeGhost is a prey of the same shape as the victim's that nothing has.
func (s *scene) makeGhost() prey {
	g := prey{}
	for word, text := range s.victim {
		switch word {
		case "iterator", "task", "denial":
			g[word] = spoil(text)
		case "shard", "sequence": // are parts of the stream that is named with them
			g[word] = text
		default:
			g[word] = other(text)
		}
	}
	return g
}

// other is a name or an id of the same form.
func other(text string) string {
	if strings.Contains(text, canary) {
		return strings.ReplaceAll(text, canary, "x"+canary[1:])
	}
	b := []byte(text)
	for i := range 2 { // of the digits of an id
		at := len(b) - 1 - i
		switch {
		case b[at] == '3' || b[at] == 'd' || b[at] == 'D':
			b[at]++
		case b[at] >= 'a':
			b[at] = 'd'
		case b[at] >= 'A':
			b[at] = 'D'
		default:
			b[at] = '3'
		}
	}
	return string(b)
}

// spoil changes the middle of a token, where what is sealed lies.
func spoil(token string) string {
	b := []byte(token)
	i := len(b) - len(b)/4
	if b[i]++; b[i] > 'y' || b[i] < 'b' {
		b[i] = 'A'
	}
	return string(b)
}

// names are all texts of both preys, the longest first.
func (s *scene) names() []string {
	var all []string
	for _, p := range []prey{s.victim, s.ghost} {
		for word, text := range p {
			if word != "shard" && word != "sequence" {
				all = append(all, text)
			}
		}
	}
	slices.SortFunc(all, func(a, b string) int { return len(b) - len(a) })
	return all
}
