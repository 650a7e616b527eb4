package server

import (
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// paths puts the few unsigned paths beside the gateway. They show no tenant's
// data. Everything else is the gateway's, whatever its path.
func (s *server) paths(front http.Handler) http.Handler {
	metrics := promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			front.ServeHTTP(w, r)
			return
		}
		switch r.URL.Path {
		case "/livez":
			text(w, http.StatusOK, "ok")
		case "/readyz":
			s.ready(w)
		case "/metrics":
			metrics.ServeHTTP(w, r)
		case "/_localstack/health":
			w.Header().Set("Content-Type", "application/json")
			_, _ = fmt.Fprint(w, `{"services":{"iam":"running","kinesis":"running","logs":"running","organizations":"running","sts":"running"}}`)
		default:
			front.ServeHTTP(w, r)
		}
	})
}

// ready answers 503 as long as something durable is not healthy.
func (s *server) ready(w http.ResponseWriter) {
	if err := s.broker.Health(); err != nil {
		text(w, http.StatusServiceUnavailable, "the store does not answer")
		return
	}
	if n := len(s.journals.Health()); n > 0 {
		text(w, http.StatusServiceUnavailable, fmt.Sprintf("%d journals are damaged", n))
		return
	}
	text(w, http.StatusOK, "ok")
}

func text(w http.ResponseWriter, status int, line string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = fmt.Fprintln(w, line) // a client that has gone needs no answer
}

// metrics are the server's own counters, in a registry of their own.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tributary_requests_total",
			Help: "Requests answered, by service, operation and error code (OK for none).",
		}, []string{"service", "operation", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "tributary_request_seconds",
			Help:    "Time from a request's first byte to its answer, by service and operation.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 16),
		}, []string{"service", "operation"}),
	}
	m.registry.MustRegister(m.requests, m.seconds, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) observe(service, operation, code string, d time.Duration) {
	m.requests.WithLabelValues(service, operation, code).Inc()
	m.seconds.WithLabelValues(service, operation).Observe(d.Seconds())
}
