package demo

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"
)

const (
	appGroup     = "app"
	senderRole   = "CWLtoSubscriptionFilterRole"
	flowInterval = 10 * time.Millisecond
)

// A flow puts an event into a log group every few milliseconds until it is
// stopped.
type flow struct {
	s       *story
	account string
	stop    context.CancelFunc
	done    chan error
	mu      sync.Mutex
	sent    int // guarded by mu; events acknowledged
}

func (s *story) flow(account string) *flow {
	ctx, stop := context.WithCancel(s.ctx)
	f := &flow{s: s, account: account, stop: stop, done: make(chan error, 1)}
	go func() {
		for n := 1; ; n++ {
			if err := f.put(n); err != nil {
				f.done <- err
				return
			}
			select {
			case <-ctx.Done():
				f.done <- nil
				return
			case <-time.After(flowInterval):
			}
		}
	}()
	return f
}

// put sends event n. It keeps no file and counts no step: it runs beside the
// story.
func (f *flow) put(n int) error {
	in := map[string]any{
		"logGroupName": appGroup, "logStreamName": "flow",
		"logEvents": []any{map[string]any{"timestamp": f.s.Now().UnixMilli(), "message": "event " + strconv.Itoa(n) + " of " + f.account}},
	}
	if err := f.s.client(f.account).JSON(f.s.ctx, "logs", "Logs_20140328.PutLogEvents", in, nil); err != nil {
		return fmt.Errorf("flow of %s: %w", f.account, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sent = n
	return nil
}

func (f *flow) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.sent
}

// end stops the flow and returns how many events it sent.
func (f *flow) end() (int, error) {
	f.stop()
	err := <-f.done
	return f.count(), err
}

// membership is step 5: one account is shut out and another let in while both
// send without a pause.
func (s *story) membership() error {
	s.title("5. While events flow, account %s is shut out and %s let in", Sender, Second)
	for _, account := range []string{Sender, Second} {
		if err := s.makeGroup(account, appGroup, "flow"); err != nil {
			return err
		}
	}
	if err := s.all(Sender, subscribe(appGroup, "RecipientStream", "")); err != nil {
		return err
	}
	r, err := s.read(streamName, Region, "LATEST", false)
	if err != nil {
		return err
	}
	first, second := s.flow(Sender), s.flow(Second)
	defer first.stop()
	defer second.stop()
	if err := r.until("events of "+Sender, func() bool { return len(r.messages(Sender, appGroup)) >= 20 }); err != nil {
		return err
	}
	if n := len(r.messages(Second, appGroup)); n != 0 {
		return fmt.Errorf("%d events of %s came without consent", n, Second)
	}
	s.say("Events of %s arrive; %s sends too, but nobody admitted it.", Sender, Second)
	if err := s.all(Recipient, []string{"logs", "put-destination-policy", "--destination-name", destinationName, "--access-policy", accountPolicy(Second)}); err != nil {
		return err
	}
	// From here on nothing of the first account may be appended. What is read now
	// was appended before; everything later is read by after.
	after, err := s.read(streamName, Region, "LATEST", false)
	if err != nil {
		return err
	}
	sentBefore := first.count()
	if err := s.all(Second, subscribe(appGroup, "RecipientStream", "")); err != nil {
		return err
	}
	if err := after.until("events of "+Second, func() bool {
		return len(after.messages(Second, appGroup)) >= 50 && first.count() >= sentBefore+50
	}); err != nil {
		return err
	}
	if n := len(after.messages(Sender, appGroup)); n != 0 {
		return fmt.Errorf("%d events of %s were appended after it was shut out", n, Sender)
	}
	s.say("Since the policy changed, %s sent %d more events and 0 arrived; %d of %s did.",
		Sender, first.count()-sentBefore, len(after.messages(Second, appGroup)), Second)
	if _, err := first.end(); err != nil {
		return err
	}
	_, err = second.end()
	return err
}

func orgPolicy(org string) string {
	return `{"Version":"2012-10-17","Statement":[{"Sid":"","Effect":"Allow","Principal":"*","Action":"logs:PutSubscriptionFilter","Resource":"` + destinationARN + `","Condition":{"StringEquals":{"aws:PrincipalOrgID":["` + org + `"]}}}]}`
}

func senderRoleARN(account string) string { return "arn:aws:iam::" + account + ":role/" + senderRole }

// organization is step 6: the policy admits an organization instead of accounts,
// and leaving it ends the flow.
func (s *story) organization() error {
	s.title("6. An organization takes the place of the list of accounts")
	out, err := s.as(Recipient, "organizations", "create-organization", "--feature-set", "ALL")
	if err != nil {
		return err
	}
	org := member(out, "Organization", "Id")
	for _, account := range []string{Sender, Second} {
		out, err := s.as(Recipient, "organizations", "invite-account-to-organization", "--target", `{"Id":"`+account+`","Type":"ACCOUNT"}`)
		if err != nil {
			return err
		}
		if err := s.all(account, []string{"organizations", "accept-handshake", "--handshake-id", member(out, "Handshake", "Id")}); err != nil {
			return err
		}
		if err := s.all(account,
			[]string{"iam", "create-role", "--role-name", senderRole, "--assume-role-policy-document", `{"Statement":{"Effect":"Allow","Principal":{"Service":"logs.amazonaws.com"},"Action":"sts:AssumeRole"}}`},
			[]string{"iam", "put-role-policy", "--role-name", senderRole, "--policy-name", "PutLogEvents", "--policy-document", `{"Statement":[{"Effect":"Allow","Action":"logs:PutLogEvents","Resource":"arn:aws:logs:` + Region + `:` + account + `:log-group:` + appGroup + `:*"}]}`},
		); err != nil {
			return err
		}
	}
	s.say("Each sender gives its filter a role, so that its requests carry the organization's id.")
	if err := s.all(Recipient, []string{"logs", "put-destination-policy", "--destination-name", destinationName, "--access-policy", accountPolicy(Sender, Second)}); err != nil {
		return err
	}
	for _, account := range []string{Sender, Second} {
		if err := s.all(account, subscribe(appGroup, "RecipientStream", "", "--role-arn", senderRoleARN(account))); err != nil {
			return err
		}
	}
	_, err = s.as(Recipient, "logs", "put-destination-policy", "--destination-name", destinationName, "--access-policy", orgPolicy(org))
	if e, ok := refusal(err); !ok || e.Code != "InvalidParameterException" {
		return fmt.Errorf("organization policy without --force-update: got %w, want InvalidParameterException", err)
	}
	if err := s.all(Recipient, []string{"logs", "put-destination-policy", "--destination-name", destinationName, "--access-policy", orgPolicy(org), "--force-update"}); err != nil {
		return err
	}
	r, err := s.read(streamName, Region, "LATEST", false)
	if err != nil {
		return err
	}
	first, second := s.flow(Sender), s.flow(Second)
	defer first.stop()
	defer second.stop()
	if err := r.until("events of both members", func() bool {
		return len(r.messages(Sender, appGroup)) >= 20 && len(r.messages(Second, appGroup)) >= 20
	}); err != nil {
		return err
	}
	s.say("Events of both members arrive. Now %s leaves the organization.", Second)
	if err := s.all(Second, []string{"organizations", "leave-organization"}); err != nil {
		return err
	}
	after, err := s.read(streamName, Region, "LATEST", false)
	if err != nil {
		return err
	}
	sentBefore := second.count()
	if err := after.until("events of "+Sender, func() bool {
		return len(after.messages(Sender, appGroup)) >= 50 && second.count() >= sentBefore+50
	}); err != nil {
		return err
	}
	if n := len(after.messages(Second, appGroup)); n != 0 {
		return fmt.Errorf("%d events of %s were appended after it had left", n, Second)
	}
	s.say("Since it left, %s sent %d more events and 0 arrived; those of %s go on.", Second, second.count()-sentBefore, Sender)
	if _, err := second.end(); err != nil {
		return err
	}
	_, err = first.end()
	return err
}
