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
	defaultToken = 12 * time.Hour
	maxRootToken = time.Hour // longer ones are cut to it
)

// tokenOf is a key of our own in the context of a session made by GetSessionToken
// or GetFederationToken, with the operation's name. No policy can name it.
const tokenOf = "tributary token of"

// getSessionToken gives temporary credentials that are the caller, for 12 hours
// unless asked otherwise, for an hour at most to a root user. Nobody needs a
// permission for it. There are no MFA devices, so a code is never right.
func (s *Service) getSessionToken(_ context.Context, call *api.Call, in *GetSessionTokenInput) (*GetSessionTokenOutput, error) {
	if err := onlyLongTerm(call); err != nil {
		return nil, err
	}
	if err := checkMFA(in.SerialNumber, in.TokenCode); err != nil {
		return nil, err
	}
	ses := s.tokenSession(call, ofUser, in.DurationSeconds)
	c, err := s.credentials(ses)
	if err != nil {
		return nil, err
	}
	return &GetSessionTokenOutput{Credentials: c}, nil
}

// targetGetFederationToken names the federated user who is to be made.
func targetGetFederationToken(call *api.Call, in *GetFederationTokenInput) ([]api.Access, error) {
	if err := onlyLongTerm(call); err != nil {
		return nil, err
	}
	resource := string(arn.New("sts", "", call.Account(), "federated-user/"+in.Name))
	keys := requestTags(nil, in.Tags)
	accesses := []api.Access{{Action: "sts:GetFederationToken", Resource: resource, Context: keys}}
	if len(in.Tags) > 0 {
		accesses = append(accesses, api.Access{Action: "sts:TagSession", Resource: resource, Context: keys})
	}
	return accesses, nil
}

// getFederationToken gives temporary credentials of a federated user, who may do
// what both the caller and the policies given here allow; without policies, only
// what resource policies give to the federated user by name. Lengths are those of
// getSessionToken.
func (s *Service) getFederationToken(_ context.Context, call *api.Call, in *GetFederationTokenInput) (*GetFederationTokenOutput, error) {
	err := checkTags(in.Tags)
	if e, ok := api.AsException(err); ok {
		return nil, errInvalidParameter(e.Message)
	}
	limits := sessionLimits{in.Policy, in.PolicyARNs, in.Tags}
	packed, err := s.checkLimits(call.Account(), limits)
	if err != nil {
		return nil, err
	}
	ses := s.tokenSession(call, ofFederated, in.DurationSeconds)
	ses.Name = in.Name
	limits.limit(&ses)
	for _, t := range in.Tags {
		ses.Context[principalTag(t.Key)] = []string{t.Value}
	}
	c, err := s.credentials(ses)
	if err != nil {
		return nil, err
	}
	p := federatedPrincipal(&call.Caller.Principal, in.Name)
	return &GetFederationTokenOutput{
		Credentials:      c,
		FederatedUser:    &FederatedUser{FederatedUserID: p.ID, ARN: string(p.ARN)},
		PackedPolicySize: packed,
	}, nil
}

// tokenSession is a session that the caller, a user or root user, makes of
// themselves.
func (s *Service) tokenSession(call *api.Call, kind sessionKind, seconds *int32) session {
	length := defaultToken
	if seconds != nil {
		length = time.Duration(*seconds) * time.Second
	}
	p := call.Caller.Principal
	if p.Kind == policy.Root {
		length = min(length, maxRootToken)
	}
	now := s.cfg.Now().UTC().Truncate(time.Second)
	ses := session{
		Kind: kind, Account: p.Account, Issued: now, Expires: now.Add(length),
		Context: policy.Context{
			"aws:tokenissuetime": {now.Format(time.RFC3339)},
			tokenOf:              {call.Operation},
		},
	}
	if p.Kind == policy.User {
		ses.User, ses.UserID = lastName(p.ARN), p.ID
	}
	return ses
}

// onlyLongTerm refuses callers with temporary credentials.
func onlyLongTerm(call *api.Call) error {
	if strings.HasPrefix(call.Caller.AccessKeyID, temporaryPrefix) {
		return errAccessDenied("Cannot call %s with session credentials", call.Operation)
	}
	return nil
}

// checkToken refuses what credentials of GetSessionToken and GetFederationToken
// cannot do whatever the policies say: anything in IAM, and in STS all but
// AssumeRole and GetCallerIdentity.
func checkToken(call *api.Call) error {
	if len(call.Caller.SessionContext[tokenOf]) == 0 {
		return nil
	}
	switch call.Service {
	case "iam":
		return api.RefuseStatus(403, "InvalidClientTokenId", "The security token included in the request is invalid")
	case "sts":
		if call.Operation != "AssumeRole" && call.Operation != "GetCallerIdentity" {
			return errAccessDenied("Cannot call %s with session credentials", call.Operation)
		}
	}
	return nil
}
