package kinesis

import "tributary/internal/service/api"

// Which permissions the operations on consumers ask for: to register and to list on
// the stream's ARN, the others on the consumer's.

// registerConsumerTarget asks for TagResource as well when there are tags, as AWS does.
func registerConsumerTarget(s *Service) target[RegisterStreamConsumerInput] {
	return func(call *api.Call, in *RegisterStreamConsumerInput) ([]api.Access, error) {
		id, err := named(call, "", in.StreamARN)
		if err != nil {
			return nil, err
		}
		a := s.accessTo("RegisterStreamConsumer", id)
		if len(in.Tags) == 0 {
			return []api.Access{a}, nil
		}
		a.Context = requestTags(a.Context, in.Tags, nil)
		tagging := a
		tagging.Action = "kinesis:TagResource"
		return []api.Access{a, tagging}, nil
	}
}

func describeConsumerTarget(s *Service) target[DescribeStreamConsumerInput] {
	return onConsumer(s, "DescribeStreamConsumer", func(in *DescribeStreamConsumerInput) (consumerID, error) {
		return namedConsumer(in.ConsumerARN, in.StreamARN, in.ConsumerName)
	})
}

func deregisterConsumerTarget(s *Service) target[DeregisterStreamConsumerInput] {
	return onConsumer(s, "DeregisterStreamConsumer", func(in *DeregisterStreamConsumerInput) (consumerID, error) {
		return namedConsumer(in.ConsumerARN, in.StreamARN, in.ConsumerName)
	})
}

func subscribeTarget(s *Service) target[SubscribeToShardInput] {
	return onConsumer(s, "SubscribeToShard", func(in *SubscribeToShardInput) (consumerID, error) {
		return namedConsumer(in.ConsumerARN, "", "")
	})
}

// onConsumer is the target of an operation on the consumer that an input names. In a
// refusal another account finds the consumer as it has named it: when it was made,
// which stands in the ARN, or that it is there at all, is not said.
func onConsumer[In any](s *Service, operation string, name func(*In) (consumerID, error)) target[In] {
	return func(call *api.Call, in *In) ([]api.Access, error) {
		id, err := name(in)
		if err != nil {
			return nil, err
		}
		a := s.accessToConsumer(operation, id)
		if id.Stream.Account != call.Account() {
			a.DeniedResource = string(id.arn())
		}
		return []api.Access{a}, nil
	}
}
