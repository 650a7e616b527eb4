package server_test

import "time"

// A row of the isolation matrix is made of the members of an operation's input. Each
// member that an operation has must be in one of the three lists below, so that an
// operation with a new member does not compile into nothing: it fails the test until
// somebody has said what the member is.
//
// A key is the name of a member, if need be with the service or with service and
// operation before it; the longest that fits is taken.

// several are the kinds of thing that one member may name.
type several []any

// namesOf are the members that name a thing of somebody's, and the prey's value of each.
// Every one of an operation that is optional makes an attempt of its own.
func namesOf(p prey) map[string]any {
	return map[string]any{
		// logs
		"logGroupName": p["group"], "logGroupNamePrefix": p["group"], "logGroupNamePattern": p["group"],
		"logGroupIdentifier": p.groupARN(), "logGroupIdentifiers": []any{p.groupARN()},
		"accountIdentifiers": []any{victimAccount},
		"logStreamName":      p["stream"], "logStreamNames": []any{p["stream"]}, "logStreamNamePrefix": p["stream"],
		"destinationName": p["destination"], "DestinationNamePrefix": p["destination"],
		"destinationArn": p.destinationARN(), "logs targetArn": p.streamARN(),
		"filterName": p["filter"], "filterNamePrefix": p["filter"], "logs policyName": p["filter"],
		"logs resourceArn":                     several{p.groupARN(), p.destinationARN()},
		"logs PutAccountPolicy policyDocument": accountDocument(p, ""),

		// kinesis
		"StreamName": p["kinesis"], "StreamARN": p.streamARN(), "ConsumerName": p["consumer"], "ConsumerARN": p["consumerARN"],
		"kinesis ResourceARN":                   several{p.streamARN(), p["consumerARN"]},
		"kinesis PutResourcePolicy ResourceARN": p.streamARN(), "ShardIterator": p["iterator"], "StartingSequenceNumber": p["sequence"],

		// dynamodb
		"TableName": several{p["table"], p.tableARN()},

		// iam and sts
		"UserName": p["user"], "GroupName": p["iamgroup"], "iam RoleName": p["role"], "iam PolicyName": p["inline"],
		"iam CreatePolicy PolicyName": p["policy"],
		"PolicyArn":                   p.policyARN(), "PermissionsBoundary": p.policyARN(), "AccessKeyId": p["key"],
		"iam DeleteServiceLinkedRole RoleName":      p["linked"],
		"DeletionTaskId":                            p["task"],
		"AccountAlias":                              p["alias"],
		"PolicySourceArn":                           several{p.userARN(), p.roleARN(), p.arn("iam", "group/"+p["iamgroup"])},
		"iam SimulatePrincipalPolicy ResourceArns":  []any{p.streamARN()},
		"iam SimulatePrincipalPolicy CallerArn":     p.userARN(),
		"iam SimulatePrincipalPolicy ResourceOwner": "arn:aws:iam::" + victimAccount + ":root",
		"sts RoleArn":                               p.roleARN(),
		"sts PolicyArns":                            []any{input{"arn": p.policyARN()}},
		"sts TargetPrincipal":                       several{p["member0"], "arn:aws:iam::" + p["member0"] + ":root"},
		"EncodedMessage":                            p["denial"],

		// organizations
		"CreateAccountRequestId": p["creation"], "AccountId": p["member0"], "HandshakeId": p["handshake"], "organizations AcceptHandshake HandshakeId": p["invitation"], "organizations DeclineHandshake HandshakeId": p["invitation"],
		"ParentId": several{p["unit0"], p["root"]}, "SourceParentId": p["unit0"], "DestinationParentId": p["root"], "ChildId": several{p["unit0"], p["member0"]},
		"OrganizationalUnitId": p["unit0"], "organizations PolicyId": p["scp0"], "TargetId": several{p["member0"], p["unit0"], p["root"]},
		"RootId": p["root"], "organizations ResourceId": several{p["unit0"], p["root"], p["member0"], p["scp0"]},
		"organizations Target": input{"Id": p["member0"], "Type": "ACCOUNT"},

		// tributary
		"logGroupArn": p.groupARN(), "accountPolicyName": p["filter"],
		"tributary roleArn": p.roleARN(), "principalArn": several{p.userARN(), p.roleARN()}, "tributary resourceArn": several{p.streamARN(), p.destinationARN(), p.groupARN(), p.roleARN()},
	}
}

