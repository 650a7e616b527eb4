package organizations

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"tributary/internal/durable/catalog"
	"tributary/internal/pure/arn"
	"tributary/internal/service/api"
)

// A creationRecord is what is stored of one CreateAccount, under the
// organization's id and the request's.
type creationRecord struct {
	ID        string        `json:"id"` // car-…
	Org       string        `json:"org"`
	Account   arn.AccountID `json:"account"`
	Name      string        `json:"name"`
	State     string        `json:"state"`
	Failure   string        `json:"failure,omitzero"`
	Requested time.Time     `json:"requested"`
	Completed time.Time     `json:"completed,omitzero"`
}

// The states of a creation.
const (
	inProgress = "IN_PROGRESS"
	succeeded  = "SUCCEEDED"
	failed     = "FAILED"
)

const defaultAccessRole = "OrganizationAccountAccessRole"

func (c creationRecord) key() catalog.Key { return catalog.KeyOf(c.Org, c.ID) }

// createAccount makes an account that belongs to the caller's organization, and
// in it a role that the management account may assume, with every permission.
// AWS works in the background and first answers IN_PROGRESS; here the work is
// done when the answer comes, so that the state is the final one.
func (s *Service) createAccount(ctx context.Context, _ *api.Call, org organizationRecord, in *CreateAccountInput) (*CreateAccountOutput, error) {
	tags, err := withTags(nil, in.Tags)
	if err != nil {
		return nil, err
	}
	c := creationRecord{
		ID:        newID("car-", 26),
		Org:       org.ID,
		Account:   s.newAccountID(),
		Name:      in.AccountName,
		State:     inProgress,
		Requested: s.cfg.Now(),
	}
	if s.emailInUse(in.Email) {
		c.State, c.Failure, c.Completed, c.Account = failed, "EMAIL_ALREADY_EXISTS", c.Requested, ""
	}
	if _, err := s.creations.Create(ctx, c.key(), c); err != nil {
		return nil, fmt.Errorf("create account: %w", err)
	}
	if c.State == inProgress {
		role := in.RoleName
		if role == "" {
			role = defaultAccessRole
		}
		if c, err = s.complete(context.WithoutCancel(ctx), c, org, role, in.Email, tags); err != nil {
			return nil, err
		}
	}
	return &CreateAccountOutput{CreateAccountStatus: s.status(c)}, nil
}

// complete does the work of a creation. The account's record comes last but for
// the status: once it is there, so is everything else.
func (s *Service) complete(ctx context.Context, c creationRecord, org organizationRecord, role, email string, tags map[string]string) (creationRecord, error) {
	err := s.cfg.CreateAccessRole(ctx, c.Account, org.Management, role)
	if err == nil {
		_, err = s.accounts.Create(ctx, accountKey(c.Account), AccountRecord{
			ID: c.Account, Name: c.Name, Email: email, Created: c.Requested,
			Member: &Member{Org: org.ID, Joined: c.Requested, Method: created, Tags: tags},
		})
	}
	if err != nil {
		s.cfg.Log.Error("account could not be created", "organization", org.ID, "request", c.ID, "cause", err)
	}
	return s.settle(ctx, c)
}

// settle records how a creation ended, as the account's record tells it.
func (s *Service) settle(ctx context.Context, c creationRecord) (creationRecord, error) {
	_, err := s.creations.Update(ctx, c.key(), func(stored creationRecord, exists bool) (creationRecord, error) {
		if exists {
			c = stored
		}
		if c.State != inProgress {
			return c, nil
		}
		c.State, c.Completed = s.outcome(c), s.cfg.Now()
		if c.State == inProgress {
			c.State, c.Failure, c.Account = failed, "INTERNAL_FAILURE", ""
		}
		return c, nil
	})
	if err != nil {
		return c, fmt.Errorf("record the end of an account's creation: %w", err)
	}
	return c, nil
}

// outcome is the state of a creation. Between the account's record and the
// status, the account's record is right.
func (s *Service) outcome(c creationRecord) string {
	if c.State != inProgress {
		return c.State
	}
	if _, _, ok := s.accounts.Get(accountKey(c.Account)); ok {
		return succeeded
	}
	return inProgress
}

func (s *Service) status(c creationRecord) *CreateAccountStatus {
	status := &CreateAccountStatus{
		ID:                 c.ID,
		AccountName:        c.Name,
		State:              s.outcome(c),
		RequestedTimestamp: api.At(c.Requested),
		FailureReason:      c.Failure,
	}
	if status.State == inProgress {
		return status
	}
	status.CompletedTimestamp = api.At(c.Completed)
	if c.Completed.IsZero() {
		status.CompletedTimestamp = api.At(c.Requested)
	}
	status.AccountID = string(c.Account)
	return status
}

// describeCreateAccountStatus answers one creation of the organization.
func (s *Service) describeCreateAccountStatus(_ context.Context, _ *api.Call, org organizationRecord, in *DescribeCreateAccountStatusInput) (*DescribeCreateAccountStatusOutput, error) {
	c, _, ok := s.creations.Get(catalog.KeyOf(org.ID, in.CreateAccountRequestID))
	if !ok {
		return nil, errCreationNotFound()
	}
	return &DescribeCreateAccountStatusOutput{CreateAccountStatus: s.status(c)}, nil
}

// listCreateAccountStatus answers the creations of the organization, by id. No
// States means all.
func (s *Service) listCreateAccountStatus(_ context.Context, call *api.Call, org organizationRecord, in *ListCreateAccountStatusInput) (*ListCreateAccountStatusOutput, error) {
	creations := func(after string) rows[CreateAccountStatus] {
		return func(yield func(string, CreateAccountStatus) bool) {
			for _, c := range s.creations.ScanFrom(catalog.KeyOf(org.ID), catalog.KeyOf(org.ID, after)) {
				if len(in.States) > 0 && !slices.Contains(in.States, s.outcome(c)) {
					continue
				}
				if !yield(c.ID, *s.status(c)) {
					return
				}
			}
		}
	}
	list, next, err := page(s, pageRequest{call, strings.Join(in.States, " "), in.NextToken, in.MaxResults}, creations)
	if err != nil {
		return nil, err
	}
	return &ListCreateAccountStatusOutput{CreateAccountStatuses: list, NextToken: next}, nil
}
