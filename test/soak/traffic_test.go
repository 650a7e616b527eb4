package soak_test

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/big"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"tributary/internal/client"
	"tributary/test/ledger"
)

const (
	lines    = 6 // writers, each with a log stream of its own
	patience = 60 * time.Second
)

func lineOf(i int) ledger.Line { return ledger.Line("writer-" + strconv.Itoa(i)) }

// Traffic is the load on a world: writers, and a consumer of every shard.
type traffic struct {
	*world
	t       testing.TB
	ctx     context.Context
	writing context.CancelFunc // stops the writers
	reading context.CancelFunc // stops the consumers
	writers sync.WaitGroup
	readers sync.WaitGroup
}

// begin starts the world's server, sets the scene and starts the load. The server
// is killed at the end of the test.
func (w *world) begin(t testing.TB) *traffic {
	t.Helper()
	if err := w.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.kill(t) })
	if err := w.setUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	tr := &traffic{world: w, t: t, ctx: t.Context()}
	tr.write()
	tr.read()
	t.Cleanup(func() {
		tr.writing()
		tr.reading()
		tr.writers.Wait()
		tr.readers.Wait()
	})
	return tr
}

// write starts the writers.
func (tr *traffic) write() {
	ctx, stop := context.WithCancel(tr.ctx)
	tr.writing = stop
	for i := range lines {
		tr.writers.Go(func() { tr.writeLine(ctx, i) })
	}
}

// read starts the consumers.
func (tr *traffic) read() {
	ctx, stop := context.WithCancel(tr.ctx)
	tr.reading = stop
	for i := range tr.shards {
		tr.readers.Go(func() { tr.follow(ctx, fmt.Sprintf("shardId-%012d", i)) })
	}
}

// kill ends the server with SIGKILL.
func (w *world) kill(t testing.TB) {
	t.Helper()
	s, _ := w.current()
	if s == nil {
		return
	}
	if err := s.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("kill the server: %v", err)
	}
}

// restart starts the server again, after it has ended.
func (tr *traffic) restart() {
	tr.t.Helper()
	if err := tr.start(); err != nil {
		tr.t.Fatalf("start again: %v", err)
	}
}

// wait waits until calls have been acknowledged so many times.
func (tr *traffic) wait(calls int) {
	tr.t.Helper()
	for range calls {
		select {
		case <-tr.acks:
		case <-time.After(patience):
			s, _ := tr.current()
			tr.t.Fatalf("no event was acknowledged for %v\n%s", patience, s.Log())
		}
	}
}

// A verdict is what the ledgers say at the end.
type verdict struct {
	Ordered ledger.Counts
	Spread  ledger.Counts
}

func (v verdict) clean() bool { return v.Ordered.Clean() && v.Spread.Clean() }

func (v verdict) String() string {
	return fmt.Sprintf("in order: %v\nspread:   %v", v.Ordered, v.Spread)
}

// finish ends the load, waits for what is on its way, and judges.
func (tr *traffic) finish() verdict {
	tr.t.Helper()
	tr.writing()
	tr.writers.Wait()
	// One more event of each line: when it has been seen, so has everything before
	// it, acknowledged or not.
	for i := range lines {
		if err := tr.put(tr.ctx, lineOf(i), 1); err != nil {
			tr.t.Fatalf("the last event of %s: %v", lineOf(i), err)
		}
	}
	for deadline := time.Now().Add(patience); !tr.complete() && time.Now().Before(deadline); {
		if err := pause(tr.ctx); err != nil {
			break
		}
	}
	tr.reading()
	tr.readers.Wait()
	tr.mu.Lock()
	defer tr.mu.Unlock()
	for _, what := range tr.strange {
		tr.t.Errorf("the stream holds what it should not: %s", what)
	}
	v := verdict{tr.inOrder.Check(), tr.spread.Check()}
	v.Spread.Disordered = 0 // none is promised
	return v
}

func (w *world) complete() bool { return w.inOrder.Complete() && w.spread.Complete() }

// judge fails the rig unless everything acknowledged has arrived once and in order.
func (r *rig) judge(v verdict, w *world) {
	r.Helper()
	r.counts["ordered"], r.counts["spread"] = v.Ordered, v.Spread
	if !v.clean() {
		s, _ := w.current()
		r.Errorf("%v\nnot seen: %v, %v\nseed %d\n%s", v, w.inOrder.Missing(), w.spread.Missing(), r.seed, s.Log())
	}
	if v.Ordered.Acked == 0 {
		r.Error("no event was acknowledged: the rig has shown nothing")
	}
}

// writeLine sends the numbered events of one line, several in a call, until ctx
// ends. After a failure it goes on with the next number: whether the failed ones were
// taken is unknown.
func (w *world) writeLine(ctx context.Context, i int) {
	line := lineOf(i)
	for ctx.Err() == nil {
		_, changed := w.current()
		began := time.Now()
		if err := w.put(context.WithoutCancel(ctx), line, 1+i); err != nil {
			w.refused(began, err)
			select {
			case <-changed:
			case <-ctx.Done():
			case <-time.After(20 * time.Millisecond):
			}
			continue
		}
		select {
		case w.acks <- struct{}{}:
		default:
		}
	}
}

