package kinesis

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"tributary/internal/durable/journal"
	"tributary/internal/service/api"
)

const (
	// subscriptionLife is how long a subscription lasts.
	subscriptionLife = 5 * time.Minute
	// pulse is the longest silence of a subscription: at its end there is an event
	// without records, or clients would take the connection for dead.
	pulse = 5 * time.Second
	// eventBytes is how much data and partition keys an event holds, unless a single
	// record has more.
	eventBytes = 1 << 20
	// maxEvent is what an event may take in memory: its blocks and its JSON.
	maxEvent = 3 * eventBytes
)

// subscribeToShard implements SubscribeToShard: the records of a shard from a
// position on, each pushed when it has been put. A subscription lasts five minutes
// and then ends; the client goes on after the ContinuationSequenceNumber of the last
// event. At the end of a closed shard that number is null, ChildShards are named, and
// the stream ends.
//
// AWS's rule: of a consumer and a shard there is one subscription. Within five
// seconds of a successful call another is refused, later it takes over.
//
// Ours: the first event comes at once, also without records, so that a client knows
// from the beginning where it would go on.
func (s *Service) subscribeToShard(ctx context.Context, call *api.Call, in *SubscribeToShardInput) (api.EventStream, error) {
	id, err := namedConsumer(in.ConsumerARN, "", "")
	if err != nil {
		return nil, err
	}
	st, c, err := s.lookupConsumer(call, id)
	if err != nil {
		return nil, err
	}
	if c.Status != statusActive {
		return nil, errConsumerNotActive(id, c)
	}
	shardID, ok := parseShardID(in.ShardID)
	if !ok {
		return nil, errShardUnparsable(id.Stream, in.ShardID)
	}
	sh, ok := st.shard(shardID)
	if !ok || !st.usable() {
		return nil, errShardNotFound(id.Stream, shardID)
	}
	at, err := s.startOf(ctx, id.Stream, &st, sh, &GetShardIteratorInput{
		ShardIteratorType:      in.StartingPosition.Type,
		StartingSequenceNumber: in.StartingPosition.SequenceNumber,
		Timestamp:              in.StartingPosition.Timestamp,
	})
	if err != nil {
		return nil, err
	}
	if valueOr(in.DryRun, false) {
		return nil, errDryRun()
	}
	sub := &subscription{
		s: s, consumer: id, generation: st.Generation, shard: shardID,
		at: at, ends: s.cfg.Now().Add(subscriptionLife),
	}
	if !sh.Passage {
		if err := sub.open(ctx, &st, sh); err != nil {
			return nil, s.unlessGone(id.Stream, &st, sh, fmt.Errorf("open %s of %s: %w", shardID, id.Stream.arn(), err))
		}
	}
	if sub.mine, ok = s.subscribers.begin(subscriberKey{st.Generation, id.Name, id.Created, shardID}, s.cfg.Now()); !ok {
		return nil, errSubscribed(id, c, shardID)
	}
	return sub, nil
}

// open opens the shard's journal and finds where a reader would go on that has been
// told nothing yet.
func (sub *subscription) open(ctx context.Context, st *stream, sh *shard) (err error) {
	if sub.journal, err = sub.s.cfg.Journals.Open(ctx, st.journal(sh.ID)); err != nil {
		return err
	}
	sub.continuation, err = continuation(ctx, sub.journal, sh, sub.at)
	return err
}

// continuation is the number after which a reader goes on that has read everything
// before a position: that of the record before it, or where the shard begins.
func continuation(ctx context.Context, j *journal.Journal, sh *shard, at journal.Position) (string, error) {
	for at.Compare(j.Start()) > 0 {
		number := at.Block
		if at.Index == 0 {
			number--
		}
		b, err := j.ReadBlock(ctx, number)
		if errors.Is(err, journal.ErrTrimmed) {
			break
		}
		if err != nil {
			return "", fmt.Errorf("find the record before %s: %w", at, err)
		}
		last := len(b.Entries)
		if at.Index > 0 {
			last = min(last, int(at.Index))
		}
		if last > 0 {
			return sh.sequenceOf(journal.Position{Block: number, Index: uint32(last - 1)}, b.Time).String(), nil
		}
		at = journal.Position{Block: number} // a block with a mark and no records
	}
	return sh.firstSequence().String(), nil
}

