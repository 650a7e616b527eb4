package journal

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"tributary/internal/durable/broker"
	"tributary/internal/durable/catalog"
)

// A record is what the catalog knows of a journal.
type record struct {
	ID       uint64    `json:"id"`
	State    string    `json:"state"`
	Created  time.Time `json:"created"`
	Compress bool      `json:"compress"`
	Slot     int       `json:"slot"`    // of the mark in markFile
	End      uint64    `json:"end"`     // there was a block of this number, some time ago
	Trimmed  uint64    `json:"trimmed"` // blocks up to this number may be gone
}

const (
	stateCreating = "creating" // nobody has it yet
	stateReady    = "ready"
	stateDeleting = "deleting" // nobody has it any more
)

// inspect compares what the engine says of a journal's stream with what was written
// down in the other places.
func (s *Store) inspect(r record, state broker.State, found bool) error {
	end, err := s.markedEnd(r)
	switch {
	case err != nil:
		return err
	case !found:
		return fmt.Errorf("%w: its stream %s has vanished", ErrQuarantined, streamName(r.ID))
	case state.Last < end:
		return fmt.Errorf("%w: it ends with block %d, but block %d was written", ErrQuarantined, state.Last, end)
	case state.First > r.Trimmed+1:
		return fmt.Errorf("%w: it begins with block %d, but is trimmed up to block %d only", ErrQuarantined, state.First, r.Trimmed)
	case state.Missing > 0:
		return fmt.Errorf("%w: %d of its blocks are missing", ErrDamaged, state.Missing)
	}
	return nil
}

// markedEnd returns the number of the last block that is known to have been written.
func (s *Store) markedEnd(r record) (uint64, error) {
	b, ok, err := s.marks.Read(r.Slot)
	if err != nil {
		return 0, err
	}
	// A slot that is empty, damaged or still another journal's says nothing.
	if !ok || len(b) != 16 || binary.LittleEndian.Uint64(b) != r.ID {
		return r.End, nil
	}
	return max(r.End, binary.LittleEndian.Uint64(b[8:])), nil
}

// markEnd notes that a block has been written. It costs a system call, not a disk
// access: the note outlives the process at once and a power cut after syncEvery.
func (j *Journal) markEnd(number uint64) {
	b := binary.LittleEndian.AppendUint64(make([]byte, 0, 16), j.id)
	if err := j.store.marks.Write(j.slot, binary.LittleEndian.AppendUint64(b, number)); err != nil {
		// The block is safe; only the loss of it would be harder to notice.
		j.store.cfg.Log.Warn("note end of journal", "journal", j.name, "error", err)
	}
}

// keepMarks syncs the marks and notes them in the catalog until ctx ends.
func (s *Store) keepMarks(ctx context.Context) {
	save, note := time.NewTicker(syncEvery), time.NewTicker(noteEvery)
	defer save.Stop()
	defer note.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case <-save.C:
			if s.unsynced.Swap(false) {
				err = s.marks.Sync()
			}
		case <-note.C:
			s.adminMu.Lock()
			err = s.noteEnds(ctx)
			s.adminMu.Unlock()
		}
		if err != nil && ctx.Err() == nil {
			s.cfg.Log.Warn("keep marks of journals", "error", err)
		}
	}
}

// noteEnds writes to the catalog how far each journal that has grown reaches. All at
// once, because then they share change sets. adminMu is held.
func (s *Store) noteEnds(ctx context.Context) error {
	open := s.allOpen()
	errs := make([]error, len(open))
	var wg sync.WaitGroup
	for i, j := range open {
		if last := j.End().Block - 1; last != j.noted {
			wg.Go(func() { errs[i] = s.noteEnd(ctx, j, last) })
		}
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (s *Store) noteEnd(ctx context.Context, j *Journal, last uint64) error {
	_, err := s.table.Update(ctx, catalog.KeyOf(j.name), func(r record, exists bool) (record, error) {
		if !exists || r.ID != j.id {
			return r, ErrUnknown
		}
		r.End = max(r.End, last)
		return r, nil
	})
	if err == nil {
		j.noted = last
	}
	return err
}

// slots says which slots of markFile are used.
type slots []bool

func (s *slots) take(slot int) {
	if slot >= len(*s) {
		*s = slices.Concat(*s, make([]bool, slot+1-len(*s)))
	}
	(*s)[slot] = true
}

// free returns the lowest slot that is not used, without taking it.
func (s *slots) free() int {
	if i := slices.Index(*s, false); i >= 0 {
		return i
	}
	return len(*s)
}

func (s *slots) give(slot int) { (*s)[slot] = false }
