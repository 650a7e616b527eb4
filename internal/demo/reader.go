package demo

import (
	"encoding/base64"
	"fmt"
	"time"

	"tributary/internal/client"
)

// A reader follows one shard of a stream of the recipient.
type reader struct {
	s        *story
	stream   string
	region   string
	iterator string
	envs     []client.Envelope // control messages left out
	controls int
	show     bool // the commands that find something
}

// patience bounds how long the demo waits for events that must come.
const patience = 20 * time.Second

// read begins to read a shard; kind is TRIM_HORIZON or LATEST. show prints the
// commands, but those that find nothing.
func (s *story) read(stream, region, kind string, show bool) (*reader, error) {
	run := s.quietly
	if show {
		run = s.as
	}
	out, err := run(Recipient, "kinesis", "get-shard-iterator", "--stream-name", stream,
		"--shard-id", "shardId-000000000000", "--shard-iterator-type", kind, "--region", region)
	if err != nil {
		return nil, err
	}
	return &reader{s: s, stream: stream, region: region, iterator: member(out, "ShardIterator"), show: show}, nil
}

// poll reads what is there now.
func (r *reader) poll() error {
	cmd := client.Command{"kinesis", "get-records", "--shard-iterator", r.iterator, "--region", r.region}
	out, err := r.s.quietly(Recipient, cmd...)
	if err != nil {
		return fmt.Errorf("read %s: %w", r.stream, err)
	}
	r.iterator = member(out, "NextShardIterator")
	records, _ := out["Records"].([]any)
	if r.show && len(records) > 0 {
		r.s.say("%s $ %s", Recipient, cmd)
		r.s.say("  %s", answerText(out))
	}
	for _, rec := range records {
		data, err := base64.StdEncoding.DecodeString(member(rec, "Data"))
		if err != nil {
			return fmt.Errorf("record of %s: %w", r.stream, err)
		}
		env, err := client.DecodeEnvelope(data)
		if err != nil {
			return fmt.Errorf("record of %s: %w", r.stream, err)
		}
		if env.MessageType == "CONTROL_MESSAGE" {
			r.controls++
			continue
		}
		r.envs = append(r.envs, env)
	}
	return nil
}

// until polls until done says so; what describes what is waited for.
func (r *reader) until(what string, done func() bool) error {
	deadline := r.s.Now().Add(patience)
	for !done() {
		if r.s.Now().After(deadline) {
			return fmt.Errorf("waited %v for %s in %s in vain", patience, what, r.stream)
		}
		if err := r.poll(); err != nil {
			return err
		}
		if done() {
			break
		}
		select {
		case <-r.s.ctx.Done():
			return r.s.ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

// messages are the texts of all events read so far that came from this account
// and log group, in the order they came.
func (r *reader) messages(account, group string) []string {
	var all []string
	for _, env := range r.envs {
		if env.Owner != account || env.LogGroup != group {
			continue
		}
		for _, e := range env.LogEvents {
			all = append(all, e.Message)
		}
	}
	return all
}

// exactly checks that got is want, each once and in order.
func exactly(got, want []string) error {
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			return fmt.Errorf("event %d of %d is missing: %q", i+1, len(want), want[i])
		case i >= len(want):
			return fmt.Errorf("event %d is one too many: %q", i+1, got[i])
		case got[i] != want[i]:
			return fmt.Errorf("event %d is %q, want %q", i+1, got[i], want[i])
		}
	}
	return nil
}
