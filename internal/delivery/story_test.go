package delivery_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"tributary/internal/client"
	"tributary/internal/server/servertest"
)

const (
	recipient   = "999999999999"
	sender      = "111111111111"
	streamARN   = "arn:aws:kinesis:us-east-1:" + recipient + ":stream/s"
	roleARN     = "arn:aws:iam::" + recipient + ":role/r"
	destination = "arn:aws:logs:us-east-1:" + recipient + ":destination:d"
	trustAll    = `{"Statement":{"Effect":"Allow","Principal":{"Service":"logs.us-east-1.amazonaws.com"},"Action":"sts:AssumeRole"}}`
)

// A story is a server with a recipient who has a stream, a role and a
// destination.
type story struct {
	*servertest.Server
	t testing.TB
}

func begin(t testing.TB, shards int) *story {
	return tell(t, servertest.Start(t), shards)
}

// tell is begin on a server that has been started.
func tell(t testing.TB, server *servertest.Server, shards int) *story {
	s := &story{server, t}
	s.makeStream(shards)
	s.Must(recipient, "iam", "create-role", "--role-name", "r", "--assume-role-policy-document", trustAll)
	s.allow(streamARN)
	s.Must(recipient, "logs", "put-destination", "--destination-name", "d", "--target-arn", streamARN, "--role-arn", roleARN)
	s.admit(sender)
	return s
}

func (s *story) makeStream(shards int) {
	s.t.Helper()
	s.Must(recipient, "kinesis", "create-stream", "--stream-name", "s", "--shard-count", fmt.Sprint(shards))
	s.eventually("the stream is ACTIVE", func() bool { return s.isActive("s") })
}

// isActive reports whether a stream is; a server with quotas may not say.
func (s *story) isActive(stream string) bool {
	s.t.Helper()
	out, err := s.Run(recipient, "kinesis", "describe-stream-summary", "--stream-name", stream)
	if refusal, ok := errors.AsType[*client.Refusal](err); ok && refusal.Code == "LimitExceededException" {
		return false
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return out["StreamDescriptionSummary"].(map[string]any)["StreamStatus"] == "ACTIVE"
}

func (s *story) allow(stream string) {
	s.t.Helper()
	s.Must(recipient, "iam", "put-role-policy", "--role-name", "r", "--policy-name", "p", "--policy-document",
		`{"Statement":{"Effect":"Allow","Action":"kinesis:PutRecord","Resource":"`+stream+`"}}`)
}

// admit replaces the access policy of the destination.
func (s *story) admit(accounts ...string) {
	s.t.Helper()
	list, err := json.Marshal(accounts)
	if err != nil {
		s.t.Fatal(err)
	}
	s.Must(recipient, "logs", "put-destination-policy", "--destination-name", "d", "--access-policy",
		`{"Statement":{"Effect":"Allow","Principal":{"AWS":`+string(list)+`},"Action":"logs:PutSubscriptionFilter","Resource":"`+destination+`"}}`)
}

func (s *story) makeGroup(group string, streams ...string) {
	s.t.Helper()
	s.Must(sender, "logs", "create-log-group", "--log-group-name", group)
	for _, name := range streams {
		s.Must(sender, "logs", "create-log-stream", "--log-group-name", group, "--log-stream-name", name)
	}
}

func (s *story) subscribe(group, name, pattern string, more ...string) {
	s.t.Helper()
	s.Must(sender, append([]string{
		"logs", "put-subscription-filter", "--log-group-name", group, "--filter-name", name,
		"--filter-pattern", pattern, "--destination-arn", destination,
	}, more...)...)
}

func (s *story) put(group, stream string, messages ...string) {
	s.t.Helper()
	var events []map[string]any
	for _, m := range messages {
		events = append(events, map[string]any{"timestamp": s.As(sender).Now().UnixMilli(), "message": m})
	}
	err := s.As(sender).JSON(s.t.Context(), "logs", "Logs_20140328.PutLogEvents",
		map[string]any{"logGroupName": group, "logStreamName": stream, "logEvents": events}, nil)
	if err != nil {
		s.t.Fatalf("put log events: %v", err)
	}
}

// A delivered is an envelope and the record that it came in.
type delivered struct {
	client.Envelope
	shard string
	key   string
	size  int
}

// read returns all data messages in stream s, shard by shard.
func (s *story) read() []delivered { return s.readStream("s") }

func (s *story) readStream(stream string) []delivered {
	s.t.Helper()
	var all []delivered
	shards := s.Must(recipient, "kinesis", "list-shards", "--stream-name", stream)["Shards"].([]any)
	for _, sh := range shards {
		id := sh.(map[string]any)["ShardId"].(string)
		it := s.Must(recipient, "kinesis", "get-shard-iterator", "--stream-name", stream, "--shard-id", id, "--shard-iterator-type", "TRIM_HORIZON")
		next := it["ShardIterator"].(string)
		for {
			out, err := s.Run(recipient, "kinesis", "get-records", "--shard-iterator", next)
			if err != nil && strings.Contains(err.Error(), "Rate exceeded") {
				<-time.After(50 * time.Millisecond) // readers are held to a rate, too
				continue
			}
			if err != nil {
				s.t.Fatal(err)
			}
			records := out["Records"].([]any)
			for _, r := range records {
				all = append(all, s.decode(id, r.(map[string]any))...)
			}
			var more bool // a closed shard ends
			if next, more = out["NextShardIterator"].(string); len(records) == 0 || !more {
				break
			}
		}
	}
	return all
}

func (s *story) decode(shard string, record map[string]any) []delivered {
	s.t.Helper()
	if record["PartitionKey"] == ballast {
		return nil
	}
	data, err := base64.StdEncoding.DecodeString(record["Data"].(string))
	if err != nil {
		s.t.Fatal(err)
	}
	env, err := client.DecodeEnvelope(data)
	if err != nil {
		s.t.Fatal(err)
	}
	if env.MessageType == "CONTROL_MESSAGE" {
		return nil
	}
	key := record["PartitionKey"].(string)
	return []delivered{{env, shard, key, len(data) + len(key)}}
}

// messages are the texts of all events of the filter, in the order of the shards.
func (s *story) messages(filter string) []string { return s.messagesIn("s", filter) }

func (s *story) messagesIn(stream, filter string) []string {
	s.t.Helper()
	var texts []string
	for _, d := range s.readStream(stream) {
		if d.SubscriptionFilters[0] != filter {
			continue
		}
		for _, e := range d.LogEvents {
			texts = append(texts, e.Message)
		}
	}
	return texts
}

// eventually waits for what happens without being asked.
func (s *story) eventually(what string, holds func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); {
		if time.Now().After(deadline) {
			s.t.Fatalf("in vain waited for: %s", what)
		}
		<-time.After(2 * time.Millisecond)
	}
}

func nowMs() int64 { return time.Now().UnixMilli() }
