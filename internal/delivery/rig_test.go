package delivery

import (
	"context"
	"crypto/md5"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"tributary/internal/client"
	"tributary/internal/durable/broker"
	"tributary/internal/durable/catalog"
	"tributary/internal/durable/journal"
	"tributary/internal/pure/arn"
	"tributary/internal/pure/policy"
	"tributary/internal/service/api"
	"tributary/internal/service/iam"
	"tributary/internal/service/kinesis"
	"tributary/internal/service/logs"
	"tributary/internal/service/organizations"
)

const (
	recipient   arn.AccountID = "999999999999"
	sender      arn.AccountID = "111111111111"
	home        arn.Region    = "us-east-1"
	streamARN                 = "arn:aws:kinesis:us-east-1:" + string(recipient) + ":stream/s"
	destination               = "arn:aws:logs:us-east-1:" + string(recipient) + ":destination:d"
)

// A rig is delivery and the services on a real engine, behind a Dispatcher. No worker
// runs: a test takes the steps of the only one itself, and does between two of them what
// can happen there. The recipient has stream s, role r and destination d, the sender
// log group g with filter f.
type rig struct {
	*Delivery
	t        *testing.T
	dispatch *api.Dispatcher
}

func newRig(t *testing.T, shards int, now func() time.Time) *rig {
	t.Helper()
	r := &rig{t: t}
	r.start(now)
	r.do(recipient, "kinesis:CreateStream", in{"StreamName": "s", "ShardCount": shards})
	r.awaitActive()
	r.makeRole("r")
	r.do(recipient, "logs:PutDestination", in{"destinationName": "d", "targetArn": streamARN, "roleArn": roleARN("r")})
	r.admit(sender)
	r.do(sender, "logs:CreateLogGroup", in{"logGroupName": "g"})
	r.do(sender, "logs:PutSubscriptionFilter", in{
		"logGroupName": "g", "filterName": "f", "filterPattern": "", "destinationArn": destination,
	})
	return r
}

func (r *rig) start(now func() time.Time) {
	r.t.Helper()
	ctx, log, sealer := context.WithoutCancel(r.t.Context()), slog.New(slog.DiscardHandler), api.NewSealer(api.RandomKey())
	b, err := broker.Open(ctx, broker.Config{Dir: r.t.TempDir(), Log: log})
	r.must(err)
	c, err := catalog.Open(ctx, catalog.Config{Broker: b, Log: log})
	r.must(err)
	journals, err := journal.OpenStore(ctx, journal.Config{Broker: b, Catalog: c, Now: now, Log: log})
	r.must(err)
	orgs, err := organizations.New(organizations.Config{
		Catalog: c, AccountsByRule: true, Now: now, Log: log,
		CreateAccessRole: func(context.Context, arn.AccountID, arn.AccountID, string) error { return nil },
	})
	r.must(err)
	identity, err := iam.New(iam.Config{Catalog: c, Organizations: orgs, Sealer: sealer, RootKeysByRule: true, Now: now, Log: log})
	r.must(err)
	streams, err := kinesis.New(kinesis.Config{Catalog: c, Journals: journals, Sealer: sealer, Now: now, Log: log})
	r.must(err)
	groups, err := logs.New(ctx, logs.Config{
		Catalog: c, Journals: journals, IAM: identity, Sealer: sealer, IngestJournals: 1, Now: now, Log: log,
		TestDelivery: func(ctx context.Context, t logs.TestTarget) error { return r.Test(ctx, t) },
		Delivered:    func(region arn.Region, name string) journal.Position { return r.Delivered(region, name) },
	})
	r.must(err)
	r.Delivery, err = New(Config{Catalog: c, Logs: groups, Kinesis: streams, IAM: identity, Now: now, Log: log})
	r.must(err)
	r.must(c.Ready())
	r.dispatch = api.NewDispatcher(identity, groups.Table(), streams.Table(), identity.Table())

	running, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() { _ = streams.Run(running) }) // which makes streams ACTIVE, and returns nil
	r.t.Cleanup(func() {
		cancel()
		done.Wait()
		for _, w := range r.running() {
			w.stopTimers()
		}
		if err := errors.Join(journals.Close(ctx), c.Close(ctx), b.Close(ctx)); err != nil {
			r.t.Error(err)
		}
	})
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// in is the members of an input.
type in = map[string]any

