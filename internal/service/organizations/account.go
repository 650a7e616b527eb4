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
	Closed  time.Time     `json:"closed,omitzero"` // when CloseAccount suspended it
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
	// Parent is the organizational unit that the account is in; empty for the
	// root.
	Parent   string            `json:"parent,omitzero"`
	Attached attachments       `json:"attached,omitzero"`
	Tags     map[string]string `json:"tags,omitzero"`
	// Delegations are the services that the account administers, since when.
	Delegations map[string]time.Time `json:"delegations,omitzero"`
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

const (
	ruledEmailStart = "account-"
	ruledEmailEnd   = "@example.com"
)

func emailByRule(id arn.AccountID) string { return ruledEmailStart + string(id) + ruledEmailEnd }

// hasEmailByRule reports whether this is the email of an account by rule.
func hasEmailByRule(email string) bool {
	rest, begins := strings.CutPrefix(strings.ToLower(email), ruledEmailStart)
	id, ends := strings.CutSuffix(rest, ruledEmailEnd)
	_, err := arn.ParseAccountID(id)
	return begins && ends && err == nil
}

// CreateStandaloneAccount makes an account that belongs to no organization:
// ErrEmailInUse. What it needs from the first moment on, prepare makes before the
// account exists. A crash in between leaves no account, only what nobody knows of,
// and the call can be repeated.
func (s *Service) CreateStandaloneAccount(ctx context.Context, name, email string, prepare func(context.Context, arn.AccountID) error) (AccountRecord, error) {
	s.change.Lock()
	defer s.change.Unlock()
	if s.emailInUse(email) {
		return AccountRecord{}, ErrEmailInUse
	}
	a := AccountRecord{ID: s.newAccountID(), Name: name, Email: email, Created: s.cfg.Now()}
	if err := prepare(ctx, a.ID); err != nil {
		return AccountRecord{}, fmt.Errorf("prepare account %s: %w", a.ID, err)
	}
	if _, err := s.accounts.Create(context.WithoutCancel(ctx), accountKey(a.ID), a); err != nil {
		return AccountRecord{}, fmt.Errorf("create account: %w", err)
	}
	return a, nil
}

// emailInUse reports whether an account has this email, also one that exists by
// rule and has no record yet: an invitation is for whoever has the email.
func (s *Service) emailInUse(email string) bool {
	if s.cfg.AccountsByRule && hasEmailByRule(email) {
		return true
	}
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

// updateMember changes an account's place in an organization. change must not
// change what the member points to.
func (s *Service) updateMember(ctx context.Context, org organizationRecord, account arn.AccountID, change func(Member) (Member, error)) error {
	_, err := s.accounts.Update(ctx, accountKey(account), func(a AccountRecord, exists bool) (AccountRecord, error) {
		if !exists || a.Member == nil || a.Member.Org != org.ID {
			return a, errAccountNotFound()
		}
		m, err := change(*a.Member)
		a.Member = &m
		return a, err
	})
	if err != nil {
		return fmt.Errorf("change member %s: %w", account, err)
	}
	return nil
}

// members are the accounts of an organization, by id, those after the given one.
func (s *Service) members(org organizationRecord, after string) rows[AccountRecord] {
	return func(yield func(string, AccountRecord) bool) {
		for _, a := range s.accounts.ScanFrom(catalog.KeyOf(), catalog.KeyOf(after)) {
			if a.Member != nil && a.Member.Org == org.ID && !yield(string(a.ID), a) {
				return
			}
		}
	}
}

// listAccounts answers the accounts of the organization, by id.
func (s *Service) listAccounts(_ context.Context, call *api.Call, org organizationRecord, in *ListAccountsInput) (*ListAccountsOutput, error) {
	accounts, next, err := page(s, pageRequest{call, "", in.NextToken, in.MaxResults}, func(after string) rows[Account] {
		return pick(s.members(org, after), func(a AccountRecord) (Account, bool) { return *s.wireAccount(org, a), true })
	})
	if err != nil {
		return nil, err
	}
	return &ListAccountsOutput{Accounts: accounts, NextToken: next}, nil
}

// describeAccount answers one account of the organization. An account elsewhere is
// as unknown as one that does not exist.
func (s *Service) describeAccount(_ context.Context, _ *api.Call, org organizationRecord, in *DescribeAccountInput) (*DescribeAccountOutput, error) {
	a, ok := s.member(org, arn.AccountID(in.AccountID))
	if !ok {
		return nil, errAccountNotFound()
	}
	return &DescribeAccountOutput{Account: s.wireAccount(org, a)}, nil
}

// wireAccount is the wire form of one of the organization's accounts.
func (s *Service) wireAccount(org organizationRecord, a AccountRecord) *Account {
	state := "ACTIVE"
	if !a.Closed.IsZero() {
		state = "SUSPENDED"
	}
	return &Account{
		ID:              string(a.ID),
		ARN:             org.arn("account", string(a.ID)),
		Email:           a.Email,
		Name:            a.Name,
		Status:          state,
		State:           state,
		Paths:           []string{s.path(org, org.parent(a)) + string(a.ID) + "/"},
		JoinedMethod:    a.Member.Method,
		JoinedTimestamp: api.At(a.Member.Joined),
	}
}

// removeAccountFromOrganization sets a member free, at its management account's
// wish. From then on its requests carry no organization keys. AWS asks that an
// account made by CreateAccount first has means of payment; there is no such
// thing here.
func (s *Service) removeAccountFromOrganization(ctx context.Context, _ *api.Call, org organizationRecord, in *RemoveAccountFromOrganizationInput) (*api.Void, error) {
	return nil, s.setFree(ctx, org, arn.AccountID(in.AccountID))
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
	return nil, s.setFree(ctx, org, call.Account())
}

// setFree ends a membership that may end. What was attached to the account and its
// tags end with it.
func (s *Service) setFree(ctx context.Context, org organizationRecord, account arn.AccountID) error {
	if account == org.Management {
		return errMasterCannotLeave()
	}
	a, ok := s.member(org, account)
	if !ok {
		return errAccountNotFound()
	}
	if len(a.Member.Delegations) > 0 {
		return errIsDelegatedAdministrator()
	}
	return s.leave(ctx, account, org.ID)
}
