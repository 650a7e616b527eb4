package delivery

import (
	"errors"
	"fmt"

	"tributary/internal/pure/arn"
	"tributary/internal/pure/policy"
	"tributary/internal/service/api"
	"tributary/internal/service/iam"
	"tributary/internal/service/kinesis"
	"tributary/internal/service/logs"
)

// A CheckName names one check of the flow from a log group to a shard, in
// explanations and in the server's log.
type CheckName string

// The checks, in the order in which they are made. A filter that names a stream
// of its own account has CheckOwnStream in the place of those from CheckDestination
// to CheckAccessPolicy.
const (
	CheckLogGroup         CheckName = "log-group"         // it is there and of a class that has filters
	CheckDestination      CheckName = "destination"       // it is there
	CheckRegion           CheckName = "region"            // it is in the log group's Region
	CheckSenderRole       CheckName = "sender-role"       // the Logs service may assume the filter's role
	CheckSenderPermission CheckName = "sender-permission" // that role may logs:PutLogEvents on the log group: advice
	CheckAccessPolicy     CheckName = "access-policy"     // the destination admits the sender
	CheckOwnStream        CheckName = "own-stream"        // the stream is of the sender's account
	CheckDeliveryRole     CheckName = "delivery-role"     // the Logs service may assume the role that writes, for the sender
	CheckPutRecord        CheckName = "put-record"        // that role may kinesis:PutRecord on the stream
	CheckStream           CheckName = "stream"            // it is there and takes records
)

// A side says whose a checked thing is.
type side uint8

const (
	senderSide side = iota
	recipientSide
)

// A step is one check. ask makes it, leaving in the walk what the steps after it
// need. Its error is ours: what is refused is a finding.
type step struct {
	name CheckName
	side side
	ask  func(*walk) (finding, error)
	// needs is the check without which there is nothing to ask about.
	needs []CheckName
	// advisory steps decide nothing, and only explanations take them.
	advisory bool
}

// A finding is what a check came to.
type finding struct {
	passed bool
	reason string // why not, when it did not pass
	// access and decision are what policies were asked and answered, when they
	// were.
	access   api.Access
	decision *policy.Decision
}

var passed = finding{passed: true}

func failed(format string, args ...any) finding {
	return finding{reason: fmt.Sprintf(format, args...)}
}

// A walk is one way from a sender to a stream. Delivery takes its steps until one
// fails, explanations take all of them: what is explained is what is done.
type walk struct {
	cfg    *Config
	sender logs.Sender
	to     arn.ARN // a destination, or a stream of the sender's account
	steps  []step
	// recipient is the account that owns to.
	recipient arn.AccountID
	// explain makes decisions carry their reasons.
	explain bool
	// assumed stands for the session of the sender's role where that role is none
	// of the asker's business; nil otherwise.
	assumed *api.Caller

	// What the steps have found so far.
	destination  logs.Address
	speaker      api.Caller
	stream, role arn.ARN
	session      api.Caller // of role
	target       *kinesis.StreamWriter
}

func newWalk(cfg *Config, sender logs.Sender, to arn.ARN) *walk {
	w := &walk{cfg: cfg, sender: sender, to: to, recipient: to.Account()}
	if to.Parts().Service != "kinesis" {
		w.steps = append([]step{
			{name: CheckLogGroup, side: senderSide, ask: (*walk).findGroup},
			{name: CheckDestination, side: recipientSide, ask: (*walk).findDestination},
			{name: CheckRegion, side: senderSide, ask: (*walk).compareRegions},
			{name: CheckSenderRole, side: senderSide, ask: (*walk).speak},
			{name: CheckSenderPermission, side: senderSide, ask: (*walk).askPutLogEvents, needs: []CheckName{CheckSenderRole}, advisory: true},
			{name: CheckAccessPolicy, side: recipientSide, ask: (*walk).askAccessPolicy, needs: []CheckName{CheckDestination, CheckSenderRole}},
		}, writeSteps(CheckDestination)...)
		return w
	}
	w.stream, w.role = to, sender.Role
	w.steps = append([]step{
		{name: CheckLogGroup, side: senderSide, ask: (*walk).findGroup},
		{name: CheckOwnStream, side: senderSide, ask: (*walk).compareAccounts},
	}, writeSteps(CheckOwnStream)...)
	return w
}

// writeSteps are those from a role to a stream, once the checks that they need
// have found both.
func writeSteps(needs ...CheckName) []step {
	return []step{
		{name: CheckDeliveryRole, side: recipientSide, ask: (*walk).assumeRole, needs: needs},
		{name: CheckPutRecord, side: recipientSide, ask: (*walk).askPutRecord, needs: []CheckName{CheckDeliveryRole}},
		{name: CheckStream, side: recipientSide, ask: (*walk).openStream, needs: needs},
	}
}

