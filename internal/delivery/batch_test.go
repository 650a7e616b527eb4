package delivery_test

import (
	"fmt"
	"slices"
	"testing"
)

// All filters of a log group look at one event before any looks at the next, and
// share what is found out about it. None may see what another has left behind.
func TestFiltersOfAGroupDecideEachForItself(t *testing.T) {
	s := begin(t, 1)
	s.makeGroup("g", "a", "b")
	const (
		json  = `{"status":"\u0034\u0030\u0034","text":"say \"hi\""}`
		line  = "10.0.0.1\t\"GET /a\" 404"
		plain = "404 or 500"
		none  = `{"status":"200"`
	)
	filters := []struct {
		name, pattern string
		want          []string
	}{
		{"all", "", []string{json, line, plain, none}},
		{"terms", "404", []string{line, plain}},
		{"json", `{ $.status = 404 }`, []string{json}},
		{"fields", `[ip=10.*, request, status=404]`, []string{line}},
		{"regex", `%hi.?\x22%`, []string{json}},
	}
	for _, f := range filters {
		s.subscribe("g", f.name, f.pattern)
	}
	for _, stream := range []string{"a", "b"} {
		s.put("g", stream, json, line, plain, none)
	}
	s.eventually("both calls are delivered", func() bool { return len(s.messages("all")) == 8 })
	for _, f := range filters {
		if got := s.messages(f.name); !slices.Equal(got, slices.Repeat(f.want, 2)) {
			t.Errorf("%s: got %q, want twice %q", f.name, got, f.want)
		}
	}
	for _, d := range s.read() {
		if d.SubscriptionFilters[0] != "fields" {
			continue
		}
		if got, want := fmt.Sprint(d.LogEvents[0].ExtractedFields), "map[ip:10.0.0.1 request:GET /a status:404]"; got != want {
			t.Errorf("extracted fields: got %s, want %s", got, want)
		}
	}
}
