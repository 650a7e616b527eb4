package organizations_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"tributary/internal/durable/broker"
	"tributary/internal/durable/catalog"
	"tributary/internal/pure/arn"
	"tributary/internal/pure/policy"
	"tributary/internal/service/api"
	"tributary/internal/service/organizations"
)

const (
	alpha = arn.AccountID("111111111111")
	beta  = arn.AccountID("222222222222")
	gamma = arn.AccountID("999999999999")
)

// A world is Organizations on a catalog of its own, behind a Dispatcher that
// allows everything and remembers what it was asked.
type world struct {
	t      testing.TB
	dir    string
	now    time.Time
	strict bool // accounts exist only when they were made
	// crashes makes CreateAccessRole fail; roles are those it made.
	crashes bool
	// leftAlone opens without Recover, as it is before Recover has run.
	leftAlone bool
	roles     []string
	asking    sync.Mutex // guards asked and context
	asked     []string
	context   policy.Context // of the last access asked about
	orgs      *organizations.Service
	doors     *api.Dispatcher
	close     func()
}

func newWorld(t testing.TB, strict bool) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), strict: strict, now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}
	w.open()
	t.Cleanup(func() { w.close() })
	return w
}

func (w *world) open() {
	w.t.Helper()
	ctx := context.Background()
	log := slog.New(slog.DiscardHandler)
	b, err := broker.Open(ctx, broker.Config{Dir: w.dir, Log: log})
	must(w.t, err)
	c, err := catalog.Open(ctx, catalog.Config{Broker: b, Log: log})
	must(w.t, err)
	w.orgs, err = organizations.New(organizations.Config{
		Catalog: c, AccountsByRule: !w.strict, Log: log,
		Now:    func() time.Time { return w.now },
		Sealer: api.NewSealer([32]byte{1}),
		Admits: func(call *api.Call, a api.Access) bool {
			return policy.Evaluate(policy.Request{
				Principal: call.Caller.Principal, Action: a.Action, Resource: arn.ARN(a.Resource), Context: a.Context,
			}, policy.Policies{Resource: a.ResourcePolicy}, policy.ResourceOnly).Allowed()
		},
		CreateAccessRole: func(_ context.Context, account, management arn.AccountID, role string) error {
			if w.crashes {
				return fmt.Errorf("no role %s today", role)
			}
			w.roles = append(w.roles, fmt.Sprintf("%s/%s by %s", account, role, management))
			return nil
		},
	})
	must(w.t, err)
	must(w.t, c.Ready())
	if !w.leftAlone {
		must(w.t, w.orgs.Recover(ctx))
	}
	w.doors = api.NewDispatcher(w, w.orgs.Table())
	w.close = func() {
		must(w.t, c.Close(ctx))
		must(w.t, b.Close(ctx))
	}
}

// restart stops everything and starts it again on the same directory.
func (w *world) restart() {
	w.t.Helper()
	w.close()
	w.open()
}

// Authorize allows everything.
func (w *world) Authorize(_ context.Context, _ *api.Call, a api.Access) error {
	w.asking.Lock()
	defer w.asking.Unlock()
	w.asked = append(w.asked, a.Action+" "+a.Resource)
	w.context = a.Context
	return nil
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

type members = map[string]any

// call takes an operation through the Dispatcher as the root user of account.
func (w *world) call(account arn.AccountID, name string, in members) (any, error) {
	w.t.Helper()
	op, ok := w.doors.Operation("organizations", name)
	if !ok {
		w.t.Fatalf("no operation %s", name)
	}
	call := &api.Call{Service: "organizations", Operation: name, Region: "us-east-1", Time: w.now}
	call.Caller.Principal = policy.Principal{Kind: policy.Root, Account: account, ARN: account.Root(), ID: string(account)}
	return w.doors.Do(context.Background(), op, call, api.Input{Tree: in})
}

// do is call for what must succeed.
func do[Out any](w *world, account arn.AccountID, name string, in members) *Out {
	w.t.Helper()
	v, err := w.call(account, name, in)
	if err != nil {
		w.t.Fatalf("%s: %v", name, err)
	}
	out, ok := v.(*Out)
	if !ok {
		w.t.Fatalf("%s answered %T", name, v)
	}
	return out
}

func (w *world) done(account arn.AccountID, name string, in members) {
	w.t.Helper()
	if _, err := w.call(account, name, in); err != nil {
		w.t.Fatalf("%s: %v", name, err)
	}
}

// refused is call for what must be refused with this code and, where there is
// one, this Reason: "Code" or "Code Reason".
func (w *world) refused(account arn.AccountID, name string, in members, want string) {
	w.t.Helper()
	_, err := w.call(account, name, in)
	e, ok := api.AsException(err)
	if !ok {
		w.t.Fatalf("%s: got %v, want %s", name, err, want)
	}
	got := e.Code
	if reason, ok := e.Members["Reason"]; ok {
		got += fmt.Sprint(" ", reason)
	}
	if got != want {
		w.t.Fatalf("%s: got %s (%s), want %s", name, got, e.Message, want)
	}
	if e.Status != 400 || e.Message == "" {
		w.t.Fatalf("%s: status %d, message %q", name, e.Status, e.Message)
	}
}

// organization makes an organization of these accounts; the first manages it.
func (w *world) organization(accounts ...arn.AccountID) *organizations.Organization {
	w.t.Helper()
	org := do[organizations.CreateOrganizationOutput](w, accounts[0], "CreateOrganization", nil).Organization
	for _, a := range accounts[1:] {
		do[organizations.AcceptHandshakeOutput](w, a, "AcceptHandshake", members{"HandshakeId": w.invite(accounts[0], a).ID})
	}
	return org
}

func (w *world) invite(from, to arn.AccountID) *organizations.Handshake {
	w.t.Helper()
	return do[organizations.InviteAccountToOrganizationOutput](w, from, "InviteAccountToOrganization", invitation("ACCOUNT", string(to))).Handshake
}

func invitation(kind, id string) members {
	return members{"Target": members{"Type": kind, "Id": id}, "Notes": "come"}
}

// member is the organization that an account belongs to, "" for none.
func (w *world) member(account arn.AccountID) string {
	m, ok := w.orgs.Membership(account)
	if !ok && m.OrgID == "" {
		return ""
	}
	if ok && m.OrgID != "" {
		return m.OrgID
	}
	w.t.Fatalf("membership of %s is %+v, ok %v", account, m, ok)
	return ""
}

func equal[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("%s:\n got %v\nwant %v", what, got, want)
	}
}

// asks returns what the Dispatcher was asked since the last time.
func (w *world) asks() string {
	s := strings.Join(w.asked, "\n")
	w.asked = nil
	return s
}
