package sdk

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	kinesistypes "github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/aws-sdk-go-v2/service/organizations"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"tributary/test/process"
)

const region = "us-east-1"

// patience bounds every wait of a test.
const patience = 30 * time.Second

// program names the variable with the path of the program. When it is not set,
// the tests build one.
const program = "TRIBUTARY_PROGRAM"

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if os.Getenv(program) != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "tributary-sdk")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }() // what stays is in the system's temporary directory
	path, err := process.Build(filepath.Join("..", ".."), dir)
	if err == nil {
		err = os.Setenv(program, path)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// start runs a server of the test's own and lets the SDK find it.
func start(t *testing.T) {
	t.Helper()
	server, err := process.Start(os.Getenv(program), filepath.Join(t.TempDir(), "data"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	let(t, server)
}

// let lets the SDK find a server, and nothing else.
func let(t *testing.T, server *process.Server) {
	t.Helper()
	t.Setenv("AWS_ENDPOINT_URL", server.Endpoint)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_CONFIG_FILE", os.DevNull)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
}

// An account is the clients of one caller.
type account struct {
	id            string
	logs          *cloudwatchlogs.Client
	kinesis       *kinesis.Client
	iam           *iam.Client
	sts           *sts.Client
	organizations *organizations.Client
}

// as makes the clients of an account's root user, in a Region.
func as(t *testing.T, id, region string) account {
	t.Helper()
	return with(t, id, region, credentials.NewStaticCredentialsProvider(id, "test", ""))
}

func with(t *testing.T, id, region string, creds aws.CredentialsProvider) account {
	t.Helper()
	cfg, err := config.LoadDefaultConfig(t.Context(),
		config.WithRegion(region), config.WithCredentialsProvider(creds), config.WithRetryMaxAttempts(1))
	if err != nil {
		t.Fatal(err)
	}
	return account{
		id:            id,
		logs:          cloudwatchlogs.NewFromConfig(cfg),
		kinesis:       kinesis.NewFromConfig(cfg),
		iam:           iam.NewFromConfig(cfg),
		sts:           sts.NewFromConfig(cfg),
		organizations: organizations.NewFromConfig(cfg),
	}
}

// do makes a call that has to succeed.
func do[In, Out, Options any](t *testing.T, call func(context.Context, *In, ...func(*Options)) (*Out, error), in *In) *Out {
	t.Helper()
	out, err := call(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// refusedAs checks that err is the SDK's exception type E with this message.
func refusedAs[E interface {
	error
	smithy.APIError
}](t *testing.T, err error, message string) {
	t.Helper()
	var want E
	if !errors.As(err, &want) {
		t.Errorf("error = %v, want a %T", err, want)
		return
	}
	if got := want.ErrorMessage(); got != message {
		t.Errorf("message of %T = %q, want %q", want, got, message)
	}
}

// refusedWith is refusedAs for an exception that the SDK has no type for.
func refusedWith(t *testing.T, err error, code, message string) {
	t.Helper()
	var got smithy.APIError
	if !errors.As(err, &got) {
		t.Errorf("error = %v, want %s", err, code)
		return
	}
	if got.ErrorCode() != code || got.ErrorMessage() != message {
		t.Errorf("error = %s %q, want %s %q", got.ErrorCode(), got.ErrorMessage(), code, message)
	}
}

// An envelope is what CloudWatch Logs puts into a record.
type envelope struct {
	MessageType         string
	Owner               string
	LogGroup            string
	LogStream           string
	SubscriptionFilters []string
	LogEvents           []struct {
		ID        string
		Timestamp int64
		Message   string
	}
}

func decode(data []byte) (envelope, error) {
	var e envelope
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return e, err
	}
	text, err := io.ReadAll(z)
	if err != nil {
		return e, err
	}
	return e, json.Unmarshal(text, &e)
}

// A reader goes through the first shard of a stream from the start.
type reader struct {
	t        *testing.T
	account  account
	iterator *string
	received []string // of all events so far: owner, log stream, text
}

func readerOf(t *testing.T, a account, stream string) *reader {
	t.Helper()
	out := do(t, a.kinesis.GetShardIterator, &kinesis.GetShardIteratorInput{
		StreamName:        aws.String(stream),
		ShardId:           aws.String("shardId-000000000000"),
		ShardIteratorType: kinesistypes.ShardIteratorTypeTrimHorizon,
	})
	return &reader{t: t, account: a, iterator: out.ShardIterator}
}

// upTo reads on until count events have been received since the start, and
// returns all of them.
func (r *reader) upTo(count int) []string {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	for len(r.received) < count {
		out, err := r.account.kinesis.GetRecords(ctx, &kinesis.GetRecordsInput{ShardIterator: r.iterator})
		if err != nil {
			r.t.Fatalf("got %d events, want %d: %v", len(r.received), count, err)
		}
		r.iterator = out.NextShardIterator
		for _, record := range out.Records {
			e, err := decode(record.Data)
			if err != nil {
				r.t.Fatalf("record %s: %v", aws.ToString(record.SequenceNumber), err)
			}
			if e.MessageType == "CONTROL_MESSAGE" {
				continue
			}
			for _, event := range e.LogEvents {
				r.received = append(r.received, e.Owner+" "+e.LogStream+" "+event.Message)
			}
		}
	}
	return r.received
}
