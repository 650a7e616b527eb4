package iam

import (
	"context"
	"strings"

	"tributary/internal/pure/arn"
	"tributary/internal/pure/policy"
	"tributary/internal/service/api"
)

// serviceRolePath begins the path of every service-linked role and of the managed
// policies that only such roles have.
const serviceRolePath = "/aws-service-role/"

// A linkedService is a service that has a role of its own in an account.
type linkedService struct {
	roleName string
	policy   string // name of the managed policy that its role has
	suffix   bool   // an account may have several of its roles
}

// linkedServices are the services for which a role can be made, by the name of
// their principal.
func linkedServices() map[string]linkedService {
	return map[string]linkedService{
		"organizations.amazonaws.com":                       {"AWSServiceRoleForOrganizations", "AWSOrganizationsServiceTrustPolicy", false},
		"delivery.logs.amazonaws.com":                       {"AWSServiceRoleForLogDelivery", "AWSLogDeliveryServiceRolePolicy", false},
		"observabilityadmin.amazonaws.com":                  {"AWSServiceRoleForObservabilityAdmin", "AWSObservabilityAdminServiceRolePolicy", false},
		"kinesisanalytics.amazonaws.com":                    {"AWSServiceRoleForKinesisAnalytics", "", true},
		"autoscaling.amazonaws.com":                         {"AWSServiceRoleForAutoScaling", "", true},
		"lex.amazonaws.com":                                 {"AWSServiceRoleForLexBots", "", true},
		"access-analyzer.amazonaws.com":                     {"AWSServiceRoleForAccessAnalyzer", "", false},
		"cloudtrail.amazonaws.com":                          {"AWSServiceRoleForCloudTrail", "", false},
		"config.amazonaws.com":                              {"AWSServiceRoleForConfig", "", false},
		"guardduty.amazonaws.com":                           {"AWSServiceRoleForAmazonGuardDuty", "", false},
		"ram.amazonaws.com":                                 {"AWSServiceRoleForResourceAccessManager", "", false},
		"sso.amazonaws.com":                                 {"AWSServiceRoleForSSO", "", false},
		"member.org.stacksets.cloudformation.amazonaws.com": {"AWSServiceRoleForCloudFormationStackSetsOrgMember", "", false},
	}
}

// linkedRole is the path and name of the role that a service would have.
func linkedRole(serviceName, suffix string) (path, name string, err error) {
	service, known := linkedServices()[serviceName]
	if !known {
		return "", "", errInvalidInput("Service " + serviceName + " has no service-linked role.")
	}
	name = service.roleName
	if suffix != "" {
		if !service.suffix {
			return "", "", errInvalidInput("Custom suffix is not allowed for " + serviceName)
		}
		name += "_" + suffix
	}
	return serviceRolePath + serviceName + "/", name, nil
}

// linked reports whether a role is a service's.
func (r *roleRecord) linked() bool { return strings.HasPrefix(r.Path, serviceRolePath) }

// lockedRole refuses what only the service may do with its role.
func lockedRole(r *roleRecord) error {
	if r.linked() {
		return errUnmodifiable(r.Name)
	}
	return nil
}

// createServiceLinkedRole makes the role of a service in the account: only that
// service may assume it, no service control policy limits it, and nobody can
// change it but by deleting it with DeleteServiceLinkedRole.
func (s *Service) createServiceLinkedRole(ctx context.Context, call *api.Call, in *CreateServiceLinkedRoleInput) (*CreateServiceLinkedRoleOutput, error) {
	path, name, err := linkedRole(in.AWSServiceName, in.CustomSuffix)
	if err != nil {
		return nil, err
	}
	e, err := s.newEntity(call.Account(), "AROA", path, name, nil)
	if err != nil {
		return nil, err
	}
	r := roleRecord{Identity: Identity{Entity: e}, Description: in.Description, MaxSession: defaultMaxSession}
	r.Trust, err = s.newTrust(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":["` +
		in.AWSServiceName + `"]},"Action":["sts:AssumeRole"]}]}`)
	if err != nil {
		return nil, err
	}
	if p := linkedServices()[in.AWSServiceName].policy; p != "" {
		r.Attached = []string{awsPolicyARN(serviceRolePath + p)}
	}
	if err := s.roles.create(ctx, r, nil); err != nil {
		if alreadyExists(err) {
			return nil, errServiceRoleTaken(name)
		}
		return nil, err
	}
	out := s.wireRole(r)
	return &CreateServiceLinkedRoleOutput{Role: &out}, nil
}

// taskPrefix begins the id of the task that deletes a service-linked role.
const taskPrefix = "task"

// deleteServiceLinkedRole deletes the role of a service. No service here keeps
// anything that needs its role, so that the task is done when this is answered.
// Its id says, sealed, which role it was: nothing is stored for it.
func (s *Service) deleteServiceLinkedRole(ctx context.Context, call *api.Call, in *DeleteServiceLinkedRoleInput) (*DeleteServiceLinkedRoleOutput, error) {
	var path string
	err := s.roles.remove(ctx, call, in.RoleName, func(r *roleRecord) error {
		if !r.linked() {
			return errNotServiceRole(r.Name)
		}
		path = r.Path
		return nil
	})
	if err != nil {
		return nil, err
	}
	task := taskPrefix + path + in.RoleName + "/"
	return &DeleteServiceLinkedRoleOutput{
		DeletionTaskID: task + s.markers.SealText(taskBinding(call, task), []byte("deleted")),
	}, nil
}

// taskBinding is what the end of a task's id is sealed for: the account and the
// beginning of the id.
func taskBinding(call *api.Call, task string) string { return string(call.Account()) + "\x00" + task }

// getServiceLinkedRoleDeletionStatus answers that the deletion has succeeded, if
// there was one of that id in this account.
func (s *Service) getServiceLinkedRoleDeletionStatus(_ context.Context, call *api.Call, in *GetServiceLinkedRoleDeletionStatusInput) (*GetServiceLinkedRoleDeletionStatusOutput, error) {
	task, seal := cutTask(in.DeletionTaskID)
	if _, err := s.markers.OpenText(taskBinding(call, task), seal); err != nil {
		return nil, errNoSuchTask(in.DeletionTaskID)
	}
	return &GetServiceLinkedRoleDeletionStatusOutput{Status: "SUCCEEDED"}, nil
}

// cutTask cuts the id of a deletion task before its sealed end.
func cutTask(id string) (task, seal string) {
	i := strings.LastIndexByte(id, '/') + 1
	return id[:i], id[i:]
}

// targetCreateLinkedRole asks for the role that would be made.
func targetCreateLinkedRole(call *api.Call, in *CreateServiceLinkedRoleInput) ([]api.Access, error) {
	path, name, err := linkedRole(in.AWSServiceName, in.CustomSuffix)
	if err != nil {
		return nil, err
	}
	resource := arn.New("iam", "", call.Account(), "role"+path+name)
	return access(call, resource, policy.Context{"iam:awsservicename": {in.AWSServiceName}}), nil
}

// targetDeletionTask asks for the role that a deletion task names.
func targetDeletionTask(call *api.Call, in *GetServiceLinkedRoleDeletionStatusInput) ([]api.Access, error) {
	task, _ := cutTask(in.DeletionTaskID)
	role := strings.TrimSuffix(strings.TrimPrefix(task, taskPrefix), "/")
	if !strings.HasPrefix(role, serviceRolePath) {
		return nil, errNoSuchTask(in.DeletionTaskID)
	}
	return access(call, arn.New("iam", "", call.Account(), "role"+role), nil), nil
}
