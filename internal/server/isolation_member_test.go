package server_test

import (
	"errors"
	"testing"

	"tributary/internal/client"
)

// TestMembersOfTheOrganizationAreAdmitted shows that what the matrix finds shut to
// everybody is open to those whom the victim's policies name: with a member of its
// organization, until that leaves.
func TestMembersOfTheOrganizationAreAdmitted(t *testing.T) {
	s := newScene(t)
	const member = "355555555555"
	s.join(member, true)
	s.makeAdministrator(member, "guest")
	guest := s.administrator(member, "guest")
	s.mustAs(guest, "iam CreateRole", input{"RoleName": "own", "AssumeRolePolicyDocument": trustLogs})
	s.mustAs(guest, "iam PutRolePolicy", input{"RoleName": "own", "PolicyName": "all", "PolicyDocument": allowAll})
	s.mustAs(guest, "logs CreateLogGroup", input{"logGroupName": "g"})
	attempts := []attempt{
		{operation: "kinesis DescribeStreamSummary", in: func(p prey) input { return input{"StreamARN": p.streamARN()} }},
		{operation: "sts AssumeRole", in: func(p prey) input { return input{"RoleArn": p.roleARN(), "RoleSessionName": "session"} }},
		{operation: "logs PutSubscriptionFilter", in: func(p prey) input {
			return input{
				"logGroupName": "g", "filterName": "f", "filterPattern": "", "destinationArn": p.destinationARN(),
				"roleArn": "arn:aws:iam::" + member + ":role/own",
			}
		}},
	}
	for _, a := range attempts {
		if _, err := s.ask(guest, a.operation, a.in(s.victim)); err != nil {
			t.Errorf("%s as a member: got %v, want it allowed", a.operation, err)
		}
		if _, err := s.ask(guest, a.operation, a.in(s.ghost)); err == nil {
			t.Errorf("%s on what is not there: got it allowed", a.operation)
		}
	}
	s.mustAs(s.As(member), "organizations LeaveOrganization", nil)
	for _, a := range attempts {
		_, err := s.ask(guest, a.operation, a.in(s.victim))
		if refusal, ok := errors.AsType[*client.Refusal](err); !ok || refusal.Code != "AccessDenied" && refusal.Code != "AccessDeniedException" {
			t.Errorf("%s after it left: got %v, want access denied", a.operation, err)
		}
	}
}
