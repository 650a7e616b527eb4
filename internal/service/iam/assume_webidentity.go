package iam

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"

	"tributary/internal/pure/arn"
	"tributary/internal/service/api"
)

// assumeRoleWithWebIdentity would give credentials to somebody for whom an
// identity provider vouches. Providers are registered by operations of IAM that
// are not here, so no account has one, and AWS's answer to a token of a provider
// that an account does not have is the answer to every token.
func (s *Service) assumeRoleWithWebIdentity(_ context.Context, _ *api.Call, in *AssumeRoleWithWebIdentityInput) (*AssumeRoleWithWebIdentityOutput, error) {
	if !namesRole(arn.ARN(in.RoleARN)) {
		return nil, errValidation("Request ARN is invalid")
	}
	issuer, ok := issuerOf(in.WebIdentityToken)
	if !ok {
		return nil, api.Refuse("InvalidIdentityToken", "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)")
	}
	return nil, api.Refuse("InvalidIdentityToken", "No OpenIDConnect provider found in your account for %s", issuer)
}

// issuerOf is what a JSON Web Token says of who made it. It is not verified.
func issuerOf(token string) (issuer string, ok bool) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return "", false
	}
	var head struct {
		Algorithm string `json:"alg"`
	}
	var claims struct {
		Issuer string `json:"iss"`
	}
	ok = decodePart(parts[0], &head) && decodePart(parts[1], &claims)
	return claims.Issuer, ok && head.Algorithm != "" && claims.Issuer != ""
}

func decodePart[T any](part string, into *T) bool {
	text, err := base64.RawURLEncoding.DecodeString(part)
	return err == nil && json.Unmarshal(text, into) == nil
}
