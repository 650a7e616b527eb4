package iam_test

import (
	"fmt"
	"testing"

	"tributary/internal/service/api"
	"tributary/internal/service/iam"
)

// tagsOf makes a list of tags of keys and values.
func tagsOf(pairs ...string) []any {
	var tags []any
	for i := 0; i < len(pairs); i += 2 {
		tags = append(tags, members{"Key": pairs[i], "Value": pairs[i+1]})
	}
	return tags
}

func TestTagsOfUsersRolesAndPolicies(t *testing.T) {
	w := newWorld(t, false)
	a := root(alpha)
	w.done(a, "iam:CreateUser", members{"UserName": "x"})
	w.role(alpha, "x", `"*"`)
	policyARN := w.policy(alpha, "x", allow("logs:*", "*"))
	for _, c := range []struct {
		noun string
		name members
		list func(in members) (tags []iam.Tag, marker string)
	}{
		{"User", members{"UserName": "x"}, func(in members) ([]iam.Tag, string) {
			out := do[iam.ListUserTagsOutput](w, a, "iam:ListUserTags", in)
			return out.Tags, out.Marker
		}},
		{"Role", members{"RoleName": "x"}, func(in members) ([]iam.Tag, string) {
			out := do[iam.ListRoleTagsOutput](w, a, "iam:ListRoleTags", in)
			return out.Tags, out.Marker
		}},
		{"Policy", members{"PolicyArn": policyARN}, func(in members) ([]iam.Tag, string) {
			out := do[iam.ListPolicyTagsOutput](w, a, "iam:ListPolicyTags", in)
			return out.Tags, out.Marker
		}},
	} {
		t.Run(c.noun, func(t *testing.T) {
			w.t = t
			tag := func(pairs ...string) members { return with(c.name, members{"Tags": tagsOf(pairs...)}) }
			w.done(a, "iam:Tag"+c.noun, tag("a", "1", "b", "2", "c", "3"))
			w.done(a, "iam:Tag"+c.noun, tag("B", "4")) // keys are the same in any case
			first, marker := c.list(with(c.name, members{"MaxItems": api.Number("2")}))
			second, _ := c.list(with(c.name, members{"Marker": marker}))
			equal(t, "tags", fmt.Sprint(first, second), "[{B 4} {a 1}] [{c 3}]")
			w.done(a, "iam:Untag"+c.noun, with(c.name, members{"TagKeys": []any{"b", "A", "none"}}))
			rest, _ := c.list(c.name)
			equal(t, "after removal", fmt.Sprint(rest), "[{c 3}]")

			w.refused(a, "iam:Tag"+c.noun, tag("k", "1", "K", "2"), "InvalidInput: Duplicate tag keys found. Please note that Tag keys are case insensitive.")
			w.refused(a, "iam:Tag"+c.noun, tag("aws:k", "1"), "InvalidInput: Tag keys beginning with aws: are reserved.")
			var many []string
			for i := range 50 {
				many = append(many, fmt.Sprint("k", i), "v")
			}
			w.refused(a, "iam:Tag"+c.noun, tag(many...), "LimitExceeded: The number of tags has reached the maximum limit.")
			w.done(a, "iam:Tag"+c.noun, tag(many[2:]...))
		})
	}
	w.t = t
	w.refused(a, "iam:TagUser", members{"UserName": "none", "Tags": tagsOf("a", "b")}, "NoSuchEntity: The user with name none cannot be found.")
	w.refused(a, "iam:UntagRole", members{"RoleName": "none", "TagKeys": []any{"a"}}, "NoSuchEntity: The role with name none cannot be found.")
	w.refused(a, "iam:ListRoleTags", members{"RoleName": "none"}, "NoSuchEntity: The role with name none cannot be found.")
}
