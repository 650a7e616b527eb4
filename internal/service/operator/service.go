package operator

import (
	"context"
	"errors"

	"tributary/internal/delivery"
	"tributary/internal/pure/arn"
	"tributary/internal/service/api"
	"tributary/internal/service/iam"
	"tributary/internal/service/kinesis"
	"tributary/internal/service/logs"
	"tributary/internal/service/organizations"
)

// Config is what the service needs.
type Config struct {
	Organizations *organizations.Service
	IAM           *iam.Service
	Logs          *logs.Service
	Kinesis       *kinesis.Service
	Delivery      *delivery.Delivery
	// ManagementAccount is the account whose callers make and list accounts.
	ManagementAccount arn.AccountID
}

// A Service is the operator's door to one installation.
type Service struct{ cfg Config }

// New returns the service.
func New(cfg Config) *Service { return &Service{cfg: cfg} }

// Table is the operations of this service.
func (s *Service) Table() api.Service {
	return api.Service{
		Name:          "tributary",
		TargetPrefix:  "Tributary_20261121",
		Protocol:      api.JSON,
		Constraints:   api.ConstraintStyle{Code: "ValidationException"},
		MessageMember: "message",
		Operations: []api.Operation{
			api.Define("CreateAccount", target[CreateAccountInput], s.createAccount),
			api.Define("ListAccounts", target[ListAccountsInput], s.listAccounts),
			api.Define("ExplainSubscription", explainSubscriptionTarget, s.explainSubscription),
			api.Define("ExplainDelivery", explainDeliveryTarget, s.explainDelivery),
			api.Define("ExplainAccess", explainAccessTarget, s.explainAccess),
			api.Define("ListSubscriptionStatus", statusTarget, s.listSubscriptionStatus),
			api.Define("BackfillSubscription", s.backfillTarget, s.backfillSubscription),
		},
	}
}

func target[In any](call *api.Call, _ *In) ([]api.Access, error) {
	return []api.Access{{Action: "tributary:" + call.Operation, Resource: "*"}}, nil
}

// managementOnly refuses callers of every other account, whatever their own
// policies allow them.
func (s *Service) managementOnly(call *api.Call) error {
	if call.Account() == s.cfg.ManagementAccount {
		return nil
	}
	return api.Refuse("AccessDeniedException", "User: %s is not authorized to perform: tributary:%s on resource: *",
		call.Caller.Principal.ARN, call.Operation)
}

// createAccount makes an account that belongs to no organization, and the first
// access key of its root user. The key comes first: an account that exists has one.
func (s *Service) createAccount(ctx context.Context, call *api.Call, in *CreateAccountInput) (*CreateAccountOutput, error) {
	if err := s.managementOnly(call); err != nil {
		return nil, err
	}
	var id, secret string
	a, err := s.cfg.Organizations.CreateStandaloneAccount(ctx, in.Name, in.Email, func(ctx context.Context, account arn.AccountID) error {
		var err error
		id, secret, err = s.cfg.IAM.CreateFirstRootKey(ctx, account)
		return err
	})
	if errors.Is(err, organizations.ErrEmailInUse) {
		return nil, api.Refuse("EmailInUseException", "Another account has the email %s.", in.Email)
	}
	if err != nil {
		return nil, err
	}
	return &CreateAccountOutput{AccountID: string(a.ID), AccessKeyID: id, SecretAccessKey: secret}, nil
}

// listAccounts answers every account that has a record, by id.
func (s *Service) listAccounts(_ context.Context, call *api.Call, _ *ListAccountsInput) (*ListAccountsOutput, error) {
	if err := s.managementOnly(call); err != nil {
		return nil, err
	}
	out := &ListAccountsOutput{Accounts: []Account{}}
	for a := range s.cfg.Organizations.Accounts() {
		m, _ := s.cfg.Organizations.Membership(a.ID)
		out.Accounts = append(out.Accounts, Account{
			AccountID: string(a.ID), Name: a.Name, Email: a.Email, Created: api.At(a.Created), OrganizationID: m.OrgID,
		})
	}
	return out, nil
}
