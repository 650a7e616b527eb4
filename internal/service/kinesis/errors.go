package kinesis

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"tributary/internal/durable/journal"
	"tributary/internal/service/api"
)

// This file is the whole list of what the service refuses. Texts are AWS's where
// they are known; those that are ours say so.

// constraints is how Kinesis words violated constraints.
var constraints = api.ConstraintStyle{Code: "ValidationException"}

func errStreamNotFound(id streamID) error {
	return api.Refuse("ResourceNotFoundException", "Stream %s under account %s not found.", id.Name, id.Account)
}

func errStreamExists(id streamID) error {
	return api.Refuse("ResourceInUseException", "Stream %s under account %s already exists.", id.Name, id.Account)
}

func errStreamNotActive(id streamID, status string) error {
	return api.Refuse("ResourceInUseException",
		"Stream %s under account %s not ACTIVE, instead in state %s", id.Name, id.Account, status)
}

func errShardLimit(id streamID, current, limit, more int) error {
	return api.Refuse("LimitExceededException",
		"This request would exceed the shard limit for the account %s in %s. Current shard count for the account: %d. "+
			"Limit: %d. Number of additional shards that would have resulted from this request: %d. "+
			"Refer to the AWS Service Limits page "+
			"(http://docs.aws.amazon.com/general/latest/gr/aws_service_limits.html) "+
			"for current limits and how to request higher limits.",
		id.Account, id.Region, current, limit, more)
}

// The texts of these four are ours.

func errNoStreamNamed() error {
	return api.Refuse("InvalidArgumentException", "Either StreamName or StreamARN should be provided.")
}

func errInvalidARN(text string) error {
	return api.Refuse("InvalidArgumentException", "StreamARN %s is not the ARN of a stream.", text)
}

func errNameAndARNDiffer(name, streamARN string) error {
	return api.Refuse("InvalidArgumentException", "StreamName %s and StreamARN %s name different streams.", name, streamARN)
}

func errMode(format string, args ...any) error {
	return api.Refuse("ValidationException", format, args...)
}

func errShardNotFound(id streamID, sh ShardID) error {
	return api.Refuse("ResourceNotFoundException",
		"Shard %s in stream %s under account %s does not exist", sh, id.Name, id.Account)
}

func errShardUnparsable(id streamID, shardID string) error {
	return api.Refuse("ResourceNotFoundException",
		"Could not find shard %s in stream %s under account %s.", shardID, id.Name, id.Account)
}

// Resharding and settings.

func errOnDemand(id streamID) error {
	return api.Refuse("ValidationException", "Request is invalid. Stream %s under account %s is in On-Demand mode.", id.Name, id.Account)
}

func errProvisioned(id streamID) error {
	return api.Refuse("ValidationException", "Request is invalid. Stream %s under account %s is in Provisioned mode.", id.Name, id.Account)
}

func errSplitKey(id streamID, sh *shard, key string) error {
	return api.Refuse("InvalidArgumentException",
		"NewStartingHashKey %s used in SplitShard() on shard %s in stream %s under account %s is not both greater than one "+
			"plus the shard's StartingHashKey %s and less than the shard's EndingHashKey %s.",
		key, sh.ID, id.Name, id.Account, sh.Hashes.First, sh.Hashes.Last)
}

func errNotAdjacent(id streamID, a, b ShardID) error {
	return api.Refuse("InvalidArgumentException",
		"Shards %s and %s in stream %s under account %s are not an adjacent pair of shards eligible for merging",
		a, b, id.Name, id.Account)
}

func errShardClosed(id streamID, sh ShardID) error {
	return api.Refuse("InvalidArgumentException",
		"Shard %s in stream %s under account %s has already been merged or split, and thus is not eligible for merging or splitting.",
		sh, id.Name, id.Account)
}

func errScaleUp(current, target int) error {
	return api.Refuse("InvalidArgumentException",
		"UpdateShardCount cannot scale up over double your current open shard count. Current open shard count: %d Target shard count: %d",
		current, target)
}

func errScaleDown(current, target int) error {
	return api.Refuse("InvalidArgumentException",
		"UpdateShardCount cannot scale down below half your current open shard count. Current open shard count: %d Target shard count: %d",
		current, target)
}

// The texts of these are ours.

func errScalings(id streamID) error {
	return api.Refuse("LimitExceededException",
		"UpdateShardCount was called %d times for stream %s under account %s in the last 24 hours, which is the limit.",
		scalingsPerDay, id.Name, id.Account)
}

func errModeChanges(id streamID) error {
	return api.Refuse("LimitExceededException",
		"The mode of stream %s under account %s was changed %d times in the last 24 hours, which is the limit.",
		id.Name, id.Account, modesPerDay)
}

