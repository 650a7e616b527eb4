package policy

import (
	"fmt"
	"strings"
)

// Effect is what a decision, or a statement that matches, comes to. The zero
// Effect denies.
type Effect uint8

// The effects.
const (
	ImplicitDeny Effect = iota // nothing allows
	ExplicitDeny               // a statement denies
	Allow
)

// String returns the word of the policy simulator (EvalDecision).
func (e Effect) String() string {
	switch e {
	case Allow:
		return "allowed"
	case ExplicitDeny:
		return "explicitDeny"
	default:
		return "implicitDeny"
	}
}

// PolicyType is the part that a policy plays in a decision.
type PolicyType uint8

// The types of policy.
const (
	IdentityPolicy PolicyType = iota + 1
	ResourcePolicy
	TrustPolicy // the resource's policy where the resource is a role
	PermissionsBoundary
	SessionPolicy
	ServiceControlPolicy
	ResourceControlPolicy
)

// String returns AWS's name for the type, as in messages.
func (t PolicyType) String() string {
	switch t {
	case IdentityPolicy:
		return "identity-based policy"
	case ResourcePolicy:
		return "resource-based policy"
	case TrustPolicy:
		return "role trust policy"
	case PermissionsBoundary:
		return "permissions boundary"
	case SessionPolicy:
		return "session policy"
	case ServiceControlPolicy:
		return "service control policy"
	case ResourceControlPolicy:
		return "resource control policy"
	}
	return "policy"
}

// takes reports whether a document parsed for a usage can play this part.
func (t PolicyType) takes(u Usage) bool {
	switch t {
	case IdentityPolicy, PermissionsBoundary:
		return u == Identity || u == Managed
	case SessionPolicy:
		return u == Identity || u == Managed || u == ForSession
	case ResourcePolicy:
		return u == Resource
	case TrustPolicy:
		return u == Trust
	case ServiceControlPolicy:
		return u == SCP
	case ResourceControlPolicy:
		return u == RCP
	}
	return false
}

// A Decision is the answer to a request. The zero Decision denies.
type Decision struct {
	Effect Effect
	// By is the type of policy that decided: the one that allows, the one that
	// denies, or the one whose allowance is missing.
	By PolicyType
	// Source is the name of the policy that decided, Statement the index and Sid
	// the id of its statement. Where no statement decided (nothing allows, or the
	// root user's own right), Statement is -1.
	Source    string
	Statement int
	Sid       string
	// Reasons is everything that was looked at, in order, if Explain decided.
	Reasons []Reason
}

// Allowed reports whether the request may go ahead.
func (d Decision) Allowed() bool { return d.Effect == Allow }

// DenialPhrase returns the end of AWS's message of denial, which names the type
// of policy at fault:
//
//	because no identity-based policy allows the kinesis:PutRecord action
//	with an explicit deny in a service control policy
//
// It is empty where the decision is no denial.
func (d Decision) DenialPhrase(action string) string {
	switch d.Effect {
	case Allow:
		return ""
	case ExplicitDeny:
		article := "a"
		switch d.By {
		case IdentityPolicy:
			article = "an"
		case TrustPolicy:
			article = "the"
		}
		return "with an explicit deny in " + article + " " + d.By.String()
	default:
		return "because no " + d.By.String() + " allows the " + action + " action"
	}
}

// Outcome says how far a statement agreed with a request. Outcomes are in the
// order in which the elements are compared, so that of two statements that did
// not match, the one with the greater Outcome came nearer.
type Outcome uint8

// The outcomes.
const (
	// NothingAllows, Unreadable and RootUser are about no statement: no policy of
	// the type allows; the policy cannot be read; the root user needs no policy.
	NothingAllows Outcome = iota
	Unreadable
	RootUser
	PrincipalDiffers
	ActionDiffers
	ResourceDiffers
	ConditionFails
	Matched
)

// String describes the outcome.
func (o Outcome) String() string {
	switch o {
	case NothingAllows:
		return "nothing allows"
	case Unreadable:
		return "cannot be read"
	case RootUser:
		return "root user"
	case PrincipalDiffers:
		return "principal differs"
	case ActionDiffers:
		return "action differs"
	case ResourceDiffers:
		return "resource differs"
	case ConditionFails:
		return "condition fails"
	case Matched:
		return "matched"
	}
	return "unknown outcome"
}

// A ConditionResult is what became of one condition.
type ConditionResult struct {
	Operator string   // as written
	Key      string   // in lower case
	Want     []string // the values in the policy, as written
	Got      []string // the values in the request; empty where the key is absent
	Held     bool
}

// A Reason is one statement that was looked at, or the lack of one.
type Reason struct {
	By        PolicyType
	Level     int    // of an SCP or RCP: 0 is the organization's root
	Source    string // name of the policy
	Statement int    // index of the statement, -1 where there is none
	Sid       string
	Text      string // JSON of the statement, as it was written
	Effect    Effect // of the statement: Allow or ExplicitDeny
	Outcome   Outcome
	// Conditions are the statement's, in the order of its text, if principal,
	// action and resource agreed.
	Conditions []ConditionResult
	// Decided is true for what made the decision.
	Decided bool

	document *Document // nil where there is no statement
}

// View is the statement, as it was written; ok is false where there is none.
func (r *Reason) View() (st Statement, ok bool) {
	if r.document == nil {
		return Statement{}, false
	}
	return r.document.statements[r.Statement].view(r.Statement), true
}

// KeyNames are the condition keys that the statement refers to, as they are
// written, each once.
func (r *Reason) KeyNames() []string {
	if r.document == nil {
		return nil
	}
	return keyNames(r.document.statements[r.Statement : r.Statement+1])
}

// String is the reason in one line.
func (r Reason) String() string {
	var b strings.Builder
	b.WriteString(r.By.String())
	if r.Source != "" {
		fmt.Fprintf(&b, " %q", r.Source)
	}
	if r.Statement >= 0 {
		fmt.Fprintf(&b, " statement %d", r.Statement)
		if r.Sid != "" {
			fmt.Fprintf(&b, " (%s)", r.Sid)
		}
		if r.Effect == Allow {
			b.WriteString(" Allow")
		} else {
			b.WriteString(" Deny")
		}
	}
	fmt.Fprintf(&b, ": %s", r.Outcome)
	for _, c := range r.Conditions {
		if r.Outcome == ConditionFails && c.Held {
			continue
		}
		fmt.Fprintf(&b, "; %s %s wants %q, ", c.Operator, c.Key, c.Want)
		if len(c.Got) == 0 {
			b.WriteString("the request has none")
		} else {
			fmt.Fprintf(&b, "the request has %q", c.Got)
		}
	}
	return b.String()
}
