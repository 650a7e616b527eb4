package organizations

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"tributary/internal/durable/catalog"
	"tributary/internal/pure/arn"
	"tributary/internal/service/api"
)

// An AccountRecord is what is stored of an account, under its id.
type AccountRecord struct {
	ID      arn.AccountID `json:"id"`
	Name    string        `json:"name"`
	Email   string        `json:"email"`
	Created time.Time     `json:"created"`
	// Member is nil while the account stands alone. It counts only while the
	// organization it names exists.
	Member *Member `json:"member,omitzero"`
}

// A Member is an account's place in an organization.
type Member struct {
	Org    string    `json:"org"`
	Joined time.Time `json:"joined"`
	Method string    `json:"method"` // invited or created
	// Handshake is the invitation the account accepted; empty where there was
	// none.
	Handshake string `json:"handshake,omitzero"`
}

// How an account came to its organization.
const (
	invited = "INVITED"
	created = "CREATED"
)

// ErrEmailInUse is returned for a new account whose email another account has.
var ErrEmailInUse = errors.New("another account has this email")

func accountKey(id arn.AccountID) catalog.Key { return catalog.KeyOf(string(id)) }

// EnsureAccount makes an account that stands alone, unless it exists.
func (s *Service) EnsureAccount(ctx context.Context, id arn.AccountID, name, email string) error {
	_, err := s.accounts.Create(ctx, accountKey(id), AccountRecord{ID: id, Name: name, Email: email, Created: s.cfg.Now()})
	if err != nil && !errors.Is(err, catalog.ErrExists) {
		return fmt.Errorf("create account %s: %w", id, err)
	}
	return nil
}

// ensureByRule gives an account that exists by rule the record that holds its
// membership.
func (s *Service) ensureByRule(ctx context.Context, id arn.AccountID) error {
	if !s.cfg.AccountsByRule {
		return nil
	}
	if _, _, ok := s.accounts.Get(accountKey(id)); ok {
		return nil
	}
	return s.EnsureAccount(ctx, id, "account-"+string(id), emailByRule(id))
}

func emailByRule(id arn.AccountID) string { return "account-" + string(id) + "@example.com" }

// CreateStandaloneAccount makes an account that belongs to no organization:
// ErrEmailInUse.
func (s *Service) CreateStandaloneAccount(ctx context.Context, name, email string) (AccountRecord, error) {
	s.change.Lock()
	defer s.change.Unlock()
	if s.emailInUse(email) {
		return AccountRecord{}, ErrEmailInUse
	}
	a := AccountRecord{ID: s.newAccountID(), Name: name, Email: email, Created: s.cfg.Now()}
	if _, err := s.accounts.Create(ctx, accountKey(a.ID), a); err != nil {
		return AccountRecord{}, fmt.Errorf("create account: %w", err)
	}
	return a, nil
}

func (s *Service) emailInUse(email string) bool {
	for a := range s.Accounts() {
		if strings.EqualFold(a.Email, email) {
			return true
		}
	}
	return false
}

// newAccountID is 12 random digits, the first not 0, that no account has.
func (s *Service) newAccountID() arn.AccountID {
	const first = 100_000_000_000
	for {
		n, err := rand.Int(rand.Reader, big.NewInt(9*first))
		if err != nil {
			panic("organizations: random number: " + err.Error()) // the reader never fails
		}
		id := arn.AccountID(fmt.Sprintf("%012d", n.Int64()+first))
		if _, _, taken := s.accounts.Get(accountKey(id)); !taken {
			return id
		}
	}
}

// join is the deciding write of every way into an organization: the account's
// record names org. refuse is answered when the account has meanwhile come to
// belong to one.
func (s *Service) join(ctx context.Context, account arn.AccountID, m Member, refuse error) error {
	_, err := s.accounts.Update(ctx, accountKey(account), func(a AccountRecord, exists bool) (AccountRecord, error) {
		if !exists {
			return a, fmt.Errorf("account %s has no record", account)
		}
		if a.Member != nil {
			if _, _, live := s.organizations.Get(catalog.KeyOf(a.Member.Org)); live {
				return a, refuse
			}
		}
		a.Member = &m
		return a, nil
	})
	return err
}

