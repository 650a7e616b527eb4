package server

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"tributary/internal/durable/broker"
)

// paths puts the few unsigned paths beside the gateway. They show no tenant's
// data. Everything else is the gateway's, whatever its path.
func (s *server) paths(front http.Handler) http.Handler {
	metrics := promhttp.HandlerFor(s.metrics.node, promhttp.HandlerOpts{})
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
	if ills := s.ills(); len(ills) > 0 {
		text(w, http.StatusServiceUnavailable, strings.Join(ills, "\n"))
		return
	}
	text(w, http.StatusOK, "ok")
}

// ills says what is wrong with what is durable. The causes stand in the log: here
// anybody may read.
func (s *server) ills() (list []string) {
	switch err := s.broker.Health(); {
	case errors.Is(err, broker.ErrNoSpace):
		list = append(list, "no space is left for data: nothing can be written")
	case err != nil:
		list = append(list, "the engine cannot write")
	}
	if s.catalog.Health() != nil {
		list = append(list, "the catalog cannot be written any more")
	}
	if n := len(s.journals.Health()); n > 0 {
		list = append(list, fmt.Sprintf("damaged journals: %d", n))
	}
	return list
}

func text(w http.ResponseWriter, status int, line string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = fmt.Fprintln(w, line) // a client that has gone needs no answer
}
