package delivery

import (
	"log/slog"
	"sync"

	"tributary/internal/service/logs"
)

// A Tally is what has become of the events of one filter since the server
// started.
type Tally struct {
	ForwardedEvents, ForwardedRecords, ForwardedBytes int64 // bytes after compression
	// DeliveryErrors counts the events that were dropped, LastError says why the
	// last were.
	DeliveryErrors int64
	LastError      string
}

// tallies counts for all filters, and logs a refusal once for as long as
// its reason stays the same.
type tallies struct {
	log *slog.Logger

	mu  sync.Mutex
	all map[filterKey]*Tally // guarded by mu
}

func (t *tallies) of(f *logs.Filter) *Tally {
	key := keyOf(f)
	one := t.all[key]
	if one == nil {
		one = &Tally{}
		t.all[key] = one
	}
	return one
}

// forwarded notes events that are in a shard.
func (t *tallies) forwarded(f *logs.Filter, events, records, bytes int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	one := t.of(f)
	one.ForwardedEvents += int64(events)
	one.ForwardedRecords += int64(records)
	one.ForwardedBytes += int64(bytes)
	if one.LastError != "" {
		t.log.Info("delivery goes on", "account", f.Account, "region", f.Region, "group", f.Group, "filter", f.Name, "dropped", one.DeliveryErrors)
		one.LastError = ""
	}
}

// dropped notes events that are not delivered and will not be.
func (t *tallies) dropped(f *logs.Filter, events int, reason error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	one := t.of(f)
	one.DeliveryErrors += int64(events)
	if text := reason.Error(); text != one.LastError {
		one.LastError = text
		t.log.Warn("events are dropped", "account", f.Account, "region", f.Region, "group", f.Group, "filter", f.Name, "cause", text)
	}
}
