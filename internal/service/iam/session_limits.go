package iam

import (
	"strconv"
	"unicode/utf8"

	"tributary/internal/pure/arn"
	"tributary/internal/pure/policy"
	"tributary/internal/service/api"
)

const (
	maxSessionPolicy = 2048 // characters
	maxSessionARNs   = 10
	// maxPacked is how many characters of policy, policy ARNs and tags a session
	// may carry. AWS packs them in a way of its own and tells only the percentage;
	// here it is that of this number.
	maxPacked = 4096
)

// sessionLimits are what a caller asks a session to be limited to, and the tags
// that it is to carry.
type sessionLimits struct {
	policy string
	arns   []PolicyDescriptorType
	tags   []Tag
}

// checkLimits refuses policies that are malformed, do not exist or are too much
// for a session in the account, and answers PackedPolicySize: a percentage, nil
// where there is nothing to pack.
func (s *Service) checkLimits(account arn.AccountID, l sessionLimits) (packed *int32, err error) {
	if utf8.RuneCountInString(l.policy) > maxSessionPolicy {
		return nil, api.Violation(stsConstraints(), "policy", "'"+l.policy+"'",
			"Member must have length less than or equal to "+strconv.Itoa(maxSessionPolicy))
	}
	if l.policy != "" {
		if _, err := parsePolicy(l.policy, policy.ForSession); err != nil {
			return nil, err
		}
	}
	if len(l.arns) > maxSessionARNs {
		return nil, errValidation("Number of policy ARNs exceeds the limit of %d", maxSessionARNs)
	}
	for _, d := range l.arns {
		if _, ok := s.sessionManaged(account, d.ARN); !ok {
			return nil, errPolicyNotAttachable(d.ARN)
		}
	}
	return l.packed()
}

// packed is how much of what a session can carry is used.
func (l sessionLimits) packed() (*int32, error) {
	policies, tags := utf8.RuneCountInString(l.policy), 0
	for _, d := range l.arns {
		policies += len(d.ARN)
	}
	for _, t := range l.tags {
		tags += utf8.RuneCountInString(t.Key) + utf8.RuneCountInString(t.Value)
	}
	if policies+tags == 0 {
		return nil, nil
	}
	percent := int32((policies + tags) * 100 / maxPacked)
	if percent <= 100 {
		percent = max(percent, 1)
		return &percent, nil
	}
	if tags > policies {
		return nil, errPackedTooLarge("Packed size of session tags consumes %d%% of allotted space.", percent)
	}
	return nil, errPackedTooLarge("Packed policy consumes %d%% of allotted space, please use smaller policy.", percent)
}

// limit puts the policies into the session.
func (l sessionLimits) limit(ses *session) {
	ses.Policy = l.policy
	for _, d := range l.arns {
		ses.PolicyARNs = append(ses.PolicyARNs, d.ARN)
	}
}

// checkMFA refuses a code: there are no devices, so none is right.
func checkMFA(serialNumber, code string) error {
	if serialNumber == "" && code == "" {
		return nil
	}
	return errAccessDenied("MultiFactorAuthentication failed with invalid MFA one time pass code.")
}

func errPackedTooLarge(format string, args ...any) *api.Exception {
	return api.Refuse("PackedPolicyTooLarge", format, args...)
}

// errNotAuthorized is a denial that names no policy.
func errNotAuthorized(call *api.Call, action, resource string) *api.Exception {
	return errAccessDenied("User: %s is not authorized to perform: %s on resource: %s", call.Caller.Principal.ARN, action, resource)
}
