package sdk

import (
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	kinesistypes "github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/aws-sdk-go-v2/service/organizations"
	orgtypes "github.com/aws/aws-sdk-go-v2/service/organizations/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

func TestCallersAreTheAccountsOfTheirKeys(t *testing.T) {
	start(t)
	out := do(t, as(t, firstID, "eu-west-1").sts.GetCallerIdentity, &sts.GetCallerIdentityInput{})
	if got, want := aws.ToString(out.Arn), "arn:aws:iam::111111111111:root"; got != want {
		t.Errorf("ARN = %q, want %q", got, want)
	}
}

// user makes a user that may do action, and its clients.
func user(t *testing.T, a account, name, action string) account {
	t.Helper()
	do(t, a.iam.CreateUser, &iam.CreateUserInput{UserName: aws.String(name)})
	do(t, a.iam.PutUserPolicy, &iam.PutUserPolicyInput{
		UserName: aws.String(name), PolicyName: aws.String("Permissions"),
		PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"` + action + `","Resource":"*"}]}`),
	})
	key := do(t, a.iam.CreateAccessKey, &iam.CreateAccessKeyInput{UserName: aws.String(name)}).AccessKey
	return with(t, a.id, region, credentials.NewStaticCredentialsProvider(aws.ToString(key.AccessKeyId), aws.ToString(key.SecretAccessKey), ""))
}

func TestARoleSessionActsWithItsRolesPermissionsOnly(t *testing.T) {
	start(t)
	owner := as(t, firstID, region)
	makeRole(t, owner, "Reader", `{"Statement":{"Effect":"Allow","Principal":{"AWS":"222222222222"},"Action":"sts:AssumeRole"}}`,
		"logs:DescribeLogGroups", "*")
	in := &sts.AssumeRoleInput{
		RoleArn: aws.String("arn:aws:iam::111111111111:role/Reader"), RoleSessionName: aws.String("audit"),
	}
	c := do(t, user(t, as(t, secondID, region), "ann", "sts:AssumeRole").sts.AssumeRole, in).Credentials
	session := with(t, firstID, region, credentials.NewStaticCredentialsProvider(
		aws.ToString(c.AccessKeyId), aws.ToString(c.SecretAccessKey), aws.ToString(c.SessionToken)))

	do(t, session.logs.DescribeLogGroups, &cloudwatchlogs.DescribeLogGroupsInput{})
	_, err := session.kinesis.ListStreams(t.Context(), &kinesis.ListStreamsInput{})
	refusedAs[*kinesistypes.AccessDeniedException](t, err,
		"User: arn:aws:sts::111111111111:assumed-role/Reader/audit is not authorized to perform: kinesis:ListStreams on resource: * because no identity-based policy allows the kinesis:ListStreams action")

	_, err = user(t, as(t, recipientID, region), "bob", "sts:AssumeRole").sts.AssumeRole(t.Context(), in)
	refusedWith(t, err, "AccessDenied",
		"User: arn:aws:iam::999999999999:user/bob is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::111111111111:role/Reader because no role trust policy allows the sts:AssumeRole action")
}

func TestKeysThatAreUnknownOrWrongAreRefused(t *testing.T) {
	start(t)
	unknown := with(t, "", region, credentials.NewStaticCredentialsProvider("AKIAIOSFODNN7EXAMPLE", "test", ""))
	wrong := with(t, firstID, region, credentials.NewStaticCredentialsProvider(firstID, "guess", ""))

	_, err := unknown.logs.DescribeLogGroups(t.Context(), &cloudwatchlogs.DescribeLogGroupsInput{})
	refusedAs[*logstypes.UnrecognizedClientException](t, err, "The security token included in the request is invalid.")
	_, err = unknown.sts.GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	refusedWith(t, err, "InvalidClientTokenId", "The security token included in the request is invalid.")

	_, err = wrong.kinesis.ListStreams(t.Context(), &kinesis.ListStreamsInput{})
	if err == nil || !strings.Contains(err.Error(), "InvalidSignatureException: The request signature we calculated does not match the signature you provided.") {
		t.Errorf("a wrong secret with a JSON service: error = %v, want InvalidSignatureException", err)
	}
	_, err = wrong.iam.ListUsers(t.Context(), &iam.ListUsersInput{})
	if err == nil || !strings.Contains(err.Error(), "SignatureDoesNotMatch: The request signature we calculated does not match the signature you provided.") {
		t.Errorf("a wrong secret with a Query service: error = %v, want SignatureDoesNotMatch", err)
	}
}

func TestRefusalsOfEveryServiceAreTheSDKsTypes(t *testing.T) {
	start(t)
	a := as(t, firstID, region)
	ctx := t.Context()

	t.Run("logs", func(t *testing.T) {
		_, err := a.logs.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: aws.String("absent"), LogStreamName: aws.String("s")})
		refusedAs[*logstypes.ResourceNotFoundException](t, err, "The specified log group does not exist.")
		makeGroup(t, a, "s")
		_, err = a.logs.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String(group)})
		refusedAs[*logstypes.ResourceAlreadyExistsException](t, err, "The specified log group already exists")
		_, err = a.logs.GetLogEvents(ctx, &cloudwatchlogs.GetLogEventsInput{LogGroupName: aws.String(group), LogStreamName: aws.String("s"), Limit: aws.Int32(10001)})
		refusedAs[*logstypes.InvalidParameterException](t, err,
			"1 validation error detected: Value '10001' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 10000")
		_, err = a.logs.PutSubscriptionFilter(ctx, &cloudwatchlogs.PutSubscriptionFilterInput{
			LogGroupName: aws.String(group), FilterName: aws.String("f"), FilterPattern: aws.String(""),
			DestinationArn: aws.String("arn:aws:kinesis:us-east-1:111111111111:stream/s"),
		})
		refusedAs[*logstypes.InvalidParameterException](t, err, "destinationArn for vendor kinesis cannot be used without roleArn")
	})
	t.Run("kinesis", func(t *testing.T) {
		_, err := a.kinesis.DescribeStreamSummary(ctx, &kinesis.DescribeStreamSummaryInput{StreamName: aws.String("absent")})
		refusedAs[*kinesistypes.ResourceNotFoundException](t, err, "Stream absent under account 111111111111 not found.")
		_, err = a.kinesis.GetRecords(ctx, &kinesis.GetRecordsInput{ShardIterator: aws.String("AAAAAAAAAAEgarbage")})
		refusedAs[*kinesistypes.InvalidArgumentException](t, err, "Invalid ShardIterator.")
		_, err = a.kinesis.CreateStream(ctx, &kinesis.CreateStreamInput{StreamName: aws.String("twice"), ShardCount: aws.Int32(1)})
		ok(t, err)
		_, err = a.kinesis.CreateStream(ctx, &kinesis.CreateStreamInput{StreamName: aws.String("twice"), ShardCount: aws.Int32(1)})
		refusedAs[*kinesistypes.ResourceInUseException](t, err, "Stream twice under account 111111111111 already exists.")
	})
	t.Run("iam", func(t *testing.T) {
		_, err := a.iam.GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String("absent")})
		refusedAs[*iamtypes.NoSuchEntityException](t, err, "The role with name absent cannot be found.")
		_, err = a.iam.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("r"), AssumeRolePolicyDocument: aws.String("{not a policy")})
		refusedAs[*iamtypes.MalformedPolicyDocumentException](t, err, "This policy contains invalid Json")
		makeRole(t, a, "r", trustLogs, "logs:PutLogEvents", "*")
		_, err = a.iam.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("r"), AssumeRolePolicyDocument: aws.String(trustLogs)})
		refusedAs[*iamtypes.EntityAlreadyExistsException](t, err, "Role with name r already exists.")
	})
	t.Run("organizations", func(t *testing.T) {
		_, err := a.organizations.DescribeOrganization(ctx, &organizations.DescribeOrganizationInput{})
		refusedAs[*orgtypes.AWSOrganizationsNotInUseException](t, err, "Your account is not a member of an organization.")
		do(t, a.organizations.CreateOrganization, &organizations.CreateOrganizationInput{})
		_, err = a.organizations.CreateOrganization(ctx, &organizations.CreateOrganizationInput{})
		var already *orgtypes.AlreadyInOrganizationException
		if !errors.As(err, &already) {
			t.Errorf("error = %v, want a %T", err, already)
		}
	})
}
