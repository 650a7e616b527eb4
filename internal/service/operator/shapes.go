package operator

import "tributary/internal/service/api"

// CreateAccountInput is what CreateAccount takes.
type CreateAccountInput struct {
	Name  string `json:"name" required:"true" min:"1" max:"50" pattern:"[\\u0020-\\u007E]+"`
	Email string `json:"email" required:"true" min:"6" max:"64" pattern:"[^\\s@]+@[^\\s@]+\\.[^\\s@]+"`
}

// CreateAccountOutput is what CreateAccount answers. The key is that of the
// account's root user; its secret is not shown again.
type CreateAccountOutput struct {
	AccountID       string `json:"accountId"`
	AccessKeyID     string `json:"accessKeyId"`
	SecretAccessKey string `json:"secretAccessKey" hide:"true"`
}

// ListAccountsInput is what ListAccounts takes.
type ListAccountsInput struct{}

// ListAccountsOutput is what ListAccounts answers.
type ListAccountsOutput struct {
	Accounts []Account `json:"accounts"`
}

// An Account is one account of the installation.
type Account struct {
	AccountID      string        `json:"accountId"`
	Name           string        `json:"name"`
	Email          string        `json:"email"`
	Created        api.Timestamp `json:"created"`
	OrganizationID string        `json:"organizationId,omitzero"` // where it belongs to one
}
