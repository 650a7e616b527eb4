package soak_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tributary/internal/client"
)

// The accounts are an organization, whose management account takes no part in
// delivery, because control policies do not bind it.
const management = "555555555555"

func membersOf() []string { return []string{sender, "222222222222", "333333333333"} }

// A tenancy is a recipient and senders whose every permission can be taken away for
// one of them alone: each has a destination, and a role of the recipient, of its own.
// A second filter of each sender delivers the same events to another stream, and its
// permission is never touched: what has arrived there has been decided on here.
type tenancy struct {
	endpoint string
	root     string // of the organization
	org      string
	denials  map[string]string // by sender: the control policy that binds its role
	trials   atomic.Int64
	late     atomic.Int64 // records that were appended after a revocation
}

func (tn *tenancy) as(account string) caller { return as(account, tn.endpoint, time.Now) }

// own is the name of the sender's destination and of its role.
func own(account string) string { return "of-" + account }

func (tn *tenancy) setUp(ctx context.Context) error {
	top := tn.as(management)
	var made struct{ Organization struct{ ID string } }
	var roots struct{ Roots []struct{ ID string } }
	if err := errors.Join(
		top.organizations(ctx, "CreateOrganization", object{"FeatureSet": "ALL"}, &made),
		top.organizations(ctx, "ListRoots", object{}, &roots),
	); err != nil {
		return err
	}
	tn.org, tn.root = made.Organization.ID, roots.Roots[0].ID
	if err := top.organizations(ctx, "EnablePolicyType", object{"RootId": tn.root, "PolicyType": "SERVICE_CONTROL_POLICY"}, nil); err != nil {
		return err
	}
	for _, account := range append(membersOf(), recipient) {
		if err := tn.join(ctx, account); err != nil {
			return err
		}
	}
	to := tn.as(recipient)
	for _, stream := range []string{"s", "witness"} {
		if err := to.makeStream(ctx, stream, 1); err != nil {
			return err
		}
	}
	if err := tn.makeDestination(ctx, "witness", "witness", `{"AWS":["`+strings.Join(membersOf(), `","`)+`"]}`, "{}"); err != nil {
		return err
	}
	for _, account := range membersOf() {
		if err := tn.makeSender(ctx, account); err != nil {
			return fmt.Errorf("sender %s: %w", account, err)
		}
	}
	return nil
}

// join makes an account a member of the organization.
func (tn *tenancy) join(ctx context.Context, account string) error {
	var out struct{ Handshake struct{ ID string } }
	in := object{"Target": object{"Id": account, "Type": "ACCOUNT"}}
	if err := tn.as(management).organizations(ctx, "InviteAccountToOrganization", in, &out); err != nil {
		return err
	}
	return tn.as(account).organizations(ctx, "AcceptHandshake", object{"HandshakeId": out.Handshake.ID}, nil)
}

// makeDestination makes a destination for a stream, with a role of the same name.
func (tn *tenancy) makeDestination(ctx context.Context, name, stream, principal, condition string) error {
	to := tn.as(recipient)
	if err := to.iam(ctx, "CreateRole", object{"RoleName": name, "AssumeRolePolicyDocument": trustLogs}); err != nil {
		return err
	}
	if err := tn.mayWrite(ctx, name, stream); err != nil {
		return err
	}
	if err := tn.putDestination(ctx, name, stream); err != nil {
		return err
	}
	return tn.admit(ctx, name, principal, condition)
}

// putDestination makes a destination with a role of its name.
func (tn *tenancy) putDestination(ctx context.Context, name, stream string) error {
	return tn.as(recipient).logs(ctx, "PutDestination", object{
		"destinationName": name, "targetArn": strings.Replace(streamARN, "stream/s", "stream/"+stream, 1), "roleArn": "arn:aws:iam::" + recipient + ":role/" + name,
	}, nil)
}

