package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"text/tabwriter"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/spf13/cobra"

	"tributary/internal/client"
	"tributary/internal/server"
)

// A connection is the flags of a command that speaks to a running server.
type connection struct{ endpoint, region, profile string }

func (c *connection) flags(cmd *cobra.Command) {
	f := cmd.PersistentFlags()
	f.StringVar(&c.endpoint, "endpoint-url", "", "address of the server (default: AWS_ENDPOINT_URL, else http://"+server.DefaultListen+")")
	f.StringVar(&c.region, "region", "", "Region (default: AWS_REGION, AWS_DEFAULT_REGION, else us-east-1)")
	f.StringVar(&c.profile, "profile", "", "profile of the shared-credentials file (default: the environment's credentials, AWS_PROFILE)")
}

func (c *connection) client() (*client.Client, error) {
	endpoint := firstOf(c.endpoint, os.Getenv("AWS_ENDPOINT_URL"), "http://"+server.DefaultListen)
	if u, err := url.Parse(endpoint); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("endpoint %q: want a URL like http://%s", endpoint, server.DefaultListen)
	}
	creds, err := client.FindCredentials(c.profile, os.Getenv)
	if err != nil {
		return nil, err
	}
	web, err := client.NewHTTP(os.Getenv("AWS_CA_BUNDLE"))
	if err != nil {
		return nil, err
	}
	return &client.Client{
		Endpoint:    endpoint,
		Region:      firstOf(c.region, os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION"), "us-east-1"),
		Credentials: creds,
		HTTP:        web,
		Now:         time.Now,
	}, nil
}

// kinesis is the SDK's client for Kinesis on the same connection.
func (c *connection) kinesis() (*kinesis.Client, error) {
	own, err := c.client()
	if err != nil {
		return nil, err
	}
	return sdkKinesis(own), nil
}

func sdkKinesis(c *client.Client) *kinesis.Client {
	return kinesis.New(kinesis.Options{
		BaseEndpoint: &c.Endpoint, Region: c.Region, HTTPClient: c.HTTP,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			k := c.Credentials
			return aws.Credentials{AccessKeyID: k.AccessKeyID, SecretAccessKey: k.SecretAccessKey, SessionToken: k.SessionToken}, nil
		}),
	})
}

func firstOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

func accountCommand() *cobra.Command {
	var conn connection
	cmd := &cobra.Command{
		Use:   "account",
		Short: "Make and list standalone accounts, as the management account",
		Long: `Make and list standalone accounts: accounts that belong to no organization.

The commands sign with the credentials of the environment or of a profile, as the
AWS CLI does; they must be the management account's. The first start of the server
writes them to DATA/credentials.`,
		Args:    cobra.NoArgs, // so that an unknown subcommand is an error
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		Example: "  AWS_SHARED_CREDENTIALS_FILE=tributary-data/credentials tributary account create --name audit --email audit@example.com",
	}
	conn.flags(cmd)
	cmd.AddCommand(accountCreateCommand(&conn), accountListCommand(&conn))
	return cmd
}

func accountCreateCommand(conn *connection) *cobra.Command {
	var name, email string
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Make an account and print its root access key, this once",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := conn.client()
			if err != nil {
				return err
			}
			var out struct{ AccountID, AccessKeyID, SecretAccessKey string } // matched in any case
			if err := c.JSON(cmd.Context(), "tributary", "Tributary_20261121.CreateAccount",
				map[string]string{"name": name, "email": email}, &out); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "# account %s: %s\n[%s]\naws_access_key_id = %s\naws_secret_access_key = %s\n",
				out.AccountID, name, name, out.AccessKeyID, out.SecretAccessKey)
			return err
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "name of the account")
	cmd.Flags().StringVar(&email, "email", "", "email address of its root user")
	for _, required := range []string{"name", "email"} {
		if err := cmd.MarkFlagRequired(required); err != nil {
			panic("tributary: " + err.Error()) // only for a flag that is not defined
		}
	}
	return cmd
}

func accountListCommand(conn *connection) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List all accounts",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := conn.client()
			if err != nil {
				return err
			}
			var out struct {
				Accounts []struct{ AccountID, Name, Email, OrganizationID string } // matched in any case
			}
			if err := c.JSON(cmd.Context(), "tributary", "Tributary_20261121.ListAccounts", struct{}{}, &out); err != nil {
				return err
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			_, _ = fmt.Fprintln(w, "ACCOUNT\tNAME\tEMAIL\tORGANIZATION") // Flush tells of errors
			for _, a := range out.Accounts {
				_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", a.AccountID, visible(a.Name), visible(a.Email), firstOf(a.OrganizationID, "-"))
			}
			return w.Flush()
		},
	}
}