// put sends the line's next events in one call.
func (w *world) put(ctx context.Context, line ledger.Line, count int) error {
	var numbers []int
	var events []object
	for range count {
		n := w.inOrder.Send(line)
		w.spread.Send(line) // the same number: a line has one writer
		numbers = append(numbers, n)
		events = append(events, object{"timestamp": w.now().UnixMilli(), "message": fmt.Sprint(markerOf(line, n), " ", n)})
	}
	var out struct{ RejectedLogEventsInfo object }
	err := w.as(sender).logs(ctx, "PutLogEvents", object{"logGroupName": "g", "logStreamName": string(line), "logEvents": events}, &out)
	if err == nil && out.RejectedLogEventsInfo != nil {
		// The clock jumped after the events got their times.
		err = &client.Refusal{Status: http.StatusOK, Code: "RejectedLogEvents", Message: fmt.Sprint(out.RejectedLogEventsInfo)}
	}
	if w.silent.Load() {
		if err == nil {
			w.unheard.Add(1)
		}
		err = errSilent
	}
	if err != nil {
		return err
	}
	for _, n := range numbers {
		w.inOrder.Acked(line, n)
		w.spread.Acked(line, n)
	}
	return nil
}

// markerOf is a text by which an event is found wherever it is stored: 24 hexadecimal
// digits that no codec shortens.
func markerOf(line ledger.Line, n int) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(line)) // never fails
	return fmt.Sprintf("mark%08x%016x", uint32(n), (h.Sum64()+uint64(n))*0x9e3779b97f4a7c15)
}

// Refusals are the calls that a running server has refused.
type refusals struct {
	first   time.Time     // when the first answer came
	last    time.Time     // when the last one came
	slowest time.Duration // from call to answer
	codes   map[string]int
}

// refused notes that a call which began then failed. Only answers count: a server
// that is gone refuses nothing.
func (w *world) refused(began time.Time, err error) {
	refusal, ok := errors.AsType[*client.Refusal](err)
	if !ok {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	r := &w.refusals
	r.last = time.Now()
	if r.codes == nil {
		r.codes, r.first = map[string]int{}, r.last
	}
	code := fmt.Sprintf("%d %s", refusal.Status, refusal.Code)
	r.codes[code]++
	if refusal.Status != http.StatusServiceUnavailable && (w.tolerated == nil || !w.tolerated(refusal)) {
		w.strange = append(w.strange, fmt.Sprintf("a call was refused with %s: %s", code, refusal.Message))
	}
	r.slowest = max(r.slowest, r.last.Sub(began))
}

// takeRefusals returns what was refused since it was asked last.
func (w *world) takeRefusals() refusals {
	w.mu.Lock()
	defer w.mu.Unlock()
	taken := w.refusals
	w.refusals = refusals{}
	return taken
}

// A record is what GetRecords gives.
type record struct {
	SequenceNumber string
	PartitionKey   string
	Data           []byte
}

// follow follows a shard as a consumer with a checkpoint does: it remembers the
// last sequence number, and goes on behind it after every failure.
func (w *world) follow(ctx context.Context, shard string) {
	checkpoint := ""
	for ctx.Err() == nil {
		iterator, err := w.iterator(ctx, shard, checkpoint)
		for err == nil && ctx.Err() == nil {
			var out struct {
				NextShardIterator string
				Records           []record
			}
			if err = w.as(recipient).kinesis(ctx, "GetRecords", object{"ShardIterator": iterator}, &out); err != nil || w.silent.Load() {
				break
			}
			for _, r := range out.Records {
				if !ascends(checkpoint, r.SequenceNumber) {
					w.wonder("sequence number %s follows %s in %s", r.SequenceNumber, checkpoint, shard)
				}
				w.see(r.Data)
				checkpoint = r.SequenceNumber
			}
			if iterator = out.NextShardIterator; len(out.Records) == 0 && pause(ctx) != nil {
				return
			}
		}
		if pause(ctx) != nil {
			return
		}
	}
}

// ascends reports whether one sequence number comes after the other, which may be
// none.
func ascends(before, after string) bool {
	b, ok := new(big.Int).SetString(after, 10)
	if !ok {
		return false
	}
	a, ok := new(big.Int).SetString(before, 10)
	return !ok || a.Cmp(b) < 0
}

func (w *world) iterator(ctx context.Context, shard, checkpoint string) (string, error) {
	in := object{"StreamName": "s", "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"}
	if checkpoint != "" {
		in["ShardIteratorType"], in["StartingSequenceNumber"] = "AFTER_SEQUENCE_NUMBER", checkpoint
	}
	var out struct{ ShardIterator string }
	err := w.as(recipient).kinesis(ctx, "GetShardIterator", in, &out)
	return out.ShardIterator, err
}

// see notes the events of a record.
func (w *world) see(data []byte) {
	env, err := client.DecodeEnvelope(data)
	if err != nil {
		w.wonder("%v", err)
		return
	}
	if env.MessageType != "DATA_MESSAGE" {
		return
	}
	for _, e := range env.LogEvents {
		_, number, _ := strings.Cut(e.Message, " ")
		n, err := strconv.Atoi(number)
		if err != nil {
			w.wonder("event %q", e.Message)
			continue
		}
		if env.SubscriptionFilters[0] == "spread" {
			w.spread.Seen(ledger.Line(env.LogStream), n)
		} else {
			w.inOrder.Seen(ledger.Line(env.LogStream), n)
		}
	}
}

// percentile is the duration that p in a hundred do not exceed.
func percentile(all []time.Duration, p int) time.Duration {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	return sorted[(len(sorted)*p+99)/100-1]
}
