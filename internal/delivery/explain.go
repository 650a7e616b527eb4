package delivery

import (
	"slices"

	"tributary/internal/pure/arn"
	"tributary/internal/pure/policy"
	"tributary/internal/service/api"
	"tributary/internal/service/logs"
)

// A Trace is every check between a sender and a stream, in order, with all that
// was found. It shows things of both accounts: whoever passes it on takes out what
// its reader may not see.
type Trace struct {
	Sender    logs.Sender
	To        arn.ARN       // a destination, or a stream of the sender's account
	Recipient arn.AccountID // who owns To
	Checks    []TracedCheck
	// Speaker is as whom the Logs service asks the destination.
	Speaker api.Caller
	// Destination is To, if it is one that is there. Stream and Role are where
	// records go and the role that puts them there, if that much was found.
	Destination  logs.Address
	Stream, Role arn.ARN
}

// A TracedCheck is what became of one check.
type TracedCheck struct {
	Name CheckName
	// Recipient is true for what the recipient answers for, false for what the
	// sender does.
	Recipient bool
	Passed    bool
	// Needs are the checks that this one cannot be made without. Skipped is true
	// when one of them did not pass.
	Needs   []CheckName
	Skipped bool
	// Advisory is true for what AWS's guide asks and nothing depends on.
	Advisory bool
	Reason   string // why not, when it did not pass
	// Access and Decision, with its Reasons, are what policies were asked and
	// answered; Decision is nil when none was.
	Access   api.Access
	Decision *policy.Decision
}

// Trace makes every check that a delivery from the sender to a destination, or to
// a stream of its account, would make now. The answers are of one moment. The
// error is ours.
//
// With assumed, that caller stands for the session of the sender's role: for who
// may not know about the role.
func (d *Delivery) Trace(sender logs.Sender, to arn.ARN, assumed *api.Caller) (Trace, error) {
	release := d.cfg.Catalog.Hold()
	defer release()
	w := newWalk(&d.cfg, sender, to)
	w.explain, w.assumed = true, assumed
	t := Trace{Sender: sender, To: to, Recipient: w.recipient}
	var held []CheckName
	for _, s := range w.steps {
		c := TracedCheck{Name: s.name, Recipient: s.side == recipientSide, Needs: s.needs, Advisory: s.advisory}
		missing := func(need CheckName) bool { return !slices.Contains(held, need) }
		if slices.ContainsFunc(s.needs, missing) {
			c.Skipped = true
			t.Checks = append(t.Checks, c)
			continue
		}
		f, err := s.ask(w)
		if err != nil {
			return Trace{}, err
		}
		if f.passed {
			held = append(held, s.name)
		}
		c.Passed, c.Reason, c.Access, c.Decision = f.passed, f.reason, f.access, f.decision
		t.Checks = append(t.Checks, c)
	}
	t.Speaker, t.Destination, t.Stream, t.Role = w.speaker, w.destination, w.stream, w.role
	return t, nil
}
