// Package demo plays the whole story of cross-account log sharing against a
// running server, on real input: consent is given, events flow, membership
// changes, an organization takes over, and what is not allowed is refused. Every
// step is a command of the AWS CLI, printed as one types it and run as printed.
// What the recipient receives is checked against what was sent, so the demo
// fails when a single event is missing, doubled or out of order.
package demo

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"tributary/internal/client"
	"tributary/internal/pure/sigv4"
	"tributary/internal/service/api"
)

// The accounts and Regions of the story.
const (
	Recipient = "999999999999"
	Sender    = "111111111111"
	Second    = "222222222222"
	Region    = "us-east-1"
	Elsewhere = "eu-central-1"
)

// Config says what the demo plays on.
type Config struct {
	Endpoint string
	Services *api.Dispatcher // tells how each operation is spoken to
	Dir      string          // for the files that commands name; exists
	Input    string          // a file, "-" for Stdin, "" for the machine's own logs
	Pattern  string          // filter pattern for the input; "" to choose a word of it
	Stdin    io.Reader
	Out      io.Writer
	Now      func() time.Time
}

// A story is one run of the demo.
type story struct {
	Config
	ctx   context.Context
	steps int
	files int
}

// Run plays the story. Its error says what did not come out as it should.
func Run(ctx context.Context, cfg Config) error {
	s := &story{Config: cfg, ctx: ctx}
	s.say("Commands run against %s; to run one yourself:\n  export AWS_ENDPOINT_URL=%s AWS_DEFAULT_REGION=%s AWS_ACCESS_KEY_ID=ACCOUNT AWS_SECRET_ACCESS_KEY=test\n(AWS CLI before 2.13 takes --endpoint-url instead.) The account acting stands before the prompt.",
		cfg.Endpoint, cfg.Endpoint, Region)
	for _, part := range []func() error{s.consent, s.input, s.membership, s.organization, s.elsewhere, s.refusals} {
		if err := part(); err != nil {
			return err
		}
	}
	s.say("\nAll of it came out as it should: %d commands run.", s.steps)
	return nil
}

func (s *story) say(format string, args ...any) {
	_, _ = fmt.Fprintf(s.Out, format+"\n", args...) // what cannot be shown is not shown
}

func (s *story) title(format string, args ...any) { s.say("\n== "+format+" ==\n", args...) }

// client speaks as an account's root user.
func (s *story) client(account string) *client.Client {
	return &client.Client{
		Endpoint: s.Endpoint, Region: Region, HTTP: http.DefaultClient, Now: s.Now,
		Credentials: sigv4.Credentials{AccessKeyID: account, SecretAccessKey: "test"},
	}
}

// file writes text where a command can name it as file://PATH.
func (s *story) file(text string) (string, error) {
	s.files++
	path := fmt.Sprintf("%s/input-%02d.json", s.Dir, s.files)
	return "file://" + path, os.WriteFile(path, []byte(text), 0o600)
}
