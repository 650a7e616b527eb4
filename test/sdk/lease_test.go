package sdk

import (
	"errors"
	"strconv"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// These tests make the calls that the Kinesis Client Library and its lock client
// make, with their parameters. The names are those of its lease table.

func leaseClient(t *testing.T, id string) *dynamodb.Client {
	t.Helper()
	cfg, err := config.LoadDefaultConfig(t.Context(), config.WithRegion(region), config.WithRetryMaxAttempts(1),
		config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(id, "test", "")))
	ok(t, err)
	return dynamodb.NewFromConfig(cfg)
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}
func set(s ...string) types.AttributeValue { return &types.AttributeValueMemberSS{Value: s} }

type attributes = map[string]types.AttributeValue

func textOf(v types.AttributeValue) string {
	if s, ok := v.(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}

func numberOf(v types.AttributeValue) int64 {
	if n, ok := v.(*types.AttributeValueMemberN); ok {
		i, _ := strconv.ParseInt(n.Value, 10, 64) // 0 for what is no whole number
		return i
	}
	return 0
}

func leaseKey(shard string) attributes { return attributes{"leaseKey": text(shard)} }

// createLeaseTable is KCL's: DescribeTable, CreateTable, DescribeTable until it is
// there.
func createLeaseTable(t *testing.T, c *dynamodb.Client, table string) {
	t.Helper()
	var missing *types.ResourceNotFoundException
	if _, err := c.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: &table}); !errors.As(err, &missing) {
		t.Fatalf("a table that is not there: got %v, want ResourceNotFoundException", err)
	}
	in := &dynamodb.CreateTableInput{
		TableName:                 &table,
		KeySchema:                 []types.KeySchemaElement{{AttributeName: aws.String("leaseKey"), KeyType: types.KeyTypeHash}},
		AttributeDefinitions:      []types.AttributeDefinition{{AttributeName: aws.String("leaseKey"), AttributeType: types.ScalarAttributeTypeS}},
		BillingMode:               types.BillingModePayPerRequest,
		DeletionProtectionEnabled: aws.Bool(false),
	}
	do(t, c.CreateTable, in)
	var exists *types.ResourceInUseException
	if _, err := c.CreateTable(t.Context(), in); !errors.As(err, &exists) {
		t.Errorf("the second time: got %v, want ResourceInUseException", err)
	}
	out := do(t, c.DescribeTable, &dynamodb.DescribeTableInput{TableName: &table})
	if s := out.Table.TableStatus; s != types.TableStatusActive {
		t.Fatalf("status %s, want ACTIVE", s)
	}
	if m := out.Table.BillingModeSummary; m == nil || m.BillingMode != types.BillingModePayPerRequest {
		t.Errorf("billing mode %+v, want PAY_PER_REQUEST", m)
	}
}

// createLease is KCL's createLeaseIfNotExists.
func createLease(t *testing.T, c *dynamodb.Client, table string, lease attributes) (created bool, err error) {
	t.Helper()
	_, err = c.PutItem(t.Context(), &dynamodb.PutItemInput{
		TableName: &table, Item: lease,
		Expected: map[string]types.ExpectedAttributeValue{"leaseKey": {Exists: aws.Bool(false)}},
	})
	var failed *types.ConditionalCheckFailedException
	if errors.As(err, &failed) {
		return false, nil
	}
	return err == nil, err
}

func put1(v types.AttributeValue) types.AttributeValueUpdate {
	return types.AttributeValueUpdate{Value: v, Action: types.AttributeActionPut}
}

func is(v types.AttributeValue) types.ExpectedAttributeValue {
	return types.ExpectedAttributeValue{Value: v}
}

