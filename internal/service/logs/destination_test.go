package logs

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"tributary/internal/pure/arn"
	"tributary/internal/service/api"
)

const streamARN = "arn:aws:kinesis:eu-west-1:999999999999:stream/RecipientStream"

// destination makes a destination of the recipient, and its role.
func (r *rig) destination(name string) arn.ARN {
	r.Helper()
	role := arn.New("iam", "", recipient, "role/CWLtoKinesis")
	if !r.iam.RoleExists(role) {
		r.role(recipient, "CWLtoKinesis")
	}
	out := ok[PutDestinationOutput](r, root(recipient), "PutDestination", in{"destinationName": name, "targetArn": streamARN, "roleArn": role})
	return arn.ARN(out.Destination.ARN)
}

// policy sets the access policy of a destination.
func (r *rig) policy(name, text string, force bool) {
	r.Helper()
	r.void(root(recipient), "PutDestinationPolicy", in{"destinationName": name, "accessPolicy": text, "forceUpdate": force})
}

func accountPolicy(accounts ...string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Sid":"","Effect":"Allow","Principal":{"AWS":["%s"]},"Action":"logs:PutSubscriptionFilter","Resource":"arn:aws:logs:us-east-1:999999999999:destination:d"}]}`, strings.Join(accounts, `","`))
}

