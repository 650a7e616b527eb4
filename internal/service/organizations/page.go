package organizations

import (
	"iter"
	"strings"

	"tributary/internal/service/api"
)

// maxPage is how many results AWS gives at once, also when it is not asked to
// limit them.
const maxPage = 20

// A pageRequest asks for a part of a list.
type pageRequest struct {
	call       *api.Call
	list       string // tells this list from others of the operation
	token      string // empty for the first page
	maxResults *int32
}

// page is the part of a list that a request asks for, and the token of the next
// part, empty at the end. from gives the list's entries after a
// key. A token is that key, sealed for account, operation and list.
func page[V any](s *Service, r pageRequest, from func(after string) rows[V]) (list []V, next string, err error) {
	binding := strings.Join([]string{string(r.call.Account()), r.call.Operation, r.list}, "\x00")
	after := ""
	if r.token != "" {
		key, err := s.tokens.OpenText(binding, r.token)
		if err != nil {
			return nil, "", errInvalidToken()
		}
		after = string(key)
	}
	limit := maxPage
	if r.maxResults != nil {
		limit = int(*r.maxResults)
	}
	list = []V{}
	for key, v := range from(after) {
		if len(list) == limit {
			return list, s.tokens.SealText(binding, []byte(after)), nil
		}
		list, after = append(list, v), key
	}
	return list, "", nil
}

// Rows are the entries of a list, each after its key, in order of the keys.
type rows[V any] = iter.Seq2[string, V]

// count is how many entries there are.
func count[K, V any](entries iter.Seq2[K, V]) int {
	n := 0
	for range entries {
		n++
	}
	return n
}

// listed are the entries of a list that is in order of its keys.
func listed[V any](list []V, key func(V) string) func(after string) rows[V] {
	return func(after string) rows[V] {
		return func(yield func(string, V) bool) {
			for _, v := range list {
				if k := key(v); k > after && !yield(k, v) {
					return
				}
			}
		}
	}
}

// pick are the entries that keep keeps, as what it makes of them.
func pick[From, To any](from rows[From], keep func(From) (To, bool)) rows[To] {
	return func(yield func(string, To) bool) {
		for key, v := range from {
			if to, ok := keep(v); ok && !yield(key, to) {
				return
			}
		}
	}
}
