package iam

import "tributary/internal/service/api"

// Every refusal of IAM and STS, in AWS's words.

func errNoSuchEntity(format string, args ...any) *api.Exception {
	return api.RefuseStatus(404, "NoSuchEntity", format, args...)
}

func errNoSuchUser(name string) *api.Exception {
	return errNoSuchEntity("The user with name %s cannot be found.", name)
}

func errNoSuchRole(name string) *api.Exception {
	return errNoSuchEntity("The role with name %s cannot be found.", name)
}

// errNoSuchPolicy is about an inline policy of a user or role.
func errNoSuchPolicy(of, name string) *api.Exception {
	return errNoSuchEntity("The %s policy with name %s cannot be found.", of, name)
}

func errNoSuchKey(id string) *api.Exception {
	return errNoSuchEntity("The Access Key with id %s cannot be found.", id)
}

func errPolicyNotAttachable(policyARN string) *api.Exception {
	return errNoSuchEntity("Policy %s does not exist or is not attachable.", policyARN)
}

func errExists(what, name string) *api.Exception {
	return api.RefuseStatus(409, "EntityAlreadyExists", "%s with name %s already exists.", what, name)
}

func errDeleteConflict(first string) *api.Exception {
	return api.RefuseStatus(409, "DeleteConflict", "Cannot delete entity, must delete %s first.", first)
}

func errLimitExceeded(format string, args ...any) *api.Exception {
	return api.RefuseStatus(409, "LimitExceeded", format, args...)
}

func errPolicySize(quota int, of, name string) *api.Exception {
	return errLimitExceeded("Maximum policy size of %d bytes exceeded for %s %s", quota, of, name)
}

func errTrustSize() *api.Exception {
	return errLimitExceeded("Cannot exceed quota for ACLSizePerRole: %d", maxTrustPolicy)
}

func errKeyQuota() *api.Exception {
	return errLimitExceeded("Cannot exceed quota for AccessKeysPerUser: %d", maxKeys)
}

func errMalformedPolicy(reason string) *api.Exception {
	return api.Refuse("MalformedPolicyDocument", "%s", reason)
}

func errInvalidPrincipal(value string) *api.Exception {
	return errMalformedPolicy(`Invalid principal in policy: "AWS":"` + value + `"`)
}

func errInvalidInput(message string) *api.Exception {
	return api.Refuse("InvalidInput", "%s", message)
}

func errValidation(format string, args ...any) *api.Exception {
	return api.Refuse("ValidationError", format, args...)
}

func errInvalidParameter(message string) *api.Exception {
	return api.Refuse("InvalidParameterValue", "%s", message)
}

func errInvalidMarker() *api.Exception { return errValidation("Invalid Marker.") }

func errNotAUser() *api.Exception {
	return errValidation("Must specify userName when calling with non-User credentials")
}

func errAccessDenied(format string, args ...any) *api.Exception {
	return api.RefuseStatus(403, "AccessDenied", format, args...)
}
