package kinesis

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"tributary/internal/durable/catalog"
	"tributary/internal/pure/arn"
	"tributary/internal/service/api"
)

// A consumer is one that is registered for enhanced fan-out: a part of its stream's record,
// so that it is gone when the stream is.
type consumer struct {
	Name string `json:"name"`
	// Created, to the second, is a part of the consumer's ARN, which tells it from an
	// earlier one of its name.
	Created time.Time         `json:"created"`
	Status  string            `json:"status"` // CREATING or ACTIVE
	Tags    map[string]string `json:"tags,omitzero"`
	// Policy says which other accounts may subscribe.
	Policy resourcePolicy `json:"policy,omitzero"`
}

// AWS's quotas of a stream.
const (
	maxConsumers         = 20
	maxConsumersCreating = 5
)

// maxConsumersListed is how many consumers an answer holds without MaxResults.
const maxConsumersListed = 100

// A consumerID names a consumer. Created is zero when it was named without its ARN.
type consumerID struct {
	Stream  streamID
	Name    string
	Created int64 // epoch seconds
}

func (id consumerID) arn() arn.ARN {
	resource := "stream/" + id.Stream.Name + "/consumer/" + id.Name + ":" + strconv.FormatInt(id.Created, 10)
	return arn.New("kinesis", id.Stream.Region, id.Stream.Account, resource)
}

// parseConsumerARN reads the ARN of a consumer; ok is false for every other text.
func parseConsumerARN(text string) (id consumerID, ok bool) {
	before, after, ok := strings.Cut(text, "/consumer/")
	if !ok {
		return consumerID{}, false
	}
	if id.Stream, ok = parseStreamARN(before); !ok {
		return consumerID{}, false
	}
	name, created, ok := strings.Cut(after, ":")
	if !ok || !validName(name) {
		return consumerID{}, false
	}
	seconds, err := strconv.ParseInt(created, 10, 64)
	if err != nil || strconv.FormatInt(seconds, 10) != created { // one text for one consumer
		return consumerID{}, false
	}
	id.Name, id.Created = name, seconds
	return id, true
}

// namedConsumer is the consumer that a request means by ConsumerARN, or by StreamARN
// and ConsumerName, which stay out of use beside it unless they say the same.
func namedConsumer(consumerARN, streamARN, name string) (consumerID, error) {
	var byStream consumerID
	if streamARN != "" {
		stream, ok := parseStreamARN(streamARN)
		if !ok {
			return consumerID{}, errInvalidARN(streamARN)
		}
		byStream = consumerID{Stream: stream, Name: name}
	}
	if consumerARN == "" {
		if streamARN == "" || name == "" {
			return consumerID{}, errNoConsumerNamed()
		}
		return byStream, nil
	}
	id, ok := parseConsumerARN(consumerARN)
	if !ok {
		return consumerID{}, errInvalidConsumerARN(consumerARN)
	}
	if streamARN != "" && byStream.Stream != id.Stream || name != "" && name != id.Name {
		return consumerID{}, errConsumerNamedTwice(id)
	}
	return id, nil
}

// consumer returns the consumer that id names; ok is false when the stream has none.
func (st *stream) consumer(id consumerID) (c *consumer, ok bool) {
	i, ok := st.consumerAt(id.Name)
	if !ok || id.Created != 0 && id.Created != st.Consumers[i].Created.Unix() {
		return nil, false
	}
	return &st.Consumers[i], true
}

// consumerAt is where the consumer of that name is, or belongs.
func (st *stream) consumerAt(name string) (i int, ok bool) {
	return slices.BinarySearchFunc(st.Consumers, name, func(c consumer, name string) int {
		return strings.Compare(c.Name, name)
	})
}

func (c *consumer) id(of streamID) consumerID { return consumerID{of, c.Name, c.Created.Unix()} }

func (c *consumer) wire(of streamID) Consumer {
	return Consumer{
		ConsumerName:              c.Name,
		ConsumerARN:               string(c.id(of).arn()),
		ConsumerStatus:            c.Status,
		ConsumerCreationTimestamp: api.At(c.Created),
	}
}

// lookupConsumer returns a consumer of a stream that the caller may see.
func (s *Service) lookupConsumer(call *api.Call, id consumerID) (stream, *consumer, error) {
	st, _, err := s.inRegion(call, id.Stream)
	if err != nil {
		return stream{}, nil, err
	}
	c, ok := st.consumer(id)
	if !ok || id.Stream.Account != call.Account() && c.Policy.IsZero() {
		return stream{}, nil, errConsumerNotFound(id)
	}
	return st, c, nil
}

// registerStreamConsumer implements RegisterStreamConsumer. The consumer is CREATING
// when the call returns and ACTIVE a few milliseconds later.
//
// AWS's rule: at most 20 consumers of a stream, five of them CREATING.
func (s *Service) registerStreamConsumer(ctx context.Context, call *api.Call, in *RegisterStreamConsumerInput) (*RegisterStreamConsumerOutput, error) {
	id, err := named(call, "", in.StreamARN)
	if err != nil {
		return nil, err
	}
	if _, err := s.lookupUsable(call, id); err != nil {
		return nil, err
	}
	made := consumer{
		Name:    in.ConsumerName,
		Created: s.cfg.Now().UTC().Truncate(time.Second),
		Status:  statusCreating,
		Tags:    in.Tags,
	}
	_, err = s.streams.Update(ctx, id.key(), func(st stream, exists bool) (stream, error) {
		if !exists || !st.usable() {
			return stream{}, errStreamNotFound(id)
		}
		return st.register(id, made)
	})
	if err != nil {
		return nil, fmt.Errorf("register consumer: %w", err)
	}
	s.wakeUp()
	wire := made.wire(id)
	return &RegisterStreamConsumerOutput{&wire}, nil
}

