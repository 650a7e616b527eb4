package delivery_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// attemptsWithin is how often a filter can be tried at most in a time when it fails each
// time: pauses begin with 10 ms and are doubled up to 2 s, and each is half of that at
// least. A slow machine makes fewer.
func attemptsWithin(d time.Duration) int {
	n := 1
	for pause := 5 * time.Millisecond; d >= pause; pause = min(2*pause, time.Second) {
		d -= pause
		n++
	}
	return n
}

// A filter whose shard takes nothing is tried again after a pause, and after a longer
// one each time. Another one on a detour gets on meanwhile, up to where it is live.
func TestADetourThatFailsWaitsAndHoldsUpNoOther(t *testing.T) {
	s, c := beginSlow(t, 1)
	s.subscribe("g", "f", "")
	c.stop()
	s.exhaust()
	s.exhaustStream("t")
	sent := texts("m", 10)
	s.putEach("g", "a", sent)
	s.eventually("both filters are on detours", func() bool { return s.isIn("f", "RETRYING")() && s.isIn("other", "RETRYING")() })
	// The shards that take over have all their throughput, although the clock stands.
	s.Must(recipient, "kinesis", "split-shard", "--stream-name", "t", "--shard-to-split", "shardId-000000000000",
		"--new-starting-hash-key", "170141183460469231731687303715884105728")
	s.eventually("the other filter's events", func() bool { return s.delivered("other") == len(sent) })
	// Each attempt is counted with the events that it is made with.
	tried := func() int { return int(s.status("f")["throttledEvents"].(float64)) }
	since, before := time.Now(), tried()
	s.eventually("f is tried again and again", func() bool { return tried() >= before+4*len(sent) })
	if got, most := tried()-before, attemptsWithin(time.Since(since))*len(sent); got > most {
		t.Fatalf("events of f were tried %d times, want at most %d", got, most)
	}
	s.eventually("the other filter is live", s.isIn("other", "LIVE"))
	if !s.isIn("f", "RETRYING")() {
		t.Errorf("f is %v although its shard takes nothing", s.status("f")["state"])
	}
	c.goOn(3 * time.Second)
	s.eventually("f is live", s.isIn("f", "LIVE"))
	if diff := cmp.Diff(sent, s.messages("f")); diff != "" {
		t.Errorf("events of f (-want +got):\n%s", diff)
	}
}