func (tn *tenancy) mayWrite(ctx context.Context, role, stream string) error {
	return tn.as(recipient).iam(ctx, "PutRolePolicy", object{
		"RoleName": role, "PolicyName": "p", "PolicyDocument": strings.Replace(mayPut, "stream/s", "stream/"+stream, 1),
	})
}

func (tn *tenancy) admit(ctx context.Context, name, principal, condition string) error {
	return tn.as(recipient).logs(ctx, "PutDestinationPolicy", object{
		"destinationName": name, "forceUpdate": true,
		"accessPolicy": `{"Statement":{"Effect":"Allow","Principal":` + principal + `,"Action":"logs:PutSubscriptionFilter","Resource":"` + destinationNamed(name) + `","Condition":` + condition + `}}`,
	}, nil)
}

func destinationNamed(name string) string {
	return "arn:aws:logs:us-east-1:" + recipient + ":destination:" + name
}

// admitOrganization lets the sender's destination take filters of members.
func (tn *tenancy) admitOrganization(ctx context.Context, account string) error {
	return tn.admit(ctx, own(account), `"*"`, `{"StringEquals":{"aws:PrincipalOrgID":"`+tn.org+`"}}`)
}

// makeSender makes what one sender needs, its own and the recipient's.
func (tn *tenancy) makeSender(ctx context.Context, account string) error {
	if err := tn.makeDestination(ctx, own(account), "s", `{"AWS":"`+account+`"}`, "{}"); err != nil {
		return err
	}
	from := tn.as(account)
	// With a role of its own the filter's requests carry the organization's id.
	err := from.iam(ctx, "CreateRole", object{"RoleName": "r", "AssumeRolePolicyDocument": trustLogs})
	if err == nil {
		err = from.iam(ctx, "PutRolePolicy", object{"RoleName": "r", "PolicyName": "p", "PolicyDocument": `{"Statement":{"Effect":"Allow","Action":"logs:PutLogEvents","Resource":"*"}}`})
	}
	if err == nil {
		err = from.logs(ctx, "CreateLogGroup", object{"logGroupName": "g"}, nil)
	}
	for _, stream := range []string{"load", "proof"} {
		if err == nil {
			err = from.logs(ctx, "CreateLogStream", object{"logGroupName": "g", "logStreamName": stream}, nil)
		}
	}
	for _, to := range []string{own(account), "witness"} {
		if err == nil {
			err = from.logs(ctx, "PutSubscriptionFilter", object{
				"logGroupName": "g", "filterName": to, "filterPattern": "", "destinationArn": destinationNamed(to), "roleArn": "arn:aws:iam::" + account + ":role/r",
			}, nil)
		}
	}
	if err == nil {
		err = tn.admitOrganization(ctx, account)
	}
	var made struct {
		Policy struct{ PolicySummary struct{ ID string } }
	}
	if err == nil {
		err = tn.as(management).organizations(ctx, "CreatePolicy", object{
			"Type": "SERVICE_CONTROL_POLICY", "Name": own(account), "Description": "",
			"Content": `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"kinesis:PutRecord","Resource":"*","Condition":{"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::` + recipient + `:role/` + own(account) + `"}}}}`,
		}, &made)
	}
	tn.denials[account] = made.Policy.PolicySummary.ID
	return err
}

// A revocation takes a sender's permission away and gives it back.
type revocation struct {
	name           string
	revoke, permit func(ctx context.Context, account string) error
}

