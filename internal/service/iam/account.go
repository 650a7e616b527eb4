package iam

import (
	"context"
	"iter"
	"regexp"

	"tributary/internal/durable/catalog"
	"tributary/internal/service/api"
)

// An accountRecord is what is stored of an account as IAM sees it, under its id.
type accountRecord struct {
	Alias string `json:"alias,omitzero"` // unique in the installation
}

// aliasForm is AWS's rule for aliases: a hyphen neither at an end nor after
// another one. aliasPattern is how AWS words it.
var aliasForm = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

const aliasPattern = `^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$`

// createAccountAlias gives the account an alias in place of the one it had. No
// two accounts have the same.
func (s *Service) createAccountAlias(ctx context.Context, call *api.Call, in *CreateAccountAliasInput) (*api.Void, error) {
	if !aliasForm.MatchString(in.AccountAlias) {
		return nil, api.Violation(constraints(), "accountAlias", "", "Member must satisfy regular expression pattern: "+aliasPattern)
	}
	s.relations.Lock() // no other account takes the alias meanwhile
	defer s.relations.Unlock()
	for _, a := range s.accounts.Scan(catalog.KeyOf()) {
		if a.Alias == in.AccountAlias {
			return nil, errAliasExists(in.AccountAlias)
		}
	}
	_, err := s.accounts.Update(ctx, accountKey(call), func(a accountRecord, _ bool) (accountRecord, error) {
		a.Alias = in.AccountAlias
		return a, nil
	})
	return nil, err
}

func accountKey(call *api.Call) catalog.Key { return catalog.KeyOf(string(call.Account())) }

// deleteAccountAlias takes the alias from the account.
func (s *Service) deleteAccountAlias(ctx context.Context, call *api.Call, in *DeleteAccountAliasInput) (*api.Void, error) {
	_, err := s.accounts.Update(ctx, accountKey(call), func(a accountRecord, _ bool) (accountRecord, error) {
		if a.Alias != in.AccountAlias {
			return a, errNoSuchAlias(in.AccountAlias)
		}
		a.Alias = ""
		return a, nil
	})
	return nil, err
}

// listAccountAliases answers the account's alias, of which there is at most one.
func (s *Service) listAccountAliases(_ context.Context, call *api.Call, in *ListAccountAliasesInput) (*ListAccountAliasesOutput, error) {
	var aliases []string
	if a, _, _ := s.accounts.Get(accountKey(call)); a.Alias != "" {
		aliases = []string{a.Alias}
	}
	p := pageRequest{call: call, marker: in.Marker, maxItems: in.MaxItems}
	aliases, next, err := page(s, p, func(after string) iter.Seq2[string, string] {
		return sorted(aliases, after, func(alias string) string { return alias })
	})
	if err != nil {
		return nil, err
	}
	return &ListAccountAliasesOutput{AccountAliases: aliases, Marker: next, IsTruncated: truncated(next)}, nil
}

// getAccountSummary counts what the account has and names its quotas.
func (s *Service) getAccountSummary(_ context.Context, call *api.Call, _ *GetAccountSummaryInput) (*GetAccountSummaryOutput, error) {
	account := call.Account()
	versions := 0
	for _, p := range s.policies.Scan(catalog.KeyOf(string(account))) {
		versions += len(p.Versions)
	}
	rootKeys, _ := s.keysOf(keyHolder{Account: account})
	return &GetAccountSummaryOutput{SummaryMap: map[string]int32{
		"Users":                    int32(s.users.count(account)),
		"Groups":                   int32(s.groups.count(account)),
		"Roles":                    int32(s.roles.count(account)),
		"Policies":                 int32(s.policies.count(account)),
		"PolicyVersionsInUse":      int32(versions),
		"AccountAccessKeysPresent": int32(min(len(rootKeys), 1)),

		"UsersQuota":                      usersQuota,
		"GroupsQuota":                     groupsQuota,
		"RolesQuota":                      rolesQuota,
		"PoliciesQuota":                   policiesQuota,
		"PolicyVersionsInUseQuota":        policiesQuota * maxVersions,
		"VersionsPerPolicyQuota":          maxVersions,
		"GroupsPerUserQuota":              maxGroups,
		"AccessKeysPerUserQuota":          maxKeys,
		"AttachedPoliciesPerUserQuota":    maxAttached,
		"AttachedPoliciesPerGroupQuota":   maxAttached,
		"AttachedPoliciesPerRoleQuota":    maxAttached,
		"UserPolicySizeQuota":             maxUserPolicies,
		"GroupPolicySizeQuota":            maxGroupPolicies,
		"RolePolicySizeQuota":             maxRolePolicies,
		"PolicySizeQuota":                 maxManagedPolicy,
		"AssumeRolePolicySizeQuota":       maxTrustPolicy,
		"SigningCertificatesPerUserQuota": 2,
		"ServerCertificatesQuota":         20,
		"InstanceProfilesQuota":           1000,
		"GlobalEndpointTokenVersion":      1,

		// What does not exist here.
		"MFADevices": 0, "MFADevicesInUse": 0, "AccountMFAEnabled": 0,
		"AccountPasswordPresent": 0, "AccountSigningCertificatesPresent": 0,
		"ServerCertificates": 0, "InstanceProfiles": 0, "Providers": 0,
	}}, nil
}
