package logs

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"

	"tributary/internal/durable/journal"
	"tributary/internal/service/api"
)

// How far from now the time of an event may be, and how far from each other the
// events of one call.
const (
	maxAhead = 2 * 60 * 60 * 1000
	maxAge   = 14 * millisPerDay
	maxSpan  = millisPerDay
)

// putLogEvents makes the events of a call durable in the ingest journal of their
// log stream. When it has returned, they survive a crash, the next read sees
// them, and delivery will meet them.
//
// AWS's rules, as of 2026: events that are too old, expired or too new are left
// out and told of; the others must span no more than 24 hours. Sequence tokens
// and entities are accepted and ignored, and a sequence token is always answered.
func (s *Service) putLogEvents(ctx context.Context, call *api.Call, in *putEventsInput) (*PutLogEventsOutput, error) {
	if in.Scanned == nil {
		if err := in.quote(); err != nil {
			return nil, err
		}
	}
	id := groupOf(call, in.LogGroupName).stream(in.LogStreamName)
	g, st, err := s.find(id)
	if err != nil {
		return nil, err
	}
	now := s.now()
	events := in.Scanned
	if !chronological(events) {
		return nil, errNotChronological()
	}
	first, end, rejected := acceptable(events, now, g.expiry(now))
	accepted := events[first:end]
	if n := len(accepted); n > 0 && accepted[n-1].Timestamp-accepted[0].Timestamp > maxSpan {
		return nil, errSpan()
	}
	e := Entry{
		Account: id.Group.Account, Region: id.Group.Region, Group: id.Group.Name, Stream: id.Name,
		StreamID: st.ID, Ingestion: now, Batch: randomBatch(), First: first,
	}
	if len(accepted) > 0 {
		r, err := s.useRegion(ctx, id.Group.Region)
		if err != nil {
			return nil, err
		}
		p := r.partition(id)
		if p.err != nil {
			return nil, errUnavailable()
		}
		entry := s.entries.Get(entrySize(&e, accepted))
		*entry = appendEntry(*entry, &e, in.Body, accepted)
		switch _, _, err := p.journal.Append(ctx, *entry); {
		case errors.Is(err, journal.ErrQuarantined), errors.Is(err, journal.ErrClosed): // reported by the journal
			return nil, errUnavailable()
		case err != nil:
			return nil, fmt.Errorf("put log events: %w", err)
		}
		s.entries.Put(entry)
		s.incoming.add(id.Group, accepted)
	}
	return &PutLogEventsOutput{
		// Any number that is never the same again will do.
		NextSequenceToken:     NewEventID(now, now, e.Batch, 0).String(),
		RejectedLogEventsInfo: rejected,
	}, nil
}

// quote puts events that came as values, not as a JSON body, into the form of
// those that were scanned, and checks their sizes as the scanner does.
func (in *putEventsInput) quote() error {
	in.Body, in.Scanned = nil, make([]scannedEvent, 0, len(in.LogEvents))
	total := 0
	for _, ev := range in.LogEvents {
		size := len(ev.Message) + eventOverhead
		if size > maxEventSize {
			return errEventTooLarge(size, maxEventSize)
		}
		if total += size; total > maxCallSize {
			continue
		}
		start := len(in.Body)
		// What is not UTF-8 is replaced, which is all that the error would say.
		in.Body, _ = jsontext.AppendQuote(in.Body, ev.Message)
		in.Scanned = append(in.Scanned, scannedEvent{ev.Timestamp, int32(start), int32(len(in.Body))})
	}
	if total > maxCallSize {
		return errUploadTooLarge(total, maxCallSize)
	}
	return nil
}

func chronological(events []scannedEvent) bool {
	for i := 1; i < len(events); i++ {
		if events[i].Timestamp < events[i-1].Timestamp {
			return false
		}
	}
	return true
}

// acceptable is the range of events that are neither too old nor too new, and
// what to tell of the others, nil when there are none. Because events ascend,
// the others stand at both ends. An event that is both expired (before expiry)
// and more than 14 days old counts in both places.
func acceptable(events []scannedEvent, now, expiry int64) (first, end int, rejected *RejectedLogEventsInfo) {
	var info RejectedLogEventsInfo
	before := func(limit int64) int {
		n := 0
		for n < len(events) && events[n].Timestamp < limit {
			n++
		}
		return n
	}
	tooOld, expired, end := before(now-maxAge), before(expiry), before(now+maxAhead+1)
	if tooOld > 0 {
		info.TooOldLogEventEndIndex = index32(tooOld)
	}
	if expired > 0 {
		info.ExpiredLogEventEndIndex = index32(expired)
	}
	if end < len(events) {
		info.TooNewLogEventStartIndex = index32(end)
	}
	if info != (RejectedLogEventsInfo{}) {
		rejected = &info
	}
	return max(tooOld, expired), end, rejected
}

func index32(n int) *int32 {
	i := int32(n)
	return &i
}

// randomBatch is the id of a call. Being random, it keeps the ids of two events
// apart also when the clock gives the same millisecond twice.
func randomBatch() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return binary.BigEndian.Uint64(b[:])
}

// entrySize is room enough for an entry.
func entrySize(e *Entry, events []scannedEvent) int {
	n := 64 + len(e.Account) + len(e.Region) + len(e.Group) + len(e.Stream)
	for i := range events {
		n += int(events[i].End-events[i].Start) + 10
	}
	return n
}
