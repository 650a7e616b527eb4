package delivery

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"tributary/internal/durable/catalog"
	"tributary/internal/pure/arn"
	"tributary/internal/pure/policy"
	"tributary/internal/service/api"
	"tributary/internal/service/iam"
	"tributary/internal/service/kinesis"
	"tributary/internal/service/logs"
)

// errRefused marks what is not retried: the recipient does not let this sender
// write, or there is nothing to write to. The events are dropped, as in AWS.
var errRefused = errors.New("refused")

func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{errRefused}, args...)...)
}

// A checker answers whether a filter's events may be written, and where to.
// It keeps its answers as long as nothing that they rest on has changed, and at
// most answerAge, since a policy may speak of the time of day.
type checker struct {
	cfg Config

	mu       sync.Mutex
	revision catalog.Revision     // of the answers; guarded by mu
	answers  map[filterKey]answer // guarded by mu
}

type answer struct {
	filter *logs.Filter // that the answer is for
	at     time.Time
	target *kinesis.StreamWriter
	err    error
}

const answerAge = time.Second

// permit walks every check of the flow for a filter and returns the stream
// that its records go to. The error wraps errRefused, or is of ours and worth
// another try. The answer holds while the catalog stands still; a caller that acts
// on it holds the gate.
func (c *checker) permit(f *logs.Filter) (*kinesis.StreamWriter, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, revision := c.cfg.Now(), max(c.cfg.Logs.AuthorityRevision(), c.cfg.IAM.Revision(), c.cfg.Kinesis.Revision())
	if c.revision != revision || c.answers == nil {
		c.revision, c.answers = revision, map[filterKey]answer{}
	}
	key := keyOf(f)
	if a, ok := c.answers[key]; ok && a.filter == f {
		if age := now.Sub(a.at); age >= 0 && age < answerAge {
			return a.target, a.err
		}
	}
	target, err := c.decide(f)
	c.answers[key] = answer{f, now, target, err}
	return target, err
}

func (c *checker) decide(f *logs.Filter) (*kinesis.StreamWriter, error) {
	sender := f.Sender()
	if f.Destination.Parts().Service == "kinesis" {
		return c.write(f.Region, f.Destination, f.Role, sender.Source, f.Account)
	}
	to, ok := c.cfg.Logs.Destination(f.Destination)
	if !ok {
		return nil, refuse("destination %s does not exist", f.Destination)
	}
	if consent := c.cfg.Logs.Consent(to, sender); !consent.Admitted() {
		return nil, refuse("destination %s: %v", f.Destination, consent.Outcome)
	}
	return c.write(f.Region, to.TargetARN, to.RoleARN, sender.Source, f.Account)
}

// A filterKey names a filter, or an account's policy as it is for one group.
type filterKey struct {
	account       arn.AccountID
	region        arn.Region
	group, filter string
	accountLevel  bool
}

func keyOf(f *logs.Filter) filterKey {
	return filterKey{f.Account, f.Region, f.Group, f.Name, f.AccountLevel}
}

// write asks whether the Logs service, in this role and on behalf of the source,
// may put records into the stream.
func (c *checker) write(region arn.Region, stream, role, source arn.ARN, account arn.AccountID) (*kinesis.StreamWriter, error) {
	session, decision, err := c.cfg.IAM.AssumeForService(iam.ServiceAssumption{
		Role: role, Service: "logs", Region: region, SourceARN: source, SourceAccount: account,
		SessionName: "CloudWatchLogs",
	})
	switch {
	case errors.Is(err, iam.ErrNoSuchRole):
		return nil, refuse("role %s does not exist", role)
	case err != nil:
		return nil, err
	case !decision.Allowed():
		return nil, refuse("role %s does not trust the Logs service for %s", role, source)
	}
	access := api.Access{Action: "kinesis:PutRecord", Resource: string(stream)}
	if !c.cfg.IAM.Decide(session, region, c.cfg.Now(), access, policy.Standard).Allowed() {
		return nil, refuse("role %s may not kinesis:PutRecord on %s", role, stream)
	}
	target, err := c.cfg.Kinesis.OpenStream(stream)
	if errors.Is(err, kinesis.ErrStreamNotFound) || errors.Is(err, kinesis.ErrStreamNotActive) {
		return nil, refuse("stream %s is not there or not ACTIVE", stream)
	}
	return target, err
}