func errKeyChanges(id streamID) error {
	return api.Refuse("LimitExceededException",
		"The key of stream %s under account %s was changed %d times in the last 24 hours, which is the limit.",
		id.Name, id.Account, keysPerDay)
}

func errCreating(id streamID) error {
	return api.Refuse("LimitExceededException",
		"Account %s has %d streams in state %s, which is the limit.", id.Account, maxCreating, statusCreating)
}

// The texts of what follows are ours.

func errEncryptionType(text string) error {
	return api.Refuse("InvalidArgumentException", "EncryptionType must be %s, not %s.", encryptionKMS, text)
}

func errTooManyTags(resource string) error {
	return api.Refuse("InvalidArgumentException", "Resource %s cannot have more than %d tags.", resource, maxTags)
}

func errCommitted(until time.Time) error {
	return api.Refuse("InvalidArgumentException",
		"The minimum throughput billing commitment cannot end before %s.", until.UTC().Format(time.RFC3339))
}

func errCallRate(call *api.Call) error {
	return api.Refuse("LimitExceededException", "Rate exceeded for operation %s under account %s.", call.Operation, call.Account())
}

func errPolicySize() error {
	return api.Refuse("InvalidArgumentException", "Policy has more than %d bytes.", maxPolicySize)
}

func errPolicyInvalid(err error) error {
	return api.Refuse("InvalidArgumentException", "Policy is not valid: %s", err)
}

func errPolicyResource(resource string) error {
	return api.Refuse("InvalidArgumentException", "The resource of every statement must be %s.", resource)
}

func errPolicyAction(action string) error {
	return api.Refuse("InvalidArgumentException", "Action %s cannot be in a resource policy.", action)
}

func errNoPolicy(resource string) error {
	return api.Refuse("ResourceNotFoundException", "Resource %s has no policy.", resource)
}

// Retention.

func errRetentionShort(hours int32) error {
	return api.Refuse("InvalidArgumentException",
		"Minimum allowed retention period is %d hours. Requested retention period (%d hours) is too short.", defaultRetention, hours)
}

func errRetentionLong(hours int32) error {
	return api.Refuse("InvalidArgumentException",
		"Maximum allowed retention period is %d hours. Requested retention period (%d hours) is too long.", maxRetention, hours)
}

func errRetentionShorter(id streamID, hours, existing int32) error {
	return api.Refuse("InvalidArgumentException",
		"Requested retention period (%d hours) for stream %s can not be shorter than existing retention period (%d hours). "+
			"Use DecreaseRetentionPeriod API.", hours, id.Name, existing)
}

func errRetentionLonger(id streamID, hours, existing int32) error {
	return api.Refuse("InvalidArgumentException",
		"Requested retention period (%d hours) for stream %s can not be longer than existing retention period (%d hours). "+
			"Use IncreaseRetentionPeriod API.", hours, id.Name, existing)
}

// Writing.

func errExplicitHashKey(text string) error {
	return api.Refuse("InvalidArgumentException",
		"Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was %s", text)
}

func errNoPartitionKey(path string) error {
	return api.Violation(constraints, path, "null", "Member must not be null")
}

func errRecordTooLarge(path string, size, limit int) error {
	n := strconv.Itoa(size)
	return api.Violation(constraints, path, "'java.nio.HeapByteBuffer[pos=0 lim="+n+" cap="+n+"]'",
		"Member must have length less than or equal to "+strconv.Itoa(limit))
}

func errRecordsTooLarge() error {
	return api.Refuse("InvalidArgumentException", "Records size exceeds %d MB limit", maxRequestBytes>>20)
}

func errOrdering(id streamID, number string) error {
	return api.Refuse("InvalidArgumentException",
		"ExclusiveMinimumSequenceNumber %s used in PutRecord on stream %s under account %s is invalid.",
		number, id.Name, id.Account)
}

// errRateExceeded refuses what is more than a shard's quota.
func errRateExceeded(id streamID, sh ShardID) error {
	return api.Refuse("ProvisionedThroughputExceededException", "%s", rateExceeded(id, sh))
}

func rateExceeded(id streamID, sh ShardID) string {
	return fmt.Sprintf("Rate exceeded for shard %s in stream %s under account %s.", sh, id.Name, id.Account)
}

// errDryRun is the answer to a request that would have succeeded. The text is ours.
func errDryRun() error {
	return api.Refuse("DryRunOperationException", "Request would have succeeded, but DryRun flag is set.")
}

// Iterators.

func errInvalidIterator() error {
	return api.Refuse("InvalidArgumentException", "Invalid ShardIterator.")
}

func errExpiredIterator(made, now time.Time) error {
	const layout = "Mon Jan 02 15:04:05 MST 2006"
	return api.Refuse("ExpiredIteratorException",
		"Iterator expired. The iterator was created at time %s while right now it is %s "+
			"which is further in the future than the tolerated delay of %d milliseconds.",
		made.UTC().Format(layout), now.UTC().Format(layout), iteratorLife.Milliseconds())
}

