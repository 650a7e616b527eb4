package kinesis

import "tributary/internal/service/api"

// Table is the service's operations.
func (s *Service) Table() api.Service {
	return api.Service{
		Name:          "kinesis",
		TargetPrefix:  "Kinesis_20131202",
		Protocol:      api.JSON,
		Constraints:   constraints,
		MessageMember: "message",
		Operations: []api.Operation{
			// streams
			api.Define("CreateStream", createTarget, s.createStream),
			api.Define("DeleteStream", onStream("kinesis:DeleteStream",
				func(c *api.Call, in *DeleteStreamInput) (streamID, error) {
					return named(c, in.StreamName, in.StreamARN)
				}), s.deleteStream),
			api.Define("DescribeStream", onStream("kinesis:DescribeStream",
				func(c *api.Call, in *DescribeStreamInput) (streamID, error) {
					return named(c, in.StreamName, in.StreamARN)
				}), s.describeStream),
			api.Define("DescribeStreamSummary", onStream("kinesis:DescribeStreamSummary",
				func(c *api.Call, in *DescribeStreamSummaryInput) (streamID, error) {
					return named(c, in.StreamName, in.StreamARN)
				}), s.describeStreamSummary),
			api.Define("ListStreams", onEverything[ListStreamsInput]("kinesis:ListStreams"), s.listStreams),
			api.Define("ListShards", onStream("kinesis:ListShards", s.listedStream), s.listShards),

			// records
			api.Define("PutRecord", onStream("kinesis:PutRecord",
				func(c *api.Call, in *PutRecordInput) (streamID, error) {
					return named(c, in.StreamName, in.StreamARN)
				}), s.putRecord),
			api.Define("PutRecords", onStream("kinesis:PutRecords",
				func(c *api.Call, in *PutRecordsInput) (streamID, error) {
					return named(c, in.StreamName, in.StreamARN)
				}), s.putRecords),
			api.Define("GetShardIterator", onStream("kinesis:GetShardIterator",
				func(c *api.Call, in *GetShardIteratorInput) (streamID, error) {
					return named(c, in.StreamName, in.StreamARN)
				}), s.getShardIterator),
			api.Define("GetRecords", onStream("kinesis:GetRecords", s.iteratedStream), s.getRecords),
		},
	}
}

// onStream is the target of an operation on one stream: the action on its ARN.
func onStream[In any](action string, stream func(*api.Call, *In) (streamID, error)) func(*api.Call, *In) ([]api.Access, error) {
	return func(call *api.Call, in *In) ([]api.Access, error) {
		id, err := stream(call, in)
		if err != nil {
			return nil, err
		}
		return []api.Access{{Action: action, Resource: string(id.arn())}}, nil
	}
}

// onEverything is the target of an operation for which AWS has no resource.
func onEverything[In any](action string) func(*api.Call, *In) ([]api.Access, error) {
	return func(*api.Call, *In) ([]api.Access, error) {
		return []api.Access{{Action: action, Resource: "*"}}, nil
	}
}

// createTarget asks for AddTagsToStream as well when there are tags, as AWS does.
func createTarget(call *api.Call, in *CreateStreamInput) ([]api.Access, error) {
	resource := string(streamID{call.Account(), call.Region, in.StreamName}.arn())
	accesses := []api.Access{{Action: "kinesis:CreateStream", Resource: resource}}
	if len(in.Tags) > 0 {
		accesses = append(accesses, api.Access{Action: "kinesis:AddTagsToStream", Resource: resource})
	}
	return accesses, nil
}
