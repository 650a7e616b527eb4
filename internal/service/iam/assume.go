package iam

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"tributary/internal/pure/arn"
	"tributary/internal/pure/policy"
	"tributary/internal/service/api"
)

const (
	assumeRole     = "sts:AssumeRole"
	defaultSession = time.Hour
	maxChained     = time.Hour // of a session made by a session
)

// targetAssumeRole asks whether the caller may assume the role, and pass tags or
// a source identity to the session where it does. A session that has a source
// identity passes it on, whether it names it again or not. The role's trust policy
// must allow each; in another account than the role's, so must the caller's own
// policies. A role that does not exist is refused as one that admits nobody.
func (s *Service) targetAssumeRole(call *api.Call, in *AssumeRoleInput) ([]api.Access, error) {
	role := arn.ARN(in.RoleARN)
	if !namesRole(role) {
		return nil, errValidation("%s is invalid", in.RoleARN)
	}
	switch call.Caller.Principal.Kind {
	case policy.Root:
		return nil, errAccessDenied("Roles may not be assumed by root accounts.")
	case policy.Federated:
		return nil, errNotAuthorized(call, assumeRole, in.RoleARN)
	}
	keys := policy.Context{"sts:rolesessionname": {in.RoleSessionName}}
	var source *policy.Source
	if r, rev, ok := s.roleByARN(role); ok {
		source = &s.trust(&r, rev).source
		maps.Copy(keys, resourceTags(r.Tags))
	}
	if in.ExternalID != "" {
		keys["sts:externalid"] = []string{in.ExternalID}
	}
	identity := sourceIdentityOf(call, in)
	if identity != "" {
		keys["sts:sourceidentity"] = []string{identity}
	}
	if len(in.TransitiveTagKeys) > 0 {
		keys["sts:transitivetagkeys"] = in.TransitiveTagKeys
	}
	keys = requestTags(keys, in.Tags)

	actions := []string{assumeRole}
	if len(in.Tags) > 0 {
		actions = append(actions, "sts:TagSession")
	}
	if identity != "" {
		actions = append(actions, "sts:SetSourceIdentity")
	}
	var accesses []api.Access
	for _, action := range actions {
		accesses = append(accesses, api.Access{Action: action, Resource: in.RoleARN, ResourcePolicy: source, Context: keys})
	}
	return accesses, nil
}

// namesRole reports whether an ARN is in the form of a role's.
func namesRole(a arn.ARN) bool {
	p := a.Parts()
	return p.Service == "iam" && p.Account != "" && strings.HasPrefix(p.Resource, "role/")
}

// assumeRole gives credentials for a session of a role, for an hour unless asked
// otherwise, at most for as long as the role says, and for an hour at most when
// the caller is a session itself. The session may do what the role may do, and
// with a Policy only what that allows too.
//
// There are no MFA devices, so a code is never right.
func (s *Service) assumeRole(_ context.Context, call *api.Call, in *AssumeRoleInput) (*AssumeRoleOutput, error) {
	r, _, ok := s.roleByARN(arn.ARN(in.RoleARN))
	if !ok { // deleted a moment ago
		return nil, errNotAuthorized(call, assumeRole, in.RoleARN)
	}
	if len(in.ProvidedContexts) > 0 {
		return nil, errValidation("ProvidedContexts are not supported")
	}
	if err := checkMFA(in.SerialNumber, in.TokenCode); err != nil {
		return nil, err
	}
	if err := checkSessionTags(call.Caller.SessionContext, in); err != nil {
		return nil, err
	}
	limits := sessionLimits{in.Policy, in.PolicyARNs, in.Tags}
	packed, err := s.checkLimits(r.Account, limits)
	if err != nil {
		return nil, err
	}
	length, err := sessionLength(call, in.DurationSeconds, r.MaxSession)
	if err != nil {
		return nil, err
	}
	now := s.cfg.Now().UTC().Truncate(time.Second)
	ses := session{
		Account: r.Account,
		Role:    r.Name,
		RoleID:  r.ID,
		Name:    in.RoleSessionName,
		Issued:  now,
		Expires: now.Add(length),
		Context: sessionContext(call, in, now),
	}
	limits.limit(&ses)
	c, err := s.credentials(ses)
	if err != nil {
		return nil, err
	}
	p := sessionPrincipal(&r, ses.Name)
	return &AssumeRoleOutput{
		Credentials:      c,
		AssumedRoleUser:  &AssumedRoleUser{AssumedRoleID: p.ID, ARN: string(p.ARN)},
		PackedPolicySize: packed,
		SourceIdentity:   sourceIdentityOf(call, in),
	}, nil
}

// checkSessionTags refuses tags that cannot be set, and changes of what a session
// of a session inherits.
func checkSessionTags(before policy.Context, in *AssumeRoleInput) error {
	err := checkTags(in.Tags)
	if e, ok := api.AsException(err); ok {
		return errInvalidParameter(e.Message)
	}
	for _, key := range in.TransitiveTagKeys {
		if !slices.ContainsFunc(in.Tags, func(t Tag) bool { return strings.EqualFold(t.Key, key) }) {
			return errInvalidParameter("The specified transitive tag key must be included in the requested tags.")
		}
	}
	for _, t := range in.Tags {
		if slices.Contains(before[transitiveTags], principalTag(t.Key)) {
			return errInvalidParameter("One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.")
		}
	}
	if fixed := before[sourceIdentity]; fixed != nil && in.SourceIdentity != "" && in.SourceIdentity != fixed[0] {
		return errAccessDenied("The SourceIdentity of the calling session cannot be changed.")
	}
	return err
}

// sourceIdentityOf is the source identity of the session that is asked for: the one
// given, or that of the calling session.
func sourceIdentityOf(call *api.Call, in *AssumeRoleInput) string {
	if fixed := call.Caller.SessionContext[sourceIdentity]; in.SourceIdentity == "" && fixed != nil {
		return fixed[0]
	}
	return in.SourceIdentity
}

// principalTag is the condition key of a tag of the caller.
func principalTag(key string) string { return "aws:principaltag/" + strings.ToLower(key) }

// sessionLength is how long a session may last that is asked for so many
// seconds.
func sessionLength(call *api.Call, asked *int32, roleMax int32) (time.Duration, error) {
	if asked == nil {
		return defaultSession, nil
	}
	length := time.Duration(*asked) * time.Second
	if call.Caller.Principal.Kind == policy.Session && length > maxChained {
		return 0, errValidation("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining")
	}
	if *asked > roleMax {
		return 0, errValidation("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	return length, nil
}

// sessionContext are the condition keys that stay with the session. A session of
// a session keeps the tags that were made transitive, and the source identity.
func sessionContext(call *api.Call, in *AssumeRoleInput, issued time.Time) policy.Context {
	c := policy.Context{"aws:tokenissuetime": {issued.Format(time.RFC3339)}}
	before := call.Caller.SessionContext
	transitive := slices.Clone(before[transitiveTags])
	for _, key := range transitive {
		c[key] = before[key]
	}
	for _, t := range in.Tags {
		c[principalTag(t.Key)] = []string{t.Value}
	}
	for _, key := range in.TransitiveTagKeys {
		transitive = append(transitive, principalTag(key))
	}
	if len(transitive) > 0 {
		c[transitiveTags] = transitive
	}
	if identity := sourceIdentityOf(call, in); identity != "" {
		c[sourceIdentity] = []string{identity}
	}
	return c
}

const (
	sourceIdentity = "aws:sourceidentity"
	// transitiveTags is a key of our own in a session's context: the tags that go
	// on to sessions of the session. No policy can name it.
	transitiveTags = "tributary transitive tags"
)
