package logs

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"tributary/internal/durable/catalog"
	"tributary/internal/service/api"
)

// A stream is the stored record of a log stream: the value of its key in the
// table logs/stream. It belongs to one generation of its group; when the group
// is of another, the stream is absent.
type stream struct {
	Group   string   `json:"group"` // generation
	ID      StreamID `json:"id"`
	Created int64    `json:"created"` // ms
}

// createLogStreamInput is CreateLogStreamInput without the bounds on the names'
// length, which AWS checks with a message of its own.
type createLogStreamInput struct {
	LogGroupName  string `json:"logGroupName" required:"true" min:"1" pattern:"[\\.\\-_/#A-Za-z0-9]+"`
	LogStreamName string `json:"logStreamName" required:"true" min:"1" pattern:"[^:*]*"`
}

func (s *Service) createLogStream(ctx context.Context, call *api.Call, in *createLogStreamInput) (*api.Void, error) {
	if max(utf8.RuneCountInString(in.LogGroupName), utf8.RuneCountInString(in.LogStreamName)) > maxNameLength {
		return nil, errNameTooLong()
	}
	id := groupOf(call, in.LogGroupName).stream(in.LogStreamName)
	made := stream{ID: newStreamID(), Created: s.now()}
	_, err := s.streams.Update(ctx, id.key(), func(old stream, exists bool) (stream, error) {
		g, err := s.group(id.Group)
		if err != nil {
			return stream{}, err
		}
		if exists && old.Group == g.Generation {
			return stream{}, errStreamExists()
		}
		made.Group = g.Generation
		return made, nil
	})
	return nil, aborted(err)
}

func newStreamID() StreamID {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return StreamID(binary.BigEndian.Uint64(b[:]))
}

// deleteLogStream removes the stream. Its events are not shown any more; they
// leave the ingest journal with their age.
func (s *Service) deleteLogStream(ctx context.Context, call *api.Call, in *DeleteLogStreamInput) (*api.Void, error) {
	id := groupOf(call, in.LogGroupName).stream(in.LogStreamName)
	g, err := s.group(id.Group)
	if err != nil {
		return nil, err
	}
	if g.Protected {
		return nil, errProtected()
	}
	return nil, remove(ctx, s.streams, id.key(), errNoStream, func(st stream) error {
		if st.Group != g.Generation {
			return errNoStream()
		}
		return nil
	})
}

// find returns a stream and its group, or the refusal that one of them is not
// there.
func (s *Service) find(id streamName) (group, stream, error) {
	g, err := s.group(id.Group)
	if err != nil {
		return group{}, stream{}, err
	}
	st, _, ok := s.streams.Get(id.key())
	if !ok || st.Group != g.Generation {
		return group{}, stream{}, errNoStream()
	}
	return g, st, nil
}

// streamsOf yields the streams of a group whose names begin with prefix, by
// name, from the one after a name.
func (s *Service) streamsOf(id groupID, g group, prefix, after string) func(func(string, stream) bool) {
	return func(yield func(string, stream) bool) {
		for name, st := range beginning(s.streams, prefix, after, string(id.Account), string(id.Region), id.Name) {
			if st.Group == g.Generation && !yield(name, st) {
				return
			}
		}
	}
}

