package main

import (
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"tributary/internal/server"
)

func keyCommand() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "key",
		Short: "Change the key under which secrets and tokens are sealed",
		Long: `Change the root key of a data directory: under it the server seals stored secret
access keys, session tokens, shard iterators and page tokens.

The commands work on the directory itself, whether a server runs there or not.`,
		Args: cobra.NoArgs, // so that an unknown subcommand is an error
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.PersistentFlags().StringVar(&dir, "data", firstOf(os.Getenv(variable("data")), "tributary-data"), "data directory (TRIBUTARY_DATA)")
	cmd.AddCommand(keyRotateCommand(&dir), keyListCommand(&dir))
	return cmd
}

func keyRotateCommand(dir *string) *cobra.Command {
	return &cobra.Command{
		Use:   "rotate",
		Short: "Make a new key; older ones still open what they sealed",
		Long: `Make a new root key. A running server takes it into use within ten seconds, any
other when it starts: it seals stored secrets again under the new key, and from then
on everything else too. What callers carry stays good. A key is removed 48 hours after
another has taken its place, when nothing that it sealed can still be valid.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			k, err := server.RotateKey(*dir, time.Now())
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "key %d was made\n", k.ID)
			return err
		},
	}
}

func keyListCommand(dir *string) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the keys, without showing them",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			keys, err := server.Keys(*dir)
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			_, _ = fmt.Fprintln(w, "KEY\tMADE\tSTATE") // Flush tells of errors
			for _, k := range keys {
				state := "seals"
				if !k.Until.IsZero() {
					state = "opens until " + moment(k.Until)
				}
				_, _ = fmt.Fprintf(w, "%d\t%s\t%s\n", k.ID, moment(k.Made), state)
			}
			return w.Flush()
		},
	}
}

// moment is a time as tables show it, "-" for none.
func moment(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}
