package kinesis

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strconv"
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
)

const (
	alice  arn.AccountID = "111111111111"
	bob    arn.AccountID = "222222222222"
	region arn.Region    = "us-east-1"
)

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

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// A rig is the service on a real engine, behind a Dispatcher. Nothing runs in the
// background: settle is called where a test wants Run to have come by.
type rig struct {
	*testing.T
	dir    string
	sealer *api.Sealer
	clock  *clock
	authz  api.Authorizer
	limit  int // of shards
	quotas Quotas
	room   func(bytes int64) bool // of calls

	broker   *broker.Broker
	catalog  *catalog.Catalog
	journals *journal.Store
	service  *Service
	dispatch *api.Dispatcher
}

func newRig(t *testing.T, opts ...func(*rig)) *rig {
	t.Helper()
	r := &rig{T: t, dir: t.TempDir(), sealer: api.NewSealer(api.RandomKey()), clock: &clock{now: testTime}, authz: allowAll{}}
	for _, o := range opts {
		o(r)
	}
	r.start()
	t.Cleanup(r.stop)
	return r
}

func (r *rig) start() {
	r.Helper()
	ctx := r.Context()
	log := slog.New(slog.DiscardHandler)
	var err error
	if r.broker, err = broker.Open(ctx, broker.Config{Dir: r.dir, Log: log}); err != nil {
		r.Fatal(err)
	}
	if r.catalog, err = catalog.Open(ctx, catalog.Config{Broker: r.broker, Log: log}); err != nil {
		r.Fatal(err)
	}
	if r.journals, err = journal.OpenStore(ctx, journal.Config{Broker: r.broker, Catalog: r.catalog, Now: r.clock.Now, Log: log}); err != nil {
		r.Fatal(err)
	}
	if r.service, err = New(Config{
		Catalog: r.catalog, Journals: r.journals, Sealer: r.sealer, ShardLimit: r.limit, Quotas: r.quotas, Now: r.clock.Now, Log: log,
	}); err != nil {
		r.Fatal(err)
	}
	if err := r.catalog.Ready(); err != nil {
		r.Fatal(err)
	}
	r.dispatch = api.NewDispatcher(r.authz, r.service.Table())
}

func (r *rig) stop() {
	r.Helper()
	ctx := context.WithoutCancel(r.Context())
	if err := errors.Join(r.journals.Close(ctx), r.catalog.Close(ctx), r.broker.Close(ctx)); err != nil {
		r.Error(err)
	}
}

func (r *rig) restart() {
	r.Helper()
	r.stop()
	r.start()
	r.settle()
}

func (r *rig) settle() {
	r.Helper()
	if err := r.service.settle(r.Context()); err != nil {
		r.Fatal(err)
	}
}

// in is the members of an input.
type in = map[string]any

// brief is members for a message: the names, and the values that are short texts.
func brief(members in) string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(members)) {
		text, short := members[name].(string)
		if !short || len(text) > 200 {
			text = "…"
		}
		list = append(list, name+"="+text)
	}
	return strings.Join(list, " ")
}

// do calls an operation as the root user of an account.
func (r *rig) do(account arn.AccountID, region arn.Region, op string, members in) (any, error) {
	r.Helper()
	o, ok := r.dispatch.Operation("kinesis", op)
	if !ok {
		r.Fatalf("there is no operation %s", op)
	}
	call := &api.Call{
		Service: "kinesis", Operation: op, Region: region, RequestID: "r-1", Time: r.clock.Now(),
		Caller: callerOf(account), Room: r.room,
	}
	return r.dispatch.Do(r.Context(), o, call, api.Input{Tree: members})
}

func callerOf(account arn.AccountID) api.Caller {
	return api.Caller{Principal: policy.Principal{Kind: policy.Root, Account: account, ARN: account.Root()}}
}

// ok calls an operation of alice's that must succeed.
func ok[Out any](r *rig, op string, members in) *Out {
	r.Helper()
	out, err := r.do(alice, region, op, members)
	if err != nil {
		r.Fatalf("%s %s: %v", op, brief(members), err)
	}
	if out == nil {
		return nil
	}
	return out.(*Out)
}

// refused calls an operation of alice's that must be refused, in these words.
func (r *rig) refused(op string, members in, code, message string) {
	r.Helper()
	r.refusedAs(alice, region, op, members, code, message)
}

func (r *rig) refusedAs(account arn.AccountID, region arn.Region, op string, members in, code, message string) {
	r.Helper()
	out, err := r.do(account, region, op, members)
	e, isException := api.AsException(err)
	if !isException {
		r.Errorf("%s %s: got %v, %v, want %s", op, brief(members), out, err, code)
		return
	}
	if e.Code != code || e.Message != message {
		r.Errorf("%s %s:\n got %s: %s\nwant %s: %s", op, brief(members), e.Code, e.Message, code, message)
	}
}

// create makes an ACTIVE stream of alice's.
func (r *rig) create(name string, shards int) {
	r.Helper()
	ok[api.Void](r, "CreateStream", in{"StreamName": name, "ShardCount": number(shards)})
	r.settle()
}

// put puts one record and returns its sequence number.
func (r *rig) put(stream, key, data string) *PutRecordOutput {
	r.Helper()
	return ok[PutRecordOutput](r, "PutRecord", in{"StreamName": stream, "PartitionKey": key, "Data": []byte(data)})
}

// iterator gets an iterator; more members may be given.
func (r *rig) iterator(stream string, shard ShardID, iteratorType string, more in) string {
	r.Helper()
	members := in{"StreamName": stream, "ShardId": shard.String(), "ShardIteratorType": iteratorType}
	for k, v := range more {
		members[k] = v
	}
	return ok[GetShardIteratorOutput](r, "GetShardIterator", members).ShardIterator
}

func (r *rig) get(iterator string) *recordsAnswer {
	r.Helper()
	return ok[recordsAnswer](r, "GetRecords", in{"ShardIterator": iterator})
}

// all reads a shard from its start to its tip.
func (r *rig) all(stream string, shard ShardID) []Record {
	r.Helper()
	var records []Record
	it := r.iterator(stream, shard, iteratorTrimHorizon, nil)
	for {
		out := r.get(it)
		records = append(records, out.Records...)
		if *out.MillisBehindLatest == 0 {
			return records
		}
		it = out.NextShardIterator
	}
}

// edit changes the stored record of a stream, for states that no operation leads to
// yet.
func (r *rig) edit(name string, change func(*stream)) {
	r.Helper()
	_, err := r.service.streams.Update(r.Context(), streamID{alice, region, name}.key(), func(st stream, _ bool) (stream, error) {
		change(&st)
		return st, nil
	})
	if err != nil {
		r.Fatal(err)
	}
}

// texts are the data of records.
func texts(records []Record) []string {
	var list []string
	for _, rec := range records {
		list = append(list, string(rec.Data))
	}
	return list
}

func number(n int) api.Number { return api.Number(strconv.Itoa(n)) }

// seconds is a time as JSON clients send it.
func seconds(t time.Time) api.Number {
	return api.Number(strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', -1, 64))
}

// allowAll authorizes everything.
type allowAll struct{}

func (allowAll) Authorize(context.Context, *api.Call, api.Access) error { return nil }

// denyAll authorizes nothing and remembers what it was asked.
type denyAll struct{ asked *[]api.Access }

func (d denyAll) Authorize(_ context.Context, call *api.Call, a api.Access) error {
	*d.asked = append(*d.asked, a)
	return &api.Denied{Caller: call.Caller.Principal, Access: a}
}
