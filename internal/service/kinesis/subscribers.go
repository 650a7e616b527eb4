package kinesis

import (
	"context"
	"sync"
	"time"
)

// takeoverAge is how old a subscription must be before another may take over.
const takeoverAge = 5 * time.Second

// subscribers says who is subscribed to which shard: one of a consumer and a shard
// at a time. It is not durable, as connections are not.
type subscribers struct {
	mu   sync.Mutex // guards what follows; a leaf, but for a subscriber's lock
	live map[subscriberKey]*subscriber
	// ended keeps in order what has ended and may stand in live until nobody needs to
	// know any more when it began.
	ended []*subscriber
}

// A subscriberKey names a consumer and a shard for all time.
type subscriberKey struct {
	generation string // of the stream
	consumer   string
	created    int64 // of the consumer
	shard      ShardID
}

// A subscriber is a place in subscribers that one subscription has.
type subscriber struct {
	key   subscriberKey
	begun time.Time

	mu     sync.Mutex // guards what follows; a leaf
	cancel context.CancelFunc
	stirs  bool // it was stirred and has not waited since
	place  place
}

// A place is what has become of a subscriber's place.
type place byte

const (
	placeKept    place = iota
	placeTaken         // another subscription of the consumer has it
	placeRemoved       // the consumer was deregistered
)

func newSubscribers() subscribers { return subscribers{live: map[subscriberKey]*subscriber{}} }

// begin takes a place. It fails when one that was taken less than takeoverAge ago
// is in the way; an older one loses it.
func (s *subscribers) begin(k subscriberKey, now time.Time) (mine *subscriber, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget(now)
	mine = &subscriber{key: k, begun: now}
	if before := s.live[k]; before != nil {
		if now.Sub(before.begun) < takeoverAge {
			return nil, false
		}
		before.lose(placeTaken)
	}
	s.live[k] = mine
	return mine, true
}

// end says that a subscription is over. Its place stays taken for as long as another
// could not have had it.
func (s *subscribers) end(mine *subscriber, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = append(s.ended, mine)
	s.forget(now)
}

// remove removes the places of a consumer that was deregistered: one that is registered
// in the same second has the same key and starts afresh.
func (s *subscribers) remove(generation, consumer string, created int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k, sub := range s.live {
		if k.generation == generation && k.consumer == consumer && k.created == created {
			delete(s.live, k)
			sub.lose(placeRemoved)
		}
	}
}

// forget drops what has ended and is old. mu is held.
func (s *subscribers) forget(now time.Time) {
	kept := s.ended[:0]
	for _, old := range s.ended {
		if now.Sub(old.begun) < takeoverAge {
			kept = append(kept, old)
		} else if s.live[old.key] == old {
			delete(s.live, old.key)
		}
	}
	clear(s.ended[len(kept):])
	s.ended = kept
}

// stir makes every subscription to a stream look at what the stream has become.
func (s *subscribers) stir(generation string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k, sub := range s.live {
		if k.generation == generation {
			sub.stir()
		}
	}
}

// waitWith gives the function that ends the wait which begins now.
func (s *subscriber) waitWith(cancel context.CancelFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cancel = cancel
	if s.stirs {
		cancel()
	}
	s.stirs = false
}

func (s *subscriber) stir() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stirs = true
	if s.cancel != nil {
		s.cancel()
	}
}

func (s *subscriber) lose(how place) {
	s.mu.Lock()
	s.place = how
	s.mu.Unlock()
	s.stir()
}

// has says what has become of its place.
func (s *subscriber) has() place {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.place
}
