package sigv4

import (
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// A Request is what of a request a signature covers, as it was received or will
// be sent: nothing decoded, joined or cleaned.
type Request struct {
	Method   string
	Path     string // as on the request line, escaped; "" stands for "/"
	RawQuery string
	// Host is the Host header or, in HTTP/2, the :authority. Clients sign it
	// under either name.
	Host   string
	Header http.Header // canonical keys, as net/http has them; without Host
	// ContentLength is used where Content-Length is signed and not in Header.
	// It is negative when unknown.
	ContentLength int64
	PayloadHash   [32]byte // SHA-256 of the body as received, still encoded
}

// value is the canonical value of a header, which is all its values, each
// trimmed and its inner runs of spaces made one, joined by commas.
func (r *Request) value(lower string) (string, bool) {
	switch lower {
	case "host", ":authority":
		return squeeze(r.Host), true
	}
	values, ok := r.Header[http.CanonicalHeaderKey(lower)]
	if !ok {
		if lower == "content-length" && r.ContentLength >= 0 {
			return strconv.FormatInt(r.ContentLength, 10), true
		}
		return "", false
	}
	if len(values) == 1 {
		return squeeze(values[0]), true
	}
	squeezed := make([]string, len(values))
	for i, v := range values {
		squeezed[i] = squeeze(v)
	}
	return strings.Join(squeezed, ","), true
}

// squeeze trims s and makes each run of white space in it one space.
func squeeze(s string) string {
	for i := range len(s) {
		if blank(s[i]) && (s[i] != ' ' || i == 0 || i == len(s)-1 || blank(s[i+1])) {
			return strings.Join(strings.FieldsFunc(s, func(c rune) bool { return c < 0x80 && blank(byte(c)) }), " ")
		}
	}
	return s
}

func blank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// appendCanonical appends the canonical request with the given path, which is
// the request's own or its clean form.
func (r *Request) appendCanonical(dst []byte, a *Authorization, path string) []byte {
	dst = append(dst, r.Method...)
	dst = append(dst, '\n')
	dst = appendEscaped(dst, path, true)
	dst = append(dst, '\n')
	dst = appendQuery(dst, r.RawQuery, a.Presigned)
	dst = append(dst, '\n')
	for _, name := range a.SignedHeaders {
		v, _ := r.value(name)
		dst = append(dst, name...)
		dst = append(dst, ':')
		dst = append(dst, v...)
		dst = append(dst, '\n')
	}
	dst = append(dst, '\n')
	dst = appendSignedHeaders(dst, a.SignedHeaders)
	dst = append(dst, '\n')
	return hex.AppendEncode(dst, r.PayloadHash[:])
}

func appendSignedHeaders(dst []byte, names []string) []byte {
	for i, name := range names {
		if i > 0 {
			dst = append(dst, ';')
		}
		dst = append(dst, name...)
	}
	return dst
}

// appendQuery appends the parameters escaped anew and in order of name, then
// value. Those of presigned requests leave the signature itself out.
func appendQuery(dst []byte, raw string, presigned bool) []byte {
	if raw == "" {
		return dst
	}
	params, err := parseQuery(raw)
	if err != nil {
		return append(dst, raw...) // Read refuses such a query string
	}
	escaped := make(parameters, 0, len(params))
	for _, p := range params {
		if presigned && p.name == "X-Amz-Signature" {
			continue
		}
		escaped = append(escaped, parameter{
			string(appendEscaped(nil, p.name, false)),
			string(appendEscaped(nil, p.value, false)),
		})
	}
	slices.SortFunc(escaped, func(a, b parameter) int {
		if c := strings.Compare(a.name, b.name); c != 0 {
			return c
		}
		return strings.Compare(a.value, b.value)
	})
	for i, p := range escaped {
		if i > 0 {
			dst = append(dst, '&')
		}
		dst = append(dst, p.name...)
		dst = append(dst, '=')
		dst = append(dst, p.value...)
	}
	return dst
}

// appendEscaped percent-encodes all but RFC 3986's unreserved characters and,
// in a path, the slash. A path is escaped as received, so that an escape in it
// is escaped once more: the rule of every service but S3.
func appendEscaped(dst []byte, s string, path bool) []byte {
	const digits = "0123456789ABCDEF"
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9',
			c == '-', c == '.', c == '_', c == '~', path && c == '/':
			dst = append(dst, c)
		default:
			dst = append(dst, '%', digits[c>>4], digits[c&15])
		}
	}
	return dst
}

// cleanPath removes dot segments and empty segments.
func cleanPath(path string) string {
	if !strings.Contains(path, "//") && !strings.Contains(path, "/.") && strings.HasPrefix(path, "/") {
		return path
	}
	var kept []string
	for segment := range strings.SplitSeq(path, "/") {
		switch segment {
		case "", ".":
		case "..":
			kept = kept[:max(len(kept)-1, 0)]
		default:
			kept = append(kept, segment)
		}
	}
	clean := "/" + strings.Join(kept, "/")
	if len(kept) > 0 && strings.HasSuffix(path, "/") {
		clean += "/"
	}
	return clean
}
