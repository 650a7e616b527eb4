package logs

import (
	"context"

	"tributary/internal/pure/pattern"
	"tributary/internal/service/api"
)

// testMetricFilter applies a pattern to messages that are in the request. Of a
// space-delimited pattern it shows the fields of each match, their names with a
// "$" in front; other patterns have none. Messages are counted from 1.
func (s *Service) testMetricFilter(_ context.Context, _ *api.Call, in *TestMetricFilterInput) (*TestMetricFilterOutput, error) {
	p, err := pattern.Parse(in.FilterPattern)
	if err != nil {
		return nil, errInvalidMetricPattern()
	}
	out := &TestMetricFilterOutput{Matches: []MetricFilterMatchRecord{}}
	var fields []pattern.Field
	for i, message := range in.LogEventMessages {
		var ok bool
		if fields, ok = p.ExtractText(message, fields[:0]); !ok {
			continue
		}
		values := make(map[string]string, len(fields))
		for _, f := range fields {
			values["$"+f.Name] = f.Value
		}
		number := int64(i + 1)
		out.Matches = append(out.Matches, MetricFilterMatchRecord{EventNumber: &number, EventMessage: message, ExtractedValues: values})
	}
	return out, nil
}
