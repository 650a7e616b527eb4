package server

import (
	"cmp"
	"iter"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"tributary/internal/delivery"
	"tributary/internal/service/logs"
)

// metrics are the server's own, in two registries: node has what shows no tenant and
// is served to anybody, all has the series of accounts, log groups and filters too
// and is served to the operator only (Config.MetricsListen).
type metrics struct {
	node, all *prometheus.Registry
	requests  *prometheus.CounterVec
	seconds   *prometheus.HistogramVec
}

// A gauge is a number that is asked for when the metrics are read.
type gauge struct {
	name, help string
	value      func() float64
}

// newMetrics makes the metrics of a server.
func newMetrics(gauges []gauge, subscriptions *subscriptionMetrics) *metrics {
	m := &metrics{
		node: prometheus.NewRegistry(), all: prometheus.NewRegistry(),
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
	shared := []prometheus.Collector{
		m.requests, m.seconds, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	}
	for _, g := range gauges {
		shared = append(shared, prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: g.name, Help: g.help}, g.value))
	}
	m.node.MustRegister(shared...)
	m.all.MustRegister(append(shared, subscriptions)...)
	return m
}

func (m *metrics) observe(service, operation, code string, d time.Duration) {
	m.requests.WithLabelValues(service, operation, code).Inc()
	m.seconds.WithLabelValues(service, operation).Observe(d.Seconds())
}

// gauges are the numbers about what is durable.
func (s *server) gauges() []gauge {
	return []gauge{
		{"tributary_ills", "What keeps the server from being ready, see /readyz; 0 when it is.", func() float64 { return float64(len(s.ills())) }},
		{"tributary_journals", "Journals: those of log events and one for each shard.", func() float64 { return float64(len(s.journals.Names())) }},
		{"tributary_journals_damaged", "Journals that have lost something.", func() float64 { return float64(len(s.journals.Health())) }},
		{"tributary_catalog_healthy", "1 while the catalog can be written.", func() float64 {
			if s.catalog.Health() != nil {
				return 0
			}
			return 1
		}},
		{"tributary_catalog_revision", "Changes of the catalog since the data directory was made.", func() float64 { return float64(s.catalog.Revision()) }},
		{"tributary_delivery_lag_seconds", "Age of the oldest log event of any account that delivery has not dealt with.", func() float64 {
			lag := time.Duration(0)
			for status := range s.delivery.Statuses("") {
				lag = max(lag, status.Lag)
			}
			return lag.Seconds()
		}},
	}
}

// subscriptionMetrics are the metrics of CloudWatch Logs about log groups and
// subscription filters, with AWS's meanings, since the server started.
type subscriptionMetrics struct {
	incoming func() iter.Seq[logs.Incoming]
	statuses func() iter.Seq[delivery.Status]
	// maxSeries bounds the log groups and the subscriptions that have series of their
	// own. The rest are added up under the label value "other".
	maxSeries int

	incomingBytes, incomingEvents *prometheus.Desc
	perSubscription               []subscriptionMetric
	folded                        *prometheus.Desc
}

// A subscriptionMetric is one number of a subscription's status.
type subscriptionMetric struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*delivery.Status) float64
	most  bool // of several the largest counts, not the sum
}

// defaultMaxSeries is AWS's order of magnitude for the filters of one installation
// and keeps a scrape under a few MiB.
const defaultMaxSeries = 10_000

var (
	groupLabels        = []string{"account", "region", "log_group"}
	subscriptionLabels = []string{"account", "region", "log_group", "filter", "destination_type", "policy_level"}
)

