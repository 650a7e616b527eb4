package logs

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"tributary/internal/pure/arn"
	"tributary/internal/service/api"
)

// This file is all that the service refuses, in AWS's words where they are known.

var constraints = api.ConstraintStyle{Code: "InvalidParameterException"}

func invalidParameter(format string, args ...any) *api.Exception {
	return api.Refuse("InvalidParameterException", format, args...)
}

func notFound(message string) *api.Exception {
	return api.Refuse("ResourceNotFoundException", "%s", message)
}

// Log groups and log streams.

func errNoGroup() *api.Exception  { return notFound("The specified log group does not exist.") }
func errNoStream() *api.Exception { return notFound("The specified log stream does not exist.") }

func errGroupExists() *api.Exception {
	return api.Refuse("ResourceAlreadyExistsException", "The specified log group already exists")
}

func errStreamExists() *api.Exception {
	return api.Refuse("ResourceAlreadyExistsException", "The specified log stream already exists")
}

func errNameTooLong() *api.Exception {
	return invalidParameter("Invalid LogGroup or LogStream, both must have length less than or equal to 512.")
}

func errReservedGroup() *api.Exception {
	return invalidParameter("Log groups starting with %s are reserved for AWS.", reservedNames)
}

func errProtected() *api.Exception {
	return api.Refuse("ValidationException", "The log group cannot be deleted because deletion protection is enabled.")
}

