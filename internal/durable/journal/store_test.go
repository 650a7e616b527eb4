package journal

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"tributary/internal/durable/catalog"
)

func TestNamesOfJournals(t *testing.T) {
	dir := t.TempDir()
	e := openEngine(t, dir)
	names := []string{"", "a", "a/b*.>", strings.Repeat("ж", 600)}
	for i, name := range names {
		mustAppend(t, mustCreate(t, e, name), fmt.Sprint(i))
	}
	if _, err := e.store.Create(t.Context(), "a"); !errors.Is(err, ErrExists) {
		t.Errorf("Create twice = %v, want ErrExists", err)
	}
	if _, err := e.store.Open(t.Context(), "b"); !errors.Is(err, ErrUnknown) {
		t.Errorf("Open of an unknown journal = %v, want ErrUnknown", err)
	}
	e.close()

	e = openEngine(t, dir)
	if got := e.store.Names(); !slices.Equal(got, names) {
		t.Errorf("Names = %q, want %q", got, names)
	}
	for i, name := range names {
		got, err := readAll(t, mustOpen(t, e, name), Position{})
		if err != nil || !slices.Equal(got, []string{fmt.Sprintf("1.0=%d", i)}) {
			t.Errorf("journal %d holds %v, %v", i, got, err)
		}
	}
}

func TestDeletedJournalIsGone(t *testing.T) {
	dir := t.TempDir()
	e := openEngine(t, dir)
	old := mustCreate(t, e, "j")
	mustAppend(t, old, "old")
	if err := e.store.Delete(t.Context(), "j"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := old.Append(t.Context(), []byte("x")); !errors.Is(err, ErrClosed) {
		t.Errorf("Append to a deleted journal = %v, want ErrClosed", err)
	}
	if err := e.store.Delete(t.Context(), "j"); !errors.Is(err, ErrUnknown) {
		t.Errorf("Delete twice = %v, want ErrUnknown", err)
	}
	again := mustCreate(t, e, "j")
	if again.id == old.id {
		t.Errorf("id %d is used twice", old.id)
	}
	mustAppend(t, again, "new")
	e.close()
	if got, err := readAll(t, mustOpen(t, openEngine(t, dir), "j"), Position{}); err != nil || !slices.Equal(got, []string{"1.0=new"}) {
		t.Errorf("a journal of the same name holds %v, %v", got, err)
	}
}

func TestCrashDuringCreateOrDelete(t *testing.T) {
	for _, state := range []string{stateCreating, stateDeleting} {
		for _, withStream := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s with stream %v", state, withStream), func(t *testing.T) {
				dir := t.TempDir()
				e := openEngine(t, dir)
				j := mustCreate(t, e, "j")
				_, err := e.store.table.Update(t.Context(), catalog.KeyOf("j"), func(r record, _ bool) (record, error) {
					r.State = state
					return r, nil
				})
				if err != nil {
					t.Fatal(err)
				}
				if !withStream {
					if err := j.stream.Remove(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				e.close()

				e = openEngine(t, dir)
				if _, err := e.store.Open(t.Context(), "j"); !errors.Is(err, ErrUnknown) {
					t.Errorf("Open = %v, want ErrUnknown", err)
				}
				if _, err := j.store.cfg.Broker.Stream(streamName(j.id)).State(t.Context()); err == nil {
					t.Error("the stream is still there")
				}
				mustCreate(t, e, "j")
				if h := e.store.Health(); len(h) != 0 {
					t.Errorf("Health = %v", h)
				}
			})
		}
	}
}

// TestGateAndJournals does what delivery does, while a journal is made, which waits
// for the gate.
func TestGateAndJournals(t *testing.T) {
	dir := t.TempDir()
	e := openEngine(t, dir)
	mustCreate(t, e, "j")
	e.close()
	e = openEngine(t, dir)

	release := e.catalog.Hold()
	created := make(chan error)
	go func() {
		_, err := e.store.Create(t.Context(), "new")
		created <- err
	}()
	for e.store.adminMu.TryLock() { // until Create is under way
		e.store.adminMu.Unlock()
	}
	j := mustOpen(t, e, "j")
	mustAppend(t, j, "under the gate")
	if _, _, err := j.Mark(t.Context(), "lane"); err != nil {
		t.Error(err)
	}
	release()
	if err := <-created; err != nil {
		t.Error(err)
	}
}

func TestManyJournalsAreMadeAndDeletedAtOnce(t *testing.T) {
	e := openEngine(t, t.TempDir())
	mustAppend(t, mustCreate(t, e, "stays"), "here")
	mustAppend(t, mustCreate(t, e, "05"), "kept by CreateAll")
	var names []string
	for i := range 20 {
		names = append(names, fmt.Sprintf("%02d", i))
	}
	for range 2 { // the second time there is nothing left to do
		if err := e.store.CreateAll(t.Context(), names); err != nil {
			t.Fatal(err)
		}
		if got, want := e.store.Names(), append(slices.Clone(names), "stays"); !slices.Equal(got, want) {
			t.Errorf("Names after CreateAll = %q, want %q", got, want)
		}
	}
	if got, err := readAll(t, mustOpen(t, e, "05"), Position{}); err != nil || len(got) != 1 {
		t.Errorf("journal 05 holds %v, %v, want what was in it", got, err)
	}
	for range 2 {
		if err := e.store.DeleteAll(t.Context(), names); err != nil {
			t.Fatal(err)
		}
		if got := e.store.Names(); !slices.Equal(got, []string{"stays"}) {
			t.Errorf("Names after DeleteAll = %q, want stays alone", got)
		}
	}
	// Each of the slots is free again, once.
	taken := map[int]bool{}
	for _, name := range append(names, "one more") {
		mustCreate(t, e, name)
	}
	for _, r := range e.store.table.Scan(catalog.Key{}) {
		if taken[r.Slot] || r.Slot > len(names)+1 {
			t.Errorf("slot %d is taken twice, or not one of the first %d", r.Slot, len(names)+2)
		}
		taken[r.Slot] = true
	}
}
