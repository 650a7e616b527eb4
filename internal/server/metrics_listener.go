package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"tributary/internal/edge/gateway"
)

// listenMetrics opens the operator's listener, nil without one.
func (s *server) listenMetrics(ctx context.Context) (net.Listener, error) {
	if s.cfg.MetricsListen == "" {
		return nil, nil
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.cfg.MetricsListen)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", listenError(s.cfg.MetricsListen, err))
	}
	return ln, nil
}

func addrOf(ln net.Listener) net.Addr {
	if ln == nil {
		return nil
	}
	return ln.Addr()
}

// serveMetrics answers /metrics, with the series of tenants, until ctx ends.
func (s *server) serveMetrics(ctx context.Context, ln net.Listener) error {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.metrics.all, promhttp.HandlerOpts{}))
	web := gateway.NewServer(mux, s.cfg.Log)
	stop := context.AfterFunc(ctx, func() { _ = web.Close() }) // a scrape may be cut off
	defer stop()
	if err := web.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve %s: %w", ln.Addr(), err)
	}
	return nil
}
