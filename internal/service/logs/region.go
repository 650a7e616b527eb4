package logs

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"tributary/internal/durable/catalog"
	"tributary/internal/durable/journal"
	"tributary/internal/pure/arn"
)

// A regionRecord is the stored record of a Region that has been used: the value
// of its key in the table logs/region.
type regionRecord struct {
	// Journals is the number of ingest journals. It never changes, because it
	// decides which journal is a log stream's.
	Journals int   `json:"journals"`
	Created  int64 `json:"created"` // ms
}

// A region is a Region in use.
type region struct {
	name       arn.Region
	partitions []*partition
}

// A partition is one ingest journal and what is known of its content.
type partition struct {
	name string
	// journal is nil, and err says why, when it cannot be opened: it has lost
	// something. The streams of the other partitions are not affected.
	journal *journal.Journal
	err     error
	index   *index
}

// partition is the one that holds a log stream's events, now and for ever: it is
// computed from the names alone.
func (r *region) partition(id streamName) *partition {
	const offset, prime = 14695981039346656037, 1099511628211 // FNV-1a
	h := uint64(offset)
	for _, part := range [...]string{string(id.Group.Account), id.Group.Name, id.Name} {
		for i := range len(part) {
			h = (h ^ uint64(part[i])) * prime
		}
		h *= prime // a zero byte between the parts
	}
	return r.partitions[h%uint64(len(r.partitions))]
}

// ends is the block with which each ingest journal will go on. While one cannot be
// used its end is not known, and ends is refused: what began now could otherwise
// see events that are older than itself.
func (r *region) ends() ([]uint64, error) {
	blocks := make([]uint64, len(r.partitions))
	for i, p := range r.partitions {
		if p.journal == nil {
			return nil, errUnavailable()
		}
		blocks[i] = p.journal.End().Block
	}
	return blocks, nil
}

func journalName(name arn.Region, number int) string {
	return fmt.Sprintf("ingest-%s-%d", name, number)
}

// regions are the Regions in use.
type regions struct {
	// opening serialises the first uses of Regions. It is held over disk writes;
	// nothing that is held by others is taken under it.
	opening *sync.Mutex

	mu    *sync.RWMutex // guards what follows; a leaf
	open  map[arn.Region]*region
	added chan struct{} // closed when another one is added
}

func newRegions() regions {
	return regions{
		opening: new(sync.Mutex),
		mu:      new(sync.RWMutex),
		open:    map[arn.Region]*region{},
		added:   make(chan struct{}),
	}
}

func (rs *regions) get(name arn.Region) *region {
	rs.mu.RLock()
	defer rs.mu.RUnlock()
	return rs.open[name]
}

// all returns the Regions by name, and a channel that is closed when there is
// another one.
func (rs *regions) all() ([]*region, <-chan struct{}) {
	rs.mu.RLock()
	defer rs.mu.RUnlock()
	list := slices.SortedFunc(maps.Values(rs.open), func(a, b *region) int {
		if a.name < b.name {
			return -1
		}
		return 1
	})
	return list, rs.added
}

func (rs *regions) add(r *region) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	rs.open[r.name] = r
	close(rs.added)
	rs.added = make(chan struct{})
}

// useRegion returns a Region and makes its journals when it is used for the first
// time.
func (s *Service) useRegion(ctx context.Context, name arn.Region) (*region, error) {
	if r := s.regions.get(name); r != nil {
		return r, nil
	}
	s.regions.opening.Lock()
	defer s.regions.opening.Unlock()
	if r := s.regions.get(name); r != nil {
		return r, nil
	}
	key := catalog.KeyOf(string(name))
	rec, _, ok := s.regionTable.Get(key)
	if !ok {
		if s.regionTable.Len() >= s.cfg.MaxRegions {
			return nil, errRegions()
		}
		// The record comes first: from here on the number of journals is fixed, and a
		// crash leaves journals to be made by the next start.
		rec = regionRecord{Journals: s.cfg.IngestJournals, Created: s.now()}
		if _, err := s.regionTable.Create(ctx, key, rec); err != nil {
			return nil, fmt.Errorf("record Region %s: %w", name, err)
		}
	}
	return s.openRegion(ctx, name, rec)
}

func (s *Service) openRegion(ctx context.Context, name arn.Region, rec regionRecord) (*region, error) {
	r := &region{name: name}
	for i := range rec.Journals {
		p := &partition{name: journalName(name, i), index: newIndex(maxChunks)}
		p.journal, p.err = s.cfg.Journals.Create(ctx, p.name, journal.Compress())
		if errors.Is(p.err, journal.ErrExists) {
			p.journal, p.err = s.cfg.Journals.Open(ctx, p.name)
		}
		switch {
		case errors.Is(p.err, journal.ErrQuarantined), errors.Is(p.err, journal.ErrDamaged):
			s.cfg.Log.Error("ingest journal cannot be used", "journal", p.name, "error", p.err)
		case p.err != nil:
			return nil, fmt.Errorf("open ingest journal %s: %w", p.name, p.err)
		}
		r.partitions = append(r.partitions, p)
	}
	s.regions.add(r)
	return r, nil
}

// Regions are the Regions in use, by name, and a channel that is closed when
// there is another one.
func (s *Service) Regions() ([]arn.Region, <-chan struct{}) {
	all, more := s.regions.all()
	names := make([]arn.Region, len(all))
	for i, r := range all {
		names[i] = r.name
	}
	return names, more
}

// IngestJournals are the ingest journals of a Region that can be read, in the
// order of their numbers.
func (s *Service) IngestJournals(name arn.Region) []*journal.Journal {
	r := s.regions.get(name)
	if r == nil {
		return nil
	}
	var list []*journal.Journal
	for _, p := range r.partitions {
		if p.journal != nil {
			list = append(list, p.journal)
		}
	}
	return list
}
