package catalog

import (
	"context"
	"errors"
	"testing"

	"tributary/internal/durable/broker"
)

// A write becomes true while something is in doubt, and returns when nothing is that
// was before.
func TestWritesReturnWhenDoubtsAreSettled(t *testing.T) {
	e := open(t, t.TempDir(), Config{})
	table := e.roles(t)
	k := KeyOf("k")
	rev := mustCreate(t, table, k, role{Name: "old"})

	release := e.catalog.Hold()
	first, second := e.catalog.Doubt(), e.catalog.Doubt()
	release()
	visible := table.Revision()
	returned := make(chan error, 1)
	go func() {
		_, err := table.Replace(t.Context(), k, role{Name: "new"}, rev)
		returned <- err
	}()
	for table.Revision() == visible {
		if _, err := e.catalog.stream.State(t.Context()); err != nil { // lets time pass
			t.Fatal(err)
		}
	}
	first()
	select {
	case err := <-returned:
		t.Fatalf("the write returned %v with a doubt left", err)
	default:
	}
	second()
	if err := <-returned; err != nil {
		t.Errorf("when all doubts are settled: %v", err)
	}
}

func TestAWriteThatCannotWaitForDoubtsDoesNotSucceed(t *testing.T) {
	e := open(t, t.TempDir(), Config{})
	table := e.roles(t)
	notes := NewTable[int](e.catalog, "notes", Notes())
	settled := e.catalog.Doubt()
	if _, err := notes.Create(t.Context(), KeyOf("k"), 1); err != nil {
		t.Errorf("a note: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	visible := table.Revision()
	go func() {
		for table.Revision() == visible {
			if _, err := e.catalog.stream.State(t.Context()); err != nil {
				break
			}
		}
		cancel()
	}()
	_, err := table.Create(ctx, KeyOf("k"), role{Name: "r"})
	if !errors.Is(err, broker.ErrUnknownOutcome) {
		t.Errorf("a write in doubt: got %v, want ErrUnknownOutcome", err)
	}
	if v, _, _ := table.Get(KeyOf("k")); v.Name != "r" {
		t.Errorf("the value is %q, want what was written", v.Name)
	}
	settled()
	if _, err := table.Create(t.Context(), KeyOf("l"), role{}); err != nil {
		t.Errorf("without a doubt: %v", err)
	}
}