func TestLeasesAreMadeTakenRenewedAndGivenUpAsTheKinesisClientLibraryDoes(t *testing.T) {
	start(t)
	c, table := leaseClient(t, recipientID), "app"
	createLeaseTable(t, c, table)

	lease := attributes{
		"leaseKey": text("shardId-000000000000"), "leaseCounter": number(0), "ownerSwitchesSinceCheckpoint": number(0),
		"checkpoint": text("TRIM_HORIZON"), "checkpointSubSequenceNumber": number(0),
		"startingHashKey": text("0"), "endingHashKey": text("340282366920938463463374607431768211455"),
		"parentShardId": set("shardId-1", "shardId-0"),
	}
	for want := range 2 {
		if created, err := createLease(t, c, table, lease); err != nil || created != (want == 0) {
			t.Fatalf("create, time %d: got %v, %v", want+1, created, err)
		}
	}
	get := func() attributes {
		t.Helper()
		return do(t, c.GetItem, &dynamodb.GetItemInput{TableName: &table, Key: leaseKey("shardId-000000000000"), ConsistentRead: aws.Bool(true)}).Item
	}
	got := get()
	if textOf(got["checkpoint"]) != "TRIM_HORIZON" || len(got) != len(lease) {
		t.Errorf("lease: got %v, want what was put", got)
	}
	if parents := got["parentShardId"].(*types.AttributeValueMemberSS).Value; len(parents) != 2 {
		t.Errorf("parents: got %v, want 2", parents)
	}

	update := func(updates map[string]types.AttributeValueUpdate, expected map[string]types.ExpectedAttributeValue) error {
		_, err := c.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
			TableName: &table, Key: leaseKey("shardId-000000000000"), AttributeUpdates: updates, Expected: expected,
		})
		return err
	}
	var failed *types.ConditionalCheckFailedException
	take := map[string]types.AttributeValueUpdate{
		"leaseCounter": put1(number(1)), "leaseOwner": put1(text("worker-1")), "checkpointOwner": {Action: types.AttributeActionDelete},
	}
	ok(t, update(take, map[string]types.ExpectedAttributeValue{"leaseCounter": is(number(0)), "leaseOwner": {Exists: aws.Bool(false)}}))
	if err := update(take, map[string]types.ExpectedAttributeValue{"leaseCounter": is(number(0))}); !errors.As(err, &failed) {
		t.Errorf("a second taker: got %v, want ConditionalCheckFailedException", err)
	}
	renew := map[string]types.AttributeValueUpdate{"leaseCounter": put1(number(2))}
	ok(t, update(renew, map[string]types.ExpectedAttributeValue{"leaseCounter": is(number(1)), "leaseOwner": is(text("worker-1"))}))
	assign := map[string]types.AttributeValueUpdate{
		"leaseOwner":                   put1(text("worker-2")),
		"leaseCounter":                 {Value: number(1), Action: types.AttributeActionAdd},
		"ownerSwitchesSinceCheckpoint": {Value: number(1), Action: types.AttributeActionAdd},
	}
	ok(t, update(assign, map[string]types.ExpectedAttributeValue{"leaseOwner": is(text("worker-1")), "checkpointOwner": {Exists: aws.Bool(false)}}))
	checkpoint := map[string]types.AttributeValueUpdate{
		"checkpoint": put1(text("49590338271490256608559692538361571095921575989136588898")), "checkpointSubSequenceNumber": put1(number(0)),
		"leaseCounter": put1(number(4)), "ownerSwitchesSinceCheckpoint": put1(number(0)),
		"pendingCheckpoint": {Action: types.AttributeActionDelete}, "childShardIds": put1(set("shardId-2", "shardId-3")),
	}
	ok(t, update(checkpoint, map[string]types.ExpectedAttributeValue{"leaseCounter": is(number(3)), "leaseOwner": is(text("worker-2"))}))
	evict := map[string]types.AttributeValueUpdate{
		"leaseOwner": {Action: types.AttributeActionDelete}, "leaseCounter": {Value: number(1), Action: types.AttributeActionAdd},
	}
	ok(t, update(evict, map[string]types.ExpectedAttributeValue{"leaseCounter": is(number(4)), "leaseOwner": is(text("worker-2"))}))
	got = get()
	if _, owned := got["leaseOwner"]; owned || numberOf(got["leaseCounter"]) != 5 {
		t.Errorf("after all: got %v, want no owner and counter 5", got)
	}
	if err := update(renew, map[string]types.ExpectedAttributeValue{"leaseKey": is(text("another"))}); !errors.As(err, &failed) {
		t.Errorf("another key: got %v, want ConditionalCheckFailedException", err)
	}
	do(t, c.DeleteItem, &dynamodb.DeleteItemInput{TableName: &table, Key: leaseKey("shardId-000000000000")})
	if got := get(); len(got) != 0 {
		t.Errorf("deleted: got %v", got)
	}
}

