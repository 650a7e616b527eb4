package server_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tributary/internal/client"
	"tributary/internal/pure/sigv4"
)

// An input is what an attempt sends.
type input = map[string]any

// An attempt is one way to get at another account's things.
type attempt struct {
	how string
	in  func(p *prey) input
	// twin says that the attacker has a log group, log stream and stream of the same
	// names first, so that what is bound to names alone would open.
	twin bool
}

// as is the input of an attempt by that account.
func (a *attempt) as(account string, p *prey) input {
	in := a.in(p)
	for _, member := range []string{"roleArn", "policyDocument"} {
		if text, ok := in[member].(string); ok {
			in[member] = strings.ReplaceAll(text, "ATTACKER", account)
		}
	}
	return in
}

func byName(in func(p *prey) input) attempt { return attempt{how: "name", in: in} }
func byARN(in func(p *prey) input) attempt  { return attempt{how: "ARN", in: in} }
func byToken(in func(p *prey) input) attempt {
	return attempt{how: "token", in: in, twin: true}
}

// attempts are, for every operation of logs and kinesis, the ways to name somebody
// else's resource. An operation that is not here fails the test.
func attempts() map[string][]attempt {
	policyText := `{"Statement":{"Effect":"Allow","Principal":"*","Action":"logs:PutSubscriptionFilter","Resource":"*"}}`
	group := func(p *prey) input { return input{"logGroupName": p.group} }
	stream := func(p *prey) input { return input{"logGroupName": p.group, "logStreamName": p.stream} }
	with := func(base func(*prey) input, name string, value any) func(*prey) input {
		return func(p *prey) input {
			in := base(p)
			in[name] = value
			return in
		}
	}
	subscribe := func(role string) func(*prey) input {
		return func(p *prey) input {
			in := input{"logGroupName": p.group, "filterName": p.filter, "filterPattern": "", "destinationArn": p.destinationARN()}
			if role != "" {
				in["roleArn"] = role
			}
			return in
		}
	}
	accountPolicy := func(role string) func(*prey) input {
		return func(p *prey) input {
			return input{"policyType": accountPolicyType, "policyName": p.filter, "policyDocument": accountDocument(p, role)}
		}
	}
	kinesisName := func(more input) func(*prey) input {
		return func(p *prey) input {
			in := input{"StreamName": p.kinesis}
			for name, value := range more {
				in[name] = value
			}
			return in
		}
	}
	kinesisARN := func(more input) func(*prey) input {
		return func(p *prey) input {
			in := input{"StreamARN": p.streamARN()}
			for name, value := range more {
				in[name] = value
			}
			return in
		}
	}
	kinesisResource := func(more input) func(*prey) input {
		return func(p *prey) input {
			in := input{"ResourceARN": p.streamARN()}
			for name, value := range more {
				in[name] = value
			}
			return in
		}
	}
	consumerARN := func(more input) func(*prey) input {
		return func(p *prey) input {
			in := input{"ConsumerARN": p.streamARN() + "/consumer/c:1700000000"}
			for name, value := range more {
				in[name] = value
			}
			return in
		}
	}
	both := func(more input) []attempt {
		return []attempt{byName(kinesisName(more)), byARN(kinesisARN(more))}
	}
	now := time.Now().UnixMilli()
	record := input{"PartitionKey": "k", "Data": "eA=="}

	return map[string][]attempt{
		// log groups
		"logs CreateLogGroup": {byName(with(group, "tags", input{"a": "b"}))},
		"logs DeleteLogGroup": {byName(group)},
		"logs DescribeLogGroups": {
			byName(func(p *prey) input { return input{"logGroupNamePrefix": p.group} }),
			byName(func(p *prey) input { return input{"logGroupNamePattern": p.group} }),
			byName(func(*prey) input { return input{} }),
			byName(func(*prey) input {
				return input{"accountIdentifiers": []string{victimAccount}, "includeLinkedAccounts": true}
			}),
			byARN(func(p *prey) input { return input{"logGroupIdentifiers": []string{p.groupARN()}} }),
			byToken(func(p *prey) input { return input{"limit": 1, "nextToken": p.groups} }),
		},
		"logs PutRetentionPolicy":    {byName(with(group, "retentionInDays", 1))},
		"logs DeleteRetentionPolicy": {byName(group)},

		// log streams and their events
		"logs CreateLogStream": {byName(stream)},
		"logs DeleteLogStream": {byName(stream)},
		"logs DescribeLogStreams": {
			byName(group),
			byARN(func(p *prey) input { return input{"logGroupIdentifier": p.groupARN()} }),
			byToken(func(p *prey) input { return input{"logGroupName": p.group, "limit": 1, "nextToken": p.streams} }),
		},
		"logs PutLogEvents": {byName(with(stream, "logEvents", []input{{"timestamp": now, "message": "planted"}}))},
		"logs GetLogEvents": {
			byName(stream),
			byARN(func(p *prey) input { return input{"logGroupIdentifier": p.groupARN(), "logStreamName": p.stream} }),
			byToken(func(p *prey) input {
				return input{"logGroupName": p.group, "logStreamName": p.stream, "nextToken": p.events}
			}),
		},
		"logs FilterLogEvents": {
			byName(group),
			byName(func(p *prey) input { return input{"logGroupName": p.group, "logStreamNames": []string{p.stream}} }),
			byARN(func(p *prey) input { return input{"logGroupIdentifier": p.groupARN()} }),
			byToken(func(p *prey) input { return input{"logGroupName": p.group, "limit": 1, "nextToken": p.search} }),
		},

		// destinations
		"logs PutDestination": {
			byName(func(p *prey) input {
				return input{"destinationName": p.destination, "targetArn": p.streamARN(), "roleArn": "arn:aws:iam::" + victimAccount + ":role/writer"}
			}),
			byName(func(p *prey) input {
				return input{"destinationName": p.destination, "targetArn": p.streamARN(), "roleArn": ownRole}
			}),
		},
		"logs PutDestinationPolicy": {byName(func(p *prey) input {
			return input{"destinationName": p.destination, "accessPolicy": policyText, "forceUpdate": true}
		})},
		"logs DescribeDestinations": {
			byName(func(*prey) input { return input{} }),
			byName(func(p *prey) input { return input{"DestinationNamePrefix": p.destination} }),
			byToken(func(p *prey) input { return input{"limit": 1, "nextToken": p.destinations} }),
		},
		"logs DeleteDestination": {byName(func(p *prey) input { return input{"destinationName": p.destination} })},

		// subscription filters
		"logs PutSubscriptionFilter": {
			byName(subscribe("")),
			{how: "destination", in: subscribe(""), twin: true},
			{how: "destination, own role", in: subscribe(ownRole), twin: true},
			{how: "destination, a role that is not there", in: subscribe(noRole), twin: true},
			{how: "destination, the victim's role", in: subscribe("arn:aws:iam::" + victimAccount + ":role/writer"), twin: true},
			{how: "stream", in: func(p *prey) input {
				in := subscribe(ownRole)(p)
				in["destinationArn"] = p.streamARN()
				return in
			}, twin: true},
		},
		"logs DescribeSubscriptionFilters": {
			byName(group),
			byToken(func(p *prey) input { return input{"logGroupName": p.group, "limit": 1, "nextToken": p.filters} }),
		},
		"logs DeleteSubscriptionFilter": {byName(func(p *prey) input {
			return input{"logGroupName": p.group, "filterName": p.filter}
		})},

		// account-level subscription filters
		"logs PutAccountPolicy": {
			{how: "destination", in: accountPolicy("")},
			{how: "destination, own role", in: accountPolicy(ownRole)},
			{how: "destination, a role that is not there", in: accountPolicy(noRole)},
		},
		"logs DescribeAccountPolicies": {
			byName(func(p *prey) input { return input{"policyType": accountPolicyType, "policyName": p.filter} }),
			byName(func(*prey) input {
				return input{"policyType": accountPolicyType, "accountIdentifiers": []string{victimAccount}}
			}),
		},
		"logs DeleteAccountPolicy": {byName(func(p *prey) input {
			return input{"policyType": accountPolicyType, "policyName": p.filter}
		})},

		// tags
		"logs TagResource": {
			byARN(func(p *prey) input { return input{"resourceArn": p.groupARN(), "tags": input{"a": "b"}} }),
			byARN(func(p *prey) input { return input{"resourceArn": p.destinationARN(), "tags": input{"a": "b"}} }),
		},
		"logs UntagResource": {
			byARN(func(p *prey) input { return input{"resourceArn": p.groupARN(), "tagKeys": []string{canary}} }),
			byARN(func(p *prey) input { return input{"resourceArn": p.destinationARN(), "tagKeys": []string{canary}} }),
		},
		"logs ListTagsForResource": {
			byARN(func(p *prey) input { return input{"resourceArn": p.groupARN()} }),
			byARN(func(p *prey) input { return input{"resourceArn": p.destinationARN()} }),
		},
		"logs TagLogGroup":      {byName(with(group, "tags", input{"a": "b"}))},
		"logs UntagLogGroup":    {byName(with(group, "tags", []string{canary}))},
		"logs ListTagsLogGroup": {byName(group)},

		// streams
		"kinesis CreateStream":          {byName(kinesisName(input{"ShardCount": 1}))},
		"kinesis DeleteStream":          both(nil),
		"kinesis DescribeStream":        both(nil),
		"kinesis DescribeStreamSummary": both(nil),
		"kinesis ListStreams": {
			byName(func(*prey) input { return input{} }),
			byToken(func(p *prey) input { return input{"NextToken": p.kinesisStreams} }),
		},
		"kinesis ListShards": append(both(nil),
			byToken(func(p *prey) input { return input{"NextToken": p.shards} }),
			byToken(func(p *prey) input { return input{"NextToken": p.shards, "StreamARN": p.streamARN()} })),
		"kinesis PutRecord":  both(record),
		"kinesis PutRecords": both(input{"Records": []input{record}}),
		"kinesis GetShardIterator": append(both(input{"ShardId": "shardId-000000000000", "ShardIteratorType": "TRIM_HORIZON"}),
			attempt{how: "sequence number", twin: true, in: func(p *prey) input {
				return input{"StreamName": p.kinesis, "ShardId": p.shard, "ShardIteratorType": "AT_SEQUENCE_NUMBER", "StartingSequenceNumber": p.sequence}
			}}),
		"kinesis GetRecords": {
			byToken(func(p *prey) input { return input{"ShardIterator": p.iterator} }),
			byToken(func(p *prey) input { return input{"ShardIterator": p.iterator, "StreamARN": p.streamARN()} }),
		},

		// shards and settings of streams
		"kinesis SplitShard":                             both(input{"ShardToSplit": "0", "NewStartingHashKey": "9"}),
		"kinesis MergeShards":                            both(input{"ShardToMerge": "0", "AdjacentShardToMerge": "1"}),
		"kinesis UpdateShardCount":                       both(input{"TargetShardCount": 2, "ScalingType": "UNIFORM_SCALING"}),
		"kinesis UpdateStreamMode":                       {byARN(kinesisARN(input{"StreamModeDetails": input{"StreamMode": "ON_DEMAND"}}))},
		"kinesis IncreaseStreamRetentionPeriod":          both(input{"RetentionPeriodHours": 48}),
		"kinesis DecreaseStreamRetentionPeriod":          both(input{"RetentionPeriodHours": 24}),
		"kinesis UpdateMaxRecordSize":                    {byARN(kinesisARN(input{"MaxRecordSizeInKiB": 2048}))},
		"kinesis UpdateStreamWarmThroughput":             both(input{"WarmThroughputMiBps": 1}),
		"kinesis UpdateStreamRecordDistributionStrategy": {byARN(kinesisARN(input{"RecordDistributionStrategy": "AUTO"}))},
		"kinesis StartStreamEncryption":                  both(input{"EncryptionType": "KMS", "KeyId": "k"}),
		"kinesis StopStreamEncryption":                   both(input{"EncryptionType": "KMS", "KeyId": "k"}),
		"kinesis EnableEnhancedMonitoring":               both(input{"ShardLevelMetrics": []string{"ALL"}}),
		"kinesis DisableEnhancedMonitoring":              both(input{"ShardLevelMetrics": []string{"ALL"}}),

		// consumers
		"kinesis RegisterStreamConsumer":   {byARN(kinesisARN(input{"ConsumerName": "c"}))},
		"kinesis ListStreamConsumers":      {byARN(kinesisARN(nil))},
		"kinesis DescribeStreamConsumer":   {byARN(kinesisARN(input{"ConsumerName": "c"})), byARN(consumerARN(nil))},
		"kinesis DeregisterStreamConsumer": {byARN(kinesisARN(input{"ConsumerName": "c"})), byARN(consumerARN(nil))},
		"kinesis SubscribeToShard":         {byARN(consumerARN(input{"ShardId": "0", "StartingPosition": input{"Type": "TRIM_HORIZON"}}))},

		// tags and policies of streams
		"kinesis AddTagsToStream":      both(input{"Tags": input{"a": "b"}}),
		"kinesis RemoveTagsFromStream": both(input{"TagKeys": []string{canary}}),
		"kinesis ListTagsForStream":    both(nil),
		"kinesis TagResource":          {byARN(kinesisResource(input{"Tags": input{"a": "b"}}))},
		"kinesis UntagResource":        {byARN(kinesisResource(input{"TagKeys": []string{canary}}))},
		"kinesis ListTagsForResource":  {byARN(kinesisResource(nil))},
		"kinesis PutResourcePolicy": {byARN(func(p *prey) input {
			return input{"ResourceARN": p.streamARN(), "Policy": `{"Statement":{"Effect":"Allow","Principal":"*","Action":"kinesis:GetRecords","Resource":"` + p.streamARN() + `"}}`}
		})},
		"kinesis GetResourcePolicy":    {byARN(kinesisResource(nil))},
		"kinesis DeleteResourcePolicy": {byARN(kinesisResource(nil))},
	}
}

