package organizations_test

import (
	"fmt"
	"testing"

	"tributary/internal/service/organizations"
)

func administrator(account, service string) members {
	return members{"AccountId": account, "ServicePrincipal": service}
}

func TestServicesGetAccess(t *testing.T) {
	w := newWorld(t, false)
	w.organization(alpha)
	config := members{"ServicePrincipal": "config.amazonaws.com"}
	list := func() string {
		var names []string
		for _, p := range do[organizations.ListAWSServiceAccessForOrganizationOutput](w, alpha, "ListAWSServiceAccessForOrganization", nil).EnabledServicePrincipals {
			names = append(names, p.ServicePrincipal)
			equal(t, "since", p.DateEnabled.Time, w.now)
		}
		return fmt.Sprint(names)
	}
	equal(t, "at first", list(), "[]")
	w.done(alpha, "EnableAWSServiceAccess", config)
	w.done(alpha, "EnableAWSServiceAccess", config)
	w.done(alpha, "EnableAWSServiceAccess", members{"ServicePrincipal": "access-analyzer.amazonaws.com"})
	w.refused(alpha, "EnableAWSServiceAccess", members{"ServicePrincipal": "example.com"}, "InvalidInputException UNRECOGNIZED_SERVICE_PRINCIPAL")
	w.restart()
	equal(t, "enabled", list(), "[access-analyzer.amazonaws.com config.amazonaws.com]")
	w.done(alpha, "DisableAWSServiceAccess", config)
	w.done(alpha, "DisableAWSServiceAccess", config)
	equal(t, "disabled", list(), "[access-analyzer.amazonaws.com]")
}

func TestDelegatedAdministrators(t *testing.T) {
	w := newWorld(t, false)
	w.organization(alpha, beta)
	const service = "config.amazonaws.com"
	one := administrator(string(beta), service)
	w.refused(alpha, "RegisterDelegatedAdministrator", one, "ConstraintViolationException SERVICE_ACCESS_NOT_ENABLED")
	w.done(alpha, "EnableAWSServiceAccess", members{"ServicePrincipal": service})
	w.refused(alpha, "RegisterDelegatedAdministrator", administrator(string(alpha), service), "ConstraintViolationException CANNOT_REGISTER_MASTER_AS_DELEGATED_ADMINISTRATOR")
	w.refused(alpha, "RegisterDelegatedAdministrator", administrator(string(gamma), service), "AccountNotFoundException")
	w.refused(alpha, "RegisterDelegatedAdministrator", administrator(string(beta), "me"), "InvalidInputException UNRECOGNIZED_SERVICE_PRINCIPAL")
	w.refused(alpha, "DeregisterDelegatedAdministrator", one, "AccountNotRegisteredException")
	w.refused(alpha, "ListDelegatedServicesForAccount", members{"AccountId": string(beta)}, "AccountNotRegisteredException")
	w.refused(alpha, "ListDelegatedServicesForAccount", members{"AccountId": string(gamma)}, "AccountNotFoundException")
	w.refused(beta, "ListAccounts", nil, "AccessDeniedException")

	w.done(alpha, "RegisterDelegatedAdministrator", one)
	w.refused(alpha, "RegisterDelegatedAdministrator", one, "AccountAlreadyRegisteredException")
	w.restart()
	for _, in := range []members{nil, {"ServicePrincipal": service}} {
		list := do[organizations.ListDelegatedAdministratorsOutput](w, alpha, "ListDelegatedAdministrators", in).DelegatedAdministrators
		equal(t, "administrators", fmt.Sprint(len(list), list[0].ID, list[0].Status, list[0].State, list[0].DelegationEnabledDate.Time), fmt.Sprint(1, beta, "ACTIVE", "ACTIVE", w.now))
	}
	other := do[organizations.ListDelegatedAdministratorsOutput](w, alpha, "ListDelegatedAdministrators", members{"ServicePrincipal": "sso.amazonaws.com"})
	equal(t, "of another service", len(other.DelegatedAdministrators), 0)
	services := do[organizations.ListDelegatedServicesForAccountOutput](w, beta, "ListDelegatedServicesForAccount", members{"AccountId": string(beta)}).DelegatedServices
	equal(t, "services", fmt.Sprint(len(services), " ", services[0].ServicePrincipal), "1 "+service)

	w.done(beta, "ListAccounts", nil) // it may read now
	w.refused(beta, "CreateOrganizationalUnit", members{"ParentId": w.root(alpha), "Name": "x"}, "AccessDeniedException")
	const stays = "ConstraintViolationException CANNOT_REMOVE_DELEGATED_ADMINISTRATOR_FROM_ORG"
	w.refused(beta, "LeaveOrganization", nil, stays)
	w.refused(alpha, "RemoveAccountFromOrganization", members{"AccountId": string(beta)}, stays)
	w.refused(alpha, "CloseAccount", members{"AccountId": string(beta)}, stays)
	w.refused(alpha, "DisableAWSServiceAccess", members{"ServicePrincipal": service}, "ConstraintViolationException DELEGATED_ADMINISTRATOR_EXISTS_FOR_THIS_SERVICE")

	w.done(alpha, "DeregisterDelegatedAdministrator", one)
	w.refused(beta, "ListAccounts", nil, "AccessDeniedException")
	w.done(beta, "LeaveOrganization", nil)
}

