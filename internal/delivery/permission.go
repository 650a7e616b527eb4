package delivery

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"tributary/internal/durable/catalog"
	"tributary/internal/pure/arn"
	"tributary/internal/service/kinesis"
	"tributary/internal/service/logs"
)

// errRefused marks what is not retried: the recipient does not let this sender
// write, or there is nothing to write to. The events are dropped, as in AWS.
var errRefused = errors.New("refused")

// A Refusal is a check of the flow that failed. errors.Is finds errRefused in it.
type Refusal struct {
	Check CheckName
	// Reason says what is wrong, in words for whoever owns what was checked.
	Reason string
	// Foreign is true when that is another account than the sender's. Then Error
	// does not tell the reason.
	Foreign     bool
	Destination arn.ARN
}

// Error is what the sender may read. [Refusal.LogValue] tells everything.
func (r *Refusal) Error() string {
	switch {
	case !r.Foreign:
		return fmt.Sprintf("refused by check %s: %s", r.Check, r.Reason)
	case r.Check == CheckDestination || r.Check == CheckAccessPolicy:
		return fmt.Sprintf("refused by check %s: %s", CheckAccessPolicy, notAdmitted(r.Destination))
	default:
		return fmt.Sprintf("refused on the recipient's side of %s; its owner sees why", r.Destination)
	}
}

// notAdmitted is what a sender is told of a foreign destination that is not there
// and of one that does not admit it: the same.
func notAdmitted(destination arn.ARN) string {
	return fmt.Sprintf("%s is not there or does not admit this sender", destination)
}

// LogValue is what the operator's log shows.
func (r *Refusal) LogValue() slog.Value {
	return slog.StringValue(fmt.Sprintf("check %s: %s", r.Check, r.Reason))
}

// Is makes a Refusal one of errRefused.
func (r *Refusal) Is(target error) bool { return target == errRefused }

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
	target, err := newWalk(&c.cfg, f.Sender(), f.Destination).permit()
	c.answers[key] = answer{f, now, target, err}
	return target, err
}

// write asks whether the Logs service, in this role and on behalf of the source,
// may put records into the stream.
func (c *checker) write(region arn.Region, stream, role, source arn.ARN, account arn.AccountID) (*kinesis.StreamWriter, error) {
	w := walk{
		cfg: &c.cfg, sender: logs.Sender{Account: account, Region: region, Source: source},
		recipient: account, stream: stream, role: role, steps: writeSteps(),
	}
	return w.permit()
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

// permit takes the steps until one of them fails. Those of the sender's side come
// first: what fails there says nothing of whether a foreign destination is there.
func (w *walk) permit() (*kinesis.StreamWriter, error) {
	for _, side := range []side{senderSide, recipientSide} {
		for _, s := range w.steps {
			if s.advisory || s.side != side {
				continue
			}
			f, err := s.ask(w)
			if err != nil {
				return nil, err
			}
			if !f.passed {
				return nil, &Refusal{
					Check: s.name, Reason: f.reason, Destination: w.to,
					Foreign: side == recipientSide && w.recipient != w.sender.Account,
				}
			}
		}
	}
	return w.target, nil
}

// tells reports whether the sender may know how the destination fares: it is of the
// sender's account, or it admits the sender.
func (w *walk) tells() bool {
	if w.recipient == w.sender.Account {
		return true
	}
	for _, ask := range []func(*walk) (finding, error){(*walk).speak, (*walk).findDestination, (*walk).askAccessPolicy} {
		if f, err := ask(w); err != nil || !f.passed {
			return false
		}
	}
	return true
}