// nameless are the operations that touch no resource, and why.
var nameless = map[string]string{
	"logs TestMetricFilter": "works on the messages of the request",

	"kinesis DescribeLimits":          "counts the caller's own streams",
	"kinesis DescribeAccountSettings": "are the caller's own",
	"kinesis UpdateAccountSettings":   "are the caller's own",
}

const accountPolicyType = "SUBSCRIPTION_FILTER_POLICY"

// accountDocument is an account policy that sends to the prey's destination.
func accountDocument(p *prey, role string) string {
	if role != "" {
		role = `"RoleArn":"` + role + `",`
	}
	return `{` + role + `"DestinationArn":"` + p.destinationARN() + `","FilterPattern":""}`
}

// ownRole stands for a role of the attacker's that trusts the Logs service.
const (
	ownRole = "arn:aws:iam::ATTACKER:role/own"
	noRole  = "arn:aws:iam::ATTACKER:role/none"
)

// operationsOf are the operations of the two services that hold tenants' data.
func (s *scene) operationsOf() []string {
	var names []string
	for _, service := range []string{"logs", "kinesis"} {
		svc, ok := s.Dispatcher.Service(service)
		if !ok {
			s.t.Fatalf("no service %s", service)
		}
		for _, op := range svc.Operations {
			names = append(names, service+" "+op.Name)
		}
	}
	return names
}

