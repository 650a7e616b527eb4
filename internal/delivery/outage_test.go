package delivery_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"tributary/internal/server"
	"tributary/internal/server/servertest"
)

// What an outage is made of. Nothing is sent that is close to 24 hours old at its end,
// because what becomes of that depends on when it is tried.
const (
	outageLength = 25 * time.Hour
	outageCalls  = 60
	closeTo      = 15 * time.Minute
)

// number is an environment variable's, or what is given.
func number(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// A stream takes nothing for 25 hours, in some of which the server is started again.
// Afterwards everything that is not 24 hours old is delivered, in order; what is older
// is missing only with a count, a line in the log and a range that explain shows.
// OUTAGE_SEEDS is how many such days, from OUTAGE_SEED on.
func TestADayWithoutTheDestination(t *testing.T) {
	from := number(t, "OUTAGE_SEED", 1)
	for seed := range number(t, "OUTAGE_SEEDS", 1) {
		t.Run(fmt.Sprint("seed ", from+seed), func(t *testing.T) { beginOutage(t, uint64(from+seed)).judge() })
	}
}

// An outage is one that is over.
type outage struct {
	*story
	log       *logged
	sent      int
	sentTo    map[string][]string // by log stream, in order
	old       map[string]bool     // messages that are more than 24 hours old at its end
	restarted bool
}

func beginOutage(t *testing.T, seed uint64) *outage {
	random := rand.New(rand.NewPCG(seed, 0))
	c := &clock{}
	o := &outage{log: &logged{lines: map[string]int{}}, sentTo: map[string][]string{}, old: map[string]bool{}}
	o.story = tell(t, servertest.StartWith(t, server.Config{Quotas: "aws", Now: c.Now, Log: slog.New(o.log)}), 1)
	o.makeGroup("g", "a", "b")
	o.subscribe("g", "f", "")
	// The shard is exhausted at the end of the outage; at any time before it is, too.
	c.stop()
	o.exhaust()
	end := c.Now()
	c.jump(-outageLength)
	restart := random.IntN(2 * outageCalls)
	for call := range outageCalls {
		left := end.Sub(c.Now())
		stream := []string{"a", "b"}[random.IntN(2)]
		var messages []string
		for range 1 + random.IntN(4) {
			m := fmt.Sprintf("%s %04d", stream, o.sent)
			o.sent++
			messages = append(messages, m)
			o.old[m] = left > 24*time.Hour
		}
		o.put("g", stream, messages...)
		o.sentTo[stream] = append(o.sentTo[stream], messages...)
		if call == restart {
			o.restarted = true
			o.Stop()
			c.jump(left)
			o.Resume()
			o.exhaust()
			c.jump(-left)
		}
		step := time.Duration(random.Int64N(int64(2 * outageLength / outageCalls)))
		if after := left - step; after > 24*time.Hour-closeTo && after < 24*time.Hour+closeTo {
			step = left - 24*time.Hour + closeTo
		}
		c.jump(min(step, left-time.Minute))
	}
	o.eventually("f is on a detour with all that is not delivered", func() bool {
		f := o.status("f")
		behind, delivered := f["lagEvents"].(float64), f["deliveredEvents"].(float64)
		lost, _ := o.losses("f")
		// At the restart all that had been sent may have been delivered before the shard
		// was exhausted again; without one, nothing has.
		return int(behind+delivered+lost) == o.sent &&
			(delivered == 0 || o.restarted) && (behind == 0 || f["state"] == "RETRYING")
	})
	c.jump(end.Sub(c.Now()))
	c.goOn(3 * time.Second)
	o.eventually("f is live", func() bool {
		lost, _ := o.losses("f")
		return o.isIn("f", "LIVE")() && int(lost)+len(o.messages("f")) >= o.sent
	})
	return o
}

func (o *outage) judge() {
	o.t.Helper()
	got := o.messages("f")
	lost, reasons := o.losses("f")
	if int(lost) == 0 || len(got) == 0 || int(lost)+len(got) != o.sent {
		o.t.Errorf("%d events were sent, %d delivered and %v noted as lost; want some of each and no more", o.sent, len(got), lost)
	}
	if want := []string{"not delivered within 24 hours of ingestion"}; !slices.Equal(reasons, want) {
		o.t.Errorf("reasons: got %q, want %q", reasons, want)
	}
	for stream, sent := range o.sentTo {
		want := slices.DeleteFunc(slices.Clone(sent), func(m string) bool { return o.old[m] && !slices.Contains(got, m) })
		have := slices.DeleteFunc(slices.Clone(got), func(m string) bool { return !strings.HasPrefix(m, stream) })
		if !slices.Equal(have, want) {
			o.t.Errorf("log stream %s: got %q, want %q", stream, have, want)
		}
	}
	if n := o.status("f")["droppedEvents"]; !o.restarted && n != lost { // counted since the start
		o.t.Errorf("%v events are counted as dropped, want %v", n, lost)
	}
	if o.log.count("events of a filter are lost") == 0 {
		o.t.Error("the log says nothing of the loss")
	}
	var explained struct {
		Delivery struct{ Losses []struct{ Events float64 } }
	}
	err := o.As(sender).JSON(o.t.Context(), "tributary", "Tributary_20261121.ExplainDelivery",
		map[string]any{"logGroupArn": "arn:aws:logs:us-east-1:" + sender + ":log-group:g", "filterName": "f"}, &explained)
	if err != nil {
		o.t.Fatal(err)
	}
	shown := 0.0
	for _, l := range explained.Delivery.Losses {
		shown += l.Events
	}
	if shown != lost {
		o.t.Errorf("explain shows %v lost events, want %v", shown, lost)
	}
}

// Logged counts the lines of a log by their message.
type logged struct {
	mu    sync.Mutex
	lines map[string]int // guarded by mu
}

func (l *logged) Enabled(context.Context, slog.Level) bool { return true }

func (l *logged) Handle(_ context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines[r.Message]++
	return nil
}

func (l *logged) WithAttrs([]slog.Attr) slog.Handler { return l }

func (l *logged) WithGroup(string) slog.Handler { return l }

func (l *logged) count(message string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines[message]
}