func (tn *tenancy) revocations() []revocation {
	top, to := tn.as(management), tn.as(recipient)
	trust := func(document string) func(context.Context, string) error {
		return func(ctx context.Context, account string) error {
			return to.iam(ctx, "UpdateAssumeRolePolicy", object{"RoleName": own(account), "PolicyDocument": document})
		}
	}
	control := func(operation string) func(context.Context, string) error {
		return func(ctx context.Context, account string) error {
			return top.organizations(ctx, operation, object{"PolicyId": tn.denials[account], "TargetId": recipient}, nil)
		}
	}
	return []revocation{
		{"PutDestinationPolicy", func(ctx context.Context, account string) error {
			return tn.admit(ctx, own(account), `{"AWS":"`+management+`"}`, "{}")
		}, tn.admitOrganization},
		{"RemoveAccountFromOrganization", func(ctx context.Context, account string) error {
			return top.organizations(ctx, "RemoveAccountFromOrganization", object{"AccountId": account}, nil)
		}, tn.join},
		{"UpdateAssumeRolePolicy", trust(strings.Replace(trustLogs, "Allow", "Deny", 1)), trust(trustLogs)},
		{
			"DeleteRolePolicy", func(ctx context.Context, account string) error {
				return to.iam(ctx, "DeleteRolePolicy", object{"RoleName": own(account), "PolicyName": "p"})
			},
			func(ctx context.Context, account string) error { return tn.mayWrite(ctx, own(account), "s") },
		},
		{"AttachPolicy", control("AttachPolicy"), control("DetachPolicy")},
	}
}

// put sends some events of the sender with one text.
func (tn *tenancy) put(ctx context.Context, account, stream, text string, count int) error {
	events := make([]object, count)
	for i := range events {
		events[i] = object{"timestamp": time.Now().UnixMilli(), "message": text}
	}
	return tn.as(account).logs(ctx, "PutLogEvents", object{"logGroupName": "g", "logStreamName": stream, "logEvents": events}, nil)
}

// A tail reads a stream of one shard from its end at some moment on.
type tail struct {
	c        caller
	iterator string
}

func (tn *tenancy) latest(ctx context.Context, stream string) (*tail, error) {
	tl := &tail{c: tn.as(recipient)}
	var out struct{ ShardIterator string }
	err := tl.c.kinesis(ctx, "GetShardIterator", object{"StreamName": stream, "ShardId": "shardId-000000000000", "ShardIteratorType": "LATEST"}, &out)
	tl.iterator = out.ShardIterator
	return tl, err
}

// next is what has come since the last call.
func (tl *tail) next(ctx context.Context) (all []client.Envelope, err error) {
	for {
		var out struct {
			NextShardIterator  string
			MillisBehindLatest int64
			Records            []record
		}
		if err := tl.c.kinesis(ctx, "GetRecords", object{"ShardIterator": tl.iterator}, &out); err != nil {
			return nil, err
		}
		for _, r := range out.Records {
			env, err := client.DecodeEnvelope(r.Data)
			if err != nil {
				return nil, err
			}
			all = append(all, env)
		}
		tl.iterator = out.NextShardIterator
		if len(out.Records) == 0 || out.MillisBehindLatest == 0 {
			return all, nil
		}
	}
}

// until reads on until a record of the account holds the text; any text will do
// when it is empty.
func (tl *tail) until(ctx context.Context, account, text string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		envs, err := tl.next(ctx)
		if err != nil {
			return err
		}
		for _, env := range envs {
			if env.Owner == account && slices.ContainsFunc(env.LogEvents, func(e client.Event) bool { return text == "" || e.Message == text }) {
				return nil
			}
		}
		if err := pause(ctx); err != nil {
			return fmt.Errorf("a record of %s with %q: %w", account, text, err)
		}
	}
}

