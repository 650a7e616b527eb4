package api_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"tributary/internal/pure/policy"
	"tributary/internal/service/api"
)

// A journey takes note of the steps that a call goes through.
type journey struct {
	steps     []string
	targetErr error
	denied    string // the action that is denied
	authErr   error
	handleErr error
}

func (j *journey) Authorize(_ context.Context, c *api.Call, a api.Access) error {
	j.steps = append(j.steps, "authorize "+a.Action)
	if a.Action == j.denied {
		return &api.Denied{Caller: c.Caller.Principal, Access: a}
	}
	return j.authErr
}

func (j *journey) do(t *testing.T, protocol api.Protocol, tree any) (any, error) {
	t.Helper()
	op := api.Define("Op",
		func(_ *api.Call, in *strict) ([]api.Access, error) {
			j.steps = append(j.steps, "target "+in.First)
			return []api.Access{
				{Action: "logs:Op", Resource: "arn:aws:logs:r:1:x"},
				{Action: "iam:PassRole", Resource: "arn:r", DeniedResource: "arn:shown"},
			}, j.targetErr
		},
		func(_ context.Context, _ *api.Call, in *strict) (*strict, error) {
			j.steps = append(j.steps, "handle "+in.First)
			return in, j.handleErr
		})
	d := api.NewDispatcher(j, api.Service{Name: "logs", Protocol: protocol, Constraints: logsStyle, Operations: []api.Operation{op}})
	found, _ := d.Operation("logs", "Op")
	call := &api.Call{Service: "logs", Caller: api.Caller{Principal: policy.Principal{ARN: "arn:aws:iam::111111111111:user/u"}}}
	return d.Do(t.Context(), found, call, api.Input{Tree: tree})
}

func TestDispatcherTakesTheStepsInOrder(t *testing.T) {
	good := object{"First": "x", "second": "y"}
	broken := errors.New("catalog is on fire")
	for name, c := range map[string]struct {
		journey
		tree  any
		steps string
		err   string
	}{
		"all goes well":    {journey{}, good, "target x, authorize logs:Op, authorize iam:PassRole, handle x", ""},
		"wrong type":       {journey{}, object{"First": true}, "", "SerializationException: class java.lang.Boolean can not be converted to an String"},
		"constraint":       {journey{}, object{"First": "x"}, "", "InvalidParameterException: 1 validation error detected: Value null at 'second' failed to satisfy constraint: Member must not be null"},
		"no such resource": {journey{targetErr: api.Refuse("InvalidParameterException", "bad ARN")}, good, "target x", "InvalidParameterException: bad ARN"},
		"first denied": {
			journey{denied: "logs:Op"},
			good, "target x, authorize logs:Op",
			"AccessDeniedException: User: arn:aws:iam::111111111111:user/u is not authorized to perform: logs:Op on resource: arn:aws:logs:r:1:x ",
		},
		"second denied": {
			journey{denied: "iam:PassRole"},
			good, "target x, authorize logs:Op, authorize iam:PassRole",
			"AccessDeniedException: User: arn:aws:iam::111111111111:user/u is not authorized to perform: iam:PassRole on resource: arn:shown ",
		},
		"policies not readable": {journey{authErr: broken}, good, "target x, authorize logs:Op", "authorize logs:Op: catalog is on fire"},
		"handler refuses":       {journey{handleErr: broken}, good, "target x, authorize logs:Op, authorize iam:PassRole, handle x", "catalog is on fire"},
	} {
		out, err := c.do(t, api.JSON, c.tree)
		if got := strings.Join(c.journey.steps, ", "); got != c.steps {
			t.Errorf("%s: steps:\ngot  %s\nwant %s", name, got, c.steps)
		}
		if c.err == "" && (err != nil || out.(*strict).First != "x") || c.err != "" && (err == nil || !strings.HasPrefix(err.Error(), c.err) || out != nil) {
			t.Errorf("%s:\ngot  %v, %v\nwant %s", name, out, err, c.err)
		}
	}
}

func TestOnlyDenialsAreToldToTheCaller(t *testing.T) {
	j := &journey{authErr: errors.New("catalog is on fire")}
	_, err := j.do(t, api.JSON, object{"First": "x", "second": "y"})
	if _, ok := api.AsException(err); ok || !errors.Is(err, j.authErr) {
		t.Errorf("got %v, want an error of ours", err)
	}
	for protocol, want := range map[api.Protocol]api.Exception{
		api.JSON:  {Code: "AccessDeniedException", Status: 400},
		api.Query: {Code: "AccessDenied", Status: 403},
	} {
		j := &journey{denied: "logs:Op"}
		_, err := j.do(t, protocol, object{"First": "x", "second": "y"})
		if e, ok := api.AsException(err); !ok || e.Code != want.Code || e.Status != want.Status {
			t.Errorf("protocol %d: got %v, want %s %d", protocol, err, want.Code, want.Status)
		}
	}
}

