package iam_test

import (
	"strings"
	"testing"

	"tributary/internal/service/iam"
)

func TestLifeOfAServiceLinkedRole(t *testing.T) {
	w := newWorld(t, false)
	a := root(alpha)
	const name = "AWSServiceRoleForOrganizations"
	r := do[iam.CreateServiceLinkedRoleOutput](w, a, "iam:CreateServiceLinkedRole", members{"AWSServiceName": "organizations.amazonaws.com", "Description": "d"}).Role
	equal(t, "ARN", r.ARN, "arn:aws:iam::111111111111:role/aws-service-role/organizations.amazonaws.com/"+name)
	w.refused(a, "iam:CreateServiceLinkedRole", members{"AWSServiceName": "organizations.amazonaws.com"},
		"InvalidInput: Service role name "+name+" has been taken in this account, please try a different suffix.")
	attached := do[iam.ListAttachedRolePoliciesOutput](w, a, "iam:ListAttachedRolePolicies", members{"RoleName": name}).AttachedPolicies
	equal(t, "attached", attached[0].PolicyARN, awsPolicy("aws-service-role/AWSOrganizationsServiceTrustPolicy"))

	locked := "UnmodifiableEntity: Cannot perform the operation on the protected role '" + name + "' - this role is only modifiable by AWS"
	doc := allow("*", "*")
	for action, in := range map[string]members{
		"iam:DeleteRole": nil, "iam:UpdateRole": nil, "iam:DeleteRolePermissionsBoundary": nil,
		"iam:UpdateRoleDescription":      {"Description": "x"},
		"iam:UpdateAssumeRolePolicy":     {"PolicyDocument": trustOf(`"*"`, "")},
		"iam:PutRolePolicy":              {"PolicyName": "p", "PolicyDocument": doc},
		"iam:DeleteRolePolicy":           {"PolicyName": "p"},
		"iam:AttachRolePolicy":           {"PolicyArn": awsPolicy("ReadOnlyAccess")},
		"iam:DetachRolePolicy":           {"PolicyArn": attached[0].PolicyARN},
		"iam:PutRolePermissionsBoundary": {"PermissionsBoundary": awsPolicy("ReadOnlyAccess")},
	} {
		w.refused(a, action, with(in, members{"RoleName": name}), locked)
	}
	w.done(a, "iam:TagRole", members{"RoleName": name, "Tags": tagsOf("a", "b")})

	w.role(alpha, "plain", `"*"`)
	w.refused(a, "iam:DeleteServiceLinkedRole", members{"RoleName": "plain"}, "InvalidInput: Role plain is not a service-linked role.")
	task := do[iam.DeleteServiceLinkedRoleOutput](w, a, "iam:DeleteServiceLinkedRole", members{"RoleName": name}).DeletionTaskID
	if !strings.HasPrefix(task, "task/aws-service-role/organizations.amazonaws.com/"+name+"/") {
		t.Errorf("task is %s", task)
	}
	w.restart()
	status := do[iam.GetServiceLinkedRoleDeletionStatusOutput](w, a, "iam:GetServiceLinkedRoleDeletionStatus", members{"DeletionTaskId": task})
	equal(t, "status", status.Status, "SUCCEEDED")
	w.refused(root(beta), "iam:GetServiceLinkedRoleDeletionStatus", members{"DeletionTaskId": task}, "NoSuchEntity: Deletion task "+task+" does not exist.")
	for _, bad := range []string{"task", task + "x", "task/aws-service-role/a/b/c"} {
		w.refused(a, "iam:GetServiceLinkedRoleDeletionStatus", members{"DeletionTaskId": bad}, "NoSuchEntity: Deletion task "+bad+" does not exist.")
	}
	w.refused(a, "iam:GetRole", members{"RoleName": name}, "NoSuchEntity: The role with name "+name+" cannot be found.")
	w.refused(a, "iam:DeleteServiceLinkedRole", members{"RoleName": name}, "NoSuchEntity: The role with name "+name+" cannot be found.")
}

func TestServiceLinkedRolesThatCannotBeMade(t *testing.T) {
	w := newWorld(t, false)
	a := root(alpha)
	r := do[iam.CreateServiceLinkedRoleOutput](w, a, "iam:CreateServiceLinkedRole", members{"AWSServiceName": "autoscaling.amazonaws.com", "CustomSuffix": "mine"}).Role
	equal(t, "name", r.RoleName, "AWSServiceRoleForAutoScaling_mine")
	w.refused(a, "iam:CreateServiceLinkedRole", members{"AWSServiceName": "organizations.amazonaws.com", "CustomSuffix": "x"}, "InvalidInput: Custom suffix is not allowed for organizations.amazonaws.com")
	w.refused(a, "iam:CreateServiceLinkedRole", members{"AWSServiceName": "none.amazonaws.com"}, "InvalidInput: Service none.amazonaws.com has no service-linked role.")
	w.refused(a, "iam:CreateRole", members{"RoleName": "r", "Path": "/aws-service-role/x/", "AssumeRolePolicyDocument": trustOf(`"*"`, "")},
		"InvalidInput: Path /aws-service-role/ is reserved for service-linked roles.")
}
