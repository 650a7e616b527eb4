package server

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// DefaultListen is where a server listens that is not told otherwise.
const DefaultListen = "127.0.0.1:4566"

// maxFiltersPerLogGroup bounds what one event costs.
const maxFiltersPerLogGroup = 100

// check fills in the defaults and refuses what cannot be.
func (c *Config) check() error {
	if c.Dir == "" {
		return errors.New("no data directory given")
	}
	if c.Listen == "" {
		c.Listen = DefaultListen
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.FiltersPerLogGroup < 0 || c.FiltersPerLogGroup > maxFiltersPerLogGroup {
		return fmt.Errorf("filters per log group: %d, want 1 to %d", c.FiltersPerLogGroup, maxFiltersPerLogGroup)
	}
	if c.MetricsSeries < 0 {
		return fmt.Errorf("series of metrics: %d, want none or more", c.MetricsSeries)
	}
	if c.MetricsSeries == 0 {
		c.MetricsSeries = defaultMaxSeries
	}
	if err := c.TLS.check(); err != nil {
		return err
	}
	if !c.Dev {
		if len(c.DevCredentials) > 0 {
			return errors.New("development credentials go with --dev only")
		}
		return nil
	}
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return fmt.Errorf("listen address %q: %w", c.Listen, err)
	}
	if addr, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !addr.IsLoopback()) {
		return fmt.Errorf("--dev gives every account a key that anyone can guess, so it listens on a loopback address only, not on %q", c.Listen)
	}
	return nil
}

func listenError(addr string, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%s is in use by another program; choose another address with --listen", addr)
	}
	return fmt.Errorf("cannot listen on %s: %w", addr, err)
}
