package delivery

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"tributary/internal/durable/journal"
)

func TestLossesAreNotedOnceAndBounded(t *testing.T) {
	at := func(block uint64) journal.Position { return journal.Position{Block: block} }
	var r filterRecord
	r.addLoss(Loss{Journal: "a", From: at(1), To: at(3), FromTime: 10, ToTime: 20, Events: 2, Reason: "expired", At: 100})
	r.addLoss(Loss{Journal: "a", From: at(1), To: at(3), FromTime: 10, ToTime: 20, Events: 2, Reason: "expired", At: 200}) // again after a crash
	r.addLoss(Loss{Journal: "a", From: at(3), To: at(4), FromTime: 21, ToTime: 25, Events: 3, Reason: "expired", At: 300})
	r.addLoss(Loss{Journal: "b", From: at(1), To: at(2), Events: -1, Reason: "expired", At: 300})
	r.addLoss(Loss{Journal: "a", From: at(4), To: at(5), FromTime: 26, ToTime: 26, Events: 1, Reason: "refused", At: 400})
	want := []Loss{
		{Journal: "a", From: at(1), To: at(4), FromTime: 10, ToTime: 25, Events: 5, Reason: "expired", At: 300},
		{Journal: "b", From: at(1), To: at(2), Events: -1, Reason: "expired", At: 300},
		{Journal: "a", From: at(4), To: at(5), FromTime: 26, ToTime: 26, Events: 1, Reason: "refused", At: 400},
	}
	if diff := cmp.Diff(want, r.Losses); diff != "" {
		t.Errorf("losses (-want +got):\n%s", diff)
	}
	for i := range uint64(100) {
		r.addLoss(Loss{Journal: "a", From: at(5 + i), To: at(6 + i), Events: 1, Reason: string(rune('a' + i%2))})
	}
	events := int64(0)
	for _, l := range r.Losses {
		if l.Journal == "a" {
			events += l.Events
		}
	}
	if len(r.Losses) > maxLosses || events != 106 {
		t.Errorf("got %d ranges with %d events, want at most %d with 106", len(r.Losses), events, maxLosses)
	}
}
