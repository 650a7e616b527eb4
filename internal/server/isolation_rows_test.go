package server_test

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"tributary/internal/service/api"
)

// ownRole stands for a role of the caller's account that trusts the Logs service, and
// noRole for one that is not there.
const (
	ownRole = "arn:aws:iam::ATTACKER:role/own"
	noRole  = "arn:aws:iam::ATTACKER:role/none"
)

// An attempt is one way to get at somebody's thing.
type attempt struct {
	operation string // service and name
	how       string // the member that names the thing
	in        func(prey) input
	// page, where the thing is named by a token, is the input whose answer has it.
	page func(prey) input
}

// as is the input of an attempt by a principal of that account.
func (a *attempt) as(account string, p prey) input {
	var of func(v any) any
	of = func(v any) any {
		switch v := v.(type) {
		case string:
			return strings.ReplaceAll(v, "ATTACKER", account)
		case input:
			out := input{}
			for name, e := range v {
				out[name] = of(e)
			}
			return out
		case []any:
			out := make([]any, len(v))
			for i, e := range v {
				out[i] = of(e)
			}
			return out
		default:
			return v
		}
	}
	return of(a.in(p)).(input)
}

// notAlone are members that name nothing without another.
var notAlone = []string{"kinesis DescribeStreamConsumer ConsumerName", "kinesis DeregisterStreamConsumer ConsumerName"}

// tokenAlone are operations in which a token stands for all other members.
var tokenAlone = []string{"kinesis ListShards"}

// tokenless are operations that take tokens and give none here: what they list is at
// most one thing, or fits an answer whatever is asked.
var tokenless = []string{
	"logs DescribeAccountPolicies",                         // an account has one policy of each kind
	"iam ListAccountAliases",                               // an account has one
	"iam ListInstanceProfilesForRole",                      // there are no instance profiles
	"organizations ListTagsForResource",                    // all tags fit
	"organizations ListRoots", "organizations ListParents", // there is one
}

// besides are what an attempt needs besides the members that the operation requires
// and the one that names: by operation, or by operation and member.
func besides(p prey) map[string]input {
	return map[string]input{
		"logs DescribeLogGroups accountIdentifiers":       {"includeLinkedAccounts": true},
		"logs DescribeAccountPolicies":                    {"policyType": accountPolicyType},
		"kinesis CreateStream":                            {"ShardCount": 1},
		"kinesis PutRecord":                               {"PartitionKey": "k"},
		"kinesis GetShardIterator StartingSequenceNumber": {"ShardIteratorType": "AT_SEQUENCE_NUMBER", "ShardId": p["shard"]},
		"kinesis DescribeStreamConsumer StreamARN":        {"ConsumerName": p["consumer"]},
		"kinesis DeregisterStreamConsumer StreamARN":      {"ConsumerName": p["consumer"]},
		"kinesis PutResourcePolicy":                       {"Policy": publicPolicy("kinesis:GetRecords", p.streamARN())},
		"dynamodb CreateTable":                            {"BillingMode": "PAY_PER_REQUEST"},
		"dynamodb UpdateTable":                            {"BillingMode": "PAY_PER_REQUEST"},
		"tributary ExplainDelivery logGroupArn":           {"filterName": p["filter"]},
		"dynamodb Query": {
			"KeyConditionExpression": "k = :k", "ExpressionAttributeValues": input{":k": input{"S": "a"}},
		},
		"organizations DescribeEffectivePolicy": {"PolicyType": "TAG_POLICY"},
	}
}

// publicPolicy is a policy of a resource that admits everybody.
func publicPolicy(action, resource string) string {
	return `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"` + action + `","Resource":"` + resource + `"}}`
}

// further are attempts that the members do not show.
func further() []attempt {
	of := func(operation, how string, in func(prey) input) attempt {
		return attempt{operation: operation, how: how, in: in}
	}
	subscribe := func(p prey, more input) input {
		in := input{"logGroupName": p["group"], "filterName": p["filter"], "filterPattern": "", "destinationArn": p.destinationARN()}
		maps.Copy(in, more)
		return in
	}
	accountPolicy := func(role string) func(prey) input {
		return func(p prey) input {
			return input{"policyType": accountPolicyType, "policyName": p["filter"], "policyDocument": accountDocument(p, role)}
		}
	}
	victimsRole := "arn:aws:iam::" + victimAccount + ":role/own"
	list := []attempt{
		of("logs PutDestination", "the victim's role", func(p prey) input {
			return input{"destinationName": p["destination"], "targetArn": p.streamARN(), "roleArn": victimsRole}
		}),
		of("logs PutSubscriptionFilter", "stream", func(p prey) input {
			return subscribe(p, input{"destinationArn": p.streamARN(), "roleArn": ownRole})
		}),
		of("organizations InviteAccountToOrganization", "email", func(p prey) input {
			return input{"Target": input{"Id": "nobody-" + p["unitname"] + "@example.com", "Type": "EMAIL"}}
		}),
		of("kinesis PutResourcePolicy", "consumer", func(p prey) input {
			return input{"ResourceARN": p["consumerARN"], "Policy": publicPolicy("kinesis:SubscribeToShard", p["consumerARN"])}
		}),
		of("kinesis ListShards", "token and ARN", func(p prey) input {
			return input{"NextToken": p["kinesis ListShards NextToken"], "StreamARN": p.streamARN()}
		}),
		of("kinesis GetRecords", "iterator and ARN", func(p prey) input {
			return input{"ShardIterator": p["iterator"], "StreamARN": p.streamARN()}
		}),
	}
	for how, role := range map[string]string{"own role": ownRole, "a role that is not there": noRole, "the victim's role": victimsRole} {
		list = append(list,
			of("logs PutSubscriptionFilter", how, func(p prey) input { return subscribe(p, input{"roleArn": role}) }),
			of("logs PutAccountPolicy", how, accountPolicy(role)))
	}
	return list
}