func organizationPolicy(org string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"logs:PutSubscriptionFilter","Resource":"arn:aws:logs:us-east-1:999999999999:destination:d","Condition":{"StringEquals":{"aws:PrincipalOrgID":["%s"]}}}]}`, org)
}

func TestDestinationLifeCycle(t *testing.T) {
	r := newRig(t)
	arnOf := r.destination("d")
	if want := arn.ARN("arn:aws:logs:us-east-1:999999999999:destination:d"); arnOf != want {
		t.Errorf("got %s, want %s", arnOf, want)
	}
	if len(r.tested) != 1 || r.tested[0] != (TestTarget{
		Account: recipient, Region: home, TargetARN: streamARN, RoleARN: "arn:aws:iam::999999999999:role/CWLtoKinesis", SourceARN: arnOf,
	}) {
		t.Errorf("test messages: got %+v", r.tested)
	}
	list := func() []Destination {
		return ok[DescribeDestinationsOutput](r, root(recipient), "DescribeDestinations", in{}).Destinations
	}
	if d := list()[0]; d.AccessPolicy != "" || d.TargetARN != streamARN || *d.CreationTime != testTime.UnixMilli() {
		t.Errorf("got %+v", d)
	}
	text := accountPolicy("111111111111") + "\n"
	r.policy("d", text, false)
	r.clock.move(1e9)
	r.destination("d") // again: the policy stays
	if d := list()[0]; d.AccessPolicy != text || *d.CreationTime != testTime.UnixMilli() {
		t.Errorf("after an update: got %+v", d)
	}
	r.restart()
	if d, ok := r.service.Destination(arnOf); !ok || d.Policy == nil || d.TargetARN != streamARN {
		t.Errorf("after a restart: got %+v, %t", d, ok)
	}
	if got := ok[DescribeDestinationsOutput](r, root(sender), "DescribeDestinations", in{}).Destinations; len(got) != 0 {
		t.Errorf("another account sees %+v", got)
	}
	r.void(root(recipient), "DeleteDestination", in{"destinationName": "d"})
	r.refused(root(recipient), "DeleteDestination", in{"destinationName": "d"}, "ResourceNotFoundException", "The specified destination does not exist.")
	if _, ok := r.service.Destination(arnOf); ok {
		t.Error("the destination is still there")
	}
}

func TestDestinationsAreListedInPages(t *testing.T) {
	r := newRig(t)
	for _, name := range []string{"b", "a1", "a2", "a"} {
		r.destination(name)
	}
	var names []string
	members := in{"DestinationNamePrefix": "a", "limit": 2}
	for {
		out := ok[DescribeDestinationsOutput](r, root(recipient), "DescribeDestinations", members)
		for _, d := range out.Destinations {
			names = append(names, d.DestinationName)
		}
		if out.NextToken == "" {
			break
		}
		members["nextToken"] = out.NextToken
	}
	if got := strings.Join(names, " "); got != "a a1 a2" {
		t.Errorf("got %s, want a a1 a2", got)
	}
}

func TestDestinationRefusals(t *testing.T) {
	r := newRig(t)
	role := r.role(recipient, "CWLtoKinesis")
	put := func(target string, role arn.ARN) in {
		return in{"destinationName": "d", "targetArn": target, "roleArn": role}
	}
	r.refused(root(recipient), "PutDestination", put(streamARN, "arn:aws:iam::111111111111:role/CWLtoKinesis"), "AccessDeniedException", "Cross-account pass role is not allowed.")
	r.refused(root(recipient), "PutDestination", put("arn:aws:s3:::bucket", role), "InvalidParameterException", "PutDestination operation cannot work with targetArn arn:aws:s3:::bucket: it must be the ARN of a Kinesis stream.")
	r.refused(root(recipient), "PutDestination", put(streamARN, "role"), "InvalidParameterException", "roleArn role is not the ARN of a role.")
	r.refuse = func(TestTarget) error { return errors.New("stream is missing") }
	r.refused(root(recipient), "PutDestination", put(streamARN, role), "InvalidParameterException", "Could not deliver test message to specified destination. Check if the destination is valid.")
	if got := ok[DescribeDestinationsOutput](r, root(recipient), "DescribeDestinations", in{}).Destinations; len(got) != 0 {
		t.Errorf("refused calls stored %+v", got)
	}
}

func TestDestinationPolicyRefusals(t *testing.T) {
	r := newRig(t)
	r.destination("d")
	put := func(text string) in { return in{"destinationName": "d", "accessPolicy": text} }
	r.refused(root(recipient), "PutDestinationPolicy", in{"destinationName": "e", "accessPolicy": accountPolicy("111111111111")}, "ResourceNotFoundException", "The specified destination does not exist.")
	r.refused(root(recipient), "PutDestinationPolicy", put(accountPolicy("arn:aws:iam::111111111111:user/u")), "InvalidParameterException", "Principal section of policy contains ARN instead of account ID")
	r.refused(root(recipient), "PutDestinationPolicy", put(accountPolicy("arn:aws:iam::111111111111:role/r")), "InvalidParameterException", "Principal section of policy contains ARN instead of account ID")
	r.refused(root(recipient), "PutDestinationPolicy", put(`{"Statement":`), "InvalidParameterException", "Error occurred while parsing policy: Syntax errors in policy.")
	r.refused(root(recipient), "PutDestinationPolicy", put(accountPolicy("111111111111")+strings.Repeat(" ", maxPolicySize)), "InvalidParameterException",
		"1 validation error detected: Value at 'accessPolicy' failed to satisfy constraint: Member must have length less than or equal to 5120")
	if d := ok[DescribeDestinationsOutput](r, root(recipient), "DescribeDestinations", in{}).Destinations[0]; d.AccessPolicy != "" {
		t.Errorf("refused calls stored %q", d.AccessPolicy)
	}
	for _, text := range []string{
		accountPolicy("111111111111"),
		accountPolicy("arn:aws:iam::111111111111:root", "222222222222"),
		`{"Statement":{"Effect":"Allow","Principal":"*","Action":"logs:PutSubscriptionFilter","Resource":"*"}}`,
		`{"Statement":{"Effect":"Allow","Principal":{"AWS":"logs.amazonaws.com"},"Action":"logs:*","Resource":"arn:aws:kinesis:us-east-1:999999999999:stream/s"}}`,
	} {
		r.policy("d", text, false)
	}
}

func TestForceUpdateIsNeededFromAccountsToOrganization(t *testing.T) {
	r := newRig(t)
	r.destination("d")
	accounts, org, nobody := accountPolicy("111111111111"), organizationPolicy("o-1234567890"),
		`{"Statement":{"Effect":"Deny","Principal":"*","Action":"logs:*","Resource":"*"}}`
	set := func(text string, force, want bool) {
		t.Helper()
		_, err := r.do(root(recipient), "PutDestinationPolicy", in{"destinationName": "d", "accessPolicy": text, "forceUpdate": force})
		if (err == nil) != want {
			t.Errorf("force %t: got %v, want success %t", force, err, want)
		}
		if e, ok := api.AsException(err); err != nil && (!ok || e.Code != "InvalidParameterException") {
			t.Errorf("got %v, want InvalidParameterException", err)
		}
		stored := ok[DescribeDestinationsOutput](r, root(recipient), "DescribeDestinations", in{}).Destinations[0].AccessPolicy
		if (stored == text) != want {
			t.Errorf("stored %q", stored)
		}
	}
	set(org, false, true)      // the first one
	set(org, false, true)      // no account loses
	set(accounts, false, true) // back
	set(org, false, false)
	set(org, true, true)
	set(nobody, false, true)
	set(org, false, true)
}
