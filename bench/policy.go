package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"tributary/internal/pure/policy"
)

const (
	policyCount     = 10
	statementCount  = 5
	policyDecisions = 200_000
)

// measurePolicies is what a decision costs over ten policies of five statements
// with three conditions each, compiled, where a statement of the last policy allows.
// The floor is the least that could tell the same by hand: a comparison of the action
// for each statement, and of resource and condition keys where the action fits.
func measurePolicies(context.Context, *settings) ([]row, error) {
	request, policies, err := tenPolicies()
	if err != nil {
		return nil, err
	}
	allowed := true
	measured, allocations := timed(func() {
		d := policy.Evaluate(request, policies, policy.Standard)
		allowed = allowed && d.Allowed()
	})
	if !allowed {
		return nil, errors.New("policies: a decision that must allow does not")
	}
	actions := make([]string, policyCount*statementCount)
	for i := range actions {
		actions[i] = "kinesis:DescribeStream"
	}
	actions[len(actions)-3] = "kinesis:PutRecord"
	found := 0
	floor, _ := timed(func() { found += byHand(&request, actions) })
	if found != policyDecisions {
		return nil, errors.New("policies: the floor decides otherwise")
	}
	return []row{{
		what:     "a decision over 10 policies of 5 statements, allowed",
		measured: fmt.Sprintf("%d ns, %.0f allocations", measured.Nanoseconds(), allocations),
		beside:   fmt.Sprintf("%d ns by hand", floor.Nanoseconds()),
		ratio:    times(float64(measured), float64(floor)),
		aim:      "<= 5000 ns, 0 allocations",
	}}, nil
}

// timed is how long one call takes and how often it allocates, over policyDecisions
// calls.
func timed(call func()) (each time.Duration, allocations float64) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	begin := time.Now()
	for range policyDecisions {
		call()
	}
	took := time.Since(begin)
	runtime.ReadMemStats(&after)
	return took / policyDecisions, float64(after.Mallocs-before.Mallocs) / policyDecisions
}

func tenPolicies() (policy.Request, policy.Policies, error) {
	const statement = `{"Effect":"Allow","Action":["logs:Put*","kinesis:%s"],
	 "Resource":["arn:aws:kinesis:*:999999999999:stream/%s","arn:aws:kinesis:us-east-1:111111111111:stream/${aws:username}-*"],
	 "Condition":{"StringEquals":{"aws:PrincipalOrgID":["o-1234567890","o-0987654321"]},
	  "ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:user/*"},"Bool":{"aws:SecureTransport":"true"}}}`
	var p policy.Policies
	for i := range policyCount {
		var statements []string
		for j := range statementCount {
			action := "DescribeStream"
			if i == policyCount-1 && j == statementCount/2 {
				action = "PutRecord"
			}
			statements = append(statements, fmt.Sprintf(statement, action, fmt.Sprint("s", i, j)))
		}
		doc, err := policy.Parse(`{"Version":"2012-10-17","Statement":[`+strings.Join(statements, ",")+`]}`, policy.Managed)
		if err != nil {
			return policy.Request{}, p, err
		}
		p.Identity = append(p.Identity, policy.Source{Name: fmt.Sprint("policy ", i), Document: doc})
	}
	return policy.Request{
		Principal: policy.Principal{Kind: policy.User, Account: "111111111111", ARN: "arn:aws:iam::111111111111:user/alice", ID: "AIDAALICE00000000000"},
		Action:    "kinesis:PutRecord", Resource: "arn:aws:kinesis:us-east-1:111111111111:stream/alice-1", ResourceAccount: "111111111111",
		Context: policy.Context{
			"aws:principalorgid": {"o-1234567890"}, "aws:principalarn": {"arn:aws:iam::111111111111:user/alice"},
			"aws:securetransport": {"true"}, "aws:username": {"alice"},
		},
	}, p, nil
}

// byHand compares what must be compared for fifty statements, and returns 1 where
// the request fits one of them.
func byHand(r *policy.Request, actions []string) int {
	for _, action := range actions {
		if !strings.EqualFold(r.Action, action) || strings.HasPrefix(string(r.Resource), "arn:aws:kinesis:us-east-1:999999999999:stream/") {
			continue
		}
		if strings.HasPrefix(string(r.Resource), "arn:aws:kinesis:us-east-1:111111111111:stream/alice-") &&
			r.Context["aws:principalorgid"][0] == "o-1234567890" &&
			strings.HasPrefix(r.Context["aws:principalarn"][0], "arn:aws:iam::") && r.Context["aws:securetransport"][0] == "true" {
			return 1
		}
	}
	return 0
}
