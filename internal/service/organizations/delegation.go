package organizations

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"tributary/internal/pure/arn"
	"tributary/internal/service/api"
)

// checkService refuses what is no service principal, and organizations that share
// bills only: those have no dealings with services.
func (o organizationRecord) checkService(principal string) error {
	if principal != "" && !strings.HasSuffix(principal, ".amazonaws.com") {
		return errInvalidInput("UNRECOGNIZED_SERVICE_PRINCIPAL", "You specified an unrecognized service principal.")
	}
	if o.FeatureSet != allFeatures {
		return errMustHaveAllFeatures()
	}
	return nil
}

// enableAWSServiceAccess lets a service work with the organization. To do it again
// changes nothing.
func (s *Service) enableAWSServiceAccess(ctx context.Context, _ *api.Call, org organizationRecord, in *EnableAWSServiceAccessInput) (*api.Void, error) {
	if err := org.checkService(in.ServicePrincipal); err != nil {
		return nil, err
	}
	if _, ok := org.Services[in.ServicePrincipal]; ok {
		return nil, nil
	}
	_, err := s.updateOrganization(ctx, org.ID, func(o organizationRecord) (organizationRecord, error) {
		o.Services = cloned(o.Services)
		o.Services[in.ServicePrincipal] = s.cfg.Now()
		return o, nil
	})
	return nil, err
}

// disableAWSServiceAccess ends that. A service that still has delegated
// administrators keeps its access.
func (s *Service) disableAWSServiceAccess(ctx context.Context, _ *api.Call, org organizationRecord, in *DisableAWSServiceAccessInput) (*api.Void, error) {
	if err := org.checkService(in.ServicePrincipal); err != nil {
		return nil, err
	}
	for range s.delegatedAdministrators(org, in.ServicePrincipal, "") {
		return nil, errConstraint("DELEGATED_ADMINISTRATOR_EXISTS_FOR_THIS_SERVICE", "You attempted to disable service access, but the service has delegated administrators. Deregister them first.")
	}
	_, err := s.updateOrganization(ctx, org.ID, func(o organizationRecord) (organizationRecord, error) {
		o.Services = cloned(o.Services)
		delete(o.Services, in.ServicePrincipal)
		return o, nil
	})
	return nil, err
}

// listAWSServiceAccessForOrganization answers the services that may work with the
// organization, by name.
func (s *Service) listAWSServiceAccessForOrganization(_ context.Context, call *api.Call, org organizationRecord, in *ListAWSServiceAccessForOrganizationInput) (*ListAWSServiceAccessForOrganizationOutput, error) {
	if err := org.checkService(""); err != nil {
		return nil, err
	}
	all := []EnabledServicePrincipal{}
	for _, name := range slices.Sorted(maps.Keys(org.Services)) {
		all = append(all, EnabledServicePrincipal{ServicePrincipal: name, DateEnabled: api.At(org.Services[name])})
	}
	list, next, err := page(s, pageRequest{call, "", in.NextToken, in.MaxResults},
		listed(all, func(p EnabledServicePrincipal) string { return p.ServicePrincipal }))
	if err != nil {
		return nil, err
	}
	return &ListAWSServiceAccessForOrganizationOutput{EnabledServicePrincipals: list, NextToken: next}, nil
}

// registerDelegatedAdministrator makes a member the administrator of a service in
// the organization. Whoever is one of any service may read what is for the
// management account.
func (s *Service) registerDelegatedAdministrator(ctx context.Context, _ *api.Call, org organizationRecord, in *RegisterDelegatedAdministratorInput) (*api.Void, error) {
	a, err := s.delegate(org, in.AccountID, in.ServicePrincipal)
	if err != nil {
		return nil, err
	}
	if !a.Closed.IsZero() {
		return nil, errConstraint("CANNOT_REGISTER_SUSPENDED_ACCOUNT_AS_DELEGATED_ADMINISTRATOR", "You cannot register a suspended account as a delegated administrator.")
	}
	if _, ok := org.Services[in.ServicePrincipal]; !ok {
		return nil, errConstraint("SERVICE_ACCESS_NOT_ENABLED", "You attempted to register a delegated administrator before you enabled service access. Call the EnableAWSServiceAccess API first.")
	}
	return nil, s.updateMember(ctx, org, a.ID, func(m Member) (Member, error) {
		if _, ok := m.Delegations[in.ServicePrincipal]; ok {
			return m, api.Refuse("AccountAlreadyRegisteredException", "The provided account is already a delegated administrator for your organization.")
		}
		m.Delegations = cloned(m.Delegations)
		m.Delegations[in.ServicePrincipal] = s.cfg.Now()
		return m, nil
	})
}