// call calls service:Operation as the root user of an account.
func (r *rig) call(account arn.AccountID, op string, members in) (any, error) {
	service, name, _ := strings.Cut(op, ":")
	o, ok := r.dispatch.Operation(service, name)
	if !ok {
		return nil, fmt.Errorf("there is no operation %s", op)
	}
	body, err := json.Marshal(members)
	if err != nil {
		return nil, err
	}
	input := api.Input{Body: body}
	if !o.Scans() {
		tree := in{}
		for k, v := range members {
			if n, number := v.(int); number {
				v = api.Number(fmt.Sprint(n))
			}
			tree[k] = v
		}
		input = api.Input{Tree: tree}
	}
	return r.dispatch.Do(r.t.Context(), o, &api.Call{
		Service: service, Operation: name, Region: home, RequestID: "r-1", Time: r.cfg.Now(),
		Caller: api.Caller{Principal: policy.Principal{Kind: policy.Root, Account: account, ARN: account.Root(), ID: string(account)}},
	}, input)
}

// do is call of what must succeed.
func (r *rig) do(account arn.AccountID, op string, members in) any {
	r.t.Helper()
	out, err := r.call(account, op, members)
	if err != nil {
		r.t.Fatalf("%s %v: %v", op, members, err)
	}
	return out
}

// eventually waits for what happens without being asked.
func (r *rig) eventually(what string, holds func() bool) {
	r.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); <-time.After(time.Millisecond) {
		if time.Now().After(deadline) {
			r.t.Fatalf("in vain waited for: %s", what)
		}
	}
}

// awaitActive asks less and less often: while a test's clock stands, so does the rate at
// which the operation may be called.
func (r *rig) awaitActive() {
	r.t.Helper()
	for pause := time.Millisecond; ; pause *= 2 {
		out := r.do(recipient, "kinesis:DescribeStreamSummary", in{"StreamName": "s"}).(*kinesis.DescribeStreamSummaryOutput)
		if out.StreamDescriptionSummary.StreamStatus == "ACTIVE" {
			return
		}
		if pause > 20*time.Second {
			r.t.Fatal("in vain waited for: stream s is ACTIVE")
		}
		<-time.After(pause)
	}
}

func roleARN(name string) string { return "arn:aws:iam::" + string(recipient) + ":role/" + name }

// makeRole makes a role of the recipient's that may write to its stream.
func (r *rig) makeRole(name string) {
	r.t.Helper()
	r.do(recipient, "iam:CreateRole", in{
		"RoleName":                 name,
		"AssumeRolePolicyDocument": `{"Statement":{"Effect":"Allow","Principal":{"Service":"logs.us-east-1.amazonaws.com"},"Action":"sts:AssumeRole"}}`,
	})
	r.do(recipient, "iam:PutRolePolicy", in{
		"RoleName": name, "PolicyName": "p",
		"PolicyDocument": `{"Statement":{"Effect":"Allow","Action":"kinesis:PutRecord","Resource":"*"}}`,
	})
}

// admission is what admit puts.
func admission(account arn.AccountID) in {
	return in{
		"destinationName": "d",
		"accessPolicy":    `{"Statement":{"Effect":"Allow","Principal":{"AWS":"` + string(account) + `"},"Action":"logs:PutSubscriptionFilter","Resource":"` + destination + `"}}`,
	}
}

// admit replaces the access policy of the destination.
func (r *rig) admit(account arn.AccountID) {
	r.t.Helper()
	r.do(recipient, "logs:PutDestinationPolicy", admission(account))
}

