package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

func subscriptionCommand() *cobra.Command {
	var conn connection
	cmd := &cobra.Command{
		Use:   "subscription",
		Short: "Work with subscription filters beyond what AWS has",
		Args:  cobra.NoArgs, // so that an unknown subcommand is an error
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	conn.flags(cmd)
	cmd.AddCommand(backfillCommand(&conn))
	return cmd
}

func backfillCommand(conn *connection) *cobra.Command {
	var group, filter, since string
	cmd := &cobra.Command{
		Use:   "backfill",
		Short: "Deliver what was ingested before a subscription filter was made",
		Long: `Deliver, through a subscription filter that is there, what was ingested before it
was made, as far as the server still holds it (25 hours): in order, and before
what comes in from now on. What came in between the making of the filter and this
command has been delivered already and is not delivered again.

The command returns when it is certain that this will happen; tributary status
shows BACKFILLING until it has. Backfill again with an earlier time to get what lies
before.`,
		Example: "  tributary subscription backfill --log-group app --filter to-audit --since 6h",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			from, err := parseSince(since, time.Now())
			if err != nil {
				return err
			}
			c, err := conn.client()
			if err != nil {
				return err
			}
			var out struct{ From float64 } // matched in any case
			if err := c.JSON(cmd.Context(), "tributary", "Tributary_20261121.BackfillSubscription", map[string]any{
				"logGroupName": group, "filterName": filter, "since": float64(from.UnixMilli()) / 1000,
			}, &out); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s delivers what was ingested since %s.\n", visible(filter), instant(out.From))
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&group, "log-group", "", "name of the log group")
	f.StringVar(&filter, "filter", "", "name of the subscription filter")
	f.StringVar(&since, "since", "", "a duration back from now (6h) or a time (2026-01-31T12:00:00Z)")
	for _, required := range []string{"log-group", "filter", "since"} {
		if err := cmd.MarkFlagRequired(required); err != nil {
			panic("tributary: " + err.Error()) // only for a flag that is not defined
		}
	}
	return cmd
}

// parseSince reads a duration back from now or a time.
func parseSince(text string, now time.Time) (time.Time, error) {
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("--since %q: want a duration like 6h or a time like 2026-01-31T12:00:00Z", text)
	}
	return t, nil
}
