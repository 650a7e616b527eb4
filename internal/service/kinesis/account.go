package kinesis

import (
	"context"
	"fmt"
	"time"

	"tributary/internal/durable/catalog"
	"tributary/internal/pure/arn"
	"tributary/internal/service/api"
)

// accountSettings is what an account has set in a Region: the value of its key in the
// table kinesis/account.
type accountSettings struct {
	// Committed is the account's promise to pay for a minimum of throughput. Nothing
	// is paid here: it is kept and shown.
	Committed bool      `json:"committed,omitzero"`
	Started   time.Time `json:"started,omitzero"`
	Ended     time.Time `json:"ended,omitzero"`
}

// commitmentPeriod is for how long AWS holds an account to its commitment.
const commitmentPeriod = 24 * time.Hour

// onDemandStreamLimit is AWS's default quota of streams on demand. It is shown and not
// enforced.
const onDemandStreamLimit = 50

func accountKey(account arn.AccountID, region arn.Region) catalog.Key {
	return catalog.KeyOf(string(account), string(region))
}

// describeLimits implements DescribeLimits.
func (s *Service) describeLimits(_ context.Context, call *api.Call, _ *DescribeLimitsInput) (*DescribeLimitsOutput, error) {
	out := &DescribeLimitsOutput{ShardLimit: int32(s.cfg.ShardLimit), OnDemandStreamCountLimit: onDemandStreamLimit}
	for _, st := range s.streams.Scan(accountKey(call.Account(), call.Region)) {
		out.OpenShardCount += int32(st.openShards())
		if st.Mode == modeOnDemand {
			out.OnDemandStreamCount++
		}
	}
	return out, nil
}

// describeAccountSettings implements DescribeAccountSettings.
func (s *Service) describeAccountSettings(_ context.Context, call *api.Call, _ *DescribeAccountSettingsInput) (*DescribeAccountSettingsOutput, error) {
	a, _, _ := s.accounts.Get(accountKey(call.Account(), call.Region))
	return &DescribeAccountSettingsOutput{MinimumThroughputBillingCommitment: a.wire()}, nil
}

// updateAccountSettings implements UpdateAccountSettings.
//
// AWS's rule: a commitment lasts at least 24 hours.
func (s *Service) updateAccountSettings(ctx context.Context, call *api.Call, in *UpdateAccountSettingsInput) (*UpdateAccountSettingsOutput, error) {
	commit := in.MinimumThroughputBillingCommitment.Status == "ENABLED"
	now := s.cfg.Now().UTC().Truncate(time.Millisecond)
	var stored accountSettings
	_, err := s.accounts.Update(ctx, accountKey(call.Account(), call.Region), func(a accountSettings, _ bool) (accountSettings, error) {
		switch {
		case commit && !a.Committed:
			a = accountSettings{Committed: true, Started: now}
		case !commit && a.Committed && now.Before(a.Started.Add(commitmentPeriod)):
			return a, errCommitted(a.Started.Add(commitmentPeriod))
		case !commit && a.Committed:
			a.Committed, a.Ended = false, now
		}
		stored = a
		return a, nil
	})
	if err != nil {
		return nil, fmt.Errorf("update account settings: %w", err)
	}
	return &UpdateAccountSettingsOutput{MinimumThroughputBillingCommitment: stored.wire()}, nil
}

func (a *accountSettings) wire() *MinimumThroughputBillingCommitmentOutput {
	w := &MinimumThroughputBillingCommitmentOutput{Status: "DISABLED"}
	if a.Committed {
		w.Status = "ENABLED"
		w.EarliestAllowedEndAt = api.At(a.Started.Add(commitmentPeriod))
	}
	if !a.Started.IsZero() {
		w.StartedAt = api.At(a.Started)
	}
	if !a.Ended.IsZero() {
		w.EndedAt = api.At(a.Ended)
	}
	return w
}
