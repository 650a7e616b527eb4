package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode"

	"tributary/consumer"
	"tributary/internal/pure/pattern"
)

// A format is how events are printed.
type format int

const (
	formatText  format = iota // a line a person can read
	formatColor               // the same, in colour
	formatJSON                // a JSON object a line
)

// An eventPrinter prints the events of records, as soon as it gets them.
type eventPrinter struct {
	notes  io.Writer // takes what is not an event
	format format
	filter *pattern.Pattern // nil lets everything through

	mu  sync.Mutex
	out *bufio.Writer // guarded by mu
}

// print prints a batch and flushes, so that it is handled when print has returned.
func (p *eventPrinter) print(_ context.Context, b consumer.Batch) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range b.Records {
		if err := p.record(&b.Records[i]); err != nil {
			return err
		}
	}
	return p.out.Flush()
}

// record prints the events of one record. A record that no subscription made is
// told of, since a stream may hold other things.
func (p *eventPrinter) record(r *consumer.Record) error {
	if r.Err != nil {
		_, err := fmt.Fprintf(p.notes, "tributary: a record of %d bytes is not printed: %s\n", len(r.Data), visible(r.Err.Error()))
		return err
	}
	for i := range r.Envelope.LogEvents {
		e := &r.Envelope.LogEvents[i]
		if p.filter != nil && !p.filter.MatchText(e.Message) {
			continue
		}
		if err := p.event(&r.Envelope, e); err != nil {
			return err
		}
	}
	return nil
}

// A tailEvent is an event as JSON.
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

func (p *eventPrinter) event(env *consumer.Envelope, e *consumer.Event) error {
	if p.format == formatJSON {
		return json.NewEncoder(p.out).Encode(tailEvent{
			env.Owner, env.LogGroup, env.LogStream, env.SubscriptionFilters,
			e.ID, e.Timestamp, e.Message, e.ExtractedFields, env.PolicyLevel,
		})
	}
	dim, account, group, end := "", "", "", ""
	if p.format == formatColor {
		dim, account, group, end = "\x1b[2m", "\x1b[36m", "\x1b[32m", "\x1b[0m"
	}
	_, err := fmt.Fprintf(p.out, "%s%s%s %s%s%s %s%s %s%s %s\n",
		dim, e.Time().UTC().Format("2006-01-02T15:04:05.000Z"), end,
		account, visible(env.Owner), end,
		group, visible(env.LogGroup), visible(env.LogStream), end,
		visible(strings.TrimRight(e.Message, "\r\n")))
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