// TestNobodySeesOrChangesAnotherAccountsThings calls every operation as the root
// user of another account with the victim's names, ARNs, tokens and iterators.
// Nothing of the victim's may come out or change, and what is answered must be the
// same as for a thing that is not there.
func TestNobodySeesOrChangesAnotherAccountsThings(t *testing.T) {
	s := newScene(t)
	before := s.state()
	if !strings.Contains(before, canary) || !strings.Contains(before, base64.StdEncoding.EncodeToString([]byte(canary))) {
		t.Fatalf("the victim has nothing to lose:\n%s", before)
	}
	table := attempts()
	attacker := 300000000000
	for _, operation := range s.operationsOf() {
		if len(table[operation]) == 0 && nameless[operation] == "" {
			t.Errorf("%s: no attempt on another account's things; add some to attempts", operation)
		}
		for i := range table[operation] {
			a := &table[operation][i]
			attacker++
			account := fmt.Sprint(attacker)
			s.makeAttacker(account, a)

			there, refused := s.try(account, operation, a, &s.victim)
			absent, _ := s.try(account, operation, a, &s.ghost)
			if there != absent {
				t.Errorf("%s by %s: the answer tells that there is such a thing:\n there %s\n absent %s", operation, a.how, there, absent)
			}
			if !refused && (strings.Contains(there, canary) || strings.Contains(there, victimAccount)) {
				t.Errorf("%s by %s: shows the victim's things: %s", operation, a.how, there)
			}
			if after := s.state(); after != before {
				t.Fatalf("%s by %s: has changed the victim's things:\n before %s\n after %s", operation, a.how, before, after)
			}
		}
	}
	for operation := range table {
		if !slices.Contains(s.operationsOf(), operation) {
			t.Errorf("%s: attempts on an operation that does not exist", operation)
		}
	}
}

