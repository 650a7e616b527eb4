package operator

import (
	"context"
	"errors"
	"strings"

	"tributary/internal/delivery"
	"tributary/internal/service/api"
)

// BackfillSubscriptionInput is what BackfillSubscription takes.
type BackfillSubscriptionInput struct {
	LogGroupName string        `json:"logGroupName" required:"true" min:"1" max:"512" pattern:"[\\.\\-_/#A-Za-z0-9]+"`
	FilterName   string        `json:"filterName" required:"true" min:"1" max:"512" pattern:"[^:*]*"`
	Since        api.Timestamp `json:"since" required:"true"` // of ingestion
}

// BackfillSubscriptionOutput is what BackfillSubscription answers.
type BackfillSubscriptionOutput struct {
	// From is when the first call was ingested that may hold events to deliver.
	From api.Timestamp `json:"from"`
}

// backfillTarget asks for the right to make the filter, too: more is delivered by it.
func (s *Service) backfillTarget(call *api.Call, in *BackfillSubscriptionInput) ([]api.Access, error) {
	put := s.cfg.Logs.PutFilterAccess(call, in.LogGroupName)
	own := put
	own.Action, own.Resource = "tributary:BackfillSubscription", string(call.ARN("logs", "log-group:"+in.LogGroupName))
	return []api.Access{own, put}, nil
}

// backfillSubscription lets a subscription filter of the caller's account deliver
// what the ingest journals hold from a time on. It answers when that is certain to
// happen, before it has.
func (s *Service) backfillSubscription(ctx context.Context, call *api.Call, in *BackfillSubscriptionInput) (*BackfillSubscriptionOutput, error) {
	for _, f := range s.cfg.Logs.Filters(call.Account(), call.Region, in.LogGroupName) {
		if f.Name != in.FilterName || f.AccountLevel {
			continue
		}
		from, err := s.cfg.Delivery.Backfill(ctx, f, in.Since.Time)
		switch {
		case errors.Is(err, delivery.ErrDetour), errors.Is(err, delivery.ErrNothingBefore):
			return nil, api.Refuse("InvalidOperationException", "%s.", sentence(err.Error()))
		case err != nil:
			return nil, err
		}
		return &BackfillSubscriptionOutput{From: api.At(from)}, nil
	}
	return nil, api.Refuse("ResourceNotFoundException", "The specified subscription filter does not exist.")
}

// sentence begins a text with a capital letter.
func sentence(text string) string { return strings.ToUpper(text[:1]) + text[1:] }
