package organizations_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"tributary/internal/pure/arn"
	"tributary/internal/service/api"
	"tributary/internal/service/organizations"
)

const (
	scp = "SERVICE_CONTROL_POLICY"
	rcp = "RESOURCE_CONTROL_POLICY"

	denyKinesis    = `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"kinesis:*","Resource":"*"}]}`
	denyKinesisRCP = `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"kinesis:*","Resource":"*"}]}`
)

// enable enables a type of policy on the root and returns the root's id.
func (w *world) enable(account arn.AccountID, policyType string) string {
	w.t.Helper()
	root := w.root(account)
	w.done(account, "EnablePolicyType", members{"RootId": root, "PolicyType": policyType})
	return root
}

// policy makes a policy and returns its id.
func (w *world) policy(account arn.AccountID, policyType, name, content string) string {
	w.t.Helper()
	return do[organizations.CreatePolicyOutput](w, account, "CreatePolicy", members{
		"Type": policyType, "Name": name, "Description": "", "Content": content,
	}).Policy.PolicySummary.ID
}

func (w *world) attach(account arn.AccountID, policy, target string) {
	w.t.Helper()
	w.done(account, "AttachPolicy", members{"PolicyId": policy, "TargetId": target})
}

// attached are the ids of the policies that are attached to a target, in order.
func (w *world) attached(account arn.AccountID, policyType, target string) string {
	w.t.Helper()
	var ids []string
	for _, p := range do[organizations.ListPoliciesForTargetOutput](w, account, "ListPoliciesForTarget", members{"TargetId": target, "Filter": policyType}).Policies {
		ids = append(ids, p.ID)
	}
	return strings.Join(ids, " ")
}

func TestPolicyLivesAndDies(t *testing.T) {
	w := newWorld(t, false)
	org := w.organization(alpha)
	in := members{
		"Type": scp, "Name": "no streams", "Description": "d", "Content": denyKinesis,
		"Tags": []any{members{"Key": "a", "Value": "b"}},
	}
	p := do[organizations.CreatePolicyOutput](w, alpha, "CreatePolicy", in).Policy
	s := p.PolicySummary
	equal(t, "policy", fmt.Sprint(s.ARN, s.Name, s.Description, s.Type, *s.AwsManaged, p.Content),
		fmt.Sprint("arn:aws:organizations::111111111111:policy/"+org.ID+"/service_control_policy/"+s.ID, "no streams", "d", scp, false, denyKinesis))
	w.refused(alpha, "CreatePolicy", in, "DuplicatePolicyException")
	in["Type"], in["Content"] = rcp, denyKinesisRCP
	w.done(alpha, "CreatePolicy", in) // the same name in another type

	id := members{"PolicyId": s.ID}
	w.refused(alpha, "UpdatePolicy", members{"PolicyId": s.ID, "Name": "FullAWSAccess"}, "DuplicatePolicyException")
	w.refused(alpha, "UpdatePolicy", members{"PolicyId": s.ID, "Content": "{}"}, "MalformedPolicyDocumentException")
	w.done(alpha, "UpdatePolicy", members{"PolicyId": s.ID, "Name": "other"})
	w.restart()
	p = do[organizations.DescribePolicyOutput](w, alpha, "DescribePolicy", id).Policy
	equal(t, "updated", fmt.Sprint(p.PolicySummary.Name, p.PolicySummary.Description, p.Content), fmt.Sprint("other", "d", denyKinesis))

	root := w.enable(alpha, scp)
	w.attach(alpha, s.ID, root)
	w.refused(alpha, "DeletePolicy", id, "PolicyInUseException")
	w.done(alpha, "DetachPolicy", members{"PolicyId": s.ID, "TargetId": root})
	w.done(alpha, "DeletePolicy", id)
	for _, name := range []string{"DescribePolicy", "DeletePolicy", "UpdatePolicy", "ListTargetsForPolicy"} {
		w.refused(alpha, name, id, "PolicyNotFoundException")
	}
}

