package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// An explanation is as much of the answer as is printed for people.
type explanation struct {
	Verdict string
	Checks  []explainedCheck
	Filter  *struct {
		LogGroupARN, Name, DestinationARN, RoleARN, Distribution string
		AccountLevel                                             bool
	}
	Delivery *struct {
		State                                                            string
		ForwardedEvents, ForwardedRecords, ForwardedBytes, DroppedEvents int64
		LagEvents                                                        int64
		LastError                                                        string
		LastErrorAt, RefusedSince                                        float64
		Losses                                                           []struct {
			Journal, From, To, Reason string
			FromTime, ToTime          float64
			Events                    int64
		}
	}
}

type explainedCheck struct {
	Check, Status, Owner, Detail, Change string
	Facts                                []struct{ Name, Value string }
	Statements                           []struct {
		PolicyType, Policy, Sid, Why, Text string
		Number                             int
		Decided                            bool
	}
}

// printExplanation prints a table of the checks and below it, for each check that
// has them, what it saw, the statements that decided, and what to change.
func printExplanation(w io.Writer, x *explanation) error {
	var out bytes.Buffer
	if f := x.Filter; f != nil {
		level := "filter"
		if f.AccountLevel {
			level = "account policy"
		}
		printf(&out, "%s %s of %s to %s, %s\n\n", level, visible(f.Name), visible(f.LogGroupARN), visible(f.DestinationARN), visible(f.Distribution))
	}
	table := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	printf(table, "CHECK\tRESULT\tOWNER\tDETAIL\n")
	for _, c := range x.Checks {
		printf(table, "%s\t%s\t%s\t%s\n", visible(c.Check), visible(c.Status), firstOf(visible(c.Owner), "-"), visible(c.Detail))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for i := range x.Checks {
		x.Checks[i].print(&out)
	}
	x.printDelivery(&out)
	printf(&out, "\n%s\n", verdictText(x.Verdict))
	_, err := w.Write(out.Bytes())
	return err
}

// printDelivery prints what has become of a filter's events.
func (x *explanation) printDelivery(w io.Writer) {
	d := x.Delivery
	if d == nil {
		return
	}
	printf(w, "\n%s; since the server started %d events in %d records (%d bytes) delivered, %d events dropped, %d events waiting\n",
		visible(d.State), d.ForwardedEvents, d.ForwardedRecords, d.ForwardedBytes, d.DroppedEvents, d.LagEvents)
	if d.RefusedSince > 0 {
		printf(w, "refused since %s\n", wireTime(d.RefusedSince))
	}
	if d.LastError != "" {
		printf(w, "last error, %s: %s\n", wireTime(d.LastErrorAt), visible(d.LastError))
	}
	for _, l := range d.Losses {
		printf(w, "given up: %d events of %s from %s to %s (%s to %s): %s\n",
			l.Events, visible(l.Journal), visible(l.From), visible(l.To), wireTime(l.FromTime), wireTime(l.ToTime), visible(l.Reason))
	}
}

// wireTime is a time on the wire, in seconds, as it is printed.
func wireTime(seconds float64) string {
	if seconds == 0 {
		return "unknown"
	}
	return time.UnixMilli(int64(seconds * 1000)).UTC().Format(time.RFC3339)
}

func verdictText(verdict string) string {
	switch verdict {
	case "pass":
		return "Every check passes."
	case "fail":
		return "A check fails."
	default:
		return "Nothing that is visible to you fails."
	}
}

// print prints what does not fit into the table.
func (c *explainedCheck) print(w io.Writer) {
	if len(c.Facts) == 0 && len(c.Statements) == 0 && c.Change == "" {
		return
	}
	printf(w, "\n%s: %s\n", visible(c.Check), visible(c.Status))
	for _, f := range c.Facts {
		printf(w, "  sees %s = %s\n", visible(f.Name), visible(f.Value))
	}
	for _, s := range c.Statements {
		name := fmt.Sprintf("statement %d", s.Number)
		if s.Sid != "" {
			name += fmt.Sprintf(" (%s)", visible(s.Sid))
		}
		verb := "comes nearest"
		if s.Decided {
			verb = "decides"
		}
		printf(w, "  %s of %s %s: %s\n", name, firstOf(visible(s.Policy), visible(s.PolicyType)), verb, visible(s.Why))
		if s.Text != "" {
			printf(w, "    %s\n", visible(oneLine(s.Text)))
		}
	}
	if c.Change != "" {
		printf(w, "  change: %s\n", visible(c.Change))
	}
}

// oneLine is a JSON text without the blanks between its tokens.
func oneLine(text string) string {
	var b bytes.Buffer
	if err := json.Compact(&b, []byte(text)); err != nil {
		return strings.ReplaceAll(text, "\n", " ")
	}
	return b.String()
}

// printf writes to what never fails, or tells of it later.
func printf(w io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintf(w, format, args...)
}
