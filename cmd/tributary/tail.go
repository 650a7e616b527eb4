package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"tributary/internal/client"
)

func tailCommand() *cobra.Command {
	var (
		conn      connection
		fromStart bool
		asJSON    bool
	)
	cmd := &cobra.Command{
		Use:   "tail STREAM",
		Short: "Follow a stream and print the log events in it, one a line",
		Long: `Follow all shards of a stream, decode the records that subscriptions delivered,
and print one log event a line: time, sender, log group, log stream, message.
Control messages are left out. Control characters are printed escaped.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := conn.client()
			if err != nil {
				return err
			}
			t := tail{client: c, stream: args[0], out: bufio.NewWriter(cmd.OutOrStdout()), notes: cmd.ErrOrStderr(), asJSON: asJSON}
			err = t.run(cmd.Context(), fromStart)
			if errors.Is(err, context.Canceled) {
				err = nil // ended by the user
			}
			return errors.Join(err, t.out.Flush())
		},
	}
	conn.flags(cmd)
	cmd.Flags().BoolVar(&fromStart, "from-start", false, "begin with the oldest record, not the next")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print each event as a JSON object")
	return cmd
}

// tailInterval is the pause after a round over the shards that found nothing.
// Five reads a second is what a shard allows in AWS.
const tailInterval = 250 * time.Millisecond

type tail struct {
	client *client.Client
	stream string
	out    *bufio.Writer
	notes  io.Writer // takes what is not an event
	asJSON bool
}

func (t *tail) call(ctx context.Context, operation string, in map[string]any, out any) error {
	return t.client.JSON(ctx, "kinesis", "Kinesis_20131202."+operation, in, out)
}

// run follows the shards that the stream has when it starts, and the children of
// those that end.
func (t *tail) run(ctx context.Context, fromStart bool) error {
	kind := "LATEST"
	if fromStart {
		kind = "TRIM_HORIZON"
	}
	var list struct{ Shards []struct{ ShardID string } }
	if err := t.call(ctx, "ListShards", map[string]any{"StreamName": t.stream}, &list); err != nil {
		return err
	}
	iterators := map[string]string{}
	for _, s := range list.Shards {
		if err := t.follow(ctx, iterators, s.ShardID, kind); err != nil {
			return err
		}
	}
	for len(iterators) > 0 {
		found, err := t.round(ctx, iterators)
		if err != nil {
			return err
		}
		if err := t.out.Flush(); err != nil {
			return err
		}
		if found {
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(tailInterval):
		}
	}
	return nil
}

func (t *tail) follow(ctx context.Context, iterators map[string]string, shard, kind string) error {
	var out struct{ ShardIterator string }
	err := t.call(ctx, "GetShardIterator", map[string]any{"StreamName": t.stream, "ShardId": shard, "ShardIteratorType": kind}, &out)
	iterators[shard] = out.ShardIterator
	return err
}

// round reads each shard once and reports whether anything came.
func (t *tail) round(ctx context.Context, iterators map[string]string) (found bool, err error) {
	for shard, iterator := range iterators {
		var out struct {
			NextShardIterator string
			Records           []struct{ Data []byte }
			ChildShards       []struct{ ShardID string }
		}
		if err := t.call(ctx, "GetRecords", map[string]any{"ShardIterator": iterator}, &out); err != nil {
			return found, err
		}
		for _, r := range out.Records {
			found = true
			if err := t.print(r.Data); err != nil {
				return found, err
			}
		}
		iterators[shard] = out.NextShardIterator
		if out.NextShardIterator == "" {
			delete(iterators, shard)
		}
		for _, child := range out.ChildShards {
			if _, known := iterators[child.ShardID]; known {
				continue
			}
			if err := t.follow(ctx, iterators, child.ShardID, "TRIM_HORIZON"); err != nil {
				return found, err
			}
		}
	}
	return found, nil
}

// A tailEvent is an event as --json prints it.
type tailEvent struct {
	Owner     string            `json:"owner"`
	LogGroup  string            `json:"logGroup"`
	LogStream string            `json:"logStream"`
	Filter    []string          `json:"subscriptionFilters"`
	ID        string            `json:"id"`
	Timestamp int64             `json:"timestamp"`
	Message   string            `json:"message"`
	Fields    map[string]string `json:"extractedFields,omitempty"`
	Level     string            `json:"policyLevel,omitempty"`
}

// print prints the events of one record. A record that no subscription made is
// told of, since a stream may hold other things.
func (t *tail) print(data []byte) error {
	env, err := client.DecodeEnvelope(data)
	if err != nil {
		_, err = fmt.Fprintf(t.notes, "tributary: a record of %d bytes is not from a subscription: %s\n", len(data), visible(err.Error()))
		return err
	}
	if env.MessageType == "CONTROL_MESSAGE" {
		return nil
	}
	for _, e := range env.LogEvents {
		if err := t.printEvent(t.out, &env, &e); err != nil {
			return err
		}
	}
	return nil
}

func (t *tail) printEvent(w io.Writer, env *client.Envelope, e *client.Event) error {
	if t.asJSON {
		return json.NewEncoder(w).Encode(tailEvent{
			env.Owner, env.LogGroup, env.LogStream, env.SubscriptionFilters,
			e.ID, e.Timestamp, e.Message, e.ExtractedFields, env.PolicyLevel,
		})
	}
	_, err := fmt.Fprintf(w, "%s %s %s %s %s\n",
		time.UnixMilli(e.Timestamp).UTC().Format("2006-01-02T15:04:05.000Z"),
		visible(env.Owner), visible(env.LogGroup), visible(env.LogStream), visible(strings.TrimRight(e.Message, "\r\n")))
	return err
}

// visible escapes what would act on a terminal: control characters and those
// that turn the direction of writing.
func visible(s string) string {
	unsafe := func(r rune) bool { return r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) }
	if strings.IndexFunc(s, unsafe) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if unsafe(r) {
			_, _ = fmt.Fprintf(&b, "\\u%04x", r) // a Builder never fails
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}
