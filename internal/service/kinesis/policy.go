package kinesis

import (
	"context"
	"slices"
	"strings"

	"tributary/internal/pure/policy"
	"tributary/internal/service/api"
)

// maxPolicySize is how many bytes AWS lets the policy of a stream or consumer have.
const maxPolicySize = 20_480

// A resourcePolicy is the policy of a stream or a consumer, parsed when it is stored
// or read, not when it is asked. The zero value is none.
type resourcePolicy struct {
	text     string
	document *policy.Document // nil when nobody can read the text, which denies
}

// IsZero reports whether there is no policy.
func (p resourcePolicy) IsZero() bool { return p.text == "" }

// MarshalText is the stored form: the text as it was given.
func (p resourcePolicy) MarshalText() ([]byte, error) { return []byte(p.text), nil }

// UnmarshalText reads what MarshalText wrote. A text that a newer release would not
// accept any more is kept and denies everything.
func (p *resourcePolicy) UnmarshalText(text []byte) error {
	p.text = string(text)
	p.document, _ = policy.Parse(p.text, policy.Resource)
	return nil
}

// source is the policy as the authorizer takes it, nil without one.
func (p resourcePolicy) source(resource string) *policy.Source {
	if p.IsZero() {
		return nil
	}
	return &policy.Source{Name: "policy of " + resource, Document: p.document}
}

// sharedActions are those that the policy of a stream can allow other accounts, and
// which a policy may speak of.
var sharedActions = []string{
	"kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "kinesis:ListShards",
	"kinesis:PutRecord", "kinesis:PutRecords", "kinesis:GetShardIterator", "kinesis:GetRecords",
	"kinesis:DescribeStreamConsumer", "kinesis:SubscribeToShard",
}

// putResourcePolicy implements PutResourcePolicy, for streams and consumers: the
// other accounts' writers and readers that it admits name the stream by its ARN.
//
// AWS's rule: the document has a principal, and its resource is the stream or the
// consumer itself.
func (s *Service) putResourcePolicy(ctx context.Context, call *api.Call, in *PutResourcePolicyInput) (*api.Void, error) {
	doc, err := policy.Parse(in.Policy, policy.Resource)
	switch {
	case len(in.Policy) > maxPolicySize:
		return nil, errPolicySize()
	case err != nil:
		return nil, errPolicyInvalid(err)
	}
	for _, st := range doc.Statements() {
		for _, action := range st.Actions {
			if st.NotAction || !slices.ContainsFunc(sharedActions, func(shared string) bool { return strings.EqualFold(shared, action) }) {
				return nil, errPolicyAction(action)
			}
		}
		for _, resource := range st.Resources {
			if st.NotResource || resource != in.ResourceARN {
				return nil, errPolicyResource(in.ResourceARN)
			}
		}
	}
	return nil, s.changePolicy(ctx, call, in.ResourceARN, func(p *resourcePolicy) error {
		*p = resourcePolicy{text: in.Policy}
		return nil
	})
}

// getResourcePolicy implements GetResourcePolicy. As in AWS the answer of a resource
// without policy is an empty object.
func (s *Service) getResourcePolicy(_ context.Context, call *api.Call, in *GetResourcePolicyInput) (*GetResourcePolicyOutput, error) {
	st, c, err := s.resource(call, in.ResourceARN)
	if err != nil {
		return nil, err
	}
	p := st.Policy
	if c != nil {
		p = c.Policy
	}
	if p.IsZero() {
		return &GetResourcePolicyOutput{Policy: "{}"}, nil
	}
	return &GetResourcePolicyOutput{Policy: p.text}, nil
}

// deleteResourcePolicy implements DeleteResourcePolicy.
func (s *Service) deleteResourcePolicy(ctx context.Context, call *api.Call, in *DeleteResourcePolicyInput) (*api.Void, error) {
	return nil, s.changePolicy(ctx, call, in.ResourceARN, func(p *resourcePolicy) error {
		if p.IsZero() {
			return errNoPolicy(in.ResourceARN)
		}
		*p = resourcePolicy{}
		return nil
	})
}

func (s *Service) changePolicy(ctx context.Context, call *api.Call, resource string, apply func(*resourcePolicy) error) error {
	return s.changeResource(ctx, call, resource,
		func(st *stream) error { return apply(&st.Policy) },
		func(c *consumer) error { return apply(&c.Policy) })
}