// register is the stream with one consumer more.
func (st stream) register(id streamID, c consumer) (stream, error) {
	at, exists := st.consumerAt(c.Name)
	if exists {
		return stream{}, errConsumerExists(consumerID{Stream: id, Name: c.Name})
	}
	if len(st.Consumers) >= maxConsumers {
		return stream{}, errConsumerLimit(id, maxConsumers, "consumers")
	}
	creating := 0
	for i := range st.Consumers {
		if st.Consumers[i].Status == statusCreating {
			creating++
		}
	}
	if creating >= maxConsumersCreating {
		return stream{}, errConsumerLimit(id, maxConsumersCreating, "consumers in status CREATING")
	}
	st.Consumers = slices.Insert(slices.Clone(st.Consumers), at, c)
	return st, nil
}

// activateConsumers makes all consumers ACTIVE that are not. Nothing has to be made
// for them: the state is there because clients wait for it to end.
func (s *Service) activateConsumers(ctx context.Context) error {
	creating := func(c consumer) bool { return c.Status == statusCreating }
	for k, st := range s.streams.Scan(catalog.KeyOf()) {
		if !slices.ContainsFunc(st.Consumers, creating) {
			continue
		}
		_, err := s.streams.Update(ctx, k, func(st stream, exists bool) (stream, error) {
			if !exists {
				return stream{}, errStreamNotFound(idOfKey(k))
			}
			st.Consumers = slices.Clone(st.Consumers)
			for i := range st.Consumers {
				st.Consumers[i].Status = statusActive
			}
			return st, nil
		})
		if _, gone := api.AsException(err); err != nil && !gone {
			return fmt.Errorf("activate consumers of %s: %w", idOfKey(k).arn(), err)
		}
	}
	return nil
}

// describeStreamConsumer implements DescribeStreamConsumer.
func (s *Service) describeStreamConsumer(_ context.Context, call *api.Call, in *DescribeStreamConsumerInput) (*DescribeStreamConsumerOutput, error) {
	id, err := namedConsumer(in.ConsumerARN, in.StreamARN, in.ConsumerName)
	if err != nil {
		return nil, err
	}
	_, c, err := s.lookupConsumer(call, id)
	if err != nil {
		return nil, err
	}
	return &DescribeStreamConsumerOutput{&ConsumerDescription{
		ConsumerName:              c.Name,
		ConsumerARN:               string(c.id(id.Stream).arn()),
		ConsumerStatus:            c.Status,
		ConsumerCreationTimestamp: api.At(c.Created),
		StreamARN:                 string(id.Stream.arn()),
	}}, nil
}

// listStreamConsumers implements ListStreamConsumers, by name. A
// StreamCreationTimestamp must be that of the stream, which tells it from an earlier
// one of its name.
func (s *Service) listStreamConsumers(_ context.Context, call *api.Call, in *ListStreamConsumersInput) (*ListStreamConsumersOutput, error) {
	id, err := named(call, "", in.StreamARN)
	if err != nil {
		return nil, err
	}
	st, _, err := s.lookup(call, id)
	if err != nil {
		return nil, err
	}
	if t := in.StreamCreationTimestamp; !t.IsZero() && t.Unix() != st.Created.Unix() {
		return nil, errStreamNotFound(id)
	}
	after := ""
	if in.NextToken != "" {
		p, err := s.openPage(call, in.NextToken, pageOfConsumers)
		if err != nil {
			return nil, err
		}
		if p.Stream != id.Name || p.Generation != st.Generation {
			return nil, errInvalidPage()
		}
		after = p.Consumer
	}
	limit := int(valueOr(in.MaxResults, maxConsumersListed))
	out := &ListStreamConsumersOutput{Consumers: []Consumer{}}
	for i := range st.Consumers {
		c := &st.Consumers[i]
		if c.Name <= after {
			continue
		}
		if len(out.Consumers) == limit {
			last := out.Consumers[limit-1].ConsumerName
			out.NextToken = s.sealPage(call, pageToken{
				Kind: pageOfConsumers, Stream: id.Name, Generation: st.Generation, Consumer: last,
			})
			break
		}
		out.Consumers = append(out.Consumers, c.wire(id))
	}
	return out, nil
}

// deregisterStreamConsumer implements DeregisterStreamConsumer. The consumer is gone
// and its subscriptions have been told to end when the call returns; AWS shows it
// as DELETING for a moment.
func (s *Service) deregisterStreamConsumer(ctx context.Context, call *api.Call, in *DeregisterStreamConsumerInput) (*api.Void, error) {
	id, err := namedConsumer(in.ConsumerARN, in.StreamARN, in.ConsumerName)
	if err != nil {
		return nil, err
	}
	if _, _, err := s.lookup(call, id.Stream); err != nil {
		return nil, err
	}
	var (
		generation string
		gone       consumer
	)
	_, err = s.streams.Update(ctx, id.Stream.key(), func(st stream, exists bool) (stream, error) {
		if !exists {
			return stream{}, errConsumerNotFound(id)
		}
		if _, ok := st.consumer(id); !ok {
			return stream{}, errConsumerNotFound(id)
		}
		at, _ := st.consumerAt(id.Name)
		generation, gone = st.Generation, st.Consumers[at]
		st.Consumers = slices.Delete(slices.Clone(st.Consumers), at, at+1)
		return st, nil
	})
	if err != nil {
		return nil, fmt.Errorf("deregister consumer: %w", err)
	}
	s.subscribers.remove(generation, gone.Name, gone.Created.Unix())
	return &api.Void{}, nil
}
