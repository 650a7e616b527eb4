package operator_test

import (
	"context"
	"log/slog"
	"regexp"
	"testing"
	"time"

	"tributary/internal/durable/broker"
	"tributary/internal/durable/catalog"
	"tributary/internal/pure/arn"
	"tributary/internal/service/api"
	"tributary/internal/service/iam"
	"tributary/internal/service/operator"
	"tributary/internal/service/organizations"
)

const management = arn.AccountID("111111111111")

// A world is an installation whose accounts exist only when they were made.
type world struct {
	t     *testing.T
	orgs  *organizations.Service
	iam   *iam.Service
	doors *api.Dispatcher
}

func newWorld(t *testing.T) *world {
	t.Helper()
	ctx := context.Background()
	log := slog.New(slog.DiscardHandler)
	now := func() time.Time { return time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC) }
	b, err := broker.Open(ctx, broker.Config{Dir: t.TempDir(), Log: log})
	must(t, err)
	t.Cleanup(func() { must(t, b.Close(ctx)) })
	c, err := catalog.Open(ctx, catalog.Config{Broker: b, Log: log})
	must(t, err)
	t.Cleanup(func() { must(t, c.Close(ctx)) })
	w := &world{t: t}
	w.orgs, err = organizations.New(organizations.Config{
		Catalog: c, Now: now, Log: log,
		CreateAccessRole: func(context.Context, arn.AccountID, arn.AccountID, string) error { return nil },
	})
	must(t, err)
	w.iam, err = iam.New(iam.Config{Catalog: c, Organizations: w.orgs, Sealer: api.NewSealer(api.RandomKey()), Now: now, Log: log})
	must(t, err)
	must(t, c.Ready())
	must(t, w.orgs.EnsureAccount(ctx, management, "management", "root@management.invalid"))
	own := operator.New(operator.Config{Organizations: w.orgs, IAM: w.iam, ManagementAccount: management})
	w.doors = api.NewDispatcher(w.iam, own.Table(), w.iam.Table(), w.iam.STS(), w.orgs.Table())
	return w
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// call takes an operation through the Dispatcher with this key.
func (w *world) call(keyID, service, name string, in map[string]any) (any, error) {
	w.t.Helper()
	_, caller, err := w.iam.Credentials(context.Background(), keyID, "")
	must(w.t, err)
	op, ok := w.doors.Operation(service, name)
	if !ok {
		w.t.Fatalf("no operation %s", name)
	}
	return w.doors.Do(context.Background(), op, &api.Call{
		Service: service, Operation: name, Region: "us-east-1", Caller: caller,
	}, api.Input{Tree: in})
}

func do[Out any](w *world, keyID, service, name string, in map[string]any) *Out {
	w.t.Helper()
	v, err := w.call(keyID, service, name, in)
	if err != nil {
		w.t.Fatalf("%s: %v", name, err)
	}
	return v.(*Out)
}

func (w *world) refused(keyID, name string, in map[string]any, want string) {
	w.t.Helper()
	_, err := w.call(keyID, "tributary", name, in)
	if err == nil || err.Error() != want {
		w.t.Fatalf("%s:\n got %v\nwant %s", name, err, want)
	}
}

func TestOperatorMakesAccounts(t *testing.T) {
	w := newWorld(t)
	first, _, err := w.iam.CreateRootKey(context.Background(), management)
	must(t, err)
	one := map[string]any{"name": "One", "email": "one@example.com"}
	made := do[operator.CreateAccountOutput](w, first, "tributary", "CreateAccount", one)
	if !regexp.MustCompile(`^[1-9]\d{11}$`).MatchString(made.AccountID) {
		t.Errorf("account id %q", made.AccountID)
	}
	secret, caller, err := w.iam.Credentials(context.Background(), made.AccessKeyID, "")
	must(t, err)
	if secret != made.SecretAccessKey || caller.Principal.ARN != arn.AccountID(made.AccountID).Root() {
		t.Errorf("the key is that of %s, secret as shown: %v", caller.Principal.ARN, secret == made.SecretAccessKey)
	}
	w.refused(first, "CreateAccount", one, "EmailInUseException: Another account has the email one@example.com.")
	w.refused(first, "CreateAccount", map[string]any{"name": "Two", "email": "two"},
		`ValidationException: 2 validation errors detected: Value 'two' at 'email' failed to satisfy constraint: Member must have length greater than or equal to 6; Value 'two' at 'email' failed to satisfy constraint: Member must satisfy regular expression pattern: [^\s@]+@[^\s@]+\.[^\s@]+`)

	accounts := do[operator.ListAccountsOutput](w, first, "tributary", "ListAccounts", nil).Accounts
	names := map[string]string{}
	for _, a := range accounts {
		names[a.AccountID] = a.Name
	}
	if len(names) != 2 || names[made.AccountID] != "One" || names[string(management)] != "management" {
		t.Errorf("accounts %v", names)
	}
}

func TestNobodyElseIsTheOperator(t *testing.T) {
	w := newWorld(t)
	first, _, err := w.iam.CreateRootKey(context.Background(), management)
	must(t, err)
	other := do[operator.CreateAccountOutput](w, first, "tributary", "CreateAccount", map[string]any{"name": "One", "email": "one@example.com"})
	_, err = w.call(other.AccessKeyID, "organizations", "CreateOrganization", nil) // managing an organization makes no operator
	must(t, err)
	two := map[string]any{"name": "Two", "email": "two@example.com"}
	w.refused(other.AccessKeyID, "CreateAccount", two,
		"AccessDeniedException: User: arn:aws:iam::"+other.AccountID+":root is not authorized to perform: tributary:CreateAccount on resource: *")
	w.refused(other.AccessKeyID, "ListAccounts", nil,
		"AccessDeniedException: User: arn:aws:iam::"+other.AccountID+":root is not authorized to perform: tributary:ListAccounts on resource: *")

	_, err = w.call(first, "iam", "CreateUser", map[string]any{"UserName": "ann"})
	must(t, err)
	ann := do[iam.CreateAccessKeyOutput](w, first, "iam", "CreateAccessKey", map[string]any{"UserName": "ann"}).AccessKey.AccessKeyID
	w.refused(ann, "CreateAccount", two,
		"AccessDeniedException: User: arn:aws:iam::111111111111:user/ann is not authorized to perform: tributary:CreateAccount on resource: * because no identity-based policy allows the tributary:CreateAccount action")
	_, err = w.call(first, "iam", "PutUserPolicy", map[string]any{
		"UserName": "ann", "PolicyName": "p",
		"PolicyDocument": `{"Statement":{"Effect":"Allow","Action":"tributary:CreateAccount","Resource":"*"}}`,
	})
	must(t, err)
	do[operator.CreateAccountOutput](w, ann, "tributary", "CreateAccount", two)
}