func TestLeasesAreListedInPagesAndInParallel(t *testing.T) {
	start(t)
	c, table := leaseClient(t, recipientID), "app"
	createLeaseTable(t, c, table)
	const leases = 25
	for i := range leases {
		_, err := createLease(t, c, table, attributes{
			"leaseKey": text("account:stream:" + strconv.Itoa(i)), "leaseCounter": number(0), "streamName": text("stream" + strconv.Itoa(i%5)),
		})
		ok(t, err)
	}
	collect := func(in *dynamodb.ScanInput) (keys []string) {
		t.Helper()
		in.TableName = &table
		for {
			out := do(t, c.Scan, in)
			for _, it := range out.Items {
				keys = append(keys, textOf(it["leaseKey"]))
			}
			if len(out.LastEvaluatedKey) == 0 {
				return keys
			}
			in.ExclusiveStartKey = out.LastEvaluatedKey
		}
	}
	distinct := func(keys []string) int {
		seen := map[string]bool{}
		for _, k := range keys {
			seen[k] = true
		}
		return len(seen)
	}
	if keys := collect(&dynamodb.ScanInput{Limit: aws.Int32(4)}); len(keys) != leases || distinct(keys) != leases {
		t.Errorf("in pages: got %d keys, %d distinct, want %d", len(keys), distinct(keys), leases)
	}
	var keys []string
	for segment := range int32(4) {
		keys = append(keys, collect(&dynamodb.ScanInput{Segment: aws.Int32(segment), TotalSegments: aws.Int32(4), Limit: aws.Int32(3)})...)
	}
	if len(keys) != leases || distinct(keys) != leases {
		t.Errorf("in segments: got %d keys, %d distinct, want %d", len(keys), distinct(keys), leases)
	}
	filtered := collect(&dynamodb.ScanInput{
		FilterExpression: aws.String("streamName = :streamName"), ExpressionAttributeValues: attributes{":streamName": text("stream3")},
	})
	if len(filtered) != leases/5 {
		t.Errorf("of one stream: got %v, want %d", filtered, leases/5)
	}
}

func TestLeasesOfAWorkerAreFoundThroughTheIndexThatIsAddedLater(t *testing.T) {
	start(t)
	c, table := leaseClient(t, recipientID), "app"
	createLeaseTable(t, c, table)
	for i := range 10 {
		lease := attributes{"leaseKey": text("s" + strconv.Itoa(i)), "leaseCounter": number(0)}
		if i > 0 {
			lease["leaseOwner"] = text("worker-" + strconv.Itoa(i%3))
		}
		_, err := createLease(t, c, table, lease)
		ok(t, err)
	}
	out := do(t, c.UpdateTable, &dynamodb.UpdateTableInput{
		TableName: &table,
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: aws.String("leaseOwner"), AttributeType: types.ScalarAttributeTypeS},
			{AttributeName: aws.String("leaseKey"), AttributeType: types.ScalarAttributeTypeS},
		},
		GlobalSecondaryIndexUpdates: []types.GlobalSecondaryIndexUpdate{{Create: &types.CreateGlobalSecondaryIndexAction{
			IndexName: aws.String("LeaseOwnerToLeaseKeyIndex"),
			KeySchema: []types.KeySchemaElement{
				{AttributeName: aws.String("leaseOwner"), KeyType: types.KeyTypeHash},
				{AttributeName: aws.String("leaseKey"), KeyType: types.KeyTypeRange},
			},
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly},
		}}},
	})
	if x := out.TableDescription.GlobalSecondaryIndexes; len(x) != 1 || x[0].IndexStatus != types.IndexStatusActive {
		t.Fatalf("indexes: got %+v, want one that is ACTIVE", x)
	}
	in := &dynamodb.QueryInput{
		TableName: &table, IndexName: aws.String("LeaseOwnerToLeaseKeyIndex"),
		KeyConditionExpression:    aws.String("leaseOwner = :leaseOwner"),
		ExpressionAttributeValues: attributes{":leaseOwner": text("worker-1")}, Limit: aws.Int32(2),
	}
	var keys []string
	for {
		out := do(t, c.Query, in)
		for _, it := range out.Items {
			keys = append(keys, textOf(it["leaseKey"]))
			if len(it) != 2 {
				t.Errorf("item %v, want only the keys", it)
			}
		}
		if in.ExclusiveStartKey = out.LastEvaluatedKey; len(out.LastEvaluatedKey) == 0 {
			break
		}
	}
	if want := []string{"s1", "s4", "s7"}; len(keys) != 3 || keys[0] != want[0] || keys[1] != want[1] || keys[2] != want[2] {
		t.Errorf("leases of worker-1: got %v, want %v", keys, want)
	}
}