// TestAUserWithoutPoliciesMayDoNothing calls every operation as a user of the
// victim's own account whom no policy allows anything.
func TestAUserWithoutPoliciesMayDoNothing(t *testing.T) {
	s := newScene(t)
	s.Must(victimAccount, "iam", "create-user", "--user-name", "powerless")
	key := s.Must(victimAccount, "iam", "create-access-key", "--user-name", "powerless")["AccessKey"].(map[string]any)
	c := s.As(victimAccount)
	c.Credentials = sigv4.Credentials{AccessKeyID: key["AccessKeyId"].(string), SecretAccessKey: key["SecretAccessKey"].(string)}

	before := s.state()
	table := attempts()
	for _, operation := range s.operationsOf() {
		for i := range table[operation] {
			a := &table[operation][i]
			answer, err := s.call(c, operation, a.as(victimAccount, &s.victim))
			refusal, ok := errors.AsType[*client.Refusal](err)
			if !ok || refusal.Code != "AccessDeniedException" || refusal.Status != 400 {
				t.Errorf("%s by %s: got %q, %v; want AccessDeniedException", operation, a.how, answer, err)
			}
		}
	}
	if after := s.state(); after != before {
		t.Errorf("a user without policies has changed something:\n before %s\n after %s", before, after)
	}
}