func (w *walk) findGroup() (finding, error) {
	switch w.cfg.Logs.Subscribable(w.sender.Source) {
	case logs.GroupMissing:
		return failed("log group %s does not exist", w.sender.Source), nil
	case logs.GroupOfOtherClass:
		return failed("log group %s is of a class that has no subscription filters", w.sender.Source), nil
	}
	return passed, nil
}

func (w *walk) findDestination() (finding, error) {
	to, ok := w.cfg.Logs.Destination(w.to)
	if !ok {
		return failed("%s does not exist", w.to), nil
	}
	w.destination, w.stream, w.role = to, to.TargetARN, to.RoleARN
	return passed, nil
}

func (w *walk) compareRegions() (finding, error) {
	if there := w.to.Parts().Region; there != w.sender.Region {
		return failed("the log group is in %s, the destination in %s", w.sender.Region, there), nil
	}
	return passed, nil
}

func (w *walk) compareAccounts() (finding, error) {
	if w.recipient != w.sender.Account {
		return failed("a subscription that names a stream needs one of its own account, %s", w.sender.Account), nil
	}
	return passed, nil
}

func (w *walk) speak() (finding, error) {
	if w.assumed != nil {
		w.speaker = *w.assumed
		return passed, nil
	}
	speaker, trust, err := w.cfg.Logs.Speaker(w.sender, w.explain)
	w.speaker = speaker
	return w.assumption(w.sender.Role, trust, err)
}

// assumption is the finding on a role that the Logs service wants to assume.
func (w *walk) assumption(role arn.ARN, trust policy.Decision, err error) (finding, error) {
	switch {
	case errors.Is(err, iam.ErrNoSuchRole):
		return failed("role %s does not exist", role), nil
	case err != nil:
		return finding{}, err
	case role == "":
		return passed, nil
	}
	f := finding{
		passed:   trust.Allowed(),
		access:   api.Access{Action: "sts:AssumeRole", Resource: string(role)},
		decision: &trust,
	}
	if !f.passed {
		f.reason = fmt.Sprintf("role %s does not trust the Logs service for %s", role, w.sender.Source)
	}
	return f, nil
}

// askPutLogEvents asks what AWS's guide wants the sender's role to allow.
func (w *walk) askPutLogEvents() (finding, error) {
	if w.sender.Role == "" || w.assumed != nil {
		return passed, nil
	}
	access := api.Access{Action: "logs:PutLogEvents", Resource: string(w.sender.Source)}
	d := w.cfg.IAM.Explain(w.speaker, w.sender.Region, w.cfg.Now(), access, policy.Standard)
	f := finding{passed: d.Allowed(), access: access, decision: &d}
	if !f.passed {
		f.reason = fmt.Sprintf("role %s does not allow logs:PutLogEvents on %s", w.sender.Role, w.sender.Source)
	}
	return f, nil
}

func (w *walk) askAccessPolicy() (finding, error) {
	a := w.cfg.Logs.Admits(w.destination, w.sender, w.speaker, w.explain)
	f := finding{
		passed:   a.Allowed(),
		access:   api.Access{Action: a.Action, Resource: string(w.to)},
		decision: &a.Decision,
	}
	switch {
	case f.passed:
	case w.destination.Policy == nil:
		f.reason = fmt.Sprintf("%s has no access policy, so it admits nobody", w.to)
	default:
		f.reason = fmt.Sprintf("the access policy of %s does not allow %s to account %s", w.to, a.Action, w.sender.Account)
	}
	return f, nil
}

func (w *walk) assumeRole() (finding, error) {
	session, trust, err := w.cfg.IAM.AssumeForService(iam.ServiceAssumption{
		Role: w.role, Service: "logs", Region: w.sender.Region,
		SourceARN: w.sender.Source, SourceAccount: w.sender.Account,
		SessionName: logs.SessionName, Explain: w.explain,
	})
	w.session = session
	return w.assumption(w.role, trust, err)
}

func (w *walk) askPutRecord() (finding, error) {
	access := w.cfg.Kinesis.AccessTo("PutRecord", w.stream)
	decide := w.cfg.IAM.Decide
	if w.explain {
		decide = w.cfg.IAM.Explain
	}
	d := decide(w.session, w.sender.Region, w.cfg.Now(), access, policy.Standard)
	f := finding{passed: d.Allowed(), access: access, decision: &d}
	if !f.passed {
		f.reason = fmt.Sprintf("role %s may not kinesis:PutRecord on %s", w.role, w.stream)
	}
	return f, nil
}

func (w *walk) openStream() (finding, error) {
	target, err := w.cfg.Kinesis.OpenStream(w.stream)
	switch {
	case errors.Is(err, kinesis.ErrStreamNotFound):
		return failed("stream %s does not exist", w.stream), nil
	case errors.Is(err, kinesis.ErrStreamNotActive):
		return failed("stream %s is not ACTIVE", w.stream), nil
	}
	w.target = target
	return passed, err
}
