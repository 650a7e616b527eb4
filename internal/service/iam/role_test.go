package iam_test

import (
	"testing"

	"tributary/internal/service/api"
	"tributary/internal/service/iam"
)

func TestUpdateRole(t *testing.T) {
	w := newWorld(t, false)
	a := root(alpha)
	w.role(alpha, "r", `"*"`)
	get := func() *iam.Role {
		return do[iam.GetRoleOutput](w, a, "iam:GetRole", members{"RoleName": "r"}).Role
	}
	w.done(a, "iam:UpdateRole", members{"RoleName": "r", "Description": "one", "MaxSessionDuration": api.Number("7200")})
	equal(t, "duration", *get().MaxSessionDuration, int32(7200))
	w.done(a, "iam:UpdateRole", members{"RoleName": "r"})
	equal(t, "duration that is not given", *get().MaxSessionDuration, int32(3600))
	equal(t, "description that is not given", get().Description, "one")
	out := do[iam.UpdateRoleDescriptionOutput](w, a, "iam:UpdateRoleDescription", members{"RoleName": "r", "Description": ""})
	equal(t, "description", out.Role.Description+get().Description, "")
	w.refused(a, "iam:UpdateRole", members{"RoleName": "none"}, "NoSuchEntity: The role with name none cannot be found.")
	w.refused(a, "iam:UpdateRole", members{"RoleName": "r", "MaxSessionDuration": api.Number("3599")},
		"ValidationError: 1 validation error detected: Value at 'maxSessionDuration' failed to satisfy constraint: Member must have value greater than or equal to 3600")
}
