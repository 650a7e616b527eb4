package model

import (
	"strings"
	"testing"
	"time"
)

// budgets are the runs that make check takes. More of everything at once is more
// states than a minute has room for.
var budgets = map[string]Budget{
	"crashes and failing shards": {Crashes: 2, Failures: 2},
	"revocation":                 {Crashes: 1, Failures: 1, Revocations: 2},
}

func TestProtocolKeepsItsPromises(t *testing.T) {
	for name, b := range budgets {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			states, found := Explore(NoMistake, b)
			t.Logf("%d states in %v", states, time.Since(began).Round(time.Millisecond))
			if found != nil {
				t.Errorf("%s:\n%s", found.Violation, strings.Join(found.Steps, "\n"))
			}
			if states < 10_000 {
				t.Errorf("only %d states: the model does not move", states)
			}
		})
	}
}

func TestEachMistakeIsFound(t *testing.T) {
	for m := MarksIgnored; m < mistakes; m++ {
		t.Run(m.String(), func(t *testing.T) {
			for _, b := range budgets {
				if _, found := Explore(m, b); found != nil {
					t.Logf("%s:\n%s", found.Violation, strings.Join(found.Steps, "\n"))
					return
				}
			}
			t.Error("nothing is found")
		})
	}
}
