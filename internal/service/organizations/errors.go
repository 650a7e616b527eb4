package organizations

import "tributary/internal/service/api"

// Every refusal of this service, in AWS's words where they are known.

func errNotInUse() *api.Exception {
	return api.Refuse("AWSOrganizationsNotInUseException", "Your account is not a member of an organization.")
}

func errAccessDenied() *api.Exception {
	return api.Refuse("AccessDeniedException", "You don't have permissions to access this resource.")
}

func errAlreadyInOrganization() *api.Exception {
	return api.Refuse("AlreadyInOrganizationException", "The AWS account is already a member of an organization.")
}

func errNotEmpty() *api.Exception {
	return api.Refuse("OrganizationNotEmptyException", "To delete an organization, you must first remove all member accounts (except the management account).")
}

func errMasterCannotLeave() *api.Exception {
	return api.Refuse("MasterCannotLeaveOrganizationException", "You can't remove a management account from an organization. To do so, delete the organization.")
}

func errAccountNotFound() *api.Exception {
	return api.Refuse("AccountNotFoundException", "You specified an account that doesn't exist.")
}

func errCreationNotFound() *api.Exception {
	return api.Refuse("CreateAccountStatusNotFoundException", "You specified an operation that doesn't exist.")
}

func errHandshakeNotFound() *api.Exception {
	return api.Refuse("HandshakeNotFoundException", "We can't find a handshake with the HandshakeId that you specified.")
}

func errHandshakeAlreadyInState() *api.Exception {
	return api.Refuse("HandshakeAlreadyInStateException", "The specified handshake is already in the requested state.")
}

func errInvalidTransition() *api.Exception {
	return api.Refuse("InvalidHandshakeTransitionException", "You can't perform the operation on the handshake in its current state.")
}

func errDuplicateHandshake() *api.Exception {
	return api.Refuse("DuplicateHandshakeException", "A handshake with the same action and target already exists.")
}

func errHandshakeConstraint(reason, message string) *api.Exception {
	return withReason(api.Refuse("HandshakeConstraintViolationException", "%s", message), reason)
}

func errInvitedIsMember() *api.Exception {
	return errHandshakeConstraint("ALREADY_IN_AN_ORGANIZATION", "The handshake request is invalid because the invited account is already a member of an organization.")
}

func errNoSuchTarget() *api.Exception {
	return errHandshakeConstraint("TARGET_ACCOUNT_VALIDATION_FAILURE", "You specified an account that doesn't exist.")
}

func errInvalidInput(reason, message string) *api.Exception {
	return withReason(api.Refuse("InvalidInputException", "%s", message), reason)
}

// errConstraintOf is the refusal of an input that violates a constraint of the model.
// AWS names neither the member nor the value.
func errConstraintOf(v api.Violated) *api.Exception {
	switch v {
	case api.RequiredMember:
		return errInvalidInput("INPUT_REQUIRED", "You must include a value for all required parameters.")
	case api.MinLength:
		return errInvalidInput("MIN_LENGTH_EXCEEDED", "You provided a string parameter that is shorter than allowed.")
	case api.MaxLength:
		return errInvalidInput("MAX_LENGTH_EXCEEDED", "You provided a string parameter that is longer than allowed.")
	case api.MinValue:
		return errInvalidInput("MIN_VALUE_EXCEEDED", "You provided a numeric parameter that has a smaller value than allowed.")
	case api.MaxValue:
		return errInvalidInput("MAX_VALUE_EXCEEDED", "You provided a numeric parameter that has a larger value than allowed.")
	case api.EnumMember:
		return errInvalidInput("INVALID_ENUM", "You specified an invalid value.")
	case api.ListMember:
		return errInvalidInput("INVALID_LIST_MEMBER", "You provided a list to a parameter that contains at least one invalid value.")
	}
	return errPattern("INVALID_PATTERN")
}

func errPattern(reason string) *api.Exception {
	return errInvalidInput(reason, "You provided a value that does not match the required pattern.")
}

func errMigrating() *api.Exception {
	return errHandshakeConstraint("INVITE_DISABLED_DURING_ENABLE_ALL_FEATURES", "You can't join an organization, or invite to it, while it is enabling all features.")
}

func errInvalidToken() *api.Exception {
	return errInvalidInput("INVALID_NEXT_TOKEN", "You provided an invalid NextToken.")
}

func withReason(e *api.Exception, reason string) *api.Exception {
	e.Members = map[string]any{"Reason": reason}
	return e
}

func errConstraint(reason, message string) *api.Exception {
	return withReason(api.Refuse("ConstraintViolationException", "%s", message), reason)
}

func errMustHaveAllFeatures() *api.Exception {
	return errConstraint("ORGANIZATION_NOT_IN_ALL_FEATURES_MODE", "Your organization must be in all features mode to perform this operation.")
}

func errIsDelegatedAdministrator() *api.Exception {
	return errConstraint("CANNOT_REMOVE_DELEGATED_ADMINISTRATOR_FROM_ORG", "You attempted to remove an account that is registered as a delegated administrator for a service integrated with your organization. To complete this operation, you must first deregister this account as a delegated administrator.")
}

func errRootNotFound() *api.Exception {
	return api.Refuse("RootNotFoundException", "You specified a root that doesn't exist.")
}

func errUnitNotFound() *api.Exception {
	return api.Refuse("OrganizationalUnitNotFoundException", "You specified an organizational unit that doesn't exist.")
}

func errDuplicateUnit() *api.Exception {
	return api.Refuse("DuplicateOrganizationalUnitException", "An OU with the same name already exists.")
}

func errParentNotFound() *api.Exception {
	return api.Refuse("ParentNotFoundException", "You specified parent that doesn't exist.")
}

func errChildNotFound() *api.Exception {
	return api.Refuse("ChildNotFoundException", "You specified a child that doesn't exist.")
}

func errTargetNotFound() *api.Exception {
	return api.Refuse("TargetNotFoundException", "You specified a target that doesn't exist.")
}

func errPolicyNotFound() *api.Exception {
	return api.Refuse("PolicyNotFoundException", "You specified a policy that doesn't exist.")
}

func errDuplicatePolicy() *api.Exception {
	return api.Refuse("DuplicatePolicyException", "A policy with the same name already exists.")
}

func errMalformedPolicy() *api.Exception {
	return api.Refuse("MalformedPolicyDocumentException", "The provided policy document does not meet the requirements of the specified policy type.")
}

func errPolicyTypeNotEnabled() *api.Exception {
	return api.Refuse("PolicyTypeNotEnabledException", "This operation can be performed only for enabled policy types.")
}
