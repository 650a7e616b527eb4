package kinesis

import (
	"errors"
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

// journalGone reports whether an error of a journal means that its stream has been
// deleted while it was in use.
func journalGone(err error) bool {
	return errors.Is(err, journal.ErrUnknown) || errors.Is(err, journal.ErrClosed)
}
