package logs

import (
	"iter"
	"sync"
	"sync/atomic"

	"tributary/internal/pure/arn"
)

// Incoming is what PutLogEvents has accepted into one log group since the server
// started.
type Incoming struct {
	Account arn.AccountID
	Region  arn.Region
	Group   string
	Events  int64
	Bytes   int64 // of the messages, without the 26 for each event that quotas count
}

// incoming counts by log group. Counting an accepted call is two atomic additions.
type incoming struct{ groups sync.Map } // of *count, by groupID

type count struct{ events, bytes atomic.Int64 }

func (in *incoming) add(id groupID, events []scannedEvent) {
	c, ok := in.groups.Load(id)
	if !ok {
		c, _ = in.groups.LoadOrStore(id, &count{})
	}
	bytes := int64(0)
	for i := range events {
		bytes += int64(events[i].End - events[i].Start - 2) // without the quotes
	}
	c.(*count).events.Add(int64(len(events)))
	c.(*count).bytes.Add(bytes)
}

// forget drops the count of a group that is deleted.
func (in *incoming) forget(id groupID) { in.groups.Delete(id) }

// Incoming yields the counts of all log groups that have had events, in no order.
func (s *Service) Incoming() iter.Seq[Incoming] {
	return func(yield func(Incoming) bool) {
		s.incoming.groups.Range(func(key, value any) bool {
			id, c := key.(groupID), value.(*count)
			return yield(Incoming{id.Account, id.Region, id.Name, c.events.Load(), c.bytes.Load()})
		})
	}
}
