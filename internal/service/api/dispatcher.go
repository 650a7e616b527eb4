package api

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"tributary/internal/pure/policy"
)

// An Authorizer answers whether a call may make an access. It returns nil when
// the policies allow it, a *Denied when they do not, an *Exception for what is
// refused whatever they say, and any other error when it could not tell.
type Authorizer interface {
	Authorize(context.Context, *Call, Access) error
}

// Denied says that the policies do not allow an access.
type Denied struct {
	Caller   policy.Principal
	Access   Access
	Decision policy.Decision
	Encoded  string // see Exception
}

func (d *Denied) Error() string {
	res := d.Access.Resource
	if d.Access.DeniedResource != "" {
		res = d.Access.DeniedResource
	}
	return fmt.Sprintf("User: %s is not authorized to perform: %s on resource: %s %s",
		d.Caller.ARN, d.Access.Action, res, d.Decision.DenialPhrase(d.Access.Action))
}

// A Dispatcher takes calls through the same steps, whatever door they came by.
type Dispatcher struct {
	services map[string]*Service
	byTarget map[string]*Service
	ops      map[opKey]*Operation
	authz    Authorizer
}

type opKey struct{ service, operation string }

// NewDispatcher returns the dispatcher for these services. It panics when two
// operations of a service share a name.
func NewDispatcher(authz Authorizer, services ...Service) *Dispatcher {
	d := &Dispatcher{
		services: map[string]*Service{},
		byTarget: map[string]*Service{},
		ops:      map[opKey]*Operation{},
		authz:    authz,
	}
	for _, s := range services {
		d.services[s.Name] = &s
		if s.TargetPrefix != "" {
			d.byTarget[s.TargetPrefix] = &s
		}
		for i := range s.Operations {
			op := &s.Operations[i]
			k := opKey{s.Name, op.Name}
			if d.ops[k] != nil {
				panic("api: operation defined twice: " + s.Name + " " + op.Name)
			}
			d.ops[k] = op
		}
	}
	return d
}

// Service is the service of that signing name.
func (d *Dispatcher) Service(name string) (*Service, bool) {
	s, ok := d.services[name]
	return s, ok
}

// ServiceByTarget is the JSON service of that target prefix.
func (d *Dispatcher) ServiceByTarget(prefix string) (*Service, bool) {
	s, ok := d.byTarget[prefix]
	return s, ok
}

// Services are all services, ordered by name.
func (d *Dispatcher) Services() []*Service {
	names := slices.Sorted(maps.Keys(d.services))
	all := make([]*Service, len(names))
	for i, n := range names {
		all[i] = d.services[n]
	}
	return all
}

// Operation is the operation of that name.
func (d *Dispatcher) Operation(service, name string) (*Operation, bool) {
	op, ok := d.ops[opKey{service, name}]
	return op, ok
}

// An Input is what a door decoded from a request: a tree of values, or the body
// itself for an operation that scans it.
type Input struct {
	// Tree holds nil, bool, string, Number, []any, map[string]any, and from CBOR
	// []byte and Timestamp.
	Tree any
	// Loose says that the tree comes from a form, where every leaf is a string
	// and a list is a map of "member" to a map of indices.
	Loose bool
	// Body is the JSON body of an operation that scans it, and Parse makes a tree of
	// it when the scanner leaves it to that.
	Body  []byte
	Parse func(body []byte) (tree any, err error)
}

// Do binds the input, checks its constraints, authorizes the call and handles
// it. It returns a pointer to the output, or a *Stream for an operation that answers
// one. The error is an *Exception, or something of ours.
func (d *Dispatcher) Do(ctx context.Context, op *Operation, call *Call, in Input) (any, error) {
	if call.Caller.Principal.Kind == policy.Anonymous && !op.unsigned {
		panic("api: " + op.Name + " is called without a signature")
	}
	svc := d.services[call.Service]
	v, err := bindInput(op, svc.Constraints, in)
	if err != nil {
		return nil, err
	}
	if err := d.authorize(ctx, op, call, v); err != nil {
		return nil, err
	}
	out, err := op.handle(ctx, call, v)
	if err != nil || op.maxEvent == 0 {
		return out, err
	}
	return &Stream{out.(EventStream), func(ctx context.Context, call *Call) error {
		return d.authorize(ctx, op, call, v)
	}}, nil
}

// authorize asks for every access that the operation makes with this input.
func (d *Dispatcher) authorize(ctx context.Context, op *Operation, call *Call, in any) error {
	accesses, err := op.target(call, in)
	if err != nil {
		return err
	}
	for _, a := range accesses {
		if err := d.authz.Authorize(ctx, call, a); err != nil {
			if denied, ok := errors.AsType[*Denied](err); ok {
				e := d.services[call.Service].AccessDenied(denied.Error())
				e.Encoded = denied.Encoded
				return e
			}
			if e, ok := AsException(err); ok {
				return e
			}
			return fmt.Errorf("authorize %s: %w", a.Action, err)
		}
	}
	return nil
}

// AccessDenied is how this service says that policies refuse a request.
func (s *Service) AccessDenied(message string) *Exception {
	if s.Protocol == Query {
		return RefuseStatus(403, "AccessDenied", "%s", message)
	}
	return Refuse("AccessDeniedException", "%s", message)
}

// Unavailable is how this service says that it cannot work now and the same request
// may succeed later. What it was told to write may have been written or not.
func (s *Service) Unavailable() *Exception {
	const message = "The service cannot complete the request."
	if s.Protocol == Query {
		return RefuseStatus(503, "ServiceUnavailable", message)
	}
	return RefuseStatus(503, "ServiceUnavailableException", message)
}

func bindInput(op *Operation, style ConstraintStyle, in Input) (any, error) {
	if op.scan != nil && in.Body != nil {
		v, err := op.scan(in.Body)
		if v != nil || err != nil {
			return v, err
		}
		if in.Tree, err = in.Parse(in.Body); err != nil {
			return nil, err
		}
	}
	return bind(op.shape, style, in)
}
