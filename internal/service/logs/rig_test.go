package logs

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"tributary/internal/durable/broker"
	"tributary/internal/durable/catalog"
	"tributary/internal/durable/journal"
	"tributary/internal/pure/arn"
	"tributary/internal/pure/policy"
	"tributary/internal/service/api"
	"tributary/internal/service/iam"
	"tributary/internal/service/organizations"
)

// The accounts of the stories.
const (
	sender    arn.AccountID = "111111111111"
	other     arn.AccountID = "222222222222"
	recipient arn.AccountID = "999999999999"

	home arn.Region = "us-east-1"
	away arn.Region = "eu-west-1"
)

var testTime = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// A clock stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// A rig is the service on a real engine with IAM and Organizations, behind a
// Dispatcher.
type rig struct {
	*testing.T
	dir    string
	sealer *api.Sealer
	clock  *clock

	catalog  *catalog.Catalog
	journals *journal.Store
	orgs     *organizations.Service
	iam      *iam.Service
	service  *Service
	dispatch *api.Dispatcher
	stop     func()

	ingest    int                                       // journals of a new Region
	delivered func(arn.Region, string) journal.Position // nil: nothing delivers
	refuse    func(TestTarget) error                    // what becomes of test messages; nil: all arrive
	tested    []TestTarget                              // test messages that were sent
}

func newRig(t *testing.T, options ...func(*rig)) *rig {
	t.Helper()
	r := &rig{T: t, dir: t.TempDir(), sealer: api.NewSealer(api.RandomKey()), clock: &clock{now: testTime}, ingest: 2}
	for _, o := range options {
		o(r)
	}
	r.start()
	t.Cleanup(func() { r.stop() })
	return r
}

func (r *rig) start() {
	r.Helper()
	ctx := context.WithoutCancel(r.Context())
	log := slog.New(slog.DiscardHandler)
	b, err := broker.Open(ctx, broker.Config{Dir: r.dir, Log: log})
	r.must(err)
	r.catalog, err = catalog.Open(ctx, catalog.Config{Broker: b, Log: log})
	r.must(err)
	r.journals, err = journal.OpenStore(ctx, journal.Config{Broker: b, Catalog: r.catalog, Now: r.clock.Now, Log: log})
	r.must(err)
	r.orgs, err = organizations.New(organizations.Config{
		Catalog: r.catalog, AccountsByRule: true, Now: r.clock.Now, Log: log,
		CreateAccessRole: func(context.Context, arn.AccountID, arn.AccountID, string) error { return nil },
	})
	r.must(err)
	r.iam, err = iam.New(iam.Config{
		Catalog: r.catalog, Organizations: r.orgs, Sealer: r.sealer, RootKeysByRule: true, Now: r.clock.Now, Log: log,
	})
	r.must(err)
	r.service, err = New(ctx, Config{
		Catalog: r.catalog, Journals: r.journals, IAM: r.iam, Sealer: r.sealer, IngestJournals: r.ingest, MaxRegions: 3,
		TestDelivery: func(_ context.Context, target TestTarget) error {
			r.tested = append(r.tested, target)
			if r.refuse == nil {
				return nil
			}
			return r.refuse(target)
		},
		Delivered: r.delivered, Now: r.clock.Now, Log: log,
	})
	r.must(err)
	r.must(r.catalog.Ready())
	r.dispatch = api.NewDispatcher(r.iam, r.service.Table(), r.iam.Table(), r.iam.STS(), r.orgs.Table())

	running, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() {
		if err := r.service.Run(running); err != nil {
			r.Errorf("Run: %v", err)
		}
	})
	r.stop = func() {
		cancel()
		done.Wait()
		if err := errors.Join(r.journals.Close(ctx), r.catalog.Close(ctx), b.Close(ctx)); err != nil {
			r.Error(err)
		}
	}
}

// restart stops everything and starts it again on the same directory.
func (r *rig) restart() {
	r.Helper()
	r.stop()
	r.start()
}

func (r *rig) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

// in is the members of an input.
type in = map[string]any

// A user is who calls: an account's root in a Region, or a session there.
type user struct {
	caller api.Caller
	region arn.Region
}

func root(account arn.AccountID) user {
	return user{api.Caller{Principal: policy.Principal{Kind: policy.Root, Account: account, ARN: account.Root(), ID: string(account)}}, home}
}

func (u user) in(region arn.Region) user { u.region = region; return u }

