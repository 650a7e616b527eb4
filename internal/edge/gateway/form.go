package gateway

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"
)

const (
	formType = "application/x-www-form-urlencoded"

	maxParameters = 4096
	maxSegments   = 16
	maxKey        = 512
)

// decodeForm makes a tree of a Query request: A.member.1.Key=v is the object A
// with the object member with the object 1 with the string Key. The binder makes
// lists of objects with indices; here a number is a name like any other, so no
// index, however large, makes anything of its size. '+' is a space, as in HTML
// forms. A name given twice, or as both a value and an object, is refused.
func decodeForm(form string) (map[string]any, error) {
	tree := map[string]any{}
	n := 0
	for pair := range strings.SplitSeq(form, "&") {
		if pair == "" {
			continue
		}
		if n++; n > maxParameters {
			return nil, errors.New("too many parameters")
		}
		rawKey, rawValue, _ := strings.Cut(pair, "=")
		key, err := unescapeForm(rawKey)
		if err != nil {
			return nil, err
		}
		value, err := unescapeForm(rawValue)
		if err != nil {
			return nil, err
		}
		if err := plant(tree, key, value); err != nil {
			return nil, err
		}
	}
	return tree, nil
}

func unescapeForm(s string) (string, error) {
	text, err := url.QueryUnescape(s)
	if err != nil {
		return "", err
	}
	if !utf8.ValidString(text) {
		return "", errors.New("not UTF-8")
	}
	return text, nil
}

// plant puts value at the dotted name key.
func plant(tree map[string]any, key, value string) error {
	if len(key) > maxKey || strings.Count(key, ".") >= maxSegments {
		return errors.New("the name of a parameter is too long")
	}
	at := tree
	name, rest, nested := strings.Cut(key, ".")
	for ; nested; name, rest, nested = strings.Cut(rest, ".") {
		if name == "" {
			return fmt.Errorf("the parameter %q has an empty part", key)
		}
		inner, ok := at[name].(map[string]any)
		if !ok {
			if _, taken := at[name]; taken {
				return fmt.Errorf("the parameter %q is both a value and a structure", key)
			}
			inner = map[string]any{}
			at[name] = inner
		}
		at = inner
	}
	if name == "" {
		return fmt.Errorf("the parameter %q has an empty part", key)
	}
	if _, taken := at[name]; taken {
		return fmt.Errorf("the parameter %q is given more than once", key)
	}
	at[name] = value
	return nil
}
