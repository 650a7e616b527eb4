package logs

import (
	"slices"
	"strings"

	"tributary/internal/pure/arn"
	"tributary/internal/service/api"
)

const maxPage = 50 // of the Describe operations, also when no limit is asked for

// pageSize is the limit of a request.
func pageSize(limit *int32) int {
	if limit == nil {
		return maxPage
	}
	return int(*limit)
}

// asksFor reports whether the accounts that a request names include the caller's.
// A request that names none is about it.
func asksFor(accounts []string, own arn.AccountID) bool {
	return len(accounts) == 0 || slices.Contains(accounts, string(own))
}

// A pager gives and takes the tokens of one list. A token holds the name after
// which to go on and is bound to the caller and to what was asked for, so that
// it says nothing to anybody else and is of no use elsewhere.
type pager struct {
	seal    *api.Seal
	binding string
}

func (s *Service) pager(call *api.Call, asked ...string) pager {
	binding := []string{call.Operation, string(call.Account()), string(call.Region)}
	return pager{s.pages, strings.Join(append(binding, asked...), "\x00")}
}

// after opens a token; "" is the start of the list.
func (p pager) after(token string) (string, error) {
	if token == "" {
		return "", nil
	}
	name, err := p.seal.OpenText(p.binding, token)
	if err != nil {
		return "", errInvalidToken()
	}
	return string(name), nil
}

func (p pager) token(last string) string { return p.seal.SealText(p.binding, []byte(last)) }
