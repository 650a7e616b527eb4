package soak_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
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
	trustLogs   = `{"Statement":{"Effect":"Allow","Principal":{"Service":"logs.us-east-1.amazonaws.com"},"Action":"sts:AssumeRole"}}`
	mayPut      = `{"Statement":{"Effect":"Allow","Action":"kinesis:PutRecord","Resource":"` + streamARN + `"}}`
)

type object = map[string]any

// A caller calls a server as an account's root user.
type caller struct{ *client.Client }

// connections are kept for every writer and reader.
var connections = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}

func as(account, endpoint string, now func() time.Time) caller {
	return caller{&client.Client{
		Endpoint: endpoint, Region: "us-east-1", Now: now, HTTP: connections,
		Credentials: sigv4.Credentials{AccessKeyID: account, SecretAccessKey: "test"},
	}}
}

// errSilent is what a caller gets of an answer while the network is cut.
var errSilent = errors.New("the network is cut")

func (c caller) logs(ctx context.Context, operation string, in, out any) error {
	return c.JSON(ctx, "logs", "Logs_20140328."+operation, in, out)
}

func (c caller) kinesis(ctx context.Context, operation string, in, out any) error {
	return c.JSON(ctx, "kinesis", "Kinesis_20131202."+operation, in, out)
}

func (c caller) iam(ctx context.Context, action string, in object) error {
	_, err := c.Query(ctx, "iam", "2010-05-08", action, in)
	return err
}

func (c caller) organizations(ctx context.Context, operation string, in, out any) error {
	return c.JSON(ctx, "organizations", "AWSOrganizationsV20161128."+operation, in, out)
}

// makeStream makes a stream and waits until it is ACTIVE.
func (c caller) makeStream(ctx context.Context, name string, shards int) error {
	if err := c.kinesis(ctx, "CreateStream", object{"StreamName": name, "ShardCount": shards}, nil); err != nil {
		return err
	}
	return c.active(ctx, name)
}

func (c caller) active(ctx context.Context, name string) error {
	for {
		var out struct {
			StreamDescriptionSummary struct{ StreamStatus string }
		}
		err := c.kinesis(ctx, "DescribeStreamSummary", object{"StreamName": name}, &out)
		if err != nil || out.StreamDescriptionSummary.StreamStatus == "ACTIVE" {
			return err
		}
		if err := pause(ctx); err != nil {
			return err
		}
	}
}

// makeRole makes a role that the Logs service may take on to write to the streams.
func (c caller) makeRole(ctx context.Context, name string) error {
	if err := c.iam(ctx, "CreateRole", object{"RoleName": name, "AssumeRolePolicyDocument": trustLogs}); err != nil {
		return err
	}
	return c.iam(ctx, "PutRolePolicy", object{"RoleName": name, "PolicyName": "p", "PolicyDocument": mayPut})
}

// admit puts the access policy of a destination.
func (c caller) admit(ctx context.Context, name, account string) error {
	return c.logs(ctx, "PutDestinationPolicy", object{
		"destinationName": name,
		"accessPolicy":    `{"Statement":{"Effect":"Allow","Principal":{"AWS":"` + account + `"},"Action":"logs:PutSubscriptionFilter","Resource":"arn:aws:logs:us-east-1:` + recipient + `:destination:` + name + `"}}`,
	}, nil)
}

// A world is a server that things happen to, and what goes on around it.
type world struct {
	// launch starts the server on the world's data.
	launch func() (*process.Server, error)
	now    func() time.Time // of clients
	// tolerated says of a refusal with another status than 503 that it is no wonder;
	// nil for none.
	tolerated func(*client.Refusal) bool
	shards    int

	// The two filters of the log group deliver the same events. What the second
	// spreads over the shards has no order.
	inOrder, spread ledger.Ledger
	silent          atomic.Bool   // the network is cut: no answer counts
	unheard         atomic.Int64  // answers with status 200 that did not count
	acks            chan struct{} // gets a value for acknowledged events

	mu       sync.Mutex
	server   *process.Server // guarded by mu
	changed  chan struct{}   // closed when server changes; guarded by mu
	strange  []string        // records that are none of ours; guarded by mu
	starts   []time.Duration // how long each start took; guarded by mu
	refusals refusals        // guarded by mu
}

func newWorld(launch func() (*process.Server, error)) *world {
	return &world{
		launch: launch, now: time.Now, shards: 3,
		changed: make(chan struct{}), acks: make(chan struct{}, 1),
	}
}

// on is a world whose server keeps its data in the directory.
func on(p program, data string, env ...string) *world {
	return newWorld(func() (*process.Server, error) { return p.start(data, env...) })
}

func (w *world) start() error {
	began := time.Now()
	s, err := w.launch()
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.server = s
	w.starts = append(w.starts, time.Since(began))
	close(w.changed)
	w.changed = make(chan struct{})
	return nil
}

// current is the server that runs now, and a channel that closes when there is
// another.
func (w *world) current() (*process.Server, <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.server, w.changed
}

func (w *world) as(account string) caller {
	s, _ := w.current()
	return as(account, s.Endpoint, w.now)
}

// slowest is the time of the slowest start but one in a hundred, and of how many.
func (w *world) slowest() (p99 time.Duration, starts int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return percentile(w.starts, 99), len(w.starts)
}

// setUp makes the stream, the destination, one log stream for each line and the
// two filters.
func (w *world) setUp(ctx context.Context) error {
	to, from := w.as(recipient), w.as(sender)
	if err := to.makeStream(ctx, "s", w.shards); err != nil {
		return err
	}
	if err := to.makeRole(ctx, "r"); err != nil {
		return err
	}
	if err := to.logs(ctx, "PutDestination", object{"destinationName": "d", "targetArn": streamARN, "roleArn": roleARN}, nil); err != nil {
		return err
	}
	if err := to.admit(ctx, "d", sender); err != nil {
		return err
	}
	if err := from.logs(ctx, "CreateLogGroup", object{"logGroupName": "g"}, nil); err != nil {
		return err
	}
	for i := range lines {
		if err := from.logs(ctx, "CreateLogStream", object{"logGroupName": "g", "logStreamName": string(lineOf(i))}, nil); err != nil {
			return err
		}
	}
	for _, f := range []object{
		{"filterName": "in-order"},
		{"filterName": "spread", "distribution": "Random"},
	} {
		f["logGroupName"], f["filterPattern"], f["destinationArn"] = "g", "", destination
		if err := from.logs(ctx, "PutSubscriptionFilter", f, nil); err != nil {
			return err
		}
	}
	return nil
}

// wonder notes what a record holds that nobody sent.
func (w *world) wonder(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.strange = append(w.strange, fmt.Sprintf(format, args...))
}

// pause waits a moment before asking again.
func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(5 * time.Millisecond):
		return nil
	}
}