// A grammar derives attempts from the shapes of operations.
type grammar struct {
	unknown []string // members that are in none of the lists
}

// wordFor is the longest key that fits a member of an operation.
func wordFor[V any](list map[string]V, operation, member string) (V, bool) {
	service, _, _ := strings.Cut(operation, " ")
	for _, key := range []string{operation + " " + member, service + " " + member, member} {
		if v, ok := list[key]; ok {
			return v, true
		}
	}
	var none V
	return none, false
}

// attempts are those on one operation: with all members that it requires, one for each
// way to name what these name; and one for each optional member that names something.
// named tells whether there is any.
func (g *grammar) attempts(service string, op *api.Operation) (list []attempt, named bool) {
	operation := service + " " + op.Name
	required, optional := members(op.InputType())
	words, known := namesOf(prey{}), strings.Fields(plain)
	for _, m := range slices.Concat(required, optional) {
		_, names := wordFor(words, operation, m)
		_, fills := wordFor(fillers(), operation, m)
		if !names && !fills && tokens[m] == nil && !(slices.Contains(optional, m) && slices.Contains(known, m)) {
			g.unknown = append(g.unknown, operation+": "+m)
		}
	}
	base := func(p prey) input {
		in := input{}
		for _, m := range required {
			if v, ok := wordFor(fillers(), operation, m); ok {
				in[m] = v
			}
			if v, ok := wordFor(namesOf(p), operation, m); ok {
				in[m] = first(v)
			}
		}
		maps.Copy(in, besides(p)[operation])
		return in
	}
	add := func(how string, set func(p prey, in input)) {
		list = append(list, attempt{operation: operation, how: how, in: func(p prey) input {
			in := base(p)
			set(p, in)
			return in
		}})
	}
	for _, m := range required {
		v, ok := wordFor(words, operation, m)
		if !ok {
			continue
		}
		if !named {
			add(m, func(p prey, in input) {
				accompany(p, in, operation, m, optional)
				maps.Copy(in, besides(p)[operation+" "+m])
			})
		}
		named = true
		many, _ := v.(several)
		for i := 1; i < len(many); i++ {
			add(m, func(p prey, in input) {
				accompany(p, in, operation, m, optional)
				v, _ := wordFor(namesOf(p), operation, m)
				in[m] = v.(several)[i]
			})
		}
	}
	for _, m := range optional {
		if _, ok := wordFor(words, operation, m); !ok || slices.Contains(notAlone, operation+" "+m) {
			continue
		}
		named = true
		add(m, func(p prey, in input) {
			accompany(p, in, operation, m, optional)
			v, _ := wordFor(namesOf(p), operation, m)
			in[m] = first(v)
			maps.Copy(in, besides(p)[operation+" "+m])
		})
	}
	if !named {
		add("nothing", func(prey, input) {})
	}
	for _, m := range slices.Concat(required, optional) {
		if tokens[m] == nil || slices.Contains(tokenless, operation) {
			continue
		}
		named = true
		page := func(p prey) input {
			in := base(p)
			short(p, in, operation, optional)
			return in
		}
		list = append(list, attempt{operation: operation, how: m, page: page, in: func(p prey) input {
			in := input{}
			if !slices.Contains(tokenAlone, operation) {
				in = page(p)
			}
			in[m] = p[operation+" "+m]
			return in
		}})
	}
	return list, named
}

func first(v any) any {
	if many, ok := v.(several); ok {
		return many[0]
	}
	return v
}

// members are the wire names of an input's members.
func members(t reflect.Type) (required, optional []string) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-":
		case f.Tag.Get("required") == "true":
			required = append(required, name)
		default:
			optional = append(optional, name)
		}
	}
	return required, optional
}

// heads are optional members that name a whole; one that names a part needs one.
var heads = []string{"logGroupName", "StreamName", "UserName"}

// wholes are members that stand in the place of a head.
var wholes = []string{"logGroupIdentifier", "StreamARN", "ConsumerARN"}

// accompany adds the head that a member needs.
func accompany(p prey, in input, operation, member string, optional []string) {
	if slices.Contains(wholes, member) {
		return
	}
	for _, head := range heads {
		if slices.Contains(optional, head) && member != head {
			in[head], _ = wordFor(namesOf(p), operation, head)
		}
	}
}

// short makes a list's answer as short as it can be.
func short(p prey, in input, operation string, optional []string) {
	accompany(p, in, operation, "", optional)
	for _, limits := range tokens {
		for _, limit := range limits {
			if slices.Contains(optional, limit) {
				in[limit] = 1
			}
		}
	}
}
