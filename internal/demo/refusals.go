package demo

import (
	"fmt"

	"tributary/internal/pure/pattern"
)

const undeliverable = "Could not deliver test message to specified destination. Check if the destination is valid."

// match is what a filter pattern takes; a pattern that is wrong takes nothing,
// the server will say why.
func match(text string) func(line string) bool {
	p, err := pattern.Parse(text)
	if err != nil {
		return func(string) bool { return false }
	}
	return p.MatchText
}

// elsewhere shows a destination whose stream is in another Region.
func (s *story) elsewhere() error {
	const name, group = "FarStream", "far"
	s.title("The stream may be in another Region than its destination")
	if err := s.makeStream(name, Elsewhere); err != nil {
		return err
	}
	far := streamARN(Elsewhere, name)
	farDestination := "arn:aws:logs:" + Region + ":" + Recipient + ":destination:far"
	policy := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + Sender + `"},"Action":"logs:PutSubscriptionFilter","Resource":"` + farDestination + `"}]}`
	if err := s.all(Recipient,
		[]string{"iam", "put-role-policy", "--role-name", roleName, "--policy-name", "PutRecord", "--policy-document", putRecordPolicy(streamARN(Region, streamName), far)},
		[]string{"logs", "put-destination", "--destination-name", "far", "--target-arn", far, "--role-arn", roleARN},
		[]string{"logs", "put-destination-policy", "--destination-name", "far", "--access-policy", policy},
	); err != nil {
		return err
	}
	if err := s.makeGroup(Sender, group, "s"); err != nil {
		return err
	}
	if err := s.all(Sender, []string{"logs", "put-subscription-filter", "--log-group-name", group, "--filter-name", "far", "--filter-pattern", "", "--destination-arn", farDestination}); err != nil {
		return err
	}
	lines := []string{"sent from " + Region, "read in " + Elsewhere}
	if err := s.put(Sender, group, "s", lines); err != nil {
		return err
	}
	r, err := s.read(name, Elsewhere, "TRIM_HORIZON", true)
	if err != nil {
		return err
	}
	if err := r.until("the events", func() bool { return len(r.messages(Sender, group)) >= len(lines) }); err != nil {
		return err
	}
	if err := exactly(r.messages(Sender, group), lines); err != nil {
		return err
	}
	s.say("Both events came to %s.", Elsewhere)
	return nil
}

// refusals is step 7: what must not work, and AWS's words for it.
func (s *story) refusals() error {
	const stranger, group = "333333333333", "refused"
	s.title("7. What is refused, in AWS's words")
	if err := s.makeGroup(stranger, group, "s"); err != nil {
		return err
	}
	if err := s.all(stranger, []string{"iam", "create-role", "--role-name", senderRole, "--assume-role-policy-document", `{"Statement":{"Effect":"Allow","Principal":{"Service":"logs.amazonaws.com"},"Action":"sts:AssumeRole"}}`}); err != nil {
		return err
	}
	s.say("\nAn account that is not admitted:")
	if err := s.refused(stranger, "AccessDeniedException",
		"User with accountId: "+stranger+" is not authorized to perform: logs:PutSubscriptionFilter on resource: "+destinationARN,
		subscribe(group, "f", "", "--role-arn", senderRoleARN(stranger))...); err != nil {
		return err
	}
	s.say("\nA filter without role ARN under an organization policy:")
	if err := s.makeGroup(Sender, group, "s"); err != nil {
		return err
	}
	if err := s.refused(Sender, "InvalidParameterException",
		"Role ARN is required when creating subscription filter against destination with Organization access policy",
		subscribe(group, "f", "")...); err != nil {
		return err
	}
	s.say("\nA role that does not trust the Logs service:")
	if err := s.all(Recipient, []string{"iam", "create-role", "--role-name", "NoTrust", "--assume-role-policy-document", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`}); err != nil {
		return err
	}
	if err := s.refused(Recipient, "InvalidParameterException", undeliverable,
		"logs", "put-destination", "--destination-name", "d2", "--target-arn", streamARN(Region, streamName), "--role-arn", "arn:aws:iam::"+Recipient+":role/NoTrust"); err != nil {
		return err
	}
	s.say("\nA stream that is not there:")
	if err := s.refused(Recipient, "InvalidParameterException", undeliverable,
		"logs", "put-destination", "--destination-name", "d2", "--target-arn", streamARN(Region, "Nowhere"), "--role-arn", roleARN); err != nil {
		return err
	}
	s.say("\nA destination in another Region:")
	elsewhere := "arn:aws:logs:" + Elsewhere + ":" + Recipient + ":destination:" + destinationName
	_, err := s.as(Sender, "logs", "put-subscription-filter", "--log-group-name", group, "--filter-name", "f", "--filter-pattern", "", "--destination-arn", elsewhere)
	if e, ok := refusal(err); !ok || e.Code != "InvalidParameterException" {
		return fmt.Errorf("destination in another Region: got %w, want InvalidParameterException", err)
	}
	s.say("\nA sixth filter on a log group:")
	for _, name := range []string{"one", "two", "three", "four", "five"} {
		if _, err := s.quietly(Sender, subscribe(group, name, "", "--role-arn", senderRoleARN(Sender))...); err != nil {
			return err
		}
	}
	return s.refused(Sender, "LimitExceededException", "Resource limit exceeded.",
		subscribe(group, "six", "", "--role-arn", senderRoleARN(Sender))...)
}