// try takes the sender's permission away while its events flow, and counts what is
// appended after the call has returned.
func (tn *tenancy) try(ctx context.Context, account string, rv revocation) error {
	flowing, err := tn.latest(ctx, "s")
	if err != nil {
		return err
	}
	if err := flowing.until(ctx, account, ""); err != nil {
		return fmt.Errorf("before: %w", err)
	}
	if err := rv.revoke(ctx, account); err != nil {
		return err
	}
	after, err := tn.latest(ctx, "s")
	if err != nil {
		return err
	}
	witness, err := tn.latest(ctx, "witness")
	if err != nil {
		return err
	}
	proof := fmt.Sprint("proof ", tn.trials.Add(1))
	if err := tn.put(ctx, account, "proof", proof, 1); err != nil {
		return err
	}
	if err := witness.until(ctx, account, proof); err != nil {
		return fmt.Errorf("the witness: %w", err)
	}
	envs, err := after.next(ctx)
	if err != nil {
		return err
	}
	for _, env := range envs {
		if env.Owner == account {
			tn.late.Add(1)
		}
	}
	return rv.permit(ctx, account)
}

func TestNothingIsAppendedAfterARevocation(t *testing.T) {
	r := begin(t, "revocation", 1, sizes{ci: 200, soak: 5000})
	tn := r.tenancy(build(t))
	kinds := tn.revocations()
	r.startClock()
	share := r.share / time.Duration(len(kinds))
	goal := r.goal
	for i, rv := range kinds {
		if !r.deadline.IsZero() {
			r.deadline = r.began.Add(time.Duration(i+1) * share)
		}
		r.goal, r.done = goal, 0
		trials, late := r.tryAll(tn, rv)
		r.counts[rv.name] = fmt.Sprintf("%d trials, %d late", trials, late)
		if late > 0 {
			t.Errorf("%s: %d records of the sender were appended after the call had returned, in %d trials", rv.name, late, trials)
		}
	}
	r.goal, r.done = goal*len(kinds), int(tn.trials.Load())
}

func TestRevocationFindsAServerWithoutTheGate(t *testing.T) {
	r := begin(t, "revocation", unlimited, sizes{ci: 400, soak: 400})
	tn := r.tenancy(faulty(t, withoutGate))
	kinds := tn.revocations()
	for tn.late.Load() == 0 && r.done < r.goal {
		goal := r.goal
		r.goal = r.done + 30
		r.tryAll(tn, kinds[0])
		r.goal = goal
	}
	r.counts["trials"], r.counts["late"] = tn.trials.Load(), tn.late.Load()
	if tn.late.Load() == 0 {
		t.Errorf("in %d trials nothing was appended after a revocation; want something", tn.trials.Load())
	}
}

// tenancy starts a server with the senders' load, until the end of the test.
func (r *rig) tenancy(p program) *tenancy {
	r.Helper()
	s, err := p.start(filepath.Join(r.TempDir(), "data"))
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() {
		if err := s.Kill(); err != nil {
			r.Errorf("kill the server: %v", err)
		}
	})
	tn := &tenancy{endpoint: s.Endpoint, denials: map[string]string{}}
	if err := tn.setUp(r.Context()); err != nil {
		r.Fatal(err)
	}
	loading, stop := context.WithCancel(r.Context())
	var load sync.WaitGroup
	for _, account := range membersOf() {
		load.Go(func() {
			for loading.Err() == nil {
				if err := tn.put(loading, account, "load", "load", 20); err != nil && loading.Err() == nil {
					r.Errorf("load of %s: %v", account, err)
					return
				}
			}
		})
	}
	r.Cleanup(func() {
		stop()
		load.Wait()
	})
	return tn
}

// tryAll makes the rig's rounds of one revocation, every sender at the same time.
func (r *rig) tryAll(tn *tenancy, rv revocation) (trials, late int64) {
	r.Helper()
	trials, late = tn.trials.Load(), tn.late.Load()
	turns := make(chan struct{})
	var senders sync.WaitGroup
	for _, account := range membersOf() {
		senders.Go(func() {
			for range turns {
				if err := tn.try(r.Context(), account, rv); err != nil {
					r.Errorf("%s of %s: %v", rv.name, account, err)
				}
			}
		})
	}
	for r.more() {
		turns <- struct{}{}
	}
	close(turns)
	senders.Wait()
	return tn.trials.Load() - trials, tn.late.Load() - late
}
