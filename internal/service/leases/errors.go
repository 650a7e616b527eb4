package leases

import "tributary/internal/service/api"

// This file is the whole list of what the service refuses.

// constraints is how DynamoDB words violated constraints.
var constraints = api.ConstraintStyle{Code: "ValidationException"}

func errInvalid(format string, args ...any) error {
	return api.Refuse("ValidationException", format, args...)
}

// errParameters is DynamoDB's form for values that contradict each other.
func errParameters(format string, args ...any) error {
	return errInvalid("One or more parameter values were invalid: "+format, args...)
}

func errExpression(kind, format string, args ...any) error {
	return errInvalid("Invalid "+kind+": "+format, args...)
}

func errKey() error {
	return errInvalid("The provided key element does not match the schema")
}

func errTableNotFound(name string) error {
	return api.Refuse("ResourceNotFoundException", "Requested resource not found: Table: %s not found", name)
}

func errResourceNotFound() error {
	return api.Refuse("ResourceNotFoundException", "Requested resource not found")
}

func errTableExists(name string) error {
	return api.Refuse("ResourceInUseException", "Table already exists: %s", name)
}

func errProtected(name string) error {
	return errInvalid("Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first: %s", name)
}

func errItemTooLarge() error {
	return errInvalid("Item size has exceeded the maximum allowed size")
}

// errLimit is ours where the limit is: DynamoDB has no limit on the size of a table.
func errLimit(format string, args ...any) error {
	return api.Refuse("LimitExceededException", format, args...)
}

// errConditionFailed carries the present item, if the caller asks for it.
func errConditionFailed(present item) error {
	e := api.Refuse("ConditionalCheckFailedException", "The conditional request failed")
	if present != nil {
		e.Members = map[string]any{"Item": present}
	}
	return e
}
