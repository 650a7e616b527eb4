package sdk

import (
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/organizations"
	orgtypes "github.com/aws/aws-sdk-go-v2/service/organizations/types"
)

const (
	recipientID = "999999999999"
	firstID     = "111111111111"
	secondID    = "222222222222"
	managerID   = "555555555555"

	group          = "CloudTrail/logs"
	rootLogins     = "{$.userIdentity.type = Root}"
	destinationARN = "arn:aws:logs:us-east-1:999999999999:destination:testDestination"
	streamARN      = "arn:aws:kinesis:us-east-1:999999999999:stream/RecipientStream"
	recipientRole  = "arn:aws:iam::999999999999:role/CWLtoKinesisRole"
)

const trustForSenders = `{"Statement":{"Effect":"Allow","Principal":{"Service":"logs.us-east-1.amazonaws.com"},
	"Condition":{"StringLike":{"aws:SourceArn":["arn:aws:logs:us-east-1:111111111111:*","arn:aws:logs:us-east-1:222222222222:*","arn:aws:logs:us-east-1:999999999999:*"]}},
	"Action":"sts:AssumeRole"}}`

const trustLogs = `{"Statement":{"Effect":"Allow","Principal":{"Service":"logs.amazonaws.com"},"Action":"sts:AssumeRole"}}`

// makeRole makes a role with one inline policy that allows action on resource.
func makeRole(t *testing.T, a account, name, trust, action, resource string) {
	t.Helper()
	do(t, a.iam.CreateRole, &iam.CreateRoleInput{
		RoleName: aws.String(name), AssumeRolePolicyDocument: aws.String(trust),
	})
	do(t, a.iam.PutRolePolicy, &iam.PutRolePolicyInput{
		RoleName: aws.String(name), PolicyName: aws.String("Permissions"),
		PolicyDocument: aws.String(`{"Statement":[{"Effect":"Allow","Action":"` + action + `","Resource":"` + resource + `"}]}`),
	})
}

// makeDestination makes the recipient's stream, role and destination.
func makeDestination(t *testing.T, recipient account) {
	t.Helper()
	ctx := t.Context()
	do(t, recipient.kinesis.CreateStream, &kinesis.CreateStreamInput{
		StreamName: aws.String("RecipientStream"), ShardCount: aws.Int32(1),
	})
	waiter := kinesis.NewStreamExistsWaiter(recipient.kinesis, func(o *kinesis.StreamExistsWaiterOptions) {
		o.MinDelay, o.MaxDelay = 100*time.Millisecond, time.Second
	})
	if err := waiter.Wait(ctx, &kinesis.DescribeStreamInput{StreamName: aws.String("RecipientStream")}, patience); err != nil {
		t.Fatal(err)
	}
	makeRole(t, recipient, "CWLtoKinesisRole", trustForSenders, "kinesis:PutRecord", streamARN)
	out := do(t, recipient.logs.PutDestination, &cloudwatchlogs.PutDestinationInput{
		DestinationName: aws.String("testDestination"), TargetArn: aws.String(streamARN), RoleArn: aws.String(recipientRole),
	})
	if got := aws.ToString(out.Destination.Arn); got != destinationARN {
		t.Fatalf("ARN of the destination = %q, want %q", got, destinationARN)
	}
}

// admitAccount is a destination policy for one account.
func admitAccount(id string) string {
	return `{"Version":"2012-10-17","Statement":[{"Sid":"","Effect":"Allow","Principal":{"AWS":"` + id + `"},
		"Action":"logs:PutSubscriptionFilter","Resource":"` + destinationARN + `"}]}`
}