// describeLogStreams lists streams by name or by the time of their last event.
// What it says about events comes from the ingest journals: a stream without
// events there looks like one that was never written to.
func (s *Service) describeLogStreams(ctx context.Context, call *api.Call, in *DescribeLogStreamsInput) (*DescribeLogStreamsOutput, error) {
	id, err := identified(call, in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	byTime := in.OrderBy == "LastEventTime"
	if byTime && in.LogStreamNamePrefix != "" {
		return nil, errOrderWithPrefix()
	}
	g, err := s.group(id)
	if err != nil {
		return nil, err
	}
	descending := in.Descending != nil && *in.Descending
	order := "ascending"
	if descending {
		order = "descending"
	}
	pages := s.pager(call, id.Name, in.LogStreamNamePrefix, in.OrderBy, order)
	after, err := pages.after(in.NextToken)
	if err != nil {
		return nil, err
	}
	if err := s.indexed(ctx, id.Region); err != nil {
		return nil, err
	}
	limit := pageSize(in.Limit)
	first, most := "", math.MaxInt
	if !byTime && !descending { // the table's own order: a page costs what it shows
		first, most = placeName(after), limit+1
	}
	list := s.listStreams(id, g, in.LogStreamNamePrefix, first, most)
	if byTime {
		slices.SortFunc(list, func(a, b listedStream) int { return a.compare(&b, byTime) })
	}
	if descending {
		slices.Reverse(list)
	}
	if after != "" {
		list = list[past(list, after, byTime, descending):]
	}
	out := &DescribeLogStreamsOutput{LogStreams: []LogStream{}}
	for _, l := range list {
		if len(out.LogStreams) == limit {
			break
		}
		out.LogStreams = append(out.LogStreams, l.wire(id))
	}
	if n := len(out.LogStreams); n < len(list) {
		out.NextToken = pages.token(list[n-1].place())
	}
	return out, nil
}

// A listedStream is a stream and what the index knows of its events.
type listedStream struct {
	name string
	stream
	seen summary
}

// listStreams are the streams of a group by name, at most so many, from the one
// after a name.
func (s *Service) listStreams(id groupID, g group, prefix, after string, most int) []listedStream {
	var list []listedStream
	for name, st := range s.streamsOf(id, g, prefix, after) {
		if len(list) == most {
			break
		}
		list = append(list, listedStream{name, st, s.summary(id.stream(name), st.ID)})
	}
	return list
}

// place is where the stream stands in a list, for a token: its last event and its
// name.
func (l *listedStream) place() string {
	return string(binary.BigEndian.AppendUint64(nil, uint64(l.seen.last))) + l.name
}

// placeName is the name in a place, "" when there is no place.
func placeName(place string) string {
	if len(place) < 8 {
		return ""
	}
	return place[8:]
}

// past is the index in the list of the first stream after a place. Where streams
// have moved meanwhile, because events came, they may be seen twice or not.
func past(list []listedStream, place string, byTime, descending bool) int {
	if len(place) < 8 {
		return 0
	}
	at := listedStream{name: place[8:], seen: summary{last: int64(binary.BigEndian.Uint64([]byte(place)))}}
	i := slices.IndexFunc(list, func(l listedStream) bool {
		c := l.compare(&at, byTime)
		return c > 0 && !descending || c < 0 && descending
	})
	if i < 0 {
		return len(list)
	}
	return i
}

func (l *listedStream) compare(other *listedStream, byTime bool) int {
	if byTime && l.seen.last != other.seen.last {
		return cmp.Compare(l.seen.last, other.seen.last)
	}
	return strings.Compare(l.name, other.name)
}

// wire is the stream as the API shows it.
func (l *listedStream) wire(id groupID) LogStream {
	item := LogStream{
		LogStreamName: l.name,
		CreationTime:  &l.Created,
		ARN:           string(id.stream(l.name).arn()),
		StoredBytes:   new(int64), // AWS says 0 since 2019
	}
	if l.seen.events {
		item.FirstEventTimestamp = &l.seen.first
		item.LastEventTimestamp = &l.seen.last
		item.LastIngestionTime = &l.seen.ingested
		item.UploadSequenceToken = NewEventID(l.seen.last, l.seen.ingested, uint64(l.ID), 0).String()
	}
	return item
}

// orphans are the groups whose streams may have to be removed: what DeleteLogGroup
// leaves to Run.
type orphans struct {
	wake chan struct{} // holds a token while there is something to do

	mu     sync.Mutex // guards what follows; a leaf
	groups []groupID
	all    bool // look at every stream: after a start
}

func (o *orphans) add(id groupID) {
	o.mu.Lock()
	o.groups = append(o.groups, id)
	o.mu.Unlock()
	o.signal()
}

func (o *orphans) signal() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

func (o *orphans) take() (groups []groupID, all bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	groups, all = o.groups, o.all
	o.groups, o.all = nil, false
	return groups, all
}

func (s *Service) collectForever(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.orphans.wake:
		}
		groups, all := s.orphans.take()
		prefixes := []catalog.Key{}
		for _, id := range groups {
			prefixes = append(prefixes, id.key())
		}
		if all {
			prefixes = []catalog.Key{{}}
		}
		for _, prefix := range prefixes {
			if err := s.collect(ctx, prefix); err != nil && ctx.Err() == nil {
				// The next start looks at all streams again.
				s.cfg.Log.Warn("remove the streams of a deleted log group", "error", err)
			}
		}
	}
}

// collect removes the streams under a key whose group is gone or another one.
func (s *Service) collect(ctx context.Context, prefix catalog.Key) error {
	for k, st := range s.streams.Scan(prefix) {
		parts := k.Parts()
		g, _, ok := s.groups.Get(catalog.KeyOf(parts[:3]...))
		if ok && g.Generation == st.Group {
			continue
		}
		// Only this record: the name may have been taken by a new stream meanwhile.
		now, rev, ok := s.streams.Get(k)
		if !ok || now != st {
			continue
		}
		if err := s.streams.Delete(ctx, k, rev); err != nil && !errors.Is(err, catalog.ErrConflict) {
			return err
		}
	}
	return nil
}
