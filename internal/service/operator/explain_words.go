package operator

import (
	"fmt"
	"slices"
	"strings"

	"tributary/internal/pure/policy"
)

// statementsOf are the statements that an explanation shows of a decision: those
// that decided, or that which came nearest to what was missing. Texts of policies
// that an organization puts on its accounts are left out: AWS shows them to the
// management account alone.
func statementsOf(d *policy.Decision, action, resource string, hide func(key string) bool) []Statement {
	var shown []Statement
	for _, r := range d.Reasons {
		if r.Decided && r.Statement >= 0 {
			shown = append(shown, statementOf(r, action, resource, hide))
		}
	}
	if len(shown) > 0 {
		return shown
	}
	if nearest, ok := nearestOf(d); ok {
		shown = append(shown, statementOf(nearest, action, resource, hide))
	}
	return shown
}

// nearestOf is the statement of the type of policy whose allowance is missing
// that came nearest to allowing: the one that agreed furthest, and of these the
// one with the fewest conditions that failed.
func nearestOf(d *policy.Decision) (nearest policy.Reason, ok bool) {
	for _, r := range d.Reasons {
		if r.By != d.By || r.Statement < 0 || r.Effect != policy.Allow || r.Outcome == policy.Matched {
			continue
		}
		further := r.Outcome > nearest.Outcome ||
			r.Outcome == nearest.Outcome && len(unmet(r)) < len(unmet(nearest))
		if !ok || further {
			nearest, ok = r, true
		}
	}
	return nearest, ok
}

// unmet are the conditions of a statement that failed.
func unmet(r policy.Reason) []policy.ConditionResult {
	return slices.DeleteFunc(slices.Clone(r.Conditions), func(c policy.ConditionResult) bool { return c.Held })
}

func statementOf(r policy.Reason, action, resource string, hide func(key string) bool) Statement {
	if r.By == policy.ServiceControlPolicy || r.By == policy.ResourceControlPolicy {
		return Statement{
			PolicyType: r.By.String(), Number: r.Statement + 1, Decided: r.Decided,
			Why: "the organization's management account sees this policy",
		}
	}
	s := Statement{
		PolicyType: r.By.String(), Policy: r.Source, Number: r.Statement + 1, Sid: r.Sid,
		Decided: r.Decided, Text: r.Text,
	}
	for _, c := range r.Conditions {
		got := slices.Clone(c.Got)
		if hide(c.Key) {
			got = []string{notShown}
		}
		s.Conditions = append(s.Conditions, Condition{
			Operator: c.Operator, Key: c.Key, Want: present(c.Want), Got: present(got), Held: c.Held,
		})
	}
	s.Why = s.why(r, action, resource)
	return s
}

// notShown stands for a value that the caller may not see, whether there is one or
// not.
const notShown = "(not shown)"

// present makes an answer say [] where there is nothing.
func present(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// why says what a statement did, or what about it does not fit.
func (s *Statement) why(r policy.Reason, action, resource string) string {
	switch r.Outcome {
	case policy.Matched:
		if r.Effect == policy.Allow {
			return "allows it"
		}
		return "denies it"
	case policy.PrincipalDiffers:
		return "its Principal does not name the caller"
	case policy.ActionDiffers:
		return "its Action does not cover " + action
	case policy.ResourceDiffers:
		return "its Resource does not cover " + resource
	}
	var failures []string
	for _, c := range s.Conditions {
		if c.Held {
			continue
		}
		got := "the request has none"
		if len(c.Got) > 0 {
			got = "the request has " + quoted(c.Got)
		}
		failures = append(failures, fmt.Sprintf("%s %s wants %s, %s", c.Operator, c.Key, quoted(c.Want), got))
	}
	return "its Condition does not hold: " + strings.Join(failures, "; ")
}

func quoted(values []string) string {
	list := make([]string, len(values))
	for i, v := range values {
		list[i] = fmt.Sprintf("%q", v)
	}
	return strings.Join(list, " or ")
}

// title names a statement: statement 2 ("AllowOrganization") of access policy of …
func (s *Statement) title() string {
	t := fmt.Sprintf("statement %d", s.Number)
	if s.Sid != "" {
		t += fmt.Sprintf(" (%q)", s.Sid)
	}
	name := s.Policy
	if name == "" {
		name = indefinite(s.PolicyType)
	}
	return t + " of " + name
}

// indefinite puts the article before a type of policy.
func indefinite(noun string) string {
	if strings.HasPrefix(noun, "i") { // identity-based policy
		return "an " + noun
	}
	return "a " + noun
}

// verdictOf is that of all checks together.
func verdictOf(checks []Check) Status {
	verdict := Pass
	for _, c := range checks {
		switch c.Status {
		case Fail:
			return Fail
		case NotVisible, Skipped:
			verdict = NotVisible
		}
	}
	return verdict
}
