package organizations

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"tributary/internal/durable/catalog"
	"tributary/internal/pure/arn"
	"tributary/internal/service/api"
)

// An organizationRecord is what is stored of an organization, under its id.
type organizationRecord struct {
	ID         string        `json:"id"`   // o-…, never used again
	Root       string        `json:"root"` // r-…
	Management arn.AccountID `json:"management"`
	FeatureSet string        `json:"featureSet"`
	Created    time.Time     `json:"created"`
	// PolicyTypes are the types of policy that are enabled on the root, each with
	// the id of its enabling. A target's policies of a type name the enabling that
	// they count for, so that one write here attaches and detaches them all.
	PolicyTypes map[string]string `json:"policyTypes,omitzero"`
	Attached    attachments       `json:"attached,omitzero"` // to the root
	Tags        map[string]string `json:"tags,omitzero"`     // of the root
	// Services may work with the organization, since when.
	Services       map[string]time.Time  `json:"services,omitzero"`
	ResourcePolicy *resourcePolicyRecord `json:"resourcePolicy,omitzero"`
}

// arn names a thing of the organization. Such ARNs carry the management
// account, whoever's thing it is.
func (o organizationRecord) arn(kind, id string) string {
	return string(arn.New("organizations", "", o.Management, kind+"/"+o.ID+"/"+id))
}

// newID is a random id with this prefix and n characters of a-z and 2-7, 5 bits
// each; n is at most 26.
func newID(prefix string, n int) string { return prefix + strings.ToLower(rand.Text()[:n]) }

// The sets of features.
const (
	allFeatures = "ALL"
	billingOnly = "CONSOLIDATED_BILLING"
)

// createOrganization makes the caller's account the management account, and a
// member, of a new organization.
func (s *Service) createOrganization(ctx context.Context, call *api.Call, in *CreateOrganizationInput) (*CreateOrganizationOutput, error) {
	s.change.Lock()
	defer s.change.Unlock()
	account := call.Account()
	if _, ok := s.organizationOf(account); ok {
		return nil, errAlreadyInOrganization()
	}
	if err := s.ensureByRule(ctx, account); err != nil {
		return nil, err
	}
	org := organizationRecord{
		ID:         newID("o-", 10),
		Root:       newID("r-", 4),
		Management: account,
		FeatureSet: in.FeatureSet,
		Created:    s.cfg.Now(),
	}
	if org.FeatureSet == "" {
		org.FeatureSet = allFeatures
	}
	if _, err := s.organizations.Create(ctx, catalog.KeyOf(org.ID), org); err != nil {
		return nil, fmt.Errorf("create organization: %w", err)
	}
	member := Member{Org: org.ID, Joined: org.Created, Method: invited}
	if err := s.join(ctx, account, member, errAlreadyInOrganization()); err != nil {
		return nil, err
	}
	return &CreateOrganizationOutput{Organization: s.wire(org)}, nil
}

// wire is the wire form of an organization. AvailablePolicyTypes is what AWS puts
// there, which long ago ceased to say anything: ListRoots tells.
func (s *Service) wire(o organizationRecord) *Organization {
	management, _, _ := s.accounts.Get(accountKey(o.Management))
	var available []PolicyTypeSummary
	if o.FeatureSet == allFeatures {
		available = []PolicyTypeSummary{{Type: serviceControl.name, Status: "ENABLED"}}
	}
	return &Organization{
		ID:                 o.ID,
		ARN:                string(arn.New("organizations", "", o.Management, "organization/"+o.ID)),
		FeatureSet:         o.FeatureSet,
		MasterAccountARN:   o.arn("account", string(o.Management)),
		MasterAccountID:    string(o.Management),
		MasterAccountEmail: management.Email,

		AvailablePolicyTypes: available,
	}
}

// describeOrganization answers the caller's organization, to any member.
func (s *Service) describeOrganization(_ context.Context, call *api.Call, _ *DescribeOrganizationInput) (*DescribeOrganizationOutput, error) {
	org, ok := s.organizationOf(call.Account())
	if !ok {
		return nil, errNotInUse()
	}
	return &DescribeOrganizationOutput{Organization: s.wire(org)}, nil
}

// deleteOrganization ends an organization that has no member left but its
// management account.
func (s *Service) deleteOrganization(ctx context.Context, _ *api.Call, org organizationRecord, _ *DeleteOrganizationInput) (*api.Void, error) {
	if count(s.members(org, "")) > 1 {
		return nil, errNotEmpty()
	}
	key := catalog.KeyOf(org.ID)
	_, rev, ok := s.organizations.Get(key)
	if !ok {
		return nil, errNotInUse()
	}
	if err := s.organizations.Delete(ctx, key, rev); err != nil {
		return nil, fmt.Errorf("delete organization: %w", err)
	}
	return nil, s.sweep(context.WithoutCancel(ctx))
}
