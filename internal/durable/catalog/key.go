package catalog

import "strings"

// A Key is an ordered list of strings. Keys are ordered part by part, each part by
// its bytes; a key stands before every longer key that begins with its parts, so
// that keys with the same first parts stand together. Keys can be compared with ==
// and used in maps. The zero Key has no parts and begins every key.
//
// Parts may hold any valid UTF-8, also none.
type Key struct {
	// enc is the parts, each ended by a zero byte. In a part, 0 is written 1 1 and
	// 1 is written 1 2, which keeps the order. So the order of keys is the order of
	// these strings, and a key's string begins with its prefix's.
	enc string
}

var (
	partEscape   = strings.NewReplacer("\x00", "\x01\x01", "\x01", "\x01\x02")
	partUnescape = strings.NewReplacer("\x01\x01", "\x00", "\x01\x02", "\x01")
)

// KeyOf makes a key of its parts.
func KeyOf(parts ...string) Key {
	n := 0
	for _, p := range parts {
		n += len(p) + 1
	}
	var enc strings.Builder
	enc.Grow(n)
	for _, p := range parts {
		if strings.ContainsAny(p, "\x00\x01") {
			p = partEscape.Replace(p)
		}
		enc.WriteString(p)
		enc.WriteByte(0)
	}
	return Key{enc: enc.String()}
}

// Parts returns the parts of which the key was made.
func (k Key) Parts() []string {
	if k.enc == "" {
		return nil
	}
	parts := strings.Split(strings.TrimSuffix(k.enc, "\x00"), "\x00")
	for i, p := range parts {
		if strings.Contains(p, "\x01") {
			parts[i] = partUnescape.Replace(p)
		}
	}
	return parts
}

// HasPrefix reports whether k begins with the parts of prefix.
func (k Key) HasPrefix(prefix Key) bool { return strings.HasPrefix(k.enc, prefix.enc) }

// Compare returns -1, 0 or +1, as in cmp.Compare.
func (k Key) Compare(other Key) int { return strings.Compare(k.enc, other.enc) }

// String returns the parts with slashes between them, for messages.
func (k Key) String() string { return strings.Join(k.Parts(), "/") }