// do calls service:Operation, logs unless said otherwise.
func (r *rig) do(u user, op string, members in) (any, error) {
	r.Helper()
	service, name, ok := strings.Cut(op, ":")
	if !ok {
		service, name = "logs", op
	}
	o, ok := r.dispatch.Operation(service, name)
	if !ok {
		r.Fatalf("there is no operation %s", op)
	}
	input := api.Input{Tree: tree(members)}
	if o.Scans() {
		body, err := json.Marshal(members)
		r.must(err)
		input = api.Input{Body: body}
	}
	call := &api.Call{
		Service: service, Operation: name, Region: u.region, RequestID: "r-1", Time: r.clock.Now(),
		Caller: u.caller, SourceIP: netip.MustParseAddr("192.0.2.7"),
	}
	return r.dispatch.Do(r.Context(), o, call, input)
}

// tree turns what is handy to write into what doors decode.
func tree(v any) any {
	switch v := v.(type) {
	case in:
		m := map[string]any{}
		for k, e := range v {
			m[k] = tree(e)
		}
		return m
	case []string:
		list := []any{}
		for _, e := range v {
			list = append(list, e)
		}
		return list
	case int, int64:
		text, _ := json.Marshal(v)
		return api.Number(text)
	case arn.ARN:
		return string(v)
	}
	return v
}

// ok calls an operation that must succeed.
func ok[Out any](r *rig, u user, op string, members in) *Out {
	r.Helper()
	out, err := r.do(u, op, members)
	if err != nil {
		r.Fatalf("%s %v: %v", op, members, err)
	}
	if out == nil {
		return nil
	}
	return out.(*Out)
}

// void calls an operation without output that must succeed.
func (r *rig) void(u user, op string, members in) {
	r.Helper()
	if _, err := r.do(u, op, members); err != nil {
		r.Fatalf("%s %v: %v", op, members, err)
	}
}

// refused calls an operation that must be refused in these words.
func (r *rig) refused(u user, op string, members in, code, message string) {
	r.Helper()
	_, err := r.do(u, op, members)
	e, isException := api.AsException(err)
	if !isException {
		r.Errorf("%s %v: got %v, want %s", op, members, err, code)
		return
	}
	if e.Code != code || e.Message != message {
		r.Errorf("%s %v:\n got %s %q\nwant %s %q", op, members, e.Code, e.Message, code, message)
	}
}

// group makes a log group with streams.
func (r *rig) group(u user, name string, streams ...string) {
	r.Helper()
	r.void(u, "CreateLogGroup", in{"logGroupName": name})
	for _, s := range streams {
		r.void(u, "CreateLogStream", in{"logGroupName": name, "logStreamName": s})
	}
}

// at is a time of an event, relative to the rig's clock, in ms.
func (r *rig) at(d time.Duration) int64 { return r.clock.Now().Add(d).UnixMilli() }

// put sends events, each of which is a time and a message.
func (r *rig) put(u user, group, stream string, events ...any) *PutLogEventsOutput {
	r.Helper()
	return ok[PutLogEventsOutput](r, u, "PutLogEvents", in{"logGroupName": group, "logStreamName": stream, "logEvents": eventList(events)})
}

func eventList(events []any) []in {
	list := []in{}
	for i := 0; i < len(events); i += 2 {
		list = append(list, in{"timestamp": events[i], "message": events[i+1]})
	}
	return list
}

// role makes a role that trusts the Logs service, with an inline policy.
func (r *rig) role(account arn.AccountID, name string) arn.ARN {
	r.Helper()
	r.void(root(account), "iam:CreateRole", in{
		"RoleName":                 name,
		"AssumeRolePolicyDocument": `{"Statement":{"Effect":"Allow","Principal":{"Service":"logs.us-east-1.amazonaws.com"},"Action":"sts:AssumeRole"}}`,
	})
	return arn.New("iam", "", account, "role/"+name)
}

// user makes a user without any permission and returns it as a caller.
func (r *rig) user(account arn.AccountID, name string) user {
	r.Helper()
	r.void(root(account), "iam:CreateUser", in{"UserName": name})
	key := ok[iam.CreateAccessKeyOutput](r, root(account), "iam:CreateAccessKey", in{"UserName": name}).AccessKey
	_, caller, err := r.iam.Credentials(r.Context(), key.AccessKeyID, "")
	r.must(err)
	return user{caller, home}
}
