package organizations

import (
	"encoding/base64"
)

// maxPage is how many results AWS gives at once, also when it is not asked to
// limit them.
const maxPage = 20

// firstPage is the beginning of list and, when more is left, the token for the
// rest: the key of the last result, in base64. A token tells only where in the
// caller's own list to go on, so it need not be protected.
func firstPage[V any](list []V, maxResults *int32, key func(V) string) (page []V, token string) {
	n := maxPage
	if maxResults != nil {
		n = int(*maxResults)
	}
	if len(list) <= n {
		return list, ""
	}
	page = list[:n]
	return page, base64.RawURLEncoding.EncodeToString([]byte(key(page[n-1])))
}

// openToken is the key after which a page begins, "" for the first one.
func openToken(token string) (after string, err error) {
	key, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || (len(key) == 0) != (token == "") {
		return "", errInvalidToken()
	}
	return string(key), nil
}
