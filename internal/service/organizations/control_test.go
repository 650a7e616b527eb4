package organizations_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"tributary/internal/pure/arn"
	"tributary/internal/pure/policy"
)

// levels shows control policies: the ids on each level, a level between bars.
func levels(list [][]policy.Source) string {
	var text []string
	for _, level := range list {
		var names []string
		for _, src := range level {
			_, id, _ := strings.Cut(src.Name, "(")
			id, _, _ = strings.Cut(id, ")")
			if src.Document == nil {
				id += "!"
			}
			names = append(names, id)
		}
		text = append(text, strings.Join(names, " "))
	}
	return strings.Join(text, "|")
}

// may reports whether a root user may do something to a resource of an account, as
// the control policies of both accounts have it.
func (w *world) may(caller arn.AccountID, action string, owner arn.AccountID) bool {
	w.t.Helper()
	allow, err := policy.Parse(`{"Statement":{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}}`, policy.Resource)
	must(w.t, err)
	return policy.Evaluate(policy.Request{
		Principal: policy.Principal{Kind: policy.Root, Account: caller, ARN: caller.Root(), ID: string(caller)},
		Action:    action, Resource: arn.New("kinesis", "us-east-1", owner, "stream/s"), ResourceAccount: owner,
	}, policy.Policies{
		Resource: &policy.Source{Document: allow},
		SCPs:     w.orgs.ControlPolicies(caller).SCPs,
		RCPs:     w.orgs.ControlPolicies(owner).RCPs,
	}, policy.Standard).Allowed()
}

func TestControlPoliciesGoFromRootToAccount(t *testing.T) {
	w := newWorld(t, false)
	w.organization(alpha, beta)
	if c := w.orgs.ControlPolicies(beta); c.SCPs != nil || c.RCPs != nil {
		t.Fatalf("types that are not enabled apply: %v", c)
	}
	root := w.enable(alpha, scp)
	outer := w.unit(alpha, root, "outer")
	inner := w.unit(alpha, outer, "inner")
	w.move(alpha, beta, root, inner)
	all := "p-FullAWSAccess"
	equal(t, "after enabling", levels(w.orgs.ControlPolicies(beta).SCPs), strings.Join([]string{all, all, all, all}, "|"))
	if c := w.orgs.ControlPolicies(beta); c.RCPs != nil {
		t.Errorf("RCPs apply: %v", c.RCPs)
	}
	for _, account := range []arn.AccountID{alpha, gamma} {
		if c := w.orgs.ControlPolicies(account); c.SCPs != nil || c.RCPs != nil {
			t.Errorf("%s is limited: %v", account, c)
		}
	}
	mine := w.policy(alpha, scp, "mine", denyKinesis)
	w.attach(alpha, mine, outer)
	w.attach(alpha, mine, root)
	w.done(alpha, "DetachPolicy", members{"PolicyId": all, "TargetId": outer})
	w.restart()
	c := w.orgs.ControlPolicies(beta)
	equal(t, "attached", levels(c.SCPs), strings.Join([]string{all + " " + mine, mine, all, all}, "|"))
	equal(t, "name", c.SCPs[1][0].Name, "service control policy mine ("+mine+") of organizational unit "+outer)

	w.enable(alpha, rcp)
	r := w.policy(alpha, rcp, "mine", denyKinesisRCP)
	w.attach(alpha, r, string(beta))
	all = "p-RCPFullAWSAccess"
	equal(t, "RCPs", levels(w.orgs.ControlPolicies(beta).RCPs), strings.Join([]string{all, all, all, all + " " + r}, "|"))

	w.move(alpha, beta, inner, root)
	equal(t, "after a move", levels(w.orgs.ControlPolicies(beta).RCPs), all+"|"+all+" "+r)
	w.done(beta, "LeaveOrganization", nil)
	if c := w.orgs.ControlPolicies(beta); c.SCPs != nil || c.RCPs != nil {
		t.Errorf("an account that left is limited: %v", c)
	}
}

