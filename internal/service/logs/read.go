package logs

import (
	"context"
	"encoding/binary"
	"strings"

	"tributary/internal/durable/journal"
	"tributary/internal/pure/pattern"
	"tributary/internal/service/api"
)

// tokenLife is how long a token to go on reading lives, in ms.
const tokenLife = millisPerDay

// getLogEvents returns a page of one stream's events, oldest first, ordered by
// time and, for equal times, by acceptance. Without a token it is the newest
// page, or with startFromHead the oldest.
//
// The tokens stand before and behind the page. As in AWS, one that leads to
// nothing comes back as it is, and a page may be short or empty without being
// the last. A token's own direction counts, whatever startFromHead says; AWS
// asks for true with a forward token but takes the token's word, too.
func (s *Service) getLogEvents(ctx context.Context, call *api.Call, in *GetLogEventsInput) (*GetLogEventsOutput, error) {
	group, err := identified(call, in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	id := group.stream(in.LogStreamName)
	g, st, err := s.find(id)
	if err != nil {
		return nil, err
	}
	q := search{
		streams:  map[StreamID]string{st.ID: id.Name},
		from:     max(min(valueOr(in.StartTime, 0), maxTimestamp), g.expiry(s.now())),
		to:       min(valueOr(in.EndTime, maxTimestamp+1)-1, maxTimestamp),
		limit:    int(valueOr(in.Limit, maxReadEvents)),
		budget:   maxSearched,
		match:    func([]byte) bool { return true },
		place:    placeInJournal,
		backward: in.StartFromHead == nil || !*in.StartFromHead,
	}
	binding := eventsBinding(id, st)
	switch {
	case in.NextToken != "":
		if q.boundary, q.backward, err = s.openEventsToken(binding, in.NextToken); err != nil {
			return nil, err
		}
	case q.backward:
		q.boundary = endOfTime
	default:
		q.boundary = EventID{hi: uint64(q.from) << 16}
	}
	f, err := s.searchStreams(ctx, &q, []streamName{id})
	if err != nil {
		return nil, err
	}
	if f.last == endOfTime { // nothing there: whatever comes is new
		f.first = EventID{hi: uint64(q.from) << 16}
		f.last = f.first
	}
	out := &GetLogEventsOutput{
		Events:            make([]OutputLogEvent, len(f.hits)),
		NextForwardToken:  s.eventsToken(binding, forward, f.last),
		NextBackwardToken: s.eventsToken(binding, backward, f.first),
	}
	if len(f.hits) == 0 && !f.more && in.NextToken != "" {
		if q.backward {
			out.NextBackwardToken = in.NextToken
		} else {
			out.NextForwardToken = in.NextToken
		}
	}
	for i := range f.hits {
		h := &f.hits[i]
		out.Events[i] = OutputLogEvent{Timestamp: &h.timestamp, Message: unquote(h.message), IngestionTime: &h.ingested}
	}
	return out, nil
}

// placeInJournal orders the events of one stream by time and, for equal times, by
// acceptance, so that who reads on with a token misses nothing that was accepted
// later with a time that is not earlier.
func placeInJournal(_ *Entry, ev Event, at journal.Position) EventID {
	return EventID{uint64(ev.Timestamp) << 16, at.Block, uint64(at.Index)<<32 | uint64(ev.Index)}
}

// The directions of a token, which are its first letter.
const (
	forward  = "f"
	backward = "b"
)

// eventsBinding says for which stream a token is.
func eventsBinding(id streamName, st stream) string {
	g := id.Group
	return strings.Join([]string{
		string(g.Account), string(g.Region), g.Name, st.Group, id.Name,
		string(binary.BigEndian.AppendUint64(nil, uint64(st.ID))),
	}, "\x00")
}

// eventsToken is f/ or b/, 56 digits that look like an event's id, and the sealed
// boundary.
func (s *Service) eventsToken(binding, direction string, boundary EventID) string {
	return direction + "/" + boundary.String() + "/" + s.tokens.SealText(direction+binding, s.boundaryBytes(boundary))
}

func (s *Service) openEventsToken(binding, token string) (boundary EventID, isBackward bool, err error) {
	parts := strings.Split(token, "/")
	if len(parts) != 3 || parts[0] != forward && parts[0] != backward {
		return EventID{}, false, errInvalidToken()
	}
	plain, err := s.tokens.OpenText(parts[0]+binding, parts[2])
	if err != nil {
		return EventID{}, false, errInvalidToken()
	}
	boundary, err = s.parseBoundary(plain)
	if err != nil || boundary.String() != parts[1] {
		return EventID{}, false, errInvalidToken()
	}
	return boundary, parts[0] == backward, nil
}

// boundaryBytes is the content of a token: when it was made, and the boundary.
func (s *Service) boundaryBytes(b EventID) []byte {
	plain := binary.BigEndian.AppendUint64(nil, uint64(s.now()))
	plain = binary.BigEndian.AppendUint64(plain, b.hi)
	plain = binary.BigEndian.AppendUint64(plain, b.mid)
	return binary.BigEndian.AppendUint64(plain, b.lo)
}

func (s *Service) parseBoundary(plain []byte) (EventID, error) {
	if len(plain) != 32 {
		return EventID{}, errInvalidToken()
	}
	made := int64(binary.BigEndian.Uint64(plain))
	if s.now()-made > tokenLife {
		return EventID{}, errInvalidToken()
	}
	return EventID{
		binary.BigEndian.Uint64(plain[8:]), binary.BigEndian.Uint64(plain[16:]), binary.BigEndian.Uint64(plain[24:]),
	}, nil
}

// earliestTail is 2024-01-01T00:00Z: a search from the end must not begin before.
const earliestTail = 1704067200000

// filterLogEvents returns a page of the matching events of a group's streams, in
// the order of their ids. A page may be short or empty; the last one has no
// token. A search looks at a bounded part of the journals before it answers.
func (s *Service) filterLogEvents(ctx context.Context, call *api.Call, in *FilterLogEventsInput) (*FilterLogEventsOutput, error) {
	id, err := identified(call, in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	if len(in.LogStreamNames) > 0 && in.LogStreamNamePrefix != "" {
		return nil, errNamesAndPrefix()
	}
	wanted, err := pattern.Parse(in.FilterPattern)
	if err != nil {
		return nil, errInvalidPattern()
	}
	g, err := s.group(id)
	if err != nil {
		return nil, err
	}
	q := search{
		from:     max(valueOr(in.StartTime, 0), g.expiry(s.now())),
		to:       min(valueOr(in.EndTime, maxTimestamp), maxTimestamp),
		limit:    int(valueOr(in.Limit, maxReadEvents)),
		budget:   maxSearched,
		match:    wanted.Match,
		place:    func(e *Entry, ev Event, _ journal.Position) EventID { return e.EventID(ev) },
		backward: in.StartFromHead != nil && !*in.StartFromHead,
	}
	if q.backward && in.NextToken == "" && valueOr(in.StartTime, 0) < earliestTail {
		return nil, errTailTooEarly()
	}
	binding := strings.Join([]string{"filter", string(id.Account), string(id.Region), id.Name, g.Generation}, "\x00")
	switch {
	case in.NextToken != "":
		if q.boundary, q.backward, err = s.openFilterToken(binding, in.NextToken); err != nil {
			return nil, err
		}
	case q.backward:
		q.boundary = endOfTime
	}
	names, err := s.selectStreams(id, g, in, &q)
	if err != nil {
		return nil, err
	}
	f, err := s.searchStreams(ctx, &q, names)
	if err != nil {
		return nil, err
	}
	out := &FilterLogEventsOutput{Events: make([]FilteredLogEvent, 0, len(f.hits)), SearchedLogStreams: []SearchedLogStream{}}
	for i := range f.hits {
		h := &f.hits[i]
		out.Events = append(out.Events, FilteredLogEvent{
			LogStreamName: h.stream, Timestamp: &h.timestamp, Message: unquote(h.message),
			IngestionTime: &h.ingested, EventID: h.id.String(),
		})
	}
	if f.more {
		out.NextToken = s.filterToken(binding, q.backward, f)
	}
	return out, nil
}

// selectStreams sets the streams that a request asks for.
func (s *Service) selectStreams(id groupID, g group, in *FilterLogEventsInput, q *search) ([]streamName, error) {
	q.streams = map[StreamID]string{}
	var names []streamName
	if len(in.LogStreamNames) > 0 {
		for _, name := range in.LogStreamNames {
			_, st, err := s.find(id.stream(name))
			if err != nil {
				return nil, err
			}
			q.streams[st.ID] = name
			names = append(names, id.stream(name))
		}
		return names, nil
	}
	for name, st := range s.streamsOf(id, g, in.LogStreamNamePrefix, "") {
		q.streams[st.ID] = name
		names = append(names, id.stream(name))
	}
	return names, nil
}

func (s *Service) filterToken(binding string, isBackward bool, f found) string {
	if isBackward {
		return s.tokens.SealText(binding, append([]byte(backward), s.boundaryBytes(f.first)...))
	}
	return s.tokens.SealText(binding, append([]byte(forward), s.boundaryBytes(f.last)...))
}

func (s *Service) openFilterToken(binding, token string) (boundary EventID, isBackward bool, err error) {
	plain, err := s.tokens.OpenText(binding, token)
	if err != nil || len(plain) == 0 {
		return EventID{}, false, errInvalidToken()
	}
	boundary, err = s.parseBoundary(plain[1:])
	return boundary, string(plain[:1]) == backward, err
}

// searchStreams waits until the index knows what has been acknowledged, and runs
// the search over the blocks in which it saw the streams.
func (s *Service) searchStreams(ctx context.Context, q *search, names []streamName) (found, error) {
	from, to := q.from, q.to
	if q.backward {
		to = min(to, q.boundary.Timestamp())
	} else {
		from = max(from, q.boundary.Timestamp())
	}
	var sources []source
	if len(names) > 0 && from <= to {
		r := s.regions.get(names[0].Group.Region)
		touched := map[*partition]bool{}
		for _, name := range names {
			p := r.partition(name)
			if touched[p] {
				continue
			}
			touched[p] = true
			if err := p.indexed(ctx); err != nil {
				return found{}, err
			}
			sources = append(sources, p.sources(q.streams, from, to)...)
		}
	}
	return q.run(ctx, sources)
}

// valueOr is what a member says, or what counts when it is absent.
func valueOr[N int32 | int64](member *N, otherwise int64) int64 {
	if member == nil {
		return otherwise
	}
	return int64(*member)
}