func TestVoidOperationsHaveNoOutput(t *testing.T) {
	op := api.Define("Op", func(*api.Call, *strict) ([]api.Access, error) { return nil, nil },
		func(context.Context, *api.Call, *strict) (*api.Void, error) { return &api.Void{}, nil })
	if op.HasOutput() || op.OutputType() != nil || op.Scans() {
		t.Errorf("got output %v, scans %v; want neither", op.OutputType(), op.Scans())
	}
	d := api.NewDispatcher(allow{}, api.Service{Name: "logs", Operations: []api.Operation{op}})
	found, _ := d.Operation("logs", "Op")
	out, err := d.Do(t.Context(), found, &api.Call{Service: "logs"}, api.Input{Tree: object{"First": "x", "second": "y"}})
	if out != nil || err != nil {
		t.Errorf("got %v, %v; want nil, nil", out, err)
	}
}

func TestScannerReadsTheBody(t *testing.T) {
	op := api.WithScanner(
		api.Define("Op", func(*api.Call, *strict) ([]api.Access, error) { return nil, nil },
			func(_ context.Context, _ *api.Call, in *strict) (*strict, error) { return in, nil }),
		func(body []byte) (*strict, error) {
			if len(body) == 0 {
				return nil, api.Refuse("SerializationException", "")
			}
			return &strict{First: string(body)}, nil
		})
	d := api.NewDispatcher(allow{}, api.Service{Name: "logs", Operations: []api.Operation{op}})
	found, _ := d.Operation("logs", "Op")
	if !found.Scans() {
		t.Error("Scans: got false, want true")
	}
	call := &api.Call{Service: "logs"}
	out, err := d.Do(t.Context(), found, call, api.Input{Body: []byte("raw")})
	if err != nil || out.(*strict).First != "raw" {
		t.Errorf("body: got %v, %v", out, err)
	}
	if _, err := d.Do(t.Context(), found, call, api.Input{Body: []byte{}}); err == nil {
		t.Error("empty body: got accepted, want the scanner's refusal")
	}
	out, err = d.Do(t.Context(), found, call, api.Input{Tree: object{"First": "tree", "second": "y"}})
	if err != nil || out.(*strict).First != "tree" {
		t.Errorf("tree from another door: got %v, %v", out, err)
	}
}

func TestTables(t *testing.T) {
	op := func(name string) api.Operation {
		return api.Define(name, func(*api.Call, *strict) ([]api.Access, error) { return nil, nil },
			func(context.Context, *api.Call, *strict) (*api.Void, error) { return nil, nil })
	}
	d := api.NewDispatcher(allow{},
		api.Service{Name: "sts", Protocol: api.Query, Operations: []api.Operation{op("Op")}},
		api.Service{Name: "logs", TargetPrefix: "Logs_20140328", Protocol: api.JSON, Operations: []api.Operation{op("Op"), op("Other")}})
	var names []string
	for _, s := range d.Services() {
		names = append(names, s.Name)
	}
	if !slices.Equal(names, []string{"logs", "sts"}) {
		t.Errorf("services: got %q, want logs, sts", names)
	}
	if s, ok := d.ServiceByTarget("Logs_20140328"); !ok || s.Name != "logs" {
		t.Errorf("by target: got %v %v, want logs", s, ok)
	}
	if _, ok := d.ServiceByTarget(""); ok {
		t.Error("no target: got a service")
	}
	if _, ok := d.Operation("sts", "Other"); ok {
		t.Error("another service's operation: got it")
	}
	defer func() {
		if recover() == nil {
			t.Error("an operation defined twice: got accepted, want a panic")
		}
	}()
	api.NewDispatcher(allow{}, api.Service{Name: "logs", Operations: []api.Operation{op("Op"), op("Op")}})
}

type outage bool

func (outage) Error() string       { return "disk is full" }
func (o outage) Unavailable() bool { return bool(o) }

func TestOutagesAreToldFromFailures(t *testing.T) {
	for _, c := range []struct {
		err  error
		want bool
	}{
		{outage(true), true},
		{fmt.Errorf("put: %w", errors.Join(errors.New("x"), outage(true))), true},
		{outage(false), false},
		{errors.New("disk is full"), false},
		{nil, false},
	} {
		if got := api.Unavailable(c.err); got != c.want {
			t.Errorf("%v: got %v, want %v", c.err, got, c.want)
		}
	}
	for protocol, want := range map[api.Protocol]string{api.JSON: "ServiceUnavailableException", api.Query: "ServiceUnavailable"} {
		s := api.Service{Protocol: protocol}
		if e := s.Unavailable(); e.Code != want || e.Status != 503 {
			t.Errorf("protocol %d: got %v with status %d, want %s with 503", protocol, e, e.Status, want)
		}
	}
}
