package server_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"tributary/internal/client"
	"tributary/internal/server/servertest"
)

const (
	victimAccount = "111111111111"
	// canary is part of everything that the victim stores: wherever it shows up in
	// somebody else's answer, something has leaked.
	canary = "canary7f3a"
)

// A prey is what an attempt is made on: the victim's things, or things of the
// victim that do not exist. An answer must not tell which of the two it was.
type prey struct {
	group, stream, filter, destination string // of logs
	kinesis, shard, sequence           string
	// Tokens, each from the operation it is named for.
	groups, streams, events, search, destinations, filters string
	shards, kinesisStreams, iterator                       string
}

func (p *prey) groupARN() string {
	return "arn:aws:logs:us-east-1:" + victimAccount + ":log-group:" + p.group
}

func (p *prey) destinationARN() string {
	return "arn:aws:logs:us-east-1:" + victimAccount + ":destination:" + p.destination
}

func (p *prey) streamARN() string {
	return "arn:aws:kinesis:us-east-1:" + victimAccount + ":stream/" + p.kinesis
}

// A scene is a server with a victim.
type scene struct {
	*servertest.Server
	t      *testing.T
	victim prey
	ghost  prey // as victim, and nothing of it exists
}

func newScene(t *testing.T) *scene {
	s := &scene{Server: servertest.Start(t), t: t}
	v := prey{
		group: canary + "-group-a", stream: canary + "-stream-a", filter: canary + "-filter-a", destination: canary + "-destination-a",
		kinesis: canary + "-kinesis-a", shard: "shardId-000000000000",
	}
	second := func(name string) string { return strings.TrimSuffix(name, "a") + "b" }
	role := "arn:aws:iam::" + victimAccount + ":role/writer"
	must := func(words ...string) map[string]any { return s.Must(victimAccount, words...) }

	for _, name := range []string{v.kinesis, second(v.kinesis)} {
		s.makeStream(victimAccount, name, 2)
	}
	s.makeRole(victimAccount, "writer")
	for _, name := range []string{v.destination, second(v.destination)} {
		must("logs", "put-destination", "--destination-name", name, "--target-arn", v.streamARN(), "--role-arn", role, "--tags", `{"`+canary+`":"1"}`)
	}
	must("logs", "put-destination-policy", "--destination-name", v.destination, "--access-policy",
		`{"Statement":{"Sid":"`+canary+`","Effect":"Allow","Principal":{"AWS":"`+victimAccount+`"},"Action":["logs:PutSubscriptionFilter","logs:PutAccountPolicy"],"Resource":"*"}}`)
	for _, name := range []string{v.group, second(v.group)} {
		must("logs", "create-log-group", "--log-group-name", name, "--tags", `{"`+canary+`":"1"}`)
		must("logs", "put-retention-policy", "--log-group-name", name, "--retention-in-days", "3")
	}
	for _, name := range []string{v.stream, second(v.stream)} {
		must("logs", "create-log-stream", "--log-group-name", v.group, "--log-stream-name", name)
	}
	var events []input
	for range 3 {
		events = append(events, input{"timestamp": time.Now().UnixMilli(), "message": "a " + canary})
	}
	if _, err := s.call(s.As(victimAccount), "logs PutLogEvents", input{"logGroupName": v.group, "logStreamName": v.stream, "logEvents": events}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{v.filter, second(v.filter)} { // after the events: nothing is delivered while the test looks
		must("logs", "put-subscription-filter", "--log-group-name", v.group, "--filter-name", name, "--filter-pattern", "", "--destination-arn", v.destinationARN())
	}
	must("logs", "put-account-policy", "--policy-type", accountPolicyType, "--policy-name", v.filter, "--policy-document", accountDocument(&v, ""))
	answer, err := s.call(s.As(victimAccount), "kinesis PutRecord", input{
		"StreamName": v.kinesis, "PartitionKey": canary, "Data": []byte(canary),
	})
	if err != nil {
		t.Fatal(err)
	}
	var put struct{ ShardID, SequenceNumber string }
	if err := json.Unmarshal([]byte(answer), &put); err != nil {
		t.Fatal(err)
	}
	v.shard, v.sequence = put.ShardID, put.SequenceNumber

	token := func(member string, words ...string) string {
		out, ok := must(words...)[member].(string)
		if !ok {
			t.Fatalf("%s: no %s", client.Command(words), member)
		}
		return out
	}
	v.groups = token("nextToken", "logs", "describe-log-groups", "--limit", "1")
	v.streams = token("nextToken", "logs", "describe-log-streams", "--log-group-name", v.group, "--limit", "1")
	v.events = token("nextBackwardToken", "logs", "get-log-events", "--log-group-name", v.group, "--log-stream-name", v.stream, "--limit", "1")
	v.search = token("nextToken", "logs", "filter-log-events", "--log-group-name", v.group, "--limit", "1")
	v.destinations = token("nextToken", "logs", "describe-destinations", "--limit", "1")
	v.filters = token("nextToken", "logs", "describe-subscription-filters", "--log-group-name", v.group, "--limit", "1")
	v.shards = token("NextToken", "kinesis", "list-shards", "--stream-name", v.kinesis, "--max-results", "1")
	v.kinesisStreams = token("NextToken", "kinesis", "list-streams", "--limit", "1")
	v.iterator = token("ShardIterator", "kinesis", "get-shard-iterator", "--stream-name", v.kinesis, "--shard-id", v.shard, "--shard-iterator-type", "TRIM_HORIZON")

	s.victim, s.ghost = v, v
	g := &s.ghost
	for _, name := range []*string{&g.group, &g.stream, &g.filter, &g.destination, &g.kinesis} {
		*name = "x" + (*name)[1:] // of the same length
	}
	for _, text := range []*string{&g.groups, &g.streams, &g.events, &g.search, &g.destinations, &g.filters, &g.shards, &g.kinesisStreams, &g.iterator} {
		*text = spoil(*text)
	}
	return s
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

func (s *scene) makeStream(account, name string, shards int) {
	s.t.Helper()
	s.Must(account, "kinesis", "create-stream", "--stream-name", name, "--shard-count", fmt.Sprint(shards))
	deadline := time.Now().Add(10 * time.Second)
	for {
		out := s.Must(account, "kinesis", "describe-stream-summary", "--stream-name", name)
		if out["StreamDescriptionSummary"].(map[string]any)["StreamStatus"] == "ACTIVE" {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("stream %s of %s does not become ACTIVE", name, account)
		}
	}
}

// makeRole makes a role that the Logs service may assume and that may do all.
func (s *scene) makeRole(account, name string) {
	s.t.Helper()
	s.Must(account, "iam", "create-role", "--role-name", name, "--assume-role-policy-document",
		`{"Statement":{"Effect":"Allow","Principal":{"Service":"logs.amazonaws.com"},"Action":"sts:AssumeRole"}}`)
	s.Must(account, "iam", "put-role-policy", "--role-name", name, "--policy-name", "all", "--policy-document",
		`{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`)
}

// makeAttacker prepares an account. With twins it has things with the names of the
// prey.
func (s *scene) makeAttacker(account string, a *attempt) {
	s.t.Helper()
	s.makeRole(account, "own")
	if !a.twin {
		return
	}
	for _, p := range []*prey{&s.victim, &s.ghost} {
		s.Must(account, "logs", "create-log-group", "--log-group-name", p.group)
		s.Must(account, "logs", "create-log-stream", "--log-group-name", p.group, "--log-stream-name", p.stream)
		s.makeStream(account, p.kinesis, 2)
	}
}

// call sends an input and returns the answer as it came.
func (s *scene) call(c *client.Client, operation string, in input) (string, error) {
	service, name, _ := strings.Cut(operation, " ")
	svc, _ := s.Dispatcher.Service(service)
	var out json.RawMessage
	err := c.JSON(s.t.Context(), service, svc.TargetPrefix+"."+name, in, &out)
	return string(out), err
}

// try makes an attempt on a prey and returns what can be seen of it, with the
// prey's names replaced.
func (s *scene) try(account, operation string, a *attempt, p *prey) (seen string, refused bool) {
	s.t.Helper()
	answer, err := s.call(s.As(account), operation, a.as(account, p))
	refusal, refused := errors.AsType[*client.Refusal](err)
	switch {
	case refused:
		answer = fmt.Sprintf("%d %s %s", refusal.Status, refusal.Code, refusal.Message)
	case err != nil:
		s.t.Errorf("%s by %s: %v", operation, a.how, err)
	}
	for _, name := range []string{p.group, p.stream, p.filter, p.destination, p.kinesis} {
		answer = strings.ReplaceAll(answer, name, "NAME")
	}
	return answer, refused
}

// state is all that the victim has and sees.
func (s *scene) state() string {
	s.t.Helper()
	v := &s.victim
	var all []string
	for _, read := range []struct {
		operation string
		in        input
		member    string // what to look at; all of the answer when empty
	}{
		{"logs DescribeLogGroups", input{}, ""},
		{"logs DescribeLogStreams", input{"logGroupName": v.group}, ""},
		{"logs GetLogEvents", input{"logGroupName": v.group, "logStreamName": v.stream}, "events"},
		{"logs FilterLogEvents", input{"logGroupName": v.group}, "events"},
		{"logs DescribeDestinations", input{}, ""},
		{"logs DescribeSubscriptionFilters", input{"logGroupName": v.group}, ""},
		{"logs DescribeAccountPolicies", input{"policyType": accountPolicyType}, ""},
		{"logs ListTagsLogGroup", input{"logGroupName": v.group}, ""},
		{"logs ListTagsForResource", input{"resourceArn": v.destinationARN()}, ""},
		{"kinesis ListStreams", input{}, ""},
		{"kinesis DescribeStream", input{"StreamName": v.kinesis}, ""},
		{"kinesis GetRecords", input{"ShardIterator": v.iterator}, "Records"},
	} {
		answer, err := s.call(s.As(victimAccount), read.operation, read.in)
		if err != nil {
			s.t.Fatalf("the victim's own %s: %v", read.operation, err)
		}
		if read.member != "" {
			var members map[string]json.RawMessage
			if err := json.Unmarshal([]byte(answer), &members); err != nil {
				s.t.Fatal(err)
			}
			answer = string(members[read.member])
		}
		all = append(all, read.operation+": "+answer)
	}
	return strings.Join(all, "\n")
}