// errIteratorArguments says that a type and a number were given that do not go
// together; also is "and no" or "and also a".
func errIteratorArguments(iteratorType, also string) error {
	return api.Refuse("InvalidArgumentException",
		"Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and StartingSequenceNumber or "+
			"(2) TRIM_HORIZON or LATEST and no StartingSequenceNumber. "+
			"Request specified %s %s StartingSequenceNumber.", iteratorType, also)
}

func errSequenceInvalid(id streamID, sh ShardID, number string) error {
	return api.Refuse("InvalidArgumentException",
		"StartingSequenceNumber %s used in GetShardIterator on shard %s in stream %s under account %s is invalid.",
		number, sh, id.Name, id.Account)
}

func errSequenceForeign(id streamID, sh ShardID, number string) error {
	return api.Refuse("InvalidArgumentException",
		"StartingSequenceNumber %s used in GetShardIterator on shard %s in stream %s under account %s is invalid "+
			"because it did not come from this stream.", number, sh, id.Name, id.Account)
}

func errSequenceOfOtherShard(encoded, used ShardID) error {
	return api.Refuse("InvalidArgumentException",
		"Invalid StartingSequenceNumber. It encodes %s, while it was used in a call to a shard with %s", encoded, used)
}

func errNoTimestamp() error {
	return api.Refuse("InvalidArgumentException",
		"Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP. "+
			"Current request has no timestamp parameter.")
}

func errFutureTimestamp(t, now time.Time) error {
	return api.Refuse("InvalidArgumentException",
		"The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. "+
			"timestampInMillis: %d, currentTimestampInMillis: %d", t.UnixMilli(), now.UnixMilli())
}

// Pages.

func errNoPage() error {
	return api.Refuse("InvalidArgumentException", "Either NextToken or StreamName should be provided.")
}

func errPageAndName() error {
	return api.Refuse("InvalidArgumentException", "NextToken and StreamName cannot be provided together.")
}

// The texts of these three are ours.

func errInvalidPage() error {
	return api.Refuse("InvalidArgumentException", "Invalid NextToken.")
}

func errExpiredPage() error {
	return api.Refuse("ExpiredNextTokenException", "The pagination token has expired.")
}

func errFilterLacks(filter, member string) error {
	return api.Refuse("InvalidArgumentException", "ShardFilter of type %s requires %s.", filter, member)
}

// Consumers. The texts of the first seven are ours.

func errStreamHasConsumers(id streamID) error {
	return api.Refuse("ResourceInUseException",
		"Stream %s under account %s has registered consumers; set EnforceConsumerDeletion to delete them with it.", id.Name, id.Account)
}

func errNoConsumerNamed() error {
	return api.Refuse("InvalidArgumentException", "Either ConsumerARN or both StreamARN and ConsumerName should be provided.")
}

func errConsumerNamedTwice(id consumerID) error {
	return api.Refuse("InvalidArgumentException",
		"ConsumerARN of consumer %s under stream %s and the given StreamARN and ConsumerName differ.", id.Name, id.Stream.Name)
}

func errInvalidConsumerARN(text string) error {
	return api.Refuse("InvalidArgumentException", "ConsumerARN %s is not the ARN of a consumer.", text)
}

func errConsumerNotFound(id consumerID) error {
	return api.Refuse("ResourceNotFoundException",
		"Consumer %s under stream %s not found for account %s.", id.Name, id.Stream.Name, id.Stream.Account)
}

func errConsumerExists(id consumerID) error {
	return api.Refuse("ResourceInUseException",
		"Consumer %s under stream %s already exists for account %s.", id.Name, id.Stream.Name, id.Stream.Account)
}

func errConsumerLimit(id streamID, limit int, which string) error {
	return api.Refuse("LimitExceededException",
		"Stream %s under account %s has reached the limit of %d %s.", id.Name, id.Account, limit, which)
}

func errConsumerNotActive(id consumerID, c *consumer) error {
	return api.Refuse("ResourceInUseException",
		"Consumer %s with creation timestamp %d under stream: %s , account %s is not in ACTIVE status.",
		c.Name, c.Created.Unix(), id.Stream.Name, id.Stream.Account)
}

// errSubscribed refuses a subscription, and ends one that another has taken over.
func errSubscribed(id consumerID, c *consumer, sh ShardID) error {
	return api.Refuse("ResourceInUseException", "Another active subscription exists for this consumer: %s:%s:%s:%d:%s",
		id.Stream.Account, id.Stream.Name, c.Name, c.Created.Unix(), sh)
}

// journalGone reports whether an error of a journal means that its stream has been
// deleted while it was in use.
func journalGone(err error) bool {
	return errors.Is(err, journal.ErrUnknown) || errors.Is(err, journal.ErrClosed)
}