func TestResourcePolicyAdmitsMembers(t *testing.T) {
	w := newWorld(t, false)
	org := w.organization(alpha, beta, gamma)
	root := w.enable(alpha, scp)
	mine := w.policy(alpha, scp, "mine", denyKinesis)
	for _, name := range []string{"DescribeResourcePolicy", "DeleteResourcePolicy"} {
		w.refused(alpha, name, nil, "ResourcePolicyNotFoundException")
	}
	w.refused(beta, "PutResourcePolicy", members{"Content": "{}"}, "AccessDeniedException")
	content := `{"Version":"2012-10-17","Statement":[
		{"Sid":"a","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::222222222222:root"},"Action":["organizations:Describe*","organizations:AttachPolicy"],"Resource":"*"},
		{"Sid":"b","Effect":"Allow","Principal":{"AWS":"222222222222"},"Action":["organizations:CreatePolicy","organizations:ListPolicies"],"Resource":"*",
		 "Condition":{"StringEquals":{"organizations:PolicyType":"SERVICE_CONTROL_POLICY"}}}]}`
	put := do[organizations.PutResourcePolicyOutput](w, alpha, "PutResourcePolicy", members{"Content": content, "Tags": []any{members{"Key": "a", "Value": "b"}}}).ResourcePolicy
	equal(t, "ARN", put.ResourcePolicySummary.ARN, "arn:aws:organizations::111111111111:resourcepolicy/"+org.ID+"/"+put.ResourcePolicySummary.ID)
	w.restart()
	equal(t, "content", do[organizations.DescribeResourcePolicyOutput](w, beta, "DescribeResourcePolicy", nil).ResourcePolicy.Content, content)
	w.done(beta, "DescribePolicy", members{"PolicyId": mine})
	w.done(beta, "AttachPolicy", members{"PolicyId": mine, "TargetId": root})
	w.done(beta, "ListPolicies", members{"Filter": scp})
	w.done(beta, "CreatePolicy", members{"Type": scp, "Name": "beta's", "Description": "", "Content": denyKinesis})
	const denied = "AccessDeniedException"
	w.refused(beta, "ListPolicies", members{"Filter": rcp}, denied)
	w.refused(beta, "CreatePolicy", members{"Type": rcp, "Name": "beta's", "Description": "", "Content": denyKinesisRCP}, denied)
	w.refused(beta, "DetachPolicy", members{"PolicyId": mine, "TargetId": root}, denied)
	w.refused(beta, "ListAccounts", nil, denied)
	w.refused(beta, "CloseAccount", members{"AccountId": string(gamma)}, denied)
	w.refused(gamma, "DescribePolicy", members{"PolicyId": mine}, denied)

	again := do[organizations.PutResourcePolicyOutput](w, alpha, "PutResourcePolicy", members{"Content": content}).ResourcePolicy
	equal(t, "the id stays", again.ResourcePolicySummary.ID, put.ResourcePolicySummary.ID)
	w.done(alpha, "DeleteResourcePolicy", nil)
	w.refused(beta, "DescribePolicy", members{"PolicyId": mine}, denied)
}

