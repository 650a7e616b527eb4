package iam

import (
	"context"
	"strings"
	"time"

	"tributary/internal/pure/arn"
	"tributary/internal/pure/policy"
	"tributary/internal/service/api"
)

const (
	assumeRootAction = "sts:AssumeRoot"
	defaultRoot      = 15 * time.Minute // also the longest
	// rootTasks begins the ARNs of AWS's managed policies for AssumeRoot.
	rootTasks = "arn:aws:iam::aws:policy/root-task/"
)

// targetAssumeRoot asks whether the caller may act as the root user of a member
// account for one task. Its own policies must allow it; that the other account
// consents follows from the organization: the caller's account must be the
// management account or a delegated administrator for IAM.
func (s *Service) targetAssumeRoot(call *api.Call, in *AssumeRootInput) ([]api.Access, error) {
	account, ok := targetAccount(in.TargetPrincipal)
	if !ok {
		return nil, errValidation("%s is invalid", in.TargetPrincipal)
	}
	if call.Caller.Principal.Kind == policy.Root {
		return nil, errAccessDenied("Root of a member account may not be assumed by root accounts.")
	}
	access := api.Access{
		Action: assumeRootAction, Resource: string(account.Root()),
		Context: policy.Context{"sts:taskpolicyarn": {in.TaskPolicyARN.ARN}},
	}
	if s.mayEnterRoot(call.Account(), account) {
		consent, err := policy.Parse(`{"Statement":{"Effect":"Allow","Principal":{"AWS":"`+string(call.Account())+
			`"},"Action":"`+assumeRootAction+`","Resource":"`+access.Resource+`"}}`, policy.Resource)
		if err != nil {
			return nil, err
		}
		access.ResourcePolicy = &policy.Source{Name: "the organization's root access", Document: consent}
	}
	return []api.Access{access}, nil
}

// targetAccount is the account of which a TargetPrincipal names the root user: an
// account id, or the ARN of a root user.
func targetAccount(target string) (arn.AccountID, bool) {
	if account, err := arn.ParseAccountID(target); err == nil {
		return account, true
	}
	account := arn.ARN(target).Account()
	return account, account != "" && arn.ARN(target) == account.Root()
}

// mayEnterRoot reports whether principals of an account may act as the root user
// of a member of its organization.
func (s *Service) mayEnterRoot(account, member arn.AccountID) bool {
	from, ok := s.cfg.Organizations.Membership(account)
	if !ok || !from.Management && !s.administersIAM(account) {
		return false
	}
	to, ok := s.cfg.Organizations.Membership(member)
	return ok && to.OrgID == from.OrgID && !to.Management
}

// administersIAM reports whether the account is a delegated administrator for IAM.
func (s *Service) administersIAM(account arn.AccountID) bool {
	a, ok := s.cfg.Organizations.Account(account)
	if !ok || a.Member == nil {
		return false
	}
	_, ok = a.Member.Delegations["iam.amazonaws.com"]
	return ok
}

// assumeRoot gives credentials of a member account's root user, for one task and
// 15 minutes at most. They end with the membership by which they were given.
func (s *Service) assumeRoot(_ context.Context, call *api.Call, in *AssumeRootInput) (*AssumeRootOutput, error) {
	task := in.TaskPolicyARN.ARN
	if _, ok := s.awsPolicies[task]; !ok || !strings.HasPrefix(task, rootTasks) {
		return nil, errInvalidParameter("The task policy " + task + " is not valid.")
	}
	account, _ := targetAccount(in.TargetPrincipal)
	org, _ := s.cfg.Organizations.Membership(account)
	length := defaultRoot
	if in.DurationSeconds != nil && *in.DurationSeconds > 0 {
		length = time.Duration(*in.DurationSeconds) * time.Second
	}
	now := s.cfg.Now().UTC().Truncate(time.Second)
	ses := session{
		Kind: ofRoot, Account: account, Org: org.OrgID, Issued: now, Expires: now.Add(length),
		PolicyARNs: []string{task},
		Context: policy.Context{
			"aws:tokenissuetime": {now.Format(time.RFC3339)},
			"aws:assumedroot":    {"true"},
		},
	}
	out := &AssumeRootOutput{}
	if identity := call.Caller.SessionContext[sourceIdentity]; identity != nil {
		ses.Context[sourceIdentity] = identity
		out.SourceIdentity = identity[0]
	}
	c, err := s.credentials(ses)
	if err != nil {
		return nil, err
	}
	out.Credentials = c
	return out, nil
}
