package demo

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"tributary/internal/client"
)

const (
	streamName      = "RecipientStream"
	destinationName = "testDestination"
	destinationARN  = "arn:aws:logs:" + Region + ":" + Recipient + ":destination:" + destinationName
	roleName        = "CWLtoKinesisRole"
	roleARN         = "arn:aws:iam::" + Recipient + ":role/" + roleName
	trailGroup      = "CloudTrail/logs"
	trailPattern    = "{$.userIdentity.type = Root}"
)

func streamARN(region, name string) string {
	return "arn:aws:kinesis:" + region + ":" + Recipient + ":stream/" + name
}

// trustPolicy lets the Logs service take the role for these accounts' logs.
func trustPolicy(accounts ...string) string {
	var arns []string
	for _, a := range accounts {
		arns = append(arns, `"arn:aws:logs:`+Region+`:`+a+`:*"`)
	}
	return `{"Statement":{"Effect":"Allow","Principal":{"Service":"logs.` + Region + `.amazonaws.com"},"Action":"sts:AssumeRole","Condition":{"StringLike":{"aws:SourceArn":[` + strings.Join(arns, ",") + `]}}}}`
}

func putRecordPolicy(streams ...string) string {
	return `{"Statement":[{"Effect":"Allow","Action":"kinesis:PutRecord","Resource":["` + strings.Join(streams, `","`) + `"]}]}`
}

// accountPolicy admits these accounts to the destination.
func accountPolicy(accounts ...string) string {
	return `{"Version":"2012-10-17","Statement":[{"Sid":"","Effect":"Allow","Principal":{"AWS":["` + strings.Join(accounts, `","`) + `"]},"Action":"logs:PutSubscriptionFilter","Resource":"` + destinationARN + `"}]}`
}

// consent is steps 1 to 4 of the walk-through on events shaped like CloudTrail's.
func (s *story) consent() error {
	s.title("1. The recipient makes a stream, a role and a destination, and admits account %s", Sender)
	if err := s.makeStream(streamName, Region); err != nil {
		return err
	}
	if err := s.all(Recipient,
		[]string{"iam", "create-role", "--role-name", roleName, "--assume-role-policy-document", trustPolicy(Sender, Second, Recipient)},
		[]string{"iam", "put-role-policy", "--role-name", roleName, "--policy-name", "PutRecord", "--policy-document", putRecordPolicy(streamARN(Region, streamName))},
		[]string{"logs", "put-destination", "--destination-name", destinationName, "--target-arn", streamARN(Region, streamName), "--role-arn", roleARN},
		[]string{"logs", "put-destination-policy", "--destination-name", destinationName, "--access-policy", accountPolicy(Sender)},
	); err != nil {
		return err
	}
	r, err := s.read(streamName, Region, "TRIM_HORIZON", true)
	if err != nil {
		return err
	}
	if err := r.until("the control message", func() bool { return r.controls == 1 }); err != nil {
		return err
	}
	s.say("A control message has arrived in the stream: the destination works.")

	s.title("2. The sender subscribes a log group to the destination")
	if err := s.makeGroup(Sender, trailGroup, "events"); err != nil {
		return err
	}
	if err := s.all(Sender, subscribe(trailGroup, "RecipientStream", trailPattern)); err != nil {
		return err
	}

	s.title("3. Events flow")
	events, roots := trail(48)
	if err := s.put(Sender, trailGroup, "events", events); err != nil {
		return err
	}

	s.title("4. The recipient reads")
	if err := r.until("the events", func() bool { return len(r.messages(Sender, trailGroup)) >= len(roots) }); err != nil {
		return err
	}
	for _, env := range r.envs {
		text, err := json.Marshal(env)
		if err != nil {
			return err
		}
		s.say("  %.600s…", text)
	}
	if err := exactly(r.messages(Sender, trailGroup), roots); err != nil {
		return fmt.Errorf("events of root users: %w", err)
	}
	s.say("Of %d events, exactly the %d of root users came, each once, in order.", len(events), len(roots))
	return nil
}