func admitOrganization(id string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"logs:PutSubscriptionFilter",
		"Resource":"` + destinationARN + `","Condition":{"StringEquals":{"aws:PrincipalOrgID":["` + id + `"]}}}]}`
}

func setPolicy(t *testing.T, recipient account, policy string, force bool) error {
	t.Helper()
	in := &cloudwatchlogs.PutDestinationPolicyInput{DestinationName: aws.String("testDestination"), AccessPolicy: aws.String(policy)}
	if force {
		in.ForceUpdate = aws.Bool(true)
	}
	_, err := recipient.logs.PutDestinationPolicy(t.Context(), in)
	return err
}

func makeGroup(t *testing.T, sender account, stream string) {
	t.Helper()
	do(t, sender.logs.CreateLogGroup, &cloudwatchlogs.CreateLogGroupInput{
		LogGroupName: aws.String(group),
	})
	do(t, sender.logs.CreateLogStream, &cloudwatchlogs.CreateLogStreamInput{
		LogGroupName: aws.String(group), LogStreamName: aws.String(stream),
	})
}

// subscribe puts the filter of the story; role may be empty.
func subscribe(t *testing.T, sender account, role string) error {
	t.Helper()
	in := &cloudwatchlogs.PutSubscriptionFilterInput{
		LogGroupName: aws.String(group), FilterName: aws.String("RecipientStream"),
		FilterPattern: aws.String(rootLogins), DestinationArn: aws.String(destinationARN),
	}
	if role != "" {
		in.RoleArn = aws.String(role)
	}
	_, err := sender.logs.PutSubscriptionFilter(t.Context(), in)
	return err
}

// put writes one event that the filter selects, and one that it does not.
func put(t *testing.T, sender account, stream, text string) {
	t.Helper()
	now := aws.Int64(time.Now().UnixMilli())
	out := do(t, sender.logs.PutLogEvents, &cloudwatchlogs.PutLogEventsInput{
		LogGroupName: aws.String(group), LogStreamName: aws.String(stream),
		LogEvents: []logstypes.InputLogEvent{
			{Timestamp: now, Message: aws.String(event("Root", text))},
			{Timestamp: now, Message: aws.String(event("IAMUser", text))},
		},
	})
	if out.RejectedLogEventsInfo != nil {
		t.Fatalf("events were rejected: %+v", *out.RejectedLogEventsInfo)
	}
}

func event(user, text string) string {
	return `{"userIdentity":{"type":"` + user + `"},"eventName":"` + text + `"}`
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestEventsReachTheRecipientWhileBothSidesConsent(t *testing.T) {
	start(t)
	recipient, manager := as(t, recipientID, region), as(t, managerID, region)
	first, second := as(t, firstID, region), as(t, secondID, region)
	makeDestination(t, recipient)
	makeGroup(t, first, "one")
	makeGroup(t, second, "two")
	reader := readerOf(t, recipient, "RecipientStream")
	var want []string
	expect := func(sender account, stream, text string) {
		t.Helper()
		put(t, sender, stream, text)
		want = append(want, sender.id+" "+stream+" "+event("Root", text))
		if got := reader.upTo(len(want)); !slices.Equal(got, want) {
			t.Fatalf("after %s the recipient has\n%q, want\n%q", text, got, want)
		}
	}

	// An account is named, then another instead of it.
	refusedAs[*logstypes.AccessDeniedException](t, subscribe(t, first, ""), notAdmitted(firstID))
	ok(t, setPolicy(t, recipient, admitAccount(firstID), false))
	ok(t, subscribe(t, first, ""))
	expect(first, "one", "named")
	ok(t, setPolicy(t, recipient, admitAccount(secondID), false))
	put(t, first, "one", "shut out")
	ok(t, subscribe(t, second, ""))
	expect(second, "two", "let in")

	// Both join an organization, and the policy names that.
	organization := do(t, manager.organizations.CreateOrganization, &organizations.CreateOrganizationInput{})
	join(t, manager, first)
	join(t, manager, second)
	policy := admitOrganization(aws.ToString(organization.Organization.Id))
	if err := setPolicy(t, recipient, policy, false); err == nil {
		t.Error("an organization policy replaced an account policy without ForceUpdate")
	}
	ok(t, setPolicy(t, recipient, policy, true))
	refusedAs[*logstypes.InvalidParameterException](t, subscribe(t, first, ""),
		"Role ARN is required when creating subscription filter against destination with Organization access policy")
	for _, sender := range []account{first, second} {
		makeRole(t, sender, "CWLtoSubscriptionFilterRole", trustLogs, "logs:PutLogEvents", "arn:aws:logs:us-east-1:"+sender.id+":log-group:"+group+":*")
		ok(t, subscribe(t, sender, senderRole(sender)))
	}
	expect(first, "one", "a member")
	expect(second, "two", "a member too")

	// One of them leaves.
	do(t, second.organizations.LeaveOrganization, &organizations.LeaveOrganizationInput{})
	put(t, second, "two", "left")
	expect(first, "one", "still a member")
	refusedAs[*logstypes.AccessDeniedException](t, subscribe(t, second, senderRole(second)), notAdmitted(secondID))
}

func notAdmitted(id string) string {
	return "User with accountId: " + id + " is not authorized to perform: logs:PutSubscriptionFilter on resource: " + destinationARN
}

func senderRole(a account) string {
	return "arn:aws:iam::" + a.id + ":role/CWLtoSubscriptionFilterRole"
}

// join brings an account into the manager's organization.
func join(t *testing.T, manager, member account) {
	t.Helper()
	out := do(t, manager.organizations.InviteAccountToOrganization, &organizations.InviteAccountToOrganizationInput{
		Target: &orgtypes.HandshakeParty{Id: aws.String(member.id), Type: orgtypes.HandshakePartyTypeAccount},
	})
	accepted := do(t, member.organizations.AcceptHandshake, &organizations.AcceptHandshakeInput{
		HandshakeId: out.Handshake.Id,
	})
	if got := accepted.Handshake.State; got != orgtypes.HandshakeStateAccepted {
		t.Fatalf("state of the handshake = %s, want %s", got, orgtypes.HandshakeStateAccepted)
	}
}