func TestPoliciesThatAreRefused(t *testing.T) {
	w := newWorld(t, false)
	w.organization(alpha)
	allow := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"kinesis:*","Resource":"*"}]}`
	for _, c := range []struct{ kind, content, want string }{
		{scp, "{", "MalformedPolicyDocumentException"},
		{scp, denyKinesisRCP, "MalformedPolicyDocumentException"},
		{scp, strings.Repeat(" ", 10240-len(denyKinesis)) + denyKinesis, ""},
		{rcp, denyKinesis, "MalformedPolicyDocumentException"},
		{rcp, allow, "MalformedPolicyDocumentException"},
		{rcp, strings.ReplaceAll(denyKinesisRCP, "kinesis:*", "*"), "MalformedPolicyDocumentException"},
		{rcp, strings.ReplaceAll(denyKinesisRCP, `"Action"`, `"NotAction"`), "MalformedPolicyDocumentException"},
		{rcp, strings.ReplaceAll(denyKinesisRCP, `"*","Action`, `{"AWS":"111111111111"},"Action`), "MalformedPolicyDocumentException"},
		{rcp, denyKinesisRCP, ""},
		{"TAG_POLICY", `{"tags":{"a":{"tag_key":"A"}}}`, "MalformedPolicyDocumentException"},
		{"TAG_POLICY", `{"tags":{"a":{"tag_key":{"@@assign":"A"}}}}`, ""},
	} {
		in := members{"Type": c.kind, "Name": "of " + c.kind, "Description": "", "Content": c.content}
		if c.want == "" {
			w.done(alpha, "CreatePolicy", in)
		} else {
			w.refused(alpha, "CreatePolicy", in, c.want)
		}
	}
	w.refused(alpha, "CreatePolicy", members{"Type": "OTHER", "Name": "n", "Description": "", "Content": "{}"}, "InvalidInputException INVALID_ENUM")
}

func TestAWSPoliciesCannotBeChanged(t *testing.T) {
	w := newWorld(t, false)
	w.organization(alpha)
	for kind, want := range map[string]string{
		scp: "p-FullAWSAccess FullAWSAccess arn:aws:organizations::aws:policy/service_control_policy/p-FullAWSAccess true",
		rcp: "p-RCPFullAWSAccess RCPFullAWSAccess arn:aws:organizations::aws:policy/resource_control_policy/p-RCPFullAWSAccess true",
	} {
		list := do[organizations.ListPoliciesOutput](w, alpha, "ListPolicies", members{"Filter": kind}).Policies
		p := list[0]
		equal(t, kind, fmt.Sprint(len(list), " ", p.ID, " ", p.Name, " ", p.ARN, " ", *p.AwsManaged), "1 "+want)
		w.refused(alpha, "DeletePolicy", members{"PolicyId": p.ID}, "InvalidInputException IMMUTABLE_POLICY")
		w.refused(alpha, "UpdatePolicy", members{"PolicyId": p.ID, "Name": "mine"}, "InvalidInputException IMMUTABLE_POLICY")
		w.refused(alpha, "TagResource", members{"ResourceId": p.ID, "Tags": []any{members{"Key": "a", "Value": "b"}}}, "TargetNotFoundException")
		if content := do[organizations.DescribePolicyOutput](w, alpha, "DescribePolicy", members{"PolicyId": p.ID}).Policy.Content; !strings.Contains(content, `"Action": "*"`) {
			t.Errorf("content of %s: %s", p.ID, content)
		}
	}
	if list := do[organizations.ListPoliciesOutput](w, alpha, "ListPolicies", members{"Filter": "TAG_POLICY"}).Policies; len(list) != 0 {
		t.Errorf("tag policies: %v", list)
	}
}

func TestPoliciesComeInPages(t *testing.T) {
	w := newWorld(t, false)
	w.organization(alpha)
	for i := range 22 {
		w.policy(alpha, scp, fmt.Sprint(i), denyKinesis)
		w.policy(alpha, rcp, fmt.Sprint(i), denyKinesisRCP)
	}
	for _, limit := range []string{"1", "7", "20"} {
		seen := map[string]bool{}
		token := ""
		for first := true; first || token != ""; first = false {
			out := do[organizations.ListPoliciesOutput](w, alpha, "ListPolicies", members{"Filter": scp, "MaxResults": api.Number(limit), "NextToken": token})
			for _, p := range out.Policies {
				if seen[p.ID] || p.Type != scp {
					t.Errorf("limit %s: %s of type %s again or of the wrong type", limit, p.ID, p.Type)
				}
				seen[p.ID] = true
			}
			token = out.NextToken
		}
		equal(t, "policies with limit "+limit, len(seen), 23)
	}
}

func TestPolicyTypesAreEnabledOnTheRoot(t *testing.T) {
	w := newWorld(t, false)
	w.organization(alpha, beta)
	root := w.root(alpha)
	unit := w.unit(alpha, root, "u")
	mine := w.policy(alpha, scp, "mine", denyKinesis)
	w.refused(alpha, "AttachPolicy", members{"PolicyId": mine, "TargetId": root}, "PolicyTypeNotEnabledException")
	w.refused(alpha, "DisablePolicyType", members{"RootId": root, "PolicyType": scp}, "PolicyTypeNotEnabledException")
	w.refused(alpha, "EnablePolicyType", members{"RootId": "r-none", "PolicyType": scp}, "RootNotFoundException")
	equal(t, "before", w.attached(alpha, scp, root), "")

	on := do[organizations.EnablePolicyTypeOutput](w, alpha, "EnablePolicyType", members{"RootId": root, "PolicyType": scp}).Root
	equal(t, "types", fmt.Sprint(on.PolicyTypes), fmt.Sprint([]organizations.PolicyTypeSummary{{Type: scp, Status: "ENABLED"}}))
	w.refused(alpha, "EnablePolicyType", members{"RootId": root, "PolicyType": scp}, "PolicyTypeAlreadyEnabledException")
	later := w.unit(alpha, unit, "later")
	for _, target := range []string{root, unit, later, string(alpha), string(beta)} {
		equal(t, "at once attached to "+target, w.attached(alpha, scp, target), "p-FullAWSAccess")
	}
	w.attach(alpha, mine, unit)
	w.attach(alpha, w.policy(alpha, scp, "kept", denyKinesis), unit)
	off := do[organizations.DisablePolicyTypeOutput](w, alpha, "DisablePolicyType", members{"RootId": root, "PolicyType": scp}).Root
	equal(t, "types", len(off.PolicyTypes), 0)
	equal(t, "disabled", w.attached(alpha, scp, unit), "")
	w.done(alpha, "DeletePolicy", members{"PolicyId": mine}) // it is attached to nothing any more
	w.restart()
	w.enable(alpha, scp)
	equal(t, "enabled again", w.attached(alpha, scp, unit), "p-FullAWSAccess")
}

func TestAttachments(t *testing.T) {
	w := newWorld(t, false)
	w.organization(alpha, beta)
	root := w.enable(alpha, scp)
	w.enable(alpha, rcp)
	mine := w.policy(alpha, scp, "mine", denyKinesis)
	onRoot := members{"PolicyId": mine, "TargetId": root}
	w.refused(alpha, "DetachPolicy", onRoot, "PolicyNotAttachedException")
	for _, name := range []string{"AttachPolicy", "DetachPolicy"} {
		w.refused(alpha, name, members{"PolicyId": "p-aaaaaaaaaa", "TargetId": root}, "PolicyNotFoundException")
		w.refused(alpha, name, members{"PolicyId": mine, "TargetId": string(gamma)}, "TargetNotFoundException")
	}
	w.attach(alpha, mine, root)
	w.attach(alpha, mine, string(beta))
	w.refused(alpha, "AttachPolicy", onRoot, "DuplicatePolicyAttachmentException")
	w.restart()
	both := []string{"p-FullAWSAccess", mine}
	slices.Sort(both) // they are listed by id
	equal(t, "attached", w.attached(alpha, scp, root), strings.Join(both, " "))
	targets := do[organizations.ListTargetsForPolicyOutput](w, alpha, "ListTargetsForPolicy", members{"PolicyId": mine}).Targets
	equal(t, "targets", fmt.Sprint(len(targets), targets[0].TargetID, targets[0].Type, targets[0].Name, targets[1].TargetID, targets[1].Type),
		fmt.Sprint(2, root, "ROOT", "Root", beta, "ACCOUNT"))
	first := do[organizations.ListTargetsForPolicyOutput](w, alpha, "ListTargetsForPolicy", members{"PolicyId": mine, "MaxResults": api.Number("1")})
	rest := do[organizations.ListTargetsForPolicyOutput](w, alpha, "ListTargetsForPolicy", members{"PolicyId": mine, "NextToken": first.NextToken})
	equal(t, "targets in pages", first.Targets[0].TargetID+" "+rest.Targets[0].TargetID, root+" "+string(beta))
	everything := do[organizations.ListTargetsForPolicyOutput](w, alpha, "ListTargetsForPolicy", members{"PolicyId": "p-FullAWSAccess"}).Targets
	equal(t, "targets of AWS's", len(everything), 3)

	w.done(alpha, "DetachPolicy", members{"PolicyId": "p-FullAWSAccess", "TargetId": root})
	w.refused(alpha, "DetachPolicy", onRoot, "ConstraintViolationException MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED")
	w.refused(alpha, "DetachPolicy", members{"PolicyId": "p-RCPFullAWSAccess", "TargetId": root}, "InvalidInputException NON_DETACHABLE_POLICY")

	w.done(beta, "LeaveOrganization", nil)
	do[organizations.AcceptHandshakeOutput](w, beta, "AcceptHandshake", members{"HandshakeId": w.invite(alpha, beta).ID})
	equal(t, "after coming back", w.attached(alpha, scp, string(beta)), "p-FullAWSAccess")
}

func TestOnlySoManyPoliciesOnOneTarget(t *testing.T) {
	w := newWorld(t, false)
	w.organization(alpha)
	for _, c := range []struct {
		kind, content string
		most          int // with AWS's own
	}{
		{scp, denyKinesis, 10},
		{rcp, denyKinesisRCP, 5},
		{"TAG_POLICY", `{"tags":{}}`, 10},
	} {
		root := w.enable(alpha, c.kind)
		attached := len(strings.Fields(w.attached(alpha, c.kind, root)))
		for i := attached; i < c.most; i++ {
			w.attach(alpha, w.policy(alpha, c.kind, fmt.Sprint(i), c.content), root)
		}
		one := w.policy(alpha, c.kind, "one more", c.content)
		w.refused(alpha, "AttachPolicy", members{"PolicyId": one, "TargetId": root}, "ConstraintViolationException MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED")
		equal(t, c.kind, len(strings.Fields(w.attached(alpha, c.kind, root))), c.most)
	}
}

func TestPoliciesHaveASizeByType(t *testing.T) {
	w := newWorld(t, false)
	w.organization(alpha)
	for _, c := range []struct {
		kind, content string
		most          int // characters
	}{
		{scp, denyKinesis, 10240},
		{rcp, denyKinesisRCP, 5120},
		{"AISERVICES_OPT_OUT_POLICY", `{"services":{}}`, 2500},
		{"BACKUP_POLICY", `{"plans":{}}`, 10000},
	} {
		fits := c.content + strings.Repeat(" ", c.most-len(c.content))
		w.policy(alpha, c.kind, "fits", fits)
		in := members{"Type": c.kind, "Name": "more", "Description": "", "Content": fits + " "}
		w.refused(alpha, "CreatePolicy", in, "ConstraintViolationException POLICY_CONTENT_LIMIT_EXCEEDED")
	}
}
