package iam

import (
	"context"

	"tributary/internal/service/api"
)

// getCallerIdentity answers who signed the request. Everybody may know that of
// themselves, whatever their policies say.
func (s *Service) getCallerIdentity(_ context.Context, call *api.Call, _ *GetCallerIdentityInput) (*GetCallerIdentityOutput, error) {
	s.uses.note(call) // no policy is asked, so Authorize does not see it
	p := call.Caller.Principal
	return &GetCallerIdentityOutput{UserID: p.ID, Account: string(p.Account), ARN: string(p.ARN)}, nil
}
