package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"tributary/internal/demo"
	"tributary/internal/server"
)

func demoCommand() *cobra.Command {
	var input, pattern string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Play the whole story of cross-account log sharing on an embedded server",
		Long: `Start a server on a temporary directory and play the whole story on it: consent,
events, membership, an organization, and what is refused. Every step is printed as
the AWS CLI command that does it. What the recipient gets is checked against what
was sent; the command fails if an event is missing, doubled or out of order.`,
		Example: "  tributary demo\n  tributary demo --input /var/log/syslog --pattern '?error ?warning'\n  journalctl | tributary demo --input -",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runDemo(cmd.Context(), cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr(), input, pattern)
		},
	}
	cmd.Flags().StringVar(&input, "input", "", "file of log lines, - for standard input (default: the machine's own logs under /var/log)")
	cmd.Flags().StringVar(&pattern, "pattern", "", "filter pattern for the input (default: a word that some of its lines hold)")
	return cmd
}

func runDemo(ctx context.Context, in io.Reader, out, errOut io.Writer, input, pattern string) (err error) {
	dir, err := os.MkdirTemp("", "tributary-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	ready := make(chan server.Info, 1)
	stopped := make(chan error, 1)
	serving, stop := context.WithCancel(ctx)
	defer stop()
	began := time.Now()
	go func() {
		stopped <- server.Run(serving, server.Config{
			Dir: filepath.Join(dir, "data"), Listen: "127.0.0.1:0", Dev: true, Now: time.Now,
			Log: newLog(errOut, false), Ready: func(i server.Info) { ready <- i },
		})
	}()
	select {
	case err := <-stopped:
		return err
	case i := <-ready:
		_, _ = fmt.Fprintf(out, "Started in %v on an embedded engine in %s.\n", time.Since(began).Round(time.Millisecond), dir)
		err = demo.Run(ctx, demo.Config{
			Endpoint: i.URL(), Services: i.Dispatcher, Dir: dir,
			Input: input, Pattern: pattern, Stdin: in, Out: out, Now: time.Now,
		})
	}
	stop()
	return errors.Join(err, <-stopped)
}
