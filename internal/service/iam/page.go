package iam

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"tributary/internal/durable/catalog"
	"tributary/internal/pure/arn"
	"tributary/internal/service/api"
)

const defaultMaxItems = 100

// A pageRequest asks for a part of a list.
type pageRequest struct {
	call     *api.Call
	list     string // tells this list from others of the operation
	marker   string // empty for the first page
	maxItems *int32
}

// page is the part of a list that a request asks for, and the marker of the next
// part, empty at the end. rows are the list's entries, by key, from the one after
// the given key on. A marker is that key, sealed for account, operation and list.
func page[V any](s *Service, r pageRequest, rows func(after string) iter.Seq2[string, V]) (list []V, next string, err error) {
	binding := strings.Join([]string{string(r.call.Account()), r.call.Operation, r.list}, "\x00")
	after := ""
	if r.marker != "" {
		key, err := s.markers.OpenText(binding, r.marker)
		if err != nil {
			return nil, "", errInvalidMarker()
		}
		after = string(key)
	}
	limit := defaultMaxItems
	if r.maxItems != nil {
		limit = int(*r.maxItems)
	}
	list = []V{}
	for key, v := range rows(after) {
		if len(list) == limit {
			return list, s.markers.SealText(binding, []byte(after)), nil
		}
		list, after = append(list, v), key
	}
	return list, "", nil
}

// byName are the entities of an account that keep lets through, by name without
// regard to case, from the one after the given name on.
func byName[V any](t *catalog.Table[V], account arn.AccountID, after string, keep func(V) bool) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for key, v := range t.ScanFrom(catalog.KeyOf(string(account)), catalog.KeyOf(string(account), after)) {
			if keep(v) && !yield(key.Parts()[1], v) {
				return
			}
		}
	}
}

// sorted are the members of a short list, by key, from the one after the given
// key on.
func sorted[V any](list []V, after string, key func(V) string) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		byKey := slices.SortedFunc(slices.Values(list), func(a, b V) int { return strings.Compare(key(a), key(b)) })
		for _, v := range byKey {
			if k := key(v); k > after && !yield(k, v) {
				return
			}
		}
	}
}

// numbered are the members of a short list in its order, from the one after the
// given number on. Their numbers are their keys, where a key of their own would
// make a marker longer than AWS takes.
func numbered[V any](list []V, after string) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for i, v := range list {
			if key := fmt.Sprintf("%04d", i); key > after && !yield(key, v) {
				return
			}
		}
	}
}

// A section is one of several lists that are answered as one.
type section[V any] func(after string) iter.Seq2[string, V]

// sectionOf is a section of entities, each in the form that wire gives it.
func sectionOf[R, V any](rows func(after string) iter.Seq2[string, R], wire func(R) V) section[V] {
	return func(after string) iter.Seq2[string, V] {
		return func(yield func(string, V) bool) {
			for key, r := range rows(after) {
				if !yield(key, wire(r)) {
					return
				}
			}
		}
	}
}

// oneAfterAnother are the entries of all sections in their order. The key of an
// entry is its section's letter and its key there.
func oneAfterAnother[V any](sections []section[V]) func(after string) iter.Seq2[string, V] {
	return func(after string) iter.Seq2[string, V] {
		return func(yield func(string, V) bool) {
			for i, rows := range sections {
				letter := string(rune('a' + i))
				if after > letter && !strings.HasPrefix(after, letter) {
					continue // a page before ended in a later section
				}
				for key, v := range rows(strings.TrimPrefix(after, letter)) {
					if !yield(letter+key, v) {
						return
					}
				}
				after = ""
			}
		}
	}
}

// truncated is the member IsTruncated that goes with a marker.
func truncated(next string) *bool {
	more := next != ""
	return &more
}
