package gateway_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"tributary/internal/service/api"
)

// A thing is the input and the output of Echo: every kind of member.
type thing struct {
	Text   string            `json:"text,omitzero" max:"2097152"`
	Count  *int64            `json:"count,omitzero" min:"1"`
	At     api.Timestamp     `json:"at,omitzero"`
	Data   []byte            `json:"data,omitzero"`
	Flag   bool              `json:"flag,omitzero"`
	Names  []string          `json:"names,omitzero"`
	Labels map[string]string `json:"labels,omitzero"`
	Inner  *thing            `json:"inner,omitzero"`
	Things []thing           `json:"things,omitzero"`
}

type nothing struct{}

type scanned struct {
	Length int64 `json:"length"`
}

// hotOutput writes itself.
type hotOutput struct {
	Text string `json:"text"`
}

func (o *hotOutput) AppendJSON(dst []byte) []byte { return append(dst, `{"text":"by itself"}`...) }

func (o *hotOutput) JSONSize() int { return 32 }

func testServices(w *wire) []api.Service {
	operations := func(withScan bool) []api.Operation {
		ops := []api.Operation{
			define(w, "Echo", func(in *thing) (*thing, error) { return in, nil }),
			define(w, "NoInput", func(*nothing) (*thing, error) { return &thing{Text: "x"}, nil }),
			define(w, "Void", func(*thing) (*api.Void, error) { return nil, nil }),
			define(w, "Hot", func(*nothing) (*hotOutput, error) { return &hotOutput{}, nil }),
			define(w, "Large", func(*nothing) (*thing, error) { return &thing{Text: strings.Repeat("x", largeAnswer)}, nil }),
			define(w, "Refuse", func(*nothing) (*thing, error) {
				return nil, &api.Exception{Code: "TooManyTagsException", Message: `no "more"`, Status: 400, Members: map[string]any{"resourceName": "r", "count": 2}}
			}),
			define(w, "Unavailable", func(*nothing) (*thing, error) {
				return nil, fmt.Errorf("append: %w", api.RefuseStatus(503, "ServiceUnavailableException", "journal is read only"))
			}),
			define(w, "Fail", func(*nothing) (*thing, error) { return nil, errors.New("disk\nis full") }),
			define(w, "Outage", func(*nothing) (*thing, error) { return nil, fmt.Errorf("put record: %w", outage{}) }),
			define(w, "Panic", func(*nothing) (*thing, error) { panic("a promise was broken") }),
		}
		if withScan {
			ops = append(ops, api.WithScanner(
				define(w, "Scan", func(in *scanned) (*scanned, error) { return in, nil }),
				func(body []byte) (*scanned, error) {
					if !json.Valid(body) {
						return nil, api.Refuse("SerializationException", "")
					}
					return &scanned{Length: int64(len(body))}, nil
				}))
		}
		return ops
	}
	open := api.WithoutSignature(define(w, "Open", func(in *thing) (*thing, error) { return in, nil }))
	return []api.Service{
		{Name: "logs", TargetPrefix: "Logs_20140328", Protocol: api.JSON, Constraints: api.ConstraintStyle{Code: "InvalidParameterException"}, MessageMember: "message", Operations: operations(true)},
		{Name: "kinesis", TargetPrefix: "Kinesis_20131202", Protocol: api.JSON, CBOR: true, Constraints: api.ConstraintStyle{Code: "ValidationException"}, MessageMember: "message", Operations: operations(false)},
		{Name: "organizations", TargetPrefix: "AWSOrganizationsV20161128", Protocol: api.JSON, Constraints: api.ConstraintStyle{Code: "InvalidInputException"}, MessageMember: "Message", Operations: operations(false)},
		{Name: "iam", Version: "2010-05-08", XMLNamespace: "https://iam.amazonaws.com/doc/2010-05-08/", Protocol: api.Query, Constraints: api.ConstraintStyle{Code: "ValidationError", HideValues: true}, Operations: operations(false)},
		{Name: "sts", Version: "2011-06-15", XMLNamespace: "https://sts.amazonaws.com/doc/2011-06-15/", Protocol: api.Query, Constraints: api.ConstraintStyle{Code: "ValidationError"}, Operations: append(operations(false), open)},
	}
}

// define makes an operation that anybody may use and that w takes note of.
func define[In, Out any](w *wire, name string, handle func(*In) (*Out, error)) api.Operation {
	return api.Define(name,
		func(*api.Call, *In) ([]api.Access, error) { return nil, nil },
		func(_ context.Context, c *api.Call, in *In) (*Out, error) {
			w.mu.Lock()
			w.calls = append(w.calls, *c)
			w.mu.Unlock()
			return handle(in)
		})
}
