package journal

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// twin returns the journal as another process would have it.
func twin(t *testing.T, j *Journal) *Journal {
	t.Helper()
	r := record{ID: j.id, Slot: j.slot, State: stateReady}
	other := newJournal(j.store, j.name, r)
	if err := other.load(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	return other
}

func mustMark(t *testing.T, j *Journal, lane string, want Position) {
	t.Helper()
	got, ok, err := j.Mark(t.Context(), lane)
	if err != nil || got != want || ok != !want.IsZero() {
		t.Fatalf("Mark(%q) = %v, %v, %v, want %v", lane, got, ok, err, want)
	}
}

func TestLanesKeepTheirMarks(t *testing.T) {
	dir := t.TempDir()
	e := openEngine(t, dir)
	j := mustCreate(t, e, "j")
	lanes := []string{"ingest/us-east-1/3", "ingest/us-east-1/4", "a.b*>\x00ж", strings.Repeat("l", maxLane)}
	for i, lane := range lanes {
		mustMark(t, j, lane, Position{})
		for n := range 3 {
			mark := Position{uint64(10*i + n + 1), uint32(n)}
			p, _, err := j.AppendFrom(t.Context(), lane, mark, []byte("x"), []byte("y"))
			if err != nil || p != j.End().before() {
				t.Fatalf("AppendFrom = %v, %v", p, err)
			}
			mustAppend(t, j, "between") // has no part in it
		}
	}
	e.close()
	e = openEngine(t, dir)
	j = mustOpen(t, e, "j")
	for i, lane := range lanes {
		mustMark(t, j, lane, Position{uint64(10*i + 3), 2})
	}
	b, err := j.ReadBlock(t.Context(), 1)
	if err != nil || b.Lane != lanes[0] || b.Mark != (Position{1, 0}) || len(b.Entries) != 2 {
		t.Errorf("block 1 = %+v, %v", b, err)
	}
}

func (p Position) before() Position { return Position{Block: p.Block - 1} }

func TestMarkWithoutEntries(t *testing.T) {
	j := create(t)
	mustMark(t, j, "l", Position{})
	if _, _, err := j.AppendFrom(t.Context(), "l", Position{5, 1}); err != nil {
		t.Fatal(err)
	}
	mustMark(t, j, "l", Position{5, 1})
	b, ok, err := j.Reader(Position{}).Poll(t.Context())
	if err != nil || !ok || len(b.Entries) != 0 || b.Mark != (Position{5, 1}) {
		t.Errorf("block = %+v, %v, %v", b, ok, err)
	}
}

func TestLaneNeedsMark(t *testing.T) {
	j := create(t)
	if _, _, err := j.AppendFrom(t.Context(), "l", Position{1, 0}, []byte("x")); !errors.Is(err, ErrFenced) {
		t.Errorf("AppendFrom without Mark = %v, want ErrFenced", err)
	}
	for _, name := range []string{"", strings.Repeat("l", maxLane+1)} {
		if _, _, err := j.Mark(t.Context(), name); err == nil {
			t.Errorf("a lane's name may have %d bytes", len(name))
		}
	}
}

func TestSecondWriterOfALaneIsFenced(t *testing.T) {
	j := create(t)
	other := twin(t, j)
	mustMark(t, j, "l", Position{})
	mustMark(t, other, "l", Position{})
	write := func(j *Journal, n uint64) error {
		_, _, err := j.AppendFrom(t.Context(), "l", Position{n, 0}, fmt.Append(nil, n))
		return err
	}
	if err := write(other, 1); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := write(j, 1); !errors.Is(err, ErrFenced) {
			t.Fatalf("the slower writer gets %v, want ErrFenced", err)
		}
	}
	if err := write(other, 2); err != nil {
		t.Errorf("the faster writer gets %v", err)
	}
	// The slower one may take over, and then the other one is the slower.
	mustMark(t, j, "l", Position{2, 0})
	if err := write(j, 3); err != nil {
		t.Error(err)
	}
	if err := write(other, 3); !errors.Is(err, ErrFenced) {
		t.Errorf("the writer that was overtaken gets %v, want ErrFenced", err)
	}
	want := []string{"1.0=1", "2.0=2", "3.0=3"}
	if got, err := readAll(t, twin(t, j), Position{}); err != nil || !slices.Equal(got, want) {
		t.Errorf("journal holds %v, %v, want %v", got, err, want)
	}
}

func TestOthersMayWriteBetween(t *testing.T) {
	j := create(t)
	other := twin(t, j)
	mustMark(t, j, "l", Position{})
	mustMark(t, other, "m", Position{})
	for n := range uint64(5) {
		for _, w := range []struct {
			j    *Journal
			lane string
		}{{j, "l"}, {other, "m"}} {
			if _, _, err := w.j.AppendFrom(t.Context(), w.lane, Position{n + 1, 0}, []byte(w.lane)); err != nil {
				t.Fatal(err)
			}
			mustAppend(t, w.j, "-")
		}
	}
	got, err := readAll(t, other, Position{})
	if err != nil || len(got) != 20 {
		t.Errorf("journal holds %d entries, %v, want 20", len(got), err)
	}
}

func TestLaneOfUnknownOutcomeMustBeReadAgain(t *testing.T) {
	j := create(t)
	mustMark(t, j, "l", Position{})
	other := twin(t, j)
	mustMark(t, other, "l", Position{})
	if _, _, err := other.AppendFrom(t.Context(), "l", Position{1, 0}, []byte("x")); err != nil {
		t.Fatal(err)
	}
	// As after an append whose acknowledgement has been lost, and which arrived.
	j.unsettled = true
	if _, _, err := j.AppendFrom(t.Context(), "l", Position{1, 0}, []byte("x")); !errors.Is(err, ErrFenced) {
		t.Errorf("AppendFrom = %v, want ErrFenced", err)
	}
	mustMark(t, j, "l", Position{1, 0})
}

func TestTrimmedLaneHasNoMark(t *testing.T) {
	j := create(t)
	mustMark(t, j, "l", Position{})
	if _, _, err := j.AppendFrom(t.Context(), "l", Position{1, 0}, []byte("x")); err != nil {
		t.Fatal(err)
	}
	end := mustAppend(t, j, "y")
	if err := j.Trim(t.Context(), end); err != nil {
		t.Fatal(err)
	}
	mustMark(t, j, "l", Position{})
	if _, _, err := j.AppendFrom(t.Context(), "l", Position{2, 0}, []byte("z")); err != nil {
		t.Error(err)
	}
}

func TestLaneTokensAreDistinct(t *testing.T) {
	for name, want := range map[string]string{
		"ingest/us-east-1/3": "ingest/us-east-1/3",
		"a.b":                "a=2eb",
		"a=2eb":              "a=3d2eb",
		"a b>*\n":            "a=20b=3e=2a=0a",
		"ж":                  "=d0=b6",
	} {
		if got := laneToken(name); got != want {
			t.Errorf("laneToken(%q) = %q, want %q", name, got, want)
		}
	}
}
