package iam_test

import (
	"context"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"tributary/internal/durable/broker"
	"tributary/internal/durable/catalog"
	"tributary/internal/pure/arn"
	"tributary/internal/service/api"
	"tributary/internal/service/iam"
	"tributary/internal/service/organizations"
)

// The accounts of the stories.
const (
	alpha = "111111111111"
	beta  = "222222222222"
	gamma = "999999999999"
)

// A world is IAM, STS and Organizations on a catalog of their own, behind a
// Dispatcher as in the server.
type world struct {
	t       testing.TB
	dir     string
	key     [32]byte
	sealer  *api.Sealer // of that key, made when the world opens
	now     time.Time
	strict  bool // accounts and keys exist only when they were made
	orgs    *organizations.Service
	iam     *iam.Service
	doors   *api.Dispatcher
	catalog *catalog.Catalog
	close   func()
}

func newWorld(t testing.TB, strict bool) *world {
	t.Helper()
	w := closedWorld(t, strict)
	w.open()
	t.Cleanup(func() { w.close() })
	return w
}

// closedWorld is a world that has not been opened yet.
func closedWorld(t testing.TB, strict bool) *world {
	t.Helper()
	return &world{
		t: t, dir: t.TempDir(), key: api.RandomKey(), strict: strict,
		now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC),
	}
}

func (w *world) open() {
	w.t.Helper()
	ctx := context.Background()
	log := slog.New(slog.DiscardHandler)
	clock := func() time.Time { return w.now }
	b, err := broker.Open(ctx, broker.Config{Dir: w.dir, Log: log})
	must(w.t, err)
	c, err := catalog.Open(ctx, catalog.Config{Broker: b, Log: log})
	must(w.t, err)
	w.catalog = c
	w.orgs, err = organizations.New(organizations.Config{
		Catalog: c, AccountsByRule: !w.strict, Now: clock, Log: log,
		CreateAccessRole: func(ctx context.Context, account, management arn.AccountID, role string) error {
			return w.iam.CreateAccessRole(ctx, account, management, role)
		},
	})
	must(w.t, err)
	w.sealer = api.NewSealer(w.key)
	w.iam, err = iam.New(iam.Config{
		Catalog: c, Organizations: w.orgs, Sealer: w.sealer, RootKeysByRule: !w.strict,
		DevCredentials: []iam.DevCredential{{KeyID: "AKIAGIVEN", Secret: "given", Account: gamma}},
		Now:            clock, Log: log,
	})
	must(w.t, err)
	must(w.t, c.Ready())
	must(w.t, w.orgs.Recover(ctx))
	must(w.t, w.iam.Recover(ctx))
	w.doors = api.NewDispatcher(w.iam, w.iam.Table(), w.iam.STS(), w.orgs.Table())
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

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A credential is what a client signs with.
type credential struct{ id, secret, token string }

// root is the root user of an account, on a world that is not strict.
func root(account string) credential { return credential{id: account, secret: "test"} }

// members are the members of an input.
type members = map[string]any

// call signs in with the credential and takes service:Operation through the
// Dispatcher.
func (w *world) call(c credential, action string, in members) (any, error) {
	w.t.Helper()
	ctx := context.Background()
	secret, caller, err := w.iam.Credentials(ctx, c.id, c.token)
	if err != nil {
		return nil, err
	}
	if secret != c.secret {
		w.t.Fatalf("secret of %s is %q, want %q", c.id, secret, c.secret)
	}
	service, name, _ := strings.Cut(action, ":")
	op, ok := w.doors.Operation(service, name)
	if !ok {
		w.t.Fatalf("no operation %s", action)
	}
	call := &api.Call{
		Service: service, Operation: name, Region: "us-east-1", Caller: caller, Time: w.now,
		SourceIP: netip.MustParseAddr("192.0.2.7"), UserAgent: "test/1",
	}
	return w.doors.Do(ctx, op, call, api.Input{Tree: in})
}

// do is call for what must succeed.
func do[Out any](w *world, c credential, action string, in members) *Out {
	w.t.Helper()
	v, err := w.call(c, action, in)
	if err != nil {
		w.t.Fatalf("%s: %v", action, err)
	}
	out, ok := v.(*Out)
	if !ok {
		w.t.Fatalf("%s answered %T", action, v)
	}
	return out
}

// done is do for operations without an answer.
func (w *world) done(c credential, action string, in members) {
	w.t.Helper()
	if _, err := w.call(c, action, in); err != nil {
		w.t.Fatalf("%s: %v", action, err)
	}
}

// refused is call for what must be refused with "Code: message".
func (w *world) refused(c credential, action string, in members, want string) {
	w.t.Helper()
	_, err := w.call(c, action, in)
	if err == nil {
		w.t.Fatalf("%s was done, want %s", action, want)
	}
	if _, ok := api.AsException(err); !ok {
		w.t.Fatalf("%s: %v is not for the caller, want %s", action, err, want)
	}
	if got := err.Error(); got != want {
		w.t.Fatalf("%s:\n got %s\nwant %s", action, got, want)
	}
}

// user makes a user with an access key, and with one policy unless it is empty.
func (w *world) user(account, name, policy string) credential {
	w.t.Helper()
	w.done(root(account), "iam:CreateUser", members{"UserName": name})
	if policy != "" {
		w.done(root(account), "iam:PutUserPolicy", members{"UserName": name, "PolicyName": "p", "PolicyDocument": policy})
	}
	k := do[iam.CreateAccessKeyOutput](w, root(account), "iam:CreateAccessKey", members{"UserName": name}).AccessKey
	return credential{id: k.AccessKeyID, secret: k.SecretAccessKey}
}

// role makes a role that those may assume whom the Principal admits.
func (w *world) role(account, name, principal string) *iam.Role {
	w.t.Helper()
	return do[iam.CreateRoleOutput](w, root(account), "iam:CreateRole", members{
		"RoleName": name, "AssumeRolePolicyDocument": trustOf(principal, ""),
	}).Role
}

// trustOf is a trust policy; condition is a JSON object or empty.
func trustOf(principal, condition string) string {
	if condition != "" {
		condition = `,"Condition":` + condition
	}
	return `{"Statement":{"Effect":"Allow","Principal":` + principal + `,"Action":"sts:AssumeRole"` + condition + `}}`
}

// allow is an identity policy that allows one action on one resource.
func allow(action, resource string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"` + action + `","Resource":"` + resource + `"}]}`
}

// assume gives the credentials of a role session.
func (w *world) assume(c credential, roleARN, session string, more members) credential {
	w.t.Helper()
	return sessionOf(do[iam.AssumeRoleOutput](w, c, "sts:AssumeRole", with(more, members{"RoleArn": roleARN, "RoleSessionName": session})))
}

func sessionOf(out *iam.AssumeRoleOutput) credential {
	return credential{out.Credentials.AccessKeyID, out.Credentials.SecretAccessKey, out.Credentials.SessionToken}
}

func with(m, more members) members {
	all := members{}
	for k, v := range m {
		all[k] = v
	}
	for k, v := range more {
		all[k] = v
	}
	return all
}

func equal[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("%s:\n got %v\nwant %v", what, got, want)
	}
}