// A subscription is one call of SubscribeToShard.
type subscription struct {
	s          *Service
	consumer   consumerID
	generation string // of the stream
	shard      ShardID
	journal    *journal.Journal // nil for a passage
	mine       *subscriber
	ends       time.Time

	at           journal.Position // of the next record
	continuation string           // what the last event said
	begun        bool             // the first event has been told
	behind       bool             // there were more records than the last event took
	finished     bool             // the end of the shard has been told
	broken       error            // why the journal cannot be waited for any more
}

// Ready waits for a record, for the end, or for the time of an event without records.
func (sub *subscription) Ready(ctx context.Context) error {
	if !sub.begun || sub.behind || sub.finished {
		return ctx.Err()
	}
	silence := min(pulse, sub.ends.Sub(sub.s.cfg.Now()))
	wait, cancel := context.WithTimeout(ctx, silence)
	defer cancel()
	sub.mine.waitWith(cancel)
	if err := sub.journal.Wait(wait, sub.at); err != nil && wait.Err() == nil {
		sub.broken = err // the journal takes nothing more, which nobody can wait for
	}
	return ctx.Err()
}

// Next returns what there is to tell.
func (sub *subscription) Next(ctx context.Context) (api.Event, error) {
	if sub.finished || !sub.s.cfg.Now().Before(sub.ends) {
		return api.Event{}, io.EOF
	}
	st, sh, err := sub.current()
	if err != nil {
		return api.Event{}, err
	}
	// Whether the shard is open is known from before its records are read: none comes
	// after it has been closed.
	event, atTip := &shardEvent{SubscribeToShardEvent: SubscribeToShardEvent{Records: []Record{}}}, true
	if !sh.Passage {
		if atTip, err = sub.read(ctx, st, sh, event); err != nil {
			err = fmt.Errorf("read %s of %s: %w", sub.shard, sub.consumer.Stream.arn(), err)
			return api.Event{}, sub.s.unlessGone(sub.consumer.Stream, st, sh, err)
		}
	}
	sub.begun, sub.behind = true, !atTip
	if n := len(event.Records); n > 0 {
		sub.continuation = event.Records[n-1].SequenceNumber
	}
	event.ContinuationSequenceNumber = sub.continuation
	if atTip && !sh.open() {
		sub.finished = true
		event.ContinuationSequenceNumber = ""
		event.ChildShards = st.childShards(sh.ID)
	}
	return api.Event{Name: "SubscribeToShardEvent", Payload: event}, nil
}

// read puts the next records into an event.
func (sub *subscription) read(ctx context.Context, st *stream, sh *shard, event *shardEvent) (atTip bool, err error) {
	if sub.broken != nil {
		return false, sub.broken
	}
	r := recordReader{
		shard: sh, journal: sub.journal, shared: sub.s.shared,
		horizon: st.horizon(sub.s.expiryClock()),
		limit:   maxRecords, bytes: eventBytes,
	}
	if err := r.read(ctx, sub.at); err != nil {
		return false, err
	}
	sub.at, event.Records, event.runs = r.next, r.records, r.runs
	if !r.atTip {
		event.MillisBehindLatest = max(1, sub.s.cfg.Now().Sub(r.newest).Milliseconds())
	}
	return r.atTip, nil
}

// current is the stream and the shard as they are now, if this is still the
// subscription of its consumer to it.
func (sub *subscription) current() (*stream, *shard, error) {
	id := sub.consumer
	st, _, ok := sub.s.streams.Get(id.Stream.key())
	if !ok || st.Generation != sub.generation || !st.usable() {
		return nil, nil, errStreamNotFound(id.Stream)
	}
	c, ok := st.consumer(id)
	place := sub.mine.has()
	if !ok || place == placeRemoved {
		return nil, nil, errConsumerNotFound(id)
	}
	if place == placeTaken {
		return nil, nil, errSubscribed(id, c, sub.shard)
	}
	sh, ok := st.shard(sub.shard)
	if !ok {
		return nil, nil, errShardNotFound(id.Stream, sub.shard)
	}
	return &st, sh, nil
}

// Close makes room for the consumer's next subscription.
func (sub *subscription) Close() { sub.s.subscribers.end(sub.mine, sub.s.cfg.Now()) }
