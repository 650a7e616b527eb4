package iam

import (
	"tributary/internal/pure/policy"
	"tributary/internal/service/api"
)

// Admits reports whether the resource's policy in an access lets the caller of a
// request make it, as if the caller had no rights of its own: an organization's
// resource policy admits members to what is for its management account. What
// denies, denies all the same.
func (s *Service) Admits(call *api.Call, access api.Access) bool {
	q := question{caller: &call.Caller, access: &access, region: call.Region, at: call.Time, call: call}
	return s.decide(&q, policy.ResourceOnly).Allowed()
}
