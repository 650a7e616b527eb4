package logs

import (
	"context"
	"errors"
	"slices"

	"tributary/internal/pure/policy"
	"tributary/internal/service/api"
)

const maxPolicySize = 5120 // bytes

// putDestinationPolicy replaces the whole access policy of a destination. It is
// stored as it was written; like AWS, nothing compares its Resource with the
// destination, so that a policy about something else is stored and admits
// nobody. On one node, no record is appended on behalf of a sender that the new
// policy shuts out after this has returned: the catalog's write waits for
// deliveries that hold the catalog.
func (s *Service) putDestinationPolicy(ctx context.Context, call *api.Call, in *PutDestinationPolicyInput) (*api.Void, error) {
	if len(in.AccessPolicy) > maxPolicySize {
		return nil, errPolicyTooLong()
	}
	doc, err := policy.Parse(in.AccessPolicy, policy.Resource)
	if err != nil {
		reason := "the document cannot be read."
		if perr, ok := errors.AsType[*policy.ParseError](err); ok {
			reason = perr.Reason
		}
		return nil, errPolicy(reason)
	}
	if namesPrincipalByARN(doc) {
		return nil, errPrincipalARN()
	}
	forced := in.ForceUpdate != nil && *in.ForceUpdate
	return nil, s.changeDestination(ctx, destinationOf(call, in.DestinationName), func(d *destination) error {
		if !forced && replacesAccounts(d.Policy, doc) {
			return errForceNeeded()
		}
		d.Policy = in.AccessPolicy
		return nil
	})
}

// namesPrincipalByARN reports whether a principal is named by an ARN that is not
// an account's root: AWS admits accounts only.
func namesPrincipalByARN(doc *policy.Document) bool {
	return slices.ContainsFunc(doc.Statements(), func(st policy.Statement) bool {
		return slices.ContainsFunc(st.Principals, policy.PrincipalName.IsARN)
	})
}

// replacesAccounts reports whether an update needs forceUpdate: the policy there
// is admits by account, the next one by organization, so that filters without a
// role, which were admitted, may not be any more.
func replacesAccounts(existing string, next *policy.Document) bool {
	if existing == "" || !slices.ContainsFunc(next.Statements(), admitsByOrganization) {
		return false
	}
	doc, err := policy.Parse(existing, policy.Resource)
	if err != nil {
		return false // it admits nobody
	}
	return slices.ContainsFunc(doc.Statements(), func(st policy.Statement) bool {
		return st.Effect == policy.Allow && !admitsByOrganization(st)
	})
}

// admitsByOrganization reports whether a statement allows on condition of the
// principal's organization, which only a filter with a role can meet.
func admitsByOrganization(st policy.Statement) bool {
	return st.Effect == policy.Allow &&
		(st.HasConditionKey("aws:PrincipalOrgID") || st.HasConditionKey("aws:PrincipalOrgPaths"))
}
