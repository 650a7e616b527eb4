package organizations

import (
	"tributary/internal/durable/catalog"
	"tributary/internal/service/api"
)

// Table is the operations of this service.
//
// Policies speak of the things of an organization by ARNs that carry its
// management account. Which of them an account may touch at all is for the
// handlers to say; policies say who in the account may.
func (s *Service) Table() api.Service {
	return api.Service{
		Name:          "organizations",
		TargetPrefix:  "AWSOrganizationsV20161128",
		Protocol:      api.JSON,
		Constraints:   api.ConstraintStyle{Code: "InvalidInputException"},
		MessageMember: "Message",
		Operations: []api.Operation{
			api.Define("CreateOrganization", anything[CreateOrganizationInput], s.createOrganization),
			api.Define("DescribeOrganization", anything[DescribeOrganizationInput], s.describeOrganization),
			api.Define("DeleteOrganization", anything[DeleteOrganizationInput], s.deleteOrganization),
			api.Define("ListRoots", anything[ListRootsInput], s.listRoots),

			api.Define("CreateAccount", anything[CreateAccountInput], s.createAccount),
			api.Define("DescribeCreateAccountStatus", anything[DescribeCreateAccountStatusInput], s.describeCreateAccountStatus),
			api.Define("ListCreateAccountStatus", anything[ListCreateAccountStatusInput], s.listCreateAccountStatus),

			api.Define("ListAccounts", anything[ListAccountsInput], s.listAccounts),
			api.Define("DescribeAccount", onAccount(s, func(in *DescribeAccountInput) string { return in.AccountID }), s.describeAccount),
			api.Define("RemoveAccountFromOrganization", onAccount(s, func(in *RemoveAccountFromOrganizationInput) string { return in.AccountID }), s.removeAccountFromOrganization),
			api.Define("LeaveOrganization", anything[LeaveOrganizationInput], s.leaveOrganization),

			api.Define("InviteAccountToOrganization", s.targetInvite, s.inviteAccountToOrganization),
			api.Define("AcceptHandshake", onHandshake(s, func(in *AcceptHandshakeInput) string { return in.HandshakeID }), s.acceptHandshake),
			api.Define("DeclineHandshake", onHandshake(s, func(in *DeclineHandshakeInput) string { return in.HandshakeID }), s.declineHandshake),
			api.Define("CancelHandshake", onHandshake(s, func(in *CancelHandshakeInput) string { return in.HandshakeID }), s.cancelHandshake),
			api.Define("DescribeHandshake", onHandshake(s, func(in *DescribeHandshakeInput) string { return in.HandshakeID }), s.describeHandshake),
			api.Define("ListHandshakesForAccount", anything[ListHandshakesForAccountInput], s.listHandshakesForAccount),
			api.Define("ListHandshakesForOrganization", anything[ListHandshakesForOrganizationInput], s.listHandshakesForOrganization),
		},
	}
}

// access is the one access of an operation, under the operation's own name.
func access(call *api.Call, resource string) []api.Access {
	return []api.Access{{Action: "organizations:" + call.Operation, Resource: resource}}
}

// anything is the target of operations for which AWS knows no resource.
func anything[In any](call *api.Call, _ *In) ([]api.Access, error) {
	return access(call, "*"), nil
}

// onAccount is the target of operations on an account of the caller's
// organization. Outside an organization there is no such resource, and the
// handler will say so.
func onAccount[In any](s *Service, account func(*In) string) func(*api.Call, *In) ([]api.Access, error) {
	return func(call *api.Call, in *In) ([]api.Access, error) {
		return access(call, s.accountARN(call, account(in))), nil
	}
}

// targetInvite names the invited account; one invited by email is not known yet.
func (s *Service) targetInvite(call *api.Call, in *InviteAccountToOrganizationInput) ([]api.Access, error) {
	if in.Target.Type != "ACCOUNT" {
		return access(call, s.accountARN(call, "*")), nil
	}
	return access(call, s.accountARN(call, in.Target.ID)), nil
}

func (s *Service) accountARN(call *api.Call, account string) string {
	org, ok := s.organizationOf(call.Account())
	if !ok {
		org = organizationRecord{ID: "*", Management: call.Account()}
	}
	return org.arn("account", account)
}

// onHandshake is the target of operations on a handshake. One that the caller
// may not see is named as if it were the caller's own, so that a refusal tells
// nothing of it.
func onHandshake[In any](s *Service, handshake func(*In) string) func(*api.Call, *In) ([]api.Access, error) {
	return func(call *api.Call, in *In) ([]api.Access, error) {
		id := handshake(in)
		h, _, ok := s.handshakes.Get(catalog.KeyOf(id))
		if !ok || !s.seen(h, call.Account()) {
			return access(call, handshakeARN(call.Account(), "*", id)), nil
		}
		return access(call, handshakeARN(h.Management, h.Org, id)), nil
	}
}
