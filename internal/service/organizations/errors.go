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

func errInvalidToken() *api.Exception {
	return errInvalidInput("INVALID_NEXT_TOKEN", "You provided an invalid NextToken.")
}

func withReason(e *api.Exception, reason string) *api.Exception {
	e.Members = map[string]any{"Reason": reason}
	return e
}
