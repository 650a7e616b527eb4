package iam

import (
	"context"

	"tributary/internal/durable/catalog"
	"tributary/internal/service/api"
)

// targetGetAccessKeyInfo asks for the permission alone: the operation is on no
// resource.
func targetGetAccessKeyInfo(*api.Call, *GetAccessKeyInfoInput) ([]api.Access, error) {
	return []api.Access{{Action: "sts:GetAccessKeyInfo", Resource: "*"}}, nil
}

// getAccessKeyInfo answers the account of an access key, which may be another's:
// whoever finds a key wants to know whom to tell. As in AWS the answer does not
// say whether the key is active; of a temporary key, not whether it is good.
func (s *Service) getAccessKeyInfo(_ context.Context, _ *api.Call, in *GetAccessKeyInfoInput) (*GetAccessKeyInfoOutput, error) {
	if account, ok := accountOfSessionKey(in.AccessKeyID); ok {
		return &GetAccessKeyInfoOutput{Account: string(account)}, nil
	}
	if _, account, ok := s.ruledKey(in.AccessKeyID); ok {
		return &GetAccessKeyInfoOutput{Account: string(account)}, nil
	}
	if holder, _, ok := s.keys.Get(catalog.KeyOf(in.AccessKeyID)); ok {
		return &GetAccessKeyInfoOutput{Account: string(holder.Account)}, nil
	}
	return nil, errValidation("The access key ID %s is not valid", in.AccessKeyID)
}
