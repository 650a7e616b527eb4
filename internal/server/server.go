// Package server builds a Tributary out of its parts, starts them in order, and
// stops them in the order that keeps every promise: first the listener and the
// requests, then delivery, then the journals, the catalog and the broker.
package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"sync"
	"time"

	"tributary/internal/delivery"
	"tributary/internal/durable/broker"
	"tributary/internal/durable/catalog"
	"tributary/internal/durable/journal"
	"tributary/internal/edge/gateway"
	"tributary/internal/pure/arn"
	"tributary/internal/service/api"
	"tributary/internal/service/iam"
	"tributary/internal/service/kinesis"
	"tributary/internal/service/leases"
	"tributary/internal/service/logs"
	"tributary/internal/service/operator"
	"tributary/internal/service/organizations"
)

// Config is all that a server is told. Its zero values are the defaults, except
// that Dir is required.
type Config struct {
	Dir    string // data directory, made if absent
	Listen string // host:port; port 0 for any free one
	TLS    TLS
	// TrustedProxies are those whose word on a client's address counts: the rightmost
	// entry of X-Forwarded-For that is none of theirs. Without them it is that of the
	// connection.
	TrustedProxies []netip.Prefix
	// Dev gives every account a root key by rule: access key id = account id (or
	// test for 000000000000), secret test. It is refused on an address that other
	// machines reach.
	Dev            bool
	DevCredentials []iam.DevCredential
	IngestJournals int // per Region, fixed when the Region is first used; 0 for 4
	// EncryptionKeyFile names a file of 32 bytes, or 64 hexadecimal digits, that encrypts
	// what journals write from now on: log events and records. Once a data directory has
	// been opened with a key, it opens only with that one. Empty: in the clear.
	EncryptionKeyFile string
	// Quotas are the rates that the callers of Kinesis are held to: "aws", or "none".
	Quotas string
	// FiltersPerLogGroup is how many subscription filters a log group may have; 0 for
	// 5, as in AWS.
	FiltersPerLogGroup int
	// DestinationChecks is how often destinations that somebody subscribes to get a
	// control message; 0 for an hour, less for never.
	DestinationChecks time.Duration
	// KeyringChecks is how often the server looks for a new root key; 0 for ten
	// seconds.
	KeyringChecks time.Duration
	// MetricsListen is the host:port of a second listener, for the operator: its
	// /metrics has the series of accounts, log groups and filters too. It asks for no
	// signature. Empty: there is none.
	MetricsListen string
	MetricsSeries int // log groups, and subscriptions, with series of their own; 0 for 10,000
	// GCSet leaves it to the Go runtime how often garbage is collected: the operator has
	// set GOGC.
	GCSet bool

	Now func() time.Time
	Log *slog.Logger
	// Ready is called once, when requests are answered.
	Ready func(Info)
}

// Info is what a started server says of itself.
type Info struct {
	Addr net.Addr
	// Metrics is the address of the operator's listener, nil without one.
	Metrics net.Addr
	// TLS says that clients must use it. CA is the file of the authority to trust, when
	// the certificate was made for development.
	TLS bool
	CA  string
	// FirstKey is the root access key of the management account, in the start that
	// made it and never again; nil otherwise.
	FirstKey *FirstKey
	// Dispatcher answers the same operations without HTTP.
	Dispatcher *api.Dispatcher
}

// URL is the endpoint for clients on this machine.
func (i Info) URL() string {
	if i.TLS {
		return "https://" + i.Addr.String()
	}
	return "http://" + i.Addr.String()
}

// stopTime bounds how long running requests may take when the server stops.
const stopTime = 20 * time.Second

// Run starts a server and blocks until ctx ends, then stops it. What it
// acknowledged is on disk whatever happens; a stop by ctx also finishes the
// requests that are running.
func Run(ctx context.Context, cfg Config) error {
	if err := cfg.check(); err != nil {
		return err
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Listen)
	if err != nil {
		return listenError(cfg.Listen, err)
	}
	s := &server{cfg: cfg}
	err = s.open(ctx)
	if err == nil {
		err = s.serve(ctx, ln)
	} else {
		err = errors.Join(err, ln.Close())
	}
	return errors.Join(err, s.close())
}

// A server is the parts of a running Tributary.
type server struct {
	cfg      Config
	broker   *broker.Broker
	keys     *keyring
	catalog  *catalog.Catalog
	journals *journal.Store
	orgs     *organizations.Service
	iam      *iam.Service
	kinesis  *kinesis.Service
	logs     *logs.Service
	leases   *leases.Service
	delivery *delivery.Delivery
	dispatch *api.Dispatcher
	metrics  *metrics
	firstKey *FirstKey
	bounds   bounds
}

