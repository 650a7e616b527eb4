package main

import (
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"tributary/internal/pure/arn"
	"tributary/internal/server"
	"tributary/internal/service/iam"
)

func serveCommand() *cobra.Command {
	var (
		cfg        server.Config
		configFile string
		devKeys    []string
		proxies    []string
		logJSON    bool
	)
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the server",
		Long: `Run the server until SIGTERM or SIGINT.

The first start makes the management account and prints its root access key
once. With --dev every account has a root key by rule: the access key id is the
12-digit account id, the secret is the word test. Signatures are checked either
way.

Every flag can also be set by an environment variable (--data is
TRIBUTARY_DATA, --dev-credential is TRIBUTARY_DEV_CREDENTIAL, lists separated by
commas) or in the YAML file that --config names (data: DIR). A flag wins over the
environment, the environment over the file.`,
		Example: "  tributary serve --dev --data ./data\n  AWS_ACCESS_KEY_ID=111111111111 AWS_SECRET_ACCESS_KEY=test \\\n    aws --endpoint-url http://127.0.0.1:4566 --region us-east-1 sts get-caller-identity",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := settle(cmd.Flags(), configFile); err != nil {
				return err
			}
			creds, err := parseDevCredentials(devKeys)
			if err != nil {
				return err
			}
			cfg.DevCredentials = creds
			if cfg.TrustedProxies, err = parseProxies(proxies); err != nil {
				return err
			}
			_, cfg.GCSet = os.LookupEnv("GOGC")
			cfg.Log = newLog(cmd.ErrOrStderr(), logJSON)
			out := cmd.OutOrStdout()
			cfg.Ready = func(i server.Info) { announce(out, i) }
			return server.Run(cmd.Context(), cfg)
		},
	}
	f := cmd.Flags()
	f.StringVar(&cfg.Dir, "data", "tributary-data", "data directory, made if absent")
	f.StringVar(&cfg.Listen, "listen", server.DefaultListen, "address to listen on; port 0 for any free one")
	f.StringVar(&cfg.TLS.Cert, "tls-cert", "", "speak TLS with the certificate in this PEM file, read again when it changes")
	f.StringVar(&cfg.TLS.Key, "tls-key", "", "PEM file of the certificate's private key")
	f.BoolVar(&cfg.TLS.Dev, "tls-dev", false, "speak TLS with a certificate made for this machine; clients trust tls/ca.pem in the data directory")
	f.StringSliceVar(&proxies, "trusted-proxy", nil, "CIDR of proxies whose X-Forwarded-For counts for aws:SourceIp (repeatable)")
	f.BoolVar(&cfg.Dev, "dev", false, "give every account a root key by rule (loopback only)")
	f.StringSliceVar(&devKeys, "dev-credential", nil, "with --dev, a further root key as KEY:SECRET:ACCOUNT (repeatable)")
	f.IntVar(&cfg.IngestJournals, "ingest-journals", 0, "ingest journals of a Region first used from now on (0: 4)")
	f.StringVar(&cfg.EncryptionKeyFile, "encryption-key-file", "", "file of 32 bytes that encrypts log events and records on disk; needed at every start from then on")
	f.StringVar(&cfg.Quotas, "quotas", "none", "rates that callers of Kinesis are held to: aws or none")
	f.IntVar(&cfg.FiltersPerLogGroup, "filters-per-log-group", 0, "subscription filters that a log group may have (0: 5)")
	f.DurationVar(&cfg.DestinationChecks, "destination-checks", 0, "how often destinations in use get a control message; less than 0 for never (0: 1h)")
	f.StringVar(&cfg.MetricsListen, "metrics-listen", "", "second address, for the operator: /metrics with the series of accounts, log groups and filters (none)")
	f.IntVar(&cfg.MetricsSeries, "metrics-series", 0, "log groups, and subscriptions, that have series of their own (0: 10000)")
	f.BoolVar(&logJSON, "log-json", false, "write the log as JSON")
	f.StringVar(&configFile, "config", "", "YAML file of settings named like the flags")
	return cmd
}

// announce prints what a person or a script that started the server waits for.
func announce(w io.Writer, i server.Info) {
	if k := i.FirstKey; k != nil {
		_, _ = fmt.Fprintf(w, "Management account %s was made. Its root access key is shown this once:\n  aws_access_key_id     = %s\n  aws_secret_access_key = %s\nIt is also in %s, a shared-credentials file for AWS_SHARED_CREDENTIALS_FILE.\n",
			k.Account, k.AccessKeyID, k.Secret, k.File)
	}
	if i.CA != "" {
		_, _ = fmt.Fprintln(w, "TLS with a certificate made for development. Clients must trust", i.CA,
			"(AWS_CA_BUNDLE, NODE_EXTRA_CA_CERTS).")
	}
	if i.Metrics != nil {
		_, _ = fmt.Fprintf(w, "metrics http://%s/metrics\n", i.Metrics)
	}
	_, _ = fmt.Fprintln(w, "ready", i.URL()) // nobody may be reading
}

func parseProxies(list []string) ([]netip.Prefix, error) {
	var all []netip.Prefix
	for _, text := range list {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("--trusted-proxy %q: want a CIDR such as 10.0.0.0/8", text)
		}
		all = append(all, prefix.Masked())
	}
	return all, nil
}

func newLog(w io.Writer, asJSON bool) *slog.Logger {
	if asJSON {
		return slog.New(slog.NewJSONHandler(w, nil))
	}
	return slog.New(slog.NewTextHandler(w, nil))
}

func parseDevCredentials(list []string) ([]iam.DevCredential, error) {
	var all []iam.DevCredential
	for _, text := range list {
		f := strings.Split(text, ":")
		if len(f) != 3 || f[0] == "" || f[1] == "" {
			return nil, fmt.Errorf("--dev-credential %q: want KEY:SECRET:ACCOUNT", text)
		}
		account, err := arn.ParseAccountID(f[2])
		if err != nil {
			return nil, fmt.Errorf("--dev-credential %q: %w", text, err)
		}
		all = append(all, iam.DevCredential{KeyID: f[0], Secret: f[1], Account: account})
	}
	return all, nil
}