func TestControlPoliciesActAtOnce(t *testing.T) {
	w := newWorld(t, false)
	w.organization(alpha, beta)
	root := w.enable(alpha, scp)
	unit := w.unit(alpha, root, "u")
	w.move(alpha, beta, root, unit)
	mine := w.policy(alpha, scp, "mine", denyKinesis)
	rcpRoot := w.policy(alpha, rcp, "mine", denyKinesisRCP)
	put := "kinesis:PutRecord"
	steps := []struct {
		what         string
		act          func()
		member, into bool // may beta put into gamma's stream, gamma into beta's
	}{
		{"nothing attached", func() {}, true, true},
		{"attached to the unit", func() { w.attach(alpha, mine, unit) }, false, true},
		{"allows something else", func() {
			w.done(alpha, "UpdatePolicy", members{"PolicyId": mine, "Content": strings.ReplaceAll(denyKinesis, "kinesis", "sqs")})
		}, true, true},
		{"denies again", func() { w.done(alpha, "UpdatePolicy", members{"PolicyId": mine, "Content": denyKinesis}) }, false, true},
		{"moved out of the unit", func() { w.move(alpha, beta, unit, root) }, true, true},
		{"attached to the root", func() { w.attach(alpha, mine, root) }, false, true},
		{"detached", func() { w.done(alpha, "DetachPolicy", members{"PolicyId": mine, "TargetId": root}) }, true, true},
		{"resources limited", func() { w.enable(alpha, rcp); w.attach(alpha, rcpRoot, string(beta)) }, true, false},
		{"type disabled", func() { w.done(alpha, "DisablePolicyType", members{"RootId": root, "PolicyType": rcp}) }, true, true},
		{"closed", func() { w.done(alpha, "CloseAccount", members{"AccountId": string(beta)}) }, false, false},
	}
	for _, s := range steps {
		before := w.orgs.Revision()
		s.act()
		if s.what != "nothing attached" && w.orgs.Revision() == before {
			t.Errorf("%s: the revision stayed", s.what)
		}
		equal(t, s.what+": member's principal", w.may(beta, put, gamma), s.member)
		equal(t, s.what+": member's resource", w.may(gamma, put, beta), s.into)
		equal(t, s.what+": management account", w.may(alpha, put, gamma), true)
	}
}

func TestAPolicyThatIsLostDenies(t *testing.T) {
	w := newWorld(t, false)
	org := w.organization(alpha, beta)
	root := w.enable(alpha, scp)
	mine := w.policy(alpha, scp, "mine", denyKinesis)
	w.attach(alpha, mine, root)
	w.close()
	w.write(map[[3]string]members{{"policy", org.ID, mine}: {"content": "lost"}})
	w.open()
	equal(t, "levels", levels(w.orgs.ControlPolicies(beta).SCPs), "p-FullAWSAccess "+mine+"!|p-FullAWSAccess")
	equal(t, "allowed", w.may(beta, "sqs:SendMessage", gamma), false)
}

func TestControlPoliciesWhileTheyChange(t *testing.T) {
	w := newWorld(t, false)
	w.organization(alpha, beta)
	root := w.enable(alpha, scp)
	mine := w.policy(alpha, scp, "mine", denyKinesis)
	target := members{"PolicyId": mine, "TargetId": root}
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if n := len(w.orgs.ControlPolicies(beta).SCPs); n != 2 {
					t.Errorf("%d levels", n)
					return
				}
			}
		})
	}
	for i := range 20 {
		w.done(alpha, "AttachPolicy", target)
		equal(t, fmt.Sprint("attached ", i), w.may(beta, "kinesis:PutRecord", gamma), false)
		w.done(alpha, "DetachPolicy", target)
		equal(t, fmt.Sprint("detached ", i), w.may(beta, "kinesis:PutRecord", gamma), true)
	}
	close(done)
	readers.Wait()
}

func BenchmarkControlPolicies(b *testing.B) {
	w := newWorld(b, false)
	w.organization(alpha, beta)
	root := w.enable(alpha, scp)
	w.move(alpha, beta, root, w.unit(alpha, root, "u"))
	for b.Loop() {
		w.orgs.ControlPolicies(beta)
	}
}
