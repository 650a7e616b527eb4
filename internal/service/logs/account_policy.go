package logs

import (
	"context"
	"strings"
	"unicode/utf8"

	"tributary/internal/durable/catalog"
	"tributary/internal/pure/arn"
	"tributary/internal/service/api"
)

// A policyRecord is the stored record of an account-level subscription filter
// policy: the value of its key in the table logs/account-policy. An account has
// one in a Region and no more, so the key does not name it.
type policyRecord struct {
	Name      string `json:"name"`
	Document  string `json:"document"`           // as it was given
	Selection string `json:"selection,omitzero"` // selectionCriteria, as given
	Updated   int64  `json:"updated"`            // ms
	// From is as in a filter: the policy sees no event that is older than itself.
	From []uint64 `json:"from"`
}

func accountKey(account arn.AccountID, region arn.Region) catalog.Key {
	return catalog.KeyOf(string(account), string(region))
}

const (
	subscriptionPolicy = "SUBSCRIPTION_FILTER_POLICY" // the one type of account policy that there is here
	allGroups          = "ALL"                        // the one scope that AWS has
	reservedNames      = "aws/"                       // what a policy's name must not begin with
	maxAccountDocument = 30720                        // characters
	maxGroupSelection  = 25 << 10                     // bytes
)

// putAccountPolicy makes the account's subscription filter policy for the Region,
// or replaces it. It works as a filter on every log group of the account there,
// of now and later, that its selection criteria do not leave out, besides the
// filters that the group has.
//
// It is checked like a subscription filter. Since it is of no log group, the Logs
// service assumes a role for it as arn:aws:logs:REGION:ACCOUNT:*, and for a
// delivery as the log group that sends.
//
// AWS asks the user to leave out groups that the recipient writes to, because
// such a group would feed itself. Nothing here writes what a stream holds into a
// log group, so there is no such loop to find within an installation; one through
// a consumer outside of it is not seen.
func (s *Service) putAccountPolicy(ctx context.Context, call *api.Call, in *PutAccountPolicyInput) (*PutAccountPolicyOutput, error) {
	if err := checkPolicyType(in.PolicyType, in.DryRun); err != nil {
		return nil, err
	}
	if err := checkPolicyTexts(in); err != nil {
		return nil, err
	}
	doc, err := parseAccountDocument(in.PolicyDocument)
	if err != nil {
		return nil, errAccountDocument(err)
	}
	target, role, err := filterTarget(call, doc.Destination, doc.Role)
	if err != nil {
		return nil, err
	}
	if err := checkPattern(doc.Pattern); err != nil {
		return nil, err
	}
	if in.SelectionCriteria != "" {
		if _, err := parseGroupSelection(in.SelectionCriteria); err != nil {
			return nil, errGroupSelection(err)
		}
	}
	key := accountKey(call.Account(), call.Region)
	if old, _, exists := s.policies.Get(key); exists && old.Name != in.PolicyName {
		return nil, errLimit()
	}
	if err := s.checkTarget(ctx, call, accountSender(call, role), target); err != nil {
		return nil, err
	}
	r, err := s.useRegion(ctx, call.Region)
	if err != nil {
		return nil, err
	}
	var stored policyRecord
	_, err = s.policies.Update(ctx, key, func(p policyRecord, exists bool) (policyRecord, error) {
		if exists && p.Name != in.PolicyName {
			return p, errLimit()
		}
		if !exists {
			ends, err := r.ends()
			if err != nil {
				return p, err
			}
			p = policyRecord{Name: in.PolicyName, From: ends}
		}
		p.Document, p.Selection, p.Updated = in.PolicyDocument, in.SelectionCriteria, s.now()
		stored = p
		return p, nil
	})
	if err != nil {
		return nil, aborted(err)
	}
	item := stored.wire(call.Account())
	return &PutAccountPolicyOutput{AccountPolicy: &item}, nil
}

// accountSender is who asks for consent when a policy is made: all log groups of
// the account in the Region.
func accountSender(call *api.Call, role arn.ARN) Sender {
	return Sender{
		Account: call.Account(), Region: call.Region, Source: call.ARN("logs", "*"),
		Role: role, AccountLevel: true,
	}
}

// checkPolicyType refuses policies that there are none of here.
func checkPolicyType(policyType string, dryRun *bool) error {
	if policyType != subscriptionPolicy {
		return errPolicyType(policyType)
	}
	if dryRun != nil && *dryRun {
		return errNoDryRun()
	}
	return nil
}

// checkPolicyTexts refuses what is too long, and a name that is AWS's own.
func checkPolicyTexts(in *PutAccountPolicyInput) error {
	name := utf8.RuneCountInString(in.PolicyName)
	switch {
	case name == 0:
		return errTooShort("policyName", 1)
	case name > maxNameLength:
		return errTooLong("policyName", maxNameLength)
	case strings.HasPrefix(in.PolicyName, reservedNames):
		return errReservedName()
	case utf8.RuneCountInString(in.PolicyDocument) > maxAccountDocument:
		return errTooLong("policyDocument", maxAccountDocument)
	case len(in.SelectionCriteria) > maxGroupSelection:
		return errTooLong("selectionCriteria", maxGroupSelection)
	}
	return nil
}

// describeAccountPolicies shows the account's policy, if it has the name that is
// asked for. Accounts are not linked here: other accounts have none to show.
func (s *Service) describeAccountPolicies(_ context.Context, call *api.Call, in *DescribeAccountPoliciesInput) (*DescribeAccountPoliciesOutput, error) {
	if err := checkPolicyType(in.PolicyType, nil); err != nil {
		return nil, err
	}
	if in.NextToken != "" {
		return nil, errInvalidToken() // one policy fills no page, so there are no tokens
	}
	out := &DescribeAccountPoliciesOutput{AccountPolicies: []AccountPolicy{}}
	if !asksFor(in.AccountIdentifiers, call.Account()) {
		return out, nil
	}
	p, _, exists := s.policies.Get(accountKey(call.Account(), call.Region))
	if exists && (in.PolicyName == "" || in.PolicyName == p.Name) {
		out.AccountPolicies = append(out.AccountPolicies, p.wire(call.Account()))
	}
	return out, nil
}

// deleteAccountPolicy removes the policy. No record is appended for it after this
// has returned, as with a filter.
func (s *Service) deleteAccountPolicy(ctx context.Context, call *api.Call, in *DeleteAccountPolicyInput) (*api.Void, error) {
	if err := checkPolicyType(in.PolicyType, in.DryRun); err != nil {
		return nil, err
	}
	key := accountKey(call.Account(), call.Region)
	err := remove(ctx, s.policies, key, errNoAccountPolicy, func(p policyRecord) error {
		if p.Name != in.PolicyName {
			return errNoAccountPolicy()
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.accountFilters.forget(key)
	return nil, nil
}

// wire is the policy as the API shows it.
func (p *policyRecord) wire(account arn.AccountID) AccountPolicy {
	return AccountPolicy{
		PolicyName:        p.Name,
		PolicyDocument:    p.Document,
		LastUpdatedTime:   &p.Updated,
		PolicyType:        subscriptionPolicy,
		Scope:             allGroups,
		SelectionCriteria: p.Selection,
		AccountID:         string(account),
	}
}