// Who may attach one policy anywhere, or any policy to one unit, may not do the rest.
func TestResourcePolicyMustAdmitToEveryThingOfAnOperation(t *testing.T) {
	w := newWorld(t, false)
	org := w.organization(alpha, beta)
	root := w.enable(alpha, scp)
	unit, other := w.unit(alpha, root, "u"), w.unit(alpha, root, "other")
	mine := w.policy(alpha, scp, "mine", denyKinesis)
	policyARN := "arn:aws:organizations::111111111111:policy/" + org.ID + "/service_control_policy/" + mine
	unitARN := "arn:aws:organizations::111111111111:ou/" + org.ID + "/" + unit
	admit := func(resources string) {
		w.done(alpha, "PutResourcePolicy", members{"Content": `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"222222222222"},"Action":["organizations:AttachPolicy","organizations:DetachPolicy"],"Resource":` + resources + `}}`})
	}
	onUnit := members{"PolicyId": mine, "TargetId": unit}
	for _, half := range []string{`"` + policyARN + `"`, `"` + unitARN + `"`} {
		admit(half)
		w.refused(beta, "AttachPolicy", onUnit, "AccessDeniedException")
	}
	admit(`["` + policyARN + `","` + unitARN + `"]`)
	w.done(beta, "AttachPolicy", onUnit)
	w.refused(beta, "AttachPolicy", members{"PolicyId": mine, "TargetId": other}, "AccessDeniedException")
	w.refused(beta, "AttachPolicy", members{"PolicyId": mine, "TargetId": root}, "AccessDeniedException")
	w.done(beta, "DetachPolicy", onUnit)
}

func TestResourcePoliciesThatAreRefused(t *testing.T) {
	w := newWorld(t, false)
	w.organization(alpha)
	statement := func(principal, action, resource string) string {
		return `{"Version":"2012-10-17","Statement":[{"Sid":"a","Effect":"Allow","Principal":` + principal + `,"Action":"` + action + `","Resource":"` + resource + `"}]}`
	}
	const someone = `{"AWS":"222222222222"}`
	for content, want := range map[string]string{
		"{": "INVALID_RESOURCE_POLICY_JSON",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"organizations:ListRoots","Resource":"*"}]}`:                                       "INVALID_RESOURCE_POLICY_JSON",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"222222222222"},"NotAction":"organizations:ListRoots","Resource":"*"}]}`: "INVALID_RESOURCE_POLICY_JSON",
		statement(`{"Service":"logs.amazonaws.com"}`, "organizations:ListRoots", "*"):                                                                       "INVALID_PRINCIPAL",
		statement(someone, "organizations:CloseAccount", "*"):                                                                                               "UNSUPPORTED_ACTION_IN_RESOURCE_POLICY",
		statement(someone, "organizations:*", "*"):                                                                                                          "UNSUPPORTED_ACTION_IN_RESOURCE_POLICY",
		statement(someone, "iam:ListRoles", "*"):                                                                                                            "UNSUPPORTED_ACTION_IN_RESOURCE_POLICY",
		statement(someone, "*", "*"):                                                                                                                        "UNSUPPORTED_ACTION_IN_RESOURCE_POLICY",
		statement(someone, "organizations:ListRoots", "arn:aws:s3:::bucket"):                                                                                "UNSUPPORTED_RESOURCE_IN_RESOURCE_POLICY",
	} {
		w.refused(alpha, "PutResourcePolicy", members{"Content": content}, "InvalidInputException "+want)
	}
}
