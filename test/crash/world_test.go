package crash_test

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"

	"tributary/internal/client"
	"tributary/internal/pure/sigv4"
	"tributary/test/ledger"
	"tributary/test/process"
)

const (
	recipient   = "999999999999"
	sender      = "111111111111"
	streamARN   = "arn:aws:kinesis:us-east-1:" + recipient + ":stream/s"
	roleARN     = "arn:aws:iam::" + recipient + ":role/r"
	destination = "arn:aws:logs:us-east-1:" + recipient + ":destination:d"
)

// A world is a server that is killed and started again on the same data, and what
// goes on around it.
type world struct {
	program, data string
	// The two filters of the log group deliver the same events. What the second
	// spreads over the shards has no order.
	inOrder, spread ledger.Ledger
	acks            chan struct{} // gets a value for acknowledged events

	mu      sync.Mutex
	server  *process.Server // guarded by mu
	changed chan struct{}   // closed when server changes; guarded by mu
	strange []string        // records that are none of ours; guarded by mu
}

func (w *world) start() error {
	s, err := process.Start(w.program, w.data)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.server = s
	close(w.changed)
	w.changed = make(chan struct{})
	return nil
}

// current is the endpoint of the server that runs now, and a channel that closes
// when there is another.
func (w *world) current() (string, <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.server.Endpoint, w.changed
}

func (w *world) client(account string) *client.Client {
	endpoint, _ := w.current()
	return &client.Client{
		Endpoint: endpoint, Region: "us-east-1", Now: time.Now, HTTP: http.DefaultClient,
		Credentials: sigv4.Credentials{AccessKeyID: account, SecretAccessKey: "test"},
	}
}

func (w *world) call(ctx context.Context, account, service, target string, in, out any) error {
	return w.client(account).JSON(ctx, service, target, in, out)
}

func (w *world) logs(ctx context.Context, account, operation string, in any) error {
	return w.call(ctx, account, "logs", "Logs_20140328."+operation, in, nil)
}

type object = map[string]any

// setUp makes the stream, the destination and one log stream for each writer.
func (w *world) setUp(ctx context.Context) error {
	kinesis := func(operation string, in, out any) error {
		return w.call(ctx, recipient, "kinesis", "Kinesis_20131202."+operation, in, out)
	}
	iam := func(action string, in object) error {
		_, err := w.client(recipient).Query(ctx, "iam", "2010-05-08", action, in)
		return err
	}
	if err := kinesis("CreateStream", object{"StreamName": "s", "ShardCount": shards}, nil); err != nil {
		return err
	}
	for active := false; !active; {
		var out struct {
			StreamDescriptionSummary struct{ StreamStatus string }
		}
		if err := kinesis("DescribeStreamSummary", object{"StreamName": "s"}, &out); err != nil {
			return err
		}
		if active = out.StreamDescriptionSummary.StreamStatus == "ACTIVE"; !active {
			w.pause(ctx)
		}
	}
	if err := iam("CreateRole", object{"RoleName": "r", "AssumeRolePolicyDocument": `{"Statement":{"Effect":"Allow","Principal":{"Service":"logs.us-east-1.amazonaws.com"},"Action":"sts:AssumeRole"}}`}); err != nil {
		return err
	}
	if err := iam("PutRolePolicy", object{"RoleName": "r", "PolicyName": "p", "PolicyDocument": `{"Statement":{"Effect":"Allow","Action":"kinesis:PutRecord","Resource":"` + streamARN + `"}}`}); err != nil {
		return err
	}
	if err := w.logs(ctx, recipient, "PutDestination", object{"destinationName": "d", "targetArn": streamARN, "roleArn": roleARN}); err != nil {
		return err
	}
	if err := w.logs(ctx, recipient, "PutDestinationPolicy", object{"destinationName": "d", "accessPolicy": `{"Statement":{"Effect":"Allow","Principal":{"AWS":"` + sender + `"},"Action":"logs:PutSubscriptionFilter","Resource":"` + destination + `"}}`}); err != nil {
		return err
	}
	if err := w.logs(ctx, sender, "CreateLogGroup", object{"logGroupName": "g"}); err != nil {
		return err
	}
	for i := range writers {
		if err := w.logs(ctx, sender, "CreateLogStream", object{"logGroupName": "g", "logStreamName": string(lineOf(i))}); err != nil {
			return err
		}
	}
	for _, f := range []object{
		{"filterName": "in-order"},
		{"filterName": "spread", "distribution": "Random"},
	} {
		f["logGroupName"], f["filterPattern"], f["destinationArn"] = "g", "", destination
		if err := w.logs(ctx, sender, "PutSubscriptionFilter", f); err != nil {
			return err
		}
	}
	return nil
}