// fillers are the members that an operation asks for and that name nothing. ATTACKER
// stands for the account of the caller.
func fillers() map[string]any {
	policyText := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":["logs:PutSubscriptionFilter","logs:PutAccountPolicy"],"Resource":"*"}}`
	record := input{"PartitionKey": "k", "Data": "eA=="}
	scpText := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`
	item := input{"k": input{"S": "a"}}
	return map[string]any{
		"logEvents": []any{input{"timestamp": time.Now().UnixMilli(), "message": "planted"}}, "retentionInDays": 1,
		"logs roleArn": ownRole, "accessPolicy": policyText, "filterPattern": "", "logEventMessages": []any{"m"},
		"policyType": accountPolicyType, "logs tags": input{"a": "b"}, "logs UntagLogGroup tags": []any{canary}, "logs tagKeys": []any{canary},

		"Data": "eA==", "PartitionKey": "k", "Records": []any{record}, "ShardId": "shardId-000000000000", "ShardIteratorType": "TRIM_HORIZON",
		"StreamModeDetails": input{"StreamMode": "ON_DEMAND"}, "StartingPosition": input{"Type": "TRIM_HORIZON"},
		"ShardToSplit": "shardId-000000000003", "NewStartingHashKey": "300000000000000000000000000000000000000",
		"ShardToMerge": "shardId-000000000000", "AdjacentShardToMerge": "shardId-000000000001",
		"TargetShardCount": 2, "ScalingType": "UNIFORM_SCALING",
		"RetentionPeriodHours": 48, "kinesis DecreaseStreamRetentionPeriod RetentionPeriodHours": 24,
		"kinesis Tags": input{"a": "b"}, "kinesis TagKeys": []any{canary}, "ShardLevelMetrics": []any{"ALL"},
		"EncryptionType": "KMS", "KeyId": "alias/aws/kinesis", "kinesis Policy": "{}",
		"MaxRecordSizeInKiB": 2048, "WarmThroughputMiBps": 1, "RecordDistributionStrategy": "AUTO",
		"MinimumThroughputBillingCommitment": input{"Status": "DISABLED"},

		"AttributeDefinitions": []any{input{"AttributeName": "k", "AttributeType": "S"}},
		"KeySchema":            []any{input{"AttributeName": "k", "KeyType": "HASH"}},
		"Item":                 item, "Key": item,

		"iam Tags": []any{input{"Key": "a", "Value": "b"}}, "iam TagKeys": []any{canary}, "Status": "Inactive",
		"PolicyDocument": scpText, "iam UpdateAssumeRolePolicy PolicyDocument": trustLogs, "AssumeRolePolicyDocument": trustLogs,
		"Description": "d", "VersionId": "v1", "AWSServiceName": "kinesisanalytics.amazonaws.com",
		"ActionNames": []any{"kinesis:PutRecord", "kinesis:GetRecords"}, "PolicyInputList": []any{scpText},
		"RoleSessionName": "session", "WebIdentityToken": "a.b.c", "TaskPolicyArn": input{"arn": "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials"},
		"sts Name": "federated",

		"Email": "somebody@example.com", "AccountName": "somebody", "ChildType": "ORGANIZATIONAL_UNIT", "organizations Name": "n",
		"ServicePrincipal": "config.amazonaws.com", "Content": scpText, "Type": scp, "organizations Filter": scp, "PolicyType": scp,
		"organizations Tags": []any{input{"Key": "a", "Value": "b"}}, "organizations TagKeys": []any{canary},
		"organizations PutResourcePolicy Content": `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"ATTACKER"},"Action":"organizations:DescribePolicy","Resource":"*"}}`,

		"name": "n", "email": "another@example.com", "since": time.Now().Add(-time.Hour).Unix(), "action": "kinesis:PutRecord",
	}
}

// plain are the optional members that name nothing.
const plain = `
	kmsKeyId logGroupClass deletionProtectionEnabled limit includeLinkedAccounts orderBy descending sequenceToken entity
	startTime endTime startFromHead unmask filterPattern interleaved forceUpdate distribution applyOnTransformedLogs
	fieldSelectionCriteria emitSystemFields scope selectionCriteria dryRun

	ShardCount Limit ExclusiveStartShardId ExclusiveStartStreamName ExclusiveStartTagKey StreamId EnforceConsumerDeletion
	ExplicitHashKey SequenceNumberForOrdering DryRun StreamCreationTimestamp ShardFilter Timestamp

	BillingMode ProvisionedThroughput GlobalSecondaryIndexes GlobalSecondaryIndexUpdates DeletionProtectionEnabled Expected
	ConditionalOperator ConditionExpression ExpressionAttributeNames ExpressionAttributeValues ReturnValues
	ReturnValuesOnConditionCheckFailure AttributeUpdates UpdateExpression ConsistentRead Select ExclusiveStartKey Segment
	TotalSegments FilterExpression IndexName ScanIndexForward KeyConditionExpression

	Path PathPrefix MaxItems NewPath NewUserName NewGroupName MaxSessionDuration Scope OnlyAttached PolicyUsageFilter SetAsDefault
	EntityFilter Filter CustomSuffix PermissionsBoundaryPolicyInputList ResourceArns ResourcePolicy ResourceOwner CallerArn
	ContextEntries ResourceHandlingOption PolicyExclusionList OrderedOrganizationPolicyInputList PolicyInputList
	Policy DurationSeconds TransitiveTagKeys ExternalId SerialNumber TokenCode SourceIdentity ProvidedContexts
	MinimumSessionTokenSize ProviderId

	Tags tags RoleName FeatureSet IamUserAccessToBilling States MaxResults Notes Name

	accountLevel context`

// tokens are the members that take what an earlier answer gave, and the member that
// makes an answer short enough to give one. It stands in the answer under the same
// name.
var tokens = map[string][]string{
	"nextToken": {"limit"},
	"NextToken": {"MaxResults", "Limit"},
	"Marker":    {"MaxItems"},
}
