package soak_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"tributary/internal/client"
)

// A disk that keeps one fsync waiting for longer than the server waits for the answer
// leaves an append that may come yet, of an event or of a control message. What takes the
// permission away must not be answered before it has come or never will.
func TestRevocationIsNotAnsweredWhileAnAppendMayComeYet(t *testing.T) {
	for _, what := range []string{"late", control} {
		t.Run(what, func(t *testing.T) {
			r := begin(t, "revocation", unlimited, sizes{ci: 1, soak: 1})
			r.more()
			early, after := appendLate(t, build(t), what)
			if early {
				t.Error("the permission was taken away, said the answer, before the append was decided on")
			}
			if !slices.Equal(after, []string{"next"}) {
				t.Errorf("appended after the permission was taken away: %q, want only what came when it was given again", after)
			}
		})
	}
}

func TestRevocationFindsAnAnswerThatDoesNotWaitForAnAppend(t *testing.T) {
	r := begin(t, "revocation", unlimited, sizes{ci: 1, soak: 1})
	r.more()
	if early, after := appendLate(t, faulty(t, withoutDoubts), "late"); !early || !slices.Equal(after, []string{"late", "next"}) {
		t.Errorf("answered early: %t; appended after the sender was shut out: %q; want the late one", early, after)
	}
}

// control stands for a control message, among the messages of events.
const control = "a control message"

// appendLate delays one fsync of a shard: of an event, or of the control message by which
// PutDestination sees whether it can write. It takes the permission away meanwhile, and
// returns whether that was answered before the disk went on, and what was appended after
// the answer. The last of that was sent when the permission was given again.
func appendLate(t *testing.T, p program, what string) (early bool, after []string) {
	t.Helper()
	data := filepath.Join(t.TempDir(), "data")
	w := on(p, data)
	if err := w.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.kill(t) })
	ctx := t.Context()
	if err := w.setUp(ctx); err != nil {
		t.Fatal(err)
	}
	s, _ := w.current()
	slow := &tenancy{endpoint: s.Endpoint}
	before := journalFolders(t, data)
	if err := slow.as(recipient).makeStream(ctx, "slow", 1); err != nil {
		t.Fatal(err)
	}
	made := slices.DeleteFunc(journalFolders(t, data), func(j string) bool { return slices.Contains(before, j) })
	if len(made) != 1 {
		t.Fatalf("stream slow has the journals %q, want one", made)
	}
	const admitted, another = `{"AWS":"` + sender + `"}`, `{"AWS":"222222222222"}`
	if err := errors.Join(
		slow.makeDestination(ctx, "slow", "slow", admitted, "{}"),
		w.as(sender).logs(ctx, "PutSubscriptionFilter", object{
			"logGroupName": "g", "filterName": "slow", "filterPattern": "",
			"destinationArn": "arn:aws:logs:us-east-1:" + recipient + ":destination:slow",
		}, nil),
	); err != nil {
		t.Fatal(err)
	}
	from := slow.iterator(t, "TRIM_HORIZON")
	put := func(message string) {
		t.Helper()
		if err := w.as(sender).logs(ctx, "PutLogEvents", object{
			"logGroupName": "g", "logStreamName": string(lineOf(0)),
			"logEvents": []object{{"timestamp": time.Now().UnixMilli(), "message": message}},
		}, nil); err != nil {
			t.Fatal(err)
		}
	}
	put("before")
	slow.await(t, from, "before")

	blocks, err := filepath.Glob(filepath.Join(made[0], "msgs", "*.blk"))
	if err != nil || len(blocks) != 1 {
		t.Fatalf("the shard has the files %q, %v; want one", blocks, err)
	}
	strace := attach(t, s.PID(), "-e", "trace=fsync", "-e", "inject=fsync:delay_enter=300000000", "-P", blocks[0])
	take := func() error { return slow.admit(ctx, "slow", another, "{}") }
	give := func() error { return slow.admit(ctx, "slow", admitted, "{}") }
	if what == control {
		take = func() error {
			return slow.as(recipient).iam(ctx, "DeleteRolePolicy", object{"RoleName": "slow", "PolicyName": "p"})
		}
		give = func() error { return slow.mayWrite(ctx, "slow", "slow") }
		var putting sync.WaitGroup
		defer putting.Wait()
		putting.Go(func() {
			if err := slow.putDestination(ctx, "slow", "slow"); err == nil {
				t.Error("a destination was put whose control message was not answered in time")
			}
		})
	} else {
		put(what)
	}
	strace.await(t, "fsync(")
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		for {
			err := take()
			refusal, refused := errors.AsType[*client.Refusal](err)
			if err == nil {
				return
			}
			if !refused || refusal.Status != 503 {
				t.Errorf("take the permission away: %v", err)
				return
			}
		}
	}()
	select {
	case <-answered:
	case <-time.After(18 * time.Second): // the server waits for 15
	}
	latest := ""
	select {
	case <-answered:
		early = true
		latest = slow.iterator(t, "LATEST")
		strace.detach(t)
	default:
		strace.detach(t)
		<-answered
		latest = slow.iterator(t, "LATEST")
	}
	if err := give(); err != nil {
		t.Fatal(err)
	}
	put("next")
	if got, want := slow.await(t, from, "next"), []string{control, "before", what, "next"}; !slices.Equal(got, want) {
		t.Errorf("delivered: got %q, want %q", got, want)
	}
	return early, slow.await(t, latest, "next")
}

// journalFolders are the folders of all journals.
func journalFolders(t *testing.T, data string) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(data, "jetstream", "*", "streams", "J*"))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// iterator is one of the only shard of stream slow.
func (tn *tenancy) iterator(t *testing.T, kind string) string {
	t.Helper()
	var out struct{ ShardIterator string }
	if err := tn.as(recipient).kinesis(t.Context(), "GetShardIterator",
		object{"StreamName": "slow", "ShardId": "shardId-000000000000", "ShardIteratorType": kind}, &out); err != nil {
		t.Fatal(err)
	}
	return out.ShardIterator
}

// await reads from an iterator on until a message has come, and returns all of them.
func (tn *tenancy) await(t *testing.T, iterator, last string) (messages []string) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	for !slices.Contains(messages, last) {
		var out struct {
			NextShardIterator string
			Records           []record
		}
		if err := errors.Join(tn.as(recipient).kinesis(ctx, "GetRecords", object{"ShardIterator": iterator}, &out), pause(ctx)); err != nil {
			t.Fatalf("wait for %q: %v", last, err)
		}
		iterator = out.NextShardIterator
		for _, one := range out.Records {
			env, err := client.DecodeEnvelope(one.Data)
			if err != nil {
				t.Fatal(err)
			}
			if env.MessageType != "DATA_MESSAGE" {
				messages = append(messages, control)
				continue
			}
			for _, e := range env.LogEvents {
				messages = append(messages, e.Message)
			}
		}
	}
	return messages
}