// leave is the deciding write of every way out: the account stands alone.
func (s *Service) leave(ctx context.Context, account arn.AccountID, org string) error {
	_, err := s.accounts.Update(ctx, accountKey(account), func(a AccountRecord, exists bool) (AccountRecord, error) {
		if !exists || a.Member == nil || a.Member.Org != org {
			return a, errAccountNotFound()
		}
		a.Member = nil
		return a, nil
	})
	return err
}

// members are the accounts of an organization, by id, those after the given one.
func (s *Service) members(org, after string) []AccountRecord {
	var list []AccountRecord
	for _, a := range s.accounts.ScanFrom(catalog.KeyOf(), catalog.KeyOf(after)) {
		if a.Member != nil && a.Member.Org == org {
			list = append(list, a)
		}
	}
	return list
}

// listAccounts answers the accounts of the caller's organization, to its
// management account.
func (s *Service) listAccounts(_ context.Context, call *api.Call, in *ListAccountsInput) (*ListAccountsOutput, error) {
	org, err := s.managedBy(call.Account())
	if err != nil {
		return nil, err
	}
	after, err := openToken(in.NextToken)
	if err != nil {
		return nil, err
	}
	list, next := firstPage(s.members(org.ID, after), in.MaxResults, func(a AccountRecord) string { return string(a.ID) })
	out := &ListAccountsOutput{NextToken: next}
	for _, a := range list {
		out.Accounts = append(out.Accounts, *org.account(a))
	}
	return out, nil
}

// describeAccount answers one account of the caller's organization, to its
// management account. An account elsewhere is as unknown as one that does not
// exist.
func (s *Service) describeAccount(_ context.Context, call *api.Call, in *DescribeAccountInput) (*DescribeAccountOutput, error) {
	org, err := s.managedBy(call.Account())
	if err != nil {
		return nil, err
	}
	a, _, ok := s.accounts.Get(catalog.KeyOf(in.AccountID))
	if !ok || a.Member == nil || a.Member.Org != org.ID {
		return nil, errAccountNotFound()
	}
	return &DescribeAccountOutput{Account: org.account(a)}, nil
}

// account is the wire form of one of the organization's accounts.
func (o organizationRecord) account(a AccountRecord) *Account {
	return &Account{
		ID:              string(a.ID),
		ARN:             o.arn("account", string(a.ID)),
		Email:           a.Email,
		Name:            a.Name,
		Status:          "ACTIVE",
		State:           "ACTIVE",
		Paths:           []string{o.path() + string(a.ID) + "/"},
		JoinedMethod:    a.Member.Method,
		JoinedTimestamp: api.At(a.Member.Joined),
	}
}

// removeAccountFromOrganization sets a member free, at its management account's
// wish. From then on its requests carry no organization keys. AWS asks that an
// account made by CreateAccount first has means of payment; there is no such
// thing here.
func (s *Service) removeAccountFromOrganization(ctx context.Context, call *api.Call, in *RemoveAccountFromOrganizationInput) (*api.Void, error) {
	s.change.Lock()
	defer s.change.Unlock()
	org, err := s.managedBy(call.Account())
	if err != nil {
		return nil, err
	}
	if arn.AccountID(in.AccountID) == org.Management {
		return nil, errMasterCannotLeave()
	}
	return nil, s.leave(ctx, arn.AccountID(in.AccountID), org.ID)
}

// leaveOrganization sets the caller's account free. From then on its requests
// carry no organization keys.
func (s *Service) leaveOrganization(ctx context.Context, call *api.Call, _ *LeaveOrganizationInput) (*api.Void, error) {
	s.change.Lock()
	defer s.change.Unlock()
	org, ok := s.organizationOf(call.Account())
	if !ok {
		return nil, errNotInUse()
	}
	if call.Account() == org.Management {
		return nil, errMasterCannotLeave()
	}
	return nil, s.leave(ctx, call.Account(), org.ID)
}
