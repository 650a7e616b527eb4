package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"tributary/internal/client"
)

// errExplainedFailure ends a command whose explanation has a check that failed.
var errExplainedFailure = errors.New("a check failed")

func explainCommand() *cobra.Command {
	var conn connection
	cmd := &cobra.Command{
		Use:   "explain",
		Short: "Say why a subscription, a delivery or an access is refused",
		Long: `Walk every check that the server makes, in order, and print what each came to,
which statement of which policy decided it, and what to change.

The commands sign with the credentials of the environment or of a profile. They
show the caller's own account in full, and of the other account only what it lets
the caller see: "not-visible" stands for the rest. The same command, run in the
other account, shows its side.

The exit status is 0 when nothing that is visible fails, 1 when something does, 2
when the question could not be asked. The shape of --json is that of
docs/formats/explain.md.`,
		Args: troubleArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		Example: `  tributary explain subscription --log-group arn:aws:logs:us-east-1:111111111111:log-group:app --destination arn:aws:logs:us-east-1:999999999999:destination:d
  tributary explain delivery --log-group app --filter to-audit
  tributary explain access --principal arn:aws:iam::111111111111:user/ann --action logs:PutDestination --resource '*' --context aws:SourceIp=10.0.0.1`,
	}
	conn.flags(cmd)
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return troubleError{err} })
	cmd.AddCommand(explainSubscriptionCommand(&conn), explainDeliveryCommand(&conn), explainAccessCommand(&conn))
	return cmd
}

func explainSubscriptionCommand(conn *connection) *cobra.Command {
	e := explain{conn: conn, operation: "ExplainSubscription"}
	var group, destination, role string
	var accountLevel bool
	cmd := e.command("subscription", "Explain whether a log group may subscribe to a destination", func() (map[string]any, error) {
		in := map[string]any{"logGroupArn": group, "destinationArn": destination}
		if role != "" {
			in["roleArn"] = role
		}
		if accountLevel {
			in["accountLevel"] = true
		}
		return in, nil
	})
	f := cmd.Flags()
	f.StringVar(&group, "log-group", "", "ARN of the log group, or its name in the caller's account and Region")
	f.StringVar(&destination, "destination", "", "ARN of the destination, or of a stream of the log group's account")
	f.StringVar(&role, "role", "", "ARN of the role that the subscription filter has or will have")
	f.BoolVar(&accountLevel, "account-level", false, "ask for the account's policy in place of a filter")
	require(cmd, "log-group", "destination")
	return cmd
}

func explainDeliveryCommand(conn *connection) *cobra.Command {
	e := explain{conn: conn, operation: "ExplainDelivery"}
	var group, filter, policy string
	cmd := e.command("delivery", "Explain whether a subscription filter delivers, and what has become of its events", func() (map[string]any, error) {
		if (filter == "") == (policy == "") {
			return nil, errors.New("want --filter or --account-policy, one of them")
		}
		if policy != "" {
			return map[string]any{"logGroupArn": group, "accountPolicyName": policy}, nil
		}
		return map[string]any{"logGroupArn": group, "filterName": filter}, nil
	})
	f := cmd.Flags()
	f.StringVar(&group, "log-group", "", "ARN of the log group, or its name in the caller's account and Region")
	f.StringVar(&filter, "filter", "", "name of its subscription filter")
	f.StringVar(&policy, "account-policy", "", "name of the account's subscription filter policy, as it is for the log group")
	require(cmd, "log-group")
	return cmd
}

func explainAccessCommand(conn *connection) *cobra.Command {
	e := explain{conn: conn, operation: "ExplainAccess"}
	var principal, action, resource string
	var keys []string
	cmd := e.command("access", "Explain whether a principal may do something", func() (map[string]any, error) {
		in := map[string]any{"principalArn": principal, "action": action, "resourceArn": resource}
		entries, err := contextEntries(keys)
		if len(entries) > 0 {
			in["context"] = entries
		}
		return in, err
	})
	f := cmd.Flags()
	f.StringVar(&principal, "principal", "", "ARN of a user, a role, a session, or an account's root user")
	f.StringVar(&action, "action", "", "service:Operation")
	f.StringVar(&resource, "resource", "", "ARN of the resource, * for none")
	f.StringArrayVar(&keys, "context", nil, "condition key of the request, as KEY=VALUE; again for more keys or values")
	require(cmd, "principal", "action", "resource")
	return cmd
}

// contextEntries reads KEY=VALUE texts; those of one key are its values.
func contextEntries(texts []string) ([]map[string]any, error) {
	var entries []map[string]any
	byKey := map[string]map[string]any{}
	for _, text := range texts {
		key, value, ok := strings.Cut(text, "=")
		if !ok || key == "" {
			return nil, fmt.Errorf("--context %q: want KEY=VALUE", text)
		}
		name := strings.ToLower(key)
		if byKey[name] == nil {
			byKey[name] = map[string]any{"key": key, "values": []string{}}
			entries = append(entries, byKey[name])
		}
		byKey[name]["values"] = append(byKey[name]["values"].([]string), value)
	}
	return entries, nil
}

func require(cmd *cobra.Command, flags ...string) {
	for _, flag := range flags {
		if err := cmd.MarkFlagRequired(flag); err != nil {
			panic("tributary: " + err.Error()) // only for a flag that is not defined
		}
	}
}

// An explain is one of the three commands: an operation, and how its answer is
// printed.
type explain struct {
	conn      *connection
	operation string
	asJSON    bool
}

func (e *explain) command(use, short string, input func() (map[string]any, error)) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Args: troubleArgs(cobra.NoArgs),
		// Cobra's own complaint about a missing flag comes too late to be told from a
		// failed check, so it is made here.
		PreRunE: func(cmd *cobra.Command, _ []string) error {
			if err := cmd.ValidateRequiredFlags(); err != nil {
				return troubleError{err}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			in, err := input()
			if err != nil {
				return troubleError{err}
			}
			failed, err := e.run(cmd.Context(), cmd, in)
			if err != nil {
				return troubleError{err}
			}
			if failed {
				return errExplainedFailure
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&e.asJSON, "json", false, "print the answer as JSON")
	return cmd
}

func (e *explain) run(ctx context.Context, cmd *cobra.Command, in map[string]any) (failed bool, err error) {
	c, err := e.conn.client()
	if err != nil {
		return false, err
	}
	answer, x, err := e.ask(ctx, c, in)
	if err != nil {
		return false, err
	}
	if e.asJSON {
		text, err := json.MarshalIndent(answer, "", "  ")
		if err != nil {
			return false, err
		}
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n", text)
		return x.Verdict == "fail", err
	}
	return x.Verdict == "fail", printExplanation(cmd.OutOrStdout(), x)
}

func (e *explain) ask(ctx context.Context, c *client.Client, in map[string]any) (json.RawMessage, *explanation, error) {
	var answer json.RawMessage
	if err := c.JSON(ctx, "tributary", "Tributary_20261121."+e.operation, in, &answer); err != nil {
		return nil, nil, err
	}
	x := &explanation{}
	if err := json.Unmarshal(answer, x); err != nil {
		return nil, nil, fmt.Errorf("answer to %s: %w", e.operation, err)
	}
	return answer, x, nil
}
