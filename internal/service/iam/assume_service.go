package iam

import (
	"errors"

	"tributary/internal/pure/arn"
	"tributary/internal/pure/policy"
	"tributary/internal/service/api"
)

// A ServiceAssumption is a service's wish to act as a role.
type ServiceAssumption struct {
	Role    arn.ARN
	Service string // the first part of its name: logs
	Region  arn.Region
	// SourceARN is the resource for which the service acts, SourceAccount the
	// account that owns it.
	SourceARN     arn.ARN
	SourceAccount arn.AccountID
	SessionName   string
	// Explain makes the decision carry its Reasons.
	Explain bool
}

// ErrNoSuchRole is returned for a role that does not exist.
var ErrNoSuchRole = errors.New("no such role")

// AssumeForService makes the caller that a service is when it acts as a role: a
// session of the role. It needs no credentials and does not expire, but what it
// may do is judged by the role at every Decide. The trust policy must admit the
// service, under its name in the Region or without one, for this source:
// otherwise the decision is not Allowed and says why. ErrNoSuchRole.
func (s *Service) AssumeForService(a ServiceAssumption) (api.Caller, policy.Decision, error) {
	r, rev, ok := s.roleByARN(a.Role)
	if !ok {
		return api.Caller{}, policy.Decision{}, ErrNoSuchRole
	}
	service := api.Caller{Principal: policy.Principal{
		Kind: policy.Service,
		Services: []string{
			a.Service + "." + string(a.Region) + ".amazonaws.com",
			a.Service + ".amazonaws.com",
		},
	}}
	keys := policy.Context{
		"aws:sourcearn":     {string(a.SourceARN)},
		"aws:sourceaccount": {string(a.SourceAccount)},
	}
	if m, ok := s.cfg.Organizations.Membership(a.SourceAccount); ok {
		keys["aws:sourceorgid"] = []string{m.OrgID}
		keys["aws:sourceorgpaths"] = []string{m.Path}
	}
	decide := s.Decide
	if a.Explain {
		decide = s.Explain
	}
	d := decide(service, a.Region, s.cfg.Now(), api.Access{
		Action:         assumeRole,
		Resource:       string(a.Role),
		ResourcePolicy: &s.trust(&r, rev).source,
		Context:        keys,
	}, policy.ResourceOnly)
	if !d.Allowed() {
		return api.Caller{}, d, nil
	}
	return api.Caller{Principal: sessionPrincipal(&r, a.SessionName)}, d, nil
}
