package policy_test

import (
	"fmt"

	"tributary/internal/pure/policy"
)

// A destination that admits one organization refuses an account outside of it.
func ExampleExplain() {
	document, err := policy.Parse(`{
	  "Version": "2012-10-17",
	  "Statement": [{
	    "Sid": "Members",
	    "Effect": "Allow",
	    "Principal": "*",
	    "Action": "logs:PutSubscriptionFilter",
	    "Resource": "arn:aws:logs:us-east-1:999999999999:destination:central",
	    "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1234567890"}}
	  }]
	}`, policy.Resource)
	if err != nil {
		fmt.Println(err)
		return
	}
	request := policy.Request{
		Principal:       policy.Principal{Kind: policy.User, Account: "111111111111", ARN: "arn:aws:iam::111111111111:user/alice"},
		Action:          "logs:PutSubscriptionFilter",
		Resource:        "arn:aws:logs:us-east-1:999999999999:destination:central",
		ResourceAccount: "999999999999",
		Context:         policy.Context{"aws:principalaccount": {"111111111111"}},
	}
	policies := policy.Policies{Resource: &policy.Source{Name: "access policy of central", Document: document}}

	decision := policy.Explain(request, policies, policy.ResourceOnly)
	fmt.Println(decision.Effect, decision.DenialPhrase(request.Action))
	for _, reason := range decision.Reasons {
		fmt.Println(reason)
	}
	// Output:
	// implicitDeny because no resource-based policy allows the logs:PutSubscriptionFilter action
	// resource-based policy "access policy of central" statement 0 (Members) Allow: condition fails; StringEquals aws:principalorgid wants ["o-1234567890"], the request has none
	// resource-based policy: nothing allows
}