func lineOf(i int) ledger.Line { return ledger.Line("writer-" + strconv.Itoa(i)) }

// write sends the numbered events of one line, several in a call, until ctx ends.
// After a failure it goes on with the next number: whether the failed ones were
// taken is unknown.
func (w *world) write(ctx context.Context, i int) {
	line := lineOf(i)
	for ctx.Err() == nil {
		_, changed := w.current()
		if err := w.putSome(context.WithoutCancel(ctx), line, 1+i); err != nil {
			select {
			case <-changed:
			case <-ctx.Done():
			}
			continue
		}
		select {
		case w.acks <- struct{}{}:
		default:
		}
	}
}

// putSome sends the line's next events in one call.
func (w *world) putSome(ctx context.Context, line ledger.Line, count int) error {
	var numbers []int
	var events []object
	for range count {
		n := w.inOrder.Send(line)
		w.spread.Send(line) // the same number: a line has one writer
		numbers = append(numbers, n)
		events = append(events, object{"timestamp": time.Now().UnixMilli(), "message": strconv.Itoa(n)})
	}
	if err := w.logs(ctx, sender, "PutLogEvents", object{"logGroupName": "g", "logStreamName": string(line), "logEvents": events}); err != nil {
		return err
	}
	for _, n := range numbers {
		w.inOrder.Acked(line, n)
		w.spread.Acked(line, n)
	}
	return nil
}

// read follows a shard as a consumer with a checkpoint does: it remembers the last
// sequence number, and goes on behind it after every failure.
func (w *world) read(ctx context.Context, shard string) {
	checkpoint := ""
	for ctx.Err() == nil {
		iterator, err := w.iterator(ctx, shard, checkpoint)
		for err == nil && ctx.Err() == nil {
			var out struct {
				NextShardIterator string
				Records           []struct {
					SequenceNumber string
					Data           []byte
				}
			}
			if err = w.call(ctx, recipient, "kinesis", "Kinesis_20131202.GetRecords", object{"ShardIterator": iterator}, &out); err != nil {
				break
			}
			for _, r := range out.Records {
				w.see(r.Data)
				checkpoint = r.SequenceNumber
			}
			if iterator = out.NextShardIterator; len(out.Records) == 0 {
				w.pause(ctx)
			}
		}
		w.pause(ctx)
	}
}

func (w *world) iterator(ctx context.Context, shard, checkpoint string) (string, error) {
	in := object{"StreamName": "s", "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"}
	if checkpoint != "" {
		in["ShardIteratorType"], in["StartingSequenceNumber"] = "AFTER_SEQUENCE_NUMBER", checkpoint
	}
	var out struct{ ShardIterator string }
	err := w.call(ctx, recipient, "kinesis", "Kinesis_20131202.GetShardIterator", in, &out)
	return out.ShardIterator, err
}

// see notes the events of a record.
func (w *world) see(data []byte) {
	env, err := client.DecodeEnvelope(data)
	if err != nil {
		w.wonder(err.Error())
		return
	}
	if env.MessageType != "DATA_MESSAGE" {
		return
	}
	for _, e := range env.LogEvents {
		n, err := strconv.Atoi(e.Message)
		if err != nil {
			w.wonder("event " + e.Message)
			continue
		}
		if env.SubscriptionFilters[0] == "spread" {
			w.spread.Seen(ledger.Line(env.LogStream), n)
		} else {
			w.inOrder.Seen(ledger.Line(env.LogStream), n)
		}
	}
}

// wonder notes what a record holds that nobody sent.
func (w *world) wonder(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.strange = append(w.strange, what)
}

// pause waits a moment before asking again.
func (w *world) pause(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(5 * time.Millisecond):
	}
}
