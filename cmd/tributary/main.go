// Command tributary carries log events of many accounts into one account's
// stream. It speaks the wire protocols of CloudWatch Logs, Kinesis Data Streams,
// IAM, STS and Organizations.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// version is set by the linker.
var version = "development"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	err := root().ExecuteContext(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "tributary:", err)
		os.Exit(exitStatus(err))
	}
}

func root() *cobra.Command {
	cmd := &cobra.Command{
		Use:           "tributary",
		Short:         "Cross-account log data sharing with subscriptions",
		Long:          "Tributary carries the log events of many accounts into one account's stream,\nwith the sender's and the recipient's consent checked on every step.",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	cmd.AddCommand(serveCommand(), demoCommand(), tailCommand(), accountCommand(), explainCommand(), statusCommand(), subscriptionCommand(), keyCommand(), patternCommand(), versionCommand())
	return cmd
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), "tributary", version)
			return err
		},
	}
}