// open opens what is durable and builds the services on it. What it opened is
// closed by close, also after an error.
func (s *server) open(ctx context.Context) (err error) {
	cfg := s.cfg
	memory := keepToMemory(os.DirFS("/"))
	if !cfg.GCSet {
		collectLess(memory, os.DirFS("/"))
	}
	s.bounds = boundsFor(memory, mayOpen())
	if s.broker, err = broker.Open(ctx, broker.Config{Dir: cfg.Dir, Log: cfg.Log}); err != nil {
		return err
	}
	if s.keys, err = openKeyring(cfg.Dir, cfg.Now, cfg.Log); err != nil {
		return err
	}
	if s.catalog, err = catalog.Open(ctx, catalog.Config{Broker: s.broker, Log: cfg.Log}); err != nil {
		return err
	}
	key, err := readEncryptionKey(cfg.EncryptionKeyFile)
	if err != nil {
		return err
	}
	if s.journals, err = journal.OpenStore(ctx, journal.Config{
		Broker: s.broker, Catalog: s.catalog, Key: key, CacheBytes: s.bounds.cache, ReadBytes: s.bounds.reads, Now: cfg.Now, Log: cfg.Log,
	}); err != nil {
		return err
	}
	if err := s.openServices(ctx, s.keys.sealer); err != nil {
		return err
	}
	installed := catalog.NewTable[installation](s.catalog, "server/installation")
	// Every table is known now: anything else in the catalog is a newer release's.
	if err := s.catalog.Ready(); err != nil {
		return err
	}
	if err := errors.Join(s.orgs.Recover(ctx), s.iam.Recover(ctx), s.leases.Recover(ctx)); err != nil {
		return fmt.Errorf("finish what a crash interrupted: %w", err)
	}
	management, err := s.bootstrap(ctx, installed)
	if err != nil {
		return fmt.Errorf("management account: %w", err)
	}
	own := operator.New(operator.Config{
		Organizations: s.orgs, IAM: s.iam, Logs: s.logs, Kinesis: s.kinesis, Delivery: s.delivery, ManagementAccount: management,
	})
	s.dispatch = api.NewDispatcher(s.iam,
		s.logs.Table(), s.kinesis.Table(), s.iam.Table(), s.iam.STS(), s.orgs.Table(), s.leases.Table(), own.Table())
	return nil
}

// openServices builds the services. Four arrows point up and are turned round
// here: organizations makes the access role of a new account and asks what its
// resource policy admits, logs sends test messages, and logs asks how far delivery
// is before it trims.
func (s *server) openServices(ctx context.Context, sealer *api.Sealer) (err error) {
	cfg := s.cfg
	if s.orgs, err = organizations.New(organizations.Config{
		Catalog: s.catalog, AccountsByRule: cfg.Dev, Now: cfg.Now, Log: cfg.Log,
		CreateAccessRole: func(ctx context.Context, account, management arn.AccountID, role string) error {
			return s.iam.CreateAccessRole(ctx, account, management, role)
		},
		Admits: func(call *api.Call, access api.Access) bool { return s.iam.Admits(call, access) },
		Sealer: sealer,
	}); err != nil {
		return err
	}
	if s.iam, err = iam.New(iam.Config{
		Catalog: s.catalog, Organizations: s.orgs, Sealer: sealer,
		RootKeysByRule: cfg.Dev, DevCredentials: cfg.DevCredentials, Now: cfg.Now, Log: cfg.Log,
	}); err != nil {
		return err
	}
	quotas, err := kinesis.ParseQuotas(cfg.Quotas)
	if err != nil {
		return err
	}
	if s.kinesis, err = kinesis.New(kinesis.Config{
		Catalog: s.catalog, Journals: s.journals, Sealer: sealer, Quotas: quotas,
		SharedBytes: s.bounds.cache / 2 * 3, Now: cfg.Now, Log: cfg.Log,
	}); err != nil {
		return err
	}
	if s.leases, err = leases.New(leases.Config{Catalog: s.catalog}); err != nil {
		return err
	}
	if s.logs, err = logs.New(ctx, logs.Config{
		Catalog: s.catalog, Journals: s.journals, IAM: s.iam, Sealer: sealer,
		IngestJournals: cfg.IngestJournals, FiltersPerGroup: cfg.FiltersPerLogGroup, Now: cfg.Now, Log: cfg.Log,
		TestDelivery: func(ctx context.Context, t logs.TestTarget) error { return s.delivery.Test(ctx, t) },
		Delivered: func(region arn.Region, journal string) (p journal.Position) {
			return s.delivery.Delivered(region, journal)
		},
	}); err != nil {
		return err
	}
	s.delivery, err = delivery.New(delivery.Config{
		Catalog: s.catalog, Logs: s.logs, Kinesis: s.kinesis, IAM: s.iam, Now: cfg.Now, Log: cfg.Log,
		CheckInterval: cfg.DestinationChecks,
	})
	return err
}

