package catalog

import (
	"context"
	"maps"
	"slices"
)

// copiesPerSet is how many values a change set of copies holds.
const copiesPerSet = 256

// compactWhenAsked keeps the log short until ctx ends.
func (c *Catalog) compactWhenAsked(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.compact:
		}
		if !c.worthCompacting() {
			continue
		}
		if err := c.compactLog(ctx); err != nil && ctx.Err() == nil {
			// The log stays as long as it is; the next write asks again.
			c.log.Warn("compact catalog", "error", err)
		}
	}
}

func (c *Catalog) askToCompact() {
	select {
	case c.compact <- struct{}{}:
	default: // has been asked already
	}
}

func (c *Catalog) worthCompacting() bool {
	c.commitMu.Lock()
	defer c.commitMu.Unlock()
	return c.logged > c.compactAt+2*c.rows()
}

// rows counts the values of all tables.
func (c *Catalog) rows() int {
	n := 0
	for _, t := range c.allTables() {
		n += t.size()
	}
	return n
}

func (c *Catalog) allTables() []table {
	c.tablesMu.Lock()
	defer c.tablesMu.Unlock()
	return slices.Collect(maps.Values(c.tables))
}

// compactLog writes every value that is older than the present end of the log again
// behind it, and removes what lies before. Other writes go on in between. A crash at
// any moment leaves a log that says the same: copies say nothing new, and what is
// removed is history once the mark says so.
func (c *Catalog) compactLog(ctx context.Context) error {
	c.commitMu.Lock()
	end, history := c.mark.last, c.logged
	c.commitMu.Unlock()

	for _, t := range c.allTables() {
		if err := c.copyTable(ctx, t, end); err != nil {
			return err
		}
	}
	if err := c.begin(end + 1); err != nil {
		return err
	}
	c.commitMu.Lock()
	c.logged -= history
	c.commitMu.Unlock()
	return c.stream.Purge(ctx, uint64(end)+1)
}

// copyTable writes copies of a table's values that are not newer than a revision.
func (c *Catalog) copyTable(ctx context.Context, t table, notAfter Revision) error {
	var after Key
	for more := true; more; {
		if err := ctx.Err(); err != nil {
			return err
		}
		var err error
		if after, more, err = c.copyChunk(t, after, notAfter); err != nil {
			return err
		}
	}
	return nil
}

// copyChunk holds commitMu from reading the values until they are written: no change
// of them can come between, so a copy never brings back what has been replaced.
func (c *Catalog) copyChunk(t table, after Key, notAfter Revision) (last Key, more bool, err error) {
	c.commitMu.Lock()
	defer c.commitMu.Unlock()
	if err := c.settle(); err != nil {
		return after, false, err
	}
	changes, last, more, err := t.copies(after, notAfter, copiesPerSet)
	if err != nil || len(changes) == 0 {
		return last, more, err
	}
	_, err = c.write(changes)
	return last, more, err
}

// begin makes first the revision with which the log begins.
func (c *Catalog) begin(first Revision) error {
	c.commitMu.Lock()
	defer c.commitMu.Unlock()
	if err := c.settle(); err != nil {
		return err
	}
	c.mark.first = first
	return c.writeMark()
}
