package iam

import "tributary/internal/service/api"

// Every refusal of IAM and STS, in AWS's words.

func errNoSuchEntity(format string, args ...any) *api.Exception {
	return api.RefuseStatus(404, "NoSuchEntity", format, args...)
}

// errAbsent is about a user, group or role.
func errAbsent(noun, name string) *api.Exception {
	return errNoSuchEntity("The %s with name %s cannot be found.", noun, name)
}

func errNoSuchUser(name string) *api.Exception { return errAbsent("user", name) }

// errNoSuchInline is about an inline policy of a user, group or role.
func errNoSuchInline(of, name string) *api.Exception {
	return errNoSuchEntity("The %s policy with name %s cannot be found.", of, name)
}

func errNoSuchPolicy(policyARN string) *api.Exception {
	return errNoSuchEntity("Policy %s was not found.", policyARN)
}

func errPolicyNotAttachable(policyARN string) *api.Exception {
	return errNoSuchEntity("Policy %s does not exist or is not attachable.", policyARN)
}

func errNoSuchVersion(policyARN, version string) *api.Exception {
	return errNoSuchEntity("Policy %s version %s does not exist or is not attachable.", policyARN, version)
}

func errNoSuchKey(id string) *api.Exception {
	return errNoSuchEntity("The Access Key with id %s cannot be found.", id)
}

func errNoSuchAlias(alias string) *api.Exception {
	return errNoSuchEntity("The account alias %s does not exist.", alias)
}

func errNoSuchTask(id string) *api.Exception {
	return errNoSuchEntity("Deletion task %s does not exist.", id)
}

func errAlreadyExists(format string, args ...any) *api.Exception {
	return api.RefuseStatus(409, "EntityAlreadyExists", format, args...)
}

// alreadyExists reports whether an error is that something of the name exists.
func alreadyExists(err error) bool {
	e, refused := api.AsException(err)
	return refused && e.Code == "EntityAlreadyExists"
}

func errPolicyExists(name string) *api.Exception {
	return errAlreadyExists("A policy called %s already exists. Duplicate names are not allowed.", name)
}

func errAliasExists(alias string) *api.Exception {
	return errAlreadyExists("The account alias %s already exists.", alias)
}

// errDeleteConflict says what has to be done before an identity can be deleted.
func errDeleteConflict(first string) *api.Exception {
	return api.RefuseStatus(409, "DeleteConflict", "Cannot delete entity, must %s first.", first)
}

func errPolicyAttached() *api.Exception {
	return api.RefuseStatus(409, "DeleteConflict", "Cannot delete a policy attached to entities.")
}

func errPolicyVersions() *api.Exception {
	return api.RefuseStatus(409, "DeleteConflict", "This policy has more than one version. Before you delete a policy, "+
		"you must delete the policy's versions. The default version is deleted with the policy.")
}

func errDefaultVersion() *api.Exception {
	return api.RefuseStatus(409, "DeleteConflict", "Cannot delete the default version of a policy.")
}

func errUnmodifiable(role string) *api.Exception {
	return api.Refuse("UnmodifiableEntity",
		"Cannot perform the operation on the protected role '%s' - this role is only modifiable by AWS", role)
}

func errServicePolicy() *api.Exception {
	return api.Refuse("PolicyNotAttachable", "Cannot attach a Service Role Policy to a Customer Role.")
}

func errLimitExceeded(format string, args ...any) *api.Exception {
	return api.RefuseStatus(409, "LimitExceeded", format, args...)
}

// errQuota is about a quota by AWS's name for it.
func errQuota(name string, quota int) *api.Exception {
	return errLimitExceeded("Cannot exceed quota for %s: %d", name, quota)
}

func errPolicySize(quota int, of, name string) *api.Exception {
	return errLimitExceeded("Maximum policy size of %d bytes exceeded for %s %s", quota, of, name)
}

func errVersionQuota() *api.Exception {
	return errLimitExceeded("A managed policy can have up to %d versions. "+
		"Before you create a new version, you must delete an existing version.", maxVersions)
}

func errTrustSize() *api.Exception { return errQuota("ACLSizePerRole", maxTrustPolicy) }

func errKeyQuota() *api.Exception { return errQuota("AccessKeysPerUser", maxKeys) }

func errMalformedPolicy(reason string) *api.Exception {
	return api.Refuse("MalformedPolicyDocument", "%s", reason)
}

func errInvalidPrincipal(value string) *api.Exception {
	return errMalformedPolicy(`Invalid principal in policy: "AWS":"` + value + `"`)
}

func errInvalidInput(message string) *api.Exception {
	return api.Refuse("InvalidInput", "%s", message)
}

func errServiceRoleTaken(role string) *api.Exception {
	return errInvalidInput("Service role name " + role + " has been taken in this account, please try a different suffix.")
}

func errNotServiceRole(role string) *api.Exception {
	return errInvalidInput("Role " + role + " is not a service-linked role.")
}

func errValidation(format string, args ...any) *api.Exception {
	return api.Refuse("ValidationError", format, args...)
}

// errUnreadableARN is AWS's, with two blanks.
func errUnreadableARN() *api.Exception { return errValidation("Invalid ARN:  Could not be parsed!") }

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