// put sends an event to a log stream, which it makes if need be.
func (r *rig) put(stream, message string) {
	r.t.Helper()
	_, err := r.call(sender, "logs:CreateLogStream", in{"logGroupName": "g", "logStreamName": stream})
	if e, ok := api.AsException(err); err != nil && (!ok || e.Code != "ResourceAlreadyExistsException") {
		r.t.Fatal(err)
	}
	r.do(sender, "logs:PutLogEvents", in{
		"logGroupName": "g", "logStreamName": stream,
		"logEvents": []in{{"timestamp": r.cfg.Now().UnixMilli(), "message": message}},
	})
}

// worker is that of the only ingest journal, once something has been put.
func (r *rig) worker() *worker {
	r.t.Helper()
	r.newWorkers(home)
	all := r.running()
	if len(all) != 1 {
		r.t.Fatalf("there are %d workers, want one", len(all))
	}
	return all[0]
}

// next is what the worker carries next: all that has been put.
func (r *rig) next(w *worker) batch {
	r.t.Helper()
	b, err := w.read(r.t.Context())
	r.must(err)
	return b
}

func (r *rig) shards() []kinesis.Shard {
	r.t.Helper()
	return r.do(recipient, "kinesis:ListShards", in{"StreamName": "s"}).(*kinesis.ListShardsOutput).Shards
}

// shardOf is the open shard in whose range the records of a log stream belong, as the
// recipient sees it.
func (r *rig) shardOf(stream string) string {
	r.t.Helper()
	sum := md5.Sum([]byte(streamKey(sender, "g", stream)))
	hash := new(big.Int).SetBytes(sum[:])
	bound := func(text string) *big.Int {
		n, ok := new(big.Int).SetString(text, 10)
		if !ok {
			r.t.Fatalf("hash key %q", text)
		}
		return n
	}
	for _, sh := range r.shards() {
		open := sh.SequenceNumberRange.EndingSequenceNumber == ""
		if open && hash.Cmp(bound(sh.HashKeyRange.StartingHashKey)) >= 0 && hash.Cmp(bound(sh.HashKeyRange.EndingHashKey)) <= 0 {
			return sh.ShardID
		}
	}
	r.t.Fatalf("no open shard takes log stream %s", stream)
	return ""
}

// streamIn names a log stream whose records belong in a shard.
func (r *rig) streamIn(shard string) string {
	r.t.Helper()
	for i := 0; ; i++ {
		if name := fmt.Sprint("s", i); r.shardOf(name) == shard {
			return name
		}
	}
}

// iterator is one of a shard.
func (r *rig) iterator(shard, kind string) string {
	r.t.Helper()
	return r.do(recipient, "kinesis:GetShardIterator", in{"StreamName": "s", "ShardId": shard, "ShardIteratorType": kind}).(*kinesis.GetShardIteratorOutput).ShardIterator
}

// read returns the messages from an iterator on, those of control messages too.
func (r *rig) read(iterator string) (messages []string) {
	r.t.Helper()
	for iterator != "" {
		var out struct {
			Records           []struct{ Data []byte }
			NextShardIterator string
		}
		answer := r.do(recipient, "kinesis:GetRecords", in{"ShardIterator": iterator}).(api.JSONAppender)
		r.must(json.Unmarshal(answer.AppendJSON(nil), &out))
		if len(out.Records) == 0 {
			break
		}
		for _, one := range out.Records {
			env, err := client.DecodeEnvelope(one.Data)
			r.must(err)
			for _, e := range env.LogEvents {
				messages = append(messages, e.Message)
			}
		}
		iterator = out.NextShardIterator
	}
	return messages
}

// events are the messages of all log events that have been delivered, by shard.
func (r *rig) events() map[string][]string {
	r.t.Helper()
	all := map[string][]string{}
	for _, sh := range r.shards() {
		for _, m := range r.read(r.iterator(sh.ShardID, "TRIM_HORIZON")) {
			if !strings.HasPrefix(m, "CWL CONTROL MESSAGE") {
				all[sh.ShardID] = append(all[sh.ShardID], m)
			}
		}
	}
	return all
}
