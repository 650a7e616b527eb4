package organizations_test

import (
	"encoding/json"
	"testing"

	"tributary/internal/service/organizations"
)

const tagPolicy = "TAG_POLICY"

func TestEffectivePolicyMergesFromRootToAccount(t *testing.T) {
	for _, c := range []struct{ name, root, unit, account, want string }{
		{"the root's alone", `{"tags":{"team":{"tag_key":{"@@assign":"Team"}}}}`, "", "", `{"tags":{"team":{"tag_key":"Team"}}}`},
		{
			"assign replaces", `{"tags":{"team":{"tag_value":{"@@assign":["a","b"]}}}}`, "", `{"tags":{"team":{"tag_value":{"@@assign":["c"]}}}}`,
			`{"tags":{"team":{"tag_value":["c"]}}}`,
		},
		{
			"append and remove", `{"tags":{"team":{"tag_value":{"@@assign":["a","b"]}}}}`, `{"tags":{"team":{"tag_value":{"@@append":["c","a"]}}}}`,
			`{"tags":{"team":{"tag_value":{"@@remove":"b"}}}}`, `{"tags":{"team":{"tag_value":["a","c"]}}}`,
		},
		{
			"other settings stay", `{"tags":{"team":{"tag_key":{"@@assign":"Team"}}}}`, `{"tags":{"cost":{"tag_key":{"@@assign":"Cost"}}}}`, "",
			`{"tags":{"cost":{"tag_key":"Cost"},"team":{"tag_key":"Team"}}}`,
		},
		{
			"nothing allowed below", `{"tags":{"team":{"tag_key":{"@@assign":"Team","@@operators_allowed_for_child_policies":["@@none"]}}}}`,
			`{"tags":{"team":{"tag_key":{"@@assign":"TEAM"}}}}`, "", `{"tags":{"team":{"tag_key":"Team"}}}`,
		},
		{
			"only append allowed below", `{"tags":{"team":{"@@operators_allowed_for_child_policies":["@@append"],"tag_value":{"@@assign":["a"]}}}}`,
			`{"tags":{"team":{"tag_value":{"@@assign":["b"],"@@append":["c"]}}}}`, "", `{"tags":{"team":{"tag_value":["a","c"]}}}`,
		},
		{"the account's alone", "", "", `{"tags":{"n":{"days":{"@@assign":3}}}}`, `{"tags":{"n":{"days":3}}}`},
		{"none", "", "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, false)
			w.organization(alpha, beta)
			root := w.enable(alpha, tagPolicy)
			unit := w.unit(alpha, root, "u")
			w.move(alpha, beta, root, unit)
			for target, content := range map[string]string{root: c.root, unit: c.unit, string(beta): c.account} {
				if content != "" {
					w.attach(alpha, w.policy(alpha, tagPolicy, "of "+target, content), target)
				}
			}
			if c.want == "" {
				w.refused(beta, "DescribeEffectivePolicy", members{"PolicyType": tagPolicy}, "EffectivePolicyNotFoundException")
				return
			}
			own := do[organizations.DescribeEffectivePolicyOutput](w, beta, "DescribeEffectivePolicy", members{"PolicyType": tagPolicy}).EffectivePolicy
			equal(t, "own", own.PolicyContent, c.want)
			equal(t, "target", own.TargetID+" "+own.PolicyType, string(beta)+" "+tagPolicy)
			asked := do[organizations.DescribeEffectivePolicyOutput](w, alpha, "DescribeEffectivePolicy", members{"PolicyType": tagPolicy, "TargetId": string(beta)}).EffectivePolicy
			equal(t, "for the management account", asked.PolicyContent, c.want)
		})
	}
}

func TestEffectivePolicyIsOnesOwnBusiness(t *testing.T) {
	w := newWorld(t, false)
	w.organization(alpha, beta)
	in := func(target string) members { return members{"PolicyType": tagPolicy, "TargetId": target} }
	w.refused(beta, "DescribeEffectivePolicy", in(string(alpha)), "AccessDeniedException")
	w.refused(gamma, "DescribeEffectivePolicy", in(string(gamma)), "AWSOrganizationsNotInUseException")
	w.refused(alpha, "DescribeEffectivePolicy", in(string(gamma)), "TargetNotFoundException")
	w.refused(alpha, "DescribeEffectivePolicy", in(w.root(alpha)), "TargetNotFoundException")
	w.refused(beta, "DescribeEffectivePolicy", members{"PolicyType": scp}, "InvalidInputException INVALID_ENUM")
}

func FuzzEffectivePolicy(f *testing.F) {
	f.Add(`{"tags":{"team":{"tag_value":{"@@assign":["a"],"@@append":["b"]}}}}`, `{"tags":{"team":{"tag_value":{"@@remove":["a"]}}}}`)
	f.Add(`{"a":{"@@assign":1,"b":{"@@assign":[]}}}`, `{"a":{"@@operators_allowed_for_child_policies":["@@none"]}}`)
	f.Add(`{"a":null}`, `[]`)
	f.Fuzz(func(t *testing.T, upper, lower string) {
		text, err := organizations.EffectiveSettings(upper, lower)
		if err != nil {
			return
		}
		if !json.Valid([]byte(text)) {
			t.Fatalf("%s and %s became %s", upper, lower, text)
		}
		again, err := organizations.EffectiveSettings(upper, lower)
		if err != nil || again != text {
			t.Fatalf("%s and %s became %s, then %s, %v", upper, lower, text, again, err)
		}
	})
}

func TestSettingsThatAreRefused(t *testing.T) {
	for _, text := range []string{
		"", "[]", "{}", "null", `{"a":1}`, `{"a":{"@@assign":{}}}`, `{"a":{"@@assign":[1]}}`, `{"a":{"@@append":1}}`,
		`{"a":{"@@other":"b"}}`, `{"a":{"@@operators_allowed_for_child_policies":["@@some"]}}`, `{"a":{"@@assign":"b"},"a":{}}`,
	} {
		if got, err := organizations.EffectiveSettings(text, text); err == nil {
			t.Errorf("%s became %s", text, got)
		}
	}
}