// deregisterDelegatedAdministrator ends that.
func (s *Service) deregisterDelegatedAdministrator(ctx context.Context, _ *api.Call, org organizationRecord, in *DeregisterDelegatedAdministratorInput) (*api.Void, error) {
	a, err := s.delegate(org, in.AccountID, in.ServicePrincipal)
	if err != nil {
		return nil, err
	}
	return nil, s.updateMember(ctx, org, a.ID, func(m Member) (Member, error) {
		if _, ok := m.Delegations[in.ServicePrincipal]; !ok {
			return m, errNotRegistered()
		}
		m.Delegations = cloned(m.Delegations)
		delete(m.Delegations, in.ServicePrincipal)
		return m, nil
	})
}

func errNotRegistered() *api.Exception {
	return api.Refuse("AccountNotRegisteredException", "The provided account is not a registered delegated administrator for your organization.")
}

// delegate is the member that is to be, or is, an administrator of a service.
func (s *Service) delegate(org organizationRecord, account, service string) (AccountRecord, error) {
	if err := org.checkService(service); err != nil {
		return AccountRecord{}, err
	}
	if arn.AccountID(account) == org.Management {
		return AccountRecord{}, errConstraint("CANNOT_REGISTER_MASTER_AS_DELEGATED_ADMINISTRATOR", "You cannot register master account/yourself as delegated administrator for your organization.")
	}
	a, ok := s.member(org, arn.AccountID(account))
	if !ok {
		return a, errAccountNotFound()
	}
	return a, nil
}

// delegatedAdministrators are the members that administer this service, or any
// when it is empty, by id, those after the given one.
func (s *Service) delegatedAdministrators(org organizationRecord, service, after string) rows[AccountRecord] {
	return pick(s.members(org, after), func(a AccountRecord) (AccountRecord, bool) {
		if service == "" {
			return a, len(a.Member.Delegations) > 0
		}
		_, ok := a.Member.Delegations[service]
		return a, ok
	})
}

// listDelegatedAdministrators answers the members that administer a service, by
// id.
func (s *Service) listDelegatedAdministrators(_ context.Context, call *api.Call, org organizationRecord, in *ListDelegatedAdministratorsInput) (*ListDelegatedAdministratorsOutput, error) {
	if err := org.checkService(in.ServicePrincipal); err != nil {
		return nil, err
	}
	list, next, err := page(s, pageRequest{call, in.ServicePrincipal, in.NextToken, in.MaxResults}, func(after string) rows[DelegatedAdministrator] {
		return pick(s.delegatedAdministrators(org, in.ServicePrincipal, after), func(a AccountRecord) (DelegatedAdministrator, bool) {
			return s.wireDelegate(org, a), true
		})
	})
	if err != nil {
		return nil, err
	}
	return &ListDelegatedAdministratorsOutput{DelegatedAdministrators: list, NextToken: next}, nil
}

func (s *Service) wireDelegate(org organizationRecord, a AccountRecord) DelegatedAdministrator {
	account := s.wireAccount(org, a)
	var first time.Time
	for _, since := range a.Member.Delegations {
		if first.IsZero() || since.Before(first) {
			first = since
		}
	}
	return DelegatedAdministrator{
		ID: account.ID, ARN: account.ARN, Email: account.Email, Name: account.Name,
		Status: account.Status, State: account.State,
		JoinedMethod: account.JoinedMethod, JoinedTimestamp: account.JoinedTimestamp,
		DelegationEnabledDate: api.At(first),
	}
}

// listDelegatedServicesForAccount answers the services that a member administers,
// by name.
func (s *Service) listDelegatedServicesForAccount(_ context.Context, call *api.Call, org organizationRecord, in *ListDelegatedServicesForAccountInput) (*ListDelegatedServicesForAccountOutput, error) {
	if err := org.checkService(""); err != nil {
		return nil, err
	}
	a, ok := s.member(org, arn.AccountID(in.AccountID))
	if !ok {
		return nil, errAccountNotFound()
	}
	if len(a.Member.Delegations) == 0 {
		return nil, errNotRegistered()
	}
	all := []DelegatedService{}
	for _, name := range slices.Sorted(maps.Keys(a.Member.Delegations)) {
		all = append(all, DelegatedService{ServicePrincipal: name, DelegationEnabledDate: api.At(a.Member.Delegations[name])})
	}
	list, next, err := page(s, pageRequest{call, in.AccountID, in.NextToken, in.MaxResults},
		listed(all, func(d DelegatedService) string { return d.ServicePrincipal }))
	if err != nil {
		return nil, err
	}
	return &ListDelegatedServicesForAccountOutput{DelegatedServices: list, NextToken: next}, nil
}
