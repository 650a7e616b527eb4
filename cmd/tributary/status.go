package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

// A subscriptionStatus is what the command shows of a subscription; --json shows
// all that the server tells.
type subscriptionStatus struct {
	LogGroupName, FilterName, PolicyLevel, DestinationARN, State string
	MatchedEvents, DeliveredEvents, DroppedEvents                int64
	ThrottledEvents, LagEvents, LagSeconds                       int64
	LastError, DestinationError                                  string
	LastErrorTime                                                float64
	Losses                                                       []struct {
		FromTime, ToTime float64
		Events           int64
		Reason           string
	}
}

func statusCommand() *cobra.Command {
	var (
		conn   connection
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show what has become of the events of every subscription",
		Long: `Show every subscription filter of the caller's account in the Region, and the
account's subscription policy: how many events matched, were delivered and were
dropped since the server started, what waits, and the last error.

States: LIVE, BACKFILLING (what was ingested before the filter was made comes
first), RETRYING (the destination does not take the events; they are kept and tried
for 24 hours), REFUSED (a check fails, so events are dropped: see tributary explain
delivery), STOPPED (a journal cannot be read: see the server's log).`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := conn.client()
			if err != nil {
				return err
			}
			var answer json.RawMessage
			if err := c.JSON(cmd.Context(), "tributary", "Tributary_20261121.ListSubscriptionStatus", struct{}{}, &answer); err != nil {
				return err
			}
			if asJSON {
				_, err = fmt.Fprintln(cmd.OutOrStdout(), string(answer))
				return err
			}
			return printStatus(cmd.OutOrStdout(), answer)
		},
	}
	conn.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the server's answer")
	return cmd
}

func printStatus(out io.Writer, answer []byte) error {
	var list struct {
		Subscriptions []subscriptionStatus // matched in any case
	}
	if err := json.Unmarshal(answer, &list); err != nil {
		return fmt.Errorf("the server's answer: %w", err)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "LOG GROUP\tFILTER\tSTATE\tMATCHED\tDELIVERED\tDROPPED\tTHROTTLED\tLAG\tLAST ERROR") // Flush tells of errors
	for _, s := range list.Subscriptions {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%d\t%d\t%s\t%s\n", firstOf(visible(s.LogGroupName), "(account)"), visible(s.FilterName), s.State,
			s.MatchedEvents, s.DeliveredEvents, s.DroppedEvents, s.ThrottledEvents, s.lag(), s.trouble())
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, s := range list.Subscriptions {
		for _, l := range s.Losses {
			events := "events, it is not known how many,"
			if l.Events >= 0 {
				events = strconv.FormatInt(l.Events, 10) + " events"
			}
			if _, err := fmt.Fprintf(out, "%s %s: %s ingested from %s to %s were dropped: %s\n", firstOf(visible(s.LogGroupName), "(account)"),
				visible(s.FilterName), events, instant(l.FromTime), instant(l.ToTime), visible(l.Reason)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *subscriptionStatus) lag() string {
	if s.LagEvents == 0 && s.LagSeconds == 0 {
		return "-"
	}
	return fmt.Sprintf("%d events, %v", s.LagEvents, time.Duration(s.LagSeconds)*time.Second)
}

func (s *subscriptionStatus) trouble() string {
	switch {
	case s.LastError != "":
		return instant(s.LastErrorTime) + " " + visible(s.LastError)
	case s.DestinationError != "":
		return "check of the destination: " + visible(s.DestinationError)
	}
	return "-"
}

// instant is a time in seconds since 1970, "?" for none.
func instant(seconds float64) string {
	if seconds == 0 {
		return "?"
	}
	return time.UnixMilli(int64(seconds * 1000)).UTC().Format(time.RFC3339)
}
