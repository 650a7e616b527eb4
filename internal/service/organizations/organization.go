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
}

// arn names a thing of the organization. Such ARNs carry the management
// account, whoever's thing it is.
func (o organizationRecord) arn(kind, id string) string {
	return string(arn.New("organizations", "", o.Management, kind+"/"+o.ID+"/"+id))
}

// path is where accounts directly under the root stand.
func (o organizationRecord) path() string { return o.ID + "/" + o.Root + "/" }

// newID is a random id with this prefix and n characters of a-z and 2-7, 5 bits
// each; n is at most 26.
func newID(prefix string, n int) string { return prefix + strings.ToLower(rand.Text()[:n]) }

// managedBy is the organization whose management account this is.
func (s *Service) managedBy(account arn.AccountID) (organizationRecord, error) {
	org, ok := s.organizationOf(account)
	if !ok {
		return organizationRecord{}, errNotInUse()
	}
	if org.Management != account {
		return organizationRecord{}, errAccessDenied()
	}
	return org, nil
}

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
		org.FeatureSet = "ALL"
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

// wire is the wire form of an organization. There are no policies of
// organizations yet, so none is available.
func (s *Service) wire(o organizationRecord) *Organization {
	management, _, _ := s.accounts.Get(accountKey(o.Management))
	return &Organization{
		ID:                 o.ID,
		ARN:                string(arn.New("organizations", "", o.Management, "organization/"+o.ID)),
		FeatureSet:         o.FeatureSet,
		MasterAccountARN:   o.arn("account", string(o.Management)),
		MasterAccountID:    string(o.Management),
		MasterAccountEmail: management.Email,
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
func (s *Service) deleteOrganization(ctx context.Context, call *api.Call, _ *DeleteOrganizationInput) (*api.Void, error) {
	s.change.Lock()
	defer s.change.Unlock()
	org, err := s.managedBy(call.Account())
	if err != nil {
		return nil, err
	}
	if len(s.members(org.ID, "")) > 1 {
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

// listRoots answers the one root of the caller's organization, to its
// management account.
func (s *Service) listRoots(_ context.Context, call *api.Call, in *ListRootsInput) (*ListRootsOutput, error) {
	org, err := s.managedBy(call.Account())
	if err != nil {
		return nil, err
	}
	if in.NextToken != "" { // the first page is the only one
		return nil, errInvalidToken()
	}
	return &ListRootsOutput{Roots: []Root{{
		ID:   org.Root,
		ARN:  org.arn("root", org.Root),
		Name: "Root",
	}}}, nil
}