func errPrefixAndPattern() *api.Exception {
	return invalidParameter("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
}

func errIdentifiersAndNames() *api.Exception {
	return invalidParameter("LogGroup identifiers cannot be combined with a name prefix or a name pattern.")
}

func errNameAndIdentifier() *api.Exception {
	return api.Refuse("ValidationException", "LogGroup name and LogGroup ARN are mutually exclusive parameters.")
}

func errNoGroupNamed() *api.Exception {
	return api.Refuse("ValidationException", "Either LogGroup name or LogGroup ARN must be given.")
}

func errInvalidGroupIdentifier() *api.Exception {
	return invalidParameter("The specified log group identifier is neither a log group name nor the ARN of a log group.")
}

func errOrderWithPrefix() *api.Exception {
	return invalidParameter("Cannot order by LastEventTime with a logStreamNamePrefix.")
}

func errInvalidRetention(days int32) *api.Exception {
	set := strings.ReplaceAll(strings.Trim(fmt.Sprint(retentionDays), "[]"), " ", ", ")
	return api.Violation(constraints, "retentionInDays", fmt.Sprintf("'%d'", days),
		"Member must satisfy enum value set: ["+set+"]")
}

func errInvalidToken() *api.Exception { return invalidParameter("The specified nextToken is invalid.") }

// Events.

// errNotJSON is the refusal of a body that is not JSON. It has no message.
func errNotJSON() *api.Exception { return api.Refuse("SerializationException", "") }

func errUploadTooLarge(size, limit int) *api.Exception {
	return invalidParameter("Upload too large: %d bytes exceeds limit of %d", size, limit)
}

func errEventTooLarge(size, limit int) *api.Exception {
	return invalidParameter("Log event too large: %d bytes exceeds limit of %d", size, limit)
}

func errNotChronological() *api.Exception {
	return invalidParameter("Log events in a single PutLogEvents request must be in chronological order.")
}

func errSpan() *api.Exception {
	return invalidParameter("The batch of log events in a single PutLogEvents request cannot span more than 24 hours.")
}

func errNamesAndPrefix() *api.Exception {
	return invalidParameter("logStreamNames and logStreamNamePrefix are mutually exclusive parameters.")
}

func errTailTooEarly() *api.Exception {
	return invalidParameter("startFromHead can be false only with a startTime of 2024-01-01T00:00:00Z or later.")
}

func errInvalidPattern() *api.Exception { return invalidParameter("Invalid filter pattern") }

// errInvalidMetricPattern has no reason in it, as AWS's answer has none.
func errInvalidMetricPattern() *api.Exception {
	return invalidParameter("Invalid metric filter pattern")
}

// errAborted is answered when others change a record all the time.
func errAborted() *api.Exception {
	return api.Refuse("OperationAbortedException", "A conflicting operation is currently in progress against this resource. Please try again.")
}

// errRegions is answered to the first use of one Region too many.
func errRegions() *api.Exception {
	return api.Refuse("LimitExceededException", "This installation serves no further Region.")
}

// errUnavailable is answered while an ingest journal cannot be used. Clients try
// again after it.
func errUnavailable() *api.Exception {
	return api.RefuseStatus(503, "ServiceUnavailableException", "The service cannot complete the request.")
}

// Destinations.

func errNoDestination() *api.Exception { return notFound("The specified destination does not exist.") }

func errTestMessage() *api.Exception {
	return invalidParameter("Could not deliver test message to specified destination. Check if the destination is valid.")
}

func errTarget(target string) *api.Exception {
	return invalidParameter("PutDestination operation cannot work with targetArn %s: it must be the ARN of a Kinesis stream.", target)
}

func errRole(role string) *api.Exception {
	return invalidParameter("roleArn %s is not the ARN of a role.", role)
}

func errForeignRole() *api.Exception {
	return api.Refuse("AccessDeniedException", "Cross-account pass role is not allowed.")
}

func errPolicyTooLong() *api.Exception { return errTooLong("accessPolicy", maxPolicySize) }

func errPolicy(reason string) *api.Exception {
	return invalidParameter("Error occurred while parsing policy: %s", reason)
}

func errPrincipalARN() *api.Exception {
	return invalidParameter("Principal section of policy contains ARN instead of account ID")
}

func errForceNeeded() *api.Exception {
	return invalidParameter("The existing access policy admits accounts and the new one an organization: subscription filters without a role would stop. Use forceUpdate to replace it.")
}

// Subscription filters.

func errNoFilter() *api.Exception {
	return notFound("The specified subscription filter does not exist.")
}

func errLimit() *api.Exception {
	return api.Refuse("LimitExceededException", "Resource limit exceeded.")
}

func errVendorNeedsRole(vendor string) *api.Exception {
	return invalidParameter("destinationArn for vendor %s cannot be used without roleArn", vendor)
}

func errVendorTakesNoRole(vendor string) *api.Exception {
	return invalidParameter("destinationArn for vendor %s cannot be used with roleArn", vendor)
}

func errVendor(operation, vendor string) *api.Exception {
	return invalidParameter("%s operation cannot work with destinationArn for vendor %s", operation, vendor)
}

func errDestinationARN(text string) *api.Exception {
	return invalidParameter("destinationArn %s is not a valid ARN.", text)
}

func errOtherRegion(destination, here arn.Region) *api.Exception {
	return invalidParameter("The destination is in Region %s and the log group in Region %s: both must be in the same Region.", destination, here)
}

func errForeignLambda() *api.Exception {
	return api.Refuse("AccessDeniedException", "Cross-account lambda invocation passing is not allowed. You must use DestinationPolicies to create cross account lambda triggers.")
}

func errLambda() *api.Exception {
	return invalidParameter("Could not execute the lambda function. Make sure you have given CloudWatch Logs permission to execute your function.")
}

func errTestStream() *api.Exception {
	return invalidParameter("Could not deliver test message to specified Kinesis stream. Check if the given kinesis stream is in ACTIVE state.")
}

func errTestFirehose() *api.Exception {
	return invalidParameter("Could not deliver test message to specified Firehose stream. Check if the given Firehose stream is in ACTIVE state.")
}

func errNotAdmitted(account arn.AccountID, action string, destination arn.ARN) *api.Exception {
	return api.Refuse("AccessDeniedException", "User with accountId: %s is not authorized to perform: %s on resource: %s", account, action, destination)
}

func errRoleRequired() *api.Exception {
	return invalidParameter("Role ARN is required when creating subscription filter against destination with Organization access policy")
}

func errRoleNotAssumable() *api.Exception {
	return api.Refuse("ValidationException", "Could not assume the role. Make sure you have given CloudWatch Logs permission to assume the provided role.")
}

func errFilterPattern(reason string) *api.Exception {
	return invalidParameter("Invalid filter pattern: %s", reason)
}

func errSelection(reason string) *api.Exception {
	return invalidParameter("Invalid field selection criteria: %s", reason)
}

func errSystemField(name string) *api.Exception {
	return invalidParameter("Invalid system field %s: valid ones are @aws.account, @aws.region and @source.log", shorten(name))
}

func errClassWithoutFilters(class string) *api.Exception {
	return invalidParameter("Subscription filters are not supported by log groups of class %s.", class)
}

// Account policies.

func errNoAccountPolicy() *api.Exception {
	return notFound("The specified account policy does not exist.")
}

func errPolicyType(policyType string) *api.Exception {
	return invalidParameter("There are no account policies of type %s here: the type must be %s.", policyType, subscriptionPolicy)
}

func errNoDryRun() *api.Exception {
	return invalidParameter("dryRun cannot be used with policyType %s.", subscriptionPolicy)
}

func errReservedName() *api.Exception {
	return invalidParameter("policyName must not start with %s.", reservedNames)
}

func errAccountDocument(reason error) *api.Exception {
	return invalidParameter("Error occurred while parsing policyDocument: %v.", reason)
}

func errGroupSelection(reason error) *api.Exception {
	return invalidParameter("Invalid selectionCriteria: %v.", reason)
}

// Tags.

func errNoTaggable() *api.Exception { return notFound("The specified resource does not exist.") }

func errNotTaggable(resource string) *api.Exception {
	return invalidParameter("resourceArn %s is not the ARN of a log group or a destination.", shorten(resource))
}

func errTooManyTags(resource arn.ARN) *api.Exception {
	e := api.Refuse("TooManyTagsException", "A resource can have no more than %d tags.", maxTags)
	e.Members = map[string]any{"resourceName": string(resource)}
	return e
}

// Constraints that are checked here and not by the binder.

const (
	maxViolations = 10   // AWS lists no more
	maxShown      = 4096 // how much of a value a message repeats

	groupNamePattern  = `[\.\-_/#A-Za-z0-9]+`
	streamNamePattern = `[^:*]*`
)

// violation is one violated constraint in AWS's words.
func violation(path, value, rule string) string {
	return fmt.Sprintf("Value %s at '%s' failed to satisfy constraint: %s", value, path, rule)
}

func errViolations(list []string) *api.Exception {
	noun := "errors"
	if len(list) == 1 {
		noun = "error"
	}
	return invalidParameter("%d validation %s detected: %s", len(list), noun, strings.Join(list, "; "))
}

// errTooLong and errTooShort refuse a value, which they leave out, as AWS does
// where it may be long.
func errTooLong(member string, limit int) *api.Exception {
	return invalidParameter("1 validation error detected: Value at '%s' failed to satisfy constraint: Member must have length less than or equal to %d", member, limit)
}

func errTooShort(member string, limit int) *api.Exception {
	return invalidParameter("1 validation error detected: Value at '%s' failed to satisfy constraint: Member must have length greater than or equal to %d", member, limit)
}

// nameViolations checks the name of a group or a stream against its model.
func nameViolations(member, name string, there bool, pattern string) (list []string) {
	if !there {
		return []string{violation(member, "null", "Member must not be null")}
	}
	value := "'" + shorten(name) + "'"
	if utf8.RuneCountInString(name) > maxNameLength {
		list = append(list, violation(member, value, "Member must have length less than or equal to 512"))
	}
	if name == "" {
		list = append(list, violation(member, value, "Member must have length greater than or equal to 1"))
	}
	valid := validStreamName
	if pattern == groupNamePattern {
		valid = validGroupName
	}
	if !valid(name) {
		list = append(list, violation(member, value, "Member must satisfy regular expression pattern: "+pattern))
	}
	return list
}

// shorten cuts a text so that answers stay small whatever the request held.
func shorten(s string) string {
	if len(s) <= maxShown {
		return s
	}
	cut := maxShown
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut]
}
