package api

import (
	"context"
	"reflect"

	"tributary/internal/pure/policy"
)

// Protocol is the wire protocol of a service.
type Protocol uint8

// The protocols.
const (
	JSON  Protocol = iota + 1 // AWS JSON 1.1, routed by X-Amz-Target
	Query                     // form-encoded requests, XML answers, routed by Action and the credential scope
)

// A Service is one table of operations and what its wire form needs.
type Service struct {
	Name         string // in the credential scope and in actions: logs, kinesis, iam, sts, organizations
	Version      string // Query: the value of Version, 2010-05-08
	TargetPrefix string // JSON: what stands before the dot in X-Amz-Target, Logs_20140328
	XMLNamespace string // Query: https://iam.amazonaws.com/doc/2010-05-08/
	Protocol     Protocol
	CBOR         bool // JSON: also takes and answers AWS CBOR 1.1, by content type
	JSON10       bool // JSON: also takes and answers AWS JSON 1.0, by content type
	Constraints  ConstraintStyle
	// MessageMember is the member that carries the text in a JSON error body:
	// "message", for organizations "Message".
	MessageMember string
	Operations    []Operation
}

// An Operation is one row of a service's table. Only [Define] makes one.
type Operation struct {
	Name   string
	input  reflect.Type // struct types
	output reflect.Type // nil when the operation has no output members
	shape  *shape
	scan   func(body []byte) (any, error)
	// unsigned is true for an operation that anybody may call, see WithoutSignature.
	unsigned bool
	// maxEvent is more than 0 for an operation that answers an event stream.
	maxEvent int64
	target   func(*Call, any) ([]Access, error)
	handle   func(context.Context, *Call, any) (any, error)
}

// InputType is the struct type of the operation's input.
func (o *Operation) InputType() reflect.Type { return o.input }

// HasOutput reports whether the operation's answer has members. An operation
// without any answers 200 with an empty body.
func (o *Operation) HasOutput() bool { return o.output != nil }

// OutputType is the struct type of the operation's output, nil without any.
func (o *Operation) OutputType() reflect.Type { return o.output }

// Scans reports whether the operation reads its JSON body with a scanner of its
// own, so that the door hands it the body and not a value tree.
func (o *Operation) Scans() bool { return o.scan != nil }

// Unsigned reports whether requests for the operation need no signature.
func (o *Operation) Unsigned() bool { return o.unsigned }

// Void is the output of an operation that has no output members.
type Void struct{}

// A JSONAppender is an output that writes its own JSON, for the few answers that
// are large and frequent. The JSON must be what the struct tags would give.
type JSONAppender interface {
	AppendJSON(dst []byte) []byte
	// JSONSize is about how many bytes AppendJSON appends, so that there is room for
	// them before they are made.
	JSONSize() int
}

// An Access is one question to the policies: may the caller do Action on
// Resource. Every one of an operation's accesses must be allowed.
type Access struct {
	Action   string // service:Operation, such as "logs:PutDestination"
	Resource string // the ARN, in the form AWS documents for the action; "*" where it has none
	// ResourcePolicy is the policy attached to the resource, where it has one.
	ResourcePolicy *policy.Source
	// Context holds condition keys of this access (iam:passedtoservice, tags);
	// the authorizer adds the global ones.
	Context policy.Context
	// DeniedResource is how the refusal names the resource, when AWS words it
	// otherwise than Resource.
	DeniedResource string
}

// Define makes the row for one operation. target names every resource the
// operation touches; it is called with the bound input, before handle, must be
// free of effects, and may return an *Exception for an input that names no
// possible resource. Returning no access means that AWS asks no permission for
// the operation (GetCallerIdentity), nothing else.
func Define[In, Out any](
	name string,
	target func(*Call, *In) ([]Access, error),
	handle func(context.Context, *Call, *In) (*Out, error),
) Operation {
	in, out := reflect.TypeFor[In](), reflect.TypeFor[Out]()
	if out == reflect.TypeFor[Void]() {
		out = nil
	}
	return Operation{
		Name:   name,
		input:  in,
		output: out,
		shape:  shapeOf(in),
		target: func(c *Call, v any) ([]Access, error) { return target(c, v.(*In)) },
		handle: func(ctx context.Context, c *Call, v any) (any, error) {
			res, err := handle(ctx, c, v.(*In))
			if err != nil || out == nil {
				return nil, err
			}
			return res, nil
		},
	}
}

// WithoutSignature returns o as one of the few operations that AWS answers to whoever
// asks, because the input itself is what proves something
// (AssumeRoleWithWebIdentity). Its handler must not rely on the caller, who is
// [Nobody] when the request is not signed; its target must name no access.
func WithoutSignature(o Operation) Operation {
	o.unsigned = true
	return o
}

// WithScanner returns o with a reader of its own for JSON bodies, for the few
// operations whose bodies are too large to build a tree of. scan checks syntax,
// types and constraints itself, and returns an *In or an *Exception; nil and nil
// leave the body to those who read a tree, such as one that is to be refused in
// their words. The input may refer to body, which is not changed until the call has
// been answered.
func WithScanner[In any](o Operation, scan func(body []byte) (*In, error)) Operation {
	if reflect.TypeFor[In]() != o.input {
		panic("api: scanner of " + o.Name + " makes another type than its handler takes")
	}
	o.scan = func(body []byte) (any, error) {
		in, err := scan(body)
		if err != nil || in == nil {
			return nil, err
		}
		return in, nil
	}
	return o
}
