package catalog

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"tributary/internal/durable/broker"
)

const (
	streamName = "catalog"
	subject    = "catalog"

	// How much of the log is asked for at a time.
	fetchMessages = 1024
	fetchBytes    = 4 << 20
)

// load compares the log with the mark and replays it. A log and a mark that were
// never written are made.
func (c *Catalog) load(ctx context.Context, b *broker.Broker) error {
	m, marked, err := readMark(c.marks)
	if err != nil {
		return err
	}
	state, err := c.stream.State(ctx)
	missing := errors.Is(err, broker.ErrNoStream)
	switch {
	case err != nil && !missing:
		return err
	case missing && marked:
		return fmt.Errorf("%w: %s says that there are revisions up to %d, but the stream is gone", ErrDamaged, markFile, m.last)
	case !missing && !marked && state.Last > 0:
		return fmt.Errorf("%w: there are revisions up to %d, but %s is gone", ErrDamaged, state.Last, markFile)
	case missing:
		if _, err := b.Create(ctx, broker.StreamConfig{
			Name: streamName, Subjects: []string{subject}, Note: "catalog; docs/formats/catalog.md",
		}); err != nil {
			return err
		}
	}
	if !marked {
		// New, or a crash came between making the stream and making the mark.
		c.mark = mark{first: 1}
		return c.mark.write(c.marks)
	}
	c.mark = mark{generation: m.generation, first: m.first, last: m.first - 1}
	if err := c.replay(ctx, state, m); err != nil {
		return err
	}
	if state.First < uint64(m.first) { // a crash came between the mark and the purge
		return c.stream.Purge(ctx, uint64(m.first))
	}
	return nil
}

// replay reads the log from m.first to its end and checks that it is all there.
func (c *Catalog) replay(ctx context.Context, state broker.State, m mark) error {
	if state.Last < uint64(m.last) {
		return fmt.Errorf("%w: it ends at revision %d, but revision %d was written", ErrDamaged, state.Last, m.last)
	}
	if state.First > uint64(m.first) {
		return fmt.Errorf("%w: it begins at revision %d, not at %d", ErrDamaged, state.First, m.first)
	}
	for uint64(c.mark.last) < state.Last {
		if err := c.readOn(ctx, m); err != nil {
			return err
		}
	}
	if c.mark.last == m.last {
		return nil
	}
	// A crash came between a change set and its mark. Nobody was told that it was
	// written, but it was, and now it is seen.
	c.mark.generation++
	return c.mark.write(c.marks)
}

// readOn reads what follows c.mark.last and makes it visible. known is a mark to
// check against.
func (c *Catalog) readOn(ctx context.Context, known mark) error {
	messages, err := c.stream.Fetch(ctx, uint64(c.mark.last)+1, fetchMessages, fetchBytes)
	if errors.Is(err, broker.ErrNoMessage) {
		return fmt.Errorf("%w: revision %d cannot be read", ErrDamaged, c.mark.last+1)
	}
	if err != nil {
		return err
	}
	for _, msg := range messages {
		at := c.mark.last + 1
		if Revision(msg.Seq) != at {
			return fmt.Errorf("%w: revision %d is missing", ErrDamaged, at)
		}
		set, own, err := decodeChangeSet(at, msg.Data)
		if err != nil {
			return err
		}
		// What came before the first revision is history and cannot be compared.
		if at > c.mark.first && set.Previous != c.mark.sum.String() {
			return fmt.Errorf("%w: revision %d does not follow revision %d", ErrDamaged, at, at-1)
		}
		if at == known.last && own != known.sum {
			return fmt.Errorf("%w: revision %d is not the one that was written", ErrDamaged, at)
		}
		if err := c.show(at, set.Changes); err != nil {
			return err
		}
		c.mark.last, c.mark.sum = at, own
	}
	return nil
}

// show makes changes read from the log visible.
func (c *Catalog) show(at Revision, changes []change) error {
	c.gate.Lock()
	defer c.gate.Unlock()
	c.tablesMu.Lock()
	defer c.tablesMu.Unlock()
	c.logged += len(changes)
	for _, ch := range changes {
		if err := c.showOne(at, ch); err != nil {
			return fmt.Errorf("revision %d: %w", at, err)
		}
	}
	for _, ch := range changes {
		if t, registered := c.tables[ch.Table]; registered {
			t.touch(cmp.Or(ch.Written, at))
		}
	}
	return nil
}

func (c *Catalog) showOne(at Revision, ch change) error {
	k := KeyOf(ch.Key...)
	if ch.Written != 0 {
		at = ch.Written
	}
	t, registered := c.tables[ch.Table]
	switch {
	case registered && ch.Deleted:
		t.remove(k)
	case registered:
		visible, err := t.stage(k, ch.Schema, ch.Value)
		if err != nil {
			return err
		}
		visible(at)
	case ch.Deleted:
		delete(c.raw[ch.Table], k)
		if len(c.raw[ch.Table]) == 0 {
			delete(c.raw, ch.Table)
		}
	default:
		if c.raw[ch.Table] == nil {
			c.raw[ch.Table] = make(map[Key]rawRow)
		}
		c.raw[ch.Table][k] = rawRow{rev: at, schema: ch.Schema, value: ch.Value}
	}
	return nil
}