func newSubscriptionMetrics(incoming func() iter.Seq[logs.Incoming], statuses func() iter.Seq[delivery.Status], maxSeries int) *subscriptionMetrics {
	ofGroup := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("tributary_"+name, help, groupLabels, nil)
	}
	of := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("tributary_"+name, help, subscriptionLabels, nil)
	}
	const counter, gauge = prometheus.CounterValue, prometheus.GaugeValue
	return &subscriptionMetrics{
		incoming: incoming, statuses: statuses, maxSeries: maxSeries,
		incomingBytes:  ofGroup("incoming_bytes_total", "Bytes of log events ingested, uncompressed (AWS: IncomingBytes)."),
		incomingEvents: ofGroup("incoming_log_events_total", "Log events ingested (AWS: IncomingLogEvents)."),
		folded: prometheus.NewDesc("tributary_metrics_folded",
			`Log groups and subscriptions without series of their own, added up under "other".`, nil, nil),
		perSubscription: []subscriptionMetric{
			{
				of("matched_log_events_total", "Log events that the filter's pattern matched."), counter,
				func(s *delivery.Status) float64 { return float64(s.MatchedEvents) }, false,
			},
			{
				of("forwarded_bytes_total", "Compressed bytes sent to the destination (AWS: ForwardedBytes)."), counter,
				func(s *delivery.Status) float64 { return float64(s.ForwardedBytes) }, false,
			},
			{
				of("forwarded_log_events_total", "Log events sent to the destination (AWS: ForwardedLogEvents)."), counter,
				func(s *delivery.Status) float64 { return float64(s.ForwardedEvents) }, false,
			},
			{
				of("delivery_errors_total", "Log events dropped for good (AWS: DeliveryErrors)."), counter,
				func(s *delivery.Status) float64 { return float64(s.DeliveryErrors) }, false,
			},
			{
				of("delivery_throttling_total", "Log events whose delivery was throttled, each time (AWS: DeliveryThrottling)."), counter,
				func(s *delivery.Status) float64 { return float64(s.DeliveryThrottling) }, false,
			},
			{
				of("delivery_expired_total", "Log events dropped because they could not be delivered for 24 hours; delivery_errors_total has them too."), counter,
				func(s *delivery.Status) float64 { return float64(s.ExpiredEvents) }, false,
			},
			{
				of("subscription_lag_events", "Matching log events that wait behind a destination which does not take them."), gauge,
				func(s *delivery.Status) float64 { return float64(s.LagEvents) }, false,
			},
			{
				of("subscription_lag_seconds", "Age of the oldest log event that has not been dealt with."), gauge,
				func(s *delivery.Status) float64 { return s.Lag.Seconds() }, true,
			},
		},
	}
}

// Describe implements [prometheus.Collector].
func (m *subscriptionMetrics) Describe(to chan<- *prometheus.Desc) {
	to <- m.incomingBytes
	to <- m.incomingEvents
	to <- m.folded
	for i := range m.perSubscription {
		to <- m.perSubscription[i].desc
	}
}

// Collect implements [prometheus.Collector].
func (m *subscriptionMetrics) Collect(to chan<- prometheus.Metric) {
	folded := m.collectGroups(to) + m.collectSubscriptions(to)
	to <- prometheus.MustNewConstMetric(m.folded, prometheus.GaugeValue, float64(folded))
}

func (m *subscriptionMetrics) collectGroups(to chan<- prometheus.Metric) (folded int) {
	groups := slices.SortedFunc(m.incoming(), func(a, b logs.Incoming) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region), cmp.Compare(a.Group, b.Group))
	})
	send := func(in *logs.Incoming) {
		labels := []string{string(in.Account), string(in.Region), in.Group}
		to <- prometheus.MustNewConstMetric(m.incomingBytes, prometheus.CounterValue, float64(in.Bytes), labels...)
		to <- prometheus.MustNewConstMetric(m.incomingEvents, prometheus.CounterValue, float64(in.Events), labels...)
	}
	rest := logs.Incoming{Account: other, Region: other, Group: other}
	for i := range groups {
		if i < m.maxSeries {
			send(&groups[i])
			continue
		}
		folded++
		rest.Events += groups[i].Events
		rest.Bytes += groups[i].Bytes
	}
	if folded > 0 {
		send(&rest)
	}
	return folded
}

// other is the label value of what has no series of its own.
const other = "other"

func (m *subscriptionMetrics) collectSubscriptions(to chan<- prometheus.Metric) (folded int) {
	send := func(values []float64, labels ...string) {
		for i := range m.perSubscription {
			one := &m.perSubscription[i]
			to <- prometheus.MustNewConstMetric(one.desc, one.kind, values[i], labels...)
		}
	}
	values, rest := make([]float64, len(m.perSubscription)), make([]float64, len(m.perSubscription))
	n := 0
	for s := range m.statuses() {
		for i := range m.perSubscription {
			values[i] = m.perSubscription[i].value(&s)
		}
		if n++; n <= m.maxSeries {
			level := "log_group"
			if s.AccountLevel {
				level = "account"
			}
			send(values, string(s.Account), string(s.Region), s.Group, s.Filter, destinationType(&s), level)
			continue
		}
		folded++
		for i, v := range values {
			if m.perSubscription[i].most {
				rest[i] = max(rest[i], v)
			} else {
				rest[i] += v
			}
		}
	}
	if folded > 0 {
		send(rest, other, other, other, other, other, other)
	}
	return folded
}

// destinationType is AWS's DestinationType: the filter may name a stream itself.
func destinationType(s *delivery.Status) string {
	if s.Destination.Parts().Service == "kinesis" {
		return "kinesis"
	}
	return "destination"
}
