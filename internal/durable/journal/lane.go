package journal

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"tributary/internal/durable/broker"
)

// A lane is what its writer in this process knows of it.
type lane struct {
	// last is the number of the lane's last block, 0 when there is none. It is only
	// known while armed.
	last  uint64
	armed bool // Mark has been called and no append has failed since
}

// Mark returns the mark of the lane's last block, and lets this Journal append to the
// lane as long as nobody else does; ok is false when the lane has no block. A lane's
// name has at most 255 bytes.
func (j *Journal) Mark(ctx context.Context, name string) (mark Position, ok bool, err error) {
	if err := checkLane(name); err != nil {
		return Position{}, false, fmt.Errorf("lane of journal %s: %w", j.name, err)
	}
	j.commitMu.Lock()
	defer j.commitMu.Unlock()
	mark, number, err := j.lastOfLane(ctx, name)
	if err != nil {
		return Position{}, false, fmt.Errorf("lane %s of journal %s: %w", name, j.name, err)
	}
	j.lanes[name] = &lane{last: number, armed: true}
	return mark, number != 0, nil
}

// lastOfLane reads the lane's last block. commitMu is held.
func (j *Journal) lastOfLane(ctx context.Context, name string) (mark Position, number uint64, err error) {
	if err := j.settle(); err != nil {
		return Position{}, 0, err
	}
	msg, err := j.stream.Last(ctx, j.laneSubject(name))
	if errors.Is(err, broker.ErrNoMessage) {
		return Position{}, 0, nil
	}
	if err != nil {
		return Position{}, 0, err
	}
	b, err := j.decode(msg)
	if err != nil {
		return Position{}, 0, err
	}
	if b.Lane != name {
		err := fmt.Errorf("%w: block %d is of lane %q", ErrDamaged, b.Number, b.Lane)
		j.store.report(j.name, err)
		return Position{}, 0, err
	}
	return b.Mark, b.Number, nil
}

// AppendFrom makes entries durable in a block of their own that carries mark, which
// Mark returns from then on: by convention the position, in the journal that is
// copied from, one past the last entry that has been dealt with. Entries may be none:
// then only the mark is kept.
//
// The caller must have called Mark on this lane since its last error. ErrFenced means
// that it has not, or that another process has written to the lane since. Else it is
// as Append, also in its errors.
func (j *Journal) AppendFrom(ctx context.Context, name string, mark Position, entries ...[]byte) (first Position, at time.Time, err error) {
	if err := checkLane(name); err != nil {
		return Position{}, time.Time{}, fmt.Errorf("lane of journal %s: %w", j.name, err)
	}
	if len(entries) > 0 {
		if _, err := j.admit(ctx, entries); err != nil {
			return Position{}, time.Time{}, err
		}
	} else if ctx.Err() != nil {
		return Position{}, time.Time{}, context.Cause(ctx)
	}
	j.commitMu.Lock()
	defer j.commitMu.Unlock()
	number, at, err := j.writeLane(ctx, name, Block{Lane: name, Mark: mark, Entries: entries})
	if err != nil {
		return Position{}, time.Time{}, fmt.Errorf("append to journal %s from %s: %w", j.name, name, err)
	}
	return Position{Block: number}, at, nil
}

// writeLane writes a block of a lane. commitMu is held.
func (j *Journal) writeLane(ctx context.Context, name string, b Block) (number uint64, at time.Time, err error) {
	l := j.lanes[name]
	if l == nil || !l.armed {
		return 0, time.Time{}, ErrFenced
	}
	for range maxConflicts {
		number, at, err = j.write(b, j.laneSubject(name), broker.IfLastOfSubject(l.last))
		if err == nil {
			l.last = number
			return number, at, nil
		}
		if !errors.Is(err, broker.ErrConflict) {
			// Whether the mark counts is for Mark to find out.
			l.armed = !errors.Is(err, broker.ErrUnknownOutcome)
			return 0, time.Time{}, err
		}
		// Either the journal is longer than was known, which is no reason to give up,
		// or the lane is.
		_, last, err := j.lastOfLane(ctx, name)
		if err != nil {
			return 0, time.Time{}, err
		}
		if last != l.last {
			l.armed = false
			return 0, time.Time{}, ErrFenced
		}
	}
	return 0, time.Time{}, err
}

func (j *Journal) laneSubject(name string) string {
	return streamName(j.id) + ".l." + laneToken(name)
}

func checkLane(name string) error {
	if name == "" || len(name) > maxLane {
		return fmt.Errorf("name has %d bytes, not 1 to %d", len(name), maxLane)
	}
	return nil
}

// laneToken writes a name as one token of a subject: letters, digits, '-', '_' and
// '/' as they are, any other byte as '=' and two hex digits.
func laneToken(name string) string {
	const hex = "0123456789abcdef"
	var t strings.Builder
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '/':
			t.WriteByte(c)
		default:
			t.Write([]byte{'=', hex[c>>4], hex[c&15]})
		}
	}
	return t.String()
}