// input sends real lines through a second log group of the sender.
func (s *story) input() error {
	const group, stream = "machine/logs", "input"
	lines, source, err := readLines(s.Input, s.Stdin)
	if err != nil {
		return err
	}
	pattern, matches := s.Pattern, match(s.Pattern)
	if pattern == "" {
		pattern = wordOf(lines)
		matches = func(line string) bool { return strings.Contains(line, pattern) }
	}
	s.title("Real input: %d lines from %s, pattern %q", len(lines), source, pattern)
	var want []string
	for _, line := range lines {
		if matches(line) {
			want = append(want, line)
		}
	}
	if err := s.makeGroup(Sender, group, stream); err != nil {
		return err
	}
	if err := s.all(Sender, subscribe(group, "Input", pattern)); err != nil {
		return err
	}
	r, err := s.read(streamName, Region, "LATEST", false)
	if err != nil {
		return err
	}
	began := s.Now()
	if err := s.put(Sender, group, stream, lines); err != nil {
		return err
	}
	if err := r.until("the matching lines", func() bool { return len(r.messages(Sender, group)) >= len(want) }); err != nil {
		return err
	}
	took := s.Now().Sub(began)
	got := r.messages(Sender, group)
	for _, line := range got[:min(len(got), 5)] {
		s.say("  %.150q", line)
	}
	if err := exactly(got, want); err != nil {
		return err
	}
	s.say("Exactly the %d matching lines came, each once, in order, %v after the first was sent.", len(want), took.Round(time.Millisecond))
	return nil
}

func subscribe(group, name, pattern string, more ...string) []string {
	return append([]string{
		"logs", "put-subscription-filter", "--log-group-name", group, "--filter-name", name,
		"--filter-pattern", pattern, "--destination-arn", destinationARN,
	}, more...)
}

func (s *story) makeGroup(account, group, stream string) error {
	return s.all(account,
		[]string{"logs", "create-log-group", "--log-group-name", group},
		[]string{"logs", "create-log-stream", "--log-group-name", group, "--log-stream-name", stream},
	)
}

// makeStream makes a stream of one shard and waits until it is ACTIVE.
func (s *story) makeStream(name, region string) error {
	if err := s.all(Recipient, []string{"kinesis", "create-stream", "--stream-name", name, "--shard-count", "1", "--region", region}); err != nil {
		return err
	}
	deadline := s.Now().Add(patience)
	for {
		out, err := s.quietly(Recipient, "kinesis", "describe-stream-summary", "--stream-name", name, "--region", region)
		if err != nil {
			return err
		}
		if member(out, "StreamDescriptionSummary", "StreamStatus") == "ACTIVE" {
			s.say("  stream %s is ACTIVE", name)
			return nil
		}
		if s.Now().After(deadline) {
			return errors.New("stream " + name + " does not become ACTIVE")
		}
		select {
		case <-s.ctx.Done():
			return s.ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Bounds of one PutLogEvents call, with room to spare.
const (
	batchEvents = 1000
	batchBytes  = 500 << 10
)

// put sends lines as log events, in as many calls as they need. The first call
// is printed.
func (s *story) put(account, group, stream string, lines []string) error {
	for first := true; len(lines) > 0; first = false {
		n, size := 0, 0
		for n < len(lines) && n < batchEvents && size+len(lines[n]) <= batchBytes {
			size += len(lines[n]) + 26
			n++
		}
		batch := lines[:max(n, 1)]
		lines = lines[len(batch):]
		if err := s.putBatch(account, group, stream, batch, first); err != nil {
			return err
		}
	}
	return nil
}

func (s *story) putBatch(account, group, stream string, batch []string, show bool) error {
	type logEvent struct {
		Timestamp int64  `json:"timestamp"`
		Message   string `json:"message"`
	}
	events := make([]logEvent, len(batch))
	now := s.Now().UnixMilli()
	for i, line := range batch {
		events[i] = logEvent{now, line}
	}
	text, err := json.Marshal(events)
	if err != nil {
		return err
	}
	file, err := s.file(string(text))
	if err != nil {
		return err
	}
	run := s.quietly
	if show {
		run = s.as
	}
	if _, err := run(account, "logs", "put-log-events", "--log-group-name", group, "--log-stream-name", stream, "--log-events", file); err != nil {
		return fmt.Errorf("put log events: %w", err)
	}
	return nil
}

// refusal is the code and message of an error that the server answered.
func refusal(err error) (*client.Refusal, bool) { return errors.AsType[*client.Refusal](err) }