func TestALockIsTakenBeatsAndIsReleasedAsTheLockClientDoes(t *testing.T) {
	start(t)
	c, table := leaseClient(t, recipientID), "app-CoordinatorState"
	do(t, c.CreateTable, &dynamodb.CreateTableInput{
		TableName:             &table,
		KeySchema:             []types.KeySchemaElement{{AttributeName: aws.String("key"), KeyType: types.KeyTypeHash}},
		AttributeDefinitions:  []types.AttributeDefinition{{AttributeName: aws.String("key"), AttributeType: types.ScalarAttributeTypeS}},
		BillingMode:           types.BillingModeProvisioned,
		ProvisionedThroughput: &types.ProvisionedThroughput{ReadCapacityUnits: aws.Int64(10), WriteCapacityUnits: aws.Int64(10)},
	})
	lock := func(owner, version string) attributes {
		return attributes{"key": text("Leader"), "ownerName": text(owner), "leaseDuration": text("30000"), "recordVersionNumber": text(version)}
	}
	first := &dynamodb.PutItemInput{
		TableName: &table, Item: lock("worker-1", "v1"), ConditionExpression: aws.String("attribute_not_exists(#pk)"),
		ExpressionAttributeNames: map[string]string{"#pk": "key"},
	}
	do(t, c.PutItem, first)
	var failed *types.ConditionalCheckFailedException
	if _, err := c.PutItem(t.Context(), first); !errors.As(err, &failed) {
		t.Fatalf("a lock that is held: got %v, want ConditionalCheckFailedException", err)
	}
	beat := func(owner, version, next string) error {
		_, err := c.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
			TableName: &table, Key: attributes{"key": text("Leader")},
			ConditionExpression: aws.String("attribute_exists(#pk) AND #rvn = :rvn AND #on = :on"),
			UpdateExpression:    aws.String("SET #ld = :ld, #rvn = :newRvn REMOVE #d"),
			ExpressionAttributeNames: map[string]string{
				"#pk": "key", "#rvn": "recordVersionNumber", "#on": "ownerName", "#ld": "leaseDuration", "#d": "data",
			},
			ExpressionAttributeValues: attributes{":rvn": text(version), ":on": text(owner), ":ld": text("30000"), ":newRvn": text(next)},
		})
		return err
	}
	ok(t, beat("worker-1", "v1", "v2"))
	if err := beat("worker-1", "v1", "v3"); !errors.As(err, &failed) {
		t.Errorf("an old version: got %v, want ConditionalCheckFailedException", err)
	}
	// Another worker takes over a lock whose version has not moved.
	do(t, c.PutItem, &dynamodb.PutItemInput{
		TableName: &table, Item: lock("worker-2", "w1"), ConditionExpression: aws.String("attribute_exists(#pk) AND #rvn = :rvn"),
		ExpressionAttributeNames:  map[string]string{"#pk": "key", "#rvn": "recordVersionNumber"},
		ExpressionAttributeValues: attributes{":rvn": text("v2")},
	})
	do(t, c.UpdateItem, &dynamodb.UpdateItemInput{
		TableName: &table, Key: attributes{"key": text("Leader")},
		ConditionExpression:       aws.String("attribute_exists(#pk) AND #rvn = :rvn AND #on = :on"),
		UpdateExpression:          aws.String("SET #ir = :ir"),
		ExpressionAttributeNames:  map[string]string{"#pk": "key", "#rvn": "recordVersionNumber", "#on": "ownerName", "#ir": "isReleased"},
		ExpressionAttributeValues: attributes{":rvn": text("w1"), ":on": text("worker-2"), ":ir": text("1")},
	})
	do(t, c.PutItem, &dynamodb.PutItemInput{
		TableName: &table, Item: lock("worker-3", "x1"), ConditionExpression: aws.String("(attribute_exists(#pk) AND #rvn = :rvn AND #ir = :ir)"),
		ExpressionAttributeNames:  map[string]string{"#pk": "key", "#rvn": "recordVersionNumber", "#ir": "isReleased"},
		ExpressionAttributeValues: attributes{":rvn": text("w1"), ":ir": text("1")},
	})
	_, err := c.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{
		TableName: &table, Key: attributes{"key": text("Leader")}, ConditionExpression: aws.String("#on = :on"),
		ExpressionAttributeNames:  map[string]string{"#on": "ownerName"},
		ExpressionAttributeValues: attributes{":on": text("worker-1")}, ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if !errors.As(err, &failed) || textOf(failed.Item["ownerName"]) != "worker-3" {
		t.Errorf("delete of another's lock: got %v, want ConditionalCheckFailedException with the lock of worker-3", err)
	}
}

func TestATableOfAnotherAccountIsNotThere(t *testing.T) {
	start(t)
	createLeaseTable(t, leaseClient(t, recipientID), "app")
	other := leaseClient(t, firstID)
	var missing *types.ResourceNotFoundException
	if _, err := other.Scan(t.Context(), &dynamodb.ScanInput{TableName: aws.String("app")}); !errors.As(err, &missing) {
		t.Errorf("by name: got %v, want ResourceNotFoundException", err)
	}
	for _, table := range []string{"app", "none"} {
		arn := "arn:aws:dynamodb:us-east-1:" + recipientID + ":table/" + table
		_, err := other.Scan(t.Context(), &dynamodb.ScanInput{TableName: &arn})
		refusedWith(t, err, "AccessDeniedException", "User: arn:aws:iam::111111111111:root is not authorized to perform: dynamodb:Scan on resource: "+arn+
			" because no resource-based policy allows the dynamodb:Scan action")
	}
}
