package server

import (
	"encoding/json"
	"iter"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"tributary/internal/delivery"
	"tributary/internal/service/logs"
)

func incomingOf(list ...logs.Incoming) func() iter.Seq[logs.Incoming] {
	return func() iter.Seq[logs.Incoming] { return slices.Values(list) }
}

func statusesOf(list ...delivery.Status) func() iter.Seq[delivery.Status] {
	return func() iter.Seq[delivery.Status] { return slices.Values(list) }
}

// gather returns the value of each series of a family, by its labels' values.
func gather(t *testing.T, r *prometheus.Registry, name string) map[string]float64 {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetValue())
			}
			values[strings.Join(labels, " ")] = value(m)
		}
	}
	return values
}

func value(m *dto.Metric) float64 {
	if c := m.GetCounter(); c != nil {
		return c.GetValue()
	}
	return m.GetGauge().GetValue()
}

func TestSeriesBeyondTheBoundAreAddedUp(t *testing.T) {
	of := func(group string, events int64, lag time.Duration) delivery.Status {
		s := delivery.Status{
			Account: "111111111111", Region: "us-east-1", Group: group, Filter: "f", Lag: lag,
			Destination: "arn:aws:logs:us-east-1:999999999999:destination:d",
		}
		s.ForwardedEvents = events
		return s
	}
	m := newMetrics(nil, newSubscriptionMetrics(
		incomingOf(
			logs.Incoming{Account: "111111111111", Region: "us-east-1", Group: "c", Events: 4, Bytes: 40},
			logs.Incoming{Account: "111111111111", Region: "us-east-1", Group: "a", Events: 1, Bytes: 10},
			logs.Incoming{Account: "111111111111", Region: "us-east-1", Group: "b", Events: 2, Bytes: 20},
		),
		statusesOf(of("a", 10, time.Second), of("b", 20, 5*time.Second), of("c", 30, 3*time.Second)), 1))
	for name, want := range map[string]map[string]float64{
		"tributary_incoming_log_events_total":  {"111111111111 a us-east-1": 1, "other other other": 6},
		"tributary_incoming_bytes_total":       {"111111111111 a us-east-1": 10, "other other other": 60},
		"tributary_forwarded_log_events_total": {"111111111111 destination f a log_group us-east-1": 10, "other other other other other other": 50},
		"tributary_subscription_lag_seconds":   {"111111111111 destination f a log_group us-east-1": 1, "other other other other other other": 5},
		"tributary_metrics_folded":             {"": 4},
	} {
		got := gather(t, m.all, name)
		if len(got) != len(want) {
			t.Errorf("%s: got %v, want %v", name, got, want)
			continue
		}
		for labels, v := range want {
			if got[labels] != v {
				t.Errorf("%s{%s}: got %v, want %v", name, labels, got[labels], v)
			}
		}
	}
}

func TestTheDashboardAsksOnlyForMetricsThereAre(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "grafana", "tributary.json"))
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	exported := exportedNames()
	asked := 0
	word := regexp.MustCompile(`tributary_[a-z_]+`)
	for _, p := range dashboard.Panels {
		for _, target := range p.Targets {
			for _, name := range word.FindAllString(target.Expr, -1) {
				asked++
				if !exported[strings.TrimSuffix(name, "_bucket")] {
					t.Errorf("panel %q asks for %s, which is not exported", p.Title, name)
				}
			}
		}
	}
	if asked < len(exported)-2 {
		t.Errorf("the dashboard asks for %d metrics of %d", asked, len(exported))
	}
}

// exportedNames are the names of all metrics of our own.
func exportedNames() map[string]bool {
	m := newMetrics((&server{}).gauges(), newSubscriptionMetrics(incomingOf(), statusesOf(), 1))
	descs := make(chan *prometheus.Desc, 100)
	m.all.Describe(descs)
	close(descs)
	names := map[string]bool{}
	for d := range descs {
		if found := regexp.MustCompile(`fqName: "(tributary_[a-z_]+)"`).FindStringSubmatch(d.String()); found != nil {
			names[found[1]] = true
		}
	}
	return names
}
