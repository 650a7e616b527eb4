package soak_test

import (
	"context"
	"path/filepath"
	"slices"
	"sync"
	"testing"
)

// orderTrace is what strace has to tell for a proof: enough of each buffer for a
// block that several callers share.
var orderTrace = []string{"-s", "65536", "-e", "trace=read,write,pwrite64,fsync,fdatasync"}

func TestEveryAnswerComesAfterTheFsyncOfWhatItAcknowledges(t *testing.T) {
	r := begin(t, "order", 1, sizes{ci: 200, soak: 5000})
	acks := r.traced(build(t))
	r.done = len(acks)
	r.counts["acknowledged"], r.counts["unsynced"] = len(acks), unsynced(acks)
	if i := slices.IndexFunc(acks, func(a ack) bool { return !a.synced }); i >= 0 {
		t.Errorf("%d of %d answers before an fsync; the first is %v", unsynced(acks), len(acks), acks[i])
	}
	if len(acks) < r.goal {
		t.Errorf("the trace shows %d answers, want %d: the rig does not see what it should", len(acks), r.goal)
	}
}

func TestOrderFindsAServerThatDoesNotSync(t *testing.T) {
	r := begin(t, "order", unlimited, sizes{ci: 50, soak: 50})
	acks := r.traced(faulty(t, withoutSync))
	r.done = len(acks)
	r.counts["acknowledged"], r.counts["unsynced"] = len(acks), unsynced(acks)
	if len(acks) < r.goal || unsynced(acks) < len(acks)*9/10 {
		t.Errorf("%d of %d answers before an fsync; want at least %d answers and nearly all of them", unsynced(acks), len(acks), r.goal)
	}
}

// traced lets several callers write at the same time, each on a connection of its
// own, until the goal is reached, and returns what the trace of the server shows.
func (r *rig) traced(p program) []ack {
	r.Helper()
	s, err := p.start(filepath.Join(r.TempDir(), "data"))
	if err != nil {
		r.Fatal(err)
	}
	defer func() {
		if err := s.Kill(); err != nil {
			r.Error(err)
		}
	}()
	w := newWorld(nil)
	w.server = s
	if err := w.setUp(r.Context()); err != nil {
		r.Fatal(err)
	}
	r.startClock()
	tracer := attach(r, s.PID(), orderTrace...)
	const callers = 4
	var work sync.WaitGroup
	for i := range callers {
		work.Go(func() {
			for n := range (r.goal + callers - 1) / callers {
				if err := w.mark(r.Context(), n, string(lineOf(i)), markerOf(lineOf(i), n)); err != nil {
					r.Errorf("call %d of caller %d: %v", n, i, err)
					return
				}
			}
		})
	}
	work.Wait()
	return prove(tracer.detach(r))
}

// mark makes one of the calls that must be durable when they are answered, with the
// marker where it is stored as it is.
func (w *world) mark(ctx context.Context, n int, line, marker string) error {
	switch n % 4 {
	case 0:
		return w.as(sender).logs(ctx, "CreateLogGroup", object{"logGroupName": marker}, nil)
	case 1:
		return w.as(recipient).kinesis(ctx, "PutRecord", object{"StreamName": "s", "PartitionKey": marker, "Data": []byte("x")}, nil)
	default:
		return w.as(sender).logs(ctx, "PutLogEvents", object{
			"logGroupName": "g", "logStreamName": line,
			"logEvents": []any{object{"timestamp": w.now().UnixMilli(), "message": marker}},
		}, nil)
	}
}

// The rig is wrong unless it tells these traces apart.
func TestProofOfATrace(t *testing.T) {
	const marker = "mark0123456789abcdef01234567"
	const (
		request = `7  read(9<TCP:[127.0.0.1:1->127.0.0.1:2]>, "POST / ` + marker + `", 4096) = 99` + "\n"
		answer  = `7  write(9<TCP:[127.0.0.1:1->127.0.0.1:2]>, "HTTP/1.1 200 OK\r\n", 17) = 17` + "\n"
		refusal = `7  write(9<TCP:[127.0.0.1:1->127.0.0.1:2]>, "HTTP/1.1 503 Service", 17) = 17` + "\n"
		block   = `8  write(5</data/msgs/1.blk>, "TRBJ` + marker + `", 99) = 99` + "\n"
		sync    = `8  fsync(5</data/msgs/1.blk>) = 0` + "\n"
		other   = `8  fsync(6</data/msgs/2.blk>) = 0` + "\n"
		failing = `8  fsync(5</data/msgs/1.blk>) = -1 EIO (Input/output error) (INJECTED)` + "\n"
		begun   = `8  fsync(5</data/msgs/1.blk> <unfinished ...>` + "\n"
		ended   = `8  <... fsync resumed>) = 0` + "\n"
	)
	for _, c := range []struct {
		name, trace string
		acks, bad   int
	}{
		{"synced", request + block + sync + answer, 1, 0},
		{"not synced", request + block + answer + sync, 1, 1},
		{"another file synced", request + block + other + answer, 1, 1},
		{"sync failed", request + block + failing + answer, 1, 1},
		{"written after the sync", request + sync + block + answer, 1, 1},
		{"sync ends before the answer", request + block + begun + ended + answer, 1, 0},
		{"sync ends after the answer", request + block + begun + answer + ended, 1, 1},
		{"written while another sync is under way", request + begun + block + ended + answer, 1, 1},
		{"refused", request + block + refusal, 0, 0},
	} {
		if acks := prove(c.trace); len(acks) != c.acks || unsynced(acks) != c.bad {
			t.Errorf("%s: got %v, want %d with %d not synced", c.name, acks, c.acks, c.bad)
		}
	}
}
