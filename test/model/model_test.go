package model

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// budgets are what may go wrong at once, the quick runs first. The others are for
// make model.
var budgets = []Budget{
	{Crashes: 1, Failures: 1},
	{Failures: 1, Revocations: 2},
	{Failures: 1, Reshard: Merge},
	{Failures: 1, Reshard: Split},
	{Crashes: 2, Failures: 1},
	{Crashes: 1, Failures: 1, Reshard: Merge},
	{Crashes: 1, Failures: 1, Reshard: Split},
	{Crashes: 1, Failures: 1, Revocations: 1},
	{Crashes: 1, Failures: 2},
}

const quick = 3

func TestProtocolKeepsItsPromises(t *testing.T) {
	for i, b := range budgets {
		t.Run(fmt.Sprintf("%+v", b), func(t *testing.T) {
			if i >= quick && os.Getenv("MODEL") == "" {
				t.Skip("a run for make model")
			}
			began := time.Now()
			states, found := Explore(NoMistake, b)
			t.Logf("%d states in %v", states, time.Since(began).Round(time.Millisecond))
			if found != nil {
				t.Errorf("%s:\n%s", found.Violation, strings.Join(found.Steps, "\n"))
			}
			if states < 1000 || states >= maxStates {
				t.Errorf("got %d states, want more than a thousand and all there are", states)
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