// serve answers requests until ctx ends or a part fails, then stops the parts in
// order: the listener and its requests first, then the background work.
func (s *server) serve(ctx context.Context, ln net.Listener) error {
	s.metrics = newMetrics(s.gauges(), newSubscriptionMetrics(s.logs.Incoming,
		func() iter.Seq[delivery.Status] { return s.delivery.Statuses("") }, s.cfg.MetricsSeries))
	encryption, ca, err := s.cfg.encryption(s.cfg.Listen)
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	operators, err := s.listenMetrics(ctx)
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	front := gateway.New(gateway.Config{
		Dispatcher:     s.dispatch,
		Credentials:    s.credentials,
		TrustedProxies: s.cfg.TrustedProxies,
		MaxHeld:        s.bounds.held,
		MaxRunning:     s.bounds.clients,
		Observe:        s.metrics.observe,
		Now:            s.cfg.Now,
		Log:            s.cfg.Log,
	})
	web := gateway.NewServer(s.paths(front), s.cfg.Log)
	web.RegisterOnShutdown(front.EndStreams)

	// The background outlives the requests: a request may wait for a stream to
	// become ACTIVE or for the index.
	background, stopBackground := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stopBackground(nil)
	failed := make(chan error, 8)
	var parts sync.WaitGroup
	start := func(name string, run func(context.Context) error) {
		parts.Go(func() {
			if err := run(background); err != nil && background.Err() == nil {
				failed <- fmt.Errorf("%s: %w", name, err)
			}
		})
	}
	if operators != nil {
		start("metrics", func(ctx context.Context) error { return s.serveMetrics(ctx, operators) })
	}
	start("keyring", func(ctx context.Context) error {
		return s.keys.run(ctx, cmp.Or(s.cfg.KeyringChecks, keyringPause), s.iam.Reseal)
	})
	start("kinesis", s.kinesis.Run)
	start("logs", s.logs.Run)
	start("delivery", s.delivery.Run)
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := web.Serve(gateway.Harden(ln, encryption, s.bounds.clients)); !errors.Is(err, http.ErrServerClosed) {
			failed <- fmt.Errorf("serve %s: %w", ln.Addr(), err)
		}
	})
	if s.cfg.Ready != nil {
		s.cfg.Ready(Info{Addr: ln.Addr(), Metrics: addrOf(operators), TLS: encryption != nil, CA: ca, FirstKey: s.firstKey, Dispatcher: s.dispatch})
	}

	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	if e := web.Shutdown(stopping); e != nil {
		s.cfg.Log.Warn("requests were cut off by the stop", "cause", e)
		err = errors.Join(err, web.Close())
	}
	serving.Wait()
	stopBackground(nil)
	parts.Wait()
	return err
}

// close closes what open opened, last first.
func (s *server) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTime)
	defer cancel()
	var errs []error
	if s.journals != nil {
		errs = append(errs, s.journals.Close(ctx))
	}
	if s.catalog != nil {
		errs = append(errs, s.catalog.Close(ctx))
	}
	if s.broker != nil {
		errs = append(errs, s.broker.Close(ctx))
	}
	return errors.Join(errs...)
}

// credentials tells the gateway's refusals from iam's.
func (s *server) credentials(ctx context.Context, keyID, token string) (string, api.Caller, error) {
	secret, caller, err := s.iam.Credentials(ctx, keyID, token)
	switch {
	case errors.Is(err, iam.ErrUnknownKey):
		err = gateway.ErrUnknownKey
	case errors.Is(err, iam.ErrInvalidToken):
		err = gateway.ErrInvalidToken
	case errors.Is(err, iam.ErrExpiredToken):
		err = gateway.ErrExpiredToken
	}
	return secret, caller, err
}
