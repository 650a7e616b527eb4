package delivery

import (
	"log/slog"
	"testing"
	"time"

	"tributary/internal/service/logs"
)

func TestEnvelopeOfAnAccountPolicyEndsWithItsLevel(t *testing.T) {
	o := origin{owner: "111111111111", group: "g", stream: "s", filter: "p", accountLevel: true}
	got := string(appendEnvelope(nil, o, nil))
	want := `{"messageType":"DATA_MESSAGE","owner":"111111111111","logGroup":"g","logStream":"s","subscriptionFilters":["p"],"logEvents":[],"policyLevel":"ACCOUNT_LEVEL_POLICY"}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestFilterAndAccountPolicyOfOneNameAreCountedApart(t *testing.T) {
	own := &logs.Filter{Account: "111111111111", Region: "us-east-1", Group: "g", Name: "p"}
	policy := &logs.Filter{Account: "111111111111", Region: "us-east-1", Group: "g", Name: "p", AccountLevel: true}
	all := &tallies{log: slog.New(slog.DiscardHandler), now: time.Now, all: map[filterKey]*Tally{}}
	all.forwarded(parcel{packet: &packet{filter: own}, events: 1})
	all.forwarded(parcel{packet: &packet{filter: policy}, events: 2})
	for f, want := range map[*logs.Filter]int64{own: 1, policy: 2} {
		if got := all.of(f).ForwardedEvents; got != want {
			t.Errorf("account level %t: got %d events, want %d", f.AccountLevel, got, want)
		}
	}
}
