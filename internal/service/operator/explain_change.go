package operator

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"tributary/internal/delivery"
	"tributary/internal/pure/arn"
	"tributary/internal/pure/policy"
)

// change says what would make a failed check of the caller's account pass.
func (v *view) change(c *delivery.TracedCheck, shown []Statement) string {
	t := v.trace
	if c.Decision != nil {
		if denial := denialIn(c.Decision, shown); denial != "" {
			return denial
		}
	}
	switch c.Name {
	case delivery.CheckLogGroup:
		return "Name a log group of class STANDARD that is there, or make it with CreateLogGroup."
	case delivery.CheckDestination:
		return "Correct the ARN, or make the destination with PutDestination. If that could not deliver its test message, ask with the stream as the destination and with the role."
	case delivery.CheckRegion:
		return fmt.Sprintf("Make a destination in %s. Its stream may be in another Region.", t.Sender.Region)
	case delivery.CheckOwnStream:
		return "Send to another account's stream through a destination that it makes with PutDestination."
	case delivery.CheckSenderRole:
		return v.trustChange(c, t.Sender.Role)
	case delivery.CheckDeliveryRole:
		return v.trustChange(c, t.Role)
	case delivery.CheckSenderPermission:
		return "As AWS's guide asks, give the role a policy with: " + statementText(allowance{Action: list{c.Access.Action}, Resource: string(t.Sender.Source)}) +
			" Nothing here depends on it."
	case delivery.CheckAccessPolicy:
		return v.admissionChange(shown)
	case delivery.CheckPutRecord:
		return fmt.Sprintf("Give %s a policy with: %s", t.Role, statementText(allowance{Action: list{c.Access.Action}, Resource: string(t.Stream)}))
	case delivery.CheckStream:
		return "Make the stream with CreateStream, wait until it is ACTIVE, or give the destination another one with PutDestination."
	}
	return ""
}

// denialIn is the change where something more than a missing allowance is at
// fault; empty otherwise.
func denialIn(d *policy.Decision, shown []Statement) string {
	if d.Effect == policy.ExplicitDeny && len(shown) > 0 {
		return fmt.Sprintf("Take out or narrow %s, which denies it.", shown[0].title())
	}
	switch d.By {
	case policy.ServiceControlPolicy, policy.ResourceControlPolicy:
		return fmt.Sprintf("Ask the organization's management account to let a %s allow it.", d.By)
	case policy.PermissionsBoundary:
		return "Let the permissions boundary allow it too."
	}
	return ""
}

// trustChange is for a role that cannot be assumed.
func (v *view) trustChange(c *delivery.TracedCheck, role arn.ARN) string {
	if c.Decision == nil {
		return fmt.Sprintf("Make the role %s with CreateRole, or name another one.", role)
	}
	t := v.trace
	text := statementText(allowance{
		Principal: map[string]string{"Service": "logs.amazonaws.com"},
		Action:    list{"sts:AssumeRole"},
		Condition: map[string]map[string]string{"StringLike": {"aws:SourceArn": string(t.Sender.Source)}},
	})
	change := fmt.Sprintf("Let the trust policy of %s have: %s", role, text)
	if c.Recipient && t.Sender.Account != t.Recipient {
		change += fmt.Sprintf(" The role is assumed for the sender's log group at every delivery, and for account %s when PutDestination tests it: admit both.", t.Recipient)
	}
	return change
}

// admissionChange is for an access policy that does not allow the sender.
func (v *view) admissionChange(shown []Statement) string {
	t := v.trace
	if t.Sender.Role == "" && slices.ContainsFunc(shown, wantsOrganization) {
		return "The policy admits by organization, which is not seen of a sender without a role: give the subscription filter a roleArn, or admit the account by its id."
	}
	return "Let the access policy have: " + statementText(allowance{
		Principal: map[string]string{"AWS": string(t.Sender.Account)},
		Action:    actions(t), Resource: string(t.To),
	})
}

func wantsOrganization(s Statement) bool {
	return slices.ContainsFunc(s.Conditions, func(c Condition) bool {
		return !c.Held && strings.HasPrefix(c.Key, "aws:principalorg")
	})
}

// An allowance is a statement to put into a policy.
type allowance struct {
	Effect    string
	Principal map[string]string            `json:",omitempty"`
	Action    list                         `json:",omitempty"`
	Resource  string                       `json:",omitempty"`
	Condition map[string]map[string]string `json:",omitempty"`
}

// A list is written as one text where it has one.
type list []string

// MarshalJSON implements json.Marshaler.
func (l list) MarshalJSON() ([]byte, error) {
	if len(l) == 1 {
		return json.Marshal(l[0])
	}
	return json.Marshal([]string(l))
}

func statementText(a allowance) string {
	a.Effect = "Allow"
	text, err := json.Marshal(a)
	if err != nil {
		panic("operator: a statement of texts has JSON: " + err.Error())
	}
	return string(text)
}
