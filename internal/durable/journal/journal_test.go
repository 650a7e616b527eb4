package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/bits"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tributary/internal/durable/broker"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("JOURNAL_TEST_DIR"); dir != "" {
		os.Exit(child(dir))
	}
	os.Exit(m.Run())
}

// create makes a journal in a directory of its own.
func create(t *testing.T, opts ...Option) *Journal {
	t.Helper()
	return mustCreate(t, openEngine(t, t.TempDir()), "j", opts...)
}

func mustCreate(t *testing.T, e *engine, name string, opts ...Option) *Journal {
	t.Helper()
	j, err := e.store.Create(t.Context(), name, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func mustOpen(t *testing.T, e *engine, name string) *Journal {
	t.Helper()
	j, err := e.store.Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func mustAppend(t *testing.T, j *Journal, entries ...string) Position {
	t.Helper()
	var b [][]byte
	for _, e := range entries {
		b = append(b, []byte(e))
	}
	p, _, err := j.Append(t.Context(), b...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// readAll returns the entries from a position to the end, as POSITION=ENTRY.
func readAll(t *testing.T, j *Journal, from Position) ([]string, error) {
	t.Helper()
	var all []string
	r := j.Reader(from)
	for {
		b, ok, err := r.Poll(t.Context())
		if err != nil || !ok {
			return all, err
		}
		for i, e := range b.Entries {
			all = append(all, fmt.Sprintf("%v=%s", b.Position(i), e))
		}
	}
}

func TestAppendAndRead(t *testing.T) {
	for _, cache := range []int{0, 1} { // from memory and from the engine
		t.Run(fmt.Sprintf("cache=%d", cache), func(t *testing.T) {
			dir := t.TempDir()
			e := openEngine(t, dir)
			e.store.recent.limit = max(cache*100, e.store.recent.limit*(1-cache))
			j := mustCreate(t, e, "j")
			if j.Start() != (Position{1, 0}) || j.End() != (Position{1, 0}) {
				t.Errorf("empty journal is from %v to %v", j.Start(), j.End())
			}
			for i, step := range []struct {
				entries []string
				want    Position
			}{
				{[]string{"a"}, Position{1, 0}},
				{[]string{"b", "", "c"}, Position{2, 0}},
				{[]string{strings.Repeat("d", 100)}, Position{3, 0}},
			} {
				if got := mustAppend(t, j, step.entries...); got != step.want {
					t.Errorf("append %d is at %v, want %v", i, got, step.want)
				}
			}
			want := []string{"1.0=a", "2.0=b", "2.1=", "2.2=c", "3.0=" + strings.Repeat("d", 100)}
			check := func(j *Journal) {
				t.Helper()
				for _, c := range []struct {
					from Position
					want []string
				}{
					{Position{}, want},
					{Position{1, 0}, want},
					{Position{1, 1}, want[1:]}, // one past the end of a block
					{Position{2, 1}, want[2:]},
					{Position{2, 7}, want[4:]},
					{Position{3, 0}, want[4:]},
					{Position{4, 0}, nil},
				} {
					got, err := readAll(t, j, c.from)
					if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
						t.Errorf("from %v: %v, want -, got +:\n%s", c.from, err, diff)
					}
				}
				if j.End() != (Position{4, 0}) {
					t.Errorf("End = %v, want 4.0", j.End())
				}
			}
			check(j)
			e.close()
			check(mustOpen(t, openEngine(t, dir), "j"))
		})
	}
}

func TestBlockHasTheTimeOfTheClock(t *testing.T) {
	e := openEngine(t, t.TempDir())
	var now time.Time
	e.store.cfg.Now = func() time.Time { return now }
	j := mustCreate(t, e, "j")
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.FixedZone("", 3600))
	for i, c := range []struct{ clock, want time.Duration }{
		{0, 0},
		{1500 * time.Microsecond, time.Millisecond},
		{time.Hour, time.Hour},
		{time.Minute, time.Hour}, // the clock goes back, the journal does not
		{2 * time.Hour, 2 * time.Hour},
	} {
		now = start.Add(c.clock)
		_, at, err := j.Append(t.Context(), []byte("x"))
		if err != nil || !at.Equal(start.Add(c.want)) || at.Location() != time.UTC {
			t.Errorf("append %d is at %v, %v, want %v in UTC", i, at, err, start.Add(c.want).UTC())
		}
	}
	for _, c := range []struct {
		at   time.Duration
		want uint64
	}{
		{-time.Hour, 1},
		{0, 1},
		{1, 2},
		{time.Millisecond, 2},
		{time.Minute, 3},
		{time.Hour, 3},
		{90 * time.Minute, 5},
		{3 * time.Hour, 6},
	} {
		if got, err := j.SeekTime(t.Context(), start.Add(c.at)); got != (Position{c.want, 0}) || err != nil {
			t.Errorf("SeekTime(start + %v) = %v, %v, want block %d", c.at, got, err, c.want)
		}
	}
}

// Blocks in the middle of a long journal are in no memory: each costs the engine a file
// of some MiB. What is sought near the end is found without a look at the beginning, which
// may be damaged.
func TestSeekTimeKeepsToTheNearerEnd(t *testing.T) {
	const from = 7
	for _, length := range []uint64{0, 1, 2, 3, 4, 5, 7, 8, 9, 63, 64, 65, 126, 127, 128, 129, 300, 1000} {
		for want := uint64(from); want <= from+length; want++ {
			end := from + length
			fromEnd := end - want + 1
			near := min(want-from+1, fromEnd)
			probes := 0
			got, err := firstNot(from, end, func(number uint64) (bool, error) {
				probes++
				if number < from || number >= end {
					t.Fatalf("%d of %d to %d: %d is looked at", want, from, end, number)
				}
				back, most := end-number, 4*near+recentBlocks
				if fromEnd < recentBlocks {
					most = 4 * fromEnd
				}
				if back > most && (fromEnd < recentBlocks || number-from > most) {
					t.Errorf("%d of %d to %d: %d is looked at", want, from, end, number)
				}
				return number < want, nil
			})
			if got != want || err != nil || probes > 3*bits.Len64(near)+bits.Len(recentBlocks)+2 {
				t.Errorf("%d of %d to %d: got %d, %v after %d probes", want, from, end, got, err, probes)
			}
		}
	}
	failure := errors.New("unreadable")
	if _, err := firstNot(0, 9, func(uint64) (bool, error) { return false, failure }); !errors.Is(err, failure) {
		t.Errorf("a block that cannot be read: %v", err)
	}
}

// A seek that has found a block which is trimmed before it ends leads to what is left.
func TestSeekTimeBesideTrim(t *testing.T) {
	j := fromEngine(t, 4)
	if _, err := readAll(t, j, Position{Block: 4}); err != nil { // so that block 4 alone is in memory
		t.Fatal(err)
	}
	if !j.store.reads.TryAcquire(j.store.cfg.ReadBytes) {
		t.Fatal("nothing is being read, and not all of the memory is free")
	}
	type answer struct {
		at  Position
		err error
	}
	sought := make(chan answer, 1)
	go func() {
		at, err := j.SeekTime(t.Context(), time.Time{})
		sought <- answer{at, err}
	}()
	for range 100 { // in which time it comes to a block that is not in memory
		if _, err := j.stream.Get(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
	}
	mustAppend(t, j, "5")
	if err := j.Trim(t.Context(), Position{Block: 5}); err != nil {
		t.Fatal(err)
	}
	j.store.reads.Release(j.store.cfg.ReadBytes)
	if got := <-sought; got.err != nil || got.at != j.Start() {
		t.Errorf("SeekTime = %v, %v, want Start, %v", got.at, got.err, j.Start())
	}
}

func TestAppendRefuses(t *testing.T) {
	j := create(t)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := j.Append(ended, []byte("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended context: %v", err)
	}
	if _, _, err := j.Append(t.Context()); err == nil {
		t.Error("append of nothing succeeds")
	}
	if _, _, err := j.Append(t.Context(), make([]byte, MaxAppend-3)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("more than MaxAppend: %v, want ErrTooLarge", err)
	}
	if p, _, err := j.Append(t.Context(), make([]byte, MaxAppend-4)); err != nil || p != (Position{1, 0}) {
		t.Errorf("MaxAppend: %v, %v, want block 1", p, err)
	}
	if b, err := j.ReadBlock(t.Context(), 1); err != nil || len(b.Entries[0]) != MaxAppend-4 {
		t.Errorf("the largest block is read with %v", err)
	}
}

func TestConcurrentAppendsShareBlocksAndKeepOrder(t *testing.T) {
	const writers, calls = 64, 50
	j := create(t)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			var last Position
			for n := range calls {
				// Two entries a call: they must stay next to each other.
				p, _, err := j.Append(t.Context(), fmt.Appendf(nil, "%d %d", w, 2*n), fmt.Appendf(nil, "%d %d", w, 2*n+1))
				if err != nil {
					t.Error(err)
					return
				}
				if p.Compare(last) <= 0 {
					t.Errorf("writer %d: append %d is at %v, the one before at %v", w, n, p, last)
				}
				last = p
			}
		})
	}
	// One reader follows while they write.
	next := make([]int, writers)
	r := j.Reader(Position{})
	for seen := 0; seen < writers*calls*2; {
		b, err := r.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var before int
		for i, e := range b.Entries {
			var w, n int
			if _, err := fmt.Sscan(string(e), &w, &n); err != nil {
				t.Fatal(err)
			}
			if n != next[w] {
				t.Fatalf("%v: writer %d's entry is %d, want %d", b.Position(i), w, n, next[w])
			}
			if n%2 == 1 && before != w {
				t.Fatalf("%v: writer %d's entries are not together", b.Position(i), w)
			}
			next[w]++
			before = w
			seen++
		}
	}
	wg.Wait()
	if blocks := j.End().Block - 1; blocks > writers*calls/2 {
		t.Errorf("%d calls of %d writers made %d blocks", writers*calls, writers, blocks)
	}
}

func TestReaderFollowsTheEnd(t *testing.T) {
	j := create(t)
	r := j.Reader(Position{})
	if _, ok, err := r.Poll(t.Context()); ok || err != nil {
		t.Errorf("Poll of an empty journal = %v, %v", ok, err)
	}
	got := make(chan Block)
	go func() {
		for {
			b, err := r.Next(t.Context())
			if err != nil {
				close(got)
				return
			}
			got <- b
		}
	}()
	for i := range 5 {
		mustAppend(t, j, fmt.Sprint(i))
		if b := <-got; b.Number != uint64(i+1) || string(b.Entries[0]) != fmt.Sprint(i) {
			t.Fatalf("read block %d with %q, want %d with %d", b.Number, b.Entries, i+1, i)
		}
	}
	if err := j.store.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, ok := <-got; ok {
		t.Error("a reader goes on after Close")
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	j := create(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("enough")
	done := make(chan error)
	go func() { done <- j.Wait(ctx, j.End()) }()
	cancel(cause)
	if err := <-done; err != cause {
		t.Errorf("Wait = %v, want %v", err, cause)
	}
}

func TestClosedStore(t *testing.T) {
	e := openEngine(t, t.TempDir())
	j := mustCreate(t, e, "j")
	mustAppend(t, j, "a")
	for range 2 {
		if err := e.store.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for name, do := range map[string]func() error{
		"Append": func() error { _, _, err := j.Append(t.Context(), []byte("b")); return err },
		"Wait":   func() error { return j.Wait(t.Context(), j.End()) },
		"Mark":   func() error { _, _, err := j.Mark(t.Context(), "l"); return err },
		"Trim":   func() error { return j.Trim(t.Context(), j.End()) },
		"Create": func() error { _, err := e.store.Create(t.Context(), "k"); return err },
		"Open":   func() error { _, err := e.store.Open(t.Context(), "j"); return err },
	} {
		if err := do(); !errors.Is(err, ErrClosed) {
			t.Errorf("%s = %v, want ErrClosed", name, err)
		}
	}
}

func TestCompression(t *testing.T) {
	e := openEngine(t, t.TempDir())
	text := bytes.Repeat([]byte(`{"level":"info","message":"hello"}`), 1000)
	noise := make([]byte, 20_000)
	state := uint32(1)
	for i := range noise {
		state = state*1664525 + 1013904223
		noise[i] = byte(state >> 24)
	}
	small := []byte("small")
	for _, c := range []struct {
		name  string
		opts  []Option
		entry []byte
		want  byte
	}{
		{"text", []Option{Compress()}, text, codecS2},
		{"noise", []Option{Compress()}, noise, codecNone},
		{"small", []Option{Compress()}, small, codecNone},
		{"text not asked for", nil, text, codecNone},
	} {
		j := mustCreate(t, e, c.name, c.opts...)
		if _, _, err := j.Append(t.Context(), c.entry, small); err != nil {
			t.Fatal(err)
		}
		msg, err := j.stream.Get(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		if got := msg.Data[5]; got != c.want {
			t.Errorf("%s: codec %d, want %d", c.name, got, c.want)
		}
		b, err := j.read(t.Context(), 1)
		if err != nil || !cmp.Equal(b.Entries, [][]byte{c.entry, small}) {
			t.Errorf("%s: read %d entries, %v", c.name, len(b.Entries), err)
		}
	}
}

func TestTrim(t *testing.T) {
	dir := t.TempDir()
	e := openEngine(t, dir)
	j := mustCreate(t, e, "j")
	for i := range 6 {
		mustAppend(t, j, fmt.Sprint(i+1))
	}
	behind := j.Reader(Position{2, 0})
	e.store.recent.drop(j.id)
	for _, c := range []struct{ before, want Position }{
		{Position{}, Position{1, 0}},
		{Position{1, 5}, Position{1, 0}},
		{Position{4, 2}, Position{4, 0}}, // whole blocks only
		{Position{3, 0}, Position{4, 0}}, // gone already
		{Position{99, 0}, Position{6, 0}},
	} {
		if err := j.Trim(t.Context(), c.before); err != nil || j.Start() != c.want {
			t.Errorf("Trim(%v) = %v, Start = %v, want %v", c.before, err, j.Start(), c.want)
		}
	}
	if _, err := behind.Next(t.Context()); !errors.Is(err, ErrTrimmed) {
		t.Errorf("a reader that stands before Start gets %v, want ErrTrimmed", err)
	}
	if _, err := j.ReadBlock(t.Context(), 2); !errors.Is(err, ErrTrimmed) {
		t.Errorf("ReadBlock of a trimmed block = %v, want ErrTrimmed", err)
	}
	e.close()

	e = openEngine(t, dir)
	j = mustOpen(t, e, "j")
	if j.Start() != (Position{6, 0}) || len(e.store.Health()) != 0 {
		t.Errorf("after reopening: Start = %v, Health = %v", j.Start(), e.store.Health())
	}
	mustAppend(t, j, "7")
	if got, err := readAll(t, j, Position{}); err != nil || !slices.Equal(got, []string{"6.0=6", "7.0=7"}) {
		t.Errorf("after reopening: %v, %v", got, err)
	}
}

func TestPositionBytesKeepOrder(t *testing.T) {
	ascending := []Position{{}, {0, 1}, {1, 0}, {1, 1}, {1, 300}, {2, 0}, {1 << 40, 7}}
	var before []byte
	for _, p := range ascending {
		b, err := p.MarshalBinary()
		if err != nil || bytes.Compare(before, b) >= 0 {
			t.Errorf("%v is written %x, after %x, %v", p, b, before, err)
		}
		var got Position
		if err := got.UnmarshalBinary(b); err != nil || got != p {
			t.Errorf("%x is read as %v, %v, want %v", b, got, err, p)
		}
		before = b
	}
	if err := new(Position).UnmarshalBinary(make([]byte, 11)); err == nil {
		t.Error("11 bytes are a position")
	}
}

// lateBlock makes a block arrive that the journal does not know of, as one whose
// outcome was unknown does, or another process's.
func lateBlock(t *testing.T, j *Journal, entry string) {
	t.Helper()
	stored, _ := encode(j.id, Block{Number: j.End().Block, Time: time.UnixMilli(1), Entries: [][]byte{[]byte(entry)}}, false, nil)
	if _, err := j.stream.Publish(streamName(j.id)+".a", stored); err != nil {
		t.Fatal(err)
	}
}

func TestBlockOfUnknownOutcomeIsFoundOut(t *testing.T) {
	for _, known := range []bool{true, false} { // that the outcome is unknown
		j := create(t)
		mustAppend(t, j, "a")
		lateBlock(t, j, "late")
		j.unsettled = known
		if p := mustAppend(t, j, "b"); p != (Position{3, 0}) {
			t.Errorf("append is at %v, want 3.0", p)
		}
		want := []string{"1.0=a", "2.0=late", "3.0=b"}
		if got, err := readAll(t, j, Position{}); err != nil || !slices.Equal(got, want) {
			t.Errorf("journal holds %v, %v, want %v", got, err, want)
		}
	}
}

// What the next Poll takes is known where the block is in memory; else it is taken for as
// large as the largest one.
func TestReaderKnowsWhatABlockCosts(t *testing.T) {
	e := openEngine(t, t.TempDir())
	j := mustCreate(t, e, "j")
	large, small := strings.Repeat("x", 50_000), "x"
	for _, entry := range []string{small, large, small} {
		mustAppend(t, j, entry)
	}
	about := func(n int64, entry string) bool { return n >= int64(len(entry)) && n < int64(len(entry))+1000 }
	poll := func(r *Reader) {
		t.Helper()
		if _, ok, err := r.Poll(t.Context()); !ok || err != nil {
			t.Fatalf("Poll = %t, %v", ok, err)
		}
	}
	r := j.Reader(Position{})
	for _, entry := range []string{small, large, small} {
		if block, others := r.Cost(); !about(block, entry) || others != 0 {
			t.Errorf("in memory, %d bytes: cost %d and %d", len(entry), block, others)
		}
		poll(r)
	}
	if block, others := r.Cost(); block != 0 || others != 0 {
		t.Errorf("at the end: cost %d and %d, want none", block, others)
	}
	j.store.forgetBlocks(j.id)
	r = j.Reader(Position{})
	if block, others := r.Cost(); !about(block, large) || others != aheadBytes {
		t.Errorf("not in memory: cost %d and %d, want that of the largest block, and of others", block, others)
	}
	poll(r)
	if block, others := r.Cost(); !about(block, large) || others != 0 {
		t.Errorf("read with the one before: cost %d and %d, want that of the block", block, others)
	}
}

func TestReaderSeesNothingBeforeItIsAcknowledged(t *testing.T) {
	e := openEngine(t, t.TempDir())
	e.store.recent.limit = 0
	j := mustCreate(t, e, "j")
	mustAppend(t, j, "a")
	lateBlock(t, j, "late")
	if got, err := readAll(t, j, Position{}); err != nil || !slices.Equal(got, []string{"1.0=a"}) {
		t.Errorf("reader sees %v, %v", got, err)
	}
	if _, err := j.ReadBlock(t.Context(), 2); err == nil || errors.Is(err, broker.ErrNoMessage) {
		t.Errorf("ReadBlock of a block that is not acknowledged: %v", err)
	}
}
